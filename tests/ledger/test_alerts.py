"""What honest programs will sign next: alerts and their points, stamps, clean income (R34-R45)."""

import pytest
from msgspec.structs import replace

from node.ledger import alerts, positions
from node.ledger.alerts import CleanIncome
from node.protocol import lanes
from node.views import identities
from tests.support.world import LIMIT, Made, World, lane_key


@pytest.fixture
def world() -> World:
    return World()


def alerts_on(world: World, made: Made) -> set[str]:
    return alerts.alerts_on(world.node.state, lane_key(made), world.rules, 0)


def beyond(world: World, *records: Made) -> list[str | None]:
    return [alerts.beyond(world.node.state, made.id) for made in records]


def refusal(world: World, record: Made) -> str | None:
    return CleanIncome(world.rules).may_accept(world.node.state, record.id)


def may_stamp(world: World, witness: str, head: Made) -> bool:
    key = world.witness[witness].header.signer
    return alerts.may_stamp(world.node.state, key, head.id, world.rules)


def pair(world: World) -> tuple[Made, Made]:
    return world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)


# --- alerts and their points (R34, R35) -----------------------------------------------------------
def test_a_lane_that_nobody_holds_has_no_alerts(world: World) -> None:
    assert alerts.alerts_on(world.node.state, bytes(65), world.rules, 0) == set()


def test_a_fork_has_its_point_at_the_lowest_forked_seq(world: World) -> None:
    ada, bo = pair(world)
    first = world.propose(ada, bo, 1)
    left, right = world.propose(first, bo, 2), world.propose(first, bo, 3)
    after = world.propose(left, bo, 4)
    assert alerts_on(world, ada) == {"forked"}
    assert beyond(world, ada, first) == [None, None]
    assert beyond(world, left, right, after) == ["forked"] * 3
    lower = world.propose(ada, bo, 5)
    assert beyond(world, ada, first, lower) == [None, "forked", "forked"]


def test_a_fork_at_the_start_leaves_nothing_below_it(world: World) -> None:
    ada, _ = pair(world)
    other = world.account("ada", device=world.made[ada.body.names()[0]])
    assert beyond(world, ada, other) == ["forked"] * 2


def test_a_cut_is_the_point_and_says_which_branch_stands(world: World) -> None:
    ada, bo = pair(world)
    left, right = world.propose(ada, bo, 1), world.propose(ada, bo, 2)
    after = world.propose(right, bo, 3)
    world.revoke(ada, account=right)
    assert alerts_on(world, ada) == {"forked", "revoked"}
    assert beyond(world, ada, left, right, after) == [None, "revoked", None, "revoked"]


def test_moving_a_lane_that_was_carried_on_is_an_alert_on_the_carried_lane_only(
    world: World,
) -> None:
    ada, bo = pair(world)
    first = world.propose(ada, bo, 1)
    heir = world.account("ada", first, limit=LIMIT)
    grandchild = world.account("ada", heir)
    assert alerts_on(world, ada) == set()
    rated = world.rate(first, first)  # void: nothing to rate
    assert alerts_on(world, ada) == set()
    moved = world.propose(rated, bo, 2)
    assert alerts_on(world, ada) == {"beyond-carry"}
    assert beyond(world, ada, first, rated, moved) == [None, None, None, "beyond-carry"]
    assert (alerts_on(world, heir), alerts_on(world, grandchild)) == (set(), set())


def test_void_and_quiet_steps_beside_a_carry_are_no_alert(world: World) -> None:
    ada, bo = pair(world)
    asked = world.invoice(bo, ada, 10)
    world.account("ada", ada)
    declined = world.decline(ada, asked)
    world.propose(declined, bo, LIMIT + 1)
    assert alerts_on(world, ada) == set()


def test_two_lanes_on_one_past_alert_once_both_have_moved(world: World) -> None:
    ada, bo = pair(world)
    left, right = world.account("ada", ada, limit=LIMIT), world.account("ada", ada, limit=LIMIT)
    world.propose(left, bo, 1)
    assert (alerts_on(world, left), alerts_on(world, right)) == (set(), set())
    world.propose(right, bo, 1)
    assert alerts_on(world, left) == alerts_on(world, right) == {"double-carry"}
    world.revoke(right, account=right)
    assert (alerts_on(world, left), alerts_on(world, right)) == (set(), {"revoked"})


