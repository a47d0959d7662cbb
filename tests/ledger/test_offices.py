"""Acts of officers: when one is ok, when it stands, and which is current (R12-R16)."""

import msgspec
import pytest

from node.ledger.root import state_root
from node.protocol.errors import OK, Void
from node.protocol.office import ChapterPolicy, CreditGrant, OfficeApprove
from node.protocol.state import DictState, Overlay
from node.views import members
from tests.protocol import second_root
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.support.keys import public
from tests.support.world import LIMIT, Made, World


def current(world: World, subject: bytes) -> bytes | None:
    found = members.current_act(world.node.state, subject, world.rules)
    return None if found is None else found[0]


def membership(world: World, name: str) -> str:
    return members.membership(world.node.state, 0, public(name), world.rules)


@pytest.fixture
def two() -> World:
    """Acts need two officers."""
    return World(k=2)


def test_only_officers_write_on_office_lanes() -> None:
    world = World()
    lane = world.first_office("ada")
    assert world.outcome[lane.id] == Void.NOT_OFFICER
    grant = world.on(lane, world.grant_body(world.account("ada")))
    approval = world.on(grant, OfficeApprove(act=grant.id))
    assert {world.outcome[made.id] for made in (grant, approval)} == {Void.NOT_OFFICER}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"chapter": "elsewhere"}, Void.UNKNOWN_CHAPTER),
        ({"list": bytes(32)}, Void.NOT_OFFICER),
        ({"limit": LIMIT + 1}, Void.LIMIT_MAX),
        ({"limit": LIMIT}, OK),
        ({"limit": 0}, OK),
        ({"proof": bytes(32)}, OK),
    ],
)
def test_what_makes_a_grant_void(changes: dict[str, object], verdict: str) -> None:
    world = World()
    body = msgspec.structs.replace(world.grant_body(world.account("ada")), **changes)
    assert world.outcome[world.act("o0", "credit.grant", body).id] == verdict


def test_a_grant_is_for_an_ok_open_of_its_chapter() -> None:
    world = World(chapters=("coop", "market"))
    opened = world.account("ada")
    void = world.account("ada", chapter="elsewhere")
    far = world.account("ada", chapter="market")
    for target in (void, far, world.identity["ada"]):
        body = msgspec.structs.replace(world.grant_body(opened), open=target.id)
        assert world.outcome[world.act("o0", "credit.grant", body).id] == Void.GRANT_OPEN


def test_a_grant_needs_an_open_with_the_relays_of_the_chapter_and_their_number() -> None:
    world = World("3/2")
    stranger = world.first_witness("eve").header.signer
    other = [*world.witness_keys[:2], stranger]
    opens = {
        OK: world.account("ada"),
        "other relays": world.account("ada", witnesses=other),
        "one more must agree": world.account("ada", q=3),
        "fewer relays": world.account("ada", witnesses=world.witness_keys[:2]),
    }
    for name, opened in opens.items():
        grant = world.grant(opened)
        assert world.outcome[opened.id] == OK, name
        assert world.outcome[grant.id] == (OK if name == OK else Void.GRANT_WITNESSES), name


def test_k_different_officers_agree_to_exactly_this_content(two: World) -> None:
    opened = two.account("ada")
    body = two.grant_body(opened)
    own = two.approve("o0", "credit.grant", body)
    other = two.approve("o1", "credit.grant", msgspec.structs.replace(body, limit=1))
    agreed = two.approve("o1", "credit.grant", body)

    def verdict(*approvals: Made) -> str:
        named = sorted(made.id for made in approvals)
        done = msgspec.structs.replace(body, approvals=named)
        two.office["o0"] = two.on(two.office["o0"], done)
        return two.outcome[two.office["o0"].id]

    assert verdict() == Void.APPROVALS
    assert verdict(own) == Void.APPROVALS
    assert verdict(other) == Void.APPROVALS
    assert verdict(two.identity["o1"]) == Void.APPROVALS
    assert verdict(own, agreed) == OK


