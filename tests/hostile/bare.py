"""Attacks below libp2p: on TCP, on the choice of protocols, and on the handshake of Noise."""

import os
import socket
import struct
from collections.abc import Iterable

import trio

from node.network.guard import ORDINARY
from tests.hostile.arm import MULTISTREAM, NOISE, Arm

CROWD_COUNT = 2_000
SILENT_COUNT = 200
TRICKLING_COUNT = 24
TRICKLE_S = 2.0
PAUSE_S = 0.05


async def garbage(arm: Arm) -> None:
    """Random bytes, on one connection after the other."""
    for _ in range(60):
        await _begin(arm, os.urandom(4_096))


async def broken_noise(arm: Arm) -> None:
    """The right beginning, then a handshake that is none."""
    for _ in range(60):
        await _begin(arm, MULTISTREAM + NOISE + struct.pack("!H", 96) + os.urandom(300))


async def silent(arm: Arm) -> None:
    """Connections on which nothing is said."""
    for _ in range(SILENT_COUNT):
        await _begin(arm, b"")


async def crowd(arm: Arm) -> None:
    """Thousands of connections from one address, as fast as they can be made."""
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(_many, arm, CROWD_COUNT // 20)


async def reset_storm(arm: Arm) -> None:
    """Connections that are torn down before they are accepted."""
    while True:
        try:
            made = await arm.socket()
            arm.sockets.clear()
            made.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            made.socket.close()
        except ORDINARY:
            await trio.sleep(PAUSE_S)
        arm.sent += 1


async def protocols_named(arm: Arm) -> None:
    """Before any handshake: one protocol after the other that nobody speaks."""
    names = MULTISTREAM + b"".join(b"\x08/no/%03d\n" % n for n in range(1_000)) * 20
    for _ in range(20):
        await _begin(arm, names)


async def trickled_choice(arm: Arm) -> None:
    """The first words of a connection, a byte every two seconds."""
    await _trickle(arm, b"", MULTISTREAM * 20)


async def trickled_noise(arm: Arm) -> None:
    """The handshake of Noise, a byte every two seconds."""
    await _trickle(arm, MULTISTREAM + NOISE, struct.pack("!H", 32) + os.urandom(32))


async def _many(arm: Arm, count: int) -> None:
    for _ in range(count):
        await _begin(arm, b"")


async def _begin(arm: Arm, data: bytes) -> trio.SocketStream | None:
    """A connection and its first bytes; None where the node does not want it."""
    try:
        made = await arm.socket()
        await arm.send(made, data)
    except ORDINARY:
        await trio.sleep(PAUSE_S)
        return None
    return made


async def _trickle(arm: Arm, first: bytes, rest: bytes) -> None:
    begun = [await _begin(arm, first) for _ in range(TRICKLING_COUNT)]
    await _drip(arm, [one for one in begun if one is not None], rest)


async def _drip(arm: Arm, streams: Iterable[trio.SocketStream], rest: bytes) -> None:
    living = list(streams)
    for place in range(len(rest)):
        for stream in list(living):
            try:
                await arm.send(stream, rest[place : place + 1])
            except ORDINARY:
                living.remove(stream)
        if not living:
            return
        await trio.sleep(TRICKLE_S)
