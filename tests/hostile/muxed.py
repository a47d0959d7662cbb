"""Attacks through a whole connection on what lies below WeTalk's own protocols: Yamux, the choice
of protocols on a stream, identify and ping."""

import os
import struct

import trio
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.stream_muxer.exceptions import MuxedStreamError
from multiaddr import Multiaddr

from node.network.guard import ORDINARY
from tests.hostile.arm import MULTISTREAM, Line
from tests.network.lab import prefixed

DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
MANY_COUNT = 500
TRICKLE_S = 2.0
UNREAD_BYTES = 60_000
PINGS = "/ipfs/ping/1.0.0"
IDENTIFY = "/ipfs/id/1.0.0"
PUSH = "/ipfs/id/push/1.0.0"


def header(kind: int, flags: int, stream: int, length: int) -> bytes:
    """The header of a Yamux frame."""
    return struct.pack("!BBHII", 0, kind, flags, stream, length)


async def _flood(line: Line, frames: bytes) -> None:
    while True:
        await line.frame(frames)


async def ping_answers(line: Line) -> None:
    """Answers to pings that nobody sent."""
    await _flood(line, header(PING, ACK, 0, 0) * MANY_COUNT)


async def muxer_pings(line: Line) -> None:
    """Pings of Yamux, each of which wants an answer."""
    await _flood(line, header(PING, SYN, 0, 7) * MANY_COUNT)


async def window_updates(line: Line) -> None:
    """Room for a stream that there is not, and for one that there is."""
    stream = await line.open(PINGS)
    number = stream.muxed_stream.stream_id
    frames = header(WINDOW, 0, 9_999, 1) + header(WINDOW, 0, number, 0xFFFF_FFFF)
    await _flood(line, frames * MANY_COUNT)


async def streams(line: Line) -> None:
    """Streams opened without end."""
    number = 1_001
    while True:
        await line.frame(b"".join(header(WINDOW, SYN, number + 2 * n, 0) for n in range(100)))
        number += 200


async def rapid_reset(line: Line) -> None:
    """Streams opened and torn down at once."""
    number = 1_001
    while True:
        pairs = (number + 2 * n for n in range(100))
        frames = (header(WINDOW, SYN, n, 0) + header(WINDOW, RST, n, 0) for n in pairs)
        await line.frame(b"".join(frames))
        number += 200


async def beyond_window(line: Line) -> None:
    """Data on streams that nobody reads, whatever room the node gives."""
    stream = await line.open(IDENTIFY)  # which only speaks
    number = stream.muxed_stream.stream_id
    while True:
        await line.frame(header(DATA, 0, number, UNREAD_BYTES) + bytes(UNREAD_BYTES))


async def huge_frame(line: Line) -> None:
    """A frame that says it has a gigabyte."""
    stream = await line.open(PINGS)
    await line.frame(header(DATA, 0, stream.muxed_stream.stream_id, 1 << 30))


async def muxer_garbage(line: Line) -> None:
    """Random bytes in the place of frames."""
    while True:
        await line.frame(os.urandom(12_000))


async def half_open(line: Line) -> None:
    """A process that stands still with its sockets open."""
    _fall_silent(line)


async def trickled_frame(line: Line) -> None:
    """Headers of Yamux, a byte a second, and no answer to anything."""
    _fall_silent(line)
    while True:
        for byte in header(PING, ACK, 0, 0):
            await line.link.muxed.secured_conn.write(bytes((byte,)))
            line.arm.sent += 1
            await trio.sleep(TRICKLE_S / 2)  # so that bytes come while a ping is waited for


def _fall_silent(line: Line) -> None:
    """Have libp2p answer nothing for us any more."""

    async def say_nothing(data: bytes) -> None:
        del data

    line.link.muxed._write_frame = say_nothing


async def trickled_choice(line: Line) -> None:
    """The first words of many streams, a byte every two seconds."""
    opened = [await line.link.conn.muxed_conn.open_stream() for _ in range(24)]
    for byte in MULTISTREAM * 20:
        for stream in list(opened):
            try:
                await stream.write(bytes((byte,)))
            except ORDINARY:
                opened.remove(stream)
        await trio.sleep(TRICKLE_S)


async def unknown_protocols(line: Line) -> None:
    """Asks for one protocol after the other, on one stream after the other."""
    names = b"".join(b"\x08/no/%03d\n" % n for n in range(1_000))
    while True:
        stream = await line.link.conn.muxed_conn.open_stream()
        try:
            await stream.write(MULTISTREAM)
            while True:
                await stream.write(names)
                line.arm.sent += len(names)
        except MuxedStreamError:
            await trio.lowlevel.checkpoint()


async def pings(line: Line) -> None:
    """Pings as fast as they can be sent, the answers unread."""
    stream = await line.open(PINGS)
    while True:
        await line.arm.send(stream, os.urandom(32) * 100)


async def single_pings(line: Line) -> None:
    """The same, each in a frame of its own: far more work for each byte."""
    stream = await line.open(PINGS)
    number = stream.muxed_stream.stream_id
    one = header(DATA, 0, number, 32) + bytes(32)
    while True:
        await line.frame(one * 100)


async def identify(line: Line) -> None:
    """Asked again and again who it is."""
    while True:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(_ask, line)


async def _ask(line: Line) -> None:
    stream = await line.open(IDENTIFY)
    await stream.read(4_096)
    line.arm.sent += 1
    await stream.close()


async def identify_lies(line: Line) -> None:
    """Asked who we are, we tell of ten thousand addresses, again and again."""
    said = Identify(protocols=[f"/no/{n}" for n in range(5_000)])
    address = Multiaddr("/ip4/192.0.2.1/tcp/1").to_bytes()
    said.listen_addrs.extend([address] * 50_000)
    data = prefixed(said.SerializeToString())
    while True:
        stream = await line.open(PUSH)
        await line.arm.send(stream, data)
        await stream.close()


async def identify_garbage(line: Line) -> None:
    """Told again and again who we are, in garbage of a megabyte."""
    while True:
        stream = await line.open(PUSH)
        await line.arm.send(stream, b"\x80\x80\x40" + os.urandom(1 << 20))
        await stream.close()
