"""Targets: what neighbours say, one frame, one round, or a whole conversation.

A conversation is one that two honest nodes had, and in which one side's frames are mutated before a
fresh session, which holds what the other side held, hears them. What it delivers is stored, and
time passes: so that every stage of sync is reached, and left in every wrong way.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import msgpack

from node.protocol import effects as do
from node.protocol import messages
from node.protocol.effects import Effect
from node.protocol.errors import Parting, Reject, RemoteFault
from node.protocol.frames import BatchDecoder, unpack
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.limits import FRAME_SIZE_MAX_BYTES
from node.protocol.messages import Ranges, Records
from node.protocol.reconcile import Round
from node.protocol.session import Phase, Session, Settings
from tests.fuzz.mutate import unpacked
from tests.fuzz.target import NO_INPUT, OK, Target
from tests.support.rounds import as_of_many, as_they_are
from tests.support.sync_line import Line
from tests.support.sync_source import COMMUNITY, DictSource, LaneMaker, source_with
from tests.vectors import load

FRAMES_MAX_COUNT = 60
WORK_MAX_US = 400_000  # that a turn of a small round may claim
KINDS = frozenset(int(kind) for kind in Lane)
CODES = frozenset(str(code) for code in (*Parting, *Reject))


@cache
def _runs() -> list[list[Any]]:
    return [LaneMaker(f"neighbour {n}").run(6) for n in range(8)]


@cache
def _wide() -> list[list[Any]]:
    """So many lanes that a round cuts its ranges, or sends a sketch."""
    return [LaneMaker(f"one of many {n}").run(1) for n in range(110)]


def _sources(story: int) -> tuple[DictSource, DictSource]:
    """What the two sides hold in a story."""
    runs = _runs()
    match story:
        case 0:
            return source_with(*runs[:5]), source_with(*(run[:2] for run in runs))
        case 1:
            forker = LaneMaker("forker")
            trunk = forker.run(4)
            a = source_with(runs[0], trunk, forker.run(3, "left", trunk[1]))
            b = source_with(runs[0][:3], trunk[:2], forker.run(2, "right", trunk[0]))
            a.erase(runs[0][3].id)
            return a, b
        case 2:
            return source_with(*_wide()), source_with(*_wide()[20:], runs[1])
        case 3:
            return source_with(*runs), source_with()
        case _:
            a = source_with(*(run[: 1 + n % 5] for n, run in enumerate(runs)), *_wide()[:60])
            return a, source_with(*(run[: 5 - n % 5] for n, run in enumerate(runs)), *_wide()[40:])


STORIES = 5
_OF_MANY = 4  # the story in which heads are compared as if there were many


def _way(story: int) -> AbstractContextManager[None]:
    return as_of_many() if story == _OF_MANY else as_they_are()


@cache
def _spoken(story: int) -> list[bytes]:
    """The frames of the side that dialled, unpacked so that they can be edited."""
    a, b = _sources(story)
    with _way(story):
        line = Line(a, b)
        line.share(line.a, ["/ip4/192.0.2.1/tcp/4001"])
        line.run()
    frames = [effect.frame for effect in line.a.seen if isinstance(effect, do.Send)]
    return [b"\x00" + unpack(frame) for frame in frames[:FRAMES_MAX_COUNT]]


# --- frames ---------------------------------------------------------------------------------------
def _frames() -> list[bytes]:
    cases = load.cases("sync")
    found = [load.data(c["frame"]) for c in cases if c["part"] == "frame" and c["expect"] == "ok"]
    found += [frame for story in range(STORIES) for frame in _spoken(story)]
    found += [messages.encode(messages.decode(frame)) for frame in _spoken(0)]  # packed ones
    return [frame for frame in dict.fromkeys(found) if len(frame) < 20_000]


def _judge_frame(data: bytes) -> str:
    try:
        message = messages.decode(data)
        if isinstance(message, Records):
            BatchDecoder(COMMUNITY).decode(message.batch)
    except RemoteFault as fault:
        return str(fault.code)
    assert len(messages.encode(message)) <= FRAME_SIZE_MAX_BYTES
    return OK


# --- rounds ---------------------------------------------------------------------------------------
@cache
def _held(story: int) -> Heads:
    return Heads(_sources(story)[1])


def _rounds() -> list[bytes]:
    """[story, turns]: all turns of one side."""
    found: list[bytes] = []
    for story in range(STORIES):
        turns = [frame[1:] for frame in _spoken(story) if frame[1:3] == b"\x9b\x02"]
        found += [msgpack.packb([story, turns[n : n + 4]]) for n in range(len(turns))]
    return found


def _judge_round(data: bytes) -> str:
    found = unpacked(data)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
        return NO_INPUT
    story = found[0] % STORIES if isinstance(found[0], int) else 0
    with _way(story):
        return _hear_round(Round(0, _held(story), KINDS, b"salt"), found[1][:FRAMES_MAX_COUNT])


def _hear_round(round_: Round, turns: list[Any]) -> str:
    said = NO_INPUT
    for turn in turns:
        if not isinstance(turn, bytes) or round_.over:
            break
        try:
            message = messages.decode(b"\x00" + turn)
            if not isinstance(message, Ranges):
                continue
            answer = round_.take(message)
        except RemoteFault as fault:
            return str(fault.code)
        if answer is not None:
            assert len(messages.encode(answer)) <= FRAME_SIZE_MAX_BYTES
        assert round_.work_us <= WORK_MAX_US
        said = OK
    return said


# --- conversations --------------------------------------------------------------------------------
def _talks() -> list[bytes]:
    found: list[bytes] = []
    for story in range(STORIES):
        frames = _spoken(story)
        found += [msgpack.packb([story, frames[:n]]) for n in (3, 6, 12, len(frames))]
    return found


def _judge_talk(data: bytes) -> str:
    found = unpacked(data)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
        return NO_INPUT
    story = found[0] % STORIES if isinstance(found[0], int) else 0
    source = _sources(story)[1]
    source.verifying = True
    with _way(story):
        return Listener(source).hear(found[1][:FRAMES_MAX_COUNT])


class Listener:
    """A session that was dialled, and what a driver does for it."""

    def __init__(self, source: DictSource) -> None:
        self._source = source
        self._now = 1_000
        self._session = Session(source, Heads(source), Settings(), dialer=False, nonce=bytes(16))
        self._ended = ""
        self._do(self._session.start(self._now))

    def hear(self, frames: list[Any]) -> str:
        """Hear them all, unless it ends before; the code with which it ended, or `ok`."""
        for frame in frames:
            if self._session.phase is Phase.CLOSED:
                break
            if isinstance(frame, bytes):
                self._do(self._session.receive(frame, self._now))
            self._now += 15
            self._do(self._session.tick(self._now))
        return str(self._ended) or OK

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, do.Close):
                self._ended = effect.code
            if isinstance(effect, do.Blame | do.Close):
                assert effect.code in CODES, effect
            elif isinstance(effect, do.Send):
                assert len(effect.frame) <= FRAME_SIZE_MAX_BYTES
            elif isinstance(effect, do.Deliver) and self._session.phase is not Phase.CLOSED:
                before = len(self._source.faults)
                accepted, _ = self._source.take(effect.records)
                faults = self._source.faults[before:]
                done = self._session.delivered(effect.token, accepted, faults, self._now)
                self._do([*done, *self._session.changed(self._now)])


TARGETS = (
    Target("frame", _frames, _judge_frame, 10),
    Target("round", _rounds, _judge_round, 6, wrapped=True),
    Target("session", _talks, _judge_talk, 4, wrapped=True),
)
