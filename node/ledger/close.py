"""The close of a chapter: one Merkle-sum tree over the balances of a period (protocol, section 15).

Rules: leaves are the members whose trades count, strictly ascending by id, so one set of balances
has one tree. A node's hash commits to both children whole: how many leaves, first and last member,
both sums, hash. So whoever has a root, and checks paths alone, knows that sums cannot be shifted
between branches, and that no member stands in it twice. Sums are never negative and bounded; in a
whole chapter they are equal. Nothing here knows a clock or a file.

Left to others: which trades belong to a period, who signs a root (`services.books.closing`),
whether what was signed is what one's own books say (`services.books.closes`).
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from node.protocol import codec
from node.protocol.crypto import ID_SIZE_BYTES, WORD_CLOSE_LEAF, WORD_CLOSE_NODE, sha256
from node.protocol.limits import CLOSE_PATH_MAX_COUNT, SUM_MAX_UNITS
from node.protocol.portable import Branch

Leaf = tuple[bytes, int]
"""(member id, balance in minor units)"""


class Totals(NamedTuple):
    """What a close says of a whole chapter, beside its period."""

    leaves: int
    negative: int
    positive: int
    root: bytes


class Tree:
    """All levels of a tree, leaves first."""

    def __init__(self, community: bytes, leaves: Iterable[Leaf]) -> None:
        """Raises ValueError where leaves do not strictly ascend, or a sum leaves its bounds."""
        self._community = community
        level = [leaf_of(community, member, balance) for member, balance in leaves]
        if any(a.last >= b.first for a, b in itertools.pairwise(level)):
            raise ValueError("members stand in order, each once")
        self._levels = [level]
        while len(level) > 1:
            level = [_joined(community, level[at : at + 2]) for at in range(0, len(level), 2)]
            self._levels.append(level)

    @property
    def totals(self) -> Totals:
        """Number of leaves, both sums, root."""
        if not self._levels[0]:
            return Totals(0, 0, 0, empty_root(self._community))
        top = self._levels[-1][0]
        return Totals(top.leaves, top.negative, top.positive, top.hash)

    def path(self, member: bytes) -> tuple[Branch, ...] | None:
        """The siblings on the way from a member's leaf to the root; None where it has no leaf."""
        found = [at for at, leaf in enumerate(self._levels[0]) if leaf.first == member]
        if not found:
            return None
        at, siblings = found[0], list[Branch]()
        for level in self._levels[:-1]:
            if at ^ 1 < len(level):  # else the last of an odd level: it goes up as it is
                siblings.append(level[at ^ 1])
            at //= 2
        return tuple(siblings)


def leaf_of(community: bytes, member: bytes, balance: int) -> Branch:
    """The leaf of a member. Raises ValueError beyond the bounds of a sum."""
    if len(member) != ID_SIZE_BYTES or abs(balance) > SUM_MAX_UNITS:
        raise ValueError("no member id, or no balance")
    digest = sha256(WORD_CLOSE_LEAF, community, codec.encode([member, balance]))
    return Branch(1, member, member, max(0, -balance), max(0, balance), digest)


def empty_root(community: bytes) -> bytes:
    """The root where no trade counts yet."""
    return sha256(WORD_CLOSE_NODE, community, codec.encode([]))


def leads_to(
    community: bytes, member: bytes, balance: int, path: Sequence[Branch], totals: Totals
) -> bool:
    """True iff the path proves that a tree with these totals has this leaf, and no other for this
    member. Never raises, whatever the values are; types are the caller's to check."""
    try:
        return _leads_to(community, leaf_of(community, member, balance), path, totals)
    except ValueError:
        return False


def _leads_to(community: bytes, at: Branch, path: Sequence[Branch], totals: Totals) -> bool:
    if len(path) > CLOSE_PATH_MAX_COUNT:
        return False
    before = 0  # leaves on the left of the member's
    for sibling in path:
        if not _is_sound(sibling):
            return False
        pair = [sibling, at] if sibling.last < at.first else [at, sibling]
        before += sibling.leaves if pair[0] is sibling else 0
        at = _joined(community, pair)
    if [sibling.leaves for sibling in path] != _counts(before, totals.leaves):
        return False
    return Totals(at.leaves, at.negative, at.positive, at.hash) == totals


def _is_sound(branch: Branch) -> bool:
    """What no honest tree breaks, of a child whose inside is not shown."""
    numbers = (branch.leaves - 1, branch.negative, branch.positive)
    if min(numbers) < 0 or max(numbers) > SUM_MAX_UNITS:
        return False
    if {len(branch.first), len(branch.last), len(branch.hash)} != {ID_SIZE_BYTES}:
        return False
    if branch.leaves == 1:
        return branch.first == branch.last and 0 in (branch.negative, branch.positive)
    return branch.first < branch.last


def _counts(index: int, count: int) -> list[int]:
    """Leaves below each sibling on the way up from leaf `index` of `count`: the tree's one shape,
    in which a left child has the highest power of two of leaves that is less than the whole."""
    down: list[int] = []
    while count > 1:
        left = 1 << ((count - 1).bit_length() - 1)
        if index < left:
            down.append(count - left)
            count = left
        else:
            down.append(left)
            index, count = index - left, count - left
    return down[::-1]


def _joined(community: bytes, children: Sequence[Branch]) -> Branch:
    """The node above two children; a child without a sibling goes up as it is."""
    if len(children) == 1:
        return children[0]
    left, right = children
    negative, positive = left.negative + right.negative, left.positive + right.positive
    if left.last >= right.first or max(negative, positive) > SUM_MAX_UNITS:
        raise ValueError("children overlap, or a sum is too large")
    digest = sha256(WORD_CLOSE_NODE, community, codec.encode([list(left), list(right)]))
    return Branch(left.leaves + right.leaves, left.first, right.last, negative, positive, digest)
