"""Who opens a conversation, with what, how often, and what its end is worth: hosts and engines are
stand-ins, time is virtual.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from libp2p.network.stream.exceptions import StreamError
from trio.testing import MockClock

from node.network import sync
from node.network.budget import PeerBudget
from node.network.conduct import Offence
from node.network.frames import framed
from node.network.peers import Origin
from node.network.sync import PROTOCOL, Sync
from node.protocol import effects as do
from node.protocol import limits
from node.protocol.errors import Parting
from tests.network.test_conversation import Engine, Stream

pytestmark = pytest.mark.trio

LOW, OWN, HIGH = "peer 1", "peer 5", "peer 9"
ADDRESS = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"


class Line(Stream):
    """A stream of the host: open until it is reset."""

    def __init__(self, muxed: Any = None) -> None:
        super().__init__()
        self.muxed_conn = muxed
        self.is_closed = False
        self.resets = 0

    async def reset(self) -> None:
        self.resets += 1
        self.is_closed = True


class Scene:
    """`Sync` with everybody around it; `plans`: how each stream that is opened behaves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.id = OWN
        self.heads, self.agent, self.source = object(), "an agent", object()
        self.opened: list[tuple[float, Any, str]] = []
        self.lines: list[Line | Exception] = []
        self.engines: list[Engine] = []
        self.built: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.first: list[list[do.Effect]] = []  # what each new engine wants at once
        self.blamed: list[tuple[str, Offence, str]] = []
        self.faults: list[tuple[str, BaseException]] = []
        self.learned: list[tuple[str, Origin]] = []
        self.links: dict[str, Any] = {}
        self.guard = SimpleNamespace(
            blame=lambda peer, what, detail: self.blamed.append((peer, what, detail)),
            fault=lambda peer, error: self.faults.append((peer, error)),
        )
        self.served: dict[str, Any] = {}
        monkeypatch.setattr(sync, "Session", self._engine)
        neighbours = SimpleNamespace(
            add=lambda one, origin: self.learned.append((one.text, origin))
        )
        book = SimpleNamespace(proven=list)
        self.sync = Sync(self, self.source, self, neighbours, book)  # type: ignore[arg-type]

    def own_lanes(self) -> Sequence[bytes]:
        return [b"lane"]

    def _engine(self, *arguments: Any, **named: Any) -> Engine:
        engine = Engine()
        engine.answers["start"] = [self.first.pop(0) if self.first else []]
        self.engines.append(engine)
        self.built.append((arguments, named))
        return engine

    # --- what a host does ---
    def serve(self, protocol: str, handler: Any) -> None:
        self.served[protocol] = handler

    def listening(self) -> list[Any]:
        return []

    def link(self, peer: str) -> Any:
        return self.links.get(peer)

    async def open_stream(self, link: Any, protocol: str) -> Line:
        self.opened.append((trio.current_time(), link, protocol))
        await trio.lowlevel.checkpoint()
        line = self.lines.pop(0) if self.lines else StreamError("refused")
        if isinstance(line, Exception):
            raise line
        return line

    def neighbour(self, peer: str) -> Any:
        link = SimpleNamespace(
            peer=peer,
            host="198.51.100.1",
            muxed=SimpleNamespace(peer_id=peer),
            budget=PeerBudget(),
            ended=trio.Event(),
        )
        self.links[peer] = link
        return link

    async def arrives(self, link: Any) -> Line:
        """The neighbour opens a stream, which is served in the background."""
        return await self.arrives_on(link.muxed)

    async def arrives_on(self, muxed: Any) -> Line:
        line = Line(muxed)
        self.nursery.start_soon(self.served[PROTOCOL], line)
        await trio.testing.wait_all_tasks_blocked()
        return line

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as self.nursery:
            yield
            self.nursery.cancel_scope.cancel()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


async def test_the_smaller_id_opens_the_stream(autojump_clock: MockClock, scene: Scene) -> None:
    await scene.sync.tend(scene.neighbour(LOW))  # it is their part: nothing to do
    assert scene.opened == []
    link, line = scene.neighbour(HIGH), Line()
    scene.lines, scene.first = [line], [[do.Send(b"hello")]]
    async with scene.alive():
        scene.nursery.start_soon(scene.sync.tend, link)
        await trio.testing.wait_all_tasks_blocked()
        assert scene.opened == [(0, link, PROTOCOL)]
        assert line.written == [framed(b"hello")]
        ((arguments, named),) = scene.built
        source, heads, settings = arguments
        assert (source, heads) == (scene.source, scene.heads)
        assert (settings.agent, settings.addresses) == (scene.agent, ())
        assert settings.own_lanes() == [b"lane"]
        assert named["dialer"] is True
        assert len(named["nonce"]) == limits.NONCE_SIZE_BYTES
        scene.engines[0].in_sync = True
        assert scene.sync.counts(HIGH).in_sync
        scene.sync.changed()
        assert scene.engines[0].named("changed") == [(0,)]
    assert line.resets == 1
    assert not scene.sync.counts(HIGH).in_sync  # nothing is known of who is not talked with


