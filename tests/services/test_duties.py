"""What programs do by themselves: nobody's odd record keeps them from the others."""

from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.ledger import book
from node.protocol import codec
from node.protocol.account import AccountClaim, AccountOpen, ClaimItem, TradeAccept, TradeRelease
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.limits import ACCOUNT_BODY_SIZE_MAX_BYTES
from node.protocol.portable import decode_invitation
from node.services.publish import Draft, own_auth
from node.services.trading.trade import Proposal
from node.services.trading.trade_duties import claim_batches
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


async def test_what_would_have_no_effect_is_left_and_the_rest_is_signed(
    people: list[Person],
) -> None:
    officer, amina = people
    first, second = [
        await amina.trade.propose(Proposal(officer.id, 5, invoice=False)) for _ in range(2)
    ]
    drafts = [Draft("trade.release", TradeRelease(trade=t)) for t in (first, first, second)]
    done = await amina.publisher.transact(
        lambda appender, _: [appender.attempt(draft) for draft in drafts]
    )
    assert done == [True, False, True]
    assert [amina.money.trade(t).status for t in (first, second)] == ["released", "released"]


async def test_an_officer_looks_at_whom_commits_name(people: list[Person], tmp_path: Path) -> None:
    officer = people[0]
    assert await officer.duties() == 0
    late = await newcomer(tmp_path, "late")
    await late.community.apply(None, "", await one_time_code(officer))
    await late.hand_to(officer)
    assert await officer.duties() == 2  # admitted, and granted a limit
    assert membership(officer, late) == "member"
    late.close()


async def test_an_offer_that_is_over_is_not_settled_without_its_payer(people: list[Person]) -> None:
    officer, amina = people
    until = amina.core.clock() + 50
    offered = Proposal(officer.id, 10, invoice=False, valid_until=until)
    in_time, late = [await amina.trade.propose(offered) for _ in range(2)]
    await amina.hand_to(officer)
    await officer.trade.accept(in_time)
    while officer.core.clock() <= until:
        pass
    with pytest.raises(LocalFault) as caught:
        await officer.trade.accept(late)
    assert caught.value.code == "trade-expired"
    accept = Draft("trade.accept", TradeAccept(grant=None, propose=late))
    await officer.publisher.publish(accept)  # a program that does not care
    await officer.hand_to(amina)
    assert await amina.duties() == 1
    assert [amina.money.trade(t).status for t in (in_time, late)] == ["settled", "accepted"]
    await amina.trade.settle(late)
    assert amina.money.trade(late).status == "settled"


async def test_finished_trades_cost_nothing_more(people: list[Person]) -> None:
    officer, amina = people
    for number in range(12):
        paid = number % 2 == 0
        trade = await amina.trade.propose(Proposal(officer.id, 10, invoice=not paid))
        await amina.hand_to(officer)
        await officer.trade.accept(trade)
        for _ in range(2):
            await officer.hand_to(amina)
            await amina.duties()
            await amina.hand_to(officer)
            await officer.duties()
    assert book.balance(officer.core.reader, 0, officer.id) == 0
    assert officer.money.balance(officer.id, 0).spendable == 10_000  # all of it was claimed
    for person in people:
        assert await person.duties() == 0
        assert person.trade_duties.open_count == 0
    await amina.trade.propose(Proposal(officer.id, 10, invoice=False))
    await amina.hand_to(officer)
    for person in people:
        assert await person.duties() == 0
        assert person.trade_duties.open_count == 1


@pytest.mark.parametrize("stamps", [0, 4, 7, 16])
async def test_claims_are_cut_so_that_every_record_fits(stamps: int) -> None:
    def identifier(number: int) -> bytes:
        return number.to_bytes(32, "big")

    items = [
        ClaimItem(commit=identifier(n), stamps=[identifier(s) for s in range(stamps)])
        for n in range(200)
    ]
    batches = list(claim_batches(items))
    assert [item for batch in batches for item in batch] == items
    for batch in batches:
        body = codec.encode(AccountClaim(items=batch))
        assert len(body) <= ACCOUNT_BODY_SIZE_MAX_BYTES
        assert codec.decode(body, AccountClaim).items == batch
    assert len(batches) <= (4 if stamps < 5 else 8)
