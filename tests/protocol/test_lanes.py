"""Lanes and their branches: ancestry, forks, heads, and what sync asks about them (R5)."""

from random import Random
from typing import Any

import pytest

from node.protocol import admission, lanes, record, social
from node.protocol.admission import Known
from node.protocol.errors import Reject
from node.protocol.identity import Lane
from node.protocol.lanes import ENTRY, FORK, LANE, Entry
from node.protocol.limits import LOCATOR_MAX_COUNT
from node.protocol.social import LaneOpen
from tests.support.world import SALT, Made, World

TOP = b"\xff" * 66


class Tree:
    """A social lane with branches: `grow` builds on any record."""

    def __init__(self) -> None:
        self.world = World()
        self.root = self.world.talker("ada")
        self.state = self.world.node.state
        self.key = self.root.header.lane_key

    def grow(self, on: Made, count: int = 1) -> Made:
        for _ in range(count):
            on = self.world.post(on, "x")
        return on

    def entry(self, made: Made) -> Entry:
        return ENTRY.must(self.state, made.id)

    def is_ancestor(self, a: Made, b: Made) -> bool:
        return lanes.is_ancestor_or_self(self.state, self.entry(a), self.entry(b))

    def heads(self) -> set[bytes]:
        return {bytes(head.id) for head in lanes.heads_of(self.state, self.key)}


@pytest.fixture
def tree() -> Tree:
    return Tree()


def test_ancestry_in_a_tree_of_branches(tree: Tree) -> None:
    trunk = tree.grow(tree.root, 3)
    left, right = tree.grow(trunk, 2), tree.grow(trunk, 2)
    deep = tree.grow(left, 2)
    assert tree.is_ancestor(tree.root, deep)
    assert tree.is_ancestor(trunk, right)
    assert tree.is_ancestor(deep, deep)
    assert not tree.is_ancestor(deep, left)
    assert not tree.is_ancestor(left, right)
    assert not tree.is_ancestor(tree.grow(right), tree.grow(left, 4))
    other = tree.world.talker("ada")
    assert not tree.is_ancestor(other, deep)
    assert tree.heads() >= {deep.id}
    down = list(lanes.path_down(tree.state, tree.entry(deep)))
    assert (len(down), down[0], down[-1]) == (8, deep.id, tree.root.id)
    assert lanes.at_seq(tree.state, tree.entry(deep), 3) == trunk.id


def test_the_lowest_fork_is_noted_with_its_two_smallest_ids(tree: Tree) -> None:
    assert LANE.must(tree.state, tree.key).fork_seq == -1
    trunk = tree.grow(tree.root, 2)
    high = [tree.grow(trunk) for _ in range(3)]
    found = FORK.must(tree.state, tree.key)
    assert (found.seq, [found.id_a, found.id_b]) == (3, sorted(made.id for made in high)[:2])
    middle = tree.world.made[trunk.header.prev or b""]
    low = [trunk, tree.grow(middle)]
    tree.grow(trunk)  # a later fork above changes nothing
    found = FORK.must(tree.state, tree.key)
    assert (found.seq, [found.id_a, found.id_b]) == (2, sorted(made.id for made in low))
    assert LANE.must(tree.state, tree.key).fork_seq == 2


def test_heads_stand_in_order_of_their_keys(tree: Tree) -> None:
    trunk = tree.grow(tree.root)
    tips = {tree.grow(trunk).id for _ in range(3)}
    assert tree.heads() == tips
    found = lanes.heads_between(tree.state, b"", None)
    assert [head.key for head in found] == sorted(head.key for head in found)
    assert tips < {head.id for head in found}
    assert [
        head.lane_key for head in lanes.heads_between(tree.state, tree.key, tree.key + TOP)
    ] == ([tree.key] * 3)


def test_a_locator_names_heads_and_then_ever_wider_steps_to_the_start(tree: Tree) -> None:
    assert lanes.locator(tree.state, bytes(65)) == []
    made = [tree.root]
    for _ in range(20):
        made.append(tree.grow(made[-1]))
    ids = [m.id for m in made]
    found = lanes.locator(tree.state, tree.key)
    assert found == [ids[20], ids[19], ids[18], ids[16], ids[12], ids[4], ids[0]]


