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
from node.storage.search import SUMS, are_sums
from node.storage.tokens import Match, query_match

# What was revised is in `words` under its former words, too: `revised` has the last word.
_FOUND: Final = (
    "FROM words CROSS JOIN documents ON documents.number = words.rowid WHERE words MATCH :part"
    " AND (NOT revised OR number IN (SELECT rowid FROM revised WHERE revised MATCH :part))"
)
_BY_RANK: Final = (
    "SELECT number, id, post, tier, score FROM (SELECT number, id, post, {inexact} AS tier,"
    f" bm25(words, {{weight}}) AS score {_FOUND}{{filters}})"
    " WHERE (tier, score, -number) > (:tier, :score, :place)"
    " ORDER BY tier, score, number DESC LIMIT :limit"
)
_NEWEST: Final = (
    f"SELECT number, id, post, 0, 0.0 {_FOUND} AND words.rowid < :below{{filters}}"
    " ORDER BY words.rowid DESC LIMIT :limit"
)
_BROWSE: Final = (
    "SELECT number, id, post, 0, 0.0 FROM documents WHERE number < :below{filters}"
    " ORDER BY number DESC LIMIT :limit"
)
_SUMS: Final = f"SELECT name, value FROM marks WHERE name IN {SUMS}"
# BM25 with the length of a text out of `documents`: to look it up in FTS5's own table would be half
# of all the work. FTS5 takes every text for one of -1 tokens then, and each occurrence of a word
# for `w` of them, so that  w f / (w f + K(-1)) = f / (f + K(size))  for  w = K(-1) / K(size).
_SATURATION: Final = 1.2  # k1 and b, as FTS5 has them
_LENGTH_SHARE: Final = 0.75
_WEIGHT: Final = ":own / (:least + :more * size)"
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
        values |= {"limit": limit + 1, **_match_values(match), **_place(query.cursor, by_rank)}
        if match is None:
            text = _BROWSE.format(filters=filters)
        elif query.newest:
            text = _NEWEST.format(filters=filters)
        else:
            values |= self._scale()
            text = _BY_RANK.format(filters=filters, inexact=_inexact(match), weight=_WEIGHT)
        rows = self._connection.execute(text, values).fetchall()
        more, rows = len(rows) > limit, rows[:limit]
        cursor = _cursor(rows[-1], by_rank) if more else None
        return Page(tuple(Hit(row[1], "post" if row[2] else "listing") for row in rows), cursor)

    def _scale(self) -> dict[str, float]:
        """Values of `_WEIGHT`."""
        sums: dict[str, int] = dict(self._connection.execute(_SUMS).fetchall())
        if not are_sums(sums):
            raise sqlite3.DatabaseError("sums")
        usual = max(1, sums["live_size"]) / max(1, sums["live"])
        as_seen = max(1, sums["inserted_size"]) / max(1, sums["inserted"])
        # 0 where FTS5 would divide by it: then lengths do not count.
        own = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * -1 / as_seen)
        least = _SATURATION * (1 - _LENGTH_SHARE)
        return {"own": own or 1.0, "least": least, "more": _SATURATION * _LENGTH_SHARE / usual}

    def close(self) -> None:
        """Give the connection up."""
        try:
            self._connection.close()
        except sqlite3.Error:
            pass  # busy in another thread, which is about to end


def _filters(query: SearchQuery) -> tuple[str, dict[str, object]]:
    """SQL conditions, each starting with AND, and their values."""
    text, values = "", dict[str, object]()
    if query.kind is not None:
        text += " AND post = :post"
        values["post"] = query.kind == "post"
    for name in ("listing_kind", "room", "language"):
        value = getattr(query, name)
        if value is not None:
            text += f" AND {name} = {_named(name)}"
            values[name] = value
    if query.region is not None:
        text += (
            " AND region IN (SELECT number FROM names WHERE name = :region"
            " OR substr(name, 1, :region_size) = :region_prefix)"
        )
        prefix = f"{query.region}-"
        values |= {"region": query.region, "region_prefix": prefix, "region_size": len(prefix)}
    if query.max_price is not None:
        cap = query.max_price
        paid = f"(unit = {_named('unit')} AND amount <= :amount)"
        text += f" AND (unit = {_named('free')} OR {paid})"
        values |= {"free": FREE, "unit": cap.unit, "amount": finest(cap.amount, cap.decimals)}
    if query.now_ms is not None:
        text += " AND (until IS NULL OR until > :now)"
        values["now"] = query.now_ms
    return text, values


def _named(value: str) -> str:
    """SQL: the number of a name, null where nothing is called so."""
    return f"(SELECT number FROM names WHERE name = :{value})"


def _match_values(match: Match | None) -> dict[str, object]:
    if match is None:
        return {}
    return {"part": match.part, "exact": match.exact, "whole": match.whole}


def _inexact(match: Match) -> str:
    """SQL: 0 for a document that has the words exactly, else 1."""
    if match.exact is None and match.whole is None:
        return "1"
    former = _lacks(match, "words", "wholes")
    return f"CASE WHEN revised THEN {_lacks(match, 'revised', 'revised_wholes')} ELSE {former} END"


def _lacks(match: Match, words: str, wholes: str) -> str:
    asked = ((words, "exact", match.exact), (wholes, "whole", match.whole))
    sets = [
        f"SELECT rowid FROM {table} WHERE {table} MATCH :{value}"
        for table, value, wanted in asked
        if wanted is not None
    ]
    return f"number NOT IN ({' INTERSECT '.join(sets)})"


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
