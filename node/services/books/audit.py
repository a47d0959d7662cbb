"""What an accountant asks of a chapter: one report for a month, or for all time.

Rules: every figure is the sum of held records, by the times that commits claim (UTC); balances add
up to 0, and where own tables and own sums differ, the report says so. It rests on a state root and
on a level, which it names. Memory is that of the members, not of the trades. Nothing here writes.

Velocity is turnover over money in circulation, and that is the sum of the positive balances: in
mutual credit there is no other money. Its mean is that of the start and the end of the period.

Left to others: showing it (`commands`, `api`), sentences (`i18n`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from node.ledger import book, root, stamps
from node.ledger.positions import TradeRow
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.admission import stored_body
from node.protocol.office import CreditGrant
from node.protocol.record import parse_header
from node.services.books import closes
from node.services.books.closes import Standing
from node.services.books.every_trade import Walked, every_trade
from node.services.books.levels import CLOSED, HELD, SECURED
from node.services.books.months import month_bounds
from node.services.books.verified import Mark, read_mark
from node.services.core import Core
from node.services.members import people
from node.storage.kept.closes import Compared
from node.storage.rows import Rows
from node.views import members
from node.views.members import ACT, ActRow

ALL_TIME: Final = (0, 2**63)
OPEN: Final = ("proposed", "accepted")
VELOCITY_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A member in the period, minor units: opening + received - given = closing."""

    member: bytes
    name: str
    membership: str  # officer member suspended applicant none
    limit: int | None  # None: no grant
    opening: int
    received: int
    given: int
    closing: int
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TradeLine:
    """A trade that somebody should look at. `state`: reserved, offered or accepted (not agreed
    yet), contested, or refund."""

    trade: bytes
    payer: bytes
    payee: bytes
    amount: int
    unit: str
    state: str
    time: int  # claimed, ms
    refunds: bytes  # the trade that is given back, b"" if none


@dataclass(frozen=True, slots=True)
class GrantLine:
    """A limit that was granted in the period. `before`: the one it replaced; `state`: current,
    replaced, or withdrawn (no longer carried by enough officers)."""

    act: bytes
    member: bytes
    limit: int
    before: int | None
    by: bytes
    time: int
    state: str


@dataclass(slots=True)
class _Sums:
    opening: int = 0
    received: int = 0
    given: int = 0
    later: int = 0  # after the period


@dataclass(frozen=True, slots=True)
class Audit:
    """The report. `month` None: all time. Sums in minor units of credit."""

    chapter: str
    month: str | None
    lines: tuple[MemberLine, ...]
    opens: tuple[TradeLine, ...]
    refunds: tuple[TradeLine, ...]
    grants: tuple[GrantLine, ...]
    witnesses: tuple[bytes, ...]  # convicted relays of the chapter
    trades: int  # that count, in the period
    turnover: int
    velocity: Decimal | None  # None: no money was in circulation
    positive: int  # of the balances at the end
    negative: int  # as a magnitude
    unconfirmed: int  # trades that count and that no relays have confirmed, at any time
    adds_up: bool  # own tables say the same as the sums over all trades
    root: bytes  # of the chapter's scope
    level: str
    mark: Mark  # how far the books were verified, and when
    verified: int  # records that were
    closed: tuple[Standing, Compared | None] | None  # the close of that month, and own books

    @property
    def sum_of_balances(self) -> int:
        """0, unless the books are damaged."""
        return self.positive - self.negative


def audit(core: Core, chapter: int, month: str | None) -> Audit:
    """The report on a chapter. Seconds for a hundred thousand trades.

    Raises LocalFault `month-invalid`.
    """
    bounds = ALL_TIME if month is None else month_bounds(month)
    with core.reading() as reader:
        return _Auditor(core, reader, chapter, month, bounds).report()


