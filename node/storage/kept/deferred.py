"""Records of a file import that wait for what they name, on disk because a file has no bound.

Rules: an item comes back when the last id it waits for has arrived, and stands nowhere after that.
What still waits when the import ends stays, for a later file or for sync to complete.

Left to others: what waits because of a peer stays in memory (`node.storage.pending`).
"""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from node.protocol.record import RawRecord


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that waits, and where it came from (a peer id, a file's name)."""

    id: bytes
    raw: RawRecord
    source: str


class Deferred:
    """Waiting records by the ids they wait for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._many = connection.executemany

    def add(self, item: Waiting, missing: Collection[bytes]) -> bool:
        """Let an item wait for all of `missing`. False if it waits already."""
        assert missing, "waits for nothing"
        added = self._execute(
            "INSERT INTO deferred VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (item.id, *item.raw, item.source),
        ).rowcount
        if added:
            pairs = [(one, item.id) for one in missing]
            self._many("INSERT INTO deferred_missing VALUES (?, ?) ON CONFLICT DO NOTHING", pairs)
        return added > 0

    def release(self, arrived: bytes) -> list[Waiting]:
        """`arrived` is held now: the items that wait for nothing else, removed, in order of id."""
        waiting = self._execute(
            "DELETE FROM deferred_missing WHERE missing = ? RETURNING id", (arrived,)
        ).fetchall()
        found: list[Waiting] = []
        for (record,) in sorted(waiting):
            query = "SELECT 1 FROM deferred_missing WHERE id = ? LIMIT 1"
            if self._execute(query, (record,)).fetchone() is not None:
                continue
            row = self._execute(
                "DELETE FROM deferred WHERE id = ? RETURNING *", (record,)
            ).fetchone()
            found.append(Waiting(row[0], RawRecord(row[1], row[2], row[3]), row[4]))
        return found

    def missing(self, limit: int) -> list[bytes]:
        """Ids waited for that do not wait themselves: what to ask others for."""
        rows = self._execute(
            "SELECT DISTINCT missing FROM deferred_missing WHERE missing NOT IN"
            " (SELECT id FROM deferred) ORDER BY missing LIMIT ?",
            (limit,),
        )
        return [row[0] for row in rows]

    def any(self) -> bool:
        """True iff a record waits: cheaper than counting."""
        return self._execute("SELECT 1 FROM deferred LIMIT 1").fetchone() is not None

    def count(self) -> int:
        """How many records wait."""
        return self._execute("SELECT count(*) FROM deferred").fetchone()[0]

    def clear(self, source: str) -> int:
        """Give up what came from one source; returns how many."""
        self._execute(
            "DELETE FROM deferred_missing WHERE id IN (SELECT id FROM deferred WHERE source = ?)",
            (source,),
        )
        return self._execute("DELETE FROM deferred WHERE source = ?", (source,)).rowcount
