"""Real nodes on a disk that fails: nothing is acknowledged that is not kept, and it says so."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.client import ApiProblem, Client
from node.demo import Actor, wait
from node.protocol import lanes
from node.services.core import open_core
from node.services.homes.looking import findings_of
from node.storage.home import Home
from tests.crash import shim
from tests.crash.shim import Calls, What

needs_shim = pytest.mark.skipif(shim.library() is None, reason=shim.WHY_NOT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that nobody has used yet."""
    actor = Actor("Ada", "en", tmp_path_factory.mktemp("made") / "ada")
    actor.make()
    return actor.home


@pytest.fixture
def ada(made: Path, tmp_path: Path) -> Iterator[Actor]:
    actor = Actor("Ada", "en", tmp_path / "ada")
    shutil.copytree(made, actor.home)
    yield actor
    actor.stop()


def launch(actor: Actor, environment: dict[str, str]) -> Client:
    """Start a node whose disk can be made to fail."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        actor.launch("--api-port", "0")
    finally:
        os.environ.clear()
        os.environ.update(before)
    actor.await_up()
    return actor.client


def said(client: Client, text: str) -> str:
    return str(client.say("plaza", text)["id"])


@needs_shim
@pytest.mark.parametrize(
    ("what", "calls", "code", "status"),
    [
        ("eio", "sync", "disk-sync", 503),
        ("eio", "write", "disk-error", 503),
        ("enospc", "write", "disk-full", 507),
    ],
)
def test_nothing_is_acknowledged_on_a_disk_that_fails(
    ada: Actor, tmp_path: Path, what: What, calls: Calls, code: str, status: int
) -> None:
    switch = tmp_path / "fails"
    environment = shim.environment(ada.home, what=what, calls=calls, at=1, switch=switch)
    client = launch(ada, environment)
    kept = [said(client, f"before {number}") for number in range(3)]
    switch.touch()
    for number in range(3):
        with pytest.raises(ApiProblem) as refused:
            said(client, f"refused {number}")
        assert (refused.value.code, refused.value.status) == (code, status)
    shown = wait("the node says so", lambda: told_of(client, code))
    assert shown["disk"]["writing"] is False
    assert shown["disk"]["problem"] in [hint["text"] for hint in shown["next"]]
    assert {post["id"] for post in client.posts("plaza")["items"]} >= set(kept)  # reading goes on
    switch.unlink()
    if code == "disk-sync":  # the next sync would be called done, and prove nothing
        with pytest.raises(ApiProblem) as still:
            said(client, "the disk works again, it says")
        assert still.value.code == code
    ada.stop()
    client = launch(ada, {})
    kept.append(said(client, "after"))
    ada.stop()
    assert findings_of(Home(ada.home)) == []
    core = open_core(Home(ada.home))
    try:
        assert all(lanes.ENTRY.has(core.reader, bytes.fromhex(post)) for post in kept)
        heads = lanes.heads_between(core.reader, b"", None)
        assert len({head.lane_key for head in heads}) == len(heads), "a lane has forked"
    finally:
        core.close()


def told_of(client: Client, code: str) -> dict[str, object] | None:
    found = client.status()
    return found if code in [hint["code"] for hint in found["next"]] else None


@needs_shim
def test_a_node_killed_at_its_nth_write_loses_nothing_acknowledged(ada: Actor) -> None:
    kept: list[str] = []
    for at in (1, 2, 3, 5, 8, 60):
        switch = ada.home.with_name("armed")
        switch.unlink(missing_ok=True)
        client = launch(ada, shim.environment(ada.home, at=at, switch=switch))
        switch.touch()
        for number in range(200):
            try:
                kept.append(said(client, f"{at}.{number}"))
            except Exception:
                break  # the node is gone
        assert ada.process is not None
        ada.process.wait(20)
        ada.process = None
    core = open_core(Home(ada.home))
    try:
        assert [p for p in kept if not lanes.ENTRY.has(core.reader, bytes.fromhex(p))] == []
        heads = lanes.heads_between(core.reader, b"", None)
        assert len({head.lane_key for head in heads}) == len(heads), "a lane has forked"
    finally:
        core.close()
