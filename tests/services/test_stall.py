"""Trading at a market stall: real homes, no network; notes go from hand to hand."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.ledger import book
from node.ledger.root import state_root
from node.protocol import note
from node.protocol.errors import LocalFault
from node.services.held import IN_STEP
from node.services.stall import Given, Stall, Taken, join, split
from node.services.trade import Proposal
from node.storage.state import WriterState
from tests.support.homes import Clock, Person, member_id, move_in, town

pytestmark = pytest.mark.trio
CODE_CHARACTERS = 1_249  # what a QR code of version 20 holds


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "officer", "amina", "baraka", "chandra")
    yield found
    for person in found:
        person.close()


def stall_of(person: Person) -> Stall:
    return Stall(person.core, person.intake, person.trade)


def as_codes(given: Given) -> bytes:
    """The note as it comes out of a scanner: parts in another order, one of them twice."""
    texts = split(given.data, CODE_CHARACTERS)
    return join([*reversed(texts), texts[0]])


async def hand(given: Given, to: Person, *, anyway: bool = False) -> Taken:
    return await stall_of(to).take(as_codes(given), anyway=anyway)


async def sell(seller: Person, buyer: Person, amount: int = 250) -> tuple[bytes, Given, Given]:
    """Invoice, acceptance: two notes. The trade, and both."""
    invoice = Proposal(buyer.id, amount, invoice=True, order="김치 두 통")
    trade = await seller.trade.propose(invoice)
    asked = stall_of(seller).give(trade)
    await hand(asked, buyer)
    await buyer.trade.accept(trade)
    paid = stall_of(buyer).give(trade)
    await hand(paid, seller)
    return trade, asked, paid


def in_step(*people: Person) -> None:
    """As if neighbours had shown these homes their own heads an hour from now."""
    for person in people:
        text = str(person.core.clock() + 3_600_000)

        def job(state: WriterState, text: str = text) -> None:
            state.settings.put(IN_STEP, text)

        person.core.writer.run_sync(job)


def clock_of(person: Person) -> Clock:
    clock = person.core.clock
    assert isinstance(clock, Clock)
    return clock


def later(*people: Person) -> None:
    """Two hours pass: what is signed from here on nobody had from the network."""
    clock_of(people[0]).now += 7_200_000


async def meet(people: Iterable[Person]) -> None:
    """The network is back: everybody gives everybody all, and does their duties."""
    everyone = list(people)
    for _ in range(6):
        for person in everyone:
            await person.hand_to(*(other for other in everyone if other is not person))
        if sum([await person.duties() for person in everyone]) == 0:
            return
    raise AssertionError("duties never end")


def balances(people: Iterable[Person], seen_by: Person) -> list[int]:
    return [book.balance(seen_by.core.reader, 0, person.id) for person in people]


def root_of(person: Person) -> bytes:
    return state_root(person.core.reader, person.core.rules)


# --- the two ways ---------------------------------------------------------------------------------
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


async def test_a_refusal_travels_too(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    await hand(stall_of(baraka).give(trade), amina)
    await amina.trade.decline(trade)
    await hand(stall_of(amina).give(trade), baraka)
    assert stall_of(baraka).standing(trade) == "off"


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
async def busy_morning(people: list[Person], rounds: int) -> None:
    """Trades among all, known to all."""
    for number in range(rounds):
        seller, buyer = people[number % 4], people[(number + 1 + number // 4 % 3) % 4]
        trade = await seller.trade.propose(Proposal(buyer.id, 10, invoice=True))
        await seller.hand_to(buyer)
        await buyer.trade.accept(trade)
        await buyer.hand_to(seller)
        await seller.duties()
    await meet(people)


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
    assert [len(split(given.data, CODE_CHARACTERS)) for given in tenth] == [2, 1]
    assert [len(given.data) for given in tenth] == [len(given.data) for given in second]
    assert max(len(given.data) for given in tenth) < 1_000


async def test_a_greeting_makes_the_first_note_as_short_as_the_tenth(people: list[Person]) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 12)
    greeting = stall_of(amina).greet()
    assert (greeting.records, greeting.trades, greeting.partner) == (3, (), None)
    taken = await hand(greeting, baraka)
    assert (taken.accepted, taken.duplicate, taken.answer) == (0, 3, None)
    _, asked, paid = await sell(baraka, amina)
    assert [asked.records, paid.records] == [1, 1]


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


async def test_more_than_a_note_holds_is_said(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, amina, baraka, _ = people
    await busy_morning(people, 8)
    monkeypatch.setattr("node.services.stall.RECORDS_MAX_COUNT", 3)
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    with pytest.raises(LocalFault) as caught:
        stall_of(baraka).give(trade)
    assert caught.value.code == "note-too-large"
    await hand(stall_of(amina).greet(), baraka)
    assert stall_of(baraka).give(trade).records == 1


# --- back on the network --------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["seller first", "buyer first", "seller only", "buyer only"])
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


# --- what goes wrong on the way -------------------------------------------------------------------
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
    texts = split(stall_of(baraka).give(trade).data, 500)
    other = split(stall_of(amina).greet().data, 500)
    assert len(texts) > 4
    for given, code in (
        (texts[:1] + texts[3:], "note-parts"),
        (texts[:2] + other, "note-mixed"),
        ([texts[0][:-1] + "A", *texts[1:]], "note-invalid"),
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
    trade = await baraka.trade.propose(Proposal(amina.id, 250, invoice=True))
    lie = note.Note(
        baraka.core.community, member_id("amina"), records=tuple(heads[-10:]), seen=2**53 - 1
    )
    await stall_of(baraka).take(note.encode(lie))
    in_step(baraka)
    given = stall_of(baraka).give(trade, full=False)
    taken = await hand(given, amina)
    assert taken.lacking == 0 or taken.answer is not None
