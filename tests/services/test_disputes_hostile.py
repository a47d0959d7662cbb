"""Disputes against people who run other programs: they gain nothing, and harm only themselves."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from node.protocol import crypto
from node.protocol.dispute import (
    DisputeEvidence,
    DisputeOpen,
    DisputePaid,
    DisputeShare,
    DisputeTake,
    DisputeVote,
    Seal,
)
from node.protocol.errors import LocalFault
from node.protocol.identity import DEVICE_SCOPES, DeviceAdd, proof_text
from node.protocol.shapes import Body
from node.services.chapters.dispute_duties import DisputeDuties
from node.services.chapters.disputes import Disputes
from node.services.publish import Draft
from node.services.trading.trade import Proposal
from node.views import disputes
from tests.support.court import Court, Sitter, hold
from tests.support.homes import _rooted, move_in, seed_of

pytestmark = pytest.mark.trio
SALT = bytes(16)


@pytest.fixture
async def court(tmp_path: Path) -> AsyncGenerator[Court]:
    found = await hold(tmp_path)
    yield found
    found.close()


async def sign(one: Sitter, kind: str, body: Body) -> bytes:
    """What another program signs, whatever ours would say."""
    return (await one.person.publisher.publish(Draft(kind, body)))[0]


def texts(one: Sitter, dispute: bytes) -> list[str | None]:
    return [said.text for said in one.disputes.show(dispute)[1]]


async def seated(court: Court, dispute: bytes, *places: int) -> list[Sitter]:
    """Everybody in the order of a case, once those at some places have taken it."""
    order = [court.of(one) for one in court["amina"].disputes.show(dispute)[0].case.order]
    for place in places:
        await sign(
            order[place], "dispute.take", DisputeTake(dispute=dispute, salt=SALT, takes=True)
        )
    await court.spread()
    return order


async def test_rubbish_sealed_for_a_substitute_keeps_no_honest_key_away(court: Court) -> None:
    amina, baraka = court["amina"], court["baraka"]
    dispute = await amina.disputes.open(await court.trade(), "읽어 주세요")
    await court.spread()
    said = amina.disputes.show(dispute)[1][0].id
    substitute = court.of(amina.disputes.show(dispute)[0].case.order[3])
    rubbish = [Seal(substitute.person.core.own.public_key, b"\x05" * 80)]
    body = DisputeShare(dispute=dispute, evidence=said, keys=rubbish, salt=SALT)
    await sign(baraka, "dispute.share", body)
    court.later(34)
    await seated(court, dispute, 0, 1, 3)
    assert texts(substitute, dispute) == ["읽어 주세요"]


async def test_a_copied_box_is_neither_opened_nor_passed_on(court: Court) -> None:
    """Whoever copies somebody's box and keys into a case of his own learns nothing: no program
    that could open it there seals its key anew."""
    amina, baraka = court["amina"], court["baraka"]
    dispute = await amina.disputes.open(await court.trade(), "비밀")
    await court.spread()
    other = Proposal(court["o0"].id, 10, invoice=False)
    trade = await baraka.person.trade.propose(other)
    await court.spread()
    await court["o0"].person.trade.accept(trade)
    await court.spread()
    bait = await baraka.disputes.open(trade, "미끼")
    case = amina.disputes.show(dispute)[0].case
    secret = disputes.evidence_of(amina.person.core.reader, case, 9)[0]
    keys = [Seal(device, sealed) for _, device, sealed in secret.seals]
    body = DisputeEvidence(box=secret.box, dispute=bait, keys=keys, salt=SALT)
    await sign(baraka, "dispute.evidence", body)
    await court.spread()
    before = court["o0"].person.core.reader.record_count()
    court.later(40)
    await court.spread()
    assert sorted(map(str, texts(court["o0"], bait))) == ["None", "미끼"]
    shares = [
        raw
        for _, raw in court["o0"].person.core.reader.records_after(before - 1, 10_000)
        if b"dispute.share" in raw.header
    ]
    assert shares == []


async def test_votes_from_outside_the_panel_and_impossible_ones_count_nothing(
    court: Court,
) -> None:
    dispute = await court["amina"].disputes.open(await court.trade(1_000), "표")
    await court.spread()
    court.later(34)
    order = await seated(court, dispute, 0, 1, 2)

    async def vote(one: Sitter, amount: int) -> None:
        body = DisputeVote(amount=amount, dispute=dispute, salt=SALT, to="payee")
        await sign(one, "dispute.vote", body)

    await vote(order[0], 500)
    for one in (order[3], court["baraka"], court["chest"]):
        await vote(one, 500)
    await vote(order[1], 1_001)
    await court.spread()
    for one in court.here:
        case = one.disputes.show(dispute)[0].case
        assert (case.outcome, set(case.votes)) == (None, {order[0].id})


async def test_who_takes_a_case_out_of_turn_gives_way_to_those_before(court: Court) -> None:
    dispute = await court["amina"].disputes.open(await court.trade(1_000), "차례")
    await court.spread()
    order = await seated(court, dispute, 3)  # before anybody was asked
    assert court["amina"].disputes.show(dispute)[0].case.panel == (order[3].id,)
    court.later(30)
    order = await seated(court, dispute, 0, 1, 2)
    case = court["amina"].disputes.show(dispute)[0].case
    assert case.panel == tuple(one.id for one in order[:3])


async def test_a_stranger_can_open_nothing_that_anybody_sees(court: Court) -> None:
    trade = await court.trade()
    opening = await sign(court["o0"], "dispute.open", DisputeOpen(salt=SALT, trade=trade))
    await court.spread()
    for one in court.here:
        assert one.disputes.mine() == []
        assert one.disputes.waiting() == 0
        with pytest.raises(LocalFault) as caught:
            one.disputes.show(opening)
        assert caught.value.code == "dispute-unknown"


async def decided(court: Court, dispute: bytes) -> None:
    """Two of the panel give 500 to the payer."""
    court.later(34)
    for one in (await seated(court, dispute, 0, 1, 2))[:2]:
        await one.disputes.vote(dispute, "payer", 500)
    await court.spread()


async def test_a_trade_is_paid_for_once_however_often_it_was_disputed(court: Court) -> None:
    amina, baraka, chest = court["amina"], court["baraka"], court["chest"]
    trade = await court.trade(1_000)
    mine = await amina.disputes.open(trade, "하나")
    theirs = await baraka.disputes.open(trade, "둘")  # at the same time, unknown to each other
    await court.spread()
    await decided(court, mine)
    await decided(court, theirs)
    first = await chest.disputes.pay(mine)
    with pytest.raises(LocalFault) as caught:
        await chest.disputes.pay(theirs)
    assert caught.value.code == "dispute-paid"
    await court.spread()
    await amina.person.trade.decline(first)
    await court.spread()
    assert amina.disputes.show(mine)[0].stage == "owed"  # what was declined is no payment
    await chest.disputes.pay(theirs)


async def test_a_payment_of_something_else_is_none(court: Court) -> None:
    amina, chest = court["amina"], court["chest"]
    dispute = await amina.disputes.open(await court.trade(1_000), "다른 돈")
    await court.spread()
    await decided(court, dispute)
    small = await chest.person.trade.propose(Proposal(amina.id, 499, invoice=False))
    for paid in (small, bytes(32)):
        body = DisputePaid(dispute=dispute, salt=SALT, trade=paid)
        await sign(chest, "dispute.paid", body)
        await court.spread()
        assert amina.disputes.show(dispute)[0].stage == "owed"
    right = await amina.person.trade.propose(Proposal(court["baraka"].id, 500, invoice=False))
    body = DisputePaid(dispute=dispute, salt=SALT, trade=right)
    await sign(amina, "dispute.paid", body)  # nobody but the treasury can say so
    await court.spread()
    assert amina.disputes.show(dispute)[0].payment is None


async def test_a_new_device_of_a_reader_is_given_the_keys(court: Court, tmp_path: Path) -> None:
    amina = court["amina"]
    dispute = await amina.disputes.open(await court.trade(), "새 기기에서도")
    core = amina.person.core
    device = SigningKey(seed_of("amina device 2"))
    text = crypto.WORD_DEVICE_PROOF + proof_text(core.community, amina.id)
    proof = device.sign(text).signature
    add = DeviceAdd(key=bytes(device.verify_key), proof=proof, scopes=list(DEVICE_SCOPES))
    identity = [
        crypto.record_id(core.community, raw.header) for _, raw in core.reader.records_after(-1, 3)
    ]
    raw = _rooted(amina.person, "device.add", add, 2, identity[1])
    await amina.person.publisher.transact(lambda appender, _: appender.take(raw))
    genesis = core.home.genesis.read_bytes()
    second = move_in(tmp_path, "amina", genesis, amina.clock, "2")
    court.people["amina2"] = Sitter(
        second,
        amina.clock,
        Disputes(second.core, second.publisher, second.trade),
        DisputeDuties(second.core, second.publisher),
    )
    await court.spread()
    assert texts(court["amina2"], dispute) == ["새 기기에서도"]


async def test_times_far_ahead_put_nothing_off(court: Court) -> None:
    """Neither a step of the trade nor a mediator who claims to come from the future keeps others
    from being asked, or from being given keys by the other party."""
    amina, baraka = court["amina"], court["baraka"]
    trade = await amina.person.trade.propose(Proposal(baraka.id, 100, invoice=False))
    await court.spread()
    baraka.clock.now += 3_650 * 86_400_000
    await baraka.person.trade.accept(trade)
    baraka.clock.now -= 3_650 * 86_400_000
    await court.spread()
    dispute = await amina.disputes.open(trade, "앞선 시계")
    await court.spread()
    court.away.add("amina")
    court.later(33)
    order = [court.of(one) for one in baraka.disputes.show(dispute)[0].case.order]
    assert baraka.disputes.show(dispute)[0].stage == "asking"
    order[1].clock.now += 3_650 * 86_400_000
    for place in (1, 2, 3):
        body = DisputeTake(dispute=dispute, salt=SALT, takes=True)
        await sign(order[place], "dispute.take", body)
    court.later(1.1)
    await court.spread()
    assert texts(order[3], dispute) == ["앞선 시계"]
