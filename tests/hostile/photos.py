"""Attacks on the exchange of pictures."""

import os

from node.network.frames import framed
from node.network.pictures import HASH_BYTES, PROTOCOL
from tests.hostile.arm import Line
from tests.hostile.talk import trickle

BATCH_COUNT = 200


async def questions(line: Line) -> None:
    """Questions for pictures that nobody has, as many as the line takes."""
    stream = await line.open(PROTOCOL)
    while True:
        asked = (framed(os.urandom(HASH_BYTES)) for _ in range(BATCH_COUNT))
        await line.arm.send(stream, b"".join(asked))


async def no_question(line: Line) -> None:
    """A question that is no hash."""
    await line.arm.send(await line.open(PROTOCOL), framed(os.urandom(HASH_BYTES - 1)))


async def oversize(line: Line) -> None:
    """A question that says it has four gigabytes."""
    await line.arm.send(await line.open(PROTOCOL), b"\xff\xff\xff\xff" + bytes(60_000))


async def trickled(line: Line) -> None:
    """A question, a byte every two seconds."""
    await trickle(line, PROTOCOL, framed(os.urandom(HASH_BYTES)))
