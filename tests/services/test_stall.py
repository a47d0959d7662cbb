"""Trading at a market stall: real homes, no network; notes go from hand to hand."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pytest_trio import trio_fixture

from node.ledger import book
from node.protocol.errors import LocalFault
from node.services.homes.keyless import keyless_core
from node.services.incoming.intake import FILE, Intake
from node.services.trading.stall import split, standing_of
from node.services.trading.trade import Proposal
from node.storage.home import Home
from tests.support.homes import Clock, Person, move_in, town
from tests.support.stalls import (
    CODE_CHARACTERS,
    balances,
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
from tests.support.world import Made, World


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "officer", "amina", "baraka", "chandra")
    yield found
    for person in found:
        person.close()


# --- the two ways ---------------------------------------------------------------------------------
@pytest.mark.trio
async def test_an_invoice_is_paid_with_two_notes(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True, order="김치 두 통"))
    taken = await hand(stall_of(baraka).give(trade), amina)
    assert (taken.sender, taken.trades) == (baraka.id, (trade,))
    assert (taken.lacking, taken.rejected, taken.answer) == (0, 0, None)
    assert amina.money.trade(trade).order == "김치 두 통"
    assert stall_of(amina).standing(trade) == "asked"
    await amina.trade.accept(trade)
    assert stall_of(amina).standing(trade) == "paid"
    done = await hand(stall_of(amina).give(trade), baraka)
    assert (done.lacking, done.answer) == (0, None)
    assert stall_of(baraka).standing(trade) == "paid"
    assert balances(people, baraka) == balances(people, amina) == [0, -250, 250, 0]
    assert await baraka.duties() == 1  # claims
    assert baraka.money.balance(baraka.id, 0).spendable == 10_250


@pytest.mark.trio
async def test_a_payment_is_settled_as_soon_as_its_acceptance_is_taken(
    people: list[Person],
) -> None:
    _, amina, baraka, _ = people
    trade = await amina.trade.propose(Proposal(baraka.id, 700, invoice=False, order="쌀"))
    await hand(stall_of(amina).give(trade), baraka)
    await baraka.trade.accept(trade)
    assert stall_of(baraka).standing(trade) == "accepted"
    taken = await hand(stall_of(baraka).give(trade), amina)
    assert (taken.settled, taken.unsettled) == ([trade], [])
    assert taken.answer is not None
    last = await hand(taken.answer, baraka)
    assert (last.accepted, last.answer) == (1, None)
    assert stall_of(baraka).standing(trade) == stall_of(amina).standing(trade) == "paid"
    assert balances(people, baraka) == [0, -700, 700, 0]


@pytest.mark.trio
async def test_a_refusal_travels_too(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    await hand(stall_of(baraka).give(trade), amina)
    await amina.trade.decline(trade)
    await hand(stall_of(amina).give(trade), baraka)
    assert stall_of(baraka).standing(trade) == "off"


@pytest.mark.trio
async def test_only_who_stands_in_step_settles_without_being_told_to(people: list[Person]) -> None:
    """R11: after a start without neighbours an own copy might have signed elsewhere."""
    _, amina, baraka, _ = people
    amina.core.echo_wanted = True
    with pytest.raises(LocalFault) as caught:
        await amina.trade.propose(Proposal(baraka.id, 10, invoice=False))
    assert caught.value.code == "not-echoed"
    trade = await amina.trade.propose(Proposal(baraka.id, 10, invoice=False), anyway=True)
    await hand(stall_of(amina).give(trade), baraka)
    await baraka.trade.accept(trade)
    accepted = stall_of(baraka).give(trade)
    taken = await hand(accepted, amina)
    assert (taken.settled, taken.unsettled, taken.reason) == ([], [trade], "not-echoed")
    assert stall_of(amina).standing(trade) == "accepted"
    taken = await hand(accepted, amina, anyway=True)
    assert (taken.settled, taken.unsettled, taken.reason) == ([trade], [], None)
    assert taken.answer is not None


# --- only what is lacking -------------------------------------------------------------------------
@pytest.mark.trio
async def test_a_second_trade_brings_what_is_new_and_nothing_else(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 12)
    notes = [(await sell(baraka, amina))[1:]]
    for _ in range(9):
        await baraka.duties()
        notes.append((await sell(baraka, amina))[1:])
    first, second, tenth = notes[0], notes[1], notes[9]
    assert [given.records for given in second] == [2, 1]  # claim and invoice; acceptance
    assert [given.records for given in tenth] == [2, 1]
    assert first[0].records > 2
    assert [len(split(given.data, CODE_CHARACTERS)) for given in tenth] == [1, 1]
    assert [len(given.data) for given in tenth] == [len(given.data) for given in second]
    assert max(len(given.data) for given in tenth) < 1_000


@pytest.mark.trio
async def test_a_greeting_makes_the_first_note_as_short_as_the_tenth(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 12)
    greeting = stall_of(amina).greet()
    assert (greeting.records, greeting.trades, greeting.partner) == (3, (), None)
    taken = await hand(greeting, baraka)
    assert (taken.accepted, taken.duplicate, taken.answer) == (0, 3, None)
    _, asked, paid = await sell(baraka, amina)
    assert [asked.records, paid.records] == [1, 1]


@pytest.mark.trio
async def test_a_stranger_to_the_seller_is_introduced_by_a_greeting(tmp_path: Path) -> None:
    clock = Clock()
    officer, amina, baraka = await town(tmp_path, "officer", "amina", "baraka", clock=clock)
    late = move_in(tmp_path, "baraka", amina.core.home.genesis.read_bytes(), clock, "2")
    identity = [raw for _, raw in baraka.core.reader.records_after(-1, 9)]
    await late.intake.take([raw for raw in identity if baraka.id in raw.header], "baraka")
    with pytest.raises(LocalFault) as caught:  # who was away does not know them
        await late.trade.propose(Proposal(amina.id, 10, invoice=True))
    assert caught.value.code in ("no-account", "partner-unknown")
    taken = await hand(stall_of(amina).greet(), late)
    assert (taken.accepted, taken.lacking) == (3, 0)
    for person in (officer, amina, baraka, late):
        person.close()


@pytest.mark.trio
async def test_what_both_had_from_the_network_is_left_out_of_codes_not_of_files(
    people: list[Person],
) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 12)
    in_step(amina, baraka)
    later(*people)
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    short, full = stall_of(baraka).give(trade, full=False), stall_of(baraka).give(trade)
    assert short.records == 1 < full.records
    taken = await hand(short, amina)
    assert (taken.accepted, taken.lacking) == (1, 0)


@pytest.mark.trio
async def test_a_wrong_guess_is_asked_back_and_mended(people: list[Person]) -> None:
    """Amina was away from the network all morning; the seller could not know."""
    officer, amina, baraka, chandra = people
    await busy_morning([officer, chandra, baraka, amina], 3)
    for _ in range(3):
        trade = await baraka.trade.propose(Proposal(chandra.id, 10, invoice=True))
        await baraka.hand_to(chandra)
        await chandra.trade.accept(trade)
        await chandra.hand_to(baraka)
        await baraka.duties()
    in_step(baraka, amina)
    later(*people)
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True, order="김치"))
    taken = await hand(stall_of(baraka).give(trade, full=False), amina)
    assert (taken.accepted, taken.lacking) == (0, 1)
    assert stall_of(amina).standing(trade) == "unknown"
    rounds = 0
    while taken.answer is not None:
        rounds += 1
        assert taken.lacking, "an answer to a question that was not asked"
        mended = await hand(taken.answer, baraka)
        assert mended.answer is not None
        taken = await hand(mended.answer, amina)
    assert rounds == 1
    assert stall_of(amina).standing(trade) == "asked"
    assert amina.money.trade(trade).order == "김치"
    await amina.trade.accept(trade)
    await hand(stall_of(amina).give(trade), baraka)
    assert stall_of(baraka).standing(trade) == "paid"


@pytest.mark.trio
async def test_more_than_a_note_holds_is_said(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 8)
    monkeypatch.setattr("node.services.trading.stall.RECORDS_MAX_COUNT", 3)
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    with pytest.raises(LocalFault) as caught:
        stall_of(baraka).give(trade)
    assert caught.value.code == "note-too-large"
    await hand(stall_of(amina).greet(), baraka)
    assert stall_of(baraka).give(trade).records == 1


# --- back on the network --------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["seller first", "buyer first", "seller only", "buyer only"])
@pytest.mark.trio
async def test_others_come_to_the_same_state_whoever_meets_them_first(
    people: list[Person], order: str
) -> None:
    officer, amina, baraka, chandra = people
    trade, _, _ = await sell(baraka, amina)
    if order != "buyer only":
        await baraka.duties()
    pair = [baraka, amina] if order.startswith("seller") else [amina, baraka]
    known = pair[:1] if order.endswith("only") else pair
    for person in known:
        await person.hand_to(officer, chandra)
        if person is not known[-1]:
            assert balances(people, chandra) == [0, -250, 250, 0]  # one of them is enough
    assert balances(people, chandra) == balances(people, officer) == [0, -250, 250, 0]
    whole = amina if order == "buyer only" else baraka  # who holds the seller's claim as well
    assert root_of(officer) == root_of(chandra) == root_of(whole)
    assert book.status_of(chandra.core.reader, trade) == "settled"
    await meet(people)
    assert len({root_of(person) for person in people}) == 1


@pytest.mark.trio
async def test_a_note_that_was_handed_over_first_does_no_harm_to_what_comes_by_the_network(
    people: list[Person],
) -> None:
    _, amina, baraka, _ = people
    trade, asked, paid = await sell(baraka, amina)
    await meet(people)
    before = [root_of(person) for person in people]
    for given, reader in ((asked, amina), (paid, baraka)):
        taken = await hand(given, reader)
        assert (taken.accepted, taken.lacking, taken.answer) == (0, 0, None)
    assert [root_of(person) for person in people] == before
    assert stall_of(baraka).standing(trade) == "paid"


@pytest.mark.trio
async def test_who_paid_twice_from_a_copied_home_is_shown_to_both_sellers(
    people: list[Person], tmp_path: Path
) -> None:
    """At the stalls nobody can know; on the network everybody does."""
    officer, amina, baraka, chandra = people
    genesis = amina.core.home.genesis.read_bytes()
    copy = move_in(tmp_path / "copy", "amina", genesis, clock_of(amina))
    await amina.hand_to(copy)
    copy.core.writer.run_sync(lambda state: state.settings.remove("copied_home"))
    first, _, _ = await sell(baraka, amina, 9_000)
    second, _, _ = await sell(chandra, copy, 9_000)
    assert stall_of(baraka).standing(first) == "paid"
    assert stall_of(chandra).standing(second) == "paid"
    await meet([officer, baraka, chandra])
    for seller, trade in ((baraka, first), (chandra, second)):
        assert stall_of(seller).standing(trade) == "doubt"
        assert "forked" in seller.money.trade(trade).alerts
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.propose(Proposal(amina.id, 10, invoice=True))
    assert caught.value.code == "forked"
    copy.close()


# --- what is final --------------------------------------------------------------------------------
@pytest.mark.parametrize("quorum", ["q0", "4/3"])
def test_a_payment_is_final_when_the_relays_have_confirmed_it(quorum: str) -> None:
    world = World(quorum)
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    proposed = world.propose(a, b, 10)
    seen = [standing_in(world, proposed)]
    accepted = world.accept(b, proposed)
    seen.append(standing_in(world, proposed))
    commit = world.settle(proposed, accepted)
    seen.append(standing_in(world, proposed))
    world.secure(commit)
    seen.append(standing_in(world, proposed))
    last = ["unconfirmed", "final"] if world.witnesses else ["paid", "paid"]
    assert seen == ["asked", "accepted", *last]
    world.propose(proposed, b, 1)  # a fork: what the relays confirmed stays
    assert standing_in(world, proposed) == ("final" if world.witnesses else "doubt")


def test_other_units_and_what_was_called_off_are_told_as_such() -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    hours = world.invoice(a, b, 2, unit="hours")
    paid = world.accept(b, hours)
    assert standing_in(world, hours) == "agreed"
    dropped = world.propose(paid, a, 5)
    world.release(dropped, dropped)
    assert standing_in(world, dropped) == "off"
    assert standing_in(world, a) == "unknown"  # no trade at all


def standing_in(world: World, propose: Made) -> str:
    """As a home that took all of it in says it."""
    with TemporaryDirectory() as folder:
        core = keyless_core(Home(Path(folder) / "home"), world.genesis_bytes)
        try:
            Intake(core).take_sync(world.raws(), FILE)
            return standing_of(core, core.reader, propose.id)
        finally:
            core.close()
