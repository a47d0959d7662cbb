"""The network of one node: host, gossip, sync, neighbours and discovery under one roof.

Rules: meets storage and services only through what is handed in. Whatever libp2p does, the node
lives: when a part of it fails in spite of all guards, everything below `run` is taken down and
built anew, on the same addresses. Stopping is bounded in time. Deciding what a record is worth is
the intake's part.
"""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false

import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import trio

from node.network.addresses import PeerAddress, parse, parse_given
from node.network.conduct import BanStore, Offence
from node.network.discovery import Discovery
from node.network.gossip import Gossip
from node.network.host import Host, Link
from node.network.interfaces import concrete, usable
from node.network.neighbours import Neighbours
from node.network.peers import Origin, PeerBook
from node.network.pictures import Found, PictureExchange, Shelf
from node.network.quiet import quieten_libp2p
from node.network.sync import Sync
from node.protocol import hints, limits
from node.protocol.errors import WetalkError
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof, HeadItem, SyncSource
from node.protocol.record import RawRecord

log = logging.getLogger(__name__)

LISTEN_DEFAULT = ("/ip4/0.0.0.0/tcp/4130", "/ip6/::/tcp/4130")


class Outcome(Protocol):
    """What became of records that were taken in."""

    @property
    def accepted(self) -> int:
        """How many are new and stored."""
        ...

    @property
    def faults(self) -> Sequence[str]:
        """The reject codes of those that break a rule; empty when the sender is not to blame."""
        ...


# Records and the id of the peer they come from; returns after they are stored.
Intake = Callable[[list[RawRecord], str], Awaitable[Outcome]]


