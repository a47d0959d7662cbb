"""The receipt verifier in JavaScript believes the receipts that the program makes, and no others.

It was written from docs/protocol.md alone. Runs where Node 20 or later is; else it is skipped,
saying why.
"""

import base64
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec import structs

from node.protocol import portable, record, social
from node.protocol.account import AccountOpen, TradePropose
from node.protocol.identity import DeviceAdd, Lane
from node.protocol.office import CreditGrant, WitnessStamp
from node.protocol.portable import Receipt
from node.protocol.record import ERASABLE_LANES, RawRecord
from node.services import receipts
from node.services.core import Core
from node.services.intake import FILE, Intake
from node.services.keyless import keyless_core
from node.services.receipt_check import verify_receipt
from node.services.receipts import make_receipt, receipt_text
from node.services.trade import Proposal
from node.storage.home import Home
from tests.support.homes import town
from tests.support.world import Made, World
from tests.vectors.load import cases, data

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "docs" / "examples" / "verify-receipt.mjs"
NODE_MIN_VERSION = 20
SCRIPT_LINES_MAX_COUNT = 200

Asked = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _node_is_here() -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not here")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < NODE_MIN_VERSION:
        pytest.skip(f"Node {version.stdout.strip()} is older than {NODE_MIN_VERSION}")


def ask(asked: list[Asked]) -> list[Any]:
    """What the script says of each, in one run: `ok` and the like, sentences, or a refusal."""
    done = subprocess.run(
        ["node", str(HERE / "many.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SCRIPT": str(SCRIPT)},
    )
    told: list[Any] = json.loads(done.stdout)
    assert len(told) == len(asked)
    return told


def judged(files: Iterable[str | bytes], known: str | None = None) -> list[list[str] | str]:
    """Of each file its sentences, or why it is refused."""
    files_ = [file.encode() if isinstance(file, str) else file for file in files]
    return ask(
        [("receipt", {"file": base64.b64encode(d).decode(), "known": known}) for d in files_]
    )


def sentences(file: str | bytes, known: str | None = None) -> list[str]:
    """Of a file that is believed, all sentences."""
    (told,) = judged([file], known)
    assert isinstance(told, list), told
    return told


def code(told: list[str] | str) -> str:
    """Why a file was refused."""
    assert isinstance(told, str), told
    return told.split(":")[0]


@contextmanager
def home_of(world: World) -> Generator[Core]:
    with TemporaryDirectory() as folder:
        core = keyless_core(Home(Path(folder) / "home"), world.genesis_bytes)
        try:
            Intake(core).take_sync(world.raws(), FILE)
            yield core
        finally:
            core.close()


def receipt_of(world: World, commit: Made) -> Receipt:
    """What the program hands out for a trade."""
    with home_of(world) as core:
        return make_receipt(core, core.reader, world.trade_of(commit))


def file_of(world: World, commit: Made) -> str:
    return portable.encode_receipt(receipt_of(world, commit))


def all_of(world: World, trade: Made) -> str:
    """A file of everything in a world: the program itself would make none of such a trade."""
    raws = tuple(world.raws())
    return portable.encode_receipt(Receipt(world.genesis_bytes, raws, trade.id, None))


# --- what the program makes -----------------------------------------------------------------------
def test_the_script_is_short_and_needs_no_package() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= SCRIPT_LINES_MAX_COUNT
    assert max(map(len, source.splitlines())) <= 100
    imported = [line.split("from")[1].strip() for line in source.splitlines() if "import {" in line]
    assert imported == ["'node:crypto'", "'node:fs'"]


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


@pytest.mark.parametrize("invoice", [False, True])
def test_both_ways_to_trade_are_believed(*, invoice: bool) -> None:
    world = World()
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit = world.accept(a, world.invoice(b, a, 42)) if invoice else world.pay(a, b, 42)[0]
    told = sentences(file_of(world, commit), world.community.hex())
    payer, payee = a.header.author.hex(), b.header.author.hex()
    assert f'Both signed these terms: {payer} pays {payee} 42 "CRD".' in told
    assert "1 officers (it takes 1) let the payer owe 100." in told
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
    assert told[-2].startswith(f"{q} witnesses (it takes {q}) stamped")
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
    assert '3 "hours"' in told[2]
    assert told[3] == "It holds no grant that the payer rests on: not looked at."


def test_enough_officers_are_counted_once_each() -> None:
    world = World(k=2)
    a, b = world.account("a", limit=50), world.account("b")
    commit, _ = world.pay(a, b, 1)
    assert "2 officers (it takes 2) let the payer owe 50." in sentences(file_of(world, commit))


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
    stamped = "No witnesses secure it" if quorum == "q0" else "3 witnesses (it takes 2) stamped"
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


# --- what is forged -------------------------------------------------------------------------------
def flipped(data: bytes, chance: random.Random) -> bytes:
    place, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
    return data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :]


