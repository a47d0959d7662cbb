"""Events through the worst end of a node: nothing is lost, nothing comes twice, ids stay."""

import os
import signal
from pathlib import Path

from node.client import Client, Event, NotRunning
from tests.api.house import make_home
from tests.api.test_runtime import process


def posts_of(events: list[Event]) -> list[str]:
    return [event.data["post"] for event in events if event.name == "post"]


def take_until(client: Client, last_id: str | None, post: str) -> list[Event]:
    """Events that are kept, after `last_id`, up to the one of a post."""
    found: list[Event] = []
    for event in client.events(last_id, come_back=False):
        if event.id is not None:
            found.append(event)
        if event.data.get("post") == post:
            return found
    raise AssertionError("the stream ended")


def test_a_node_that_is_killed_loses_no_event_and_changes_no_id(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with process(home) as node:
        client = Client.of_home(home.path)
        stream = client.events(come_back=False)
        ready = next(stream)
        said = [client.say("hall", str(number))["id"] for number in range(6)]
        seen = [ready]
        while len(posts_of(seen)) < 3:  # the rest is on its way when the node dies
            seen.append(next(stream))
        os.kill(node.popen.pid, signal.SIGKILL)
        try:
            rest = list(stream)
        except NotRunning:
            rest = []  # what had arrived may be lost with the line: it comes again
        assert posts_of(rest) in [said[3 : 3 + count] for count in range(4)]
    with process(home):
        client = Client.of_home(home.path)
        said.append(client.say("hall", "after")["id"])
        everything = take_until(client, ready.id, said[-1])
        assert posts_of(everything) == said
        assert everything[0].name == "ready"
        before = {event.data["post"]: event.id for event in seen if event.name == "post"}
        again = {event.data["post"]: event.id for event in everything if event.name == "post"}
        assert before.items() <= again.items()
        assert len(set(again.values())) == len(said)
        resumed = take_until(client, seen[-1].id, said[-1])
        assert posts_of(resumed) == said[3:]
    with process(home, api_port=0):  # and once more, ended in good order
        client = Client.of_home(home.path)
        assert posts_of(take_until(client, seen[-1].id, said[-1])) == said[3:]
        too_old = client.events("ffffffffffff-1", come_back=False)
        assert next(too_old).name == "reset"
