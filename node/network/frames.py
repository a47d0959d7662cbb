"""Frames on a stream: lengths first, bounded before anything is kept, read through one buffer.

Two forms: ours (four bytes, big-endian, for sync) and libp2p's (a varint, for gossip). Rules: a
length beyond the limit is the sender's offence, noticed before memory is spent on it; a frame
that has begun ends in time; reads take what is there, because each small read would cost an
encrypted frame.
"""

import trio
from libp2p.abc import INetStream
from libp2p.network.stream.exceptions import StreamEOF

from node.network.conduct import Offence
from node.protocol import limits

LENGTH_BYTES = 4
READ_BYTES = limits.FRAME_TARGET_BYTES
VARINT_MAX_BYTES = 5


class FrameFault(Exception):
    """What arrived is an offence of the sender."""

    def __init__(self, offence: Offence, detail: str) -> None:
        super().__init__(detail)
        self.offence = offence


class _Buffered:
    """Bytes of a stream, read ahead."""

    def __init__(self, stream: INetStream, size_max: int) -> None:
        self._stream = stream
        self._size_max = size_max
        self._buffer = bytearray()
        self._start = 0

    def _have(self) -> int:
        return len(self._buffer) - self._start

    async def _more(self) -> bool:
        """Read once; False at the clean end of the stream."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        try:
            data = await self._stream.read(READ_BYTES)
        except StreamEOF:
            return False
        self._buffer += data
        return bool(data)

    async def _take(self, size: int) -> bytes:
        """The next `size` bytes, in time. Raises FrameFault."""
        try:
            with trio.fail_after(limits.FRAME_READ_MAX_S):
                while self._have() < size:
                    if not await self._more():
                        # So ends a line whose other side could not write for some seconds: an
                        # honest neighbour in a burst. It costs the connection, not the peace.
                        raise FrameFault(Offence.SLOW, "a frame broke off")
        except trio.TooSlowError:
            raise FrameFault(Offence.SLOW, "a frame took too long") from None
        end = self._start + size
        data = bytes(memoryview(self._buffer)[self._start : end])
        self._start = end
        return data

    def _check(self, size: int) -> int:
        if size > self._size_max:
            raise FrameFault(Offence.GARBAGE, f"a frame of {size} bytes")
        return size


class FrameReader(_Buffered):
    """Reads frames of our form."""

    async def read(self) -> bytes | None:
        """The next frame; None at the clean end. Raises FrameFault, or what the stream raises."""
        if self._have() == 0 and not await self._more():
            return None
        size = int.from_bytes(await self._take(LENGTH_BYTES), "big")
        if size == 0:
            raise FrameFault(Offence.GARBAGE, "an empty frame")
        return await self._take(self._check(size))


class VarintReader(_Buffered):
    """Reads messages of libp2p's form."""

    async def read(self) -> bytes | None:
        """The next message; None at the clean end. Raises FrameFault, or what the stream raises."""
        if self._have() == 0 and not await self._more():
            return None
        size, shift = 0, 0
        for _ in range(VARINT_MAX_BYTES):
            byte = (await self._take(1))[0]
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                return await self._take(self._check(size))
            shift += 7
        raise FrameFault(Offence.GARBAGE, "a length without end")


def framed(frame: bytes) -> bytes:
    """The frame with its length before it, in our form."""
    assert 0 < len(frame) <= limits.FRAME_SIZE_MAX_BYTES
    return len(frame).to_bytes(LENGTH_BYTES, "big") + frame
