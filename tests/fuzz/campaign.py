"""A campaign: inputs by number, each from its seed; what is wrong with one made as small as found.

Rules: input `n` of seed `S` is the same everywhere, so that a long run may be divided and resumed.
A target may only answer with a word. Every SAMPLED_EVERY-th input is measured: memory at its peak,
and work as the number of function calls, which unlike time is the same on every machine.
"""

import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz import files, keeping, pictures, records, talk
from tests.fuzz.mutate import mutated
from tests.fuzz.target import NO_INPUT, Target

TARGETS = {
    target.name: target
    for module in (records, files, talk, keeping, pictures)
    for target in module.TARGETS
}
TURNS = tuple(name for name, target in TARGETS.items() for _ in range(target.share))
FOUND = Path(__file__).parent / "found"
"""Inputs in hex that reach branches which valid ones and their near neighbours do not."""
SAMPLED_EVERY = 97
MEMORY_MAX_BYTES = 5_000_000
CALLS_MAX_COUNT = 60_000  # beside those that the size of the input allows
CALLS_PER_BYTE_COUNT = 8
SHRINK_TRIES_COUNT = 2_000


class TooMuch(AssertionError):
    """An input cost more memory or work than any may."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that a target did not answer with a word. `origin` says where it came from."""

    target: str
    origin: str
    data: bytes
    problem: str

    def told(self) -> str:
        """Lines for people: what happened, the bytes, how to see it again."""
        return (
            f"{self.target}, {self.origin}, {len(self.data)} bytes: {self.problem}\n"
            f"  python -m tests.fuzz --replay {self.target} {self.data.hex()}"
        )


@dataclass(slots=True)
class Tally:
    """What became of inputs: words by target, failures, and the most that one cost."""

    words: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    failures: list[Failure] = field(default_factory=list[Failure])
    memory: Counter[str] = field(default_factory=Counter[str])
    calls: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: "Tally") -> None:
        """Take in what another part of the campaign found."""
        for name, words in other.words.items():
            self.words.setdefault(name, Counter()).update(words)
        self.failures += other.failures
        for mine, theirs in ((self.memory, other.memory), (self.calls, other.calls)):
            for name, most in theirs.items():
                mine[name] = max(mine[name], most)

    @property
    def count(self) -> int:
        """How many inputs."""
        return sum(words.total() for words in self.words.values())


@cache
def corpus(name: str) -> tuple[bytes, ...]:
    """What the mutations of a target start from: valid inputs, and what atheris has found."""
    kept = FOUND / f"{name}.txt"
    lines = kept.read_text(encoding="ascii").split() if kept.exists() else []
    return (*TARGETS[name].corpus(), *map(bytes.fromhex, lines))


def input_of(seed: int, number: int, only: str | None = None) -> tuple[str, bytes]:
    """Target and bytes of an input."""
    dice = random.Random(f"{seed} {number}")
    name = only or dice.choice(TURNS)
    valid = corpus(name)
    wrapped = TARGETS[name].wrapped
    return name, mutated(dice.choice(valid), valid, dice, wrapped=wrapped)


def run(seed: int, numbers: Iterable[int], only: str | None = None) -> Tally:
    """Judge these inputs."""
    tally = Tally()
    for number in numbers:
        name, data = input_of(seed, number, only)
        judge = _measured(tally) if number % SAMPLED_EVERY == 0 else _plain
        words = tally.words.setdefault(name, Counter())
        try:
            words[judge(TARGETS[name], data)] += 1
        except Exception as problem:  # whatever it is, it is no word
            words["FAILED"] += 1
            small, problem = shrunk(TARGETS[name], data, problem)
            origin = f"seed {seed}, input {number}"
            tally.failures.append(Failure(name, origin, small, said(problem)))
    return tally


def _plain(target: Target, data: bytes) -> str:
    return target.judge(data)


def _measured(tally: Tally) -> Callable[[Target, bytes], str]:
    """Judges under measurement. Memory first: counting calls costs some itself."""

    def judge(target: Target, data: bytes) -> str:
        word, peak = with_memory(target, data)
        calls = count_calls(target, data)
        tally.memory[target.name] = max(tally.memory[target.name], peak)
        tally.calls[target.name] = max(tally.calls[target.name], calls)
        if peak > MEMORY_MAX_BYTES:
            raise TooMuch(f"{peak} bytes of memory")
        if calls > CALLS_MAX_COUNT + CALLS_PER_BYTE_COUNT * len(data):
            raise TooMuch(f"{calls} calls for {len(data)} bytes")
        return word

    return judge


def with_memory(target: Target, data: bytes) -> tuple[str, int]:
    """The answer, and the most memory that was held on top, bytes."""
    target.judge(data)  # what is made once, for all inputs, is none of this one's
    tracemalloc.start()
    try:
        return target.judge(data), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def count_calls(target: Target, data: bytes) -> int:
    """How many functions were called."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        target.judge(data)
    finally:
        sys.setprofile(before)
    return count


def said(problem: BaseException) -> str:
    """What a problem is, in one line; the place tells two of one type apart."""
    at = problem.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = "" if at is None else f" in {at.tb_frame.f_code.co_qualname}"
    return f"{type(problem).__name__}: {str(problem)[:200]}{place}"


def shrunk(target: Target, data: bytes, problem: Exception) -> tuple[bytes, Exception]:
    """The smallest input found on which the target fails in the same way, and how it does."""
    kind = _kind(problem)
    if isinstance(problem, TooMuch):
        return data, problem
    left, last = SHRINK_TRIES_COUNT, problem

    def fails(tried: bytes) -> bool:
        nonlocal left, last
        left -= 1
        try:
            target.judge(tried)
        except Exception as other:
            last = other if _kind(other) == kind else last
            return _kind(other) == kind
        return False

    size = max(1, len(data) // 2)
    while size and left > 0:
        at = 0
        while at < len(data) and left > 0:
            tried = data[:at] + data[at + size :]
            if fails(tried):
                data = tried
            else:
                at += size
        size //= 2
    return data, last


def _kind(problem: BaseException) -> tuple[type[BaseException], str]:
    return type(problem), said(problem).rpartition(" in ")[2]


def replay(name: str, data: bytes) -> str:
    """The answer of a target to one input, or what went wrong."""
    target = TARGETS[name]
    try:
        return _measured(Tally())(target, data)
    except Exception as problem:
        return f"FAILED {said(problem)}"


def table(tally: Tally) -> Iterable[str]:
    """A line for each target: inputs, how many were good, how many different answers, most cost."""
    yield f"{'target':<16}{'inputs':>9}{'ok':>8}{'answers':>9}{'KB':>7}{'calls':>8}"
    for name in sorted(tally.words):
        words = tally.words[name]
        yield (
            f"{name:<16}{words.total():>9}{words['ok']:>8}{len(set(words) - {NO_INPUT}):>9}"
            f"{tally.memory[name] // 1_000:>7}{tally.calls[name]:>8}"
        )
