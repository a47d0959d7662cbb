"""Batches on their way to the writer: together, one that fails, one that is given up.

Records come from a community made up for the test; the home has no member of its own.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
import trio
import trio.testing

from node.protocol import lanes
from node.protocol.errors import LocalFault, Reject
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.record import RawRecord
from node.services.core import Committed, Core
from node.services.incoming import bulk as bulk_module
from node.services.incoming import checks as checks_module
from node.services.incoming import intake as intake_module
from node.services.incoming import proofs
from node.services.incoming.bulk import BulkStore
from node.services.incoming.checks import Checks
from node.services.incoming.intake import Intake, Outcome
from node.storage.source import SqliteSyncSource
from tests.support.exports import LINES, ROOT, WORLD, home_of, root_of, take
from tests.support.world import Made, World

pytestmark = pytest.mark.trio
RAWS = WORLD.raws()
ALL_LANES = frozenset(int(lane) for lane in Lane)
Told = list[Committed]
THIRD = len(RAWS) // 3


@pytest.fixture
def core() -> Iterator[Core]:
    with home_of(WORLD.genesis_bytes) as found:
        yield found


@pytest.fixture
def told(core: Core) -> list[Committed]:
    found: list[Committed] = []
    core.listeners.append(found.append)
    return found


async def together(intake: Intake, batches: Sequence[Sequence[RawRecord]]) -> list[Any]:
    """What became of batches that come at once: outcomes, or what was raised."""
    found: list[Any] = [None] * len(batches)

    async def one(number: int, batch: Sequence[RawRecord]) -> None:
        try:
            found[number] = await intake.take(batch, f"neighbour {number}")
        except LocalFault as fault:
            found[number] = fault

    async with trio.open_nursery() as nursery:
        for number, batch in enumerate(batches):
            nursery.start_soon(one, number, batch)
    return found


def held_up(core: Core, monkeypatch: pytest.MonkeyPatch) -> trio.Event:
    """From now on every job waits for the event."""
    run, go_on = core.writer.run, trio.Event()

    async def later(job: Callable[..., Any]) -> Any:
        await go_on.wait()
        return await run(job)

    monkeypatch.setattr(core.writer, "run", later)
    return go_on


@asynccontextmanager
async def second_in_line(intake: Intake, nursery: trio.Nursery) -> AsyncGenerator[trio.CancelScope]:
    """A third of the records is being stored, and another waits, until its scope is cancelled."""
    nursery.start_soon(intake.take, RAWS[:THIRD], "first")
    await trio.testing.wait_all_tasks_blocked(0.05)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as impatient:
            impatient.start_soon(intake.take, RAWS[THIRD : 2 * THIRD], "second")
            await trio.testing.wait_all_tasks_blocked(0.05)
            yield scope


def failing(core: Core, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on every job is done and then undone; the answer is how to end that."""
    run = core.writer.run

    async def undone(job: Callable[..., Any]) -> Any:
        def fails(state: Any) -> Any:
            job(state)
            raise LocalFault("busy")

        return await run(fails)

    monkeypatch.setattr(core.writer, "run", undone)
    return lambda: monkeypatch.setattr(core.writer, "run", run)


async def test_a_sender_is_blamed_for_each_record_but_not_for_an_unknown_cut() -> None:
    refused = Counter({str(Reject.SIGNATURE): 2, str(Reject.BODY): 1, str(Reject.REVOKED): 5})
    assert sorted(Outcome(rejected=refused).faults) == ["body", "signature", "signature"]


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_batches_that_come_together_are_each_answered_and_told(
    core: Core, told: list[Committed], size: int
) -> None:
    batches = [RAWS[n : n + size] for n in range(0, len(RAWS), size)][::-1]
    outcomes = await together(Intake(core), batches)
    assert root_of(core) == ROOT
    assert [outcome.read for outcome in outcomes] == [len(batch) for batch in batches]
    ids = [record for committed in told for record, _ in committed.records]
    assert len(ids) == len(set(ids)) == sum(outcome.accepted for outcome in outcomes)
    verdicts = {key: entry.verdict for key, entry in lanes.ENTRY.scan(core.reader, b"", None)}
    void = sum(verdict != "ok" for verdict in verdicts.values())
    assert void > 0
    assert sum(outcome.void for outcome in outcomes) == void
    kept = {key for key, _ in lanes.LANE.scan(core.reader, b"", None)}
    assert kept <= {lane for committed in told for lane in committed.lanes}


