"""Two sides of a round in memory: sets of heads without records, and every byte counted.

Rule: `as_of_many` lets few heads be compared as very many are.
"""

import random
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from node.protocol import limits, messages
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.messages import Ask, Listing, Ranges, Split
from node.protocol.ports import HeadItem
from node.protocol.reconcile import PASS, Round
from node.protocol.shapes import RecordId
from node.protocol.sketch import Sketch
from tests.support.sync_source import DictSource

ALL = frozenset(range(6))
SALT = b"salt of a round."
Set = dict[bytes, int]


class SetSource(DictSource):
    """Heads without records."""

    def __init__(self, items: Set) -> None:
        super().__init__()
        self.set(items)

    def set(self, items: Set) -> None:
        """These are the heads from now on."""
        self.items = [HeadItem(k[:65], RecordId(k[65:]), seq) for k, seq in sorted(items.items())]
        self._generation += 1

    def heads(self, low: bytes, high: bytes | None) -> list[HeadItem]:
        return [h for h in self.items if h.key >= low and (high is None or h.key < high)]


def lane_of(number: int) -> bytes:
    """A lane key; every sixth number is of the same lane kind."""
    return random.Random(number).randbytes(64) + bytes((number % 6,))


def head(lane: int, number: int) -> bytes:
    """A head's key."""
    return lane_of(lane) + random.Random(f"{lane} {number}").randbytes(32)


class Pair:
    """Two sides of a round, with all bytes counted."""

    def __init__(self, a: Set, b: Set, number: int = 0) -> None:
        self.a = Round(number, Heads(SetSource(a)), ALL, SALT)
        self.b = Round(number, Heads(SetSource(b)), ALL, SALT)
        self.turns = self.bytes = self.largest = self.near = 0
        self.sketches: list[int] = []  # cells of a row of each

    def run(self, *, names_are_clear: bool = True) -> "Pair":
        message: Ranges | None = self.a.open()
        reader, writer = self.b, self.a
        while message is not None:
            frame = messages.encode(message)
            self.turns += 1
            self.bytes += len(frame)
            self.largest = max(self.largest, len(frame))
            decoded = messages.decode(frame)
            assert decoded == message
            self.sketches += [message.sketch.row] if message.sketch else []
            self.near += len(message.near_heads) // 39
            message = reader.take(message)
            reader, writer = writer, reader
        assert self.a.over
        assert self.b.over
        for told, found in ((self.a.told, self.b.found), (self.b.told, self.a.found)):
            assert told == found or not names_are_clear
            assert [key[65:] for key in told] == [key[65:] for key in found]
        return self


@contextmanager
def as_of_many() -> Generator[None]:
    """Few heads are compared as very many are: by sketches, and by cuts where these fail."""
    few = {"RANGE_LEAF_ITEMS_COUNT": 3, "RANGE_PIECES_COUNT": 3, "SKETCH_CELL_HEADS_COUNT": 0}
    with patch.dict(vars(limits), few):
        yield


@contextmanager
def as_they_are() -> Generator[None]:
    """Nothing is changed."""
    yield


def twin(lane: int, number: int) -> bytes:
    """A head on one of some lanes that all have one name."""
    key = bytearray(head(lane, number))
    key[:4], key[32:34], key[64] = b"name", b"of", Lane.SOCIAL
    return bytes(key)


def moved(lanes: int, apart: int) -> tuple[Set, Set]:
    """Two sides that share lanes, of which each is further on some."""
    a = {head(n, 0): 4 for n in range(lanes)}
    b = dict(a)
    for side, numbers in ((a, range(apart)), (b, range(apart, 2 * apart))):
        for n in numbers:
            del side[head(n, 0)]
            side[head(n, 1)] = 5
    return a, b


def turn(
    *,
    flag: int = PASS,
    splits: Iterable[Split] = (),
    listings: Iterable[Listing] = (),
    asks: Iterable[Ask] = (),
    heads: bytes = b"",
    **more: Any,
) -> Ranges:
    return Ranges(0, flag, list(splits), list(listings), list(asks), heads, **more)


def sketch(row: int, items: Set | None = None) -> Sketch:
    """The sketch of these heads."""
    return Heads(SetSource(items or {})).index(ALL).sketch(row)
