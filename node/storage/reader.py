"""Reading connections: one for each use at a time, each used by one thread only.

Rules: a reader sees the last commit, and inside `snapshot()` one state throughout. Readers never
write, never checkpoint, and go on when the writer has stopped because the disk is full. A snapshot
held for long keeps the log from being cut, so none is held across a wait for somebody else. What a
thread has opened is closed when the thread ends: threads come and go with the work.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet, finalize

from node.protocol.errors import StorageFault
from node.protocol.limits import READERS_MAX_COUNT
from node.protocol.record import RawRecord
from node.storage.connect import connect_reader
from node.storage.errors import Problem
from node.storage.rows import Rows


class SqliteReader(Rows):
    """The Reader over a read-only connection. With `on_damage`, it shows no record whose bytes are
    not those that were stored; it tells of one, and raises StorageFault database-damaged."""

    on_damage: Callable[[], None] | None = None

    def raw(self, number: int) -> RawRecord | None:
        if self.on_damage is None:
            return super().raw(number)
        try:
            raw = super().raw(number)
            if raw is None or number in self.whole({number: raw}):
                return raw
        except sqlite3.DatabaseError:
            pass  # not even a row
        self.on_damage()
        raise StorageFault(Problem.DATABASE_DAMAGED, f"#{number}", path=f"#{number}")

    @contextmanager
    def snapshot(self) -> Generator["SqliteReader"]:
        """Within this, everything read belongs to one state. Not to be nested."""
        assert not self.connection.in_transaction, "a snapshot in a snapshot"
        self._execute("BEGIN")
        try:
            self._execute("SELECT 1 FROM marks LIMIT 1").fetchall()  # the snapshot starts here
            yield self
        finally:
            self._execute("COMMIT")

    def close(self) -> None:
        """Give the connection up."""
        self.connection.close()


class Readers:
    """The readers of a process, kept and used again thread by thread."""

    def __init__(self, path: Path, community: bytes) -> None:
        self._path = path
        self._on_damage: Callable[[], None] | None = None
        self._community = community
        self._here = threading.local()
        self._lock = threading.Lock()
        self._all: WeakSet[SqliteReader] = WeakSet()  # a thread's own list alone keeps one alive
        self._closed = False

    def current(self) -> SqliteReader:
        """This thread's reader for single reads: each sees the last commit. Not for snapshots."""
        reader: SqliteReader | None = getattr(self._here, "reader", None)
        if reader is None:
            reader = self._here.reader = self._open()
        return reader

    @contextmanager
    def snapshot(self) -> Generator[SqliteReader]:
        """A reader of its own that sees one state throughout; several may be open in a thread."""
        free: list[SqliteReader] = self._here.__dict__.setdefault("free", [])
        reader = free.pop() if free else self._open()
        try:
            with reader.snapshot():
                yield reader
        finally:
            if len(free) < READERS_MAX_COUNT and not self._closed:
                free.append(reader)
            else:
                self._give_up(reader)

    def _open(self) -> SqliteReader:
        reader = SqliteReader(connect_reader(self._path), self._community)
        reader.on_damage = self._on_damage
        with self._lock:
            self._all.add(reader)
        finalize(reader, reader.connection.close)
        return reader

    def watch(self, on_damage: Callable[[], None]) -> None:
        """Have all readers, of all threads, check what they show."""
        with self._lock:
            self._on_damage = on_damage
            for reader in self._all:
                reader.on_damage = on_damage

    def _give_up(self, reader: SqliteReader) -> None:
        with self._lock:
            self._all.discard(reader)
        reader.close()

    def close(self) -> None:
        """Close all readers, of all threads. Nobody may read after that."""
        with self._lock:
            self._closed = True
            readers = list(self._all)
            self._all.clear()
        for reader in readers:
            try:
                reader.close()
            except sqlite3.Error:
                pass  # busy in another thread, which is about to end
