"""The demonstration: a day of a small community in four real processes ends in one set of books."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = [sys.executable, "-c", "from cli import main; main()"]
DAY_MAX_S = 180.0  # a minute on two free cores; tests share theirs
STOP_MAX_S = 60.0


def alive(folder: Path) -> list[str]:
    """Processes that work in a folder."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_a_day_ends_with_one_set_of_books_and_no_trace(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "--language", "en", "--json", "demo"],
        capture_output=True,
        text=True,
        timeout=DAY_MAX_S,
        env=environment(tmp_path),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["sum_of_balances"] == 0
    assert len(summary["state_root"]) == 64
    assert sorted(summary["balances"].values()) == [-3000, -650, 0, 3650]
    assert "exposed" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert alive(tmp_path) == []


def test_a_day_that_is_broken_off_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*PROGRAM, "demo"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path),
    )
    try:
        deadline = time.monotonic() + STOP_MAX_S
        while not list(tmp_path.glob("*/relay/api.json")):
            assert time.monotonic() < deadline
            assert demo.poll() is None
            time.sleep(0.1)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(STOP_MAX_S) == 1
    finally:
        demo.kill()
        demo.wait()
    assert list(tmp_path.iterdir()) == []
    assert alive(tmp_path) == []


def environment(folder: Path) -> dict[str, str]:
    import os

    return {**os.environ, "TMPDIR": str(folder)}
