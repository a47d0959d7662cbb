"""What a job of the writer works on: the Reader of the open transaction, which takes changes in.

Rules: a record, its changes, its events and what is owed to the peers stand in one transaction, or
none of them does. Local numbers grow and are never used twice, even when the newest record is
dropped. A body that is erased was never written, or is overwritten. Rows, records and events wait
in memory for the end of their job (`finish`) and are seen by it as if they were written.

Left to others: transactions and savepoints (`writer`), computing changes (`node.ledger.fold`).
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from node.protocol.ports import Clock
from node.protocol.record import RawRecord
from node.protocol.state import Changes, TableRows
from node.storage import columns
from node.storage.buffer import RowBuffer
from node.storage.rows import NEXT_NUMBER, SIGNERS_KNOWN_MAX_COUNT, Rows, insert

ROW_OVERHEAD_BYTES: Final = 16
ROW_MEAN_BYTES: Final = 72  # of the fold's tables, with what stands around a row (measured)

FORK_EVENT: Final = "fork"  # where a record forks its lane, this is its first event


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit brought, for those who wait: nothing here is needed to find it again."""

    first_number: int  # records first_number .. next_number - 1 are new
    next_number: int
    heads: bool  # the set of lane heads changed
    touched: bool  # the search index has work
    events: bool  # the log of events grew
    outbox: bool  # something waits to be gossiped
    forks: bool = False  # a fork, or a proof of one, became known


