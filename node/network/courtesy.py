"""What every libp2p host does for any other: choosing a protocol, ping, and identify both ways.

In the place of libp2p's own, which answer whatever is asked as often as it is asked, and read a
megabyte of addresses of anybody. Rules: each of them has a budget, beyond which a peer floods; of
what a peer says of itself only its protocols are kept, and few; nobody reads them but libp2p.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false

from typing import Final

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import IMultiselectCommunicator, INetStream, IPeerStore
from libp2p.custom_types import StreamHandlerFn, TProtocol
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectCommunicatorError
from libp2p.protocol_muxer.multiselect import DEFAULT_NEGOTIATE_TIMEOUT, Multiselect

from node.network.budget import Bucket
from node.network.conduct import Offence
from node.network.frames import FrameFault, VarintReader
from node.network.guard import BoundedYamux, Guard, Handler, guarded
from node.protocol import limits

PING: Final = TProtocol("/ipfs/ping/1.0.0")
IDENTIFY: Final = TProtocol("/ipfs/id/1.0.0")
PUSH: Final = TProtocol("/ipfs/id/push/1.0.0")
PING_SIZE_BYTES: Final = 32


class BoundedChoice(Multiselect):
    """Lets the other side name some protocols, not any number."""

    async def negotiate(
        self,
        communicator: IMultiselectCommunicator,
        negotiate_timeout: int = DEFAULT_NEGOTIATE_TIMEOUT,
    ) -> tuple[TProtocol | None, StreamHandlerFn | None]:
        return await super().negotiate(_Counted(communicator), negotiate_timeout)


class _Counted(IMultiselectCommunicator):
    """Reads so many words and no more."""

    def __init__(self, inner: IMultiselectCommunicator) -> None:
        self._inner = inner
        self._left = limits.PROTOCOLS_NAMED_MAX_COUNT

    async def read(self) -> str:
        self._left -= 1
        if self._left < 0:
            raise MultiselectCommunicatorError("names protocols without end")
        return await self._inner.read()

    async def write(self, msg_str: str) -> None:
        await self._inner.write(msg_str)


def bounded_choice(plain: Multiselect) -> BoundedChoice:
    """The same choice of protocols, bounded."""
    return BoundedChoice(dict(plain.handlers))


class Courtesy:
    """Handlers of one host's streams. What they raise is for `guarded` around them."""

    def __init__(self, guard: Guard, identify: Handler) -> None:
        """`identify`: libp2p's own answer to who we are."""
        self._guard = guard
        self._identify = identify

    def handlers(self) -> dict[TProtocol, Handler]:
        """By protocol."""
        found = {PING: self._ping, IDENTIFY: self._tell, PUSH: self._hear}
        return {protocol: guarded(handler, self._guard) for protocol, handler in found.items()}

    async def _ping(self, stream: INetStream) -> None:
        """Send back what comes, 32 bytes at a time, until the other side is done."""
        budget, waiting = _muxed(stream).budget, bytearray()
        while True:
            with trio.fail_after(limits.PING_PAUSE_MAX_S):
                data = await stream.read(PING_SIZE_BYTES - len(waiting))
            waiting += data
            if not data:
                return
            if len(waiting) == PING_SIZE_BYTES:
                if not self._afford(stream, budget.pings, "pings"):
                    return
                await stream.write(bytes(waiting))
                waiting.clear()

    async def _tell(self, stream: INetStream) -> None:
        if self._afford(stream, _muxed(stream).budget.introductions, "asks who we are"):
            await self._identify(stream)

    async def _hear(self, stream: INetStream) -> None:
        """A peer says anew who it is. It is read as libp2p does, and nothing follows."""
        if self._afford(stream, _muxed(stream).budget.introductions, "says who it is"):
            await read_identify(stream)

    def _afford(self, stream: INetStream, bucket: Bucket, detail: str) -> bool:
        if bucket.try_pay(1, trio.current_time()):
            return True
        self._guard.blame(_muxed(stream).peer, Offence.FLOOD, detail)
        return False


async def read_identify(stream: INetStream) -> Identify:
    """What a peer says of itself, bounded. Raises FrameFault, or what the stream raises."""
    data = await VarintReader(stream, limits.IDENTIFY_MAX_BYTES).read()
    said = Identify()
    try:
        said.ParseFromString(data or b"")
    except DecodeError as error:
        raise FrameFault(Offence.FAULT, str(error)) from None
    return said


def keep_protocols(store: IPeerStore, peer: ID, said: Identify) -> None:
    """Note what a peer speaks."""
    store.set_protocols(peer, list(said.protocols[: limits.PROTOCOLS_KEPT_MAX_COUNT]))


def _muxed(stream: INetStream) -> BoundedYamux:
    muxed = stream.muxed_conn
    assert isinstance(muxed, BoundedYamux)
    return muxed
