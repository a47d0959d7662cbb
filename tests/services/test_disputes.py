"""Disputes among real homes: from opening to the payment, with people who vanish, lie, or err."""

from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.ledger import book
from node.ledger.root import state_root
from node.protocol.errors import LocalFault
from node.services.chapters.cases import CaseView
from node.services.times import utc_day
from node.services.trading.trade import Proposal
from tests.support.court import Court, Sitter, hold

pytestmark = pytest.mark.trio


@trio_fixture
async def court(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await hold(tmp_path)
    yield found
    found.close()


def seen(one: Sitter, dispute: bytes) -> CaseView:
    return one.disputes.show(dispute)[0]


def texts(one: Sitter, dispute: bytes) -> list[str | None]:
    return [said.text for said in one.disputes.show(dispute)[1]]


async def refused(code: str, call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LocalFault) as caught:
        await call
    assert caught.value.code == code


async def test_a_case_from_opening_to_the_payment_with_a_silent_mediator_replaced(
    court: Court,
) -> None:
    amina, baraka, chest = court["amina"], court["baraka"], court["chest"]
    trade = await court.trade(1_000)
    dispute = await amina.disputes.open(trade, "전등이 하루 만에 다시 꺼졌어요")
    await court.spread()
    assert seen(amina, dispute).stage == "agreeing"
    assert seen(amina, dispute).next_steps == ("say", "close")
    assert baraka.disputes.waiting() == 1  # somebody wants an answer
    await baraka.disputes.say(dispute, "전구가 아니라 배선이 낡았어요")
    await court.spread()
    assert baraka.disputes.waiting() == 0
    order = [court.of(one) for one in seen(amina, dispute).case.order]
    assert len(order) == 4
    first, second, silent, substitute = order
    with pytest.raises(LocalFault) as caught:
        await first.disputes.take(dispute, True)
    until = utc_day(seen(amina, dispute).until or 0)
    assert (caught.value.code, caught.value.values) == ("dispute-good-faith", {"until": until})
    assert [one for one in order if one.disputes.mine()] == [first, second, silent]
    court.later(30)
    assert [one for one in order if one.disputes.waiting()] == [first, second, silent]
    court.away.add(silent.name)
    for one in (first, second):
        await one.disputes.take(dispute, True)
    await court.spread()
    await refused("dispute-not-asked", substitute.disputes.take(dispute, True))
    assert texts(substitute, dispute) == [None, None]  # sealed for the panel, not for the list
    court.later(3)
    assert substitute.disputes.waiting() == 1
    await substitute.disputes.take(dispute, True)
    await court.spread()
    assert seen(amina, dispute).stage == "judging"
    assert texts(substitute, dispute) == texts(amina, dispute)  # the keys were passed on
    await first.disputes.vote(dispute, "payer", 600, "반은 배선 탓이에요")
    await second.disputes.vote(dispute, "nobody", 0)
    await court.spread()
    assert seen(amina, dispute).case.outcome is None
    await substitute.disputes.vote(dispute, "payer", 600)
    await court.spread()
    view = seen(chest, dispute)
    assert (view.stage, view.next_steps, view.winner) == ("owed", ("pay",), amina.id)
    assert chest.disputes.waiting() == 1
    paid = await chest.disputes.pay(dispute)
    await court.spread()
    assert seen(amina, dispute).next_steps == ("accept",)
    await amina.person.trade.accept(paid)
    await court.spread()
    assert {seen(one, dispute).stage for one in court.here} == {"paid"}
    assert [
        book.balance(amina.person.core.reader, 0, one.id) for one in (amina, baraka, chest)
    ] == [-400, 1_000, -600]
    await refused("dispute-paid", chest.disputes.pay(dispute))


async def test_evidence_is_read_by_parties_and_panel_only(court: Court) -> None:
    trade = await court.trade()
    dispute = await court["amina"].disputes.open(trade, "비밀")
    await court.spread()
    readers = set(seen(court["amina"], dispute).case.readers)
    assert len(readers) == 5
    for one in court.here:
        assert texts(one, dispute) == ["비밀" if one.id in readers else None]
    held = court["chest"].person.core.reader.records_after(-1, 100_000)
    assert not any("비밀".encode() in (raw.body or b"") for _, raw in held)


async def test_parties_withdraw_and_refund_by_themselves(court: Court) -> None:
    amina, baraka = court["amina"], court["baraka"]
    trade = await court.trade(1_000)
    dispute = await amina.disputes.open(trade, "반만 왔어요")
    await court.spread()
    assert "refund" in seen(baraka, dispute).next_steps
    await refused("dispute-not-yours", baraka.disputes.close(dispute))
    back = await baraka.person.trade.refund(trade, 500)
    await court.spread()
    await amina.person.trade.accept(back)
    await court.spread()
    assert seen(amina, dispute).given_back == 500
    await amina.disputes.close(dispute)
    await court.spread()
    assert {seen(one, dispute).stage for one in court.here} == {"closed"}
    await refused("dispute-over", amina.disputes.say(dispute, "하나 더"))
    again = await amina.disputes.open(trade, "나머지도 안 왔어요")
    await court.spread()
    same = [seen(amina, one).case.order for one in (dispute, again)]
    assert same[0] == same[1]  # opening again draws nobody else


async def test_only_a_party_of_a_trade_that_bound_somebody_opens_a_case(court: Court) -> None:
    amina, baraka, other = court["amina"], court["baraka"], court["o0"]
    trade = await amina.person.trade.propose(Proposal(baraka.id, 100, invoice=False))
    await court.spread()
    await refused("dispute-too-early", amina.disputes.open(trade, "?"))
    await refused("trade-unknown", other.disputes.open(trade, "?"))
    await refused("trade-unknown", amina.disputes.open(bytes(32), "?"))
    await refused("text-empty", amina.disputes.open(trade, " "))
    await baraka.person.trade.accept(trade)
    dispute = await baraka.disputes.open(trade, "받고 나서 보내지 않아요")
    await court.spread()
    await refused("dispute-open", amina.disputes.open(trade, "저도요"))
    assert seen(amina, dispute).roles == ("other",)


async def test_votes_of_those_not_on_the_panel_and_second_thoughts(court: Court) -> None:
    trade = await court.trade(1_000)
    dispute = await court["amina"].disputes.open(trade, "깨졌어요")
    await court.spread()
    order = [court.of(one) for one in seen(court["amina"], dispute).case.order]
    court.later(31)
    for one in order[:3]:
        await one.disputes.take(dispute, True)
    await court.spread()
    await refused("dispute-not-panel", order[3].disputes.vote(dispute, "payer", 1))
    await refused("dispute-not-panel", court["amina"].disputes.vote(dispute, "payer", 1))
    await refused("dispute-amount", order[0].disputes.vote(dispute, "payer", 1_001))
    await refused("dispute-amount", order[0].disputes.vote(dispute, "nobody", 1))
    await order[0].disputes.vote(dispute, "payer", 1_000)
    await order[0].disputes.vote(dispute, "payee", 10)  # the newest counts
    await order[1].disputes.vote(dispute, "payer", 1_000)
    await court.spread()
    view = seen(court["chest"], dispute)
    assert view.case.outcome is None
    assert sorted(one.amount for one in view.case.votes.values()) == [10, 1_000]


async def test_a_mediator_may_leave_a_case_to_the_next(court: Court) -> None:
    trade = await court.trade()
    dispute = await court["amina"].disputes.open(trade, "늦었어요")
    await court.spread()
    order = [court.of(one) for one in seen(court["amina"], dispute).case.order]
    court.later(30)
    await order[0].disputes.take(dispute, False)
    await court.spread()
    asked = seen(court["amina"], dispute).asked
    assert asked == tuple(one.id for one in order[1:])


async def test_the_opener_may_vanish_and_the_other_party_passes_keys_on(court: Court) -> None:
    amina, baraka = court["amina"], court["baraka"]
    trade = await court.trade()
    dispute = await amina.disputes.open(trade, "없어지기 전에")
    await court.spread()
    court.away.add("amina")
    order = [court.of(one) for one in seen(baraka, dispute).case.order]
    court.away.add(order[0].name)
    court.later(33)
    for one in order[1:]:
        await one.disputes.take(dispute, True)
    await court.spread()
    assert texts(order[3], dispute) == [None]
    court.later(1.1)
    await court.spread()
    assert texts(order[3], dispute) == ["없어지기 전에"]
    for one in order[1:3]:
        await one.disputes.vote(dispute, "payer", 100)
    await court.spread()
    assert seen(court["chest"], dispute).stage == "owed"


async def test_what_was_said_can_be_erased_everywhere_and_only_by_its_author(
    court: Court,
) -> None:
    amina, baraka = court["amina"], court["baraka"]
    trade = await court.trade()
    dispute = await amina.disputes.open(trade, "홧김에 쓴 말")
    await court.spread()
    said = amina.disputes.show(dispute)[1][0]
    await refused("not-yours", baraka.disputes.erase(dispute, said.id))
    await amina.disputes.erase(dispute, said.id)
    await court.spread()
    for one in court.here:
        assert one.disputes.show(dispute)[1] == []
    assert seen(baraka, dispute).stage == "agreeing"  # the case itself stands


async def test_clocks_a_year_off_change_no_balance_root_or_outcome(court: Court) -> None:
    trade = await court.trade(1_000)
    dispute = await court["amina"].disputes.open(trade, "시계")
    await court.spread()
    order = [court.of(one) for one in seen(court["amina"], dispute).case.order]
    court.later(30)
    order[0].clock.now += 365 * 86_400_000
    order[1].clock.now += 2 * 365 * 86_400_000
    court["baraka"].clock.now -= 365 * 86_400_000
    for one in order[:3]:
        await one.disputes.take(dispute, True)
    await court.spread()
    for one in order[:2]:
        await one.disputes.vote(dispute, "payer", 300)
    await court.spread()
    cases = [seen(one, dispute).case for one in court.here]
    assert all(case == cases[0] for case in cases)
    assert {one.stage for one in (seen(one, dispute) for one in court.here)} == {"owed"}
    roots = {state_root(one.person.core.reader, one.person.core.rules) for one in court.here}
    assert len(roots) == 1


async def test_without_a_treasury_the_outcome_is_advice(tmp_path: Path) -> None:
    court = await hold(tmp_path, 2, treasury=False)
    try:
        trade = await court.trade()
        dispute = await court["amina"].disputes.open(trade, "둘뿐인 마을")
        await court.spread()
        order = [court.of(one) for one in seen(court["amina"], dispute).case.order]
        assert seen(court["amina"], dispute).case.seats == 2
        court.later(30)
        for one in order:
            await one.disputes.take(dispute, True)
        await court.spread()
        await order[0].disputes.vote(dispute, "payer", 100)
        await court.spread()
        assert seen(court["amina"], dispute).stage == "judging"  # of two, both must agree
        await order[1].disputes.vote(dispute, "payer", 100)
        await court.spread()
        assert seen(court["amina"], dispute).stage == "advice"
        await refused("dispute-not-keeper", court["amina"].disputes.pay(dispute))
    finally:
        court.close()


async def test_with_nobody_to_mediate_it_says_so(tmp_path: Path) -> None:
    court = await hold(tmp_path, 1, treasury=False)
    try:
        wish = Proposal(court["o0"].id, 100, invoice=False)
        trade = await court["amina"].person.trade.propose(wish)
        await court.spread()
        await court["o0"].person.trade.accept(trade)
        await court.spread()
        dispute = await court["amina"].disputes.open(trade, "그 사람뿐이에요")
        court.later(30)
        assert seen(court["amina"], dispute).stage == "alone"
    finally:
        court.close()
