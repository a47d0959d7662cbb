"""Whatever bytes a neighbour sends, in whatever order: effects with known codes, no exception.

The inputs come from seeds, so a failure names the seed that repeats it. Frames are random bytes,
random messages, and frames of honest conversations cut, flipped, repeated and swapped.
"""

import random
import time
import tracemalloc
import zlib
from typing import Any

import pytest

from node.protocol import effects as do
from node.protocol import limits, messages
from node.protocol.effects import Effect
from node.protocol.errors import Parting
from node.protocol.frames import PLAIN, ZLIB, BatchEncoder, pack, unpack
from node.protocol.messages import (
    Ack,
    Addresses,
    Ask,
    Bye,
    Idle,
    Listing,
    Message,
    Proof,
    Proofs,
    Ranges,
    Records,
    Split,
    Want,
    Wish,
)
from node.protocol.session import Phase, Session
from node.protocol.sketch import Sketch, Sums, name_of, part_of
from tests.support.rounds import as_of_many, as_they_are
from tests.support.sync_line import Line
from tests.support.sync_peer import Peer
from tests.support.sync_source import COMMUNITY, DictSource, LaneMaker, source_with

CODES = frozenset(str(code) for code in Parting)
RUNS = [LaneMaker(f"neighbour {n}").run(6) for n in range(8)]
LINKS = [link for run in RUNS for link in run]


def recorded(*, many: bool) -> list[bytes]:
    """Frames of an honest conversation in which everything happens, both ways."""
    forker = LaneMaker("forker")
    trunk = forker.run(4)
    a = source_with(*RUNS[:6], trunk, forker.run(3, "left", trunk[1]))
    b = source_with(*(run[:2] for run in RUNS), trunk[:2], forker.run(2, "right", trunk[0]))
    a.erase(RUNS[0][3].id)
    with as_of_many() if many else as_they_are():
        line = Line(a, b)
        line.share(line.a, ["/ip4/192.0.2.1"])
        line.run()
    effects = [*line.a.seen, *line.b.seen]
    return [effect.frame for effect in effects if isinstance(effect, do.Send)]


HONEST = recorded(many=False) + recorded(many=True)


