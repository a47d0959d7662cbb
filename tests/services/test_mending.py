"""A damaged database: what is whole is kept, the rest is fetched again, nothing false is shown."""

import os
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from node.protocol import lanes
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.identity import Lane
from node.protocol.limits import DATABASE_PAGE_BYTES
from node.protocol.record import RawRecord
from node.runtime.bridge import Bridge
from node.services import missing
from node.services.core import Core, open_core
from node.services.homes.looking import Looking, findings_of
from node.services.homes.mending import mend, open_whole
from node.services.incoming.intake import Intake
from node.services.publish import COPIED_HOME, NEIGHBOURS_SETTING, Publisher
from node.services.talk import Talk
from node.storage.described import columns_of
from node.storage.home import Home
from node.storage.kept.private import Contact
from node.storage.log import log_of, lost_commits
from node.storage.salvage import OWN_TABLES
from node.storage.schema import fold_table, wanted
from node.storage.source import SqliteSyncSource
from tests.support.damage import (
    busy_town,
    copy_of,
    flip,
    number_places,
    raws_of,
    root_of,
    signer_of,
)

SEED = 20_261_126
FLIPS = int(os.environ.get("WETALK_FLIPS", "40"))


class Village:
    """What ben's home held before it was damaged, and what his neighbour gives him."""

    def __init__(self, folder: Path) -> None:
        self.raws, self.root = trio.run(busy_town, folder)
        self.home = Home(folder / "ben")

    def damaged(self, folder: Path) -> Home:
        return copy_of(self.home, folder / "damaged")

    def fetch(self, core: Core, raws: Sequence[RawRecord] | None = None) -> None:
        """A neighbour hands over all it has."""
        given = self.raws if raws is None else raws
        outcome = Intake(core).take_sync(given, "ada")
        assert not outcome.rejected


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Village:
    return Village(tmp_path_factory.mktemp("village"))


def change(home: Home, statement: str, *values: object) -> None:
    """Change the file behind everybody's back."""
    connection = sqlite3.connect(home.database)
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def codes(home: Home) -> list[str]:
    return [finding.code for finding in findings_of(home)]


def check_mended(village: Village, home: Home, where: str) -> None:
    """The home opens, is given what it lacks, and is what it was."""
    core = open_core(home)
    try:
        village.fetch(core)
        assert root_of(core) == village.root, where
        assert core.reader.record_count() == len(village.raws), where
        assert not core.reader.deferred.any(), where
        assert missing.read(core.reader).records == (), where
    finally:
        core.close()


def own(core: Core, lane: Lane) -> bytes:
    signer = core.own
    return signer.member_id + signer.public_key + bytes((lane,))


def say(core: Core, text: str) -> bytes:
    """A post of ben, signed and stored."""
    return trio.run(Talk(core, Publisher(core)).say, "plaza", text)


def opened(village: Village, home: Home) -> Core:
    core = open_core(home)
    core.signer = signer_of(home, core.community)
    return core


def number_of(core: Core, record: bytes) -> int:
    return lanes.ENTRY.must(core.reader, record).number


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


# --- records --------------------------------------------------------------------------------------
def test_a_damaged_record_is_neither_served_nor_shown(village: Village, tmp_path: Path) -> None:
    home = village.damaged(tmp_path)
    core = opened(village, home)
    post = say(core, "true words")
    number = number_of(core, post)
    core.close()
    change(home, "UPDATE records SET body = replace(body, 'true', 'fals') WHERE number = ?", number)
    core = opened(village, home)
    try:
        core.database.watch(core.note_damage)
        source = SqliteSyncSource(core.database, core.community, core.note_damage)
        assert source.raw(number) is None
        assert core.damaged
        with pytest.raises(StorageFault):
            core.reader.raw(number)
        core.damaged = False
        assert source.raws([number - 1, number])[1] is None
        assert source.raws([number - 1, number])[0] is not None
        with pytest.raises(StorageFault) as caught, core.reading() as reader:
            reader.raw(number)
        assert caught.value.code == "database-damaged"
        assert core.damaged
    finally:
        core.close()
    assert codes(home) == ["database-damaged"]  # its column became text, too


def test_a_running_node_finds_a_flipped_signature_by_itself(
    village: Village, tmp_path: Path
) -> None:
    home = village.damaged(tmp_path)
    change(home, "UPDATE records SET signature = randomblob(64) WHERE number = 7")
    core = open_core(home)
    try:
        assert trio.run(Looking(core).perform) == 1
        assert core.damaged
    finally:
        core.close()


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


def test_what_fails_unexpectedly_has_all_folded_anew_once_in_a_run(
    village: Village, tmp_path: Path
) -> None:
    home = village.damaged(tmp_path)
    change(home, f"DELETE FROM {fold_table('position')}")
    core = open_core(home)
    try:
        looking = Looking(core)
        assert trio.run(looking.perform) == 0  # records and file are whole
        core.note_fault(LocalFault("not-found"))
        core.note_fault(StorageFault("busy"))
        assert not core.suspected  # answers to users are expected
        core.note_fault(KeyError("position"))
        assert trio.run(looking.perform) > 0
        assert core.damaged
        core.damaged = False
        assert trio.run(looking.perform) == 0
    finally:
        core.close()
    assert root_of_mended(home) == village.root


def test_a_mistake_of_ours_in_a_sound_home_mends_nothing(village: Village, tmp_path: Path) -> None:
    core = open_core(village.damaged(tmp_path))
    try:
        core.note_fault(KeyError("a mistake of ours"))
        assert trio.run(Looking(core).perform) == 0
        assert not core.damaged
    finally:
        core.close()


