"""Every way in which an account record is void, and what a void record leaves behind (R17-R28)."""

import pytest

from node.ledger import stamps, trades
from node.ledger.positions import POSITION
from node.protocol.errors import OK, Void
from node.protocol.limits import AMOUNT_MAX_UNITS, PAST_HEADS_MAX_COUNT, SUM_MAX_UNITS
from tests.support.keys import public
from tests.support.world import LIMIT, Made, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ada(world: World) -> Made:
    return world.account("ada", limit=LIMIT)


@pytest.fixture
def bo(world: World) -> Made:
    return world.account("bo", limit=LIMIT)


# --- opening (R17, R18) ---------------------------------------------------------------------------
def test_an_open_names_a_chapter_of_the_genesis(world: World) -> None:
    opened = world.account("ada", chapter="elsewhere")
    assert world.outcome[opened.id] == Void.UNKNOWN_CHAPTER


@pytest.mark.parametrize(
    ("count", "q", "verdict"),
    [
        (0, 0, OK), (0, 1, Void.QUORUM), (1, 0, Void.QUORUM), (1, 1, OK), (2, 1, Void.QUORUM),
        (2, 2, OK), (3, 2, OK), (4, 2, Void.QUORUM), (4, 3, OK), (4, 5, Void.QUORUM),
    ],
)  # fmt: skip
def test_more_than_half_of_the_witnesses_make_a_quorum(
    world: World, count: int, q: int, verdict: str
) -> None:
    witnesses = [public(f"witness {n}") for n in range(count)]
    assert world.outcome[world.account("ada", witnesses=witnesses, q=q).id] == verdict


def test_what_stands_on_a_void_open_is_void(world: World, bo: Made) -> None:
    opened = world.account("ada", chapter="elsewhere")
    payment = world.terms(opened, opened.id, bo.id, 10, unit="hours")
    assert world.outcome[payment.id] == Void.NO_OPEN
    assert world.position(payment).open == b""


def test_only_own_account_records_with_an_open_are_carried(world: World, ada: Made) -> None:
    void = world.account("ada", chapter="elsewhere")
    identity = world.identity["ada"]
    for carried in (world.account("bo"), void, identity):
        assert world.outcome[world.account("ada", carried).id] == Void.CARRY
    assert world.outcome[world.account("ada", ada).id] == OK


def test_an_open_stands_on_no_more_heads_than_can_be_judged(world: World) -> None:
    opened, count = world.account("ada", *(world.account("ada") for _ in range(31))), 31
    while count + 32 < PAST_HEADS_MAX_COUNT:
        opened = world.account("ada", opened, *(world.account("ada") for _ in range(31)))
        count += 32
    assert count == PAST_HEADS_MAX_COUNT - 1
    last = world.account("ada", opened)
    assert world.outcome[last.id] == OK
    assert world.outcome[world.account("ada", last).id] == Void.CARRY


def test_a_carry_joins_the_strongest_status_of_each_trade_and_all_claims(
    world: World, ada: Made, bo: Made
) -> None:
    paid, _ = world.pay(ada, bo, 40)
    reserved = world.propose(ada, bo, 30)  # on a second branch
    released = world.release(reserved, reserved)
    income, _ = world.pay(bo, released, 25)
    claimed = world.claim(released, income)
    heir = world.account("ada", paid, reserved, claimed)
    found = world.position(heir)
    assert (found.incoming, found.outgoing, found.serial) == (25, 40, -1)


def test_a_carried_reservation_counts_and_can_be_settled_or_released_by_the_heir(
    world: World, ada: Made, bo: Made
) -> None:
    reserved = world.propose(ada, bo, 40)
    accepted = world.accept(bo, reserved)
    heir = world.account("ada", reserved)
    assert world.position(heir).outgoing == 40
    settled = world.settle(heir, accepted)
    assert (world.outcome[settled.id], world.position(settled).outgoing) == (OK, 40)
    released = world.release(heir, reserved)
    assert (world.outcome[released.id], world.position(released).outgoing) == (OK, 0)


# --- terms (R21) ----------------------------------------------------------------------------------
def test_a_trade_is_between_two_members_of_one_chapter() -> None:
    world = World(chapters=("coop", "market"))
    ada, own = world.account("ada", limit=LIMIT), world.account("ada")
    bo, far = world.account("bo"), world.account("bo", chapter="market")
    void = world.account("bo", chapter="elsewhere")
    for payee in (own, far, void, world.identity["bo"]):
        assert world.outcome[world.propose(ada, payee, 10).id] == Void.PARTIES
    assert world.outcome[world.propose(ada, bo, 10).id] == OK


