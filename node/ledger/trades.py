"""The transition table of account lanes (R17-R28): the verdict of every account record.

    kind                   by          needs                                effect
    account.open           owner       quorum fits, carried heads are own   joins what it carries
    trade.propose          payer       payer_lane is this lane              DEBIT; T = reserved
    trade.propose          payee       payee_lane is this lane (invoice)    T = offered
    trade.accept           payee       payer's propose ok, payee_lane mine  T = accepted
    trade.accept           payer       invoice ok, payer_lane this lane     DEBIT; T = paid: COMMIT
    trade.decline          other side  T absent                             T = declined
    trade.settle           payer       accept ok, T = reserved              T = paid: COMMIT
    trade.release          payer       T = reserved                         T = released
    account.claim          payee       R27 for each item                    in += a; claimed
    rating.give            a party     commit ok, not rated on this path    none
    anything else                                                           void trade-state

A verdict depends on the record's causal past alone. A void record leaves the state of its prev.
Proposing and debiting happen on this open only; accepting, settling, releasing and claiming for any
of mine. Contested trades, alerts and balances over branches are `book`'s and `alerts`'.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from node.ledger import positions, stamps
from node.ledger.positions import (
    CARRIER,
    HELD,
    PAST,
    POSITION,
    REFUND,
    TRADE,
    PastRow,
    Position,
    Status,
    TradeRow,
)
from node.protocol import lanes
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    AccountOpen,
    RatingGive,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.errors import OK, Void
from node.protocol.genesis import quorum_fits
from node.protocol.lanes import Entry
from node.protocol.limits import PAST_HEADS_MAX_COUNT, SUM_MAX_UNITS
from node.protocol.ports import Reader
from node.protocol.record import Record
from node.protocol.shapes import Body, Row
from node.protocol.state import Group, Overlay, Table, u64
from node.views.members import ACT, ACT_SUBJECT, Rules


class StepRow(Row, frozen=True):
    """One ok step of a trade: its kind and the member who took it."""

    kind: str
    author: bytes


class RatingRow(Row, frozen=True):
    """A rating: of which trade, by whom, stars, the review's id (b"" if none)."""

    trade: bytes
    author: bytes
    stars: int
    review: bytes


STEP = Table("step", StepRow)  # trade (32), record id (32)
MEMBER_TRADE = Table("member_trade", bytes)  # member (32), number (8) -> trade id
RATING = Table("rating", RatingRow)  # rated member (32), record id (32)
RATED = Table("rated", bytes)  # trade (32), rating member (32), record id (32) -> b""
GRANT_AT = Table("grant_at", bytes)  # lane (4), branch (4), seq (8) -> grant used from here on
GRANT_LAST = Table("grant_last", bytes)  # lane (4), branch (4) -> the last of these
OPENED = Table("opened", int)  # ok `account.open` (32) -> number of its chapter
OVERDRAWN = Table("overdrawn", bytes)  # account record id (32) below -limit without a debit -> b""
COMMIT_ON = Table("commit_on", bytes)  # lane (4), commit id (32) -> trade id
COMMIT = Group("commit", bytes)  # trade (32); id of an ok COMMIT (32) -> b""


@dataclass(slots=True)
class Step:
    """One record being judged: where it stands, the position before it, and what it changes."""

    overlay: Overlay
    record: Record
    entry: Entry
    before: Position
    rules: Rules
    incoming: int
    outgoing: int
    serial: int
    limit: int
    trade: bytes = b""
    status: int = -1

    def status_of(self, trade: bytes) -> Status | None:
        """T[trade], with what this record did so far."""
        return positions.status_at(self.overlay, self.entry, self.before.open, trade)

    def claimed(self, trade: bytes) -> bool:
        """True iff the trade is claimed already."""
        found = positions.claimed_at(self.overlay, self.entry, self.before.open, trade)
        return found is not None

    def own(self) -> set[bytes]:
        """The opens this path answers for."""
        return positions.mine(self.overlay, self.before.open)

    def move(self, trade: bytes, status: Status) -> None:
        """T[trade] = status."""
        self.trade, self.status = trade, int(status)
        positions.set_status(self.overlay, self.entry, trade, status)


