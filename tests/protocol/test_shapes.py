"""What all bodies have in common: fields in byte order, words that exist, tables as documented."""

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import (
    account,
    codec,
    dispute,
    genesis,
    identity,
    limits,
    market,
    office,
    portable,
    record,
    social,
)
from node.protocol.errors import Reject, RemoteFault
from node.protocol.record import ERASABLE_LANES, KINDS, LANE_OF_KIND, OPENING_KIND
from node.protocol.shapes import Body, Id, Key, Signature, ascending
from tests.protocol import second_reader
from tests.vectors.bodies import EXAMPLES

MODULES = (account, dispute, genesis, identity, market, office, portable, record, social)


def all_bodies() -> Iterator[type[Body]]:
    """Every map shape of the protocol."""
    for module in MODULES:
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Body) and found is not Body:
                yield found


def test_fields_stand_in_byte_order() -> None:
    found = set(all_bodies())
    assert len(found) > 25
    for body in found:
        names = [name.encode() for name in body.__struct_fields__]
        assert names == sorted(names), body.__name__


def test_encoding_a_body_gives_the_form_of_its_map() -> None:
    for kind, example in EXAMPLES.items():
        shape = KINDS[LANE_OF_KIND[kind]][kind]
        data = codec.encode(example)
        assert codec.encode(codec.decode(data, shape)) == data == second_reader.pack(example)


def test_every_kind_is_on_one_lane() -> None:
    assert sum(map(len, KINDS.values())) == len(LANE_OF_KIND)
    assert all(LANE_OF_KIND[kind] == lane for lane, kind in OPENING_KIND.items())
    assert {kind: int(lane) for kind, lane in LANE_OF_KIND.items()} == second_reader.LANE_OF


def test_bodies_that_may_be_erased_carry_a_salt_and_others_no_free_text() -> None:
    for lane, kinds in KINDS.items():
        for kind, shape in kinds.items():
            fields = set(shape.__struct_fields__)
            if lane in ERASABLE_LANES:
                assert "salt" in fields or kind in OPENING_KIND.values(), kind
            else:
                assert not fields & {"salt", "text", "about", "title"}, kind


def test_what_a_body_needs_is_what_the_document_says() -> None:
    for kind, example in EXAMPLES.items():
        body = codec.decode(codec.encode(example), KINDS[LANE_OF_KIND[kind]][kind])
        said = [
            found
            for name, _, ref in second_reader.TABLES[kind]
            if ref == "needs"
            for found in second_reader._ids(example[name])
        ]
        assert sorted(body.names()) == sorted(said), kind


def test_optional_references_are_needed_only_where_they_stand() -> None:
    one = b"\x05" * 32
    for kind, field in (("trade.propose", "grant"), ("trade.propose", "refunds")):
        shape = KINDS[LANE_OF_KIND[kind]][kind]
        body = codec.decode(codec.encode({**EXAMPLES[kind], field: one}), shape)
        assert one in body.names()
    accept = account.TradeAccept(grant=one, propose=b"\x01" * 32)
    assert one in accept.names()


@given(st.lists(st.binary(max_size=3), max_size=6))
def test_ascending_means_sorted_and_each_once(items: list[bytes]) -> None:
    assert ascending(items) == (items == sorted(set(items)))


def test_the_largest_header_fits() -> None:
    fields = [1, "\U0001f91d" * 32, b"\xff" * 32, b"\xff" * 32, 2, 2**40, b"\xff" * 32]
    data = codec.encode([*fields, limits.TIME_MAX_MS, b"\xff" * 32, 32_768])
    assert len(data) <= limits.HEADER_SIZE_MAX_BYTES
    assert record.parse_header(data).kind == "\U0001f91d" * 32


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_largest_bodies_of_closed_kinds_fit_their_lane(kind: str) -> None:
    from msgspec.inspect import ListType, type_info

    from tests.vectors.kind_cases import _most

    shape = KINDS[LANE_OF_KIND[kind]][kind]
    lane = LANE_OF_KIND[kind]
    if lane in ERASABLE_LANES:
        return
    body = dict(EXAMPLES[kind])
    for field in type_info(shape).fields:  # type: ignore[union-attr]
        if isinstance(field.type, ListType) and field.name != "items":
            body[field.name] = _most(field.type)
    if kind == "account.claim":
        ids = [n.to_bytes(32, "big") for n in range(64)]
        body["items"] = [[commit, ids[:4]] for commit in ids]
    assert len(codec.encode(body)) <= record._BODY_MAX_BYTES[lane], kind


def test_sets_out_of_order_are_no_bodies() -> None:
    body = codec.encode({**EXAMPLES["account.open"], "carry": [b"\2" * 32, b"\1" * 32]})
    decoded = codec.decode(body, account.AccountOpen)
    assert not decoded.well_formed()
    assert msgspec.structs.replace(decoded, carry=decoded.carry[::-1]).well_formed()


def test_a_genesis_that_breaks_a_rule_is_not_written() -> None:
    chapter = genesis.Chapter(
        default_limit=1, k=1, limit_max=0, name="a", officers=[b"\1" * 32], q=0, treasury=None,
        witnesses=[],
    )  # fmt: skip
    unit = genesis.CreditUnit(code="H", decimals=0)
    document = genesis.Genesis(
        chapters=[chapter], languages=["ko"], name="x", rules=1, salt=bytes(16), unit=unit
    )
    with pytest.raises(ValueError, match="limits"):
        genesis.encode(document)
    good = msgspec.structs.replace(chapter, default_limit=0)
    data = genesis.encode(msgspec.structs.replace(document, chapters=[good]))
    community, found = genesis.parse(data)
    assert len(community) == 32
    assert found.chapter("a") == good
    assert found.chapter("b") is None
    assert found.chapter_number("a") == 0


@given(st.binary(max_size=400))
def test_noise_is_no_genesis(data: bytes) -> None:
    with pytest.raises(RemoteFault) as caught:
        genesis.parse(data)
    assert caught.value.code in (Reject.ENCODING, Reject.SHAPE)


@pytest.mark.parametrize(("shape", "size"), [(Id, 32), (Key, 32), (Signature, 64)])
def test_bytes_of_one_length_have_that_length(shape: Any, size: int) -> None:
    assert codec.decode(codec.encode(bytes(size)), shape) == bytes(size)
    for other in (0, size - 1, size + 1):
        with pytest.raises(RemoteFault):
            codec.decode(codec.encode(bytes(other)), shape)
