"""The receipt verifier in JavaScript believes nothing that was forged, and says why."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from node.protocol import portable, social
from node.protocol.account import AccountOpen, TradePropose
from node.protocol.identity import DeviceAdd, Lane
from node.protocol.office import CreditGrant, WitnessStamp
from node.protocol.portable import Receipt
from node.protocol.record import RawRecord
from node.services.books.receipt_check import verify_receipt
from tests.examples.script import all_of, code, judged, receipt_of, sentences
from tests.support.world import Made, World


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