def test_of_lanes_that_carry_each_other_none_is_to_blame(world: World) -> None:
    ada, bo = pair(world)
    child = world.account("ada", ada, limit=LIMIT)
    moved = world.propose(child, bo, 1)
    grandchild = world.account("ada", moved, ada, limit=LIMIT)
    world.propose(grandchild, bo, 1)
    assert (alerts_on(world, child), alerts_on(world, grandchild)) == (set(), set())


def test_two_lanes_with_nothing_in_common_are_no_double_carry(world: World) -> None:
    ada, bo = pair(world)
    other = world.account("ada", limit=LIMIT)
    left, right = world.account("ada", ada, limit=LIMIT), world.account("ada", other, limit=LIMIT)
    for lane in (left, right):
        world.propose(lane, bo, 1)
        assert alerts_on(world, lane) == set()


def test_a_suspension_is_an_alert_in_its_chapter(world: World) -> None:
    ada, bo = pair(world)
    payment = world.propose(ada, bo, 1)
    world.act("o0", "member.suspend", world.membership_body("ada"))
    assert alerts_on(world, ada) == {"suspended"}
    assert refusal(world, payment) == "suspended"


@pytest.mark.parametrize("suspended_in", ["coop", "farm"])
def test_after_a_carry_a_suspension_counts_in_the_trades_chapter_and_in_the_accounts(
    suspended_in: str,
) -> None:
    """A trade of one chapter, paid from an account that was carried into another."""
    world = World(chapters=("coop", "farm"))
    ada, bo = pair(world)
    asked = world.propose(ada, bo, 5)
    agreed = world.accept(bo, asked)
    moved = world.account("ada", asked, chapter="farm")
    world.grant(moved, LIMIT)
    paid = world.settle(moved, agreed)
    later = world.propose(paid, world.account("cat", chapter="farm"), 1)
    assert (refusal(world, later), refusal(world, asked)) == (None, None)
    act = replace(world.membership_body("ada"), chapter=suspended_in)
    world.act("o0", "member.suspend", act)
    assert refusal(world, paid) == "suspended"
    assert refusal(world, later) == ("suspended" if suspended_in == "farm" else None)
    assert refusal(world, asked) == ("suspended" if suspended_in == "coop" else None)


def test_positions_are_of_account_records_alone(world: World) -> None:
    ada, _ = pair(world)
    state, identity = world.node.state, world.identity["ada"]
    assert positions.position_of(state, identity.id) is None
    assert positions.position_of(state, ada.id) == world.position(ada)
    entry = lanes.ENTRY.must(state, ada.id)
    assert positions.in_past(state, entry, ada.id)
    assert not positions.in_past(state, entry, identity.id)
    assert identities.is_known(state, identity.header.author)
    assert not identities.is_known(state, bytes(32))


# --- stamps (R36) ---------------------------------------------------------------------------------
@pytest.fixture
def stamped() -> World:
    return World("3/2")


def test_a_relay_stamps_ok_account_heads_alone(stamped: World) -> None:
    ada, bo = pair(stamped)
    void = stamped.propose(ada, bo, LIMIT + 1)
    assert may_stamp(stamped, "w0", ada)
    assert not may_stamp(stamped, "w0", void)
    assert not may_stamp(stamped, "w0", stamped.identity["ada"])
    missing = Made(bytes(32), ada.header, ada.body, ada.raw)
    assert not may_stamp(stamped, "w0", missing)


def test_a_relay_stamps_no_head_beside_one_that_it_stamped(stamped: World) -> None:
    ada, bo = pair(stamped)
    left = stamped.propose(ada, bo, 1)
    heir = stamped.account("ada", ada, limit=LIMIT)
    stamped.stamp("w0", heir)
    assert not may_stamp(stamped, "w0", left)
    assert may_stamp(stamped, "w0", ada)  # in the past of what it stamped
    assert may_stamp(stamped, "w0", stamped.propose(heir, bo, 1))
    assert may_stamp(stamped, "w1", heir)


def test_a_relay_that_stamped_a_carried_lane_stamps_its_heir(stamped: World) -> None:
    ada, bo = pair(stamped)
    head = ada
    for amount in (1, 2, 3):
        head = stamped.propose(head, bo, amount)
        stamped.stamp("w0", head)
    heir = stamped.account("ada", head, limit=LIMIT)
    assert may_stamp(stamped, "w0", heir)
    assert not may_stamp(stamped, "w0", stamped.account("ada", ada, limit=LIMIT))


