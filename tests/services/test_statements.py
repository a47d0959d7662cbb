"""Statements: whatever was traded when, they add up; and what is signed cannot be changed."""

import csv
import io
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_trio import trio_fixture

from node.i18n import LANGUAGES, text
from node.ledger import book
from node.protocol import crypto, record, statements
from node.protocol.account import CREDIT
from node.protocol.errors import LocalFault
from node.protocol.identity import DeviceRevoke
from node.services.books.money import Money, Statement, month_bounds
from node.services.books.statements import sign, text_of, verify_statement
from node.services.paper import files
from node.services.paper.files import Wish
from node.services.trading.trade import Proposal
from tests.services.test_paper import ALLOWED, ATTRIBUTES, HOSTILE, Reader
from tests.services.test_receipts import home_of
from tests.services.test_trading_at_home import spread
from tests.support import pdf_text
from tests.support.homes import Clock, Person, _rooted, town
from tests.support.world import World
from tests.vectors import statement_cases

DAY_MS = 86_400_000
MONTHS = [f"{2023 + n // 12}-{n % 12 + 1:02}" for n in range(10, 18)]  # 2023-11 to 2024-06


# --- figures --------------------------------------------------------------------------------------
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 40), st.integers(0, 40), st.booleans()),
        max_size=12,
    )
)
@settings(max_examples=12)
def test_every_month_adds_up_and_leads_to_the_next_and_at_last_to_the_book(
    trades: list[tuple[str, int, int, bool]],
) -> None:
    """(payer, amount, days since the trade before, in credit), over half a year and its turn."""
    world = World()
    heads = {name: world.account(name, limit=100) for name in "ab"}
    agreed: list[tuple[str, int, bool]] = []
    members = {name: head.header.author for name, head in heads.items()}
    for payer, amount, days, in_credit in trades:
        world.time += days * DAY_MS
        payee = "b" if payer == "a" else "a"
        unit = CREDIT if in_credit else "hours"
        proposed = world.propose(heads[payer], heads[payee], amount, unit=unit)
        accepted = world.accept(heads[payee], proposed)
        heads |= {payer: world.settle(proposed, accepted), payee: accepted}
        if world.outcome[heads[payer].id] == "ok":  # else over the limit
            agreed.append((payer, amount, in_credit))
    with home_of(world) as core:
        money, reader = Money(core), core.reader
        for name, member in members.items():
            months = [money.statement(0, month, member) for month in MONTHS]
            assert months[0].opening == 0
            for before, after in itertools.pairwise(months):
                assert before.closing == after.opening
            for one in months:
                first, last = month_bounds(one.month)
                assert one.opening + sum(m.amount for m in one.movements) == one.closing
                assert all(first <= m.time < last for m in (*one.movements, *one.others))
            assert months[-1].closing == book.balance(reader, 0, member)
            listed = [m for one in months for m in (*one.movements, *one.others)]
            assert len({m.trade for m in listed}) == len(listed) == len(agreed)
            ours = [amount if payer != name else -amount for payer, amount, _ in agreed]
            assert sorted(m.amount for m in listed) == sorted(ours)
            assert not any(one.in_doubt for one in months)
            assert sum(len(one.others) for one in months) == sum(not one[2] for one in agreed)


def test_months_are_those_of_the_calendar() -> None:
    assert month_bounds("1970-01") == (0, 31 * DAY_MS)
    assert month_bounds("2024-02") == (1_706_745_600_000, 1_709_251_200_000)
    assert month_bounds("9999-12")[1] == 2**53
    for year in range(1970, 2500, 7):
        for month in range(1, 12):
            assert (
                month_bounds(f"{year}-{month:02}")[1] == month_bounds(f"{year}-{month + 1:02}")[0]
            )
    for wrong in ("2026-13", "2026-00", "1969-12", "2026-9", "26-09", "2026-09-01", "", "二〇-09"):
        with pytest.raises(LocalFault) as caught:
            month_bounds(wrong)
        assert caught.value.code == "month-invalid"


