"""The one writer: a thread that runs jobs in order, many of them in one commit.

Rules:
- A job is answered only after the commit that holds it (acknowledged means durable).
- Jobs that wait together share a transaction, bounded in count and bytes. A job that raises is
  undone alone and gets its exception; the others are not touched.
- When the disk refuses, the whole transaction is undone, all of its jobs get a StorageFault, and so
  does every later one until `retry` has written something for a try. Reading goes on meanwhile.
- Where a sync has failed, nothing is tried again: the system may call the next one done though the
  bytes are gone. Only opening anew, which writes the log out once more, makes an end of that.
- Listeners are called after the commit, before the jobs are answered.

Left to others: what a job does; when to retry.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from node.protocol import limits
from node.protocol.errors import StorageFault
from node.protocol.ports import Clock
from node.storage.errors import Problem, again, fault_of
from node.storage.state import Commit, WriterState

T = TypeVar("T")
Job = Callable[[WriterState], T]
Listener = Callable[[Commit], None]

Rider = Callable[[WriterState, Any], None]
"""Runs after a job, in its transaction, with its result."""

_RIDER: ContextVar[Rider | None] = ContextVar("rider", default=None)

_FINAL: Final = (Problem.DISK_SYNC, Problem.DATABASE_DAMAGED)  # until the home is opened anew
STOP_WAIT_S: Final = 60.0  # a commit under way on a slow flash disk


@contextmanager
def riding(rider: Rider) -> Generator[None]:
    """Within this, every job that the current task runs (`Writer.run`) takes `rider` along."""
    token = _RIDER.set(rider)
    try:
        yield
    finally:
        _RIDER.reset(token)


def _with(rider: Rider, job: Job[T]) -> Job[T]:
    def both(state: WriterState) -> T:
        result = job(state)
        rider(state, result)
        return result

    return both


@dataclass(slots=True)
class _Item:
    """A job on its way: its future, then its outcome until the commit."""

    job: Job[Any]
    future: Future[Any]
    probe: bool = False
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)

    def refuse(self, fault: StorageFault) -> None:
        """Answer a job that never started."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(again(fault))


