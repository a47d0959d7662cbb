"""What an honest member's program does, in a simulation: talk, sell, trade, and its duties.

Rules: like the services of the node it acts on the state it has, through the same ledger; whatever
would be void is not signed. Acts are chosen by a random source; duties follow from the state alone.
"""

import random
from collections.abc import Callable
from typing import Final

import msgspec

from node.ledger import alerts, book, positions, stamps, trades
from node.ledger.alerts import CleanIncome
from node.ledger.positions import POSITION, TRADE, Status
from node.protocol import crypto, lanes
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    ClaimItem,
    RatingGive,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.errors import OK
from node.protocol.identity import Lane
from node.protocol.market import ListingClose, ListingPut
from node.protocol.office import (
    CreditGrant,
    OfficeApprove,
    OfficePropose,
    WitnessStamp,
    act_content,
    act_hash,
)
from node.protocol.record import LANE_OF_KIND, OPENING_KIND, RawRecord
from node.protocol.shapes import Body, CommunityId
from node.protocol.social import LaneOpen, PostDelete, PostEdit, PostPut, ProfileSet
from node.views import chapters, identities, members
from simulator.store import Store
from simulator.town import LIMIT, LIMIT_MAX, SALT, Device, Town, grant_of, opening

ORDER_HASH: Final = crypto.sha256(crypto.WORD_ORDER, b"simulated")
CLAIM_MAX_COUNT: Final = 8


