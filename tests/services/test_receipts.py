"""A receipt proves itself, and any change of it is noticed, wherever it is made."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec import structs
from pytest_trio import trio_fixture

from node.i18n import LANGUAGES
from node.protocol import portable
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.portable import OpenOrder, Receipt
from node.protocol.record import RawRecord
from node.services.books import receipts
from node.services.books.receipt_check import ReceiptReport, verify_receipt
from node.services.books.receipts import make_receipt, receipt_text
from node.services.core import Core
from node.services.homes.keyless import keyless_core
from node.services.incoming.intake import FILE, Intake
from node.services.trading.trade import Proposal
from node.services.trading.units import Amount
from node.storage.home import Home
from tests.support.homes import Person, town
from tests.support.world import Made, World

GOOD_Q0 = ["shape_ok", "genesis_ok", "records_ok", "signatures_ok", "chain_ok", "closure_ok"]
GOOD_Q0 += ["stamps_off", "order_hidden"]


@contextmanager
def home_of(world: World) -> Iterator[Core]:
    with TemporaryDirectory() as folder:
        core = keyless_core(Home(Path(folder) / "home"), world.genesis_bytes)
        try:
            Intake(core).take_sync(world.raws(), FILE)
            yield core
        finally:
            core.close()


def receipt_of(world: World, trade: bytes) -> str:
    with home_of(world) as core:
        return receipt_text(core, trade)


def keys(report: ReceiptReport) -> list[str]:
    return [check.key.removeprefix("receipt.") for check in report.checks]


def history(quorum: str = "q0") -> tuple[World, Made, Made]:
    """b's payment rests on what a paid b before; then a sells to b by invoice."""
    world = World(quorum)
    a, b = world.account("a", limit=100), world.account("b", limit=10)
    first, b_head = world.pay(a, b, 60)
    stamped = {first.id: world.secure(first)}
    b_head = world.claim(b_head, first, stamps=stamped)
    second, a_head = world.pay(b_head, first, 70)
    invoice = world.invoice(a_head, b, 1)
    refused = world.propose(second, a, 50)
    assert world.outcome[refused.id] == "over-limit"
    assert world.outcome[invoice.id] == "ok"
    return world, first, second


def test_a_receipt_is_proved_by_itself_alone() -> None:
    world, _, commit = history()
    report = verify_receipt(receipt_of(world, world.trade_of(commit)))
    assert (keys(report), report.ok, report.level) == (GOOD_Q0, True, "L2")


def test_a_receipt_holds_only_what_the_trade_rests_on() -> None:
    world, first, _ = history()
    talker = world.post(world.talker("a"), "nobody's business")
    later, _ = world.pay(world.account("c", limit=5), world.account("d", limit=5), 5)
    receipt = portable.decode_receipt(receipt_of(world, world.trade_of(first)))
    held = set(receipt.records)
    assert first.raw in held
    assert talker.raw not in held
    assert later.raw not in held


def test_an_invoice_paid_at_once_has_a_receipt() -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    invoice = world.invoice(b, a, 42)
    commit = world.accept(a, invoice)
    report = verify_receipt(receipt_of(world, world.trade_of(commit)))
    assert (keys(report), report.level) == (GOOD_Q0, "L2")
    terms = next(check.values for check in report.checks if check.key == "receipt.signatures_ok")
    assert isinstance(terms["amount"], Amount)
    assert terms["amount"].text("en") == "42 CRD"
    assert terms["payer"] == a.header.author.hex()[:8]


@pytest.mark.parametrize("quorum", ["3/2", "4/3"])
def test_confirmations_of_relays_are_counted(quorum: str) -> None:
    world, first, second = history(quorum)
    report = verify_receipt(receipt_of(world, world.trade_of(first)))
    assert "stamps_ok" in keys(report)
    assert (report.ok, report.level) == (True, "L3")
    unconfirmed = verify_receipt(receipt_of(world, world.trade_of(second)))
    assert "stamps_none" in keys(unconfirmed)
    assert (unconfirmed.ok, unconfirmed.level) == (True, "L2")


def test_other_units_than_credit_have_receipts_too() -> None:
    world = World()
    a, b = world.account("a"), world.account("b")
    propose = world.propose(a, b, 3, unit="hours")
    commit = world.settle(propose, world.accept(b, propose))
    report = verify_receipt(receipt_of(world, world.trade_of(commit)))
    terms = next(check for check in report.checks if check.key == "receipt.signatures_ok")
    assert report.level == "L2"
    for language, shown in (("en", "0.03 hours"), ("ko", "0.03 시간"), ("zh", "0.03 小时")):
        assert shown in terms.text(language)


def test_a_payment_from_a_restored_account_is_proved_through_what_it_carries() -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=10)
    commit, b_head = world.pay(a, b, 60)
    b_head = world.claim(b_head, commit)
    renewed = world.account("b", b_head, limit=10)
    second, _ = world.pay(renewed, commit, 65)
    assert world.outcome[second.id] == "ok"
    report = verify_receipt(receipt_of(world, world.trade_of(second)))
    assert (keys(report), report.level) == (GOOD_Q0, "L2")


