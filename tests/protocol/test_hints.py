"""The payload of gossip: what goes in comes out, and nothing else is taken for one."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import hints, limits
from node.protocol.record import RawRecord

RECORDS = st.builds(
    RawRecord,
    st.binary(min_size=1, max_size=limits.HEADER_SIZE_MAX_BYTES),
    st.none() | st.binary(min_size=1, max_size=5_000),
    st.binary(min_size=64, max_size=64),
)


@given(st.lists(RECORDS, max_size=40))
def test_records_come_out_as_they_went_in(records: list[RawRecord]) -> None:
    payloads = hints.pack(records)
    assert all(len(payload) <= limits.FRAME_SIZE_MAX_BYTES for payload in payloads)
    found = [hints.unpack(payload) for payload in payloads]
    assert [raw for part in found if part is not None for raw in part] == records


def test_many_and_large_records_are_spread_over_payloads_that_fit() -> None:
    large = RawRecord(
        bytes(limits.HEADER_SIZE_MAX_BYTES), bytes(limits.BODY_SIZE_MAX_BYTES), bytes(64)
    )
    small = RawRecord(b"h", b"b", bytes(64))
    payloads = hints.pack([large] * 9 + [small] * 1_000)
    assert all(len(payload) <= limits.FRAME_TARGET_BYTES + 4_096 for payload in payloads)
    counts = [len(hints.unpack(payload) or ()) for payload in payloads]
    assert sum(counts) == 1_009
    assert max(counts) <= limits.HINT_RECORDS_MAX_COUNT
    assert len(payloads) <= 9 + 1 + 1_000 // limits.HINT_RECORDS_MAX_COUNT


def test_the_layout_is_the_documented_one() -> None:
    raw = RawRecord(b"header", None, b"s" * 64)
    assert hints.pack([raw]) == [bytes.fromhex("92019193c406686561646572c0c440") + b"s" * 64]


@given(st.binary(max_size=300))
def test_anything_may_be_tried_and_nothing_is_raised(data: bytes) -> None:
    found = hints.unpack(data)
    assert found is None or b"".join(hints.pack(found)) == data


GOOD = [b"h", b"b", bytes(64)]
BAD = {
    "another version": [2, [GOOD]],
    "no records": [1, []],
    "too many records": [1, [GOOD] * (limits.HINT_RECORDS_MAX_COUNT + 1)],
    "an empty header": [1, [[b"", b"b", bytes(64)]]],
    "a long header": [1, [[bytes(limits.HEADER_SIZE_MAX_BYTES + 1), b"b", bytes(64)]]],
    "an empty body": [1, [[b"h", b"", bytes(64)]]],
    "a long body": [1, [[b"h", bytes(limits.BODY_SIZE_MAX_BYTES + 1), bytes(64)]]],
    "a short signature": [1, [[b"h", b"b", bytes(63)]]],
    "text for bytes": [1, [["h", b"b", bytes(64)]]],
    "one field more": [1, [[*GOOD, 1]]],
    "true for one": [True, [GOOD]],
}


@pytest.mark.parametrize("case", BAD)
def test_everything_else_is_none(case: str) -> None:
    packed = msgpack.packb(BAD[case], use_bin_type=True)
    assert isinstance(packed, bytes)
    assert hints.unpack(packed) is None


def test_the_neighbouring_good_one_is_taken() -> None:
    packed = msgpack.packb([1, [GOOD]], use_bin_type=True)
    assert isinstance(packed, bytes)
    assert hints.unpack(packed) == [RawRecord(b"h", b"b", bytes(64))]
    assert hints.unpack(packed + b"\0") is None
