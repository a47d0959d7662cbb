"""Who judges a dispute, whose votes count, and who may read what is said."""

import dataclasses
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from node.protocol.dispute import (
    DisputeEvidence,
    DisputeOpen,
    DisputeShare,
    DisputeTake,
    DisputeVote,
    Seal,
    To,
    panel_rank,
)
from node.views import disputes
from node.views.disputes import Case, Outcome
from tests.support.keys import public
from tests.support.world import SALT, Made, World
from tests.views.test_chapters import policy
from tests.views.test_disputes import KEYS, TERMS, TRADE

PARTIES = ("ada", "bo")
WISE = tuple(f"wise {n}" for n in range(5))


@dataclass
class Hearing:
    """A dispute of ada and bo, and those whom the policy names."""

    world: World = field(default_factory=World)
    names: dict[bytes, str] = field(default_factory=dict[bytes, str])

    def __post_init__(self) -> None:
        self.names = {public(name): name for name in (*PARTIES, *WISE)}
        listed = sorted(public(name) for name in (*WISE, "ada"))
        self.world.act("o0", "chapter.policy", policy(self.world, mediators=listed))
        self.opening = self.world.on(self.world.talker("ada"), DisputeOpen(salt=SALT, trade=TRADE))

    def take(self, name: str, *, takes: bool = True) -> None:
        body = DisputeTake(dispute=self.opening.id, salt=SALT, takes=takes)
        self.world.on(self.world.talker(name), body)

    def vote(self, name: str, amount: int, to: To = "payer") -> None:
        body = DisputeVote(amount=amount, dispute=self.opening.id, salt=SALT, to=to)
        self.world.on(self.world.talker(name), body)

    def say(self, name: str) -> Made:
        body = DisputeEvidence(box=bytes(296), dispute=self.opening.id, keys=KEYS, salt=SALT)
        return self.world.on(self.world.talker(name), body)

    def share(self, name: str, evidence: Made, mark: int) -> Seal:
        seal = Seal(bytes((mark,)) * 32, bytes((mark,)) * 80)
        body = DisputeShare(dispute=self.opening.id, evidence=evidence.id, keys=[seal], salt=SALT)
        self.world.on(self.world.talker(name), body)
        return seal

    @property
    def case(self) -> Case:
        node = self.world.node
        found = disputes.case_of(node.state, self.opening.id, TERMS, node.rules)
        assert found is not None
        return found

    def named(self, members: tuple[bytes, ...]) -> list[str]:
        return [self.names[one] for one in members]

    @property
    def order(self) -> list[str]:
        """The five as they are asked, by the document."""
        community = self.world.community
        return sorted(WISE, key=lambda name: panel_rank(community, TRADE, public(name)))


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


def test_the_policys_mediators_are_asked_but_no_party_and_nobody_suspended(
    hearing: Hearing,
) -> None:
    order = hearing.order
    assert hearing.named(hearing.case.order) == order
    world = hearing.world
    world.act("o0", "member.suspend", world.membership_body(order[1]))
    assert hearing.named(hearing.case.order) == [order[0], *order[2:]]


def test_who_is_suspended_in_another_chapter_mediates_here() -> None:
    hearing = Hearing(World(chapters=("coop", "mill")))
    order = hearing.order
    elsewhere = replace(hearing.world.membership_body(order[1]), chapter="mill")
    suspended = hearing.world.act("o0", "member.suspend", elsewhere)
    assert hearing.world.outcome[suspended.id] == "ok"
    assert hearing.named(hearing.case.order) == order


def test_the_first_three_in_order_who_take_the_case_sit_whoever_came_first(
    hearing: Hearing,
) -> None:
    order = hearing.order
    for name in reversed(order[1:]):
        hearing.take(name)
    assert hearing.named(hearing.case.panel) == order[1:4]
    hearing.take(order[0])
    assert hearing.named(hearing.case.panel) == order[:3]
    hearing.take(order[1], takes=False)
    assert hearing.named(hearing.case.panel) == [order[0], order[2], order[3]]


