"""What amounts are counted in, and what members give beside credit."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.ledger import book
from node.protocol.errors import LocalFault
from node.protocol.genesis import CreditUnit
from node.services.trading import units
from node.services.trading.trade import Proposal
from tests.support.homes import Person
from tests.tidy import ROOT

CREDIT = CreditUnit(code="나눔", decimals=2)


@pytest.mark.parametrize(
    ("written", "unit", "decimals", "amount", "shown"),
    [
        ("credit", "credit", 2, 1_250, "12.50 나눔"),
        ("eur", "EUR", 2, 1_250, "12.50 EUR"),
        ("KRW", "KRW", 0, 1_250, "1,250 KRW"),
        ("KWD", "KWD", 3, 1_250, "1.250 KWD"),
        ("Hours", "hours", 2, 150, "1.50 시간"),
        ("gift", "gift", 0, 1, "선물"),
        ("barter", "barter", 0, 3, "3 맞바꾸기"),
        ("달걀", "달걀", 2, 600, "6.00 달걀"),
    ],
)
def test_a_unit_has_a_word_decimals_and_a_name(
    written: str, unit: str, decimals: int, amount: int, shown: str
) -> None:
    assert units.checked(written) == unit
    assert units.decimals_of(unit, CREDIT) == decimals
    assert units.shown(amount, unit, CREDIT, "ko") == shown


def test_decimals_of_currencies_are_those_that_the_document_names() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    said = text[text.index("none for BIF") : text.index("two for all others")]
    for part, decimals in zip(said.split(";"), (0, 3, 4), strict=False):
        for code in re.findall("[A-Z]{3}", part):
            assert units.is_currency(code)
            assert units.decimals_of(code, CREDIT) == decimals
    named = set(re.findall("[A-Z]{3}", said))
    assert named == set(units.DECIMALS_OF_CURRENCIES)
    for code in ("EUR", "IDR", "RSD", "IRR", "PKR"):  # where people often write none
        assert units.decimals_of(code, CREDIT) == 2


@pytest.mark.parametrize("written", ["", " ", "ABC", "two words", "a\u202eb", "x" * 17, "a\nb"])
def test_what_is_no_unit_is_refused(written: str) -> None:
    with pytest.raises(LocalFault) as caught:
        units.checked(written)
    assert caught.value.code == "unit-unknown"


@given(st.text())
def test_any_text_is_a_unit_or_refused_and_checking_twice_changes_nothing(written: str) -> None:
    try:
        unit = units.checked(written)
    except LocalFault:
        return
    assert units.checked(unit) == unit
    assert units.shown(1, unit, CREDIT, "en")


def totals(seen_by: Person, of: Person) -> dict[str, tuple[int, int]]:
    found = book.contributions(seen_by.core.reader, 0, of.id)
    return {unit: (row.given, row.received) for unit, row in found.items()}


async def trade(giver: Person, taker: Person, unit: str, amount: int) -> bytes:
    """Propose, accept, settle."""
    made = await giver.trade.propose(Proposal(taker.id, amount, invoice=False, unit=unit))
    await giver.hand_to(taker)
    await taker.trade.accept(made)
    await taker.hand_to(giver)
    await giver.duties()
    await giver.hand_to(taker)
    return made


@pytest.mark.trio
async def test_hours_and_gifts_are_receipts_that_move_no_credit(people: list[Person]) -> None:
    _, amina, baraka = people
    for unit, amount in (("hours", 150), ("hours", 50), ("gift", 1), ("KRW", 30_000)):
        made = await trade(amina, baraka, unit, amount)
        assert baraka.money.trade(made).status == "settled"
    for person in (amina, baraka):
        assert totals(person, amina) == {"KRW": (30_000, 0), "gift": (1, 0), "hours": (200, 0)}
        assert totals(person, baraka) == {"KRW": (0, 30_000), "gift": (0, 1), "hours": (0, 200)}
        view = person.money.balance(person.id, 0)
        assert (view.book, view.spendable) == (0, 10_000)


@pytest.mark.trio
async def test_more_than_any_limit_may_be_given_in_another_unit(people: list[Person]) -> None:
    _, amina, baraka = people
    await trade(amina, baraka, "hours", 2**40)
    assert totals(amina, amina) == {"hours": (2**40, 0)}


@pytest.mark.trio
async def test_what_is_given_back_counts_the_other_way(people: list[Person]) -> None:
    _, amina, baraka = people
    made = await trade(amina, baraka, "hours", 200)
    back = await baraka.trade.refund(made, 50)
    await baraka.hand_to(amina)
    await amina.trade.accept(back)
    await amina.hand_to(baraka)
    await baraka.duties()
    await baraka.hand_to(amina)
    assert totals(amina, amina) == {"hours": (200, 50)}
    assert totals(amina, baraka) == {"hours": (50, 200)}
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.refund(made, 151)
    assert caught.value.code == "refund-exceeds"
