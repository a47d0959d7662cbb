"""Second causes of one thing, and records that do not say the truth: what neither a first cause nor
an honest record shows."""

from itertools import permutations

import pytest

from node.ledger import alerts, book, positions
from node.ledger.root import state_root
from node.protocol import lanes
from node.protocol.errors import OK, Void
from node.protocol.identity import Cut
from node.protocol.limits import PAST_HEADS_MAX_COUNT
from node.views import identities, members
from tests.ledger.test_cuts import nodes_in_every_order, shown
from tests.support.keys import public
from tests.support.world import LIMIT, Made, World, lane_key


@pytest.fixture
def world() -> World:
    return World()


# --- cuts that do not say the truth about their seq (R10) -----------------------------------------
@pytest.mark.parametrize("distance", [-1, 1, 40])
def test_the_seq_of_a_cut_of_an_account_lane_is_not_looked_at(world: World, distance: int) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    first, head = world.pay(ada, bo, 10)
    tip = world.rate(first, first)
    second, _ = world.pay(tip, head, 20)
    revoked = world.revoke(ada, account=Cut(tip.header.seq + distance, tip.id))
    for node in nodes_in_every_order(world, [tip, second, revoked]):
        assert book.balance(node.state, 0, public("bo")) == 10
        assert book.is_contested(node.state, world.trade_of(second))


@pytest.mark.parametrize("distance", [-1, 0, 1])
def test_a_cut_of_any_seq_whose_record_comes_late_makes_trades_count_again(
    world: World, distance: int
) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    commit, _ = world.pay(ada, bo, 10)
    tip = world.rate(commit, commit)
    revoked = world.revoke(ada, account=Cut(tip.header.seq + distance, tip.id))
    late = (tip.raw, revoked.raw)
    node = world.fresh().receive_all(raw for raw in world.raws() if raw not in late)
    balances: list[int] = []
    for made in (revoked, tip):
        node.receive(made.raw)
        balances.append(book.balance(node.state, 0, public("bo")))
    assert balances == [0, 10]


def test_the_seq_of_a_cut_of_an_office_lane_is_not_looked_at(world: World) -> None:
    opened = world.account("ada")
    grant = world.grant(opened)
    tip = world.grant(world.account("bo"))
    revoked = world.revoke(grant, office=Cut(tip.header.seq + 1, tip.id))
    for node in nodes_in_every_order(world, [tip, revoked]):
        current = members.current_act(node.state, opened.id, world.rules)
        assert current is not None
        assert current[0] == grant.id


# --- lanes ----------------------------------------------------------------------------------------
def test_a_forked_lane_that_was_dropped_whole_may_come_back(world: World) -> None:
    talker = world.talker("ada")
    left, right = world.post(talker, "left"), world.post(talker, "right")
    world.revoke(talker)
    assert shown(world.node) == set()
    world.revoke(talker, social=left)
    world.node.settle(world.library())
    assert shown(world.node) == {"left"}
    heads = lanes.heads_of(world.node.state, talker.header.lane_key)
    assert [head.id for head in heads] == [left.id]
    world.revoke(talker, social=right)
    world.node.settle(world.library())
    assert shown(world.node) == {"left", "right"}


def test_an_open_stands_on_no_more_heads_than_can_be_judged_also_of_one_forked_lane(
    world: World,
) -> None:
    ada = world.account("ada", limit=LIMIT)
    bo = world.account("bo")
    heads = [world.propose(ada, bo, 1, unit="hours") for _ in range(PAST_HEADS_MAX_COUNT)]
    opened: Made | None = None
    for start in range(0, len(heads), 31):
        part = heads[start : start + 31]
        opened = world.account("ada", *part, *([] if opened is None else [opened]))
        below = start + len(part) + start // 31  # heads, and the opens between
        fits = below <= PAST_HEADS_MAX_COUNT
        assert (world.outcome[opened.id] == OK) == fits, below
        if not fits:
            assert world.outcome[opened.id] == Void.CARRY
            return
    pytest.fail("never too many")


# --- refunds, claims, stamps ----------------------------------------------------------------------
def test_a_refund_into_another_own_lane_is_income_there(world: World) -> None:
    ada, other = world.account("ada", limit=LIMIT), world.account("ada", limit=LIMIT)
    payment, head = world.pay(ada, world.account("bo", limit=LIMIT), 40)
    back, back_head = world.pay(head, other, 10, refunds=payment)
    claimed = world.position(world.claim(back_head, back))
    assert (claimed.incoming, claimed.outgoing) == (10, 0)
    for node in nodes_in_every_order(world, [payment, back]):
        assert book.balance(node.state, 0, public("ada")) == -30


