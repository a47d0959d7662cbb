"""Writes the client for TypeScript, `clients/typescript/wetalk.ts`: shapes, and a call a route.

Calls are named by method and path: `getTrade`, `postTradeAccept`; a list of pages has a second one
that walks through it (`eachTrade`), an answer that can be a file one for files (`getReceiptFile`).
"""

import json
import re
import textwrap
from typing import Any

from tests.clients.document import answer_of, body_of, name_of, operations

HEAD = """\
/**
 * The client of a WeTalk node's local API.
 *
 * Written by tests/clients/generate.py from the OpenAPI document.
 */

import { Connection, part } from "./transport.ts";
import type { Options } from "./transport.ts";

export { WeTalkProblem } from "./transport.ts";
export type { EventOptions, Options, Settings, WeTalkEvent } from "./transport.ts";
"""
SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
OWN = {"/events"}  # written by hand
LINES = "application/x-ndjson"
BYTES = "application/octet-stream"
WIDTH = 96


def written(document: dict[str, Any]) -> str:
    """The module."""
    shapes: dict[str, Any] = document["components"]["schemas"]
    parts = [HEAD]
    parts += [_shape(name, shapes[name]) for name in sorted(shapes)]
    calls: list[str] = []
    names: list[str] = []
    for method, path, operation in operations(document):
        if path not in OWN:
            for name, text in _calls(method, path, operation, shapes):
                names.append(name)
                calls.append(text)
    assert len(set(names)) == len(names), "two calls of one name"
    parts.append(_about("The API of one node, with one token.") + "export class WeTalk")
    parts[-1] += " extends Connection {\n" + "\n".join(calls) + "}\n"
    return "\n".join(parts)


def _shape(name: str, shape: dict[str, Any]) -> str:
    required = set(shape.get("required", ()))
    fields = "".join(
        _about(schema.get("description"), 2)
        + f"  {field}{'' if field in required else '?'}: {type_of(schema)};\n"
        for field, schema in shape.get("properties", {}).items()
    )
    return _about(shape.get("description")) + f"export interface {name} {{\n{fields}}}\n"


def _about(text: str | None, indent: int = 0) -> str:
    if not text:
        return ""
    blank = " " * indent
    lines = textwrap.wrap(" ".join(text.split()).replace("*/", "* /"), WIDTH - indent - 3)
    if len(lines) == 1:
        return f"{blank}/** {lines[0]} */\n"
    inside = "".join(f"{blank} * {line}\n" for line in lines)
    return f"{blank}/**\n{inside}{blank} */\n"


def type_of(schema: dict[str, Any]) -> str:
    """The TypeScript type of a schema."""
    name = name_of(schema)
    if name is not None:
        return name
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(type_of(one) for one in schema[several]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        inner = type_of(schema.get("items", {}))
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {type_of(more) if isinstance(more, dict) else 'unknown'}>"
    return SIMPLE.get(str(kind), "unknown")


def name_for(method: str, path: str) -> str:
    """`getTrade` for GET /trades/{trade}: a step before a variable one stands in the singular."""
    steps = path.strip("/").split("/")
    named: list[str] = []
    for place, step in enumerate(steps):
        if step.startswith("{"):
            continue
        before_one = place + 1 < len(steps) and steps[place + 1].startswith("{")
        named.append(step.removesuffix("s") if before_one else step)
    return method.lower() + "".join(step.capitalize() for step in named)


def _calls(
    method: str, path: str, operation: dict[str, Any], shapes: dict[str, Any]
) -> list[tuple[str, str]]:
    name, answer = name_for(method, path), answer_of(operation)
    takes, query, where = _takes(path, operation)
    about = _about(operation["summary"] + ".", 2)
    media = next(t["content"] for s, t in operation["responses"].items() if s.startswith("2"))
    others = [kind for kind in media if kind != "application/json"]
    found: list[tuple[str, str]] = []
    if answer is not None:
        call = f'this.call("{method}", {where}, {_inner(operation, query)}, options)'
        kind = f"Promise<{type_of(answer)}>"
        found.append((name, about + _method(name, takes, kind, f"return {call};")))
        item = _item(answer, shapes)
        if item is not None and "cursor" in query:
            each = "each" + name.removeprefix("get").removesuffix("s")
            text = f"return this.walk({where}, query, options);"
            walk = _method(each, takes, f"AsyncGenerator<{item}, void>", text)
            found.append((each, _about(f"{operation['summary']}, page after page.", 2) + walk))
    if others:
        suffix = "File" if answer is not None else ""
        later = "202" in operation["responses"]  # null: the node does not have it yet
        which, kind = ("fileOrNull", "Blob | null") if later else ("file", "Blob")
        text = f'return this.{which}("{method}", {where}, {_inner(operation, query)}, options);'
        made = _method(name + suffix, takes, f"Promise<{kind}>", text)
        found.append((name + suffix, about + made))
    return found


def _item(answer: dict[str, Any], shapes: dict[str, Any]) -> str | None:
    """The type of a list's items; None for what is no list."""
    items = shapes.get(name_of(answer) or "", {}).get("properties", {}).get("items")
    return None if items is None else type_of(items["items"])


def _takes(path: str, operation: dict[str, Any]) -> tuple[list[str], list[str], str]:
    """What a call takes, the names of its query, and its path as an expression."""
    takes = [f"{name}: string" for name in re.findall(r"\{(\w+)\}", path)]
    body = body_of(operation)
    if body is not None:
        takes.append(f"body: {body}")
    elif LINES in operation.get("requestBody", {}).get("content", {}):
        takes.append("lines: BodyInit")
    elif BYTES in operation.get("requestBody", {}).get("content", {}):
        takes.append("file: Blob")
    asked = [one for one in operation.get("parameters", []) if one["in"] == "query"]
    if asked:
        needed = any(one["required"] for one in asked)
        inside = "; ".join(
            f"{one['name']}{'' if one['required'] else '?'}: {type_of(one['schema'])}"
            for one in asked
        )
        takes.append(f"query: {{ {inside} }}{'' if needed else ' = {}'}")
    steps = re.sub(r"\{(\w+)\}", r"${part(\1)}", path)
    where = f"`{steps}`" if "$" in steps else f'"{steps}"'
    return takes, [one["name"] for one in asked], where


def _inner(operation: dict[str, Any], query: list[str]) -> str:
    """What goes along with a request: query, body, whether a key is honoured."""
    parts = ["query"] if query else []
    if body_of(operation) is not None:
        parts.append("body")
    if LINES in operation.get("requestBody", {}).get("content", {}):
        parts.append("lines")
    if BYTES in operation.get("requestBody", {}).get("content", {}):
        parts.append("file")
    headers = [one["name"] for one in operation.get("parameters", []) if one["in"] == "header"]
    if "Idempotency-Key" in headers:
        parts.append("once: true")
    return f"{{ {', '.join(parts)} }}" if parts else "{}"


def _method(name: str, takes: list[str], kind: str, text: str) -> str:
    line = f"  {name}({', '.join([*takes, 'options: Options = {}'])}): {kind} {{\n"
    if len(line) > WIDTH:
        inside = "".join(f"    {one},\n" for one in [*takes, "options: Options = {}"])
        line = f"  {name}(\n{inside}  ): {kind} {{\n"
    return f"{line}    {text}\n  }}\n"
