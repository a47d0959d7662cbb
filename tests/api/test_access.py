"""Tokens: made, listed with their life in words, worth nothing once they are taken back."""

from pathlib import Path

import pytest
import trio

from node.api.shaping_access import life_text
from node.client import ApiProblem, Client, Event
from node.commands import root
from node.i18n import LANGUAGES
from node.protocol import limits
from tests.api.house import House, make_home, running, serving, until
from tests.support.homes import Clock, genesis_for, move_in

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("left_ms", "words"),
    [
        (None, "Good until you take it back"),
        (0, "No longer good"),
        (-5, "No longer good"),
        (1, "Good for 1 more hours"),
        (48 * HOUR_MS, "Good for 48 more hours"),
        (48 * HOUR_MS + 1, "Good for 3 more days"),
        (90 * 24 * HOUR_MS, "Good for 90 more days"),
    ],
)
def test_how_long_a_token_is_good_is_said_in_words(left_ms: int | None, words: str) -> None:
    now = 1_800_000_000_000
    assert life_text(None if left_ms is None else now + left_ms, now, "en") == words
    told = {life_text(None if left_ms is None else now + left_ms, now, one) for one in LANGUAGES}
    assert len(told) == len(LANGUAGES)


async def follow(house: House, client: Client, found: list[Event]) -> None:
    """Every event until the stream ends, in a thread."""

    def run() -> None:
        for event in client.events(come_back=False):
            found.append(event)

    await trio.to_thread.run_sync(run, abandon_on_cancel=True)


async def test_taking_a_token_back_ends_its_open_streams_at_once_and_no_others(
    tmp_path: Path,
) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        assert house.api is not None
        hub = house.api.hub
        made = [
            await house.do(lambda client, name=name: client.make_token(name, ("read",)))
            for name in ("kiosk", "bot")
        ]
        kiosk, bot = (house.client(token=one["token"]) for one in made)
        seen: list[Event] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow, house, bot, list[Event]())
            await until(lambda: hub.streams == 1)
            async with trio.open_nursery() as short:
                short.start_soon(follow, house, kiosk, seen)
                await until(lambda: hub.streams == 2)
                await house.do(lambda client: client.remove_token(made[0]["id"]))
                # The inner nursery ends when the stream has ended by itself.
            assert hub.streams == 1
            assert [event.name for event in seen] == ["ready"]
            with pytest.raises(ApiProblem) as caught:
                await trio.to_thread.run_sync(lambda: next(kiosk.events(come_back=False)))
            assert caught.value.status == 401
            nursery.cancel_scope.cancel()
    person.close()


async def test_a_stream_ends_when_its_token_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EVENTS_HEARTBEAT_S", 0.02)
    clock = Clock()
    person = move_in(tmp_path, "amina", genesis_for("amina"), clock)
    async with serving(person.core) as house:
        assert house.api is not None
        hub = house.api.hub
        made = await house.do(lambda client: client.make_token("day", ("read",), 1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow, house, house.client(token=made["token"]), list[Event]())
            await until(lambda: hub.streams == 1)
            clock.now += 24 * HOUR_MS
        assert hub.streams == 0
    person.close()


async def test_one_client_leaves_streams_for_others(tmp_path: Path) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        assert house.api is not None
        made = await house.do(lambda client: client.make_token("greedy", ("read",)))
        access = house.api.tokens.access(f"Bearer {made['token']}".encode())
        hub = house.api.hub
        taken = [hub.follow(None, access) for _ in range(limits.EVENT_STREAMS_OF_CLIENT_MAX_COUNT)]
        for one in taken:
            await anext(one)
        greedy = house.client(token=made["token"])
        with pytest.raises(ApiProblem) as caught:
            await trio.to_thread.run_sync(lambda: next(greedy.events(come_back=False)))
        assert caught.value.code == "busy"
        ready = await house.do(lambda client: next(client.events(come_back=False)))
        assert ready.name == "ready"
        for one in taken:
            await one.aclose()  # type: ignore[attr-defined]
    person.close()


async def test_tokens_that_have_expired_leave_room_for_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOKENS_MAX_COUNT", 2)
    clock = Clock()
    person = move_in(tmp_path, "amina", genesis_for("amina"), clock)
    async with serving(person.core) as house:
        await house.do(lambda client: client.make_token("day", ("read",), 1))
        await house.do(lambda client: client.make_token("week", ("read",), 7))
        with pytest.raises(ApiProblem) as caught:
            await house.do(lambda client: client.make_token("one more", ("read",)))
        assert caught.value.code == "tokens-many"
        clock.now += 25 * HOUR_MS
        listed = await house.do(lambda client: client.tokens())
        assert [(one["name"], one["good"]) for one in listed] == [("day", False), ("week", True)]
        await house.do(lambda client: client.make_token("one more", ("read",)))
        listed = await house.do(lambda client: client.tokens())
        assert [one["name"] for one in listed] == ["week", "one more"]
    person.close()


async def test_the_commands_make_list_and_take_back_a_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(make_home(tmp_path)) as house:

        async def says(*words: str, code: int = 0) -> str:
            chosen = ["--home", str(house.home.path), "--language", "en", "token", *words]
            assert await trio.to_thread.run_sync(root.run, chosen) == code
            shown = capsys.readouterr()
            return shown.out + shown.err

        assert "No program has a token" in await says("list")
        made = await says("new", "stall", "--scope", "read", "--scope", "trade", "--days", "90")
        secret = made.splitlines()[0]  # alone on standard output, which comes first here
        client = house.client(token=secret)
        assert (await trio.to_thread.run_sync(client.identity))["member"]
        listed = await says()
        assert "stall\tlook, trade\tGood for 90 more days" in listed
        assert secret not in listed
        assert "There is no such token" in await says("revoke", "abcdef", code=1)
        assert "The token of stall is taken back" in await says("revoke", "stall")
        with pytest.raises(ApiProblem) as caught:
            await trio.to_thread.run_sync(client.identity)
        assert caught.value.status == 401
        await says("new", "twin")
        await says("new", "twin")
        assert "more" in (await says("revoke", "twin", code=1)).lower()
