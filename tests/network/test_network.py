"""Whole nodes: real homes, real storage and intake, gossip and sync over loopback."""

import os
import resource
import struct
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from libp2p.abc import INetStream

from node.ledger.root import state_root
from node.network.conduct import Offence
from node.network.frames import framed
from node.network.guard import ORDINARY
from node.network.host import Host
from node.network.network import Network, Ports, Settings
from node.network.sync import PROTOCOL
from node.protocol import hints, limits, record
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.record import RawRecord
from node.protocol.social import PostPut
from node.services.core import Committed
from node.services.incoming.intake import Outcome
from node.services.publish import Draft
from node.storage.source import SqliteSyncSource
from tests.network.lab import LOOPBACK, MESHSUB, Attacker, bounded, enveloped, prefixed, until
from tests.network.lab import record as shapeless
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio


class House:
    """A member's whole node, as the program wires it."""

    def __init__(self, person: Person, *peers: str, seed: bytes | None = None) -> None:
        self.person = person
        self.taken: list[tuple[int, str]] = []
        self.told_proofs: list[Any] = []
        self.echoes: list[str] = []
        core = person.core
        settings = Settings(listen=LOOPBACK, peers=peers, discover=False, agent="test")
        ports = Ports(
            source=SqliteSyncSource(core.database, core.community),
            intake=self._intake,
            proofs=lambda proofs, peer: self.told_proofs.extend(proofs),
            echoed=lambda peer, heads: self.echoes.append(peer),
            own_lanes=lambda: (),
        )
        self.network = Network(seed or os.urandom(32), settings, ports)
        core.listeners.append(self._committed)

    async def _intake(self, records: list[RawRecord], source: str) -> Outcome:
        self.taken.append((len(records), source))
        return await self.person.intake.take(records, source)

    def _committed(self, committed: Committed) -> None:
        raws = [self.person.core.reader.raw(number) for _, number in committed.records]
        found = [raw for raw in raws if raw is not None]
        if committed.source == "own":
            self.network.announce(found)
        self.network.changed({record.parse_header(raw.header).lane_key for raw in found})

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.network.run)
            yield self
            nursery.cancel_scope.cancel()

    @property
    def address(self) -> str:
        return self.network.addresses()[0]

    @property
    def host(self) -> Any:
        assert self.network._parts is not None
        return self.network._parts.host

    def root(self) -> bytes:
        return state_root(self.person.core.reader, self.person.core.rules)

    async def say(self, text: str) -> None:
        body = PostPut(language="ko", reply_to=None, room="광장", salt=bytes(16), text=text)
        await self.person.publisher.publish(Draft("post.put", body))

    def count(self) -> int:
        return self.person.core.reader.next_number()

    def in_sync(self) -> bool:
        neighbours = self.network.neighbours()
        return bool(neighbours) and all(one.in_sync for one in neighbours)