class Dice:
    """Random choices of one seed. `wildness` says how often nothing fits."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.wildness = self.random.choice((0.01, 0.05, 0.3, 1.0))
        self.round = 0  # one that the session is in, or may begin
        self.open = False  # it waits for our turn
        self.told = 0  # heads that the session has told
        self.wanted = False  # it waits for records
        self.owed = 0  # data frames it has sent
        self.rows: list[int] = []  # sizes of sketches that it will still take in this round

    def wild(self) -> bool:
        return self.random.random() < self.wildness

    def bytes(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most + 1))

    def number(self) -> int:
        return self.random.choice((0, 1, 2, 3, 7, 64, 2**31, 2**53 - 1))

    def bounds(self, pieces: int) -> list[bytes]:
        """Ascending, unless things are wild."""
        key = LaneMaker(f"neighbour {self.random.randrange(8)}").lane_key
        inner = [self.bytes(3) for _ in range(pieces - 1)] + [key[: self.random.randrange(66)]]
        bounds = [b"", *sorted(set(inner) - {b""}), b""]
        if self.wild():
            self.random.shuffle(bounds)
        return bounds

    def turn(self) -> Ranges:
        """Our turn in a round: one question of some kind, and heads."""
        r = self.random
        bounds = self.bounds(r.randrange(1, 5))
        splits: list[Split] = []
        listings: list[Listing] = []
        asks: list[Ask] = []
        more: dict[str, Any] = {}
        match r.randrange(6):
            case 4 if self.rows or self.wild():
                return Ranges(self.round, r.randrange(2), [], [], [], b"", self.sketch())
            case 5:
                names = [name_of(self.key()) for _ in range(3)]
                parts = b"".join(part_of(self.key()) for _ in range(3))
                more["near_heads"] = b"".join(name + r.randbytes(32) for name in names)
                more[r.choice(("near_asks", "far_asks"))] = parts + b"x" * self.wild()
            case 0:
                splits = [Split(bounds, r.randbytes(16 * (len(bounds) - 1 + self.wild())))]
            case 1:
                count = r.randrange(5)
                seqs = [self.number() for _ in range(count)]
                listings = [Listing(bounds[0], bounds[1], r.randbytes(8 * count), seqs)]
            case 2:
                asks = [Ask(bounds[0], bounds[1], r.randbytes(8) + b"x" * self.wild())]
            case _:
                pass
        asking = splits or listings or asks or more
        flag = r.choice((0, 0, 1) if asking and not self.wild() else (0, 1, 2))
        number = r.randrange(9) if self.wild() else self.round
        return Ranges(number, flag, splits, listings, asks, self.heads(), **more)

    def key(self) -> bytes:
        place = self.random.randrange(8)
        return LaneMaker(f"neighbour {place}").lane_key + RUNS[place][self.random.randrange(6)].id

    def sketch(self) -> Sketch:
        """Of some of the heads there are, and of one that is not; or of nothing that can be."""
        sums, row = Sums(), self.rows.pop(0) if self.rows else 16
        for _ in range(self.random.randrange(9)):
            sums.add(self.key(), self.random.randrange(6))
        sums.add(self.random.randbytes(64) + b"\x02" + self.random.randbytes(32), self.number())
        sketch = sums.sketch(row)
        if not self.wild():
            return sketch
        sketch.counts[self.random.randrange(3 * row)] = self.random.randrange(2**32)
        return Sketch(sketch.sums[: -int(self.wild()) or None], sketch.counts, sketch.seqs)

    def heads(self) -> bytes:
        known = self.key()
        invented = self.random.randbytes(64) + b"\x02" + self.random.randbytes(32)
        return self.bytes(97) if self.wild() else self.random.choice((b"", known, known, invented))

    def want(self) -> Want:
        r = self.random
        places = [
            r.randrange(self.told + self.wild()) for _ in range(min(self.told, r.randrange(3)))
        ]
        wishes = [Wish(place, r.random() < 0.5, r.randbytes(32)) for place in places]
        bodies = b"".join(link.id for link in r.sample(LINKS, 2)) + self.bytes(int(self.wild()))
        return Want(self.round, r.random() < 0.2, wishes, bodies)

    def records(self) -> Records:
        r = self.random
        links = r.sample(LINKS, r.randrange(1, 5))
        batch = BatchEncoder(COMMUNITY).encode([link.raw for link in links])
        unmatched = r.sample(range(3), int(self.wild()))
        return Records(r.choice((0, 0, 1, 9)), unmatched, batch)

    def small(self) -> Message:
        a, b = (self.random.choice(LINKS).raw for _ in range(2))
        fork = LaneMaker("neighbour 0").post(RUNS[0][1], "fork").raw, RUNS[0][2].raw
        pair = (a, b) if self.wild() else fork
        proof = Proof(pair[0].header, pair[0].signature, pair[1].header, pair[1].signature)
        last: Message = Bye("done") if self.wild() else Idle()
        return self.random.choice((Idle(), Addresses(["x"]), Proofs([proof]), last))

    def message(self) -> Message:
        """A message of the right shape; mostly one that this moment allows."""
        if self.wild():
            makers = (self.turn, self.want, self.records, self.small, lambda: Ack(1))
            return self.random.choice(makers)()
        if self.owed and self.random.random() < 0.5:
            return Ack(1)
        if self.wanted:
            return self.records()
        if self.open:
            return self.turn()
        if self.random.random() < 0.4:
            return self.small() if self.random.random() < 0.5 else self.want()
        self.round += 2
        return Ranges(self.round, 0, [Split([b"", b""], self.random.randbytes(16))], [], [], b"")

    def spoil(self, frame: bytes) -> bytes:
        """The frame with something done to its bytes, under the envelope or to it."""
        inside = self.random.random() < 0.8
        data = bytearray(unpack(frame) if inside else frame)
        for _ in range(self.random.randrange(1, 4)):
            place = self.random.randrange(len(data))
            match self.random.randrange(4):
                case 0:
                    data[place] ^= 1 << self.random.randrange(8)
                case 1:
                    data[place] = self.random.randrange(256)
                case 2:
                    del data[place : place + self.random.randrange(1, 9)]
                case _:
                    data[place:place] = self.random.randbytes(self.random.randrange(1, 9))
            if not data:
                data += b"\x00"
        return pack(bytes(data)) if inside else bytes(data)

    def frame(self) -> bytes:
        if not self.wild():
            return messages.encode(self.message())
        match self.random.randrange(6):
            case 0:
                return self.bytes(60)
            case 1:
                return bytes((PLAIN,)) + self.bytes(60)
            case 2 | 3:
                return self.spoil(self.random.choice(HONEST))
            case 4:
                return self.spoil(messages.encode(self.message()))
            case _:
                return self.random.choice(HONEST)

    def note(self, effects: list[Effect]) -> None:
        """Remember what the session said, so as to lie better."""
        for message in [messages.decode(e.frame) for e in effects if isinstance(e, do.Send)]:
            self.owed += isinstance(message, messages.DATA)
            if isinstance(message, Ranges):
                if message.round != self.round:
                    self.told = 0
                if message.round != self.round or not self.open:
                    self.rows = self.random.choice(([16], [16, 24, 96], [1_024]))
                if message.sketch is not None:
                    self.rows = [row for row in self.rows[:-1] if row > message.sketch.row]
                self.told += len(message.heads) // 97 + len(message.near_heads) // 39
                self.round, self.open = message.round, message.turn != 2
            elif isinstance(message, Want):
                self.wanted = not message.more


def check(effects: list[Effect], session: Session) -> None:
    known = CODES | {"signature"} if session.phase is not Phase.CLOSED else CODES
    for effect in effects:
        if isinstance(effect, do.Blame | do.Close):
            assert effect.code in known, effect
        elif isinstance(effect, do.Deliver):
            assert 0 < len(effect.records) <= limits.FRAME_RECORDS_MAX_COUNT
    if any(isinstance(effect, do.Close) for effect in effects):
        assert session.phase is Phase.CLOSED


def conversation(seed: int, length: int) -> int:
    """Speak nonsense to a session until it has enough; how many frames it took."""
    dice = Dice(seed)
    held = source_with(*(run[: 1 + n] for n, run in enumerate(RUNS[:6])))
    peer = Peer(held, greeted=dice.random.random() < 0.95)
    session = peer.session
    for count in range(length):
        frame = dice.frame()
        effects = peer.hear(frame)
        check(effects, session)
        if frame[1:3] == b"\x92\x05" and dice.owed:  # an acknowledgement
            dice.owed -= 1
        dice.note(effects)
        for effect in effects:
            if isinstance(effect, do.Deliver) and session.phase is not Phase.CLOSED:
                dice.wanted = dice.random.random() < 0.3
                faults = ["signature"][: dice.random.randrange(2)]
                later = session.delivered(effect.token, dice.random.randrange(3), faults, peer.now)
                check(later, session)
                dice.note(later)
        peer.now += dice.random.choice((0, 0, 1, 20, 500))
        later = session.tick(peer.now)
        check(later, session)
        dice.note(later)
        if session.phase is Phase.CLOSED:
            return count + 1
    return length


@pytest.mark.parametrize("part", range(10))
def test_any_frames_in_any_order_end_in_effects(part: int) -> None:
    """A tenth of 20,000 frames; each conversation goes on until it is broken off.

    In every other part heads are compared as if there were many.
    """
    frames = 0
    seed = part * 1_000_000
    with as_of_many() if part % 2 else as_they_are():
        while frames < 2_000:
            try:
                frames += conversation(seed, 60)
            except Exception as error:
                raise AssertionError(f"seed {seed}") from error
            seed += 1


def test_the_nonsense_gets_far_enough_to_matter() -> None:
    """Otherwise the test above would only show that greetings are checked."""
    lengths = [conversation(seed, 60) for seed in range(200)]
    assert max(lengths) > 20
    assert sum(length > 3 for length in lengths) > 60


@pytest.mark.parametrize("seed", range(60))
def test_an_honest_conversation_with_one_frame_spoilt(seed: int) -> None:
    """Either it ends for both, or the change said nothing bad and both come together."""
    dice = Dice(seed)
    sources = [DictSource(verifying=True) for _ in range(2)]
    sources[0].take(link.raw for run in RUNS[:5] for link in run)
    sources[1].take(link.raw for run in RUNS for link in run[:3])
    line = Line(sources[0], sources[1], seed)
    spoil_at = dice.random.randrange(2, 16)
    with as_of_many() if seed % 2 else as_they_are():
        while line.steps["frame"] < spoil_at and line.step():
            pass
        side = line.a if line.a.inbox else line.b
        if side.inbox:
            at, frame = side.inbox.popleft()
            side.inbox.appendleft((at, dice.spoil(frame)))
        line.run_for(2 * limits.SILENCE_MAX_MS)
    phases = {line.a.session.phase, line.b.session.phase}
    if phases == {Phase.CLOSED}:
        assert all(code in CODES for code in line.a.closed + line.b.closed)
    else:
        assert phases == {Phase.TALKING}
        assert sources[0].ids() == sources[1].ids()


BOMBS = {
    "50 MB of zeros": bytes((ZLIB,)) + zlib.compress(bytes(50_000_000), 9),
    "a bomb in a bomb": bytes((ZLIB,)) + zlib.compress(zlib.compress(bytes(50_000_000), 9) * 9, 9),
    "a million nils": pack(b"\xdd" + (1_000_000).to_bytes(4, "big") + b"\xc0" * 1_000_000),
    "a million empty lists": pack(b"\xdd" + (1_000_000).to_bytes(4, "big") + b"\x90" * 1_000_000),
    "a huge count": pack(b"\x92\x07\xdd\xff\xff\xff\xff"),
    "a huge string": pack(b"\x92\x09\xdb\xff\xff\xff\xff"),
    "a sketch of a million cells": pack(
        b"\x9b\x02\x00\x00\x90\x90\x90\xc4\x00\x93\xc4\x00\xdd"
        + (1_000_000).to_bytes(4, "big")
        + bytes(1_000_000)
    ),
    "nothing but depth": pack(b"\x91" * 1_000_000),
    "depth in a message": pack(b"\x97\x02\x00\x00" + b"\x91" * 900_000),
    "a map of maps": pack(b"\x92\x08" + b"\x81\xa1a" * 300_000),
}


@pytest.mark.parametrize("frame", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_in_little_time_and_memory(frame: bytes) -> None:
    peer = Peer()
    tracemalloc.start()
    began = time.process_time()
    peer.hear(frame)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peer.ended in (Parting.FRAME, Parting.FRAME_SIZE)
    assert peak < 5_000_000
    assert spent < 0.2


def test_a_record_frame_within_bounds_needs_little_memory() -> None:
    """The largest honest frame costs a few times its size, not more."""
    raws = [link.raw._replace(body=b"a word or two " * 300) for link in LINKS] * 2
    frame = messages.encode(Records(0, [], BatchEncoder(COMMUNITY).encode(raws[:96])))
    peer = Peer()
    peer.tell(RUNS[0][5:], LaneMaker("neighbour 0"))
    tracemalloc.start()
    effects = peer.hear(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert any(isinstance(effect, do.Deliver) for effect in effects)
    assert peak < 5_000_000
