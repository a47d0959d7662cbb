"""A process killed anywhere while it writes a key leaves the old file or the new one, whole."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.tidy import ROOT

SCRIPT = Path(__file__).with_name("killed_writer.py")


def test_kill_at_every_line_and_at_random_leaves_a_whole_key(home: Path) -> None:
    seed = int(os.environ.get("WETALK_TEST_SEED", random.SystemRandom().randrange(2**32)))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(home), str(seed)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    replay = f"WETALK_TEST_SEED={seed}\n{done.stderr.decode()}"
    assert done.returncode == 0, replay
    result = json.loads(done.stdout)
    created = result["lines"]["created"]
    # First nothing, from one moment on the whole key; never back, never a part.
    assert created == sorted(created)
    assert {"none", "whole"} == set(created)
    assert len(result["lines"]["sealed"]) > 20
    assert all(result["lines"]["sealed"])
    assert result["lines"]["left"] == ["device.key"]
    assert len(result["random"]["same"]) == 20
    assert all(result["random"]["same"]), replay
    assert result["random"]["left"] == ["device.key"]
