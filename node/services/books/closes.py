"""Closes of chapters as this home sees them: does my own machine come to the same balances?

    what a close says  ->  own books, the same month  ->  equal: L4, kept with all balances

Rules: nothing is believed because officers signed it; a close counts as verified only where this
home's own trades give the very same root. Own books are tried as they are now, and as they were
when the act arrived, since a trade that came late, or is dated back, must not make a true close
look false. What was found equal stays found.

Left to others: the tree (`ledger.close`), signing closes (`closing`), sentences (`i18n`).
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from node.ledger.close import Totals, Tree
from node.ledger.positions import TradeRow
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.errors import LocalFault
from node.protocol.office import ChapterClose
from node.protocol.record import parse_header
from node.services.books.every_trade import Walked, every_trade
from node.services.books.months import month_bounds, month_of, period_of
from node.services.core import Committed, Core
from node.storage.kept.closes import Compared, KeptLeaf
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import chapters, members

NEWS: Final = frozenset({"chapter.close", "office.approve"})
AGAIN_AFTER_MS: Final = 600_000  # what was missing may have come
Moved = dict[bytes, tuple[int, int]]
"""Balance, and received and given together, by member; minor units."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A close that stands: the current one of its month."""

    chapter: int
    month: str
    act: bytes
    body: ChapterClose
    number: int  # local number of the act
    time: int  # claimed, ms

    @property
    def totals(self) -> Totals:
        """What it says of the whole chapter."""
        body = self.body
        return Totals(body.count, body.negative, body.positive, body.root)


@dataclass(frozen=True, slots=True)
class CloseView:
    """A close that stands, and what own books say. `compared` None: not looked at yet."""

    standing: Standing
    compared: Compared | None
    officers: tuple[bytes, ...]  # who made or approved it, within their cuts

    @property
    def agrees(self) -> bool | None:
        """Whether this home's own machine comes to the same."""
        return None if self.compared is None else self.compared.agrees


@dataclass(frozen=True, slots=True)
class ClosedBalance:
    """What the newest verified close says of a member's balance, minor units."""

    month: str
    act: bytes
    balance: int
    since: int  # what the balance changed since
    moved: bool  # whether anything moved since


@dataclass(slots=True)
class _Sums:
    """Balances at the end of a month, as all trades say and as those say that came before the
    act."""

    standing: Standing
    end_ms: int
    now: Moved = field(default_factory=dict[bytes, tuple[int, int]])
    then: Moved = field(default_factory=dict[bytes, tuple[int, int]])


def standing(core: Core, reader: Rows, chapter: int, month: str) -> Standing | None:
    """The close of a month that stands, or None. Raises LocalFault `month-invalid`."""
    found = chapters.close_of(reader, chapter, period_of(month), core.rules)
    if found is None:
        return None
    number = lanes.ENTRY.must(reader, found[0]).number
    raw = reader.raw(number)
    assert raw is not None, "office records are always held"
    time = parse_header(raw.header).time
    return Standing(chapter, month, found[0], found[1], number, time)


def all_standing(core: Core, reader: Rows, chapter: int) -> list[Standing]:
    """The closes that stand, newest month first."""
    months = [month_of(period) for period in chapters.periods_of(reader, chapter)]
    found = [standing(core, reader, chapter, month) for month in months if month is not None]
    return [one for one in found if one is not None]


def newest_verified(core: Core, reader: Rows, chapter: int) -> tuple[Standing, Compared] | None:
    """The close of the latest month that stands and that own books agree with."""
    for one in all_standing(core, reader, chapter):
        compared = reader.closes.get(one.act)
        if compared is not None and compared.agrees:
            return one, compared
    return None


def closed_balance(
    core: Core, reader: Rows, chapter: int, member: bytes, balance: int, moved: int
) -> ClosedBalance | None:
    """What the newest verified close says of a member whose book balance is `balance`, and who
    received and gave `moved` in all; None where there is no such close."""
    found = newest_verified(core, reader, chapter)
    if found is None:
        return None
    one = found[0]
    leaf = reader.closes.leaf(one.act, member) or KeptLeaf(member, 0, 0)
    since = balance - leaf.balance
    return ClosedBalance(one.month, one.act, leaf.balance, since, moved != leaf.moved)


def is_covered(standing_: Standing, compared: Compared, time: int, number: int) -> bool:
    """True iff a counted trade, committed at a claimed time by a record, is in a close."""
    return time < month_bounds(standing_.month)[1] and number < compared.below


