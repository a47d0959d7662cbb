"""A life from a seed, and smaller lives that break the same promise."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from simulator.checks import Broken
from simulator.network import Weather
from simulator.town import QUORUMS, Plan
from simulator.world import LIFE_MS, Life, Step, World

YEAR_MS: Final = 31_536_000_000
UNMEMOISED_SHARE: Final = 0.01
TRIES_MAX_COUNT: Final = 400


def life_of(seed: int, nodes: int, acts: int) -> Life:
    """The life that a seed stands for; `acts`: how many things people do in it."""
    chance = random.Random(f"life {seed} {nodes} {acts}")
    witnesses, q = chance.choice(QUORUMS)
    plan = Plan(nodes, min(witnesses, nodes), q if witnesses <= nodes else 0, chance.choice((1, 2)))
    hostile_count = chance.choice((0, 0, 1, 1, 2)) if nodes > 3 else 0
    hostile = frozenset(chance.sample(range(nodes), hostile_count))
    weather = Weather(
        loss=chance.choice((0.0, 0.05, 0.3)),
        doubling=chance.choice((0.0, 0.1, 0.5)),
        slow=frozenset(chance.sample(range(nodes), chance.choice((0, 0, 1)))),
    )
    skews = tuple(chance.choice((0, 0, 0, 5_000, -YEAR_MS, YEAR_MS)) for _ in range(nodes))
    steps: list[Step] = []

    def add(kind: str, node: int, at: int, to: int = -1) -> None:
        steps.append(Step(at, kind, node, len(steps), to))

    for _ in range(acts):
        add("act", chance.randrange(nodes), chance.randrange(LIFE_MS))
    for cheat in sorted(hostile):
        for _ in range(chance.randint(2, 6)):
            add("cheat", cheat, chance.randrange(LIFE_MS))
    for _ in range(chance.choice((0, 1, 2, 4))):
        node, at = chance.randrange(nodes), chance.randrange(LIFE_MS)
        add("crash", node, at)
        add("start", node, at + chance.randrange(4_000))
    for _ in range(chance.choice((0, 1, 2))):
        _walls(chance, nodes, add)
    if chance.random() < 0.3:
        add("device", chance.randrange(nodes), chance.randrange(LIFE_MS))
    if chance.random() < 0.2:
        add("image", chance.randrange(nodes), chance.randrange(LIFE_MS))
    steps.sort(key=lambda step: (step.at_ms, step.salt))
    memoised = chance.random() >= UNMEMOISED_SHARE
    return Life(str(seed), plan, weather, hostile, skews, tuple(steps), memoised)


def _walls(chance: random.Random, nodes: int, add: Callable[..., None]) -> None:
    """A partition for a while, sometimes one way only."""
    inside = set(chance.sample(range(nodes), chance.randint(1, max(1, nodes // 2))))
    start, length = chance.randrange(LIFE_MS), chance.randrange(8_000)
    one_way = chance.random() < 0.3
    for a in sorted(inside):
        for b in sorted(set(range(nodes)) - inside):
            for sender, receiver in ((a, b),) if one_way else ((a, b), (b, a)):
                add("wall", sender, start, receiver)
                add("unwall", sender, start + length, receiver)


def broken_by(life: Life) -> Broken | None:
    """The promise that a life breaks, or None."""
    try:
        World(life).run()
    except Broken as broken:
        return broken
    return None


def smaller(
    life: Life,
    name: str,
    broken_of: Callable[[Life], Broken | None] = broken_by,
    tries: int = TRIES_MAX_COUNT,
) -> Life:
    """A life with fewer steps that breaks the same promise (delta debugging)."""
    steps, parts, left = list(life.steps), 2, tries
    while len(steps) > 1 and left > 0:
        size = max(1, len(steps) // parts)
        for start in range(0, len(steps), size):
            fewer = steps[:start] + steps[start + size :]
            left -= 1
            found = broken_of(replace(life, steps=tuple(fewer)))
            if found is not None and found.name == name:
                steps, parts = fewer, max(2, parts - 1)
                break
            if left <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(len(steps), parts * 2)
    return replace(life, steps=tuple(steps))
