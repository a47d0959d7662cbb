"""Records: built, parsed, refused; broken ones never raise past admission."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from node.protocol import admission, codec, record
from node.protocol.admission import Refused
from node.protocol.errors import Reject, RemoteFault
from node.protocol.record import ERASABLE_LANES, KINDS, LANE_OF_KIND, RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.social import PostPut
from tests.protocol.strategies import kinds, mutated
from tests.vectors import load
from tests.vectors.bodies import EXAMPLES
from tests.vectors.world import Keys, fill, signed

COMMUNITY = CommunityId(fill("records"))
DEVICE, ROOT = Keys("records device"), Keys("records root")
CODES = {str(code) for code in Reject}
VALID = [case for case in load.cases("records") if case["expect"] == "ok"]


def raw_of(case: dict[str, Any]) -> RawRecord:
    body = None if case["body"] is None else load.data(case["body"])
    return RawRecord(load.data(case["header"]), body, bytes.fromhex(case["signature"]))


raws = st.sampled_from([raw_of(case) for case in VALID])


@given(kinds, st.integers(1, 2**40), st.binary(min_size=32, max_size=32), st.integers(0, 2**53 - 1))
def test_what_is_built_is_parsed(kind: Any, seq: int, prev: bytes, time_ms: int) -> None:
    lane, name, shape = kind
    body = codec.decode(codec.encode(EXAMPLES[name]), shape)
    opens = name == record.OPENING_KIND[lane]
    signer = ROOT if lane == 0 else DEVICE
    place = (0, None) if opens else (seq, prev)
    header, data = record.build(body, name, ROOT.public, signer.public, *place, time_ms)
    made = signed(COMMUNITY, header, data, signer)
    found = record.parse(made.raw, COMMUNITY)
    assert (found.id, found.body, found.raw) == (made.id, body, made.raw)
    said = (found.header.kind, found.header.seq, found.header.prev, found.header.time)
    assert said == (name, *place, time_ms)
    assert found.header.lane_key == ROOT.public + signer.public + bytes((lane,))
    if name != "device.add":  # its proof is another key's
        assert admission.verify(found, COMMUNITY) is None


@pytest.mark.parametrize("case", VALID, ids=lambda case: str(case["name"]))
def test_what_was_parsed_once_reads_the_same_in_another_process(case: dict[str, Any]) -> None:
    parsed = record.parse(raw_of(case), CommunityId(bytes.fromhex(case["community"])))
    assert record.reread(parsed.raw, parsed.id) == parsed


@given(raws, st.data())
def test_broken_records_are_refused_with_a_code(raw: RawRecord, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, 2))
    parts: list[bytes | None] = list(raw)
    parts[part] = data.draw(mutated(st.just(parts[part] or b"")))
    broken = RawRecord(*parts)  # type: ignore[arg-type]
    [found] = admission.verify_chunk([broken], COMMUNITY)
    if isinstance(found, Refused):
        assert found.code in CODES
    else:  # a mutation may change nothing
        assert broken == raw


@given(st.binary(max_size=400), st.none() | st.binary(max_size=100), st.binary(max_size=80))
def test_noise_is_refused(header: bytes, body: bytes | None, signature: bytes) -> None:
    [found] = admission.verify_chunk([RawRecord(header, body, signature)], COMMUNITY)
    assert isinstance(found, Refused)


@given(raws)
def test_a_bit_of_the_community_makes_another_record(raw: RawRecord) -> None:
    other = CommunityId(bytes((COMMUNITY[0] ^ 1,)) + COMMUNITY[1:])
    found = record.parse(raw, COMMUNITY)
    again = record.parse(raw, other)
    assert found.id != again.id
    assert admission.verify(again, other) == Refused(Reject.SIGNATURE)


def test_results_stand_in_the_order_given() -> None:
    given_ = [raw_of(case) for case in VALID]
    given_[3] = RawRecord(b"", None, b"")
    found = admission.verify_chunk(given_, COMMUNITY)
    for number, (raw, result) in enumerate(zip(given_, found, strict=True)):
        assert isinstance(result, Refused) if number == 3 else result.raw == raw


def test_only_social_and_market_bodies_beyond_the_start_may_be_missing() -> None:
    for case in VALID:
        raw = raw_of(case)
        header = record.parse_header(raw.header)
        erased = RawRecord(raw.header, None, raw.signature)
        wanted = header.lane in ERASABLE_LANES and header.seq > 0
        assert record.may_be_erased(header) is wanted
        if wanted:
            assert record.parse(erased, COMMUNITY).body is None
        else:
            with pytest.raises(RemoteFault) as caught:
                record.parse(erased, COMMUNITY)
            assert caught.value.code == Reject.BODY


def test_a_body_of_an_unknown_kind_is_kept_but_not_read() -> None:
    case = next(case for case in VALID if case["name"] == "unknown kind, other body")
    found = admission.parse(raw_of(case), COMMUNITY)
    assert isinstance(found, Record)
    assert found.body is None
    assert found.raw.body == load.data(case["body"])


def test_lane_of_kind_covers_all_kinds() -> None:
    assert set(LANE_OF_KIND) == {kind for found in KINDS.values() for kind in found}


def test_signing_again_makes_no_second_record() -> None:
    post = codec.decode(codec.encode(EXAMPLES["post.put"]), PostPut)
    header, body = record.build(
        post, "post.put", ROOT.public, DEVICE.public, 1, fill("prev"), time_ms=5
    )
    first = signed(COMMUNITY, header, body, DEVICE)
    other = SigningKey(b"\x01" * 32).sign(b"anything").signature
    assert record.parse(RawRecord(header, body, other), COMMUNITY).id == first.id
