"""A full or failing disk stops writing with a reason, keeps reading, and loses nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.protocol.errors import StorageFault
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import WriterState
from tests.storage.samples import open_database, store

ROOT = Path(__file__).resolve().parents[2]
SMALL_DISK = "size=2m"


def big(state: WriterState) -> int:
    return store(state, bytes(60_000))


def fill(database: Database) -> tuple[list[int], StorageFault]:
    """Write until the disk refuses."""
    stored: list[int] = []
    for _ in range(2_000):
        try:
            stored.append(database.writer.run_sync(big))
        except StorageFault as fault:
            return stored, fault
    raise AssertionError("the disk never filled")


def holds(database: Database, numbers: list[int]) -> None:
    assert [number for number, _ in database.reader().records_after(-1, 10_000)] == numbers


def set_pages(state: WriterState, pages: int) -> None:
    state.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


def test_a_full_database_refuses_until_there_is_room(database: Database) -> None:
    database.writer.run_sync(lambda state: set_pages(state, 400))
    stored, fault = fill(database)
    assert len(stored) > 5
    assert fault.code == "disk-full"
    assert database.writer.fault is not None
    holds(database, stored)
    with pytest.raises(StorageFault) as caught:  # small writes are refused too, until a probe
        database.writer.run_sync(lambda state: state.settings.put("a", "b"))
    assert caught.value.code == "disk-full"
    assert caught.value is not database.writer.fault
    assert not database.writer.retry()
    holds(database, stored)

    # Room again: the option cannot be changed by a job now, so by the connection itself.
    database.writer._connection.execute("PRAGMA max_page_count = 100000").fetchall()
    assert database.writer.retry()
    assert database.writer.fault is None
    assert database.reader().marks.get("probe") is None  # what was written for a try is gone
    assert database.writer.run_sync(big) == len(stored)
    holds(database, [*stored, len(stored)])


def test_jobs_of_a_refused_commit_all_fail_and_none_takes_effect(database: Database) -> None:
    database.writer.run_sync(lambda state: set_pages(state, 200))
    futures = [database.writer.submit(big) for _ in range(60)]
    outcomes = [future.exception(30) for future in futures]
    failed = [one for one in outcomes if one is not None]
    assert failed
    assert {getattr(one, "code", None) for one in failed} == {"disk-full"}
    assert database.reader().record_count() == len(outcomes) - len(failed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of two megabytes; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", SMALL_DISK, "none", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting is not permitted here; the other tests of this file still run")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_refuses_until_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_000_000))
    database = open_database(Home(small_disk / "home"))
    stored, fault = fill(database)
    assert fault.code == "disk-full"
    holds(database, stored)
    assert not database.writer.retry()
    ballast.unlink()
    assert database.writer.retry()
    assert database.writer.run_sync(store) == len(stored)
    database.close()
    again = open_database(Home(small_disk / "home"))
    holds(again, [*stored, len(stored)])
    again.close()


@pytest.fixture
def crowded(small_disk: Path) -> Home:
    """A home with one record, on a disk where only SQLite's shared index finds room."""
    home = Home(small_disk / "home")
    database = open_database(home)
    database.writer.run_sync(store)
    database.close()
    fill_up(small_disk / "ballast", 36_864)
    return home


def test_a_home_on_a_full_disk_opens_for_reading(crowded: Home) -> None:
    database = open_database(crowded)
    assert database.writer.fault is not None
    assert database.writer.fault.code == "disk-full"
    holds(database, [0])
    with pytest.raises(StorageFault):
        database.writer.run_sync(store)
    assert not database.writer.retry()
    (crowded.path.parent / "ballast").unlink()
    assert database.writer.retry()
    assert database.reader().marks.get("clean_stop") == 0  # noted now, before the first write
    assert database.writer.run_sync(store) == 1
    database.close()


def test_tables_of_another_fold_are_not_read_because_the_disk_is_full(crowded: Home) -> None:
    with pytest.raises(StorageFault) as caught:
        open_database(crowded, fold_version=2)
    assert caught.value.code == "disk-full"
    (crowded.path.parent / "ballast").unlink()
    database = open_database(crowded, fold_version=2)
    assert database.rebuild_needed
    database.close()


def test_a_disk_without_any_room_is_called_full(crowded: Home) -> None:
    fill_up(crowded.path.parent / "ballast", 0)
    with pytest.raises(StorageFault) as caught:
        open_database(crowded)
    assert caught.value.code == "disk-full"


def fill_up(ballast: Path, left: int) -> None:
    """Leave only so much room on the disk."""
    ballast.unlink(missing_ok=True)
    free = shutil.disk_usage(ballast.parent).free
    ballast.write_bytes(bytes(free - left))
    assert shutil.disk_usage(ballast.parent).free == left


LIMITED = """
import resource, sys
from pathlib import Path
from node.protocol.errors import StorageFault
from node.storage.home import Home
from tests.storage.samples import open_database
from tests.storage.test_disk_full import fill, holds
database = open_database(Home(Path(sys.argv[1])))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, hard))
stored, fault = fill(database)
holds(database, stored)
while database.writer.retry():  # the log was cut, so there was room once more
    more, fault = fill(database)
    stored += more
holds(database, stored)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert database.writer.retry()
database.close()
print(fault.code, len(stored))
"""


def test_a_write_error_stops_writing_until_it_works_again(home: Home) -> None:
    command = [sys.executable, "-c", LIMITED, str(home.path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    code, count = done.stdout.split()
    assert code == "disk-error"
    again = open_database(home)
    holds(again, list(range(int(count))))
    again.close()
