"""A sync that failed: nothing is acknowledged on it, not then, and not by those who open it next.

After such a failure the system goes on showing what was written, calls the next sync done, and has
forgotten the bytes: they are gone with the next power cut. (See "fsyncgate", 2018.)
"""

import os
import sqlite3
from pathlib import Path

import pytest

from node.protocol.errors import StorageFault
from node.storage import log
from node.storage.database import Database
from node.storage.errors import Problem
from node.storage.home import Home
from tests.storage import powercut
from tests.storage.samples import open_database, store

SEED = 20_261_127
STATES = int(os.environ.get("WETALK_FAILED_SYNC_STATES", "80"))
COMMITS = 12
FAILING = 6  # the first sync of a thread that fails: opening needs fewer, the writer one a commit

needs_strace = pytest.mark.skipif(
    not powercut.can_trace(), reason="needs strace, and the right to trace a process"
)

REFUSED = """
import os, sys
from pathlib import Path
from node.protocol.errors import StorageFault
from node.storage.home import Home
from tests.storage.samples import open_database, store
database = open_database(Home(Path(sys.argv[1])))
os.write(1, b"READY")
for number in range(int(sys.argv[2])):
    try:
        database.writer.run_sync(lambda state: store(state, bytes(300)))
        os.write(1, b"ACK %d" % number)
    except StorageFault as fault:
        assert fault.code == "disk-sync", fault
        assert not database.writer.retry()
        os._exit(0)
raise SystemExit("no sync failed")
"""

AGAIN = """
import os, sys
from pathlib import Path
from node.storage import database as module
from node.storage.home import Home
from tests.storage.samples import open_database, store
if sys.argv[2] == "trusting":
    module.write_out_again = lambda log: None
database = open_database(Home(Path(sys.argv[1])))
for _ in range(int(sys.argv[3])):
    os.write(1, b"ACK %d" % database.writer.run_sync(lambda state: store(state, bytes(300))))
os._exit(0)
"""


def lost_states(tmp_path: Path, manner: str) -> int:
    """How many states after a power cut lack something that was acknowledged."""
    home = Home(tmp_path / "home")
    open_database(home).close()
    kept = {home.database.name: bytearray(home.database.read_bytes())}
    inject = f"fdatasync:error=EIO:when={FAILING}+"
    steps = powercut.trace(tmp_path, str(COMMITS), workload=REFUSED, inject=inject)
    assert [step.what for step in steps].count("lost") >= 1
    assert [step.what for step in steps].count("told") >= 2
    steps += powercut.trace(tmp_path, manner, str(COMMITS), workload=AGAIN)
    folder, lost = tmp_path / "state", 0
    folder.mkdir()
    for files, told in powercut.states(steps, STATES, SEED, kept):
        lost += told >= 0 and told not in numbers_in(folder, files)
    return lost


def numbers_in(folder: Path, files: dict[str, bytes]) -> set[int]:
    for file, data in files.items():
        if not file.endswith("-shm"):
            (folder / file).write_bytes(data)
    connection = sqlite3.connect(folder / "node.db", isolation_level=None)
    try:
        return {row[0] for row in connection.execute("SELECT number FROM records")}
    except sqlite3.DatabaseError:
        return set()
    finally:
        connection.close()
        for file in folder.iterdir():
            file.unlink()


@needs_strace
def test_what_is_acknowledged_after_a_failed_sync_survives_a_power_cut(tmp_path: Path) -> None:
    assert lost_states(tmp_path, "writing out again") == 0


@needs_strace
def test_whoever_trusts_what_the_system_shows_would_lose_it(tmp_path: Path) -> None:
    """Without this, the test above might prove nothing."""
    assert lost_states(tmp_path, "trusting") > STATES // 8


def test_a_log_that_cannot_be_written_out_opens_for_reading(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(home)
    database.writer.run_sync(store)
    held = database.reader()
    crashed = Home(home.path.with_name("crashed"))
    crashed.prepare()
    for suffix in ("", "-wal"):
        (crashed.path / f"node.db{suffix}").write_bytes(
            (home.path / f"node.db{suffix}").read_bytes()
        )
    held.close()
    database.close()

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    again = open_database(crashed)
    monkeypatch.undo()
    try:
        assert again.reader().record_count() == 1
        with pytest.raises(StorageFault) as caught:
            again.writer.run_sync(store)
        assert caught.value.code == Problem.DISK_SYNC
        assert not again.writer.retry()
    finally:
        again.close()


def test_a_fault_of_syncing_is_told_apart(database: Database) -> None:
    def failing(_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(StorageFault) as caught:
        database.writer.run_sync(failing)
    assert caught.value.code == Problem.DISK_SYNC
    assert not database.writer.retry()
    assert database.reader().record_count() == 0


def test_all_of_a_log_is_written_out_again_before_it_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "log", list[tuple[int, int]]()
    content = bytes(range(256)) * 400
    path.write_bytes(content)
    write, sync = os.pwrite, os.fsync

    def written(number: int, data: bytes, at: int) -> int:
        done.append((at, len(data)))
        return write(number, data, at)

    def synced(number: int) -> None:
        done.append((-1, -1))
        sync(number)

    monkeypatch.setattr(log, "_CHUNK_BYTES", 30_000)
    monkeypatch.setattr(os, "pwrite", written)
    monkeypatch.setattr(os, "fsync", synced)
    assert log.write_out_again(path) is None
    assert done == [(0, 30_000), (30_000, 30_000), (60_000, 30_000), (90_000, 12_400), (-1, -1)]
    assert path.read_bytes() == content
