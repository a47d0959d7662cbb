"""Asking the search index.

Rules: every word must occur; exact words come before parts of words, then the better match, or,
when asked so, the newest arrival. Arrival is this node's own order: a claimed time could lie. A
page goes on where its cursor says, also when documents have come in between.

Left to others: showing what was found, which the caller reads from the state by id.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.protocol.errors import LocalFault
from node.protocol.limits import SEARCH_PAGE_MAX_COUNT
from node.storage.connect import connect_reader
from node.storage.documents import FREE, Kind, finest
from node.storage.errors import Problem
from node.storage.tokens import Match, query_match

_BY_RANK: Final = (
    "SELECT number, id, kind, tier, score FROM (SELECT number, id, kind, documents.rowid NOT IN"
    " (SELECT rowid FROM words WHERE words MATCH :exact) AS tier, words.rank AS score"
    " FROM words CROSS JOIN documents ON documents.number = words.rowid"
    " WHERE words MATCH :part{filters})"
    " WHERE (tier, score, -number) > (:tier, :score, :place)"
    " ORDER BY tier, score, number DESC LIMIT :limit"
)
_NEWEST: Final = (
    "SELECT number, id, kind, 0, 0.0 FROM words CROSS JOIN documents"
    " ON documents.number = words.rowid WHERE words MATCH :part AND words.rowid < :below{filters}"
    " ORDER BY words.rowid DESC LIMIT :limit"
)
_BROWSE: Final = (
    "SELECT number, id, kind, 0, 0.0 FROM documents WHERE number < :below{filters}"
    " ORDER BY number DESC LIMIT :limit"
)
_NOTHING: Final = '"\ue001"'  # matches no token: the tier of exact words is empty
_NUMBER_MAX: Final = 2**62


@dataclass(frozen=True, slots=True)
class PriceCap:
    """At most this much, in minor units of `unit`. What is free is always included."""

    unit: str
    amount: int
    decimals: int


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for. Without words: everything that passes the filters, newest first."""

    words: str = ""
    kind: Kind | None = None
    listing_kind: str | None = None
    room: str | None = None
    language: str | None = None
    region: str | None = None  # `KR` finds `KR-11` too
    max_price: PriceCap | None = None
    now_ms: int | None = None  # leaves out what has expired by then
    newest: bool = False
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: the id of a post or listing."""

    id: bytes
    kind: Kind


@dataclass(frozen=True, slots=True)
class Page:
    """Hits in order; `cursor` asks for those after them, None when these were the last."""

    hits: tuple[Hit, ...]
    cursor: str | None


class SearchReader:
    """The reading side of the index. Used by one thread."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_reader(path)

    def query(self, query: SearchQuery) -> Page:
        """A page of hits. Raises LocalFault cursor-invalid."""
        match = query_match(query.words)
        if match is None and query.words.strip():
            return Page((), None)  # words without a letter: nothing can match
        limit = max(1, min(query.limit, SEARCH_PAGE_MAX_COUNT))
        filters, values = _filters(query)
        by_rank = match is not None and not query.newest
        text = _BY_RANK if by_rank else _BROWSE if match is None else _NEWEST
        values |= {"limit": limit + 1, **_match_values(match), **_place(query.cursor, by_rank)}
        rows = self._connection.execute(text.format(filters=filters), values).fetchall()
        more, rows = len(rows) > limit, rows[:limit]
        cursor = _cursor(rows[-1], by_rank) if more else None
        return Page(tuple(Hit(row[1], row[2]) for row in rows), cursor)

    def close(self) -> None:
        """Give the connection up."""
        try:
            self._connection.close()
        except sqlite3.Error:
            pass  # busy in another thread, which is about to end


def _filters(query: SearchQuery) -> tuple[str, dict[str, object]]:
    """SQL conditions, each starting with AND, and their values."""
    text, values = "", dict[str, object]()
    for name in ("kind", "listing_kind", "room", "language"):
        value = getattr(query, name)
        if value is not None:
            text += f" AND documents.{name} = :{name}"
            values[name] = value
    if query.region is not None:
        text += " AND (region = :region OR substr(region, 1, :region_size) = :region_prefix)"
        prefix = f"{query.region}-"
        values |= {"region": query.region, "region_prefix": prefix, "region_size": len(prefix)}
    if query.max_price is not None:
        cap = query.max_price
        text += " AND (unit = :free OR (unit = :unit AND amount <= :amount))"
        values |= {"free": FREE, "unit": cap.unit, "amount": finest(cap.amount, cap.decimals)}
    if query.now_ms is not None:
        text += " AND (until IS NULL OR until > :now)"
        values["now"] = query.now_ms
    return text, values


def _match_values(match: Match | None) -> dict[str, object]:
    return {} if match is None else {"part": match.part, "exact": match.exact or _NOTHING}


def _cursor(row: tuple[int, bytes, str, int, float], by_rank: bool) -> str:
    number, _, _, tier, score = row
    return f"r{tier}_{score.hex()}_{number}" if by_rank else f"n{number}"


def _place(cursor: str | None, by_rank: bool) -> dict[str, object]:
    """Where a page starts."""
    if cursor is None:
        return {"tier": -1, "score": 0.0, "place": 0, "below": _NUMBER_MAX}
    try:
        if by_rank and cursor.startswith("r"):
            tier, score, number = cursor[1:].split("_")
            return {"tier": int(tier), "score": float.fromhex(score), "place": -_number(number)}
        if not by_rank and cursor.startswith("n"):
            return {"below": _number(cursor[1:])}
    except (ValueError, OverflowError):
        pass
    raise LocalFault(Problem.CURSOR_INVALID)


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _NUMBER_MAX:
        raise ValueError(text)
    return number
