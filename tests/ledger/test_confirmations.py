"""What witnesses confirmed of a lane, and what members gave and got in units that nobody owes."""

import pytest

from node.ledger import book, stamps
from node.ledger.book import TotalRow
from node.ledger.positions import TRADE
from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.office import WitnessStamp
from node.protocol.social import LaneOpen
from tests.support.keys import public
from tests.support.world import LIMIT, Made, World


def is_stamped(world: World, made: Made) -> bool:
    return stamps.is_stamped(world.node.state, made.id)


def last_heads(world: World, witness: str, made: Made) -> set[bytes]:
    """Heads that a witness stamped whose pasts hold the lane of a record."""
    lane = lanes.ENTRY.must(world.node.state, made.id).lane
    key = public(f"{witness}/witness")
    found = stamps.last_heads(world.node.state, key, lane)
    assert len(found) == len(set(found))
    return set(found)


def test_a_stamp_confirms_its_head_and_all_before_it() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    first = world.propose(ada, bo, 1)
    second = world.propose(first, bo, 1)
    third = world.propose(second, bo, 1)
    assert not any(is_stamped(world, made) for made in (ada, first, second, third))
    world.stamp("w1", second)
    assert [is_stamped(world, made) for made in (ada, first, second, third, bo)] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_stamp_on_another_branch_or_by_a_stranger_confirms_nothing() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    left, right = world.propose(ada, bo, 1), world.propose(ada, bo, 2)
    world.stamp("w0", left)
    assert [is_stamped(world, made) for made in (ada, left, right)] == [True, True, False]
    device = world.device("stranger", "witness")
    lane = world.first(device, Lane.WITNESS, LaneOpen(auth=device.id))
    stamp = world.on(lane, WitnessStamp(head=right.id, open=ada.id))
    assert world.outcome[stamp.id] == "ok"
    assert not is_stamped(world, right)


def test_a_claim_names_the_nearest_stamp_whatever_was_stamped_on_another_branch() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    commit, _ = world.pay(ada, bo, 1)
    near = world.propose(commit, bo, 1)
    far = world.propose(near, bo, 1)
    for beside in range(2, 5):  # as high up as the commit, but elsewhere
        branch = world.propose(ada, bo, beside)
        for _ in range(3):
            branch = world.propose(branch, bo, beside)
            world.stamp("w0", branch)
    world.stamp("w0", far)
    nearest = world.stamp("w0", near)
    assert stamps.stamps_for(world.node.state, commit.id) == [nearest.id]


def test_what_a_chapters_own_relays_have_stamped_is_final_and_others_stamps_change_nothing() -> (
    None
):
    world = World("1/1", chapters=("coop", "north"), relays={"north": ("n0",)})
    for chapter, own, other in (("coop", "w0", "n0"), ("north", "n0", "w0")):
        payer = world.account(f"payer in {chapter}", chapter=chapter, limit=LIMIT)
        commit, _ = world.pay(payer, world.account(f"payee in {chapter}", chapter=chapter), 5)
        trade = world.trade_of(commit)
        for relay, final in ((other, False), (own, True)):
            world.stamp(relay, commit)
            row = TRADE.must(world.node.state, trade)
            assert book.is_final(world.node.state, trade, row, world.rules) == final


def test_nothing_confirms_what_follows_a_void_open() -> None:
    world = World("3/2")
    void = world.account("ada", chapter="nowhere")
    after = world.terms(void, void.id, world.account("bo").id, 1)
    assert world.outcome[after.id] == "no-open"
    assert not is_stamped(world, void)
    assert not is_stamped(world, after)


def test_the_last_stamped_head_of_a_lane_stands_for_all_before_it() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    first = world.propose(ada, bo, 1)
    second = world.propose(first, bo, 1)
    assert last_heads(world, "w0", ada) == set()
    world.stamp("w0", second)
    world.stamp("w0", first)
    world.stamp("w1", first)
    assert last_heads(world, "w0", ada) == {second.id}
    assert last_heads(world, "w1", ada) == {first.id}
    assert last_heads(world, "w0", bo) == set()
    fork = world.propose(first, bo, 2)
    world.stamp("w0", fork)
    assert last_heads(world, "w0", ada) == {first.id, second.id, fork.id}


def test_stamped_heads_of_lanes_that_carry_a_lane_count_for_it() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    old = world.propose(ada, bo, 1)
    new = world.propose(world.account("ada", old, limit=LIMIT), bo, 1)
    world.stamp("w0", old)
    world.stamp("w0", new)
    assert last_heads(world, "w0", old) == {old.id, new.id}
    assert last_heads(world, "w0", new) == {new.id}


