"""Homes that are measured: a member's home, and an export or made-up records taken into it.

Everything goes the way of an import: lines of a file, verified, judged, folded, committed; the
search index follows behind. The member who lives there belongs to the generated community and has
introduced themselves, so that a node can run in the home.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import trio

from bench.workloads import YEAR_MS, Town
from node.protocol import genesis, portable
from node.protocol.portable import Invitation
from node.protocol.record import RawRecord
from node.services.core import Core, now_ms, open_core
from node.services.homes.portability import Report, import_lines
from node.services.incoming.intake import Intake
from node.services.members.setup import Person, create_home
from node.storage.follower import Search
from node.storage.home import Home

DRAIN_MAX_S: Final = 3_600.0
AUTHORS_COUNT: Final = 200
LAST_MS: Final = 3_600_000  # how long ago the newest listing was put up


@dataclass(frozen=True, slots=True)
class Taken:
    """How an import went: records of it, seconds, and seconds more until all could be found."""

    records: int
    seconds: float
    drain_s: float


class Fair(Town):
    """A chapter whose members put up listings all through the year that ends now."""

    def listings(self, count: int) -> Iterator[RawRecord]:
        """All join; then `count` listings, each open for a day to a quarter of a year."""
        yield from self._join_all()
        self._step = YEAR_MS // count
        self._time = now_ms() - LAST_MS - count * self._step
        for _ in range(count):
            yield from self._listing()


def market_lines(count: int, authors: int = AUTHORS_COUNT) -> tuple[bytes, Iterator[str]]:
    """(genesis document, lines of an export) of a chapter with `count` listings."""
    town = Fair("market", min(authors, max(2, count // 50)))
    document = genesis.encode(town.document)
    community, _ = genesis.parse(document)
    head = portable.encode_head(community, document)
    return document, chain([head], map(portable.encode_line, town.listings(count)))


def make_member(folder: Path, document: bytes) -> None:
    """A home of a new member of the community that a genesis document founds."""
    _, founded = genesis.parse(document)
    invitation = Invitation(
        addresses=[], chapter=founded.chapters[0].name, code=None, genesis=document
    )
    create_home(Home(folder), Person("Ada", "en"), invitation=invitation)


def fill(
    folder: Path,
    lines: Iterable[str | bytes],
    progress: Callable[[Report], None] = lambda report: None,
) -> Taken:
    """Take lines of an export into a home, and wait until everything can be found."""
    core = open_core(Home(folder))
    try:
        search = Search(core.database, core.home.search)
        try:
            began = time.perf_counter()
            report = trio.run(partial(import_lines, core, Intake(core), lines, progress))
            seconds = time.perf_counter() - began
            _check(report)
            assert search.wait_until_caught_up(DRAIN_MAX_S), "the search index never caught up"
            drain_s = time.perf_counter() - began - seconds
        finally:
            search.close()
    finally:
        core.close()
    return Taken(report.read, seconds, drain_s)


def again(first: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    """All lines of a file whose first one was read already."""
    yield first
    yield from lines


def _check(report: Report) -> None:
    found: dict[str, Any] = report.as_json()
    assert report.accepted + report.duplicate == report.read, found
    assert report.void == report.deferred == 0, found


def raw_bytes(core: Core) -> int:
    """Bytes of headers, bodies and signatures of all records held."""
    total, last = 0, -1
    while page := core.reader.records_after(last, 1_000):
        total += sum(len(r.header) + len(r.body or b"") + len(r.signature) for _, r in page)
        last = page[-1][0]
    return total
