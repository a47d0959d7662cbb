"""What a route is: a row in a table, checked before its body is read.

Rules: every route names the scope its token needs, what it answers, and whether it may be repeated
under an Idempotency-Key. The first line of a handler's docstring is its summary in OpenAPI.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from node.api.idempotency import Idempotency
from node.api.tokens import Access

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
    takes: str | None = None  # what it is sent, if not JSON


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


def add_routes(app: FastAPI, routes: Sequence[Route]) -> None:
    """Put rows of the table into the application."""
    for route in routes:
        summary, _, rest = (route.handler.__doc__ or "").partition("\n")
        app.router.add_api_route(
            PREFIX + route.path,
            route.handler,
            methods=[route.method],
            response_model=route.answers,
            status_code=route.status,
            responses={route.status: {"content": dict.fromkeys(_media(route), BINARY)}},
            response_class=JSONResponse if route.media is None else Response,
            summary=summary.strip().rstrip("."),
            description="\n".join(line.strip() for line in rest.strip().splitlines()) or None,
            tags=[route.tag or route.path.split("/")[1]],
            operation_id=_operation(route),
            openapi_extra=_extra(route),
            route_class_override=GuardedRoute,
        )


def _media(route: Route) -> tuple[str, ...]:
    return route.also if route.media is None else (route.media, *route.also)


def _extra(route: Route) -> dict[str, Any]:
    """What the document needs to know beside what the handler's signature tells."""
    found: dict[str, Any] = {"x-scope": route.scope, "x-once": route.once}
    if route.takes is not None:
        found["requestBody"] = {"required": True, "content": {route.takes: BINARY}}
    return found


def _operation(route: Route) -> str:
    steps = [step.strip("{}") for step in route.path.split("/") if step]
    return "_".join([route.method.lower(), *steps]).replace(".", "_")
