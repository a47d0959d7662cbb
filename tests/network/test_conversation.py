"""The driver of a conversation, alone: a stream and an engine that do as the test says.

Time is virtual: it jumps on when everybody waits.
"""

from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from node.network import sync
from node.network.budget import PeerBudget
from node.network.conduct import Offence
from node.network.frames import FrameFault, framed
from node.network.sync import OFFENCES, Conversation
from node.protocol import effects as do
from node.protocol import limits
from node.protocol.errors import Parting, Reject
from node.protocol.ports import ForkProof
from node.protocol.record import RawRecord
from tests.network.lab import record

PEER = "the neighbour"


class Stream:
    """Gives what the test puts in; keeps what is written, while it is open to writing."""

    def __init__(self) -> None:
        self.put, self._bytes = trio.open_memory_channel[bytes](100)
        self.written: list[bytes] = []
        self.gate = trio.Event()
        self.gate.set()

    async def read(self, _: int) -> bytes:
        try:
            return await self._bytes.receive()
        except trio.EndOfChannel:
            return b""

    async def write(self, data: bytes) -> None:
        await self.gate.wait()
        await trio.lowlevel.checkpoint()
        self.written.append(data)


class Engine:
    """Notes every call with its time in ms; answers what the test has laid out for it."""

    in_sync, left = False, 0
    mistake: Exception | None = None  # raised at the next frame

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, list[list[do.Effect]]] = {}

    def _call(self, name: str, *arguments: Any) -> list[do.Effect]:
        self.calls.append((name, *arguments))
        laid_out = self.answers.get(name)
        return laid_out.pop(0) if laid_out else []

    def start(self, now: int) -> list[do.Effect]:
        return self._call("start", now)

    def receive(self, frame: bytes, now: int) -> list[do.Effect]:
        if self.mistake is not None:
            raise self.mistake
        return self._call("receive", frame, now)

    def changed(self, now: int) -> list[do.Effect]:
        return self._call("changed", now)

    def tick(self, now: int) -> list[do.Effect]:
        return self._call("tick", now)

    def share(self, addresses: Sequence[str], now: int) -> list[do.Effect]:
        return self._call("share", list(addresses), now)

    def delivered(
        self, token: int, accepted: int, faults: Sequence[str], now: int
    ) -> list[do.Effect]:
        return self._call("delivered", token, accepted, list(faults), now)

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]


class Scene:
    """A conversation, and everybody around it."""

    def __init__(self) -> None:
        self.stream, self.engine = Stream(), Engine()
        self.blamed: list[tuple[str, Offence]] = []
        self.taken: list[tuple[list[RawRecord], str, bool]] = []
        self.told: list[tuple[str, Any]] = []
        self.store: Callable[[], Any] = trio.lowlevel.checkpoint
        self.link: Any = SimpleNamespace(peer=PEER, budget=PeerBudget())
        guard = SimpleNamespace(blame=lambda peer, what, _: self.blamed.append((peer, what)))
        around: Any = SimpleNamespace(
            host=SimpleNamespace(guard=guard),
            house=self,
            learn=lambda link, texts: self.told.append(("addresses", (link, texts))),
            told=lambda _: ["/an/address"],
        )
        stream, engine = self.stream, self.engine
        self.talk = Conversation(around, self.link, stream, engine)  # type: ignore[arg-type]

    async def take_synced(
        self, records: list[RawRecord], peer: str, live: bool
    ) -> tuple[int, list[str]]:
        self.taken.append((records, peer, live))
        await self.store()
        return len(records), ["a-fault"]

    def take_proofs(self, proofs: Sequence[ForkProof], peer: str) -> None:
        self.told.append(("proofs", (proofs, peer)))

    def echoed(self, peer: str, heads: Sequence[Any]) -> None:
        self.told.append(("echo", (peer, heads)))

    @asynccontextmanager
    async def running(self, *first: do.Effect) -> Any:
        """Until the end of the block, or of the conversation."""
        self.engine.answers["start"] = [list(first)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.talk.run)
            await trio.testing.wait_all_tasks_blocked()
            yield
            nursery.cancel_scope.cancel()

    async def say(self, frame: bytes, *answers: do.Effect) -> None:
        """A frame of the neighbour, and what the engine answers."""
        self.engine.answers.setdefault("receive", []).append(list(answers))
        await self.stream.put.send(framed(frame))
        await trio.testing.wait_all_tasks_blocked()

    async def do(self, *effects: do.Effect) -> None:
        """Let the engine want something."""
        self.engine.answers.setdefault("changed", []).append(list(effects))
        self.talk.changed()
        await trio.testing.wait_all_tasks_blocked()