def test_with_few_left_the_panel_has_fewer_seats(hearing: Hearing) -> None:
    order = hearing.order
    seats = {1: 3, 2: 3, 3: 2, 4: 1}
    for gone, name in enumerate(order[:4], start=1):
        hearing.take(name, takes=False)
        case = hearing.case
        assert (case.seats, case.needed) == (seats[gone], seats[gone] // 2 + 1)


def test_more_than_half_of_the_seats_decide_taken_or_not(hearing: Hearing) -> None:
    order = hearing.order
    hearing.take(order[0])
    hearing.vote(order[0], 40)
    assert hearing.case.outcome is None  # one of three, though the only one that sits
    hearing.take(order[1])
    hearing.vote(order[1], 41)
    hearing.take(order[2])
    hearing.vote(order[2], 40)
    assert hearing.case.outcome == Outcome("payer", 40)
    hearing.vote(order[2], 40, "payee")
    assert hearing.case.outcome is None
    hearing.vote(order[4], 41)  # does not sit
    assert hearing.case.outcome is None


def test_a_vote_for_what_cannot_be_takes_an_earlier_one_back(hearing: Hearing) -> None:
    order = hearing.order
    for name in order[:2]:
        hearing.take(name)
        hearing.vote(name, TERMS.amount)
    assert hearing.case.outcome == Outcome("payer", TERMS.amount)
    hearing.vote(order[0], TERMS.amount + 1)
    assert hearing.case.votes == {public(order[1]): Outcome("payer", TERMS.amount)}
    assert hearing.case.outcome is None


def test_evidence_is_for_the_parties_the_panel_and_those_who_may_still_sit(
    hearing: Hearing,
) -> None:
    order = hearing.order
    readers = [*PARTIES, *order[:3]]
    assert hearing.named(hearing.case.readers) == readers
    hearing.take(order[3])
    assert hearing.named(hearing.case.readers) == [*PARTIES, order[3], *order[:3]]
    hearing.take(order[0], takes=False)
    assert hearing.named(hearing.case.readers) == [*PARTIES, order[3], order[1], order[2]]
    hearing.take(order[1])
    hearing.take(order[4])
    assert hearing.named(hearing.case.readers) == [*PARTIES, order[1], order[3], order[4]]


def test_an_opening_about_another_trade_is_no_case_of_this_one(hearing: Hearing) -> None:
    node = hearing.world.node
    other = dataclasses.replace(TERMS, trade=bytes(32))
    for terms, found in ((TERMS, True), (other, False)):
        case = disputes.case_of(node.state, hearing.opening.id, terms, node.rules)
        assert (case is not None) == found


def test_keys_that_parties_and_panel_share_later_open_what_was_said(hearing: Hearing) -> None:
    order = hearing.order
    hearing.take(order[0])
    said, other = hearing.say("ada"), hearing.say("bo")
    first = hearing.share("ada", said, 1)
    hearing.share("eve", said, 2)  # a stranger
    second = hearing.share(order[0], said, 3)
    found = {one.id: one.seals for one in evidence(hearing, 8)}
    own = (public("ada"), KEYS[0].device, KEYS[0].sealed)
    assert found[said.id] == (
        own,
        (public("ada"), first.device, first.sealed),
        (public(order[0]), second.device, second.sealed),
    )
    assert found[other.id] == ((public("bo"), KEYS[0].device, KEYS[0].sealed),)


def test_of_one_who_shares_without_end_the_newest_for_three_readers_each_are_kept(
    hearing: Hearing,
) -> None:
    said = hearing.say("ada")
    shared = [hearing.share("ada", said, mark) for mark in range(1, 9)]
    (found,) = evidence(hearing, 2)
    devices = [device for _, device, _ in found.seals]
    assert devices == [KEYS[0].device, *(seal.device for seal in shared[2:])]


def evidence(hearing: Hearing, limit: int) -> list[disputes.Evidence]:
    return disputes.evidence_of(hearing.world.node.state, hearing.case, limit)