@dataclass(slots=True)
class _Auditor:
    core: Core
    reader: Rows
    chapter: int
    month: str | None
    bounds: tuple[int, int]
    sums: dict[bytes, _Sums] = field(default_factory=dict[bytes, _Sums])
    opens: list[TradeLine] = field(default_factory=list[TradeLine])
    refunds: list[TradeLine] = field(default_factory=list[TradeLine])
    trades: int = 0
    turnover: int = 0

    def report(self) -> Audit:
        """Walk over all trades once, then over the members and the grants."""
        core, reader, chapter = self.core, self.reader, self.chapter
        for walked in every_trade(reader):
            if walked.row.chapter == chapter:
                self._take(walked)
        lines = tuple(self._lines())
        named = core.rules.genesis.chapters[chapter]
        closing = [line.closing for line in lines]
        positive = sum(amount for amount in closing if amount > 0)
        opening = sum(line.opening for line in lines if line.opening > 0)
        unconfirmed = sum(row.unsecured for row in self._totals()) // 2
        mark = read_mark(core, reader)
        return Audit(
            chapter=named.name,
            month=self.month,
            lines=lines,
            opens=tuple(sorted(self.opens, key=_by_time)),
            refunds=tuple(sorted(self.refunds, key=_by_time)),
            grants=tuple(sorted(self._grants(), key=lambda line: (line.time, line.act))),
            witnesses=tuple(w for w in sorted(named.witnesses) if stamps.is_convicted(reader, w)),
            trades=self.trades,
            turnover=self.turnover,
            velocity=_velocity(self.turnover, opening + positive),
            positive=positive,
            negative=-sum(amount for amount in closing if amount < 0),
            unconfirmed=unconfirmed,
            adds_up=self._adds_up(),
            root=root.state_root(reader, core.rules, named.name),
            level=self._level(lines, unconfirmed),
            mark=mark,
            verified=reader.record_count_below(mark.number),
            closed=self._closed(),
        )

    def _take(self, walked: Walked) -> None:
        row, (start, end) = walked.row, self.bounds
        if not walked.commits:
            self._note_open(walked)
        elif not row.counted:
            self._note(self.opens, walked, "contested", walked.time)
        elif row.unit == CREDIT:
            time = walked.time
            payer = self.sums.setdefault(row.payer, _Sums())
            payee = self.sums.setdefault(row.payee, _Sums())
            if time < start:
                payer.opening -= row.amount
                payee.opening += row.amount
            elif time < end:
                payer.given += row.amount
                payee.received += row.amount
                self.trades += 1
                self.turnover += row.amount
                if row.refunded:
                    self._note(self.refunds, walked, "refund", time)
            else:
                payer.later -= row.amount
                payee.later += row.amount

    def _note_open(self, walked: Walked) -> None:
        status = book.status_of(self.reader, walked.trade)
        if status in OPEN:
            state = "reserved" if walked.row.by_payer else "offered"
            state = state if status == "proposed" else status
            raw = self.reader.raw(walked.row.number)
            time = 0 if raw is None else parse_header(raw.header).time
            if time < self.bounds[1]:
                self._note(self.opens, walked, state, time)

    def _note(self, lines: list[TradeLine], walked: Walked, state: str, time: int) -> None:
        row: TradeRow = walked.row
        lines.append(
            TradeLine(
                walked.trade,
                row.payer,
                row.payee,
                row.amount,
                row.unit,
                state,
                time,
                row.refunded,
            )
        )

    def _lines(self) -> Iterator[MemberLine]:
        """Members of the chapter, and whoever else ever traded in it; in order of id."""
        core, reader, chapter = self.core, self.reader, self.chapter
        known = dict(members.members_in(reader, chapter, core.rules))
        for member in sorted(known.keys() | self.sums.keys()):
            sums = self.sums.get(member) or _Sums()
            yield MemberLine(
                member=member,
                name=people.name_of(reader, member),
                membership=known.get(member, "none"),
                limit=people.limit_of(core, reader, chapter, member),
                opening=sums.opening,
                received=sums.received,
                given=sums.given,
                closing=sums.opening + sums.received - sums.given,
                alerts=tuple(sorted(people.alerts_of(core, reader, chapter, member))),
            )

    def _totals(self) -> Iterator[book.TurnoverRow]:
        prefix = members.member_subject(self.chapter, b"")
        for _, row in book.TURNOVER.under(self.reader, prefix):
            yield row

    def _adds_up(self) -> bool:
        summed = {
            member: amount
            for member, sums in self.sums.items()
            if (amount := sums.opening + sums.received - sums.given + sums.later)
        }
        held = {member: n for _, member, n in book.balances(self.reader, self.chapter)}
        return summed == held and sum(held.values()) == 0

    # --- grants -----------------------------------------------------------------------------------
    def _grants(self) -> Iterator[GrantLine]:
        start, end = self.bounds
        for key, row in ACT.scan(self.reader, b"", None):
            if row.kind != "credit.grant" or row.chapter != self.chapter:
                continue
            entry = lanes.ENTRY.must(self.reader, key[-32:])
            raw = self.reader.raw(entry.number)
            time = 0 if raw is None else parse_header(raw.header).time
            if start <= time < end:
                yield self._grant(key, row, entry, time)

    def _grant(self, key: bytes, row: ActRow, entry: lanes.Entry, time: int) -> GrantLine:
        reader, opened, act = self.reader, key[:-32], key[-32:]
        body = stored_body(reader, entry.number, CreditGrant)
        replaced = [ACT.must(reader, opened + one) for one in body.supersedes]
        before = max(replaced, key=lambda old: old.serial).limit if replaced else None
        current = members.current_act(reader, opened, self.core.rules)
        state = "current"
        if current is None or current[0] != act:
            stands = members.stands(reader, act, self.core.rules)
            state = "replaced" if stands else "withdrawn"
        owner = lanes.author_of(reader, lanes.ENTRY.must(reader, opened))
        by = lanes.author_of(reader, entry)
        return GrantLine(act, owner, row.limit, before, by, time, state)

    # --- levels -----------------------------------------------------------------------------------
    def _closed(self) -> tuple[Standing, Compared | None] | None:
        if self.month is None:
            return None
        standing = closes.standing(self.core, self.reader, self.chapter, self.month)
        return None if standing is None else (standing, self.reader.closes.get(standing.act))

    def _level(self, lines: tuple[MemberLine, ...], unconfirmed: int) -> str:
        """L4 where a close of the month, which own books agree with, says all these balances."""
        closed = self._closed()
        if closed is not None and closed[1] is not None and closed[1].agrees:
            leaves = self.reader.closes.leaves(closed[0].act)
            said = {leaf.member: leaf.balance for leaf in leaves if leaf.balance}
            if said == {line.member: line.closing for line in lines if line.closing}:
                return CLOSED
        return SECURED if self.sums and not unconfirmed else HELD


def _by_time(line: TradeLine) -> tuple[int, bytes]:
    return line.time, line.trade


def _velocity(turnover: int, twice_in_circulation: int) -> Decimal | None:
    if not twice_in_circulation:
        return None
    return (Decimal(2 * turnover) / twice_in_circulation).quantize(VELOCITY_STEP)
