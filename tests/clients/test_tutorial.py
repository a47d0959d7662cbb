"""The tutorial of docs/api.md, typed in as it stands: shell and Python, two real nodes."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.tidy import ROOT

BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.M | re.S)
MOST_S = 300


def blocks() -> list[tuple[str, str]]:
    """Language and text of every block of the tutorial."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    section = text.split("\n## Ten minutes\n")[1].split("\n## ")[0]
    found = BLOCK.findall(section)
    assert section.count("```") == 2 * len(found), "a block of another kind would not be run"
    return found


def script() -> str:
    """The tutorial as one script; blocks of Python that follow each other share a session."""
    parts, python = ["set -euo pipefail"], list[str]()
    for language, text in [*blocks(), ("sh", "")]:
        if language == "python":
            python.append(text)
            continue
        if python:
            parts.append("python - <<'THE_END_OF_PYTHON'\n" + "".join(python) + "THE_END_OF_PYTHON")
            python = []
        parts.append(text)
    return "\n".join(parts)


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in {"wetalk": f' "{ROOT / "cli.py"}"', "python": ""}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n')
        (programs / name).chmod(0o755)
    folder = tmp_path / "empty"
    folder.mkdir()
    path = f"{programs}:{os.environ['PATH']}"
    out = tmp_path / "out"
    with out.open("wb") as said:
        popen = subprocess.Popen(
            ["bash", "-c", script()],
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = popen.wait(MOST_S)
    finally:
        # The group is the script's own: whatever it started and did not stop is in it.
        try:
            os.killpg(popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        popen.wait()
    shown = out.read_text(encoding="utf-8", errors="replace")
    assert code == 0, shown
    assert "순희 in 순희's community" in shown
    assert "till\tlook, talk and offer, trade\tGood for 24 more hours" in shown
    assert "This token may not do that" in shown
    assert "Anna may go down to -10000 minor units" in shown
    assert "12.50" in shown
    assert "The token of phone is taken back" in shown
