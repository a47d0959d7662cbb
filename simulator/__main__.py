"""`python -m simulator --seeds 300 --nodes 8`: many lives; what breaks is shown as small as found.

Exit code 0: nothing broke; 1: something did. A long run goes on where it was interrupted with
`--resume FILE`, which keeps the number of the next seed and what broke.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from simulator import plans
from simulator.world import World

SHOWN_STEPS_MAX_COUNT = 40
CHUNK_COUNT = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke a promise."""

    seed: int
    name: str
    told: str


def run_seed(seed: int, nodes: int, acts: int) -> Failure | None:
    """One life."""
    broken = plans.broken_by(plans.life_of(seed, nodes, acts))
    return None if broken is None else Failure(seed, broken.name, str(broken))


def _run_some(seeds: list[int], nodes: int, acts: int) -> list[Failure]:
    return [f for f in (run_seed(seed, nodes, acts) for seed in seeds) if f is not None]


def main(arguments: list[str]) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    if asked.replay is not None:
        return _replay(asked.replay, asked.nodes, asked.acts, whole=asked.whole)
    first, failures = asked.first, list[Failure]()
    if asked.resume is not None and asked.resume.exists():
        kept = json.loads(asked.resume.read_text(encoding="utf-8"))
        first, failures = kept["next"], [Failure(**one) for one in kept["failures"]]
    end, started, done = asked.first + asked.seeds, time.monotonic(), 0
    with ProcessPoolExecutor(asked.processes) as pool:
        while first < end:
            step = CHUNK_COUNT * asked.processes * 4
            seeds = list(range(first, min(end, first + step)))
            parts = [seeds[n : n + CHUNK_COUNT] for n in range(0, len(seeds), CHUNK_COUNT)]
            jobs = [pool.submit(_run_some, part, asked.nodes, asked.acts) for part in parts]
            failures += [failure for job in jobs for failure in job.result()]
            first, done = seeds[-1] + 1, done + len(seeds)
            if asked.resume is not None:
                kept = {"next": first, "failures": [asdict(one) for one in failures]}
                asked.resume.write_text(json.dumps(kept), encoding="utf-8")
            rate = done / (time.monotonic() - started)
            print(f"\r{first - asked.first} of {asked.seeds} seeds, {rate:.1f}/s, "
                  f"{len(failures)} broken", end="", file=sys.stderr, flush=True)  # fmt: skip
    print(file=sys.stderr)
    for failure in failures[: asked.shown]:
        _replay(failure.seed, asked.nodes, asked.acts, whole=False)
    print(f"{asked.seeds} seeds x {asked.nodes} nodes: {len(failures)} broken")
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--acts", type=int, default=100, help="things people do in a life")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shown", type=int, default=3, help="failures made small and shown")
    parser.add_argument("--resume", type=Path, help="a file that keeps where a long run is")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one seed, its steps shown")
    parser.add_argument("--whole", action="store_true", help="do not look for a smaller history")
    return parser


def _replay(seed: int, nodes: int, acts: int, *, whole: bool) -> int:
    """Run one life, make what breaks it small, and say how to run it again."""
    life = plans.life_of(seed, nodes, acts)
    broken = plans.broken_by(life)
    if broken is None:
        world = World(life).run()
        print(f"seed {seed}: nothing breaks ({world.jobs} jobs, {len(world.verdicts)} records)")
        return 0
    small = life if whole else plans.smaller(life, broken.name)
    print(f"seed {seed}: {broken}")
    print(f"  {life.plan}, hostile {sorted(life.hostile)}, {life.weather}")
    print(f"  {len(small.steps)} of {len(life.steps)} steps still break it:")
    for step in small.steps[:SHOWN_STEPS_MAX_COUNT]:
        print(f"    {step.at_ms:>6} ms  node {step.node}  {step.kind}"
              + (f" to {step.to}" if step.to >= 0 else f" ({step.salt})"))  # fmt: skip
    print(f"  again: python -m simulator --replay {seed} --nodes {nodes} --acts {acts}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
