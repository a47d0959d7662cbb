"""Real nodes killed while clients write: nothing acknowledged is lost, no seq comes twice."""

import os
import random
import signal
import threading
import time
from pathlib import Path

from node.client import Client, NotRunning
from node.demo import Actor, wait
from node.protocol import lanes
from node.services.core import open_core
from node.storage.home import Home

LOOPS = int(os.environ.get("WETALK_KILL_LOOPS", "20"))
WRITERS = 3
SEED = 20261123


class Writer(threading.Thread):
    """A client that writes until the node is gone, and remembers what was acknowledged."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.failure: BaseException | None = None
        self._client = client
        self._name = name

    def run(self) -> None:
        for number in range(100_000):
            text = f"{self._name} {number}"
            try:
                self.acknowledged[self._client.say("plaza", text)["id"]] = text
            except NotRunning:
                return
            except BaseException as error:
                self.failure = error
                return


def answering(actor: Actor) -> Client:
    """A client of the running node, as soon as its API answers. Raises NotRunning before."""
    client = Client.of_home(actor.home)
    client.identity()
    return client


def kill_while_writing(actor: Actor, rng: random.Random, loop: int) -> dict[str, str]:
    """One loop: start, write, kill; returns what was acknowledged."""
    actor.launch()
    client = wait("the API answers", lambda: answering(actor))
    writers = [Writer(client, f"{loop}.{n}") for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(rng.uniform(0.0, 0.4))  # the moment of the kill is the thing under test
    assert actor.process is not None
    os.kill(actor.process.pid, signal.SIGKILL)
    actor.process.wait()
    actor.process = None
    for writer in writers:
        writer.join(20)
        assert not writer.is_alive()
        assert writer.failure is None, repr(writer.failure)
    return {post: text for writer in writers for post, text in writer.acknowledged.items()}


def test_nothing_acknowledged_is_lost_and_no_lane_forks(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    actor = Actor("Ada", "en", tmp_path / "ada")
    actor.make()
    acknowledged: dict[str, str] = {}
    try:
        for loop in range(LOOPS):
            acknowledged |= kill_while_writing(actor, rng, loop)
    finally:
        actor.stop()
    assert len(acknowledged) > LOOPS, "the writers hardly wrote"
    core = open_core(Home(actor.home))
    try:
        reader = core.reader
        lost = [post for post in acknowledged if not lanes.ENTRY.has(reader, bytes.fromhex(post))]
        assert lost == [], f"seed {SEED}"
        heads = lanes.heads_between(reader, b"", None)
        assert len({head.lane_key for head in heads}) == len(heads), "a lane has forked"
        for head in heads:
            entry = lanes.ENTRY.must(reader, head.id)
            assert sum(1 for _ in lanes.path_down(reader, entry)) == head.seq + 1
    finally:
        core.close()
