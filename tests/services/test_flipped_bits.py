"""One flipped bit in a database, wherever it lies: it is found, or harmless, and mended."""

import os
import random
import sqlite3
from pathlib import Path

import pytest
import trio

from node.protocol import lanes
from node.protocol.errors import StorageFault
from node.protocol.limits import DATABASE_PAGE_BYTES
from node.services.core import open_core
from node.services.homes.looking import Looking
from node.services.homes.mending import mend, open_whole
from node.storage.home import Home
from node.storage.kept.private import Contact
from node.storage.log import log_of, lost_commits
from node.storage.schema import fold_table
from tests.support.damage import (
    copy_of,
    flip,
    number_places,
    raws_of,
)
from tests.support.wreckage import (
    Village,
    change,
    check_mended,
    codes,
    opened,
    say,
)

SEED = 20_261_126
FLIPS = int(os.environ.get("WETALK_FLIPS", "40"))


# --- any bit --------------------------------------------------------------------------------------
def test_whatever_bit_flips_it_is_found_or_harmless_and_mended(
    village: Village, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    content = village.home.database.read_bytes()
    used = [position for position, byte in enumerate(content) if byte]
    found = 0
    for number in range(FLIPS):
        # Some where all hangs on it: in the header of the file.
        position = chance.randrange(100) if number % 8 == 0 else chance.choice(used)
        bit = chance.randrange(8)
        where = f"bit {bit} at {position}"
        home = village.damaged(tmp_path)
        flip(home.database, position, bit)
        seen = codes(home)
        found += bool(seen)
        if not seen:  # then every record is what it was
            assert set(raws_of(home)) == set(village.raws), where
        before = home.database.read_bytes()
        done = mend(home)
        assert (done.aside / "node.db").read_bytes() == before, where
        assert set(codes(home)) <= {"records-missing", "own-lane-damaged"}, where
        check_mended(village, home, where)
    assert found > FLIPS // 8


def page_of(home: Home, table: str) -> int:
    """The page at which a table begins, from 0. Its first byte says what kind of page it is."""
    connection = sqlite3.connect(home.database)
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    page = connection.execute(query, (table,)).fetchone()[0]
    connection.close()
    return page - 1


@pytest.mark.parametrize("table", ["settings", "marks"])
def test_a_table_whose_page_cannot_be_read_is_damage_at_the_start_and_mended(
    village: Village, tmp_path: Path, table: str
) -> None:
    """After a clean stop the file is not looked at as a whole: whoever reads first meets it."""
    home = village.damaged(tmp_path)
    flip(home.database, page_of(home, table) * DATABASE_PAGE_BYTES, 4)
    reports: list[str] = []
    open_whole(home, report=reports.append).close()
    assert reports == ["mending"]
    check_mended(village, home, table)


@pytest.mark.parametrize("bit", [0, 5])
def test_a_header_that_forbids_writing_is_damage_and_mended(
    village: Village, tmp_path: Path, bit: int
) -> None:
    """SQLite would say that the disk is read-only, which would have nobody mend anything."""
    home = village.damaged(tmp_path)
    flip(home.database, 18, bit)
    assert codes(home) == ["database-damaged"]
    reports: list[str] = []
    mended = open_whole(home, report=reports.append)
    try:
        assert reports == ["mending"]
        assert {raw for _, raw in mended.reader.records_after(-1, 1_000_000)} == set(village.raws)
    finally:
        mended.close()


def test_flipped_bits_of_the_log_lose_nothing(village: Village, tmp_path: Path) -> None:
    """A bit in the log hides all commits after it from SQLite, without a word."""
    home = village.damaged(tmp_path)
    core = opened(village, home)
    held = core.database.reader()  # a reader keeps the log from being cut
    posts = [say(core, f"in the log {number}") for number in range(8)]
    held.connection.execute("PRAGMA user_version")
    with core.reading() as reader:
        all_raws = {raw for _, raw in reader.records_after(-1, 1_000_000)}
    crashed = copy_of(home, tmp_path / "crashed")  # as it lies there after a kill
    core.close()
    log = log_of(crashed.database)
    kept, size = log.read_bytes(), log.stat().st_size
    assert not lost_commits(log)
    chance = random.Random(SEED)
    for number in range(12):
        position = chance.randrange(16, 24) if number == 0 else chance.randrange(32, size // 2)
        log.write_bytes(kept)
        flip(log, position, chance.randrange(8))
        assert lost_commits(log), f"at {position}"
    with pytest.raises(StorageFault) as caught:
        open_core(crashed)
    assert caught.value.code == "database-damaged"
    reports: list[str] = []
    mended = open_whole(crashed, report=reports.append)
    assert reports == ["mending"]
    try:
        village.fetch(mended, sorted(all_raws - set(village.raws)))
        assert all(lanes.ENTRY.has(mended.reader, post) for post in posts)
        assert {raw for _, raw in mended.reader.records_after(-1, 1_000_000)} == all_raws
    finally:
        mended.close()


VALUES_OF_OTHER_KINDS = [
    *(("records", column, 5) for column in ("lead", "body", "signature")),
    *(("records", column, "text") for column in ("signer", "lead", "tail", "body", "signature")),
    ("records", "lead", b""),
    *(("signers", "keys", value) for value in (7, "text")),
    *((fold_table(lanes.ENTRY.name), column, 3) for column in ("k", "v")),
    *((fold_table(lanes.LANE.name), column, "text") for column in ("k", "v")),
    *(("orders", column, 9) for column in ("hash", "salt", "body")),
    ("deferred", "header", 9),
    *(("events", column, b"\xc1") for column in ("pack", "count")),
    *(("touched", "pack", value) for value in (b"\xc1", b"\x90", 7)),
]


@pytest.mark.parametrize(("table", "column", "value"), VALUES_OF_OTHER_KINDS)
def test_a_value_of_another_kind_is_found_and_mended(
    village: Village, tmp_path: Path, table: str, column: str, value: object
) -> None:
    """The bits that say where a value ends also say what it is, and SQLite takes all."""
    home = village.damaged(tmp_path)
    if table == "deferred":
        connection = sqlite3.connect(home.database)
        with connection:
            connection.execute("INSERT INTO deferred VALUES (x'00', x'00', NULL, x'00', 'ada')")
        connection.close()
    first = (
        "number = 7" if table == "records" else f"{column} = (SELECT min({column}) FROM {table})"
    )
    change(home, f"UPDATE {table} SET {column} = ? WHERE {first}", value)
    assert {"database-damaged", "records-damaged"} & set(codes(home))
    if table == "records":  # a node that runs finds it, too, and shows nothing of it
        core = open_core(home)
        try:
            assert trio.run(Looking(core).perform) > 0
            assert core.damaged
        finally:
            core.close()
    mend(home)
    assert set(codes(home)) <= {"records-missing", "own-lane-damaged"}
    check_mended(village, home, f"{table}.{column}")


def test_no_flipped_number_of_a_row_loses_a_record_or_leads_round_for_ever(
    village: Village, tmp_path: Path
) -> None:
    places = number_places(village.home.database, "records")
    assert len(places) == len(village.raws)
    for place in (places[0], places[len(places) // 2], places[-1]):
        for bit in range(7):
            home = village.damaged(tmp_path)
            flip(home.database, place, bit)
            assert {"database-damaged", "records-damaged"} & set(codes(home)), (place, bit)
            assert mend(home).records == len(village.raws), (place, bit)
            check_mended(village, home, f"{bit} at {place}")


# Names of tables, as they stand in the list of them, and how much of the list is about them.
LISTED = (b"tablecontacts", b"tableorders", b"tablerecords", b"tablefold_lane", b"indexsqlite_auto")


@pytest.mark.parametrize("name", LISTED)
def test_own_things_survive_a_flip_in_the_list_of_tables(
    village: Village, tmp_path: Path, name: bytes
) -> None:
    chance = random.Random(SEED)
    content = village.home.database.read_bytes()
    contact = Contact(bytes(32), "이웃", "", 1)
    for number in range(6):
        home = village.damaged(tmp_path)
        core = opened(village, home)
        orders = core.reader.orders.all()
        core.writer.run_sync(lambda state: state.contacts.put(contact))
        core.close()
        position = content.index(name) + (number or chance.randrange(len(name)))
        flip(home.database, position, chance.randrange(8))
        assert "database-damaged" in codes(home)
        mend(home)
        core = open_core(home)
        try:
            assert core.reader.contacts.all() == [contact], position
            assert core.reader.orders.all() == orders != [], position
        finally:
            core.close()
        check_mended(village, home, f"{name} at {position}")
