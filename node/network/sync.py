"""Sync: one long-lived stream a neighbour, on which the engine of `protocol.session` runs.

This is only the driver: frames in, effects out, time handed in. Rules: of two peers the one with
the smaller id opens the stream, a second one is closed. The engine is never entered twice at
once, since all effects are carried out without waiting: frames go into a bounded queue, records
to the intake in a task of their own. A sender is slowed down by the budget and by the engine's
credits; who takes nothing, or sends what no engine sends, is cut off. What the engine does not
know: addresses, bans, other neighbours.
"""

# pyright: reportUnknownMemberType=false

import logging
import math
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import trio
from libp2p.abc import INetStream

from node.network.addresses import believable, tellable
from node.network.conduct import Offence
from node.network.frames import FrameFault, FrameReader, framed
from node.network.guard import ORDINARY, close_stream
from node.network.host import Host, Link
from node.network.neighbours import Neighbours
from node.network.peers import Origin, PeerBook
from node.protocol import effects as do
from node.protocol import limits
from node.protocol.effects import Effect
from node.protocol.errors import Parting
from node.protocol.heads import Heads
from node.protocol.ports import ForkProof, HeadItem, SyncSource
from node.protocol.record import RawRecord
from node.protocol.session import Session, Settings

log = logging.getLogger(__name__)

PROTOCOL = "/wetalk/sync/1"
_PARTINGS = frozenset(str(code) for code in Parting)


def now_ms() -> int:
    """The engine's clock."""
    return int(trio.current_time() * 1_000)


@dataclass(slots=True)
class Counts:
    """What a neighbour's conversation has come to."""

    was_in_sync: bool = False  # at least once
    in_sync: bool = False
    records_in: int = 0
    left: int = 0  # records the neighbour still has to send in its present answer


class Household(Protocol):
    """What the conversations of a node have in common, and where goes what they bring."""

    heads: Heads
    agent: str

    def own_lanes(self) -> Sequence[bytes]:
        """Keys of our lanes whose echo matters (R11)."""
        ...

    def echoed(self, peer: str, heads: Sequence[HeadItem], /) -> None:
        """A neighbour holds exactly these heads of our lanes."""
        ...

    async def take_synced(
        self, records: list[RawRecord], peer: str, live: bool
    ) -> tuple[int, Sequence[str]]:
        """Take records in, blaming the peer for bad ones; how many were new, codes of faults."""
        ...

    def take_proofs(self, proofs: Sequence[ForkProof], peer: str, /) -> None:
        """Take proofs of forks, not yet verified."""
        ...


OFFENCES: dict[str, Offence] = {
    Parting.OTHER_COMMUNITY: Offence.COMMUNITY,
    Parting.OTHER_RULES: Offence.COMMUNITY,
    Parting.OTHER_PROTOCOL: Offence.COMMUNITY,
    Parting.NO_HELLO: Offence.SLOW,
    Parting.STALLED: Offence.SLOW,
    Parting.SILENT: Offence.SILENT,
    Parting.FRAME_SIZE: Offence.GARBAGE,
    Parting.FRAME: Offence.GARBAGE,
    Parting.FLOOD: Offence.FLOOD,
}
"""What the engine's reasons are worth; all others are offences against the protocol."""