def apply_account(overlay: Overlay, record: Record, entry: Entry, rules: Rules) -> str:
    """Verdict and effects of an account record; writes its position."""
    if isinstance(record.body, AccountOpen):
        return _open(overlay, record, record.body, entry, rules)
    assert record.header.prev is not None
    assert record.body is not None
    before = POSITION.must(overlay, record.header.prev)
    step = Step(
        overlay, record, entry, before, rules,
        before.incoming, before.outgoing, before.serial, before.limit,
    )  # fmt: skip
    fault = Void.NO_OPEN if before.open == b"" else _JUDGES[type(record.body)](step)
    if fault is not None:
        kept = (before.open, before.incoming, before.outgoing, before.serial, before.limit)
        POSITION.put(overlay, record.id, Position(*kept, b"", -1))
        return fault
    after = Position(
        before.open, step.incoming, step.outgoing, step.serial, step.limit, step.trade, step.status
    )
    POSITION.put(overlay, record.id, after)
    if step.incoming - step.outgoing + step.limit < 0:
        OVERDRAWN.put(overlay, record.id, b"")
    if step.trade:
        STEP.put(overlay, step.trade + record.id, StepRow(record.header.kind, record.header.author))
        overlay.changes.events.append(("trade", step.trade))
        if step.status == Status.PAID and not isinstance(record.body, AccountClaim):
            COMMIT_ON.put(overlay, entry.lane.to_bytes(4, "big") + record.id, step.trade)
    return OK


def _open(overlay: Overlay, record: Record, body: AccountOpen, entry: Entry, rules: Rules) -> str:
    fault = _open_fault(overlay, record, body, rules)
    if fault is not None:
        POSITION.put(overlay, record.id, positions.NOWHERE)
        return fault
    incoming = outgoing = 0
    if body.carry:
        row = _past_of(overlay, body.carry)
        if len(row.heads) > PAST_HEADS_MAX_COUNT:
            POSITION.put(overlay, record.id, positions.NOWHERE)
            return Void.CARRY
        PAST.put(overlay, record.id, row)
        for head in row.heads:
            lane = lanes.ENTRY.must(overlay, head).lane
            CARRIER.put(overlay, lane.to_bytes(4, "big") + record.id, b"")
        incoming, outgoing = _joined_sums(overlay, body.carry, entry, record.id)
    POSITION.put(overlay, record.id, Position(record.id, incoming, outgoing, -1, 0, b"", -1))
    OPENED.put(overlay, record.id, rules.genesis.chapter_number(body.chapter))
    overlay.changes.events.append(("account", record.header.author))
    return OK


def _joined_sums(
    reader: Reader, carry: list[bytes], entry: Entry, open_id: bytes
) -> tuple[int, int]:
    """(incoming, outgoing) at an open: those of a carried head whose past holds all the others, if
    there is one (the usual case, and cheap), else worked out from the join.
    """
    entries = [lanes.ENTRY.must(reader, head) for head in carry]
    for head in carry:
        if all(positions.in_past(reader, other, head) for other in entries):
            position = POSITION.must(reader, head)
            return position.incoming, position.outgoing
    return positions.sums_at(reader, entry, open_id)


def _open_fault(reader: Reader, record: Record, body: AccountOpen, rules: Rules) -> Void | None:
    if rules.genesis.chapter(body.chapter) is None:
        return Void.UNKNOWN_CHAPTER
    if not quorum_fits(body.witnesses, body.q):
        return Void.QUORUM
    for head in body.carry:
        position = POSITION.get(reader, head)
        if position is None or position.open == b"":
            return Void.CARRY
        if lanes.author_of(reader, lanes.ENTRY.must(reader, head)) != record.header.author:
            return Void.CARRY
    return None


def _past_of(reader: Reader, carry: list[bytes]) -> PastRow:
    heads: dict[bytes, None] = {}
    opens: set[bytes] = set()
    for head in carry:
        open_id = POSITION.must(reader, head).open
        heads[head] = None
        opens.add(open_id)
        below = PAST.get(reader, open_id)
        if below is not None:
            heads.update(dict.fromkeys(below.heads))
            opens.update(below.opens)
    return PastRow(sorted(heads), sorted(opens))


