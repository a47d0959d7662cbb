"""What a route is: a row in a table, checked before its body is read.

Rules: every route names the scope its token needs, what it answers, and whether it may be repeated
under an Idempotency-Key. The first line of a handler's docstring is its summary in OpenAPI.

Left to others: which modules hold the rows, and when they are imported (`groups`).
"""

import sys
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from node.api.idempotency import Idempotency
from node.api.tokens import Access

# FastAPI says nothing of this while it builds a field; ours are built later (models.base).
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
# FastAPI compares each shape with those of pydantic's first version, all of which it imports for
# that (1.5 MB), unless there is none. We have no such shapes.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]

PREFIX: Final = "/v1"
OPEN: Final = "none"  # in place of a scope: no token is needed
BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row: `once` means that an Idempotency-Key is honoured."""

    method: str
    path: str
    handler: Handler
    answers: Any
    scope: str = "read"
    status: int = 200
    once: bool = False
    tag: str = ""
    media: str | None = None  # what it answers, if not JSON
    also: tuple[str, ...] = ()  # other media types that can be asked for
    takes: str | None = None  # the media type of its body, if that is not JSON
    until: Any = None  # what it answers, with 202, while there is nothing to give yet


def get(path: str, handler: Handler, answers: Any, **options: Any) -> Route:
    """A route that only reads."""
    return Route("GET", path, handler, answers, **options)


def write(
    method: str, path: str, handler: Handler, answers: Any, scope: str, **options: Any
) -> Route:
    """A route that changes something; repeatable under a key unless said otherwise."""
    options.setdefault("once", True)
    return Route(method, path, handler, answers, scope, **options)


class GuardedRoute(APIRoute):
    """Checks the scope and answers repetitions before anything of the request is parsed."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        inner = super().get_route_handler()
        extra = self.openapi_extra or {}
        scope, once, status = extra["x-scope"], extra["x-once"], self.status_code or 200

        async def handle(request: Request) -> Response:
            if scope != OPEN:
                access: Access = request.state.access
                access.require(scope)
            if not once:
                return await inner(request)
            idempotency: Idempotency = request.app.state.idempotency
            return await idempotency.answer(request, status, inner)

        return handle


class LazyRoute:
    """A row of the table, turned into a route of the framework when it is first asked for.

    What the framework builds for a route (validators, serializers) takes memory and time at the
    start, and a member's node is asked for few of them.
    """

    def __init__(self, row: Route) -> None:
        self.row = row
        self._built: APIRoute | None = None

    def built(self) -> APIRoute:
        """The framework's route."""
        if self._built is None:
            router = APIRouter()
            _add(router, self.row)
            (found,) = router.routes
            assert isinstance(found, APIRoute)
            self._built = found
        return self._built

    def placed(self) -> BaseRoute:
        """Where it stands among paths and methods."""
        outer = StarletteRoute(PREFIX + self.row.path, self, methods=[self.row.method])
        outer.methods = {self.row.method}  # starlette adds HEAD to GET
        return outer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.built().handle(scope, receive, send)


def add_routes(app: FastAPI, routes: Sequence[Route]) -> None:
    """Put rows into an application that has no others."""
    rows = [LazyRoute(row) for row in routes]
    app.router.routes += [row.placed() for row in rows]
    app.state.all_rows = lambda: rows


def api_routes(app: FastAPI) -> list[APIRoute]:
    """All routes of an application, built."""
    rows: Sequence[LazyRoute] = app.state.all_rows()
    return [row.built() for row in rows]


def _add(router: APIRouter, row: Route) -> None:
    summary, _, rest = (row.handler.__doc__ or "").partition("\n")
    router.add_api_route(
        PREFIX + row.path,
        row.handler,
        methods=[row.method],
        response_model=row.answers,
        status_code=row.status,
        responses=_responses(row),
        response_class=JSONResponse if row.media is None else Response,
        summary=summary.strip().rstrip("."),
        description="\n".join(line.strip() for line in rest.strip().splitlines()) or None,
        tags=[row.tag or row.path.split("/")[1]],
        operation_id=_operation(row),
        openapi_extra={"x-scope": row.scope, "x-once": row.once, **_body(row)},
        route_class_override=GuardedRoute,
    )


def _responses(row: Route) -> dict[int | str, dict[str, Any]]:
    told: dict[int | str, dict[str, Any]] = {
        row.status: {"content": dict.fromkeys(_media(row), BINARY)}
    }
    if row.until is not None:
        told[202] = {"model": row.until, "description": "Not here yet"}
    return told


def _body(row: Route) -> dict[str, Any]:
    if row.takes is None:
        return {}
    return {"requestBody": {"required": True, "content": {row.takes: BINARY}}}


def _media(row: Route) -> tuple[str, ...]:
    return row.also if row.media is None else (row.media, *row.also)


def _operation(route: Route) -> str:
    steps = [step.strip("{}") for step in route.path.split("/") if step]
    return "_".join([route.method.lower(), *steps]).replace(".", "_")
