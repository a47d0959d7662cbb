"""The OpenAPI document as the program serves it, without a node; what all generators read."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import trio

from tests.api.house import serving
from tests.support.homes import Clock, genesis_for, move_in

REFERENCE = "#/components/schemas/"


async def served(folder: Path) -> dict[str, Any]:
    """The document, from the real application over a fresh home in `folder`."""
    person = move_in(folder, "amina", genesis_for("amina"), Clock())
    try:
        async with serving(person.core) as house:
            host = [("Host", f"127.0.0.1:{house.port}")]
            return json.loads((await house.ask("GET", "/openapi.json", host)).body)
    finally:
        person.close()


@cache
def document() -> dict[str, Any]:
    """The document; made once a process."""
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(served, Path(folder))


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path below the prefix, and operation, in the document's order."""
    return [
        (method.upper(), path.removeprefix("/v1"), operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]


def name_of(schema: dict[str, Any]) -> str | None:
    """The name of the shape that a schema refers to."""
    reference = schema.get("$ref", "")
    return reference.removeprefix(REFERENCE) if reference else None


def answer_of(operation: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema of what an operation answers when it succeeds; None for a stream or file."""
    for status, told in operation["responses"].items():
        if status.startswith("2"):
            return told["content"].get("application/json", {}).get("schema")
    return None


def body_of(operation: dict[str, Any]) -> str | None:
    """The name of the shape that an operation takes."""
    content = operation.get("requestBody", {}).get("content", {})
    return name_of(content.get("application/json", {}).get("schema", {}))