def test_an_act_supersedes_only_ok_acts_of_its_subject() -> None:
    world = World()
    ada, bo = world.account("ada"), world.account("bo")
    void, other = world.grant(ada, LIMIT + 1), world.grant(bo)
    for target in (void, other, world.identity["ada"]):
        grant = world.grant(ada, supersedes=[target.id])
        assert world.outcome[grant.id] == Void.SUPERSEDES
    first = world.grant(ada, supersedes=[])
    second = world.grant(ada, supersedes=[first.id])
    third = world.grant(ada, supersedes=[first.id, second.id])
    serials = {act: row.serial for act, row in members.acts_on(world.node.state, ada.id)}
    assert serials == {first.id: 0, second.id: 1, third.id: 2}


def test_the_highest_serial_counts_and_ties_go_to_the_lower_limit_then_the_lower_id() -> None:
    world = World()
    ada = world.account("ada")
    first = world.grant(ada, 10)
    assert current(world, ada.id) == first.id
    more, less = (
        world.grant(ada, 50, "o1", supersedes=[first.id]),
        world.grant(ada, 20, "o2", supersedes=[first.id]),
    )
    assert current(world, ada.id) == less.id
    same = world.grant(ada, 20, "o1", supersedes=[first.id])
    assert current(world, ada.id) == min(less.id, same.id)
    assert more.id != current(world, ada.id)


def test_a_suspension_wins_a_tie_with_an_admission() -> None:
    world = World()
    world.act("o0", "member.admit", world.membership_body("ada"))
    assert membership(world, "ada") == "member"
    suspension = world.act("o1", "member.suspend", world.membership_body("ada"))
    assert membership(world, "ada") == "suspended"
    world.act("o2", "member.admit", world.membership_body("ada", suspension))
    assert membership(world, "ada") == "member"


def test_an_act_stands_while_k_officers_have_a_record_within_their_cuts(two: World) -> None:
    opened = two.account("ada")
    grant = two.grant(opened, helpers=("o1",))
    assert isinstance(grant.body, CreditGrant)
    approval = two.made[grant.body.approvals[0]]
    assert current(two, opened.id) == grant.id
    two.revoke(approval)
    assert current(two, opened.id) is None
    two.approve("o2", "credit.grant", grant.body)
    assert current(two, opened.id) == grant.id
    two.revoke(approval, office=approval)
    two.revoke(grant)
    assert current(two, opened.id) == grant.id  # o1 and o2 are enough
    assert two.outcome[grant.id] == OK


def test_officers_of_another_chapter_help_no_act_to_its_feet() -> None:
    world = World(k=2, chapters=("coop", "market"), seats={"market": ("o0", "o1")})
    opened = world.account("ada", chapter="market")
    body = world.grant_body(opened)
    foreign = world.act("o0", "credit.grant", body, "o2")
    assert world.outcome[foreign.id] == Void.APPROVALS
    alone = world.act("o2", "credit.grant", body, "o0", "o1")
    assert world.outcome[alone.id] == Void.NOT_OFFICER
    granted = world.act("o0", "credit.grant", body, "o1")
    assert world.outcome[granted.id] == OK
    world.approve("o2", "credit.grant", body)
    assert members.officers_of(world.node.state, granted.id, world.rules) == {
        public("o0"), public("o1"),
    }  # fmt: skip
    world.revoke(world.office["o1"])
    assert current(world, opened.id) is None


def test_an_act_stands_by_the_number_of_officers_that_its_own_chapter_asks_for() -> None:
    world = World(chapters=("coop", "market"))
    strict = msgspec.structs.replace(world.genesis.chapters[1], k=2)
    rules = members.Rules(
        world.community,
        msgspec.structs.replace(world.genesis, chapters=[world.genesis.chapters[0], strict]),
    )
    for name, stands in (("coop", True), ("market", False)):
        granted = world.grant(world.account("ada", chapter=name))
        assert members.stands(world.node.state, granted.id, world.rules)
        assert members.stands(world.node.state, granted.id, rules) == stands


