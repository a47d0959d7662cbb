"""Opening: only our own, undamaged, not newer; older ones are copied, then changed."""

import sqlite3
import stat

import pytest

from node.protocol.errors import StorageFault
from node.protocol.state import TABLES
from node.storage import doctor
from node.storage.connect import connect_reader, connect_writer
from node.storage.database import Database, copy_database
from node.storage.errors import Problem
from node.storage.home import Home
from node.storage.schema import SCHEMA, Schema, statements
from tests.storage.samples import open_database, store

OLDER = SCHEMA
NEWER = Schema((*SCHEMA.steps, ("colours", statements("ALTER TABLE contacts ADD colour TEXT"))))
FAILING = Schema(
    (
        *SCHEMA.steps,
        (
            "half",
            statements("ALTER TABLE contacts ADD half TEXT", "INSERT INTO nowhere VALUES (1)"),
        ),
    )
)


def damage(home: Home) -> None:
    """Flip a byte in every page but the first, as a dying disk does."""
    with home.database.open("r+b") as file:
        size = file.seek(0, 2)
        for at in range(4096, size, 4096):
            file.seek(at)
            old = file.read(1)
            file.seek(at)
            file.write(bytes((old[0] ^ 0x5A,)))


def leave_unclean(home: Home) -> None:
    with sqlite3.connect(home.database) as connection:
        connection.execute("UPDATE marks SET value = 0 WHERE name = 'clean_stop'")
    connection.close()


def contradict(home: Home) -> None:
    """Make the file say two things: every page can be read, and SQLite alone sees it."""
    connection = sqlite3.connect(home.database)
    connection.executescript(
        "CREATE TABLE odd (a); INSERT INTO odd VALUES (NULL); PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = 'CREATE TABLE odd (a NOT NULL)' WHERE name = 'odd'"
    )
    connection.close()


def test_what_was_stored_is_there_after_opening_again(home: Home) -> None:
    first = open_database(home)
    number = first.writer.run_sync(store)
    first.close()
    second = open_database(home)
    kept = second.reader().raw(number)
    assert kept is not None
    assert kept.body == b"body0"
    assert second.reader().next_number() == 1
    second.close()


def test_a_file_that_contradicts_itself_is_not_opened(home: Home) -> None:
    open_database(home).close()
    contradict(home)
    leave_unclean(home)
    with pytest.raises(StorageFault) as fault:
        open_database(home)
    assert fault.value.code == Problem.DATABASE_DAMAGED
    assert "odd.a" in fault.value.detail
    (found,) = [one for one in doctor.check(home) if one.level == "bad"]
    assert (found.code, found.values["problems"]) == ("database-damaged", fault.value.detail)


def test_a_copy_that_fails_leaves_nothing_behind(home: Home) -> None:
    open_database(home).close()
    damage(home)
    target = home.path / "copy.db"
    with pytest.raises(StorageFault):
        copy_database(home.database, target)
    assert [one.name for one in home.path.iterdir() if one.name.startswith("copy")] == []


def test_options_are_what_was_asked_for(database: Database) -> None:
    def options(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "mmap_size", "foreign_keys", "query_only")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert database.writer.run_sync(lambda s: options(s.connection)) == ["wal", 2, 0, 0, 0]
    assert options(database.reader().connection)[2:] == [0, 0, 1]


def test_readers_cannot_write(database: Database) -> None:
    reader = database.reader().connection
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM records")
    reader.execute("PRAGMA query_only = OFF")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM records")
    reader.execute("PRAGMA query_only = ON")


