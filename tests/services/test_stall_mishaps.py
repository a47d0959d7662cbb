"""Notes that are lost, late, cut, mixed up, forged, or meant for others."""

from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.protocol import note
from node.protocol.errors import LocalFault
from node.services.trading.stall import join, split
from node.services.trading.trade import Proposal
from tests.support.homes import Person, member_id, move_in, town
from tests.support.stalls import (
    busy_morning,
    clock_of,
    hand,
    in_step,
    later,
    meet,
    root_of,
    sell,
    stall_of,
)

pytestmark = pytest.mark.trio


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "officer", "amina", "baraka", "chandra")
    yield found
    for person in found:
        person.close()


async def test_a_note_that_was_lost_is_made_again(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    assert stall_of(baraka).give(trade) == stall_of(baraka).give(trade)
    await hand(stall_of(baraka).give(trade), amina)
    await amina.trade.accept(trade)
    stall_of(amina).give(trade)  # lost
    await hand(stall_of(amina).give(trade), baraka)
    assert stall_of(baraka).standing(trade) == "paid"


async def test_a_note_taken_again_or_late_changes_nothing(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    trade, asked, paid = await sell(baraka, amina)
    _, newer, _ = await sell(baraka, amina)
    before = [root_of(person) for person in people]
    for given, reader in ((asked, amina), (newer, amina), (paid, baraka), (asked, amina)):
        taken = await hand(given, reader)
        assert (taken.accepted, taken.rejected, taken.settled) == (0, 0, [])
    assert [root_of(person) for person in people] == before
    third, _, _ = await sell(baraka, amina)
    assert stall_of(baraka).standing(third) == stall_of(baraka).standing(trade) == "paid"


async def test_parts_that_are_missing_mixed_garbled_or_foreign_are_named(
    people: list[Person],
) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 12)
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    texts = split(stall_of(baraka).give(trade).data, 400)
    other = split(stall_of(amina).greet().data, 400)
    assert len(texts) > 4
    garbled = "B" if texts[0].endswith("A") else "A"
    for given, code in (
        (texts[:1] + texts[3:], "note-parts"),
        (texts[:2] + other, "note-mixed"),
        ([texts[0][:-1] + garbled, *texts[1:]], "note-invalid"),
        (["wetalk:join?c=gA"], "note-invalid"),
        ([], "note-invalid"),
        (["", "  "], "note-invalid"),
    ):
        with pytest.raises(LocalFault) as caught:
            join(given)
        assert caught.value.code == code, given
        if code == "note-parts":
            assert caught.value.values["missing"] == "2, 3"
    for data in (b"", b"\x80", stall_of(baraka).give(trade).data[:-1]):
        with pytest.raises(LocalFault) as caught:
            await stall_of(amina).take(data)
        assert caught.value.code == "note-invalid"


async def test_a_note_of_another_community_is_refused_as_a_whole(
    people: list[Person], tmp_path: Path
) -> None:
    _, amina, baraka, _ = people
    others = await town(tmp_path / "elsewhere", "amina", "zoe")
    before = root_of(others[1])
    with pytest.raises(LocalFault) as caught:
        await hand(stall_of(baraka).greet(), others[1])
    assert caught.value.code == "other-community"
    assert root_of(others[1]) == before
    assert amina.core.community != others[1].core.community
    for person in others:
        person.close()


async def test_who_gets_a_note_for_others_takes_its_records_and_not_its_order(
    people: list[Person],
) -> None:
    _, amina, baraka, chandra = people
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True, order="약"))
    given = stall_of(baraka).give(trade)
    assert "약".encode() in given.data  # from person to person: the reader reads it
    taken = await hand(given, chandra)
    assert (taken.accepted, taken.duplicate, taken.answer) == (1, given.records - 1, None)
    assert chandra.money.trade(trade).order is None
    assert chandra.core.reader.orders.all() == []
    with pytest.raises(LocalFault) as caught:
        stall_of(chandra).give(trade)
    assert caught.value.code == "trade-unknown"


async def test_an_order_goes_only_to_the_other_side_of_the_trade(people: list[Person]) -> None:
    """A note that names somebody else's trade and asks for it gets no order text."""
    _, amina, baraka, chandra = people
    trade, _, _ = await sell(baraka, amina)
    for sender in (chandra, amina):
        question = note.encode(
            note.Note(baraka.core.community, sender.id, trades=(trade,), lacking=(bytes(32), trade))
        )
        taken = await stall_of(baraka).take(question)
        assert taken.answer is not None
        found = note.decode(taken.answer.data)
        assert bool(found.orders) == (sender is amina)
        assert (trade in found.trades) == (sender is amina)


async def test_an_order_of_another_trade_is_not_put_under_this_one(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True, order="one loaf"))
    given = stall_of(baraka).give(trade)
    forged = given.data.replace(b"one loaf", b"two loaf")
    assert forged != given.data
    await stall_of(amina).take(forged)
    assert amina.money.trade(trade).order is None
    await stall_of(amina).take(given.data)
    assert amina.money.trade(trade).order == "one loaf"


async def test_own_notes_are_recognised(people: list[Person]) -> None:
    _, amina, _, _ = people
    taken = await hand(stall_of(amina).greet(), amina)
    assert (taken.own, taken.accepted, taken.answer) == (True, 0, None)
    assert amina.core.reader.partners.get(amina.id) is None


@pytest.mark.parametrize("step", ["take", "_learn", "settle"])
async def test_a_power_cut_while_taking_a_note_loses_nothing(
    people: list[Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    _, amina, baraka, _ = people
    trade = await amina.trade.propose(Proposal(baraka.id, 250, invoice=False, order="김치"))
    await hand(stall_of(amina).give(trade), baraka)
    await baraka.trade.accept(trade)
    given = stall_of(baraka).give(trade)
    stall = stall_of(amina)

    def cut(*_: object, **__: object) -> None:
        raise RuntimeError("the power is gone")

    owner = {"take": amina.intake, "_learn": stall, "settle": amina.trade}[step]
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, cut)
        with pytest.raises(RuntimeError):
            await stall.take(given.data)
    amina.close()
    genesis = amina.core.home.genesis.read_bytes()
    again = people[1] = move_in(tmp_path, "amina", genesis, clock_of(baraka))
    taken = await hand(given, again)
    assert again.money.trade(trade).status == "settled"
    assert again.money.trade(trade).order == "김치"
    assert taken.answer is not None
    await hand(taken.answer, baraka)
    assert stall_of(baraka).standing(trade) == "paid"
    await meet(people)
    assert len({root_of(person) for person in people}) == 1


async def test_false_words_about_what_one_holds_cost_a_note_and_no_more(
    people: list[Person],
) -> None:
    """Somebody shows a note in the name of Amina that claims everything."""
    _, amina, baraka, _ = people
    await busy_morning(people, 6)
    heads = [raw for _, raw in baraka.core.reader.records_after(-1, 10_000)][-40:]
    in_step(baraka)
    later(*people)
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    lie = note.Note(
        baraka.core.community, member_id("amina"), records=tuple(heads[-10:]), seen=2**53 - 1
    )
    await stall_of(baraka).take(note.encode(lie))
    taken = await hand(stall_of(baraka).give(trade, full=False), amina)
    for _ in range(2):
        if taken.answer is not None:
            mended = await hand(taken.answer, baraka)
            assert mended.answer is not None
            taken = await hand(mended.answer, amina)
    assert (taken.lacking, taken.answer) == (0, None)
    assert stall_of(amina).standing(trade) == "asked"
