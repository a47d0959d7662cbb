"""`wetalk` as it is, except that it meets nobody by itself: the program of measured processes.

Rules: it dials the addresses that it is given and no others: none that neighbours tell, none from
an earlier run, none of the local network. It ends with the program that started it, and after
LIFE_MAX_S at the latest, so that no measurement leaves a process behind.
"""

import ctypes
import os
import signal
from functools import partial
from pathlib import Path
from typing import Final

from node.protocol import limits

LIFE_MAX_S: Final = 7_200
SET_PARENT_DEATH_SIGNAL: Final = 1  # prctl(2), PR_SET_PDEATHSIG
ROOT: Final = Path(__file__).resolve().parent.parent
PARENT: Final = "WETALK_BENCH_PARENT"  # environment: the process that started this one


def main() -> None:
    """Run the command line with these changes."""
    end_with_parent()
    # Below this many neighbours the book of peers dials whomever it heard of; given ones always.
    limits.NEIGHBOURS_TARGET_COUNT = 0  # type: ignore[misc]
    from node.commands import upping

    upping.Options = partial(upping.Options, discover=False)  # type: ignore[misc,assignment]
    from cli import main as wetalk

    wetalk()


def environment() -> dict[str, str]:
    """For processes that this one starts: they find the same source tree, and end with it."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **ours, PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Kill this process when the one that started it ends, and after LIFE_MAX_S anyway."""
    signal.alarm(LIFE_MAX_S)
    try:
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    except (AttributeError, OSError):
        return  # no Linux: the alarm remains
    if os.environ.get(PARENT) not in (None, str(os.getppid())):
        raise SystemExit("the program that started this one has ended")
