"""What a target of the fuzzer is: a reader of bytes, its valid inputs, and what it may say."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OK = "ok"
NO_INPUT = "no input"
"""The mutation broke what only the fuzzer wraps around an input: nothing was read."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader.

    `judge` returns a word, `OK` or the code of a refusal, and lets every exception out that is no
    typed fault: that is what is looked for. `share`: how often it gets its turn. `wrapped`: its
    inputs are MessagePack arrays of the fuzzer's own, of which only the parts are read.
    """

    name: str
    corpus: Callable[[], Sequence[bytes]]
    judge: Callable[[bytes], str]
    share: int = 4
    wrapped: bool = False


def scratch(name: str, data: bytes) -> Path:
    """A private file with these bytes, one of each name, for readers that want a file."""
    path = Path(_folder().name) / f"{name}-{os.getpid()}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Goes with the process that asked first. In memory where there is such a place: some targets
    sync a file for every input."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="wetalk-fuzz-", dir=place)
