"""A lane with very many branches: it costs no more a record, and brings its author no more money.

The bound of docs/threats.md: what honest payees can claim from a coalition is at most the highest
limit granted to each of its families of lanes, and what honest members paid it. The long form
(WETALK_LONG) has a thousand branches.
"""

import os
from typing import Any

import pytest

from node.ledger import alerts, book, positions, stamps
from node.ledger.alerts import CleanIncome
from node.ledger.positions import POSITION
from node.protocol import lanes
from tests.support.keys import public
from tests.support.world import LIMIT, Made, World, lane_key

LONG = "WETALK_LONG" in os.environ
BRANCHES_COUNT = 1_000 if LONG else 50
ACCOMPLICES = ("left", "right")
HONEST = ("ada", "bo")


class Reads:
    """A reader that counts what it is asked."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        self.count += 1
        return getattr(self._reader, name)


class Gang:
    """A forker, who pays accomplices the whole limit on every branch; they try to spend it all."""

    def __init__(self, quorum: str) -> None:
        self.world = World(quorum)
        self.forker = self.world.account("forker", limit=LIMIT)
        self.heads = {
            name: self.world.account(name, limit=LIMIT) for name in (*ACCOMPLICES, *HONEST)
        }
        self.commits: list[tuple[str, Made]] = []

    def fork(self, number: int, nested: bool) -> None:
        """One more branch, from the open or inside the last one: it pays all there is."""
        world, name = self.world, ACCOMPLICES[number % 2]
        base = self.forker
        if nested and self.commits:
            base = world.made[self.commits[-1][1].header.prev or b""]  # beside the last commit
            base = world.release(base, base)
        commit, self.heads[name] = world.pay(base, self.heads[name], LIMIT)
        self.commits.append((name, commit))

    def may_stamp(self, head: Made) -> list[Made]:
        """Every honest witness that may stamps a head."""
        state, rules = self.world.node.state, self.world.rules
        keys = {name: self.world.witness[name].header.signer for name in self.world.witnesses}
        return [
            self.world.stamp(name, head)
            for name, key in keys.items()
            if alerts.may_stamp(state, key, head.id, rules)
        ]

    def claim_all(self) -> None:
        """The accomplices claim whatever they can."""
        state = self.world.node.state
        for name, commit in self.commits:
            named = self.may_stamp(commit)
            if stamps.suffice(state, commit.id, [stamp.id for stamp in named]):
                claimed = self.world.claim(self.heads[name], commit, stamps={commit.id: named})
                assert self.world.outcome[claimed.id] == "ok"
                self.heads[name] = claimed

    def spend_all(self) -> int:
        """The accomplices offer honest members all they have, in pieces; what those then claim."""
        taken = 0
        for name in ACCOMPLICES:
            for turn in range(12):
                room = self.world.position(self.heads[name])
                have = room.incoming - room.outgoing + LIMIT
                amount = min(have, (have, LIMIT, LIMIT // 3)[turn % 3])
                taken += self._offer(name, HONEST[turn % len(HONEST)], amount)
        return taken

    def _offer(self, name: str, honest: str, amount: int) -> int:
        world, state = self.world, self.world.node.state
        if amount < 1:
            return 0
        offer = world.propose(self.heads[name], world.opened(self.heads[honest]), amount)
        assert world.outcome[offer.id] == "ok"
        if CleanIncome(world.rules).may_accept(state, offer.id) is not None:
            self.heads[name] = world.release(offer, offer)
            return 0
        accepted = world.accept(self.heads[honest], offer)
        self.heads[honest] = accepted
        commit = self.heads[name] = world.settle(offer, accepted)
        named = self.may_stamp(commit)
        if not stamps.suffice(state, commit.id, [stamp.id for stamp in named]):
            return 0
        self.heads[honest] = world.claim(accepted, commit, stamps={commit.id: named})
        assert world.outcome[self.heads[honest].id] == "ok"
        return amount


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("quorum", ["q0", "3/2", "4/3"])
def test_many_branches_buy_no_more_than_the_limits_of_the_coalition(
    quorum: str, nested: bool
) -> None:
    gang = Gang(quorum)
    for number in range(BRANCHES_COUNT):
        gang.fork(number, nested)
    gang.claim_all()
    taken = gang.spend_all()
    assert 0 < taken <= LIMIT * (1 + len(ACCOMPLICES))
    state = gang.world.node.state
    assert "forked" in alerts.alerts_on(state, lane_key(gang.forker), gang.world.rules, 0)
    for name in HONEST:
        assert alerts.alerts_on(state, lane_key(gang.heads[name]), gang.world.rules, 0) == set()
    booked = sum(amount for _, _, amount in book.balances(state))
    assert booked == 0
    assert book.balance(state, 0, public("forker")) == -LIMIT * BRANCHES_COUNT


def test_a_limit_spent_before_the_fork_was_known_is_within_the_bound_too() -> None:
    """Each accomplice spends what one branch brought while the honest know of that branch alone:
    where witnesses confirm, the second branch was never confirmed to anybody."""
    gang = Gang("3/2")
    taken = 0
    for number in range(6):
        gang.fork(number, nested=False)
        gang.claim_all()
        taken += gang.spend_all()
    assert 0 < taken <= LIMIT * (1 + len(ACCOMPLICES))


def test_a_record_on_a_deep_fork_costs_as_many_reads_as_on_a_shallow_one() -> None:
    world = World("q0")
    tip, other = world.account("forker", limit=LIMIT), world.account("ada", limit=LIMIT)
    counts: list[int] = []
    for depth in range(BRANCHES_COUNT * 4):
        other = world.invoice(other, world.opened(tip), 1, unit="hours")
        left, right = world.accept(tip, other), world.decline(tip, other)
        tip = (left, right)[depth % 2]
        if depth in (7, BRANCHES_COUNT * 4 - 1):
            counts.append(_reads_at(world, tip, other))
    assert counts[1] <= counts[0] + 8 * (BRANCHES_COUNT * 4).bit_length()


def _reads_at(world: World, tip: Made, invoice: Made) -> int:
    """What it takes to know a trade that is nowhere on the path, and one that is at its start."""
    state = Reads(world.node.state)
    entry, open_id = lanes.ENTRY.must(state, tip.id), POSITION.must(state, tip.id).open
    state.count = 0
    unknown = world.invoice(invoice, world.opened(tip), 1, unit="hours")
    first = next(m for m in world.made.values() if m.header.kind == "trade.propose")
    assert positions.status_at(state, entry, open_id, unknown.id) is None
    assert positions.status_at(state, entry, open_id, first.id) is not None
    assert positions.status_at(state, entry, open_id, invoice.id) is not None
    return state.count
