"""Officers k of n: what one proposes, enough of them do, and nobody writes on another's lane."""

from pathlib import Path

import pytest

from node.protocol.errors import LocalFault
from node.protocol.office import (
    CreditGrant,
    OfficeApprove,
    OfficePropose,
    act_content,
    content_hash,
)
from node.protocol.shapes import RecordId
from node.services.chapters.office import Office
from node.services.publish import Appender, Draft
from node.storage.state import WriterState
from node.views import members
from node.views.chapters import Policy
from tests.support.homes import (
    Clock,
    Person,
    genesis_for,
    introduce,
    move_in,
    open_own_account,
    seed_of,
)

pytestmark = pytest.mark.trio
LIMIT = 10_000


def office(person: Person) -> Office:
    return Office(person.core, person.publisher)


def membership(seen_by: Person, of: Person) -> str:
    core = seen_by.core
    return members.membership(core.reader, 0, of.id, core.rules)


async def share(*people: Person) -> None:
    """Everybody gives everybody what they hold, until nobody's program does anything more."""
    while True:
        before = [person.core.reader.record_count() for person in people]
        for person in people:
            await person.hand_to(*(other for other in people if other is not person))
        for person in people:
            await person.duties()
        if before == [person.core.reader.record_count() for person in people]:
            return


async def council(folder: Path, *officers: str, guest: str = "dora", k: int = 2) -> list[Person]:
    """Officers who act together, and a guest who has applied."""
    clock, genesis = Clock(), genesis_for(*officers, k=k)
    people = [move_in(folder, name, genesis, clock) for name in (*officers, guest)]
    for person in people:
        await introduce(person, seed_of(f"{person.name} device "))
    for officer in people[:-1]:
        await open_own_account(officer)
    await people[-1].community.apply(None, "", None)
    await share(*people)
    return people


async def test_one_asks_and_the_second_makes_it_so(tmp_path: Path) -> None:
    anna, bora, chen, dora = await council(tmp_path, "anna", "bora", "chen")
    asked = await anna.community.admit(None, dora.id)
    assert (asked.done, asked.agreed, asked.needed) == (False, 1, 2)
    assert membership(anna, dora) == "applicant"
    await anna.hand_to(bora, chen)
    assert office(bora).waiting() == 1
    (question,) = office(bora).questions(0)
    assert (question.subject, question.mine, question.needed) == (dora.id, False, 2)
    done = await office(bora).agree(0, asked.hash)
    assert (done.done, done.agreed) == (True, 2)
    assert membership(bora, dora) == "member"
    await share(anna, bora, chen, dora)
    for person in (anna, bora, chen, dora):
        assert membership(person, dora) == "member"
        assert office(person).questions(0) == []
    for person in (anna, bora, chen, dora):
        person.close()


async def test_programs_of_officers_agree_to_default_limits_by_themselves(tmp_path: Path) -> None:
    anna, _bora, chen, dora = people = await council(tmp_path, "anna", "bora", "chen")
    asked = await anna.community.admit(None, dora.id)
    await share(*people)
    await office(chen).agree(0, asked.hash)
    await share(*people)
    for person in people:
        assert person.money.balance(person.id, 0).limit == LIMIT
    for person in people:
        person.close()


async def test_whoever_asks_twice_is_told_how_many_agreed(tmp_path: Path) -> None:
    anna, bora, _, dora = await council(tmp_path, "anna", "bora", "chen", k=3)
    asked = await anna.community.admit(None, dora.id)
    with pytest.raises(LocalFault) as caught:
        await anna.community.admit(None, dora.id)
    assert caught.value.code == "approved-already"
    assert caught.value.values == {"agreed": 1, "needed": 3}
    await anna.hand_to(bora)
    second = await office(bora).agree(0, asked.hash)
    assert (second.done, second.agreed) == (False, 2)
    with pytest.raises(LocalFault) as caught:
        await office(bora).agree(0, bytes(32))
    assert caught.value.code == "proposal-unknown"


async def test_what_two_approve_at_once_is_written_once(tmp_path: Path) -> None:
    """Neither knew of the other; the first in order of id writes the act, the other leaves it."""
    anna, bora, chen, dora = people = await council(tmp_path, "anna", "bora", "chen")
    for officer in (anna, bora):
        asked = await officer.community.admit(None, dora.id)
        assert not asked.done
    await share(*people)
    acts = [act for act, _ in members.acts_on(
        chen.core.reader, members.member_subject(0, dora.id))]  # fmt: skip
    assert len(acts) == 1
    assert {membership(person, dora) for person in people} == {"member"}
    for person in people:
        person.close()


