"""Two sync engines in one process, over heads in memory: what reconciliation alone costs.

No disk, no verification, no fold, no network: the engine (`Session`) as it is, and a `SyncSource`
that knows the heads of its lanes and only those records in which the two differ. The clock is that
of the machine; where both would wait, it jumps on instead.
"""

import random
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from node.protocol import crypto, record
from node.protocol import effects as do
from node.protocol.effects import Effect
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord, parse_header
from node.protocol.session import Session, Settings
from node.protocol.shapes import CommunityId, RecordId
from node.protocol.social import PostPut

COMMUNITY: Final = CommunityId(crypto.sha256(b"wetalk bench shelf"))
KINDS: Final = (Lane.IDENTITY, Lane.SOCIAL, Lane.MARKET, Lane.ACCOUNT)
TEXT: Final = "어제 만든 빵이 남았어요. Bread left over. 有剩下的面包。" * 6
SEQ: Final = 40
START_MS: Final = 1_735_689_600_000


class Shelf:
    """A `SyncSource` of heads, and of those records that the other side may lack."""

    def __init__(self, heads: dict[bytes, HeadItem]) -> None:
        """`heads`: one of each lane, by lane key; sorted here."""
        self._heads = dict(sorted(heads.items()))
        self._keys = list(self._heads)
        self._held = {bytes(item.id) for item in heads.values()}
        self._records: list[RawRecord] = []
        self._numbers: dict[bytes, list[int]] = {}
        self._generation = 0

    def take(self, raws: Iterable[RawRecord]) -> int:
        """Put records on top of their lanes; how many were new."""
        new = 0
        for raw in raws:
            header, made = parse_header(raw.header), crypto.record_id(COMMUNITY, raw.header)
            if made in self._held:
                continue
            assert header.prev == self._heads[header.lane_key].id, "out of order"
            self._heads[header.lane_key] = HeadItem(header.lane_key, RecordId(made), header.seq)
            self._held.add(made)
            self._numbers.setdefault(header.lane_key, []).append(len(self._records))
            self._records.append(raw)
            new += 1
        self._generation += bool(new)
        return new

    @property
    def community(self) -> CommunityId:
        return COMMUNITY

    def generation(self) -> int:
        return self._generation

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        start = bisect_left(self._keys, low)
        stop = len(self._keys) if high is None else bisect_left(self._keys, high)
        return [self._heads[key] for key in self._keys[start:stop]]

    def holds(self, record: bytes) -> bool:
        return record in self._held

    def locator(self, lane_key: bytes) -> list[bytes]:
        return [bytes(self._heads[lane_key].id)]

    def numbers_beyond(self, lane_key: bytes, known: Sequence[bytes]) -> Sequence[int]:
        del known  # the other side has none of ours
        return self._numbers.get(lane_key, [])

    def number_of(self, record: bytes) -> int | None:
        del record
        return None

    def raw(self, number: int) -> RawRecord | None:
        return self._records[number]

    def raws(self, numbers: Sequence[int]) -> Sequence[RawRecord]:
        return [self._records[number] for number in numbers]

    def bodies_missing(self, limit: int) -> Sequence[bytes]:
        del limit
        return []

    def proofs_generation(self) -> int:
        return 0

    def fork_proofs(self) -> Sequence[ForkProof]:
        return []


def pair(lanes: int, apart: int, seed: str = "shelf") -> tuple[Shelf, Shelf]:
    """Two that share the heads of `lanes` lanes; each has one more record on `apart` others'."""
    chance = random.Random(seed)
    heads: dict[bytes, HeadItem] = {}
    for number in range(lanes):
        key = chance.randbytes(64) + bytes((KINDS[number % len(KINDS)],))
        heads[key] = HeadItem(key, RecordId(chance.randbytes(32)), SEQ)
    sides = Shelf(heads), Shelf(heads)
    social = [item for item in heads.values() if item.lane_key[-1] == Lane.SOCIAL]
    assert len(social) >= 2 * apart, "too few lanes to differ in"
    chosen = chance.sample(social, 2 * apart)
    for side, items in zip(sides, (chosen[:apart], chosen[apart:]), strict=True):
        side.take([_next(item, chance) for item in items])
    return sides


