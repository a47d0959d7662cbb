"""Comparing two sets of lane heads, in turns, so that the cost follows the difference.

The opener sends the fingerprint of its whole set. A side that finds it differing sends a small
sketch (`sketch`) of its own. From that the other reads what differs, or, if that is too much, how
much: and answers with a sketch that is large enough. Where a sketch would be larger than what it
saves, or fails, a range is cut into 16, or listed when few heads stand in it, and so on for each
piece that differs. Whoever has read a sketch or a list tells the heads that the other lacks and
asks for those that it lacks itself. Turns strictly alternate.

Lists carry heads in short form, salted anew each round: four bytes that name the lane, four that
name the head, and the seq, so that of two heads on one lane only the further one travels; sketches
name lanes by seven bytes. When both are branches of a fork the next round shows it, because then
one side has two heads.

A side ends the round when it has nothing left to ask or tell and the other side had nothing left
either. What to do about the heads found is `pull`'s part.
"""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from node.protocol import limits, near
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
from node.protocol.messages import (
    NEAR_SIZE_BYTES,
    SHORT_SIZE_BYTES,
    Ask,
    Listing,
    Ranges,
    Split,
)
from node.protocol.near import Telling, further
from node.protocol.sketch import (
    NAME_SIZE_BYTES,
    PART_SIZE_BYTES,
    ROW_SIZES,
    ROWS_COUNT,
    Sketch,
    compare,
    row_for,
)

PASS: Final = 0  # your turn; I have nothing waiting
MORE: Final = 1  # your turn; I have more to send whatever you answer
END: Final = 2  # the round is over
_LANE_PART_BYTES: Final = 4
_CLOSER_ROW: Final = 96  # 5 kB which tell a large number within 8 %, the smallest within 20 %
_SHORTS_KEPT_COUNT: Final = 4_096  # of a round: a listed head is often asked for; 1 MB

# How a turn is filled, so that it always fits a frame: 64 KiB of cuts and lists, 70 kB of asks in
# short forms, 20 of those by name, and heads: 97 KB beside questions, 194 KB alone. A sketch, up to
# 250 kB if seqs are high, travels alone.
_PIECES_TURN_COUNT: Final = 1_500
_ASKS_TURN_COUNT: Final = 100
_NAMED_TURN_COUNT: Final = 1_000  # of each sort
_HEADS_TURN_COUNT: Final = 1_000
_ENTRY_BYTES: Final = 19  # a fingerprint, or a short form and its seq, with what stands around it