def _propose(step: Step) -> Void | None:
    body, overlay = step.record.body, step.overlay
    assert isinstance(body, TradePropose)
    sides = [_open_entry(overlay, side) for side in (body.payer_lane, body.payee_lane)]
    payer, payee = sides
    if payer is None or payee is None:
        return Void.PARTIES
    payer_author, payee_author = lanes.author_of(overlay, payer), lanes.author_of(overlay, payee)
    chapter = OPENED.must(overlay, body.payer_lane)
    if payer_author == payee_author or chapter != OPENED.must(overlay, body.payee_lane):
        return Void.PARTIES
    by_payer = body.payer_lane == step.before.open
    if not by_payer and body.payee_lane != step.before.open:
        return Void.PARTIES
    refunded = b""
    if body.refunds is not None:
        found = _refunded(overlay, body, payer_author, payee_author)
        if found is None:
            return Void.REFUND_TERMS
        refunded = found
    trade = step.record.id
    row = TradeRow(
        step.entry.number, payer_author, payee_author, body.payer_lane, body.payee_lane,
        chapter, body.unit, body.amount, refunded, by_payer, False,
    )  # fmt: skip
    if by_payer:
        fault = _debit(step, row, body.grant)
        if fault is not None:
            return fault
    TRADE.put(overlay, trade, row)
    for member in (payer_author, payee_author):
        MEMBER_TRADE.put(overlay, member + u64(step.entry.number), trade)
    if refunded:
        REFUND.put(overlay, refunded, trade, b"")
    step.move(trade, Status.RESERVED if by_payer else Status.OFFERED)
    return None


def _open_entry(reader: Reader, open_id: bytes) -> Entry | None:
    entry = lanes.ENTRY.must(reader, open_id)
    return entry if entry.kind == "account.open" and entry.verdict == OK else None


def _refunded(reader: Reader, body: TradePropose, payer: bytes, payee: bytes) -> bytes | None:
    """R25: the trade whose COMMIT `refunds` names, if it ran the other way in the same unit."""
    assert body.refunds is not None
    trade = commit_of(reader, body.refunds)
    if trade is None:
        return None
    row = TRADE.must(reader, trade)
    reversed_ = row.payee == payer and row.payer == payee and row.unit == body.unit
    return trade if reversed_ else None


def _debit(step: Step, row: TradeRow, grant: bytes | None) -> Void | None:
    """R22, and R25 for refunds: may this lane take on the amount now?"""
    if row.refunded:
        back = row.amount
        for refund, _ in REFUND.under(step.overlay, row.refunded):
            if step.status_of(refund) in HELD:
                back += TRADE.must(step.overlay, refund).amount
        if back > TRADE.must(step.overlay, row.refunded).amount:
            return Void.REFUND_EXCEEDS
    if row.unit != CREDIT:
        return None
    act_key = None if grant is None else ACT_SUBJECT.get(step.overlay, grant)
    act = None if act_key is None else ACT.must(step.overlay, act_key)
    if act_key is None or act is None or act.kind != "credit.grant":
        return Void.GRANT
    if act_key[:-32] != step.before.open:
        return Void.GRANT_LANE
    if act.serial < step.before.serial:
        return Void.GRANT_STALE
    outgoing = step.before.outgoing + row.amount
    if step.before.incoming - outgoing + act.limit < 0 or outgoing > SUM_MAX_UNITS:
        return Void.OVER_LIMIT
    step.outgoing, step.serial, step.limit = outgoing, act.serial, act.limit
    _note_grant(step, act_key[-32:])
    return None


def _note_grant(step: Step, grant: bytes) -> None:
    """Remember where the path changed grants; a branch that grew from another begins anew."""
    branch = step.entry.lane.to_bytes(4, "big") + step.entry.branch.to_bytes(4, "big")
    if GRANT_LAST.get(step.overlay, branch) != grant:  # a new record is the top of its branch
        GRANT_AT.put(step.overlay, branch + u64(step.entry.seq), grant)
        GRANT_LAST.put(step.overlay, branch, grant)


def grants_on(reader: Reader, entry: Entry) -> Iterator[bytes]:
    """Grants that ok debits on the path of a place rest on, the last one first."""
    for branch, top in lanes.segments(reader, entry.lane, entry.branch, entry.seq):
        prefix = entry.lane.to_bytes(4, "big") + branch.to_bytes(4, "big")
        for _, grant in GRANT_AT.scan(reader, prefix, prefix + u64(top + 1), reverse=True):
            yield grant


def _proposal(step: Step, propose: bytes) -> TradeRow | None:
    entry = lanes.ENTRY.must(step.overlay, propose)
    if entry.kind != "trade.propose" or entry.verdict != OK:
        return None
    return TRADE.must(step.overlay, propose)


def _accept(step: Step) -> Void | None:
    body = step.record.body
    assert isinstance(body, TradeAccept)
    row = _proposal(step, body.propose)
    if row is None:
        return Void.PROPOSE_VOID
    if step.status_of(body.propose) is not None:
        return Void.TRADE_STATE
    if row.by_payer:
        if row.payee_open not in step.own():
            return Void.TRADE_STATE
        step.move(body.propose, Status.ACCEPTED)
        return None
    if row.payer_open != step.before.open:  # a debit: this open only
        return Void.TRADE_STATE
    fault = _debit(step, row, body.grant)
    if fault is None:
        step.move(body.propose, Status.PAID)
    return fault


