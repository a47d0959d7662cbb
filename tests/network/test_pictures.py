"""Files of pictures between hosts: honest neighbours, hostile ones, slow ones, old ones."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from libp2p.abc import INetStream

from node.network import pictures as module
from node.network.conduct import Offence
from node.network.frames import framed
from node.network.guard import ORDINARY
from node.network.host import Host
from node.network.pictures import PROTOCOL, Found, PictureExchange, Word
from node.protocol import limits
from node.protocol.crypto import sha256
from tests.network.lab import LOOPBACK, Attacker, bounded, until

pytestmark = pytest.mark.trio
FILE = os.urandom(20_000)
KEY = sha256(FILE)
LARGEST = bytes(limits.PICTURE_FILE_MAX_BYTES)


class Shelf:
    """Some files."""

    def __init__(self, *files: bytes) -> None:
        self.files = {sha256(data): data for data in files}
        self.later = False
        self.given = 0
        self.met_count = 0

    async def give(self, key: bytes) -> tuple[Word, bytes]:
        await trio.lowlevel.checkpoint()
        self.given += 1
        data = self.files.get(key)
        if data is None:
            return (Word.LATER if self.later else Word.NOT_HERE), b""
        return Word.HERE, data

    def met(self) -> None:
        self.met_count += 1


class House:
    """A host that exchanges pictures."""

    def __init__(self, *files: bytes) -> None:
        self.host = Host(os.urandom(32), connections_max=16)
        self.shelf = Shelf(*files)
        self.exchange = PictureExchange(self.host, self.shelf)

    def streams(self) -> int:
        return sum(len(link.muxed.streams) for link in self.host.links())


@asynccontextmanager
async def houses(*found: House) -> AsyncIterator[None]:
    """Running, each connected with the first."""
    async with trio.open_nursery() as nursery:
        ready = [trio.Event() for _ in found]
        stop = trio.Event()

        async def run(house: House, started: trio.Event) -> None:
            async with house.host.running(LOOPBACK):
                started.set()
                await stop.wait()

        for house, started in zip(found, ready, strict=True):
            nursery.start_soon(run, house, started)
            await started.wait()
        for house in found[1:]:
            await house.host.dial(found[0].host.listening()[0])
        await until(lambda: len(found[0].host.links()) == len(found) - 1)
        yield
        stop.set()


@bounded(20)
async def test_files_come_by_their_hash_over_one_stream_that_stays() -> None:
    giver, asker = House(FILE, LARGEST, b"x"), House()
    async with houses(giver, asker):
        assert (giver.shelf.met_count, asker.shelf.met_count) == (1, 1)
        before = asker.streams()
        for data in (FILE, LARGEST, b"x", FILE):
            assert await asker.exchange.ask(sha256(data)) == Found(data, 1)
        assert await asker.exchange.ask(bytes(32)) == Found(None, 1)
        giver.shelf.later = True
        assert await asker.exchange.ask(bytes(32)) == Found(None, 1, True)
        assert asker.streams() == before + 1
        assert giver.shelf.given == 6


@bounded(20)
async def test_neighbours_are_asked_in_turn_and_who_gave_comes_first() -> None:
    asker, empty, giver = House(), House(), House(FILE)
    async with houses(asker, empty, giver):
        for _ in range(4):
            found = await asker.exchange.ask(KEY)
            assert found.data == FILE
        assert empty.shelf.given <= 1  # at most before it was known who gives
        assert giver.shelf.given == 4
        assert await asker.exchange.ask(bytes(32)) == Found(None, 2)


@bounded(20)
async def test_nobody_at_hand_is_an_answer_too() -> None:
    lonely = House()
    async with lonely.host.running(LOOPBACK):
        assert await lonely.exchange.ask(KEY) == Found(None, 0)


Answer = Callable[[INetStream], Awaitable[None]]


@asynccontextmanager
async def asked(victim: House, answer: Answer) -> AsyncIterator[Attacker]:
    """A neighbour that answers questions in its own way."""
    attacker = Attacker()

    async def serve(stream: INetStream) -> None:
        await stream.read(100)
        await answer(stream)

    attacker.host.serve(PROTOCOL, serve)
    async with victim.host.running(LOOPBACK), attacker.attacking(victim.host):
        yield attacker


def sends(data: bytes) -> Answer:
    async def answer(stream: INetStream) -> None:
        await stream.write(data)
        await trio.sleep_forever()

    return answer


@pytest.mark.parametrize(
    "data",
    [
        framed(b"\x01" + FILE[:-1] + b"!"),  # other bytes of the right length
        framed(b"\x01" + FILE[:-1]),  # another length
        framed(b"\x01"),
        framed(b"\x00" + FILE),
        framed(b"\x02!"),
        framed(b"\x07"),
        bytes(4),  # an empty frame
        (limits.PICTURE_FILE_MAX_BYTES + 2).to_bytes(4, "big") + bytes(9),  # too long
        b"\xff\xff\xff\xff" + bytes(60_000),  # endless
    ],
    ids=["bytes", "short", "nothing", "beside", "behind", "word", "empty", "long", "endless"],
)
@bounded(20)
async def test_who_gives_what_was_not_asked_for_is_banned(data: bytes) -> None:
    victim = House()
    async with asked(victim, sends(data)) as attacker:
        assert await victim.exchange.ask(KEY) == Found(None, 0)
        await attacker.is_thrown_out()


@pytest.mark.parametrize("data", [b"", (20_001).to_bytes(4, "big") + FILE[:9_000]])
@bounded(20)
async def test_who_is_slow_has_a_rest_and_keeps_its_connection(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.limits, "PICTURE_ANSWER_MAX_S", 0.3)
    victim = House()
    async with asked(victim, sends(data) if data else _silent) as attacker:
        assert await victim.exchange.ask(KEY) == Found(None, 0)
        assert attacker.connected()
        assert await victim.host.ping(victim.host.links()[0]) < 5
        with trio.fail_after(0.2):  # not asked again for a while
            assert await victim.exchange.ask(KEY) == Found(None, 0)


async def _silent(stream: INetStream) -> None:
    await trio.sleep_forever()


@bounded(20)
async def test_a_program_that_knows_no_pictures_is_left_alone_for_long() -> None:
    victim, attacker = House(), Attacker()
    async with victim.host.running(LOOPBACK), attacker.attacking(victim.host):
        assert await victim.exchange.ask(KEY) == Found(None, 0)
        rest = victim.exchange._lines[attacker.host.id].rests_until - trio.current_time()
        assert rest > limits.PICTURE_REST_S
        assert attacker.connected()
        assert victim.host.guard.conduct.counts(attacker.host.id) == {}


@bounded(30)
async def test_who_asks_without_end_is_slowed_down_and_then_banned() -> None:
    victim, attacker = House(FILE), Attacker()
    async with victim.host.running(LOOPBACK), attacker.attacking(victim.host):
        stream = await attacker.open(PROTOCOL)

        async def drain() -> None:
            try:
                while True:
                    await stream.read(65_536)
            except ORDINARY:
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain)
            try:
                for number in range(1_000):
                    await stream.write(framed(number.to_bytes(32, "big")))
                await until(lambda: not attacker.connected(), 20)
            except ORDINARY:
                pass
            await attacker.is_thrown_out(20)
            nursery.cancel_scope.cancel()
        # No more than was at hand at once, and what came in while patience lasted.
        most = limits.PICTURE_ASKS_BURST_COUNT + 20 * limits.PICTURE_ASKS_PER_S
        assert victim.shelf.given <= most
        assert victim.host.guard.conduct.counts(attacker.host.id)[Offence.FLOOD] >= 1


@bounded(30)
async def test_a_neighbour_is_given_no_more_than_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PICTURE_GIVEN_BURST_BYTES", 3 * len(FILE))
    monkeypatch.setattr(limits, "PICTURE_GIVEN_PER_S", 1)
    giver, asker = House(FILE), House()
    async with houses(giver, asker):
        for _ in range(3):
            assert (await asker.exchange.ask(KEY)).data == FILE
        assert await asker.exchange.ask(KEY) == Found(None, 1, True)


@pytest.mark.parametrize("question", [b"short", bytes(33), bytes(31)])
@bounded(20)
async def test_a_question_that_is_none_is_an_offence(question: bytes) -> None:
    victim, attacker = House(FILE), Attacker()
    async with victim.host.running(LOOPBACK), attacker.attacking(victim.host):
        stream = await attacker.open(PROTOCOL)
        await stream.write(framed(question))
        await attacker.is_thrown_out()
        assert victim.shelf.given == 0


async def ended(attacker: Attacker) -> bool:
    """True when a stream that is opened now is closed by the other side."""
    try:
        stream = await attacker.open(PROTOCOL)
        await stream.write(framed(KEY))
        return await stream.read(10) == b""
    except ORDINARY:
        return True


@bounded(20)
async def test_a_third_stream_is_closed_and_a_mistake_of_ours_kills_nothing() -> None:
    victim, attacker = House(FILE), Attacker()
    async with victim.host.running(LOOPBACK), attacker.attacking(victim.host):
        streams = [await attacker.open(PROTOCOL) for _ in range(2)]
        await until(lambda: victim.exchange._asking[attacker.host.id] == 2)
        assert await ended(attacker)
        await streams[0].write(framed(KEY))
        assert (await streams[0].read(5))[4] == Word.HERE

        async def broken(key: bytes) -> tuple[Word, bytes]:
            raise RuntimeError("a mistake of ours")

        victim.shelf.give = broken  # type: ignore[method-assign]
        await streams[1].write(framed(KEY))
        await until(lambda: victim.host.guard.conduct.counts(attacker.host.id))
        assert attacker.connected()
        await until(lambda: victim.exchange._asking[attacker.host.id] <= 1)
