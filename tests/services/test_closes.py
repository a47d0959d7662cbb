"""Closes: every member's own machine comes to the officers' result or says that it does not, and
what a close says of a member can be proved to anybody, and nothing else can."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_trio import trio_fixture

from node.i18n import LANGUAGES
from node.ledger import book
from node.protocol.errors import LocalFault
from node.services.books import closes
from node.services.books.close_check import ProofReport, verify_close_proof
from node.services.books.closes import Closes
from node.services.books.closing import Closing, proof_text
from node.services.books.verification import verify
from node.services.chapters.office import Office
from node.services.trading.trade import Proposal
from node.storage.reader import SqliteReader
from tests.services.test_office import council, share
from tests.services.test_trading_at_home import spread
from tests.support.homes import Clock, Person, town

pytestmark = pytest.mark.trio
MONTH = "2026-09"
OCTOBER_MS = 1_791_000_000_000  # 2026-10-03


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    people = await town(tmp_path, "officer", "amina", "baraka", clock=Clock())
    await sell(people, 1, 2, 700)
    await sell(people, 0, 1, 250)
    yield people
    for person in people:
        person.close()


def clock_of(person: Person) -> Clock:
    clock = person.core.clock
    assert isinstance(clock, Clock)
    return clock


async def sell(people: list[Person], payer: int, payee: int, amount: int) -> bytes:
    """A trade that everybody learns of."""
    trade = await agree(people, payer, payee, amount)
    await spread(*people)
    return trade


async def agree(people: list[Person], payer: int, payee: int, amount: int) -> bytes:
    """A trade that only its parties know of."""
    buyer, seller = people[payer], people[payee]
    trade = await seller.trade.propose(Proposal(buyer.id, amount, invoice=True))
    await seller.hand_to(buyer)
    await buyer.trade.accept(trade)
    await buyer.hand_to(seller)
    return trade


async def close(people: list[Person], month: str | None = None) -> bytes:
    """The officer closes a month; everybody learns of it and looks."""
    clock_of(people[0]).now = max(clock_of(people[0]).now, OCTOBER_MS)
    done = await Closing(people[0].core, people[0].publisher).close(0, month)
    assert done.done
    await spread(*people)
    for person in people:
        Closes(person.core).look(0)
    return done.record


def verdicts(people: list[Person]) -> list[bool | None]:
    return [Closes(person.core).views(0)[0].agrees for person in people]


def level(person: Person) -> str:
    return person.money.balance(person.id, 0).level


# --- own machines ---------------------------------------------------------------------------------
async def test_every_members_own_machine_comes_to_the_same(people: list[Person]) -> None:
    assert [level(person) for person in people] == ["L2"] * 3
    act = await close(people)
    assert verdicts(people) == [True] * 3
    (view,) = Closes(people[1].core).views(0)
    assert (view.standing.act, view.standing.month) == (act, MONTH)
    assert view.standing.totals[:3] == (3, 700, 700)  # officer -250, amina -450, baraka +700
    assert view.officers == (people[0].id,)
    assert [level(person) for person in people] == ["L4"] * 3
    balance = people[1].money.balance(people[1].id, 0)
    assert balance.closed is not None
    assert (balance.closed.balance, balance.closed.moved, balance.book) == (-450, False, -450)


async def test_what_moved_since_is_said_and_ends_the_level(people: list[Person]) -> None:
    await close(people)
    trade = await sell(people, 1, 0, 50)
    balance = people[1].money.balance(people[1].id, 0)
    assert balance.closed is not None
    assert (balance.level, balance.closed.balance, balance.closed.since) == ("L2", -450, -50)
    assert balance.closed.moved
    assert level(people[2]) == "L4"  # nothing of theirs has moved
    assert people[1].money.trade(trade).level == "L2"
    back = await sell(people, 0, 1, 50)
    balance = people[1].money.balance(people[1].id, 0)
    assert balance.closed is not None
    assert (balance.closed.since, balance.closed.moved, balance.level) == (0, True, "L2")
    assert people[1].money.trade(back).level == "L2"


async def test_trades_and_statements_of_a_closed_month_say_so(people: list[Person]) -> None:
    trades, _ = people[1].money.trades(None, 10)
    assert {trade.level for trade in trades} == {"L2"}
    assert people[1].money.statement(0, MONTH).level == "L2"
    await close(people)
    trades, _ = people[1].money.trades(None, 10)
    assert {trade.level for trade in trades} == {"L4"}
    assert people[1].money.statement(0, MONTH).level == "L4"
    assert people[1].money.statement(0, "2026-08").level == "L2"


async def test_a_home_that_lacks_a_trade_disagrees_until_it_has_it(people: list[Person]) -> None:
    officer, amina, baraka = people
    trade = await agree(people, 0, 1, 100)
    clock_of(officer).now = OCTOBER_MS
    await Closing(officer.core, officer.publisher).close(0, None)
    raws = [raw for _, raw in officer.core.reader.records_after(-1, 10_000)]
    acts = [raw for raw in raws if b"chapter.close" in raw.header]
    await baraka.intake.take(acts, "officer")
    Closes(baraka.core).look(0)
    assert verdicts([baraka]) == [False]
    assert level(baraka) == "L2"
    with pytest.raises(LocalFault, match="close-differs"):
        proof_text(baraka.core, 0, MONTH, baraka.id)
    missing = {one.code for one in verify(baraka.core).missing}
    assert missing == {"no_relays", "close_differs"}
    await spread(*people)
    for person in people:
        Closes(person.core).look(0)
    assert verdicts(people) == [True] * 3
    assert amina.money.trade(trade).level == "L4"


async def test_a_trade_dated_back_does_not_make_a_true_close_look_false(
    people: list[Person],
) -> None:
    await close(people)
    clock_of(people[0]).now = 1_790_100_000_000  # September again
    trade = await sell(people, 2, 1, 40)
    for person in people:
        Closes(person.core).look(0)
    assert verdicts(people) == [True] * 3
    assert people[1].money.trade(trade).level == "L2"
    assert [level(person) for person in people] == ["L4", "L2", "L2"]
    late = people[0]  # who compares only now comes to the same
    late.core.writer.run_sync(lambda state: state.connection.execute("DELETE FROM closes"))
    Closes(late.core).look(0)
    assert verdicts([late]) == [True]


async def test_a_later_close_of_the_month_takes_its_place(people: list[Person]) -> None:
    first = await close(people)
    with pytest.raises(LocalFault, match="close-stands"):
        await Closing(people[0].core, people[0].publisher).close(0, MONTH)
    clock_of(people[0]).now = 1_790_100_000_000
    await sell(people, 2, 1, 40)
    second = await close(people, MONTH)
    assert second != first
    assert [view.standing.act for view in Closes(people[2].core).views(0)] == [second]
    assert verdicts(people) == [True] * 3
    assert [level(person) for person in people] == ["L4"] * 3


async def test_only_months_that_are_over_are_closed(people: list[Person]) -> None:
    closing = Closing(people[0].core, people[0].publisher)
    for month, code in (
        (MONTH, "month-running"),
        ("2026-10", "month-running"),
        ("2026-13", "month-invalid"),
    ):
        with pytest.raises(LocalFault, match=code):
            await closing.close(0, month)
    assert (await closing.close(0, None)).done  # August, in which nobody traded
    (view,) = Closes(people[0].core).views(0)
    assert (view.standing.month, view.standing.totals.leaves, view.agrees) == ("2026-08", 0, True)


async def test_only_officers_close(people: list[Person]) -> None:
    clock_of(people[0]).now = OCTOBER_MS
    with pytest.raises(LocalFault, match="not-officer"):
        await Closing(people[1].core, people[1].publisher).close(0, MONTH)


async def test_a_close_stands_when_enough_officers_have_said_so(tmp_path: Path) -> None:
    officers = await council(tmp_path, "anna", "bora", "chen", k=2)
    anna, bora, _, dora = officers
    clock_of(anna).now = OCTOBER_MS
    asked = await Closing(anna.core, anna.publisher).close(0, MONTH)
    assert (asked.done, asked.agreed, asked.needed) == (False, 1, 2)
    await anna.hand_to(bora, dora)
    assert Closes(dora.core).views(0) == []
    done = await Closing(bora.core, bora.publisher).close(0, MONTH)  # the same result: agreed to
    assert (done.done, done.hash) == (True, asked.hash)
    await bora.hand_to(anna, dora)
    (view,) = Closes(dora.core).views(0)
    assert view.officers == tuple(sorted((anna.id, bora.id)))
    assert Office(anna.core, anna.publisher).questions(0) == []
    for person in officers:
        person.close()


async def test_closes_wait_for_nothing_and_cost_nothing_twice(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    await close(people)
    walks: list[int] = []
    walk = closes.every_trade

    def counted(reader: SqliteReader) -> Any:
        walks.append(1)
        return walk(reader)

    monkeypatch.setattr(closes, "every_trade", counted)
    duty = Closes(people[1].core)
    await duty.perform()
    duty.look(0)
    assert people[1].money.balance(people[1].id, 0).level == "L4"
    assert people[1].money.trades(None, 10)[0][0].level == "L4"
    assert walks == []


# --- proofs ---------------------------------------------------------------------------------------
def keys(report: ProofReport) -> list[str]:
    return [check.key.removeprefix("close_proof.") for check in report.checks]


GOOD = ["shape_ok", "genesis_ok", "records_ok", "act_ok", "officers_ok", "sums_ok", "path_ok"]
GOOD += ["limits"]


async def test_every_member_takes_home_a_proof_that_needs_nothing_else(
    people: list[Person],
) -> None:
    await close(people)
    for person in people:
        amount = book.balance(person.core.reader, 0, person.id)
        for whose in people:  # any node can prove any member's balance
            assert verify_close_proof(proof_text(person.core, 0, MONTH, whose.id)).ok
        report = verify_close_proof(proof_text(person.core, 0, MONTH, person.id))
        assert keys(report) == GOOD
        said = report.checks[-2].values
        assert said["amount"] == f"{amount / 100:.2f}"
        assert said["member"] == person.id.hex()[:8]


async def test_who_never_traded_has_nothing_to_prove(people: list[Person]) -> None:
    await close(people)
    with pytest.raises(LocalFault, match="close-without"):
        proof_text(people[0].core, 0, MONTH, bytes(32))
    with pytest.raises(LocalFault, match="close-missing"):
        proof_text(people[0].core, 0, "2026-08", people[0].id)


def _other_digit(written: str) -> str:
    return ("1" if written[0] == "0" else "0") + written[1:]


def _scratched(written: str) -> str:
    at = len(written) // 2
    return written[:at] + ("A" if written[at] != "A" else "B") + written[at + 1 :]


Change = Callable[[dict[str, Any]], Any]
CHANGES: list[tuple[str, Change]] = [
    ("another balance", lambda p: p.update(balance=p["balance"] + 1)),
    ("the other sign", lambda p: p.update(balance=-p["balance"])),
    ("another member", lambda p: p.update(member=_other_digit(p["member"]))),
    ("another act", lambda p: p.update(close=_other_digit(p["close"]))),
    ("no path", lambda p: p.update(path=[])),
    ("a longer path", lambda p: p["path"].append(p["path"][0])),
    ("a path the other way round", lambda p: p["path"].reverse()),
    *(
        (f"number {place} of a step", lambda p, place=place: p["path"][0].__setitem__(place, 7))
        for place in (0, 3, 4)
    ),
    *(
        (
            f"text {place} of a step",
            lambda p, place=place: p["path"][0].__setitem__(
                place, _other_digit(p["path"][0][place])
            ),
        )
        for place in (1, 2, 5)
    ),
    ("no records", lambda p: p.update(records=[])),
    ("the act alone", lambda p: p.update(records=p["records"][-1:])),
    ("the device alone", lambda p: p.update(records=p["records"][:1])),
    ("another genesis", lambda p: p.update(genesis=_scratched(p["genesis"]))),
    ("a member more", lambda p: p.update(note="x")),
    ("another version", lambda p: p.update(wetalk_close_proof=2)),
    *(
        (
            f"{part} of record {number}",
            lambda p, part=part, number=number: p["records"][number].update(
                {part: _scratched(p["records"][number][part])}
            ),
        )
        for part in ("header", "body", "signature")
        for number in (0, -1)
    ),
]


async def test_any_change_to_a_proof_is_noticed(people: list[Person]) -> None:
    await close(people)
    text_ = proof_text(people[1].core, 0, MONTH, people[1].id)
    assert len(json.loads(text_)["path"]) == 2
    for name, change in CHANGES:
        proof = json.loads(text_)
        change(proof)
        report = verify_close_proof(json.dumps(proof))
        assert not report.ok, name
        assert report.checks[-1].key.endswith("_bad"), name
        for language in LANGUAGES:
            for check in report.checks:
                assert check.text(language)


async def test_a_proof_by_too_few_officers_is_none(tmp_path: Path) -> None:
    """k officers sign it, or it is nobody's word: with an approval taken out it proves nothing."""
    officers = await council(tmp_path, "anna", "bora", "chen", k=2)
    anna, bora, _, dora = officers
    await anna.community.admit(None, dora.id)
    await share(*officers)
    for officer in (anna, bora):
        limit = await officer.community.grant(None, anna.id, 1_000)
        await share(*officers)
    assert limit.done
    await agree(officers, 0, 1, 5)
    await share(*officers)
    clock_of(anna).now = OCTOBER_MS
    for officer in (anna, bora):
        await Closing(officer.core, officer.publisher).close(0, MONTH)
        await share(*officers)
    Closes(dora.core).look(0)
    whole = proof_text(dora.core, 0, MONTH, anna.id)
    assert keys(verify_close_proof(whole)) == GOOD
    proof = json.loads(whole)
    for number in range(len(proof["records"])):
        less = {**proof, "records": proof["records"][:number] + proof["records"][number + 1 :]}
        assert keys(verify_close_proof(json.dumps(less)))[-1] in ("officers_bad", "act_bad")
    for person in officers:
        person.close()


@pytest.mark.parametrize("data", ["", "{}", "[]", "null", b"\xff", "x" * 2_000_000])
async def test_what_is_no_proof_is_said_to_be_none(data: str | bytes) -> None:
    report = verify_close_proof(data)
    assert keys(report) == ["shape_bad"]
