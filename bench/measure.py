"""Small tools of all measurements: timing calls, medians of rounds, progress on standard error.

Rules: a figure is the median of its rounds, and every round's value stands beside it. A round of
many short calls is their median, so that one interruption by another program does not count.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any


def progress(text: str) -> None:
    """Tell whoever waits what is being done: `sync: run 2 of 3`."""
    print(text, file=sys.stderr, flush=True)


def times_ms(work: Callable[[], object], count: int) -> list[float]:
    """Wall time of `count` calls, one after the other, in ms."""
    found: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1_000)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def figure(name: str, rounds: Sequence[float], digits: int = 3) -> dict[str, Any]:
    """`name` with the median of all rounds, and `runs_<name>` with every one of them."""
    shown = [round(value, digits or None) for value in rounds]
    return {name: round(statistics.median(rounds), digits or None), f"runs_{name}": shown}
