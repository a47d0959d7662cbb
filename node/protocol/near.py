"""Heads by the names of their lanes: what a sketch shows, told and asked for in few bytes.

Rules: a name (`sketch`) is seven bytes, so that two lanes may share it, by chance or on purpose. A
head is **near** when the other side holds just one lane of its name: then the name stands for the
lane. Should it be another lane after all, nothing breaks: a question about a head goes by its
number, and the side that told it knows which it meant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from node.protocol.heads import LANE_KEY_SIZE_BYTES, HeadIndex, Listed
from node.protocol.sketch import NAME_SIZE_BYTES, PART_SIZE_BYTES, Difference, name_of, part_of

Telling = tuple[bytes, bool]
"""Key of a head to be told, and whether it is near."""


@dataclass(slots=True)
class Reading:
    """What is to be told and asked for."""

    tell: list[Telling] = field(default_factory=list[Telling])
    near: list[bytes] = field(default_factory=list[bytes])  # parts of heads to ask for
    far: list[bytes] = field(default_factory=list[bytes])


def further(
    told: list[Listed], asked: list[tuple[bytes, int]]
) -> tuple[list[Listed], list[tuple[bytes, int]]]:
    """Of the heads of one lane that only one side has: those to tell, those to ask for.

    Where each side has one, only that of higher seq counts; at equal seqs both.
    """
    if len(told) == len(asked) == 1:
        own, other = told[0][1], asked[0][1]
        return ([] if own < other else told, [] if own > other else asked)
    return told, asked


def read(index: HeadIndex, difference: Difference) -> Reading:
    """What follows from a difference that a sketch showed, lane by lane."""
    theirs: dict[bytes, list[tuple[bytes, int]]] = {}
    for part, seq in difference.theirs:
        theirs.setdefault(part[:NAME_SIZE_BYTES], []).append((part, seq))
    own = set(difference.own)
    held = index.named({part[:NAME_SIZE_BYTES] for part, _ in own} | theirs.keys())
    found = Reading()
    for name in sorted(held):
        alone = [item for item in held[name] if (part_of(item[0]), item[1]) in own]
        told, asked = further(alone, theirs.get(name, []))
        near = _is_one_lane(held[name])
        found.tell += [(key, near and name in theirs) for key, _ in told]
        (found.near if near else found.far).extend(sorted(part for part, _ in asked))
    return found


def answer(index: HeadIndex, asked: bytes, *, near: bool) -> list[Telling]:
    """The own heads with these parts, ten bytes each; unknown ones are passed over."""
    size = PART_SIZE_BYTES
    parts = {asked[n : n + size] for n in range(0, len(asked), size)}
    found: list[Telling] = []
    for items in index.named({part[:NAME_SIZE_BYTES] for part in parts}).values():
        one = near and _is_one_lane(items)
        found += [(key, one) for key, _ in items if part_of(key) in parts]
    return sorted(found)


def resolve(index: HeadIndex, names: Sequence[bytes], ids: Iterable[bytes]) -> list[bytes]:
    """Keys of heads that were told by name and id; empty where no lane has that name."""
    held = index.named(names)
    return [
        held[name][0][0][:LANE_KEY_SIZE_BYTES] + one if held[name] else b""
        for name, one in zip(names, ids, strict=True)
    ]


def name_and_id(key: bytes) -> bytes:
    """A near head as it travels: 39 bytes."""
    return name_of(key) + key[LANE_KEY_SIZE_BYTES:]


def _is_one_lane(items: list[Listed]) -> bool:
    return len({key[:LANE_KEY_SIZE_BYTES] for key, _ in items}) == 1