def test_of_two_commits_claimed_on_two_lanes_the_lower_id_is_carried(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    proposed = world.propose(ada, bo, 10)
    accepted = world.accept(bo, proposed)
    commits = [
        world.settle(proposed, accepted),
        world.settle(world.rate(proposed, ada), accepted),
    ]
    for first, second in (commits, commits[::-1]):
        lanes_ = [world.account("bo", accepted), world.account("bo", accepted)]
        claims = [world.claim(lane, one) for lane, one in zip(lanes_, (first, second), strict=True)]
        heir = world.account("bo", *claims)
        entry = lanes.ENTRY.must(world.node.state, heir.id)
        found = positions.claims_at(world.node.state, entry, heir.id)
        assert found == {proposed.id: min(one.id for one in commits)}


def test_a_stamp_names_the_open_of_the_lane_that_it_stamps_not_one_that_is_carried() -> None:
    world = World("3/2")
    ada = world.account("ada", limit=LIMIT)
    heir = world.account("ada", ada, limit=LIMIT)
    head = world.propose(heir, world.account("bo"), 1)
    assert world.outcome[world.stamp("w0", head, ada).id] == Void.STAMP
    assert world.outcome[world.stamp("w1", head, heir).id] == OK


# --- alerts ---------------------------------------------------------------------------------------
def test_an_old_copy_beside_a_lane_carried_on_and_on_is_a_double_carry(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    child = world.account("ada", ada, limit=LIMIT)
    world.revoke(child, account=child)
    grandchild = world.account("ada", child, limit=LIMIT)
    old = world.account("ada", ada, limit=LIMIT)
    world.propose(grandchild, bo, 1)
    world.propose(old, bo, 1)
    for made in (grandchild, old):
        told = alerts.alerts_on(world.node.state, lane_key(made), world.rules, 0)
        assert "double-carry" in told


def test_a_second_and_lower_fork_makes_what_lies_between_count_no_more(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    first = world.propose(ada, bo, 1)
    world.propose(first, bo, 2)
    world.propose(first, bo, 3)
    before = alerts.epoch(world.node.state)
    assert alerts.beyond(world.node.state, first.id) is None
    world.propose(ada, bo, 4)
    assert alerts.beyond(world.node.state, first.id) == "forked"
    assert alerts.epoch(world.node.state) > before  # what is kept of clean income is no more


# --- roots, proposals, profiles -------------------------------------------------------------------
def test_a_lane_forked_at_its_start_is_in_both_chapters_that_it_names() -> None:
    world = World(chapters=("coop", "mill"))
    device = world.device("ada", "account")
    opens = [world.account("ada", device=device, chapter=name) for name in ("coop", "mill")]
    assert [world.outcome[one.id] for one in opens] == [OK, OK]
    others = [raw for raw in world.raws() if raw not in {one.raw for one in opens}]
    roots: set[tuple[bytes, ...]] = set()
    for order in permutations(opens):
        node = world.fresh().receive_all([*others, *(one.raw for one in order)])
        roots.add(tuple(state_root(node.state, world.rules, name) for name in ("coop", "mill")))
    assert len(roots) == 1
    alone = world.fresh().receive_all([*others, opens[0].raw])
    (found,) = roots
    assert state_root(alone.state, world.rules, "coop") != found[0]


def test_a_proposal_is_open_again_on_no_node_when_the_act_that_ended_it_stands_no_more() -> None:
    world = World(k=2)
    opened = world.account("ada")
    body = world.grant_body(opened)
    asked = world.propose_act("o2", "credit.grant", body)
    proposal = next(m for m in world.made.values() if m.header.kind == "office.propose")
    act = world.act("o0", "credit.grant", body, "o1")
    revoked = world.revoke(act)
    assert world.outcome[act.id] == OK
    for node in nodes_in_every_order(world, [proposal, asked, act, revoked]):
        assert list(members.PROPOSAL.scan(node.state, b"", None)) == []


def test_a_profile_within_the_cut_of_a_device_that_was_shut_out_takes_its_place_again(
    world: World,
) -> None:
    talker, other, thief = (world.talker("ada") for _ in range(3))
    world.profile(talker, "first")
    second = world.profile(other, "second")
    stolen = world.profile(thief, "stolen")
    cuts = [world.revoke(other, social=second), world.revoke(thief)]
    for node in nodes_in_every_order(world, [second, stolen, *cuts]):
        profile = identities.profile_of(node.state, public("ada"))
        assert profile is not None
        assert profile.name == "second"
