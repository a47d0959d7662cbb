"""The tree of a close: every member can prove one balance, and nobody can prove another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.ledger import close
from node.ledger.close import Branch, Totals, Tree
from node.protocol.crypto import sha256
from node.protocol.limits import CLOSE_PATH_MAX_COUNT, SUM_MAX_UNITS
from tests.protocol import second_close

COMMUNITY = sha256(b"community")
Leaves = list[tuple[bytes, int]]


def members(count: int) -> list[bytes]:
    """So many member ids, in order."""
    return sorted(sha256(b"member %d" % number) for number in range(count))


@st.composite
def books(draw: st.DrawFn, least: int = 1) -> Leaves:
    """Balances of a whole chapter: they add up to 0."""
    count = draw(st.integers(least, 40))
    amounts = draw(st.lists(st.integers(-(2**40), 2**40), min_size=count - 1, max_size=count - 1))
    return list(zip(members(count), [*amounts, -sum(amounts)], strict=True))


def proves(leaf: tuple[bytes, int], path: list[Branch], totals: Totals) -> bool:
    return close.leads_to(COMMUNITY, *leaf, path, totals)


@given(books())
def test_every_member_proves_their_balance(leaves: Leaves) -> None:
    tree = Tree(COMMUNITY, leaves)
    assert tree.totals.positive == tree.totals.negative
    for member, balance in leaves:
        path = tree.path(member)
        assert path is not None
        assert proves((member, balance), list(path), tree.totals)


@given(books())
def test_a_second_implementation_builds_the_same(leaves: Leaves) -> None:
    tree = Tree(COMMUNITY, leaves)
    assert tree.totals == second_close.totals(COMMUNITY, leaves)
    for member, _ in leaves:
        path = [list(sibling) for sibling in tree.path(member) or ()]
        assert path == second_close.path(COMMUNITY, leaves, member)


def test_a_chapter_without_trades_has_a_root() -> None:
    totals = Tree(COMMUNITY, []).totals
    assert totals == second_close.totals(COMMUNITY, [])
    assert totals[:3] == (0, 0, 0)
    assert Tree(COMMUNITY, []).path(members(1)[0]) is None
    assert not proves((members(1)[0], 0), [], totals)


def test_another_community_has_another_root() -> None:
    leaves = [(member, 0) for member in members(3)]
    assert Tree(COMMUNITY, leaves).totals != Tree(sha256(b"other"), leaves).totals
    assert Tree(COMMUNITY, []).totals != Tree(sha256(b"other"), []).totals


CHANGES = ("leaves", "first", "last", "negative", "positive", "hash")


@given(books(least=2), st.data())
def test_any_change_to_a_proof_breaks_it(leaves: Leaves, data: st.DataObject) -> None:
    """A leaf, a sum, a count, a hash, the order, a step more or less: nothing is free."""
    tree = Tree(COMMUNITY, leaves)
    member, balance = data.draw(st.sampled_from(leaves))
    path = list(tree.path(member) or ())
    at = data.draw(st.integers(0, len(path) - 1))
    field = data.draw(st.sampled_from(CHANGES))
    by = data.draw(st.integers(-3, 3).filter(bool))
    changed = list(path)
    changed[at] = _changed(path[at], field, by)
    assert not proves((member, balance), changed, tree.totals)
    assert not proves((member, balance + by), path, tree.totals)
    assert not proves((sha256(member), balance), path, tree.totals)
    assert not proves((member, balance), path[:at] + path[at + 1 :], tree.totals)
    assert not proves((member, balance), [*path, path[at]], tree.totals)
    if path != path[::-1]:
        assert not proves((member, balance), path[::-1], tree.totals)
    for name in ("leaves", "negative", "positive"):
        other = tree.totals._replace(**{name: getattr(tree.totals, name) + by})
        assert not proves((member, balance), path, other)
    assert not proves((member, balance), path, tree.totals._replace(root=sha256(b"root")))


def _changed(branch: Branch, field: str, by: int) -> Branch:
    value = getattr(branch, field)
    if isinstance(value, bytes):
        number = (int.from_bytes(value, "big") + by) % 2**256
        return branch._replace(**{field: number.to_bytes(32, "big")})
    return branch._replace(**{field: value + by})


@given(books(least=3), st.data())
def test_members_out_of_order_or_twice_have_no_tree(leaves: Leaves, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(leaves) - 1))
    twice = [*leaves[:at], leaves[at - 1], *leaves[at:]]
    swapped = list(leaves)
    swapped[at - 1], swapped[at] = swapped[at], swapped[at - 1]
    for wrong in (twice, swapped):
        with pytest.raises(ValueError, match="order"):
            Tree(COMMUNITY, wrong)


def test_a_dishonest_tree_cannot_hold_a_member_twice() -> None:
    """Whoever makes a tree by hand finds no root under which one member proves two balances."""
    ids = members(4)
    twice = [(ids[0], 5), (ids[1], 7), (ids[1], -9), (ids[3], -3)]
    leaves = [close.leaf_of(COMMUNITY, *leaf) for leaf in twice]
    pairs = [_forced(leaves[0], leaves[1]), _forced(leaves[2], leaves[3])]
    top = _forced(*pairs)
    totals = Totals(top.leaves, top.negative, top.positive, top.hash)
    assert not proves(twice[1], [leaves[0], pairs[1]], totals)
    assert not proves(twice[2], [leaves[3], pairs[0]], totals)
    hidden = pairs[1]._replace(first=ids[2])  # the right branch says it starts after the member
    top = _forced(pairs[0], hidden)
    totals = Totals(top.leaves, top.negative, top.positive, top.hash)
    assert proves(twice[1], [leaves[0], hidden], totals)
    assert not proves(twice[2], [leaves[3], pairs[0]], totals)


def _forced(left: Branch, right: Branch) -> Branch:
    """A node as a liar makes it: hashed rightly, checked nowhere."""
    from node.protocol import codec
    from node.protocol.crypto import WORD_CLOSE_NODE

    digest = sha256(WORD_CLOSE_NODE, COMMUNITY, codec.encode([list(left), list(right)]))
    return Branch(
        left.leaves + right.leaves,
        left.first,
        right.last,
        left.negative + right.negative,
        left.positive + right.positive,
        digest,
    )


def test_a_dishonest_tree_cannot_hide_a_debt() -> None:
    """Sums are committed branch by branch: two members never see different sums under one root."""
    ids = members(2)
    a, b = (close.leaf_of(COMMUNITY, ids[0], 10), close.leaf_of(COMMUNITY, ids[1], -10))
    top = _forced(a, b._replace(negative=0))
    totals = Totals(top.leaves, 0, 10, top.hash)
    assert proves((ids[0], 10), [b._replace(negative=0)], totals)
    assert not proves((ids[1], -10), [a], totals)
    assert not proves((ids[1], -10), [a], totals._replace(negative=10))


def test_a_tree_of_another_shape_is_refused() -> None:
    """The same leaves joined otherwise: places would be free to choose."""
    ids = members(3)
    leaves = [close.leaf_of(COMMUNITY, member, 0) for member in ids]
    right = _forced(leaves[1], leaves[2])
    top = _forced(leaves[0], right)
    assert not proves((ids[0], 0), [right], Totals(3, 0, 0, top.hash))


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_have_a_bound(sign: int) -> None:
    first, second = members(2)
    most = sign * SUM_MAX_UNITS
    assert max(Tree(COMMUNITY, [(first, most)]).totals[1:3]) == SUM_MAX_UNITS
    with pytest.raises(ValueError, match="balance"):
        Tree(COMMUNITY, [(first, most + sign)])
    with pytest.raises(ValueError, match="sum"):
        Tree(COMMUNITY, [(first, most), (second, sign)])
    assert not proves((first, most + sign), [], Totals(1, 0, 0, bytes(32)))


def test_a_path_longer_than_any_tree_is_refused() -> None:
    leaves = [(member, 0) for member in members(2)]
    tree = Tree(COMMUNITY, leaves)
    (sibling,) = tree.path(leaves[0][0]) or ()
    for count in (CLOSE_PATH_MAX_COUNT, CLOSE_PATH_MAX_COUNT + 1):
        assert not proves(leaves[0], [sibling] * count, tree.totals)


@pytest.mark.parametrize("field", ["first", "last", "hash"])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_ids_and_hashes_of_another_length_are_refused(field: str, length: int) -> None:
    leaves = [(member, 0) for member in members(2)]
    tree = Tree(COMMUNITY, leaves)
    (sibling,) = tree.path(leaves[0][0]) or ()
    changed = sibling._replace(**{field: (getattr(sibling, field) + bytes(1))[:length]})
    assert proves(leaves[0], [sibling], tree.totals)
    assert not proves(leaves[0], [changed], tree.totals)
