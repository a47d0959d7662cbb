"""Whatever forbids a relay to stamp an ok record forbids it for those above it on the path.

Relays rest on this: they find the highest record they may stamp with a few looks, also in a long
fork. Checked over random histories with forks, restores, cuts, lying relays and office acts.
"""

import os
from random import Random

import pytest

from node.ledger import alerts
from node.protocol import lanes
from node.protocol.errors import OK
from node.protocol.identity import Lane
from tests.support.chaos import Chaos
from tests.support.world import World

SEEDS = range(12 * int(os.environ.get("WETALK_LONG", "1")))
MOVES_COUNT = 90


def history(seed: int) -> World:
    rng = Random(seed)
    world = World(rng.choice(["3/2", "4/3"]), rng.choice([1, 2]))
    chaos = Chaos(world)
    for _ in range(MOVES_COUNT):
        rng.choice([chaos.trade, chaos.trade, chaos.trade, chaos.stamp, chaos.any])(rng)
    return world


def allowed(world: World) -> list[list[bool]]:
    """For each relay and account head: whether the ok records below may be stamped, lowest first"""
    state = world.node.state
    found: list[list[bool]] = []
    for lane_key, _ in list(lanes.LANE.scan(state, b"", None)):
        if lane_key[64] != Lane.ACCOUNT:
            continue
        for head in lanes.heads_of(state, lane_key):
            path = list(lanes.path_down(state, lanes.ENTRY.must(state, head.id)))[::-1]
            ok = [record for record in path if lanes.ENTRY.must(state, record).verdict == OK]
            for key in world.witness_keys:
                found.append([alerts.may_stamp(state, key, r, world.rules) for r in ok])
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_what_may_be_stamped_is_the_lower_part_of_a_path(seed: int) -> None:
    for looks in allowed(history(seed)):
        assert looks == sorted(looks, reverse=True)


def test_the_histories_have_paths_of_both_parts() -> None:
    looks = [one for seed in SEEDS for one in allowed(history(seed))]
    assert sum(True in one and False in one for one in looks) > 10
