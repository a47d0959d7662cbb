"""Neighbours that vanish, freeze and return: real processes, real signals."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from node.network.addresses import PeerAddress, parse
from node.network.conduct import Offence
from node.network.guard import ORDINARY
from node.network.host import Link
from node.network.neighbours import Neighbours
from node.network.peers import Origin, PeerBook
from node.protocol import limits
from tests.network.lab import Attacker, Node, bounded, record, until

pytestmark = pytest.mark.trio
ROOT = Path(__file__).parents[2]


class Watched:
    """A node that looks after its neighbours."""

    def __init__(self, ping_interval_s: float = 0.2) -> None:
        self.node = Node()
        self.book = PeerBook(self.node.host.id, lambda: 0.5)
        self.neighbours = Neighbours(self.node.host, self.book, ping_interval_s)
        self.node.host.listen_for_links(self._came, lambda link: None)

    def _came(self, link: Link) -> None:
        self._nursery.start_soon(self._watch, link)

    async def _watch(self, link: Link) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.neighbours.watch, link)
            await link.ended.wait()
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watched"]:
        async with self.node.running(), trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self.neighbours.keep_dialling)
            yield self
            nursery.cancel_scope.cancel()


class Child:
    """The other process."""

    def __init__(self) -> None:
        self.seed = os.urandom(32).hex()
        self.listen = "/ip4/127.0.0.1/tcp/0"

    async def start(self) -> PeerAddress:
        command = [sys.executable, "-m", "tests.network.child", self.seed, self.listen]
        self.process = await trio.lowlevel.open_process(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        line = (await self.process.stdout.receive_some(1_000)).decode().strip()
        address = parse(line)
        assert address is not None
        self.listen = f"/ip4/127.0.0.1/tcp/{address.port}"
        return address

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def child() -> AsyncIterator[Child]:
    made = Child()
    try:
        yield made
    finally:
        with trio.CancelScope(shield=True):
            await made.kill()


@bounded(40)
async def test_a_killed_neighbour_is_missed_at_once_and_found_again_when_it_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "REDIAL_GIVEN_MAX_S", 0.5)
    watched = Watched()
    host = watched.node.host
    async with watched.running(), child() as other:
        address = await other.start()
        watched.neighbours.add(address, Origin.GIVEN)
        await until(lambda: host.link(address.peer))
        await until(lambda: address.peer in watched.neighbours.rtt_s)
        began = trio.current_time()
        await other.kill()
        await until(lambda: host.link(address.peer) is None)
        assert trio.current_time() - began < 1
        await until(lambda: watched.book._entries[address.peer].failures >= 1)
        await other.start()
        await until(lambda: host.link(address.peer), 5)
        await until(watched.node.gossip.listeners)
        assert host.guard.conduct.counts(address.peer) == {}


@bounded(40)
async def test_a_frozen_neighbour_is_let_go_although_its_socket_is_open() -> None:
    watched = Watched()
    host = watched.node.host
    async with watched.running(), child() as other:
        address = await other.start()
        watched.neighbours.add(address, Origin.GIVEN)
        await until(lambda: address.peer in watched.neighbours.rtt_s)
        other.process.send_signal(signal.SIGSTOP)
        began = trio.current_time()
        await until(lambda: host.link(address.peer) is None, 6)
        assert trio.current_time() - began < limits.PING_MAX_S + 1.5
        assert Offence.SILENT in host.guard.conduct.counts(address.peer)
        assert not host.guard.banned(address.peer)
        other.process.send_signal(signal.SIGCONT)
        await until(lambda: host.link(address.peer), 8)


@bounded(40)
async def test_one_that_never_reads_costs_a_bounded_queue_and_then_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frozen while we have much to tell it: neither memory nor the other neighbours suffer."""
    monkeypatch.setattr(limits, "WRITE_MAX_S", 1)
    watched = Watched(ping_interval_s=60)
    friend = Node()
    gossip, host = watched.node.gossip, watched.node.host
    async with watched.running(), friend.running(), child() as other:
        address = await other.start()
        watched.neighbours.add(address, Origin.GIVEN)
        await friend.host.dial(host.listening()[0])
        mesh = gossip._router.mesh
        await until(lambda: len(mesh.get(gossip.topic, ())) == 2)
        other.process.send_signal(signal.SIGSTOP)
        sent, most = 0, 0
        with trio.move_on_after(15):
            while host.link(address.peer) is not None:
                gossip.tell([record(sent, 30_000), record(sent + 1, 30_000)])
                sent += 2
                await until(lambda count=sent: len(friend.heard) >= count, 3)
                most = max(most, *(len(queue) for queue in gossip._pubsub.peer_queues.values()))
        assert host.link(address.peer) is None
        assert Offence.SLOW in host.guard.conduct.counts(address.peer)
        assert most <= limits.GOSSIP_QUEUE_MAX_COUNT
        assert host.link(friend.host.id) is not None


@bounded(15)
async def test_one_that_sends_a_byte_now_and_then_and_answers_nothing_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PING_MAX_S", 1)
    watched, attacker = Watched(), Attacker()
    async with watched.running(), attacker.attacking(watched.node.host):
        muxed = attacker.link.muxed

        async def say_nothing(data: bytes) -> None:
            del data

        muxed._write_frame = say_nothing  # type: ignore[method-assign]
        while attacker.connected():
            with contextlib.suppress(*ORDINARY):
                await muxed.secured_conn.write(b"\0")
            await trio.sleep(0.05)
        counts = watched.node.host.guard.conduct.counts(attacker.host.id)
        assert Offence.SLOW in counts
        assert Offence.SILENT not in counts


@bounded(15)
async def test_a_peer_without_an_answer_is_dialled_again_and_again_patiently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "REDIAL_FIRST_S", 0.05)
    watched, late = Watched(), Node()
    async with watched.running():
        async with late.running():
            door = late.host.listening()[0]
        watched.neighbours.add(door, Origin.GIVEN)
        await until(lambda: watched.book._entries[door.peer].failures >= 3)
        other = Node()
        watched.neighbours.add(door, Origin.GIVEN)
        async with other.running():
            watched.neighbours.add(other.host.listening()[0], Origin.GIVEN)
            await until(lambda: watched.node.host.link(other.host.id))


@bounded(10)
async def test_naming_a_banned_peer_forgives_it() -> None:
    watched, other = Watched(), Node()
    async with watched.running(), other.running():
        watched.node.host.guard.blame(other.host.id, Offence.GARBAGE)
        assert watched.node.host.guard.banned(other.host.id)
        watched.neighbours.add(other.host.listening()[0], Origin.GIVEN)
        await until(lambda: watched.node.host.link(other.host.id))