def memory_bytes() -> int:
    """What this process holds in memory."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def neighbours(house: House) -> Sequence[str]:
    return [one.peer for one in house.network.neighbours()]


@bounded(20)
async def test_a_newcomer_gets_everything_and_then_every_word_at_once(
    people: list[Person], tmp_path: Path
) -> None:
    first = House(people[0])
    for number in range(30):
        await first.say(f"{number}")
    newcomer = House(move_in(tmp_path, "newcomer", genesis_for("officer"), Clock()))
    async with first.running(), newcomer.running():
        newcomer.network.add_peer(first.address)
        await until(lambda: newcomer.root() == first.root(), 10)
        await until(lambda: first.in_sync() and newcomer.in_sync())
        count = newcomer.count()
        began = trio.current_time()
        await first.say("새 글")
        await until(lambda: newcomer.count() == count + 1)
        assert trio.current_time() - began < 2
        (seen,) = newcomer.network.neighbours()
        assert seen.dialled
        assert seen.host == "127.0.0.1"
        assert seen.rtt_s is not None
        assert seen.records_in >= count
        assert seen.bytes_in > 1_000
    newcomer.person.close()


@bounded(20)
async def test_news_travels_by_sync_alone_over_a_chain_of_neighbours(people: list[Person]) -> None:
    """Gossip is only a hint: without it everything still arrives."""
    houses = [House(person) for person in people]
    first, middle, last = houses
    first.network.announce = lambda records: None  # type: ignore[method-assign]
    middle.network.announce = lambda records: None  # type: ignore[method-assign]
    async with first.running(), middle.running(), last.running():
        first.network.add_peer(middle.address)
        last.network.add_peer(middle.address)
        await until(lambda: all(house.in_sync() for house in houses), 10)
        await first.say("한마디")
        await until(lambda: last.root() == first.root() and last.count() == first.count(), 10)
        assert {source for _, source in last.taken} == {middle.network.id}


@bounded(20)
async def test_neighbours_tell_each_other_of_neighbours(people: list[Person]) -> None:
    first, middle, last = (House(person) for person in people)
    async with first.running(), middle.running(), last.running():
        middle.network.add_peer(first.address)
        await until(lambda: neighbours(first))
        last.network.add_peer(middle.address)
        await until(lambda: first.network.id in neighbours(last), 10)


@bounded(20)
async def test_only_one_conversation_runs_however_they_meet(people: list[Person]) -> None:
    one, two = House(people[0]), House(people[1])
    async with one.running(), two.running():
        one.network.add_peer(two.address)
        two.network.add_peer(one.address)
        await until(lambda: one.in_sync() and two.in_sync(), 10)
        for house in (one, two):
            assert len(house.network._parts.sync._talks) == 1
            assert house.host.guard.conduct.bans(0) == []
        smaller, other = sorted((one, two), key=lambda house: house.network.id or "")
        assert await _refused(other.host, smaller.host)
        assert one.in_sync()


async def _refused(caller: Host, called: Host) -> bool:
    """A stream for sync is opened, and closed by the other side."""
    link = caller.link(called.id)
    assert link is not None
    try:
        stream = await caller.open_stream(link, PROTOCOL)
        return await stream.read(1) == b""
    except ORDINARY:
        return True


HOSTILE = {
    "garbage": lambda: os.urandom(3_000),
    "a length beyond the limit": lambda: b"\xff\xff\xff\xff",
    "an empty frame": lambda: bytes(4),
    "a frame that is no message": lambda: framed(b"\0" + os.urandom(300)),
    "a bomb": lambda: framed(b"\1" + __import__("zlib").compress(bytes(50_000_000))),
}


@asynccontextmanager
async def under_attack(people: list[Person]) -> AsyncIterator[tuple[House, House, Attacker]]:
    """A victim in sync with an honest neighbour, and an attacker whose part is to open streams."""
    victim, honest = House(people[0]), House(people[1])
    async with victim.running(), honest.running():
        honest.network.add_peer(victim.address)
        await until(lambda: victim.in_sync() and honest.in_sync(), 10)
        attacker = Attacker()
        while attacker.host.id > victim.host.id:
            attacker = Attacker()
        async with attacker.attacking(victim.host):
            yield victim, honest, attacker
            await honest.say("아직 있어요")
            await until(lambda: victim.root() == honest.root())
            assert victim.network.restarts == honest.network.restarts == 0


@pytest.mark.parametrize("case", HOSTILE)
@bounded(20)
async def test_garbage_on_the_sync_stream_is_answered_with_a_ban(
    people: list[Person], case: str
) -> None:
    async with under_attack(people) as (_, _, attacker):
        stream = await attacker.open(PROTOCOL)
        await stream.write(HOSTILE[case]())
        await stream.close()
        await attacker.is_thrown_out()


@bounded(20)
async def test_a_frame_that_breaks_off_costs_the_connection_and_a_habit_of_it_a_ban(
    people: list[Person],
) -> None:
    """An honest neighbour whose line was full for seconds breaks off, too: it may come again."""
    async with under_attack(people) as (victim, _, attacker):
        stream = await attacker.open(PROTOCOL)
        await stream.write(framed(bytes(5_000))[:100])
        await stream.close()
        await until(lambda: not attacker.connected(), 3)
        assert not attacker.banned()
        conduct = victim.host.guard.conduct
        assert conduct.counts(attacker.host.id) == {Offence.SLOW: 1}
        for _ in range(5):
            victim.host.guard.blame(attacker.host.id, Offence.SLOW, "a frame broke off")
        assert attacker.banned()


@bounded(20)
async def test_a_slow_trickle_of_a_frame_is_cut_off(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FRAME_READ_MAX_S", 0.5)
    async with under_attack(people) as (victim, _, attacker):
        stream = await attacker.open(PROTOCOL)
        with trio.move_on_after(5):
            try:
                for byte in framed(bytes(1_000)):
                    await stream.write(bytes((byte,)))
                    await trio.sleep(0.1)
            except ORDINARY:
                pass
        await until(lambda: not attacker.connected())
        assert Offence.SLOW in victim.host.guard.conduct.counts(attacker.host.id)


@bounded(20)
async def test_one_who_opens_streams_and_says_nothing_is_left_waiting(people: list[Person]) -> None:
    async with under_attack(people) as (victim, _, attacker):
        await attacker.open(PROTOCOL)
        await until(lambda: attacker.host.id in victim.network._parts.sync._talks)
        assert await _refused(attacker.host, victim.host)


@bounded(20)
async def test_a_flood_of_frames_is_cut_off_within_two_seconds(people: list[Person]) -> None:
    async with under_attack(people) as (_, _, attacker):
        stream = await attacker.open(PROTOCOL)
        began = trio.current_time()
        await _pour(stream, attacker, framed(b"\0\x91\x08") * 2_000)
        await attacker.is_thrown_out()
        assert trio.current_time() - began < 2


async def _pour(stream: INetStream, attacker: Attacker, data: bytes) -> None:
    try:
        while attacker.connected():
            await stream.write(data)
    except ORDINARY:
        pass


@bounded(20)
async def test_hints_of_bad_records_cost_the_connection(people: list[Person]) -> None:
    async with under_attack(people) as (victim, _, attacker):
        topic = victim.network._parts.gossip.topic
        stream = await attacker.open(MESHSUB)
        for number in range(3):
            payload = hints.pack([shapeless(number)])[0]
            await stream.write(enveloped(attacker.sign(attacker.message(payload, topic, number))))
        await attacker.is_thrown_out()
        assert victim.host.guard.conduct.counts(attacker.host.id)[Offence.RECORDS] == 3


@bounded(30)
async def test_five_that_flood_at_once_are_gone_in_two_seconds_and_good_records_still_arrive(
    people: list[Person],
) -> None:
    victim, honest = House(people[0]), House(people[1])
    async with victim.running(), honest.running(), AsyncExitStack() as stack:
        honest.network.add_peer(victim.address)
        await until(lambda: victim.in_sync() and honest.in_sync(), 10)
        attackers: list[Attacker] = []
        while len(attackers) < 5:
            attacker = Attacker()
            if attacker.host.id < victim.host.id:  # so that opening sync is its part
                attackers.append(attacker)
                await stack.enter_async_context(attacker.attacking(victim.host))
        topic = victim.network._parts.gossip.topic
        hint = hints.pack([shapeless()])[0]
        one, two, three, four, five = attackers
        ping = struct.pack("!BBHII", 0, 2, 2, 0, 0)  # answers to pings nobody sent
        floods = (
            (one, MESHSUB, enveloped(*[one.sign(one.message(hint, topic))] * 100) * 10),
            (two, MESHSUB, enveloped(*[two.message(hint, topic, n) for n in range(100)])),
            (three, PROTOCOL, framed(b"\0\x91\x08") * 2_000),
            (four, MESHSUB, prefixed(b"\x2a\x00") * 20_000),
            (five, PROTOCOL, ping * 4_000),
        )
        began, before = trio.current_time(), memory_bytes()
        async with trio.open_nursery() as nursery:
            for flood in floods:
                nursery.start_soon(_flood, *flood)
            await honest.say("아직 있어요")
            await until(lambda: victim.root() == honest.root(), 4)
            for attacker in attackers:
                await attacker.is_thrown_out(5)
            lasted = trio.current_time() - began
        assert lasted < 4  # all seven share one loop here, and the machine may be busy
        assert memory_bytes() - before < 64 * 1_048_576
        assert victim.network.restarts == 0
        assert len(victim.network.neighbours()) == 1


async def _flood(attacker: Attacker, protocol: str, data: bytes) -> None:
    try:
        stream = await attacker.open(protocol)
        await _pour(stream, attacker, data)
    except (*ORDINARY, AssertionError):
        pass


@bounded(20)
async def test_what_our_own_disk_cannot_take_is_nobodys_offence(people: list[Person]) -> None:
    first, second = House(people[0]), House(people[1])
    async with first.running(), second.running():
        second.network.add_peer(first.address)
        await until(lambda: first.in_sync() and second.in_sync(), 10)
        full = True
        take = second.person.intake.take

        async def take_unless_full(raws: Sequence[RawRecord], source: str) -> Outcome:
            if full:
                raise StorageFault("disk-full")
            return await take(raws, source)

        second.person.intake.take = take_unless_full  # type: ignore[method-assign]
        await first.say("한마디")
        await until(lambda: len(second.taken) >= 2)
        assert second.host.guard.conduct.counts(first.network.id) == {}
        full = False
        await until(lambda: second.root() == first.root(), 10)


@bounded(20)
async def test_addresses_that_have_worked_are_kept_and_tried_after_a_restart(
    people: list[Person],
) -> None:
    class Kept:
        def __init__(self) -> None:
            self.texts: list[str] = []

        def load(self) -> list[str]:
            return [*self.texts, "nonsense"]

        def save(self, addresses: Sequence[str]) -> None:
            self.texts = list(addresses)

    first, kept = House(people[0]), Kept()
    async with first.running():
        for peers in ([first.address], []):
            second = House(people[1], *peers)
            second.network._ports = replace(second.network._ports, addresses=kept)
            async with second.running():
                await until(lambda here=second: here.in_sync(), 10)
            assert kept.texts == [first.address]


@bounded(20)
async def test_a_node_of_another_community_is_sent_away(
    people: list[Person], tmp_path: Path
) -> None:
    first = House(people[0])
    stranger = House(move_in(tmp_path, "stranger", genesis_for("stranger"), Clock()))
    async with first.running(), stranger.running():
        stranger.network.add_peer(first.address)
        await until(
            lambda: Offence.COMMUNITY in first.host.guard.conduct.counts(stranger.network.id), 8
        )
        await until(lambda: not neighbours(first) and not neighbours(stranger))
        assert first.host.guard.banned(stranger.network.id)
        assert first.taken == stranger.taken == []
    stranger.person.close()


def threads_that_last() -> int:
    """How many threads there are, without trio's own, which wait a while for work and then end."""
    return sum(not one.name.startswith("Trio thread") for one in threading.enumerate())


