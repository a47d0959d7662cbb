"""Attack plans against real homes: what the programs of honest members do by themselves.

The ledger's own answers to them are in `tests/ledger/test_attack_plans.py`.
"""

import time
from pathlib import Path

import pytest

from node.api.shaping import iso_time
from node.commands.base import local_time
from node.ledger import book
from node.ledger.root import state_root
from node.protocol.account import AccountOpen, TradePropose
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.limits import TIME_MAX_MS
from node.services.books.money import month_bounds
from node.services.members import devices
from node.services.publish import Draft, own_auth
from node.services.trading import accounts
from node.services.trading.trade import Proposal
from node.wallet.signer import RootSigner
from tests.support.groups import Group, found
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio

YEAR_MS = 365 * 24 * 3_600_000
NOW_MS = 1_790_000_000_000


def balances(people: list[Person]) -> list[int]:
    reader = people[0].core.reader
    assert len({state_root(p.core.reader, p.core.rules) for p in people}) == 1
    return [book.balance(reader, 0, member) for member in dict.fromkeys(p.id for p in people)]


async def further_device(person: Person, folder: Path, *, take_over: bool) -> Person:
    """Another home of a member: a restore, or merely a device added."""
    home = move_in(folder, person.name, genesis_for("officer"), Clock(), device=" second")
    with RootSigner(bytes(person.root)) as root:

        def work(appender, state):  # type: ignore[no-untyped-def]
            if take_over:
                return devices.take_over(home.core, appender, state, root)
            return devices.add_own_device(home.core, appender, state, root)

        if not take_over:
            await person.hand_to(home)
        await home.publisher.transact(work, anyway=True)
    return home


# --- devices --------------------------------------------------------------------------------------
async def test_a_restore_that_hides_a_payment_gets_no_limit_without_a_person(
    people: list[Person], tmp_path: Path
) -> None:
    """The new device carries the head before the payment: officers' programs see what lacks."""
    officer, amina, baraka = people
    early = move_in(tmp_path, "amina", genesis_for("officer"), Clock(), device=" second")
    await officer.hand_to(early)  # all there was before she paid
    trade = await baraka.trade.propose(Proposal(amina.id, 9_000, invoice=True))
    await baraka.hand_to(amina)
    await amina.trade.accept(trade)
    await amina.hand_to(officer, baraka)
    with RootSigner(bytes(amina.root)) as root:
        await early.publisher.transact(
            lambda appender, state: devices.take_over(early.core, appender, state, root),
            anyway=True,
        )
    own = accounts.own_account(early.core, early.core.reader)
    assert own is not None
    await early.hand_to(officer, baraka)
    reason = accounts.may_be_granted(officer.core, officer.core.reader, own.open)
    assert reason == "contested"
    await Group([officer, baraka, early]).settle()
    with pytest.raises(LocalFault) as caught:
        await early.trade.propose(Proposal(officer.id, 9_000, invoice=False))
    assert caught.value.code == "no-grant"
    early.close()


async def test_a_second_device_cannot_spend_the_limit_of_the_first(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    second = await further_device(amina, tmp_path, take_over=False)
    chapter = second.core.rules.genesis.chapters[0]

    def open_beside(appender, state):  # type: ignore[no-untyped-def]
        """What an honest program never signs: a lane that carries nothing."""
        auth = own_auth(state, second.core.own, Lane.ACCOUNT)
        body = AccountOpen(auth=auth, carry=[], chapter=chapter.name, q=0, witnesses=[])
        return appender.append(Draft("account.open", body))

    opened = await second.publisher.transact(open_beside)
    await amina.trade.propose(Proposal(baraka.id, 10_000, invoice=False))
    group = Group([officer, amina, baraka, second])
    await group.settle()
    with officer.core.reading() as reader:
        assert accounts.may_be_granted(officer.core, reader, opened) == "lane-not-carried"
        granted = accounts.usable_account(officer.core, reader, amina.id, 0)
    with pytest.raises(LocalFault) as caught:
        await second.trade.propose(Proposal(baraka.id, 1, invoice=False))
    assert caught.value.code == "no-grant"
    assert granted.open != opened
    with second.core.reading() as reader:
        grant = next(key[-32:] for key, _ in reader.scan("act", granted.open, None, limit=1))
        payee = accounts.usable_account(second.core, reader, baraka.id, 0).open
    terms = TradePropose(
        amount=10_000, grant=grant, order_hash=bytes(32), payee_lane=payee, payer_lane=opened,
        refunds=None, unit="credit", valid_until=None,
    )  # fmt: skip
    with pytest.raises(LocalFault) as caught:
        await second.publisher.publish(Draft("trade.propose", terms))
    assert caught.value.code == "grant-lane"
    second.close()


async def test_what_a_payer_withholds_is_not_paid_until_it_is_shown(people: list[Person]) -> None:
    officer, amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 4_000, invoice=False))
    await amina.hand_to(baraka)
    await baraka.trade.accept(trade)
    await baraka.hand_to(amina)
    await amina.duties()  # settles, and shows it to nobody
    assert amina.money.trade(trade).status == "settled"
    view = baraka.money.trade(trade)
    assert (view.status, view.next_steps) == ("accepted", ())
    assert baraka.money.balance(baraka.id, 0).book == 0
    assert baraka.money.balance(baraka.id, 0).spendable == 10_000
    await Group(people).settle()
    assert baraka.money.balance(baraka.id, 0).spendable == 14_000
    assert balances(people) == [0, -4_000, 4_000]
    assert officer.money.balance(amina.id, 0).book == -4_000


