"""Files of pictures by their hash: those made here, and a bounded number of others'.

Rules: a file of its own (`pictures.db`), made when the first picture comes. Files made here are
never pushed out; of others' the least recently used go first. What is given out has the hash that
was asked for: a file that the disk has changed is as good as gone. Where damage is met, what is
whole moves to a new `pictures.db` at once, and what was asked for is done again with that; the
damaged one goes, so that nothing erased lies about. Erased bytes are overwritten. May be used by
several threads: one lock over what writes; looking whether a file is here waits for nobody.

Left to others: which files may be here at all (`services.photos.pictures`).
"""

import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from node.protocol import limits
from node.protocol.crypto import sha256
from node.protocol.errors import StorageFault
from node.protocol.market import Media, PictureFile
from node.protocol.picture import is_stated, look
from node.protocol.ports import Clock
from node.storage.connect import connect_reader, connect_writer
from node.storage.described import described
from node.storage.errors import SQLITE_ERRORS, Problem, fault_of
from node.storage.home import Home, create_private, publish, settle
from node.storage.picture_wreck import VERSION, PictureWreck, make, wanted

CACHE_KIB: Final = 1_024  # a file is read once and then stays with whoever asked

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """A file: what it is and its bytes."""

    media: Media
    data: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """How many files are here, and how many bytes they have."""

    own_count: int = 0
    own_bytes: int = 0
    others_count: int = 0
    others_bytes: int = 0


def _mending(
    method: Callable[Concatenate["PictureStore", P], R],
) -> Callable[Concatenate["PictureStore", P], R]:
    """Once more, after mending, where the file is found to be damaged."""

    @wraps(method)
    def call(self: "PictureStore", *args: P.args, **named: P.kwargs) -> R:
        seen = self.mended_count
        try:
            return method(self, *args, **named)
        except StorageFault as fault:
            if fault.code != Problem.DATABASE_DAMAGED:
                raise
        self.mend(seen)
        return method(self, *args, **named)

    return call


