"""A computer set back to an old disk image: the node notices before it would contradict itself."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from node.client import ApiProblem
from node.demo import Actor, wait
from node.protocol import lanes
from node.protocol.identity import Lane
from node.services.core import open_core
from node.storage.home import Home


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Actor, Actor]]:
    """A relay, and Ada with a limit, connected."""
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


def pay(payer: Actor, payee: Actor, amount: int) -> str:
    """A proposal that the other side has heard of."""
    trade: str = payer.client.propose("pay", payee.member, amount, "bread", anyway=True)["id"]

    def heard() -> bool | None:
        with suppress(ApiProblem):
            return payee.client.trade(trade)["id"] == trade
        return None

    wait("the proposal arrives", heard)
    return trade


def account_heads(actor: Actor, member: str, device: str) -> int:
    """How many ends a member's account lane has in a home; more than one is a fork."""
    core = open_core(Home(actor.home))
    try:
        lane_key = bytes.fromhex(member) + bytes.fromhex(device) + bytes((Lane.ACCOUNT,))
        return len(lanes.heads_of(core.reader, lane_key))
    finally:
        core.close()


def test_a_home_set_back_to_an_old_image_signs_nothing(
    pair: tuple[Actor, Actor], tmp_path: Path
) -> None:
    relay, ada = pair
    pay(ada, relay, 100)
    device: str = ada.client.identity()["device"]
    wait("an echo", lambda: ada.client.status()["sync"]["in_sync"] or None)
    ada.stop()
    shutil.copytree(ada.home, tmp_path / "image")
    ada.launch()
    ada.await_up()
    pay(ada, relay, 200)
    ada.stop()
    shutil.rmtree(ada.home)
    shutil.copytree(tmp_path / "image", ada.home)
    ada.launch()
    ada.await_up()
    with pytest.raises(ApiProblem) as refused:
        ada.client.propose("pay", relay.member, 300, "milk")
    assert refused.value.code in ("not-echoed", "home-copied")
    wait("the copy is noticed", lambda: ada.client.identity()["home_copied"] or None)
    with pytest.raises(ApiProblem) as insisted:
        ada.client.propose("pay", relay.member, 300, "milk", anyway=True)
    assert insisted.value.code == "home-copied"
    known = {one["id"]: one for one in relay.client.members()}
    assert known[ada.member]["alerts"] == []
    for actor in (ada, relay):
        actor.stop()
        assert account_heads(actor, ada.member, device) == 1
