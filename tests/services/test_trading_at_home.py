"""Members trade: real homes, real storage, records handed over as neighbours do."""

import pytest

from node.ledger import book
from node.ledger.root import state_root
from node.protocol.errors import LocalFault
from node.services.trading.trade import Proposal
from tests.support.homes import Person

pytestmark = pytest.mark.trio


async def spread(*people: Person) -> None:
    """Everybody gives everybody all, and does their duties, until nothing is left to do."""
    for _ in range(6):
        for person in people:
            await person.hand_to(*(other for other in people if other is not person))
        if sum([await person.duties() for person in people]) == 0:
            return
    raise AssertionError("duties never end")


def balances(people: list[Person]) -> list[int]:
    return [book.balance(people[0].core.reader, 0, person.id) for person in people]


async def test_admitted_members_are_granted_the_default_limit(people: list[Person]) -> None:
    for person in people:
        view = person.money.balance(person.id, 0)
        assert (view.book, view.spendable, view.limit) == (0, 10_000, 10_000)


async def test_what_was_declined_is_free_again_and_still_told_as_declined(
    people: list[Person],
) -> None:
    _officer, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 3_000, invoice=False))
    await amina.hand_to(baraka)
    await baraka.trade.decline(trade)
    assert amina.money.balance(amina.id, 0).spendable == 7_000
    await spread(*people)
    view = amina.money.balance(amina.id, 0)
    assert (view.spendable, view.reserved) == (10_000, 0)
    for person in (amina, baraka):
        found = person.money.trade(trade)
        assert (found.status, found.next_steps) == ("declined", ())
    assert [one.id for one in amina.money.trades(None, 9, state="declined")[0]] == [trade]
    assert amina.money.trades(None, 9, state="released")[0] == []


async def test_a_proposal_is_accepted_settled_and_claimed(people: list[Person]) -> None:
    _officer, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 2_500, invoice=False, order="김치 두 통"))
    assert amina.money.trade(trade).next_steps == ("release",)
    assert amina.money.balance(amina.id, 0).reserved == 2_500
    await amina.hand_to(baraka)
    assert baraka.money.trade(trade).next_steps == ("accept", "decline")
    await baraka.trade.accept(trade)
    await spread(*people)
    assert balances(people) == [0, -2_500, 2_500]
    assert amina.money.trade(trade).order == "김치 두 통"
    assert baraka.money.trade(trade).order is None  # the order is private to who holds it
    assert amina.money.balance(amina.id, 0).spendable == 7_500
    assert baraka.money.balance(baraka.id, 0).spendable == 12_500


async def test_an_invoice_commits_when_the_payer_accepts(people: list[Person]) -> None:
    _, amina, baraka = people
    trade = await baraka.trade.propose(Proposal(amina.id, 700, invoice=True, order="머리 손질"))
    await baraka.hand_to(amina)
    await amina.trade.accept(trade)
    await spread(*people)
    assert balances(people) == [0, -700, 700]
    assert baraka.money.trade(trade).status == "settled"


async def test_what_breaks_the_limit_is_refused_and_nothing_is_stored(
    people: list[Person],
) -> None:
    _, amina, baraka = people
    before = amina.core.reader.record_count()
    with pytest.raises(LocalFault) as caught:
        await amina.trade.propose(Proposal(baraka.id, 10_001, invoice=False))
    assert caught.value.code == "over-limit"
    assert amina.core.reader.record_count() == before


async def test_a_refund_gives_back_at_most_what_was_paid(people: list[Person]) -> None:
    _, amina, baraka = people
    trade = await baraka.trade.propose(Proposal(amina.id, 1_000, invoice=True))
    await baraka.hand_to(amina)
    await amina.trade.accept(trade)
    await spread(*people)
    back = await baraka.trade.refund(trade, 400)
    await baraka.hand_to(amina)
    await amina.trade.accept(back)
    await spread(*people)
    assert balances(people) == [0, -600, 600]
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.refund(trade, 601)
    assert caught.value.code == "refund-exceeds"
    assert amina.money.trade(trade).line.why == "not_final"
    rest = await baraka.trade.refund(trade, 600)
    await baraka.hand_to(amina)
    await amina.trade.accept(rest)
    await spread(*people)
    for person in (amina, baraka):
        line = person.money.trade(trade).line
        assert (line.goods, line.why) == ("none", "returned")


async def test_release_frees_what_was_reserved(people: list[Person]) -> None:
    _, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 4_000, invoice=False))
    await amina.trade.release(trade)
    assert amina.money.balance(amina.id, 0).spendable == 10_000
    assert amina.money.trade(trade).status == "released"


async def test_all_homes_show_the_same_root_and_the_sum_is_zero(people: list[Person]) -> None:
    _, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 100, invoice=False))
    await amina.hand_to(baraka)
    await baraka.trade.accept(trade)
    await spread(*people)
    roots = {state_root(p.core.reader, p.core.rules) for p in people}
    assert len(roots) == 1
    assert sum(balances(people)) == 0


async def test_a_statement_adds_up(people: list[Person]) -> None:
    _, amina, baraka = people
    for amount in (300, 200):
        trade = await baraka.trade.propose(Proposal(amina.id, amount, invoice=True))
        await baraka.hand_to(amina)
        await amina.trade.accept(trade)
        await spread(*people)
    statement = amina.money.statement(0, "2026-09")
    assert [m.amount for m in statement.movements] == [-300, -200]
    assert statement.opening + sum(m.amount for m in statement.movements) == statement.closing
    assert statement.closing == -500


async def test_ratings_rest_on_committed_trades_only(people: list[Person]) -> None:
    _, amina, baraka = people
    trade = await baraka.trade.propose(Proposal(amina.id, 300, invoice=True))
    await baraka.hand_to(amina)
    with pytest.raises(LocalFault) as caught:
        await amina.trade.rate(trade, 5, "")
    assert caught.value.code == "not-committed"
    await amina.trade.accept(trade)
    await amina.trade.rate(trade, 5, "맛있어요")
    with pytest.raises(LocalFault) as caught:
        await amina.trade.rate(trade, 1, "")
    assert caught.value.code == "rating"


async def test_a_suspended_member_is_not_accepted_from(people: list[Person]) -> None:
    officer, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 300, invoice=False))
    await amina.hand_to(baraka)
    await officer.community.suspend(None, amina.id)
    await officer.hand_to(baraka)
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.accept(trade)
    assert caught.value.code == "suspended"


async def test_trades_are_listed_by_where_they_stand(people: list[Person]) -> None:
    _, amina, baraka = people
    made = {
        state: await amina.trade.propose(Proposal(baraka.id, 10, invoice=False))
        for state in ("settled", "declined", "released", "accepted", "proposed")
    }
    await amina.hand_to(baraka)
    await baraka.trade.accept(made["settled"])
    await baraka.trade.decline(made["declined"])
    await baraka.hand_to(amina)
    await amina.duties()
    await amina.trade.release(made["released"])
    await baraka.trade.accept(made["accepted"])
    await baraka.hand_to(amina)
    for state, trade in made.items():
        found, more = amina.money.trades(None, 10, state=state)
        assert ([view.id for view in found], more) == ([trade], None)
    assert amina.money.trades(None, 10, state="secured") == ([], None)
    everything, _ = amina.money.trades(None, 10)
    assert [view.id for view in everything] == [*reversed(made.values())]
    first, more = amina.money.trades(None, 3)
    rest, end = amina.money.trades(more, 3)
    assert ([*first, *rest], end) == (everything, None)
