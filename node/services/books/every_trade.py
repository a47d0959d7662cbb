"""A walk over all trades of a home, a page at a time: for verification, closes and audits.

Rules: in order of trade id, each with its ok COMMIT records; memory stays that of one page, however
many trades there are. The caller holds one state.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.ledger.positions import TRADE, TradeRow
from node.ledger.trades import COMMIT
from node.protocol.lanes import ENTRY
from node.protocol.record import parse_header
from node.storage.rows import Rows

PAGE_TRADES_COUNT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Commit:
    """An ok COMMIT of a trade: its id, local number and claimed time (ms)."""

    id: bytes
    number: int
    time: int


@dataclass(frozen=True, slots=True)
class Walked:
    """A trade and its commits on all branches, in order of id."""

    trade: bytes
    row: TradeRow
    commits: tuple[Commit, ...]

    @property
    def time(self) -> int:
        """When it was committed, as its records claim: the lowest time, ms. Not for open trades."""
        return min(commit.time for commit in self.commits)


def every_trade(reader: Rows) -> Iterator[Walked]:
    """All trades with an ok proposal."""
    low = b""
    while True:
        page = list(TRADE.scan(reader, low, None, limit=PAGE_TRADES_COUNT))
        if not page:
            return
        commits = _commits_between(reader, page[0][0], page[-1][0] + b"\xff" * 33)
        for trade, row in page:
            yield Walked(trade, row, tuple(commits.get(trade, ())))
        low = page[-1][0] + b"\0"


def _commits_between(reader: Rows, low: bytes, high: bytes) -> dict[bytes, list[Commit]]:
    keys = [key for key, _ in COMMIT.rows.scan(reader, low, high)]
    rows = reader.get_many(ENTRY.name, [key[32:] for key in keys])
    numbers = {record: ENTRY.read(row).number for record, row in rows}
    raws = reader.raws(list(numbers.values()))
    times = {
        number: parse_header(raw.header).time
        for number, raw in zip(numbers.values(), raws, strict=True)
        if raw is not None
    }
    found: dict[bytes, list[Commit]] = {}
    for key in keys:
        number = numbers.get(key[32:], -1)
        if number in times:  # else the books are damaged: `verification` says so
            commit = Commit(key[32:], number, times[number])
            found.setdefault(key[:32], []).append(commit)
    return found