def swapped(receipt: Receipt, place: int, raw: RawRecord) -> str:
    records = (*receipt.records[:place], raw, *receipt.records[place + 1 :])
    return portable.encode_receipt(replace(receipt, records=records))


def stamped_receipt() -> tuple[World, Made, Receipt]:
    """With a record of every kind that a receipt holds, where officers and relays are several."""
    world = World("3/2", k=2)
    a, b = world.account("a", limit=100), world.account("b", limit=10)
    first, b_head = world.pay(a, b, 60)
    b_head = world.claim(b_head, first, stamps={first.id: world.secure(first)})
    second, _ = world.pay(b_head, first, 70)
    world.secure(second)
    assert world.outcome[second.id] == "ok"
    return world, second, receipt_of(world, second)


def test_no_bit_of_any_record_can_be_flipped() -> None:
    _, _, receipt = stamped_receipt()
    chance = random.Random(1)
    forged = list[str]()
    for place, raw in enumerate(receipt.records):
        assert raw.body is not None
        for part in range(9):
            pieces = [raw.header, raw.body, raw.signature]
            pieces[part % 3] = flipped(pieces[part % 3], chance)
            forged.append(swapped(receipt, place, RawRecord(*pieces)))
    for told in judged(forged):
        assert code(told) in ("encoding", "chain", "kind", "not-authorised", "size", "body",
                              "shape", "signature")  # fmt: skip


def test_no_bit_of_the_genesis_document_can_be_flipped() -> None:
    _, _, receipt = stamped_receipt()
    chance = random.Random(2)
    forged = [replace(receipt, genesis=flipped(receipt.genesis, chance)) for _ in range(100)]
    told = judged(map(portable.encode_receipt, forged))
    assert {code(one) for one in told} <= {"encoding", "shape", "signature"}


def test_both_verifiers_agree_when_a_record_is_missing_but_for_the_grant() -> None:
    """Without the closure the program looks at the two lanes alone, and so does the script; but
    what officers signed it looks at wherever the grant is there."""
    world, _, receipt = stamped_receipt()
    ids = {made.raw: made for made in world.made.values()}
    some = [
        replace(receipt, records=receipt.records[:n] + receipt.records[n + 1 :])
        for n in range(len(receipt.records))
    ]
    files = list(map(portable.encode_receipt, some))
    for left_out, file, told in zip(receipt.records, files, judged(files), strict=True):
        believed = isinstance(told, list)
        strict = ids[left_out].header.lane in (Lane.OFFICE, Lane.IDENTITY)
        assert believed == verify_receipt(file).ok or (strict and not believed)
        assert believed or code(told) in ("missing", "approvals", "trade")


