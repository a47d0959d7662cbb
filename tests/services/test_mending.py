"""A damaged database: what is whole is kept, the rest is fetched again, nothing false is shown."""

import sqlite3
from pathlib import Path

import pytest
import trio

from node.protocol import lanes
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.identity import Lane
from node.protocol.record import RawRecord
from node.runtime.bridge import Bridge
from node.services import missing
from node.services.core import open_core
from node.services.homes.looking import Looking
from node.services.homes.mending import mend
from node.services.publish import COPIED_HOME, NEIGHBOURS_SETTING
from node.storage.described import columns_of
from node.storage.home import Home
from node.storage.kept.private import Contact
from node.storage.salvage import OWN_TABLES
from node.storage.schema import fold_table, wanted
from node.storage.source import SqliteSyncSource
from tests.support.damage import (
    root_of,
)
from tests.support.wreckage import (
    Village,
    change,
    codes,
    number_of,
    opened,
    own,
    root_of_mended,
    say,
)

SEED = 20_261_126


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
