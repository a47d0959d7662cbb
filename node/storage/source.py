"""What the sync engine reads of a home: lane heads, records by number, fork proofs.

Rules: every call reads the last commit and holds nothing afterwards; calls are small enough to run
between two frames. Used by one thread.
"""

import sqlite3
from collections.abc import Callable, Sequence

from node.ledger.fold import BODYLESS
from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId
from node.storage.database import Database
from node.storage.reader import SqliteReader


class SqliteSyncSource:
    """The `SyncSource` of an open database."""

    def __init__(
        self,
        database: Database,
        community: CommunityId,
        on_damage: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_damage` is told when a stored record is found to be damaged."""
        self._database = database
        self._community = community
        self._on_damage = on_damage

    @property
    def community(self) -> CommunityId:
        """Id of the community whose records these are."""
        return self._community

    def generation(self) -> int:
        """Grows with each commit that changed a head; not kept over a restart."""
        return self._database.writer.generation

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        """Heads with low <= key < high in key order."""
        return lanes.heads_between(self._reader, low, high)

    def holds(self, record: bytes) -> bool:
        """True iff the record is stored (its body may be erased)."""
        return lanes.ENTRY.has(self._reader, record)

    def locator(self, lane_key: bytes) -> list[bytes]:
        """Ids that tell another node what is held of a lane."""
        with self._database.snapshot() as reader:
            return lanes.locator(reader, lane_key)

    def numbers_beyond(self, lane_key: bytes, known: Sequence[bytes]) -> Sequence[int]:
        """Local numbers of the lane's records that are no ancestor-or-self of `known`."""
        with self._database.snapshot() as reader:
            return lanes.numbers_beyond(reader, lane_key, known)

    def number_of(self, record: bytes) -> int | None:
        """Local number of a stored record."""
        entry = lanes.entry_of(self._reader, record)
        return None if entry is None else entry.number

    def raw(self, number: int) -> RawRecord | None:
        """The stored record (None when it was dropped meanwhile, or is damaged)."""
        return self.raws([number])[0]

    def raws(self, numbers: Sequence[int]) -> Sequence[RawRecord | None]:
        """Stored records, in the order given (None for one that was dropped meanwhile, or whose
        bytes are not what was stored: nobody shall blame us for them)."""
        reader = self._reader
        try:
            found = dict(zip(numbers, reader.raws(numbers), strict=True))
        except sqlite3.DatabaseError:
            self._on_damage()
            return [self.raw(number) for number in numbers] if len(numbers) > 1 else [None]
        held = {number: raw for number, raw in found.items() if raw is not None}
        whole = reader.whole(held)
        if len(whole) < len(held):
            self._on_damage()
        return [found[number] if number in whole else None for number in numbers]

    def bodies_missing(self, limit: int) -> Sequence[bytes]:
        """Ids of records held without their body though nobody asked for its erasure."""
        return [key for key, _ in BODYLESS.scan(self._reader, b"", None, limit=limit)]

    def proofs_generation(self) -> int:
        """Grows with each commit that made a fork or a proof known; not kept over a restart."""
        return self._database.writer.forks_generation

    def fork_proofs(self) -> Sequence[ForkProof]:
        """Proofs for all forked lanes: those told by others, and those the own records show.

        Those of account lanes come first: however many lanes somebody forks that move no money,
        what matters is told.
        """
        with self._database.snapshot() as reader:
            proofs = reader.fork_proofs.all_by_lane()
            for lane_key, row in lanes.FORK.scan(reader, b"", None):
                if lane_key not in proofs:
                    proof = _proof(reader, row)
                    if proof is not None:
                        proofs[lane_key] = proof
        ranked = sorted(proofs, key=lambda key: (key[64] != Lane.ACCOUNT, key))
        return [proofs[lane_key] for lane_key in ranked]

    @property
    def _reader(self) -> SqliteReader:
        return self._database.reader()


def _proof(reader: SqliteReader, row: lanes.ForkRow) -> ForkProof | None:
    """The two headers of a fork, unless one of the records is no longer held."""
    entries = [lanes.entry_of(reader, record) for record in (row.id_a, row.id_b)]
    raws = [None if entry is None else reader.raw(entry.number) for entry in entries]
    a, b = raws
    if a is None or b is None:
        return None
    return ForkProof(a.header, a.signature, b.header, b.signature)
