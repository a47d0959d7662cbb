"""What an attacker works with: sockets, connections, streams, and keys of members it has made up.

An attack is a function of an `Arm`; it goes on until the node ends it or its time is up. Rules: an
arm counts what it sends and notices by the state of its sockets when it was cut off, so that an
attack may stop reading. It comes from an address of its own on loopback, as another house would.
"""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

import trio
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2

from node.network.addresses import parse_given
from node.network.guard import ordinary
from node.network.host import Host, Link, _tcp
from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId
from node.services.homes.generated import GeneratedMember, generated_member
from tests.network.lab import enveloped

SEED = "hostile"
TIME_MS = 1_790_000_000_000
LOOK_S = 0.02
ESTABLISHED = 1  # the first byte of TCP_INFO
MULTISTREAM = b"\x13/multistream/1.0.0\n"
NOISE = b"\x07/noise\n"


class Sort(StrEnum):
    """What the node must do about an attack."""

    FLOOD = "flood"  # end it within two seconds
    SLOW = "slow"  # end it in the time that the attack names
    BORNE = "borne"  # may let it be: it costs little


@dataclass(frozen=True, slots=True)
class Aim:
    """The node under attack, as a word of the command line could tell it."""

    address: str
    community: str  # hex

    @property
    def topic(self) -> str:
        """The gossip topic."""
        return f"wetalk/1/{self.community}"


@dataclass(slots=True)
class Blow:
    """What became of one attack. `cut_s` is None when something of it was never cut off."""

    attack: str
    arm: int
    sort: Sort
    most_s: float
    cut_s: float | None = None
    sent: int = 0
    opened: int = 0
    open: int = 0
    fault: str = ""

    @property
    def met(self) -> bool:
        """True iff the node did what it must."""
        return not self.fault and (self.sort == Sort.BORNE or self.cut_s is not None)


@dataclass(slots=True)
class Arm:
    """One attacker."""

    number: int
    aim: Aim
    sent: int = 0
    sockets: list[Any] = field(default_factory=list[Any])
    began: float | None = None  # when the first hostile byte could go

    @property
    def community(self) -> CommunityId:
        """The community's id."""
        return CommunityId(bytes.fromhex(self.aim.community))

    def note(self, opened: Any) -> None:
        """Remember a socket; the attack has begun."""
        self.sockets.append(opened)
        if self.began is None:
            self.began = trio.current_time()

    def begin(self) -> None:
        """Only what comes now is the attack; before, it was made ready."""
        self.began = trio.current_time()

    def lasted(self) -> float:
        """Seconds since the attack began."""
        return 0.0 if self.began is None else trio.current_time() - self.began

    def open(self) -> int:
        """How many of its connections the node has not ended."""
        return sum(map(_alive, self.sockets))

    async def socket(self) -> trio.SocketStream:
        """A bare connection."""
        target = parse_given(self.aim.address)
        made = await trio.open_tcp_stream(target.host, target.port)
        self.note(made.socket)
        return made

    async def send(self, stream: "trio.SocketStream | INetStream", data: bytes) -> None:
        """Send and count."""
        if isinstance(stream, trio.SocketStream):
            await stream.send_all(data)
        else:
            await stream.write(data)
        self.sent += len(data)

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Line"]:
        """A whole connection under a new key, small enough that opening sync is our part."""
        target = parse_given(self.aim.address)
        host = Host(seed_below(target.peer), connections_max=16)
        host.guard.blame = lambda *_: None
        async with host.running(()):
            with trio.fail_after(20):
                await host.dial(target)
            link = host.link(target.peer)
            assert link is not None
            self.note(_tcp(link.conn).stream.socket)
            yield Line(self, host, link)

    def members(self) -> Iterator[GeneratedMember]:
        """People whom nobody knows, without end."""
        number = 0
        while True:
            name = f"stranger {self.number} {os.urandom(4).hex()} {number}"
            yield generated_member(SEED, name, self.community)
            number += 1


