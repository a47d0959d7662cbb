"""Writes key files in child processes that are killed, and reports what stood there afterwards.

Run as `python killed_writer.py FOLDER SEED`; prints one JSON object. A process of its own, because
it forks: the test runner has threads.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from node.wallet.keyfile import change_passphrase, create_key, open_key
from node.wallet.passphrase import Cost
from node.wallet.private_file import remove_private

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
ROUNDS = 20
WALLET = f"{os.sep}node{os.sep}wallet{os.sep}"


def create(path: Path) -> None:
    create_key(path, "device", community_id=bytes(32), member_id=bytes(32), cost=CHEAP)


def seal(path: Path) -> None:
    change_passphrase(path, "device", old=None, new="new", cost=CHEAP)


def toggle_for_ever(path: Path) -> None:
    old, new = None, "new"
    while True:
        try:
            change_passphrase(path, "device", old=old, new=new, cost=CHEAP)
        except Exception:
            os._exit(3)
        old, new = new, old


def state(path: Path) -> str:
    """`none`, or the public key of the whole file there; raises if it does not open."""
    if not path.exists():
        return "none"
    with open_key(path, "device", "new") as opened:
        return opened.info.public_key.hex()


def killed_at_line(line: int, work: Callable[[Path], None], path: Path) -> bool:
    """Do `work` in a child that kills itself before its `line`-th line; True if it was killed."""
    child = os.fork()
    if child == 0:
        count = 0

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal count
            if WALLET not in frame.f_code.co_filename:
                return None
            if event == "line":
                count += 1
                if count == line:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        work(path)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def at_every_line(path: Path) -> dict[str, Any]:
    created: list[str] = []
    line = 1
    while killed_at_line(line, create, path):
        created.append("none" if state(path) == "none" else "whole")
        remove_private(path)
        line += 1
    public = state(path)
    sealed: list[bool] = []
    line = 1
    while killed_at_line(line, seal, path):
        sealed.append(state(path) == public)
        line += 1
    state(path)
    left = sorted(entry.name for entry in path.parent.iterdir())
    return {"created": created, "sealed": sealed, "left": left}


def at_random(path: Path, seed: int) -> dict[str, Any]:
    delays = random.Random(seed)
    public = state(path)
    same: list[bool] = []
    for _ in range(ROUNDS):
        change_passphrase(path, "device", old="new", new=None)
        child = os.fork()
        if child == 0:
            toggle_for_ever(path)
        time.sleep(delays.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        same.append(os.WIFSIGNALED(os.waitpid(child, 0)[1]) and state(path) == public)
    return {"same": same, "left": sorted(entry.name for entry in path.parent.iterdir())}


def main() -> None:
    path = Path(sys.argv[1]) / "device.key"
    print(json.dumps({"lines": at_every_line(path), "random": at_random(path, int(sys.argv[2]))}))


if __name__ == "__main__":
    main()