def test_a_third_lane_cannot_propose_between_two_others(world: World, ada: Made, bo: Made) -> None:
    third = world.account("cho", limit=LIMIT)
    assert world.outcome[world.terms(third, ada.id, bo.id, 10).id] == Void.PARTIES


def test_what_was_answered_is_answered_once(world: World, ada: Made, bo: Made) -> None:
    first = world.propose(ada, bo, 10)
    yes = world.accept(bo, first)
    assert world.outcome[world.decline(yes, first).id] == Void.TRADE_STATE
    second = world.propose(first, bo, 10)
    no = world.decline(yes, second)
    assert world.outcome[no.id] == OK
    for made in (world.decline(no, second), world.accept(no, second)):
        assert world.outcome[made.id] == Void.TRADE_STATE


def test_what_is_carried_in_other_units_counts_for_no_credit(
    world: World, ada: Made, bo: Made
) -> None:
    other = world.account("ada", limit=LIMIT)
    credit = world.propose(ada, bo, 10)
    hours = world.propose(credit, bo, 5, unit="hours")
    more = world.propose(other, bo, 7, unit="hours")
    joined = world.account("ada", hours, more)
    found = world.position(joined)
    assert (found.incoming, found.outgoing) == (0, 10)


def test_a_carried_lane_is_not_this_lane_when_proposing(world: World, ada: Made, bo: Made) -> None:
    heir = world.account("ada", ada, limit=LIMIT)
    grant = world.granted(ada.id)
    assert world.outcome[world.terms(heir, ada.id, bo.id, 10, grant).id] == Void.PARTIES
    assert world.outcome[world.terms(heir, bo.id, ada.id, 10).id] == Void.PARTIES


# --- debits (R22) ---------------------------------------------------------------------------------
def test_a_debit_rests_on_an_ok_grant(world: World, ada: Made, bo: Made) -> None:
    void = world.grant(ada, LIMIT + 1)
    act = world.act("o0", "member.admit", world.membership_body("ada"))
    for grant in (None, void.id, act.id, bo.id):
        payment = world.terms(ada, ada.id, bo.id, 10, grant)
        assert world.outcome[payment.id] == Void.GRANT


def test_a_debit_rests_on_a_grant_to_this_very_open(world: World, ada: Made, bo: Made) -> None:
    payment = world.propose(ada, bo, 10, grant=world.granted(bo.id))
    assert world.outcome[payment.id] == Void.GRANT_LANE
    heir = world.account("ada", ada)
    payment = world.propose(heir, bo, 10, grant=world.granted(ada.id))
    assert world.outcome[payment.id] == Void.GRANT_LANE


def test_a_path_never_goes_back_to_an_older_grant(world: World, ada: Made, bo: Made) -> None:
    older = world.granted(ada.id)
    newer = world.grant(ada, 50)
    first = world.propose(ada, bo, 10, grant=newer.id)
    again = world.propose(first, bo, 10, grant=older)
    assert world.outcome[again.id] == Void.GRANT_STALE
    assert world.position(again) == POSITION.must(world.node.state, first.id).__class__(
        ada.id, 0, 10, 1, 50, b"", -1
    )
    assert world.outcome[world.propose(ada, bo, 10, grant=older).id] == OK  # on another path


def test_the_limit_is_reached_exactly_and_never_passed(world: World, ada: Made, bo: Made) -> None:
    assert world.outcome[world.propose(ada, bo, LIMIT + 1).id] == Void.OVER_LIMIT
    all_of_it = world.propose(ada, bo, LIMIT)
    assert world.outcome[all_of_it.id] == OK
    assert world.outcome[world.propose(all_of_it, bo, 1).id] == Void.OVER_LIMIT


def test_what_goes_out_stays_exact_however_much_came_in(
    world: World, ada: Made, bo: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trades, "SUM_MAX_UNITS", 150
    )  # thousands of records would reach the true one
    commit, accepted = world.pay(ada, bo, LIMIT)
    claimed = world.claim(accepted, commit)
    assert world.outcome[world.propose(claimed, ada, 151).id] == Void.OVER_LIMIT
    assert world.outcome[world.propose(claimed, ada, 150).id] == OK


