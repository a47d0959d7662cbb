"""Comparing two sets of lane heads by ranges, in turns, so that the cost follows the difference.

The opener sends the fingerprint of its whole set. A side that finds a piece differing cuts it into
16, or lists it when few heads stand in it; a list is answered with the heads that the lister lacks
and with an ask for those that the answerer lacks. Turns strictly alternate. Lists carry heads in
short form, salted anew each round: four bytes that name the lane, four that name the head, and the
seq, so that of two heads on one lane only the further one travels. When both are branches of a fork
the next round shows it, because then one side has two heads.

A side ends the round when it has nothing left to ask or tell and the other side had nothing left
either. What to do about the heads found is `pull`'s part.
"""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from node.protocol import limits
from node.protocol.crypto import sha256
from node.protocol.errors import Parting, RemoteFault
from node.protocol.heads import (
    FINGERPRINT_SIZE_BYTES,
    HEAD_KEY_SIZE_BYTES,
    LANE_KEY_SIZE_BYTES,
    HeadIndex,
    Heads,
    Listed,
)
from node.protocol.messages import SHORT_SIZE_BYTES, Ask, Listing, Ranges, Split

PASS: Final = 0  # your turn; I have nothing waiting
MORE: Final = 1  # your turn; I have more to send whatever you answer
END: Final = 2  # the round is over
_LANE_PART_BYTES: Final = 4
_SHORTS_KEPT_COUNT: Final = 4_096  # of a round: a listed head is often asked for; 1 MB

# How a turn is filled, so that it always fits a frame: 64 KiB of cuts and lists, 70 kB of asks,
# and heads: 97 KB beside questions, 194 KB alone.
_PIECES_TURN_COUNT: Final = 1_500
_ASKS_TURN_COUNT: Final = 100
_HEADS_TURN_COUNT: Final = 1_000
_ENTRY_BYTES: Final = 19  # a fingerprint, or a short form and its seq, with what stands around it

# What work costs, in microseconds (measured, rounded up): for the budget a session keeps.
_FINGERPRINT_US: Final = 6
_SHORT_US: Final = 3
_HEAD_US: Final = 10
_TURN_US: Final = 200


def separator(left: bytes, right: bytes) -> bytes:
    """The shortest bytes above `left` and not above `right`; left < right."""
    length = 1
    while right[:length] <= left:
        length += 1
    return right[:length]


def short_form(salt: bytes, key: bytes) -> bytes:
    """Eight bytes that stand for a head in one round: lane part, then head part."""
    lane = sha256(salt, key[:LANE_KEY_SIZE_BYTES])[:_LANE_PART_BYTES]
    return lane + sha256(salt, key)[: SHORT_SIZE_BYTES - _LANE_PART_BYTES]


_NO_HEADS: Final = HeadIndex()


