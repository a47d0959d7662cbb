"""The known attacks on account lanes, each as short as it gets, on real records.

Each was once a way to make spendable credit, to lock honest people out or to blame them; each test
fails when the rule that closes it is taken out of the ledger.
"""

from dataclasses import dataclass

import pytest

from node.ledger import alerts, book, stamps
from node.ledger.alerts import CleanIncome
from node.protocol.errors import Reject
from tests.support.keys import public
from tests.support.world import LIMIT, Made, World, lane_key

THIEF, ACCOMPLICE, HONEST, OTHER = "thief", "accomplice", "honest", "other"


@dataclass(frozen=True)
class Town:
    """A world with four members, each with one granted account."""

    world: World
    opens: dict[str, Made]

    def may_stamp(self, head: Made) -> list[str]:
        """Witnesses who may stamp a head."""
        world = self.world
        return [
            name
            for name in world.witnesses
            if alerts.may_stamp(
                world.node.state, world.witness[name].header.signer, head.id, world.rules
            )
        ]

    def stamp(self, head: Made) -> list[Made]:
        """Every witness that may stamps a head."""
        return [self.world.stamp(name, head) for name in self.may_stamp(head)]

    def refusal(self, record: Made) -> str | None:
        """Why an honest payee who holds everything does not accept a payer's record."""
        return CleanIncome(self.world.rules).may_accept(self.world.node.state, record.id)

    def alerts(self, made: Made) -> set[str]:
        """Alerts on the lane of a record."""
        world = self.world
        return alerts.alerts_on(world.node.state, lane_key(made), world.rules, 0)

    def balance(self, name: str) -> int:
        """Book balance of a member."""
        return book.balance(self.world.node.state, 0, public(name))

    def enough(self, commit: Made, named: list[Made]) -> bool:
        """Do these stamps suffice to claim a commit?"""
        found = [stamp.id for stamp in named]
        return stamps.suffice(self.world.node.state, commit.id, found)

    def ok(self, made: Made) -> bool:
        """Is the verdict ok?"""
        return self.world.outcome[made.id] == "ok"


def town(quorum: str, k: int = 1) -> Town:
    world = World(quorum, k)
    opens = {name: world.account(name, limit=LIMIT) for name in (THIEF, ACCOMPLICE, HONEST, OTHER)}
    return Town(world, opens)


def test_credit_pumped_through_an_accomplice_from_many_branches_is_not_accepted() -> None:
    t = town("q0")
    head = t.opens[ACCOMPLICE]
    for less in range(5):
        commit, head = t.world.pay(t.opens[THIEF], head, LIMIT - less)
        head = t.world.claim(head, commit)
    offer = t.world.propose(head, t.opens[HONEST], 500)
    assert t.ok(offer)
    assert t.refusal(offer) == "unclean"


def test_the_same_accomplice_may_still_spend_what_one_branch_was_worth() -> None:
    t = town("q0")
    commit, head = t.world.pay(t.opens[THIEF], t.opens[ACCOMPLICE], LIMIT)
    head = t.world.claim(head, commit)
    offer = t.world.propose(head, t.opens[HONEST], 2 * LIMIT)
    assert t.refusal(offer) is None


def test_a_grant_belongs_to_one_open_not_to_the_key() -> None:
    t = town("4/3")
    world, first = t.world, t.opens[THIEF]
    device = world.made[first.body.names()[0]]
    second = world.account(THIEF, device=device, witnesses=[], q=0)
    payment = world.propose(second, t.opens[ACCOMPLICE], LIMIT, grant=world.granted(first.id))
    assert world.outcome[payment.id] == "grant-lane"


def test_an_open_with_witnesses_of_its_own_choice_is_granted_nothing() -> None:
    t = town("4/3")
    opened = t.world.account(THIEF, witnesses=[], q=0)
    grant = t.world.grant(opened)
    assert t.world.outcome[grant.id] == "grant-witnesses"
    payment = t.world.propose(opened, t.opens[ACCOMPLICE], LIMIT, grant=grant.id)
    assert t.world.outcome[payment.id] == "grant"


def test_income_spent_on_a_lane_is_not_secured_again_on_a_lane_that_carries_an_older_head() -> None:
    t = town("4/3")
    commit, head = t.world.pay(t.opens[THIEF], t.opens[ACCOMPLICE], LIMIT)
    assert t.enough(commit, t.stamp(commit))
    heir = t.world.account(THIEF, t.opens[THIEF], limit=LIMIT)
    again, _ = t.world.pay(heir, head, LIMIT)
    assert t.ok(again)
    assert not t.enough(again, t.stamp(again))