def test_a_locator_of_many_branches_keeps_within_its_limit(tree: Tree) -> None:
    trunk = tree.grow(tree.root, 40)
    heads = {tree.grow(trunk).id for _ in range(LOCATOR_MAX_COUNT)}
    found = lanes.locator(tree.state, tree.key)
    assert len(found) == len(set(found)) <= LOCATOR_MAX_COUNT
    assert set(found) & heads
    assert tree.root.id in found


def test_a_locator_of_branches_from_the_very_start_is_full_and_names_heads_first(
    tree: Tree,
) -> None:
    device = tree.world.made[tree.root.body.names()[0]]
    for _ in range(LOCATOR_MAX_COUNT):
        tree.grow(tree.world.first(device, Lane.SOCIAL, LaneOpen(auth=device.id)), 2)
    found = lanes.locator(tree.state, tree.key)
    assert len(found) == LOCATOR_MAX_COUNT
    heads = [bytes(head.id) for head in lanes.heads_of(tree.state, tree.key)]
    assert found[: LOCATOR_MAX_COUNT // 2] == heads[: LOCATOR_MAX_COUNT // 2]


def test_what_somebody_lacks_of_a_lane_is_what_no_known_id_stands_on(tree: Tree) -> None:
    trunk = tree.grow(tree.root, 3)
    left, right = tree.grow(trunk, 2), tree.grow(trunk, 2)

    def missing(*known: bytes) -> int:
        found = lanes.numbers_beyond(tree.state, tree.key, known)
        assert found == sorted(found)
        return len(found)

    assert missing() == 8
    assert missing(tree.root.id) == 7
    assert missing(trunk.id) == 4
    assert missing(trunk.id, left.id) == missing(left.id) == 2
    assert missing(left.id, right.id) == 0
    assert missing(bytes(32), tree.world.talker("bo").id) == 8
    assert lanes.numbers_beyond(tree.state, bytes(65), []) == []


def test_members_and_firsts_of_a_lane(tree: Tree) -> None:
    tip = tree.grow(tree.root, 2)
    assert list(lanes.members_of(tree.state, tree.key))[-1] == tip.id
    assert list(lanes.firsts_of(tree.state, tree.key)) == [tree.root.id]
    assert list(lanes.members_of(tree.state, bytes(65))) == []
    assert list(lanes.firsts_of(tree.state, bytes(65))) == []


def test_dropping_a_branch_gives_its_parent_the_head_back_unless_another_child_stands(
    tree: Tree,
) -> None:
    trunk = tree.grow(tree.root, 2)
    left, right = tree.grow(trunk, 2), tree.grow(trunk, 1)
    assert tree.heads() == {left.id, right.id}
    tree.world.revoke(tree.root, social=right)
    assert tree.heads() == {right.id}
    again = Tree()
    trunk = again.grow(again.root, 2)
    again.grow(trunk, 2), again.grow(trunk, 1)
    again.world.revoke(again.root, social=trunk)
    assert again.heads() == {trunk.id}


@pytest.mark.parametrize("seed", range(12))
def test_heads_are_what_nothing_held_stands_on_whatever_was_dropped(tree: Tree, seed: int) -> None:
    rng = Random(seed)
    grown = [tree.root]
    for _ in range(30):
        grown.append(tree.grow(rng.choice(grown[-5:] if seed % 2 else grown)))
    for cut in rng.sample(grown, 3):  # each lets more of them be held
        tree.world.revoke(tree.root, social=cut)
        tree.world.node.settle(tree.world.library())
        held = tree.world.node.held()
        prevs = {made.header.prev for made in grown if made.id in held}
        assert cut.id in held
        assert tree.heads() == {made.id for made in grown if made.id in held} - prevs
        assert set(lanes.members_of(tree.state, tree.key)) == held & {made.id for made in grown}


def test_what_comes_back_after_a_drop_stands_where_it_stood(tree: Tree) -> None:
    trunk = tree.grow(tree.root, 2)
    left, right = tree.grow(trunk, 2), tree.grow(trunk, 2)
    tree.world.revoke(tree.root, social=trunk)
    tree.world.revoke(tree.root, social=right)
    tree.world.revoke(tree.root, social=left)
    tree.world.node.settle(tree.world.library())
    assert tree.heads() == {left.id, right.id}
    assert tree.is_ancestor(trunk, left)
    assert not tree.is_ancestor(left, right)


@pytest.mark.parametrize("on", ["the tip", "another record", "a branch"])
@pytest.mark.parametrize("distance", [0, 2, 5])
def test_a_record_stands_right_after_the_one_it_names(tree: Tree, on: str, distance: int) -> None:
    first = tree.grow(tree.root)
    tip = tree.grow(first, 2)
    prev = first if on == "another record" else tip
    if on == "a branch":
        prev = tree.grow(first)
    header = prev.header
    body = social.PostPut(language=None, reply_to=None, room="well", salt=SALT, text="far")
    place = (header.seq + distance, prev.id, header.time + 1)
    made = tree.world.sealed(
        *record.build(body, "post.put", header.author, header.signer, *place), body
    )
    assert tree.world.node.receive(made.raw) == Reject.CHAIN
    assert tree.world.node.verdict(made.id) is None


def naive(tree: Tree, made: Made) -> list[bytes]:
    """The path down, by `prev` alone."""
    known = {one.id: one for one in tree.world.made.values()}
    path, here = [bytes(made.id)], made
    while here.header.prev is not None:
        here = known[here.header.prev]
        path.append(bytes(here.id))
    return path


@pytest.mark.parametrize("seed", range(8))
def test_ancestry_is_that_of_the_links_however_forks_are_nested(tree: Tree, seed: int) -> None:
    rng = Random(seed)
    grown = [tree.root]
    for _ in range(60):
        on = rng.choice(grown[-4:]) if seed % 2 else rng.choice(grown)
        grown.append(tree.grow(on))
    paths = {made.id: naive(tree, made) for made in grown}
    for made in grown:
        path = paths[made.id]
        assert list(lanes.path_down(tree.state, tree.entry(made))) == path
        at = [lanes.at_seq(tree.state, tree.entry(made), seq) for seq in range(len(path))]
        assert at == path[::-1]
        for other in rng.sample(grown, 20):
            assert tree.is_ancestor(other, made) == (other.id in path)


class Counting:
    """A reader that counts what it is asked."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        self.count += 1
        return getattr(self._reader, name)


def test_forks_nested_hundreds_deep_cost_a_few_reads(tree: Tree) -> None:
    side = deep = tree.root
    for _ in range(400):
        side, deep = tree.grow(deep), tree.grow(deep)
    assert LANE.must(tree.state, tree.key).branches > 400
    end = tree.entry(deep)
    for ask in (
        lambda reader: lanes.is_ancestor_or_self(reader, tree.entry(tree.root), end),
        lambda reader: lanes.is_ancestor_or_self(reader, tree.entry(side), end),
        lambda reader: lanes.at_seq(reader, end, 1),
        lambda reader: lanes.at_seq(reader, end, 200),
    ):
        reader = Counting(tree.state)
        ask(reader)
        assert reader.count < 60


def test_heads_are_shown_where_they_stand_before_and_after_a_fork(tree: Tree) -> None:
    other = tree.world.talker("bo")  # so that local numbers and seqs differ
    trunk = tree.grow(tree.root, 2)
    first = tree.grow(trunk)
    tree.grow(other, 3)

    def shown() -> dict[bytes, int]:
        return {bytes(head.id): head.seq for head in lanes.heads_of(tree.state, tree.key)}

    assert shown() == {bytes(first.id): 4 - 1}
    second = tree.grow(trunk)
    assert shown() == {bytes(first.id): 3, bytes(second.id): 3}
    for head in lanes.heads_between(tree.state, b"", None):
        exactly = lanes.heads_between(tree.state, head.key, head.key + b"\0")
        assert exactly == [head]
        assert head not in lanes.heads_between(tree.state, head.key + b"\0", None)
        assert head not in lanes.heads_between(tree.state, b"", head.key)
        number = ENTRY.must(tree.state, head.id).number
        assert tree.state.id_of(number) == head.id


def test_a_record_without_its_body_fills_nothing(tree: Tree) -> None:
    """Whoever sends once more what is held without body must not be asked to fill it."""
    made = tree.grow(tree.root)
    node, bare = tree.world.fresh(), made.raw._replace(body=None)
    for raw in tree.world.raws():
        if raw != made.raw:
            node.receive(raw)
    node.receive(bare)
    parsed = record.parse(bare, node.rules.community)
    whole = record.parse(made.raw, node.rules.community)
    assert admission.judge(node.state, parsed) == Known(False)
    assert admission.judge(node.state, whole) == Known(True)
    node.receive(made.raw)
    assert admission.judge(node.state, whole) == Known(False)
    assert admission.judge(node.state, parsed) == Known(False)
