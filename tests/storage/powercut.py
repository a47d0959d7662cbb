"""Power cuts: what a disk may hold when the current fails, from a log of what a process wrote.

Rules: a write counts as kept once its file was synced after it; of every other write, any subset
of its 512-byte sectors may have reached the disk, in any order. Acknowledgements stand in the same
log, so that each state knows what was promised before the cut.
"""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
SECTOR_BYTES = 512
CALLS = "openat,close,pwrite64,write,fsync,fdatasync,ftruncate,unlink"
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
TOLD = re.compile(rb"READY|ACK (\d+)")
LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")

WORKLOAD = """
import functools, os, sys
from pathlib import Path
from node.protocol import limits
from node.storage import database as module
from node.storage.home import Home
from tests.storage.samples import open_database, store
limits.CHECKPOINT_PAGES_COUNT = 24  # many checkpoints in a short run
module.connect_writer = functools.partial(module.connect_writer, durability=sys.argv[2])
database = open_database(Home(Path(sys.argv[1])))
os.write(1, b"READY")
for number in range(int(sys.argv[3])):
    assert database.writer.run_sync(lambda state: store(state, bytes(300))) == number
    os.write(1, b"ACK %d" % number)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Step:
    """Something the process did to a file, or told us."""

    what: Literal["write", "sync", "lost", "cut", "remove", "ready", "told"]
    file: str = ""
    offset: int = 0  # also the length after a cut, and the number told
    data: bytes = b""


def can_trace() -> bool:
    """True iff system calls can be watched here."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "true"], capture_output=True).returncode == 0


def trace(folder: Path, *words: str, workload: str = WORKLOAD, inject: str = "") -> list[Step]:
    """Run a workload with these words in the home of a folder, and return what it did, in order.

    `inject`: which calls shall fail, as strace is told.
    """
    home, log = folder / "home", folder / "log"
    home.mkdir(exist_ok=True)
    command = ["strace", "-f", "-xx", "-s", "100000", "-o", str(log), "-e", f"trace={CALLS}"]
    command += ["-e", f"inject={inject}"] if inject else []
    command += [sys.executable, "-c", workload, str(home), *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return list(_steps(_whole(log.read_text()), str(home)))


def _whole(log: str) -> str:
    """The log with calls that others interrupted put together, where they ended."""
    begun: dict[str, str] = {}
    lines: list[str] = []
    for line in log.splitlines():
        process, _, call = line.partition(" ")
        if call.endswith(UNFINISHED):
            begun[process] = call.removesuffix(UNFINISHED)
        elif resumed := RESUMED.match(call.lstrip()):
            lines.append(begun.pop(process) + resumed[1])
        else:
            lines.append(call)
    return "\n".join(lines)


def _steps(lines: str, home: str) -> Iterator[Step]:
    open_files: dict[int, str] = {}
    for call, arguments, result in LINE.findall(lines):
        first = arguments.split(",", 1)[0]
        if call == "openat":
            path = _bytes(arguments).decode()
            if int(result) >= 0 and path.startswith(home):
                open_files[int(result)] = Path(path).name
            else:
                open_files.pop(int(result), None)
        elif call == "unlink" and _bytes(arguments).decode().startswith(home):
            yield Step("remove", Path(_bytes(arguments).decode()).name)
        elif call == "write" and first == "1":
            told = TOLD.fullmatch(_bytes(arguments))  # other programs it starts write there too
            if told is not None:
                yield Step("told", offset=int(told[1])) if told[1] else Step("ready")
        elif first.isdecimal() and int(first) in open_files:
            file = open_files[int(first)]
            if call == "close":
                del open_files[int(first)]
            elif call == "pwrite64":
                yield Step("write", file, int(arguments.rsplit(",", 1)[1]), _bytes(arguments))
            elif call in ("fsync", "fdatasync"):
                yield Step("sync" if int(result) == 0 else "lost", file)
            elif call == "ftruncate":
                yield Step("cut", file, int(arguments.split(",")[1]))


def _bytes(arguments: str) -> bytes:
    found = STRING.search(arguments)
    assert found is not None, arguments[:80]
    return bytes.fromhex(found[1].replace("\\x", ""))


@dataclass(slots=True)
class Disk:
    """Files as they are for certain, and the writes that may or may not have arrived."""

    kept: dict[str, bytearray]
    loose: dict[str, list[Step]]
    told: int = -1

    def do(self, step: Step) -> None:
        if step.what == "told":
            self.told = step.offset
        elif step.what == "remove":
            self.kept.pop(step.file, None)
            self.loose.pop(step.file, None)
        elif step.what == "sync":
            self._keep(step.file)
        elif step.what == "lost":  # the system shows these bytes on, and will never write them
            self.loose.pop(step.file, None)
        elif step.what == "ready":
            for file in list(self.loose):
                self._keep(file)
        else:
            self.loose.setdefault(step.file, []).append(step)

    def _keep(self, file: str) -> None:
        for step in self.loose.pop(file, []):
            _apply(self.kept.setdefault(file, bytearray()), step)

    def fail(self, chance: random.Random) -> dict[str, bytes]:
        """The files after a power cut: all that was synced, and some of the rest."""
        files = {file: bytearray(data) for file, data in self.kept.items()}
        for file, steps in self.loose.items():
            data, share = files.setdefault(file, bytearray()), chance.random()
            for step in steps:
                for part in _sectors(step):
                    if chance.random() < share:
                        _apply(data, part)
        return {file: bytes(data) for file, data in files.items()}


def _sectors(step: Step) -> Iterator[Step]:
    if step.what == "cut":
        yield step
    for at in range(0, len(step.data), SECTOR_BYTES):
        part = step.data[at : at + SECTOR_BYTES]
        yield Step("write", step.file, step.offset + at, part)


def _apply(data: bytearray, step: Step) -> None:
    end = step.offset + len(step.data)
    data.extend(bytes(max(0, end - len(data))))
    if step.what == "cut":
        del data[step.offset :]
    else:
        data[step.offset : end] = step.data


def states(
    steps: list[Step], count: int, seed: int, kept: dict[str, bytearray] | None = None
) -> Iterator[tuple[dict[str, bytes], int]]:
    """States of the disk after cuts anywhere after READY, with the last number told before.

    `kept`: files that were there before.
    """
    chance = random.Random(seed)
    ready = next(at for at, step in enumerate(steps) if step.what == "ready")
    cuts = sorted(chance.randrange(ready + 1, len(steps) + 1) for _ in range(count))
    disk, done = Disk(kept or {}, {}), 0
    for cut in cuts:
        for step in steps[done:cut]:
            disk.do(step)
        done = cut
        yield disk.fail(chance), disk.told
