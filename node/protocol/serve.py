"""Answering a neighbour's question for lanes and bodies: gather numbers, then stream records.

All lanes of a question are merged and sent in ascending local number. That is the order in which
they arrived here, and nothing was stored before what it stands on: so the neighbour defers nothing.
A lane of which none of the ids named is held is not sent but reported, unless the question says
that it named all it has: the neighbour then asks again with ids further back.
"""

from array import array
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.frames import BatchEncoder, size_of
from node.protocol.heads import LANE_KEY_SIZE_BYTES
from node.protocol.messages import Records, Want, Wish
from node.protocol.ports import SyncSource
from node.protocol.record import RawRecord

_WISH_US: Final = 30
_LOOK_UP_US: Final = 10  # of an id that a neighbour names
_NUMBER_US: Final = 2
_WORK_MAX_US: Final = 1_000_000  # what is sent later also waits for credit


class Stage(Enum):
    """Where an answer stands."""

    IDLE = auto()
    GATHERING = auto()  # further messages of the question follow
    STREAMING = auto()


class Serve:
    """The answering half of a session."""

    def __init__(self, source: SyncSource) -> None:
        self.stage = Stage.IDLE
        self._source = source
        self._round = -1  # the last one that ended
        self._bodies_asked = 0
        self._told: Sequence[bytes] = ()
        self._numbers = array("Q")
        self._place = 0
        self._unmatched: list[int] = []
        self._encoder = BatchEncoder(source.community)
        self._known: list[bytes] = []  # that the question's wishes name, where each names one

    def told(self, number: int, heads: Sequence[bytes]) -> None:
        """In this round, which is over, these heads were told to the neighbour."""
        self._round, self._told = number, heads

    def want(self, message: Want) -> int:
        """Take a question in; returns what it cost, in microseconds. Raises RemoteFault."""
        if self.stage is Stage.STREAMING:
            raise RemoteFault(Parting.UNEXPECTED, "a question before the last answer's end")
        self._bodies_asked += len(message.bodies) // 32
        if self._bodies_asked > limits.BODIES_ASKED_MAX_COUNT:
            raise RemoteFault(Parting.FLOOD, "asks for bodies without end")
        before = len(self._numbers)
        for wish in message.wishes:
            self._gather(message.round, wish)
        self._gather_bodies(message.bodies)
        named = sum(len(wish.known) for wish in message.wishes) + 2 * len(message.bodies)
        cost = _WISH_US * (1 + len(message.wishes)) + _LOOK_UP_US * (named // 32)
        cost += _NUMBER_US * (len(self._numbers) - before)
        if message.more:
            self.stage = Stage.GATHERING
        else:
            self.stage = Stage.STREAMING
            self._numbers = array("Q", sorted(self._numbers))
            self._place = 0
            self._encoder = BatchEncoder(self._source.community, self._known)
            self._known = []
        return min(cost, _WORK_MAX_US)

    def _gather(self, number: int, wish: Wish) -> None:
        if number != self._round or wish.head >= len(self._told) or len(wish.known) % 32:
            raise RemoteFault(Parting.UNEXPECTED, "asks for what was not told")
        room = len(self._known) < limits.LANES_PREPARED_MAX_COUNT
        if room and len(wish.known) == 32 and not wish.full:
            self._known.append(wish.known)
        lane_key = self._told[wish.head][:LANE_KEY_SIZE_BYTES]
        named = [wish.known[n : n + 32] for n in range(0, len(wish.known), 32)]
        known = [record for record in named if self._source.holds(record)]
        if named and not known and not wish.full:
            if len(self._unmatched) < limits.LANES_WANTED_MAX_COUNT:
                self._unmatched.append(wish.head)
            return
        found = self._source.numbers_beyond(lane_key, known)
        if len(self._numbers) + len(found) <= limits.ANSWER_RECORDS_MAX_COUNT:
            self._numbers.extend(found)
        elif not self._numbers:  # one lane larger than any answer: its beginning
            self._numbers.extend(found[: limits.ANSWER_RECORDS_MAX_COUNT])

    def _gather_bodies(self, bodies: bytes) -> None:
        if len(bodies) % 32:
            raise RemoteFault(Parting.FRAME, "ids broken off")
        for start in range(0, len(bodies), 32):
            number = self._source.number_of(bodies[start : start + 32])
            raw = None if number is None else self._source.raw(number)
            room = len(self._numbers) < limits.ANSWER_RECORDS_MAX_COUNT
            if number is not None and raw is not None and raw.body is not None and room:
                self._numbers.append(number)

    def next_records(self) -> Records | None:
        """The next part of the answer; None when there is nothing to answer."""
        if self.stage is not Stage.STREAMING:
            return None
        batch = self._next_batch()
        left = len(self._numbers) - self._place
        message = Records(left, self._unmatched if left == 0 else [], self._encoder.encode(batch))
        if left == 0:
            self.stage = Stage.IDLE
            self._numbers = array("Q")
            self._unmatched = []
        return message

    def _next_batch(self) -> list[RawRecord]:
        batch: list[RawRecord] = []
        size, last = 0, None
        ahead = self._numbers[self._place : self._place + limits.FRAME_RECORDS_MAX_COUNT]
        for number, raw in zip(ahead, self._source.raws(ahead), strict=True):
            if raw is not None and number != last:
                if batch and size + size_of(raw) > limits.FRAME_TARGET_BYTES:
                    break
                batch.append(raw)
                size += size_of(raw)
            self._place += 1
            last = number
        return batch
