"""Killed at any call to the disk, at any stage: what was told is there; doing it again works."""

from collections.abc import Iterator

import pytest

from tests.crash import shim
from tests.crash.stages import CHECKS, Killer, killer, spread

KILLS_A_STAGE = 4

pytestmark = pytest.mark.skipif(shim.library() is None, reason=shim.WHY_NOT)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with killer(tmp_path_factory.mktemp("crash")) as found:
        yield found


@pytest.mark.parametrize("stage", CHECKS)
def test_a_kill_at_any_call_of_a_stage_loses_nothing(one: Killer, stage: str) -> None:
    calls = one.calls(stage)
    assert calls > 5
    for at in spread(calls, KILLS_A_STAGE):
        assert one.kill(stage, at), f"python -m tests.crash --stage '{stage}' --at {at}"