async def test_acts_that_contradict_end_in_one_state_for_all(tmp_path: Path) -> None:
    """Two pairs of officers, apart, set two limits: the lower one counts everywhere."""
    names = ("anna", "bora", "chen", "eun")
    anna, bora, chen, eun, dora = people = await council(tmp_path, *names)
    asked = await anna.community.admit(None, dora.id)
    await share(*people)
    await office(bora).agree(0, asked.hash)
    await share(*people)
    high = await anna.community.grant(None, dora.id, 50_000)
    low = await chen.community.grant(None, dora.id, 20_000)
    await anna.hand_to(bora)
    await chen.hand_to(eun)
    assert (await office(bora).agree(0, high.hash)).done
    assert (await office(eun).agree(0, low.hash)).done
    assert bora.core.community == eun.core.community
    await share(*people)
    assert dora.money.balance(dora.id, 0).limit == 20_000
    # and whoever wants the higher one supersedes what is there
    again = await anna.community.grant(None, dora.id, 50_000)
    await anna.hand_to(bora)
    await office(bora).agree(0, again.hash)
    await share(*people)
    assert dora.money.balance(dora.id, 0).limit == 50_000
    for person in people:
        person.close()


async def test_what_can_have_no_effect_is_not_asked(tmp_path: Path) -> None:
    anna, _, _, dora = people = await council(tmp_path, "anna", "bora", "chen")
    before = anna.core.reader.record_count()
    with pytest.raises(LocalFault) as caught:
        await anna.community.grant(None, dora.id, 1_000_000)
    assert caught.value.code == "limit-max"
    with pytest.raises(LocalFault) as caught:
        await dora.community.admit(None, anna.id)
    assert caught.value.code in {"not-officer", "member-already"}
    assert anna.core.reader.record_count() == before
    for person in people:
        person.close()


async def test_a_limit_for_an_account_that_is_not_here_waits_for_it(tmp_path: Path) -> None:
    """Its proposer knows an account that others have not heard of, or made one up."""
    anna, bora, _, _ = people = await council(tmp_path, "anna", "bora", "chen")
    made_up = CreditGrant(
        approvals=[],
        chapter=anna.core.rules.genesis.chapters[0].name,
        limit=LIMIT,
        list=anna.core.community,
        open=RecordId(b"\xee" * 32),
        proof=None,
        supersedes=[],
    )
    content = act_content("credit.grant", made_up)
    digest = content_hash(content)

    def propose(appender: Appender, _: WriterState) -> None:
        appender.append(Draft("office.propose", OfficePropose(content=content)))
        appender.append(Draft("office.approve", OfficeApprove(act=digest)))

    await anna.publisher.transact(propose)
    await anna.hand_to(bora)
    (question,) = office(bora).questions(0)
    assert (question.proposal.hash, question.subject) == (digest, None)
    for _ in range(2):
        with pytest.raises(LocalFault) as caught:
            await office(bora).agree(0, digest)
        assert caught.value.code == "missing"
    await bora.duties()
    await share(*people)
    for person in people:
        person.close()


async def test_a_policy_is_set_by_enough_officers(tmp_path: Path) -> None:
    anna, bora, _, dora = people = await council(tmp_path, "anna", "bora", "chen")
    wish = Policy(("hours", "gift", "hours"), 14, (dora.id,), 5_000, None)
    asked = await office(anna).set_policy(0, wish)
    assert office(anna).policy(0).act is None
    await anna.hand_to(bora)
    done = await office(bora).agree(0, asked.hash)
    await share(*people)
    found = office(dora).policy(0)
    assert found == Policy(("gift", "hours"), 14, (dora.id,), 5_000, done.record)
    for person in people:
        person.close()


async def test_an_officer_alone_acts_at_once(tmp_path: Path) -> None:
    anna, dora = await council(tmp_path, "anna", k=1)
    done = await anna.community.admit(None, dora.id)
    assert (done.done, done.agreed, done.needed) == (True, 1, 1)
    assert membership(anna, dora) == "member"
    anna.close()
    dora.close()
