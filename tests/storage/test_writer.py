"""The writer: answered after the commit, many jobs in one, each undone alone."""

import sqlite3
import threading
from concurrent.futures import Future

import pytest
import trio

from node.protocol import limits
from node.protocol.errors import StorageFault
from node.protocol.state import Changes
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import Commit, WriterState
from tests.storage.samples import OTHER_TABLE, TABLE, open_database, raw, store

PATIENCE_S = 20.0


class Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self, database: Database) -> None:
        self._open, self._entered = threading.Event(), threading.Event()
        self.future = database.writer.submit(self._job)
        assert self._entered.wait(PATIENCE_S)

    def _job(self, _: WriterState) -> None:
        self._entered.set()
        assert self._open.wait(PATIENCE_S)

    def open(self) -> None:
        self._open.set()
        self.future.result(PATIENCE_S)

    def open_and_fail(self) -> None:
        """The commit that it is part of does not come about."""
        self._open.set()
        assert isinstance(self.future.exception(PATIENCE_S), StorageFault)


def fail(_: WriterState) -> None:
    raise StorageFault("database-damaged", "a row", path="a row")


def told_at_start(home: Home) -> list[str]:
    told: list[str] = []
    open_database(home, report=told.append).close()
    return told


def refuse(state: WriterState) -> None:
    store(state)
    raise ValueError("no")


def test_an_answered_job_can_be_read_at_once(database: Database) -> None:
    number = database.writer.run_sync(store)
    assert database.reader().raw(number) == raw(number)
    assert database.reader().get(TABLE, b"key%08d" % number) == b"row%d" % number


def test_jobs_that_wait_together_share_a_commit(database: Database) -> None:
    gate = Gate(database)
    before = database.writer.commits
    futures = [database.writer.submit(store) for _ in range(100)]
    assert database.reader().record_count() == 0
    gate.open()
    assert [future.result(PATIENCE_S) for future in futures] == list(range(100))
    assert database.writer.commits == before + 1


def test_no_job_is_answered_before_the_commit(database: Database) -> None:
    answered: list[bool] = []
    held: list[int] = []

    def look(_: Commit) -> None:
        answered.extend(future.done() for future in futures)
        held.append(database.reader().record_count())

    gate = Gate(database)
    futures = [database.writer.submit(store) for _ in range(5)]
    database.writer.add_listener(look)
    gate.open()
    for future in futures:
        future.result(PATIENCE_S)
    assert answered == [False] * 5
    assert held == [5]


def test_a_commit_is_bounded_in_jobs(database: Database) -> None:
    gate = Gate(database)
    before = database.writer.commits
    count = limits.GROUP_JOBS_MAX_COUNT + 10
    futures = [database.writer.submit(lambda _: None) for _ in range(count)]
    gate.open()
    for future in futures:
        future.result(PATIENCE_S)
    assert database.writer.commits == before + 2


