"""The long form: `python -m tests.crash --loops 1000 --resume FILE`.

Goes round over all stages, one call further each time, so that in the end every call of every stage
was one before which the process was killed. Stopped anywhere, it goes on there. Prints the command
that repeats a failure.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.crash import shim
from tests.crash.stages import CHECKS, killer


def main() -> int:
    """Kill, and say how often."""
    asked = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    asked.add_argument("--loops", type=int, default=1_000)
    asked.add_argument("--resume", type=Path, help="file that remembers how far it came")
    asked.add_argument("--stage", choices=sorted(CHECKS))
    asked.add_argument("--at", type=int, help="with --stage: kill before this call alone")
    wanted = asked.parse_args()
    if shim.library() is None:
        print(shim.WHY_NOT)
        return 2
    stages = [wanted.stage] if wanted.stage else list(CHECKS)
    with tempfile.TemporaryDirectory() as folder, killer(Path(folder)) as one:
        if wanted.at is not None:
            print("killed" if one.kill(stages[0], wanted.at) else "it ended before that")
            return 0
        calls = {stage: one.calls(stage) for stage in stages}
        print(", ".join(f"{stage}: {count} calls" for stage, count in calls.items()), flush=True)
        done = json.loads(wanted.resume.read_text())["done"] if _is_there(wanted.resume) else 0
        began = time.monotonic()
        while done < wanted.loops:
            stage = stages[done % len(stages)]
            # A step that shares no factor with any count: near and far calls take turns.
            at = 1 + done // len(stages) * 7_919 % calls[stage]
            try:
                one.kill(stage, at)
            except BaseException:
                print(f"python -m tests.crash --stage '{stage}' --at {at}", file=sys.stderr)
                raise
            done += 1
            if wanted.resume is not None:
                wanted.resume.write_text(json.dumps({"done": done}))
            if done % 50 == 0:
                print(f"{done} kills, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{done} kills: nothing that was told is lost")
    return 0


def _is_there(path: Path | None) -> bool:
    return path is not None and path.exists()


if __name__ == "__main__":
    sys.exit(main())
