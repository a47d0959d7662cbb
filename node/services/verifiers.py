"""Verifier processes of this node: started when there is much to verify, ended when there is not.

In one process the interpreter's lock lets the writer and the checks of signatures only take turns:
the writer holds it for milliseconds, and after every signature a thread has to wait for it. A
process of its own costs 25 MiB while it lives (`IDLE_S` after the last use), and two requests in
flight keep it busy.

Rule: a verifier that cannot be started, or that ends, costs speed and nothing else: `ask` answers
None and the caller verifies by itself.
"""

# pyright: reportUnknownMemberType=false

import itertools
import os
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

import trio

from node.protocol.record import RawRecord
from node.services.verifier import (
    LENGTH_BYTES,
    Answer,
    Fault,
    Request,
    answer,
    answers,
    encode,
    framed,
)

IDLE_S: Final = 10.0
ANSWER_MAX_S: Final = 60.0  # a verifier that hangs is ended: 128 signatures take 10 ms
STOP_S: Final = 5.0
WORKERS_MAX_COUNT: Final = 3  # beyond that the writer is what everything waits for
ASKED_MAX_COUNT: Final = 2  # requests in flight at one verifier
Page = Sequence[tuple[int, RawRecord]]
"""Records with their local numbers."""

# -P: never a package that happens to lie in the current folder.
PROGRAM: Final = (sys.executable, "-P", "-c", "from node.services.verifier import main; main()")


class _Slot:
    """A request on its way."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self._done = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def finish(self, frame: bytes | None) -> None:
        """From another thread: the answer, or None when there will be none."""
        self.answer = frame
        try:
            self._token.run_sync_soon(self._done.set)
        except trio.RunFinishedError:
            pass  # nobody waits any more

    async def wait(self) -> bytes | None:
        await self._done.wait()
        return self.answer


class _Worker:
    """One verifier, and the thread that reads its answers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout.fileno()
        self._lock = threading.Lock()  # over `_slots` and `closed`
        self._writing = threading.Lock()
        self._slots: deque[_Slot | _PlainSlot] = deque()
        self.closed = False
        self.ready = False  # it has started, which takes a sixth of a second
        self.asked = 0
        threading.Thread(target=self._read, name="wetalk-verifier", daemon=True).start()

    def send(self, frame: bytes, slot: "_Slot | _PlainSlot") -> None:
        """Ask; may wait for the verifier to read. Never raises: the slot is always finished."""
        with self._writing:
            with self._lock:
                if self.closed:
                    slot.finish(None)
                    return
                self._slots.append(slot)
            try:
                self._input.write(framed(frame))
                self._input.flush()
            except (OSError, ValueError):
                self._give_up()

    def _read(self) -> None:
        self.ready = self._frame() is not None
        while self.ready and self._has_more():
            frame = self._frame()
            with self._lock:
                slot = self._slots.popleft() if frame is not None and self._slots else None
            if slot is None:
                break
            slot.finish(frame)
        self._give_up()
        self.stop()

    def _has_more(self) -> bool:
        """Wait for an answer; False when nobody has asked for one in a while, or none comes."""
        poll = select.poll()  # not `select`, which knows no file beyond the thousandth
        poll.register(self._output, select.POLLIN)
        for waits in itertools.count(1):
            if poll.poll(IDLE_S * 1_000):
                return True
            with self._lock:
                if not self._slots or waits * IDLE_S >= ANSWER_MAX_S:
                    self.closed = True
                    return False
        return False

    def _frame(self) -> bytes | None:
        """The next frame; None at the end. Reads no byte beyond it: what lay in a buffer of ours
        would wait there unseen."""
        length = self._exactly(LENGTH_BYTES)
        return None if length is None else self._exactly(int.from_bytes(length, "big"))

    def _exactly(self, size: int) -> bytes | None:
        parts: list[bytes] = []
        while size:
            part = os.read(self._output, size)
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _give_up(self) -> None:
        with self._lock:
            self.closed = True
            slots, self._slots = self._slots, deque()
        for slot in slots:
            slot.finish(None)

    def stop(self) -> None:
        """End the process. May be called more than once."""
        with self._lock:
            self.closed = True
        try:
            self._input.close()
        except OSError:
            pass  # it has ended already, with a request on the way
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _PlainSlot:
    """A request on its way, without an event loop."""

    def __init__(self) -> None:
        self._answer: Future[bytes | None] = Future()

    def finish(self, frame: bytes | None) -> None:
        """The answer, or None when there will be none."""
        self._answer.set_result(frame)

    def wait(self) -> bytes | None:
        """The answer, when it is there."""
        return self._answer.result()


