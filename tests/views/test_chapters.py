"""What a chapter agreed on, and what its officers are asked (R12-R16)."""

import msgspec
import pytest

from node.protocol import lanes
from node.protocol.errors import OK, Void
from node.protocol.identity import Lane
from node.protocol.office import ChapterClose, ChapterPolicy, act_hash
from node.views import chapters, members
from tests.support.keys import public
from tests.support.world import World


def policy(world: World, **changes: object) -> ChapterPolicy:
    body = ChapterPolicy(
        approvals=[],
        chapter=world.genesis.chapters[0].name,
        counts=["hours"],
        faith_days=10,
        list=world.community,
        mediators=[public("ada")],
        secured_from=700,
        supersedes=[],
    )
    return msgspec.structs.replace(body, **changes)


def asked(world: World) -> list[chapters.Proposal]:
    return list(chapters.proposals(world.node.state, 0, world.rules))


@pytest.fixture
def two() -> World:
    """Acts need two officers."""
    return World(k=2)


def test_without_a_policy_the_officers_mediate_and_goods_wait_where_relays_confirm() -> None:
    bare, witnessed = World(), World("3/2")
    for world, secured_from in ((bare, None), (witnessed, 0)):
        found = chapters.policy_of(world.node.state, 0, world.rules)
        officers = tuple(sorted(world.genesis.chapters[0].officers))
        assert found == chapters.Policy((), 30, officers, secured_from, None)


def test_the_current_policy_is_the_one_of_highest_serial() -> None:
    world = World()
    first = world.act("o0", "chapter.policy", policy(world))
    world.act("o0", "chapter.policy", policy(world, faith_days=5))
    later = policy(world, faith_days=20, supersedes=[first.id], secured_from=None, mediators=[])
    last = world.act("o0", "chapter.policy", later)
    found = chapters.policy_of(world.node.state, 0, world.rules)
    assert found == chapters.Policy(("hours",), 20, (), None, last.id)


def test_a_policy_needs_k_officers(two: World) -> None:
    alone = two.act("o0", "chapter.policy", policy(two))
    assert two.outcome[alone.id] == Void.APPROVALS
    assert chapters.policy_of(two.node.state, 0, two.rules).act is None
    both = two.act("o0", "chapter.policy", policy(two), "o1")
    assert chapters.policy_of(two.node.state, 0, two.rules).act == both.id


def test_a_proposal_is_open_until_there_is_an_act_of_its_content(two: World) -> None:
    body = policy(two)
    two.propose_act("o0", "chapter.policy", body)
    (found,) = asked(two)
    assert (found.kind, found.body) == ("chapter.policy", body)
    assert found.officers == {public("o0")}
    two.approve("o2", "chapter.policy", body)
    (found,) = asked(two)
    assert found.officers == {public("o0"), public("o2")}
    done = two.act("o1", "chapter.policy", body, "o0")
    assert two.outcome[done.id] == OK
    assert asked(two) == []


def test_a_proposal_is_over_when_a_later_act_stands(two: World) -> None:
    two.propose_act("o0", "chapter.policy", policy(two, faith_days=3))
    two.act("o0", "chapter.policy", policy(two), "o1")
    assert asked(two) == []
    current = chapters.policy_of(two.node.state, 0, two.rules).act
    assert current is not None
    two.propose_act("o0", "chapter.policy", policy(two, faith_days=3, supersedes=[current]))
    assert len(asked(two)) == 1


def test_two_officers_who_propose_the_same_make_one_proposal(two: World) -> None:
    for officer in ("o0", "o1"):
        two.propose_act(officer, "chapter.policy", policy(two))
    (found,) = asked(two)
    assert len(found.records) == 2
    assert found.officers == {public("o0"), public("o1")}


def test_closes_of_a_period_supersede_each_other() -> None:
    world = World()

    def close(period: int, *supersedes: bytes) -> bytes:
        body = ChapterClose(
            approvals=[], chapter=world.genesis.chapters[0].name, count=0, list=world.community,
            negative=0, period=period, positive=0, root=bytes(32), state=bytes(32),
            supersedes=sorted(supersedes),
        )  # fmt: skip
        return world.act("o0", "chapter.close", body).id

    first = close(202609)
    second = close(202609, first)
    third = close(202610)
    state, rules = world.node.state, world.rules
    assert chapters.periods_of(state, 0) == [202610, 202609]
    found = chapters.close_of(state, 0, 202609, rules)
    assert found is not None
    assert found[0] == second
    found = chapters.close_of(state, 0, 202610, rules)
    assert found is not None
    assert found[0] == third
    assert chapters.close_of(state, 0, 202611, rules) is None


def test_acts_on_a_chapter_are_no_members() -> None:
    world = World()
    known = [member for member, _ in members.members_in(world.node.state, 0, world.rules)]
    assert known == sorted(world.genesis.chapters[0].officers)
    world.act("o0", "chapter.policy", policy(world))
    after = [member for member, _ in members.members_in(world.node.state, 0, world.rules)]
    assert after == known


