"""What a coalition can get out of honest members, measured against the bound of the protocol.

With q > 0: what honest payees can claim from it is at most the sum, over its families of granted
lanes (joined by carry), of the highest limit ever granted, and what honest members paid it, and per
stolen device its limit and income. And no honest member is ever alerted, or locked out.
"""

import os

import pytest

from tests.reference_checker import Checker, LaneId
from tests.reference_judge import Judge
from tests.support.coalition import CROOKS, HONEST, Coalition
from tests.support.keys import public
from tests.support.world import LIMIT, lane_key

FURTHER = int(os.environ.get("WETALK_LONG", "1"))
SEEDS = range(6 * FURTHER)
STEPS_COUNT = 60
CROOK_KEYS = {public(name) for name in CROOKS}


class Reckoning:
    """The end of a history, worked out by the reference checker from all records there are."""

    def __init__(self, history: Coalition) -> None:
        self.history = history
        self.judge = Judge(history.world.genesis_bytes)
        self.all = Checker(self.judge, history.world.raws())

    def amount(self, trade: bytes) -> int:
        return self.judge.terms(trade)["amount"]

    def is_evil(self, commit: bytes) -> bool:
        """Signed by the coalition: with its own keys, or a stolen one beyond the cut."""
        r = self.all.records[commit]
        stolen = r.signer in self.history.stolen and not self.all.within(commit)
        return r.author in CROOK_KEYS or stolen

    def taken(self) -> int:
        """What honest members claimed from the coalition: the goods it got."""
        heads = [self.history.live[name].id for name in HONEST]
        claims = [item for head in heads for item in self.judge.state(head).claimed.items()]
        return sum(self.amount(trade) for trade, commit in claims if self.is_evil(commit))

    def paid(self) -> int:
        """What honest members paid the coalition."""
        return sum(
            self.amount(trade)
            for trade, commits in self.all.commits.items()
            if not all(map(self.is_evil, commits)) and self.all.parties(trade)[1] in CROOK_KEYS
        )

    def limits(self) -> int:
        """The highest limit granted to each family of lanes that share a past."""
        families: list[tuple[set[LaneId], int]] = []
        for subject, acts in self.all.acts().items():
            if not isinstance(subject, bytes) or self.all.records[subject].author not in CROOK_KEYS:
                continue
            family = {self.all.records[i].lane for i in self.judge.past(subject)}
            limit = max(act.body["limit"] for act in acts)
            for other in [known for known in families if known[0] & family]:
                families.remove(other)
                family, limit = family | other[0], max(limit, other[1])
            families.append((family, limit))
        return sum(limit for _, limit in families)

    def stolen(self) -> int:
        """Limit and income of the devices that were stolen."""
        total = 0
        for head in self.history.stolen.values():
            states = [
                self.judge.state(r.id)
                for lane, records in self.all.lanes.items()
                for r in records
                if lane[1] == head.header.signer and lane[2] == "account"
            ]
            total += LIMIT + max(self.judge.incoming(state) for state in states if state.open)
        return total


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("quorum", ["3/2", "4/3"])
@pytest.mark.parametrize("informed", [False, True])
def test_a_coalition_takes_no_more_than_its_limits_and_what_it_was_paid(
    quorum: str, informed: bool, seed: int
) -> None:
    history = Coalition(seed, quorum, informed).run(STEPS_COUNT)
    end = Reckoning(history)
    bound = end.limits() + end.paid() + end.stolen()
    assert end.taken() <= bound
    assert sum(end.all.book().values()) == 0
    assert_the_honest_are_well(end)


def assert_the_honest_are_well(end: Reckoning) -> None:
    """No alert on an honest lane, each has a grant, and payments between them came through."""
    history, judge = end.history, end.judge
    node = history.views["o0"]
    for name in HONEST:
        live = history.live[name]
        opened = judge.state(live.id).open
        assert opened is not None
        assert history.alerts(node, live) == set()
        assert end.all.acts().get(opened), f"{name} was never granted"
        claimed = judge.state(live.id).claimed
        for trade, commits in end.all.commits.items():
            payer, payee, _ = end.all.parties(trade)
            honest = payee == public(name) and payer in {public(other) for other in HONEST}
            if honest and any(end.all.beyond(commit) is None for commit in commits):
                assert end.all.is_secured(trade), "a payment between honest members got stuck"
                assert trade in claimed, "and was never claimed"


@pytest.mark.parametrize("seed", SEEDS)
def test_without_witnesses_no_honest_member_is_blamed_and_the_books_still_sum_to_zero(
    seed: int,
) -> None:
    history = Coalition(seed, "q0", informed=True).run(STEPS_COUNT)
    end = Reckoning(history)
    assert sum(end.all.book().values()) == 0
    node = history.views["o0"]
    for name in HONEST:
        assert history.alerts(node, history.live[name]) == set()
        assert lane_key(history.live[name])[:32] == public(name)