async def test_what_waits_within_a_batch_is_counted_only_while_it_waits(core: Core) -> None:
    outcome = await Intake(core).take(RAWS[::-1], "neighbour")
    assert (outcome.deferred, outcome.accepted) == (0, len(RAWS) - outcome.rejected.total())
    assert root_of(core) == ROOT


async def test_a_failing_writer_is_told_to_everybody_whose_records_it_had(
    core: Core, told: list[Committed], monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(core)
    mend = failing(core, monkeypatch)
    batches = [RAWS[n : n + 9] for n in range(0, len(RAWS), 9)]
    outcomes = await together(intake, batches)
    assert [getattr(outcome, "code", outcome) for outcome in outcomes] == ["busy"] * len(batches)
    assert (core.reader.record_count(), told) == (0, [])
    mend()
    assert all(isinstance(one, Outcome) for one in await together(intake, batches))
    assert root_of(core) == ROOT


def stranger_in(world: World) -> list[Made]:
    """Six posts of somebody whom no chapter has admitted; the first three records introduce."""
    last = world.talker("sol")
    posts = [last]
    for number in range(6):
        last = world.post(last, f"hello {number}")
        posts.append(last)
    return posts


async def test_who_was_admitted_in_a_job_that_was_undone_is_a_stranger_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    before = len(world.raws())
    posts = stranger_in(world)
    admission = world.act("o0", "member.admit", world.membership_body("sol"))
    founders, theirs = world.raws()[:before], [made.raw for made in posts]
    others = [raw for raw in world.raws() if raw not in founders and raw not in theirs]
    with home_of(world.genesis_bytes) as core:
        intake = Intake(core)
        await intake.take([*founders, *(raw for raw in others if raw != admission.raw)], "a")
        assert (await intake.take(theirs[:4], "a")).deferred == 0
        mend = failing(core, monkeypatch)
        with pytest.raises(LocalFault):
            await intake.take([*others, *theirs], "a")
        mend()
        for raw in theirs[4:]:
            assert (await intake.take([raw], "a")).deferred == 1
        assert (await intake.take(others, "b")).accepted == 1 + len(theirs[4:])


async def test_a_stranger_opens_no_lane_but_those_that_introduce_them() -> None:
    """A market, an office, relays: not even the first record of such a lane."""
    world = World()
    known = len(world.raws())
    world.listing(world.seller("sol"), "bread")
    with home_of(world.genesis_bytes) as core:
        intake = Intake(core)
        await intake.take(world.raws()[:known], "a")
        outcome = await intake.take(world.raws()[known:], "a")
        assert outcome.deferred == 2
        again = await intake.take(world.raws()[known:], "a")
        assert (again.accepted, again.deferred) == (0, 2)


async def test_a_batch_that_is_given_up_while_it_waits_is_not_stored(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, go_on = Intake(core), held_up(core, monkeypatch)
    async with trio.open_nursery() as nursery:
        async with second_in_line(intake, nursery) as scope:
            scope.cancel()
        nursery.start_soon(intake.take, RAWS[2 * THIRD :], "third")
        await trio.testing.wait_all_tasks_blocked(0.05)
        go_on.set()
    held = core.reader.record_count()
    assert 0 < held < len(RAWS) - THIRD
    await intake.take(RAWS[THIRD : 2 * THIRD], "second")
    assert root_of(core) == ROOT


@pytest.mark.parametrize("in_loop", [True, False])
async def test_a_full_job_leaves_the_rest_of_what_waited_on_disk_to_the_next(
    core: Core, monkeypatch: pytest.MonkeyPatch, in_loop: bool
) -> None:
    half = len(LINES) // 2
    await trio.to_thread.run_sync(lambda: take(core, [LINES[0], *LINES[half:]]))
    assert core.reader.deferred.count() > 0
    monkeypatch.setattr(intake_module, "JOB_RECORDS_MAX_COUNT", 3)
    raws = RAWS[: half - 1]
    if in_loop:
        await Intake(core).take(raws, "neighbour")
    else:
        Intake(core).take_sync(raws, "neighbour")
    assert core.reader.deferred.count() == 0
    assert root_of(core) == ROOT


async def test_lanes_of_which_a_cut_drops_records_are_told() -> None:
    """Who compares heads is told of lanes only so: one that is left out differs for ever."""
    world = World()
    talker = world.talker("ada")
    world.post(talker, "gone")
    world.act("o0", "member.admit", world.membership_body("ada"))
    before = world.raws()
    revoked = world.revoke(talker, social=talker)
    with home_of(world.genesis_bytes) as core:
        heads, told = Heads(SqliteSyncSource(core.database, core.community), told=True), Told()
        core.listeners.append(lambda committed: heads.changed(committed.lanes))
        core.listeners.append(told.append)
        intake = Intake(core)
        for batch in (before, [revoked.raw]):
            await intake.take(batch, "a")
            index = heads.index(ALL_LANES)
            fresh = Heads(SqliteSyncSource(core.database, core.community)).index(ALL_LANES)
            assert index.slice(0, len(fresh) + 9) == fresh.slice(0, len(fresh))
        assert {talker.header.lane_key, revoked.header.lane_key} <= told[-1].lanes


async def test_whoever_is_given_up_in_the_moment_of_their_turn_holds_nobody_up(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, go_on = Intake(core), held_up(core, monkeypatch)
    async with trio.open_nursery() as nursery, second_in_line(intake, nursery) as scope:
        go_on.set()
        next_turn = intake._next_turn

        def given_up_and_next() -> None:
            scope.cancel()
            next_turn()

        monkeypatch.setattr(intake, "_next_turn", given_up_and_next)
        await trio.sleep_forever()
    monkeypatch.setattr(intake, "_next_turn", next_turn)
    with trio.fail_after(5):
        await intake.take(RAWS[THIRD:], "third")
    assert root_of(core) == ROOT


async def test_a_proof_is_kept_also_of_a_fork_that_is_known_from_its_records() -> None:
    """One of them may be dropped later: then the proof is all that is left."""
    world = World()
    talker = world.talker("ada")
    left = world.post(talker, "left")
    world.post(talker, "right")
    world.act("o0", "member.admit", world.membership_body("ada"))
    with home_of(world.genesis_bytes) as core:
        source = SqliteSyncSource(core.database, core.community)
        await Intake(core).take(world.raws(), "a")
        (proof,) = source.fork_proofs()
        assert await proofs.take(core, [proof], "b") == []
        await Intake(core).take([world.revoke(talker, social=left).raw], "a")
        assert [head.id for head in source.heads(talker.header.lane_key, None)][:1] == [left.id]
        assert list(source.fork_proofs()) == [proof]


@pytest.mark.parametrize("broken", [None, 0, 5, 9])
async def test_every_batch_of_a_file_is_waited_for_and_told(
    monkeypatch: pytest.MonkeyPatch, broken: int | None
) -> None:
    monkeypatch.setattr(bulk_module, "JOB_RECORDS_COUNT", 2)
    world, told = World(), list[Committed]()
    head = world.talker("ada")
    for number in range(4):
        head = world.post(head, f"post {number}")
    raws = world.raws()
    if broken is not None:
        raws[broken] = raws[broken]._replace(signature=bytes(64))
    with home_of(world.genesis_bytes) as core:
        core.listeners.append(told.append)
        bulk = BulkStore(core, Counter())
        with pytest.raises(LocalFault) if broken is not None else nullcontext():
            for raw in raws:
                bulk.take([raw])
                bulk.flush_if_full()
            bulk.finish()
        if broken is None:
            assert sum(len(done.records) for done in told) == len(raws)


async def test_many_small_batches_at_once_are_as_much_as_a_large_one(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks_module, "VERIFIERS_RECORDS_COUNT", len(RAWS) - 3)
    checks, started = Checks(core), list[int]()
    monkeypatch.setattr(checks._verifiers, "start", lambda: started.append(1))
    parts = [RAWS[number::4] for number in range(4)]
    for part in parts:  # one after the other
        await checks.records(part)
    assert started == []
    async with trio.open_nursery() as nursery:
        for part in parts:
            nursery.start_soon(checks.records, part)
    assert started != []


async def test_a_body_that_comes_after_its_header_is_told() -> None:
    world = World()
    post = world.post(world.talker("ada"), "hello")
    world.act("o0", "member.admit", world.membership_body("ada"))
    bare = RawRecord(post.raw.header, None, post.raw.signature)
    with home_of(world.genesis_bytes) as core:
        intake, told = Intake(core), list[Committed]()
        core.listeners.append(told.append)
        await intake.take([bare if raw == post.raw else raw for raw in world.raws()], "a")
        told.clear()
        outcome = await intake.take([post.raw], "a")
        assert (outcome.accepted, outcome.duplicate) == (0, 1)
        assert [subject for done in told for _, subject in done.events] == [post.id]
