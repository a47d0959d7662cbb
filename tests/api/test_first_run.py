"""The first run: a home without a member, asked in the browser, until there is one."""

import functools
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from node.client import ApiProblem
from node.runtime import Options, Ready, Waiting, run_node
from node.services.members.setup import Person, create_home
from node.storage.home import Home
from node.wallet.phrase import new_phrase
from tests.api.house import House, running

NEW = {"name": "영희", "language": "ko"}


class Beginning:
    """A process on an empty home: its page first, then its node."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.told: list[Waiting | Ready] = []
        self.house = House(home, 0)

    def hear(self, told: Waiting | Ready) -> None:
        self.told.append(told)
        self.house.port = int(told.api.rpartition(":")[2])

    async def until(self, kind: type) -> None:
        with trio.fail_after(30):
            while not any(isinstance(told, kind) for told in self.told):
                await trio.sleep(0.01)


@asynccontextmanager
async def beginning(home: Home, **options: Any) -> AsyncGenerator[Beginning]:
    found, stop = Beginning(home), trio.Event()
    wished = {"api_port": 0, "network": False, "signals": False, "first_run": "en", **options}
    async with trio.open_nursery() as nursery:
        node = functools.partial(run_node, home, Options(**wished), found.hear, stop=stop)
        nursery.start_soon(functools.partial(node, waiting=found.hear))
        await found.until(Waiting)
        try:
            yield found
        finally:
            stop.set()


@pytest.fixture
async def first(tmp_path: Path) -> AsyncGenerator[Beginning]:
    async with beginning(Home(tmp_path / "home")) as found:
        yield found


async def refused(house: House, call: Any) -> str:
    with pytest.raises(ApiProblem) as caught:
        await house.do(call)
    return caught.value.code


async def test_nothing_but_the_first_run_is_answered(first: Beginning) -> None:
    house = first.house
    assert (await house.do(lambda c: c.first_run()))["home"] == str(first.home.path)
    for path in ("/v1/status", "/v1/identity", "/v1/events", "/v1/trades", "/v1/identity/restore"):
        answer = await house.ask("GET", path)
        assert (answer.status, answer.json["code"]) == (409, "setup-needed"), path
    page = await house.ask("GET", "/", [("Host", f"127.0.0.1:{house.port}")])
    assert page.status == 200
    assert not first.home.genesis.exists()
    assert first.home.token.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("Authorization", "Bearer " + "x" * 43)], 401),
        ([("Origin", "http://evil.example")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
    ],
)
async def test_nobody_else_makes_a_member(
    first: Beginning, headers: list[tuple[str, str]], status: int
) -> None:
    body = json.dumps(NEW).encode()
    own = first.house.honest(body)
    keep = [one for one in own if one[0] != "Authorization"]
    answer = await first.house.ask(
        "POST", "/v1/setup/new", [*(keep if status == 401 else own), *headers], body
    )
    assert answer.status == status
    assert not first.home.genesis.exists()


async def test_a_new_member_gets_words_once_and_the_node_starts_at_the_same_address(
    first: Beginning,
) -> None:
    made = await first.house.do(lambda c: c.new_member(**NEW))
    port = first.house.port
    assert len(made["words"]) == 24
    assert first.home.phrase.stat().st_mode & 0o777 == 0o600
    await first.until(Ready)
    assert first.house.port == port
    identity = await first.house.do(lambda c: c.identity())
    assert (identity["member"], identity["words_waiting"]) == (made["member"], True)
    await first.house.do(lambda c: c.confirm(" ".join(made["words"])))
    assert not first.home.phrase.exists()
    assert (await first.house.do(lambda c: c.profile()))["name"] == "영희"
    assert await refused(first.house, lambda c: c.new_member(**NEW)) == "not-found"


async def test_a_community_is_started_by_its_name_and_word(first: Beginning) -> None:
    community = {"name": "햇살 마을", "unit": "품"}
    await first.house.do(lambda c: c.new_member(**NEW, community=community))
    await first.until(Ready)
    found = await first.house.do(lambda c: c.community())
    assert (found["name"], found["unit_name"], found["decimals"]) == ("햇살 마을", "품", 2)
    assert [one["membership"] for one in found["chapters"]] == ["officer"]


async def test_an_invitation_is_looked_at_then_followed(first: Beginning, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    create_home(other, Person("순희", "ko"))
    async with running(other) as inviting:
        link = (await inviting.do(lambda c: c.invite(code=True)))["link"]
        name = (await inviting.do(lambda c: c.community()))["name"]
    message = f"어서 와요!\n{link}\n— 순희"
    told = await first.house.do(lambda c: c.look_at_invitation(message))
    assert (told["name"], told["once"], told["reachable"]) == (name, True, False)
    await first.house.do(lambda c: c.new_member(**NEW, invitation=message))
    await first.until(Ready)
    found = await first.house.do(lambda c: c.community())
    assert (found["name"], found["chapters"][0]["membership"]) == (name, "applicant")


async def test_what_is_wrong_is_said_and_makes_nothing(first: Beginning) -> None:
    house = first.house
    odd = "hello, no invitation in here"
    assert await refused(house, lambda c: c.look_at_invitation(odd)) == "invitation-invalid"
    assert await refused(house, lambda c: c.new_member(**NEW, invitation=odd)) == (
        "invitation-invalid"
    )
    cut = "wetalk:join?c=AAAA"
    assert await refused(house, lambda c: c.look_at_invitation(cut)) == "invitation-invalid"
    assert await refused(house, lambda c: c.new_member("\u202e \n", "ko")) == "name-invalid"
    both = {"invitation": cut, "community": {"name": "a", "unit": "b"}}
    assert await refused(house, lambda c: c.new_member(**NEW, **both)) == "request-invalid"
    blank = {"name": "a", "unit": "\u200b"}
    assert await refused(house, lambda c: c.new_member(**NEW, community=blank)) == "unit-invalid"
    words = "one two three"
    assert await refused(house, lambda c: c.come_back(words, "en", cut)) == "phrase-count"
    assert not first.home.genesis.exists()
    await house.do(lambda c: c.new_member(**NEW))  # nothing of all that is in the way


async def test_two_tabs_make_one_member(first: Beginning) -> None:
    answers: list[object] = []

    async def ask() -> None:
        try:
            answers.append(await first.house.do(lambda c: c.new_member(**NEW)))
        except ApiProblem as problem:
            answers.append(problem.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
    assert sum(isinstance(one, dict) for one in answers) == 1
    assert "home-exists" in answers


async def test_stopped_before_anything_was_made_it_leaves_no_member(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    async with beginning(home):
        assert home.api.exists()
    assert not home.api.exists()
    assert not home.genesis.exists()


async def test_who_has_been_here_before_waits_for_their_records(
    first: Beginning, tmp_path: Path
) -> None:
    other, words = Home(tmp_path / "other"), new_phrase("ko")
    made = create_home(other, Person("순희", "ko"), phrase=words)
    async with running(other) as inviting:
        link = (await inviting.do(lambda c: c.invite()))["link"]
    back = await first.house.do(lambda c: c.come_back(words.text, "ko", link))
    assert back["member"] == made.member.hex()
    await first.until(Ready)
    assert (await first.house.do(lambda c: c.identity()))["restoring"]
    assert await refused(first.house, lambda c: c.restore(words.text)) == "restore-not-ready"
    stranger = new_phrase("ko").text
    assert await refused(first.house, lambda c: c.restore(stranger)) == "phrase-other"


async def restored_soon(house: House, words: str) -> Any:
    """The node notes by itself, a moment after the import, that all is here."""
    with trio.fail_after(30):
        while True:
            try:
                return await house.do(lambda c: c.restore(words))
            except ApiProblem as problem:
                if problem.code != "restore-not-ready":
                    raise
            await trio.sleep(0.05)


async def test_once_the_records_are_here_the_words_bring_the_member_back(
    first: Beginning, tmp_path: Path
) -> None:
    other, words, file = Home(tmp_path / "other"), new_phrase("ko"), tmp_path / "records.jsonl"
    create_home(other, Person("순희", "ko"), phrase=words)
    async with running(other) as inviting:
        await inviting.do(lambda c: c.say("마당", "before"))
        link = (await inviting.do(lambda c: c.invite()))["link"]
        old = (await inviting.do(lambda c: c.identity()))["device"]
        file.write_bytes(b"".join(await inviting.do(lambda c: list(c.export()))))
    await first.house.do(lambda c: c.come_back(words.text, "ko", link))
    await first.until(Ready)
    await first.house.do(lambda c: c.import_records(file.read_bytes()))
    first.told.clear()
    restored = await restored_soon(first.house, words.text)
    assert restored["shut_out"] == [old]
    await first.until(Ready)  # it starts again
    identity = await first.house.do(lambda c: c.identity())
    assert not identity["restoring"]
    assert (await first.house.do(lambda c: c.profile()))["name"] == "순희"
    await first.house.do(lambda c: c.say("마당", "after"))
    texts = [one["text"] for one in (await first.house.do(lambda c: c.posts("마당")))["items"]]
    assert texts == ["after", "before"]