def balances_at(reader: Rows, chapter: int, end_ms: int) -> Moved:
    """Balances of a chapter before a time, as the commits of its counted trades claim it."""
    sums: Moved = {}
    for walked in _counted(reader, chapter):
        if walked.time < end_ms:
            _add(sums, walked.row)
    return sums


def _counted(reader: Rows, chapter: int) -> Iterator[Walked]:
    """The trades of a chapter that a close adds up."""
    for walked in every_trade(reader):
        row = walked.row
        if row.chapter == chapter and row.counted and row.unit == CREDIT and walked.commits:
            yield walked


def totals_of(core: Core, sums: Moved) -> tuple[Totals, list[KeptLeaf]]:
    """The tree's totals and leaves."""
    leaves = [KeptLeaf(member, *amounts) for member, amounts in sorted(sums.items())]
    tree = Tree(core.community, [(leaf.member, leaf.balance) for leaf in leaves])
    return tree.totals, leaves


def _add(sums: Moved, row: TradeRow) -> None:
    for member, amount in ((row.payer, -row.amount), (row.payee, row.amount)):
        balance, moved = sums.get(member, (0, 0))
        sums[member] = (balance + amount, moved + row.amount)


class Closes:
    """Looks at the closes of chapters. Also a duty: it looks when one arrives, and now and then at
    those that own books did not agree with."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._due = False
        self._again_after = 0  # ms

    def views(self, chapter: int) -> list[CloseView]:
        """The closes that stand, newest month first, with what is known of each."""
        with self._core.reading() as reader:
            return [self._view(reader, one) for one in all_standing(self._core, reader, chapter)]

    def view(self, chapter: int, month: str) -> CloseView:
        """One of them. Raises LocalFault `month-invalid`, `close-missing`."""
        with self._core.reading() as reader:
            found = standing(self._core, reader, chapter, month)
            if found is None:
                raise LocalFault("close-missing", month=month)
            return self._view(reader, found)

    def _view(self, reader: Rows, one: Standing) -> CloseView:
        officers = members.officers_of(reader, one.act, self._core.rules)
        return CloseView(one, reader.closes.get(one.act), tuple(sorted(officers)))

    def look(self, chapter: int) -> None:
        """Compare own books with every close that stands and was not found equal yet. One walk over
        all trades, and none where there is nothing new. Raises StorageFault."""
        with self._core.reading() as reader:
            number = reader.next_number()
            todo = [
                _Sums(one, month_bounds(one.month)[1])
                for one in all_standing(self._core, reader, chapter)
                if _wants_a_look(reader.closes.get(one.act), number)
            ]
            if todo:
                _walk(reader, chapter, todo)
        if todo:
            self._keep([self._compared(sums, number) for sums in todo])

    def _compared(self, sums: _Sums, number: int) -> tuple[Compared, list[KeptLeaf]]:
        at = self._core.clock()
        said, act = sums.standing.totals, sums.standing.act
        own, leaves = totals_of(self._core, sums.now)
        if own != said:
            then, then_leaves = totals_of(self._core, sums.then)
            if then == said:
                found = Compared(act, True, sums.standing.number, at, *then)
                return found, then_leaves
        return Compared(act, own == said, number, at, *own), leaves

    def _keep(self, found: Sequence[tuple[Compared, list[KeptLeaf]]]) -> None:
        def job(state: WriterState) -> None:
            for compared, leaves in found:
                state.closes.put(compared, leaves)

        self._core.writer.run_sync(job)

    # --- a duty -----------------------------------------------------------------------------------
    def concerns(self, committed: Committed) -> bool:
        """True iff a close has come, or a vote that may make one stand."""
        self._due |= any(name in NEWS for name, _ in committed.events)
        return self._due

    async def perform(self) -> int:
        """Look at what came; returns 0, since nothing is signed."""
        now = self._core.clock()
        if self._due or now >= self._again_after:
            for chapter in range(len(self._core.rules.genesis.chapters)):
                await trio.to_thread.run_sync(self.look, chapter)
            self._due, self._again_after = False, now + AGAIN_AFTER_MS
        return 0


def _wants_a_look(compared: Compared | None, number: int) -> bool:
    return compared is None or (not compared.agrees and compared.below < number)


def _walk(reader: Rows, chapter: int, todo: list[_Sums]) -> None:
    for walked in _counted(reader, chapter):
        for sums in todo:
            if walked.time < sums.end_ms:
                _add(sums.now, walked.row)
            early = [c.time for c in walked.commits if c.number < sums.standing.number]
            if early and min(early) < sums.end_ms:
                _add(sums.then, walked.row)