@pytest.mark.parametrize("quorum", ["q0", "3/2"])
def test_a_large_closure_gives_a_receipt_of_signatures(
    quorum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, first, second = history(quorum)
    with home_of(world) as core:
        whole = make_receipt(core, core.reader, world.trade_of(second))
        monkeypatch.setattr(receipts, "RECEIPT_CLOSURE_MAX_COUNT", len(whole.records) - 1)
        short = make_receipt(core, core.reader, world.trade_of(second))
        report = verify_receipt(portable.encode_receipt(short))
        assert len(short.records) < len(whole.records)
        assert (report.ok, report.level) == (True, "L1")
        assert "closure_short" in keys(report)
        if quorum != "q0":
            monkeypatch.setattr(receipts, "_closure", lambda *_: None)
            confirmed = verify_receipt(receipt_text(core, world.trade_of(first)))
            assert (confirmed.ok, confirmed.level) == (True, "L1")
            assert "stamps_ok" in keys(confirmed)
        monkeypatch.setattr(receipts, "RECEIPT_SIZE_MAX_BYTES", 100)
        with pytest.raises(LocalFault) as caught:
            make_receipt(core, core.reader, world.trade_of(second))
        assert caught.value.code == "receipt-too-large"


def test_no_receipt_without_agreement() -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    open_trade = world.propose(a, b, 1)
    with home_of(world) as core:
        for trade, code in ((open_trade.id, "not-committed"), (bytes(32), "trade-unknown")):
            with pytest.raises(LocalFault) as caught:
                make_receipt(core, core.reader, trade)
            assert caught.value.code == code


# --- forgeries ------------------------------------------------------------------------------------
WORLD, _, COMMIT = history()
TEXT = receipt_of(WORLD, WORLD.trade_of(COMMIT))
RECEIPT = portable.decode_receipt(TEXT)


def forged(**parts: Any) -> ReceiptReport:
    values = {
        "genesis": RECEIPT.genesis, "records": RECEIPT.records,
        "trade": RECEIPT.trade, "order": RECEIPT.order,
    }  # fmt: skip
    return verify_receipt(portable.encode_receipt(Receipt(**{**values, **parts})))


def flipped(data: bytes, chance: random.Random) -> bytes:
    place, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
    return data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_no_bit_of_a_record_can_be_flipped(part: int) -> None:
    chance = random.Random(part)
    for place, raw in enumerate(RECEIPT.records):
        pieces = list(raw)
        pieces[part] = flipped(pieces[part] or b"", chance)
        records = list(RECEIPT.records)
        records[place] = RawRecord(*pieces)
        report = forged(records=tuple(records))
        assert keys(report)[-1] == "records_bad"
        assert (report.ok, report.level) == (False, "")


def test_no_bit_of_the_genesis_document_can_be_flipped() -> None:
    chance = random.Random(1)
    for _ in range(60):
        report = forged(genesis=flipped(RECEIPT.genesis, chance))
        assert keys(report)[-1] in ("genesis_bad", "records_bad")
        assert not report.ok


def test_no_character_of_the_file_can_be_changed_unnoticed() -> None:
    chance = random.Random(2)
    for _ in range(150):
        place = chance.randrange(len(TEXT))
        letter = chance.choice('aB0-_{"\u200b ')
        changed = TEXT[:place] + letter + TEXT[place + 1 :]
        assert (
            changed == TEXT
            or not verify_receipt(changed).ok
            or json.loads(changed) == (json.loads(TEXT))
        )


@pytest.mark.parametrize(
    "data", ["", "{}", b"\xff", "[" * 9_999, TEXT[:-1], TEXT * 2, b"\x00" * 99]
)
def test_what_is_no_receipt_is_told(data: str | bytes) -> None:
    report = verify_receipt(data)
    assert (keys(report), report.level) == (["shape_bad"], "")


def test_every_missing_record_is_noticed_or_lowers_the_level() -> None:
    for place in range(len(RECEIPT.records)):
        report = forged(records=RECEIPT.records[:place] + RECEIPT.records[place + 1 :])
        assert not report.ok or report.level == "L1"
    assert not forged(records=RECEIPT.records[-1:]).ok


def test_records_of_another_community_do_not_prove_anything() -> None:
    other = World(chapters=("elsewhere",))
    report = forged(genesis=other.genesis_bytes)
    assert keys(report)[-1] == "records_bad"


def test_another_trade_of_the_file_is_not_this_one() -> None:
    for made in WORLD.made.values():
        if made.raw in RECEIPT.records and made.id != RECEIPT.trade:
            report = forged(trade=made.id)
            same = made.header.kind == "trade.propose"  # a's first payment is proved here as well
            assert report.ok == same
            assert same or keys(report)[-1] == "signatures_bad"


def test_order_does_not_matter_and_doubles_do_no_harm() -> None:
    records = list(RECEIPT.records) * 2
    random.Random(4).shuffle(records)
    assert forged(records=tuple(records)).level == "L2"


def test_a_payment_beyond_the_limit_has_no_effect() -> None:
    """Both signed it, but the books do not carry it."""
    world = World()
    a, b = world.account("a", limit=10), world.account("b", limit=10)
    propose = world.propose(a, b, 11)
    commit = world.settle(propose, world.accept(b, propose))
    report = verify_receipt(
        portable.encode_receipt(Receipt(world.genesis_bytes, tuple(world.raws()), propose.id, None))
    )
    assert world.outcome[commit.id] != "ok"
    assert (keys(report)[-1], report.level) == ("closure_bad", "")


def test_an_acceptance_by_a_third_party_signs_nothing() -> None:
    world = World()
    a, b, c = (world.account(name, limit=10) for name in "abc")
    propose = world.propose(a, b, 5)
    world.settle(propose, world.accept(c, propose))
    made = Receipt(world.genesis_bytes, tuple(world.raws()), propose.id, None)
    assert keys(verify_receipt(portable.encode_receipt(made)))[-1] == "signatures_bad"


@pytest.mark.parametrize("undone", ["released", "declined"])
def test_what_was_taken_back_before_is_not_agreed_even_without_the_closure(undone: str) -> None:
    world = World()
    a, b = world.account("a", limit=10), world.account("b")
    propose = world.propose(a, b, 5)
    if undone == "released":
        accept = world.accept(b, propose)
        world.settle(world.release(propose, propose), accept)
    else:
        accept = world.accept(world.decline(b, propose), propose)
        world.settle(propose, accept)
    offices = {made.raw for made in world.made.values() if made.header.lane == Lane.OFFICE}
    short = tuple(raw for raw in world.raws() if raw not in offices)
    made = Receipt(world.genesis_bytes, short, propose.id, None)
    report = verify_receipt(portable.encode_receipt(made))
    assert (keys(report)[-1], report.level) == ("chain_bad", "")


def test_a_device_that_was_never_allowed_signs_nothing() -> None:
    """The lane opens with somebody else's permission."""
    world = World()
    a, b = world.account("a", limit=10), world.account("b", limit=10)
    commit, _ = world.pay(a, b, 5)
    stranger = world.device("b", "account")
    body = structs.replace(a.body, auth=stranger.id)  # type: ignore[type-var]
    false = world.make(body, a.header.author, a.header.signer, None)
    terms = world.made[world.trade_of(commit)].body
    propose = world.make(
        structs.replace(terms, payer_lane=false.id),  # type: ignore[type-var]
        a.header.author, a.header.signer, false,
    )  # fmt: skip
    accept = world.accept(b, propose)
    settle = world.settle(propose, accept)
    made = Receipt(world.genesis_bytes, tuple(world.raws()), propose.id, None)
    assert world.outcome[false.id] == "not-authorised"
    assert settle.id not in world.node.held()
    assert keys(verify_receipt(portable.encode_receipt(made)))[-1] == "chain_bad"


# --- orders ---------------------------------------------------------------------------------------
@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "amina", "baraka")
    yield found
    for person in found:
        person.close()