class AddressStore(Protocol):
    """Where addresses that have worked outlive the process. Both calls are quick."""

    def load(self) -> Iterable[str]:
        """Those worth trying, best first."""
        ...

    def save(self, addresses: Sequence[str]) -> None:
        """These have worked; what was kept before stays."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user may choose. All addresses are multiaddresses."""

    listen: tuple[str, ...] = LISTEN_DEFAULT
    peers: tuple[str, ...] = ()
    relay: bool = False  # room for many more connections
    discover: bool = True  # look for neighbours on the local network
    interfaces: tuple[str, ...] | None = None  # for discovery; None: all
    ping_interval_s: float = limits.PING_INTERVAL_S
    agent: str = ""  # name and version of the program, told to neighbours


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A connected peer, for status. Times in seconds; `rtt_s` None until measured."""

    peer: str
    host: str
    dialled: bool
    since_s: float
    in_sync: bool
    rtt_s: float | None
    bytes_in: int
    bytes_out: int
    records_in: int
    records_left: int  # it still has to send in its present answer


@dataclass(frozen=True, slots=True)
class Ports:
    """What the network meets of the rest of the node. All but `intake` is quick; none raises."""

    source: SyncSource
    intake: Intake
    proofs: Callable[[Sequence[ForkProof], str], None]  # unverified; from this peer
    echoed: Callable[[str, Sequence[HeadItem]], None]  # a neighbour holds these own heads (R11)
    own_lanes: Callable[[], Sequence[bytes]]  # keys of the lanes whose echo matters
    bans: BanStore | None = None
    addresses: AddressStore | None = None
    pictures: Shelf | None = None


class Network:
    """The peer-to-peer side of a node."""

    def __init__(self, seed: bytes, settings: Settings, ports: Ports) -> None:
        """`seed`: 32 secret bytes of the host key, which is no key of a member.

        Raises LocalFault `peer-address` for a peer of the settings that it cannot read.
        """
        self._seed = seed
        self._settings = settings
        self._ports = ports
        self._given = [parse_given(text) for text in settings.peers]
        self._listen = settings.listen
        self._parts: _Parts | None = None
        self.heads = Heads(ports.source, told=True)
        self.agent = settings.agent
        self.own_lanes = ports.own_lanes
        self.echoed = ports.echoed
        self.take_proofs = ports.proofs
        self.restarts = 0

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; `task_status` gets our addresses (texts) once it listens.

        Raises LocalFault `listen-address` when no address can be listened on at the start.
        """
        quieten_libp2p()
        self._listen = usable(self._listen)
        started, failures = False, 0
        while True:
            began = trio.current_time()
            try:
                async with self._built() as parts, trio.open_nursery() as nursery:
                    parts.nursery = nursery
                    self._start(parts, nursery)
                    if not started:
                        task_status.started(self.addresses())
                        started = True
            except Exception as error:
                if not started:
                    raise
                log.error("the network failed and is built anew: %r", error)
            self.restarts += 1
            failures = 1 if trio.current_time() - began > limits.REDIAL_MAX_S else failures + 1
            await trio.sleep(min(2**failures, limits.REDIAL_GIVEN_MAX_S))

    @asynccontextmanager
    async def _built(self) -> "AsyncGenerator[_Parts]":
        parts = _Parts(self)
        try:
            async with parts.host.running(self._listen), parts.gossip.running():
                self._parts = parts
                yield parts
        finally:
            self._keep_addresses(parts)
            self._parts = None
            parts.gossip.close()

    def _start(self, parts: "_Parts", nursery: trio.Nursery) -> None:
        nursery.start_soon(parts.neighbours.keep_dialling)
        nursery.start_soon(self._keep_addresses_always, parts)
        nursery.start_soon(self._prepare)
        if parts.discovery is not None:
            nursery.start_soon(parts.discovery.run)
        for address, origin in self._known():
            parts.neighbours.add(address, origin)
        self._listen = tuple(address.listen_text for address in parts.host.listening())

    async def _prepare(self) -> None:
        """Read the heads little by little, so that the first conversation need not wait for it."""
        try:
            while not self.heads.prepare(frozenset(Lane)):
                await trio.sleep(limits.HEADS_PAUSE_S)
        except Exception as error:
            log.warning("the heads could not be read ahead: %r", error)

    def addresses(self) -> list[str]:
        """Where we can be dialled, with our id, wildcards made concrete; the farthest first."""
        if self._parts is None:
            return []
        found = concrete(self._parts.host.listening())
        return [one.text for one in sorted(found, key=lambda one: (-one.reach, one))]

    @property
    def id(self) -> str | None:
        """Our peer id; None while not running."""
        return self._parts.host.id if self._parts else None

    def neighbours(self) -> list[Neighbour]:
        """Who is connected now."""
        if self._parts is None:
            return []
        return [self._neighbour(self._parts, link) for link in self._parts.host.links()]

    async def picture(self, key: bytes) -> Found:
        """Ask the neighbours for a file of a picture by its hash. Never raises."""
        return Found(None) if self._parts is None else await self._parts.pictures.ask(key)

    def announce(self, records: Sequence[RawRecord]) -> None:
        """Tell new records to the neighbours. Never waits; sync repairs what is dropped."""
        if self._parts is not None:
            self._parts.gossip.tell(records)

    def changed(self, lane_keys: Iterable[bytes]) -> None:
        """A commit gave these lanes (65 bytes each) new heads: tell every conversation.

        To be called for every commit, so that the heads need not be listed anew.
        """
        self.heads.changed(lane_keys)
        if self._parts is not None:
            self._parts.sync.changed()

    def add_peer(self, text: str) -> None:
        """Dial a peer that the user names, now and whenever it is lost.

        Raises LocalFault `peer-address`.
        """
        address = parse_given(text)
        self._given.append(address)
        if self._parts is not None:
            self._parts.neighbours.add(address, Origin.GIVEN)

    def _known(self) -> list[tuple[PeerAddress, Origin]]:
        known = [(address, Origin.GIVEN) for address in self._given]
        if self._ports.addresses is not None:
            kept = (parse(text) for text in self._ports.addresses.load())
            known += [(address, Origin.KEPT) for address in kept if address is not None]
        return known

    def _keep_addresses(self, parts: "_Parts") -> None:
        proven = parts.book.proven()[: limits.ADDRESSES_TOLD_MAX_COUNT]
        if self._ports.addresses is not None and proven:
            self._ports.addresses.save([address.text for address in proven])

    async def _keep_addresses_always(self, parts: "_Parts") -> None:
        while True:
            await trio.sleep(limits.ADDRESSES_SHARE_S)
            self._keep_addresses(parts)

    async def take_hint(self, records: list[RawRecord], peer: str) -> bool:
        """Take in what gossip brought; True iff it may be passed on."""
        try:
            outcome = await self._ports.intake(records, peer)
        except WetalkError as error:  # a full disk is no fault of the sender
            log.warning("a hint could not be taken in: %s", error)
            return False
        return not self._blame(peer, outcome)

    async def take_synced(
        self, records: list[RawRecord], peer: str, live: bool
    ) -> tuple[int, Sequence[str]]:
        """Take in what sync brought. When it is news (`live`), tell the other neighbours."""
        outcome = await self._ports.intake(records, peer)
        # Many at once are no news for a hint: the neighbours' own sync is about to fetch them, and
        # each node would tell all of them again to all.
        few = len(records) <= limits.HINT_SYNCED_MAX_COUNT and outcome.accepted == len(records)
        if not self._blame(peer, outcome) and live and few:
            self.announce(records)
        return outcome.accepted, outcome.faults

    def _blame(self, peer: str, outcome: Outcome) -> bool:
        if outcome.faults and self._parts is not None:
            detail = ", ".join(sorted(set(outcome.faults)))
            self._parts.host.guard.blame(peer, Offence.RECORDS, detail, len(outcome.faults))
        return bool(outcome.faults)

    def _neighbour(self, parts: "_Parts", link: Link) -> Neighbour:
        counts = parts.sync.counts(link.peer)
        return Neighbour(
            peer=link.peer,
            host=link.host,
            dialled=link.dialled,
            since_s=trio.current_time() - link.since,
            in_sync=counts.in_sync,
            rtt_s=parts.neighbours.rtt_s.get(link.peer),
            bytes_in=link.budget.bytes_in,
            bytes_out=link.budget.bytes_out,
            records_in=counts.records_in,
            records_left=counts.left,
        )


