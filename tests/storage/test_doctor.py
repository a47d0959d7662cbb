"""The doctor finds what is wrong, and makes the fold's tables anew, also after being killed."""

import random
import re
import shutil
import sqlite3

import pytest

from node.ledger.root import state_root
from node.protocol.errors import StorageFault
from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.protocol.state import TABLES, Changes
from node.storage import doctor
from node.storage.connect import connect_writer
from node.storage.database import Database
from node.storage.described import fold_text
from node.storage.doctor import Finding
from node.storage.home import Home, remove_database
from node.storage.state import WriterState
from node.views import rooms
from tests.storage.folded import Refolding, busy_world, take
from tests.storage.samples import open_database
from tests.support.damage import flip
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return busy_world()


def tables_of(database: Database) -> dict[str, list[tuple[bytes, bytes]]]:
    with database.snapshot() as reader:
        return {name: reader.scan(name, b"", None) for name in TABLES}


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_sound_home_has_no_findings_open_or_closed(
    database: Database, home: Home, world: World
) -> None:
    take(database, world, world.raws())
    assert doctor.check(home) == []
    database.close()
    assert doctor.check(home) == []


def test_a_home_that_is_not_there_is_said_to_be_missing(home: Home) -> None:
    assert codes(doctor.check(home)) == ["home-missing"]
    home.prepare()
    assert codes(doctor.check(home)) == ["home-missing"]


def test_files_open_to_others_are_named(database: Database, home: Home) -> None:
    home.database.chmod(0o644)
    assert doctor.check(home) == [Finding("bad", "open-to-others", {"path": str(home.database)})]


def test_little_space_is_noted(
    database: Database, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(home.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    assert doctor.check(home) == [Finding("note", "disk-low", {"free_bytes": 1_000_000})]


def test_damage_is_found_in_either_file(home: Home, world: World) -> None:
    database = open_database(home)
    take(database, world, world.raws())
    database.close()
    home.search.write_bytes(b"no database " * 1_000)
    home.search.chmod(0o600)
    assert codes(doctor.check(home)) == ["search-damaged"]
    home.search.unlink()
    with home.database.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(bytes(4096 * 3))
    assert codes(doctor.check(home)) == ["database-damaged"]


def test_foreign_and_newer_files_are_named(database: Database, home: Home) -> None:
    database.close()
    for pragma, code in (
        ("user_version = 99", "schema-newer"),
        ("application_id = 7", "database-foreign"),
    ):
        with sqlite3.connect(home.database) as connection:
            connection.execute(f"PRAGMA {pragma}")
        connection.close()
        assert codes(doctor.check(home)) == [code]


def test_a_rebuild_gives_the_same_tables_and_touches_the_index_again(
    database: Database, world: World
) -> None:
    take(database, world, world.raws())
    before = tables_of(database)
    events, seen = database.reader().events.last(), list[tuple[int, int]]()
    database.writer.run_sync(
        lambda state: state.apply(
            None, Changes(rows={"room_post": {b"stray": b""}, "head": {b"x": b""}})
        )
    )
    total = database.reader().record_count()
    assert doctor.rebuild(database, Refolding(world), lambda *p: seen.append(p)) == total
    after = tables_of(database)
    assert [name for name, rows in before.items() if after[name] != rows] == []
    reader = database.reader()
    again = [one for _, one in reader.touched.after(0, 10**6)]
    named = {reader.id_at(one) if isinstance(one, int) else one for one in again}
    assert named >= set(rooms.live_ids(reader))
    assert database.reader().events.last() == events
    assert not database.rebuild_needed
    assert seen[0] == (0, total)
    assert seen[-1] == (total, total)


def test_a_rebuild_that_was_cut_short_is_asked_for_again(home: Home, world: World) -> None:
    database = open_database(home)
    take(database, world, world.raws())
    root = state_root(database.reader(), world.rules)
    refold, calls = Refolding(world), [0]

    def failing(state: WriterState, raw: RawRecord) -> Changes:
        calls[0] += 1
        if calls[0] == 10:
            raise KeyboardInterrupt
        return refold(state, raw)

    with pytest.raises(KeyboardInterrupt):
        doctor.rebuild(database, failing)
    database.close()
    assert codes(doctor.check(home)) == ["rebuild-needed"]
    again = open_database(home)
    assert again.rebuild_needed
    doctor.rebuild(again, refold)
    assert not again.rebuild_needed
    assert state_root(again.reader(), world.rules) == root
    again.close()


def test_comparing_finds_a_flipped_row_and_changes_nothing(
    database: Database, home: Home, world: World
) -> None:
    take(database, world, world.raws())
    refold = Refolding(world)

    def differing(home: Reader, made: Reader) -> list[str]:
        roots = {state_root(reader, world.rules) for reader in (home, made)}
        tables = [list(reader.scan("position", b"", None)) for reader in (home, made)]
        return ["root"] * (len(roots) > 1) + ["position"] * (tables[0] != tables[1])

    assert doctor.compare(database, refold, differing) == []
    key, row = database.reader().scan("position", b"", None)[-1]
    flipped = row[:-1] + bytes((row[-1] ^ 1,))
    database.writer.run_sync(
        lambda state: state.apply(None, Changes(rows={"position": {key: flipped}}))
    )
    assert doctor.compare(database, refold, differing) == ["position"]
    assert database.reader().get("position", key) == flipped
    assert not list(home.path.glob("*.check*"))


def test_a_table_that_nobody_declares_goes_with_a_rebuild(home: Home, world: World) -> None:
    open_database(home).close()
    connection = connect_writer(home.database)
    connection.execute(fold_text("fold_of_old"))
    connection.close()
    database = open_database(home)
    doctor.rebuild(database, Refolding(world))
    tables = database.reader().connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert ("fold_of_old",) not in tables
    database.close()


def code_of_opening(home: Home) -> str:
    """The code with which a home does not open; empty if it does."""
    try:
        open_database(home).close()
    except StorageFault as fault:
        return str(fault.code)
    return ""


def test_flips_in_the_header_and_the_list_of_tables_are_harmless_or_told(
    database: Database, home: Home, world: World
) -> None:
    """There SQLite speaks in other words than those of damage, or quotes what is no text."""
    take(database, world, world.raws()[:5])
    database.close()
    sound, chance = home.database.read_bytes(), random.Random(3)
    names = [found.start() for found in re.finditer(b"sqlite_autoindex|CREATE", sound)]
    places = [*range(100), *(chance.choice(names) + chance.randrange(16) for _ in range(60))]
    told = 0
    for place in places:
        remove_database(home.database)
        home.database.write_bytes(sound)
        flip(home.database, place, 7 if place > 100 else chance.randrange(8))
        found = doctor.check(home)  # never raises
        told += bool(found)
        refused = code_of_opening(home)
        assert refused in ("", "database-damaged", "database-foreign", "schema-newer")
        assert found or not refused, place
    assert told > 60
