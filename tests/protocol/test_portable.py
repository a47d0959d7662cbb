"""Invitations, export lines and receipts: what is written is read, what is not is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import crypto, genesis, limits, portable
from node.protocol.errors import Reject, RemoteFault
from node.protocol.portable import Invitation, OpenOrder, Receipt
from node.protocol.record import RawRecord
from tests.protocol.strategies import mutated
from tests.vectors import worked
from tests.vectors.world import fill, one_chapter, salt

COMMUNITY = one_chapter("Portable", ["anna"])
SALT = salt("portable")
texts = st.text(max_size=60) | st.text(alphabet='{}[]":,wetalk1', max_size=60)
records = st.builds(
    RawRecord,
    st.binary(max_size=50),
    st.none() | st.binary(max_size=50),
    st.binary(max_size=70),
)


def outcome(function: Any, *arguments: Any) -> str:
    """`ok` or the code; anything but a RemoteFault fails the test."""
    try:
        function(*arguments)
    except RemoteFault as fault:
        return fault.code
    return "ok"


addresses = st.lists(st.text(min_size=1, max_size=256), max_size=16)


@given(addresses, st.none() | st.binary(min_size=16, max_size=16))
def test_an_invitation_comes_back(found: list[str], code: bytes | None) -> None:
    invitation = Invitation(addresses=found, chapter="Seoul", code=code, genesis=COMMUNITY.data)
    link = portable.encode_invitation(invitation)
    assert portable.decode_invitation(link) == invitation
    assert portable.decode_invitation(f"\n {link} ") == invitation
    assert set(link) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:?=")


def test_an_invitation_nobody_could_read_is_not_made() -> None:
    for chapter, document in (("Busan", COMMUNITY.data), ("Seoul", b"\x80")):
        with pytest.raises(ValueError):
            portable.encode_invitation(Invitation([], chapter, None, document))


def test_the_largest_genesis_document_fits_a_link() -> None:
    officers = [fill(f"officer {n}") for n in range(16)]
    chapters = [
        genesis.Chapter(
            default_limit=0, k=1, limit_max=2**53 - 1, name=f"chapter {n}", officers=officers[:5],
            q=0, treasury=None, witnesses=[],
        )
        for n in range(230)
    ]  # fmt: skip
    unit = genesis.CreditUnit(code="H", decimals=0)
    document = genesis.Genesis(chapters, ["ko"], "large", 1, bytes(16), unit)
    data = genesis.encode(document)
    assert len(data) > limits.GENESIS_SIZE_MAX_BYTES * 0.9
    link = portable.encode_invitation(Invitation(["a" * 256] * 16, "chapter 0", None, data))
    assert len(link) < limits.INVITATION_LINK_MAX_CHARACTERS
    head = portable.encode_head(crypto.community_id(data), data)
    assert portable.decode_genesis(head) == data


@given(texts | st.text(max_size=20).map(lambda text: portable.LINK_PREFIX + text))
def test_noise_is_no_invitation(text: str) -> None:
    codes = (Reject.ENCODING, Reject.SHAPE, Reject.SIZE)
    assert outcome(portable.decode_invitation, text) in codes


@given(records)
def test_a_line_comes_back(raw: RawRecord) -> None:
    line = portable.encode_line(raw)
    assert portable.decode_line(line) == raw
    assert portable.decode_line(line.encode()) == raw
    assert "\n" not in line
    assert ("body" in json.loads(line)) is (raw.body is not None)


def test_the_largest_record_fits_a_line() -> None:
    raw = RawRecord(
        b"\xff" * limits.HEADER_SIZE_MAX_BYTES,
        b"\xff" * limits.BODY_SIZE_MAX_BYTES,
        b"\xff" * 64,
    )
    assert len(portable.encode_line(raw)) <= limits.EXPORT_LINE_MAX_BYTES


@given(st.binary(min_size=32, max_size=32))
def test_a_first_line_comes_back(community: bytes) -> None:
    head = portable.encode_head(community)
    assert portable.decode_head(head) == community
    assert portable.decode_genesis(head) is None


@given(texts)
def test_noise_is_no_line(text: str) -> None:
    for reader in (portable.decode_line, portable.decode_receipt):
        assert outcome(reader, text) == Reject.ENCODING
    assert outcome(portable.decode_head, text) in ("ok", Reject.ENCODING, Reject.VERSION)


@given(mutated(st.just(portable.encode_line(RawRecord(b"abc", b"def", b"ghi")).encode())))
def test_broken_lines_are_refused_or_read(line: bytes) -> None:
    assert outcome(portable.decode_line, line) in ("ok", Reject.ENCODING)


def test_deep_and_lone_things_are_refused() -> None:
    for text in ("[" * 100_000, "\ud800", '{"header":"\\ud800","signature":""}'):
        for reader in (portable.decode_head, portable.decode_line, portable.decode_receipt):
            assert outcome(reader, text) in (Reject.ENCODING, Reject.SIZE)
    assert outcome(portable.decode_invitation, portable.LINK_PREFIX + "\ud800") == Reject.ENCODING


PLAIN = Receipt(COMMUNITY.data, (RawRecord(b"abc", None, b"def"),), fill("trade"), None)
openings = st.none() | st.builds(OpenOrder, st.just(SALT), st.binary(max_size=40))


@given(st.lists(records, min_size=1, max_size=4), openings)
def test_a_receipt_comes_back(raws: list[RawRecord], order: OpenOrder | None) -> None:
    receipt = Receipt(COMMUNITY.data, tuple(raws), fill("trade"), order)
    text = portable.encode_receipt(receipt)
    assert portable.decode_receipt(text) == receipt
    assert portable.decode_receipt(text.encode()) == receipt
    assert ("order" in json.loads(text)) is (order is not None)


@given(st.lists(records, min_size=1, max_size=4), openings)
def test_both_forms_of_a_receipt_say_the_same(
    raws: list[RawRecord], order: OpenOrder | None
) -> None:
    receipt = Receipt(COMMUNITY.data, tuple(raws), fill("trade"), order)
    packed = portable.pack_receipt(receipt)
    assert packed[:1] == portable.PACKED_RECEIPT
    assert portable.decode_receipt(packed) == receipt
    assert len(packed) < len(portable.encode_receipt(receipt))


@given(mutated(st.just(portable.pack_receipt(PLAIN))))
def test_broken_bytes_of_a_receipt_are_refused_or_read(data: bytes) -> None:
    """What is read has one form only: it is packed into the same bytes again."""
    code = outcome(portable.decode_receipt, data)
    assert code in ("ok", Reject.ENCODING, Reject.VERSION, Reject.SHAPE)
    if code == "ok":
        assert portable.pack_receipt(portable.decode_receipt(data)) == data


@pytest.mark.parametrize("item", [b"\xc0", b"\x93\xc4\0\xc0\xc4\0", b"\x90"])
def test_no_count_makes_a_reader_unpack_more_than_is_allowed(item: bytes) -> None:
    count = limits.RECEIPT_RECORDS_MAX_COUNT + 1
    data = portable.pack_receipt(PLAIN)
    start = data.index(b"\xa7records") + 8
    for said in (count, 2**32 - 1):
        flood = data[:start] + b"\xdd" + said.to_bytes(4, "big") + item * count
        assert outcome(portable.decode_receipt, flood) == Reject.ENCODING


def test_a_receipt_over_its_size_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    story = worked.story()
    raws = tuple(made.raw for _, made in story.made)
    text = portable.encode_receipt(Receipt(story.community.data, raws, fill("trade"), None))
    monkeypatch.setattr(limits, "RECEIPT_SIZE_MAX_BYTES", len(text) - 1)
    assert outcome(portable.decode_receipt, text) == Reject.SIZE
    monkeypatch.setattr(limits, "RECEIPT_SIZE_MAX_BYTES", len(text))
    assert outcome(portable.decode_receipt, text) == "ok"
    packed = portable.pack_receipt(portable.decode_receipt(text))
    monkeypatch.setattr(limits, "RECEIPT_SIZE_MAX_BYTES", len(packed) - 1)
    assert outcome(portable.decode_receipt, packed) == Reject.SIZE


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_an_order_has_its_own_hash(one: bytes, two: bytes) -> None:
    same = portable.order_hash(SALT, one) == portable.order_hash(SALT, two)
    assert same is (one == two)
    assert portable.order_hash(salt("other"), one) != portable.order_hash(SALT, one)


def test_a_code_is_proved_for_one_member_of_one_community() -> None:
    code = salt("code")
    found = {
        portable.invite_proof(community, member, proved)
        for community in (fill("a"), fill("b"))
        for member in (fill("c"), fill("d"))
        for proved in (code, salt("another code"))
    }
    assert len(found) == 8
