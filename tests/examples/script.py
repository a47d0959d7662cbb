"""Runs docs/examples/verify-receipt.mjs, much at once, and makes receipts for it.

The script was written from docs/protocol.md alone; what it says is compared with the program.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from node.protocol import portable
from node.protocol.portable import Receipt
from node.services.books.receipts import make_receipt
from node.services.core import Core
from node.services.homes.keyless import keyless_core
from node.services.incoming.intake import FILE, Intake
from node.storage.home import Home
from tests.support.world import Made, World

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "docs" / "examples" / "verify-receipt.mjs"
NODE_MIN_VERSION = 20

Asked = tuple[str, dict[str, Any]]


def need_node() -> None:
    """Skip the test, saying why, where Node is not here or too old."""
    if shutil.which("node") is None:
        pytest.skip("Node is not here")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < NODE_MIN_VERSION:
        pytest.skip(f"Node {version.stdout.strip()} is older than {NODE_MIN_VERSION}")


def ask(asked: list[Asked]) -> list[Any]:
    """What the script says of each, in one run: `ok` and the like, sentences, or a refusal."""
    done = subprocess.run(
        ["node", str(HERE / "many.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SCRIPT": str(SCRIPT)},
    )
    told: list[Any] = json.loads(done.stdout)
    assert len(told) == len(asked)
    return told


def judged(files: Iterable[str | bytes], known: str | None = None) -> list[list[str] | str]:
    """Of each file its sentences, or why it is refused."""
    files_ = [file.encode() if isinstance(file, str) else file for file in files]
    return ask(
        [("receipt", {"file": base64.b64encode(d).decode(), "known": known}) for d in files_]
    )


def sentences(file: str | bytes, known: str | None = None) -> list[str]:
    """Of a file that is believed, all sentences."""
    (told,) = judged([file], known)
    assert isinstance(told, list), told
    return told


def code(told: list[str] | str) -> str:
    """Why a file was refused."""
    assert isinstance(told, str), told
    return told.split(":")[0]


@contextmanager
def home_of(world: World) -> Generator[Core]:
    with TemporaryDirectory() as folder:
        core = keyless_core(Home(Path(folder) / "home"), world.genesis_bytes)
        try:
            Intake(core).take_sync(world.raws(), FILE)
            yield core
        finally:
            core.close()


def receipt_of(world: World, commit: Made) -> Receipt:
    """What the program hands out for a trade."""
    with home_of(world) as core:
        return make_receipt(core, core.reader, world.trade_of(commit))


def file_of(world: World, commit: Made) -> str:
    return portable.encode_receipt(receipt_of(world, commit))


def all_of(world: World, trade: Made) -> str:
    """A file of everything in a world: the program itself would make none of such a trade."""
    raws = tuple(world.raws())
    return portable.encode_receipt(Receipt(world.genesis_bytes, raws, trade.id, None))
