"""Real nodes in processes of their own, for a browser to look at; one community of two members."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from node.client import Client
from tests.support.command import call
from tests.tidy import ROOT

T = TypeVar("T")
PROGRAM: Final = (sys.executable, "-c", "from cli import main; main()")
LISTEN: Final = "/ip4/127.0.0.1/tcp/0"
PATIENCE_S: Final = 60.0
POLL_S: Final = 0.05


def until(found: Callable[[], T], what: str) -> T:
    """The first true answer. Raises AssertionError when none comes."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(POLL_S)
    raise AssertionError(f"never came: {what}")


@dataclass
class House:
    """A home with its node; `start`, `freeze`, `thaw` and `stop` it as the story needs."""

    home: Path
    api: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def token(self) -> str:
        """The owner's token."""
        return (self.home / "token").read_text(encoding="ascii").strip()

    @property
    def address(self) -> str:
        """Where the browser goes, with the token, as a terminal shows it."""
        return f"{self.api}/#token={self.token}"

    @property
    def client(self) -> Client:
        """The running node, for what a test prepares or checks behind the browser's back."""
        return Client(self.api, self.token, language="en")

    def make(self, name: str, language: str, link: str | None = None) -> None:
        """Make its member; with a link, as an applicant."""
        joins = [] if link is None else ["--community", link]
        call(self.home, "init", "--name", name, "--language", language, *joins)

    def start(self, *wishes: str, port: int = 0, program: Path = ROOT) -> None:
        """Start the node, and wait for it. A node that was stopped gets the same port again.

        `program`: where another version of the source lies.
        """
        port = port or int(self.api.rpartition(":")[2] or 0)
        command = [*PROGRAM, "--home", str(self.home), "--json", "up", "--api-port", str(port)]
        out, err = (self.home.with_name(f"{self.home.name}.{end}") for end in ("out", "err"))
        with out.open("wb") as told, err.open("wb") as wrong:
            self.process = subprocess.Popen(
                [*command, "--listen", LISTEN, *wishes],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=wrong,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(program)},
                cwd=program,
            )

        def ready() -> dict[str, Any] | None:
            assert self.process is not None
            assert self.process.poll() is None, err.read_text(encoding="utf-8")
            first, end, _ = out.read_bytes().partition(b"\n")
            return json.loads(first) if end else None

        told = until(ready, "the first line of up")
        assert told is not None
        self.api = told.get("api") or told["first_run"]

    def freeze(self) -> None:
        """Have the node answer nothing, as a computer that sleeps."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Wake it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it as a user does, and be sure of it."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def living(home: Path, name: str, language: str) -> Iterator[House]:
    """A house with its member, started, and stopped at the end."""
    house = House(home)
    house.make(name, language)
    try:
        house.start()
        yield house
    finally:
        house.stop()
