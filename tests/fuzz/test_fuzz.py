"""Mutated inputs for every reader of bytes: each is answered with a word, at a bounded cost.

Here 50,000; `python -m tests.fuzz` goes on for as long as it is asked to. The tests after the first
show that the fuzzer gets far into each reader, and that it finds what it looks for.
"""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import portable
from tests.fuzz import campaign, guided
from tests.fuzz.__main__ import main
from tests.fuzz.campaign import TARGETS, corpus, input_of, run
from tests.fuzz.mutate import SIZE_MAX_BYTES, mutated
from tests.fuzz.target import NO_INPUT, OK, Target

PARTS, PART_COUNT = 10, 5_000
LOOKED_AT_COUNT = 150  # inputs of one target by which the fuzzer itself is judged


@pytest.mark.parametrize("part", range(PARTS))
def test_every_input_is_answered_with_a_word(part: int) -> None:
    tally = run(1, range(part * PART_COUNT, (part + 1) * PART_COUNT))
    assert [failure.told() for failure in tally.failures] == []
    assert tally.count == PART_COUNT
    assert sum(peak > 0 for peak in tally.memory.values()) > len(TARGETS) / 2


@pytest.mark.parametrize("name", TARGETS)
def test_valid_inputs_are_read_and_mutated_ones_get_far(name: str) -> None:
    words = [TARGETS[name].judge(data) for data in corpus(name)]
    assert NO_INPUT not in words
    assert OK in words
    tally = run(2, range(LOOKED_AT_COUNT), name)
    assert tally.failures == []
    assert tally.words[name][NO_INPUT] < LOOKED_AT_COUNT / 2
    assert len(set(tally.words[name]) - {NO_INPUT}) >= 2


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_that_hypothesis_steers_are_answered_too(name: str) -> None:
    target, valid = TARGETS[name], corpus(name)

    @settings(max_examples=10)
    @given(st.sampled_from(valid), st.randoms(use_true_random=False))
    def check(data: bytes, dice: random.Random) -> None:
        assert target.judge(mutated(data, valid, dice, wrapped=target.wrapped))

    check()


def test_an_input_follows_from_seed_and_number() -> None:
    numbers = range(300)
    inputs = [input_of(3, number) for number in numbers]
    assert [input_of(3, number) for number in numbers] == inputs
    assert [input_of(4, number) for number in numbers] != inputs
    assert all(len(data) <= SIZE_MAX_BYTES for _, data in inputs)
    assert len({name for name, _ in inputs}) == len(TARGETS)


# --- what the fuzzer finds ------------------------------------------------------------------------
def test_a_reader_without_its_guard_is_found_and_the_input_made_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(portable, "hex32", bytes.fromhex)
    tally = run(1, range(300), "statement")
    failure = min(tally.failures, key=lambda found: len(found.data))
    assert failure.problem.startswith("ValueError: ")
    assert len(failure.data) < min(map(len, corpus("statement")))
    answer = campaign.replay("statement", failure.data)
    assert answer == f"FAILED {failure.problem}"
    assert f"--replay statement {failure.data.hex()}" in failure.told()
    monkeypatch.undo()
    assert campaign.replay("statement", failure.data) == "encoding"


def hungry(data: bytes) -> str:
    return OK * (len(bytes(6_000_000)) > 0)


def busy(data: bytes) -> str:
    for number in range(70_000):
        abs(number)
    return OK


@pytest.mark.parametrize(("judge", "what"), [(hungry, "bytes of memory"), (busy, "calls for")])
def test_what_costs_too_much_is_found(
    judge: campaign.Callable[[bytes], str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TARGETS, "costly", Target("costly", lambda: [b"x"], judge))
    (failure,) = run(1, range(1, campaign.SAMPLED_EVERY + 1), "costly").failures
    assert what in failure.problem
    assert campaign.replay("costly", failure.data).startswith("FAILED TooMuch")


# --- the command ----------------------------------------------------------------------------------
def test_a_long_run_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    common = ["--seed", "9", "--target", "genesis", "--processes", "1", "--resume", str(kept)]
    assert main(["--inputs", "120", *common]) == 0
    assert json.loads(kept.read_text())["next"] == 120
    assert main(["--inputs", "200", *common]) == 0
    said = capsys.readouterr().out
    assert "seed 9, inputs 120 to 200" in said
    assert "200 inputs of seed 9: 0 failed" in said
    assert main(["--inputs", "200", "--seed", "8", "--resume", str(kept)]) == 2
    assert "is of seed 9" in capsys.readouterr().out


def test_one_input_is_played_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--replay", "genesis", corpus("genesis")[0].hex()]) == 0
    assert capsys.readouterr().out.endswith(" bytes: ok\n")
    assert main(["--replay", "nothing", "00"]) == 2
    assert "genesis" in capsys.readouterr().out


def test_without_atheris_nothing_is_done_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guided.importlib.util, "find_spec", lambda name: None)
    assert main(["--atheris", "genesis"]) == guided.ABSENT
    assert "atheris is not installed" in capsys.readouterr().out
