"""The shim that makes a disk fail: compiled when a C compiler is there, loaded into processes."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("shim.c")
FLAGS = ("-shared", "-fPIC", "-O2", "-Wall", "-Werror")

What = Literal["kill", "eio", "enospc"]
Calls = Literal["sync", "write", "any"]


@functools.cache
def library() -> Path | None:
    """The compiled shim; None where it cannot be made or loaded."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    path = Path(tempfile.mkdtemp(prefix="wetalk-shim-")) / "shim.so"
    command = [compiler, *FLAGS, "-o", str(path), str(SOURCE), "-ldl"]
    if subprocess.run(command, capture_output=True).returncode != 0:
        return None
    loaded = subprocess.run(["true"], env={"LD_PRELOAD": str(path)}, capture_output=True)
    return None if loaded.stderr else path


WHY_NOT = "needs Linux and a C compiler that makes shared libraries"


def environment(
    home: Path,
    *,
    what: What = "kill",
    calls: Calls = "any",
    at: int = 0,
    switch: Path | None = None,
) -> dict[str, str]:
    """Variables for a process whose disk shall fail below `home`; see `shim.c`."""
    found = {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "PYTHONPATH": str(ROOT),
        "CRASH_HOME": str(home),
        "CRASH_WHAT": what,
        "CRASH_CALLS": calls,
        "CRASH_AT": str(at),
    }
    if switch is not None:
        found["CRASH_SWITCH"] = str(switch)
    return found
