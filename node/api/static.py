"""The web client's files, served from this package and from nowhere else.

Rules: a closed list, read once at the start, so that no path a browser sends ever reaches the disk.
Nothing in these files is inline and nothing comes from another host. The texts are those of the
catalogue. What is served needs no token, for nothing of the member is in it.
"""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from importlib.resources import files
from typing import Final

from fastapi import FastAPI, Request, Response

from node.i18n import LANGUAGES, catalogue

PACKAGE: Final = "node.api"
FOLDER: Final = "web"
PREFIX: Final = "/web/"
START: Final = "index.html"
TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "json": "application/json",
}
FILES: Final = (
    START,
    "app.css",
    "boat.svg",
    "app.webmanifest",
    "main.js",
    "api.js",
    "dom.js",
    "events.js",
    "format.js",
    "stall.js",
    "places/talk.js",
    "places/market.js",
    "places/trade.js",
    "places/cases.js",
    "places/community.js",
    "places/me.js",
)
# Parts of the catalogue that belong to other faces.
NOT_FOR_THE_WEB: Final = frozenset(
    {
        *("command", "option", "cli", "column", "doctor", "service", "demo", "up", "backup"),
        *("replay", "audit", "closes", "close_proof", "level_means", "missing", "verified"),
    }
)

Handler = Callable[[Request], Awaitable[Response]]


def serve(app: FastAPI) -> None:
    """Answer `/`, the files and the texts."""
    folder = files(PACKAGE) / FOLDER
    for name in FILES:
        data = folder.joinpath(*name.split("/")).read_bytes()
        handler = _handler(data, TYPES[name.rpartition(".")[2]])
        path = "/" if name == START else PREFIX + name
        app.router.add_route(path, handler, methods=["GET"], include_in_schema=False)
    for language in LANGUAGES:
        texts = {
            key: text
            for key, text in catalogue(language).items()
            if key.partition(".")[0] not in NOT_FOR_THE_WEB
        }
        data = json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()
        handler = _handler(data, TYPES["json"])
        path = f"{PREFIX}text/{language}.json"
        app.router.add_route(path, handler, methods=["GET"], include_in_schema=False)


def _handler(data: bytes, kind: str) -> Handler:
    mark = f'"{sha256(data).hexdigest()[:24]}"'
    headers = {"etag": mark, "cache-control": "no-cache", "content-type": kind}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers)

    return answer
