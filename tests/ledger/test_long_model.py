"""The endless form of the model test: it goes on where it stopped, and shrinks what fails."""

import json
from pathlib import Path

import pytest

from tests.ledger import long_model
from tests.support.canaries import CANARIES, seeded
from tests.support.history import moves_of


def test_a_run_that_is_stopped_goes_on_where_it_was_in_as_many_processes_as_one_likes(
    tmp_path: Path,
) -> None:
    kept, whole = tmp_path / "kept.json", tmp_path / "whole.json"
    first = long_model.length_of(0)
    assert long_model.main(["--steps", str(first), "--seed", "0", "--resume", str(kept)]) == 0
    assert json.loads(kept.read_text())["steps"] == first
    for path, processes in ((kept, "1"), (whole, "3")):
        arguments = ["--steps", str(first + 10), "--seed", "0", "--resume", str(path)]
        assert long_model.main([*arguments, "--processes", processes]) == 0
    assert json.loads(kept.read_text()) == json.loads(whole.read_text())


def test_a_file_of_another_seed_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    long_model.Progress(1, path).add(5, long_model.Counter())
    with pytest.raises(SystemExit):
        long_model.Progress(2, path)


def test_a_failure_is_made_small_and_can_be_played_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with seeded(CANARIES[0]):
        assert long_model.main(["--steps", "400", "--seed", "0"]) == 1
        shown = capsys.readouterr().out
        command = shown.strip().splitlines()[-1]
        history, moves = command.split("--history ")[1].split(" --moves ")
        assert len(moves.split()) < 5
        again = ["--history", history, "--moves", moves.strip('"')]
        assert long_model.main(again) == 1
    assert long_model.main(again) == 0


def test_moves_are_written_and_read() -> None:
    moves = moves_of(3, 7)
    assert long_model.read_moves(long_model.written(moves)) == moves
    assert moves_of(3, 9)[:7] == moves