async def test_who_cannot_be_reached_is_tried_again_ever_more_seldom(
    autojump_clock: MockClock, scene: Scene
) -> None:
    async with scene.alive():
        scene.nursery.start_soon(scene.sync.tend, scene.neighbour(HIGH))
        await trio.sleep(100)
    pauses, at = [0.0], limits.REDIAL_FIRST_S
    while pauses[-1] + at < 100:
        pauses.append(pauses[-1] + at)
        at = min(2 * at, limits.REDIAL_GIVEN_MAX_S)
    assert [began for began, _, _ in scene.opened] == pauses


async def test_after_a_long_talk_the_next_is_soon(autojump_clock: MockClock, scene: Scene) -> None:
    long, short = Line(), Line()
    scene.lines = [StreamError(""), StreamError(""), StreamError(""), long, short]
    async with scene.alive():
        scene.nursery.start_soon(scene.sync.tend, scene.neighbour(HIGH))
        await trio.sleep(8)  # refused at 0, 1 and 3, open since 7
        await trio.sleep(limits.REDIAL_GIVEN_MAX_S)
        await long.put.aclose()  # at 38
        await trio.sleep(2)
        await short.put.aclose()  # at 40
        await trio.sleep(2.5)
    assert [began for began, _, _ in scene.opened] == [0, 1, 3, 7, 39, 42]
    assert long.resets == short.resets == 1


async def test_a_stream_is_taken_from_the_smaller_id_and_only_one(
    autojump_clock: MockClock, scene: Scene
) -> None:
    low, high = scene.neighbour(LOW), scene.neighbour(HIGH)
    async with scene.alive():
        await scene.arrives(high)  # it is our part
        await scene.arrives_on(SimpleNamespace(peer_id="nobody"))
        await scene.arrives_on(SimpleNamespace(peer_id=LOW))  # of a connection that is over
        assert scene.engines == []
        first = await scene.arrives(low)
        assert [named["dialer"] for _, named in scene.built] == [False]
        await scene.arrives(low)
        assert len(scene.engines) == 1
        low.ended.set()
        again = scene.neighbour(LOW)
        second = await scene.arrives(again)
        assert len(scene.engines) == 2
        await first.put.aclose()
        await trio.testing.wait_all_tasks_blocked()
        scene.engines[1].in_sync = True
        assert scene.sync.counts(LOW).in_sync  # the old one's end is not the new one's
        await second.put.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert not scene.sync.counts(LOW).in_sync
    assert (first.resets, second.resets) == (1, 1)


@pytest.mark.parametrize("code", [Parting.OTHER_COMMUNITY, Parting.DONE, Parting.STALLED])
async def test_who_belongs_elsewhere_reads_our_good_bye_and_is_left(
    autojump_clock: MockClock, scene: Scene, code: Parting
) -> None:
    apart = code == Parting.OTHER_COMMUNITY
    scene.first = [[do.Send(b"bye"), do.Close(str(code))]]
    async with scene.alive():
        line = await scene.arrives(scene.neighbour(LOW))
        assert (line.written, scene.blamed) == ([framed(b"bye")], [])
        await trio.sleep(limits.FAREWELL_S - 0.1)
        assert scene.blamed == []
        await trio.sleep(0.2)
        expected = [(LOW, Offence.COMMUNITY, f"sync: {code}")] if apart else []
        assert scene.blamed == expected
    assert line.resets == 1


async def test_whoever_goes_by_itself_is_not_waited_for(
    autojump_clock: MockClock, scene: Scene
) -> None:
    scene.first = [[do.Close(str(Parting.OTHER_RULES))]]
    link = scene.neighbour(LOW)
    link.ended.set()
    async with scene.alive():
        await scene.arrives(link)
        assert [offence for _, offence, _ in scene.blamed] == [Offence.COMMUNITY]
        assert trio.current_time() == 0


async def test_an_offence_is_blamed_and_another_fault_is_noted(
    autojump_clock: MockClock, scene: Scene
) -> None:
    link = scene.neighbour(LOW)
    async with scene.alive():
        line = await scene.arrives(link)
        await line.put.send(bytes(4))  # an empty frame
        await trio.testing.wait_all_tasks_blocked()
        assert scene.blamed == [(LOW, Offence.GARBAGE, "sync: an empty frame")]
        assert scene.faults == []
        mistake = KeyError("ours")
        line = await scene.arrives(link)
        scene.engines[-1].mistake = mistake
        await line.put.send(framed(b"x"))
        await trio.testing.wait_all_tasks_blocked()
    assert [peer for peer, _ in scene.faults] == [LOW]
    assert mistake in getattr(scene.faults[0][1], "exceptions", [mistake])
    assert len(scene.blamed) == 1
    assert line.resets == 1


async def test_addresses_are_noted_as_learned_if_they_may_be_believed(scene: Scene) -> None:
    scene.sync.learn(
        scene.neighbour(LOW), [ADDRESS, "nonsense", ADDRESS.replace("203.0.113.7", "127.0.0.1")]
    )
    assert scene.learned == [(ADDRESS, Origin.LEARNED)]
