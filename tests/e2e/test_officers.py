"""Two of three officers decide together, each on their own node, over the network."""

import json
from pathlib import Path
from typing import Any

from node.demo import Actor, wait
from tests.support.command import call

PLAN = """
name = "산들마을"
languages = ["ko", "en"]
unit = "나눔"
[[chapter]]
name = "첫 지부"
officers = {officers}
k = 2
"""


def asked(actor: Actor) -> list[dict[str, Any]]:
    chapter = actor.client.community()["chapters"][0]["name"]
    return actor.client.proposals(chapter)


def test_an_admission_waits_for_the_second_officer_and_limits_follow_by_themselves(
    tmp_path: Path,
) -> None:
    anna, bora = (Actor(name, "ko", tmp_path / name) for name in ("순희", "보라"))
    dora = Actor("Dora", "en", tmp_path / "dora")
    everybody = (anna, bora, dora)
    try:
        bora.make()
        plan = tmp_path / "plan.toml"
        officers = json.dumps(["me", bora.member])
        plan.write_text(PLAN.format(officers=officers), encoding="utf-8")
        anna.member = call(anna.home, "community", "new", "--name", "순희", "--plan", str(plan))[
            "member"
        ]
        anna.launch()
        anna.await_up()
        link = anna.client.invite()["link"]
        words = str(bora.home / "phrase.txt")
        call(bora.home, "community", "join", link, "--words-file", words)
        dora.make(link)
        for actor in (bora, dora):
            actor.launch()
            actor.await_up()
        chapter = anna.client.community()["chapters"][0]["name"]
        wait("the application", lambda: anna.client.requests(chapter))
        first = anna.client.admit(chapter, dora.member)
        assert (first["done"], first["agreed"], first["needed"]) == (False, 1, 2)
        (found,) = wait("the proposal", lambda: asked(bora))
        assert found["member"]["id"] == dora.member
        assert found["officers"][0]["id"] == anna.member
        assert any(hint["code"] == "proposals" for hint in bora.client.status()["next"])
        assert bora.client.agree(chapter, found["id"])["done"]
        wait("a limit", lambda: dora.client.balance()["limit"] or None)
        for actor in everybody:
            wait(
                "the admission",
                lambda a=actor: a.client.member(dora.member)["membership"] == "member",
            )
            wait("nothing asked", lambda a=actor: not asked(a))
    finally:
        for actor in everybody:
            actor.stop()
