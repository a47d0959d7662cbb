"""The OpenAPI 3.1 document, built when first asked for: every operation with scope and examples.

Whole examples are put together from the examples of fields, so that none can fall behind its shape.
"""

import json
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from node.api import problems, refusals
from node.api.routing import OPEN, PREFIX, api_routes

PATH: Final = "/openapi.json"
LANGUAGE: Final = "en"  # of the sentences in examples
JSON: Final = "application/json"
BEARER: Final = "bearer"
DESCRIPTION: Final = (
    "The local API of a WeTalk node. Ids are 64 lowercase hex digits, times ISO 8601 UTC, amounts"
    " integers in minor units beside `unit` and `decimals`. Lists are paged with `cursor`; writes"
    " take an `Idempotency-Key`; errors are problem documents (RFC 9457)."
)
DEPTH_MAX_LEVELS: Final = 8
IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request within a day get the same answer.",
    "schema": {"type": "string", "maxLength": 128},
    "example": "3f1c9b7e-pay-kimchi",
}


def serve(app: FastAPI) -> None:
    """Answer GET /openapi.json."""

    async def answer(_: Request) -> Response:
        return Response(json.dumps(document(app), ensure_ascii=False), media_type=JSON)

    app.router.add_route(PATH, answer, methods=["GET"], include_in_schema=False)


def document(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        app.openapi_schema = build(app)
    return app.openapi_schema


def build(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=api_routes(app),
    )
    shapes: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        shapes.pop(unused, None)
    _promise_all_fields(schema["paths"], shapes)
    shapes["Problem"] = _problem_shape()
    schema["components"]["examples"] = examples = dict[str, Any]()
    schema["components"]["securitySchemes"] = {BEARER: {"type": "http", "scheme": "bearer"}}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            scope, once = operation.pop("x-scope"), operation.pop("x-once")
            _complete(operation, scope, once, shapes)
            _refuse(
                operation,
                refusals.codes_of(
                    method.upper(),
                    path.removeprefix(PREFIX),
                    scope=scope,
                    once=once,
                    paged=any(one["name"] == "cursor" for one in operation.get("parameters", [])),
                ),
                examples,
            )
    return schema


def _promise_all_fields(paths: dict[str, Any], shapes: dict[str, Any]) -> None:
    """Every field of an answer is always there, also one that may be left out when it is made."""
    asked = {"requestBody"}
    taken = [part for _, one in _operations(paths) for name, part in one.items() if name in asked]
    sent = _reached(taken, shapes)
    for name, shape in shapes.items():
        if name not in sent and "properties" in shape:
            shape["required"] = list(shape["properties"])


def _operations(paths: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, one) for path, methods in paths.items() for one in methods.values()]


def _reached(parts: list[Any], shapes: dict[str, Any]) -> set[str]:
    """Names of the shapes that stand in `parts`, also inside of each other."""
    found, left = set[str](), list(parts)
    while left:
        part = left.pop()
        if isinstance(part, dict):
            known = cast(dict[str, Any], part)
            name = str(known.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                left.append(shapes.get(name, {}))
            left += known.values()
        elif isinstance(part, list):
            left += cast(list[Any], part)
    return found


def _problem_shape() -> dict[str, Any]:
    from node.api.models.base import Problem

    return Problem.model_json_schema()


def _complete(operation: dict[str, Any], scope: str, once: bool, shapes: dict[str, Any]) -> None:
    """Scope, errors, idempotency and examples of one operation."""
    if operation.get("description", "").rstrip(".") == operation["summary"]:
        del operation["description"]
    operation["security"] = [] if scope == OPEN else [{BEARER: [scope]}]
    operation["x-scope"] = scope
    operation["responses"].pop("422", None)
    if once:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [answer.get("content", {}) for answer in operation["responses"].values()]
    for content in contents:
        for kind, told in content.items():
            if kind == JSON and "example" not in told:
                told["example"] = example(told["schema"], shapes)
    for parameter in operation.get("parameters", []):
        parameter.setdefault("example", example(parameter["schema"], shapes))


def _refuse(operation: dict[str, Any], codes: tuple[str, ...], examples: dict[str, Any]) -> None:
    """The errors of one operation, by status, and an example of each (shared by all that have
    it)."""
    by_status: dict[int, dict[str, Any]] = {}
    for code in codes:
        if code not in examples:
            examples[code] = {"value": problems.sample(code, LANGUAGE)}
        status: int = examples[code]["value"]["status"]
        reference = {"$ref": f"#/components/examples/{code}"}
        by_status.setdefault(status, {})[code] = reference
    for status, told in sorted(by_status.items()):
        operation["responses"][str(status)] = _problem_answer(HTTPStatus(status).phrase, told)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = {"schema": {"type": "integer"}, "description": "seconds", "example": 1}
            operation["responses"][str(status)]["headers"] = {"Retry-After": wait}
    operation["responses"]["default"] = _problem_answer("What a later version refuses", {})


def _problem_answer(description: str, told: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if told:
        content["examples"] = told
    return {"description": description, "content": {problems.MEDIA_TYPE: content}}


def example(shape: dict[str, Any], shapes: dict[str, Any], depth: int = 0) -> Any:
    """An example of a shape, from the examples of its fields."""
    if "examples" in shape:
        return shape["examples"][0]
    if "$ref" in shape:
        return example(shapes[shape["$ref"].rpartition("/")[2]], shapes, depth + 1)
    if "const" in shape:
        return shape["const"]
    if "enum" in shape:
        return shape["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in shape:
            return example(shape[several][0], shapes, depth)
    return _example_of_type(shape, shapes, depth)


def _example_of_type(shape: dict[str, Any], shapes: dict[str, Any], depth: int) -> Any:
    kind = shape.get("type")
    if kind == "object":
        fields = shape.get("properties", {})
        return {name: example(field, shapes, depth + 1) for name, field in fields.items()}
    if kind == "array":
        return [] if depth > DEPTH_MAX_LEVELS else [example(shape["items"], shapes, depth + 1)]
    if kind == "boolean":
        return shape.get("default", False)
    if kind in ("integer", "number"):
        return shape.get("default", shape.get("minimum", 0))
    return shape.get("default")