def test_below_the_point_of_a_fork_that_a_cut_names_payments_are_still_stamped() -> None:
    t = town("4/3")
    commit, _ = t.world.pay(t.opens[HONEST], t.opens[OTHER], 40)
    for amount in (1, 2):
        t.world.propose(commit, t.opens[THIEF], amount)
    t.world.revoke(t.opens[HONEST], account=commit)
    assert "forked" in t.alerts(commit)
    assert t.enough(commit, t.stamp(commit))


def test_below_the_point_of_a_fork_payments_are_still_stamped_without_any_cut() -> None:
    t = town("4/3")
    commit, _ = t.world.pay(t.opens[HONEST], t.opens[OTHER], 40)
    branches = [t.world.propose(commit, t.opens[THIEF], amount) for amount in (1, 2)]
    assert t.may_stamp(commit) == t.world.witnesses
    assert [t.may_stamp(branch) for branch in branches] == [[], []]


def test_who_lost_income_to_a_cut_is_not_to_blame() -> None:
    t = town("q0")
    commit, head = t.world.pay(t.opens[THIEF], t.opens[HONEST], LIMIT)
    head = t.world.claim(head, commit)
    head, _ = t.world.pay(head, t.opens[OTHER], 2 * LIMIT)
    t.world.revoke(t.opens[THIEF], account=t.opens[THIEF])
    assert t.balance(HONEST) == -2 * LIMIT
    assert t.alerts(head) == set()


