"""Lanes as branches against a plain tree: places, heads, ancestors, forks, locators, dropping."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import lanes, record
from node.protocol.lanes import FORK, LANE, ForkRow
from node.protocol.limits import LOCATOR_MAX_COUNT
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.social import LaneOpen, PostPut
from node.protocol.state import DictState, Overlay
from tests.vectors.world import Keys, fill

COMMUNITY = CommunityId(fill("lanes"))
AUTHOR, DEVICE = Keys("lanes author").public, Keys("lanes device").public
LANE_KEY = AUTHOR + DEVICE + b"\x02"


def make(seq: int, prev: bytes | None, time: int) -> Record:
    """A record of a social lane; nobody looks at its signature here."""
    opening = LaneOpen(auth=fill("auth"))
    post = PostPut(language=None, reply_to=None, room="r", salt=bytes(16), text="")
    body, kind = (opening, "social.open") if seq == 0 else (post, "post.put")
    header, data = record.build(body, kind, AUTHOR, DEVICE, seq, prev, time)
    return record.parse(RawRecord(header, data, bytes(64)), COMMUNITY)


@dataclass
class Tree:
    """A lane as a plain tree of parents, beside the branches under test."""

    state: DictState = field(default_factory=DictState)
    parent: dict[bytes, bytes | None] = field(default_factory=dict)
    seq: dict[bytes, int] = field(default_factory=dict)
    number: dict[bytes, int] = field(default_factory=dict)
    lowest_fork: int = -1
    made: int = 0

    def add(self, prev: bytes | None) -> bytes:
        """A new record after `prev`."""
        seq = 0 if prev is None else self.seq[prev] + 1
        self.made += 1
        new = make(seq, prev, self.made)
        if seq in self.seq.values() and prev in self.parent.values():
            lower = self.lowest_fork < 0 or seq < self.lowest_fork
            self.lowest_fork = seq if lower else self.lowest_fork
        elif seq in self.seq.values() and self.lowest_fork < 0:
            raise AssertionError("two ids at one seq without a fork below")
        overlay = Overlay(self.state, (self.state.next_number(), new.raw))
        entry = lanes.conclude(overlay, new.id, lanes.place(overlay, new), "ok")
        self.state.apply(new.raw, overlay.changes)
        self.parent[new.id], self.seq[new.id] = prev, seq
        self.number[new.id] = entry.number
        return new.id

    def path(self, record_id: bytes | None) -> list[bytes]:
        """From a record down to seq 0."""
        found: list[bytes] = []
        while record_id is not None:
            found.append(record_id)
            record_id = self.parent[record_id]
        return found

    def heads(self) -> set[bytes]:
        return set(self.parent) - set(self.parent.values())

    def drop(self, record_id: bytes) -> None:
        """Drop a record and all that stand on it."""
        doomed = {other for other in self.parent if record_id in self.path(other)}
        overlay = Overlay(self.state)
        lanes.drop(overlay, LANE_KEY, doomed)
        self.state.apply(None, overlay.changes)
        assert sorted(overlay.changes.drop) == sorted(self.number[other] for other in doomed)
        for other in doomed:
            del self.parent[other], self.seq[other], self.number[other]


def build(picks: list[int]) -> Tree:
    """Grow a tree: each pick extends a record, most often the newest; now and then seq 0."""
    tree = Tree()
    ids: list[bytes] = []
    for pick in picks:
        if pick % 97 == 0 or not ids:
            ids.append(tree.add(None))
        else:
            ids.append(tree.add(ids[-1] if pick % 3 else ids[pick % len(ids)]))
    return tree


def check(tree: Tree) -> None:
    """Everything the module says of a lane is what the tree says."""
    state = tree.state
    heads = lanes.heads_of(state, LANE_KEY)
    assert {(head.id, head.seq) for head in heads} == {(h, tree.seq[h]) for h in tree.heads()}
    assert [head.key for head in heads] == sorted(head.key for head in heads)
    assert lanes.heads_between(state, LANE_KEY, None) == heads
    assert lanes.heads_between(state, b"", LANE_KEY) == []
    assert set(lanes.members_of(state, LANE_KEY)) == set(tree.parent)
    firsts = {record_id for record_id, seq in tree.seq.items() if seq == 0}
    assert set(lanes.firsts_of(state, LANE_KEY)) == firsts
    entries = {record_id: lanes.entry_of(state, record_id) for record_id in tree.parent}
    for record_id, entry in entries.items():
        assert entry is not None
        path = tree.path(record_id)
        assert list(lanes.path_down(state, entry)) == path
        assert [lanes.at_seq(state, entry, seq) for seq in range(entry.seq + 1)] == path[::-1]
        for other_id, other in entries.items():
            assert other is not None
            assert lanes.is_ancestor_or_self(state, other, entry) is (other_id in path)
        assert lanes.author_of(state, entry) == AUTHOR
    row = LANE.get(state, LANE_KEY)
    assert row is None or row.fork_seq == tree.lowest_fork


picks = st.lists(st.integers(0, 10_000), min_size=1, max_size=24)


@settings(max_examples=60)
@given(picks)
def test_branches_say_what_a_tree_says(found: list[int]) -> None:
    check(build(found))


@settings(max_examples=60)
@given(picks, st.integers(0, 100), picks)
def test_dropping_leaves_a_lane_that_can_go_on(
    before: list[int], at: int, after: list[int]
) -> None:
    tree = build(before)
    tree.drop(sorted(tree.parent)[at % len(tree.parent)])
    check(tree)
    for pick in after:
        ids = sorted(tree.parent)
        first = not ids or (not pick % 89 and not tree.lowest_fork)
        tree.add(None if first else ids[pick % len(ids)])
    check(tree)


@settings(max_examples=60)
@given(picks, st.lists(st.integers(0, 100), max_size=4))
def test_what_lies_beyond_known_records(found: list[int], known: list[int]) -> None:
    tree = build(found)
    ids = sorted(tree.parent)
    told = [ids[n % len(ids)] for n in known]
    covered = {record_id for top in told for record_id in tree.path(top)}
    wanted = sorted(tree.number[record_id] for record_id in set(ids) - covered)
    strange = fill("nothing held")
    assert lanes.numbers_beyond(tree.state, LANE_KEY, [*told, strange]) == wanted


@settings(max_examples=40)
@given(picks)
def test_the_lowest_fork_is_proved_by_its_two_lowest_ids(found: list[int]) -> None:
    tree = build(found)
    row = FORK.get(tree.state, LANE_KEY)
    if tree.lowest_fork < 0:
        assert row is None
        return
    at = [record_id for record_id, seq in tree.seq.items() if seq == tree.lowest_fork]
    assert isinstance(row, ForkRow)
    assert (row.seq, [row.id_a, row.id_b]) == (tree.lowest_fork, sorted(at)[:2])


def test_a_locator_reaches_back_by_doubling_steps() -> None:
    tree = build([1] * 100)
    [head] = tree.heads()
    path = tree.path(head)
    steps = [path[n] for n in (0, 1, 2, 4, 8, 16, 32, 64)]
    assert lanes.locator(tree.state, LANE_KEY) == [*steps, path[99]]


@pytest.mark.parametrize("apart", [False, True])
def test_a_locator_is_bounded_and_begins_with_heads(apart: bool) -> None:
    tree = Tree()
    first = tree.add(None)
    for _ in range(LOCATOR_MAX_COUNT):
        branch = tree.add(None if apart else first)
        for _ in range(3):
            branch = tree.add(branch)
    found = lanes.locator(tree.state, LANE_KEY)
    assert len(found) == LOCATOR_MAX_COUNT - (not apart)
    assert len(set(found)) == len(found)
    assert set(found[: LOCATOR_MAX_COUNT // 2]) <= tree.heads()


def test_a_lane_that_is_not_held_has_nothing() -> None:
    state = DictState()
    assert lanes.heads_of(state, LANE_KEY) == []
    assert lanes.locator(state, LANE_KEY) == []
    assert list(lanes.members_of(state, LANE_KEY)) == list(lanes.firsts_of(state, LANE_KEY)) == []
    assert lanes.numbers_beyond(state, LANE_KEY, []) == []
    overlay = Overlay(state)
    lanes.drop(overlay, LANE_KEY, {fill("x")})
    assert overlay.changes.rows == {}


def test_records_of_other_lanes_are_no_ancestors() -> None:
    tree = Tree()
    first = tree.add(None)
    entry = lanes.ENTRY.must(tree.state, first)
    other = lanes.Entry(entry.number, entry.lane + 1, entry.branch, entry.seq, entry.kind, "ok")
    assert lanes.is_ancestor_or_self(tree.state, entry, entry)
    assert not lanes.is_ancestor_or_self(tree.state, other, entry)
