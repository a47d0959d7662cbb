"""The set of lane heads, with fingerprints over any range of it, and sums over all of it.

A fingerprint is `SHA-256(sum ‖ count)` cut to 16 bytes, where sum adds the SHA-256 of every key in
the range modulo 2^256: it can be kept up while heads come and go, whatever the order. Keys stand in
blocks that know their own sums, so a fingerprint costs a few microseconds and a change touches one
block. One `Heads` serves all sessions of a node. What a difference means is `reconcile`'s part.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from node.protocol.crypto import sha256
from node.protocol.ports import HeadItem, SyncSource
from node.protocol.sketch import Sketch, Sums, name_of
from node.protocol.state import after

LANE_KEY_SIZE_BYTES: Final = 65
HEAD_KEY_SIZE_BYTES: Final = 97
FINGERPRINT_SIZE_BYTES: Final = 16
_SUM_MODULUS: Final = 1 << 256
_BLOCK_MAX_COUNT: Final = (
    128  # adding up half a block takes 3 µs, listing all blocks of 10^5 heads 60
)
_STEPS_COUNT: Final = 256  # in which a set is read in idle moments: one for each first byte
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
        self._blocks: list[_Block] = []
        self._firsts: list[bytes] = []  # the first key of each block
        self._sums = Sums()
        self._stale = True  # of what follows
        self._counts: list[int] = [0]
        self._totals: list[int] = [0]
        self._whole: bytes | None = None  # fingerprint of all: asked for several times a round
        self.extend(items)

    def extend(self, items: Iterable[Listed]) -> None:
        """Add heads above all that are there, in ascending order of key."""
        full, half = list(items), _BLOCK_MAX_COUNT // 2
        blocks = [_Block(full[n : n + half]) for n in range(0, len(full), half)]
        self._blocks += blocks
        self._firsts += [block.items[0][0] for block in blocks]
        for key, seq in full:
            self._sums.add(key, seq)
        self._stale = True

    def _fresh(self) -> None:
        """Bring the lists over all blocks up to date."""
        if self._stale:
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

    def sketch(self, row: int) -> Sketch:
        """All heads in three rows of so many cells, one of `ROW_SIZES`."""
        return self._sums.sketch(row)

    def named(self, names: Iterable[bytes]) -> dict[bytes, list[Listed]]:
        """The heads of lanes that have these names, by name. Each head is looked at once."""
        found: dict[bytes, list[Listed]] = {name: [] for name in names}
        for start in {name[:4] for name in found}:
            for item in self.slice(*self.between(start, after(start) or b"")):
                same = found.get(name_of(item[0]))
                if same is not None:
                    same.append(item)
        return found

    def replace(self, lane_key: bytes, heads: Sequence[Listed]) -> None:
        """Let the lane have exactly these heads."""
        before, now = self._of_lane(lane_key), set(heads)
        for item in before - now:
            self._remove(item)
        for item in now - before:
            self._add(item)

    def _of_lane(self, lane_key: bytes) -> set[Listed]:
        found: set[Listed] = set()
        for number in range(self._block_of(lane_key), len(self._blocks)):
            items = self._blocks[number].items
            for item in items[bisect_left(items, (lane_key,)) :]:
                if not item[0].startswith(lane_key):
                    return found
                found.add(item)
        return found

    def _block_of(self, key: bytes) -> int:
        return max(0, bisect_right(self._firsts, key) - 1)

    def _add(self, item: Listed) -> None:
        self._sums.add(*item)
        self._stale = True
        if not self._blocks:
            self._blocks.append(_Block([item]))
            self._firsts.append(item[0])
            return
        number = self._block_of(item[0])
        block = self._blocks[number]
        place = bisect_left(block.items, item)
        block.items.insert(place, item)
        block.digests.insert(place, digest(item[0]))
        block.total += block.digests[place]
        halves = [block]
        if len(block.items) > _BLOCK_MAX_COUNT:
            half = len(block.items) // 2
            halves = [_Block(block.items[:half]), _Block(block.items[half:])]
        self._blocks[number : number + 1] = halves
        self._firsts[number : number + 1] = [one.items[0][0] for one in halves]

    def _remove(self, item: Listed) -> None:
        self._sums.add(*item, times=-1)
        self._stale = True
        number = self._block_of(item[0])
        block = self._blocks[number]
        place = bisect_left(block.items, item)
        del block.items[place]
        block.total -= block.digests.pop(place)
        if block.items:
            self._firsts[number] = block.items[0][0]
        else:
            del self._blocks[number], self._firsts[number]


class _Kept:
    """The index of one set of lane kinds, and what it has not read yet."""

    __slots__ = ("changed", "generation", "index", "steps")

    def __init__(self) -> None:
        self.index = HeadIndex()
        self.steps = 0  # first bytes of keys that are read: of 256
        self.changed: set[bytes] = set()  # lanes to be read again
        self.generation = -1


class Heads:
    """The heads of a source, one index for each set of lane kinds that is asked for.

    Where `changed` names the lanes of every commit (`told`) an index is read once and kept up. Else
    it is built anew whenever the source's generation has moved.
    """

    def __init__(self, source: SyncSource, *, told: bool = False) -> None:
        """`told`: from now on `changed` is called after every commit, or before the next use."""
        self._source = source
        self._told = told
        self._kept: dict[frozenset[int], _Kept] = {}

    def changed(self, lane_keys: Iterable[bytes]) -> None:
        """These lanes (65 bytes each) may have other heads than before."""
        assert self._told, "of these and of all others"
        lanes = set(lane_keys)
        for kinds, kept in self._kept.items():
            kept.changed |= {lane for lane in lanes if lane[-1] in kinds}

    def prepare(self, kinds: frozenset[int]) -> bool:
        """Read a small part of what an index needs, a 256th of a large set; True when all is there.

        For idle moments before the first session: `index` reads the rest at once.
        """
        assert self._told, "else it would be read again"
        kept = self._of(kinds)
        if kept.steps < _STEPS_COUNT:
            low = bytes((kept.steps,))
            self._read(kept, kinds, low, after(low))
            kept.steps += 1
        return kept.steps == _STEPS_COUNT

    def index(self, kinds: frozenset[int]) -> HeadIndex:
        """The heads of lanes of these kinds, as they are now."""
        kept = self._of(kinds)
        if not self._told and kept.generation != self._source.generation():
            kept = self._kept[kinds] = _Kept()
            kept.generation = self._source.generation()
        if kept.steps < _STEPS_COUNT:
            self._read(kept, kinds, bytes((kept.steps,)) if kept.steps else b"", None)
            kept.steps = _STEPS_COUNT
        for lane in kept.changed:
            kept.index.replace(lane, listed(self._source.heads(lane, after(lane))))
        kept.changed.clear()
        return kept.index

    def _of(self, kinds: frozenset[int]) -> _Kept:
        kept = self._kept.get(kinds)
        if kept is None:
            kept = self._kept[kinds] = _Kept()
        return kept

    def _read(self, kept: _Kept, kinds: frozenset[int], low: bytes, high: bytes | None) -> None:
        found = self._source.heads(low, high)
        kept.index.extend((item.key, item.seq) for item in found if item.lane_key[-1] in kinds)


def listed(items: Iterable[HeadItem]) -> list[Listed]:
    """Heads as (key, seq)."""
    return [(item.key, item.seq) for item in items]
