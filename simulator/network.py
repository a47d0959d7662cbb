"""Virtual time and the ways between nodes.

Rules: events happen in order of time, then of being planned; nothing else decides an order. Frames
of a conversation keep their order, as on a stream; a lost one breaks the stream, as a timeout
would. Hints (gossip) may be lost, doubled and overtake each other. A wall stops one direction or
both.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

LATENCY_MIN_MS = 1
LATENCIES_MAX_MS = (8, 40, 120)  # one house, one country, the world
SLOW_FACTOR = 20
DOUBLED_MAX_COUNT = 3


class Clock:
    """Events in virtual time, ms."""

    def __init__(self) -> None:
        self.now = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, delay_ms: int, event: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._events, (self.now + delay_ms, next(self._order), event))

    def step(self, until: int) -> bool:
        """The next event before `until`; False when there is none: then it is `until`."""
        if not self._events or self._events[0][0] > until:
            self.now = max(self.now, until)
            return False
        at, _, event = heapq.heappop(self._events)
        self.now = max(self.now, at)
        event()
        return True


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the network is. Shares are 0 to 1."""

    latency_max_ms: int = LATENCIES_MAX_MS[-1]
    loss: float = 0.0  # of hints; a thousandth of it, of frames
    doubling: float = 0.0
    slow: frozenset[int] = frozenset()  # nodes whose lines are slow
    sluggish: frozenset[int] = frozenset()  # nodes whose disks are: they read on late


class Network:
    """Who hears whom, how late."""

    def __init__(self, clock: Clock, seed: str, weather: Weather) -> None:
        self.clock = clock
        self.weather = weather
        self._random = random.Random(f"network {seed}")
        self._walls: set[tuple[int, int]] = set()  # (from, to): nothing passes
        self.fair = False  # healed: nothing is lost any more

    def wall(self, pairs: set[tuple[int, int]]) -> None:
        """Stop everything from the first of each pair to the second."""
        self._walls |= pairs

    def heal(self) -> None:
        """No walls, no loss."""
        self._walls.clear()
        self.fair = True

    def open_walls(self, pairs: set[tuple[int, int]]) -> None:
        """Take these walls away."""
        self._walls -= pairs

    def reaches(self, sender: int, receiver: int) -> bool:
        """True iff what the sender says now can arrive."""
        return (sender, receiver) not in self._walls

    def latency(self, sender: int, receiver: int) -> int:
        """How long the next message takes, ms."""
        delay = self._random.randint(LATENCY_MIN_MS, self.weather.latency_max_ms)
        slow = self.weather.slow
        return delay * SLOW_FACTOR if slow and {sender, receiver} & slow else delay

    def breaks(self) -> bool:
        """Does this frame get lost, and its stream with it?"""
        return not self.fair and self._random.random() < self.weather.loss / 100

    def copies(self) -> int:
        """How many of a hint arrive."""
        if self.fair:
            return 1
        if self._random.random() < self.weather.loss:
            return 0
        more = self._random.random() < self.weather.doubling
        return self._random.randint(2, DOUBLED_MAX_COUNT) if more else 1
