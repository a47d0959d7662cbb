"""What is known about peers and still owed to them: addresses, bans, the outbox, fork proofs.

Rules: a record stands in the outbox from the transaction that stores it until it was handed to
gossip. A fork proof is kept for ever, one a lane. How long a ban lasts, which address is dialled
next and how many are kept is the network's business.
"""

import sqlite3
from dataclasses import dataclass

from node.protocol.ports import ForkProof


@dataclass(frozen=True, slots=True)
class Address:
    """A peer's address: when it last answered (None: never), failures since, who told it."""

    address: str
    peer: str
    last_ok: int | None
    failures: int
    source: str


@dataclass(frozen=True, slots=True)
class Ban:
    """A peer not dealt with until a time, and why."""

    peer: str
    until: int
    reason: str


class Addresses:
    """Addresses by themselves; a peer may have several."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, address: Address) -> None:
        """Add or replace one."""
        self._execute(
            "INSERT OR REPLACE INTO addresses VALUES (?, ?, ?, ?, ?)",
            (address.address, address.peer, address.last_ok, address.failures, address.source),
        )

    def all(self, limit: int | None = None) -> list[Address]:
        """Those that answered last first, then those that failed least."""
        rows = self._execute(
            "SELECT * FROM addresses ORDER BY last_ok DESC, failures, address LIMIT ?",
            (-1 if limit is None else limit,),
        )
        return [Address(*row) for row in rows]

    def of(self, peer: str) -> list[Address]:
        """Addresses of one peer, best first."""
        rows = self._execute(
            "SELECT * FROM addresses WHERE peer = ? ORDER BY last_ok DESC, failures, address",
            (peer,),
        )
        return [Address(*row) for row in rows]

    def remove(self, address: str) -> None:
        """Forget one (absent is fine)."""
        self._execute("DELETE FROM addresses WHERE address = ?", (address,))

    def trim(self, keep: int) -> int:
        """Forget all but the best `keep`; returns how many."""
        return self._execute(
            "DELETE FROM addresses WHERE address NOT IN (SELECT address FROM addresses"
            " ORDER BY last_ok DESC, failures, address LIMIT ?)",
            (keep,),
        ).rowcount


class Bans:
    """Bans by peer id."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, ban: Ban) -> None:
        """Ban a peer; a longer ban is not made shorter."""
        self._execute(
            "INSERT INTO bans VALUES (?, ?, ?) ON CONFLICT (peer) DO UPDATE"
            " SET until = excluded.until, reason = excluded.reason WHERE excluded.until > until",
            (ban.peer, ban.until, ban.reason),
        )

    def all(self, now_ms: int) -> list[Ban]:
        """Bans that still hold, by peer."""
        rows = self._execute("SELECT * FROM bans WHERE until > ? ORDER BY peer", (now_ms,))
        return [Ban(*row) for row in rows]

    def get(self, peer: str, now_ms: int) -> Ban | None:
        """The ban of a peer if it still holds."""
        row = self._execute(
            "SELECT * FROM bans WHERE peer = ? AND until > ?", (peer, now_ms)
        ).fetchone()
        return None if row is None else Ban(*row)

    def remove(self, peer: str) -> None:
        """Lift a ban (absent is fine)."""
        self._execute("DELETE FROM bans WHERE peer = ?", (peer,))

    def trim(self, now_ms: int) -> int:
        """Forget bans that are over; returns how many."""
        return self._execute("DELETE FROM bans WHERE until <= ?", (now_ms,)).rowcount


class Outbox:
    """Local numbers of records that still must be gossiped, in order."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def add(self, number: int) -> None:
        """Owe a record to the peers."""
        self._execute("INSERT INTO outbox (number) VALUES (?)", (number,))

    def first(self, limit: int) -> list[tuple[int, int]]:
        """The oldest entries as (seq, record number)."""
        rows = self._execute("SELECT seq, number FROM outbox ORDER BY seq LIMIT ?", (limit,))
        return rows.fetchall()

    def remove_through(self, seq: int) -> None:
        """Done up to and including `seq`."""
        self._execute("DELETE FROM outbox WHERE seq <= ?", (seq,))

    def count(self) -> int:
        """How many are waiting."""
        return self._execute("SELECT count(*) FROM outbox").fetchone()[0]


class ForkProofs:
    """Fork proofs by lane key; the first one known of a lane is as good as any."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def add(self, lane_key: bytes, proof: ForkProof) -> bool:
        """Keep a proof that was checked. True if the lane had none."""
        values = (proof.header_a, proof.signature_a, proof.header_b, proof.signature_b)
        return (
            self._execute(
                "INSERT INTO fork_proofs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (lane_key, *values),
            ).rowcount
            > 0
        )

    def get(self, lane_key: bytes) -> ForkProof | None:
        """The proof of a lane, or None."""
        row = self._execute(
            "SELECT header_a, signature_a, header_b, signature_b FROM fork_proofs"
            " WHERE lane_key = ?",
            (lane_key,),
        ).fetchone()
        return None if row is None else ForkProof(*row)

    def all_by_lane(self) -> dict[bytes, ForkProof]:
        """Every proof by its lane key, in order of it."""
        rows = self._execute(
            "SELECT lane_key, header_a, signature_a, header_b, signature_b FROM fork_proofs"
            " ORDER BY lane_key"
        )
        return {row[0]: ForkProof(*row[1:]) for row in rows}