class WriterState(Rows):
    """The state inside the writer's transaction. Only jobs may hold it, and only while they run."""

    def __init__(self, connection: sqlite3.Connection, community: bytes, clock: Clock) -> None:
        super().__init__(connection, community)
        self._clock = clock
        self._rows = RowBuffer(connection)
        self.get = self._rows.get  # asked ten times a record: one call less each time
        self._new: dict[int, tuple[bytes, RawRecord]] = {}  # records of this job, with their ids
        self._signer_numbers: dict[bytes, int | None] = {b"": None}
        self._told: list[tuple[str, bytes]] = []  # events of this job
        self._to_index: list[int | bytes] = []  # whose search text this job changed
        self._next = 0
        self._refolded: int | None = None
        self.begin()

    def begin(self) -> None:
        """A transaction starts: read again what is kept in memory, and forget what was noted."""
        self._next = self._first = self._execute(NEXT_NUMBER).fetchone()[0]
        self._heads = self._touched = self._events = self._outbox = self._forks = False
        self.size_bytes = 0

    def finish(self) -> None:
        """A job has succeeded: hand over what waits. Raises what SQLite raises."""
        before = self._rows.written_count
        self._rows.flush()
        self.size_bytes += ROW_MEAN_BYTES * (self._rows.written_count - before)
        self._flush_records()
        if self._told:
            self.events.add_many(self._told, self._clock())
            self._told.clear()
        if self._to_index:
            self.touched.add_many(self._to_index)
            self._to_index.clear()
            self._touched = True

    def forget(self) -> None:
        """The tables are not what they were: a job was undone, or they were made anew."""
        self._rows.forget()
        self._new.clear()
        self._signers, self._signer_numbers = {None: b""}, {b"": None}
        self._told.clear()
        self._to_index.clear()

    def commit(self) -> Commit:
        """What the transaction brought so far."""
        return Commit(
            self._first,
            self._next,
            self._heads,
            self._touched,
            self._events,
            self._outbox,
            self._forks,
        )

    def mark(self) -> int:
        """Where a job starts, for `undo`."""
        return self._next

    def undo(self, mark: int) -> None:
        """A job was rolled back to `mark`."""
        self._next = mark
        self.forget()

    @property
    def unwritten(self) -> TableRows:
        """Rows of this job that are shown but not written yet; a fold may add to them."""
        return self._rows.unwritten

    def preload(self, wanted: Mapping[str, Iterable[bytes]]) -> None:
        """Read rows, by table and key, that the next records will ask for."""
        for table, keys in wanted.items():
            unknown = self._rows.unknown(table, keys)
            self._rows.know(table, unknown, self.get_many(table, unknown))

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        self._rows.flush_table(table)
        return super().scan(table, low, high, reverse=reverse, limit=limit)

    def raw(self, number: int) -> RawRecord | None:
        new = self._new.get(number)
        return super().raw(number) if new is None else new[1]

    def id_of(self, number: int) -> bytes:
        new = self._new.get(number)
        return super().id_of(number) if new is None else new[0]

    def records_after(self, number: int, limit: int) -> list[tuple[int, RawRecord]]:
        self._flush_records()
        return super().records_after(number, limit)

    def record_count(self) -> int:
        self._flush_records()
        return super().record_count()

    def next_number(self) -> int:
        return self._next if self._refolded is None else self._refolded

    def apply(self, raw: RawRecord | None, changes: Changes) -> None:
        """Store a record (None: none) and all that applying it changes."""
        assert self.connection.in_transaction, "outside a job"
        if raw is not None:
            self._insert(raw, changes)
        if changes.rows is not self._rows.unwritten:
            self._rows.write(changes.rows)
        if not self._heads:
            self._heads = changes.number >= 0 or bool(changes.drop)
        if changes.fill is not None or changes.erase or changes.drop:
            self._flush_records()
            self._change_records(changes)
        if changes.touched:
            own = changes.id
            self._to_index += [changes.number if one == own else one for one in changes.touched]
        if changes.events and self._refolded is None:
            self._events = True
            self._told += changes.events
            self._forks = self._forks or changes.events[0][0] == FORK_EVENT

    def tell(self, name: str, subject: bytes) -> None:
        """An event that no record brought."""
        self._events = True
        self._told.append((name, subject))
        self._forks = self._forks or name == FORK_EVENT

    def _change_records(self, changes: Changes) -> None:
        if changes.fill is not None and changes.fill[0] not in changes.erase:
            number, body = changes.fill
            self._execute("UPDATE records SET body = ? WHERE number = ?", (body, number))
            self.size_bytes += len(body)
        for number in changes.erase:
            self._erase(number)
        for number in changes.drop:
            self._drop(number)

    def _insert(self, raw: RawRecord, changes: Changes) -> None:
        assert changes.number == self._next
        assert self._refolded is None
        body = None if changes.number in changes.erase else raw.body
        self._new[self._next] = (changes.id, raw if body is raw.body else raw._replace(body=body))
        self._next += 1
        self.size_bytes += len(raw.header) + len(body or b"") + ROW_OVERHEAD_BYTES

    def _flush_records(self) -> None:
        if self._new:
            rows = [self._row(number, *new) for number, new in self._new.items()]
            insert(self.connection, "INSERT INTO records", rows)
            self._new.clear()

    def _row(self, number: int, record: bytes, raw: RawRecord) -> tuple[Any, ...]:
        keys, lead, tail = columns.split(raw.header, raw.body, parsed=bool(record))
        signer = self._signer_numbers.get(keys, -1)
        if signer == -1:
            signer = self._signer_number(keys)
        return number, signer, lead, tail, raw.body, raw.signature

    def _signer_number(self, keys: bytes) -> int:
        """The number of a device, a new one if it never signed anything before."""
        row = self._execute("SELECT number FROM signers WHERE keys = ?", (keys,)).fetchone()
        if row is None:
            self._execute("INSERT INTO signers (keys) VALUES (?)", (keys,))
            row = self._execute("SELECT last_insert_rowid()").fetchone()
        if len(self._signer_numbers) >= SIGNERS_KNOWN_MAX_COUNT:
            self._signer_numbers = {b"": None}
        self._signer_numbers[keys] = row[0]
        return row[0]

    def _erase(self, number: int) -> None:
        row = self._execute("SELECT body, tail FROM records WHERE number = ?", (number,)).fetchone()
        if row is not None and row[0] is not None:
            tail = columns.tail_of(row[0]) if row[1] is None else row[1]
            self._execute(
                "UPDATE records SET body = NULL, tail = ? WHERE number = ?", (tail, number)
            )

    def _drop(self, number: int) -> None:
        if number == self._next - 1:
            self.marks.put("number_floor", self._next)
        self._execute("DELETE FROM records WHERE number = ?", (number,))

    def outbox_add(self, number: int) -> None:
        """Owe a record to the peers."""
        self.outbox.add(number)
        self._outbox = True

    @contextmanager
    def refolding(self) -> Generator[Callable[[int], None]]:
        """Within this, stored records are folded again: each keeps its number, which is told before
        it, and tells no events."""

        def at(number: int) -> None:
            self._refolded = number

        try:
            yield at
        finally:
            self._refolded = None
