"""Files of pictures between neighbours: one question, one answer, on a stream that stays open.

    question: the file's hash (32 bytes)     answer: one byte, with HERE followed by the file

Rules: both in frames as `sync` has them. A file is asked for by its hash and has a bounded length,
so what comes is right or its sender is to blame; who is slow has a rest and keeps its connection. A
neighbour's questions and what they are given are paid for. What a file is worth is decided by
others.
"""

# pyright: reportUnknownMemberType=false

import logging
import random
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol

import trio
from libp2p.abc import INetStream
from libp2p.protocol_muxer.exceptions import MultiselectClientError

from node.network.conduct import Offence
from node.network.frames import FrameFault, FrameReader, framed
from node.network.guard import ORDINARY, close_stream
from node.network.host import Host, Link
from node.protocol import limits
from node.protocol.crypto import sha256

log = logging.getLogger(__name__)

PROTOCOL: Final = "/wetalk/picture/1"
HASH_BYTES: Final = 32


class Word(IntEnum):
    """The first byte of an answer."""

    NOT_HERE = 0
    HERE = 1
    LATER = 2  # may come, or too much was asked: ask again in a while


class Shelf(Protocol):
    """Where files come from."""

    async def give(self, key: bytes, /) -> tuple[Word, bytes]:
        """The file with this hash for a neighbour. Never raises."""
        ...

    def met(self) -> None:
        """There is a new neighbour to ask. Quick."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What asking around has brought. `asked`: how many answered; `later`: some may have it yet."""

    data: bytes | None
    asked: int = 0
    later: bool = False


@dataclass(slots=True, eq=False)
class _Line:
    """Our stream to a neighbour."""

    link: Link
    turn: trio.Lock = field(default_factory=trio.Lock)
    stream: INetStream | None = None
    reader: FrameReader | None = None
    gave_at: float = 0.0
    rests_until: float = 0.0


class PictureExchange:
    """Asks neighbours, and answers them."""

    def __init__(self, host: Host, shelf: Shelf | None) -> None:
        """`shelf` None: nothing is given."""
        self._host = host
        self._shelf = shelf
        self._lines: dict[str, _Line] = {}
        self._asking: Counter[str] = Counter()  # streams that neighbours have opened
        host.serve(PROTOCOL, self._accept)
        host.listen_for_links(self._came, self._went)

    def _came(self, link: Link) -> None:
        self._lines[link.peer] = _Line(link)
        if self._shelf is not None:
            self._shelf.met()

    def _went(self, link: Link) -> None:
        line = self._lines.get(link.peer)
        if line is not None and line.link is link:
            del self._lines[link.peer]

    # --- asking -----------------------------------------------------------------------------------
    async def ask(self, key: bytes) -> Found:
        """Ask neighbours, one after the other, those that gave something last before others. Never
        raises."""
        now = trio.current_time()
        rested = [line for line in self._lines.values() if line.rests_until <= now]
        rested.sort(key=lambda line: (-line.gave_at, random.random()))
        asked, later = 0, False
        for line in rested[: limits.PICTURE_ASKED_MAX_COUNT]:
            answer = await self._ask(line, key)
            if answer is None:
                continue
            asked += 1
            if answer[0] == Word.HERE:
                line.gave_at = trio.current_time()
                return Found(answer[1], asked)
            later = later or answer[0] == Word.LATER
        return Found(None, asked, later)

    async def _ask(self, line: _Line, key: bytes) -> tuple[Word, bytes] | None:
        """One neighbour's answer, None where there is none that counts."""
        guard, peer = self._host.guard, line.link.peer
        async with line.turn:
            try:
                with trio.fail_after(limits.PICTURE_ANSWER_MAX_S):
                    frame = await self._exchange(line, key)
                return _read(frame, key)
            except MultiselectClientError:  # knows of no pictures, or the stream has ended
                line.rests_until = trio.current_time() + limits.PICTURE_AGAIN_MAX_S
            except FrameFault as fault:
                line.rests_until = trio.current_time() + limits.PICTURE_REST_S
                if fault.offence != Offence.SLOW:
                    guard.blame(peer, fault.offence, f"picture: {fault}")
            except ORDINARY as error:
                log.debug("peer %s: picture: %r", peer, error)
                line.rests_until = trio.current_time() + limits.PICTURE_REST_S
            except Exception as error:
                guard.fault(peer, error)
                line.rests_until = trio.current_time() + limits.PICTURE_REST_S
            finally:
                if line.rests_until > trio.current_time():
                    await self._hang_up(line)
        return None

    async def _exchange(self, line: _Line, key: bytes) -> bytes:
        if line.stream is None:
            line.stream = await self._host.open_stream(line.link, PROTOCOL)
            line.reader = FrameReader(line.stream, limits.PICTURE_FILE_MAX_BYTES + 1)
        assert line.reader is not None
        try:
            await line.stream.write(framed(key))
            frame = await line.reader.read()
        except BaseException:
            line.rests_until = max(line.rests_until, trio.current_time() + limits.PICTURE_REST_S)
            raise
        if frame is None:
            raise FrameFault(Offence.SLOW, "no answer")
        return frame

    async def _hang_up(self, line: _Line) -> None:
        stream, line.stream, line.reader = line.stream, None, None
        if stream is not None:
            await close_stream(stream)

    # --- answering --------------------------------------------------------------------------------
    async def _accept(self, stream: INetStream) -> None:
        peer = str(stream.muxed_conn.peer_id)
        link = self._host.link(peer)
        if link is None or link.muxed is not stream.muxed_conn or self._shelf is None:
            return
        if self._asking[peer] >= limits.PICTURE_STREAMS_MAX_COUNT:
            log.debug("peer %s opened a stream for pictures too many", peer)
            return
        self._asking[peer] += 1
        try:
            await self._answer(link, stream, self._shelf)
        except FrameFault as fault:
            self._host.guard.blame(peer, fault.offence, f"picture: {fault}")
        finally:
            self._asking[peer] -= 1
            if not self._asking[peer]:
                del self._asking[peer]

    async def _answer(self, link: Link, stream: INetStream, shelf: Shelf) -> None:
        """Answer until the neighbour ends it. Raises FrameFault, and what the stream raises."""
        reader, budget = FrameReader(stream, HASH_BYTES), link.budget
        while (key := await reader.read()) is not None:
            if len(key) != HASH_BYTES:
                raise FrameFault(Offence.GARBAGE, "no hash")
            now = trio.current_time()
            wait = budget.asks.pay(1, now)
            if wait > 0:
                if budget.asks.flooded(now):
                    raise FrameFault(Offence.FLOOD, "questions")
                await trio.sleep(wait)
            word, data = await shelf.give(key)
            if data and not budget.given.try_pay(len(data), trio.current_time()):
                word, data = Word.LATER, b""
            await stream.write(framed(bytes((word,)) + data))


def _read(frame: bytes, key: bytes) -> tuple[Word, bytes]:
    """An answer. Raises FrameFault for one that no honest program gives."""
    word, data = frame[0], frame[1:]
    if word not in (Word.NOT_HERE, Word.HERE, Word.LATER) or (word != Word.HERE and data):
        raise FrameFault(Offence.GARBAGE, "no answer")
    if word == Word.HERE and sha256(data) != key:
        raise FrameFault(Offence.GARBAGE, "another file")
    return Word(word), data