@pytest.mark.trio
async def test_the_order_is_shown_only_by_who_has_it_and_wants_to(people: list[Person]) -> None:
    amina, baraka = people
    trade = await amina.trade.propose(Proposal(baraka.id, 250, invoice=False, order="김치 두 통"))
    await amina.hand_to(baraka)
    await baraka.trade.accept(trade)
    await baraka.hand_to(amina)
    await amina.duties()
    await amina.hand_to(baraka)
    hidden = verify_receipt(receipt_text(amina.core, trade))
    assert (keys(hidden)[-1], hidden.level) == ("order_hidden", "L2")
    assert "김치" not in receipt_text(amina.core, trade)
    shown = receipt_text(amina.core, trade, show_order=True)
    report = verify_receipt(shown)
    assert (keys(report)[-1], report.checks[-1].values["order"]) == ("order_ok", "김치 두 통")
    with pytest.raises(LocalFault) as caught:
        receipt_text(baraka.core, trade, show_order=True)
    assert caught.value.code == "order-unknown"
    parts = portable.decode_receipt(shown)
    assert parts.order is not None
    for order in (
        OpenOrder(parts.order.salt, "김치 세 통".encode()),
        OpenOrder(bytes(16), parts.order.order),
    ):
        false = Receipt(parts.genesis, parts.records, parts.trade, order)
        report = verify_receipt(portable.encode_receipt(false))
        assert (keys(report)[-1], report.level) == ("order_bad", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_has_its_sentence(language: str) -> None:
    seen = [*verify_receipt(TEXT).checks, *verify_receipt("").checks, *forged(genesis=b"").checks]
    seen += [*forged(records=RECEIPT.records[1:]).checks, *forged(trade=bytes(32)).checks]
    for check in seen:
        assert "{" not in check.text(language)
