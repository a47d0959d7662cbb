"""What programs do by themselves: nobody's odd record keeps them from the others."""

from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.protocol.account import AccountOpen
from node.protocol.identity import Lane
from node.protocol.portable import decode_invitation
from node.services.publish import Draft, own_auth
from node.views import members
from tests.support.homes import Clock, Person, genesis_for, introduce, move_in, seed_of, town

pytestmark = pytest.mark.trio


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "officer", "amina")
    yield found
    for person in found:
        person.close()


async def newcomer(folder: Path, name: str) -> Person:
    person = move_in(folder, name, genesis_for("officer"), Clock())
    await introduce(person, seed_of(f"{name} device "))
    return person


def membership(officer: Person, member: Person) -> str:
    return members.membership(officer.core.reader, 0, member.id, officer.core.rules)


async def one_time_code(officer: Person) -> bytes:
    link, _ = await officer.community.invite(None, [], with_code=True)
    code = decode_invitation(link).code
    assert code is not None
    return code


async def test_an_account_that_no_limit_fits_does_not_keep_others_from_theirs(
    people: list[Person], tmp_path: Path
) -> None:
    officer = people[0]
    odd, plain = [await newcomer(tmp_path, name) for name in ("odd", "plain")]

    def strange(appender, state):  # type: ignore[no-untyped-def]
        auth = own_auth(state, odd.core.own, Lane.ACCOUNT)
        witnesses = sorted(seed_of(f"nobody {n}") for n in range(4))
        body = AccountOpen(auth=auth, carry=[], chapter="마을", q=3, witnesses=witnesses)
        return appender.append(Draft("account.open", body))

    await odd.publisher.transact(strange)
    await odd.community.apply(None, "", await one_time_code(officer))
    await plain.community.apply(None, "", await one_time_code(officer))
    for person in (odd, plain):
        await person.hand_to(officer)
    await officer.duties()
    assert [membership(officer, person) for person in (odd, plain)] == ["member", "member"]
    await officer.hand_to(plain)
    assert plain.money.balance(plain.id, 0).limit == 10_000
    assert await officer.duties() == 0
    for person in (odd, plain):
        person.close()


async def test_two_codes_in_one_hand_admit_once_and_block_nobody(
    people: list[Person], tmp_path: Path
) -> None:
    officer = people[0]
    eager, plain = [await newcomer(tmp_path, name) for name in ("eager", "plain")]
    for person in (eager, eager, plain):
        await person.community.apply(None, "", await one_time_code(officer))
    for person in (eager, plain):
        await person.hand_to(officer)
    await officer.duties()
    assert [membership(officer, person) for person in (eager, plain)] == ["member", "member"]
    assert await officer.duties() == 0
    for person in (eager, plain):
        person.close()