@pytest.mark.trio
async def test_frames_are_written_in_order_each_with_its_length(
    autojump_clock: MockClock,
) -> None:
    scene = Scene()
    async with scene.running(do.Send(b"one"), do.Send(b"two")):
        await scene.say(b"hello", do.Send(b"three"))
        await scene.do(do.Send(b"four"), do.Send(b"five"))
    frames = (b"one", b"two", b"three", b"four", b"five")
    assert scene.stream.written == [framed(frame) for frame in frames]
    assert scene.engine.named("receive") == [(b"hello", 0)]


@pytest.mark.trio
async def test_the_last_words_are_written_before_the_end(autojump_clock: MockClock) -> None:
    scene = Scene()
    scene.stream.gate = trio.Event()
    ended = False

    async def run() -> None:
        nonlocal ended
        await scene.talk.run()
        ended = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        await scene.do(do.Send(b"last"), do.Send(b"bye"), do.Close("done"))
        assert (ended, scene.talk.parting) == (False, "done")
        await scene.do(do.Send(b"never"))  # nobody asks an engine that has closed
        scene.stream.gate.set()
    assert ended
    assert scene.stream.written == [framed(b"last"), framed(b"bye")]
    assert scene.engine.named("changed") == [(0,)]


@pytest.mark.trio
async def test_the_end_of_the_stream_ends_the_conversation(autojump_clock: MockClock) -> None:
    scene = Scene()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scene.talk.run)
        await scene.say(b"x")
        await scene.stream.put.aclose()
    assert trio.current_time() < limits.ADDRESSES_SHARE_S


@pytest.mark.trio
async def test_the_engine_is_woken_when_it_asked_for_and_once(autojump_clock: MockClock) -> None:
    scene = Scene()
    async with scene.running(do.Wake(5_000)):
        await scene.do(do.Wake(2_000))
        await trio.sleep(1.9)
        assert scene.engine.named("tick") == []
        await trio.sleep(8)
        assert scene.engine.named("tick") == [(2_000,)]
        scene.engine.answers["tick"] = [[do.Wake(12_500), do.Send(b"tock")]]
        await scene.do(do.Wake(11_000))
        await trio.sleep(5)
    assert scene.engine.named("tick") == [(2_000,), (11_000,), (12_500,)]
    assert scene.stream.written == [framed(b"tock")]


@pytest.mark.trio
async def test_records_are_stored_beside_the_talk_and_answered_for(
    autojump_clock: MockClock,
) -> None:
    scene, stored = Scene(), trio.Event()
    scene.store = stored.wait
    raws = [record(n) for n in range(3)]
    async with scene.running():
        await scene.say(b"some", do.Deliver(7, raws), do.Send(b"meanwhile"))
        await scene.say(b"more", do.InSync(1), do.Deliver(8, raws[:1]))
        assert scene.engine.named("delivered") == []
        assert scene.stream.written == [framed(b"meanwhile")]
        stored.set()
        await trio.testing.wait_all_tasks_blocked()
    assert sorted(scene.taken, key=lambda one: one[2]) == [
        (raws, PEER, False),
        (raws[:1], PEER, True),
    ]
    assert sorted(scene.engine.named("delivered")) == [
        (7, 3, ["a-fault"], 0),
        (8, 1, ["a-fault"], 0),
    ]
    assert scene.talk.counts.records_in == 4


@pytest.mark.trio
async def test_who_sends_more_records_than_the_budget_waits(autojump_clock: MockClock) -> None:
    scene = Scene()
    budget = scene.link.budget.records.bucket
    many = [record(0)] * int(budget.burst + 2 * budget.rate)
    async with scene.running():
        await scene.say(b"many", do.Deliver(1, many))
        assert scene.taken == []
        await trio.sleep(1.9)
        assert scene.taken == []
        await trio.sleep(0.2)
        assert len(scene.taken) == 1


@pytest.mark.trio
async def test_frames_beyond_the_budget_are_read_later_and_a_flood_is_an_offence(
    autojump_clock: MockClock,
) -> None:
    scene = Scene()
    budget = scene.link.budget.frames
    budget.pay(budget.bucket.burst + 3 * budget.bucket.rate - 1, 0)
    async with scene.running():
        await scene.say(b"late")
        assert scene.engine.named("receive") == []
        await trio.sleep(3.1)
        assert scene.engine.named("receive") == [(b"late", 3_000)]
    budget.pay(budget.bucket.burst * 9, trio.current_time())
    budget.in_debt_since = trio.current_time() - budget.patience_s
    with pytest.raises(BaseExceptionGroup) as raised:
        async with scene.running():
            await scene.say(b"flood")
    assert [fault.offence for fault in faults_in(raised.value)] == [Offence.FLOOD]


