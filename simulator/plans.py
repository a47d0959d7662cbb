"""A life from a seed, and smaller lives that break the same promise."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

from simulator.broken import Broken
from simulator.network import LATENCIES_MAX_MS, Weather
from simulator.town import QUORUMS, Plan
from simulator.world import LIFE_MS, Life, Step, World

YEAR_MS: Final = 31_536_000_000
UNMEMOISED_SHARE: Final = 0.01
ON_DISK_SHARE: Final = 0.02
ECLIPSE_SHARE: Final = 0.25
RUSH_MS: Final = 500
OFFICERS_COUNT: Final = 3
TRIES_MAX_COUNT: Final = 400


def life_of(seed: int, nodes: int, acts: int) -> Life:
    """The life that a seed stands for; `acts`: how many things people do in it."""
    chance = random.Random(f"life {seed} {nodes} {acts}")
    witnesses, q = chance.choice(QUORUMS)
    plan = Plan(
        nodes, min(witnesses, nodes), q if witnesses <= nodes else 0, chance.choice((1, 2, 3))
    )
    hostile_count = chance.choice((0, 0, 1, 1, 2, 2)) if nodes > 3 else 0
    hostile = frozenset(chance.sample(range(nodes), hostile_count))
    weather = Weather(
        latency_max_ms=chance.choice(LATENCIES_MAX_MS),
        loss=chance.choice((0.0, 0.05, 0.3)),
        doubling=chance.choice((0.0, 0.1, 0.5)),
        slow=frozenset(chance.sample(range(nodes), chance.choice((0, 0, 1)))),
        sluggish=frozenset(chance.sample(range(nodes), chance.choice((0, 0, 0, 1)))),
    )
    skews = tuple(chance.choice((0, 0, 0, 5_000, -YEAR_MS, YEAR_MS)) for _ in range(nodes))
    away = chance.sample(range(min(nodes, OFFICERS_COUNT)), chance.choice((0, 0, 0, 1)))
    days = _Days(chance, nodes, hostile)
    for _ in range(acts):
        node, at = chance.randrange(nodes), days.moment()
        if node not in away or at > LIFE_MS // 2:  # some officer is away at first
            days.add("act", node, at)
    days.mischief()
    days.accidents()
    links = _links(chance, nodes, hostile)
    if hostile and chance.random() < ECLIPSE_SHARE:
        links |= days.eclipse()
    return Life(
        seed=str(seed),
        plan=plan,
        weather=weather,
        hostile=hostile,
        skews_ms=skews,
        steps=tuple(sorted(days.steps, key=lambda step: (step.at_ms, step.salt))),
        memoised=chance.random() >= UNMEMOISED_SHARE,
        on_disk=chance.random() < ON_DISK_SHARE,
        links=links,
        sketches=seed % 2 == 1,
    )


def _links(
    chance: random.Random, nodes: int, hostile: frozenset[int]
) -> frozenset[tuple[int, int]]:
    """Who talks with whom: a ring, a ring with chords, or a tree; the honest are never apart."""
    kind = chance.choice(("ring", "chords", "tree"))
    pairs = [(n, (n + 1) % nodes) for n in range(nodes)]
    if kind == "chords":
        pairs += [(n, (n + 3) % nodes) for n in range(1, nodes, 2)]
    elif kind == "tree":
        pairs = [(n, chance.randrange(n)) for n in range(1, nodes)]
    part = {n: n for n in range(nodes) if n not in hostile}  # honest node -> its part's name
    honest = sorted(part)
    for a, b in [*pairs, *pairwise(honest)]:
        if a in part and b in part and part[a] != part[b]:
            old, new = part[a], part[b]
            part = {n: new if name == old else name for n, name in part.items()}
            pairs.append((a, b))
    return frozenset((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1])


class _Days:
    """The steps of a life that is being planned."""

    def __init__(self, chance: random.Random, nodes: int, hostile: frozenset[int]) -> None:
        self.steps: list[Step] = []
        self._chance, self._nodes, self._hostile = chance, nodes, hostile
        self._busy = [chance.randrange(LIFE_MS) for _ in range(chance.choice((0, 6, 12)))]

    def add(self, kind: str, node: int, at: int, to: int = -1) -> None:
        """One more step."""
        self.steps.append(Step(at, kind, node, len(self.steps), to))

    def moment(self) -> int:
        """When somebody does something: at any time, or in the rush hours of this life."""
        if not self._busy:
            return self._chance.randrange(LIFE_MS)
        return self._chance.choice(self._busy) + self._chance.randrange(RUSH_MS)

    def mischief(self) -> None:
        """What cheats do."""
        for cheat in sorted(self._hostile):
            for _ in range(self._chance.randint(3, 10)):
                self.add("cheat", cheat, self.moment())

    def accidents(self) -> None:
        """Crashes, partitions, new devices, old images, clocks that jump."""
        chance, nodes = self._chance, self._nodes
        for _ in range(chance.choice((0, 1, 2, 4))):
            node, at = chance.randrange(nodes), chance.randrange(LIFE_MS)
            self.add("crash", node, at)
            self.add("start", node, at + chance.randrange(4_000))
        for _ in range(chance.choice((0, 1, 2))):
            self._walls()
        if chance.random() < 0.5:
            self.add("device", chance.randrange(nodes), chance.randrange(LIFE_MS))
        if chance.random() < 0.3:
            node, at = chance.randrange(nodes), chance.randrange(LIFE_MS // 2)
            self.add("copy", node, at)
            self.add("image", node, at + chance.randrange(LIFE_MS // 2))
        for _ in range(chance.choice((0, 0, 1, 2))):
            self.add("jump", chance.randrange(nodes), chance.randrange(LIFE_MS))

    def _between(self, a: int, b: int, start: int, end: int, *, one_way: bool = False) -> None:
        for sender, receiver in ((a, b),) if one_way else ((a, b), (b, a)):
            self.add("wall", sender, start, receiver)
            self.add("unwall", sender, end, receiver)

    def _walls(self) -> None:
        """A partition for a while, sometimes one way only."""
        chance, nodes = self._chance, self._nodes
        inside = set(chance.sample(range(nodes), chance.randint(1, max(1, nodes // 2))))
        start, length = chance.randrange(LIFE_MS), chance.randrange(8_000)
        one_way = chance.random() < 0.3
        for a in sorted(inside):
            for b in sorted(set(range(nodes)) - inside):
                self._between(a, b, start, start + length, one_way=one_way)

    def eclipse(self) -> frozenset[tuple[int, int]]:
        """For a while a node meets hostile neighbours alone, then one honest one more, and the rest
        when all heals; the links this takes."""
        chance = self._chance
        honest = sorted(set(range(self._nodes)) - self._hostile)
        victim, *others = chance.sample(honest, len(honest))
        start = chance.randrange(LIFE_MS // 2)
        for other in others[1:]:
            self._between(victim, other, start, 2 * LIFE_MS)
        if others:
            self._between(victim, others[0], start, start + chance.randrange(LIFE_MS // 2))
        ends = [*sorted(self._hostile), *others[:1]]
        return frozenset((min(victim, end), max(victim, end)) for end in ends)


def broken_by(life: Life) -> Broken | None:
    """The promise that a life breaks, or None. A program that falls over breaks one too."""
    try:
        World(life).run()
    except Broken as broken:
        return broken
    except Exception as fault:
        return Broken(type(fault).__name__, str(fault))
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
