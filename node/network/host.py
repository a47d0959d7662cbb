"""The hardened libp2p host: Noise and Yamux over TCP, every limit explicit, nothing by default.

Rules: offers no plaintext, no other muxer, no other transport. Dials only the address it is told,
once, without libp2p's retries, negative cache and waits; libp2p itself never dials. Arrivals are
limited by number, by IP address and by unfinished handshakes; banned peers are refused. A peer
has one link; when both sides dial at once both keep the same one. Whom to dial and what to say is
left to others.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# libp2p is pinned exactly, and what it gets wrong sits in methods that it calls private; the stubs
# of trio that come with it do not know their own types.

import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")  # else each read costs an encrypted update

import trio
from libp2p import new_host
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.io.trio import TrioTCPStream
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux import yamux
from libp2p.transport.tcp.tcp import TCP
from multiaddr import Multiaddr

from node.network.addresses import PeerAddress, Reach, reach_of
from node.network.arrivals import Arrivals
from node.network.budget import PeerBudget
from node.network.conduct import BanStore, Offence
from node.network.courtesy import (
    IDENTIFY,
    PING,
    PING_SIZE_BYTES,
    Courtesy,
    bounded_choice,
    keep_protocols,
    read_identify,
)
from node.network.frames import FrameFault
from node.network.guard import (
    ORDINARY,
    BoundedMuxers,
    BoundedYamux,
    Guard,
    Handler,
    close_stream,
    guarded,
    shielded,
)
from node.protocol import limits

log = logging.getLogger(__name__)

# Also what an honest sender is told it may have in flight, so that only a hostile one exceeds it.
yamux.MAX_WINDOW_SIZE = limits.STREAM_UNREAD_MAX_BYTES
DUPLICATE_WINDOW_S = 5  # two connections born within this are one meeting; else the newer counts


@dataclass(slots=True, eq=False)
class Link:
    """A connection with a peer. `host` is the IP address it is seen under."""

    peer: str
    host: str
    dialled: bool
    since: float
    conn: INetConn
    budget: PeerBudget
    ended: trio.Event = field(default_factory=trio.Event)

    @property
    def muxed(self) -> BoundedYamux:
        return cast(BoundedYamux, self.conn.muxed_conn)


class Host:
    """One libp2p host. Build it, set handlers, then keep `running()` open."""

    def __init__(self, seed: bytes, *, connections_max: int, bans: BanStore | None = None) -> None:
        """`seed`: the 32 secret bytes of the host key, which is no key of a member."""
        pair = create_new_key_pair(seed)
        noise = NoiseTransport(pair, noise_privkey=create_noise_key_pair().private_key)
        self.guard = Guard(self, bans)
        self._connections_max = connections_max
        self._arrivals = Arrivals(connections_max)
        self._links: dict[str, Link] = {}
        self._listeners: list[tuple[Callable[[Link], None], Callable[[Link], None]]] = []
        self.basic = cast(
            BasicHost,
            new_host(
                key_pair=pair,
                sec_opt={NOISE: noise},
                muxer_opt={TProtocol(yamux.PROTOCOL_ID): yamux.Yamux},
                transports=[TCP()],
                connection_config=_connection_config(connections_max),
                negotiate_timeout=limits.HANDSHAKE_MAX_S,
                disable_identify_address_discovery=True,
                addrs_factory=_public_addresses,
            ),
        )
        self.id = str(self.basic.get_id())
        self._harden()

    def _harden(self) -> None:
        swarm = self.swarm
        swarm.set_resource_manager(None)  # its counters leak, and it bans by its own mind
        swarm.retry_config = RetryConfig(max_retries=0)
        swarm.upgrader.muxer_multistream = BoundedMuxers(
            swarm.upgrader.muxer_multistream, self.guard
        )
        swarm.set_stream_handler(guarded(self.basic._swarm_stream_handler, self.guard))
        swarm.register_notifee(_Watch(self))
        self._bound_courtesies()
        # libp2p keeps a place taken for every inbound connection that there ever was.
        _replace(swarm, "_handle_inbound_connection", self._arrive)
        _replace(swarm, "dial_peer", self._refuse_to_dial)
        _replace(swarm.auto_connector, "maybe_connect", _nothing)  # dials whomever it heard of
        _replace(swarm.auto_connector, "record_disconnect", _forget)  # it would grow for ever
        _replace(self.basic, "_identify_peer", self._ask_who_it_is)
        identify = self.basic._identify_task_entry  # a system task: what it raises ends the process
        _replace(self.basic, "_identify_task_entry", self._quietly(identify))

    def _bound_courtesies(self) -> None:
        """What libp2p serves to everybody is served by us, within a budget."""
        basic, upgrader = self.basic, self.swarm.upgrader
        told = cast(Handler, basic.multiselect.handlers[IDENTIFY])
        basic.multiselect = bounded_choice(basic.multiselect)
        for protocol, handler in Courtesy(self.guard, told).handlers().items():
            basic.set_stream_handler(protocol, handler)
        for selector in (
            upgrader.security_multistream._selector,
            upgrader.muxer_multistream._selector,
        ):
            selector.multiselect = bounded_choice(selector.multiselect)

    async def _ask_who_it_is(self, peer: ID, *, reason: str) -> None:
        """In the place of libp2p's, which would keep a megabyte of addresses that we never use."""
        del reason
        for conn in self.swarm.get_connections(peer)[:1]:
            stream = await self._open(conn, IDENTIFY)
            try:
                with trio.fail_after(limits.STREAM_OPEN_MAX_S):
                    said = await read_identify(stream)
            except FrameFault as fault:
                if fault.offence is not Offence.SLOW:  # a busy peer may not come to answer
                    self.guard.blame(str(peer), fault.offence, f"identify: {fault}")
                return
            finally:
                await close_stream(stream)
            if self.swarm.get_connections(peer):
                keep_protocols(self.basic.peerstore, peer, said)
                self.basic._identified_peers[peer] = "asked"

    @property
    def swarm(self) -> Swarm:
        return cast(Swarm, self.basic.get_network())

    @asynccontextmanager
    async def running(self, listen: Sequence[str]) -> AsyncGenerator[None]:
        """Listen on the multiaddresses and serve until left. Raises OSError if none can be had."""
        async with self.basic.run([Multiaddr(text) for text in listen]):
            if listen and not self.listening():
                raise OSError(f"cannot listen on {', '.join(listen)}")
            try:
                yield
            finally:
                with shielded(limits.STOP_MAX_S):
                    await self._close_doors()
                    await self._farewell()
                for peer in list(self.swarm.connections):
                    self.cut(str(peer))

    def listening(self) -> list[PeerAddress]:
        """Where we listen, wildcards as such."""
        found: list[PeerAddress] = []
        for address in self.basic.get_transport_addrs():
            (kind, host), (_, port) = [(p.name, str(v)) for p, v in address.items()][:2]
            found.append(PeerAddress(self.id, kind, host, int(port)))
        return found

    def listen_for_links(self, came: Callable[[Link], None], went: Callable[[Link], None]) -> None:
        """Be told of every link at its beginning and its end. The callables must not raise."""
        self._listeners.append((came, went))

    def links(self) -> list[Link]:
        return list(self._links.values())

    def link(self, peer: str) -> Link | None:
        return self._links.get(peer)

    def serve(self, protocol: str, handler: Handler) -> None:
        """Run `handler` for each stream that a peer opens on `protocol`."""
        self.basic.set_stream_handler(TProtocol(protocol), handler)

    async def dial(self, address: PeerAddress) -> None:
        """Connect, once. Raises one of ORDINARY, `trio.TooSlowError` among them."""
        peer = ID.from_base58(address.peer)
        if self.guard.banned(address.peer):
            raise SwarmException("the peer is banned")
        failure: Exception = OSError("the name has no address")
        with trio.fail_after(limits.DIAL_MAX_S):
            for host in await _resolve(address):
                kind = "ip6" if ":" in host else "ip4"
                target = Multiaddr(f"/{kind}/{host}/tcp/{address.port}")
                try:
                    await self.swarm.dial_addr(target, peer)
                    return
                except ORDINARY as error:
                    failure = error
            raise failure

    async def open_stream(self, link: Link, protocol: str) -> INetStream:
        """A new stream on this link. Raises one of ORDINARY."""
        return await self._open(link.conn, TProtocol(protocol))

    async def _open(self, conn: INetConn, protocol: TProtocol) -> INetStream:
        with trio.fail_after(limits.STREAM_OPEN_MAX_S):
            stream = await conn.new_stream()
            try:
                chosen = await self.basic.multiselect_client.select_one_of(
                    [protocol],
                    MultiselectCommunicator(stream),
                    limits.STREAM_OPEN_MAX_S,
                )
            except BaseException:
                with shielded(1):
                    await stream.reset()
                raise
            stream.set_protocol(chosen)
        return stream

    async def ping(self, link: Link) -> float:
        """Round trip in seconds. Raises one of ORDINARY."""
        stream = await self.open_stream(link, PING)
        sent = os.urandom(PING_SIZE_BYTES)
        back = bytearray()
        try:
            before = trio.current_time()
            await stream.write(sent)
            while len(back) < PING_SIZE_BYTES:
                back += await stream.read(PING_SIZE_BYTES - len(back))
            rtt = trio.current_time() - before
            await stream.close()
        except BaseException:
            with shielded(1):
                await stream.reset()
            raise
        if bytes(back) != sent:
            raise SwarmException("the answer to a ping was another")
        return rtt

    def cut(self, peer: str) -> None:
        """End all connections of a peer now by closing their sockets. Never waits or raises."""
        for found, conns in list(self.swarm.connections.items()):
            if str(found) == peer:
                for conn in conns:
                    _cut(conn)

    async def _close_doors(self) -> None:
        """Stop listening: cancelled, libp2p would leave its listeners behind, still accepting."""
        for listener in list(self.swarm.listeners.values()):
            await self._quietly(listener.close)()

    async def _farewell(self) -> None:
        async with trio.open_nursery() as nursery:
            for conn in self.swarm.get_connections():
                nursery.start_soon(self._close, conn)

    async def _close(self, conn: INetConn) -> None:
        await self._quietly(conn.close)()

    def _quietly(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
        async def run(*arguments: Any) -> None:
            try:
                await function(*arguments)
            except Exception as error:
                log.debug("libp2p: %r", error)

        return run

    async def _refuse_to_dial(self, peer: ID) -> list[INetConn]:
        """In the place of libp2p's own dialling, which waits, retries and remembers failures."""
        conns = [conn for conn in self.swarm.get_connections(peer) if not conn.is_closed]
        if not conns:
            raise SwarmException("not connected")
        return conns

    async def _arrive(self, stream: TrioTCPStream, listener: Multiaddr) -> None:
        """Serve one inbound connection; its socket is closed by the caller afterwards."""
        host = _remote_host(stream)
        if not self._arrivals.admit(host, len(self.swarm.get_connections()), trio.current_time()):
            return
        try:
            raw = RawConnection(stream, False)
            muxed = await self.swarm.upgrade_inbound_raw_conn(raw, listener)
        except Exception as error:
            log.debug("from %s: %r", host, error)
            return
        finally:
            self._arrivals.handshake_done(host)
        await cast(BoundedYamux, muxed).event_closed.wait()

    def _came(self, conn: INetConn) -> None:
        muxed = cast(BoundedYamux, conn.muxed_conn)
        dialled = muxed.is_initiator
        now = trio.current_time()
        link = Link(muxed.peer, _remote_host(_tcp(conn)), dialled, now, conn, muxed.budget)
        if self.guard.banned(link.peer):
            _cut(conn)
            return
        older = self._links.get(link.peer)
        if older is not None:
            together = now - older.since < DUPLICATE_WINDOW_S
            if together and older.dialled == (self.id < link.peer) and older.dialled != dialled:
                _cut(conn)
                return
            self._end(older)
            _cut(older.conn)
        self._links[link.peer] = link
        for came, _ in self._listeners:
            came(link)

    def _went(self, conn: INetConn) -> None:
        peer = cast(BoundedYamux, conn.muxed_conn).peer
        link = self._links.get(peer)
        if link is not None and link.conn is conn:
            del self._links[peer]
            self._end(link)
        if peer not in self._links:
            try:
                self.basic.peerstore.clear_peerdata(ID.from_base58(peer))  # it would grow for ever
            except PeerStoreError:
                pass

    def _end(self, link: Link) -> None:
        link.ended.set()
        for _, went in self._listeners:
            went(link)


class _Watch(INotifee):
    """Tells the host of connections."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        self._host._came(conn)

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        self._host._went(conn)

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        return None

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        return None

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        return None

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        return None


def _connection_config(connections_max: int) -> ConnectionConfig:
    """Watermarks at the top and a floor of none: neither pruner nor auto-connector ever acts."""
    return ConnectionConfig(
        max_connections=connections_max,
        min_connections=0,
        low_watermark=0,
        high_watermark=connections_max,
        max_connections_per_peer=limits.CONNECTIONS_PER_PEER_MAX_COUNT,
        grace_period=1e9,  # we choose ourselves which of two connections stays
        dial_timeout=limits.DIAL_MAX_S,
        inbound_upgrade_timeout=limits.HANDSHAKE_MAX_S,
        outbound_upgrade_timeout=limits.HANDSHAKE_MAX_S,
        outbound_stream_protocol_negotiation_timeout=limits.STREAM_OPEN_MAX_S,
        inbound_stream_protocol_negotiation_timeout=limits.STREAM_OPEN_MAX_S,
        enable_health_monitoring=False,
    )


def _public_addresses(candidates: list[Multiaddr]) -> list[Multiaddr]:
    """What identify may tell everybody: nothing of the house's network."""
    return [
        address
        for address in candidates
        if reach_of(str(next(iter(address.items()))[1])) in (Reach.WORLD, Reach.MACHINE)
    ]


def _replace(owner: object, name: str, method: Callable[..., Any]) -> None:
    """Put our method in the place of one of libp2p's, which must exist."""
    assert callable(getattr(owner, name)), name
    setattr(owner, name, method)


async def _nothing() -> None:
    """In the place of dialling that we do ourselves."""


def _forget(peer_id: ID) -> None:
    """In the place of a memory of every peer that ever left."""


async def _resolve(address: PeerAddress) -> list[str]:
    if not address.kind.startswith("dns"):
        return [address.host]
    family = {"dns4": trio.socket.AF_INET, "dns6": trio.socket.AF_INET6}.get(address.kind, 0)
    found = await trio.socket.getaddrinfo(
        address.host, address.port, family, trio.socket.SOCK_STREAM
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:4]


def _tcp(conn: INetConn) -> TrioTCPStream:
    """The TCP stream below a connection's Yamux and Noise (a test holds libp2p to this)."""
    session: Any = conn.muxed_conn
    return session.secured_conn.conn.read_writer.read_write_closer.stream


def _cut(conn: INetConn) -> None:
    _tcp(conn).stream.socket.close()


def _remote_host(stream: TrioTCPStream) -> str:
    try:
        return str(stream.stream.socket.getpeername()[0]).removeprefix("::ffff:")
    except OSError:
        return ""
