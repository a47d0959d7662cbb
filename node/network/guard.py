"""What stands between hostile bytes and the node: guards around everything libp2p runs for a peer.

Rules: no exception of a handler, a muxer or a pubsub task reaches a nursery; it is counted against
the peer, and the peer is cut off when its patience is used up. A connection is cut by closing its
socket, which never waits. Writes are not cancelled halfway (that would break the cipher's stream):
they end in time or the connection does. Yamux's receive window, which libp2p does not enforce, the
number of streams and the speed of reading are bounded here. Whom to ban is decided in `conduct`.
"""

import logging
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import trio
from libp2p.abc import IMuxedConn, IMuxedStream, INetStream, ISecureConn
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.exceptions import StreamFailure
from libp2p.io.exceptions import ConnectionClosedError, IOException
from libp2p.network.connection.exceptions import RawConnError
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import (
    MultiselectClientError,
    MultiselectCommunicatorError,
    MultiselectError,
)
from libp2p.stream_muxer.exceptions import MuxedConnError, MuxedStreamError
from libp2p.stream_muxer.muxer_multistream import MuxerMultistream
from libp2p.stream_muxer.yamux import yamux
from libp2p.stream_muxer.yamux.yamux import Yamux

from node.network.budget import PeerBudget
from node.network.conduct import BanStore, Conduct, Offence
from node.network.quiet import RateLimit
from node.protocol import limits
from node.protocol.errors import WetalkError

log = logging.getLogger(__name__)
log.addFilter(RateLimit(limits.LOG_PER_S, limits.LOG_BURST_COUNT))  # keys to ban cost nothing

# What goes wrong between honest programs, too: a connection that ends while something is under way.
ORDINARY: tuple[type[Exception], ...] = (
    *(StreamError, MuxedStreamError, MuxedConnError, RawConnError, IOException, StreamFailure),
    *(SwarmException, MultiselectError, MultiselectClientError, MultiselectCommunicatorError),
    *(EOFError, OSError, trio.TooSlowError),
    *(trio.ClosedResourceError, trio.BrokenResourceError, trio.EndOfChannel),
    WetalkError,  # our own disk, for one
)


class Cutter(Protocol):
    """Ends connections at once."""

    def cut(self, peer: str) -> None:
        """Close every connection of the peer without a farewell and without waiting."""
        ...


class Guard:
    """Counts offences, bans, and cuts. One for the whole node; every module reports to it."""

    def __init__(self, cutter: Cutter, bans: BanStore | None) -> None:
        self._cutter = cutter
        self._store = bans
        self.conduct = Conduct(bans.load() if bans is not None else ())

    def blame(self, peer: str, offence: Offence, detail: str = "", count: int = 1) -> None:
        """Report an offence of a peer; it may be cut off before this returns. Never raises."""
        sentence = self.conduct.blame(peer, offence, time.time(), count)
        log.debug("peer %s: %s (%s)", peer, offence, detail)
        if sentence.ban is not None:
            seconds = sentence.ban.until_s - time.time()
            log.warning("peer %s banned for %.0f s: %s %s", peer, seconds, offence, detail)
            if self._store is not None:
                self._store.save(sentence.ban)
        if sentence.cut:
            self._cutter.cut(peer)

    def fault(self, peer: str, error: Exception) -> None:
        """Report an exception that something run for this peer has raised."""
        if ordinary(error):
            log.debug("peer %s: %s", peer, error)
            return
        log.info("peer %s made a handler fail: %r", peer, error)
        self.blame(peer, Offence.FAULT, type(error).__name__)

    def banned(self, peer: str) -> bool:
        """True while the peer may not connect."""
        return self.conduct.banned(peer, time.time())


def shielded(seconds: float) -> trio.CancelScope:
    """A scope that ends after `seconds`, and not before, whatever is cancelled around it."""
    scope = trio.move_on_after(seconds)
    scope.shield = True
    return scope


def ordinary(error: BaseException) -> bool:
    """True if the exception, or every one in its group, only says that a connection has ended."""
    if isinstance(error, BaseExceptionGroup):
        group = cast(BaseExceptionGroup[BaseException], error)
        return all(ordinary(inner) for inner in group.exceptions)
    return isinstance(error, ORDINARY)


Handler = Callable[[INetStream], Awaitable[None]]


def guarded(handler: Handler, guard: Guard) -> Handler:
    """The handler, never raising, with its stream closed one way or the other at the end."""

    async def run(stream: INetStream) -> None:
        peer = str(stream.muxed_conn.peer_id)
        try:
            await handler(stream)
        except Exception as error:
            guard.fault(peer, error)
        finally:
            await close_stream(stream)

    return run


