"""The application: routes, errors as problem documents, the gate around it all.

Rules: nothing is served that this package does not hold (no documentation pages from a content
network); OpenAPI and its pages are built when they are first asked for, and routes are there from
the first request for one of their group (`groups`).
"""

import sqlite3
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from node.api import docs_page, openapi, problems, static
from node.api.context import Api
from node.api.groups import add_groups
from node.api.security import Gate, Guard, own_door
from node.protocol.errors import LocalFault, WetalkError

TITLE = "WeTalk local API"
Note = Callable[[Exception], WetalkError | None]


def build_app(api: Api, port: int, version: str, *, web: bool = True) -> Gate:
    """The ASGI application that answers on 127.0.0.1:port; with `web`, also the web client. Its
    `beside` is the same application for the home network."""
    app = bare_app(version, api.default_language, note=api.core.note_fault)
    app.state.idempotency = api.idempotency
    add_groups(app, api)
    openapi.serve(app)
    docs_page.serve(app)
    if web:
        static.serve(app)
    guard = Guard(api.tokens, api.rates, api.default_language, api.core.note_fault)
    return Gate(app, guard, own_door(port))  # type: ignore[arg-type]


def bare_app(
    version: str,
    language: str,
    unknown: str = "not-found",
    note: Note = lambda _: None,
) -> FastAPI:
    """An application without routes, whose errors are problem documents.

    `language`: of problems where a request asks for none; `unknown`: their code for other paths;
    `note` is told every fault of the storage, and may give another to tell.
    """
    app = FastAPI(
        title=TITLE,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    _add_errors(app, language, unknown, note)
    return app


def _add_errors(app: FastAPI, language: str, unknown: str, note: Note) -> None:
    def answer(request: Request, fault: WetalkError) -> Response:
        asked = problems.language_of(request.scope["headers"], language)
        status, headers, body = problems.encoded(fault, asked)
        response = Response(body, status)
        response.raw_headers = headers
        return response

    async def expected(request: Request, error: Any) -> Response:
        note(error)
        return answer(request, error)

    async def invalid(request: Request, error: Any) -> Response:
        return answer(request, problems.from_validation(error.errors()))

    async def http(request: Request, error: Any) -> Response:
        if isinstance(error.__cause__, WetalkError):  # raised while the body was read
            return answer(request, error.__cause__)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers: dict[str, str] = error.headers or {}
            allowed = headers.get("Allow", "")
            return answer(request, LocalFault("method-not-allowed", allow=allowed))
        if error.status_code == HTTPStatus.NOT_FOUND:
            return answer(request, LocalFault(unknown, what=request.url.path))
        return answer(request, LocalFault("request-invalid", misfit="form", field=""))

    async def stored(request: Request, error: Any) -> Response:
        fault = note(error)
        if fault is None:
            raise error
        return answer(request, fault)

    async def unexpected(request: Request, error: Any) -> Response:
        del error  # goes on to the gate, which logs it
        return answer(request, LocalFault("unexpected"))

    app.add_exception_handler(WetalkError, expected)
    app.add_exception_handler(sqlite3.Error, stored)
    app.add_exception_handler(Exception, unexpected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
