"""A real node under attack by five processes, for a moment: the short form of `tests.hostile`."""

import pytest

from tests.hostile.campaign import ARMS_COUNT, ATTACKS
from tests.hostile.siege import Report, besiege, rounds_of

ROUNDS = (
    ("single-pings", "streams", "unsigned", "subscriptions", "endless-wants"),
    ("small-frames", "shapeless", "bomb", "beyond-window", "trickled-noise"),
)
CALM_S, AFTER_S = 1.0, 0.5


@pytest.fixture(scope="module")
def report() -> Report:
    """One siege for all that is asked of it."""
    return besiege(ROUNDS, CALM_S, AFTER_S)


def test_every_attacker_is_cut_off_and_none_of_its_connections_stays(report: Report) -> None:
    assert [blow.attack for blow in report.blows] == [name for one in ROUNDS for name in one]
    assert [blow for blow in report.blows if not blow.met or blow.open] == []
    assert all(blow.sent > 0 and blow.opened > 0 for blow in report.blows)


def test_honest_neighbours_go_on_talking_and_trading_meanwhile(report: Report) -> None:
    assert report.lost == 0
    assert report.trades == len(ROUNDS)
    assert sum(len(window.ms) for window in report.during) > 0
    assert report.same_books


def test_the_node_lives_and_its_memory_is_bounded(report: Report) -> None:
    assert report.wrongs() == []
    assert report.figures()["wrong"] == []


def test_the_long_form_knows_every_attack_once() -> None:
    rounds = rounds_of(list(ATTACKS))
    assert sorted(name for one in rounds for name in one) == sorted(ATTACKS)
    assert all(0 < len(one) <= ARMS_COUNT for one in rounds)
