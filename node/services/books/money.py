"""What a member sees of their trades and money: lists, balances, statements, and how sure they are.

Rules: every figure is the sum of listed records; amounts are exact integers in minor units; the
level says how far the proof goes and never claims more. Months are UTC. Nothing here writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.ledger import book, positions, trades
from node.ledger.positions import TRADE, Status, TradeRow
from node.protocol import admission, lanes
from node.protocol.account import CREDIT, TradePropose
from node.protocol.errors import LocalFault
from node.protocol.record import parse_header
from node.protocol.state import u64
from node.services.books import closes
from node.services.books.closes import ClosedBalance
from node.services.books.levels import CLOSED, Levels
from node.services.books.months import month_bounds
from node.services.core import Core
from node.services.incoming import proofs
from node.services.trading import accounts, doubts
from node.services.trading.refunds import Returned, returned
from node.services.trading.relays import Line, line_of
from node.storage.rows import Rows
from node.views import members

COMMITTED = ("settled", "secured")


@dataclass(frozen=True, slots=True)
class TradeStep:
    """One ok step: record id, kind, who, claimed time."""

    id: bytes
    kind: str
    author: bytes
    time: int


@dataclass(frozen=True, slots=True)
class TradeView:
    """A trade as its parties see it. `next_steps` are what this member may do now."""

    id: bytes
    payer: bytes
    payee: bytes
    unit: str
    amount: int
    status: str  # proposed accepted declined released settled secured
    invoice: bool
    contested: bool
    refunds: bytes | None  # the trade this one gives back
    returned: Returned  # how much of this one went back
    time: int
    order: str | None  # known only to the parties that hold it
    next_steps: tuple[str, ...]
    level: str
    alerts: tuple[str, ...]  # on the other side's lane
    doubt: str | None  # why a contested one is, for this member (`doubts.reason`)
    line: Line  # may goods change hands?


@dataclass(frozen=True, slots=True)
class BalanceView:
    """A member's balance in a chapter, minor units of credit.

    `unconfirmed`: trades that count and that no relays have confirmed; `closed`: what the newest
    close that own books agree with says of it.
    """

    member: bytes
    chapter: str
    book: int
    spendable: int | None  # own account only
    limit: int | None
    reserved: int
    level: str
    unconfirmed: int
    closed: ClosedBalance | None
    final: bool  # False where no witness confirms: q = 0
    in_doubt: doubts.InDoubt  # not counted


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a statement: + received, - given, minor units of `unit`."""

    trade: bytes
    commit: bytes
    partner: bytes
    unit: str
    amount: int
    time: int
    order: str | None  # of own accounts, where this home holds it
    refunds: bytes | None  # the trade that this one gives back


@dataclass(frozen=True, slots=True)
class Statement:
    """A month (UTC): opening + movements = closing. `others` are trades in units that nobody's
    books count. `level` is L4 where a verified close of that very month says the same of the
    closing, else that of the trades it rests on."""

    member: bytes
    chapter: str
    month: str
    opening: int
    movements: tuple[Movement, ...]
    others: tuple[Movement, ...]
    closing: int
    level: str
    in_doubt: tuple[Movement, ...]  # of this month, and not counted