def test_a_commit_is_bounded_in_bytes(database: Database) -> None:
    gate = Gate(database)
    before = database.writer.commits
    big = bytes(limits.GROUP_SIZE_MAX_BYTES // 2)
    futures = [database.writer.submit(lambda state: store(state, big)) for _ in range(4)]
    gate.open()
    for future in futures:
        future.result(PATIENCE_S)
    assert database.writer.commits == before + 2


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_failing_job_is_undone_alone(database: Database, at: int) -> None:
    gate = Gate(database)
    futures: list[Future[int] | Future[None]] = [database.writer.submit(store) for _ in range(4)]
    if at:
        bad = database.writer.submit(refuse)
        futures.append(database.writer.submit(store))
    gate.open()
    if not at:
        bad = database.writer.submit(refuse)
        futures.append(database.writer.submit(store))
    with pytest.raises(ValueError, match="no"):
        bad.result(PATIENCE_S)
    assert [future.result(PATIENCE_S) for future in futures] == [0, 1, 2, 3, 4]
    assert [number for number, _ in database.reader().records_after(-1, 10)] == [0, 1, 2, 3, 4]
    assert len(database.reader().scan(TABLE, b"", None)) == 5


def test_where_the_transaction_is_gone_no_job_of_it_counts(database: Database) -> None:
    """SQLite gives up a transaction by itself when a disk fails; a job may hide the error."""
    gate = Gate(database)
    before = database.writer.submit(store)
    hiding = database.writer.submit(lambda state: state.connection.execute("ROLLBACK").rowcount)
    after = database.writer.submit(store)
    gate.open_and_fail()
    for future in (before, hiding, after):
        assert isinstance(future.exception(PATIENCE_S), StorageFault)
    assert database.reader().record_count() == 0
    assert database.writer.retry()
    assert database.writer.run_sync(store) == 0


def test_a_job_alone_that_loses_its_transaction_is_told_so(database: Database) -> None:
    def lose(state: WriterState) -> None:
        store(state)
        state.connection.execute("ROLLBACK")

    with pytest.raises(StorageFault) as caught:
        database.writer.run_sync(lose)
    assert caught.value.code == "disk-error"
    assert database.reader().record_count() == 0


def test_a_mistake_in_sql_is_the_jobs_own(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.writer.run_sync(lambda state: state.connection.execute("SELECT * FROM nowhere"))
    assert database.writer.fault is None


def test_a_job_sees_what_earlier_jobs_wrote(database: Database) -> None:
    gate = Gate(database)
    database.writer.submit(store)
    seen = database.writer.submit(lambda state: (state.raw(0), state.get(TABLE, b"key00000000")))
    gate.open()
    assert seen.result(PATIENCE_S) == (raw(0), b"row0")


def test_generation_grows_only_with_heads_and_is_known_after_the_commit(
    database: Database,
) -> None:
    before = database.writer.generation
    database.writer.run_sync(
        lambda state: state.apply(None, Changes(rows={OTHER_TABLE: {b"a": b""}}))
    )
    assert database.writer.generation == before
    database.writer.run_sync(store)
    assert database.writer.generation == before + 1


def test_what_makes_a_fork_known_is_counted_apart(database: Database) -> None:
    writer = database.writer

    def forks(state: WriterState, *events: str) -> None:
        number = state.next_number()
        told = [(name, b"id") for name in events]
        state.apply(raw(number), Changes(number, "ok", events=told))

    before = writer.forks_generation
    writer.run_sync(lambda state: forks(state, "post"))
    assert writer.forks_generation == before
    writer.run_sync(lambda state: forks(state, "fork", "post"))
    assert writer.forks_generation == before + 1
    writer.run_sync(lambda state: state.tell("fork", b"id"))
    assert writer.forks_generation == before + 2
    writer.run_sync(store)
    assert writer.forks_generation == before + 2


def test_listeners_learn_what_a_commit_brought(database: Database) -> None:
    commits: list[Commit] = []
    database.writer.add_listener(commits.append)

    def job(state: WriterState) -> None:
        number = store(state)
        state.apply(None, Changes(touched=[b"id"], events=[("post", b"id")]))
        state.outbox_add(number)

    database.writer.run_sync(job)
    database.writer.run_sync(lambda state: state.settings.put("language", "ko"))
    assert commits == [
        Commit(0, 1, heads=True, touched=True, events=True, outbox=True),
        Commit(1, 1, heads=False, touched=False, events=False, outbox=False),
    ]


def test_closing_finishes_what_is_queued_and_refuses_the_rest(home: Home) -> None:
    database = open_database(home)
    gate = Gate(database)
    futures = [database.writer.submit(store) for _ in range(20)]
    closer = threading.Thread(target=database.writer.close)
    closer.start()
    gate.open()
    closer.join(PATIENCE_S)
    assert [future.result(PATIENCE_S) for future in futures] == list(range(20))
    with pytest.raises(StorageFault) as caught:
        database.writer.submit(store)
    assert caught.value.code == "storage-closed"
    database.close()


def test_a_full_queue_refuses(database: Database) -> None:
    gate = Gate(database)
    for _ in range(limits.WRITER_QUEUE_MAX_COUNT):
        database.writer.submit(lambda _: None)
    with pytest.raises(StorageFault) as caught:
        database.writer.submit(lambda _: None)
    assert caught.value.code == "storage-busy"
    gate.open()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_broken_listener_ends_the_writer_and_leaves_nobody_waiting(home: Home) -> None:
    def broken(_: Commit) -> None:
        raise RuntimeError("listener")

    database = open_database(home)
    database.writer.add_listener(broken)
    with pytest.raises(RuntimeError, match="listener"):
        database.writer.submit(store).result(PATIENCE_S)
    database.close()
    with pytest.raises(StorageFault):
        database.writer.submit(store)
    assert told_at_start(home) == ["checking"]


def test_a_stop_while_nothing_can_be_written_is_no_clean_one(home: Home) -> None:
    database = open_database(home)
    gate = Gate(database)
    refused = database.writer.submit(fail)
    gate.open_and_fail()
    assert isinstance(refused.exception(PATIENCE_S), StorageFault)
    database.close()
    assert told_at_start(home) == ["checking"]
    assert told_at_start(home) == []


def test_when_the_disk_refuses_each_job_is_told_its_own_reason(database: Database) -> None:
    """And what had succeeded in the same commit has not happened."""
    gate = Gate(database)
    futures = [database.writer.submit(job) for job in (store, refuse, fail, store)]
    gate.open_and_fail()
    found = [future.exception(PATIENCE_S) for future in futures]
    assert [type(error) for error in found] == [
        StorageFault,
        ValueError,
        StorageFault,
        StorageFault,
    ]
    assert {error.code for error in found if isinstance(error, StorageFault)} == {
        "database-damaged"
    }
    assert len({id(error) for error in found}) == 4  # none is raised in two places
    assert database.reader().record_count() == 0
    assert database.writer.fault is not None
    assert not database.writer.retry()


@pytest.mark.trio
async def test_tasks_wait_for_their_commit(database: Database) -> None:
    numbers: list[int] = []

    async def one() -> None:
        numbers.append(await database.writer.run(store))

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(one)
    assert sorted(numbers) == list(range(50))
    assert database.reader().record_count() == 50


@pytest.mark.trio
async def test_a_failing_job_raises_in_its_task(database: Database) -> None:
    with pytest.raises(ValueError, match="no"), trio.fail_after(PATIENCE_S):
        await database.writer.run(refuse)


@pytest.mark.trio
async def test_a_cancelled_job_that_has_not_started_is_taken_back(database: Database) -> None:
    gate = Gate(database)
    with trio.move_on_after(0.01) as scope:
        await database.writer.run(store)
    assert scope.cancelled_caught
    gate.open()
    assert database.writer.run_sync(store) == 0