class Writer:
    """Runs jobs on the writing connection, in a thread of its own."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        community: bytes,
        clock: Clock,
        fault: StorageFault | None = None,
    ) -> None:
        self._connection = connection
        self._path = path
        self._state = WriterState(connection, community, clock)
        self._items: queue.Queue[_Item | None] = queue.Queue(limits.WRITER_QUEUE_MAX_COUNT)
        self._listeners: list[Listener] = []
        self._fault = fault
        self._closed = False
        self._finished = False  # the thread has ended, and by no mistake
        self._gate = threading.Lock()  # between submitting and closing
        self.generation = 0  # grows with each commit that changed the set of lane heads
        self.forks_generation = 0  # grows with each that made a fork or a proof known
        self.commits = 0
        self._thread = threading.Thread(target=self._run, name="wetalk-writer", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> StorageFault | None:
        """Why writing has stopped, or None."""
        return self._fault

    def add_listener(self, listener: Listener) -> None:
        """Call `listener` after each commit, in the writer's thread: quick, and never raising."""
        self._listeners.append(listener)

    def submit(self, job: Job[T]) -> "Future[T]":
        """Queue a job. The future ends after its commit, or with the job's exception, or with
        StorageFault. Raises StorageFault storage-busy, storage-closed."""
        future: Future[T] = Future()
        self._put(_Item(job, future))
        return future

    def _put(self, item: _Item) -> None:
        with self._gate:
            if self._closed:
                raise StorageFault(Problem.STORAGE_CLOSED)
            try:
                self._items.put_nowait(item)
            except queue.Full:
                raise StorageFault(Problem.STORAGE_BUSY) from None

    def run_sync(self, job: Job[T]) -> T:
        """Run a job and wait for its commit, without an event loop."""
        return self.submit(job).result()

    async def run(self, job: Job[T]) -> T:
        """Run a job and wait for its commit. When cancelled, the job is taken back if it has not
        started, and takes effect unobserved if it has."""
        return await self.settled(self.start(job))

    def start(self, job: Job[T]) -> "Future[T]":
        """The first half of `run`: queue a job, so that the next one can be made ready meanwhile.
        Raises as `submit`."""
        rider = _RIDER.get()
        return self.submit(job if rider is None else _with(rider, job))

    async def settled(self, future: "Future[T]") -> T:
        """The second half: wait for the commit."""
        token = trio.lowlevel.current_trio_token()
        done = trio.Event()

        def wake(_: "Future[T]") -> None:
            try:
                token.run_sync_soon(done.set)  # pyright: ignore[reportUnknownMemberType]
            except trio.RunFinishedError:
                pass  # nobody waits any more

        future.add_done_callback(wake)
        try:
            await done.wait()
        except trio.Cancelled:
            future.cancel()
            raise
        return future.result()

    def retry(self) -> bool:
        """After a fault: try to write. True if writing works (again)."""
        if self._fault is None:
            return True
        if self._fault.code in _FINAL:
            return False
        future: Future[None] = Future()
        try:
            self._put(_Item(_probe, future, probe=True))
            future.result()
            self.run_sync(lambda state: state.marks.remove(_PROBE_MARK))
        except StorageFault:
            return False
        return True

    def close(self) -> bool:
        """Finish what is queued and stop. True iff all is written: the state is clean."""
        with self._gate:
            first, self._closed = not self._closed, True
        if first:
            self._items.put(None)
        self._thread.join(STOP_WAIT_S)
        return self._finished and self._fault is None

    def _run(self) -> None:
        try:
            while (item := self._items.get()) is not None:
                if self._fault is not None and not item.probe:
                    item.refuse(self._fault)
                elif self._group(item):
                    break
            self._finished = True
        finally:  # also after a mistake of ours: nobody shall wait for ever
            with self._gate:
                self._closed = True
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        while not self._items.empty():
            item = self._items.get_nowait()
            if item is not None:
                item.refuse(StorageFault(Problem.STORAGE_CLOSED))

    def _group(self, first: _Item) -> bool:
        """One transaction, from `first` on. True when the writer was told to stop meanwhile."""
        started: list[_Item] = []
        item: _Item | None = first
        stop = False
        try:
            if first.probe:
                self._cut_log()
            self._begin()
            while item is not None:
                if item.future.set_running_or_notify_cancel():
                    started.append(item)
                    self._run_one(item)
                if self._is_full(len(started)):
                    break
                try:
                    item = self._items.get_nowait()
                    stop = item is None
                except queue.Empty:
                    break
            self._commit()
        except (StorageFault, sqlite3.Error) as error:
            if not started and first.future.set_running_or_notify_cancel():
                started.append(first)
            self._stop_writing(error, started)
        except BaseException as mistake:  # ours: the thread ends, but nobody waits for ever
            for item in started:
                item.error = item.error or mistake
            raise
        finally:
            for item in started:
                item.answer()
        return stop

    def _is_full(self, jobs: int) -> bool:
        return (
            self._fault is not None  # a probe runs alone
            or jobs >= limits.GROUP_JOBS_MAX_COUNT
            or self._state.size_bytes >= limits.GROUP_SIZE_MAX_BYTES
        )

    def _cut_log(self) -> None:
        """Give the log's space back if what it holds fits into the file."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            pass  # the probe will tell

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._state.begin()
        self._dirty = False  # no job of this transaction has succeeded yet

    def _run_one(self, item: _Item) -> None:
        """Run a job, undoing it alone if it raises. Raises StorageFault if the disk refuses."""
        mark, alone = self._state.mark(), not self._dirty
        if not alone:
            self._connection.execute("SAVEPOINT job")
        try:
            item.result = item.job(self._state)
            lost = not self._connection.in_transaction  # SQLite gave up; the job hid the error
            if not lost:
                self._state.finish()
        except BaseException as error:
            fault = fault_of(error, self._path) if isinstance(error, sqlite3.Error) else None
            if fault is not None:
                raise fault from error
            if isinstance(error, StorageFault) and error.code == Problem.DATABASE_DAMAGED:
                raise  # a row that cannot be read: what was computed from others is in doubt
            item.error = error
            self._undo(mark, alone)
            return
        if lost:
            raise StorageFault(Problem.DISK_ERROR, "transaction lost", path=str(self._path))
        if not alone:
            self._connection.execute("RELEASE job")
        self._dirty = True

    def _undo(self, mark: int, alone: bool) -> None:
        if alone:
            self._connection.execute("ROLLBACK")
            self._state.forget()
            self._begin()
        else:
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            self._state.undo(mark)

    def _commit(self) -> None:
        if not self._dirty:
            self._connection.execute("ROLLBACK")
            return
        self._connection.execute("COMMIT")
        self._fault = None
        self.commits += 1
        commit = self._state.commit()
        if commit.heads:
            # After the commit: whoever reads the new number reads the new heads too.
            self.generation += 1
        self.forks_generation += commit.forks
        for listener in self._listeners:
            listener(commit)

    def _stop_writing(self, error: StorageFault | sqlite3.Error, started: list[_Item]) -> None:
        """Undo the transaction, and fail its jobs but those that failed by themselves."""
        fault = fault_of(error, self._path) if isinstance(error, sqlite3.Error) else error
        fault = fault or StorageFault(Problem.DISK_ERROR, str(error), path=str(self._path))
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # nothing was committed; the next BEGIN fails with its own reason
        self._state.forget()
        self._fault = fault
        for item in started:
            item.result = None
            item.error = item.error or again(fault)


_PROBE_MARK: Final = "probe"


def _probe(state: WriterState) -> None:
    """Write enough to know that there is room again; the file is in use from here on."""
    state.marks.put("clean_stop", 0)
    state.marks.put(_PROBE_MARK, bytes(limits.PROBE_SIZE_BYTES))
