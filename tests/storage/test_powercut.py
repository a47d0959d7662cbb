"""What was acknowledged survives a power cut; a weaker setting, as a control, would lose it."""

import os
import sqlite3
from pathlib import Path

import pytest

from tests.storage import powercut

COMMITS = 80
STATES = int(os.environ.get("WETALK_POWERCUT_STATES", "500"))
CONTROL_STATES = 60
SEED = 20_260_202

pytestmark = pytest.mark.skipif(
    not powercut.can_trace(), reason="needs strace, and the right to trace a process"
)


def examine(folder: Path, files: dict[str, bytes]) -> tuple[list[str], set[int], set[bytes]]:
    """What SQLite says of the files after recovery: problems, record numbers, rows of state."""
    for file, data in files.items():
        if not file.endswith("-shm"):  # memory, not disk
            (folder / file).write_bytes(data)
    connection = sqlite3.connect(folder / "node.db", isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        numbers = {row[0] for row in connection.execute("SELECT number FROM records")}
        rows = {row[0] for row in connection.execute("SELECT k FROM fold_head")}
    except sqlite3.DatabaseError as error:
        problems, numbers, rows = [str(error)], set(), set()
    finally:
        connection.close()
        for file in folder.iterdir():
            file.unlink()
    return problems, numbers, rows


def lost_states(tmp_path: Path, durability: str, count: int) -> int:
    """How many states lack something acknowledged. None may be damaged or half a transaction."""
    steps = powercut.trace(tmp_path, durability, str(COMMITS))
    assert sum(step.what == "sync" and step.file == "node.db" for step in steps) > 3, "checkpoints"
    folder, lost = tmp_path / "state", 0
    folder.mkdir()
    for files, told in powercut.states(steps, count, SEED):
        problems, numbers, rows = examine(folder, files)
        assert problems == ["ok"], f"seed {SEED}, after {told}"
        assert numbers == set(range(len(numbers))), f"seed {SEED}, after {told}"
        assert rows == {b"key%08d" % number for number in numbers}, f"seed {SEED}, after {told}"
        lost += told >= len(numbers)
    return lost


def test_no_power_cut_loses_what_was_acknowledged(tmp_path: Path) -> None:
    assert lost_states(tmp_path, "FULL", STATES) == 0


def test_the_weaker_setting_would_lose_it(tmp_path: Path) -> None:
    """Without this, the test above might prove nothing."""
    assert lost_states(tmp_path, "NORMAL", CONTROL_STATES) > CONTROL_STATES // 4