# What work costs, in microseconds (measured, rounded up): for the budget a session keeps.
_FINGERPRINT_US: Final = 6
_SHORT_US: Final = 3
_HEAD_US: Final = 10
_NAME_US: Final = 10
_CELL_US: Final = 3
_FOLD_US: Final = 3_000  # a sketch of whatever size, from the sums of very many heads
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
        self._row = 0  # of the last sketch of the round, whosever it was
        self._sketches = 0  # of both sides
        self._next_row = ROW_SIZES[0]  # of the own next sketch; 0: no more
        self._near_asks: list[bytes] = []
        self._far_asks: list[bytes] = []
        self._queued: deque[Telling] = deque()
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
        asks = message.asks or message.near_asks or message.far_asks
        if message.turn == END and (message.splits or message.listings or message.sketch or asks):
            raise RemoteFault(Parting.UNEXPECTED, "a question in the last turn")
        self._index = self._heads.index(self._kinds)
        self.whole = self.whole or self._index.fingerprint(0, len(self._index))
        differs = self._read(message)
        if message.turn == END:
            self.over = True
            self.equal = self._turns == 1 and not self.found
            return None
        own = self._own_turn(message.turn)
        self.equal = self._turns == 1 and not differs
        return own

    # --- reading ---

    def _read(self, message: Ranges) -> bool:
        """Note what a turn asks and tells. True iff it shows any difference."""
        self._check_entries(message)
        self._take_heads(message.heads)
        self._take_near(message.near_heads)
        before = len(self._differing)
        for split in message.splits:
            self._compare(split)
        for listing in message.listings:
            self._pair(listing)
        for ask in message.asks:
            self._tell_asked(ask)
        for asked, is_near in ((message.near_asks, True), (message.far_asks, False)):
            self._tell_named(asked, is_near=is_near)
        if message.sketch is not None:
            self._take_sketch(message.sketch)
        others = message.listings or message.asks or message.heads or message.near_heads
        named = message.sketch or message.near_asks or message.far_asks
        return len(self._differing) > before or bool(others or named)

    def _check_entries(self, message: Ranges) -> None:
        """Ranges are few and apart from each other: so no head is looked at twice."""
        ranges = [pair for split in message.splits for pair in pairwise(split.bounds)]
        ranges += [(entry.low, entry.high) for entry in (*message.listings, *message.asks)]
        if len(ranges) > limits.RANGE_ENTRIES_MAX_COUNT:
            raise RemoteFault(Parting.FRAME, "too many ranges")
        ranges.sort()
        others = (*ranges, message.heads, message.near_heads, message.near_asks, message.far_asks)
        if message.sketch is not None and any(others):
            raise RemoteFault(Parting.FRAME, "a sketch beside other things")
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
        if any(key[LANE_KEY_SIZE_BYTES - 1] not in self._kinds for key in keys):
            raise RemoteFault(Parting.UNEXPECTED, "a lane kind not kept here")
        self._note_found(keys)

    def _take_near(self, heads: bytes) -> None:
        """Heads told by the names of lanes that are held here."""
        if len(heads) % NEAR_SIZE_BYTES:
            raise RemoteFault(Parting.FRAME, "heads broken off")
        pieces = [heads[n : n + NEAR_SIZE_BYTES] for n in range(0, len(heads), NEAR_SIZE_BYTES)]
        names = [piece[:NAME_SIZE_BYTES] for piece in pieces]
        if any(name[-1] not in self._kinds for name in names):
            raise RemoteFault(Parting.UNEXPECTED, "a lane kind not kept here")
        self._note_found(near.resolve(self._index, names, (p[NAME_SIZE_BYTES:] for p in pieces)))

    def _note_found(self, keys: list[bytes]) -> None:
        if len(self.found) + len(keys) > limits.HEADS_ROUND_MAX_COUNT:
            raise RemoteFault(Parting.ENDLESS, "heads")
        self.work_us += _HEAD_US * len(keys)
        self.found += keys

    def _take_sketch(self, sketch: Sketch) -> None:
        """Read what differs; if that fails, look more closely next."""
        row = sketch.row
        if not row:
            raise RemoteFault(Parting.FRAME, "columns of different lengths")
        if row <= self._row or self._sketches >= limits.SKETCHES_ROUND_MAX_COUNT:
            raise RemoteFault(Parting.UNEXPECTED, "a sketch that brings nothing new")
        self._row = row
        self._sketches += 1
        self.work_us += _FOLD_US + _CELL_US * ROWS_COUNT * row
        difference = compare(self._index.sketch(row), sketch)
        if difference.theirs or difference.own:
            reading = near.read(self._index, difference)
            self.work_us += _NAME_US * (len(difference.theirs) + len(difference.own))
            self._queue(reading.tell)
            self._near_asks += reading.near
            self._far_asks += reading.far
        else:
            # Too many to read, or such as no sketch shows: then only ranges help.
            fitting = row_for(max(difference.estimate, ROWS_COUNT * row))
            if row < _CLOSER_ROW and fitting > 2 * _CLOSER_ROW:
                fitting = _CLOSER_ROW
            self._next_row = 0 if difference.whole else fitting
            self._differing.append((b"", b""))

    def _tell_named(self, asked: bytes, *, is_near: bool) -> None:
        if len(asked) % PART_SIZE_BYTES:
            raise RemoteFault(Parting.FRAME, "heads broken off")
        self.work_us += _NAME_US * (len(asked) // PART_SIZE_BYTES)
        self._queue(near.answer(self._index, asked, near=is_near))

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
        lanes: dict[bytes, tuple[list[Listed], list[tuple[bytes, int]]]] = {}  # to tell, to ask for
        for short, item in mine.items():
            if short not in theirs:
                lanes.setdefault(short[:_LANE_PART_BYTES], ([], []))[0].append(item)
        for short, seq in theirs.items():
            if short not in mine:
                lanes.setdefault(short[:_LANE_PART_BYTES], ([], []))[1].append((short, seq))
        wanted: list[bytes] = []
        for lane in sorted(lanes):
            told, asked = further(*lanes[lane])
            wanted += [short for short, _ in asked]
            self._queue([(key, False) for key, _ in told])
        if wanted:
            self._asks.append(Ask(listing.low, listing.high, b"".join(sorted(wanted))))

    def _tell_asked(self, ask: Ask) -> None:
        if len(ask.shorts) % SHORT_SIZE_BYTES:
            raise RemoteFault(Parting.FRAME, "heads broken off")
        asked = {ask.shorts[n : n + 8] for n in range(0, len(ask.shorts), SHORT_SIZE_BYTES)}
        held = self._shorts(ask.low, ask.high)
        self._queue([(item[0], False) for short, item in held if short in asked])

    def _queue(self, heads: list[Telling]) -> None:
        """Tell these heads, as far as the round allows."""
        room = limits.HEADS_ROUND_MAX_COUNT - self._queued_count
        self._queued.extend(heads[:room])
        self._queued_count += len(heads[:room])

    # --- writing ---

    def _own_turn(self, theirs: int) -> Ranges:
        sketch = self._own_sketch()
        if sketch is not None:
            return Ranges(self.number, MORE if self._waiting else PASS, [], [], [], b"", sketch)
        asks, self._asks = self._asks[:_ASKS_TURN_COUNT], self._asks[_ASKS_TURN_COUNT:]
        splits, listings = self._questions()
        named = _NAMED_TURN_COUNT
        close, self._near_asks = self._near_asks[:named], self._near_asks[named:]
        away, self._far_asks = self._far_asks[:named], self._far_asks[named:]
        asking = bool(asks or splits or listings or close or away)
        count = _HEADS_TURN_COUNT if asking else limits.HEADS_TURN_MAX_COUNT
        heads = [self._queued.popleft() for _ in range(min(count, len(self._queued)))]
        full = [key for key, is_near in heads if not is_near]
        short = [key for key, is_near in heads if is_near]
        self.told += full + short
        passing = PASS if theirs == MORE or asking else END
        turn = MORE if self._waiting else passing
        self.over = turn == END
        return Ranges(
            self.number,
            turn,
            splits,
            listings,
            asks,
            b"".join(full),
            None,
            b"".join(close),
            b"".join(away),
            b"".join(near.name_and_id(key) for key in short),
        )

    @property
    def _waiting(self) -> bool:
        """True iff something is kept for a later turn."""
        asks = self._asks or self._near_asks or self._far_asks
        return bool(asks or self._queued or self._differing)

    def _own_sketch(self) -> Sketch | None:
        """A sketch, if the whole set differs and that is the best way to go on."""
        row, count = self._next_row, len(self._index)
        asked = bool(self._differing) and self._differing[0] == (b"", b"")
        allowed = row > self._row and self._sketches < limits.SKETCHES_ROUND_MAX_COUNT
        few = count <= max(limits.RANGE_LEAF_ITEMS_COUNT, limits.SKETCH_CELL_HEADS_COUNT * row - 1)
        if not asked or not allowed or few:
            return None
        self._differing.popleft()
        self._row = row
        self._sketches += 1
        self.work_us += _FOLD_US + _CELL_US * ROWS_COUNT * row
        return self._index.sketch(row)

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
