"""Which modules answer which paths, and their import by the first request.

How: the first word of a path names the modules of routes that answer it. The first request for one
imports them in a thread, with their shapes and the services behind them, and makes their rows; most
nodes are asked for few of them, and hold no others.

Rules: no other part of the node imports a module of routes; the table names every word that paths
begin with (tests). The OpenAPI document imports all.
"""

# pyright: reportUnknownMemberType=false

import importlib
from collections.abc import Sequence
from itertools import chain
from types import ModuleType
from typing import Final

import trio
from fastapi import FastAPI
from starlette.routing import BaseRoute, Match, Router
from starlette.types import Receive, Scope, Send

from node.api.context import Api
from node.api.routing import PREFIX, LazyRoute, Route

PACKAGE: Final = "node.api.routes_"
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "node": ("status", "identity", "tokens", "peers", "events"),
    "lan": ("lan",),
    "devices": ("devices", "chapters"),
    "people": ("profile", "community", "members", "chapters", "contacts"),
    "office": ("chapters",),
    "talk": ("rooms", "posts", "listings", "search"),
    "pictures": ("pictures",),
    "trade": ("trades", "balance"),
    "books": ("ledger",),
    "disputes": ("disputes",),
    "stall": ("trades",),
    "units": ("units", "contributions"),
    "paper": ("statements", "receipts"),
    "records": ("records", "backup"),
}
"""Module → what the paths of its routes begin with."""
BY_WORD: Final = {
    word: tuple(name for name, words in MODULES.items() if word in words)
    for word in chain.from_iterable(MODULES.values())
}


class Groups(BaseRoute):
    """All routes of the node. Those of a module are there once one of its words was asked for."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._rows: dict[str, list[LazyRoute]] = {}  # by module
        self._router = Router(redirect_slashes=False)
        self._importing = trio.Lock()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a module answers this path, or another of its first word."""
        known = scope["type"] == "http" and _modules_of(scope["path"])
        return (Match.FULL if known else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as the routes of these modules do."""
        needed = _modules_of(scope["path"])
        if not self._rows.keys() >= set(needed):
            async with self._importing:
                for name in needed:
                    if name not in self._rows:
                        self._take(name, await trio.to_thread.run_sync(_import, name))
        await self._router(scope, receive, send)

    def all_rows(self) -> Sequence[LazyRoute]:
        """Every row there is, in the order of the table."""
        for name in MODULES:
            self._take(name, _import(name))
        return [row for name in MODULES for row in self._rows[name]]

    def _take(self, name: str, module: ModuleType) -> None:
        if name in self._rows:
            return
        found: list[Route] = module.routes(self._api)
        rows = self._rows[name] = [LazyRoute(row) for row in found]
        self._router.routes += [row.placed() for row in rows]


def add_groups(app: FastAPI, api: Api) -> None:
    """Put all routes of the node into an application."""
    groups = Groups(api)
    app.router.routes.append(groups)
    app.state.all_rows = groups.all_rows


def _modules_of(path: str) -> tuple[str, ...]:
    """The modules that may answer a path; none for a path of nobody's."""
    before, _, rest = path.partition(f"{PREFIX}/")
    return () if before else BY_WORD.get(rest.partition("/")[0], ())


def _import(name: str) -> ModuleType:
    return importlib.import_module(PACKAGE + name)
