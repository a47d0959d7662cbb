"""`python -m tests.mutants --package node/ledger --sample 200 --seed 1`: which mistakes go unseen?

Small changes are drawn from a package, and the tests near it run for each, in a copy of the tree.
What no test notices is shown: it changes nothing, or a test is missing. Exit code 0: all were
noticed; 1: some were not. `--resume FILE` keeps what was found, and goes on there; with
`--survivors` only what survived before is tried again.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutants import trial
from tests.mutants.changes import Mutant, sample
from tests.mutants.trial import Hall

NOTICED, SURVIVED, UNREACHED = "noticed", "survived", "unreached"
TREE = Path(__file__).parents[2]
NEAR = {
    "node/protocol": ["tests/protocol"],
    "node/views": ["tests/views", "tests/ledger", "tests/protocol/test_vectors.py"],
    "node/ledger": ["tests/ledger", "tests/views", "tests/protocol/test_vectors.py"],
    "node/storage": ["tests/storage"],
    "node/wallet": ["tests/wallet"],
    "node/network": ["tests/network"],
}
"""Tests that are tried first, by what they are near to."""


def main(arguments: list[str]) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    found: dict[str, str] = {}
    if asked.resume is not None and asked.resume.exists():
        found = json.loads(asked.resume.read_text(encoding="utf-8"))
    drawn = sample(TREE, [Path(part) for part in asked.package], asked.sample, asked.seed)
    if asked.survivors:
        found = {name: how for name, how in found.items() if how == NOTICED}
    near = asked.tests or [
        n for name in NEAR for n in NEAR[name] if asked.package[0].startswith(name)
    ]
    todo = [one for one in drawn if one.name not in found]
    trial.load()
    if todo:
        with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as name:
            place = Path(name)
            trial.copy(TREE, place)
            hall = Hall(place, near, asked.package)
            for done, mutant in enumerate(todo, start=1):
                found[mutant.name] = _try(place, hall, mutant, asked)
                if found[mutant.name] != NOTICED:
                    print(f"{found[mutant.name]}: {mutant.told()}", flush=True)
                if asked.resume is not None:
                    asked.resume.write_text(json.dumps(found), encoding="utf-8")
                print(f"\r{done} of {len(todo)}", end="", file=sys.stderr, flush=True)
            hall.close()
    return _tell(drawn, found)


def _try(place: Path, hall: Hall, mutant: Mutant, asked: argparse.Namespace) -> str:
    """What becomes of one change."""
    numbers = hall.reach.of(mutant.path, mutant.lines, asked.budget)
    noticed = hall.notices(mutant, numbers) if numbers and mutant.function else None
    if numbers and noticed is None:
        names, limit_s = [hall.reach.tests[n] for n in numbers], hall.reach.limit_s(numbers)
        noticed = trial.afresh(place, mutant, lambda: trial.tests(names), limit_s)
    if not noticed and asked.lives:
        limit_s = trial.PATIENCE_S + trial.PATIENCE_FACTOR * asked.lives
        noticed = trial.afresh(place, mutant, lambda: trial.lives(asked.lives), limit_s)
    return NOTICED if noticed else SURVIVED if numbers else UNREACHED


def _tell(drawn: list[Mutant], found: dict[str, str]) -> int:
    files = {one.path: Counter(found[m.name] for m in drawn if m.path == one.path) for one in drawn}
    for path, counts in files.items():
        print(f"{counts[NOTICED]:>5} of {counts.total():>4} noticed  {path}")
    noticed = sum(counts[NOTICED] for counts in files.values())
    print(f"{noticed} of {len(drawn)} changes noticed: {100 * noticed / max(1, len(drawn)):.1f} %")
    return 0 if noticed == len(drawn) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--package", required=True, nargs="+", help="folders or files")
    parser.add_argument("--sample", type=int, default=100, help="how many changes")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--resume", type=Path, help="a file that keeps what was found")
    parser.add_argument("--survivors", action="store_true", help="try what survived once more")
    parser.add_argument("--lives", type=int, default=0, help="simulated lives for what survives")
    parser.add_argument("--budget", type=float, default=20, help="CPU seconds for one change")
    parser.add_argument("--tests", nargs="*", help="instead of the tests that are near")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