class Conversation:
    """One stream and the engine on it."""

    def __init__(self, sync: "Sync", link: Link, stream: INetStream, engine: Session) -> None:
        self.link = link
        self.counts = Counts()
        self._sync = sync
        self._stream = stream
        self._engine = engine
        self._frames: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._written = trio.Event()
        self._wake_at = math.inf
        self._rescheduled = trio.Event()
        self._closing = False
        self.parting = ""
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Talk until one side ends it. Raises what the stream raises."""
        reader = FrameReader(self._stream, limits.FRAME_SIZE_MAX_BYTES)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._write)
            nursery.start_soon(self._tick)
            nursery.start_soon(self._share)
            self._perform(self._engine.start(now_ms()))
            while (frame := await reader.read()) is not None:
                await self._throttle()
                self._perform(self._engine.receive(frame, now_ms()))
            nursery.cancel_scope.cancel()

    def changed(self) -> None:
        """Storage has new heads."""
        if self._nursery is not None and not self._closing:
            self._perform(self._engine.changed(now_ms()))

    def look(self) -> Counts:
        """How things stand now."""
        self.counts.in_sync, self.counts.left = self._engine.in_sync, self._engine.left
        return self.counts

    async def _throttle(self) -> None:
        now, budget = trio.current_time(), self.link.budget
        wait = budget.frames.pay(1, now)
        if wait > 0:
            if budget.flooded(now):
                raise FrameFault(Offence.FLOOD, "frames")
            await trio.sleep(wait)

    def _perform(self, effects: Iterable[Effect]) -> None:
        """Carry out what the engine asks for. Never waits."""
        peer, house = self.link.peer, self._sync.house
        for effect in effects:
            match effect:
                case do.Send(frame):
                    self._send(frame)
                case do.Deliver(token, records):
                    self._start(self._deliver, token, list(records))
                case do.Proofs(proofs):
                    house.take_proofs(proofs, peer)
                case do.Addresses(addresses):
                    self._sync.learn(self.link, list(addresses))
                case do.Echo(heads):
                    house.echoed(peer, heads)
                case do.Blame(code):
                    self._blame(code)
                case do.Close(code):
                    log.debug("peer %s: sync ends: %s", peer, code)
                    self.parting = code
                    self._closing = True
                    self._written.set()
                case do.InSync():
                    self.counts.was_in_sync = True
                case do.Wake(at_ms):
                    self._wake_at = at_ms / 1_000
                    self._rescheduled.set()

    def _blame(self, code: str) -> None:
        """Codes of records are blamed where they were taken in."""
        if code in _PARTINGS:
            offence = OFFENCES.get(code, Offence.PROTOCOL)
            self._sync.host.guard.blame(self.link.peer, offence, f"sync: {code}")

    async def _share(self) -> None:
        """Tell now and then which addresses have worked."""
        while True:
            await trio.sleep(limits.ADDRESSES_SHARE_S)
            self._perform(self._engine.share(self._sync.told(self.link), now_ms()))

    def _start(self, function: Callable[..., Awaitable[None]], *arguments: object) -> None:
        assert self._nursery is not None
        self._nursery.start_soon(function, *arguments)

    def _send(self, frame: bytes) -> None:
        if self._waiting_bytes > limits.SYNC_QUEUE_MAX_BYTES:
            self._sync.host.guard.blame(self.link.peer, Offence.SLOW, "sync")
            return
        self._frames.append(framed(frame))
        self._waiting_bytes += len(frame)
        self._written.set()

    async def _write(self) -> None:
        """The only writer: frames in order, then the end when the engine has closed."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                await self._stream.write(frame)
                self._waiting_bytes -= len(frame)
            if self._closing:
                break
            self._written = trio.Event()
            await self._written.wait()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    async def _tick(self) -> None:
        while True:
            self._rescheduled = trio.Event()
            with trio.move_on_at(self._wake_at):
                await self._rescheduled.wait()
                continue
            self._wake_at = math.inf
            self._perform(self._engine.tick(now_ms()))

    async def _deliver(self, token: int, records: list[RawRecord]) -> None:
        budget, now = self.link.budget, trio.current_time()
        wait = budget.records.pay(len(records), now)
        if wait > 0:
            await trio.sleep(wait)
        self.counts.records_in += len(records)
        live, peer = self.counts.was_in_sync, self.link.peer
        accepted, faults = await self._sync.house.take_synced(records, peer, live)
        self._perform(self._engine.delivered(token, accepted, faults, now_ms()))


