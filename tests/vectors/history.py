"""A history under construction: every step is judged and folded at once, and must do as declared.

Rule: what a step does is written down by hand in the vectors; the fold only has to agree.
"""

from dataclasses import dataclass, field
from typing import Any

from node.ledger import alerts, book, root
from node.ledger.fold import Fold
from node.ledger.positions import POSITION, TRADE
from node.protocol import admission, lanes, portable
from node.protocol.account import (
    AccountClaim,
    ClaimItem,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.admission import Known, Missing, Refused
from node.protocol.identity import Lane
from node.protocol.record import Record
from node.protocol.shapes import CommunityId
from node.protocol.state import DictState
from node.views import listings, rooms
from node.views.members import Rules
from tests.vectors.kind_cases import packed
from tests.vectors.world import Community, Made, Member, grant_body, salt

OK = "ok"


@dataclass
class History:
    """Steps and the state they lead to."""

    name: str
    community: Community
    state: DictState = field(default_factory=DictState)
    steps: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rules = Rules(self.community.id, self.community.document)
        self.fold = Fold(self.rules)

    def add(self, name: str, made: Made, expect: str = OK, *, bodyless: bool = False) -> Made:
        """One record offered: `ok`, `void CODE`, `reject CODE`, `defer` or `known`."""
        raw = made.raw._replace(body=None) if bodyless else made.raw
        found = admission.verify_chunk([raw], CommunityId(self.community.id))[0]
        got = f"reject {found.code}" if isinstance(found, Refused) else self._fold(found)
        assert got == expect, f"{self.name}: {name} is {got}, not {expect}"
        outcome, _, code = expect.partition(" ")
        step: dict[str, Any] = {
            "name": name,
            "id": made.id.hex(),
            "header": raw.header.hex(),
            "body": None if raw.body is None else packed(raw.body),
            "signature": raw.signature.hex(),
            "expect": outcome,
        }
        if code:
            step["code"] = code
        position = POSITION.get(self.state, made.id)
        if outcome in ("ok", "void") and position is not None:
            step["in"], step["out"] = position.incoming, position.outgoing
        self.steps.append(step)
        return made

    def _fold(self, record: Record) -> str:
        judgement = self.fold.judge(self.state, record)
        if isinstance(judgement, Refused):
            return f"reject {judgement.code}"
        if isinstance(judgement, Missing):
            return "defer"
        if isinstance(judgement, Known):
            if judgement.fills:
                self.state.apply(None, self.fold.fill(self.state, record))
                return "fills"
            return "known"
        changes = self.fold.apply(self.state, record)
        self.state.apply(record.raw, changes)
        return changes.verdict if changes.verdict == OK else f"void {changes.verdict}"

    def sums(self, made: Made, incoming: int, outgoing: int) -> None:
        """Declares `in` and `out` after a record."""
        self.sums_at(made.id, incoming, outgoing)

    def sums_at(self, record: bytes, incoming: int, outgoing: int) -> None:
        """The same by the record's id."""
        found = POSITION.must(self.state, record)
        got = (found.incoming, found.outgoing)
        assert got == (incoming, outgoing), f"{self.name}: {record.hex()} has {got}"

    def case(self) -> dict[str, Any]:
        """The history as a vector: steps, then everything that must be found at the end."""
        sections = root.sections(self.state, self.rules)
        return {
            "name": self.name,
            "genesis": self.community.data.hex(),
            "steps": self.steps,
            "end": {
                "balances": [[c, m.hex(), a] for c, m, a in book.balances(self.state)],
                "trades": self._trades(),
                "alerts": self._alerts(),
                "posts": self._posts(),
                "listings": self._listings(),
                "sections": {name: digest.hex() for name, digest in sections},
                "state_root": root.state_root(self.state, self.rules).hex(),
                "state_root_of_chapter": {
                    chapter.name: root.state_root(self.state, self.rules, chapter.name).hex()
                    for chapter in self.community.document.chapters
                },
            },
        }

    def _trades(self) -> list[dict[str, Any]]:
        return [
            {
                "trade": trade.hex(),
                "status": book.status_of(self.state, trade),
                "contested": any(True for _ in book.commits_of(self.state, trade))
                and book.is_contested(self.state, trade),
            }
            for trade, _ in TRADE.scan(self.state, b"", None)
        ]

    def _posts(self) -> list[list[str]]:
        """[id, text shown] of live posts."""
        keys = sorted(rooms.live_ids(self.state))
        shown = [(key, rooms.post_of(self.state, key)) for key in keys]
        return [[key.hex(), post.text] for key, post in shown if post is not None]

    def _listings(self) -> list[list[str]]:
        """[id, id of the revision shown] of live listings."""
        return [[key.hex(), shown.hex()] for key, shown in sorted(listings.live_ids(self.state))]

    def _alerts(self) -> list[list[Any]]:
        found: list[list[Any]] = []
        for lane_key, _ in lanes.LANE.scan(self.state, b"", None):
            if lane_key[64] == Lane.ACCOUNT:
                names = alerts.alerts_on(self.state, lane_key, self.rules, 0)
                if names:
                    found.append([lane_key.hex(), sorted(names)])
        return found

    # --- steps that most histories share -------------------------------------------------------

    def join(self, *members: Member) -> None:
        """The identity lanes of members."""
        for member in members:
            for number, made in enumerate(member.first):
                self.add(f"{member.name}: identity record {number}", made)

    def officer(self, member: Member) -> None:
        """The office lane of an officer."""
        self.add(f"{member.name}: office.open", member.start("office"))

    def opens(self, member: Member, *, carry: list[bytes] | None = None) -> None:
        """An account lane."""
        self.add(f"{member.device}: account.open", member.start_account(carry))

    def grants(self, officer: Member, member: Member, limit: int) -> None:
        """A first grant to the lane a member opened last."""
        body = grant_body(self.community, member.open, limit)
        made = officer.pen("office").write("credit.grant", body)
        member.grant = self.add(f"{officer.name} grants {limit} to {member.device}", made).id

    def trade(self, name: str, payer: Member, payee: Member, amount: int) -> Made:
        """A whole trade by invoice; returns the commit."""
        offered = self.add(f"{name}: invoice", propose(payer, payee, amount, payee))
        return self.add(f"{name}: paid", accept(payer, offered, payer.grant))


def propose(
    payer: Member, payee: Member, amount: int, by: Member, *, keep: bool = True, **terms: Any
) -> Made:
    """`trade.propose` by payer or payee; `terms` replaces fields."""
    fields: dict[str, Any] = {
        "amount": amount,
        "grant": payer.grant if by is payer else None,
        "order_hash": portable.order_hash(salt("order"), b"order"),
        "payee_lane": payee.open,
        "payer_lane": payer.open,
        "refunds": None,
        "unit": "credit",
        "valid_until": None,
        **terms,
    }
    return by.pen("account").write("trade.propose", TradePropose(**fields), keep=keep)


def accept(by: Member, proposal: Made, grant: bytes | None = None) -> Made:
    return by.pen("account").write("trade.accept", TradeAccept(grant=grant, propose=proposal.id))


def decline(by: Member, proposal: Made) -> Made:
    return by.pen("account").write("trade.decline", TradeDecline(propose=proposal.id))


def settle(by: Member, accepted: Made) -> Made:
    return by.pen("account").write("trade.settle", TradeSettle(accept=accepted.id))


def release(by: Member, proposal: Made) -> Made:
    return by.pen("account").write("trade.release", TradeRelease(trade=proposal.id))


def claim(by: Member, *commits: Made, stamps: list[Made] | None = None) -> Made:
    named = sorted(stamp.id for stamp in stamps or [])
    items = [ClaimItem(commit=c, stamps=named) for c in sorted(made.id for made in commits)]
    return by.pen("account").write("account.claim", AccountClaim(items=items))