def _next(item: HeadItem, chance: random.Random) -> RawRecord:
    """The record after a head, of the shape of a post; nobody looks at its signature."""
    body = PostPut("ko", None, "우물가", chance.randbytes(16), TEXT)
    key = item.lane_key
    header, data = record.build(
        body, "post.put", key[:32], key[32:64], item.seq + 1, item.id, START_MS
    )
    return RawRecord(header, data, chance.randbytes(64))


class Meeting:
    """Two sessions that talk until both are in sync."""

    def __init__(self, a: Shelf, b: Shelf) -> None:
        self._shelves = (a, b)
        self._heads = [Heads(shelf, told=True) for shelf in self._shelves]
        self._sessions = [
            Session(shelf, heads, Settings(), dialer=number == 0, nonce=bytes([number] * 16))
            for number, (shelf, heads) in enumerate(zip(self._shelves, self._heads, strict=True))
        ]
        self._inboxes: tuple[deque[bytes], ...] = (deque(), deque())
        self._wakes: list[int | None] = [None, None]
        self._skipped_ms = 0
        self.bytes = 0
        self.frames = 0
        self.accepted = [0, 0]

    def now(self) -> int:
        """Milliseconds; grows with real time, and by what was not waited for."""
        return int(time.monotonic() * 1_000) + self._skipped_ms

    def run(self) -> dict[str, float]:
        """Talk; CPU seconds of both sides together, seconds with waiting, bytes, frames.

        Apart from it: the CPU seconds of reading both indexes of heads, once before.
        """
        started = time.process_time()
        for heads in self._heads:
            heads.index(Settings().kinds)
        began, began_ms, worked = time.perf_counter(), self.now(), time.process_time()
        for number, session in enumerate(self._sessions):
            self._do(number, session.start(self.now()))
        while not all(session.in_sync for session in self._sessions):
            if not self._frame():
                self._pass_time()
        return {
            "index_cpu_s": round(worked - started, 3),
            "cpu_s": round(time.process_time() - worked, 3),
            "work_s": round(time.perf_counter() - began, 3),
            "with_waits_s": round((self.now() - began_ms) / 1_000, 3),
            "wire_bytes": self.bytes,
            "frames": self.frames,
        }

    def _frame(self) -> bool:
        """Let one side read a frame. False if none is on its way."""
        for number, inbox in enumerate(self._inboxes):
            if inbox:
                self._do(number, self._sessions[number].receive(inbox.popleft(), self.now()))
                return True
        return False

    def _pass_time(self) -> None:
        due = [(at, n) for n, at in enumerate(self._wakes) if at is not None]
        at, number = min(due)
        self._skipped_ms += max(0, at - self.now())
        self._wakes[number] = None
        self._do(number, self._sessions[number].tick(self.now()))

    def _do(self, number: int, effects: Sequence[Effect]) -> None:
        session, now = self._sessions[number], self.now
        for effect in effects:
            if isinstance(effect, do.Send):
                self.bytes += len(effect.frame)
                self.frames += 1
                self._inboxes[1 - number].append(effect.frame)
            elif isinstance(effect, do.Deliver):
                new = self._shelves[number].take(effect.records)
                self._heads[number].changed(
                    parse_header(raw.header).lane_key for raw in effect.records
                )
                self.accepted[number] += new
                self._do(number, session.delivered(effect.token, new, (), now()))
                self._do(number, session.changed(now()))
            elif isinstance(effect, do.Wake):
                self._wakes[number] = effect.at_ms
            else:
                assert not isinstance(effect, do.Blame | do.Close), effect