def test_the_treasury_may_be_granted_any_limit() -> None:
    world = World(treasury="bank")
    bank, bo = world.account("bank", limit=SUM_MAX_UNITS), world.account("bo")
    assert world.outcome[world.propose(bank, bo, AMOUNT_MAX_UNITS).id] == OK
    assert world.outcome[world.grant(bo, LIMIT + 1).id] == Void.LIMIT_MAX


def test_other_units_need_no_grant_and_touch_no_balance(world: World, ada: Made, bo: Made) -> None:
    proposed = world.propose(ada, bo, 10**6, unit="hours")
    accepted = world.accept(bo, proposed)
    commit = world.settle(proposed, accepted)
    assert world.outcome[commit.id] == OK
    assert world.position(commit).outgoing == 0
    assert world.outcome[world.claim(accepted, commit).id] == Void.CLAIM_BAD
    released = world.release(proposed, proposed)
    assert (world.outcome[released.id], world.position(released).outgoing) == (OK, 0)
    asked = world.invoice(bo, ada, 5, unit="KRW")
    assert world.outcome[world.accept(commit, asked).id] == OK


# --- the table of steps (R23-R24) -----------------------------------------------------------------
def test_a_payer_proposes_the_payee_accepts_the_payer_settles(
    world: World, ada: Made, bo: Made
) -> None:
    proposed = world.propose(ada, bo, 40)
    assert world.position(proposed).outgoing == 40
    accepted = world.accept(bo, proposed)
    assert world.position(accepted).incoming == 0
    commit = world.settle(proposed, accepted)
    assert world.position(commit).outgoing == 40
    claimed = world.claim(accepted, commit)
    assert world.position(claimed).incoming == 40


def test_an_invoice_is_committed_by_accepting_it(world: World, ada: Made, bo: Made) -> None:
    asked = world.invoice(bo, ada, 40)
    assert world.position(asked).outgoing == 0
    paid = world.accept(ada, asked)
    assert world.outcome[paid.id] == OK
    assert world.position(paid).outgoing == 40
    assert world.position(world.claim(asked, paid)).incoming == 40


def test_an_invoice_is_paid_only_by_the_lane_that_it_names(
    world: World, ada: Made, bo: Made
) -> None:
    asked = world.invoice(bo, ada, 40)
    heir = world.account("ada", ada, limit=LIMIT)
    grant = world.granted(heir.id)
    assert world.outcome[world.accept(heir, asked, grant).id] == Void.TRADE_STATE
    assert world.outcome[world.decline(heir, asked).id] == OK


def test_an_invoice_over_the_limit_is_not_paid(world: World, ada: Made, bo: Made) -> None:
    asked = world.invoice(bo, ada, LIMIT + 1)
    assert world.outcome[world.accept(ada, asked).id] == Void.OVER_LIMIT


def test_only_the_other_side_answers_and_only_once(world: World, ada: Made, bo: Made) -> None:
    proposed = world.propose(ada, bo, 10)
    third = world.account("cho", limit=LIMIT)
    for lane in (third, proposed):
        assert world.outcome[world.accept(lane, proposed).id] == Void.TRADE_STATE
        assert world.outcome[world.decline(lane, proposed).id] == Void.TRADE_STATE
    accepted = world.accept(bo, proposed)
    assert world.outcome[world.accept(accepted, proposed).id] == Void.TRADE_STATE
    declined = world.decline(bo, proposed)  # on another branch
    assert world.outcome[declined.id] == OK
    assert world.outcome[world.accept(declined, proposed).id] == Void.TRADE_STATE


def test_an_answer_to_a_void_proposal_or_to_none_is_void(world: World, ada: Made, bo: Made) -> None:
    proposed = world.propose(ada, bo, LIMIT + 1)
    for target in (proposed, ada):
        assert world.outcome[world.accept(bo, target).id] == Void.PROPOSE_VOID
        assert world.outcome[world.decline(bo, target).id] == Void.PROPOSE_VOID


def test_settling_needs_an_acceptance_by_the_payee(world: World, ada: Made, bo: Made) -> None:
    proposed = world.propose(ada, bo, 10)
    declined = world.decline(bo, proposed)
    for target in (proposed, declined, world.identity["bo"]):
        assert world.outcome[world.settle(proposed, target).id] == Void.TRADE_STATE
    accepted = world.accept(bo, proposed)
    assert world.outcome[world.settle(accepted, accepted).id] == Void.TRADE_STATE
    settled = world.settle(proposed, accepted)
    assert world.outcome[world.settle(settled, accepted).id] == Void.TRADE_STATE


