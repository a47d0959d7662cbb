"""Interfaces through which the layers meet, and the small values that cross them.

State is an ordered map of bytes to bytes, split into named tables (`state.py`). `Reader` is all
that folds and queries may see of it; a dict and SQLite implement it alike. `SyncSource` is what the
sync engine may ask of storage. Nothing here does I/O.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId, RecordId


class Reader(Protocol):
    """Read access to one consistent state: tables of fold rows, and stored records."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """The row at `key`, or None."""
        ...

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterable[tuple[bytes, bytes]]:
        """Rows with low <= key < high (high None: to the end), in key order, or from the top down.

        The rows are a snapshot: writing while iterating is allowed.
        """
        ...

    def raw(self, number: int) -> RawRecord | None:
        """The stored record with this local number; its body is None where erased."""
        ...

    def id_of(self, number: int) -> bytes:
        """Id of the held record with this local number."""
        ...

    def next_number(self) -> int:
        """The local number the next applied record will get; numbers grow in order of arrival."""
        ...


class HeadItem(msgspec.Struct, frozen=True):
    """One element of the reconciled set: a lane's head. A forked lane has several."""

    lane_key: bytes  # 65 bytes: author, signer, lane kind
    id: RecordId
    seq: int

    @property
    def key(self) -> bytes:
        """97 bytes; the order of the set."""
        return self.lane_key + self.id


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two headers signed by one key at one lane and seq: verifiable alone, for ever."""

    header_a: bytes
    signature_a: bytes
    header_b: bytes
    signature_b: bytes


class SyncSource(Protocol):
    """What the sync engine reads. Cheap calls: they run between two frames."""

    @property
    def community(self) -> CommunityId: ...

    def generation(self) -> int:
        """Grows whenever a head changes; lets fingerprints be cached."""
        ...

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        """Heads with low <= key < high in key order."""
        ...

    def holds(self, record: bytes) -> bool:
        """True iff the record is stored (its body may be erased)."""
        ...

    def locator(self, lane_key: bytes) -> list[bytes]:
        """Ids held on a lane: every head, then back along each head's path by doubling steps to the
        start; at most LOCATOR_MAX_COUNT, heads first. Empty when nothing of the lane is held."""
        ...

    def numbers_beyond(self, lane_key: bytes, known: Sequence[bytes]) -> Sequence[int]:
        """Local numbers, ascending, of the lane's records that no `known` one stands on or is."""
        ...

    def number_of(self, record: bytes) -> int | None:
        """Local number of a stored record."""
        ...

    def raw(self, number: int) -> RawRecord | None:
        """The stored record (None when it was dropped meanwhile)."""
        ...

    def raws(self, numbers: Sequence[int]) -> Sequence[RawRecord | None]:
        """Stored records, in the order given (None for one that was dropped meanwhile)."""
        ...

    def bodies_missing(self, limit: int) -> Sequence[bytes]:
        """Ids of records held without their body though nobody asked for its erasure."""
        ...

    def proofs_generation(self) -> int:
        """Grows whenever a fork, or a proof of one, becomes known."""
        ...

    def fork_proofs(self) -> Sequence[ForkProof]:
        """Proofs for all forked lanes known, those that matter most first."""
        ...


Clock = Callable[[], int]
"""Milliseconds since 1970, UTC; claimed in records, never read by a fold."""

__all__ = ["Clock", "ForkProof", "HeadItem", "Reader", "SyncSource"]
