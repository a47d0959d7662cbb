"""The long form of power cuts: `python -m tests.crash.powercuts --states 100000 --resume FILE`.

Traces a workload once a start, then looks at states of the disk, a thousand a seed. Stopped
anywhere, it goes on with the next seed.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from node.storage.log import lost_commits
from tests.storage import powercut
from tests.storage.test_powercut import COMMITS, examine

AT_ONCE = 1_000


def broken(folder: Path, steps: list[powercut.Step], seed: int) -> list[str]:
    """What is wrong with the states of a seed."""
    found: list[str] = []
    for files, told in powercut.states(steps, AT_ONCE, seed):
        log = folder / "node.db-wal"
        log.write_bytes(files.get(log.name, b""))
        cried = lost_commits(log)  # what a cut leaves is no damage
        log.unlink()
        problems, numbers, rows = examine(folder, files)
        whole = numbers == set(range(len(numbers)))
        whole &= rows == {b"key%08d" % number for number in numbers}
        if problems != ["ok"] or not whole or told >= len(numbers) or cried:
            found.append(f"seed {seed}, after {told}: {problems}, {len(numbers)} records, {cried}")
    return found


def main() -> int:
    """Look at states, and say how many were not as they must be."""
    asked = argparse.ArgumentParser(prog="python -m tests.crash.powercuts", description=__doc__)
    asked.add_argument("--states", type=int, default=100_000)
    asked.add_argument("--resume", type=Path, help="file that remembers how far it came")
    wanted = asked.parse_args()
    if not powercut.can_trace():
        print("needs strace, and the right to trace a process")
        return 2
    kept = {"states": 0, "bad": []}
    if wanted.resume is not None and wanted.resume.exists():
        kept = json.loads(wanted.resume.read_text())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        steps = powercut.trace(Path(name), "FULL", str(COMMITS))
        folder = Path(name) / "state"
        folder.mkdir()
        while kept["states"] < wanted.states:
            kept["bad"] += broken(folder, steps, 1 + kept["states"] // AT_ONCE)
            kept["states"] += AT_ONCE
            if wanted.resume is not None:
                wanted.resume.write_text(json.dumps(kept))
            spent = time.monotonic() - began
            print(f"{kept['states']} states, {len(kept['bad'])} bad, {spent:.0f} s", flush=True)
    print("\n".join(kept["bad"]) or "none is damaged, none lacks what was acknowledged")
    return 1 if kept["bad"] else 0


if __name__ == "__main__":
    sys.exit(main())
