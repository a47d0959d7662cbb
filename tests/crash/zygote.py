"""Runs stages in forked children that the shim kills at a chosen call to the disk.

Run with the shim loaded; reads one JSON request a line, writes one JSON answer a line. A process of
its own, because it forks: the test runner has threads. What a stage tells goes through a pipe,
before anything else is done: what was told must be there after the kill.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

import cli
from node.ledger import root  # noqa: F401  (loaded before the fork, like all below)
from node.services.core import open_core
from node.services.members import renewal
from node.services.publish import Publisher
from node.services.talk import Talk
from node.storage.home import Home
from node.wallet import backup, keyfile
from node.wallet.passphrase import Cost
from node.wallet.phrase import check
from node.wallet.signer import Signer

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
POSTS = 6
Say = Callable[[str], None]


def cheapen() -> None:
    """Passwords that cost nothing: how long a key is derived is not the question here."""
    for function in (keyfile.create_key, keyfile.change_passphrase, backup.write_backup):
        assert function.__kwdefaults__ is not None
        function.__kwdefaults__["cost"] = CHEAP


def command(home: Path, say: Say, *words: str) -> None:
    """The program, as a user calls it."""
    sys.argv = ["wetalk", "--home", str(home), "--json", *words]
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    try:
        cli.main()
    except SystemExit as end:
        if end.code not in (0, None):
            say(f"refused {end.code}")
            return
    say("done")


def sign(folder: Path, say: Say) -> None:
    """Open a home, and sign posts, each told when it is acknowledged; then close."""
    core = opened(folder / "home")

    async def posts() -> None:
        talk = Talk(core, Publisher(core))
        for number in range(POSTS):
            say((await talk.say("plaza", f"post {number} " * 40)).hex())

    trio.run(posts)
    core.close()
    say("done")


def renew(folder: Path, say: Say) -> None:
    """A new device key in place of the old one."""
    core = opened(folder / "home")
    words = check((folder / "words").read_text())
    say(trio.run(renewal.renew, core, words).device.hex())
    core.close()
    say("done")


def opened(path: Path) -> Any:
    home = Home(path)
    core = open_core(home)
    renewal.settle_keys(core)
    core.signer = Signer.device(home.device_key, None, community_id=core.community)
    return core


def words_of(name: str) -> Callable[[Path, Say], None]:
    """A stage that is one command."""

    def stage(folder: Path, say: Say) -> None:
        words, password = str(folder / "words"), str(folder / "password")
        lines = {
            "init": ("init", "--name", "Ada", "--language", "en"),
            "back up": ("backup", str(folder / "out.backup"), "--password-file", password),
            "restore": ("restore", str(folder / "in.backup"), "--words-file", words,
                        "--password-file", password),
            "password": ("id", "password", "--new-password-file", password),
            "mend": ("doctor", "--mend"),
            "rebuild": ("doctor", "--rebuild"),
            "migrate": ("ledger", "root"),
        }  # fmt: skip
        command(folder / "home", say, *lines[name])

    return stage


STAGES: dict[str, Callable[[Path, Say], None]] = {
    "sign": sign,
    "renew": renew,
    **{
        name: words_of(name)
        for name in ("init", "back up", "restore", "password", "mend", "rebuild", "migrate")
    },
}


def run(stage: str, folder: Path, at: int, shim: ctypes.CDLL) -> dict[str, Any]:
    """Fork a child that does a stage and is killed at its `at`-th call (0: never)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            out = os.dup(writing)

            def say(text: str) -> None:
                os.write(out, f"{text}\n".encode())

            shim.crash_arm(at)
            STAGES[stage](folder, say)
            say(f"calls {shim.crash_count()}")
            code = 0
        except BaseException as error:
            say(f"raised {error!r}")
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read().splitlines()
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, "said": said}


def main() -> None:
    """Answer requests until there are no more."""
    cheapen()
    shim = ctypes.CDLL(None)
    shim.crash_arm.argtypes = [ctypes.c_long]
    shim.crash_count.restype = ctypes.c_long
    answers = os.dup(1)
    for line in sys.stdin:
        asked = json.loads(line)
        found = run(asked["stage"], Path(asked["folder"]), asked["at"], shim)

        os.write(answers, json.dumps(found).encode() + b"\n")


if __name__ == "__main__":
    main()