def test_a_relay_stamps_nothing_that_rests_on_a_grant_that_fell(stamped: World) -> None:
    ada, bo = pair(stamped)
    head = stamped.propose(ada, bo, 1)
    stamped.revoke(stamped.office["o0"])
    assert not may_stamp(stamped, "w0", head)
    assert may_stamp(stamped, "w0", ada)
    assert may_stamp(stamped, "w0", stamped.propose(bo, ada, 1, unit="hours"))


def test_neither_a_suspension_nor_a_lower_limit_stops_stamps(stamped: World) -> None:
    ada, bo = pair(stamped)
    head = stamped.propose(ada, bo, 90)
    stamped.grant(ada, 10)
    stamped.act("o0", "member.suspend", stamped.membership_body("ada"))
    assert may_stamp(stamped, "w0", head)


# --- acceptance and clean income (R45) ------------------------------------------------------------
def test_what_is_void_or_no_step_of_a_trade_is_not_accepted(world: World) -> None:
    ada, bo = pair(world)
    void = world.propose(ada, bo, LIMIT + 1)
    orphan = world.terms(world.account("ada", chapter="elsewhere"), ada.id, bo.id, 1)
    for record in (ada, void, orphan):
        assert refusal(world, record) == "void"


def test_other_units_need_no_grant_to_be_accepted(world: World) -> None:
    ada, bo = world.account("ada"), world.account("bo")
    assert refusal(world, world.propose(ada, bo, 1, unit="hours")) is None


def test_a_payment_under_an_older_grant_is_not_accepted_after_a_newer_one(world: World) -> None:
    ada, bo = pair(world)
    payment = world.propose(ada, bo, 1)
    assert refusal(world, payment) is None
    world.grant(ada, LIMIT)
    assert refusal(world, payment) == "grant-not-current"


def claimed_income(world: World, payer: Made, payee: Made, amount: int) -> tuple[Made, Made]:
    commit, head = world.pay(payer, payee, amount)
    return commit, world.claim(head, commit)


def test_income_from_beyond_a_cut_does_not_count(world: World) -> None:
    ada, bo = pair(world)
    cho = world.account("cho", limit=LIMIT)
    _, head = claimed_income(world, ada, bo, 60)
    offer = world.propose(head, cho, LIMIT + 60)
    assert refusal(world, offer) is None
    clean = CleanIncome(world.rules)
    assert clean.spendable(world.node.state, head.id) == LIMIT + 60
    world.revoke(ada)
    assert refusal(world, offer) == "unclean"
    clean = CleanIncome(world.rules)
    assert clean.spendable(world.node.state, head.id) == LIMIT


def test_income_on_a_grant_that_fell_does_not_count(world: World) -> None:
    bo = world.account("bo")
    world.grant(bo, LIMIT, "o1")
    cho = world.account("cho", limit=LIMIT)
    ada = world.account("ada", limit=LIMIT)
    _, head = claimed_income(world, ada, bo, 60)
    offer = world.propose(head, cho, LIMIT + 60)
    world.revoke(world.office["o0"])
    assert refusal(world, offer) == "unclean"


def test_income_counts_as_far_as_its_payer_was_clean(world: World) -> None:
    """A pays B from half-tainted income: B's share of it counts by half."""
    thief = world.account("thief", limit=LIMIT)
    ada, bo = pair(world)
    cho = world.account("cho", limit=LIMIT)
    _, rich = claimed_income(world, thief, ada, 50)
    spent, _ = world.pay(rich, cho, 100)
    _, head = claimed_income(world, spent, bo, 50)
    clean = CleanIncome(world.rules)
    assert clean.effective(world.node.state, head.id, 0) == 50
    world.revoke(thief)  # ada's clean available after it: 0 - 150 + 100
    clean = CleanIncome(world.rules)
    assert clean.effective(world.node.state, head.id, 0) == 0
    assert clean.spendable(world.node.state, head.id) == LIMIT


def test_each_claim_counts_once_however_long_the_path_after_it(world: World) -> None:
    thief = world.account("thief", limit=LIMIT)
    ada, bo = pair(world)
    _, head = claimed_income(world, ada, bo, 30)
    _, head = claimed_income(world, thief, head, 50)
    second = world.propose(world.account("cho", limit=LIMIT), bo, 7)
    for _ in range(3):
        head = world.decline(head, second)
    _, head = claimed_income(world, second, head, 20)
    heir = world.account("bo", head)
    world.revoke(thief)
    clean = CleanIncome(world.rules)
    found = [clean.effective(world.node.state, made.id, 0) for made in (head, heir)]
    assert found == [50, 50]


