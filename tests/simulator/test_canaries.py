"""Every seeded bug is found; without any, the same lives break nothing."""

import pytest

from simulator.plans import life_of
from tests.simulator.canaries import (
    ACTS,
    CANARIES,
    NODES,
    SEARCHED_COUNT,
    Canary,
    caught,
    first_seed,
)
from tests.simulator.referee import Referee

NEAR_COUNT = 4  # seeds tried, from the known one on


def test_there_are_enough_and_all_differ() -> None:
    assert len(CANARIES) >= 12
    assert len({canary.name for canary in CANARIES}) == len(CANARIES)


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_seeded_bug_is_found(canary: Canary) -> None:
    near = range(canary.seed, canary.seed + NEAR_COUNT)
    assert any(caught(canary, seed) for seed in near)


@pytest.mark.slow
@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_seeded_bug_is_found_by_whoever_looks_for_nothing(canary: Canary) -> None:
    assert first_seed(canary, SEARCHED_COUNT) is not None


@pytest.mark.parametrize("seed", sorted({canary.seed for canary in CANARIES}))
def test_the_same_life_without_the_bug_breaks_nothing(seed: int) -> None:
    assert Referee(life_of(seed, NODES, ACTS)).run().verdicts