class PictureStore:
    """The pictures of one home. Opens its file when it is first needed. Its methods raise
    StorageFault schema-newer, disk-full, disk-error."""

    def __init__(self, home: Home, clock: Clock) -> None:
        self._home = home
        self._path = home.pictures
        self._clock = clock
        self.mended_count = 0  # how often
        self._connection: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    @contextmanager
    def _open(self, *, make: bool = False) -> Generator[sqlite3.Connection | None]:
        """The connection inside a transaction, None where nothing was ever kept.

        Raises StorageFault database-damaged, schema-newer, disk-full, disk-error.
        """
        with self._lock:
            try:
                if self._connection is None and (make or self._path.exists()):
                    self._connection = self._connect()
                if self._connection is None:
                    yield None
                    return
                self._connection.execute("BEGIN")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except SQLITE_ERRORS as error:
                raise fault_of(error, self._path) or error from error

    def _connect(self) -> sqlite3.Connection:
        create_private(self._path)
        connection = connect_writer(self._path)
        try:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            if not _is_made(connection, self._path):
                connection.execute("BEGIN")
                make(connection)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Leave one clean file behind."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            if self._connection is not None:
                try:
                    self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                except sqlite3.Error:
                    pass  # the next opening reads the log
                self._connection.close()
                self._connection = None

    def mend(self, seen: int | None = None) -> int:
        """Carry what is whole over into a new file, unless that was done since `mended_count` was
        `seen`; returns how many files of pictures that are. Raises StorageFault disk-full,
        disk-error: then nothing is changed."""
        with self._lock:
            if seen not in (None, self.mended_count):
                return 0
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._reader = None  # another thread may be reading: it closes with the last reference
            try:
                saved = self._save()
            except SQLITE_ERRORS as error:
                raise fault_of(error, self._path) or error from error
            except OSError as error:
                code = Problem.DISK_FULL if self._home.is_full() else Problem.DISK_ERROR
                raise StorageFault(code, str(error), path=str(self._path)) from error
            self.mended_count += 1
        log.warning("%s was damaged: %d files are whole and kept", self._path, saved)
        return saved

    def _save(self) -> int:
        fresh = Home(self._home.path / "mending-pictures")
        shutil.rmtree(fresh.path, ignore_errors=True)
        fresh.prepare()
        try:
            new = PictureStore(fresh, self._clock)
            try:
                with PictureWreck(self._path, fresh.path / "wreck.db") as wreck:
                    saved = new._take_over(wreck)
            finally:
                new.close()
            publish(fresh.pictures, self._home.pictures_mended)
        finally:
            shutil.rmtree(fresh.path, ignore_errors=True)
        settle(self._home.pictures_mended, self._path)
        return saved

    def _take_over(self, wreck: PictureWreck) -> int:
        count = 0
        with self._open(make=True) as connection:
            assert connection is not None
            for data, own, fresh in wreck.files():
                found = look(data)
                if found is not None:
                    file = PictureFile(sha256(data), *found[:1], len(data), *found[1:])
                    _insert(connection, file, data, own, fresh, self._clock())
                    count += 1
            connection.executemany("INSERT OR REPLACE INTO made VALUES (?, ?)", wreck.made())
        return count

    @_mending
    def file(self, key: bytes) -> PictureFile | None:
        """What the file of this hash is, if it is here."""
        try:
            if self._reader is None:
                if not self._path.exists():
                    return None
                with self._open():  # makes what a log holds good
                    self._reader = connect_reader(self._path)
            row = _row(self._reader, key)
        except SQLITE_ERRORS as error:
            raise fault_of(error, self._path) or error from error
        return None if row is None else PictureFile(key, *row)

    @_mending
    def take(self, key: bytes) -> Kept | None:
        """A file and its bytes; notes that it was looked at."""
        with self._open() as connection:
            row = None if connection is None else _row(connection, key)
            if connection is None or row is None:
                return None
            query = "SELECT data FROM bytes WHERE hash = ?"
            found = connection.execute(query, (key,)).fetchone()
            if found is None or not _is_whole(key, row, found[0]):
                _drop(connection, key)
                return None
            now = self._clock()
            connection.execute(
                "UPDATE files SET used = ? WHERE hash = ? AND used < ?",
                (now, key, now - limits.PICTURE_USED_EVERY_MS),
            )
            return Kept(row[0], found[0])

    @_mending
    def put(
        self, file: PictureFile, data: bytes, *, own: bool, room: int, fresh: bool = False
    ) -> bool:
        """Keep a file whose bytes are as stated; False where there is no room for it.

        `room`: bytes that others' files may take; `fresh`: no listing names it yet.
        """
        assert sha256(data) == file.hash
        with self._open(make=True) as connection:
            assert connection is not None
            if not own and not _make_room(connection, room - len(data)):
                return False
            _insert(connection, file, data, own, fresh, self._clock())
            return True

    @_mending
    def put_made(self, large: PictureFile, small: PictureFile, data: Iterable[bytes]) -> None:
        """Keep a picture that was made here, in both sizes, for a listing to come."""
        for file, bytes_ in zip((large, small), data, strict=True):
            self.put(file, bytes_, own=True, room=0, fresh=True)
        with self._open() as connection:
            assert connection is not None
            connection.execute(
                "INSERT OR REPLACE INTO made VALUES (?, ?)", (large.hash, small.hash)
            )
            keys = connection.execute("SELECT hash FROM files WHERE fresh = 1 ORDER BY used DESC")
            for (key,) in keys.fetchall()[limits.PICTURES_FRESH_MAX_COUNT :]:
                _drop(connection, key)

    def put_back(self, data: bytes) -> None:
        """Keep an own file that a backup held. What is no picture is passed over."""
        found = look(data)
        if found is not None:
            file = PictureFile(sha256(data), *found[:1], len(data), *found[1:])
            self.put(file, data, own=True, room=0, fresh=True)

    @_mending
    def made(self, large: bytes) -> tuple[PictureFile, PictureFile] | None:
        """Both sizes of a picture that was made here, by the hash of the large one."""
        with self._open() as connection:
            if connection is None:
                return None
            query = "SELECT small FROM made WHERE large = ?"
            small = connection.execute(query, (large,)).fetchone()
            rows = [] if small is None else [_row(connection, key) for key in (large, *small)]
        if small is None or None in rows:
            return None
        first, second = (row for row in rows if row is not None)
        return PictureFile(large, *first), PictureFile(small[0], *second)

    @_mending
    def is_fresh(self, key: bytes) -> bool:
        """True iff the file was made here and no listing names it yet."""
        with self._open() as connection:
            if connection is None:
                return False
            query = "SELECT fresh FROM files WHERE hash = ?"
            return (connection.execute(query, (key,)).fetchone() or (0,))[0] == 1

    @_mending
    def keys(self) -> list[bytes]:
        """Hashes of all files."""
        with self._open() as connection:
            if connection is None:
                return []
            return [row[0] for row in connection.execute("SELECT hash FROM files")]

    @_mending
    def settle(self, named: Iterable[bytes], unnamed: Iterable[bytes]) -> int:
        """Files that listings name are fresh no more; those that none names go, fresh ones when
        they have waited long enough. Returns how many went."""
        gone = 0
        oldest = self._clock() - limits.PICTURES_FRESH_MAX_MS
        with self._open() as connection:
            if connection is None:
                return 0
            for key in named:
                connection.execute("UPDATE files SET fresh = 0 WHERE hash = ? AND fresh", (key,))
            for key in unnamed:
                query = "SELECT fresh AND used > ? FROM files WHERE hash = ?"
                row = connection.execute(query, (oldest, key)).fetchone()
                if row is not None and not row[0]:
                    _drop(connection, key)
                    gone += 1
        return gone

    @_mending
    def fit(self, room: int) -> None:
        """Let others' files go until they have no more bytes than this."""
        with self._open() as connection:
            if connection is not None:
                _make_room(connection, room)

    @_mending
    def held(self) -> Held:
        """What is here."""
        with self._open() as connection:
            if connection is None:
                return Held()
            query = "SELECT own, count(*), sum(size) FROM files GROUP BY own"
            found = {row[0]: row[1:] for row in connection.execute(query)}
        return Held(*found.get(1, (0, 0)), *found.get(0, (0, 0)))