def test_other_units_are_added_up_by_unit_and_owed_by_nobody() -> None:
    world = World()
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    head_a, head_b = ada, bo
    for unit, amount in (("hours", 150), ("hours", 50), ("gift", 1)):
        asked = world.propose(head_a, bo, amount, unit=unit)
        head_b = world.accept(head_b, asked)
        head_a = world.settle(asked, head_b)
    world.propose(head_a, bo, 7, unit="EUR")
    state = world.node.state

    def found(name: str) -> dict[str, TotalRow]:
        return book.contributions(state, 0, public(name))

    assert found("ada") == {"gift": TotalRow(0, 1), "hours": TotalRow(0, 200)}
    assert found("bo") == {"gift": TotalRow(1, 0), "hours": TotalRow(200, 0)}
    assert found("o0") == {}
    assert list(book.balances(state)) == []
    world.revoke(head_a, account=ada)
    assert (found("ada"), found("bo")) == ({}, {})


def test_a_turnover_tells_how_many_trades_are_not_confirmed() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    first, head = world.pay(ada, bo, 30)
    second, _ = world.pay(first, head, 5)

    def totals() -> list[tuple[int, int, int]]:
        found = (book.total(world.node.state, 0, public(name)) for name in ("ada", "bo", "cy"))
        return [(row.received, row.given, row.unsecured) for row in found]

    assert totals() == [(0, 35, 2), (35, 0, 2), (0, 0, 0)]
    world.stamp("w0", second)
    world.stamp("w1", first)
    assert totals() == [(0, 35, 1), (35, 0, 1), (0, 0, 0)]
    world.stamp("w1", second)
    assert totals() == [(0, 35, 0), (35, 0, 0), (0, 0, 0)]


@pytest.mark.parametrize("shown_first", [0, 1])
def test_a_trade_is_final_when_one_of_its_commits_is(shown_first: int) -> None:
    """Two branches pay the same invoice: one confirmed is enough, whichever was seen first."""
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    asked = world.invoice(bo, ada, 30)
    talk = world.propose(ada, bo, 1)
    commits = [world.accept(prev, asked) for prev in (ada, talk)]
    state = world.node.state
    assert [world.outcome[commit.id] for commit in commits] == ["ok", "ok"]
    trade = book.TRADE.must(state, asked.id)

    def final() -> tuple[bool, bool]:
        kept = book.is_final(state, asked.id, trade, world.node.rules)
        return kept, book.is_secured(state, asked.id)

    assert final() == (False, False)
    chosen = commits[shown_first]
    world.stamp("w0", chosen)
    assert final() == (False, False)
    world.stamp("w1", chosen)
    assert final() == (True, True)


def test_a_stamp_confirms_and_brings_back_all_that_lies_below_it() -> None:
    world = World("1/1")
    ada, head = world.account("ada", limit=LIMIT), world.account("bo")
    commit = ada
    for _ in range(3):
        commit, head = world.pay(commit, head, 10)
    state = world.node.state
    assert book.total(state, 0, public("ada")).unsecured == 3
    stamped = world.fresh().receive_all([*world.raws(), *(one.raw for one in world.secure(commit))])
    assert book.total(stamped.state, 0, public("ada")).unsecured == 0
    late = world.fresh()  # here the device is shut out before the stamp is known
    stamps = [one.raw for one in world.made.values() if isinstance(one.body, WitnessStamp)]
    late.receive_all(raw for raw in world.raws() if raw not in stamps)
    late.receive(world.revoke(ada).raw)
    assert book.balance(late.state, 0, public("bo")) == 0
    late.receive_all(stamps)
    assert book.balance(late.state, 0, public("bo")) == 30
    assert book.total(late.state, 0, public("bo")).unsecured == 0


def test_a_trade_that_was_declined_is_told_so_when_its_payer_has_taken_it_back() -> None:
    world = World()
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    proposed = world.propose(ada, bo, 10)
    world.decline(bo, proposed)
    state = world.node.state
    assert (book.status_of(state, proposed.id), book.told_status(state, proposed.id)) == (
        "declined", "declined",
    )  # fmt: skip
    world.release(proposed, proposed)
    assert book.status_of(state, proposed.id) == "released"
    assert book.told_status(state, proposed.id) == "declined"
