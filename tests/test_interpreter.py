"""What is asked of the C library has the effect that it is asked for."""

import platform
import subprocess
import sys

import pytest

from tests.tidy import ROOT

SHARED = """
import ctypes, sys, threading
from node import interpreter

if sys.argv[1] == "shared":
    interpreter.share_one_heap()
threads = [threading.Thread(target=bytes, args=(10_000,)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""
GIVEN_BACK = """
from pathlib import Path
from node import interpreter

def held_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096

blocks = [bytes(2_000) for _ in range(20_000)]
last = blocks[::1_000]
full = held_bytes()
del blocks
interpreter.give_back()
print(full - held_bytes())
"""

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or sys.platform != "linux", reason="only GNU's C library"
)


def run(program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def test_all_threads_share_one_heap() -> None:
    assert run(SHARED, "shared").stderr.count("Arena ") == 1
    assert run(SHARED, "alone").stderr.count("Arena ") > 1


def test_what_is_free_between_things_in_use_is_given_back() -> None:
    assert int(run(GIVEN_BACK).stdout) > 20_000_000