def _decline(step: Step) -> Void | None:
    body = step.record.body
    assert isinstance(body, TradeDecline)
    row = _proposal(step, body.propose)
    if row is None:
        return Void.PROPOSE_VOID
    other = row.payee_open if row.by_payer else row.payer_open
    if other not in step.own() or step.status_of(body.propose) is not None:
        return Void.TRADE_STATE
    step.move(body.propose, Status.DECLINED)
    return None


def _settle(step: Step) -> Void | None:
    body = step.record.body
    assert isinstance(body, TradeSettle)
    accept = POSITION.get(step.overlay, body.accept)
    if accept is None or accept.status != Status.ACCEPTED:
        return Void.TRADE_STATE
    if step.status_of(accept.trade) != Status.RESERVED:
        return Void.TRADE_STATE
    step.move(accept.trade, Status.PAID)
    return None


def _release(step: Step) -> Void | None:
    body = step.record.body
    assert isinstance(body, TradeRelease)
    if step.status_of(body.trade) != Status.RESERVED:
        return Void.TRADE_STATE
    row = TRADE.must(step.overlay, body.trade)
    if row.unit == CREDIT:
        step.outgoing -= row.amount
    step.move(body.trade, Status.RELEASED)
    return None


def commit_of(reader: Reader, record: bytes) -> bytes | None:
    """The trade a record commits, or None: an ok settle, or accept of an invoice."""
    entry = lanes.ENTRY.get(reader, record)
    if entry is None or entry.kind not in ("trade.settle", "trade.accept"):
        return None
    position = POSITION.must(reader, record)
    return position.trade if position.status == Status.PAID else None


def _claim(step: Step) -> Void | None:
    body, overlay = step.record.body, step.overlay
    assert isinstance(body, AccountClaim)
    own, found = step.own(), dict[bytes, bytes]()
    for item in body.items:
        trade = commit_of(overlay, item.commit)
        if trade is None or trade in found or step.claimed(trade):
            return Void.CLAIM_BAD
        row = TRADE.must(overlay, trade)
        if row.payee_open not in own or row.unit != CREDIT:
            return Void.CLAIM_BAD
        if not stamps.suffice(overlay, item.commit, item.stamps):
            return Void.CLAIM_UNSECURED
        found[trade] = item.commit
    for trade, commit in found.items():
        _enter(step, trade, commit, own)
    return None


def _enter(step: Step, trade: bytes, commit: bytes, own: set[bytes]) -> None:
    """Book one claimed trade; claiming a refund also enters the refunded trade as paid (R27)."""
    row = TRADE.must(step.overlay, trade)
    step.incoming += row.amount
    positions.set_claimed(step.overlay, step.entry, trade, commit)
    STEP.put(
        step.overlay, trade + step.record.id,
        StepRow(step.record.header.kind, step.record.header.author),
    )  # fmt: skip
    step.overlay.changes.events.append(("trade", trade))
    if row.refunded:
        before = step.status_of(row.refunded)
        refunded = TRADE.must(step.overlay, row.refunded)
        if before not in HELD and refunded.payer_open in own:
            step.outgoing += refunded.amount
        positions.set_status(step.overlay, step.entry, row.refunded, Status.PAID)


def _rate(step: Step) -> Void | None:
    body, author = step.record.body, step.record.header.author
    assert isinstance(body, RatingGive)
    trade = commit_of(step.overlay, body.commit)
    if trade is None:
        return Void.RATING
    row = TRADE.must(step.overlay, trade)
    if author not in (row.payer, row.payee):
        return Void.RATING
    other = row.payee if author == row.payer else row.payer
    for key, _ in RATED.under(step.overlay, trade + author):
        rated = lanes.ENTRY.must(step.overlay, key[64:])
        if any(
            lanes.is_ancestor_or_self(step.overlay, rated, tip)
            for tip in positions.tips(step.overlay, step.entry, step.before.open)
        ):
            return Void.RATING
    rating = RatingRow(trade, author, body.stars, body.review or b"")
    RATED.put(step.overlay, trade + author + step.record.id, b"")
    RATING.put(step.overlay, other + step.record.id, rating)
    step.overlay.changes.events.append(("rating", trade))
    return None


_JUDGES: dict[type[Body], Callable[[Step], Void | None]] = {
    TradePropose: _propose,
    TradeAccept: _accept,
    TradeDecline: _decline,
    TradeSettle: _settle,
    TradeRelease: _release,
    AccountClaim: _claim,
    RatingGive: _rate,
}
