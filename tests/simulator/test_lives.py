"""Simulated lives: 300 seeds here, many more by `python -m simulator`."""

import msgspec
import pytest

from node.ledger import book
from node.ledger.positions import TradeRow
from node.protocol.state import Overlay
from simulator import __main__ as command
from simulator import plans
from simulator.world import World

SEEDS_COUNT = 300
AT_ONCE_COUNT = 25  # in one test, so that workers share them


@pytest.mark.parametrize("first", range(0, SEEDS_COUNT, AT_ONCE_COUNT))
def test_no_promise_is_broken(first: int) -> None:
    for seed in range(first, first + AT_ONCE_COUNT):
        World(plans.life_of(seed, nodes=8, acts=100)).run()


def test_the_lives_hold_all_that_is_promised_of_them() -> None:
    lives = [plans.life_of(seed, nodes=8, acts=100) for seed in range(SEEDS_COUNT)]
    kinds = {step.kind for life in lives for step in life.steps}
    assert kinds >= {"act", "cheat", "crash", "start", "copy", "image", "device", "jump"}
    assert kinds >= {"wall", "unwall"}
    assert {life.plan.k for life in lives} == {1, 2, 3}
    assert {life.plan.q for life in lives} == {0, 2, 3}
    assert any(life.on_disk for life in lives)
    assert not all(life.memoised for life in lives)
    assert any(life.weather.sluggish for life in lives)
    assert any(life.weather.slow for life in lives)


def test_a_life_on_disk_is_the_same_life() -> None:
    life = next(life for n in range(300) if (life := plans.life_of(n, 5, 40)).on_disk)
    assert World(life).run().verdicts


def test_a_seed_is_one_life() -> None:
    worlds = [World(plans.life_of(7, nodes=6, acts=40)).run() for _ in range(2)]
    assert worlds[0].verdicts == worlds[1].verdicts
    assert worlds[0].jobs == worlds[1].jobs


def _a_unit_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that count one minor unit too much of each trade, on both sides."""
    honest = book._book

    def booked(overlay: Overlay, row: TradeRow, sign: int, final: bool) -> None:
        honest(overlay, msgspec.structs.replace(row, amount=row.amount + 1), sign, final)

    monkeypatch.setattr(book, "_book", booked)


def test_a_broken_promise_is_found_and_its_history_made_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _a_unit_more(monkeypatch)
    lives = (plans.life_of(seed, nodes=5, acts=60) for seed in range(20))
    life, broken = next((one, found) for one in lives if (found := plans.broken_by(one)))
    assert broken.name == "books"
    small = plans.smaller(life, "books", tries=60)
    assert 0 < len(small.steps) < len(life.steps) / 2
    assert plans.broken_by(small) is not None


def test_the_command_says_what_broke_and_how_to_run_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--nodes", "5", "--acts", "60"]
    with monkeypatch.context() as bug:
        _a_unit_more(bug)
        seed = next(n for n in range(20) if plans.broken_by(plans.life_of(n, 5, 60)))
        assert command.main(["--replay", str(seed), *asked, "--whole"]) == 1
    told = capsys.readouterr().out
    assert f"seed {seed}: books" in told
    assert f"python -m simulator --replay {seed} --nodes 5 --acts 60" in told
    assert command.main(["--replay", str(seed), *asked]) == 0
    assert "nothing breaks" in capsys.readouterr().out
