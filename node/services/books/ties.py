"""Who trades with whom in a chapter, and how much each month saw: what a picture of it needs.

Rules: trades that count, by the times their commits claim (UTC); volume is credit alone, other
units are counted as trades. Memory is that of the pairs and months, not of the trades. What is
told is what everybody in the community can add up from their own records.

Left to others: names (`api`), the picture (the web client).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from node.protocol.account import CREDIT
from node.services.books.every_trade import every_trade
from node.services.core import Core

TIES_MAX_COUNT: Final = 500


@dataclass(frozen=True, slots=True)
class Tie:
    """Two members who traded, the lower id first."""

    one: bytes
    other: bytes
    trades: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month such as `2026-10`; volume in minor units of credit."""

    month: str
    trades: int
    volume: int


@dataclass(frozen=True, slots=True)
class Ties:
    """At most 500 ties, most trades first, and how many there are; months, oldest first."""

    ties: tuple[Tie, ...]
    count: int
    months: tuple[Month, ...]


def ties(core: Core, chapter: int) -> Ties:
    """Add them up; a walk over all trades."""
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    trades: Counter[str] = Counter()
    volume: Counter[str] = Counter()
    with core.reading() as reader:
        for walked in every_trade(reader):
            row = walked.row
            if row.chapter != chapter or not row.counted:
                continue
            pairs[min(row.payer, row.payee), max(row.payer, row.payee)] += 1
            month = f"{datetime.fromtimestamp(walked.time / 1000, UTC):%Y-%m}"
            trades[month] += 1
            volume[month] += row.amount if row.unit == CREDIT else 0
    order = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:TIES_MAX_COUNT]
    return Ties(
        ties=tuple(Tie(*pair, count) for pair, count in order),
        count=len(pairs),
        months=tuple(Month(name, trades[name], volume[name]) for name in sorted(trades)),
    )
