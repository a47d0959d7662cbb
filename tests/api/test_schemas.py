"""Requests drawn from the OpenAPI document: as it promises them, and a little wrong.

Where `test_junk` puts one odd value into an example, whole requests are made here, of values that
the schemas allow and of some that they do not: path, query and body of every operation but the
event streams. Whatever is asked, the answer is no server error.
"""

import json
import random
from typing import Any
from urllib.parse import quote

from tests.api.house import House
from tests.api.test_junk import JUNK, target

REQUESTS_COUNT = 4  # of each operation
STREAMS = {"/v1/events"}
WRONG_SHARE = 0.12
DEPTH_MAX_LEVELS = 6
N = 2**53
HEX32 = "ab" * 32


class Requests:
    """Draws values for schemas of one document."""

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self._schemas = document["components"]["schemas"]
        self._dice = random.Random(seed)

    def value(self, schema: dict[str, Any], level: int = 0) -> Any:
        """A value of the schema; now and then one that is not."""
        dice = self._dice
        if dice.random() < WRONG_SHARE or level > DEPTH_MAX_LEVELS:
            return dice.choice(JUNK)
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], level)
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self.value(dice.choice(schema[choice]), level)
        if "const" in schema or "enum" in schema:
            return schema.get("const") or dice.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, level)
            case "array":
                count = dice.choice((0, 1, 2, 40)) if level < 3 else 0
                return [self.value(schema.get("items", {}), level + 1) for _ in range(count)]
            case "integer" | "number":
                low, high = (int(schema.get(*one)) for one in (("minimum", -N), ("maximum", N)))
                return dice.choice((low, high, low + 1, 0, 1, 100, dice.randint(low, high)))
            case "boolean":
                return dice.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(schema)

    def _object(self, schema: dict[str, Any], level: int) -> dict[str, Any]:
        required = schema.get("required", [])
        found = {
            name: self.value(inner, level + 1)
            for name, inner in schema.get("properties", {}).items()
            if name in required or self._dice.random() < 0.6
        }
        return found | ({"x": 1} if self._dice.random() < WRONG_SHARE / 4 else {})

    def _text(self, schema: dict[str, Any]) -> str:
        size = self._dice.choice((schema.get("minLength", 0), schema.get("maxLength", 300)))
        texts = (HEX32, "credit", "1.50", "KR-11", "ko", "2026-11", "쌀 열 가마", "가" * size)
        return self._dice.choice((*schema.get("examples", ()), *texts))


def _query(requests: Requests, operation: dict[str, Any], path: str) -> str:
    """The path with its places filled in, and a query."""
    query: list[str] = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] not in ("path", "query"):
            continue
        drawn = requests.value(parameter.get("schema", {}))
        text = drawn if isinstance(drawn, str) else json.dumps(drawn)
        written = quote(text[:300].encode("utf-8", "surrogatepass"), safe="")
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", written or "x")
        else:
            query.append(f"{parameter['name']}={written}")
    return "?".join([path, "&".join(query)]) if query else path


async def test_no_request_that_the_document_describes_crashes_a_route(house: House) -> None:
    document = (await house.ask("GET", "/openapi.json")).json
    requests, statuses = Requests(document, seed=1), set[int]()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for _ in range(0 if path in STREAMS else REQUESTS_COUNT):
                body = None
                content = operation.get("requestBody", {}).get("content", {})
                if content:
                    schema = content.get("application/json", {}).get("schema", {})
                    body = json.dumps(requests.value(schema)).encode("utf-8", "replace")
                asked = _query(requests, operation, path)
                answer = await house.ask(method.upper(), asked, None, body)
                assert answer.status < 500, (method, asked, body, answer.body)
                statuses.add(answer.status)
    assert {200, 404, 422} <= statuses
    assert (await house.ask()).status == 200


async def test_numbers_that_python_does_not_read_are_refused(house: House) -> None:
    """It refuses to read more than 4,300 digits, with an exception of its own kind."""
    refused = 0
    document = (await house.ask("GET", "/openapi.json")).json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                for body in (b"1" * 5_000, b'{"x":' + b"[" * 50_000):
                    answer = await house.ask(method.upper(), target(path), None, body)
                    assert 400 <= answer.status < 500, (method, path, answer.body)
                    refused += answer.status in (400, 422)
    assert refused > 40
