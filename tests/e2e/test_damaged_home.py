"""A node whose database was damaged mends it from its neighbour, and loses nothing silently."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.demo import PROGRAM, STEP_MAX_S, Actor, wait
from tests.support.command import call


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Actor, Actor]]:
    """A relay, and Ada, connected."""
    relay = Actor("Relay", "en", tmp_path / "relay", role="relay")
    ada = Actor("Ada", "en", tmp_path / "ada")
    try:
        relay.make()
        relay.launch()
        relay.await_up()
        ada.make(relay.client.invite(code=True)["link"])
        ada.launch()
        ada.await_up()
        wait("a limit", lambda: ada.client.balance()["limit"] or None)
        yield relay, ada
    finally:
        ada.stop()
        relay.stop()


def root_of(actor: Actor) -> str:
    return str(actor.client.get("/ledger/root")["root"])


def posts_of(actor: Actor) -> set[str]:
    return {post["id"] for post in actor.client.posts("plaza")["items"]}


def in_step(relay: Actor, ada: Actor) -> bool | None:
    same = posts_of(relay) == posts_of(ada) and root_of(relay) == root_of(ada)
    return (same and ada.client.status()["sync"]["in_sync"] > 0) or None


def numbers_of(actor: Actor, text: str) -> list[int]:
    connection = sqlite3.connect(actor.home / "node.db")
    try:
        query = "SELECT number FROM records WHERE instr(body, ?) ORDER BY number"
        return [row[0] for row in connection.execute(query, (text.encode(),))]
    finally:
        connection.close()


def damage(actor: Actor, numbers: list[int]) -> None:
    """Flip a bit in the signatures of records."""
    connection = sqlite3.connect(actor.home / "node.db")
    with connection:
        for number in numbers:
            query = "SELECT signature FROM records WHERE number = ?"
            old = connection.execute(query, (number,)).fetchone()[0]
            flipped = bytes((old[0] ^ 4, *old[1:]))
            connection.execute(
                "UPDATE records SET signature = ? WHERE number = ?", (flipped, number)
            )
    connection.close()


def test_a_damaged_node_mends_itself_from_its_neighbour(pair: tuple[Actor, Actor]) -> None:
    relay, ada = pair
    for number in range(4):
        ada.client.say("plaza", f"ada {number}")
        relay.client.say("plaza", f"relay {number}")
    wait("in step", lambda: in_step(relay, ada))
    relay.stop()  # what follows is unsent
    unsent = ada.client.say("plaza", "said alone")["id"]
    ada.stop()
    hurt = numbers_of(ada, "ada 1") + numbers_of(ada, "relay 2")
    assert len(hurt) == 2
    damage(ada, hurt)
    told = call_refused(ada)
    assert [one["code"] for one in told["findings"]] == ["records-damaged"]
    ada.launch()  # it looks at its records, mends, and starts again by itself
    ada.await_up()
    wait("it says so", lambda: hint(ada) == "own-lane-damaged" or None)
    relay.launch()
    relay.await_up()
    for address in relay.addresses:
        ada.client.post("/peers", {"address": address})
    wait("all is back", lambda: in_step(relay, ada))
    assert unsent in posts_of(relay)
    wait("own lanes go on", lambda: hint(ada) != "own-lane-damaged" or None)
    assert list(ada.home.glob("damaged-*/node.db"))
    again = ada.client.say("plaza", "and on it goes")["id"]
    wait("it arrives", lambda: again in posts_of(relay) or None)
    assert not ada.client.identity()["home_copied"]
    for actor in pair:
        assert all(not one["alerts"] for one in actor.client.members())
        actor.stop()
        found = call(actor.home, "ledger", "verify", "--from-scratch")
        assert found["ok"]


def call_refused(actor: Actor) -> dict[str, object]:
    """What `wetalk doctor` says of a home that is not well."""
    command = [*PROGRAM, "--home", str(actor.home), "--json", "doctor"]
    done = subprocess.run(command, capture_output=True, timeout=STEP_MAX_S)
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def hint(actor: Actor) -> str:
    return str(actor.client.status()["next"][0]["code"])