def test_secured_income_is_clean_whatever_becomes_known_later() -> None:
    world = World("3/2")
    ada, bo = pair(world)
    commit, head = world.pay(ada, bo, 60)
    named = world.secure(commit)
    head = world.claim(head, commit, stamps={commit.id: named})
    world.propose(ada, bo, 1)  # a fork below
    world.revoke(world.office["o1"])
    clean = CleanIncome(world.rules)
    assert clean.effective(world.node.state, head.id, 0) == 60


def test_long_chains_of_income_are_worked_out_without_recursion(world: World) -> None:
    names = ("ada", "bo", "cho")
    heads = {name: world.account(name, limit=LIMIT) for name in names}
    world.account("ada", heads["ada"])  # a carried lane: nothing is taken for granted any more
    heads["ada"] = world.account("ada", heads["ada"], limit=LIMIT)
    for step in range(90):
        payer, payee = names[step % 3], names[(step + 1) % 3]
        commit, head = world.pay(heads[payer], heads[payee], 10)
        heads[payer], heads[payee] = commit, world.claim(head, commit)
    clean = CleanIncome(world.rules)
    found = [clean.spendable(world.node.state, heads[name].id) for name in names]
    assert sum(found) == 3 * LIMIT
    assert not alerts.is_calm(world.node.state)


def test_nobody_without_a_grant_can_spend(world: World) -> None:
    clean = CleanIncome(world.rules)
    void = world.account("ada", chapter="elsewhere")
    assert clean.spendable(world.node.state, void.id) == 0
    assert clean.spendable(world.node.state, world.account("ada").id) == 0


@pytest.mark.parametrize("news", ["fork", "carry", "cut", "late cut", "approval", "stamp"])
def test_the_epoch_grows_with_whatever_may_change_an_alert_or_a_grant(news: str) -> None:
    world = World("3/2")
    ada, bo = pair(world)
    grant = world.made[world.granted(ada.id) or b""]
    head = world.propose(ada, bo, 1)
    tip = world.propose(head, bo, 1)
    world.revoke(bo, account=tip)
    steps = {
        "fork": lambda: world.propose(ada, bo, 2),
        "carry": lambda: world.account("ada", head),
        "cut": lambda: world.revoke(ada),
        "approval": lambda: world.approve("o1", "credit.grant", grant.body),
        "stamp": lambda: world.stamp("w0", head),
    }
    if news == "late cut":
        world.revoke(ada, account=tip)
        node = world.fresh().receive_all(raw for raw in world.raws() if raw != tip.raw)
        before = alerts.epoch(node.state)
        node.receive(tip.raw)
        assert alerts.epoch(node.state) > before
        return
    before = alerts.epoch(world.node.state)
    steps[news]()
    assert alerts.epoch(world.node.state) > before


def test_a_plain_payment_leaves_the_epoch_alone(world: World) -> None:
    ada, bo = pair(world)
    before = alerts.epoch(world.node.state)
    commit, head = world.pay(ada, bo, 10)
    world.claim(head, commit)
    assert alerts.epoch(world.node.state) == before
    assert alerts.is_calm(world.node.state)


def test_whoever_spent_the_whole_limit_gave_clean_income_all_the_same(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=0)
    commit, head = world.pay(ada, bo, LIMIT)
    assert world.available(commit) == 0
    claimed = world.claim(head, commit)
    other = world.account("eve")
    world.terms(other, other.id, ada.id, 1), world.terms(other, other.id, ada.id, 2)
    assert not alerts.is_calm(world.node.state)  # somebody forked a lane: clean is looked at
    offer = world.propose(claimed, world.account("cy"), LIMIT)
    assert refusal(world, offer) is None


def test_of_two_grants_of_one_serial_the_payer_must_use_the_current_one(world: World) -> None:
    ada, bo = world.account("ada"), world.account("bo")
    high, low = (world.grant(ada, limit, supersedes=[]) for limit in (LIMIT, LIMIT // 2))
    under_high = world.propose(ada, bo, 1, grant=high.id)
    assert refusal(world, under_high) == "grant-not-current"
    assert refusal(world, world.propose(under_high, bo, 1, grant=low.id)) is None
