"""How sure something is: L0 to L4, and never more than holds (protocol, section 12).

    L2  all that it rests on is held here, and every verdict was computed here
    L3  every trade that counts was confirmed by enough relays of the chapter
    L4  a close of the chapter says the same, and own books come to that very close

Rules: a balance is as sure as the least sure of its trades, and closed only while nothing moved
since. Nothing here walks over trades: the fold keeps how many are not confirmed, a comparison with
a close is kept with its balances. That no fork exists elsewhere is never claimed.

Left to others: recomputing everything (`verification`), sentences (`i18n`).
"""

from typing import Final

from node.ledger import book
from node.ledger.positions import TradeRow
from node.protocol.account import CREDIT
from node.protocol.lanes import ENTRY
from node.protocol.record import parse_header
from node.services.books import closes
from node.services.books.closes import ClosedBalance, Standing
from node.services.core import Core
from node.storage.kept.closes import Compared
from node.storage.rows import Rows

LEVELS: Final = ("L0", "L1", "L2", "L3", "L4")
HELD: Final = "L2"
SECURED: Final = "L3"
CLOSED: Final = "L4"


class Levels:
    """Levels of what is read from one state."""

    def __init__(self, core: Core, reader: Rows) -> None:
        self._core = core
        self._reader = reader
        self._verified: dict[int, tuple[Standing, Compared] | None] = {}

    def of_trade(self, trade: bytes, row: TradeRow, status: str) -> str:
        """Level of a trade with this status over all branches."""
        if row.unit == CREDIT and row.counted and self._is_closed(trade, row.chapter):
            return CLOSED
        return SECURED if status == "secured" else HELD

    def _is_closed(self, trade: bytes, chapter: int) -> bool:
        if chapter not in self._verified:
            self._verified[chapter] = closes.newest_verified(self._core, self._reader, chapter)
        found = self._verified[chapter]
        return found is not None and any(
            closes.is_covered(*found, self._time_of(number), number)
            for number in self._numbers(trade)
        )

    def _numbers(self, trade: bytes) -> list[int]:
        commits = book.commits_of(self._reader, trade)
        return [ENTRY.must(self._reader, commit).number for commit in commits]

    def _time_of(self, number: int) -> int:
        raw = self._reader.raw(number)
        assert raw is not None, "account records are always held"
        return parse_header(raw.header).time

    def of_balance(self, chapter: int, member: bytes) -> tuple[str, int, ClosedBalance | None]:
        """Level of a member's balance; how many trades that count were not confirmed; what the
        newest verified close says of it."""
        total = book.total(self._reader, chapter, member)
        moved = total.received + total.given
        balance = book.balance(self._reader, chapter, member)
        closed = closes.closed_balance(self._core, self._reader, chapter, member, balance, moved)
        if closed is not None and moved and not closed.moved and not closed.since:
            return CLOSED, total.unsecured, closed
        return self.of_trades(chapter, member), total.unsecured, closed

    def of_trades(self, chapter: int, member: bytes) -> str:
        """Level of the trades that a member's balance rests on, closes left aside."""
        total = book.total(self._reader, chapter, member)
        return SECURED if total.received + total.given and not total.unsecured else HELD
