"""The log of events that clients can resume, and what waits for the search index.

Rules: an event stands in the transaction of what it tells of, and its number is never used again,
so a client that names the last one it saw misses nothing. The log is bounded: whoever was away for
longer reads their lists anew (`is_complete_after` says which).
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.protocol.limits import EVENTS_KEPT_MAX_COUNT, EVENTS_TRIM_EVERY_COUNT

_LAST: Final = "SELECT seq FROM sqlite_sequence WHERE name = ?"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed: a stable name, the id it is about, when this node took it in."""

    seq: int
    name: str
    subject: bytes
    at: int


class Events:
    """Events in order of seq."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._many = connection.executemany

    def add(self, name: str, subject: bytes, at_ms: int) -> None:
        """Append one."""
        self.add_many([(name, subject, at_ms)])

    def add_many(self, events: Sequence[tuple[str, bytes, int]]) -> None:
        """Append (name, subject, time) in order."""
        self._many("INSERT INTO events (name, subject, at) VALUES (?, ?, ?)", events)
        last = self._execute("SELECT last_insert_rowid()").fetchone()[0]
        if last // EVENTS_TRIM_EVERY_COUNT != (last - len(events)) // EVENTS_TRIM_EVERY_COUNT:
            self._execute("DELETE FROM events WHERE seq <= ?", (last - EVENTS_KEPT_MAX_COUNT,))

    def after(self, seq: int, limit: int) -> list[Event]:
        """The events that follow `seq`."""
        rows = self._execute(
            "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        )
        return [Event(*row) for row in rows]

    def last(self) -> int:
        """Seq of the newest event ever (0: none yet)."""
        row = self._execute(_LAST, ("events",)).fetchone()
        return 0 if row is None else row[0]

    def is_complete_after(self, seq: int) -> bool:
        """True iff every event after `seq` is still there, and `seq` is none of the future."""
        oldest = self._execute("SELECT min(seq) FROM events").fetchone()[0]
        last = self.last()
        return seq <= last and (seq == last or (oldest is not None and oldest <= seq + 1))


class Touched:
    """Ids whose search text changed, in order; the index remembers how far it has read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._many = connection.executemany

    def add_many(self, records: Sequence[bytes]) -> None:
        """The index must look at these ids again."""
        self._many("INSERT INTO touched (id) VALUES (?)", [(record,) for record in records])

    def after(self, seq: int, limit: int) -> list[tuple[int, bytes]]:
        """What follows `seq`, as (seq, id)."""
        return self._execute(
            "SELECT seq, id FROM touched WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        ).fetchall()

    def last(self) -> int:
        """Seq of the newest entry ever (0: none yet)."""
        row = self._execute(_LAST, ("touched",)).fetchone()
        return 0 if row is None else row[0]

    def clear(self) -> None:
        """Forget all, before they are found again by a rebuild; numbers go on."""
        self._execute("DELETE FROM touched")
