"""Readers: the last commit, or one state throughout; never in each other's way."""

import gc
import threading
from pathlib import Path

import pytest

from node.storage.database import Database
from node.storage.home import Home
from tests.storage.samples import TABLE, open_database, store


def test_a_snapshot_stays_while_the_writer_goes_on(database: Database) -> None:
    database.writer.run_sync(store)
    with database.snapshot() as held:
        database.writer.run_sync(store)
        with database.snapshot() as newer:
            assert (held.record_count(), newer.record_count()) == (1, 2)
            assert len(held.scan(TABLE, b"", None)) == 1
        assert database.reader().record_count() == 2
        assert held.next_number() == 1
    with database.snapshot() as later:
        assert later.record_count() == 2


def test_a_snapshot_ends_also_when_its_user_fails(database: Database) -> None:
    with pytest.raises(ValueError, match="mine"), database.snapshot() as held:
        raise ValueError("mine")
    assert not held.connection.in_transaction


def test_snapshots_use_connections_again(database: Database) -> None:
    seen = set()
    for _ in range(5):
        with database.snapshot() as held:
            seen.add(id(held.connection))
    assert len(seen) == 1


def test_each_thread_has_a_reader_of_its_own(database: Database) -> None:
    readers = [database.reader()]
    thread = threading.Thread(target=lambda: readers.append(database.reader()))
    thread.start()
    thread.join(20)
    assert readers[0] is database.reader()
    assert readers[0].connection is not readers[1].connection


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_a_thread_that_ends_takes_its_connections_along(database: Database) -> None:
    """Threads come and go with the work; what each leaves open would use up the process's files."""

    def read() -> None:
        database.reader().record_count()
        with database.snapshot() as held, database.snapshot() as other:
            assert held.record_count() == other.record_count()

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    read()
    before = open_files()
    for _ in range(8):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(20)
    gc.collect()
    assert open_files() <= before + 3


def test_readers_do_not_keep_the_log_from_being_cut_at_close(home: Home) -> None:
    database = open_database(home)
    database.writer.run_sync(store)
    for _ in range(3):
        assert database.reader().record_count() == 1
    database.close()
    assert not home.database.with_name("node.db-wal").exists()
