"""Typed tables over the ordered map of state, and the overlay in which a fold gathers its changes.

Keys are fixed-width parts glued together (ids raw, numbers big-endian), so byte order is the order
of the parts and a prefix is a range. Rows are fixed arrays in MessagePack. Every table is a cache:
it can be dropped and rebuilt from the records. A row that cannot be read raises StorageFault
`database-damaged`.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

import msgspec

from node.protocol.errors import StorageFault
from node.protocol.ports import Reader
from node.protocol.record import RawRecord

V = TypeVar("V")

_encode = msgspec.msgpack.Encoder().encode

TableRows = dict[str, dict[bytes, bytes | None]]
"""Rows to set or (None) delete, by table and key."""

TABLES: dict[str, "Table[object]"] = {}
"""All declared tables by name; storage creates one SQL table for each."""


NUMBER_SIZE_BYTES: Final = 5
"""A local number as the end of a key."""
UNREADABLE: Final = (msgspec.DecodeError, ValueError, TypeError, RecursionError)
"""What reading a row may raise: bytes that no fold has written, or no bytes at all."""
PAGE_ROWS_COUNT: Final = 2_000
"""Rows of a whole table that are read at a time."""


def u64(number: int) -> bytes:
    """Eight bytes, big-endian: sorts as the number does."""
    return number.to_bytes(8, "big")


def u40(number: int) -> bytes:
    """A local number as five bytes, big-endian: more records than a node will ever hold."""
    return number.to_bytes(NUMBER_SIZE_BYTES, "big")


def u16(number: int) -> bytes:
    """Two bytes, big-endian."""
    return number.to_bytes(2, "big")


_BYTES = tuple(bytes((number,)) for number in range(256))


def after(prefix: bytes) -> bytes | None:
    """The smallest key above all keys that start with `prefix` (None: there is none)."""
    if prefix and prefix[-1] != 0xFF:  # nearly always
        return prefix[:-1] + _BYTES[prefix[-1] + 1]
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None


class Table(Generic[V]):
    """A named table with rows of one type."""

    __slots__ = ("name", "read")

    def __init__(self, name: str, row: type[V]) -> None:
        assert name not in TABLES, f"table {name} declared twice"
        self.name = name
        self.read = msgspec.msgpack.Decoder(row).decode
        TABLES[name] = self  # type: ignore[assignment]

    def get(self, reader: Reader, key: bytes) -> V | None:
        """The row at `key`, or None."""
        data = reader.get(self.name, key)
        try:
            return None if data is None else self.read(data)
        except UNREADABLE as error:
            raise self._damaged() from error

    def must(self, reader: Reader, key: bytes) -> V:
        """The row at `key`, which the caller knows to be there."""
        data = reader.get(self.name, key)
        assert data is not None, f"{self.name} lacks {key.hex()}"
        try:
            return self.read(data)
        except UNREADABLE as error:
            raise self._damaged() from error

    def has(self, reader: Reader, key: bytes) -> bool:
        """True iff there is a row at `key`."""
        return reader.get(self.name, key) is not None

    def scan(
        self,
        reader: Reader,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, V]]:
        """Rows with low <= key < high."""
        for key, data in reader.scan(self.name, low, high, reverse=reverse, limit=limit):
            try:
                row = self.read(data)
            except UNREADABLE as error:
                raise self._damaged() from error
            yield key, row

    def under(
        self, reader: Reader, prefix: bytes, *, reverse: bool = False, limit: int | None = None
    ) -> Iterator[tuple[bytes, V]]:
        """Rows whose key starts with `prefix`."""
        return self.scan(reader, prefix, after(prefix), reverse=reverse, limit=limit)

    def pages(self, reader: Reader) -> Iterator[list[tuple[bytes, V]]]:
        """All rows in key order, PAGE_ROWS_COUNT at a time: never the whole table in memory."""
        low = b""
        while page := list(self.scan(reader, low, None, limit=PAGE_ROWS_COUNT)):
            yield page
            if len(page) < PAGE_ROWS_COUNT:
                return
            low = page[-1][0] + b"\0"

    def every(self, reader: Reader) -> Iterator[tuple[bytes, V]]:
        """All rows in key order, read a page at a time."""
        for page in self.pages(reader):
            yield from page

    def _damaged(self) -> StorageFault:
        """Bytes that no fold has written: the file is not what it was."""
        return StorageFault("database-damaged", self.name, path=self.name)

    def put(self, overlay: "Overlay", key: bytes, row: V) -> None:
        """Write a row into the overlay."""
        rows = overlay.changes.rows
        if self.name not in rows:
            rows[self.name] = {}
        rows[self.name][key] = _encode(row)

    def put_all(self, overlay: "Overlay", keys: Iterable[bytes], row: V) -> None:
        """Write the same row at several keys."""
        overlay.changes.rows.setdefault(self.name, {}).update(dict.fromkeys(keys, _encode(row)))

    def delete(self, overlay: "Overlay", key: bytes) -> None:
        """Remove a row (absent is fine)."""
        overlay.write(self.name, key, None)


class Group(Generic[V]):
    """A table whose rows are asked for in groups, by a prefix that seldom has any.

    A marker stands for each prefix with rows, so that the usual answer, none, is one `get` and no
    `scan`; and a `get` can be foreseen (`Fold.foresee`).
    """

    __slots__ = ("marks", "rows")

    def __init__(self, name: str, row: type[V]) -> None:
        self.rows = Table(name, row)
        self.marks = Table(f"{name}_any", bytes)  # prefix -> b""

    def any(self, reader: Reader, prefix: bytes) -> bool:
        """True iff there are rows under `prefix`."""
        return self.marks.has(reader, prefix)

    def under(self, reader: Reader, prefix: bytes) -> Iterator[tuple[bytes, V]]:
        """(rest of the key, row) of all rows under `prefix`, in order of key."""
        if self.any(reader, prefix):
            for key, row in self.rows.under(reader, prefix):
                yield key[len(prefix) :], row

    def last(self, reader: Reader, prefix: bytes, below: bytes) -> V | None:
        """The last row under `prefix` whose rest of the key is below `below`, or None."""
        if not self.any(reader, prefix):
            return None
        rows = self.rows.scan(reader, prefix, prefix + below, reverse=True, limit=1)
        return next((row for _, row in rows), None)

    def put(self, overlay: "Overlay", prefix: bytes, rest: bytes, row: V) -> None:
        """Write a row."""
        self.rows.put(overlay, prefix + rest, row)
        self.marks.put(overlay, prefix, b"")

    def delete(self, overlay: "Overlay", prefix: bytes, rest: bytes) -> None:
        """Remove a row (absent is fine)."""
        self.rows.delete(overlay, prefix + rest)
        if next(self.rows.under(overlay, prefix, limit=1), None) is None:
            self.marks.delete(overlay, prefix)


class Changes(msgspec.Struct):
    """What applying one record does, written in one transaction with the record."""

    number: int = -1  # the record's local number; -1 when only state changes
    verdict: str = ""
    rows: TableRows = {}
    erase: list[int] = []  # numbers whose bodies go, after `fill`
    drop: list[int] = []  # local numbers no longer held at all
    fill: tuple[int, bytes] | None = None  # local number and body that arrives after its header
    touched: list[bytes] = []  # ids whose search text changed
    events: list[tuple[str, bytes]] = []  # (event name, subject id)
    id: bytes = b""  # of the record that is applied
    lanes: list[bytes] = []  # keys of lanes whose heads changed


class Overlay:
    """A Reader that sees its own writes; `changes` is what is left to be stored.

    `own` is the record being applied, which storage does not hold yet: local number, id, bytes.
    """

    __slots__ = ("_base", "_own", "_rows", "changes")

    def __init__(self, base: Reader, own: tuple[int, bytes, RawRecord] | None = None) -> None:
        self._base = base
        self._own = own
        self.changes = Changes()
        self._rows = self.changes.rows

    def get(self, table: str, key: bytes) -> bytes | None:
        rows = self._rows.get(table)
        if rows is not None and key in rows:
            return rows[key]
        return self._base.get(table, key)

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        own = {
            key: row
            for key, row in self._rows.get(table, {}).items()
            if key >= low and (high is None or key < high)
        }
        if not own:
            return list(self._base.scan(table, low, high, reverse=reverse, limit=limit))
        wide = None if limit is None else limit + len(own)  # own deletions may hide that many
        merged = dict(self._base.scan(table, low, high, reverse=reverse, limit=wide))
        merged.update({key: row for key, row in own.items() if row is not None})
        for key, row in own.items():
            if row is None:
                merged.pop(key, None)
        rows = sorted(merged.items(), reverse=reverse)
        return rows if limit is None else rows[:limit]

    def raw(self, number: int) -> RawRecord | None:
        if self._own is not None and self._own[0] == number:
            return self._own[2]
        return self._base.raw(number)

    def id_of(self, number: int) -> bytes:
        if self._own is not None and self._own[0] == number:
            return self._own[1]
        return self._base.id_of(number)

    def next_number(self) -> int:
        return self._base.next_number()

    def write(self, table: str, key: bytes, row: bytes | None) -> None:
        """Set or (None) delete one row."""
        self._rows.setdefault(table, {})[key] = row


class Direct(Overlay):
    """An overlay over a reader that shows its unwritten rows and takes new ones among them: nothing
    has to be gathered, merged and handed over. For a writer that undoes a whole job at once."""

    __slots__ = ("get",)

    def __init__(
        self, base: Reader, own: tuple[int, bytes, RawRecord], unwritten: TableRows
    ) -> None:
        self._base, self._own = base, own
        self.changes = Changes(rows=unwritten)
        self._rows = unwritten
        self.get = base.get  # asked ten times a record: one call less each time

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        return list(self._base.scan(table, low, high, reverse=reverse, limit=limit))


class DictState:
    """The whole state in memory: the simulator's and the tests' Reader. Also its own writer."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.records: dict[int, RawRecord] = {}
        self.ids: dict[int, bytes] = {}
        self._sorted: dict[str, list[bytes]] = {}  # keys of each table
        self._next = 0

    def copy(self) -> "DictState":
        """A state of one's own."""
        made = DictState()
        made.tables = {name: dict(rows) for name, rows in self.tables.items()}
        made.records, made.ids = dict(self.records), dict(self.ids)
        made._sorted = {name: list(keys) for name, keys in self._sorted.items()}
        made._next = self._next
        return made

    def get(self, table: str, key: bytes) -> bytes | None:
        rows = self.tables.get(table)
        return None if rows is None else rows.get(key)

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        rows = self.tables.get(table)
        if not rows:
            return []
        keys = self._sorted[table]
        first = bisect_left(keys, low)
        last = len(keys) if high is None else bisect_left(keys, high)
        if limit is not None and reverse:
            first = max(first, last - limit)
        elif limit is not None:
            last = min(last, first + limit)
        found = keys[first:last]
        if reverse:
            found.reverse()
        return [(key, rows[key]) for key in found]

    def raw(self, number: int) -> RawRecord | None:
        return self.records.get(number)

    def id_of(self, number: int) -> bytes:
        return self.ids[number]

    def next_number(self) -> int:
        return self._next

    def apply(self, raw: RawRecord | None, changes: Changes) -> None:
        """Take a record and its changes in, as storage does in one transaction."""
        if raw is not None:
            assert changes.number == self._next
            self.records[self._next] = raw
            self.ids[self._next] = changes.id
            self._next += 1
        for name, rows in changes.rows.items():
            table = self.tables.setdefault(name, {})
            keys = self._sorted.setdefault(name, [])
            for key, row in rows.items():
                if row is not None:
                    if key not in table:
                        insort(keys, key)
                    table[key] = row
                elif table.pop(key, None) is not None:
                    del keys[bisect_left(keys, key)]
        if changes.fill is not None:
            old = self.records[changes.fill[0]]
            self.records[changes.fill[0]] = RawRecord(old.header, changes.fill[1], old.signature)
        for erased in changes.erase:
            old = self.records[erased]
            self.records[erased] = RawRecord(old.header, None, old.signature)
        for dropped in changes.drop:
            self.records.pop(dropped, None)
            self.ids.pop(dropped, None)