class Signatures:
    """Checks stored records, page after page, outside an event loop: in verifiers of its own, or,
    where those cannot be, here."""

    def __init__(self, community: bytes) -> None:
        self._community = community
        self._workers: list[_Worker] = []
        self._asked: deque[tuple[_PlainSlot, Page]] = deque()
        self.settled = -1
        """Last number of the pages that are answered."""

    def __enter__(self) -> "Signatures":
        try:
            for _ in range(min(WORKERS_MAX_COUNT, os.cpu_count() or 1)):
                self._workers.append(_Worker())
        except OSError:
            pass
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    def check(self, page: Page) -> list[int]:
        """Have a page checked; returns the bad numbers of an earlier one."""
        slot = _PlainSlot()
        if self._workers:
            request = Request(self._community, None, [raw for _, raw in page])
            self._workers.append(self._workers.pop(0))
            self._workers[0].send(encode(request), slot)
        else:
            slot.finish(None)
        self._asked.append((slot, page))
        if len(self._asked) > ASKED_MAX_COUNT * len(self._workers):
            return self._answered()
        return []

    def rest(self) -> list[int]:
        """Bad numbers of all pages that are still on their way."""
        bad: list[int] = []
        while self._asked:
            bad += self._answered()
        return bad

    def _answered(self) -> list[int]:
        slot, page = self._asked.popleft()
        frame = slot.wait()
        if frame is None:
            found = answer(Request(self._community, None, [raw for _, raw in page]))
        else:
            found = answers.decode(frame)
        self.settled = page[-1][0]
        return [
            number for (number, _), item in zip(page, found, strict=True) if isinstance(item, Fault)
        ]


class Verifiers:
    """As many verifiers as there are processors, three at most, as long as they are needed."""

    def __init__(self) -> None:
        self.count = min(WORKERS_MAX_COUNT, os.cpu_count() or 1)
        self._workers: list[_Worker] = []
        self._limit = trio.Semaphore(self.count * ASKED_MAX_COUNT)
        self._senders = trio.CapacityLimiter(self.count * ASKED_MAX_COUNT)
        self._ended = False

    @property
    def running(self) -> bool:
        """True iff a verifier is there, so that asking it costs little."""
        return any(worker.ready and not worker.closed for worker in self._workers)

    def start(self) -> None:
        """Have them all started, if none is; returns at once."""
        self._workers = [worker for worker in self._workers if not worker.closed]
        while not self._ended and len(self._workers) < self.count:
            try:
                self._workers.append(_Worker())
            except OSError:
                return

    async def lines(self, community: bytes, lines: Sequence[bytes]) -> list[Answer] | None:
        """Answers for lines of an export file; None if nobody could be asked."""
        return await self._ask(Request(community, list(lines), None), len(lines))

    async def records(self, community: bytes, raws: Sequence[RawRecord]) -> list[Answer] | None:
        """Answers for records; None if nobody could be asked."""
        return await self._ask(Request(community, None, list(raws)), len(raws))

    async def _ask(self, request: Request, count: int) -> list[Answer] | None:
        async with self._limit:
            worker = self._free()
            if worker is None:
                return None
            slot = _Slot()
            worker.asked += 1
            try:
                await trio.to_thread.run_sync(
                    worker.send, encode(request), slot, limiter=self._senders
                )
                frame = await slot.wait()
            finally:
                worker.asked -= 1
        if frame is None:
            return None
        found = answers.decode(frame)
        return found if len(found) == count else None

    def _free(self) -> _Worker | None:
        """The verifier with least to do."""
        there = [worker for worker in self._workers if worker.ready and not worker.closed]
        return min(there, key=lambda worker: worker.asked, default=None)

    def stop(self) -> None:
        """End them all; who waits for an answer gets none."""
        self._ended = True
        for worker in self._workers:
            worker.stop()
