"""A js-libp2p node is a neighbour like any other: connect, ping, identify, gossip both ways.

Runs where Node 20 or later and npm are, and where npm can install what the lock file names; else
it is skipped, saying why. Everything is installed into a folder of its own, outside the source
tree.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from node.protocol import hints
from tests.network.lab import Node, bounded, record, until

HERE = Path(__file__).parent / "js"
FILES = ("package.json", "package-lock.json", "polyfill.mjs", "peer.mjs")
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
INSTALL_MAX_S = 40


@pytest.fixture(scope="module")
def workshop() -> Path:
    """A folder with our script and js-libp2p in it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not here")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"Node {version.stdout.strip()} is older than 20")
    seal = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"wetalk-js-interop-{os.getuid()}-{seal}"
    if (folder / "complete").exists():
        return folder
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    problem = ""
    for _ in range(2):
        try:
            done = subprocess.run(
                INSTALL, cwd=folder, capture_output=True, text=True, timeout=INSTALL_MAX_S
            )
        except subprocess.TimeoutExpired:
            problem = f"npm took more than {INSTALL_MAX_S} s"
            continue
        if done.returncode == 0:
            (folder / "complete").touch()
            return folder
        problem = done.stderr.strip()[-300:]
    pytest.skip(f"js-libp2p cannot be installed: {problem}")


class Neighbour:
    """The JavaScript process and what it has told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def first(self, event: str) -> dict[str, Any] | None:
        return next((line for line in self.told if line["event"] == event), None)

    @asynccontextmanager
    async def running(self, folder: Path, *arguments: str) -> AsyncIterator["Neighbour"]:
        command = ["node", "--import", "./polyfill.mjs", "peer.mjs", *arguments]
        async with trio.open_nursery() as nursery:
            start = partial(
                trio.run_process,
                command,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                check=False,
            )
            process: trio.Process = await nursery.start(start)
            nursery.start_soon(self._listen, process)
            try:
                yield self
            finally:
                process.kill()

    async def _listen(self, process: trio.Process) -> None:
        assert process.stdout is not None
        text = b""
        async for data in process.stdout:
            *lines, text = (text + data).split(b"\n")
            self.told += [json.loads(line) for line in lines]


@pytest.mark.trio
@bounded(30)
async def test_a_node_in_javascript_hears_our_records_and_we_hear_its(workshop: Path) -> None:
    ours, theirs = [record(1), record(2)], record(3)
    node, neighbour = Node(), Neighbour()
    async with node.running():
        address = node.host.listening()[0].text
        payload = hints.pack([theirs])[0].hex()
        async with neighbour.running(workshop, address, node.gossip.topic, payload):
            await until(lambda: node.gossip.listeners(), 15)
            await until(lambda: neighbour.first("identified"))
            await until(lambda: node.headers() == [theirs.header])
            node.gossip.tell(ours)
            await until(lambda: neighbour.first("heard"))

    connected = neighbour.first("connected")
    assert connected == {"event": "connected", "encryption": "/noise", "muxer": "/yamux/1.0.0"}
    pinged = neighbour.first("pinged")
    assert pinged is not None
    assert 0 <= pinged["milliseconds"] < 5_000
    identified = neighbour.first("identified")
    assert identified is not None
    assert {"/ipfs/ping/1.0.0", "/meshsub/1.1.0"} <= set(identified["protocols"])
    heard = neighbour.first("heard")
    assert heard is not None
    assert heard["type"] == "signed"
    assert hints.unpack(bytes.fromhex(heard["data"])) == ours
    assert node.host.guard.conduct.bans(0) == []