def test_whoever_any_chapter_admitted_is_welcome() -> None:
    world = World(chapters=("coop", "market"))
    state, rules = world.node.state, world.rules
    body = msgspec.structs.replace(world.membership_body("ada"), chapter="market")
    assert not members.is_welcome(state, public("ada"), rules)
    world.act("o0", "member.admit", body)
    assert members.is_welcome(state, public("ada"), rules)
    assert members.membership(state, 1, public("ada"), rules) == "member"
    assert membership(world, "ada") == "none"


def test_what_is_no_act_does_not_stand() -> None:
    world = World()
    opened = world.account("ada")
    assert not members.stands(world.node.state, opened.id, world.rules)


def test_acts_of_one_subject_are_not_taken_for_those_of_another() -> None:
    """Subjects have two lengths, so one can be the beginning of the other."""
    overlay = Overlay(DictState())
    open_id, act = bytes(32), b"\1" * 32
    row = members.ActRow(bytes(32), 0, 0, "credit.grant", 5)
    members.ACT.put(overlay, open_id + act, row)
    members.ACT.put(overlay, members.member_subject(0, bytes(32)) + act, row)
    assert [found for found, _ in members.acts_on(overlay, open_id)] == [act]


def test_revoking_again_only_adds_cuts() -> None:
    world = World()
    opened = world.account("ada")
    grant = world.grant(opened)
    world.revoke(grant)
    assert current(world, opened.id) is None
    world.revoke(grant, office=grant)
    assert current(world, opened.id) == grant.id
    world.revoke(grant)
    assert current(world, opened.id) == grant.id


def test_membership_is_told_from_acts_applications_and_the_genesis() -> None:
    world = World()
    state, rules = world.node.state, world.rules
    assert membership(world, "o0") == "officer"
    assert membership(world, "ada") == "none"
    talker = world.talker("ada")
    world.apply_for(talker, "elsewhere")
    assert membership(world, "ada") == "none"
    world.apply_for(talker)
    assert membership(world, "ada") == "applicant"
    assert not members.is_welcome(state, public("ada"), rules)
    admission = world.act("o0", "member.admit", world.membership_body("ada"))
    world.act("o0", "member.suspend", world.membership_body("ada", admission))
    assert members.is_welcome(state, public("ada"), rules)
    assert members.is_welcome(state, public("o1"), rules)
    world.act("o0", "member.suspend", world.membership_body("o2"))
    assert membership(world, "o2") == "suspended"
    world.apply_for(world.talker("bo"))
    found = dict(members.members_in(state, 0, rules))
    assert found[public("ada")] == found[public("o2")] == "suspended"
    assert found[public("bo")] == "applicant"
    assert found[public("o0")] == "officer"
    assert len(found) == 5
    world.act("o0", "member.admit", world.membership_body("o1"))
    assert membership(world, "o1") == "officer"


def test_a_member_id_that_starts_like_a_policy_is_one_row_of_the_root_like_any() -> None:
    """An officer may admit whatever id they like; its acts then lie among those of the policy."""
    world = World()
    ids: list[bytes] = []
    for days in range(1, 9):
        body = ChapterPolicy(
            approvals=[], chapter="coop", counts=[], faith_days=days, list=world.community,
            mediators=[], secured_from=None, supersedes=ids[-1:],
        )  # fmt: skip
        ids.append(world.act("o0", "chapter.policy", body).id)
    between = sorted(ids)[4]
    strange = msgspec.structs.replace(
        world.membership_body("ada"), member=(b"policy" + between)[:32]
    )
    assert world.outcome[world.act("o0", "member.admit", strange).id] == OK
    checker = Checker(Judge(world.genesis_bytes), world.raws())
    expected = second_root.root(checker, world.community, "")
    assert state_root(world.node.state, world.rules) == expected
