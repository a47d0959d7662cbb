"""The audit: figures that are the sums of records, and everything an accountant should look at."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.protocol.errors import LocalFault
from node.services.books.audit import Audit, audit
from node.services.books.sheets import Figure, csv_text, figure, harmless
from node.services.books.verification import verify
from node.services.core import Core
from node.services.homes.keyless import keyless_core
from node.services.incoming.intake import FILE, Intake
from node.services.trading.trade import Proposal
from node.storage.home import Home
from tests.services.test_closes import clock_of, close, sell
from tests.services.test_trading_at_home import spread
from tests.support.homes import Clock, Person, town
from tests.support.world import World

MONTH = "2026-09"
OCTOBER_MS = 1_791_000_000_000  # 2026-10-03


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    people = await town(tmp_path, "officer", "amina", "baraka", clock=Clock())
    yield people
    for person in people:
        person.close()


def figures(report: Audit, person: Person) -> tuple[int, int, int, int]:
    (line,) = (line for line in report.lines if line.member == person.id)
    return line.opening, line.received, line.given, line.closing


@pytest.mark.trio
async def test_a_month_opens_where_the_one_before_ended(people: list[Person]) -> None:
    officer, amina, baraka = people
    await sell(people, 1, 2, 700)
    await sell(people, 2, 1, 200)
    clock_of(officer).now = OCTOBER_MS
    await sell(people, 1, 0, 300)
    september, october = (audit(baraka.core, 0, month) for month in (MONTH, "2026-10"))
    assert figures(september, amina) == (0, 200, 700, -500)
    assert figures(september, baraka) == (0, 700, 200, 500)
    assert figures(october, amina) == (-500, 0, 300, -800)
    assert figures(october, officer) == (0, 300, 0, 300)
    assert (september.trades, september.turnover) == (2, 900)
    assert (october.trades, october.turnover) == (1, 300)
    assert (october.positive, october.negative, october.sum_of_balances) == (800, 800, 0)
    assert september.velocity == Decimal("3.60")  # 900 over the mean of 0 and 500
    assert october.velocity == Decimal("0.46")  # 300 over the mean of 500 and 800
    whole = audit(baraka.core, 0, None)
    assert figures(whole, amina) == (0, 200, 1_000, -800)
    assert all(report.adds_up for report in (september, october, whole))


@pytest.mark.trio
async def test_a_chapter_without_trades_has_a_report(people: list[Person]) -> None:
    report = audit(people[0].core, 0, MONTH)
    assert (report.trades, report.velocity, report.sum_of_balances) == (0, None, 0)
    assert [line.membership for line in report.lines].count("officer") == 1
    assert {line.limit for line in report.lines} == {10_000}
    with pytest.raises(LocalFault, match="month-invalid"):
        audit(people[0].core, 0, "2026-13")


@pytest.mark.trio
async def test_what_is_open_is_listed(people: list[Person]) -> None:
    _, amina, baraka = people
    reserved = await amina.trade.propose(Proposal(baraka.id, 100, invoice=False))
    offered = await baraka.trade.propose(Proposal(amina.id, 200, invoice=True))
    declined = await baraka.trade.propose(Proposal(amina.id, 300, invoice=True))
    accepted = await amina.trade.propose(Proposal(baraka.id, 400, invoice=False))
    await baraka.hand_to(amina)
    await amina.trade.decline(declined)
    await amina.hand_to(baraka)
    await baraka.trade.accept(accepted)
    report = audit(baraka.core, 0, MONTH)
    assert {(line.trade, line.state, line.amount) for line in report.opens} == {
        (reserved, "reserved", 100),
        (offered, "offered", 200),
        (accepted, "accepted", 400),
    }
    assert audit(baraka.core, 0, "2026-08").opens == ()


@pytest.mark.trio
async def test_refunds_are_listed_where_they_were_given(people: list[Person]) -> None:
    officer, amina, baraka = people
    trade = await sell(people, 1, 2, 1_000)
    clock_of(officer).now = OCTOBER_MS
    back = await baraka.trade.refund(trade, 400)
    await baraka.hand_to(amina)
    await amina.trade.accept(back)
    await spread(*people)
    assert audit(amina.core, 0, MONTH).refunds == ()
    (line,) = audit(amina.core, 0, "2026-10").refunds
    assert (line.trade, line.refunds, line.amount) == (back, trade, 400)
    assert (line.payer, line.payee) == (baraka.id, amina.id)


@pytest.mark.trio
async def test_limits_are_listed_with_what_they_replaced(people: list[Person]) -> None:
    officer, amina, _ = people
    clock_of(officer).now = OCTOBER_MS
    await officer.community.grant(None, amina.id, 25_000)
    first = [line for line in audit(officer.core, 0, MONTH).grants if line.member == amina.id]
    assert [(line.limit, line.before, line.state) for line in first] == [(10_000, None, "replaced")]
    (line,) = audit(officer.core, 0, "2026-10").grants
    assert (line.limit, line.before, line.state) == (25_000, 10_000, "current")
    assert (line.member, line.by) == (amina.id, officer.id)


@pytest.mark.trio
async def test_it_says_what_it_rests_on(people: list[Person]) -> None:
    await sell(people, 1, 2, 700)
    report = audit(people[1].core, 0, MONTH)
    assert (report.level, report.unconfirmed, report.closed) == ("L2", 1, None)
    assert (report.mark.at, report.verified) == (0, 0)
    verify(people[1].core)
    report = audit(people[1].core, 0, MONTH)
    assert report.mark.at > 0
    assert report.verified == people[1].core.reader.record_count()
    act = await close(people)
    report = audit(people[1].core, 0, MONTH)
    assert report.closed is not None
    assert (report.level, report.closed[0].act) == ("L4", act)
    assert audit(people[1].core, 0, "2026-10").level == "L2"


@pytest.mark.trio
async def test_damaged_books_are_not_added_up_in_silence(people: list[Person]) -> None:
    from node.ledger import book
    from node.protocol.state import Overlay

    await sell(people, 1, 2, 700)
    core = people[0].core

    def job(state: object) -> None:
        overlay = Overlay(state)  # type: ignore[arg-type]
        book.BOOK.put(overlay, bytes(2) + people[1].id, -600)
        state.apply(None, overlay.changes)  # type: ignore[attr-defined]

    core.writer.run_sync(job)
    assert not audit(core, 0, MONTH).adds_up
    assert not audit(core, 0, None).adds_up


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[World, Core]]:
    """A forker, whose payments are contested in part, and a relay that lied."""
    world = World("3/2")
    eve, bo = world.account("eve", limit=100), world.account("bo", limit=100)
    one, bo_head = world.pay(eve, bo, 30)
    world.secure(one)
    two, _ = world.pay(eve, bo_head, 40)  # on another branch of eve's lane
    for head in (one, two):
        world.stamp("w0", head)
    core = keyless_core(Home(tmp_path / "home"), world.genesis_bytes)
    Intake(core).take_sync(world.raws(), FILE)
    yield world, core
    core.close()


def test_alerts_and_convicted_relays_are_named(world: tuple[World, Core]) -> None:
    made, core = world
    report = audit(core, 0, None)
    alerts = {line.member: line.alerts for line in report.lines if line.alerts}
    assert list(alerts.values()) == [("forked",)]
    assert report.witnesses == (made.witness["w0"].header.signer,)
    assert report.unconfirmed == 1
    assert report.adds_up


# --- spreadsheets ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "written", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "  =1", "|calc", "%a"]
)
def test_no_text_of_others_is_run_as_a_formula(written: str) -> None:
    assert harmless(written).startswith("'")
    assert csv_text([[written]]).lstrip('"').startswith("'")


@pytest.mark.parametrize("written", ["김치 두 포기", "a=b", "", "5 kg", "1-2"])
def test_harmless_texts_stay_as_they_are(written: str) -> None:
    assert harmless(written) == written


def test_control_characters_do_not_hide_a_formula() -> None:
    assert harmless("\t=1").startswith("'")
    assert harmless("\u200b=1").startswith("'")


def test_figures_stay_figures() -> None:
    assert figure(-1_234_567, 2) == "-12345.67"
    assert figure(None, 2) == ""
    assert csv_text([[figure(-5, 0), Figure("-1"), "-1", 7]]) == "-5,-1,'-1,7\n"
    assert csv_text([["a"], [], ['b"c,d']]) == 'a\n\n"b""c,d"\n'