async def close_stream(stream: INetStream) -> None:
    """Reset a stream that is still open, even while being cancelled. Never raises, never hangs."""
    with shielded(1):
        try:
            if not stream.is_closed:  # type: ignore[attr-defined]
                await stream.reset()
        except (*ORDINARY, BaseLibp2pError):
            pass


class MeteredSession:
    """A secured connection whose reading is paid for and whose writing ends in time."""

    def __init__(self, inner: ISecureConn, peer: str, budget: PeerBudget, guard: Guard) -> None:
        self._inner = inner
        self._peer = peer
        self._budget = budget
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(self, n: int | None = None) -> bytes:
        data = await self._inner.read(n)
        now = trio.current_time()
        wait = self._budget.received(len(data), now)
        if wait > 0:
            if self._budget.flooded(now):
                # What has been decrypted already would otherwise still be read, frame by frame.
                self._guard.blame(self._peer, Offence.FLOOD, "connection")
                raise ConnectionClosedError("a flood", transport="tcp")
            await trio.sleep(wait)
        return data

    async def write(self, data: bytes) -> None:
        with shielded(limits.WRITE_MAX_S) as scope:
            await self._inner.write(data)
            self._budget.bytes_out += len(data)
        if scope.cancelled_caught:
            self._guard.blame(self._peer, Offence.SLOW, "takes no bytes")
            raise ConnectionClosedError("the peer takes no bytes", transport="tcp")


class BoundedYamux(Yamux):
    """Yamux that holds the peer to its window, bounds its streams, and never raises."""

    def __init__(self, session: ISecureConn, peer_id: ID, budget: PeerBudget, guard: Guard) -> None:
        self.peer = str(peer_id)
        self.budget = budget
        self._guard = guard
        metered: Any = MeteredSession(session, self.peer, budget, guard)
        super().__init__(metered, peer_id, is_initiator=session.is_initiator, on_close=None)

    async def start(self) -> None:
        try:
            await super().start()
        except Exception as error:
            self._guard.fault(self.peer, error)
            await self._cleanup_on_error()

    async def _read_data_body(self, length: int) -> bytes:
        unread = sum(len(buffer) for buffer in self.stream_buffers.values())
        if length > limits.SEGMENT_MAX_BYTES or (
            unread + length > limits.CONNECTION_UNREAD_MAX_BYTES
        ):
            self._guard.blame(self.peer, Offence.FLOOD, "beyond the receive window")
            raise ConnectionClosedError("beyond the receive window", transport="tcp")
        return await super()._read_data_body(length)

    async def _write_frame(self, data: bytes) -> None:
        if _is_answer(data) and not self.budget.answers.try_pay(1, trio.current_time()):
            self._guard.blame(self.peer, Offence.FLOOD, "frames that want an answer")
            raise ConnectionClosedError("frames that want an answer", transport="tcp")
        await super()._write_frame(data)

    async def accept_stream(self) -> IMuxedStream:
        stream = await super().accept_stream()
        if len(self.streams) > limits.STREAMS_PER_CONNECTION_MAX_COUNT or (
            not self.budget.streams.try_pay(1, trio.current_time())
        ):
            self._guard.blame(self.peer, Offence.STREAMS, f"{len(self.streams)} open")
        return stream


def _is_answer(frame: bytes) -> bool:
    """True iff libp2p writes this Yamux frame because the peer made it: a pong, or a refusal."""
    if len(frame) != yamux.HEADER_SIZE:
        return False
    _, kind, flags, _, _ = struct.unpack(yamux.YAMUX_HEADER_FORMAT, frame)
    pong = kind == yamux.TYPE_PING and flags & yamux.FLAG_ACK
    return bool(pong or flags & yamux.FLAG_RST)


class BoundedMuxers(MuxerMultistream):
    """Negotiates Yamux and nothing else, and refuses banned peers before they get that far."""

    def __init__(self, inner: MuxerMultistream, guard: Guard) -> None:
        super().__init__(dict(inner.transports), inner.negotiate_timeout)
        self._guard = guard

    async def new_conn(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        if self._guard.banned(str(peer_id)):
            raise MultiselectError("the peer is banned")
        protocol, _ = await self._selector.select(conn, conn.is_initiator, self.negotiate_timeout)
        muxed = BoundedYamux(conn, peer_id, PeerBudget(), self._guard)
        return self._annotate_connection(muxed, conn, protocol)
