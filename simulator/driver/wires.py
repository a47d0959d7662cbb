"""TCP in memory: machines with addresses, and sockets that trio takes for those of the system.

Rules: bytes arrive late, in order, and bounded by a window, or not at all; what fails, fails as the
system's sockets fail, with its numbers. Which machine a socket is on is said by `MACHINE`, which
tasks inherit. A connection whose machine lost its power is silent until that machine is back and
knows nothing of it.

    wall    nothing passes between two machines; what was sent arrives when the wall is gone
    forget  connections between two are black holes for ever, new ones work (a router's table)
    reset   connections between two break at once
    off     a machine is silent; whoever dials it waits

Left to others: when what happens (`day`), and to whom.
"""

# pyright: reportUnknownMemberType=false, reportIncompatibleMethodOverride=false
# The stubs of trio that come with libp2p do not know their own types.

import errno
import heapq
import math
import os
import random
import socket as system
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import trio

MACHINE: ContextVar[str] = ContextVar("machine")
"""IP address of the machine that the present task runs on."""

WINDOW_BYTES: Final = 131_072  # sent and not yet read, one way
LATENCY_MIN_S: Final = 0.002
LATENCY_MAX_S: Final = 0.09
TICK_S: Final = 0.005  # what arrives within one is noticed together
FIRST_PORT: Final = 40_000
Address = tuple[str, int]


