"""Clocks and chance of this process, for one run: they follow the run's clock and seed.

Rules: everything is put back at the end. What reads the clock or draws chance through `time`,
`os.urandom` or `random` is tamed; libp2p's sweeper threads, which wait in real time, end at once
and their sweeping is the house's part; trio schedules in an order that follows the seed. Keys that
OpenSSL makes for Noise stay random: they change bytes on the wire, not their number or order.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false

import os
import random
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

import trio
import trio.testing
from libp2p.tools.timed_cache.base_timed_cache import BaseTimedCache
from trio._core import _run as scheduler

from node.network import network
from node.protocol import limits

IDLE: Final = (
    "PING_INTERVAL_S",
    "GOSSIP_HEARTBEAT_S",
    "KEEPALIVE_INTERVAL_MS",
    "SILENCE_MAX_MS",
)
WALL_S: Final = 1_790_000_000.0  # when virtual time begins


def _nothing(cache: object) -> None:
    """In the place of what libp2p's threads do."""


@contextmanager
def tamed(seed: str, calm: float, clock: trio.testing.MockClock) -> Generator[None]:
    """Within this, chance and time are the run's, and idle lines are so many times calmer."""
    chance = random.Random(f"process {seed}")
    before = random.getstate()
    random.seed(f"global {seed}")
    scheduler._r.seed(f"order {seed}")
    begun = clock.current_time()

    def wall() -> float:
        return WALL_S + clock.current_time() - begun

    swaps: Sequence[tuple[object, str, object]] = (
        (time, "time", wall),
        (time, "time_ns", lambda: int(wall() * 1e9)),
        (time, "monotonic", lambda: clock.current_time() - begun),
        (os, "urandom", chance.randbytes),
        (scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
        (BaseTimedCache, "_background_cleanup", _nothing),
        (network, "usable", tuple),  # it would ask this computer for the addresses of machines
    )
    calmed = [(limits, name, int(getattr(limits, name) * calm)) for name in IDLE]
    with ExitStack() as stack:
        stack.callback(random.setstate, before)
        for owner, name, value in (*swaps, *calmed):
            stack.enter_context(patch.object(owner, name, value))
        yield


def run(seed: str, calm: float, main: Callable[[], Any]) -> Any:
    """Run an async function to its end in virtual time that jumps wherever nothing happens."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    with tamed(seed, calm, clock):
        return trio.run(main, clock=clock)
