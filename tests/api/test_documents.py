"""The documents agree with the routes: docs/api.md, OpenAPI, and the client."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from node.api.groups import Groups
from node.api.routing import OPEN, PREFIX, Route
from node.client import Client, wire
from tests.api.house import House, serving
from tests.support.homes import Clock, genesis_for, move_in
from tests.tidy import ROOT

SCOPES = "(read|talk|trade|admin|none)"
ROW = re.compile(rf"^\| (GET|POST|PUT|DELETE) \| (/\S+) \| {SCOPES}( ¹)? \|", re.M)


@pytest.fixture
async def routes(tmp_path: Path) -> Any:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        assert house.api is not None
        yield [one.row for one in Groups(house.api).all_rows()]
    person.close()


async def test_every_route_stands_in_the_documentation_as_it_is(routes: list[Route]) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    told = {(method, path): (scope, bool(once)) for method, path, scope, once in ROW.findall(text)}
    are = {(route.method, route.path): (route.scope, route.once) for route in routes}
    assert told == are
    assert len(are) > 50


async def test_scopes_follow_from_what_a_route_does(routes: list[Route]) -> None:
    for route in routes:
        if route.method == "GET":
            private = {"/tokens": "admin", "/disputes": "trade"}
            assert route.scope == private.get("/" + route.path.split("/")[1], "read"), route
        elif route.path.startswith(("/trades", "/disputes")):
            assert route.scope == "trade", route
        elif (route.method, route.path) == ("POST", "/lan/pair"):
            assert route.scope == OPEN  # the one call that needs no token
        elif not route.path.startswith("/ledger"):
            assert route.scope in ("talk", "admin"), route


async def test_openapi_names_every_route_with_scope_and_valid_examples(
    house: House, routes: list[Route]
) -> None:
    answer = await house.ask("GET", "/openapi.json", [("Host", f"127.0.0.1:{house.port}")])
    document = answer.json
    assert document["openapi"].startswith("3.1")
    assert house.token not in answer.body.decode()
    operations = document["paths"]
    assert sum(len(methods) for methods in operations.values()) == len(routes)
    for route in routes:
        operation = operations[PREFIX + route.path][route.method.lower()]
        needed = [] if route.scope == OPEN else [{"bearer": [route.scope]}]
        assert operation["security"] == needed
        assert operation["summary"]
        assert operation["responses"]["401" if route.scope != OPEN else "403"]
        assert "problem+json" in json.dumps(operation["responses"]["default"])
        if route.media is None:
            content = operation["responses"][str(route.status)]["content"]["application/json"]
            TypeAdapter(route.answers).validate_python(content["example"])
        body = operation.get("requestBody")
        if route.takes is not None:
            assert list(body["content"]) == [route.takes]
        elif body is not None:
            shape = _body_of(route)
            TypeAdapter(shape).validate_python(body["content"]["application/json"]["example"])
        for parameter in operation.get("parameters", []):
            assert "example" in parameter, (route.path, parameter["name"])


def _body_of(route: Route) -> Any:
    return inspect.signature(route.handler).parameters["body"].annotation


async def test_every_route_has_its_call_in_the_client(routes: list[Route]) -> None:
    source = "".join(inspect.getsource(part) for part in (*Client.__mro__[:-1], wire))
    for route in routes:
        path = route.path.replace("/chapters/{name}", "{chapter_path(chapter)}")
        steps = re.sub(r"/(accept|decline|settle|release)$", "/{step}", path)
        parts = [part for part in re.split(r"\{(?!chapter_path|step)[^}]*\}", steps) if part]
        found = all(part.rstrip("/") in source or part in source for part in parts)
        assert found, f"{route.method} {route.path}"


async def test_the_client_reaches_what_needs_no_partner(house: House) -> None:
    def everything(client: Client) -> list[object]:
        member = client.identity()["member"]
        client.put_contact(member, "나")
        post = client.say("hall", "hello")["id"]
        reply = client.say("hall", "and you", reply_to=post)["id"]
        client.edit_post(post, "hello all")
        shown = client.post_shown(post)
        assert (shown["text"], shown["replies"][0]["id"]) == ("hello all", reply)
        assert shown["author"] == {"id": member, "name": "나"}
        client.delete_post(reply)
        listing = client.put_listing(
            "goods", "김치", price={"form": "amount", "amount": 1250}, region="kr-11", tags=["Food"]
        )["id"]
        client.change_listing(listing, price={"form": "free"}, state="paused")
        found = client.listing(listing)
        assert (found["price"]["form"], found["state"], found["region"]) == (
            "free",
            "paused",
            "KR-11",
        )
        client.close_listing(listing, erase=True)
        chapter = client.community()["chapters"][0]["name"]
        assert client.requests(chapter) == []
        link = client.invite(chapter, code=True)
        assert link["link"].startswith("wetalk:")
        assert link["expires"].endswith("Z")
        assert client.verify()["ok"]
        assert client.verify(from_scratch=True)["level"] == "L2"
        assert client.community(root=True)["root"] == client.root()["root"]
        lines = list(client.export())
        report = client.post_lines("/records/import", b"".join(lines))
        assert (report["read"], report["duplicate"]) == (len(lines) - 1, len(lines) - 1)
        return [
            client.status(),
            client.profile(),
            client.devices(),
            client.peers(),
            list(client.members()),
            client.member(member),
            client.balance(),
            client.rooms(),
            client.statement("2026-09"),
            list(client.trades()),
            list(client.listings()),
            client.search("hello"),
        ]

    answers = await house.do(everything)
    assert all(answer is not None for answer in answers)
