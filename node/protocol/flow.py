"""Flow control of a session: what may be in flight, what is dealt with, what a neighbour may cost.

Data frames (wants, records, proofs, addresses) are acknowledged in the order they came, once they
are dealt with: records after their commit. The receiver thereby bounds what it must hold. Turns of
a round need no credit, because only one can be open; a budget of work bounds what they cost.
"""

from collections import deque
from dataclasses import dataclass

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault


class Window:
    """The sender's end: frames sent and not yet acknowledged."""

    def __init__(self, frames_count: int, window_bytes: int) -> None:
        """What the receiver said it allows; the own limits apply too."""
        self._frames = min(frames_count, limits.FRAMES_IN_FLIGHT_MAX_COUNT)
        self._bytes = min(window_bytes, limits.WINDOW_BYTES)
        self._sizes: deque[int] = deque()
        self._total = 0

    @property
    def busy(self) -> bool:
        """True iff something is not yet acknowledged."""
        return bool(self._sizes)

    @property
    def open(self) -> bool:
        """True iff some further frame may be sent, if it is small enough."""
        return len(self._sizes) < self._frames and (self._total < self._bytes or not self._sizes)

    def fits(self, size: int) -> bool:
        """True iff a frame of this size may be sent. With nothing in flight any may."""
        if not self._sizes:
            return True
        return len(self._sizes) < self._frames and self._total + size <= self._bytes

    def sent(self, size: int) -> None:
        """A frame of this size is on its way."""
        self._sizes.append(size)
        self._total += size

    def acknowledged(self, frames: int) -> None:
        """The receiver dealt with the oldest frames. Raises RemoteFault `window`."""
        if frames > len(self._sizes):
            raise RemoteFault(Parting.WINDOW, "more acknowledged than sent")
        for _ in range(frames):
            self._total -= self._sizes.popleft()


class Arrivals:
    """The receiver's end: frames that came and are not yet dealt with."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int]] = deque()  # token, size
        self._settled: set[int] = set()
        self._total = 0
        self._next = 0

    def arrived(self, size: int) -> int:
        """A data frame came; returns its token. Raises RemoteFault `window`."""
        full = len(self._waiting) >= limits.FRAMES_IN_FLIGHT_MAX_COUNT
        if full or (self._waiting and self._total + size > limits.WINDOW_BYTES):
            raise RemoteFault(Parting.WINDOW, "more sent than allowed")
        token = self._next
        self._next += 1
        self._waiting.append((token, size))
        self._total += size
        return token

    def settled(self, token: int) -> None:
        """The frame is dealt with."""
        assert token not in self._settled, "settled twice"
        assert any(token == waiting for waiting, _ in self._waiting), "no such frame"
        self._settled.add(token)

    def collect(self) -> int:
        """How many frames can be acknowledged now; counts each once."""
        count = 0
        while self._waiting and self._waiting[0][0] in self._settled:
            token, size = self._waiting.popleft()
            self._settled.remove(token)
            self._total -= size
            count += 1
        return count


@dataclass(slots=True)
class Patience:
    """When a neighbour was last heard, and since when it owes something. Times in ms."""

    started_at: int = 0
    sent_at: int = 0
    received_at: int = 0
    owed_since: int | None = None

    def started(self, now: int) -> None:
        """The session begins."""
        self.started_at = self.sent_at = self.received_at = now

    def received(self, now: int, *, progress: bool) -> None:
        """A frame came; `progress`: more than a sign of life."""
        self.received_at = now
        if progress:
            self.progress()

    def progress(self) -> None:
        """What was owed is moving: wait anew."""
        self.owed_since = None

    def watch(self, owed: bool, now: int) -> int:
        """Note whether the neighbour owes something; returns the next deadline."""
        if not owed:
            self.owed_since = None
        elif self.owed_since is None:
            self.owed_since = now
        return self.deadline(greeting=False)

    def deadline(self, *, greeting: bool) -> int:
        """The next time at which something is due or overdue."""
        if greeting:
            return self.started_at + limits.HELLO_MAX_MS
        at = min(
            self.sent_at + limits.KEEPALIVE_INTERVAL_MS, self.received_at + limits.SILENCE_MAX_MS
        )
        if self.owed_since is None:
            return at
        return min(at, self.owed_since + limits.PROGRESS_MAX_MS)

    def overdue(self, now: int, *, greeting: bool) -> str | None:
        """The code with which patience ends now."""
        if greeting:
            late = now - self.started_at >= limits.HELLO_MAX_MS
            return Parting.NO_HELLO if late else None
        if now - self.received_at >= limits.SILENCE_MAX_MS:
            return Parting.SILENT
        since = self.owed_since
        stalled = since is not None and now - since >= limits.PROGRESS_MAX_MS
        return Parting.STALLED if stalled else None

    def quiet(self, now: int) -> bool:
        """True iff it is time for a sign of life of our own."""
        return now - self.sent_at >= limits.KEEPALIVE_INTERVAL_MS


@dataclass(slots=True)
class Allowance:
    """Microseconds of our work that a neighbour may still cause; refills with time (ms)."""

    level_us: int = limits.PEER_WORK_BURST_US
    at_ms: int = 0

    def spend(self, work_us: int, now_ms: int) -> None:
        """Work was done for the neighbour; the level may fall below zero."""
        self._refill(now_ms)
        self.level_us -= work_us

    def ready(self, now_ms: int) -> bool:
        """True iff more may be done now."""
        self._refill(now_ms)
        return self.level_us >= 0

    def ready_at_ms(self) -> int:
        """When more may be done."""
        return self.at_ms + max(0, -(self.level_us * 1_000 // limits.PEER_WORK_PER_S_US))

    def flooded(self) -> bool:
        """True iff the neighbour goes on far beyond what it may."""
        return self.level_us < -limits.PEER_WORK_DEBT_MAX_US

    def _refill(self, now_ms: int) -> None:
        passed = now_ms - self.at_ms
        if passed > 0:
            gained = passed * limits.PEER_WORK_PER_S_US // 1_000
            self.level_us = min(limits.PEER_WORK_BURST_US, self.level_us + gained)
            self.at_ms = now_ms
