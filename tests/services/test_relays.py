"""Relays confirm by themselves: real homes, records handed over as neighbours do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.ledger import stamps
from node.protocol import lanes
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.office import ChapterPolicy
from node.protocol.ports import ForkProof
from node.runtime.bridge import NEIGHBOURS_SETTING, Bridge
from node.services.chapters.witness_duties import WitnessDuties
from node.services.incoming import proofs
from node.services.members import devices
from node.services.publish import Draft
from node.services.trading import accounts, relays
from node.services.trading.trade import Proposal
from node.wallet.signer import RootSigner
from tests.support.homes import Person, device_key
from tests.support.village import (
    RELAYS,
    Village,
    come_back,
    head_of,
    lie,
    two_histories,
    village_of,
)

pytestmark = pytest.mark.trio


def goods(person: Person, trade: bytes) -> tuple[str, str, int, int, int]:
    line = person.money.trade(trade).line
    found = line.confirmations
    return line.goods, line.why, found.given, found.needed, found.relays


def stamp_count(person: Person) -> int:
    relay = relays.own_relay(
        person.core.reader, person.core.rules, person.id, person.core.own.public_key
    )
    assert relay is not None
    assert (relay.last is None) == (relay.stamps == 0)
    return relay.stamps


@trio_fixture
async def village(tmp_path: Path) -> AsyncIterator[Village]:
    """Four relays, three of whom must confirm."""
    found = await village_of(tmp_path, 4, 3)
    yield found
    for person in found.everybody:
        person.close()


@pytest.mark.parametrize(("count", "q"), [(1, 1), (2, 2), (3, 2), (4, 3)])
async def test_a_payment_is_confirmed_and_claimed_by_itself(
    tmp_path: Path, count: int, q: int
) -> None:
    village = await village_of(tmp_path, count, q)
    amina, baraka = village.amina, village.baraka
    trade = await amina.trade.propose(Proposal(baraka.id, 2_500, invoice=False))
    assert goods(amina, trade) == ("wait", "unpaid", 0, q, count)
    await amina.trade.release(trade)
    assert goods(amina, trade)[:2] == ("none", "released")
    trade = await village.agreed(amina, baraka, 2_500)
    assert goods(baraka, trade) == ("wait", "unconfirmed", 0, q, count)
    assert baraka.money.balance(baraka.id, 0).spendable == 10_000  # not claimed yet
    await village.spread()
    for person in (amina, baraka, village.officer):
        assert goods(person, trade) == ("confirmed", "confirmed", count, q, count)
    assert baraka.money.balance(baraka.id, 0).spendable == 12_500
    assert [stamp_count(relay) for relay in village.relays] == [1] * count
    for person in village.everybody:
        person.close()


async def test_without_relays_a_payment_is_paid_and_said_not_to_be_final(tmp_path: Path) -> None:
    village = await village_of(tmp_path, 0, 0)
    trade = await village.agreed(village.amina, village.baraka, 2_500)
    assert goods(village.baraka, trade) == ("hand-over", "not_final", 0, 0, 0)
    declined = await village.amina.trade.propose(Proposal(village.baraka.id, 5, invoice=False))
    await village.spread()
    await village.baraka.trade.decline(declined)
    assert goods(village.baraka, declined)[:2] == ("none", "declined")
    for person in village.everybody:
        assert await person.witness_duties.perform() == 0
        person.close()


async def test_so_many_relays_may_be_down_as_the_founders_chose(village: Village) -> None:
    away = village.relays[3]
    trade = await village.agreed(village.amina, village.baraka, 700)
    await village.spread(away)
    assert goods(village.baraka, trade) == ("confirmed", "confirmed", 3, 3, 4)
    more = village.relays[2]
    second = await village.agreed(village.amina, village.baraka, 300)
    await village.spread(away, more)
    assert goods(village.baraka, second) == ("wait", "unconfirmed", 2, 3, 4)
    assert village.baraka.money.balance(village.baraka.id, 0).spendable == 10_700
    await village.spread(away)
    assert goods(village.baraka, second) == ("confirmed", "confirmed", 3, 3, 4)
    assert stamp_count(away) == 0
    await village.spread()  # back after all: one confirmation covers what it missed
    assert stamp_count(away) == 1
    assert goods(village.baraka, trade)[2:] == goods(village.baraka, second)[2:] == (4, 3, 4)


async def test_one_confirmation_covers_all_before_it(village: Village) -> None:
    paid = [await village.agreed(village.amina, village.baraka, 100 + n) for n in range(7)]
    await village.spread()
    assert [stamp_count(relay) for relay in village.relays] == [1, 1, 1, 1]
    assert {goods(village.officer, trade)[0] for trade in paid} == {"confirmed"}


async def test_who_only_sells_costs_no_confirmation(village: Village) -> None:
    await village.agreed(village.amina, village.baraka, 100)
    await village.spread()
    reader = village.relays[0].core.reader
    stamped = accounts.stamped_heads(village.officer.core, reader, village.baraka.id)
    assert stamped == set()
    before = [stamp_count(relay) for relay in village.relays]
    await village.baraka.trade.propose(Proposal(village.amina.id, 10, invoice=False))
    await village.spread()  # moved, and not paid: nothing to confirm
    assert [stamp_count(relay) for relay in village.relays] == before


async def test_a_relay_that_starts_again_confirms_what_it_missed_and_nothing_twice(
    village: Village,
) -> None:
    relay = village.relays[0]
    await village.agreed(village.amina, village.baraka, 100)
    await village.spread(relay)
    await village.amina.hand_to(relay)  # it stopped before its duties were done
    again = WitnessDuties(relay.core, relay.publisher)
    assert await again.perform() == 1
    assert await again.perform() == 0
    assert await WitnessDuties(relay.core, relay.publisher).perform() == 0
    assert stamp_count(relay) == 1


async def test_only_what_changed_is_looked_at(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    await village.agreed(village.amina, village.baraka, 100)
    await village.spread()
    duties = village.relays[0].witness_duties
    looked: list[bytes] = []
    due = WitnessDuties._due

    def noted(self: WitnessDuties, reader: object, lane_key: bytes):  # type: ignore[no-untyped-def]
        looked.append(lane_key)
        return due(self, reader, lane_key)  # type: ignore[arg-type]

    monkeypatch.setattr(WitnessDuties, "_due", noted)
    assert await duties.perform() == 0
    assert looked == []
    await village.agreed(village.amina, village.baraka, 50)
    await village.amina.hand_to(village.relays[0])
    assert await duties.perform() == 1
    payer = village.amina.id + device_key("amina") + bytes((Lane.ACCOUNT,))
    payee = village.baraka.id + device_key("baraka") + bytes((Lane.ACCOUNT,))
    assert set(looked) == {payer, payee}


async def test_one_liar_of_four_doubles_nothing_and_is_convicted(village: Village) -> None:
    first, second = two_histories(village)
    officer, baraka, (w0, w1, w2, liar) = village.officer, village.baraka, village.relays
    here = await village.agreed(first, baraka, 10_000)
    there = await village.agreed(second, officer, 10_000)  # the whole limit, twice
    await first.hand_to(w0, w1, liar)
    await second.hand_to(w2)
    for relay in (w0, w1, w2):
        assert await relay.duties() == 1
    await liar.hand_to(w0)
    await lie(liar, head_of(first))
    await second.hand_to(liar)
    await lie(liar, head_of(second))
    second.close()
    await village.spread(first)
    assert goods(baraka, here)[:3] == ("confirmed", "confirmed", 3)
    assert goods(officer, there)[:3] == ("wait", "doubtful", 2)
    assert baraka.money.balance(baraka.id, 0).spendable == 20_000
    assert officer.money.balance(officer.id, 0).spendable == 10_000  # nothing double is claimed
    for person in (officer, baraka, w0):
        reader, rules = person.core.reader, person.core.rules
        convicted = relays.convicted(reader, rules, 0)
        assert convicted == [(device_key("w3"), liar.id)]
        assert [stamps.is_convicted(reader, device_key(n)) for n in RELAYS[:3]] == [False] * 3
    own = relays.own_relay(liar.core.reader, liar.core.rules, liar.id, device_key("w3"))
    assert own is not None
    assert own.convicted


async def test_a_fork_known_by_its_proof_alone_is_confirmed_below_and_not_beyond(
    village: Village,
) -> None:
    beneath = await village.agreed(village.amina, village.baraka, 100)
    first, second = two_histories(village)
    relay, here, there = village.relays[0], first.core.reader, second.core.reader
    beyond = await village.agreed(first, village.baraka, 50)
    await second.trade.propose(Proposal(village.officer.id, 5, invoice=False))
    other = lanes.ENTRY.must(there, head_of(second))
    twin = lanes.at_seq(here, lanes.ENTRY.must(here, head_of(first)), other.seq)
    mine, theirs = here.raw(lanes.ENTRY.must(here, twin).number), there.raw(other.number)
    assert mine is not None
    assert theirs is not None
    proof = ForkProof(mine.header, mine.signature, theirs.header, theirs.signature)
    second.close()
    assert await proofs.take(relay.core, [proof], "neighbour") == []
    await first.hand_to(relay)
    assert await relay.duties() == 1
    lane_key = first.id + device_key("amina") + bytes((Lane.ACCOUNT,))
    assert lanes.LANE.must(relay.core.reader, lane_key).fork_seq == -1  # only the proof says so
    assert [goods(relay, trade)[2] for trade in (beneath, beyond)] == [1, 0]


async def test_what_a_cut_lets_stand_is_confirmed_after_all(village: Village) -> None:
    first, second = two_histories(village)
    officer, relay = village.officer, village.relays[0]
    here = await village.agreed(first, village.baraka, 400)
    await village.agreed(second, officer, 900)
    await first.hand_to(relay, village.baraka)
    await second.hand_to(relay)
    second.close()
    assert await relay.duties() == 0  # which history stands, nobody can say
    with RootSigner(bytes(first.root)) as root:
        await first.publisher.transact(
            lambda appender, state: devices.revoke_device(
                first.core, appender, state, root, first.core.own.public_key
            )
        )
    await first.hand_to(relay)
    assert await relay.duties() == 1
    assert goods(relay, here)[2] == 1


async def test_a_relay_set_back_confirms_nothing_before_a_neighbour_has_answered(
    village: Village,
) -> None:
    relay = village.relays[0]
    await village.agreed(village.amina, village.baraka, 100)
    await village.spread()
    await relay.core.writer.run(lambda state: state.settings.put(NEIGHBOURS_SETTING, "1"))
    bridge = Bridge(relay.core)
    assert relay.core.echo_wanted
    await village.agreed(village.amina, village.baraka, 200)
    await village.amina.hand_to(relay)
    assert await relay.duties() == 0
    with pytest.raises(LocalFault) as caught:
        await lie(relay, head_of(village.amina))
    assert caught.value.code == "not-echoed"
    own = [h for lane in bridge._own_lanes() for h in lanes.heads_of(relay.core.reader, lane)]
    assert {head.lane_key[64] for head in own} == {Lane.ACCOUNT, Lane.WITNESS}
    bridge._echoed("peer", [head for head in own if head.lane_key[64] == Lane.ACCOUNT])
    assert await relay.duties() == 0  # the neighbour has not shown the confirmations
    bridge._echoed("peer", own)
    assert await relay.duties() == 1


async def test_what_a_relay_confirmed_and_a_restore_missed_is_carried_by_the_next_one(
    village: Village,
) -> None:
    officer, baraka, old = village.officer, village.baraka, village.amina
    late = await village.agreed(old, baraka, 1_000)
    await village.spread(officer)  # confirmed, and the officer has not heard of it
    again = await come_back(village, " second", officer)
    assert accounts.left_behind(again.core, again.core.reader) == set()
    await again.hand_to(officer)
    assert await officer.duties() == 1  # a limit, before anybody tells of the payment
    await officer.hand_to(again)
    await village.spread()  # now it comes to light
    confirmed = accounts.left_behind(again.core, again.core.reader)
    assert confirmed == {stamped_by(village.relays[0])}
    stuck = await village.agreed(again, baraka, 2_000)
    await village.spread()
    assert goods(baraka, stuck)[:3] == ("wait", "unconfirmed", 0)
    assert goods(baraka, late)[0] == "confirmed"
    third = await come_back(village, " third", officer, again)
    assert accounts.left_behind(third.core, third.core.reader) == set()
    again.close()
    await village.spread()
    assert goods(baraka, stuck)[:3] == ("confirmed", "confirmed", 4)
    assert third.money.balance(third.id, 0).spendable == 7_000
    assert baraka.money.balance(baraka.id, 0).spendable == 13_000
    fresh = await village.agreed(third, baraka, 7_000)
    await village.spread()
    assert goods(baraka, fresh)[:3] == ("confirmed", "confirmed", 4)
    old.close()


def stamped_by(relay: Person) -> bytes:
    """The head of the newest stamp of a relay."""
    lane_key = relay.id + relay.core.own.public_key + bytes((Lane.WITNESS,))
    (head,) = lanes.heads_of(relay.core.reader, lane_key)
    row = stamps.STAMP.get(relay.core.reader, head.id)
    assert row is not None
    return row.head


@pytest.mark.parametrize(
    ("secured_from", "amount", "why"),
    [(1_000, 999, "below"), (1_000, 1_000, "unconfirmed"), (None, 9_000, "below")],
)
async def test_the_chapter_decides_from_which_amount_goods_wait(
    village: Village, secured_from: int | None, amount: int, why: str
) -> None:
    policy = ChapterPolicy(
        approvals=[],
        chapter="마을",
        counts=[],
        faith_days=30,
        list=village.officer.core.community,
        mediators=[],
        secured_from=secured_from,
        supersedes=[],
    )
    await village.officer.publisher.publish(Draft("chapter.policy", policy))
    await village.spread()
    trade = await village.agreed(village.amina, village.baraka, amount)
    expected = "hand-over" if why == "below" else "wait"
    assert goods(village.baraka, trade)[:2] == (expected, why)
    await village.spread()
    assert goods(village.baraka, trade)[0] == "confirmed"
