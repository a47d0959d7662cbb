"""Virtual days of whole nodes: what breaks nothing, and bugs that do."""

import logging
from collections.abc import Iterator

import pytest

from simulator.driver.day import Day, Figures
from simulator.driver.faults import FAULTS, Plan, drill, plan_of
from tests.driver.canaries import CANARIES
from tests.support.canaries import Canary, seeded

SEED = 1
NODES = 6
HOURS = 2.0
CALM = 20.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """libp2p laments each fault, and pytest would keep all of it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def lived(plan: Plan) -> Figures:
    return Day(plan).run()


def test_an_hour_with_every_fault_ends_with_all_nodes_the_same() -> None:
    figures = lived(plan_of(SEED, NODES, HOURS, CALM))
    assert set(figures.faults) == {"act", *FAULTS}
    assert figures.records > 60
    assert figures.bans > 0


def test_the_same_seed_is_the_same_day() -> None:
    assert lived(drill(SEED)).digest == lived(drill(SEED)).digest


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_seeded_bug_is_found(canary: Canary) -> None:
    with seeded(canary), pytest.raises(BaseException) as caught:
        lived(drill(SEED))
    assert "Broken" in repr(caught.value)
