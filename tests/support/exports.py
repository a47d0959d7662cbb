"""A busy community, its export, and homes of no member that take it in."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio

from node.ledger import root
from node.protocol import portable
from node.services.core import Core
from node.services.homes.keyless import keyless_core
from node.services.homes.portability import (
    Report,
    export_lines,
    import_lines,
)
from node.services.incoming.intake import Intake
from node.storage.home import Home
from tests.support.world import World


def busy_world() -> World:
    """Trades, posts, listings; an erased post, a cut device, a fork, a void record."""
    world = World()
    for name in "ab":
        world.member(name)
        world.act("o0", "member.admit", world.membership_body(name))
    a, b = world.account("a", limit=100), world.account("b", limit=50)
    commit, b_head = world.pay(a, b, 60)
    b_head = world.claim(b_head, commit)
    _, a_head = world.pay(b_head, commit, 70)
    world.propose(a_head, b, 1_000)  # over the limit: void
    world.propose(a_head, b, 1)  # beside it: a fork
    talker = world.talker("a")
    first = world.post(talker, "비밀이에요")
    second = world.post(first, "hello")
    edited = world.edit(second, second, "hello there")
    world.delete(edited, first)
    seller = world.seller("b")
    bread = world.listing(seller, "bread", region="KR-11")
    fresh = world.listing(bread, "fresh bread", revises=bread)
    cake = world.listing(fresh, "cake")
    world.close(cake, cake, erase=True)
    thief = world.talker("b")
    kept = world.post(thief, "mine")
    world.post(kept, "not mine")
    world.revoke(thief, social=kept)
    return world


WORLD = busy_world()


@contextmanager
def home_of(genesis: bytes) -> Iterator[Core]:
    """A home without a member, for as long as the test looks at it."""
    with TemporaryDirectory() as folder:
        core = keyless_core(Home(Path(folder) / "home"), genesis, clock=lambda: 1)
        try:
            yield core
        finally:
            core.close()


def root_of(core: Core) -> bytes:
    """Its state root."""
    with core.reading() as reader:
        return root.state_root(reader, core.rules)


def take(core: Core, lines: Iterable[str | bytes], **options: Any) -> Report:
    """Import lines into it."""

    async def run() -> Report:
        return await import_lines(core, Intake(core), lines, **options)

    return trio.run(run)


def file_of(world: World) -> list[str]:
    """An export of everything the world ever made, whether or not it is still held."""
    head = portable.encode_head(world.community, world.genesis_bytes)
    return [head, *(portable.encode_line(raw) for raw in world.raws())]


def reference() -> tuple[list[str], bytes]:
    """The export of a home that took the world in, and its root."""
    with home_of(WORLD.genesis_bytes) as core:
        report = take(core, file_of(WORLD))
        assert report.rejected == {}
        assert report.void == 1
        return list(export_lines(core)), root_of(core)


LINES, ROOT = reference()
