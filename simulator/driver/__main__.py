"""`python -m simulator.driver --nodes 20 --hours 24 --seed 1`: virtual days of whole nodes.

Exit code 0: no promise was broken; 1: one was, and the line that repeats it is printed. Several
seeds go on where they were interrupted with `--resume FILE`, which keeps the figures of each.
"""

import argparse
import json
import logging
import os
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from simulator.driver.day import Day
from simulator.driver.faults import plan_of

TABLES_SHOWN_COUNT: Final = 8
HASHES: Final = "PYTHONHASHSEED"  # sets are walked in an order that follows it


def main(arguments: list[str]) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    logging.disable(logging.CRITICAL)  # libp2p laments every fault
    kept: dict[str, Any] = {}
    if asked.resume is not None and asked.resume.exists():
        kept = json.loads(asked.resume.read_text(encoding="utf-8"))
    failed = 0
    for seed in range(asked.seed, asked.seed + asked.seeds):
        if str(seed) in kept:
            continue
        found = _one(asked, seed)
        failed += found is None
        if found is not None and asked.resume is not None:
            kept[str(seed)] = found
            asked.resume.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return 1 if failed else 0


def _one(asked: argparse.Namespace, seed: int) -> dict[str, Any] | None:
    """One day; its figures, or None when something broke."""
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"seed {seed} {line} ({time.process_time():.0f} s of CPU)", file=sys.stderr)

    try:
        figures = Day(plan_of(seed, asked.nodes, asked.hours, asked.calm), tell).run()
    except Exception as error:
        traceback.print_exception(error, limit=-8)
        print(f"seed {seed}: {error}")
        print(
            f"  again: python -m simulator.driver --seed {seed} --nodes {asked.nodes} "
            f"--hours {asked.hours} --calm {asked.calm}"
        )
        return None
    found = asdict(figures)
    largest = sorted(figures.tables.items(), key=lambda row: -row[1])[:TABLES_SHOWN_COUNT]
    found["tables"] = dict(largest)
    found["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps({"seed": seed, **found}, indent=1))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator.driver", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many days")
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument(
        "--calm", type=float, default=1.0, help="idle lines are so many times calmer than real ones"
    )
    parser.add_argument("--resume", type=Path, help="a file that keeps the figures of done seeds")
    return parser


if __name__ == "__main__":
    if os.environ.get(HASHES) != "0":
        os.environ[HASHES] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "simulator.driver", *sys.argv[1:]])
    sys.exit(main(sys.argv[1:]))
