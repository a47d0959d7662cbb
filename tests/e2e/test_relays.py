"""A chapter with relays, as its people make it: keys first, then the founding, then payments that
become final by themselves. Four real nodes on loopback, founded once for this file."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.demo import Actor, wait
from node.protocol import lanes
from node.protocol.identity import Lane
from node.services.core import open_core
from node.storage.home import Home
from tests.support.command import call

PLAN = """
name = "산들마을"
languages = ["ko", "en"]
unit = "나눔"
[[chapter]]
name = "첫 지부"
officers = ["me"]
witnesses = {keys}
q = 2
"""


@dataclass(frozen=True)
class Chapter:
    founder: Actor
    relays: tuple[Actor, Actor]
    member: Actor


@pytest.fixture(scope="module")
def chapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chapter]:
    folder = tmp_path_factory.mktemp("chapter")
    founder = Actor("순희", "ko", folder / "founder")
    relays = tuple(Actor(n, "ko", folder / n, role="relay") for n in ("r1", "r2"))
    member = Actor("Anna", "en", folder / "member")
    everybody = (founder, *relays, member)
    try:
        keys = [call(relay.home, "witness", "key")["key"] for relay in relays]
        plan = folder / "plan.toml"
        plan.write_text(PLAN.format(keys=[*keys, "me"]), encoding="utf-8")
        made = call(founder.home, "community", "new", "--name", "순희", "--plan", str(plan))
        founder.member = made["member"]
        founder.launch()
        founder.await_up()
        for actor, key in ((relays[0], keys[0]), (relays[1], keys[1]), (member, None)):
            actor.make(founder.client.invite(code=True)["link"])
            actor.launch()
            actor.await_up()
            if key is not None:
                assert actor.client.identity()["device"] == key
        wait("a limit", lambda: member.client.balance()["limit"] or None)
        yield Chapter(founder, (relays[0], relays[1]), member)
    finally:
        for actor in everybody:
            actor.stop()


def paid(chapter: Chapter, amount: int) -> str:
    """The member has paid the founder, as far as those two can see."""
    member, founder = chapter.member.client, chapter.founder.client
    trade: str = member.propose("pay", chapter.founder.member, amount, "bread", anyway=True)["id"]
    wait("the proposal arrives", lambda: founder.trade(trade)["id"] == trade)
    founder.step(trade, "accept", anyway=True)
    wait("the payment", lambda: founder.trade(trade)["state"] in ("settled", "secured"))
    return trade


def confirmed(actor: Actor, trade: str, given: int) -> Any:
    def found() -> Any:
        shown = actor.client.trade(trade)
        return shown if shown["confirmations"]["given"] >= given else None

    return wait(f"{given} confirmations", found)


def test_a_payment_is_confirmed_and_spendable_by_itself(chapter: Chapter) -> None:
    before = chapter.founder.client.balance()["spendable"]
    trade = paid(chapter, 1_250)
    for actor in (chapter.founder, chapter.member):
        shown = confirmed(actor, trade, 3)
        assert (shown["goods"], shown["state"], shown["level"]) == ("confirmed", "secured", "L3")
        assert shown["confirmations"] == {"given": 3, "needed": 2, "relays": 3}
        assert "3" in shown["confirmations_text"]
    spendable = chapter.founder.client.balance
    wait("the claim", lambda: spendable()["spendable"] == before + 1_250)
    relay = chapter.relays[0].client.status()["relay"]
    assert (relay["confirmations"], relay["convicted"]) == (1, False)
    assert chapter.member.client.status()["relay"] is None
    (shown,) = chapter.member.client.community()["chapters"]
    assert (shown["relays"], shown["quorum"], shown["convicted"]) == (3, 2, [])


def test_a_relay_that_was_down_catches_up(chapter: Chapter) -> None:
    away = chapter.relays[1]
    before = away.client.status()["relay"]["confirmations"]
    away.stop()
    trade = paid(chapter, 100)
    assert confirmed(chapter.founder, trade, 2)["goods"] == "confirmed"  # one of three may be down
    away.launch()
    away.await_up()
    confirmed(chapter.founder, trade, 3)
    assert away.client.status()["relay"]["confirmations"] == before + 1


def witness_heads(actor: Actor, device: str) -> int:
    """How many ends a relay's lane of confirmations has in a home; more than one is a fork."""
    core = open_core(Home(actor.home))
    try:
        for lane_key, _ in lanes.LANE.under(core.reader, b""):
            if lane_key[32:] == bytes.fromhex(device) + bytes((Lane.WITNESS,)):
                return len(lanes.heads_of(core.reader, lane_key))
        return 0
    finally:
        core.close()


def test_a_relay_set_back_to_an_old_image_contradicts_nothing(
    chapter: Chapter, tmp_path: Path
) -> None:
    relay = chapter.relays[1]
    device: str = relay.client.identity()["device"]
    relay.stop()
    shutil.copytree(relay.home, tmp_path / "image")
    relay.launch()
    relay.await_up()
    trade = paid(chapter, 100)
    confirmed(chapter.founder, trade, 3)
    relay.stop()
    shutil.rmtree(relay.home)
    shutil.copytree(tmp_path / "image", relay.home)
    later = paid(chapter, 50)  # to be confirmed, while the image has not heard of the last one
    relay.launch()
    relay.await_up()
    wait("the copy is noticed", lambda: relay.client.identity()["home_copied"] or None)
    wait("the payment arrives", lambda: relay.client.trade(later)["state"] == "secured")
    assert chapter.founder.client.trade(later)["confirmations"]["given"] == 2
    (shown,) = chapter.founder.client.community()["chapters"]
    assert shown["convicted"] == []
    for actor in (relay, chapter.founder):
        actor.stop()
        assert witness_heads(actor, device) == 1
