"""What somebody must hold: never more than they do; and what they lack is all that is sent."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import limits
from node.protocol.lanes import ENTRY
from node.protocol.record import ERASABLE_LANES
from node.services.incoming import held as module
from node.services.incoming.held import NEVER, Held, beyond, presumed_until, short_of
from tests.support.chaos import Chaos
from tests.support.world import QUORUMS, World

MOVES_COUNT = 30
seeds = st.integers(0, 2**24)


def busy_world(rng: Random) -> World:
    """Trades, forks, cuts, carries and nonsense."""
    world = World(rng.choice(sorted(QUORUMS)))
    chaos = Chaos(world)
    for _ in range(MOVES_COUNT):
        chaos.trade(rng)
    return world


def closure_of(world: World, tops: Iterable[bytes]) -> set[bytes]:
    """All that records rest on, by what was made, not by what a node keeps."""
    found: set[bytes] = set()
    todo = list(tops)
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            made = world.made[one]
            todo += made.body.names()
            todo += [] if made.header.prev is None else [made.header.prev]
    return found


def bearing(world: World) -> list[bytes]:
    """Held records on lanes whose records stay for ever."""
    state = world.node.state
    return [
        made.id
        for made in world.made.values()
        if made.header.lane not in ERASABLE_LANES and ENTRY.has(state, made.id)
    ]


def covered(world: World, held: Held) -> set[bytes]:
    state = world.node.state
    return {one for one in bearing(world) if held.covers(ENTRY.must(state, one))}


@settings(max_examples=25)
@given(seeds)
def test_from_true_tips_follows_exactly_what_somebody_holds(seed: int) -> None:
    rng = Random(seed)
    world = busy_world(rng)
    tips = rng.sample(bearing(world), 4)
    held = Held(world.node.state)
    for start in short_of(tips):
        held.add_short(start)
    assert covered(world, held) <= closure_of(world, tips)
    held.widen()
    assert covered(world, held) == closure_of(world, tips)
    again = Held(world.node.state)
    for tip in held.tips():
        again.add(tip)
    assert covered(world, again) == covered(world, held)


@settings(max_examples=25)
@given(seeds)
def test_what_is_sent_is_what_is_lacking_each_after_its_grounds(seed: int) -> None:
    rng = Random(seed)
    world = busy_world(rng)
    all_ids = bearing(world)
    tips, tops = rng.sample(all_ids, 3), rng.sample(all_ids, 3)
    held = Held(world.node.state)
    for tip in tips:
        held.add(tip)
    held.widen()
    raws = beyond(world.node.state, tops, held, NEVER, 10_000)
    assert raws is not None
    by_raw = {made.raw: made.id for made in world.made.values()}
    sent = [by_raw[raw] for raw in raws]
    there = closure_of(world, tips)
    assert set(sent) == closure_of(world, tops) - there
    reader = world.fresh().receive_all(world.made[one].raw for one in world.made if one in there)
    for raw in raws:
        reader.receive(raw)
    assert not reader.waiting
    assert set(tops) <= reader.held()


@settings(max_examples=15)
@given(seeds)
def test_with_a_bound_less_is_known_and_never_too_much(seed: int) -> None:
    rng = Random(seed)
    world = busy_world(rng)
    tips = rng.sample(bearing(world), 4)
    held = Held(world.node.state)
    for tip in tips:
        held.add(tip)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "HELD_VISITS_MAX_COUNT", 5)
        held.widen()
    assert covered(world, held) <= closure_of(world, tips)


def test_what_is_lacking_takes_what_rests_on_it_along() -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit, accepted = world.pay(a, b, 10)
    held = Held(world.node.state)
    held.add(commit.id)
    held.widen()
    assert held.covers(ENTRY.must(world.node.state, accepted.id))
    held.remove(a.id)
    assert not covered(world, held) & {a.id, commit.id}
    held.remove(bytes(32))
    held.add(bytes(32))  # unknown here: says nothing


def test_no_tip_lies_below_another() -> None:
    """Else the tips that are kept fill with what says nothing, and crowd other lanes out."""
    world = World()
    ada, bo = world.account("ada", limit=100), world.account("bo", limit=100)
    payer, payee = ada, bo
    for _ in range(40):
        payer, payee = world.pay(payer, payee, 1)
    held = Held(world.node.state)
    for made in world.made.values():
        held.add(made.id)
    tips = set(held.tips())
    assert {payer.id, payee.id} <= tips
    assert len(tips) == len({world.made[tip].header.lane_key for tip in tips})


def test_talk_bears_nothing() -> None:
    world = World()
    post = world.post(world.talker("a"), "hello")
    held = Held(world.node.state)
    held.add(post.id)
    assert held.tips() == ()
    assert not held.covers(ENTRY.must(world.node.state, post.id))


def test_too_much_is_none() -> None:
    world = World()
    a = world.account("a", limit=100)
    held = Held(world.node.state)
    assert beyond(world.node.state, [a.id], held, NEVER, 2) is None
    assert len(beyond(world.node.state, [a.id], held, NEVER, 3) or ()) == 3


def test_both_must_have_been_in_step_to_presume_anything() -> None:
    day = 86_400_000
    assert presumed_until(None, day) == presumed_until(day, None) == NEVER
    assert presumed_until(day, 2 * day) == presumed_until(2 * day, day)
    assert presumed_until(day, 2 * day) == day - limits.IN_STEP_MARGIN_MS
    world = World()
    a = world.account("a", limit=100)
    newest = a.header.time
    assert beyond(world.node.state, [a.id], Held(world.node.state), newest, 9) == ()
    assert len(beyond(world.node.state, [a.id], Held(world.node.state), newest - 1, 9) or ()) == 1