class _Parts:
    """Everything that is built anew together."""

    def __init__(self, network: Network) -> None:
        settings = network._settings
        room = (
            limits.CONNECTIONS_RELAY_MAX_COUNT if settings.relay else limits.CONNECTIONS_MAX_COUNT
        )
        community = network._ports.source.community
        self.nursery: trio.Nursery | None = None
        self.host = Host(network._seed, connections_max=room, bans=network._ports.bans)
        self.book = PeerBook(self.host.id, random.random)
        self.gossip = Gossip(self.host, community, network.take_hint, hints)
        self.neighbours = Neighbours(self.host, self.book, settings.ping_interval_s)
        self.sync = Sync(self.host, network._ports.source, network, self.neighbours, self.book)
        self.pictures = PictureExchange(self.host, network._ports.pictures)
        self.discovery = self._discovery(settings, community) if settings.discover else None
        self.host.listen_for_links(self._came, lambda link: None)

    def _discovery(self, settings: Settings, community: bytes) -> Discovery:
        return Discovery(
            community,
            self.host.listening,
            lambda address: self.neighbours.add(address, Origin.FOUND),
            settings.interfaces,
        )

    def _came(self, link: Link) -> None:
        if self.nursery is not None:
            self.nursery.start_soon(self._tend, link)

    async def _tend(self, link: Link) -> None:
        """What runs for a neighbour as long as its link lasts."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.neighbours.watch, link)
                nursery.start_soon(self.sync.tend, link)
                await link.ended.wait()
                nursery.cancel_scope.cancel()
        except Exception as error:
            self.host.guard.fault(link.peer, error)
