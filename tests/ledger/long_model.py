"""The model test without an end: a million steps, kept on disk, and the smallest failure found.

    python -m tests.ledger.long_model --steps 1000000 --seed 7 --resume model.json
    python -m tests.ledger.long_model --history 7000042 --moves "deals:123 cut:45"

The first goes on from where it was stopped. Where the fold and the checker differ it leaves out one
move after another as long as it still fails, prints what is left, and how to play that again.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.support.history import History, Move, moves_of

HISTORIES_PER_SEED_COUNT = 1_000_000
# Longer ones cost more than they show: a CPU second of 160 moves reaches a third to a half of what
# 40 do of nearly every feature; of 80 three quarters, and more of a few (late bodies, contests).
LENGTHS = (40, 40, 80)
TRIALS_MAX_COUNT = 400  # of shorter histories, before the smallest so far is shown
AHEAD_COUNT = 8  # histories that a process has before it, so that a long one holds up nobody


class Failure(NamedTuple):
    """How a history ended: after how many moves, and why."""

    moves: int
    reason: str


def played(seed: int, moves: Sequence[Move]) -> Counter[str]:
    """Play a history to its end; what occurred in it. Raises what goes wrong."""
    history = History(seed)
    try:
        for move in moves:
            history.step(move)
        return history.finish()
    finally:
        history.close()


def failure_of(seed: int, moves: Sequence[Move]) -> Failure | None:
    """What goes wrong in a history, or None."""
    made = 0
    history = None
    try:
        history = History(seed)
        for move in moves:
            made += 1
            history.step(move)
        history.finish()
    except Exception:  # whatever it is, it is what we look for
        return Failure(made, traceback.format_exc(limit=-4))
    finally:
        if history is not None:
            history.close()
    return None


def smallest(seed: int, moves: Sequence[Move]) -> tuple[list[Move], str]:
    """The fewest moves found that still fail, and how they do."""
    broken = failure_of(seed, moves)
    assert broken is not None
    kept, reason = list(moves[: broken.moves]), broken.reason
    trials, size = 0, max(1, len(kept) // 2)
    while size >= 1 and trials < TRIALS_MAX_COUNT:
        place = shorter = 0
        while place < len(kept) and trials < TRIALS_MAX_COUNT:
            fewer = kept[:place] + kept[place + size :]
            trials += 1
            found = failure_of(seed, fewer)
            if found is None:
                place += size
            else:
                kept, reason, shorter = fewer[: found.moves], found.reason, 1
        if not shorter:
            size //= 2
    return kept, reason


def length_of(seed: int) -> int:
    """How many moves a history of the long form has."""
    return Random(f"length {seed}").choice(LENGTHS)


class Progress:
    """How far a run is; in a file, so that it goes on where it stopped."""

    def __init__(self, seed: int, path: Path | None) -> None:
        self.path, self.seed = path, seed
        self.steps = self.histories = 0
        self.seen: Counter[str] = Counter()
        if path is not None and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["seed"] != seed:
                raise SystemExit(f"{path} belongs to seed {kept['seed']}")
            self.steps, self.histories = kept["steps"], kept["histories"]
            self.seen.update(kept["seen"])

    def add(self, steps: int, seen: Counter[str]) -> None:
        """A history went well."""
        self.steps, self.histories = self.steps + steps, self.histories + 1
        self.seen += seen
        if self.path is not None:
            kept = {"seed": self.seed, "steps": self.steps, "histories": self.histories}
            text = json.dumps({**kept, "seen": dict(sorted(self.seen.items()))}, indent=1)
            beside = self.path.with_suffix(".new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(self.path)


def show_failure(seed: int, moves: Sequence[Move]) -> None:
    """Print the smallest history that fails."""
    print(f"history {seed} fails; looking for the smallest that does", file=sys.stderr)
    kept, reason = smallest(seed, moves)
    print(reason)
    print(f"{len(kept)} moves are enough:")
    print(f'  python -m tests.ledger.long_model --history {seed} --moves "{written(kept)}"')


def written(moves: Sequence[Move]) -> str:
    """Moves as the command line takes them."""
    return " ".join(f"{move.name}:{move.seed}" for move in moves)


def read_moves(text: str) -> list[Move]:
    """The other way round."""
    pairs = (part.rsplit(":", 1) for part in text.split())
    return [Move(name, int(seed)) for name, seed in pairs]


def outlined(seed: int, steps: int, progress: Progress) -> Iterator[tuple[int, int]]:
    """(history, how many moves) of those that are left."""
    done, histories = progress.steps, progress.histories
    while done < steps:
        history = seed * HISTORIES_PER_SEED_COUNT + histories
        length = min(length_of(history), steps - done)
        yield history, length
        done, histories = done + length, histories + 1


def _play(history: int, length: int) -> Counter[str] | None:
    """What occurred in a history; None where something went wrong, which the parent looks for."""
    try:
        return played(history, moves_of(history, length))
    except Exception:
        return None


def run(seed: int, steps: int, path: Path | None, processes: int) -> int:
    """So many steps from a seed; 0, or 1 after a failure. What counts is added in the order of the
    histories, however many processes play them.
    """
    progress, started = Progress(seed, path), time.monotonic()
    before, left = progress.steps, outlined(seed, steps, progress)
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        jobs = deque[tuple[int, int, Future[Counter[str] | None]]]()
        while True:
            for history, length in islice(left, processes * AHEAD_COUNT - len(jobs)):
                jobs.append((history, length, pool.submit(_play, history, length)))
            if not jobs:
                break
            history, length, job = jobs.popleft()
            seen = job.result()
            if seen is None:
                pool.shutdown(cancel_futures=True)
                show_failure(history, moves_of(history, length))
                return 1
            progress.add(length, seen)
            pace = (progress.steps - before) / (time.monotonic() - started)
            text = f"\r{progress.steps:,} of {steps:,} steps, {pace:.0f}/s"
            print(text, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for name, count in sorted(progress.seen.items()):
        print(f"{count:>9,}  {name}")
    print(f"{progress.steps:,} steps in {progress.histories:,} histories of seed {seed}: all agree")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(description="Hold random histories against the checker.")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on from, and keep, FILE")
    parser.add_argument("--history", type=int, metavar="SEED", help="play one history again")
    parser.add_argument("--moves", default="", help="its moves, as a failure printed them")
    wish = parser.parse_args(arguments)
    if wish.history is None:
        return run(wish.seed, wish.steps, wish.resume, wish.processes)
    moves = read_moves(wish.moves) or moves_of(wish.history, length_of(wish.history))
    broken = failure_of(wish.history, moves)
    print("all agree" if broken is None else broken.reason)
    return 0 if broken is None else 1


if __name__ == "__main__":
    sys.exit(main())