@bounded(20)
async def test_a_part_that_fails_in_spite_of_all_is_built_anew_on_the_same_addresses(
    people: list[Person],
) -> None:
    first, second = House(people[0]), House(people[1])
    async with first.running(), second.running():
        second.network.add_peer(first.address)
        await until(lambda: first.in_sync() and second.in_sync(), 10)
        addresses, threads = first.network.addresses(), threads_that_last()

        async def fail() -> None:
            raise RuntimeError("a mistake nobody has found yet")

        first.network._parts.nursery.start_soon(fail)
        await until(lambda: first.network.restarts == 1)
        await until(lambda: first.network.addresses() == addresses, 10)
        assert threads_that_last() <= threads, "a thread of the old parts stays"
        await first.say("다시 왔어요")
        await until(lambda: second.root() == first.root(), 12)


@bounded(10)
async def test_a_port_in_use_is_said_so_instead_of_shared(people: list[Person]) -> None:
    first = House(people[0])
    async with first.running():
        second = House(people[1])
        second.network._listen = (first.address.rsplit("/p2p/", 1)[0],)
        with pytest.raises((LocalFault, ExceptionGroup)) as caught:
            async with second.running():
                pass
        assert _code(caught.value) == "listen-address"


@bounded(10)
async def test_a_peer_that_cannot_be_read_is_refused_at_once(people: list[Person]) -> None:
    with pytest.raises(LocalFault) as caught:
        House(people[0], "/ip4/127.0.0.1/tcp/1")
    assert caught.value.code == "peer-address"


def _code(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, LocalFault)
    return error.code


@bounded(15)
async def test_stopping_is_quick_and_leaves_nothing_behind(people: list[Person]) -> None:
    first, second = House(people[0]), House(people[1])
    async with second.running():
        async with first.running():
            first.network.add_peer(second.address)
            await until(lambda: first.in_sync() and second.in_sync(), 10)
            stopping = trio.current_time()
        assert trio.current_time() - stopping < limits.STOP_MAX_S + 1
        assert first.network.addresses() == []
        assert first.network.neighbours() == []
        first.network.announce([shapeless()])
        first.network.changed([])
        await until(lambda: not neighbours(second))
