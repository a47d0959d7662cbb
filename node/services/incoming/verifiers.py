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
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import trio

from node.protocol import admission
from node.protocol.admission import Refused
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.services.incoming.verifier import (
    LENGTH_BYTES,
    Answer,
    Request,
    answers,
    encode,
    framed,
    told,
)

IDLE_S: Final = 10.0
ANSWER_MAX_S: Final = 60.0  # a verifier that hangs is ended: 128 signatures take 10 ms
STOP_S: Final = 5.0
WORKERS_MAX_COUNT: Final = 3  # beyond that the writer is what everything waits for
ASKED_MAX_COUNT: Final = 2  # requests in flight at one verifier
STORED_RECORDS_COUNT: Final = 256  # stored records one verifier is asked about at a time

# -P: never a package that happens to lie in the current folder.
PROGRAM: Final = (
    sys.executable,
    "-P",
    "-c",
    "from node.services.incoming.verifier import main; main()",
)


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
    """Checks stored records outside an event loop, in order, while their owner does other work: in
    verifiers of its own, or, where those cannot be, in threads."""

    def __init__(self, community: CommunityId, *, few: bool = False) -> None:
        """`few`: not worth processes of their own."""
        self._community = community
        self._count = 0 if few else min(WORKERS_MAX_COUNT, os.cpu_count() or 1)
        self._workers: list[_Worker] = []
        self._asked: deque[Future[list[Record | Refused]]] = deque()
        self._threads = ThreadPoolExecutor(max(1, self._count * ASKED_MAX_COUNT))
        self._choosing = threading.Lock()  # over `asked` of workers

    def __enter__(self) -> "Signatures":
        try:
            for _ in range(self._count):
                self._workers.append(_Worker())
        except OSError:
            pass
        return self

    def __exit__(self, *_: object) -> None:
        for asked in self._asked:
            asked.cancel()
        self._threads.shutdown(wait=False)
        for worker in self._workers:
            worker.stop()

    def ask(self, raws: Sequence[RawRecord]) -> None:
        """Have these checked; returns at once."""
        for start in range(0, len(raws), STORED_RECORDS_COUNT):
            part = raws[start : start + STORED_RECORDS_COUNT]
            self._asked.append(self._threads.submit(self._check, part))

    def next(self, count: int) -> list[Record | Refused]:
        """What the next `count` of those that were asked about are; waits for them."""
        found: list[Record | Refused] = []
        while len(found) < count:
            found += self._asked.popleft().result()
        assert len(found) == count, "asked about in one part, taken in another"
        return found

    def _check(self, raws: Sequence[RawRecord]) -> list[Record | Refused]:
        frame = self._answer(encode(Request(self._community, None, list(raws))))
        found = [] if frame is None else answers.decode(frame)
        if len(found) != len(raws):
            return admission.verify_chunk(raws, self._community)
        return [told(item, raw) for item, raw in zip(found, raws, strict=True)]

    def _answer(self, frame: bytes) -> bytes | None:
        with self._choosing:
            there = [worker for worker in self._workers if not worker.closed]
            worker = min(there, key=lambda worker: worker.asked, default=None)
            if worker is None:
                return None
            worker.asked += 1
        slot = _PlainSlot()
        worker.send(frame, slot)
        answered = slot.wait()
        with self._choosing:
            worker.asked -= 1
        return answered


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