def own_files(home: Home) -> Iterator[bytes]:
    """Bytes of own files, read beside a node that may be running: of a damaged file those that are
    whole. Raises StorageFault."""
    if not home.pictures.exists():
        return
    given: set[bytes] = set()
    try:
        for data in _own_files(home):
            given.add(sha256(data))
            yield data
        return
    except StorageFault as fault:
        if fault.code != Problem.DATABASE_DAMAGED:
            raise
    with (
        TemporaryDirectory(dir=home.path) as folder,
        PictureWreck(home.pictures, Path(folder) / "wreck.db") as wreck,
    ):
        yield from (data for data, own, _ in wreck.files() if own and sha256(data) not in given)


def _own_files(home: Home) -> Iterator[bytes]:
    connection = connect_reader(home.pictures)
    try:
        if not _is_made(connection, home.pictures):
            return
        query = "SELECT hash, data FROM files JOIN bytes USING (hash) WHERE own = 1 ORDER BY hash"
        for key, data in connection.execute(query):
            if isinstance(data, bytes) and sha256(data) == key:
                yield data
    except SQLITE_ERRORS as error:
        raise fault_of(error, home.pictures) or error from error
    finally:
        connection.close()


def _is_made(connection: sqlite3.Connection, path: Path) -> bool:
    """True iff the tables are there, as this program describes them; False iff there are none.
    Raises StorageFault database-damaged, schema-newer."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    found = described(connection)
    if version > VERSION:
        raise StorageFault(Problem.SCHEMA_NEWER, path=str(path))
    if (version, found) not in ((VERSION, wanted()), (0, [])):  # a bit has flipped
        raise StorageFault(Problem.DATABASE_DAMAGED, path=str(path))
    return bool(found)


def _insert(
    connection: sqlite3.Connection,
    file: PictureFile,
    data: bytes,
    own: bool,
    fresh: bool,
    now: int,
) -> None:
    _drop(connection, file.hash)
    values = (file.hash, file.media, file.size, file.width, file.height, own, fresh, now)
    connection.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.execute("INSERT INTO bytes VALUES (?, ?)", (file.hash, data))


def _row(connection: sqlite3.Connection, key: bytes) -> tuple[Media, int, int, int] | None:
    query = "SELECT media, size, width, height FROM files WHERE hash = ?"
    return connection.execute(query, (key,)).fetchone()


def _is_whole(key: bytes, row: tuple[Media, int, int, int], data: object) -> bool:
    """True iff the bytes, which a bad disk may have made anything, have the hash and fit a row."""
    if not isinstance(data, bytes) or sha256(data) != key:
        return False
    return is_stated(data, PictureFile(key, *row))


def _drop(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute("DELETE FROM files WHERE hash = ?", (key,))
    connection.execute("DELETE FROM bytes WHERE hash = ?", (key,))
    connection.execute("DELETE FROM made WHERE large = ?", (key,))


def _make_room(connection: sqlite3.Connection, most: int) -> bool:
    """Let others' files go, the least recently used first, until they have so many bytes at most.
    False where even none would not do."""
    if most < 0:
        return False
    total = connection.execute("SELECT sum(size) FROM files WHERE own = 0").fetchone()[0] or 0
    if total > most:
        query = "SELECT hash, size FROM files WHERE own = 0 ORDER BY used"
        for key, size in connection.execute(query).fetchall():
            if total <= most:
                break
            _drop(connection, key)
            total -= size
    return True
