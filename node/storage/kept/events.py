"""The log of events that clients can resume, and what waits for the search index.

Rules: an event stands in the transaction of what it tells of, and its number is never used again,
so a client that names the last one it saw misses nothing. The log is bounded: whoever was away for
longer reads their lists anew (`is_complete_after` says which). A row that cannot be read raises
StorageFault `database-damaged`.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from node.protocol.errors import StorageFault
from node.protocol.limits import EVENTS_KEPT_MAX_COUNT, EVENTS_TRIM_EVERY_COUNT
from node.protocol.state import UNREADABLE
from node.storage.errors import Problem

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode
_EVENTS = msgspec.msgpack.Decoder(list[tuple[str, bytes]])
_TOUCHED = msgspec.msgpack.Decoder(list[int | bytes])
_LAST: Final = "SELECT seq FROM sqlite_sequence WHERE name = ?"


def _unpacked(decoder: msgspec.msgpack.Decoder[list[T]], pack: Any, count: int) -> list[T]:
    """What a row holds, which says itself how much that is."""
    try:
        found = decoder.decode(pack)
    except UNREADABLE as error:
        raise StorageFault(Problem.DATABASE_DAMAGED, "pack", path="events") from error
    if len(found) != count:
        raise StorageFault(Problem.DATABASE_DAMAGED, "count", path="events")
    return found


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed: a stable name, the id it is about, when this node took it in."""

    seq: int
    name: str
    subject: bytes
    at: int


class Events:
    """Events in order of seq. Those of one job lie together in one row, `seq` being its last: a row
    an event would cost a tenth of taking a record in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def add(self, name: str, subject: bytes, at_ms: int) -> None:
        """Append one."""
        self.add_many([(name, subject)], at_ms)

    def add_many(self, events: Sequence[tuple[str, bytes]], at_ms: int) -> None:
        """Append (name, subject) in order."""
        before = self.last()
        last = before + len(events)
        row = (last, len(events), at_ms, _encode(events))
        self._execute("INSERT INTO events VALUES (?, ?, ?, ?)", row)
        if last // EVENTS_TRIM_EVERY_COUNT != before // EVENTS_TRIM_EVERY_COUNT:
            self._execute("DELETE FROM events WHERE seq <= ?", (last - EVENTS_KEPT_MAX_COUNT,))

    def after(self, seq: int, limit: int) -> list[Event]:
        """The events that follow `seq`."""
        found: list[Event] = []
        seq = max(seq, self._oldest() - 1)
        rows = self._execute("SELECT * FROM events WHERE seq > ? ORDER BY seq", (seq,))
        for last, count, at, pack in rows:
            first = last - count + 1
            part = _unpacked(_EVENTS, pack, count)[max(0, seq + 1 - first) :][: limit - len(found)]
            start = max(first, seq + 1)
            found += [Event(start + n, name, subject, at) for n, (name, subject) in enumerate(part)]
            if len(found) >= limit:
                break
        return found

    def _oldest(self) -> int:
        """Seq of the oldest event that is kept. More may lie in its row: they are gone."""
        row = self._execute("SELECT seq - count + 1 FROM events ORDER BY seq LIMIT 1").fetchone()
        if row is None:
            return self.last() + 1
        kept_from = self.last() // EVENTS_TRIM_EVERY_COUNT * EVENTS_TRIM_EVERY_COUNT
        return max(row[0], kept_from - EVENTS_KEPT_MAX_COUNT + 1)

    def last(self) -> int:
        """Seq of the newest event ever (0: none yet)."""
        row = self._execute(_LAST, ("events",)).fetchone()
        return 0 if row is None else row[0]

    def is_complete_after(self, seq: int) -> bool:
        """True iff every event after `seq` is still there, and `seq` is none of the future."""
        last = self.last()
        return seq <= last and (seq == last or self._oldest() <= seq + 1)


class Touched:
    """What the search index must look at again, in order; the index remembers how far it has read.

    An entry is the local number of a record that is new, or the id of a post or listing that has
    changed. Those of one job lie together in one row, `seq` being that of the last.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def add_many(self, entries: Sequence[int | bytes]) -> None:
        """The index must look at these again."""
        last = self.last() + len(entries)
        row = (last, len(entries), _encode(entries))
        self._execute("INSERT INTO touched VALUES (?, ?, ?)", row)

    def after(self, seq: int, limit: int) -> list[tuple[int, int | bytes]]:
        """What follows `seq`, as (seq, number or id)."""
        found: list[tuple[int, int | bytes]] = []
        rows = self._execute("SELECT * FROM touched WHERE seq > ? ORDER BY seq", (seq,))
        for last, count, pack in rows:
            first = last - count + 1
            start = max(first, seq + 1)
            part = _unpacked(_TOUCHED, pack, count)[start - first :][: limit - len(found)]
            found += enumerate(part, start)
            if len(found) >= limit:
                break
        return found

    def last(self) -> int:
        """Seq of the newest entry ever (0: none yet)."""
        row = self._execute(_LAST, ("touched",)).fetchone()
        return 0 if row is None else row[0]

    def clear(self) -> None:
        """Forget all, before they are found again by a rebuild; numbers go on."""
        self._execute("DELETE FROM touched")