class Money:
    """Reads of one's own (and, where public, others') money."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def trade(self, trade: bytes) -> TradeView:
        """One trade. Raises LocalFault `trade-unknown`."""
        with self._core.reading() as reader:
            row = TRADE.get(reader, trade)
            if row is None:
                raise LocalFault("trade-unknown")
            status = book.told_status(reader, trade)
            return self._view(reader, Levels(self._core, reader), trade, row, status)

    def commit_of(self, trade: bytes) -> bytes:
        """The record that committed a trade. Raises LocalFault `trade-unknown`, `not-committed`."""
        with self._core.reading() as reader:
            if TRADE.get(reader, trade) is None:
                raise LocalFault("trade-unknown")
            commit = next(book.commits_of(reader, trade), None)
        if commit is None:
            raise LocalFault("not-committed")
        return commit

    def steps(self, trade: bytes) -> list[TradeStep]:
        """The ok steps of a trade on all branches, in order of arrival."""
        with self._core.reading() as reader:
            found: list[tuple[int, TradeStep]] = []
            for key, step in trades.STEP.under(reader, trade):
                entry = lanes.ENTRY.must(reader, key[32:])
                time = _time_of(reader, entry.number)
                found.append((entry.number, TradeStep(key[32:], step.kind, step.author, time)))
            return [step for _, step in sorted(found, key=lambda item: item[0])]

    def trades(
        self,
        before: int | None,
        limit: int,
        *,
        state: str | None = None,
        partner: bytes | None = None,
    ) -> tuple[list[TradeView], int | None]:
        """Own trades, newest first, below local number `before`; and where to go on."""
        member = self._core.member
        top = member + (u64(before) if before is not None else b"\xff" * 8)
        views: list[TradeView] = []
        last: int | None = None
        with self._core.reading() as reader:
            levels = Levels(self._core, reader)
            for key, trade in trades.MEMBER_TRADE.scan(reader, member, top, reverse=True):
                row = TRADE.must(reader, trade)
                if partner is not None and partner not in (row.payer, row.payee):
                    continue
                if row.counted and state is not None and state not in COMMITTED:
                    continue  # cheap: most trades are done with, and mostly the others are wanted
                status = book.told_status(reader, trade)
                if state not in (None, status):
                    continue
                if len(views) == limit:
                    return views, last
                views.append(self._view(reader, levels, trade, row, status))
                last = int.from_bytes(key[32:], "big")
        return views, None

    def _view(
        self, reader: Rows, levels: Levels, trade: bytes, row: TradeRow, status: str
    ) -> TradeView:
        contested = status in COMMITTED and not row.counted
        back = returned(reader, trade)
        return TradeView(
            id=trade,
            payer=row.payer,
            payee=row.payee,
            unit=row.unit,
            amount=row.amount,
            status=status,
            invoice=not row.by_payer,
            contested=contested,
            refunds=row.refunded or None,
            returned=back,
            time=_time_of(reader, row.number),
            order=order_of(reader, row),
            next_steps=self._next_steps(reader, trade, row, status, back.left),
            level=levels.of_trade(trade, row, status),
            alerts=self._alerts(reader, row),
            doubt=doubts.reason(reader, trade, row, self._core.member) if contested else None,
            line=line_of(reader, self._core.rules, trade, row, status, back.given),
        )

    def _alerts(self, reader: Rows, row: TradeRow) -> tuple[str, ...]:
        other = row.payee_open if row.payer == self._core.member else row.payer_open
        entry = lanes.ENTRY.must(reader, other)
        lane_key = lanes.key_of(reader, entry.lane)
        found = proofs.lane_alerts(self._core, reader, lane_key, row.chapter)
        return tuple(sorted(found))

    def _next_steps(
        self, reader: Rows, trade: bytes, row: TradeRow, status: str, left: int
    ) -> tuple[str, ...]:
        member = self._core.member
        own = accounts.own_account(self._core, reader)
        if own is None or member not in (row.payer, row.payee):
            return ()
        if status in COMMITTED:
            rated = next(iter(trades.RATED.under(reader, trade + member)), None) is not None
            rate = () if rated else ("rate",)
            return (*rate, "refund") if row.payee == member and left > 0 else rate
        head = lanes.ENTRY.must(reader, own.head)
        here = positions.status_at(reader, head, own.open, trade)
        by_other = (row.payer == member) != row.by_payer
        if here is None and status == "proposed" and by_other:
            return ("accept", "decline")
        if here == Status.RESERVED:
            return ("settle", "release") if status == "accepted" else ("release",)
        return ()

    def balance(self, member: bytes, chapter: int) -> BalanceView:
        """Balance of a member in a chapter; own spendable and limit too."""
        with self._core.reading() as reader:
            name = self._core.rules.genesis.chapters[chapter].name
            final = self._core.rules.genesis.chapters[chapter].q > 0
            amount = book.balance(reader, chapter, member)
            spendable = limit = None
            reserved = 0
            if self._core.signer is not None and member == self._core.member:
                own = accounts.own_account(self._core, reader)
                if own is not None:
                    spendable = self._core.clean(reader).spendable(reader, own.head)
                    current = members.current_act(reader, own.open, self._core.rules)
                    limit = 0 if current is None else current[1].limit
                    reserved = reserved_in(reader, own)
            level, unconfirmed, closed = Levels(self._core, reader).of_balance(chapter, member)
            in_doubt = doubts.of_member(reader, member, chapter)
            return BalanceView(
                member=member,
                chapter=name,
                book=amount,
                spendable=spendable,
                limit=limit,
                reserved=reserved,
                level=level,
                unconfirmed=unconfirmed,
                closed=closed,
                final=final,
                in_doubt=in_doubt,
            )

    def statement(self, chapter: int, month: str, member: bytes | None = None) -> Statement:
        """Committed trades of a month by the claimed time of their commit, of this member unless
        said otherwise.

        `month` is `YYYY-MM`. Raises LocalFault `month-invalid`.
        """
        first, last = month_bounds(month)
        member = member or self._core.member
        opening, counted, in_doubt = 0, list[Movement](), list[Movement]()
        with self._core.reading() as reader:
            for is_counted, movement in self._movements(reader, member, chapter):
                if first <= movement.time < last:
                    (counted if is_counted else in_doubt).append(movement)
                elif is_counted and movement.unit == CREDIT and movement.time < first:
                    opening += movement.amount
        for part in (counted, in_doubt):
            part.sort(key=lambda line: (line.time, line.trade))
        movements = tuple(line for line in counted if line.unit == CREDIT)
        closing = opening + sum(line.amount for line in movements)
        with self._core.reading() as reader:
            level = self._closed_level(reader, chapter, month, member, closing)
        return Statement(
            member=member,
            chapter=self._core.rules.genesis.chapters[chapter].name,
            month=month,
            opening=opening,
            movements=movements,
            others=tuple(line for line in counted if line.unit != CREDIT),
            closing=closing,
            level=level,
            in_doubt=tuple(line for line in in_doubt if line.unit == CREDIT),
        )

    def _closed_level(
        self, reader: Rows, chapter: int, month: str, member: bytes, closing: int
    ) -> str:
        """Level of a balance at the end of a month."""
        standing = closes.standing(self._core, reader, chapter, month)
        if standing is not None:
            leaf = reader.closes.leaf(standing.act, member)
            if leaf is not None and leaf.balance == closing:
                return CLOSED
        return Levels(self._core, reader).of_trades(chapter, member)

    def _movements(
        self, reader: Rows, member: bytes, chapter: int
    ) -> Iterator[tuple[bool, Movement]]:
        """Committed trades; False beside those that are in doubt."""
        own = self._core.signer is not None and member == self._core.member
        for _, trade in trades.MEMBER_TRADE.under(reader, member):
            row = TRADE.must(reader, trade)
            if row.chapter != chapter:
                continue
            commits = [
                (_time_of(reader, lanes.ENTRY.must(reader, c).number), c)
                for c in book.commits_of(reader, trade)
            ]
            if not commits:
                continue
            time, commit = min(commits)
            gave = row.payer == member
            yield (
                row.counted,
                Movement(
                    trade=trade,
                    commit=commit,
                    partner=row.payee if gave else row.payer,
                    unit=row.unit,
                    amount=-row.amount if gave else row.amount,
                    time=time,
                    order=order_of(reader, row) if own else None,
                    refunds=row.refunded or None,
                ),
            )


def reserved_in(reader: Rows, own: accounts.Account) -> int:
    """Credit set aside for own proposals that are neither settled nor released, minor units."""
    head = lanes.ENTRY.must(reader, own.head)
    mine = positions.mine(reader, own.open)
    total = 0
    for trade, status in positions.trades_at(reader, head, own.open).items():
        row = TRADE.must(reader, trade)
        if status == Status.RESERVED and row.unit == CREDIT and row.payer_open in mine:
            total += row.amount
    return total


def order_of(reader: Rows, row: TradeRow) -> str | None:
    """The order's text where this home holds it."""
    body = admission.stored_body(reader, row.number, TradePropose)
    order = reader.orders.get(body.order_hash)
    return None if order is None or not order.body else order.body.decode("utf-8", "replace")


def _time_of(reader: Rows, number: int) -> int:
    raw = reader.raw(number)
    assert raw is not None
    return parse_header(raw.header).time