class Round:
    """One side of one round."""

    def __init__(self, number: int, heads: Heads, kinds: frozenset[int], salt: bytes) -> None:
        """`salt` is known to both sides; `kinds` are the lane kinds that both keep."""
        self.number = number
        self.found: list[bytes] = []  # heads the other side told, in its order
        self.told: list[bytes] = []  # heads told to the other side, in order
        self.over = False
        self.equal = False  # meaningful when over: the sets were the same
        self.whole = b""  # fingerprint of the whole own set when the round began
        self.work_us = 0  # spent since the caller last took note
        self._heads = heads
        self._kinds = kinds
        self._salt = salt
        self._own_salt = b""  # of this round, once it is asked for: most rounds list nothing
        self._short_forms: dict[bytes, bytes] = {}  # by key
        self._index = _NO_HEADS
        self._turns = 0
        self._differing: deque[tuple[bytes, bytes]] = deque()
        self._asks: list[Ask] = []
        self._queued: deque[bytes] = deque()
        self._queued_count = 0

    def open(self) -> Ranges:
        """The first turn."""
        index = self._heads.index(self._kinds)
        self.whole = index.fingerprint(0, len(index))
        return Ranges(self.number, PASS, [Split([b"", b""], self.whole)], [], [], b"")

    def take(self, message: Ranges) -> Ranges | None:
        """Read the other side's turn; returns the own one, None when that ended the round.

        Raises RemoteFault `frame`, `unexpected-message` or `endless-round`.
        """
        assert not self.over
        self._turns += 1
        self.work_us += _TURN_US
        if self._turns > limits.RANGE_TURNS_MAX_COUNT:
            raise RemoteFault(Parting.ENDLESS, "turns")
        asking = bool(message.splits or message.listings or message.asks)
        if message.turn == END and asking:
            raise RemoteFault(Parting.UNEXPECTED, "a question in the last turn")
        self._index = self._heads.index(self._kinds)
        self.whole = self.whole or self._index.fingerprint(0, len(self._index))
        differs = self._read(message)
        if message.turn == END:
            self.over = True
            self.equal = self._turns == 1 and not message.heads
            return None
        own = self._own_turn(message.turn)
        self.equal = self._turns == 1 and not differs
        return own

    # --- reading ---

    def _read(self, message: Ranges) -> bool:
        """Note what a turn asks and tells. True iff it shows any difference."""
        self._check_entries(message)
        self._take_heads(message.heads)
        before = len(self._differing)
        for split in message.splits:
            self._compare(split)
        for listing in message.listings:
            self._pair(listing)
        for ask in message.asks:
            self._tell_asked(ask)
        others = message.listings or message.asks or message.heads
        return len(self._differing) > before or bool(others)

    def _check_entries(self, message: Ranges) -> None:
        """Ranges are few and apart from each other: so no head is looked at twice."""
        ranges = [pair for split in message.splits for pair in pairwise(split.bounds)]
        ranges += [(entry.low, entry.high) for entry in (*message.listings, *message.asks)]
        if len(ranges) > limits.RANGE_ENTRIES_MAX_COUNT:
            raise RemoteFault(Parting.FRAME, "too many ranges")
        ranges.sort()
        if any(high and low >= high for low, high in ranges):
            raise RemoteFault(Parting.FRAME, "a range upside down")
        if any(not high or low < high for (_, high), (low, _) in pairwise(ranges)):
            raise RemoteFault(Parting.FRAME, "ranges overlap")

    def _take_heads(self, heads: bytes) -> None:
        if len(heads) % HEAD_KEY_SIZE_BYTES:
            raise RemoteFault(Parting.FRAME, "heads broken off")
        keys = [
            heads[n : n + HEAD_KEY_SIZE_BYTES] for n in range(0, len(heads), HEAD_KEY_SIZE_BYTES)
        ]
        if len(self.found) + len(keys) > limits.HEADS_ROUND_MAX_COUNT:
            raise RemoteFault(Parting.ENDLESS, "heads")
        if any(key[LANE_KEY_SIZE_BYTES - 1] not in self._kinds for key in keys):
            raise RemoteFault(Parting.UNEXPECTED, "a lane kind not kept here")
        self.work_us += _HEAD_US * len(keys)
        self.found += keys

    def _compare(self, split: Split) -> None:
        bounds, prints = split.bounds, split.fingerprints
        if len(prints) != FINGERPRINT_SIZE_BYTES * (len(bounds) - 1):
            raise RemoteFault(Parting.FRAME, "pieces and fingerprints")
        self.work_us += _FINGERPRINT_US * len(bounds)
        for number, (low, high) in enumerate(pairwise(bounds)):
            start, stop = self._index.between(low, high)
            theirs = prints[16 * number : 16 * number + 16]
            if self._index.fingerprint(start, stop) != theirs:
                if len(self._differing) >= limits.RANGE_QUEUED_MAX_COUNT:
                    continue  # the next round finds it again
                self._differing.append((low, high))

    def _shorts(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Listed]]:
        """Short form and head for all of a range."""
        self._own_salt = self._own_salt or sha256(self._salt, self.number.to_bytes(8, "big"))[:16]
        start, stop = self._index.between(low, high)
        self.work_us += _SHORT_US * (stop - start)
        known = self._short_forms
        for item in self._index.slice(start, stop):
            key = item[0]
            short = known.get(key)
            if short is None:
                short = short_form(self._own_salt, key)
                if len(known) < _SHORTS_KEPT_COUNT:
                    known[key] = short
            yield short, item

    def _pair(self, listing: Listing) -> None:
        """Work out who lacks what in a range that the other side listed."""
        if len(listing.shorts) != SHORT_SIZE_BYTES * len(listing.seqs):
            raise RemoteFault(Parting.FRAME, "heads and seqs")
        theirs = {
            listing.shorts[8 * number : 8 * number + 8]: seq
            for number, seq in enumerate(listing.seqs)
        }
        mine = dict(self._shorts(listing.low, listing.high))
        lanes: dict[bytes, tuple[list[Listed], list[bytes]]] = {}  # heads to tell, forms to ask for
        for short, item in mine.items():
            if short not in theirs:
                lanes.setdefault(short[:_LANE_PART_BYTES], ([], []))[0].append(item)
        for short in theirs:
            if short not in mine:
                lanes.setdefault(short[:_LANE_PART_BYTES], ([], []))[1].append(short)
        wanted: list[bytes] = []
        for lane in sorted(lanes):
            told, asked = lanes[lane]
            if len(told) == len(asked) == 1:  # who is further?
                own_seq, other_seq = told[0][1], theirs[asked[0]]
                asked = [] if own_seq > other_seq else asked
                told = [] if own_seq < other_seq else told
            wanted += asked
            self._queue([key for key, _ in told])
        if wanted:
            self._asks.append(Ask(listing.low, listing.high, b"".join(sorted(wanted))))

    def _tell_asked(self, ask: Ask) -> None:
        if len(ask.shorts) % SHORT_SIZE_BYTES:
            raise RemoteFault(Parting.FRAME, "heads broken off")
        asked = {ask.shorts[n : n + 8] for n in range(0, len(ask.shorts), SHORT_SIZE_BYTES)}
        self._queue([item[0] for short, item in self._shorts(ask.low, ask.high) if short in asked])

    def _queue(self, keys: list[bytes]) -> None:
        """Tell these heads, as far as the round allows."""
        room = limits.HEADS_ROUND_MAX_COUNT - self._queued_count
        self._queued.extend(keys[:room])
        self._queued_count += len(keys[:room])

    # --- writing ---

    def _own_turn(self, theirs: int) -> Ranges:
        asks, self._asks = self._asks[:_ASKS_TURN_COUNT], self._asks[_ASKS_TURN_COUNT:]
        splits, listings = self._questions()
        count = _HEADS_TURN_COUNT if asks or splits or listings else limits.HEADS_TURN_MAX_COUNT
        heads = [self._queued.popleft() for _ in range(min(count, len(self._queued)))]
        self.told += heads
        if self._queued or self._asks or self._differing:
            turn = MORE
        elif theirs == MORE or asks or splits or listings:
            turn = PASS
        else:
            turn = END
        self.over = turn == END
        return Ranges(self.number, turn, splits, listings, asks, b"".join(heads))

    def _questions(self) -> tuple[list[Split], list[Listing]]:
        """Cuts and lists of the ranges that differ, as many as fit."""
        splits: list[Split] = []
        listings: list[Listing] = []
        room_bytes, pieces = limits.FRAME_TARGET_BYTES, _PIECES_TURN_COUNT
        while self._differing and room_bytes > 0 and pieces > 0:
            low, high = self._differing.popleft()
            start, stop = self._index.between(low, high)
            if stop - start <= limits.RANGE_LEAF_ITEMS_COUNT:
                listings.append(self._list(low, high))
                room_bytes -= len(low) + len(high) + _ENTRY_BYTES * (stop - start + 1)
                pieces -= 1
            else:
                splits.append(self._cut(low, high, start, stop))
                room_bytes -= sum(len(bound) + _ENTRY_BYTES for bound in splits[-1].bounds)
                pieces -= limits.RANGE_PIECES_COUNT
        return splits, listings

    def _list(self, low: bytes, high: bytes) -> Listing:
        entries = sorted((short, item[1]) for short, item in self._shorts(low, high))
        return Listing(
            low, high, b"".join(short for short, _ in entries), [seq for _, seq in entries]
        )

    def _cut(self, low: bytes, high: bytes, start: int, stop: int) -> Split:
        index, count = self._index, limits.RANGE_PIECES_COUNT
        self.work_us += _FINGERPRINT_US * count
        places = [start + (stop - start) * n // count for n in range(count + 1)]
        inner = [separator(index.key_at(p - 1), index.key_at(p)) for p in places[1:-1]]
        prints = [index.fingerprint(a, b) for a, b in pairwise(places)]
        return Split([low, *inner, high], b"".join(prints))