# --- files ----------------------------------------------------------------------------------------
@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Amina, an officer, sold Baraka kimchi; he helped her for two hours."""
    found = await town(tmp_path, "amina", "baraka", clock=Clock())
    amina, baraka = found
    for who, to, wish in (
        (amina, baraka, Proposal(baraka.id, 2_500, invoice=True, order="=김치 두 통")),
        (baraka, amina, Proposal(amina.id, 200, invoice=True, unit="hours", order="고치기")),
    ):
        trade = await who.trade.propose(wish)
        await who.hand_to(to)
        await to.trade.accept(trade)
        await spread(*found)
    yield found
    for person in found:
        person.close()


def month_of(person: Person, member: bytes | None = None) -> Statement:
    return person.money.statement(0, "2026-09", member)


def file(person: Person, form: str, member: bytes | None = None, **more: Any) -> bytes:
    wish = Wish(form, **more)
    made = files.statement_file(person.core, month_of(person, member), wish, lambda m: m.hex()[:8])
    assert made.name == f"statement-2026-09-{(member or person.id).hex()[:8]}.{form}"
    assert made.media == files.MEDIA[form]
    return made.content


@pytest.mark.trio
async def test_a_signed_statement_is_verified_without_a_node(people: list[Person]) -> None:
    amina, baraka = people
    report = verify_statement(file(amina, "json", notes=True))
    assert report.ok
    assert [check.key.removeprefix("statement.") for check in report.checks] == [
        *("shape_ok", "genesis_ok", "device_ok", "signature_ok", "lines_ok", "sum_ok")
    ]
    found = report.statement
    assert found is not None
    assert (found.author, found.member, found.closing) == (amina.id, amina.id, 2_500)
    assert [(m.amount, m.note) for m in found.movements] == [(2_500, "=김치 두 통")]
    assert [(o.amount, o.unit, o.note) for o in found.others] == [(-200, "hours", None)]
    assert baraka.id == found.movements[0].partner


@pytest.mark.trio
async def test_what_it_was_for_stands_only_in_own_statements_and_when_asked(
    people: list[Person],
) -> None:
    amina, baraka = people
    for form in ("json", "csv", "html", "pdf"):
        for member, notes in ((None, False), (baraka.id, True), (baraka.id, False)):
            content = file(amina, form, member, notes=notes)
            shown = pdf_text.words(content) if form == "pdf" else content.decode()
            assert ("김치" in shown) is (form == "csv" and member is None)


@pytest.mark.trio
async def test_an_officer_writes_down_a_members_month_in_her_own_name(
    people: list[Person],
) -> None:
    amina, baraka = people
    report = verify_statement(file(amina, "json", baraka.id))
    assert report.ok
    assert report.statement is not None
    assert (report.statement.author, report.statement.member) == (amina.id, baraka.id)
    assert report.statement.closing == -2_500


@pytest.mark.trio
async def test_a_month_with_nothing_and_a_member_without_an_account(people: list[Person]) -> None:
    amina, _ = people
    stranger = bytes(32)
    for month, member, opening in (("2026-10", None, 2_500), ("2026-09", stranger, 0)):
        found = amina.money.statement(0, month, member)
        assert (found.opening, found.movements, found.others) == (opening, (), ())
        assert found.closing == opening
        for form in files.STATEMENT_FORMATS:
            made = files.statement_file(amina.core, found, Wish(form), lambda m: m.hex())
            assert made.content
        with amina.core.reading() as reader:
            assert verify_statement(text_of(sign(amina.core, reader, found, notes=False))).ok


@pytest.mark.trio
async def test_no_byte_of_a_signed_statement_can_be_changed_unnoticed(
    people: list[Person],
) -> None:
    text_ = file(people[0], "json", notes=True).decode()
    for place in range(0, len(text_), 7):
        for letter in ("0", "e", " "):
            changed = text_[:place] + letter + text_[place + 1 :]
            same = changed == text_
            assert (
                same or not verify_statement(changed).ok or json.loads(changed) == json.loads(text_)
            )


@pytest.mark.trio
async def test_a_spreadsheet_gets_plain_numbers_and_no_formula(people: list[Person]) -> None:
    amina, baraka = people
    written = file(amina, "csv", notes=True).decode()
    rows = list(csv.reader(io.StringIO(written)))
    assert rows[0] == ["time", "trade", "partner", "partner_name", "amount", "for", "refunds"]
    assert rows[1][0].startswith("2026-09-")
    assert rows[1][2:] == [baraka.id.hex(), baraka.id.hex()[:8], "25.00", "'=김치 두 통", ""]
    assert rows[2:4] == [[], [*rows[0], "unit"]]
    assert rows[4][4:] == ["-2.00", "", "", "hours"]


@pytest.mark.trio
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_statement_is_printed_with_what_it_says(
    people: list[Person], language: str
) -> None:
    amina, _ = people
    html = Reader(file(amina, "html", language=language, notes=True))
    printed = "\n".join(html.texts)
    pdf = pdf_text.words(file(amina, "pdf", language=language, notes=True))
    for said in (
        "2026-09",
        "25.00 나눔",
        "=김치 두 통",
        f"-2.00 {text('unit.hours', language)}",
        text("paper.others", language),
        text("paper.others_apart", language),
        text("paper.level", language, level="L2", meaning=text("level.L2", language)),
        text("level_means.L2", language),
        "2026-10-01 00:00 UTC",
    ):
        assert said in printed
        assert "".join(said.split()) in pdf
    assert amina.id.hex() in printed


@pytest.mark.trio
async def test_names_on_a_statement_are_harmless(people: list[Person]) -> None:
    amina, _ = people
    for name in HOSTILE:
        made = files.statement_file(
            amina.core, month_of(amina), Wish("html"), lambda _, name=name: name
        )
        found = Reader(made.content)
        assert found.tags <= ALLOWED
        assert found.attributes <= ATTRIBUTES


@pytest.mark.trio
async def test_a_device_that_was_shut_out_signs_no_statement(people: list[Person]) -> None:
    amina, baraka = people
    revoke = DeviceRevoke(cuts={}, key=amina.core.own.public_key)
    seq, last = identity_head(amina)
    raw = _rooted(amina, "device.revoke", revoke, seq + 1, last)
    await amina.intake.take([raw], "test")
    with pytest.raises(LocalFault) as caught:
        file(amina, "json")
    assert caught.value.code == "device-revoked"
    assert verify_statement(file(baraka, "json", amina.id)).ok


def identity_head(person: Person) -> tuple[int, bytes]:
    """(seq, id) of the last record of a member's identity lane."""
    found: list[tuple[int, bytes]] = []
    for _, raw in person.core.reader.records_after(-1, 10_000):
        header = record.parse_header(raw.header)
        if header.lane == 0 and header.author == person.id:
            found.append((header.seq, crypto.record_id(person.core.community, raw.header)))
    return max(found)


