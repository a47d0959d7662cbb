"""Verifiers: they find what a thread would find, and their end costs speed and nothing else."""

import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from node.protocol import portable
from node.protocol.admission import Known, Refused
from node.protocol.record import RawRecord, Record
from node.services.core import Core
from node.services.homes.keyless import keyless_core
from node.services.incoming import checks, verifier, verifiers
from node.services.incoming.checks import Checks, Verified
from node.services.incoming.intake import Intake, Outcome
from node.storage.home import Home
from tests.support.world import World

pytestmark = pytest.mark.trio

WORLD = World()
NICE_MAX = 19  # the system knows no lower priority
_TALKER = WORLD.talker("ada")
for _number in range(12):
    _TALKER = WORLD.post(_TALKER, f"number {_number}")
RAWS = WORLD.raws()


def with_faults(raws: Sequence[RawRecord]) -> list[RawRecord]:
    """Good records, one with a flipped signature, one with a flipped body, one that is none."""
    flipped = bytes((raws[-1].signature[0] ^ 1,)) + raws[-1].signature[1:]
    return [
        *raws[:-2],
        raws[-2]._replace(body=b"\xc0"),
        raws[-1]._replace(signature=flipped),
        RawRecord(b"nothing", None, bytes(64)),
    ]


@asynccontextmanager
async def taking(tmp_path: Path) -> AsyncGenerator[tuple[Core, Checks]]:
    core = keyless_core(Home(tmp_path / "home"), WORLD.genesis_bytes)
    try:
        yield core, Checks(core)
    finally:
        await trio.to_thread.run_sync(core.close)


def named(item: Verified) -> str:
    """A line's faults may be told in another order than those of its record."""
    return item.code + item.detail if isinstance(item, Refused) else repr(item)


def processes(taken: Checks) -> list[int]:
    return [worker._process.pid for worker in taken._verifiers._workers]


async def started(taken: Checks) -> None:
    taken._verifiers.start()
    with trio.fail_after(10):
        while not taken._verifiers.running:
            await trio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_other_processes_find_what_threads_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = with_faults(RAWS)
    lines = [portable.encode_line(raw).encode() for raw in raws] + [b"{}", b"\xff"]
    async with taking(tmp_path) as (_, taken):
        by_threads = await taken.records(raws), await taken.lines(lines)
        assert processes(taken) == []  # so few are not worth it
        monkeypatch.setattr(checks, "VERIFIERS_RECORDS_COUNT", 1)
        monkeypatch.setattr(checks, "ASKED_RECORDS_COUNT", 1)
        await started(taken)
        asked = await taken.records(raws), await taken.lines(lines)
        pids = processes(taken)
        assert pids
        assert asked[0] == by_threads[0]
        assert sorted(asked[1], key=named) == sorted(by_threads[1], key=named)
        assert sum(isinstance(item, Record) for item in asked[0]) == len(RAWS) - 2
        assert {item.code for item in asked[0] if isinstance(item, Refused)} == {
            "body", "signature", "encoding",
        }  # fmt: skip
    assert not any(map(is_alive, pids))  # closed with the home


async def test_what_is_held_is_not_verified_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "VERIFIERS_RECORDS_COUNT", 1)
    async with taking(tmp_path) as (core, taken):
        await started(taken)
        outcome = Outcome()
        intake = Intake(core)
        await intake.finish(intake.begin(await taken.records(RAWS), outcome))
        assert outcome.accepted == len(RAWS)
        again = await taken.records([*RAWS, RAWS[-1]._replace(signature=bytes(64))])
        assert all(isinstance(item, Known) for item in again[:-1])
        assert isinstance(again[-1], Refused)


async def test_a_killed_verifier_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "VERIFIERS_RECORDS_COUNT", 1)
    monkeypatch.setattr(checks, "ASKED_RECORDS_COUNT", 1)
    async with taking(tmp_path) as (_, taken):
        await started(taken)
        before = await taken.records(RAWS)
        pids = processes(taken)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)  # so that the next request meets its end
        async with trio.open_nursery() as nursery:
            found: list[object] = []

            async def ask() -> None:
                found.extend(await taken.records(RAWS))

            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked(0.05)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        assert found == before
        await started(taken)
        assert await taken.records(RAWS) == before  # with new ones
        assert not set(processes(taken)) & set(pids)


async def test_verifiers_stand_behind_the_writer_that_they_work_for(tmp_path: Path) -> None:
    async with taking(tmp_path) as (_, taken):
        await started(taken)
        with trio.fail_after(10):
            while not all(worker.ready for worker in taken._verifiers._workers):
                await trio.sleep(0.01)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        found = {os.getpriority(os.PRIO_PROCESS, pid) for pid in processes(taken)}
        assert found == {min(own + verifier.BEHIND, NICE_MAX)}


async def test_without_any_verifier_threads_do_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "VERIFIERS_RECORDS_COUNT", 1)
    async with taking(tmp_path) as (_, taken):
        expected = taken._verify(RAWS)
        monkeypatch.setattr(verifiers, "PROGRAM", ("/nowhere/to/be/found",))
        assert await taken.records(RAWS) == expected
        monkeypatch.setattr(verifiers, "PROGRAM", ("/bin/true",))
        assert await taken.records(RAWS) == expected


async def test_idle_verifiers_end_and_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "VERIFIERS_RECORDS_COUNT", 1)
    monkeypatch.setattr(verifiers, "IDLE_S", 0.05)
    async with taking(tmp_path) as (_, taken):
        await started(taken)
        before = await taken.records(RAWS)
        pids = processes(taken)
        with trio.fail_after(10):
            while any(map(is_alive, pids)):
                await trio.sleep(0.01)
        assert await taken.records(RAWS) == before


async def test_small_answers_that_come_together_are_both_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests are in flight at each verifier: one read of its pipe may bring both answers."""
    monkeypatch.setattr(checks, "ASKED_RECORDS_COUNT", 1)
    async with taking(tmp_path) as (_, taken):
        await started(taken)
        expected = await taken.records(RAWS)
        with trio.fail_after(20):
            for _ in range(100):
                async with trio.open_nursery() as nursery:
                    for _ in range(8):
                        nursery.start_soon(same, taken, expected)


async def same(taken: Checks, expected: list[Verified]) -> None:
    assert await taken.records(RAWS) == expected


async def test_a_verifier_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "ASKED_RECORDS_COUNT", 1)
    monkeypatch.setattr(verifiers, "IDLE_S", 0.2)
    monkeypatch.setattr(verifiers, "ANSWER_MAX_S", 0.6)
    monkeypatch.setattr(verifiers, "STOP_S", 0.2)
    async with taking(tmp_path) as (_, taken):
        await started(taken)
        for pid in processes(taken):
            os.kill(pid, signal.SIGSTOP)
        with trio.fail_after(20):
            found = await taken.records(RAWS)
        assert found == taken._verify(RAWS)