def _fails(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@dataclass(slots=True, eq=False)
class _Pipe:
    """One direction of a connection: chunks with the time at which each arrives."""

    source: str
    target: str
    chunks: deque[tuple[float, bytes]] = field(default_factory=deque[tuple[float, bytes]])
    held: int = 0  # bytes sent and not yet read
    free_at: float = 0.0  # when a slow line takes the next byte
    last_at: float = 0.0
    ended_at: float | None = None  # when the sender's end arrives
    lost: bool = False

    def push(self, wires: "Wires", data: bytes) -> None:
        """Send bytes, or with none the end."""
        now = trio.current_time()
        rate = min(wires.rate.get(self.source, math.inf), wires.rate.get(self.target, math.inf))
        self.free_at = max(now, self.free_at) + len(data) / rate
        at = math.inf
        if not self.lost and not wires.blocked(self.source, self.target):
            arrival = self.free_at + wires.latency(self.source, self.target)
            at = self.last_at = max(self.last_at, math.ceil(arrival / TICK_S) * TICK_S)
        if data:
            self.chunks.append((at, data))
            self.held += len(data)
        else:
            self.ended_at = at

    def freeze(self) -> None:
        """What is under way does not arrive for now."""
        now = trio.current_time()
        self.chunks = deque((at if at <= now else math.inf, data) for at, data in self.chunks)
        if self.ended_at is not None and self.ended_at > now:
            self.ended_at = math.inf

    def thaw(self, wires: "Wires") -> None:
        """What was held up is sent again."""
        if self.lost:
            return
        at = trio.current_time() + wires.latency(self.source, self.target)
        self.last_at = at
        self.chunks = deque((min(when, at), data) for when, data in self.chunks)
        if self.ended_at == math.inf:
            self.ended_at = at

    def take(self, most: int, now: float) -> bytes:
        """Bytes that have arrived, at most so many."""
        found = bytearray()
        while self.chunks and self.chunks[0][0] <= now and len(found) < most:
            at, data = self.chunks.popleft()
            part, rest = data[: most - len(found)], data[most - len(found) :]
            found += part
            if rest:
                self.chunks.appendleft((at, rest))
        self.held -= len(found)
        return bytes(found)

    def next_at(self) -> float:
        """When something arrives."""
        if self.chunks:
            return self.chunks[0][0]
        return math.inf if self.ended_at is None else self.ended_at


class WireSocket(trio.socket.SocketType):
    """A stream socket of a machine."""

    def __init__(self, wires: "Wires", family: int, kind: int, proto: int) -> None:
        super().__init__()
        self.wires = wires
        self.number = next(wires.numbers)
        self._family, self._type, self._proto = family, kind, proto
        self.machine = ""
        self.local: Address = ("0.0.0.0", 0)
        self.remote: Address | None = None
        self.incoming: _Pipe | None = None
        self.outgoing: _Pipe | None = None
        self.peer: WireSocket | None = None
        self.closed = False
        self.ended = False  # nothing more is sent
        self.waiting: deque[WireSocket] | None = None  # arrivals, of a socket that listens
        self.alarm_at = math.inf
        self._reset_at = math.inf
        self._woken = trio.Event()

    family = property(lambda self: self._family)
    type = property(lambda self: self._type)
    proto = property(lambda self: self._proto)
    did_shutdown_SHUT_WR = property(lambda self: self.ended)

    def fileno(self) -> int:
        return -1 if self.closed else self.number

    def getsockname(self) -> Address:
        return self.local

    def getpeername(self) -> Address:
        if self.remote is None or self.closed:
            raise _fails(errno.ENOTCONN)
        return self.remote

    def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> int:
        return int(optname == system.SO_ACCEPTCONN and self.waiting is not None)

    def setsockopt(self, *_: Any) -> None:
        """Options change nothing here."""

    # --- listening and dialling -------------------------------------------------------------------
    async def bind(self, address: Address) -> None:
        await trio.lowlevel.checkpoint()
        self.machine = address[0]
        self.local = address

    def listen(self, backlog: int = 128) -> None:
        if self.local in self.wires.listening:
            raise _fails(errno.EADDRINUSE)
        self.waiting = deque()
        self.wires.listening[self.local] = self
        self.wires.sockets[self.number] = self

    async def accept(self) -> tuple["WireSocket", Address]:
        await trio.lowlevel.checkpoint()
        while True:
            if self.closed or self.waiting is None:
                raise _fails(errno.EBADF)
            if self.waiting:
                found = self.waiting.popleft()
                assert found.remote is not None
                return found, found.remote
            await self._woken.wait()

    async def connect(self, address: Address) -> None:
        await trio.lowlevel.checkpoint()
        wires, target = self.wires, (address[0], address[1])
        self.machine = MACHINE.get()
        self.local = (self.machine, next(wires.ports))
        wires.dialled(self.machine, target[0])
        while wires.blocked(self.machine, target[0]):
            await wires.changed.wait()
        await trio.sleep(2 * wires.latency(self.machine, target[0]))
        while wires.blocked(self.machine, target[0]):
            await wires.changed.wait()
        listener = wires.listening.get(target)
        if listener is None or listener.waiting is None:
            raise _fails(errno.ECONNREFUSED)
        other = WireSocket(wires, self._family, self._type, self._proto)
        other.machine, other.local = target[0], target
        self.join(other, target)
        other.join(self, self.local)
        self.outgoing = other.incoming = _Pipe(self.machine, other.machine)
        other.outgoing = self.incoming = _Pipe(other.machine, self.machine)
        listener.waiting.append(other)
        listener.wake()

    def join(self, other: "WireSocket", remote: Address) -> None:
        """This is an end of a connection now."""
        self.peer, self.remote = other, remote
        self.wires.sockets[self.number] = self

    # --- bytes ------------------------------------------------------------------------------------
    async def recv(self, bufsize: int, flags: int = 0) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()
        rested = False
        while True:
            pipe = self._checked(self.incoming)
            now = trio.current_time()
            full = pipe.held >= WINDOW_BYTES
            data = pipe.take(bufsize, now)
            ended = not pipe.chunks and pipe.ended_at is not None and pipe.ended_at <= now
            if data or ended:
                if data and full and self.peer is not None:
                    self.peer.wake()  # there is room again
                if not rested:
                    await trio.lowlevel.cancel_shielded_checkpoint()
                return data
            self.wires.post(pipe.next_at(), self)
            await self._woken.wait()
            rested = True

    async def send(self, data: "bytes | bytearray | memoryview", flags: int = 0) -> int:
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            pipe = self._checked(self.outgoing)
            if self.ended:
                raise _fails(errno.EPIPE)
            room = WINDOW_BYTES - pipe.held
            if room > 0:
                break
            await self._woken.wait()
        part = bytes(data[:room])
        pipe.push(self.wires, part)
        assert self.peer is not None
        if self.peer.closed and not pipe.lost and not self._blocked():
            self.break_off(2 * self.wires.latency(self.machine, self.peer.machine))
        self.wires.post(pipe.next_at(), self.peer)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return len(part)

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()

    def shutdown(self, how: int) -> None:
        pipe = self._checked(self.outgoing)
        if how != system.SHUT_RD and not self.ended:
            self.ended = True
            pipe.push(self.wires, b"")
            assert self.peer is not None
            self.peer.wake()

    def close(self) -> None:
        if self.closed:
            return
        if self.outgoing is not None and not self.ended:
            self.outgoing.push(self.wires, b"")
        self.end()
        self.closed = True
        for one in self.waiting or ():
            one.close()
        self.wake()
        if self.peer is not None:
            self.peer.wake()

    def end(self) -> None:
        """Gone, and nobody is told, not even who waits here: the process may be dead."""
        self.closed = self.waiting is None
        self.wires.sockets.pop(self.number, None)
        if self.wires.listening.get(self.local) is self:
            del self.wires.listening[self.local]

    def break_off(self, after_s: float) -> None:
        """A reset arrives."""
        self._reset_at = min(self._reset_at, trio.current_time() + after_s)
        self.wires.post(self._reset_at, self)

    def wake(self) -> None:
        """Something has changed for whoever waits here."""
        self._woken.set()
        self._woken = trio.Event()

    def between(self, one: str, other: str) -> bool:
        """Does this end of a connection belong to one between these machines?"""
        return self.peer is not None and {self.machine, self.peer.machine} == {one, other}

    def _blocked(self) -> bool:
        assert self.peer is not None
        return self.wires.blocked(self.machine, self.peer.machine)

    def _checked(self, pipe: _Pipe | None) -> _Pipe:
        if self.closed:
            raise _fails(errno.EBADF)
        if pipe is None:
            raise _fails(errno.ENOTCONN)
        if trio.current_time() >= self._reset_at:
            raise _fails(errno.ECONNRESET)
        return pipe


class Wires(trio.abc.SocketFactory):
    """All machines and what is between them."""

    def __init__(self, seed: str) -> None:
        self.numbers = count(1)
        self.ports = count(FIRST_PORT)
        self.sockets: dict[int, WireSocket] = {}  # that listen or are connected
        self.listening: dict[Address, WireSocket] = {}
        self.rate: dict[str, float] = {}  # bytes a second, of slow machines
        self.dials: dict[tuple[str, str], int] = {}  # from, to: attempts so far
        self.changed = trio.Event()
        self._off: dict[str, bool] = {}
        self._walls: dict[tuple[str, str], bool] = {}
        self._alarms: list[tuple[float, int, WireSocket]] = []
        self._earlier = trio.Event()
        self._seed = seed
        self._distances: dict[tuple[str, str], float] = {}

    async def run(self) -> None:
        """Wake whoever waits for bytes when they arrive, for ever."""
        while True:
            self._earlier = trio.Event()
            with trio.move_on_at(self._alarms[0][0] if self._alarms else math.inf):
                await self._earlier.wait()
            now = trio.current_time()
            while self._alarms and self._alarms[0][0] <= now:
                at, _, end = heapq.heappop(self._alarms)
                if at == end.alarm_at:
                    end.alarm_at = math.inf
                    end.wake()

    def post(self, at: float, end: WireSocket) -> None:
        """Wake whoever waits at an end when this time has come."""
        if at <= trio.current_time():
            end.wake()
        elif at < end.alarm_at:
            end.alarm_at = at
            heapq.heappush(self._alarms, (at, next(self.numbers), end))
            if self._alarms[0][2] is end:
                self._earlier.set()

    def socket(self, family: int, type: int, proto: int) -> WireSocket:
        """A new socket, as trio asks for it."""
        return WireSocket(self, family, type, proto)

    def latency(self, one: str, other: str) -> float:
        """Seconds from one machine to another, which never change."""
        pair = (min(one, other), max(one, other))
        if pair not in self._distances:
            near = random.Random(f"distance {self._seed} {pair}")
            self._distances[pair] = near.uniform(LATENCY_MIN_S, LATENCY_MAX_S)
        return self._distances[pair]

    def dialled(self, one: str, other: str) -> None:
        """Count an attempt."""
        self.dials[one, other] = self.dials.get((one, other), 0) + 1

    def blocked(self, source: str, target: str) -> bool:
        """Does nothing pass now?"""
        return source in self._off or target in self._off or (source, target) in self._walls

    def of(self, machine: str) -> list[WireSocket]:
        """The sockets of a machine."""
        return [one for one in self.sockets.values() if one.machine == machine]

    # --- what goes wrong --------------------------------------------------------------------------
    def wall(self, one: str, other: str) -> None:
        """Nothing passes between these two."""
        self._walls[one, other] = self._walls[other, one] = True
        self._freeze()

    def open_wall(self, one: str, other: str) -> None:
        """It passes again."""
        for pair in ((one, other), (other, one)):
            self._walls.pop(pair, None)
        self._thaw()

    def reset(self, one: str, other: str) -> None:
        """Break all connections between these two."""
        for end in list(self.sockets.values()):
            if end.between(one, other):
                end.break_off(0)

    def forget(self, one: str, other: str) -> None:
        """Connections between these two become black holes."""
        for end in list(self.sockets.values()):
            if end.between(one, other) and end.outgoing is not None:
                end.outgoing.freeze()
                end.outgoing.lost = True

    def kill(self, machine: str) -> None:
        """Its process ends: the system resets what was open."""
        for end in self.of(machine):
            end.end()
            if end.peer is not None and not self.blocked(machine, end.peer.machine):
                end.peer.break_off(self.latency(machine, end.peer.machine))

    def power_off(self, machine: str) -> None:
        """The machine is gone without a word."""
        self._off[machine] = True
        self._freeze()
        for end in self.of(machine):
            end.end()

    def power_on(self, machine: str) -> None:
        """The machine is back and knows no connection."""
        self._off.pop(machine, None)
        for end in list(self.sockets.values()):
            peer = end.peer
            lost = peer is not None and peer.closed and peer.machine == machine
            if lost and end.outgoing is not None and end.outgoing.held:
                end.break_off(2 * self.latency(machine, end.machine))
        self._thaw()

    def heal(self) -> None:
        """No walls, no slow lines; black holes stay."""
        self._walls.clear()
        self.rate.clear()
        self._thaw()

    def _freeze(self) -> None:
        for end in self.sockets.values():
            if end.outgoing is not None and self.blocked(end.machine, end.outgoing.target):
                end.outgoing.freeze()

    def _thaw(self) -> None:
        self.changed.set()
        self.changed = trio.Event()
        for end in list(self.sockets.values()):
            pipe = end.incoming
            if pipe is not None and not self.blocked(pipe.source, pipe.target):
                alive = end.peer is not None and not end.peer.closed
                if alive or pipe.ended_at is not None:
                    pipe.thaw(self)
                end.wake()  # and looks when what it waits for arrives
