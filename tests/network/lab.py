"""Real hosts on loopback for the network's tests, honest and hostile, and waiting that ends."""

import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from libp2p.abc import INetStream
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils.varint import encode_uvarint

from node.network.gossip import Gossip
from node.network.host import Host, Link
from node.protocol import hints
from node.protocol.record import RawRecord

COMMUNITY = bytes(range(32))
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
MESHSUB = "/meshsub/1.1.0"


def bounded(seconds: float) -> Callable[..., Any]:
    """The async test fails, instead of hanging, after `seconds`."""

    def wrap(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(test)
        async def run(*arguments: Any, **named: Any) -> None:
            with trio.fail_after(seconds):
                await test(*arguments, **named)

        return run

    return wrap


async def until(condition: Callable[[], object], seconds: float = 5, what: str = "") -> None:
    """Wait for a condition, for so long at most."""
    with trio.move_on_after(seconds):
        while not condition():
            await trio.sleep(0.005)
    assert condition(), what or "it did not happen in time"


async def holds(condition: Callable[[], object], seconds: float) -> None:
    """A condition stays true for a while."""
    end = trio.current_time() + seconds
    while trio.current_time() < end:
        assert condition()
        await trio.sleep(0.01)


def record(number: int = 0, size: int = 100) -> RawRecord:
    """Bytes of the shape of a record; nobody judges them here."""
    return RawRecord(b"h%020d" % number, os.urandom(size), bytes(64))


class Node:
    """An honest node without sync: host and gossip, and what it heard."""

    def __init__(self, seed: bytes | None = None, connections_max: int = 64) -> None:
        self.host = Host(seed or os.urandom(32), connections_max=connections_max)
        self.gossip = Gossip(self.host, COMMUNITY, self._take, hints)
        self.heard: list[tuple[RawRecord, str]] = []
        self.faulty: set[bytes] = set()

    async def _take(self, records: list[RawRecord], peer: str) -> bool:
        self.heard += [(raw, peer) for raw in records]
        bad = any(raw.header in self.faulty for raw in records)
        if bad:
            from node.network.conduct import Offence

            self.host.guard.blame(peer, Offence.RECORDS)
        return not bad

    def headers(self) -> list[bytes]:
        return [raw.header for raw, _ in self.heard]

    @asynccontextmanager
    async def running(self, listen: tuple[str, ...] = LOOPBACK) -> AsyncIterator["Node"]:
        async with self.host.running(listen), self.gossip.running():
            yield self


async def meet(caller: Node, called: Node) -> None:
    """Connect two honest nodes and wait until they gossip."""
    await caller.host.dial(called.host.listening()[0])
    await until(lambda: caller.gossip.listeners() and called.gossip.listeners())
    mesh = called.gossip._router.mesh
    await until(lambda: mesh.get(called.gossip.topic))


class Attacker:
    """A peer that sends what it likes. It defends itself against nothing."""

    def __init__(self) -> None:
        self.host = Host(os.urandom(32), connections_max=16)

    @asynccontextmanager
    async def attacking(self, victim: Host) -> AsyncIterator["Attacker"]:
        async with self.host.running(()):
            await self.host.dial(victim.listening()[0])
            await until(lambda: self.host.link(victim.id) and victim.link(self.host.id))
            self.victim = victim
            yield self

    @property
    def link(self) -> Link:
        link = self.host.link(self.victim.id)
        assert link is not None
        return link

    async def open(self, protocol: str) -> INetStream:
        return await self.host.open_stream(self.link, protocol)

    def connected(self) -> bool:
        return self.victim.link(self.host.id) is not None

    def banned(self) -> bool:
        return self.victim.guard.banned(self.host.id)

    async def is_thrown_out(self, seconds: float = 3) -> None:
        """Wait until the victim has cut us off and banned us."""
        await until(lambda: not self.connected(), seconds, "the attacker is still connected")
        assert self.banned(), "the attacker is not banned"

    def message(self, data: bytes, topic: str, number: int = 0) -> rpc_pb2.Message:
        """A gossip message in our name, unsigned."""
        return rpc_pb2.Message(
            data=data,
            topicIDs=[topic],
            from_id=self.host.basic.get_id().to_bytes(),
            seqno=number.to_bytes(8, "big"),
            signature=bytes(64),
        )

    def sign(self, message: rpc_pb2.Message) -> rpc_pb2.Message:
        """Signed as libp2p wants it."""
        message.ClearField("signature")
        text = b"libp2p-pubsub:" + message.SerializeToString()
        message.signature = self.host.basic.get_private_key().sign(text)
        return message


def enveloped(*messages: rpc_pb2.Message) -> bytes:
    """Messages in an envelope, with its length before it."""
    return prefixed(rpc_pb2.RPC(publish=messages).SerializeToString())


def prefixed(data: bytes) -> bytes:
    return encode_uvarint(len(data)) + data
