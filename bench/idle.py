"""What a node costs while nothing happens, and how soon it answers, beside the bare libraries.

The floor is measured in the same run: a process that imports FastAPI and hypercorn and runs an
empty libp2p host, and nothing else. A node may cost little more than that.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.processes import cpu_s, resident_mib
from node.client import Client, NotRunning
from node.demo import Actor

REPEATS = 3
SETTLE_S = 3.0
WATCH_S = 20.0  # a clock tick is 10 ms: 0.05 % of it
READY_MAX_S = 60.0

FLOOR = """
import os, sys
os.environ["PY_YAMUX_RELEASE_ON_READ"] = "0"
import fastapi, hypercorn.trio, trio
from libp2p import new_host
from multiaddr import Multiaddr

async def main():
    app = fastapi.FastAPI()
    host = new_host(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")])
    async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        print("ready", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def run() -> dict[str, Any]:
    """Medians of three rounds; memory in MiB, processor time in percent of one core."""
    floors, nodes = [], []
    for _ in range(REPEATS):
        floors.append(_floor())
        nodes.append(_node())
    found: dict[str, Any] = {
        "bench": "idle",
        "rounds": REPEATS,
        "floor": _medians(floors),
        "node": _medians(nodes),
    }
    found["node_minus_floor_mib"] = round(
        found["node"]["memory_mib"] - found["floor"]["memory_mib"], 1
    )
    return found


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(r[name] for r in rounds), 2) for name in rounds[0]}


def _floor() -> dict[str, float]:
    with subprocess.Popen([sys.executable, "-c", FLOOR], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            return _watch(process.pid)
        finally:
            process.kill()


def _node() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="wetalk-idle-") as folder:
        actor = Actor("Ada", "en", Path(folder) / "ada")
        actor.make()
        began = time.monotonic()
        actor.launch()
        try:
            api_s = _until_answering(actor, began)
            actor.await_up()
            network_s = time.monotonic() - began
            assert actor.process is not None
            return {"api_s": api_s, "network_s": network_s, **_watch(actor.process.pid)}
        finally:
            actor.stop()


def _until_answering(actor: Actor, began: float) -> float:
    while time.monotonic() - began < READY_MAX_S:
        try:
            Client.of_home(actor.home).identity()
            return time.monotonic() - began
        except NotRunning:
            time.sleep(0.01)
    raise TimeoutError("the API never answered")


def _watch(pid: int) -> dict[str, float]:
    """Resident memory and share of a core while nobody asks for anything."""
    time.sleep(SETTLE_S)
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(WATCH_S)
    share = (cpu_s(pid) - before) / (time.monotonic() - began)
    return {"memory_mib": resident_mib(pid), "cpu_percent": 100 * share}
