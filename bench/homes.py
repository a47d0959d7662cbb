"""Homes for measured nodes: members of one generated community who all hold the same records.

The records are taken in once. A home is then a copy of that database beside the keys of its member,
whose own introduction is among the records: so ten nodes with 50,000 records are made in seconds.

Left to others: which records (`workloads`, `writers`), running the nodes (`processes`).
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import trio

from node.protocol import genesis, portable
from node.protocol.portable import Invitation
from node.protocol.record import RawRecord
from node.services.core import open_core
from node.services.homes.portability import core_from_export, import_lines, read_lines
from node.services.incoming.intake import Intake
from node.services.members.setup import Person, create_home
from node.storage.follower import Search
from node.storage.home import SIDE_FILES, Home

SEARCH_MAX_S: Final = 3_600.0
RECORDS_MAX_COUNT: Final = 1_000  # of a member who has just introduced themselves


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A member with a home of their own, who has said who they are and nothing else."""

    home: Path
    id: bytes
    records: tuple[RawRecord, ...]


def newcomer(home: Path, name: str, document: bytes) -> Newcomer:
    """Make a member of the community that a genesis document founds."""
    _, founded = genesis.parse(document)
    invitation = Invitation(
        addresses=[], chapter=founded.chapters[0].name, code=None, genesis=document
    )
    made = create_home(Home(home), Person(name, "en"), invitation=invitation)
    core = open_core(Home(home))
    try:
        held = core.reader.records_after(-1, RECORDS_MAX_COUNT)
    finally:
        core.close()
    return Newcomer(home, made.member, tuple(raw for _, raw in held))


def document_of(export: Path) -> bytes:
    """The genesis document in an export file."""
    document = portable.decode_genesis(next(read_lines(export)))
    assert document is not None
    return document


def community_of(export: Path) -> bytes:
    """The community of an export file, 32 bytes."""
    community, _ = genesis.parse(document_of(export))
    return community


def append(export: Path, records: Iterable[RawRecord]) -> int:
    """Write further records at the end of an export file; returns how many."""
    count = 0
    with export.open("a", encoding="ascii") as file:
        for raw in records:
            file.write(portable.encode_line(raw) + "\n")
            count += 1
    return count


def fill(home: Path, export: Path) -> int:
    """Take an export file into a new home without a member, or into one that is there, and wait
    until it can be searched; returns how many records were new. All must be welcome."""
    lines = read_lines(export)
    first = next(lines)
    place = Home(home)
    core = open_core(place) if place.genesis.exists() else core_from_export(place, first)
    try:
        report = trio.run(import_lines, core, Intake(core), chain([first], lines))
        found = report.as_json()
        assert report.accepted + report.duplicate == report.read, found
        assert report.deferred == report.void == 0, found
        search = Search(core.database, place.search)  # beside the import it would slow it down
        try:
            assert search.wait_until_caught_up(SEARCH_MAX_S), "search never caught up"
        finally:
            search.close()
    finally:
        core.close()
    return report.accepted


def furnish(member: Newcomer, base: Path, home: Path) -> Path:
    """A home of this member that holds what `base` holds; returns it."""
    shutil.copytree(member.home, home)
    for target, source in (
        (Home(home).database, Home(base).database),
        (Home(home).search, Home(base).search),
    ):
        for suffix in SIDE_FILES:
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(source, target)
    return home


def raw_bytes(records: Iterable[RawRecord]) -> int:
    """Bytes of headers, bodies and signatures together: what wire and disk are compared with."""
    return sum(len(r.header) + len(r.body or b"") + len(r.signature) for r in records)


def records_of(export: Path) -> Iterable[RawRecord]:
    """The records of an export file, in order."""
    lines = read_lines(export)
    next(lines)
    return map(portable.decode_line, lines)