def test_what_is_no_statement_is_told() -> None:
    for data in ("", "{}", b"\xff", "[" * 9_999, b"\x85" * 9):
        report = verify_statement(data)
        assert [check.key for check in report.checks] == ["statement.shape_bad"]
        assert report.statement is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_of_a_statement_has_its_sentence(language: str) -> None:
    keys: set[str] = set()
    for case in statement_cases.cases():
        for check in verify_statement(case["text"]).checks:
            assert "{" not in check.text(language)
            keys.add(check.key)
    assert len(keys) == 2 * (1 + len(statements.Flaw))


@pytest.mark.trio
async def test_what_is_in_doubt_stands_apart_and_in_no_sum(people: list[Person]) -> None:
    amina, baraka = people
    found = month_of(amina)
    doubtful = replace(found, movements=(), in_doubt=found.movements, closing=found.opening)
    named = {amina.id: "아미나", baraka.id: "바라카"}.__getitem__
    made = files.statement_file(amina.core, doubtful, Wish("html", "ko"), named)
    printed = Reader(made.content).texts
    assert printed.index(text("doubt.statement", "ko")) < printed.index("25.00 나눔")
    with amina.core.reading() as reader:
        signed = sign(amina.core, reader, doubtful, notes=False)
    assert signed.statement.movements == []
    assert verify_statement(text_of(signed)).ok