class Sync:
    """All conversations of the node."""

    def __init__(
        self,
        host: Host,
        source: SyncSource,
        house: Household,
        neighbours: Neighbours,
        book: PeerBook,
    ) -> None:
        self.host = host
        self.house = house
        self._source = source
        self._neighbours = neighbours
        self._book = book
        self._talks: dict[str, Conversation] = {}
        host.serve(PROTOCOL, self._accept)

    def changed(self) -> None:
        """Storage has new heads: every engine looks at them."""
        for talk in list(self._talks.values()):
            talk.changed()

    def counts(self, peer: str) -> Counts:
        """How far the conversation with a peer is."""
        talk = self._talks.get(peer)
        return talk.look() if talk is not None else Counts()

    async def tend(self, link: Link) -> None:
        """Keep a conversation with a neighbour going, if opening it is our part."""
        if self.host.id > link.peer:
            return
        pause = limits.REDIAL_FIRST_S
        while True:
            began = trio.current_time()
            try:
                stream = await self.host.open_stream(link, PROTOCOL)
            except ORDINARY as error:
                log.debug("peer %s: no stream for sync: %r", link.peer, error)
            else:
                await self._talk(link, stream, opener=True)
            if trio.current_time() - began > limits.REDIAL_GIVEN_MAX_S:
                pause = limits.REDIAL_FIRST_S
            await trio.sleep(pause)
            pause = min(2 * pause, limits.REDIAL_GIVEN_MAX_S)

    async def _accept(self, stream: INetStream) -> None:
        """A peer has opened a stream: talk, unless it is a second one or not the peer's part."""
        peer = str(stream.muxed_conn.peer_id)
        link = self.host.link(peer)
        if link is None or link.muxed is not stream.muxed_conn:
            return
        older = self._talks.get(peer)
        if peer > self.host.id or (older is not None and not older.link.ended.is_set()):
            log.debug("peer %s opened a stream too many", peer)
            return
        await self._talk(link, stream, opener=False)

    async def _talk(self, link: Link, stream: INetStream, opener: bool) -> None:
        engine = Session(
            self._source,
            self.house.heads,
            Settings(
                agent=self.house.agent,
                addresses=tuple(self.told(link)),
                own_lanes=self.house.own_lanes,
            ),
            dialer=opener,
            nonce=os.urandom(limits.NONCE_SIZE_BYTES),
        )
        talk = Conversation(self, link, stream, engine)
        self._talks[link.peer] = talk
        try:
            await talk.run()
            if OFFENCES.get(talk.parting) == Offence.COMMUNITY:
                with trio.move_on_after(limits.FAREWELL_S):  # our good-bye shall be read
                    await link.ended.wait()
                self.host.guard.blame(link.peer, Offence.COMMUNITY, f"sync: {talk.parting}")
        except Exception as error:
            fault = _first_fault(error)
            if fault is not None:
                self.host.guard.blame(link.peer, fault.offence, f"sync: {fault}")
            else:
                self.host.guard.fault(link.peer, error)
        finally:
            if self._talks.get(link.peer) is talk:
                del self._talks[link.peer]
            await close_stream(stream)

    def learn(self, link: Link, texts: list[str]) -> None:
        """Note what a neighbour says of addresses, as far as it may be believed."""
        for address in believable(texts, link.peer, link.host):
            self._neighbours.add(address, Origin.LEARNED)

    def told(self, link: Link) -> list[str]:
        """Addresses that this neighbour may hear of."""
        return tellable([*self.host.listening(), *self._book.proven()], link.host)


def _first_fault(error: BaseException) -> FrameFault | None:
    """The offence among what a conversation's tasks have raised."""
    if isinstance(error, BaseExceptionGroup):
        group = cast(BaseExceptionGroup[BaseException], error)
        faults = (_first_fault(inner) for inner in group.exceptions)
        return next((fault for fault in faults if fault is not None), None)
    return error if isinstance(error, FrameFault) else None
