"""What this home found when it compared its own books with the closes of its chapters.

Rules: where both agreed, the balances stay as they were then: later news cannot change what was
found. Nothing here is a record, and nothing of it is ever sent.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compared:
    """A close that was looked at: own totals for its month, and whether they are those it says.

    `below`: of trades, those committed by a record with a smaller local number are meant.
    """

    act: bytes
    agrees: bool
    below: int
    at: int  # ms
    count: int
    negative: int
    positive: int
    root: bytes


@dataclass(frozen=True, slots=True)
class KeptLeaf:
    """A member's balance in a close, and what moved until then (received and given), minor
    units."""

    member: bytes
    balance: int
    moved: int


class Closes:
    """Comparisons by the id of the `chapter.close` record."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._many = connection.executemany

    def put(self, found: Compared, leaves: Iterable[KeptLeaf]) -> None:
        """Keep a comparison instead of an earlier one; leaves only where it agrees."""
        self._execute(
            "INSERT OR REPLACE INTO closes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                found.act,
                found.agrees,
                found.below,
                found.at,
                found.count,
                found.negative,
                found.positive,
                found.root,
            ),
        )
        self._execute("DELETE FROM close_leaves WHERE act = ?", (found.act,))
        if found.agrees:
            rows = [(found.act, leaf.member, leaf.balance, leaf.moved) for leaf in leaves]
            self._many("INSERT INTO close_leaves VALUES (?, ?, ?, ?)", rows)

    def get(self, act: bytes) -> Compared | None:
        """What was found of a close, or None."""
        row = self._execute("SELECT * FROM closes WHERE act = ?", (act,)).fetchone()
        return None if row is None else Compared(row[0], bool(row[1]), *row[2:])

    def leaf(self, act: bytes, member: bytes) -> KeptLeaf | None:
        """A member's balance in a close that agrees, or None."""
        query = "SELECT member, balance, moved FROM close_leaves WHERE act = ? AND member = ?"
        row = self._execute(query, (act, member)).fetchone()
        return None if row is None else KeptLeaf(*row)

    def leaves(self, act: bytes) -> list[KeptLeaf]:
        """All balances in a close that agrees, in order of member."""
        query = "SELECT member, balance, moved FROM close_leaves WHERE act = ? ORDER BY member"
        return [KeptLeaf(*row) for row in self._execute(query, (act,))]