def test_settling_and_releasing_exclude_each_other_on_a_path(
    world: World, ada: Made, bo: Made
) -> None:
    proposed = world.propose(ada, bo, 10)
    accepted = world.accept(bo, proposed)
    settled, released = world.settle(proposed, accepted), world.release(proposed, proposed)
    assert world.outcome[world.release(settled, proposed).id] == Void.TRADE_STATE
    assert world.outcome[world.settle(released, accepted).id] == Void.TRADE_STATE
    assert world.outcome[world.release(released, proposed).id] == Void.TRADE_STATE
    heir = world.account("ada", settled, released)
    assert world.position(heir).outgoing == 10  # the commit wins


def test_releasing_what_is_no_own_reservation_is_void(world: World, ada: Made, bo: Made) -> None:
    asked = world.invoice(bo, ada, 10)
    for target in (asked, bo, world.identity["bo"]):
        assert world.outcome[world.release(ada, target).id] == Void.TRADE_STATE


# --- claims (R27) ---------------------------------------------------------------------------------
def test_a_claim_is_for_a_commit_to_this_member_and_only_once(
    world: World, ada: Made, bo: Made
) -> None:
    commit, accepted = world.pay(ada, bo, 40)
    for lane, target in ((commit, commit), (accepted, accepted), (accepted, ada)):
        assert world.outcome[world.claim(lane, target).id] == Void.CLAIM_BAD
    claimed = world.claim(accepted, commit)
    assert world.outcome[world.claim(claimed, commit).id] == Void.CLAIM_BAD


def test_one_trade_committed_on_two_branches_is_claimed_once(
    world: World, ada: Made, bo: Made
) -> None:
    proposed = world.propose(ada, bo, 40)
    accepted = world.accept(bo, proposed)
    twice = [world.settle(proposed, accepted), world.settle(world.rate(proposed, ada), accepted)]
    assert [world.outcome[commit.id] for commit in twice] == [OK, OK]
    assert world.outcome[world.claim(accepted, *twice).id] == Void.CLAIM_BAD


def test_where_there_are_witnesses_a_claim_needs_their_stamps() -> None:
    world = World("4/3")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    early = world.secure(ada)
    commit, accepted = world.pay(ada, bo, 40)
    good = world.secure(commit)
    twice = world.stamp("w0", commit)
    for named in ([], good[:2], early, [good[0], twice, good[1]], [*good[:2], early[2]]):
        claim = world.claim(accepted, commit, stamps={commit.id: named})
        assert world.outcome[claim.id] == Void.CLAIM_UNSECURED
    claim = world.claim(accepted, commit, stamps={commit.id: good[1:]})
    assert world.outcome[claim.id] == OK


def test_what_a_claim_is_told_to_name_suffices_and_is_nearest_to_the_commit() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    early = world.secure(ada)
    commit, accepted = world.pay(ada, bo, 40)
    state = world.node.state
    assert stamps.stamps_for(state, commit.id) == []
    near = [world.stamp("w0", commit)]
    later = world.propose(commit, bo, 1)
    near.append(world.stamp("w1", later))
    world.secure(world.propose(later, bo, 1))
    heir = world.account("ada", later)
    world.secure(heir)
    found = stamps.stamps_for(state, commit.id)
    assert len(found) == 3
    assert {made.id for made in near} < set(found)
    assert not set(found) & {made.id for made in early}
    named = {commit.id: [world.made[stamp] for stamp in found]}
    assert world.outcome[world.claim(accepted, commit, stamps=named).id] == OK
    fork = world.propose(ada, bo, 2)
    far = world.secure(fork)
    assert not set(stamps.stamps_for(state, commit.id)) & {made.id for made in far}


def test_stamps_over_a_lane_that_carries_the_commit_secure_it() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    commit, accepted = world.pay(ada, bo, 40)
    heir = world.account("ada", commit)
    claim = world.claim(accepted, commit, stamps={commit.id: world.secure(heir)})
    assert world.outcome[claim.id] == OK


def test_a_stamp_names_an_account_head_and_its_open() -> None:
    world = World("3/2")
    ada = world.account("ada", limit=LIMIT)
    void = world.account("bo", chapter="elsewhere")
    for head, opened in ((ada, void), (void, void), (world.identity["ada"], ada)):
        assert world.outcome[world.stamp("w0", head, opened).id] == Void.STAMP


