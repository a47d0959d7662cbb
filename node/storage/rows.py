"""The Reader over an SQLite connection, and the tables that stand beside it.

Rules: `scan` reads all it returns at once, so writing while iterating is allowed; byte order is the
order of keys, as everywhere. What is seen is what the connection sees: on the writer the open
transaction, on a reader the last commit, or the snapshot it holds.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from node.protocol import crypto, lanes
from node.protocol.errors import StorageFault
from node.protocol.record import RawRecord
from node.protocol.state import UNREADABLE
from node.storage import columns
from node.storage.errors import Problem
from node.storage.kept.access import Idempotency, Tokens
from node.storage.kept.closes import Closes
from node.storage.kept.deferred import Deferred
from node.storage.kept.events import Events, Touched
from node.storage.kept.neighbours import Addresses, Bans, ForkProofs, Outbox
from node.storage.kept.private import Contacts, Orders, Partners, Settings
from node.storage.schema import fold_table

_COLUMNS: Final = "signer, lead, tail, body, signature FROM records"
RAW: Final = f"SELECT {_COLUMNS} WHERE number = ?"
KEYS_AT_ONCE_COUNT: Final = 64
RAWS: Final = f"SELECT number, {_COLUMNS} WHERE number IN ({', '.join('?' * KEYS_AT_ONCE_COUNT)})"
RAWS_AFTER: Final = f"SELECT number, {_COLUMNS} WHERE number > ? ORDER BY number LIMIT ?"
SIGNERS_KNOWN_MAX_COUNT: Final = 16_384  # keys kept in memory by number, 3 MB
NEXT_NUMBER: Final = (
    "SELECT max(coalesce((SELECT max(number) + 1 FROM records), 0),"
    " coalesce((SELECT value FROM marks WHERE name = 'number_floor'), 0))"
)
GARBLED: Final = RawRecord(b"", None, b"")
"""Shown in place of a row whose values are of other kinds: a record that nothing accepts."""


class Lazily(dict[Any, str]):
    """SQL texts made when first asked for."""

    def __init__(self, make: Callable[[Any], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> str:
        text = self[key] = self._make(key)
        return text


def _scan_text(shape: tuple[str, bool, bool]) -> str:
    table, bounded, reverse = shape
    high = " AND k < ?" if bounded else ""
    order = "DESC" if reverse else "ASC"
    return f"SELECT k, v FROM {fold_table(table)} WHERE k >= ?{high} ORDER BY k {order} LIMIT ?"


def _insert_text(shape: tuple[str, int, int]) -> str:
    text, width, count = shape
    row = f"({', '.join('?' * width)})"
    return f"{text} VALUES {', '.join([row] * count)}"


ROWS_AT_ONCE_COUNT: Final = 64
INSERT: Final = Lazily(_insert_text)
GET_MANY: Final = Lazily(
    lambda table: (
        f"SELECT k, v FROM {fold_table(table)} WHERE k IN ({', '.join('?' * KEYS_AT_ONCE_COUNT)})"
    )
)
GET: Final = Lazily(lambda table: f"SELECT v FROM {fold_table(table)} WHERE k = ?")
SCAN: Final = Lazily(_scan_text)


def insert(connection: sqlite3.Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of one width: many in one statement, which is a third cheaper than each alone
    and lets other threads in between less often. `text` is all up to the values."""
    if not rows:
        return
    whole = len(rows) - len(rows) % ROWS_AT_ONCE_COUNT
    width = len(rows[0])
    for start in range(0, whole, ROWS_AT_ONCE_COUNT):
        values = list(chain.from_iterable(rows[start : start + ROWS_AT_ONCE_COUNT]))
        connection.execute(INSERT[text, width, ROWS_AT_ONCE_COUNT], values)
    connection.executemany(INSERT[text, width, 1], rows[whole:])


