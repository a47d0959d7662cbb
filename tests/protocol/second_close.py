"""The tree of a close (docs/protocol.md, section 15), from the document alone.

Rule: nothing of the node is imported; nodes are packed by the second reader. It builds from the top
down, where the node builds from the leaves up.
"""

from typing import Any

from tests.protocol.second_reader import pack, sha

Leaves = list[tuple[bytes, int]]


def branch(community: bytes, leaves: Leaves) -> list[Any]:
    """`[count, first, last, negative, positive, hash]` of leaves that are in order."""
    if len(leaves) == 1:
        member, balance = leaves[0]
        digest = sha("close leaf", community, pack([member, balance]))
        return [1, member, member, max(0, -balance), max(0, balance), digest]
    left = 1
    while 2 * left < len(leaves):
        left *= 2
    pair = [branch(community, leaves[:left]), branch(community, leaves[left:])]
    sums = [pair[0][place] + pair[1][place] for place in (3, 4)]
    digest = sha("close node", community, pack(pair))
    return [len(leaves), leaves[0][0], leaves[-1][0], *sums, digest]


def totals(community: bytes, leaves: Leaves) -> tuple[int, int, int, bytes]:
    """(count, negative, positive, root) of a chapter."""
    if not leaves:
        return 0, 0, 0, sha("close node", community, pack([]))
    count, _, _, negative, positive, digest = branch(community, leaves)
    return count, negative, positive, digest


def path(community: bytes, leaves: Leaves, member: bytes) -> list[list[Any]]:
    """Siblings of a member's leaf, from the leaf up."""
    if len(leaves) == 1:
        return []
    left = 1
    while 2 * left < len(leaves):
        left *= 2
    near, far = leaves[:left], leaves[left:]
    if member >= far[0][0]:
        near, far = far, near
    return [*path(community, near, member), branch(community, far)]