# --- refunds (R25) --------------------------------------------------------------------------------
def test_a_refund_goes_back_the_way_a_commit_came_in_its_unit(
    world: World, ada: Made, bo: Made
) -> None:
    commit, accepted = world.pay(ada, bo, 40)
    claimed = world.claim(accepted, commit)
    third = world.account("cho", limit=LIMIT)
    wrong = [
        world.propose(claimed, ada, 40, refunds=accepted),
        world.propose(claimed, third, 40, refunds=commit),
        world.propose(commit, bo, 40, refunds=commit),
        world.propose(claimed, ada, 40, refunds=commit, unit="hours"),
        world.invoice(accepted, ada, 40, refunds=commit),
    ]
    assert [world.outcome[made.id] for made in wrong] == [Void.REFUND_TERMS] * 5
    assert world.outcome[world.propose(claimed, ada, 40, refunds=commit).id] == OK
    assert world.outcome[world.invoice(commit, bo, 40, refunds=commit).id] == OK


@pytest.mark.parametrize("unit", ["credit", "hours"])
def test_refunds_together_are_no_more_than_the_payment(unit: str) -> None:
    world = World()
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    proposed = world.propose(ada, bo, 40, unit=unit)
    accepted = world.accept(bo, proposed)
    commit = world.settle(proposed, accepted)
    first = world.propose(accepted, ada, 30, refunds=commit, unit=unit)
    assert world.outcome[first.id] == OK
    over = world.propose(first, ada, 11, refunds=commit, unit=unit)
    assert world.outcome[over.id] == Void.REFUND_EXCEEDS
    asked = world.invoice(commit, bo, 11, refunds=commit, unit=unit)
    assert world.outcome[world.accept(first, asked).id] == Void.REFUND_EXCEEDS
    released = world.release(first, first)
    assert world.outcome[world.propose(released, ada, 40, refunds=commit, unit=unit).id] == OK


def test_two_partial_refunds_claimed_at_once_enter_the_payment_once(
    world: World, ada: Made, bo: Made
) -> None:
    payment, head = world.pay(ada, bo, 40)
    first, _ = world.pay(head, ada, 10, refunds=payment)
    heir = world.account("ada", ada)
    proposed = world.propose(first, ada, 20, refunds=payment)
    accepted = world.accept(heir, proposed)
    second = world.settle(proposed, accepted)
    claimed = world.claim(accepted, first, second)
    assert world.outcome[claimed.id] == OK
    found = world.position(claimed)
    assert (found.incoming, found.outgoing) == (30, 40)
    assert world.position(world.account("ada", claimed)).outgoing == 40


# --- ratings --------------------------------------------------------------------------------------
def test_each_party_rates_a_committed_trade_once(world: World, ada: Made, bo: Made) -> None:
    commit, accepted = world.pay(ada, bo, 40)
    third = world.account("cho")
    assert world.outcome[world.rate(third, commit).id] == Void.RATING
    assert world.outcome[world.rate(accepted, accepted).id] == Void.RATING
    by_payee, by_payer = world.rate(accepted, commit, 4), world.rate(commit, commit, 5)
    assert {world.outcome[by_payee.id], world.outcome[by_payer.id]} == {OK}
    assert world.outcome[world.rate(by_payee, commit).id] == Void.RATING
    heir = world.account("bo", by_payee)
    assert world.outcome[world.rate(heir, commit).id] == Void.RATING


def test_a_rating_on_another_branch_does_not_stand_in_the_way(
    world: World, ada: Made, bo: Made
) -> None:
    commit, accepted = world.pay(ada, bo, 40)
    twice = [world.rate(accepted, commit, stars) for stars in (1, 5)]
    assert [world.outcome[made.id] for made in twice] == [OK, OK]


# --- void records (R20) ---------------------------------------------------------------------------
def test_a_void_record_leaves_the_state_of_the_one_before(
    world: World, ada: Made, bo: Made
) -> None:
    proposed = world.propose(ada, bo, 60)
    void = world.propose(proposed, bo, 60)
    assert world.outcome[void.id] == Void.OVER_LIMIT
    before, after = world.position(proposed), world.position(void)
    assert (before.open, before.incoming, before.outgoing) == (ada.id, 0, 60)
    assert (after.open, after.incoming, after.outgoing, after.serial, after.limit) == (
        before.open, before.incoming, before.outgoing, before.serial, before.limit,
    )  # fmt: skip
    assert world.outcome[world.propose(void, bo, 40).id] == OK