def faults_in(error: BaseException) -> list[FrameFault]:
    if isinstance(error, BaseExceptionGroup):
        return [fault for inner in error.exceptions for fault in faults_in(inner)]
    return [error] if isinstance(error, FrameFault) else []


def test_the_offence_is_found_however_deep_it_was_raised() -> None:
    fault = FrameFault(Offence.GARBAGE, "x")
    deep = BaseExceptionGroup("", [ValueError(), BaseExceptionGroup("", [KeyError(), fault])])
    assert sync._first_fault(deep) is fault
    assert sync._first_fault(fault) is fault
    assert sync._first_fault(BaseExceptionGroup("", [ValueError()])) is None


@pytest.mark.trio
async def test_only_what_an_engine_says_of_its_neighbour_is_blamed(
    autojump_clock: MockClock,
) -> None:
    scene = Scene()
    async with scene.running():
        for code in (*Parting, *Reject):
            await scene.do(do.Blame(str(code)))
    expected = [OFFENCES.get(code, Offence.PROTOCOL) for code in Parting]
    assert scene.blamed == [(PEER, offence) for offence in expected]
    assert OFFENCES[Parting.FRAME] == OFFENCES[Parting.FRAME_SIZE] == Offence.GARBAGE
    assert OFFENCES[Parting.STALLED] == OFFENCES[Parting.NO_HELLO] == Offence.SLOW
    assert (OFFENCES[Parting.SILENT], OFFENCES[Parting.FLOOD]) == (Offence.SILENT, Offence.FLOOD)
    apart = (Parting.OTHER_COMMUNITY, Parting.OTHER_RULES, Parting.OTHER_PROTOCOL)
    assert {OFFENCES[code] for code in apart} == {Offence.COMMUNITY}


@pytest.mark.trio
async def test_who_takes_nothing_is_cut_off_before_much_waits(autojump_clock: MockClock) -> None:
    scene = Scene()
    scene.stream.gate = trio.Event()
    frame = bytes(limits.FRAME_SIZE_MAX_BYTES)
    fitting = limits.SYNC_QUEUE_MAX_BYTES // len(frame) + 1
    async with scene.running():
        await scene.do(*[do.Send(frame)] * fitting)
        assert scene.blamed == []
        await scene.do(do.Send(b"one too many"))
        assert scene.blamed == [(PEER, Offence.SLOW)]
        scene.stream.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        await scene.do(do.Send(b"room again"))
    assert scene.stream.written == [framed(frame)] * fitting + [framed(b"room again")]
    assert len(scene.blamed) == 1


@pytest.mark.trio
async def test_what_the_engine_learns_goes_to_whom_it_concerns(autojump_clock: MockClock) -> None:
    scene = Scene()
    proofs = [ForkProof(b"a", b"b", b"c", b"d")]
    async with scene.running():
        await scene.do(do.Proofs(proofs), do.Addresses(("/x",)), do.Echo([]))
    assert scene.told == [
        ("proofs", (proofs, PEER)),
        ("addresses", (scene.link, ["/x"])),
        ("echo", (PEER, [])),
    ]


@pytest.mark.trio
async def test_addresses_that_work_are_told_now_and_then(autojump_clock: MockClock) -> None:
    scene = Scene()
    scene.engine.answers["share"] = [[do.Send(b"addresses")]]
    async with scene.running():
        await trio.sleep(2.5 * limits.ADDRESSES_SHARE_S)
    times = [n * limits.ADDRESSES_SHARE_S * 1_000 for n in (1, 2)]
    assert scene.engine.named("share") == [(["/an/address"], at) for at in times]
    assert scene.stream.written == [framed(b"addresses")]


@pytest.mark.trio
async def test_how_things_stand_is_what_the_engine_says_now(autojump_clock: MockClock) -> None:
    scene = Scene()
    scene.talk.changed()  # before it runs: nothing to look at
    assert scene.engine.calls == []
    async with scene.running():
        scene.engine.in_sync, scene.engine.left = True, 12
        counts = scene.talk.look()
        assert (counts.in_sync, counts.left, counts.was_in_sync) == (True, 12, False)
        await scene.do(do.InSync(3))
        assert scene.talk.look().was_in_sync
