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
from tests.mutants.trial import NOTICED, SURVIVED, UNREACHED, Copy, Reach

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
    drawn = sample(TREE, Path(asked.package), asked.sample, asked.seed)
    if asked.survivors:
        found = {name: how for name, how in found.items() if how == NOTICED}
    near = asked.tests or next(NEAR[name] for name in NEAR if asked.package.startswith(name))
    trial.load()
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        copy = Copy(TREE, Path(place))
        todo = [one for one in drawn if one.name not in found]
        reach = copy.reach(near, asked.package) if todo else Reach()
        for done, mutant in enumerate(todo, start=1):
            found[mutant.name] = _try(copy, reach, mutant, asked.lives)
            if found[mutant.name] != NOTICED:
                print(f"{found[mutant.name]}: {mutant.told()}", flush=True)
            if asked.resume is not None:
                asked.resume.write_text(json.dumps(found), encoding="utf-8")
            print(f"\r{done} of {len(todo)}", end="", file=sys.stderr, flush=True)
    return _tell(drawn, found)


def _try(copy: Copy, reach: Reach, mutant: Mutant, lives: int) -> str:
    """What becomes of one change."""
    numbers = reach.of(mutant.path, mutant.lines)
    content = (copy.place / mutant.path).read_bytes()
    with copy.changed(mutant.path, mutant.applied(content)):
        tests = [reach.tests[n] for n in numbers]
        if tests and copy.notices(tests, reach.cost(numbers)):
            return NOTICED
        if lives and not copy.outlives(lives):
            return NOTICED
    return SURVIVED if tests else UNREACHED


def _tell(drawn: list[Mutant], found: dict[str, str]) -> int:
    files = {one.path: Counter(found[m.name] for m in drawn if m.path == one.path) for one in drawn}
    for path, counts in files.items():
        print(f"{counts[NOTICED]:>5} of {counts.total():>4} noticed  {path}")
    noticed = sum(counts[NOTICED] for counts in files.values())
    print(f"{noticed} of {len(drawn)} changes noticed: {100 * noticed / max(1, len(drawn)):.1f} %")
    return 0 if noticed == len(drawn) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--package", required=True, help="a folder or file of the program")
    parser.add_argument("--sample", type=int, default=100, help="how many changes")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--resume", type=Path, help="a file that keeps what was found")
    parser.add_argument("--survivors", action="store_true", help="try what survived once more")
    parser.add_argument("--lives", type=int, default=0, help="simulated lives for what survives")
    parser.add_argument("--tests", nargs="*", help="instead of the tests that are near")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