def test_records_of_another_community_prove_nothing() -> None:
    world, _, receipt = stamped_receipt()
    other = World("3/2", k=2, chapters=("elsewhere",))
    moved = portable.encode_receipt(replace(receipt, genesis=other.genesis_bytes))
    assert code(judged([moved])[0]) == "signature"
    told = judged([portable.encode_receipt(receipt)], other.community.hex())
    assert code(told[0]) == "community"
    assert sentences(portable.encode_receipt(receipt), world.community.hex())


def test_terms_of_another_trade_are_not_these() -> None:
    world = World()
    a, b, c = world.account("a", limit=100), world.account("b"), world.account("c")
    first, _ = world.pay(a, b, 10)
    waiting = world.propose(first, b, 20)
    other, _ = world.pay(waiting, c, 5)
    files = [all_of(world, made) for made in world.made.values()]
    trades = (world.trade_of(first), world.trade_of(other))
    for made, told in zip(world.made.values(), judged(files), strict=True):
        assert isinstance(told, list) == (made.id in trades)


def test_stamps_of_strangers_are_noticed() -> None:
    world = World("3/2")
    commit, _ = world.pay(world.account("a", limit=100), world.account("b"), 42)
    device = world.device("stranger", "witness")
    lane = world.first(device, Lane.WITNESS, social.LaneOpen(auth=device.id))
    good = all_of(world, world.made[world.trade_of(commit)])
    opened = world.opened(commit)
    world.on(lane, WitnessStamp(head=commit.id, open=opened.id))
    told = judged([good, all_of(world, world.made[world.trade_of(commit)])])
    assert isinstance(told[0], list)
    assert code(told[1]) == "stamp"


def test_one_witness_is_one_however_often_it_stamps() -> None:
    world = World("3/2")
    commit, _ = world.pay(world.account("a", limit=100), world.account("b"), 42)
    world.stamp("w0", commit)
    world.stamp("w0", commit)
    told = sentences(all_of(world, world.made[world.trade_of(commit)]))
    assert told[-2].startswith("No witnesses secure it")


def test_a_stamp_on_a_head_before_the_commit_is_none() -> None:
    world = World("3/2")
    a, b = world.account("a", limit=100), world.account("b")
    propose = world.propose(a, b, 42)
    world.secure(propose)
    world.settle(propose, world.accept(b, propose))
    assert sentences(all_of(world, propose))[-2].startswith("No witnesses secure it")


def a_trade_under(world: World, grant: Made) -> Made:
    """The payer's side rests on a grant of which nodes say that it is void; returns the terms."""
    assert isinstance(grant.body, CreditGrant)
    opened = world.made[grant.body.open]
    b = world.account("b")
    propose = world.propose(opened, b, 1, grant=grant.id)
    commit = world.settle(propose, world.accept(b, propose))
    assert world.outcome[commit.id] != "ok"
    return propose


def by_one_officer(world: World) -> Made:
    return world.grant(world.account("a"), helpers=())


def by_one_officer_twice(world: World) -> Made:
    return world.grant(world.account("a"), helpers=("o0",))


def approved_for_another(world: World) -> Made:
    opened = world.account("a")
    less = world.approve("o1", "credit.grant", world.grant_body(opened, 10))
    body = structs.replace(world.grant_body(opened, 90), approvals=[less.id])
    world.office["o0"] = world.on(world.office["o0"], body)
    return world.office["o0"]


def with_a_stranger(world: World) -> Made:
    opened = world.account("a")
    world.office["x"] = world.first_office("x")
    return world.grant(opened, helpers=("x",))


def by_a_stranger(world: World) -> Made:
    opened = world.account("a")
    world.office["x"] = world.first_office("x")
    return world.grant(opened, officer="x", helpers=("o0", "o1"))


def above_the_highest(world: World) -> Made:
    return world.grant(world.account("a"), limit=101)


def under_another_list(world: World) -> Made:
    body = structs.replace(world.grant_body(world.account("a")), list=bytes(32))
    return world.act("o0", "credit.grant", body, "o1")


