"""A line between two real programs that fails on demand: a TCP proxy on loopback.

Rules: it looks into nothing. Each way has its own delay, speed and faults; what was read is held in
bounded queues, so that a side that takes nothing is felt by the other. Faults concern connections
that are open when they are called, or the way as such; `heal` ends all that can end. It runs in a
thread of its own; all methods may be called from any other.
"""

# pyright: reportUnknownMemberType=false

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import trio

CHUNK_BYTES = 16_384
QUEUE_CHUNKS_COUNT = 16  # held one way of a connection
BUFFER_BYTES = 65_536  # of the system, on our sides: else megabytes vanish in them
START_MAX_S = 10.0
T = TypeVar("T")
Way = Literal["up", "down"]
"""Up: from who dialled to who was dialled."""


@dataclass(slots=True)
class Manner:
    """How one way behaves."""

    delay_s: float = 0.0
    bytes_per_s: float | None = None
    stalled: bool = False  # nothing more is read from the sender
    passed: int = 0  # bytes so far
    resumed: trio.Event = field(default_factory=trio.Event)


class _Line:
    """One connection and the one behind it."""

    def __init__(self, near: trio.SocketStream, far: trio.SocketStream) -> None:
        self.near, self.far = near, far
        self.lost = False  # what comes is swallowed, both ways
        self.passed = 0
        self.scope = trio.CancelScope()

    def cut(self, *, reset: bool) -> None:
        """End both sides at once: with a reset, or with a clean end. May be called again."""
        for stream in (self.near, self.far):
            if reset and stream.socket.fileno() >= 0:
                linger = struct.pack("ii", 1, 0)
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            stream.socket.close()
        self.scope.cancel()


class FaultProxy:
    """A proxy to one port of this machine, while its `with` block lasts."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.connections = 0  # so far
        self.cuts = 0  # so far
        self._target = target_port
        self._ways: dict[Way, Manner] = {"up": Manner(), "down": Manner()}
        self._lines: list[_Line] = []
        self._cut_after: tuple[int, bool] | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._run), daemon=True)

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        assert self._ready.wait(START_MAX_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._scope.cancel)
        self._thread.join(START_MAX_S)
        assert not self._thread.is_alive()

    # --- what goes wrong --------------------------------------------------------------------------
    def delay(self, seconds: float) -> None:
        """Everything takes so much longer, each way."""
        for manner in self._ways.values():
            manner.delay_s = seconds

    def limit(self, way: Way, bytes_per_s: float | None) -> None:
        """One way is slow."""
        self._ways[way].bytes_per_s = bytes_per_s

    def stall(self, way: Way) -> None:
        """Read nothing more from the sender of one way: its receiver takes nothing."""
        self._ways[way].stalled = True

    def cut(self, *, reset: bool = True) -> None:
        """End all connections now."""
        self._call(lambda: self._cut(list(self._lines), reset))

    def cut_after(self, passed_bytes: int | None, *, reset: bool = True) -> None:
        """End each connection as soon as so many bytes have passed through it; None: no more."""
        self._cut_after = None if passed_bytes is None else (passed_bytes, reset)

    def forget(self) -> None:
        """Open connections become black holes, as behind a router that lost its table."""
        for line in list(self._lines):
            line.lost = True

    def heal(self) -> None:
        """Nothing is wrong any more. What was swallowed stays lost."""
        self._cut_after = None
        self._call(self._heal)

    def passed(self, way: Way) -> int:
        """Bytes that were handed on so far."""
        return self._ways[way].passed

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return len(self._lines)

    # --- in the thread ----------------------------------------------------------------------------
    def _call(self, function: Callable[[], T]) -> T:
        return trio.from_thread.run_sync(function, trio_token=self._token)

    def _cut(self, lines: list[_Line], reset: bool) -> None:
        for line in lines:
            line.cut(reset=reset)
            self.cuts += 1

    def _heal(self) -> None:
        for manner in self._ways.values():
            manner.delay_s, manner.bytes_per_s, manner.stalled = 0.0, None, False
            manner.resumed.set()
            manner.resumed = trio.Event()

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        for listener in listeners:
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.port = listeners[0].socket.getsockname()[1]
        with trio.CancelScope() as self._scope:
            self._ready.set()
            await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, near: trio.SocketStream) -> None:
        try:
            far = await trio.open_tcp_stream("127.0.0.1", self._target)
        except OSError:
            return
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        line = _Line(near, far)
        self._lines.append(line)
        self.connections += 1
        try:
            with line.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pass, line, near, far, self._ways["up"])
                    nursery.start_soon(self._pass, line, far, near, self._ways["down"])
        finally:
            self._lines.remove(line)
            far.socket.close()

    async def _pass(
        self, line: _Line, source: trio.SocketStream, sink: trio.SocketStream, manner: Manner
    ) -> None:
        """One way of a connection, until its sender ends it or it breaks."""
        give, take = trio.open_memory_channel[tuple[float, bytes]](QUEUE_CHUNKS_COUNT)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hand_on, line, take, sink, manner)
                async with give:
                    while data := await source.receive_some(CHUNK_BYTES):
                        if not line.lost:
                            await give.send((trio.current_time() + manner.delay_s, data))
                        while manner.stalled:
                            await manner.resumed.wait()
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            line.cut(reset=True)

    async def _hand_on(
        self,
        line: _Line,
        take: "trio.MemoryReceiveChannel[tuple[float, bytes]]",
        sink: trio.SocketStream,
        manner: Manner,
    ) -> None:
        async for at, data in take:
            await trio.sleep_until(at)
            if manner.bytes_per_s is not None:
                await trio.sleep(len(data) / manner.bytes_per_s)
            if line.lost:
                continue
            await sink.send_all(data)
            manner.passed += len(data)
            line.passed += len(data)
            after = self._cut_after
            if after is not None and line.passed >= after[0]:
                self._cut([line], after[1])
                return
        if not line.lost:
            await sink.send_eof()
