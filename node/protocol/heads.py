"""The set of lane heads, with fingerprints over any range of it.

A fingerprint is `SHA-256(sum ‖ count)` cut to 16 bytes, where sum adds the SHA-256 of every key in
the range modulo 2^256: it can be kept up while heads come and go, whatever the order. Keys stand in
blocks that know their own sums, so a fingerprint costs a few microseconds and a change touches one
block. One `Heads` serves all sessions of a node. What a difference means is `reconcile`'s part.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from node.protocol.crypto import sha256
from node.protocol.ports import HeadItem, SyncSource
from node.protocol.state import after

LANE_KEY_SIZE_BYTES: Final = 65
HEAD_KEY_SIZE_BYTES: Final = 97
FINGERPRINT_SIZE_BYTES: Final = 16
_SUM_MODULUS: Final = 1 << 256
_BLOCK_MAX_COUNT: Final = (
    128  # adding up half a block takes 3 µs, listing all blocks of 10^5 heads 60
)
Listed = tuple[bytes, int]
"""A head as (key, seq)."""


def digest(key: bytes) -> int:
    """What a key adds to the sum of its range."""
    return int.from_bytes(sha256(key), "little")


def fingerprint(total: int, count: int) -> bytes:
    """The fingerprint of a range whose digests add up to `total`; 16 bytes."""
    data = (total % _SUM_MODULUS).to_bytes(32, "little") + count.to_bytes(8, "little")
    return sha256(data)[:FINGERPRINT_SIZE_BYTES]


class _Block:
    """Up to 128 neighbouring heads."""

    __slots__ = ("digests", "items", "total")

    def __init__(self, items: list[Listed]) -> None:
        self.items = items
        self.digests = [digest(key) for key, _ in items]
        self.total = sum(self.digests)


class HeadIndex:
    """An ordered set of heads. Positions count from 0 and move when the set changes."""

    def __init__(self, items: Iterable[Listed] = ()) -> None:
        """`items` in ascending order of key, no key twice."""
        full = list(items)
        half = _BLOCK_MAX_COUNT // 2
        self._blocks = [_Block(full[n : n + half]) for n in range(0, len(full), half)]
        self._stale = True
        self._firsts: list[bytes] = []
        self._counts: list[int] = [0]
        self._totals: list[int] = [0]
        self._whole: bytes | None = None  # fingerprint of all: asked for several times a round

    def _fresh(self) -> None:
        """Bring the lists over all blocks up to date."""
        if self._stale:
            self._firsts = [block.items[0][0] for block in self._blocks]
            self._counts = list(accumulate((len(b.items) for b in self._blocks), initial=0))
            self._totals = list(accumulate((b.total for b in self._blocks), initial=0))
            self._whole = None
            self._stale = False

    def __len__(self) -> int:
        self._fresh()
        return self._counts[-1]

    def position(self, bound: bytes) -> int:
        """How many keys are smaller than `bound`, which may be of any length."""
        self._fresh()
        number = bisect_right(self._firsts, bound) - 1
        if number < 0:
            return 0
        return self._counts[number] + bisect_left(self._blocks[number].items, (bound,))

    def between(self, low: bytes, high: bytes) -> tuple[int, int]:
        """Positions of low <= key < high; an empty `high` means to the end."""
        start = self.position(low)
        return start, max(start, self.position(high) if high else len(self))

    def key_at(self, position: int) -> bytes:
        """The key at a position."""
        number = bisect_right(self._counts, position) - 1
        return self._blocks[number].items[position - self._counts[number]][0]

    def slice(self, start: int, stop: int) -> list[Listed]:
        """Keys with their seqs at start <= position < stop."""
        self._fresh()
        found: list[Listed] = []
        number = bisect_right(self._counts, start) - 1
        while start < stop and number < len(self._blocks):
            base = self._counts[number]
            found += self._blocks[number].items[start - base : stop - base]
            number += 1
            start = self._counts[number]
        return found

    def _total_before(self, position: int) -> int:
        number = bisect_right(self._counts, position) - 1
        rest = position - self._counts[number]
        return self._totals[number] + (sum(self._blocks[number].digests[:rest]) if rest else 0)

    def fingerprint(self, start: int, stop: int) -> bytes:
        """The fingerprint of start <= position < stop."""
        self._fresh()
        if start == 0 and stop == self._counts[-1]:
            if self._whole is None:
                self._whole = fingerprint(self._totals[-1], stop)
            return self._whole
        return fingerprint(self._total_before(stop) - self._total_before(start), stop - start)

    def replace(self, lane_key: bytes, heads: Sequence[Listed]) -> None:
        """Let the lane have exactly these heads."""
        start, stop = self.between(lane_key, after(lane_key) or b"")
        before, now = set(self.slice(start, stop)), set(heads)
        for item in before - now:
            self._remove(item)
        for item in now - before:
            self._add(item)

    def _block_of(self, key: bytes) -> int:
        self._fresh()
        return max(0, bisect_right(self._firsts, key) - 1)

    def _add(self, item: Listed) -> None:
        if not self._blocks:
            self._blocks.append(_Block([item]))
        else:
            number = self._block_of(item[0])
            block = self._blocks[number]
            place = bisect_left(block.items, item)
            insort(block.items, item)
            block.digests.insert(place, digest(item[0]))
            block.total += block.digests[place]
            if len(block.items) > _BLOCK_MAX_COUNT:
                half = len(block.items) // 2
                self._blocks[number : number + 1] = [
                    _Block(block.items[:half]),
                    _Block(block.items[half:]),
                ]
        self._stale = True

    def _remove(self, item: Listed) -> None:
        number = self._block_of(item[0])
        block = self._blocks[number]
        place = bisect_left(block.items, item)
        del block.items[place]
        block.total -= block.digests.pop(place)
        if not block.items:
            del self._blocks[number]
        self._stale = True


class Heads:
    """The heads of a source, one index for each set of lane kinds that is asked for.

    `changed` names the lanes of a commit; whoever calls it once must call it for every commit. As
    long as nobody does, an index is built anew whenever the source's generation has moved.
    """

    def __init__(self, source: SyncSource) -> None:
        self._source = source
        self._indexes: dict[frozenset[int], HeadIndex] = {}
        self._built: dict[frozenset[int], int] = {}
        self._changed: dict[frozenset[int], set[bytes]] = {}
        self._told = False

    def changed(self, lane_keys: Iterable[bytes]) -> None:
        """These lanes (65 bytes each) may have other heads than before."""
        if not self._told:  # what came before was not told: start from what the source has
            self._told = True
            self._indexes.clear()
        lanes = set(lane_keys)
        for kinds, waiting in self._changed.items():
            waiting |= {lane for lane in lanes if lane[-1] in kinds}

    def index(self, kinds: frozenset[int]) -> HeadIndex:
        """The heads of lanes of these kinds, as they are now."""
        index, waiting = self._indexes.get(kinds), self._changed.get(kinds)
        if index is not None and self._told and not waiting:
            return index
        generation = self._source.generation()
        if waiting is None:
            waiting = self._changed[kinds] = set()
        if index is None or (not self._told and self._built[kinds] != generation):
            index = self._indexes[kinds] = HeadIndex(
                (item.key, item.seq)
                for item in self._source.heads(b"", None)
                if item.lane_key[-1] in kinds
            )
        else:
            for lane in waiting:
                index.replace(lane, listed(self._source.heads(lane, after(lane))))
        waiting.clear()
        self._built[kinds] = generation
        return index


def listed(items: Iterable[HeadItem]) -> list[Listed]:
    """Heads as (key, seq)."""
    return [(item.key, item.seq) for item in items]