def for_other_stamps(world: World) -> Made:
    few = world.witness_keys[:1]
    return world.grant(world.account("a", witnesses=few, q=1))


@pytest.mark.parametrize(
    ("grant", "why"),
    [
        (by_one_officer, "approvals"), (by_one_officer_twice, "approvals"),
        (approved_for_another, "approvals"), (with_a_stranger, "approvals"),
        (by_a_stranger, "approvals"), (above_the_highest, "grant"), (under_another_list, "grant"),
        (for_other_stamps, "grant"),
    ],
)  # fmt: skip
def test_a_grant_that_officers_did_not_give_is_none(
    grant: Callable[[World], Made], why: str
) -> None:
    world = World("3/2", k=2)
    told = judged([all_of(world, a_trade_under(world, grant(world)))])
    assert code(told[0]) == why


def test_a_grant_to_another_account_is_none() -> None:
    world = World()
    other = world.grant(world.account("c"))
    b = world.account("b")
    propose = world.propose(world.account("a"), b, 1, grant=other.id)
    world.settle(propose, world.accept(b, propose))
    without = world.terms(world.account("d"), world.account("d").id, b.id, 1)
    told = judged([all_of(world, propose), all_of(world, without)])
    assert code(told[0]) == "grant"
    assert isinstance(told[1], str)


def test_what_a_third_party_accepts_is_not_agreed() -> None:
    world = World()
    a, b, c = world.account("a", limit=10), world.account("b"), world.account("c")
    propose = world.propose(a, b, 5)
    world.settle(propose, world.accept(c, propose))
    assert code(judged([all_of(world, propose)])[0]) == "trade"


def test_what_was_released_or_declined_before_is_not_agreed() -> None:
    world = World()
    a, b = world.account("a", limit=10), world.account("b")
    taken_back = world.propose(a, b, 5)
    accept = world.accept(b, taken_back)
    a_head = world.settle(world.release(taken_back, taken_back), accept)
    refused = world.propose(a_head, b, 5)
    late = world.accept(world.decline(accept, refused), refused)
    world.settle(refused, late)
    told = judged([all_of(world, taken_back), all_of(world, refused)])
    assert [code(one) for one in told] == ["trade", "trade"]


def test_what_nobody_accepted_or_settled_is_not_agreed() -> None:
    world = World()
    a, b = world.account("a", limit=10), world.account("b")
    alone = world.propose(a, b, 1)
    reserved = world.propose(alone, b, 1)
    world.accept(b, reserved)
    told = judged([all_of(world, alone), all_of(world, reserved)])
    assert [code(one) for one in told] == ["trade", "trade"]


def strange_key(world: World) -> Made:
    return world.device("b", "account")


def other_scope(world: World) -> Made:
    return world.device("a", "market")


@pytest.mark.parametrize("device", [strange_key, other_scope])
def test_a_device_that_was_not_added_for_accounts_signs_nothing(
    device: Callable[[World], Made],
) -> None:
    world = World()
    a, b = world.account("a", limit=10), world.account("b")
    added = device(world)
    assert isinstance(a.body, AccountOpen)
    assert isinstance(added.body, DeviceAdd)
    signer = added.body.key if device is other_scope else a.header.signer
    false = world.make(structs.replace(a.body, auth=added.id), a.header.author, signer, None)
    terms = world.propose(a, b, 5).body
    assert isinstance(terms, TradePropose)
    terms = structs.replace(terms, payer_lane=false.id)
    propose = world.on(false, terms)
    world.settle(propose, world.accept(b, propose))
    assert world.outcome[false.id] == "not-authorised"
    assert code(judged([all_of(world, propose)])[0]) == "not-authorised"


@pytest.mark.parametrize("file", ["", "{}", "[]", "null", b"\xff", "[" * 9_999, "1", b"\x00" * 9])
def test_what_is_no_receipt_is_told(file: str | bytes) -> None:
    assert isinstance(judged([file])[0], str)


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
