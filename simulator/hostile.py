"""What dishonest nodes do: fork, withhold, flood, lie, stamp two stories.

Rules: a hostile node runs the same program beside its mischief, so that it has something to betray;
mischief is chosen by a random source. It never has another's keys.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from node.ledger import positions, stamps, trades
from node.ledger.positions import POSITION, TRADE
from node.protocol import lanes, record
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    ClaimItem,
    TradeAccept,
    TradePropose,
    TradeSettle,
)
from node.protocol.crypto import SIGNATURE_SIZE_BYTES, record_id
from node.protocol.identity import Cut, DeviceRevoke, Lane, LaneName
from node.protocol.office import WitnessStamp
from node.protocol.ports import HeadItem
from node.protocol.record import LANE_OF_KIND, OPENING_KIND, RawRecord
from node.protocol.shapes import Body
from node.protocol.social import LaneOpen, PostPut
from node.views import members
from simulator.member import ORDER_HASH
from simulator.node import Node
from simulator.town import LIMIT, LIMIT_MAX, Town, grant_of

if TYPE_CHECKING:
    from simulator.world import World

GARBAGE_SHARE: Final = 0.02  # of frames
FLOOD_COUNT: Final = 12
BRANCHES_COUNT: Final = 3
SPENDING_AFTER_MS: Final = (300, 1_500, 4_000)  # what was pumped
CUT_AFTER_MS: Final = 2_000  # a fork


class Hostile(Node):
    """A node whose owner cheats."""

    honest = False

    def __init__(self, world: "World", number: int, town: Town) -> None:
        super().__init__(world, number, town)
        self._mischief = random.Random(f"hostile {number} {world.seed}")
        self.garbles = self._mischief.random() < 0.4

    def frame_out(self, frame: bytes) -> bytes:
        if not self.garbles or self._mischief.random() > GARBAGE_SHARE:
            return frame
        if self._mischief.random() < 0.3:
            return self._mischief.randbytes(self._mischief.randint(0, 64))
        place = self._mischief.randrange(len(frame))
        return frame[:place] + self._mischief.randbytes(1) + frame[place + 1 :]

    def cheat(self, chance: random.Random) -> None:
        """One piece of mischief."""
        deeds: tuple[Callable[[random.Random], None], ...] = (
            self._fork_account,
            self._fork_commit,
            self._fork_commit,
            self._pump,
            self._pump,
            self._forge,
            self._disown,
            self.spend_all,
            self._claim_again,
            self._refund_twice,
            self._act_alone,
            self._cut_branch,
            self._rewrite,
            self._fork_talk,
            self._withhold,
            self._flood,
            self._stamp_twice,
            self._late,
        )
        chance.choice(deeds)(chance)

    def _force(self, body: Body, kind: str) -> None:
        """Sign and hold a record, void or not, as a job."""

        def job() -> None:
            lane, auth = LANE_OF_KIND[kind], self.device.auth(self.store.state)
            if auth is not None and not self._heads(lane) and lane != Lane.ACCOUNT:
                self._take_next(LaneOpen(auth), OPENING_KIND[lane])
            if self._heads(lane):
                self._take_next(body, kind)

        self.submit(job)

    def _heads(self, lane: Lane) -> list[HeadItem]:
        return lanes.heads_of(self.store.state, self.device.lane(lane))

    def _take_next(self, body: Body, kind: str) -> None:
        self.store.take([self.device.next(self.store.state, self.store.community, body, kind)])

    def _twice(self, kind: str, lane: Lane, bodies: list[Body]) -> list[RawRecord]:
        """Records side by side on one place of an own lane."""
        heads = lanes.heads_of(self.store.state, self.device.lane(lane))
        if not heads:
            return []
        chosen = heads[0]
        community = self.store.community
        return [
            self.device.sign(community, body, kind, chosen.seq + 1, chosen.id) for body in bodies
        ]

    def _hand_out(self, chance: random.Random, raws: list[RawRecord]) -> None:
        """Show different neighbours different stories."""
        peers = list(self.talks)
        for raw in raws:
            for peer in chance.sample(peers, min(len(peers), 1)):
                self.world.clock.after(
                    chance.randint(1, 200),
                    lambda p=peer, r=raw: self.world.nodes[p].hear(self.number, [r]),
                )
        if raws and chance.random() < 0.5:
            self.submit(lambda: _ignore(self.store.take(raws[:1])))

    def _own(self) -> tuple[bytes, bytes] | None:
        """(open, grant) of the own account lane, forked or not."""
        state = self.store.state
        heads = lanes.heads_of(state, self.device.lane(Lane.ACCOUNT))
        opened = POSITION.must(state, heads[0].id).open if heads else b""
        grant = members.current_act(state, opened, self.town.rules) if opened else None
        return None if grant is None else (opened, grant[0])

    def _payment(self, payee: bytes, amount: int, refunds: bytes | None = None) -> Body | None:
        """A proposal to pay a member, from the own lane."""
        own, theirs = self._own(), self.member.partner_account(payee)
        if own is None or theirs is None or amount < 1:
            return None
        return TradePropose(
            amount=amount,
            grant=own[1],
            order_hash=ORDER_HASH,
            payee_lane=theirs,
            payer_lane=own[0],
            refunds=refunds,
            unit=CREDIT,
            valid_until=None,
        )

    def _others(self, chance: random.Random) -> list[bytes]:
        others = [d.member for d in self.town.devices if d.member != self.device.member]
        return chance.sample(others, len(others))

    def _fork_account(self, chance: random.Random) -> None:
        """Pay several people with the same credit."""
        bodies = [
            self._payment(member, chance.choice((LIMIT, LIMIT // 2)))
            for member in self._others(chance)[:3]
        ]
        found = [body for body in bodies if body is not None]
        self._hand_out(chance, self._twice("trade.propose", Lane.ACCOUNT, found))

    def _pump(self, chance: random.Random) -> None:
        """Pay an accomplice on many branches with the same credit, so that they can spend it all:
        they accept each, each branch is settled, and what it brought is claimed."""
        accomplices = [n for n in self.world.nodes if isinstance(n, Hostile) and n is not self]
        if not accomplices or not accomplices[0].up:
            return
        other = accomplices[0]
        body = self._payment(other.device.member, LIMIT)
        if body is None:
            return
        branches: list[RawRecord] = []
        for _ in range(BRANCHES_COUNT):
            self.device.time += 1  # makes another id of the same terms
            branches += self._twice("trade.propose", Lane.ACCOUNT, [body])

        def accept() -> None:
            other.store.take(branches)
            for raw in branches:
                propose = other.store.parsed(raw).id
                if other.store.holds(propose):
                    other.member.write(TradeAccept(grant=None, propose=propose), "trade.accept")
            accepts = [made.raw for made in other.member.made]
            other.member.made.clear()
            self.submit(lambda: self._settle_all(branches, accepts, other))

        other.submit(accept)

    def _settle_all(
        self, branches: list[RawRecord], accepts: list[RawRecord], other: "Hostile"
    ) -> None:
        """Settle each branch, and let the accomplice have it."""
        self.store.take([*branches, *accepts])
        settles: list[RawRecord] = []
        for propose, accept in zip(branches, accepts, strict=False):
            on, by = self.store.parsed(propose), self.store.parsed(accept)
            body = TradeSettle(accept=by.id)
            place = (on.header.seq + 1, on.id)
            settles.append(self.device.sign(self.store.community, body, "trade.settle", *place))
        self.store.take(settles)

        def claim() -> None:
            other.store.take(settles)
            other.member.duties()
            other.member.made.clear()

        other.submit(claim)
        clock = self.world.clock
        for delay in SPENDING_AFTER_MS:
            clock.after(delay, lambda: other.spend_all(random.Random(f"{clock.now}")))

    def spend_all(self, chance: random.Random) -> None:
        """Pay an honest member whatever the own lane has, however it came by it."""
        own, account = self._own(), self.member.account
        if own is None or account is None:
            return
        position = POSITION.must(self.store.state, account[1])
        limit = members.ACT.must(self.store.state, own[0] + own[1]).limit
        amount = position.incoming - position.outgoing + limit
        honest = [n.device.member for n in self.world.nodes if n.honest]
        body = self._payment(chance.choice(honest), amount)
        if body is not None:
            self._force(body, "trade.propose")

    def _claim_again(self, chance: random.Random) -> None:
        """Claim what was claimed already, or what is not secured."""
        state, own = self.store.state, self.member.account
        if own is None:
            return
        entry = lanes.ENTRY.must(state, own[1])
        commits = sorted(positions.claims_at(state, entry, own[0]).values())
        commits += [commit for _, commit in self.member.paid_to_me()]
        if commits:
            commit = chance.choice(commits)
            named = stamps.stamps_for(state, commit)
            items = [ClaimItem(commit=commit, stamps=named[: chance.randint(0, len(named))])]
            self._force(AccountClaim(items=items), "account.claim")

    def _refund_twice(self, chance: random.Random) -> None:
        """Give back more than was received, to make partners look indebted."""
        paid = self.member.paid_to_me()
        if paid:
            trade, commit = chance.choice(paid)
            row = TRADE.must(self.store.state, trade)
            for _ in range(2):
                body = self._payment(row.payer, row.amount, refunds=commit)
                if body is not None:
                    self._force(body, "trade.propose")

    def _act_alone(self, chance: random.Random) -> None:
        """An officer raises a limit alone, however many it takes, beyond what may be granted."""
        own, state = self._own(), self.store.state
        if own is None or self.device.member not in self.town.chapter.officers:
            return
        known = tuple(act for act, _ in members.acts_on(state, own[0]))[:16]
        approvals = sorted(key[32:] for key, _ in members.APPROVAL.scan(state, b"", None))
        named = sorted(chance.sample(approvals, min(len(approvals), 2)))
        for limit in (LIMIT_MAX + 1, LIMIT_MAX):
            act = grant_of(self.town.rules, own[0], limit, known)
            self._force(msgspec.structs.replace(act, approvals=named), "credit.grant")

    def _fork_commit(self, chance: random.Random) -> None:
        """Pay two invoices side by side, and later say that only one branch stands."""
        own = self._own()
        if own is None:
            return
        waiting = self._invoices(own[0])
        bodies: list[Body] = [
            TradeAccept(grant=own[1], propose=trade)
            for trade in chance.sample(waiting, min(2, len(waiting)))
        ]
        self._hand_out(chance, self._twice("trade.accept", Lane.ACCOUNT, bodies))
        if len(bodies) > 1:
            self.world.clock.after(CUT_AFTER_MS, lambda: self._cut_branch(chance))

    def _invoices(self, opened: bytes) -> list[bytes]:
        """Proposals that this member pays, if it accepts them."""
        rows = [(trade, TRADE.must(self.store.state, trade)) for trade in self.member.open_trades()]
        return [trade for trade, row in rows if not row.by_payer and row.payer_open == opened]

    def _rewrite(self, chance: random.Random) -> None:
        """Pay another invoice instead of what relays have stamped, and shut the own device out so
        that only the new branch stands."""
        state, own = self.store.state, self._own()
        heads = lanes.heads_of(state, self.device.lane(Lane.ACCOUNT))
        waiting = [] if own is None else self._invoices(own[0])
        if own is None or not waiting or self.device.key in self.town.chapter.witnesses:
            return
        for paid in lanes.path_down(state, lanes.ENTRY.must(state, heads[0].id)):
            if trades.commit_of(state, paid) is not None and stamps.stamps_for(state, paid):
                seq = lanes.ENTRY.must(state, paid).seq
                prev = lanes.at_seq(state, lanes.ENTRY.must(state, paid), seq - 1)
                body = TradeAccept(grant=own[1], propose=chance.choice(waiting))
                raw = self.device.sign(self.store.community, body, "trade.accept", seq, prev)
                self.submit(lambda r=raw: _ignore(self.store.take([r])))
                self._cut(Cut(seq=seq, id=record_id(self.store.community, raw.header)))
                return

    def _cut(self, cut: Cut) -> None:
        """Shut the own device out, its account lane from there on."""
        cuts: dict[LaneName, Cut | Literal["open"]] = {"account": cut, "social": "open"}
        body = DeviceRevoke(cuts={**cuts, "market": "open"}, key=self.device.key)
        self._force(body, "device.revoke")

    def _forge(self, chance: random.Random) -> None:
        """Write in another's name."""
        victim = chance.choice(self.town.devices)
        heads = lanes.heads_of(self.store.state, victim.lane(Lane.SOCIAL))
        if heads:
            body = PostPut("ko", None, "well", chance.randbytes(16), "forged")
            header, data = record.build(
                body, "post.put", victim.member, victim.key,
                heads[0].seq + 1, heads[0].id, self.device.time,
            )  # fmt: skip
            forged = RawRecord(header, data, chance.randbytes(SIGNATURE_SIZE_BYTES))
            for peer in list(self.talks):
                self.world.nodes[peer].hear(self.number, [forged])

    def _disown(self, chance: random.Random) -> None:
        """Shut the own device out from long ago on, as if a thief had signed since."""
        if self.device.key in self.town.chapter.witnesses:
            return
        state = self.store.state
        cuts: dict[LaneName, Cut | Literal["open"]] = {}
        for name in ("account", "market", "social"):
            heads = lanes.heads_of(state, self.device.lane(Lane[name.upper()]))
            if heads:
                entry = lanes.ENTRY.must(state, heads[0].id)
                seq = entry.seq // 3
                cuts[name] = Cut(seq=seq, id=lanes.at_seq(state, entry, seq))
        self._force(DeviceRevoke(cuts=cuts, key=self.device.key), "device.revoke")

    def _cut_branch(self, chance: random.Random) -> None:
        """Shut the own device out with a cut on another branch than the one that was shown."""
        heads = lanes.heads_of(self.store.state, self.device.lane(Lane.ACCOUNT))
        if len(heads) > 1 and self.device.key not in self.town.chapter.witnesses:
            chosen = chance.choice(heads)
            self._cut(Cut(seq=chosen.seq, id=chosen.id))

    def _fork_talk(self, chance: random.Random) -> None:
        bodies: list[Body] = [
            PostPut("ko", None, "well", chance.randbytes(16), f"story {n}") for n in range(2)
        ]
        self._hand_out(chance, self._twice("post.put", Lane.SOCIAL, bodies))

    def _withhold(self, chance: random.Random) -> None:
        """Never show one member's lanes to anybody."""
        victim = chance.choice(self.town.devices)
        lanes_of = frozenset(victim.lane(lane) for lane in Lane)
        self.store.withheld = frozenset() if self.store.withheld else lanes_of

    def _flood(self, chance: random.Random) -> None:
        """Records with broken signatures, bodies or places."""
        raws = self.store.held()
        broken: list[RawRecord] = []
        for raw in chance.sample(raws, min(FLOOD_COUNT, len(raws))):
            bad = bytearray(chance.choice((raw.header, raw.signature)))
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            as_header = len(bad) != len(raw.signature)
            header = bytes(bad) if as_header else raw.header
            signature = raw.signature if as_header else bytes(bad)
            broken.append(RawRecord(header, raw.body, signature))
        for peer in list(self.talks):
            self.world.nodes[peer].hear(self.number, broken)

    def _stamp_twice(self, chance: random.Random) -> None:
        """A witness stamps whatever head it sees, conflicting ones too."""
        state = self.store.state
        if self.device.key not in self.town.chapter.witnesses:
            return
        heads = [
            head.id
            for key, _ in lanes.LANE.scan(state, b"", None)
            if key[64] == Lane.ACCOUNT
            for head in lanes.heads_of(state, key)
        ]
        for head in chance.sample(heads, min(3, len(heads))):
            opened = POSITION.must(state, head).open
            if opened:
                self.act(
                    lambda member, h=head, o=opened: _ignore(
                        member.write(WitnessStamp(head=h, open=o), "witness.stamp")
                    )
                )

    def _late(self, chance: random.Random) -> None:
        """Claim a time a year away."""
        self.skew_ms = chance.choice((-1, 1)) * 31_536_000_000


def _ignore(_: object) -> None:
    return None
