"""The receipt verifier in JavaScript believes the receipts that the program makes; and vectors."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from node.protocol import codec, portable, record
from node.protocol.portable import Receipt
from node.protocol.record import ERASABLE_LANES, LANE_OF_KIND
from node.services.books import receipts
from node.services.books.receipts import receipt_text
from node.services.trading.trade import Proposal
from tests.examples.script import SCRIPT, ask, code, file_of, judged, receipt_of, sentences
from tests.support.homes import town
from tests.support.world import Made, World
from tests.vectors.load import cases, data

SCRIPT_LINES_MAX_COUNT = 200


# --- what the program makes -----------------------------------------------------------------------
def test_the_script_is_short_and_needs_no_package() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= SCRIPT_LINES_MAX_COUNT
    assert max(map(len, source.splitlines())) <= 100
    imported = [line.split("from")[1].strip() for line in source.splitlines() if "import {" in line]
    assert imported == ["'node:crypto'", "'node:fs'"]


def test_the_script_knows_every_kind_that_a_receipt_may_hold() -> None:
    known = re.findall(r"'(\w+\.\w+)': \[(\d)", SCRIPT.read_text(encoding="utf-8"))
    closed = {kind: int(n) for kind, n in LANE_OF_KIND.items() if n not in ERASABLE_LANES}
    assert {kind: int(n) for kind, n in known} == closed


def test_a_file_is_verified_on_the_command_line(tmp_path: Path) -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b")
    commit, _ = world.pay(a, b, 60)
    (tmp_path / "good").write_text(file_of(world, commit))
    (tmp_path / "bad").write_text(file_of(world, commit).replace("trade", "trada"))
    community = world.community.hex()
    for name, known, status in (
        ("good", (), 0),
        ("good", (community,), 0),
        ("good", ("00" * 32,), 1),
        ("bad", (), 1),
        ("none", (), 1),
    ):
        command = ["node", str(SCRIPT), str(tmp_path / name), *known]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = done.stdout.splitlines()[-1]
        assert (done.returncode, done.stderr) == (status, "")
        assert last.startswith("NO. " if status else "Level L1: ")


def test_without_a_file_it_says_how_it_is_called() -> None:
    done = subprocess.run(["node", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")


@pytest.mark.parametrize("invoice", [False, True])
def test_both_ways_to_trade_are_believed(*, invoice: bool) -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit = world.accept(a, world.invoice(b, a, 42)) if invoice else world.pay(a, b, 42)[0]
    told = sentences(file_of(world, commit), world.community.hex())
    payer, payee = a.header.author.hex(), b.header.author.hex()
    assert f'Both signed: {payer} pays {payee} 42 "CRD".' in told
    assert 'Officers, 1 of 1 needed, let it owe 100 "CRD".' in told
    assert told[-2].startswith("No witnesses secure it")
    assert told[-1].startswith("Level L1")


@pytest.mark.parametrize("quorum", ["3/2", "4/3"])
def test_stamps_are_counted_and_do_not_raise_the_level(quorum: str) -> None:
    world = World(quorum)
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit, _ = world.pay(a, b, 42)
    later, _ = world.pay(commit, world.account("c"), 1)
    q = world.genesis.chapters[0].q
    for witness in world.witnesses[: q - 1]:
        world.stamp(witness, later)
    assert sentences(file_of(world, commit))[-2].startswith("No witnesses secure it")
    world.stamp(world.witnesses[q - 1], commit)
    told = sentences(file_of(world, commit))
    assert told[-2].startswith(f"Stamped by {q} witnesses or more")
    assert told[-1].startswith("Level L1")


def test_a_refund_is_believed() -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit, b_head = world.pay(a, b, 42)
    back, _ = world.pay(b_head, commit, 20, refunds=commit)
    assert world.outcome[back.id] == "ok"
    told = sentences(file_of(world, back))
    assert f'{b.header.author.hex()} pays {a.header.author.hex()} 20 "CRD".' in "".join(told)


def test_another_unit_than_credit_needs_no_grant() -> None:
    world = World()
    a, b = world.account("a"), world.account("b")
    propose = world.propose(a, b, 3, unit="hours")
    commit = world.settle(propose, world.accept(b, propose))
    told = sentences(file_of(world, commit))
    assert '3 parts of "hours"' in told[2]
    assert told[3] == "It holds no grant that the payer rests on: not looked at."


def test_enough_officers_are_counted_once_each() -> None:
    world = World(k=2)
    a, b = world.account("a", limit=50), world.account("b")
    commit, _ = world.pay(a, b, 1)
    assert 'Officers, 2 of 2 needed, let it owe 50 "CRD".' in sentences(file_of(world, commit))


def carried(world: World) -> tuple[Made, Made]:
    """Both sides go on from older lanes: the old terms are settled and accepted there."""
    a, b = world.account("a", limit=100), world.account("b", limit=10)
    propose = world.propose(a, b, 42)
    accept = world.accept(world.account("b", b, limit=10), propose)
    return propose, world.settle(world.account("a", propose, limit=10), accept)


def test_lanes_that_go_on_from_others_are_believed() -> None:
    world = World()
    _, commit = carried(world)
    assert world.outcome[commit.id] == "ok"
    assert sentences(file_of(world, commit))[-1].startswith("Level L1")


def nothing(*_: object) -> None:
    """The closure of a trade that rests on more than a file may hold."""


@pytest.mark.parametrize("quorum", ["q0", "3/2"])
@pytest.mark.parametrize("trade", ["plain", "carried"])
def test_a_short_file_is_believed_as_far_as_it_goes(
    quorum: str, trade: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(quorum)
    if trade == "plain":
        commit, _ = world.pay(world.account("a", limit=100), world.account("b"), 42)
    else:
        _, commit = carried(world)
    world.secure(commit)
    whole = receipt_of(world, commit)
    monkeypatch.setattr(receipts, "_closure", nothing)
    short = receipt_of(world, commit)
    assert len(short.records) < len(whole.records)
    told = sentences(portable.encode_receipt(short))
    assert "It holds no grant that the payer rests on: not looked at." in told
    stamped = "No witnesses secure it" if quorum == "q0" else "Stamped by 2 witnesses or more"
    assert told[-2].startswith(stamped)
    assert told[-1].startswith("Level L1")


@pytest.mark.trio
async def test_an_order_is_shown_with_its_strange_characters_taken_out(tmp_path: Path) -> None:
    amina, baraka = people = await town(tmp_path, "amina", "baraka")
    try:
        order = "김치 두 통 \x1b[2J‮"
        trade = await amina.trade.propose(Proposal(baraka.id, 250, invoice=False, order=order))
        await amina.hand_to(baraka)
        await baraka.trade.accept(trade)
        await baraka.hand_to(amina)
        await amina.duties()
        hidden, shown = (receipt_text(amina.core, trade, show_order=show) for show in (False, True))
    finally:
        for person in people:
            person.close()
    assert not any("They traded" in sentence for sentence in sentences(hidden))
    assert 'They traded "김치 두 통 ·[2J·".' in sentences(shown)
    assert '2.50 "나눔".' in sentences(shown)[2]
    parts = portable.decode_receipt(shown)
    assert parts.order is not None
    other = portable.OpenOrder(parts.order.salt, "김치 세 통".encode())
    (told,) = judged([portable.encode_receipt(replace(parts, order=other))])
    assert code(told) == "order"


def packed(receipt: Receipt, **changes: object) -> bytes:
    """The form as one canonical map."""
    fields = {
        "genesis": receipt.genesis,
        "order": None,
        "records": [list(raw) for raw in receipt.records],
        "trade": receipt.trade,
        "wetalk_receipt": 1,
        **changes,
    }
    return codec.encode(fields)


def test_both_forms_of_a_file_say_the_same() -> None:
    world = World()
    commit, _ = world.pay(world.account("a", limit=100), world.account("b"), 42)
    receipt = receipt_of(world, commit)
    as_text, as_map = judged([portable.encode_receipt(receipt), packed(receipt)])
    assert isinstance(as_text, list)
    assert as_text == as_map
    assert packed(receipt) == portable.pack_receipt(receipt)
    bodyless = [[raw.header, None, raw.signature] for raw in receipt.records]
    wrong = [
        packed(receipt, wetalk_receipt=2),
        packed(receipt, order=[bytes(15), b"bread"]),
        packed(receipt, order=[bytes(16), b"bread"]),
        packed(receipt, records=[]),
        packed(receipt, records=bodyless),
        packed(receipt, trade=bytes(31)),
        packed(receipt) + b"\0",
    ]
    told = [code(one) for one in judged(wrong)]
    assert told == [*["encoding"] * 2, "order", "encoding", "body", *["encoding"] * 2]


# --- the vectors ----------------------------------------------------------------------------------
def test_vectors_of_signatures_come_out_as_declared() -> None:
    """Small order and keys that are not canonical, which Node alone would let pass, too."""
    all_cases = cases("signatures")
    told = ask([("signature", case) for case in all_cases])
    assert told == [case["expect"] for case in all_cases]


def test_vectors_of_canonical_messagepack_come_out_as_declared() -> None:
    """But for numbers below zero, which stand in no table."""
    all_cases = [case for case in cases("codec") if not isinstance(case.get("value"), int)
                 or case["value"] >= 0]  # fmt: skip
    told = ask([("codec", case) for case in all_cases])
    for case, one in zip(all_cases, told, strict=True):
        assert (one == "ok") == (case["expect"] == "ok"), case["name"]


def test_vectors_of_records_come_out_as_declared() -> None:
    """Of the lanes that a receipt holds; codes may differ where a record breaks two rules."""
    all_cases = cases("records")
    told = ask([("record", case) for case in all_cases])
    for case, one in zip(all_cases, told, strict=True):
        if case["expect"] == "ok" and one != "ok":
            kept_out = record.parse_header(data(case["header"])).lane
            assert ("has no place here" in one, kept_out in ERASABLE_LANES) == (True, True)
        else:
            assert (one == "ok") == (case["expect"] == "ok"), (case["name"], one)
