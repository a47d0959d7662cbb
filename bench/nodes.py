"""Node processes that are measured: `wetalk up` as it is, except that it looks for nobody.

Rules: nothing leaves loopback: no multicast, no addresses but given ones. A node is stopped by its
own process id, and ends by itself after LIFE_MAX_S at the latest.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from node.client import Client, NotRunning
from node.demo import LISTEN, Actor

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAM: Final = (sys.executable, "-c", "from bench.nodes import main; main()")
LIFE_MAX_S: Final = 3_600
READY_MAX_S: Final = 60.0
POLL_S: Final = 0.005


def main() -> None:
    """The program of the processes: the command line with these changes."""
    signal.alarm(LIFE_MAX_S)
    from node.commands import upping

    upping.Options = partial(upping.Options, discover=False)  # type: ignore[misc,assignment]
    from cli import main as wetalk

    wetalk()


class Node(Actor):
    """A node in a prepared home. `web`: it serves the web client, too."""

    web = False

    def launch(self, *more: str) -> None:
        """Start the node; `await_up` waits for it. `more` are further words for `wetalk up`."""
        words = ["--home", str(self.home), "--json", "up", "--api-port", "0", "--listen", LISTEN]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*PROGRAM, *words, *([] if self.web else ["--no-web"]), *more],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONPATH": os.pathsep.join(paths),
                },
            )


@contextmanager
def running(home: Path, *, web: bool = False) -> Generator[Node]:
    """A node in this home while this lasts."""
    node = Node("Ada", "en", home)
    node.web = web
    try:
        node.launch()
        node.await_up()
        yield node
    finally:
        node.stop()


def start_s(home: Path) -> tuple[float, float]:
    """Seconds from starting a node's process until its API answers, and until its network is up.
    It is stopped afterwards."""
    node = Node("Ada", "en", home)
    began = time.monotonic()
    node.launch()
    try:
        while True:
            try:
                Client.of_home(home).identity()
                break
            except NotRunning:
                if time.monotonic() - began > READY_MAX_S:
                    raise TimeoutError("the API never answered") from None
                time.sleep(POLL_S)
        api_s = time.monotonic() - began
        node.await_up()
        return api_s, time.monotonic() - began
    finally:
        node.stop()
