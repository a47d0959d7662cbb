"""What happens in a virtual day, from a seed: who says and trades what when, and what goes wrong.

Rules: each kind of fault happens at least once; whoever is away comes back before the end. In the
last part of a day nothing new goes wrong, so that back-off and bans that are under way run on.
"""

import random
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "act", "leave", "kill", "power", "reset", "forget", "wall", "part", "slow", "full", "garble"
]
HOUR_S: Final = 3_600.0
# How often a day for each node, and how long it lasts (seconds, from and to).
FAULTS: Final[dict[Kind, tuple[float, float, float]]] = {
    "leave": (1.0, 60, 4 * HOUR_S),  # the program is ended, and started again
    "kill": (1.0, 5, HOUR_S),  # the process is killed
    "power": (1.0, 30, 2 * HOUR_S),  # the machine loses its power
    "reset": (4.0, 0, 0),  # connections between two break
    "forget": (2.0, 0, 0),  # connections between two become black holes
    "wall": (2.0, 20, HOUR_S),  # two do not reach each other
    "part": (0.2, 120, HOUR_S),  # half of all do not reach the other half
    "slow": (0.5, 300, HOUR_S),  # a line of a few kilobytes a second
    "full": (0.5, 30, HOUR_S / 2),  # a disk is full
    "garble": (0.15, 60, 600),  # a program forges what it shows: it gets banned
}
ACTS_PER_NODE_AND_HOUR: Final = 0.5
ACTS_MIN_COUNT: Final = 30
RUSHES_COUNT: Final = 4  # hours in which much happens at once
RUSH_SHARE: Final = 0.5
RUSH_S: Final = 5.0
FAULTY_SHARE: Final = 0.9  # of the day; then nothing new goes wrong
RATE_MIN_BYTES_PER_S: Final = 3_000
RATE_MAX_BYTES_PER_S: Final = 30_000
HEALING_MAX_S: Final = HOUR_S / 2  # a third ban in a row lasts 16 minutes
DRILL_HEALING_S: Final = 200.0  # the first ban lasts one; a given peer is dialled every 30 s
DRILL_CALM: Final = 2.0
CHORD: Final = 3  # each is given the next node and the third after it


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens at a time, to a house, for so long; `to`: the other one of two."""

    at_s: float
    kind: Kind
    house: int
    lasts_s: float
    to: int
    salt: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole day. `given`: (who, whom): the addresses that members were told. `calm`: how many
    times slower than in the program what happens on an idle line is: signs of life, heartbeats."""

    seed: int
    nodes: int
    hours: float
    calm: float
    healing_s: float  # how long it may take until all is well
    steps: tuple[Step, ...]
    given: tuple[tuple[int, int], ...]


def plan_of(seed: int, nodes: int, hours: float, calm: float) -> Plan:
    """The day that a seed stands for. `nodes` at least 3."""
    chance = random.Random(f"day {seed} {nodes} {hours}")
    rushes = [chance.uniform(0, hours * HOUR_S) for _ in range(RUSHES_COUNT)]
    steps: list[Step] = []

    def add(kind: Kind, at: float, lasts_s: float) -> None:
        house, to = chance.sample(range(nodes), 2)
        steps.append(Step(at, kind, house, lasts_s, to, len(steps)))

    for _ in range(max(ACTS_MIN_COUNT, round(ACTS_PER_NODE_AND_HOUR * nodes * hours))):
        at = chance.uniform(0, hours * HOUR_S)
        if chance.random() < RUSH_SHARE:
            at = chance.choice(rushes) + chance.uniform(0, RUSH_S)
        add("act", at, 0)
    end = hours * HOUR_S * FAULTY_SHARE
    for kind, (often, least, most) in FAULTS.items():
        for _ in range(max(1, round(often * nodes * hours / 24))):
            at = chance.uniform(0, end)
            add(kind, at, min(chance.uniform(least, most), end - at))
    given = [(n, (n + step) % nodes) for n in range(nodes) for step in (1, CHORD)]
    return Plan(
        seed,
        nodes,
        hours,
        calm,
        HEALING_MAX_S,
        tuple(sorted(steps, key=lambda step: (step.at_s, step.salt))),
        tuple(pair for pair in given if pair[0] != pair[1]),
    )


def drill(seed: int) -> Plan:
    """Half an hour of three nodes, in which each fault comes alone and each timer can be seen."""
    accidents: tuple[tuple[float, Kind, int, float, int], ...] = (
        (100, "reset", 0, 0, 1),
        (150, "forget", 1, 0, 2),
        (300, "power", 1, 300, 0),
        (800, "kill", 2, 60, 0),
        (1_000, "full", 2, 60, 0),
        (1_200, "garble", 0, 60, 0),
        (1_400, "wall", 1, 240, 2),
    )
    busy = (10, 101, 160, 700, 801, 900, 1_001, 1_010, 1_030, 1_401, 1_700)
    acts: list[tuple[float, Kind, int, float, int]] = [
        (at, "act", house, 0.0, 0) for at in busy for house in range(3)
    ]
    steps = [
        Step(float(at), kind, house, lasts_s, to, salt)
        for salt, (at, kind, house, lasts_s, to) in enumerate(sorted([*accidents, *acts]))
    ]
    given = ((0, 1), (1, 2), (2, 0))
    return Plan(seed, 3, 0.5, DRILL_CALM, DRILL_HEALING_S, tuple(steps), given)