# --- witnesses ------------------------------------------------------------------------------------
async def test_while_witnesses_are_down_programs_say_settled_and_claim_nothing(
    tmp_path: Path,
) -> None:
    genesis = genesis_for("oh", "bora", witnesses=["oh", "anna", "lee"], q=2)
    people = await found(tmp_path, Clock(), ["oh", "anna", "lee"], ["bora"], genesis)
    group = Group(people)
    try:
        oh, anna, bora = (group.named(name) for name in ("oh", "anna", "bora"))
        trade = await anna.trade.propose(Proposal(bora.id, 700, invoice=True))
        await group.gossip()
        await bora.trade.accept(trade)
        for asleep in ({"oh", "anna", "lee"}, {"anna", "lee"}):
            group.asleep = asleep
            await group.settle()
            view = anna.money.trade(trade)
            assert (view.status, view.level) == ("settled", "L2")
            assert anna.money.balance(anna.id, 0).spendable == 10_000
            assert oh.money.balance(anna.id, 0).book == 700
        group.asleep = {"anna"}
        await group.settle()
        view = anna.money.trade(trade)
        assert (view.status, view.level) == ("secured", "L3")
        assert anna.money.balance(anna.id, 0).spendable == 10_700
    finally:
        for person in people:
            person.close()


# --- clocks ---------------------------------------------------------------------------------------
async def test_with_clocks_a_year_off_people_trade_and_hold_the_same_books(
    people: list[Person],
) -> None:
    _, amina, baraka = people
    amina.core.clock = Clock(NOW_MS + YEAR_MS)
    baraka.core.clock = Clock(NOW_MS - YEAR_MS)
    group = Group(people)
    for payer, payee, amount in ((amina, baraka, 3_000), (baraka, amina, 500)):
        trade = await payer.trade.propose(Proposal(payee.id, amount, invoice=False))
        await group.gossip()
        await payee.trade.accept(trade)
        await group.settle()
        assert payee.money.trade(trade).status == "settled"
    assert balances(people) == [0, -2_500, 2_500]
    assert amina.money.balance(amina.id, 0).spendable == 7_500
    with pytest.raises(LocalFault) as caught:
        await amina.trade.propose(Proposal(baraka.id, 7_501, invoice=False))
    assert caught.value.code == "over-limit"
    months = [amina.money.statement(0, month) for month in ("2025-09", "2026-09", "2027-09")]
    assert [[m.amount for m in month.movements] for month in months] == [[500], [], [-3_000]]
    assert [month.closing for month in months] == [500, 500, -2_500]


async def test_an_offer_expires_by_the_clock_of_who_would_take_it_and_binds_nobody_else(
    people: list[Person],
) -> None:
    _, amina, baraka = people
    wish = Proposal(amina.id, 100, invoice=True, valid_until=NOW_MS + 3_600_000)
    trade = await baraka.trade.propose(wish)
    await baraka.hand_to(amina)
    amina.core.clock = Clock(NOW_MS + YEAR_MS)
    with pytest.raises(LocalFault) as caught:
        await amina.trade.accept(trade)
    assert caught.value.code == "trade-expired"
    amina.core.clock = Clock(NOW_MS - YEAR_MS)
    await amina.trade.accept(trade)
    await Group(people).settle()
    assert balances(people) == [0, -100, 100]


async def test_a_trade_dated_beyond_all_calendars_is_shown_on_their_last_day(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the reader's clock stands: the last day of all is a day later in Seoul."""
    _, amina, baraka = people
    baraka.core.clock = lambda: TIME_MAX_MS
    trade = await amina.trade.propose(Proposal(baraka.id, 60, invoice=True))
    await amina.hand_to(baraka)
    await baraka.trade.accept(trade)
    await baraka.hand_to(amina)
    steps = amina.money.steps(trade)
    assert steps[-1].time == TIME_MAX_MS
    assert month_bounds("9999-12")[1] == TIME_MAX_MS + 1
    statement = amina.money.statement(0, "9999-12")
    assert ([m.amount for m in statement.movements], statement.closing) == ([60], 60)
    try:
        for zone in ("Asia/Seoul", "America/Toronto", "UTC"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            shown = local_time(iso_time(steps[-1].time))
            assert shown.startswith("9999-12-31"), zone
    finally:
        monkeypatch.undo()
        time.tzset()