def test_a_lowered_limit_is_no_alert() -> None:
    t = town("q0")
    commit, _ = t.world.pay(t.opens[HONEST], t.opens[OTHER], LIMIT)
    t.world.grant(t.opens[HONEST], LIMIT // 2)
    assert t.alerts(commit) == set()
    assert t.refusal(commit) == "grant-not-current"


def test_what_a_stolen_officer_key_grants_is_not_accepted() -> None:
    t = town("q0")
    t.world.revoke(t.world.office["o0"], office=t.world.office["o0"])
    fresh = t.world.account(THIEF)
    grant = t.world.grant(fresh)
    offer = t.world.propose(fresh, t.opens[HONEST], LIMIT, grant=grant.id)
    assert t.ok(offer)
    assert t.refusal(offer) == "no-grant"


def test_grants_of_a_lost_officer_key_fall_until_another_officer_confirms_them() -> None:
    t = town("q0")
    commit, _ = t.world.pay(t.opens[HONEST], t.opens[OTHER], 40)
    grant = t.world.made[t.world.granted(t.opens[HONEST].id) or b""]
    t.world.revoke(t.world.office["o0"])
    assert not book.is_contested(t.world.node.state, t.world.trade_of(commit))
    assert t.refusal(commit) == "no-grant"
    t.world.approve("o1", "credit.grant", grant.body)  # type: ignore[arg-type]
    assert t.refusal(commit) is None


def test_of_two_lanes_granted_on_one_past_only_one_gets_its_spending_secured() -> None:
    t = town("4/3")
    commit, head = t.world.pay(t.opens[HONEST], t.opens[THIEF], LIMIT)
    head = t.world.claim(head, commit, stamps={commit.id: t.stamp(commit)})
    secured: list[bool] = []
    for officer, payee in (("o1", HONEST), ("o2", OTHER)):
        heir = t.world.account(THIEF, head)
        t.world.grant(heir, LIMIT, officer)
        spent, _ = t.world.pay(heir, t.opens[payee], 2 * LIMIT)
        secured.append(t.enough(spent, t.stamp(spent)))
    assert secured == [True, False]


def test_whoever_claims_a_refund_has_paid_what_it_refunds() -> None:
    t = town("q0")
    world = t.world
    payment, head = world.pay(t.opens[THIEF], t.opens[HONEST], LIMIT)
    head = world.claim(head, payment)
    heir = world.account(THIEF, t.opens[THIEF])  # carries the head before the payment
    refund = world.propose(head, t.opens[THIEF], LIMIT, refunds=payment)
    accepted = world.accept(heir, refund)
    commit = world.settle(refund, accepted)
    claimed = world.claim(accepted, commit)
    assert t.ok(claimed)
    found = world.position(claimed)
    assert (found.incoming, found.outgoing) == (LIMIT, LIMIT)


def test_a_refund_is_contested_with_what_it_refunds() -> None:
    t = town("q0")
    payment, head = t.world.pay(t.opens[THIEF], t.opens[HONEST], LIMIT)
    head = t.world.claim(head, payment)
    t.world.pay(head, payment, LIMIT, refunds=payment)
    t.world.revoke(t.opens[THIEF], account=t.opens[THIEF])
    assert (t.balance(HONEST), t.balance(THIEF)) == (0, 0)


def test_no_officer_can_jump_ahead_of_all_later_acts() -> None:
    t = town("q0")
    opened = t.opens[THIEF]
    first = t.world.made[t.world.granted(opened.id) or b""]
    beside = t.world.grant(opened, LIMIT, "o1", supersedes=[])
    assert t.world.granted(opened.id) in (first.id, beside.id)  # both have serial 0
    bogus = t.world.grant(opened, LIMIT, "o1", supersedes=[opened.id])
    assert t.world.outcome[bogus.id] == "supersedes"
    lower = t.world.grant(opened, 10, "o2")
    assert t.world.granted(opened.id) == lower.id


def test_an_owner_who_learns_of_a_later_head_carries_both() -> None:
    t = town("q0")
    old = t.opens[HONEST]
    later, _ = t.world.pay(old, t.opens[OTHER], 60)
    heir = t.world.account(HONEST, old, limit=LIMIT)
    newer, _ = t.world.pay(heir, t.opens[OTHER], 30)
    both = t.world.account(HONEST, newer, later)
    assert t.ok(both)
    assert t.world.position(both).outgoing == 90
    assert t.alerts(heir) == set()
    assert t.alerts(later) == {"beyond-carry"}  # the old lane, which its owner left


def test_with_three_witnesses_one_liar_secures_two_branches_and_is_convicted() -> None:
    t = town("3/2")
    branches = [
        t.world.pay(t.opens[THIEF], t.opens[ACCOMPLICE], LIMIT - less)[0] for less in (1, 2)
    ]
    for branch, honest in zip(branches, ("w1", "w2"), strict=True):
        t.world.stamp("w0", branch)
        t.world.stamp(honest, branch)
    state = t.world.node.state
    assert all(stamps.secured(state, branch.id) for branch in branches)
    keys = {name: t.world.witness[name].header.signer for name in t.world.witnesses}
    assert [name for name, key in keys.items() if stamps.is_convicted(state, key)] == ["w0"]


def test_a_quiet_step_after_spending_beside_a_carry_is_not_stamped_either() -> None:
    t = town("4/3")
    world, lane = t.world, t.opens[THIEF]
    invoice = world.invoice(t.opens[OTHER], lane, 10)
    world.account(THIEF, lane, limit=LIMIT)
    commit, _ = world.pay(lane, t.opens[ACCOMPLICE], LIMIT)
    quiet = world.decline(commit, invoice)
    assert t.ok(quiet)
    assert alerts.beyond(world.node.state, quiet.id) == "beyond-carry"
    assert t.may_stamp(quiet) == []


@pytest.mark.parametrize("post_first", [True, False])
def test_an_account_record_that_stands_on_a_post_is_accepted_nowhere(post_first: bool) -> None:
    """Not every node holds a post (it may be beyond a cut): some would wait for it for ever."""
    t = town("q0")
    world, lane = t.world, t.opens[THIEF]
    talker = world.talker(THIEF)
    post = world.post(talker, "hello")
    world.revoke(talker)  # a node that knows of this first never holds the post
    payee = t.opens[OTHER].id
    payment = world.terms(lane, lane.id, payee, 10, refunds=post, unit="hours")
    after = world.terms(payment, lane.id, payee, 10, unit="hours")
    cut = [m.raw for m in world.made.values() if m.header.kind == "device.revoke"]
    rest = [m.raw for m in world.made.values() if m.header.kind != "device.revoke"]
    other = world.fresh().receive_all(rest + cut if post_first else cut + rest)
    assert (other.verdict(post.id), other.verdict(payment.id)) == (None, None)
    assert other.verdict(after.id) is None
    assert other.verdict(lane.id) == "ok"
    assert (Reject.SHAPE in {code for _, code in other.refused}) == post_first
