"""Canonical MessagePack: one form for every value, checked against another implementation."""

from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import codec
from node.protocol.errors import Reject, RemoteFault
from node.protocol.genesis import Genesis
from node.protocol.record import KINDS, LANE_OF_KIND, Header
from node.protocol.shapes import Body
from tests.protocol.second_reader import Refused, pack, unpack
from tests.protocol.strategies import bodies, kinds, mutated, values
from tests.vectors.bodies import EXAMPLES


class Pair(Body, frozen=True):
    """A small shape."""

    number: int
    text: str | None


@given(values)
def test_every_value_comes_back_and_has_one_form(value: Any) -> None:
    data = codec.encode(value)
    assert codec.decode_any(data) == value
    assert data == pack(value)


@given(values)
def test_another_implementation_reads_the_same(value: Any) -> None:
    assert msgpack.unpackb(codec.encode(value), raw=False, strict_map_key=True) == value


@given(mutated(values.map(codec.encode)))
def test_broken_bytes_are_refused_or_canonical_as_the_second_reader_says(data: bytes) -> None:
    try:
        theirs: Any = unpack(data)
    except Refused:
        with pytest.raises(RemoteFault) as caught:
            codec.decode_any(data)
        assert caught.value.code == Reject.ENCODING
    else:
        assert codec.decode_any(data) == theirs
        assert codec.encode(codec.decode_any(data)) == data


@given(st.binary(max_size=60))
def test_noise_never_raises_anything_else(data: bytes) -> None:
    for shape in (Pair, Header, Genesis):
        assert outcome(data, shape) in ("ok", Reject.ENCODING, Reject.SHAPE)


@given(kinds, mutated(bodies))
def test_a_body_is_a_shape_its_own_bytes_or_a_remote_fault(kind: Any, data: bytes) -> None:
    _, name, shape = kind
    got = outcome(data, shape)
    if got == "ok":
        assert codec.encode(codec.decode(data, shape)) == data
    else:
        assert got == (Reject.SHAPE if is_canonical(data) else Reject.ENCODING), name


def outcome(data: bytes, shape: type[Any]) -> str:
    """`ok` or the code."""
    try:
        codec.decode(data, shape)
    except RemoteFault as fault:
        return fault.code
    return "ok"


def is_canonical(data: bytes) -> bool:
    try:
        unpack(data)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_was_accepted_is_read_again_unless_the_file_is_damaged(name: str) -> None:
    data, shape = codec.encode(EXAMPLES[name]), KINDS[LANE_OF_KIND[name]][name]
    assert codec.stored(data, shape) == codec.decode(data, shape)
    for broken in (data[:-1], b"\xc1" + data[1:], data + b"\0"):
        with pytest.raises(RemoteFault) as caught:
            codec.stored(broken, shape)
        assert caught.value.code == Reject.ENCODING


def test_canonical_form_is_asked_before_shape() -> None:
    wide = b"\x82\xa6number\xcd\x00\x01\xa4text\x01"  # a wide integer, and a number for a text
    with pytest.raises(RemoteFault) as caught:
        codec.decode(wide, Pair)
    assert caught.value.code == Reject.ENCODING
    with pytest.raises(RemoteFault) as caught:
        codec.decode(b"\x82\xa6number\x01\xa4text\x01", Pair)
    assert caught.value.code == Reject.SHAPE


def test_text_is_never_taken_for_bytes() -> None:
    body = {**EXAMPLES["trade.settle"], "accept": "A" * 43 + "="}  # base64 of 32 bytes
    with pytest.raises(RemoteFault) as caught:
        codec.decode(codec.encode(body), KINDS[1]["trade.settle"])  # type: ignore[index]
    assert caught.value.code == Reject.SHAPE


@pytest.mark.parametrize("value", [1.0, 2**64, -(2**63) - 1, {1: 2}, {b"a": 1}, "\ud800", object()])
def test_what_has_no_form_is_not_written(value: object) -> None:
    with pytest.raises((RemoteFault, TypeError, OverflowError, UnicodeError, msgspec.MsgspecError)):
        codec.decode_any(codec.encode(value))
