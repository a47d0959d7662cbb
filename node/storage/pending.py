"""Records from peers that wait in memory for what they name: bounded, and fair to each source.

Rules: an item comes back when the last id it waits for has arrived. Nobody can make the buffer
grow beyond its limits: a source beyond its own share loses its oldest items; when all together
exceed the whole, the source that holds most loses its oldest. What is lost comes again by sync.

Left to others: a file import, which has no bound, waits on disk (`node.storage.kept.deferred`).
Used by one thread at a time; keeps no clock.
"""

from collections.abc import Collection
from dataclasses import dataclass

from node.protocol import limits
from node.protocol.record import Record

_ITEM_OVERHEAD_BYTES = 1_024  # parsed header and body, dict entries
_MISSING_OVERHEAD_BYTES = 256  # an id and its place in two dicts


@dataclass(slots=True)
class _Item:
    record: Record
    source: str
    missing: set[bytes]
    size_bytes: int


class Pending:
    """Waiting records by the ids they wait for."""

    def __init__(
        self,
        *,
        count_max: int = limits.PENDING_MAX_COUNT,
        size_max_bytes: int = limits.PENDING_SIZE_MAX_BYTES,
        source_count_max: int = limits.PENDING_SOURCE_MAX_COUNT,
        source_size_max_bytes: int = limits.PENDING_SOURCE_SIZE_MAX_BYTES,
    ) -> None:
        self._count_max, self._size_max = count_max, size_max_bytes
        self._source_count_max, self._source_size_max = source_count_max, source_size_max_bytes
        self._items: dict[bytes, _Item] = {}
        self._waiting: dict[bytes, dict[bytes, None]] = {}  # id waited for -> ids that wait
        self._of: dict[str, dict[bytes, None]] = {}  # source -> its ids, oldest first
        self._size_of: dict[str, int] = {}
        self.size_bytes = 0
        self.evicted_count = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, record: bytes) -> bool:
        return record in self._items

    def add(self, record: Record, missing: Collection[bytes], source: str) -> bool:
        """Let a record wait for all of `missing`. False if it waits already, or is too large."""
        assert missing, "waits for nothing"
        raw, needed = record.raw, set(missing)
        size = len(raw.header) + len(raw.body or b"") + len(raw.signature)
        size += _ITEM_OVERHEAD_BYTES + _MISSING_OVERHEAD_BYTES * len(needed)
        if record.id in self._items or size > min(self._size_max, self._source_size_max):
            return False
        self._items[record.id] = _Item(record, source, needed, size)
        for one in sorted(needed):
            self._waiting.setdefault(one, {})[record.id] = None
        self._of.setdefault(source, {})[record.id] = None
        self._size_of[source] = self._size_of.get(source, 0) + size
        self.size_bytes += size
        self._shrink(source)
        return record.id in self._items

    def release(self, arrived: bytes) -> list[Record]:
        """`arrived` is held now: the records that wait for nothing else, removed, oldest first."""
        found: list[Record] = []
        for record in self._waiting.pop(arrived, {}):
            item = self._items[record]
            item.missing.discard(arrived)
            if not item.missing:
                self._remove(record)
                found.append(item.record)
        return found

    def missing(self, limit: int) -> list[bytes]:
        """Ids waited for that do not wait themselves: what to ask others for."""
        found: list[bytes] = []
        for one in self._waiting:
            if len(found) >= limit:
                break
            if one not in self._items:
                found.append(one)
        return found

    def forget(self, source: str) -> int:
        """Drop all that came from a source; returns how many."""
        doomed = list(self._of.get(source, ()))
        for record in doomed:
            self._remove(record)
        return len(doomed)

    def count_of(self, source: str) -> int:
        """How many records of a source wait."""
        return len(self._of.get(source, ()))

    def _shrink(self, source: str) -> None:
        while (
            len(self._of.get(source, ())) > self._source_count_max
            or self._size_of.get(source, 0) > self._source_size_max
        ):
            self._evict(source)
        while len(self._items) > self._count_max or self.size_bytes > self._size_max:
            self._evict(max(self._size_of, key=lambda one: (self._size_of[one], one)))

    def _evict(self, source: str) -> None:
        self._remove(next(iter(self._of[source])))
        self.evicted_count += 1

    def _remove(self, record: bytes) -> None:
        item = self._items.pop(record)
        for one in item.missing:
            waiting = self._waiting[one]
            del waiting[record]
            if not waiting:
                del self._waiting[one]
        of = self._of[item.source]
        del of[record]
        self._size_of[item.source] -= item.size_bytes
        self.size_bytes -= item.size_bytes
        if not of:
            del self._of[item.source], self._size_of[item.source]