# --- own lanes (R11) ------------------------------------------------------------------------------
def lost_in_the_middle(village: Village, tmp_path: Path) -> tuple[Home, bytes, RawRecord, bytes]:
    """Ben's home, in which a post that neighbours know is damaged, and one after it, which nobody
    else has, is whole: the home after mending, both ids, and the bytes of the first."""
    home = village.damaged(tmp_path)
    core = opened(village, home)
    core.writer.run_sync(lambda state: state.settings.put(NEIGHBOURS_SETTING, "1"))
    known, unsent = say(core, "known to ada"), say(core, "not sent yet")
    number = number_of(core, known)
    raw = core.reader.raw(number)
    assert raw is not None
    core.close()
    change(home, "UPDATE records SET lead = zeroblob(40) WHERE number = ?", number)
    assert mend(home).waiting == 1
    return home, known, raw, unsent


def test_what_was_not_sent_yet_waits_for_what_comes_back(village: Village, tmp_path: Path) -> None:
    home, known, raw, unsent = lost_in_the_middle(village, tmp_path)
    core = opened(village, home)
    try:
        assert missing.read(core.reader).records == (known,)
        with pytest.raises(LocalFault) as refused:
            say(core, "too early")
        assert refused.value.code == "own-lane-damaged"
        village.fetch(core, [raw])
        assert lanes.ENTRY.has(core.reader, unsent)
        assert core.reader.settings.get(COPIED_HOME) is None  # it is no other's
        with pytest.raises(LocalFault):
            say(core, "still too early")
        bridge = Bridge(core)
        heads = [head for key in bridge._own_lanes() for head in lanes.heads_of(core.reader, key)]
        bridge._echoed("ada", heads)
        say(core, "and on it goes")
        assert len(lanes.heads_of(core.reader, own(core, Lane.SOCIAL))) == 1
        assert missing.read(core.reader) == missing.NOTHING
    finally:
        core.close()


def test_a_neighbour_who_has_less_does_not_set_an_own_lane_free(
    village: Village, tmp_path: Path
) -> None:
    home, _, _, _ = lost_in_the_middle(village, tmp_path)
    core = opened(village, home)
    try:
        bridge = Bridge(core)
        heads = [head for key in bridge._own_lanes() for head in lanes.heads_of(core.reader, key)]
        bridge._echoed("ada", heads)
        with pytest.raises(LocalFault) as refused:
            say(core, "a number that was used before")
        assert refused.value.code == "own-lane-damaged"
    finally:
        core.close()
    again = opened(village, home)  # and a new start forgets nothing
    try:
        with pytest.raises(LocalFault):
            say(again, "a number that was used before")
    finally:
        again.close()


def test_where_nothing_is_missing_nothing_waits(village: Village, tmp_path: Path) -> None:
    home = village.damaged(tmp_path)
    change(home, f"UPDATE {fold_table('book')} SET v = x'ff'")
    mended = mend(home)
    assert (mended.missing, mended.waiting) == (0, 0)
    core = opened(village, home)
    try:
        assert root_of(core) == village.root
        say(core, "at once")
    finally:
        core.close()


def test_own_things_are_carried_over(village: Village, tmp_path: Path) -> None:
    home = village.damaged(tmp_path)
    core = opened(village, home)
    member, order = bytes(32), core.reader.orders.all()
    contact = Contact(member, "이웃", "", 1)
    core.writer.run_sync(lambda state: state.contacts.put(contact))
    core.close()
    mend(home)
    core = open_core(home)
    try:
        assert core.reader.contacts.all() == [contact]
        assert core.reader.orders.all() == order != []
    finally:
        core.close()


def test_a_row_of_every_table_of_the_nodes_own_is_carried_over(
    village: Village, tmp_path: Path
) -> None:
    """Whoever adds a table says here whether it comes from records, or from nowhere else."""
    made_anew = {"marks", "records", "signers", "events", "touched", "outbox", "sqlite_sequence"}
    made_anew |= {"deferred", "deferred_missing"}  # taken in again, and waiting again
    home = village.damaged(tmp_path)
    connection = sqlite3.connect(home.database)
    made = {one.name for one in wanted() if one.kind == "table"}
    assert set(OWN_TABLES) == made - made_anew
    values = {"BLOB": b"own", "TEXT": "own", "INTEGER": 7}
    rows: dict[str, tuple[object, ...]] = {}
    with connection:
        for table in OWN_TABLES:
            rows[table] = tuple(values[kind] for _, kind, _ in columns_of(connection, table))
            marks = ", ".join("?" * len(rows[table]))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", rows[table])
        connection.execute("UPDATE records SET signature = x'00' WHERE number = 7")
    connection.close()
    mend(home)
    connection = sqlite3.connect(home.database)
    for table, row in rows.items():
        assert row in connection.execute(f"SELECT * FROM {table}").fetchall(), table
    connection.close()


def test_a_row_that_no_fold_wrote_stops_writing_for_good(village: Village, tmp_path: Path) -> None:
    home = village.damaged(tmp_path)
    core = opened(village, home)
    core.close()
    change(home, f"UPDATE {fold_table('lane')} SET v = x'c1'")
    core = opened(village, home)
    try:
        with pytest.raises(StorageFault) as caught:
            say(core, "on what ground?")
        assert caught.value.code == "database-damaged"
        assert not core.writer.retry()
    finally:
        core.close()
    assert root_of_mended(home) == village.root


def root_of_mended(home: Home) -> bytes:
    mend(home)
    core = open_core(home)
    try:
        return root_of(core)
    finally:
        core.close()
