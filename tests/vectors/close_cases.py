"""Vectors of a close: trees of balances, and paths that prove a leaf or do not."""

from typing import Any

from node.ledger.close import Branch, Leaf, Totals, Tree
from tests.vectors.world import fill

Case = dict[str, Any]
COMMUNITY = fill("community")
BALANCES = (
    ("nobody", []),
    ("one member", [0]),
    ("two members", [1250, -1250]),
    ("three members", [-500, 0, 500]),
    ("five members", [2**40, -1, -(2**40), 3, -2]),
    ("eight members", [7, -7, 6, -6, 5, -5, 4, -4]),
    ("the highest sum", [2**53 - 1, -(2**53) + 1]),
)


def leaves_of(balances: list[int]) -> list[Leaf]:
    """So many made-up members, in order, with these balances."""
    ids = sorted(fill(f"member {number}") for number in range(len(balances)))
    return list(zip(ids, balances, strict=True))


def cases() -> list[Case]:
    """Trees with the paths of all leaves; then paths that prove nothing."""
    return [_tree(name, leaves_of(balances)) for name, balances in BALANCES] + _wrong_paths()


def _tree(name: str, leaves: list[Leaf]) -> Case:
    tree = Tree(COMMUNITY, leaves)
    return {
        "name": name,
        "part": "tree",
        "community": COMMUNITY.hex(),
        "leaves": [[member.hex(), balance] for member, balance in leaves],
        **_totals(tree.totals),
        "paths": [_path(tree.path(member) or ()) for member, _ in leaves],
    }


def _totals(totals: Totals) -> Case:
    return {
        "count": totals.leaves,
        "negative": totals.negative,
        "positive": totals.positive,
        "root": totals.root.hex(),
    }


def _path(path: tuple[Branch, ...]) -> list[Any]:
    return [[v.hex() if isinstance(v, bytes) else v for v in branch] for branch in path]


def _wrong_paths() -> list[Case]:
    leaves = leaves_of([2**40, -1, -(2**40), 3, -2])
    tree = Tree(COMMUNITY, leaves)
    member, balance = leaves[1]
    path, totals = tree.path(member) or (), tree.totals
    other = tree.path(leaves[0][0]) or ()

    def wrong(at: int, **fields: Any) -> tuple[Branch, ...]:
        return (*path[:at], path[at]._replace(**fields), *path[at + 1 :])

    found: list[tuple[str, int, tuple[Branch, ...], Totals]] = [
        ("another balance", balance - 1, path, totals),
        ("the path of a neighbour", balance, other, totals),
        ("a step less", balance, path[:-1], totals),
        ("a step more", balance, (*path, path[-1]), totals),
        ("steps the other way round", balance, path[::-1], totals),
        ("a sum moved", balance, wrong(1, positive=path[1].positive + 1), totals),
        ("a negative sum below zero", balance, wrong(0, negative=-1), totals),
        ("a count moved", balance, wrong(1, leaves=3), totals),
        ("a first member moved", balance, wrong(1, first=path[1].last), totals),
        ("a hash moved", balance, wrong(2, hash=fill("hash")), totals),
        ("other totals", balance, path, totals._replace(positive=totals.positive + 1)),
        ("another count", balance, path, totals._replace(leaves=4)),
        ("another root", balance, path, totals._replace(root=fill("root"))),
    ]
    return [
        {
            "name": name,
            "part": "path",
            "community": COMMUNITY.hex(),
            "member": member.hex(),
            "balance": said,
            "path": _path(steps),
            **_totals(wanted),
            "expect": "invalid",
        }
        for name, said, steps, wanted in found
    ]
