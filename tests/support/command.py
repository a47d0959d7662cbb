"""The program as a user calls it: one command in a process of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

from node.demo import PROGRAM, STEP_MAX_S


def call(home: Path, *words: str) -> Any:
    """The answer of a command with --json. Raises CalledProcessError when it is refused."""
    done = subprocess.run(
        [*PROGRAM, "--home", str(home), "--json", *words],
        capture_output=True,
        check=True,
        timeout=STEP_MAX_S,
    )
    return json.loads(done.stdout)
