"""A write repeated under its key is done once, whatever happens in between."""

import json
from pathlib import Path

import pytest
import trio

from node.api import idempotency
from node.client import Client
from node.protocol.errors import LocalFault
from node.storage.state import WriterState
from node.storage.writer import riding
from tests.api.house import Answer, House, make_home, running, serving
from tests.support.homes import Clock, genesis_for, introduce, move_in, seed_of


async def send(
    house: House, key: str, body: object, method: str = "POST", path: str = "/v1/posts"
) -> Answer:
    data = json.dumps(body).encode()
    return await house.ask(method, path, [*house.honest(data), ("Idempotency-Key", key)], data)


async def posts(house: House) -> list[str]:
    page = await house.do(lambda client: client.posts("hall"))
    return [item["text"] for item in page["items"]]


async def test_the_same_key_and_request_get_the_same_answer_once_done(house: House) -> None:
    body = {"room": "hall", "text": "once"}
    first, second = await send(house, "k1", body), await send(house, "k1", body)
    assert (first.status, first.body) == (second.status, second.body) == (201, first.body)
    assert second.headers["idempotency-replayed"] == "true"
    assert await posts(house) == ["once"]


async def test_another_request_under_a_used_key_is_refused(house: House) -> None:
    await send(house, "k1", {"room": "hall", "text": "one"})
    answer = await send(house, "k1", {"room": "hall", "text": "two"})
    assert (answer.status, answer.json["code"]) == (409, "idempotency-conflict")
    answer = await send(house, "k1", {"room": "hall", "text": "one"}, path="/v1/posts?x=1")
    assert answer.status == 409
    assert await posts(house) == ["one"]


async def test_clients_do_not_share_keys(house: House) -> None:
    made = await house.do(lambda client: client.make_token("other", ("talk", "read")))
    other = house.client(token=made["token"])
    body = {"room": "hall", "text": "hello"}
    await send(house, "k1", body)
    await trio.to_thread.run_sync(lambda: other.post("/posts", body, key="k1"))
    assert await posts(house) == ["hello", "hello"]


async def test_ten_at_once_under_one_key_do_it_once(house: House) -> None:
    body = {"room": "hall", "text": "rush"}
    answers: list[Answer] = []

    async def one() -> None:
        answers.append(await send(house, "rush", body))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(one)
    assert len({answer.body for answer in answers}) == 1
    assert {answer.status for answer in answers} == {201}
    assert await posts(house) == ["rush"]


async def test_a_restart_remembers_the_key(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    body = {"room": "hall", "text": "once"}
    async with running(home) as house:
        first = await send(house, "k1", body)
    async with running(home) as house:
        assert (await send(house, "k1", body)).body == first.body
        assert await posts(house) == ["once"]


async def test_the_key_stands_in_the_transaction_that_does_the_work(tmp_path: Path) -> None:
    """A process killed right after the commit, before its answer, finds the key at the next try."""
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    await introduce(person, seed_of("amina device "))
    seen: list[tuple[int, bool]] = []

    def note(state: WriterState, result: object) -> None:
        made = idempotency.made(result)
        held = state.get("entry", bytes.fromhex(made["id"])) is not None
        seen.append((len(made["id"]), held and state.connection.in_transaction))

    async with serving(person.core) as house:
        assert house.api is not None
        with riding(note):
            await house.api.talk.say("hall", "riding")
    assert seen == [(64, True)]
    person.close()


async def test_a_failed_write_leaves_its_key_free(house: House) -> None:
    answer = await send(house, "k1", {"room": "hall", "text": "   "})
    assert answer.json["code"] == "text-empty"
    assert (await send(house, "k1", {"room": "hall", "text": "now"})).status == 201
    assert await posts(house) == ["now"]


async def test_a_key_is_forgotten_after_a_day(tmp_path: Path) -> None:
    clock = Clock()
    person = move_in(tmp_path, "amina", genesis_for("amina"), clock)
    await introduce(person, seed_of("amina device "))
    async with serving(person.core) as house:
        first = await send(house, "k1", {"room": "hall", "text": "one"})
        clock.now += idempotency.KEPT_MS + 1
        second = await send(house, "k1", {"room": "hall", "text": "two"})
        assert (first.status, second.status) == (201, 201)
        rows = person.core.reader.connection.execute("SELECT count(*) FROM idempotency")
        assert rows.fetchone()[0] == 1
    person.close()


async def test_a_richer_answer_is_repeated_as_it_was(house: House) -> None:
    body = {"name": "순희", "about": "김치", "languages": ["ko"], "region": None}
    first = await send(house, "k1", body, "PUT", "/v1/profile")
    assert first.json["about"] == "김치"
    assert (await send(house, "k1", body, "PUT", "/v1/profile")).body == first.body


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "ключ"])
async def test_odd_keys_are_refused(house: House, key: str) -> None:
    answer = await send(house, key, {"room": "hall", "text": "odd"})
    assert (answer.status, answer.json["code"]) == (422, "request-invalid")
    assert await posts(house) == []


async def test_secrets_are_kept_under_no_key(house: House) -> None:
    body = {"name": "kiosk", "scopes": ["read"], "days": None}
    answers = [await send(house, "k1", body, path="/v1/tokens") for _ in range(2)]
    assert answers[0].json["token"] != answers[1].json["token"]


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_done_twice(house: House) -> None:
    """Between client and node, a line that breaks after the first request has arrived."""
    broken: list[bytes] = []

    async def line(client: trio.SocketStream) -> None:
        async with client, await trio.open_tcp_stream("127.0.0.1", house.port) as node:
            asked = b""
            while b"}" not in asked:  # head and body come one after the other
                asked += await client.receive_some(65_536)
            await node.send_all(asked.replace(*ports))
            answer = b""
            while b"}" not in answer:
                answer += await node.receive_some(65_536)
            if not broken:
                broken.append(answer)
                return
            await client.send_all(answer)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        ports = (f":{port}".encode(), f":{house.port}".encode())
        nursery.start_soon(trio.serve_listeners, line, listeners)
        client = Client(f"http://127.0.0.1:{port}", house.token)
        made = await trio.to_thread.run_sync(client.say, "hall", "once")
        nursery.cancel_scope.cancel()
    assert made["id"].encode() in broken[0]
    assert await posts(house) == ["once"]


async def test_the_riders_failure_undoes_the_work(tmp_path: Path) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())

    def refuse(state: WriterState, result: object) -> None:
        raise LocalFault("busy")

    with riding(refuse), pytest.raises(LocalFault):
        await introduce(person, seed_of("amina device "))
    assert person.core.reader.record_count() == 0
    person.close()