def test_files_are_for_their_owner_alone(database: Database, home: Home) -> None:
    database.writer.run_sync(store)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.path.iterdir()}
    assert set(modes) >= {"node.db", "node.db-wal", "node.db-shm"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_every_declared_table_exists(database: Database) -> None:
    assert [list(database.reader().scan(name, b"", None)) for name in TABLES] == [[]] * len(TABLES)


def test_closing_leaves_one_file(home: Home) -> None:
    database = open_database(home)
    database.writer.run_sync(store)
    database.close()
    assert [path.name for path in home.path.iterdir()] == ["node.db"]


def test_a_newer_schema_is_refused_and_untouched(home: Home) -> None:
    open_database(home, schema=NEWER).close()
    before = home.database.read_bytes()
    with pytest.raises(StorageFault) as caught:
        open_database(home, schema=OLDER)
    assert caught.value.code == "schema-newer"
    assert home.database.read_bytes() == before


def test_an_older_schema_is_copied_then_changed(home: Home) -> None:
    older = open_database(home, schema=OLDER)
    older.writer.run_sync(store)
    older.close()
    told: list[str] = []
    newer = open_database(home, schema=NEWER, report=told.append)
    assert told == ["backing-up", "migrating"]
    assert newer.reader().record_count() == 1
    newer.reader().connection.execute("SELECT colour FROM contacts")
    newer.close()
    backup = home.backup_of_schema(OLDER.version)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    backup.replace(home.database)
    restored = open_database(home, schema=OLDER)
    assert restored.reader().record_count() == 1
    restored.close()


def test_a_failing_step_changes_nothing(home: Home) -> None:
    open_database(home).close()
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        open_database(home, schema=FAILING)
    again = open_database(home)
    columns = again.reader().connection.execute("SELECT * FROM contacts").description
    assert "half" not in [column[0] for column in columns]
    again.close()


def test_an_unclean_stop_is_checked_and_a_clean_one_is_not(home: Home) -> None:
    open_database(home).close()
    told: list[str] = []
    open_database(home, report=told.append).close()
    assert told == []
    leave_unclean(home)
    open_database(home, report=told.append).close()
    assert told == ["checking"]


def test_a_table_that_is_described_otherwise_is_damage_also_after_a_clean_stop(home: Home) -> None:
    open_database(home).close()
    connection = sqlite3.connect(home.database)
    connection.executescript(
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = replace(sql, 'body', 'bodx') WHERE name = 'records'"
    )
    connection.close()
    with pytest.raises(StorageFault) as caught:
        open_database(home)
    assert (caught.value.code, "records" in caught.value.detail) == ("database-damaged", True)


def test_damage_is_found_after_an_unclean_stop(home: Home) -> None:
    database = open_database(home)
    for _ in range(50):
        database.writer.run_sync(lambda state: store(state, bytes(500)))
    database.close()
    leave_unclean(home)
    damage(home)
    with pytest.raises(StorageFault) as caught:
        open_database(home)
    assert caught.value.code == "database-damaged"


@pytest.mark.parametrize("content", [b"not a database at all" * 400, b"\0" * 8192])
def test_a_file_that_is_no_database_is_damaged(home: Home, content: bytes) -> None:
    home.prepare()
    home.database.write_bytes(content)
    with pytest.raises(StorageFault) as caught:
        open_database(home)
    assert caught.value.code == "database-damaged"
    assert home.database.read_bytes() == content


def test_somebody_elses_database_is_left_alone(home: Home) -> None:
    home.prepare()
    with sqlite3.connect(home.database) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StorageFault) as caught:
        open_database(home)
    assert caught.value.code == "database-foreign"


def test_another_fold_asks_for_a_rebuild_only_if_there_are_records(home: Home) -> None:
    open_database(home, fold_version=1).close()
    empty = open_database(home, fold_version=2)
    assert not empty.rebuild_needed
    empty.writer.run_sync(store)
    empty.close()
    same = open_database(home, fold_version=2)
    assert not same.rebuild_needed
    same.close()
    changed = open_database(home, fold_version=3)
    assert changed.rebuild_needed
    changed.close()
    again = open_database(home, fold_version=3)
    assert again.rebuild_needed  # until it was done
    again.close()


def test_a_missing_fold_table_asks_for_a_rebuild(home: Home) -> None:
    database = open_database(home)
    database.writer.run_sync(store)
    database.close()
    connection = connect_writer(home.database)
    connection.execute("DROP TABLE fold_head")
    connection.close()
    again = open_database(home)
    assert again.rebuild_needed
    again.close()


def test_a_copy_holds_the_last_commit(database: Database, home: Home) -> None:
    database.writer.run_sync(store)
    target = home.path / "copy.db"
    database.snapshot_to(target)
    database.writer.run_sync(store)
    copy = connect_reader(target)
    assert copy.execute("SELECT count(*) FROM records").fetchone()[0] == 1
    assert copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    copy.close()
    assert [path.name for path in home.path.glob("copy*")] == ["copy.db"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_each_database_has_an_id_of_its_own(home: Home) -> None:
    first, other = open_database(home), open_database(Home(home.path / "other"))
    ids = {first.id, other.id}
    first.close()
    other.close()
    assert len(ids) == 2
    assert {len(one) for one in ids} == {16}
