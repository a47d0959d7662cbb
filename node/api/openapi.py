"""The OpenAPI 3.1 document, built when first asked for: every operation with scope and examples.

Whole examples are put together from the examples of fields, so that none can fall behind its shape.
"""

import json
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from node.api.routing import OPEN

PATH: Final = "/openapi.json"
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

    async def document(_: Request) -> Response:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return Response(json.dumps(app.openapi_schema, ensure_ascii=False), media_type=JSON)

    app.router.add_route(PATH, document, methods=["GET"], include_in_schema=False)


def build(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
    )
    shapes: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        shapes.pop(unused, None)
    _promise_all_fields(schema["paths"], shapes)
    shapes["Problem"] = _problem_shape()
    schema["components"]["securitySchemes"] = {BEARER: {"type": "http", "scheme": "bearer"}}
    for methods in schema["paths"].values():
        for operation in methods.values():
            _complete(operation, shapes)
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
            known: dict[str, Any] = part
            name = str(known.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                left.append(shapes.get(name, {}))
            left += known.values()
        elif isinstance(part, list):
            left += part  # pyright: ignore[reportUnknownArgumentType]
    return found


def _problem_shape() -> dict[str, Any]:
    from node.api.models.base import Problem

    return Problem.model_json_schema()


def _complete(operation: dict[str, Any], shapes: dict[str, Any]) -> None:
    """Scope, errors, idempotency and examples of one operation."""
    scope, once = operation.pop("x-scope"), operation.pop("x-once")
    if operation.get("description", "").rstrip(".") == operation["summary"]:
        del operation["description"]
    operation["security"] = [] if scope == OPEN else [{BEARER: [scope]}]
    operation["x-scope"] = scope
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "What went wrong, and what to do (RFC 9457)",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example({"$ref": "#/components/schemas/Problem"}, shapes),
            }
        },
    }
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
