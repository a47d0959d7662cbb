"""The clients for Python: typed as the document says, the same calls for threads and for trio."""

import inspect
import re
import socket
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

import node.client.trio as on_trio
from node import client as in_threads
from node.client import ApiProblem, NotRunning, WrongCertificate, shapes
from tests.api.house import House, make_home, running
from tests.clients.document import answer_of, document, name_of, operations
from tests.clients.generate import generated
from tests.tidy import read

CALL = re.compile(r'self\.(get|post|put|delete|each|post_lines|post_file)\(\s*f?"([^"]*)"')
VERBS = {"each": "GET", "post_lines": "POST", "post_file": "POST"}
NOT_TYPED = {"note": "one of two routes with one shape"}


def methods(of: type) -> dict[str, Callable[..., Any]]:
    """The public calls of a client."""
    found = inspect.getmembers(of, inspect.isfunction)
    return {name: call for name, call in found if not name.startswith("_")}


def test_what_is_generated_is_what_the_generators_write_today() -> None:
    for path, text in generated(document()).items():
        assert read(path) == text, f"{path}: run python -m tests.clients.generate"


def test_both_clients_have_the_same_calls() -> None:
    plain, awaited = methods(in_threads.Client), methods(on_trio.Client)
    assert plain.keys() == awaited.keys()
    for name, call in plain.items():
        theirs = inspect.signature(awaited[name]).parameters
        assert list(inspect.signature(call).parameters) == list(theirs), name


def test_every_call_is_typed_as_the_document_says() -> None:
    found = document()
    answers = {
        (method, re.sub(r"\{[^}]*\}", "{}", path)): answer_of(operation)
        for method, path, operation in operations(found)
    }
    names, checked = {**vars(shapes), **vars(typing), "Iterator": typing.Iterator}, 0
    for name, call in methods(in_threads.Client).items():
        asked = CALL.search(inspect.getsource(call))
        if asked is None or not asked[2].startswith(("/", "{chapter_path")):
            continue
        path = asked[2].replace("{chapter_path(chapter)}", "/chapters/{}")
        path = re.sub(r"\{[^}]*\}", "{}", path).replace("/trades/{}/{}", "/trades/{}/accept")
        schema = answers[VERBS.get(asked[1], asked[1].upper()), path]
        told = call.__annotations__["return"]
        shape = name_of(schema or {})
        if shape is None or told == "None":
            assert told in ("Json", "None"), name
            continue
        items = found["components"]["schemas"][shape]["properties"].get("items", {})
        item = name_of(items.get("items", {}))
        assert told in (shape, f"list[{item}]", f"Iterator[{item}]"), (name, told, shape)
        eval(told, names)
        checked += 1
    assert checked > 50


async def test_a_day_with_the_client_for_trio(house: House) -> None:
    client = on_trio.Client(f"http://127.0.0.1:{house.port}", house.token, language="en")
    member = (await client.identity())["member"]
    events = client.events()
    assert (await anext(events)).name == "ready"
    post = (await client.say("hall", "안녕하세요"))["id"]
    seen = await anext(events)
    while seen.data.get("post") != post:
        seen = await anext(events)
    await events.aclose()
    resumed = client.events(seen.id)
    assert (await anext(resumed)).id == seen.id
    await resumed.aclose()
    assert (await client.post_shown(post))["text"] == "안녕하세요"
    await client.put_contact(member, "me")
    assert [one["name"] for one in await client.contacts()] == ["me"]
    assert [one["id"] async for one in client.members()] == [member]
    lines = [line async for line in client.export()]
    assert all(line.endswith(b"\n") for line in lines)
    report = await client.import_records(b"".join(lines))
    assert report["duplicate"] == len(lines) - 1
    assert (await client.statement_file("2026-09", "pdf")).startswith(b"%PDF")
    await client.delete_post(post)
    with pytest.raises(ApiProblem) as caught:
        await client.post_shown(post)
    assert (caught.value.status, caught.value.code) == (404, "not-found")


async def test_the_client_for_trio_can_be_given_up_at_any_moment(house: House) -> None:
    client = on_trio.Client(f"http://127.0.0.1:{house.port}", house.token)
    with trio.move_on_after(0.05) as given_up:
        async for _ in client.events():
            pass
    assert given_up.cancelled_caught
    assert (await client.status())["version"]


async def test_where_nobody_answers_both_say_so() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # taken, and not listened on
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(NotRunning):
            await on_trio.Client(address, "x").status()
        with pytest.raises(NotRunning):
            await trio.to_thread.run_sync(in_threads.Client(address, "x").status)


async def test_a_write_whose_answer_was_lost_is_repeated_under_its_key(house: House) -> None:
    """A line that breaks after the node has done the work: it is not done twice."""
    asked = 0

    async def half_deaf(stream: trio.SocketStream) -> None:
        """Passes requests on, and loses the first answer."""
        nonlocal asked
        asked += 1
        request = await stream.receive_some(65_536)
        node = await trio.open_tcp_stream("127.0.0.1", house.port)
        port = str(stream.socket.getsockname()[1]).encode()
        await node.send_all(request.replace(b":" + port, b":" + str(house.port).encode()))
        answer = await node.receive_some(65_536)
        if asked > 1:
            await stream.send_all(answer)
            async for more in node:
                await stream.send_all(more)
        await node.aclose()
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            lambda task_status: trio.serve_tcp(
                half_deaf, 0, host="127.0.0.1", task_status=task_status
            )
        )
        port = listeners[0].socket.getsockname()[1]
        client = on_trio.Client(f"http://127.0.0.1:{port}", house.token)
        made = await client.say("hall", "once")
        nursery.cancel_scope.cancel()
    assert asked == 2
    items = (await house.do(lambda client: client.posts("hall")))["items"]
    assert [one["id"] for one in items] == [made["id"]]


async def test_over_the_home_network_a_client_talks_to_the_named_certificate_alone(
    tmp_path: Path,
) -> None:
    async with running(make_home(tmp_path)) as house:
        lan = await house.do(lambda client: client.open_lan("127.0.0.1", 0))
        made = await house.do(lambda client: client.open_pairing("bot", ("read",), 1))
        url, seen = str(lan["url"]), lan["certificate"]["fingerprint"]  # type: ignore[index]
        paired = await on_trio.Client(url, "", certificate=seen).pair(made["code"])
        token = paired["token"]
        assert (await on_trio.Client(url, token, certificate=seen).identity())["member"]
        plain = in_threads.Client(url, token, certificate=seen.lower().replace(":", ""))
        assert (await trio.to_thread.run_sync(plain.identity))["member"]
        ready = await trio.to_thread.run_sync(lambda: next(plain.events(come_back=False)))
        assert ready.name == "ready"
        other = "00" * 32
        with pytest.raises(WrongCertificate):
            await on_trio.Client(url, token, certificate=other).identity()
        with pytest.raises(WrongCertificate):
            await trio.to_thread.run_sync(in_threads.Client(url, token, certificate=other).identity)
        with pytest.raises(ValueError):
            in_threads.Client(url, token)