class Member:
    """The program of one member on one device."""

    def __init__(self, town: Town, device: Device, store: Store) -> None:
        self.town = town
        self.device = device
        self.store = store
        self.community = CommunityId(town.rules.community)
        self.made: list[RawRecord] = []  # by the job under way

    # --- signing ----------------------------------------------------------------------------------
    def write(self, body: Body, kind: str) -> bool:
        """Sign, and take in unless it would be void; what was made goes to `made`."""
        lane = LANE_OF_KIND[kind]
        key = self.device.lane(lane)
        heads = lanes.heads_of(self.store.state, key)
        if len(heads) > 1 or self._is_shut_out():
            return False
        if not heads and kind != OPENING_KIND[lane]:
            auth = self.device.auth(self.store.state)
            if auth is None or lane == Lane.ACCOUNT:
                return False
            if not self.write(LaneOpen(auth), OPENING_KIND[lane]):
                return False
        raw = self.device.next(self.store.state, self.community, body, kind)
        found = self.store.fold.apply(self.store.state, self.store.parsed(raw))
        if found.verdict != OK:
            return False
        _, _, new = self.store.take([raw])
        self.made += new
        return bool(new)

    def _is_shut_out(self) -> bool:
        return identities.is_revoked(self.store.state, self.device.member, self.device.key)

    # --- reading ----------------------------------------------------------------------------------
    @property
    def account(self) -> tuple[bytes, bytes] | None:
        """(open, head) of this device's account lane."""
        heads = lanes.heads_of(self.store.state, self.device.lane(Lane.ACCOUNT))
        if len(heads) != 1:
            return None
        position = POSITION.must(self.store.state, heads[0].id)
        return (position.open, heads[0].id) if position.open else None

    def partner_account(self, member: bytes) -> bytes | None:
        """The open of a partner's lane that is dealt with now."""
        state = self.store.state
        for device, _, revoked in identities.devices_of(state, member):
            key = member + device + bytes((Lane.ACCOUNT,))
            heads = lanes.heads_of(state, key)
            if revoked or len(heads) != 1 or alerts.alerts_on(state, key, self.town.rules, 0):
                continue
            opened = POSITION.must(state, heads[0].id).open
            if opened and members.current_act(state, opened, self.town.rules) is not None:
                return opened
        return None

    # --- acts -------------------------------------------------------------------------------------
    def act(self, chance: random.Random) -> None:
        """Do one thing of many that this member could do."""
        acts: tuple[tuple[int, Callable[[random.Random], None]], ...] = (
            (3, self._post),
            (1, self._edit_or_delete),
            (1, self._profile),
            (2, self._list),
            (1, self._close),
            (7, self._propose),
            (6, self._answer),
            (1, self._release),
            (1, self._refund),
            (1, self._rate),
            (1, self._office),
        )
        weights = [weight for weight, _ in acts]
        chance.choices([act for _, act in acts], weights)[0](chance)

    def _post(self, chance: random.Random) -> None:
        body = PostPut("ko", None, "well", chance.randbytes(16), f"word {chance.random():.6f}")
        self.write(body, "post.put")

    def _own(self, kind: str, lane: Lane) -> list[bytes]:
        state = self.store.state
        found = lanes.members_of(state, self.device.lane(lane))
        return [r for r in found if lanes.ENTRY.must(state, r).kind == kind]

    def _edit_or_delete(self, chance: random.Random) -> None:
        posts = self._own("post.put", Lane.SOCIAL)
        if posts and chance.random() < 0.5:
            self.write(PostEdit(chance.choice(posts), chance.randbytes(16), "new"), "post.edit")
        elif posts:
            self.write(PostDelete(chance.choice(posts), chance.randbytes(16)), "post.delete")

    def _profile(self, chance: random.Random) -> None:
        name = f"name {chance.randrange(99)}"
        body = ProfileSet(about="", languages=[], name=name, region=None, salt=SALT)
        self.write(body, "profile.set")

    def _list(self, chance: random.Random) -> None:
        own = self._own("listing.put", Lane.MARKET)
        revises = chance.choice(own) if own and chance.random() < 0.4 else None
        body = ListingPut(
            kind="goods",
            language=None,
            listing=revises,
            paused=chance.random() < 0.2,
            price="free",
            region=None,
            salt=chance.randbytes(16),
            stock="one",
            tags=["bread"],
            text="",
            title=f"thing {chance.randrange(99)}",
            until=None,
        )
        self.write(body, "listing.put")

    def _close(self, chance: random.Random) -> None:
        own = self._own("listing.put", Lane.MARKET)
        if own:
            body = ListingClose(chance.random() < 0.5, chance.choice(own), chance.randbytes(16))
            self.write(body, "listing.close")

    def _propose(self, chance: random.Random) -> None:
        others = [d.member for d in self.town.devices if d.member != self.device.member]
        theirs, own = self.partner_account(chance.choice(others)), self.account
        if theirs is None or own is None:
            return
        unit = CREDIT if chance.random() < 0.9 else "hours"
        amount = chance.choice((1, 7, 20, LIMIT // 2, LIMIT, LIMIT + 1))
        if chance.random() < 0.5:
            self._terms(theirs, own[0], None, unit, amount, None)
        else:
            self._terms(own[0], theirs, self._grant(own[0], unit), unit, amount, None)

    def _terms(
        self,
        payer: bytes,
        payee: bytes,
        grant: bytes | None,
        unit: str,
        amount: int,
        refunds: bytes | None,
    ) -> None:
        body = TradePropose(
            amount=amount,
            grant=grant,
            order_hash=ORDER_HASH,
            payee_lane=payee,
            payer_lane=payer,
            refunds=refunds,
            unit=unit,
            valid_until=None,
        )
        self.write(body, "trade.propose")

    def _grant(self, opened: bytes, unit: str) -> bytes | None:
        if unit != CREDIT:
            return None
        current = members.current_act(self.store.state, opened, self.town.rules)
        return None if current is None else current[0]

    def _open_trades(self) -> list[bytes]:
        state = self.store.state
        found = [trade for _, trade in trades.MEMBER_TRADE.under(state, self.device.member)]
        return [trade for trade in found if book.status_of(state, trade) == "proposed"]

    def _answer(self, chance: random.Random) -> None:
        """Accept or decline something that waits."""
        state, own = self.store.state, self.account
        if own is None:
            return
        waiting = [
            trade
            for trade in self._open_trades()
            if (TRADE.must(state, trade).payer == self.device.member)
            != TRADE.must(state, trade).by_payer
        ]
        if not waiting:
            return
        trade = chance.choice(waiting)
        row = TRADE.must(state, trade)
        if chance.random() < 0.1:
            self.write(TradeDecline(propose=trade), "trade.decline")
        elif row.by_payer:
            if CleanIncome(self.town.rules).may_accept(state, trade) is None:
                self.write(TradeAccept(grant=None, propose=trade), "trade.accept")
        elif row.payer_open == own[0]:
            clean = CleanIncome(self.town.rules)
            key = lanes.key_of(state, lanes.ENTRY.must(state, trade).lane)
            enough = row.unit != CREDIT or clean.spendable(state, own[1]) >= row.amount
            if enough and not alerts.alerts_on(state, key, self.town.rules, 0):
                grant = self._grant(own[0], row.unit)
                self.write(TradeAccept(grant=grant, propose=trade), "trade.accept")

    def _release(self, chance: random.Random) -> None:
        own = [t for t in self._open_trades() if self._status(t) == Status.RESERVED]
        if own:
            self.write(TradeRelease(trade=chance.choice(own)), "trade.release")

    def _status(self, trade: bytes) -> Status | None:
        own = self.account
        if own is None:
            return None
        head = lanes.ENTRY.must(self.store.state, own[1])
        return positions.status_at(self.store.state, head, own[0], trade)

    def _paid_to_me(self) -> list[tuple[bytes, bytes]]:
        """(trade, commit) of what others paid this member."""
        state = self.store.state
        found: list[tuple[bytes, bytes]] = []
        for _, trade in trades.MEMBER_TRADE.under(state, self.device.member):
            commit = next(book.commits_of(state, trade), None)
            if commit is not None and TRADE.must(state, trade).payee == self.device.member:
                found.append((trade, commit))
        return found

    def _refund(self, chance: random.Random) -> None:
        paid, own = self._paid_to_me(), self.account
        if not paid or own is None:
            return
        trade, commit = chance.choice(paid)
        row = TRADE.must(self.store.state, trade)
        theirs = self.partner_account(row.payer)
        if theirs is not None:
            amount = chance.randint(1, row.amount)
            self._terms(own[0], theirs, self._grant(own[0], row.unit), row.unit, amount, commit)

    def _rate(self, chance: random.Random) -> None:
        paid = self._paid_to_me()
        if paid:
            self.write(RatingGive(chance.choice(paid)[1], None, 5), "rating.give")

    def _office(self, chance: random.Random) -> None:
        """An officer changes a limit, or agrees to what another proposed."""
        rules, state = self.town.rules, self.store.state
        if not members.is_officer(rules, self.device.member, 0):
            return
        asked = [
            one
            for one in chapters.proposals(state, 0, rules)
            if self.device.member not in one.officers
        ]
        if asked:
            one = chance.choice(asked)
            self._decide(one.kind, one.body)
            return
        device = chance.choice(self.town.devices)
        heads = lanes.heads_of(state, device.lane(Lane.ACCOUNT))
        opened = POSITION.must(state, heads[0].id).open if heads else b""
        if opened:
            known = [act for act, _ in members.acts_on(state, opened)][:16]
            limit = chance.choice((LIMIT, LIMIT // 2, 2 * LIMIT, LIMIT_MAX))
            self._decide("credit.grant", grant_of(rules, opened, limit, tuple(known)))

    def _decide(self, kind: str, act: object) -> None:
        """The act, or a proposal that waits for other officers."""
        assert isinstance(act, CreditGrant)
        chapter, state = self.town.chapter, self.store.state
        agreed = chapters.approvers(state, act_hash(kind, act))
        others = {o: a for o, a in agreed.items() if o != self.device.member}
        if 1 + len(others) >= chapter.k:
            self.write(msgspec.structs.replace(act, approvals=sorted(others.values())), kind)
        elif self.device.member not in agreed:
            self.write(OfficePropose(act_content(kind, act)), "office.propose")
            self.write(OfficeApprove(act_hash(kind, act)), "office.approve")

    # --- duties -----------------------------------------------------------------------------------
    def duties(self) -> None:
        """What the program does by itself: settle, claim, stamp, open, grant."""
        if self.account is None:
            self._open()
        self._settle()
        self._claim()
        self._stamp()
        self._grant_default()

    def _open(self) -> None:
        """Open this device's account, carrying every head of the member's other lanes (R46)."""
        state = self.store.state
        if self.device.auth(state) is None or self._is_shut_out():
            return
        if lanes.heads_of(state, self.device.lane(Lane.ACCOUNT)):
            return
        carried: set[bytes] = set()
        for device, _, revoked in identities.devices_of(state, self.device.member):
            key = self.device.member + device + bytes((Lane.ACCOUNT,))
            for head in lanes.heads_of(state, key):
                top = self._inside(head.id) if revoked else head.id
                if top is not None and POSITION.must(state, top).open:
                    carried.add(top)
        tops = tuple(
            one
            for one in carried
            if not any(
                other != one and positions.in_past(state, lanes.ENTRY.must(state, one), other)
                for other in carried
            )
        )
        self.write(opening(state, self.device, self.town.chapter, tops), "account.open")

    def _inside(self, head: bytes) -> bytes | None:
        state = self.store.state
        for found in lanes.path_down(state, lanes.ENTRY.must(state, head)):
            if identities.within(state, lanes.ENTRY.must(state, found)):
                return found
        return None

    def _settle(self) -> None:
        state = self.store.state
        for _, trade in list(trades.MEMBER_TRADE.under(state, self.device.member)):
            row = TRADE.must(state, trade)
            if row.payer != self.device.member or self._status(trade) != Status.RESERVED:
                continue
            for key, step in trades.STEP.under(state, trade):
                position = POSITION.must(state, key[32:])
                if step.kind == "trade.accept" and position.status == Status.ACCEPTED:
                    self.write(TradeSettle(accept=key[32:]), "trade.settle")
                    break

    def _claim(self) -> None:
        own, state = self.account, self.store.state
        if own is None:
            return
        head, mine = lanes.ENTRY.must(state, own[1]), positions.mine(state, own[0])
        items: list[ClaimItem] = []
        for trade, commit in self._paid_to_me():
            row = TRADE.must(state, trade)
            if row.unit != CREDIT or row.payee_open not in mine:
                continue
            if positions.claimed_at(state, head, own[0], trade) is not None:
                continue
            named = stamps.stamps_for(state, commit)
            if stamps.suffice(state, commit, named):
                items.append(ClaimItem(commit=commit, stamps=named))
        items = sorted(items[:CLAIM_MAX_COUNT], key=lambda item: item.commit)
        if items and not self.write(AccountClaim(items=items), "account.claim"):
            for item in items:
                self.write(AccountClaim(items=[item]), "account.claim")

    def _stamp(self) -> None:
        """A witness stamps heads that hold commits it has not stamped."""
        state, chapter = self.store.state, self.town.chapter
        if self.device.key not in chapter.witnesses:
            return
        for key, row in list(lanes.LANE.scan(state, b"", None)):
            if key[64] != Lane.ACCOUNT or row.fork_seq >= 0:
                continue
            for head in lanes.heads_of(state, key):
                position = POSITION.must(state, head.id)
                if not position.open or self._is_stamped(head.id):
                    continue
                if alerts.may_stamp(state, self.device.key, head.id, self.town.rules):
                    self.write(WitnessStamp(head=head.id, open=position.open), "witness.stamp")

    def _is_stamped(self, head: bytes) -> bool:
        """True iff there is nothing in this head's lane that needs a stamp of ours."""
        state = self.store.state
        entry = lanes.ENTRY.must(state, head)
        prefix = entry.lane.to_bytes(4, "big")
        commits = [key[4:] for key, _ in trades.COMMIT_ON.under(state, prefix)]
        stamped = [
            row.head
            for _, row in stamps.STAMP.scan(state, b"", None)
            if row.witness == self.device.key
        ]
        return all(
            any(positions.in_past(state, lanes.ENTRY.must(state, c), h) for h in stamped)
            for c in commits
        )

    def _grant_default(self) -> None:
        """The first officer's program grants the default limit to a member's new lane."""
        rules, state = self.town.rules, self.store.state
        if self.device.member != self.town.chapter.officers[0]:
            return
        for device in self.town.devices:
            for key, _, revoked in identities.devices_of(state, device.member):
                lane = device.member + key + bytes((Lane.ACCOUNT,))
                for head in lanes.heads_of(state, lane):
                    opened = POSITION.must(state, head.id).open
                    if not revoked and opened and self._may_grant(opened, lane):
                        self._decide("credit.grant", grant_of(rules, opened, LIMIT, ()))

    def _may_grant(self, opened: bytes, lane: bytes) -> bool:
        state, rules = self.store.state, self.town.rules
        if next(members.acts_on(state, opened), None) is not None:
            return False
        if alerts.alerts_on(state, lane, rules, 0):
            return False
        entry = lanes.ENTRY.must(state, opened)
        for key, _, _ in identities.devices_of(state, lane[:32]):
            other = lane[:32] + key + bytes((Lane.ACCOUNT,))
            for head in lanes.heads_of(state, other):
                old = POSITION.must(state, head.id).open
                if not old or old == opened:
                    continue
                granted = next(members.acts_on(state, old), None) is not None
                if granted and not positions.in_past(state, lanes.ENTRY.must(state, old), opened):
                    return False
        return entry.verdict == OK