class Marks:
    """Facts about the database file itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def get(self, name: str) -> Any:
        """The value, or None."""
        row = self._execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def put(self, name: str, value: int | bytes | str) -> None:
        """Set one."""
        self._execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def remove(self, name: str) -> None:
        """Unset one (absent is fine)."""
        self._execute("DELETE FROM marks WHERE name = ?", (name,))


class Rows:
    """State tables, records, and the node's own tables, over one connection."""

    def __init__(self, connection: sqlite3.Connection, community: bytes) -> None:
        """`community`: the id that the records are bound to; ids of records are made with it."""
        self.connection = connection
        self._execute = connection.execute
        self._many = connection.executemany
        self._signers: dict[int | None, bytes] = {None: b""}
        self.community = community
        self.marks = Marks(connection)
        self.orders = Orders(connection)
        self.contacts = Contacts(connection)
        self.partners = Partners(connection)
        self.settings = Settings(connection)
        self.tokens = Tokens(connection)
        self.idempotency = Idempotency(connection)
        self.outbox = Outbox(connection)
        self.addresses = Addresses(connection)
        self.bans = Bans(connection)
        self.fork_proofs = ForkProofs(connection)
        self.events = Events(connection)
        self.touched = Touched(connection)
        self.deferred = Deferred(connection)
        self.closes = Closes(connection)

    def get(self, table: str, key: bytes) -> bytes | None:
        """The row at `key`, or None."""
        row = self._execute(GET[table], (key,)).fetchone()
        return None if row is None else row[0]

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """(key, row) of those keys that have a row, in few calls of SQLite; in no order."""
        found: list[tuple[bytes, bytes]] = []
        for start in range(0, len(keys), KEYS_AT_ONCE_COUNT):
            part = list(keys[start : start + KEYS_AT_ONCE_COUNT])
            part += part[-1:] * (KEYS_AT_ONCE_COUNT - len(part))  # one statement for all sizes
            found += self._execute(GET_MANY[table], part)
        return found

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        """Rows with low <= key < high (high None: to the end), in key order or from the top."""
        text = SCAN[table, high is not None, reverse]
        most = -1 if limit is None else limit
        values = (low, most) if high is None else (low, high, most)
        return self._execute(text, values).fetchall()

    def raw(self, number: int) -> RawRecord | None:
        """The stored record with this local number; its body is None where erased or missing."""
        row = self._execute(RAW, (number,)).fetchone()
        return None if row is None else self._joined(*row)

    def _joined(
        self, signer: int | None, lead: bytes, tail: bytes | None, body: bytes | None, seal: bytes
    ) -> RawRecord:
        keys = self._signers.get(signer)
        if keys is None:
            keys = self._keys_of(signer)
        if not columns.are_whole(lead, tail, body, seal):
            return GARBLED
        return RawRecord(columns.join(keys, lead, tail, body), body, seal)

    def _keys_of(self, signer: int | None) -> bytes:
        """Author and signer of a device's records, 64 bytes; b"" where that row is lost."""
        row = self._execute("SELECT keys FROM signers WHERE number = ?", (signer,)).fetchone()
        keys = b"" if row is None or not isinstance(row[0], bytes) else row[0]
        if len(self._signers) >= SIGNERS_KNOWN_MAX_COUNT:
            self._signers = {None: b""}
        self._signers[signer] = keys
        return keys

    def raws(self, numbers: Sequence[int]) -> list[RawRecord | None]:
        """Stored records, in the order given (None: dropped), in few calls of SQLite."""
        found: dict[int, RawRecord] = {}
        for start in range(0, len(numbers), KEYS_AT_ONCE_COUNT):
            part = list(numbers[start : start + KEYS_AT_ONCE_COUNT])
            part += part[-1:] * (KEYS_AT_ONCE_COUNT - len(part))
            for row in self._execute(RAWS, part).fetchall():
                found[row[0]] = self._joined(*row[1:])
        return [found.get(number) for number in numbers]

    def whole(self, raws: Mapping[int, RawRecord]) -> set[int]:
        """Those numbers whose stored header and body are what was stored there: the tables know
        their id. Signatures are not looked at: that costs ten times as much (`looking`)."""
        ids = {crypto.record_id(self.community, raw.header): n for n, raw in raws.items()}
        found: set[int] = set()
        table = lanes.ENTRY.name
        if len(ids) == 1:  # a list of one would cost that of 64
            rows = [(one, row) for one in ids if (row := self.get(table, one)) is not None]
        else:
            rows = self.get_many(table, list(ids))
        for record, row in rows:
            try:
                number = lanes.ENTRY.read(row).number
            except UNREADABLE:
                continue
            if ids[record] == number:
                found.add(number)
        return found

    def id_of(self, number: int) -> bytes:
        """Id of the stored record with this local number."""
        found = self.id_at(number)
        assert found is not None, f"no record {number}"
        return found

    def id_at(self, number: int) -> bytes | None:
        """The same, or None when it was dropped."""
        raw = self.raw(number)
        return None if raw is None else crypto.record_id(self.community, raw.header)

    def next_number(self) -> int:
        """The local number the next applied record will get. Never one that was used before."""
        return self._execute(NEXT_NUMBER).fetchone()[0]

    def records_after(self, number: int, limit: int) -> list[tuple[int, RawRecord]]:
        """Stored records with a greater local number (-1: from the first), in order of arrival.
        Raises StorageFault where a number is out of order: who goes on from the last one would go
        round for ever."""
        rows = self._execute(RAWS_AFTER, (number, limit)).fetchall()
        before = number
        for row in rows:
            if row[0] <= before:
                raise StorageFault(Problem.DATABASE_DAMAGED, f"#{row[0]}", path="records")
            before = row[0]
        return [(row[0], self._joined(*row[1:])) for row in rows]

    def record_count(self) -> int:
        """How many records are stored."""
        return self._execute("SELECT count(*) FROM records").fetchone()[0]

    def record_count_below(self, number: int) -> int:
        """How many stored records have a smaller local number."""
        query = "SELECT count(*) FROM records WHERE number < ?"
        return self._execute(query, (number,)).fetchone()[0]