def test_an_approval_beyond_its_officers_cut_counts_no_more(two: World) -> None:
    body = policy(two)
    made = two.propose_act("o0", "chapter.policy", body)
    assert chapters.approvers(two.node.state, act_hash("chapter.policy", body)).keys() == {
        public("o0")
    }
    two.revoke(made)
    assert asked(two) == []


def test_what_an_officer_approved_beyond_a_cut_counts_no_more(two: World) -> None:
    body = policy(two)
    before = two.propose_act("o0", "chapter.policy", body)
    first = two.approve("o1", "chapter.policy", body)
    two.approve("o1", "chapter.policy", policy(two, faith_days=1))
    last = two.approve("o1", "chapter.policy", policy(two, faith_days=2))
    for made, days in ((first, 10), (last, 2)):
        found = chapters.approvers(two.node.state, made.body.act)  # type: ignore[attr-defined]
        assert found[public("o1")] == made.id, days
    two.revoke(first, office=first)
    held = chapters.approvers(two.node.state, first.body.act)  # type: ignore[attr-defined]
    assert held == {public("o0"): before.id, public("o1"): first.id}
    assert chapters.approvers(two.node.state, last.body.act) == {}  # type: ignore[attr-defined]
    (found,) = asked(two)
    assert found.officers == {public("o0"), public("o1")}


def test_a_proposal_names_nobody_who_agreed_beyond_their_cut(two: World) -> None:
    body = policy(two)
    two.propose_act("o2", "chapter.policy", body)
    before = two.office["o0"]
    two.approve("o0", "chapter.policy", body)
    (found,) = asked(two)
    assert found.officers == {public("o0"), public("o2")}
    two.revoke(before, office=before)
    (found,) = asked(two)
    assert found.officers == {public("o2")}


def test_a_proposal_counts_no_officer_of_another_chapter() -> None:
    """They may agree with anything; it is not theirs to decide, and is not shown as if it were."""
    world = World(k=2, chapters=("coop", "mill"), seats={"coop": ("o0", "o1")})
    body = policy(world)
    world.propose_act("o0", "chapter.policy", body)
    stranger = world.approve("o2", "chapter.policy", body)
    assert world.outcome[stranger.id] == OK
    (found,) = asked(world)
    assert found.officers == {public("o0")}


def test_a_proposal_that_comes_after_its_act_is_not_open(two: World) -> None:
    """Either order leaves the same rows: what is open is all that is kept."""
    body = policy(two)
    proposal = two.propose_act("o2", "chapter.policy", body)
    act = two.act("o0", "chapter.policy", body, "o1")
    late = two.fresh()
    for made in two.made.values():
        if made.header.author != public("o2") or made.header.lane != Lane.OFFICE:
            late.receive(made.raw)
    assert members.ACT_SUBJECT.has(late.state, act.id)
    for made in two.made.values():
        late.receive(made.raw)
    assert lanes.ENTRY.has(late.state, proposal.id)
    for node in (two.node, late):
        assert list(members.PROPOSAL.scan(node.state, b"", None)) == []


def test_of_two_approvals_of_one_officer_the_lower_id_is_named(two: World) -> None:
    body = policy(two)
    approvals = [two.approve("o1", "chapter.policy", body).id for _ in range(4)]
    found = chapters.approvers(two.node.state, act_hash("chapter.policy", body))
    assert found == {public("o1"): min(approvals)}


def test_a_proposal_is_for_this_community_and_by_an_officer_of_its_chapter() -> None:
    world = World(chapters=("coop", "market"), seats={"market": ("o0", "o1")}, k=2)
    foreign = policy(world, list=bytes(32))
    strange = policy(world, chapter="market")
    for officer, body in (("o0", foreign), ("o2", strange)):
        world.propose_act(officer, "chapter.policy", body)
    assert list(members.PROPOSAL.scan(world.node.state, b"", None)) == []
    world.propose_act("o1", "chapter.policy", strange)
    assert [found.body for found in chapters.proposals(world.node.state, 1, world.rules)] == [
        strange
    ]


def test_a_proposal_is_open_when_one_of_the_acts_it_replaces_came_last(two: World) -> None:
    acts: list[bytes] = []
    for days in range(1, 5):
        body = policy(two, faith_days=days, supersedes=acts[-1:])
        acts.append(two.act("o0", "chapter.policy", body, "o1").id)
    for replaced, is_open in ((sorted(acts), True), (sorted(acts[:3]), False)):
        two.propose_act("o0", "chapter.policy", policy(two, supersedes=replaced))
        assert len(asked(two)) == is_open
        if is_open:
            two.act("o0", "chapter.policy", policy(two, supersedes=replaced), "o1")


def test_a_member_id_that_starts_like_a_close_is_no_period() -> None:
    world = World()
    strange = msgspec.structs.replace(
        world.membership_body("ada"), member=b"close" + (202601).to_bytes(4, "big") + bytes(23)
    )
    world.act("o0", "member.admit", strange)
    assert chapters.periods_of(world.node.state, 0) == []
