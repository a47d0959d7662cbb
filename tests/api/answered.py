"""Watches what routes answer: every error must be named for its operation in the document.

Installed for all tests of the API, so that each of them checks this, too.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import FastAPI

from node.api import openapi, problems
from node.api.routing import LazyRoute


class Watched:
    """Errors that were answered, by operation."""

    def __init__(self) -> None:
        self.strange: list[tuple[str, int, str]] = []

    def note(self, app: FastAPI, operation: str, status: int, code: str) -> None:
        if code not in _named(app).get(operation, {}).get(str(status), ()):
            self.strange.append((operation, int(status), code))


def _named(app: FastAPI) -> dict[str, dict[str, set[str]]]:
    """Operation → status → codes, as the document says."""
    found: dict[str, dict[str, set[str]]] | None = getattr(app.state, "named", None)
    if found is None:
        found = app.state.named = {
            operation["operationId"]: {
                status: set(told["content"].get(problems.MEDIA_TYPE, {}).get("examples", ()))
                for status, told in operation["responses"].items()
                if "content" in told
            }
            for methods in openapi.document(app)["paths"].values()
            for operation in methods.values()
        }
    return found


@contextmanager
def watching(patch: pytest.MonkeyPatch) -> Generator[Watched]:
    """Look at every answer of every application until left."""
    watched, inner = Watched(), FastAPI.__call__

    async def call(self: FastAPI, scope: Any, receive: Any, send: Any) -> None:
        status, kind, body = 0, b"", b""

        async def sent(message: Any) -> None:
            nonlocal status, kind, body
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = dict(message["headers"]).get(b"content-type", b"")
            elif kind.startswith(problems.MEDIA_TYPE.encode()):
                body += message.get("body", b"")
            await send(message)

        await inner(self, scope, receive, sent)
        row = scope.get("endpoint")
        operation = row.built().operation_id if isinstance(row, LazyRoute) else None
        if body and operation is not None and status != HTTPStatus.METHOD_NOT_ALLOWED:
            watched.note(self, operation, status, json.loads(body)["code"])

    patch.setattr(FastAPI, "__call__", call)
    yield watched
    patch.undo()
