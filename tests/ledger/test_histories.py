"""Random histories by honest, careless and hostile members, held against the reference checker.

After every move a node that had everything in order, one that gets it late and shuffled, SQLite and
a checker that shares no code must agree (`tests.support.history`). Two thousand steps here; as many
as you like, and the smallest history behind a failure, with `python -m tests.ledger.long_model`.
"""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.ledger import long_model
from tests.support.canaries import CANARIES, Canary, seeded
from tests.support.features import WANTED
from tests.support.history import WEIGHTS, History, Move, moves_of

HISTORIES_COUNT, MOVES_COUNT = 25, 80  # 2,000 steps
CANARY_HISTORIES_COUNT = 40
EARLY = ("a unit beyond the limit", "an older grant is as good", "one stamp less secures")


class Histories(RuleBasedStateMachine):
    """One community; each rule is a move, or news for the late node."""

    history: History

    @initialize(seed=st.integers(0, 2**16))
    def found(self, seed: int) -> None:
        self.history = History(seed)

    @rule(name=st.sampled_from(sorted(WEIGHTS)), seed=st.integers(0, 2**24))
    def move(self, name: str, seed: int) -> None:
        self.history.step(Move(name, seed))

    def teardown(self) -> None:
        if hasattr(self, "history"):
            self.history.finish()


def test_every_history_ends_in_the_state_that_the_checker_works_out() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=10, stateful_step_count=30, suppress_health_check=list(HealthCheck)
        ),
    )


def test_every_step_of_two_thousand_agrees_and_they_reach_every_corner() -> None:
    seen: Counter[str] = Counter()
    for seed in range(HISTORIES_COUNT):
        moves = moves_of(seed, MOVES_COUNT)
        try:
            seen += long_model.played(seed, moves)
        except Exception:
            long_model.show_failure(seed, moves)
            raise
    assert {name: seen[name] for name, least in WANTED.items() if seen[name] < least} == {}


def caught(canary: Canary) -> int:
    """Steps until a history fails with a canary in the fold; 0: none did."""
    with seeded(canary):
        for seed in range(CANARY_HISTORIES_COUNT):
            moves = moves_of(seed, MOVES_COUNT)
            broken = long_model.failure_of(seed, moves)
            if broken is not None:
                return seed * MOVES_COUNT + broken.moves
    return 0


@pytest.mark.parametrize("canary", [c for c in CANARIES if c.name in EARLY], ids=lambda c: c.name)
def test_a_bug_in_the_fold_is_noticed(canary: Canary) -> None:
    assert caught(canary) > 0


@pytest.mark.slow
@pytest.mark.parametrize("canary", CANARIES, ids=lambda c: c.name)
def test_every_bug_in_the_fold_is_noticed(canary: Canary) -> None:
    assert caught(canary) > 0


def test_a_canary_leaves_the_fold_as_it_was() -> None:
    before = CANARIES[0].function.__code__
    with seeded(CANARIES[0]):
        assert CANARIES[0].function.__code__ is not before
    assert CANARIES[0].function.__code__ is before


@pytest.mark.parametrize("canary", CANARIES, ids=lambda c: c.name)
def test_a_canary_replaces_a_text_that_is_there(canary: Canary) -> None:
    with seeded(canary):
        pass