@dataclass(slots=True)
class Line:
    """A connection with the node over Noise and Yamux."""

    arm: Arm
    host: Host
    link: Link

    async def open(self, protocol: str) -> INetStream:
        """A stream."""
        return await self.host.open_stream(self.link, protocol)

    async def frame(self, data: bytes) -> None:
        """Yamux bytes, whatever they are."""
        await self.link.muxed._write_frame(data)
        self.arm.sent += len(data)

    def signed(self, payload: bytes, number: int) -> rpc_pb2.Message:
        """A gossip message in our name, as libp2p wants it."""
        message = self.unsigned(payload, number)
        message.ClearField("signature")
        text = b"libp2p-pubsub:" + message.SerializeToString()
        message.signature = self.host.basic.get_private_key().sign(text)
        return message

    def unsigned(self, payload: bytes, number: int) -> rpc_pb2.Message:
        """The same with a signature that does not verify."""
        return rpc_pb2.Message(
            data=payload,
            topicIDs=[self.arm.aim.topic],
            from_id=self.host.basic.get_id().to_bytes(),
            seqno=number.to_bytes(8, "big"),
            signature=bytes(64),
        )

    async def tell(self, stream: INetStream, payload: bytes, number: int) -> None:
        """One signed gossip message."""
        await self.arm.send(stream, enveloped(self.signed(payload, number)))


Act = Callable[[Arm], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to harm a node. An attack with many connections is over when it has ended itself."""

    act: Act
    sort: Sort
    most_s: float  # so long the attack is given, or the node to end it
    many: bool = False


def on_line(act: Callable[[Line], Awaitable[None]]) -> Act:
    """An attack through one whole connection."""

    async def run(arm: Arm) -> None:
        async with arm.line() as line:
            await act(line)
            await trio.sleep_forever()  # it is for the node to end this

    return run


async def strike(arm: Arm, name: str, attack: Attack) -> Blow:
    """Attack until the node has ended it or time is up; what became of it."""
    blow = Blow(name, arm.number, attack.sort, attack.most_s)
    with trio.move_on_after(attack.most_s + 60):
        async with trio.open_nursery() as nursery:
            done = trio.Event()
            nursery.start_soon(_act, arm, attack, blow, done)
            while arm.began is None and not blow.fault:
                await trio.sleep(LOOK_S)
            while arm.open() or (attack.many and not done.is_set()):
                await trio.sleep(LOOK_S)
                if arm.lasted() > attack.most_s:
                    break
            else:
                blow.cut_s = round(arm.lasted(), 3)
            nursery.cancel_scope.cancel()
    blow.sent, blow.opened, blow.open = arm.sent, len(arm.sockets), arm.open()
    for one in arm.sockets:
        one.close()
    return blow


async def _act(arm: Arm, attack: Attack, blow: Blow, done: trio.Event) -> None:
    """The attack itself. That it fails in the middle is what the node wants."""
    try:
        await attack.act(arm)
    except Exception as error:
        if arm.began is None or not ordinary(error):
            blow.fault = repr(error)
    finally:
        done.set()


def seed_below(peer: str) -> bytes:
    """A host key whose peer id sorts before this one."""
    while True:
        seed = os.urandom(32)
        if str(ID.from_pubkey(create_new_key_pair(seed).public_key)) < peer:
            return seed


def source_of(number: int) -> str:
    """The address that an arm comes from: the loopback network has many."""
    return f"127.0.0.{number + 2}"


def come_from(source: str) -> None:
    """Have this process's connections begin at this address."""
    trio.open_tcp_stream = partial(trio.open_tcp_stream, local_address=source)


def introduced(member: GeneratedMember) -> list[RawRecord]:
    """What a stranger may say of themselves, all of it good."""
    return member.introduce(TIME_MS)


def _alive(one: Any) -> bool:
    try:
        return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED
    except OSError:
        return False
