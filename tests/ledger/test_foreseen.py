"""What storage is told to read ahead is what judging and folding then ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from node.ledger.fold import Fold
from node.protocol.admission import Welcome
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.state import DictState
from tests.support.nodes import admit
from tests.support.world import LIMIT, World


@dataclass
class Watched:
    """A state that notes which rows are asked for by their keys."""

    state: DictState
    asked: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])

    def get(self, table: str, key: bytes) -> bytes | None:
        self.asked.add((table, key))
        return self.state.get(table, key)

    def scan(
        self, table: str, low: bytes, high: bytes | None, *,
        reverse: bool = False, limit: int | None = None,
    ) -> Iterable[tuple[bytes, bytes]]:  # fmt: skip
        return self.state.scan(table, low, high, reverse=reverse, limit=limit)

    def raw(self, number: int) -> RawRecord | None:
        return self.state.raw(number)

    def id_of(self, number: int) -> bytes:
        return self.state.id_of(number)

    def next_number(self) -> int:
        return self.state.next_number()


def a_busy_world() -> World:
    world = World()
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    commit, head = world.pay(ada, bo, 40)
    head = world.claim(head, commit)
    head = world.rate(head, commit)
    asked = world.invoice(head, ada, 5)
    paid = world.accept(commit, asked)
    world.release(reserved := world.propose(paid, bo, 1), reserved)
    world.decline(asked, reserved)
    post = world.post(world.profile(world.talker("ada"), "Ada"), "hello")
    world.delete(world.edit(post, post, "hello again"), post)
    listing = world.listing(world.seller("ada"), "bread")
    world.close(world.listing(listing, "more bread", revises=listing), listing)
    return world


@dataclass(frozen=True)
class Taken:
    """What was foreseen for a record, and what was then asked for: (table, key)."""

    record: Record
    foreseen: set[tuple[str, bytes]]
    asked: set[tuple[str, bytes]]


@pytest.fixture(scope="module")
def all_taken() -> list[Taken]:
    world = a_busy_world()
    fold, state, found = Fold(world.rules), DictState(), list[Taken]()
    for raw in world.raws():
        record = admit(raw, CommunityId(world.community))
        assert isinstance(record, Record)
        foreseen = {(name, key) for name, keys in fold.foresee([record]).items() for key in keys}
        watched = Watched(state)
        judgement = fold.judge(watched, record)
        assert isinstance(judgement, Welcome)
        state.apply(raw, fold.apply(watched, record, welcome=judgement))
        found.append(Taken(record, foreseen, watched.asked))
    return found


PLACE = {"entry", "lane", "revoked"}
TABLES = {
    "identity.create": PLACE,
    "account.open": PLACE,
    "account.claim": PLACE | {"position"},
    "rating.give": PLACE | {"position"},
    "trade.propose": PLACE | {"position", "opened"},
    "trade.accept": PLACE | {"position", "trade", "commit_any"},
    "trade.settle": PLACE | {"position"},
    "trade.release": PLACE | {"position"},
    "trade.decline": PLACE | {"position"},
    "post.put": PLACE | {"deletion_any"},
    "post.edit": PLACE,
    "listing.close": PLACE,
}


def test_the_rows_of_frequent_kinds_are_foreseen(all_taken: list[Taken]) -> None:
    for taken in all_taken:
        kind = taken.record.header.kind
        if kind in TABLES:
            assert {name for name, _ in taken.foreseen} == TABLES[kind], kind
    listings = [t.foreseen for t in all_taken if t.record.header.kind == "listing.put"]
    marks = {"closing_any", "pictures_any", "revision_any"}
    assert [{name for name, _ in found} - PLACE for found in listings] == [marks, set()]


def test_nothing_is_read_ahead_for_nothing(all_taken: list[Taken]) -> None:
    """But whether a trade is committed, where its acceptance commits nothing."""
    for taken in all_taken:
        needless = {name for name, _ in taken.foreseen - taken.asked}
        assert needless <= {"commit_any"}
        assert not needless or taken.record.header.kind == "trade.accept"


def test_records_together_foresee_what_each_does_alone(all_taken: list[Taken]) -> None:
    fold = Fold(a_busy_world().rules)
    together = fold.foresee([taken.record for taken in all_taken])
    found = {(name, key) for name, keys in together.items() for key in keys}
    assert found == set[tuple[str, bytes]]().union(*(taken.foreseen for taken in all_taken))
