"""The web client's files, served from this package and from nowhere else.

How: every file is read once, when a browser first asks, and only what was read then is served, so
no path that a browser sends ever reaches the disk; a node that no browser asks holds none. Files in
folders have addresses that name the version of the whole client, `/web/VERSION/…`: modules find
each other by relative addresses, so a page never mixes two versions, and browsers may keep them for
ever. Those at the top (the page, the worker, the manifest, the sign) keep their addresses and are
asked for anew each time.

Rules: nothing in these files is inline and nothing comes from another host. The texts are those of
the catalogue that a script names. What is served needs no token: nothing of the member is in it.
"""

# pyright: reportUnknownMemberType=false

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import trio
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
VENDORED: Final = "vendor/"
NOT_SERVED: Final = ("vendor/manifest.json",)  # and what has no type: licences, notes
VERSION_MARK: Final = b"@VERSION@"
FILES_MARK: Final = b"@FILES@"
VERSION_CHARACTERS: Final = 16
KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
# A key of the catalogue in a script, or what it begins with: t("web.undo"), t(`place.${place}`).
NAMED: Final = re.compile(rb"[\"`]([a-z_]+\.[\w.-]*)(\$\{)?")


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

    async def versioned(request: Request) -> Response:
        return await answer(request, KEPT_FOR_EVER)

    async def fixed(request: Request) -> Response:
        return await answer(request, "no-cache")

    async def answer(request: Request, keep: str) -> Response:
        # Some hundred files and three catalogues: the event loop goes on meanwhile.
        client = await trio.to_thread.run_sync(collected)
        found = client.files.get(request.url.path)
        if found is None:
            raise LocalFault("not-found", what=request.url.path)
        return _answer(request, found, keep)

    for name in _top(files(PACKAGE) / FOLDER):
        app.router.add_route(_address(name, ""), fixed, methods=["GET"], include_in_schema=False)
    app.router.add_route(
        PREFIX + "{path:path}", versioned, methods=["GET"], include_in_schema=False
    )


def _top(folder: Traversable) -> list[str]:
    """Names of the files that keep their addresses."""
    return sorted(one.name for one in folder.iterdir() if one.is_file() and _is_served(one.name))


def _is_served(name: str) -> bool:
    return name.rpartition(".")[2] in TYPES and name not in NOT_SERVED


@cache
def collected() -> Client:
    """The client as it lies in this package."""
    found = dict(_walk(files(PACKAGE) / FOLDER, ""))
    ours = (one for one in found if one.endswith(".js") and not one.startswith(VENDORED))
    named = NAMED.findall(b"".join(found[one] for one in ours))
    keys = {key.decode() for key, more in named if not more}
    beginnings = tuple(key.decode() for key, more in named if more)
    for language in LANGUAGES:
        found[f"text/{language}.json"] = _texts(language, keys, beginnings)
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
        elif _is_served(name):
            yield name, one.read_bytes()


def _texts(language: Language, keys: set[str], beginnings: tuple[str, ...]) -> bytes:
    """The sentences that the scripts name, and no others: the rest belongs to other faces."""
    texts = {
        key: text
        for key, text in catalogue(language).items()
        if key in keys or key.startswith(beginnings)
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
