"""`python -m tests.fuzz --inputs 10000000 --seed 1 --resume FILE`: mutated inputs for every reader.

Exit code 0: every answer was a word; 1: one was not, and the smallest such input is shown in hex
with the command that shows it again; 2: what was asked for is not there. A long run goes on where
it was interrupted with `--resume FILE`, which keeps the number of the next input and what failed.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.fuzz import campaign, guided

CHUNK_COUNT = 2_000
REFUSED = 2


@dataclass(slots=True)
class Kept:
    """Where a long run is."""

    seed: int
    next: int = 0
    failures: list[str] = field(default_factory=list[str])

    @classmethod
    def load(cls, path: Path | None, seed: int) -> "Kept":
        """From a file; a new one where there is none. ValueError when it is of another seed."""
        if path is None or not path.exists():
            return cls(seed)
        kept = cls(**json.loads(path.read_text(encoding="utf-8")))
        if kept.seed != seed:
            raise ValueError(f"{path} is of seed {kept.seed}")
        return kept

    def save(self, path: Path | None) -> None:
        """To a file, whole or not at all."""
        if path is not None:
            text = json.dumps({"seed": self.seed, "next": self.next, "failures": self.failures})
            beside = path.with_name(f"{path.name}.new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)


def main(arguments: list[str]) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    if asked.atheris is not None:
        return guided.hunt(asked.atheris, asked.seconds, asked.corpus)
    named = asked.target if asked.replay is None else asked.replay[0]
    if named not in (None, *campaign.TARGETS):
        print(f"targets are: {', '.join(campaign.TARGETS)}")
        return REFUSED
    if asked.replay is not None:
        return _replay(named, bytes.fromhex(asked.replay[1]))
    try:
        kept = Kept.load(asked.resume, asked.seed)
    except ValueError as problem:
        print(problem)
        return REFUSED
    return _campaign(asked, kept)


def _campaign(asked: argparse.Namespace, kept: Kept) -> int:
    tally, started, first = campaign.Tally(), time.monotonic(), kept.next
    print(f"seed {asked.seed}, inputs {first} to {asked.inputs}", flush=True)
    for name in [asked.target] if asked.target else campaign.TARGETS:
        campaign.corpus(name)  # once, before the processes part
    with ProcessPoolExecutor(asked.processes, get_context("fork")) as pool:
        while kept.next < asked.inputs:
            end = min(asked.inputs, kept.next + CHUNK_COUNT * asked.processes)
            starts = range(kept.next, end, CHUNK_COUNT)
            jobs = [
                pool.submit(
                    campaign.run, asked.seed, range(n, min(end, n + CHUNK_COUNT)), asked.target
                )
                for n in starts
            ]
            for job in jobs:
                part = job.result()
                tally.add(part)
                kept.failures += [failure.told() for failure in part.failures]
            kept.next = end
            kept.save(asked.resume)
            rate = (end - first) / (time.monotonic() - started)
            text = f"\r{end} of {asked.inputs} inputs, {rate:.0f}/s, {len(kept.failures)} failed"
            print(text, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print("\n".join(campaign.table(tally)))
    for told in sorted(kept.failures, key=len)[: asked.shown]:
        print(told)
    print(f"{kept.next} inputs of seed {asked.seed}: {len(kept.failures)} failed")
    return 1 if kept.failures else 0


def _replay(name: str, data: bytes) -> int:
    word = campaign.replay(name, data)
    print(f"{name}, {len(data)} bytes: {word}")
    return 1 if word.startswith("FAILED") else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", help="one target alone")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shown", type=int, default=3, help="failures that are shown")
    parser.add_argument("--resume", type=Path, help="a file that keeps where a long run is")
    parser.add_argument("--replay", nargs=2, metavar=("TARGET", "HEX"), help="one input")
    parser.add_argument("--atheris", metavar="TARGET", help="guided by coverage")
    parser.add_argument("--seconds", type=int, default=60, help="for --atheris")
    parser.add_argument("--corpus", type=Path, help="a folder for what --atheris found new")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
