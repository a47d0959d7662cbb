"""Real node processes to be measured: starting them, what they use, waiting with a bound.

Rules: each process is stopped by its own id, whatever happens, and also ends by itself when this
program does (`alone`). What a node has committed is read from its database from outside, read-only,
so that asking costs the node nothing. Everything stays on loopback.
"""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from bench import alone
from node.demo import LISTEN, Actor
from node.storage.home import Home

T = TypeVar("T")

PROGRAM: Final = (sys.executable, "-c", "from bench.alone import main; main()")
QUIET_MAX_S: Final = 60.0
QUIET_WINDOW_S: Final = 0.3
QUIET_SHARE: Final = 0.1  # of one core
COUNT_RECORDS: Final = "SELECT coalesce(max(number) + 1, 0) FROM records"


@dataclass(slots=True)
class Process(Actor):
    """A node in a prepared home; it meets only those whom it is told to dial."""

    def launch(self, *more: str) -> None:
        """Start the node; `await_up` waits for it. `more` are further words for `wetalk up`."""
        words = ["--home", str(self.home), "--json", "up", "--api-port", "0", "--listen", LISTEN]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*PROGRAM, *words, "--no-web", *more],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env=alone.environment(),
            )

    @property
    def pid(self) -> int:
        """Id of the running process."""
        assert self.process is not None
        return self.process.pid

    @property
    def address(self) -> str:
        """Where neighbours can dial it: a multiaddress on loopback."""
        return self.addresses[0]

    def dial(self, other: "Process") -> None:
        """Have this node connect with another one."""
        self.client.add_peer(other.address)

    def peers(self) -> dict[str, dict[str, Any]]:
        """What the node says of its neighbours, by peer id."""
        return {one["peer"]: one for one in self.client.peers()["items"]}

    @property
    def peer(self) -> str:
        """The own peer id."""
        return self.address.rpartition("/p2p/")[2]

    def linked_at(self, other: "Process") -> tuple[float, dict[str, Any]]:
        """When the link with a neighbour came up (seconds, monotonic), and what is said of it."""
        before = time.monotonic()
        found = self.peers()[other.peer]
        return (before + time.monotonic()) / 2 - found["since_s"], found


@contextmanager
def running(processes: Sequence[Process]) -> Generator[None]:
    """All of them up and at rest within this; stopped by their ids afterwards."""
    try:
        for process in processes:
            process.launch()
        for process in processes:
            process.await_up()
        until_quiet(processes)
        yield
    finally:
        with ThreadPoolExecutor(len(processes)) as pool:  # each takes up to a second
            list(pool.map(Process.stop, processes))


def until_quiet(processes: Sequence[Process], most_s: float = QUIET_MAX_S) -> None:
    """Wait until none of them works on anything. Raises TimeoutError."""

    def quiet() -> bool:
        before, began = [cpu_s(one.pid) for one in processes], time.monotonic()
        time.sleep(QUIET_WINDOW_S)
        used = max(cpu_s(one.pid) - past for one, past in zip(processes, before, strict=True))
        return used < QUIET_SHARE * (time.monotonic() - began)

    until("the nodes to come to rest", quiet, most_s, every_s=0)


def until(what: str, found: Callable[[], T | None], most_s: float, every_s: float = 0.05) -> T:
    """What `found` gives once it is something. Raises TimeoutError."""
    end = time.monotonic() + most_s
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {most_s:.0f} s for {what}")
        time.sleep(every_s)


class Books:
    """How much a node has committed, read from outside while it runs."""

    def __init__(self, home: Path) -> None:
        uri = f"{Home(home).database.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)

    def count(self) -> int:
        """Records stored; a node of a measurement drops none. Some 20 µs."""
        return self._connection.execute(COUNT_RECORDS).fetchone()[0]

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


@contextmanager
def books_of(processes: Sequence[Process]) -> Generator[list[Books]]:
    """The books of several nodes."""
    books = [Books(process.home) for process in processes]
    try:
        yield books
    finally:
        for one in books:
            one.close()


def cpu_s(pid: int) -> float:
    """User and system time of a process with all its threads, ended ones too, in seconds (proc(5),
    stat); it counts in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process now, in MiB."""
    return _status_mib(pid, "VmRSS")


def peak_resident_mib(pid: int) -> float:
    """The most resident memory that a process ever had, in MiB."""
    return _status_mib(pid, "VmHWM")


def _status_mib(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {name}")
