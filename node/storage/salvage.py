"""Reading what is left of a damaged database: from a copy, page by page, row by row.

Rules: the damaged files are not changed. Nothing that comes out is believed: records are verified
by whoever asks for them, and the node's own things are only as true as their bytes. What cannot be
read is left out, and counted where it can be.

Left to others: judging records, making the new database (`services.homes.mending`).
"""

import shutil
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from node.protocol.limits import DATABASE_PAGE_BYTES
from node.protocol.record import RawRecord
from node.protocol.state import TABLES, UNREADABLE, Table
from node.storage import columns
from node.storage.described import columns_of, fits, fold_made, set_right
from node.storage.errors import SQLITE_ERRORS, fault_of
from node.storage.home import Home, remove_database
from node.storage.log import apply, log_of
from node.storage.schema import APPLICATION_ID, SCHEMA, fold_table, wanted

V = TypeVar("V")

OWN_TABLES: Final = (
    *("orders", "contacts", "partners", "settings", "tokens", "idempotency"),
    *("bans", "addresses", "fork_proofs", "closes", "close_leaves"),
)
"""Tables that nothing else can bring back; of each, every row that can be read."""

GIVEN_UP_COUNT: Final = 4_096  # numbers in a row that cannot be read: then on from the end
_COLUMNS: Final = "signer, lead, tail, body, signature FROM records"
_ONE: Final = f"SELECT number, {_COLUMNS} WHERE number = ?"
_AFTER: Final = f"SELECT number, {_COLUMNS} WHERE number > ? ORDER BY number"
_BACK: Final = f"{_AFTER} DESC"
_HEADER: Final = struct.Struct(">16sHBBBBBB")
_HEADER_START: Final = (b"SQLite format 3\0", DATABASE_PAGE_BYTES, 2, 2, 0, 64, 32, 32)


class Wreck:
    """A copy of a damaged database, open for reading. Use it in a `with` block."""

    def __init__(self, home: Home, copy: Path, *, beyond: bool) -> None:
        """Copy the files of `home` to `copy`; `beyond`: with what stands in the log after damage.

        Raises OSError when the disk refuses.
        """
        self._path = copy
        remove_database(copy)
        shutil.copyfile(home.database, copy)
        apply(log_of(home.database), copy, beyond=beyond)
        set_header_right(copy, SCHEMA.version, APPLICATION_ID)
        set_right(copy, wanted() + [fold_made(fold_table(name)) for name in TABLES])
        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        self._connection.text_factory = _text
        # A table that is not described well hides itself, and not all others.
        self._connection.execute("PRAGMA writable_schema = ON").fetchall()
        self.unreadable: list[int] = []  # numbers of records whose rows could not be read

    def __enter__(self) -> "Wreck":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        remove_database(self._path)

    def records(self) -> Iterator[tuple[int, list[RawRecord]]]:
        """Every record whose row can be read, by number, each in the forms it may have had: as the
        device's keys stand in their table, and as they stand in its index."""
        keys = [self._keys("number"), self._keys("keys")]
        for number, *row in self._rows():
            yield number, _forms(row, keys)

    def waiting(self) -> list[RawRecord]:
        """Records of files that waited for others."""
        rows = [row[1:4] for row in self.rows("deferred", ("id",))]
        return [RawRecord(*row) for row in rows if columns.are_whole(row[0], None, *row[1:])]

    def rows(self, table: str, key: Sequence[str] = ("rowid",)) -> list[tuple[Any, ...]]:
        """The rows of a table that can be read: from the start, and from the end, up to damage."""
        found: dict[tuple[Any, ...], None] = {}
        for direction in ("", " DESC"):
            order = ", ".join(f"{name}{direction}" for name in key)
            try:
                for row in self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):
                    found[row] = None
            except SQLITE_ERRORS as error:
                self._expect(error)
                continue
            break  # all of it
        return list(found)

    def all_of(self, table: Table[V]) -> Iterator[tuple[bytes, V]]:
        """Rows of a table of the fold, as far as they can be read."""
        for key, data in self.rows(fold_table(table.name), ("k",)):
            try:
                yield key, table.read(data)
            except UNREADABLE:
                continue  # the row is damaged, too

    def own_rows(self) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """The node's own things: table, rows."""
        for table in OWN_TABLES:
            try:
                declared = columns_of(self._connection, table)
            except SQLITE_ERRORS as error:
                self._expect(error)
                continue
            key = [name for name, _, is_key in declared if is_key]
            if key:
                kinds = [kind for _, kind, _ in declared]
                yield table, [row for row in self.rows(table, key) if all(map(fits, row, kinds))]

    def _keys(self, order: str) -> dict[int, bytes]:
        """Keys of devices by number; ordered by keys they come out of the index."""
        try:
            rows = self._connection.execute(f"SELECT number, keys FROM signers ORDER BY {order}")
            return {number: keys for number, keys in rows if isinstance(keys, bytes)}
        except SQLITE_ERRORS as error:
            self._expect(error)
            return {}

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        """As they lie in the file, whatever their numbers say; beyond what cannot be read, and
        where there is much of that, from the end, too."""
        last = -1  # only grows, so that this ends: a flipped number may lead anywhere
        while True:
            try:
                for row in self._connection.execute(_AFTER, (last,)):
                    yield row
                    last = max(last, row[0])
            except SQLITE_ERRORS as error:
                self._expect(error)
            else:
                return
            beyond = self._first_of(range(last + 1, last + 1 + GIVEN_UP_COUNT))
            if beyond is None:
                break
            yield beyond
            last = beyond[0]
        try:
            yield from self._connection.execute(_BACK, (last,))
        except SQLITE_ERRORS as error:
            self._expect(error)

    def _first_of(self, numbers: Iterable[int]) -> tuple[Any, ...] | None:
        """The first of these records whose row can be read; those before it are noted."""
        for number in numbers:
            try:
                row = self._connection.execute(_ONE, (number,)).fetchone()
            except SQLITE_ERRORS as error:
                self._expect(error)
                self.unreadable.append(number)
                continue
            if row is not None:
                return row
        return None

    def _expect(self, error: sqlite3.Error | UnicodeDecodeError) -> None:
        """Damage is what this is for, and so is a table that cannot be found any more."""
        if fault_of(error, self._path) is None and "no such" not in str(error):
            raise error


def _forms(row: Sequence[Any], keys: Sequence[dict[int, bytes]]) -> list[RawRecord]:
    signer, lead, tail, body, signature = row
    if not columns.are_whole(lead, tail, body, signature):
        return []
    known = {b""} if signer is None else {one[signer] for one in keys if signer in one}
    return [RawRecord(columns.join(one, lead, tail, body), body, signature) for one in known]


def _text(data: bytes) -> str:
    """Text may be damaged, too."""
    return data.decode("utf-8", "replace")


def set_header_right(copy: Path, version: int, application: int) -> None:
    """Write what is known of the file's header into the copy: a flipped bit there hides all."""
    pages = copy.stat().st_size // DATABASE_PAGE_BYTES
    with copy.open("r+b") as file:
        file.write(_HEADER.pack(*_HEADER_START))
        file.seek(24)
        # Change counter, pages, no free pages, schema cookie, format, cache, no vacuum, UTF-8.
        file.write(struct.pack(">9I", 1, pages, 0, 0, 1, 4, 0, 0, 1))
        file.write(struct.pack(">III", version, 0, application))
        file.seek(92)
        file.write(struct.pack(">I", 1))
