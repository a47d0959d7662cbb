"""Asking a neighbour for what it has and we lack: one question at a time, until all is stored.

A question names, for each lane, our heads there: enough when the neighbour is simply further. When
it holds none of them (a fork), it says so, and the lane is asked for again with ids back to its
start. Heads that were asked for and are told again could not be taken in; they are left alone for a
while that grows. What is told is a claim: nothing is stored before intake has judged it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.frames import BatchDecoder, Place
from node.protocol.heads import LANE_KEY_SIZE_BYTES
from node.protocol.identity import Lane
from node.protocol.messages import Records, Want, Wish
from node.protocol.ports import SyncSource
from node.protocol.record import RawRecord
from node.protocol.state import after

# What others stand on comes first: this matters when an answer cannot hold all that was asked for.
_ORDER: Final = (Lane.IDENTITY, Lane.OFFICE, Lane.ACCOUNT, Lane.WITNESS, Lane.MARKET, Lane.SOCIAL)
_RANK: Final = {int(lane): rank for rank, lane in enumerate(_ORDER)}
_WISHES_COUNT: Final = 256  # in one message: the neighbour looks them up without a pause


class Stage(Enum):
    """Where a question stands."""

    IDLE = auto()
    ASKING = auto()  # messages of the question are still to be sent
    AWAITING = auto()  # the answer is coming
    SETTLING = auto()  # all of it is here; some is not stored yet


@dataclass(frozen=True, slots=True)
class Answer:
    """How a question ended."""

    wishes: int  # lanes asked for; 0 when all had come another way meanwhile
    records: int  # received
    accepted: int  # new and stored
    bodies: bool  # bodies were asked for, not lanes


@dataclass(slots=True)
class _Lane:
    """A lane to ask for."""

    place: int  # number, in the round, of the first of these heads
    key: bytes
    heads: list[bytes] = field(default_factory=list[bytes])  # ids told
    full: bool = False  # ask with ids back to the lane's start


class Pull:
    """The asking half of a session."""

    def __init__(self, source: SyncSource) -> None:
        self.stage = Stage.IDLE
        self.not_before_ms = 0  # when to ask
        self.left = 0  # records still to come
        self._source = source
        self._decoder = BatchDecoder(source.community)
        self._prepared: list[Place] = []  # of the answer's lane table, by the wishes of a question
        self._round = 0
        self._queue: deque[_Lane] = deque()
        self._bodies = b""
        self._for_bodies = False
        self._short: dict[int, _Lane] = {}  # asked with heads only, by number in the round
        self._unmatched: list[int] = []
        self._cut_short = False  # the neighbour had no room to name all that it could not match
        self._first = True  # of an answer's messages
        self._undelivered = 0
        self._wishes = self._records = self._accepted = 0
        self._tried: dict[bytes, tuple[int, int]] = {}  # head key -> (times asked, not before)

    def begin(self, number: int, found: Sequence[bytes], now_ms: int, delay_ms: int) -> bool:
        """Prepare to ask for heads found in a round; False when none is worth asking for."""
        assert self.stage is Stage.IDLE
        chosen: dict[bytes, _Lane] = {}
        for place, key in enumerate(found):
            times, not_before = self._tried.get(key, (0, 0))
            if key and now_ms >= not_before:
                self._tried[key] = (times + 1, now_ms + delay_ms + _patience_ms(times))
                lane_key = key[:LANE_KEY_SIZE_BYTES]
                chosen.setdefault(lane_key, _Lane(place, lane_key)).heads.append(key[65:])
        if not chosen:
            return False
        order = sorted(chosen.values(), key=lambda lane: (_RANK.get(lane.key[-1], 9), lane.key))
        self._start(number, order, b"", now_ms + delay_ms)
        return True

    def begin_bodies(self, ids: Sequence[bytes], now_ms: int) -> None:
        """Prepare to ask for bodies of these records."""
        assert self.stage is Stage.IDLE
        assert 0 < len(ids) <= limits.BODIES_WANTED_MAX_COUNT
        self._start(0, [], b"".join(ids), now_ms)

    def _start(self, number: int, order: list["_Lane"], bodies: bytes, at_ms: int) -> None:
        self.stage = Stage.ASKING
        self.not_before_ms = at_ms
        self._round, self._bodies, self._for_bodies = number, bodies, bool(bodies)
        self._queue = deque(order)
        self._short = {}
        self._prepared = []
        self._cut_short = False
        self._wishes = self._records = self._accepted = 0

    def next_want(self, now_ms: int) -> Want | None:
        """The next message of the question; None when there is none now.

        May find that nothing is lacking any more: see `finished`.
        """
        if self.stage is not Stage.ASKING or now_ms < self.not_before_ms:
            return None
        wishes: list[Wish] = []
        size = 0
        while self._queue and len(wishes) < _WISHES_COUNT and size < limits.FRAME_TARGET_BYTES:
            lane = self._queue.popleft()
            if not all(self._source.holds(head) for head in lane.heads):
                wishes.append(self._wish(lane))
                size += len(wishes[-1].known)
        bodies, self._bodies = self._bodies, b""
        self._wishes += len(wishes)
        more = bool(self._queue)
        if not more:
            nothing = self._wishes == 0 and not bodies
            self.stage = Stage.SETTLING if nothing else Stage.AWAITING
            self._first = True
            self._decoder = BatchDecoder(self._source.community, self._prepared)
            if nothing:
                return None
        return Want(self._round, more, wishes, bodies)

    def _wish(self, lane: "_Lane") -> Wish:
        if lane.full:
            ids = self._source.locator(lane.key)
        else:
            heads = self._source.heads(lane.key, after(lane.key))
            ids = [bytes(item.id) for item in sorted(heads, key=lambda item: (-item.seq, item.id))]
            self._short[lane.place] = lane
            if len(heads) == 1 and len(self._prepared) < limits.LANES_PREPARED_MAX_COUNT:
                self._prepared.append((lane.key, (heads[0].seq, heads[0].id)))
        return Wish(lane.place, lane.full, b"".join(ids[: limits.LOCATOR_MAX_COUNT]))

    def take(self, message: Records) -> list[RawRecord]:
        """A part of the answer; each non-empty list is followed by one `delivered`.

        Raises RemoteFault.
        """
        if self.stage is not Stage.AWAITING:
            raise RemoteFault(Parting.UNEXPECTED, "records that nobody asked for")
        records = self._decoder.decode(message.batch)
        if not self._first and message.left + len(records) > self.left:
            raise RemoteFault(Parting.ENDLESS, "an answer that grows")
        if message.left and (not records or message.unmatched):
            raise RemoteFault(Parting.UNEXPECTED, "a part of an answer without records")
        if any(place not in self._short for place in message.unmatched):
            raise RemoteFault(Parting.UNEXPECTED, "misses what was not asked")
        self._first = False
        self.left = message.left
        self._records += len(records)
        self._undelivered += bool(records)
        if message.left == 0:
            self._unmatched = list(message.unmatched)
            self.stage = Stage.SETTLING
        return records

    def delivered(self, accepted: int) -> None:
        """A part of the answer is stored."""
        assert self._undelivered > 0
        self._undelivered -= 1
        self._accepted += accepted

    @property
    def waits_for_remote(self) -> bool:
        """True iff the neighbour owes a part of the answer and nothing of it waits here."""
        return self.stage is Stage.AWAITING and self._undelivered == 0

    def finished(self) -> Answer | None:
        """How the question ended, once; None while it goes on."""
        if self.stage is not Stage.SETTLING or self._undelivered:
            return None
        if self._unmatched:
            self._cut_short = len(self._unmatched) >= limits.LANES_WANTED_MAX_COUNT
            again = [self._short.pop(place) for place in dict.fromkeys(self._unmatched)]
            for lane in again:
                lane.full = True
            self._queue = deque(again)
            self._prepared = []
            self._unmatched = []
            self.stage = Stage.ASKING
            return None
        self.stage = Stage.IDLE
        self._short = {}
        large = self._records >= limits.ANSWER_RECORDS_MAX_COUNT // 2
        if large or self._cut_short or len(self._tried) > limits.HEADS_REFUSED_MAX_COUNT:
            self._tried.clear()
        return Answer(self._wishes, self._records, self._accepted, self._for_bodies)


def _patience_ms(times: int) -> int:
    """How long a head is left alone that was asked for this often before."""
    return min(limits.RETRY_FIRST_MS * 4 ** min(times, 8), limits.RETRY_MAX_MS)
