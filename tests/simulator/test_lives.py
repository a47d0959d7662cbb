"""Simulated lives: a few seeds here, many by `python -m simulator`."""

import msgspec
import pytest

from node.ledger import book
from node.ledger.positions import TradeRow
from node.protocol.state import Overlay
from simulator import plans
from simulator.world import World


@pytest.mark.parametrize("seed", range(12))
def test_no_promise_is_broken(seed: int) -> None:
    World(plans.life_of(seed, nodes=8, acts=60)).run()


def test_a_seed_is_one_life() -> None:
    worlds = [World(plans.life_of(7, nodes=6, acts=40)).run() for _ in range(2)]
    assert worlds[0].verdicts == worlds[1].verdicts
    assert worlds[0].jobs == worlds[1].jobs


def test_a_broken_promise_is_found_and_its_history_made_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = book._book

    def a_unit_more(overlay: Overlay, row: TradeRow, sign: int, final: bool) -> None:
        honest(overlay, msgspec.structs.replace(row, amount=row.amount + 1), sign, final)

    monkeypatch.setattr(book, "_book", a_unit_more)
    life = plans.life_of(0, nodes=5, acts=60)
    broken = plans.broken_by(life)
    assert broken is not None
    assert broken.name == "books"
    small = plans.smaller(life, "books", tries=60)
    assert 0 < len(small.steps) < len(life.steps) / 2
    assert plans.broken_by(small) is not None
