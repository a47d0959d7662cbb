"""Junk in any place of any request is refused with a sentence, never with a crash."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.api.house import House

JUNK: list[Any] = [
    None,
    True,
    -1,
    2**70,
    1.5,
    float("nan"),
    "",
    "\x00",
    "\ud800",
    "\u202e\u200b",
    "x" * 40_000,
    "../../etc/passwd",
    "'; DROP TABLE records; --",
    [],
    {},
    [[[[[[[[[]]]]]]]]],
]
ID = "ab" * 32
CHAPTER = quote("첫 지부")


def spoiled(example: Any) -> Iterator[Any]:
    """An example with one junk value in each place, and junk in place of it all."""
    yield from JUNK
    if isinstance(example, dict):
        for name in example:
            for junk in JUNK:
                yield {**example, name: junk}


def target(path: str) -> str:
    """A path with plausible ids in it."""
    return path.replace("{name}", CHAPTER).split("{")[0] + (
        ID + path.rpartition("}")[2] if "{" in path.replace("{name}", "") else ""
    )


async def document(house: House) -> dict[str, Any]:
    return (await house.ask("GET", "/openapi.json")).json["paths"]


async def test_no_junk_in_a_body_crashes_a_route(house: House) -> None:
    asked = 0
    for path, methods in (await document(house)).items():
        for method, operation in methods.items():
            body = operation.get("requestBody")
            if body is None or "application/json" not in body["content"]:
                continue
            example = body["content"]["application/json"]["example"]
            for junk in spoiled(example):
                data = json.dumps(junk).encode("utf-8", "replace")
                answer = await house.ask(method.upper(), target(path), None, data)
                assert answer.status < 500, (path, junk, answer.body)
                asked += 1
    assert asked > 500
    assert (await house.ask()).status == 200


async def test_no_junk_in_a_query_crashes_a_route(house: House) -> None:
    words = [str(junk) for junk in JUNK if not isinstance(junk, str)]
    words += [junk for junk in JUNK if isinstance(junk, str) and len(junk) < 1_000]
    asked = 0
    for path, methods in (await document(house)).items():
        if "get" not in methods or path == "/v1/events":
            continue
        for parameter in methods["get"].get("parameters", []):
            if parameter["in"] != "query":
                continue
            for word in words:
                value = quote(word.encode("utf-8", "surrogatepass"))
                answer = await house.ask("GET", f"{target(path)}?{parameter['name']}={value}")
                assert answer.status < 500, (path, parameter["name"], word, answer.body)
                asked += 1
    assert asked > 200


async def test_no_junk_in_a_path_crashes_a_route(house: House) -> None:
    odd = ["", "%00", "%ff", "a" * 3_000, "%e2%80%ae", "..", ID.upper(), "0x" + ID]
    for path, methods in (await document(house)).items():
        if "{" not in path:
            continue
        for method in methods:
            for word in odd:
                tried = path.replace("{" + path.split("{")[1].split("}")[0] + "}", word)
                answer = await house.ask(method.upper(), tried)
                assert 400 <= answer.status < 500, (method, tried, answer.body)
