"""Frames: any split into reads gives the same; what no honest program sends is an offence."""

from typing import cast

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from libp2p.abc import INetStream
from libp2p.network.stream.exceptions import StreamEOF

from node.network.conduct import Offence
from node.network.frames import FrameFault, FrameReader, VarintReader, framed
from node.protocol import limits
from tests.network.lab import prefixed


class Pieces:
    """A stream that gives its bytes in pieces, then ends, or hangs."""

    def __init__(self, pieces: list[bytes], hangs: bool = False) -> None:
        self.pieces = list(pieces)
        self.hangs = hangs

    async def read(self, n: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if self.pieces:
            return self.pieces.pop(0)
        if self.hangs:
            await trio.sleep_forever()
        raise StreamEOF


def reader(form: type[FrameReader] | type[VarintReader], pieces: list[bytes], **kind: bool):
    return form(cast(INetStream, Pieces(pieces, **kind)), limits.FRAME_SIZE_MAX_BYTES)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({position % (len(data) + 1) for position in at} | {len(data)})
    starts = [0, *ends[:-1]]
    return [data[start:end] for start, end in zip(starts, ends, strict=True) if start < end]


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=12), st.lists(st.integers(0, 5_000)))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    frames: list[bytes], at: list[int]
) -> None:
    async def read() -> None:
        for form, write in ((FrameReader, framed), (VarintReader, prefixed)):
            source = reader(form, cut(b"".join(map(write, frames)), at))
            for frame in frames:
                assert await source.read() == frame
            assert await source.read() is None

    trio.run(read)


async def fault(form: type[FrameReader] | type[VarintReader], data: bytes, **kind: bool) -> Offence:
    with pytest.raises(FrameFault) as caught:
        await reader(form, [data] if data else [], **kind).read()
    return caught.value.offence


@pytest.mark.trio
async def test_lengths_beyond_the_limit_are_refused_before_the_bytes_arrive() -> None:
    too_long = (limits.FRAME_SIZE_MAX_BYTES + 1).to_bytes(4, "big")
    assert await fault(FrameReader, too_long, hangs=True) == Offence.GARBAGE
    assert await fault(FrameReader, b"\xff\xff\xff\xff", hangs=True) == Offence.GARBAGE
    assert await fault(FrameReader, bytes(4), hangs=True) == Offence.GARBAGE
    assert await fault(VarintReader, b"\x80\x80\x80\x80\x01", hangs=True) == Offence.GARBAGE
    assert await fault(VarintReader, b"\xff" * 5, hangs=True) == Offence.GARBAGE


@pytest.mark.trio
@pytest.mark.parametrize("form", [FrameReader, VarintReader])
async def test_a_frame_that_breaks_off_is_an_offence(
    form: type[FrameReader] | type[VarintReader],
) -> None:
    whole = framed(b"hello") if form is FrameReader else prefixed(bytes(300))
    for length in range(1, 5):
        assert await fault(form, whole[:length]) == Offence.SLOW  # an honest line may break, too


@pytest.mark.trio
async def test_a_frame_that_trickles_in_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Trickle:
        async def read(self, n: int | None = None) -> bytes:
            await trio.sleep(limits.FRAME_READ_MAX_S / 3)
            return b"\0"

    slow = FrameReader(cast(INetStream, Trickle()), limits.FRAME_SIZE_MAX_BYTES)
    with pytest.raises(FrameFault) as caught:
        await slow.read()
    assert caught.value.offence == Offence.SLOW


@pytest.mark.trio
async def test_between_frames_a_peer_may_be_silent_as_long_as_it_likes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    quiet = reader(FrameReader, [framed(b"one")], hangs=True)
    assert await quiet.read() == b"one"
    with trio.move_on_after(limits.FRAME_READ_MAX_S * 10) as scope:
        await quiet.read()
    assert scope.cancelled_caught
