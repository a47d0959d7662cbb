"""The web client's files, served from this package and from nowhere else.

How: every file is read once at the start, and only what was read then is served, so no path that a
browser sends ever reaches the disk. Files in folders have addresses that name the version of the
whole client, `/web/VERSION/…`: modules find each other by relative addresses, so a page never mixes
two versions, and browsers may keep them for ever. Those at the top (the page, the worker, the
manifest, the sign) keep their addresses and are asked for anew each time.

Rules: nothing in these files is inline and nothing comes from another host. The texts are those of
the catalogue. What is served needs no token, for nothing of the member is in it.
"""

import gzip
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import FastAPI, Request, Response

from node.i18n import LANGUAGES, Language, catalogue
from node.protocol.errors import LocalFault

PACKAGE: Final = "node.api"
FOLDER: Final = "web"
PREFIX: Final = "/web/"
START: Final = "index.html"
WORKER: Final = "sw.js"
TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
    "json": "application/json",
}
NOT_SERVED: Final = ("vendor/manifest.json",)  # and what has no type: licences, notes
VERSION_MARK: Final = b"@VERSION@"
FILES_MARK: Final = b"@FILES@"
VERSION_CHARACTERS: Final = 16
KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
# Parts of the catalogue that belong to other faces.
NOT_FOR_THE_WEB: Final = frozenset(
    {
        *("command", "option", "cli", "column", "doctor", "service", "demo", "up", "backup"),
        *("replay", "audit", "closes", "close_proof", "level_means", "missing", "verified"),
    }
)

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Served:
    """One file as it goes out."""

    data: bytes
    kind: str

    @cached_property
    def mark(self) -> str:
        """Its entity tag."""
        return f'"{sha256(self.data).hexdigest()[:24]}"'

    @cached_property
    def packed(self) -> bytes:
        """The same, compressed; made when first asked for."""
        return gzip.compress(self.data, mtime=0)


@dataclass(frozen=True)
class Client:
    """All files of the client by their address."""

    version: str
    files: Mapping[str, Served]


def serve(app: FastAPI) -> None:
    """Answer `/` and every file of the client."""
    client = collected()

    async def versioned(request: Request) -> Response:
        found = client.files.get(request.url.path)
        if found is None:
            raise LocalFault("not-found", what=request.url.path)
        return _answer(request, found, KEPT_FOR_EVER)

    def fixed(found: Served) -> Handler:
        async def answer(request: Request) -> Response:
            return _answer(request, found, "no-cache")

        return answer

    for address, found in client.files.items():
        if not address.startswith(PREFIX):
            app.router.add_route(address, fixed(found), methods=["GET"], include_in_schema=False)
    app.router.add_route(
        PREFIX + "{path:path}", versioned, methods=["GET"], include_in_schema=False
    )


@cache
def collected() -> Client:
    """The client as it lies in this package."""
    found = dict(_walk(files(PACKAGE) / FOLDER, ""))
    for language in LANGUAGES:
        found[f"text/{language}.json"] = _texts(language)
    version = _version(found)
    addresses = {name: _address(name, version) for name in found}
    listed = " ".join(sorted(address for name, address in addresses.items() if name != WORKER))
    for name in (START, WORKER):
        marked = found[name].replace(VERSION_MARK, version.encode())
        found[name] = marked.replace(FILES_MARK, listed.encode())
    served = {
        addresses[name]: Served(data, TYPES[name.rpartition(".")[2]])
        for name, data in sorted(found.items())
    }
    return Client(version, served)


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for one in folder.iterdir():
        name = path + one.name
        if one.is_dir():
            yield from _walk(one, f"{name}/")
        elif name.rpartition(".")[2] in TYPES and name not in NOT_SERVED:
            yield name, one.read_bytes()


def _texts(language: Language) -> bytes:
    texts = {
        key: text
        for key, text in catalogue(language).items()
        if key.partition(".")[0] not in NOT_FOR_THE_WEB
    }
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()


def _version(found: Mapping[str, bytes]) -> str:
    whole = sha256()
    for name, data in sorted(found.items()):
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()[:VERSION_CHARACTERS]


def _address(name: str, version: str) -> str:
    if name == START:
        return "/"
    return f"{PREFIX}{version}/{name}" if "/" in name else f"/{name}"


def _answer(request: Request, found: Served, keep: str) -> Response:
    headers = {
        "etag": found.mark,
        "cache-control": keep,
        "content-type": found.kind,
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == found.mark:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.data, headers=headers)
    return Response(found.packed, headers={**headers, "content-encoding": "gzip"})
