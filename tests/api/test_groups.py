"""Routes are imported by the first request for them, and a started node holds no others."""

# pyright: reportUnknownMemberType=false

import importlib
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

from node.api import groups, routes_units
from node.api.groups import MODULES, Groups
from node.client import Client
from tests.api.house import House, make_home, serving
from tests.support.homes import Clock, genesis_for, move_in
from tests.tidy import ROOT, imports, python_files

# `wetalk up` that tells, for each line it reads, what it has imported and asked of the C library.
PROGRAM = """
import json, sys, threading
from functools import partial
from node import interpreter
from node.runtime import process

asked = []
interpreter.share_one_heap = partial(asked.append, "share_one_heap")
interpreter.give_back = partial(asked.append, "give_back")
process.START_SETTLED_S = 0

def tell():
    for _ in sys.stdin:
        held = [name for name, module in sys.modules.items() if module is not None]
        print(json.dumps([held, asked]), file=sys.stderr, flush=True)

threading.Thread(target=tell, daemon=True).start()
from cli import main
main()
"""
ONLY_FOR_REQUESTS = {
    *(f"node.services.{name}" for name in ("market", "talk", "trading.stall", "members.people")),
    *(f"node.services.books.{name}" for name in ("money", "audit", "receipt_check")),
    *("node.services.chapters.waiting", "node.services.members.concerns"),
    *("node.services.paper.page", "node.api.first_run", "pydantic.v1", "difflib"),
}


class Started:
    """A node in a process of its own."""

    def __init__(self, popen: "subprocess.Popen[str]", home: Path) -> None:
        self._popen = popen
        assert popen.stdout is not None
        assert json.loads(popen.stdout.readline())["api"]
        self.client = Client.of_home(home)

    def look(self) -> tuple[set[str], list[str]]:
        """Modules that it holds, and what it has asked of the C library."""
        popen = self._popen
        assert popen.stdin is not None
        assert popen.stderr is not None
        popen.stdin.write("\n")
        popen.stdin.flush()
        held, asked = json.loads(next(line for line in popen.stderr if line.startswith("[")))
        return set(held), asked


@contextmanager
def started(home: Path) -> Generator[Started]:
    """A node of this home, stopped however the test ends."""
    words = ["--home", str(home), "--json", "up", "--api-port", "0", "--listen", "none"]
    popen = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words, "--no-web", "--no-discover"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Started(popen, home)
    finally:
        popen.terminate()
        popen.communicate()


def routes_of(held: set[str]) -> set[str]:
    """The modules of routes among them, and of shapes."""
    return {name for name in held if name.startswith(("node.api.routes_", "node.api.models."))}


def test_a_started_node_has_imported_what_it_was_asked_for(tmp_path: Path) -> None:
    with started(make_home(tmp_path).path) as node:
        node.client.identity()
        held, asked = node.look()
        first = {"node.api.routes_node", "node.api.models.base", "node.api.models.node"}
        assert routes_of(held) == first
        assert held & ONLY_FOR_REQUESTS == set()
        ours = [name for name in ONLY_FOR_REQUESTS if name.startswith("node.")]
        assert all(map(find_spec, ours)), "a name that is no module proves nothing"
        assert asked == ["share_one_heap", "give_back"]
        node.client.get("/units/credit")
        more = {"node.api.routes_units", "node.api.models.units"}
        assert routes_of(node.look()[0]) - first == more


async def test_the_table_names_every_module_and_every_word_its_paths_begin_with(
    tmp_path: Path,
) -> None:
    files = (ROOT / "node" / "api").glob("routes_*.py")
    assert {path.stem.removeprefix("routes_") for path in files} == set(MODULES)
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        assert house.api is not None
        for name, words in MODULES.items():
            module: Any = importlib.import_module(f"node.api.routes_{name}")
            begun = {row.path.split("/")[1] for row in module.routes(house.api)}
            assert begun == set(words), name
        rows = [one.row for one in Groups(house.api).all_rows()]
        assert len({(row.method, row.path) for row in rows}) == len(rows)
    person.close()


def test_nothing_but_routes_imports_a_module_of_routes() -> None:
    importing = [
        (path, name)
        for path in python_files()
        if path.parts[0] == "node" and not path.name.startswith("routes_")
        for _, name in imports(path)
        if name.startswith("node.api.routes_")
    ]
    assert importing == []


async def test_paths_of_nobody_and_other_methods_are_refused_as_everywhere(house: House) -> None:
    for path in ("/v1", "/v1/", "/v1/unit", "/v1/unitsx", "/v1/units", "/v1/units/a/b", "/units/a"):
        assert (await house.ask("GET", path)).status == 404, path
    refused = await house.ask("DELETE", "/v1/contributions")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


async def test_first_requests_at_once_make_the_rows_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, inner = list[str](), routes_units.routes

    def counted(api: Any) -> Any:
        made.append("units")
        return inner(api)

    monkeypatch.setattr(routes_units, "routes", counted)
    found: list[int] = []

    async def ask() -> None:
        found.append((await house.ask("GET", "/v1/units/credit")).status)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    assert found == [200] * 8
    assert made == ["units"]


async def test_a_module_that_cannot_be_imported_now_is_imported_by_the_next_request(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> ModuleType:
        raise ImportError(name)

    with monkeypatch.context() as patch:
        patch.setattr(groups, "_import", broken)
        assert (await house.ask("GET", "/v1/units/credit")).json["code"] == "unexpected"
        assert (await house.ask("GET", "/v1/nothing")).json["code"] == "not-found"
    assert (await house.ask("GET", "/v1/units/credit")).status == 200
