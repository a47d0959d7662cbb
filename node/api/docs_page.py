"""The documentation of the API as pages to read, `/docs`: made from the OpenAPI document.

Rules: everything is written here, as static HTML without a script, so that it works offline under
the strict policy of the web client; whatever stands in the document is escaped. Every operation,
shape and error can be linked to. Made when it is first asked for.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from html import escape
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from node.api import openapi

PATH: Final = "/docs"
STYLE_PATH: Final = "/docs/style.css"
STYLE: Final = "docs.css"
PACKAGE: Final = "node.api"
PREFIX: Final = "/v1"
Document = dict[str, Any]


def serve(app: FastAPI) -> None:
    """Answer `/docs` and its style."""
    style = files(PACKAGE).joinpath(STYLE).read_bytes()
    made: list[bytes] = []

    async def page(_: Request) -> Response:
        if not made:
            made.append(html(openapi.document(app)).encode())
        return Response(made[0], media_type="text/html; charset=utf-8")

    async def styled(_: Request) -> Response:
        return Response(style, media_type="text/css; charset=utf-8")

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        (PATH, page),
        (STYLE_PATH, styled),
    ]
    for path, handler in routes:
        app.router.add_route(path, handler, methods=["GET"], include_in_schema=False)


def html(document: Document) -> str:
    """The whole page."""
    shapes: Document = document["components"]["schemas"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["more"])[0]
            by_tag.setdefault(tag, []).append(_operation(method.upper(), path, operation))
    links = "".join(f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag in by_tag)
    title = escape(document["info"]["title"])
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{title}</title><link rel="stylesheet" href="{STYLE_PATH}"></head><body>',
        f"<header><h1>{title}</h1><p>{escape(document['info'].get('description', ''))}</p>",
        f'<p>The same for programs: <a href="{openapi.PATH}">{openapi.PATH}</a></p></header>',
        f'<nav aria-label="Contents"><ul>{links}<li><a href="#shapes">shapes</a></li>',
        '<li><a href="#errors">errors</a></li></ul></nav><main>',
    ]
    for tag, operations in by_tag.items():
        parts += [f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>', *operations, "</section>"]
    parts += ['<section id="shapes"><h2>shapes</h2>']
    parts += [_shape(name, shapes[name]) for name in sorted(shapes)]
    parts += ['</section><section id="errors"><h2>errors</h2>', _errors(document), "</section>"]
    return "\n".join([*parts, "</main></body></html>\n"])


def _operation(method: str, path: str, operation: Document) -> str:
    name = escape(operation["operationId"])
    scope = escape(operation.get("x-scope", ""))
    parts = [
        f'<details id="{name}"><summary><span class="{method.lower()}">{method}</span>'
        f" <code>{escape(path.removeprefix(PREFIX))}</code>"
        f" <span>{escape(operation['summary'])}</span></summary>"
    ]
    if "description" in operation:
        parts.append(f"<p>{escape(operation['description'])}</p>")
    needs = "No token is needed." if scope == "none" else f"Scope: <code>{scope}</code>"
    parts.append(f"<p>{needs}</p>")
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append(_table(("parameter", "in", "type", "meaning"), map(_parameter, parameters)))
    for kind, told in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Takes {escape(kind)}</h3>{_content(told)}")
    for status, answer in operation["responses"].items():
        parts.append(_answer(status, answer))
    return "".join([*parts, "</details>"])


def _parameter(one: Document) -> tuple[str, ...]:
    name = f"<code>{escape(one['name'])}</code>{' *' if one.get('required') else ''}"
    kind = _type(one.get("schema", {}))
    return name, escape(one["in"]), kind, escape(one.get("description", ""))


def _answer(status: str, answer: Document) -> str:
    content: Document = answer.get("content", {})
    title = f"<h3>{escape(status)}: {escape(answer.get('description', ''))}</h3>"
    problems: Document = content.get("application/problem+json", {}).get("examples", {})
    if problems:
        links = (f'<a href="#{escape(code)}"><code>{escape(code)}</code></a>' for code in problems)
        return f"{title}<p>{', '.join(links)}</p>"
    kinds = (f"<p>{escape(kind)}</p>{_content(told)}" for kind, told in content.items())
    return title + "".join(kinds)


def _content(told: Document) -> str:
    """The shape of a body or an answer, and an example of it."""
    shown = f"<p>{_type(told.get('schema', {}))}</p>"
    if "example" in told:
        text = json.dumps(told["example"], ensure_ascii=False, indent=2)
        shown += f'<pre tabindex="0">{escape(text)}</pre>'
    return shown


def _shape(name: str, shape: Document) -> str:
    required: list[str] = shape.get("required", [])
    rows = [
        (
            f"<code>{escape(field)}</code>{' *' if field in required else ''}",
            _type(schema),
            escape(schema.get("description", "")),
        )
        for field, schema in shape.get("properties", {}).items()
    ]
    table = _table(("field", "type", "meaning"), rows) if rows else ""
    about = escape(shape.get("description", ""))
    summary = f"<summary><code>{escape(name)}</code> <span>{about}</span></summary>"
    return f'<details id="shape-{escape(name)}">{summary}{table}</details>'


def _type(schema: Document) -> str:
    """A type in words; shapes as links."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "up to"))
        if key in schema
    ]
    kind = str(schema.get("format", schema.get("type", "anything")))
    return escape(" ".join([kind, *bounds]))


def _errors(document: Document) -> str:
    """Every error there is, with its sentence."""
    found: Document = document["components"].get("examples", {})
    rows = [
        (f'<code id="{escape(name)}">{escape(name)}</code>', str(value["status"]), sentence)
        for name, value in ((name, one["value"]) for name, one in sorted(found.items()))
        for sentence in [escape(value["detail"])]
    ]
    return _table(("code", "status", "sentence"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells are HTML already."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    inside = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{inside}</tbody></table></div>"
    )
