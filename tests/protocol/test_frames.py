"""Frames: what goes in comes out byte for byte, in fewer bytes; anything else is a typed fault."""

import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import codec, limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.frames import (
    PLAIN,
    ZLIB,
    Absent,
    Batch,
    BatchDecoder,
    BatchEncoder,
    pack,
    unpack,
)
from node.protocol.identity import Lane
from node.protocol.record import Header, RawRecord
from tests.support.sync_source import COMMUNITY, LaneMaker, Link

KINDS = (Lane.IDENTITY, Lane.SOCIAL, Lane.MARKET)


def forest() -> list[Link]:
    """Some lanes, one of them forked twice."""
    links: list[Link] = []
    for name in ("mina", "jun", "sora"):
        for kind in KINDS:
            links += LaneMaker(name, kind).run(6 if kind is Lane.SOCIAL else 1)
    maker = LaneMaker("mina")
    trunk = maker.run(6)
    return links + maker.run(3, "other", trunk[2]) + maker.run(2, "third", trunk[0])


FOREST = forest()


def pass_through(batches: Sequence[Sequence[RawRecord]]) -> list[list[RawRecord]]:
    """What arrives, with every batch going through its bytes."""
    encoder, decoder = BatchEncoder(COMMUNITY), BatchDecoder(COMMUNITY)
    return [
        decoder.decode(codec.decode(unpack(pack(codec.encode(encoder.encode(batch)))), Batch))
        for batch in batches
    ]


@st.composite
def spoilt(draw: st.DrawFn) -> RawRecord:
    """A record whose header cannot be rebuilt from its parts, or is none at all."""
    raw = draw(st.sampled_from(FOREST)).raw
    header = codec.decode(raw.header, Header)
    fields = [getattr(header, name) for name in header.__struct_fields__]
    match draw(st.integers(0, 5)):
        case 0:
            return RawRecord(draw(st.binary(max_size=320)), raw.body, raw.signature)
        case 1:
            return RawRecord(raw.header, draw(st.binary(max_size=99)), raw.signature)
        case 5:
            return RawRecord(raw.header, (raw.body or b"")[::-1], raw.signature)
        case 2:
            fields[0] = draw(st.integers(2, 9))  # a later record version
        case 3:
            fields[9] = draw(st.integers(1, 99))  # a size that is not the body's
        case _:
            fields[1] = draw(st.text(max_size=8))  # a kind of another lane
    return RawRecord(codec.encode(Header(*fields)), raw.body, raw.signature)


@st.composite
def any_record(draw: st.DrawFn) -> RawRecord:
    raw = draw(st.sampled_from(FOREST)).raw
    body = None if draw(st.booleans()) else raw.body
    signature = draw(st.binary(min_size=64, max_size=64))
    return RawRecord(raw.header, body, signature)


batches = st.lists(st.lists(any_record() | spoilt(), max_size=12), max_size=5)


@given(batches)
def test_every_record_arrives_byte_for_byte(sent: list[list[RawRecord]]) -> None:
    assert pass_through(sent) == sent


@given(st.permutations(FOREST), st.integers(1, 9))
def test_order_and_splitting_do_not_matter(links: list[Link], size: int) -> None:
    raws = [link.raw for link in links]
    sent = [raws[n : n + size] for n in range(0, len(raws), size)]
    assert pass_through(sent) == sent


def test_a_lane_in_order_travels_without_what_can_be_rebuilt() -> None:
    raws = [link.raw for link in LaneMaker("mina").run(100)]
    batch = BatchEncoder(COMMUNITY).encode(raws)
    assert len(batch.lanes) == 65
    assert batch.prevs == b""
    assert batch.seqs == [0, *[None] * 99]
    assert batch.absent == batch.verbatim == []
    bare = sum(len(raw.body or b"") + 64 for raw in raws)
    assert len(codec.encode(batch)) < bare + 100 * 12
    assert len(pack(codec.encode(batch))) < sum(len(raw.header) for raw in raws)


def test_the_fullest_batch_there_may_be_passes() -> None:
    count = limits.FRAME_RECORDS_MAX_COUNT
    raws = [LaneMaker(f"member {n}").run(2)[1].raw._replace(body=None) for n in range(count)]
    assert pass_through([raws]) == [raws]
    longest = limits.HEADER_SIZE_MAX_BYTES
    odd = [raw._replace(header=bytes((n,)) * longest) for n, raw in enumerate(raws)]
    assert pass_through([odd]) == [odd]


def test_the_largest_and_smallest_numbers_travel_in_columns() -> None:
    first, second = LaneMaker("mina").run(2)
    for seq, time in ((limits.SEQUENCE_MAX_COUNT, limits.TIME_MAX_MS), (1, 0)):
        header = codec.decode(second.raw.header, Header)
        fields = {name: getattr(header, name) for name in header.__struct_fields__}
        far = second.raw._replace(
            header=codec.encode(Header(**{**fields, "seq": seq, "time": time}))
        )
        assert BatchEncoder(COMMUNITY).encode([far]).verbatim == []
        assert pass_through([[first.raw, far, first.raw]]) == [[first.raw, far, first.raw]]


def test_a_lane_is_named_once_in_a_stream() -> None:
    maker = LaneMaker("mina")
    raws = [link.raw for link in maker.run(20)]
    encoder = BatchEncoder(COMMUNITY)
    first, second = encoder.encode(raws[:10]), encoder.encode(raws[10:])
    assert first.lanes == maker.lane_key
    assert (second.lanes, second.seqs) == (b"", [None] * 10)


def test_both_ends_forget_their_lanes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LANE_TABLE_MAX_COUNT", 3)
    lanes = [LaneMaker(f"member {n}").run(4) for n in range(8)]
    mixed = [lane[seq].raw for seq in range(4) for lane in lanes]
    sent = [mixed[n : n + 5] for n in range(0, len(mixed), 5)]
    assert pass_through(sent) == sent
    encoder = BatchEncoder(COMMUNITY)
    named = sum(len(encoder.encode(batch).lanes) // 65 for batch in sent)
    assert named > len(lanes)


def test_a_body_that_is_not_there_leaves_its_hash_and_size() -> None:
    link = LaneMaker("mina").run(2)[1]
    batch = BatchEncoder(COMMUNITY).encode([link.bodyless])
    header = codec.decode(link.raw.header, Header)
    assert batch.absent == [Absent(header.body_hash, header.body_size)]
    assert pass_through([[link.bodyless]]) == [[link.bodyless]]


@given(st.data())
def test_a_prepared_stream_brings_every_record_too(data: st.DataObject) -> None:
    """Whatever the reader named: records of the forest, on lanes that go on here or elsewhere."""
    named = data.draw(st.lists(st.sampled_from(FOREST), max_size=9))
    sent = [link.raw for link in data.draw(st.permutations(FOREST))]
    headers = [codec.decode(link.raw.header, Header) for link in named]
    prepared = [(h.lane_key, (h.seq, link.id)) for h, link in zip(headers, named, strict=True)]
    encoder = BatchEncoder(COMMUNITY, [link.id for link in named])
    decoder = BatchDecoder(COMMUNITY, prepared)
    for start in range(0, len(sent), 7):
        batch = encoder.encode(sent[start : start + 7])
        assert decoder.decode(batch) == sent[start : start + 7]


def test_a_table_forgets_what_was_prepared_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LANE_TABLE_MAX_COUNT", 3)
    runs = [LaneMaker(f"member {n}").run(3) for n in range(5)]
    headers = [codec.decode(run[0].raw.header, Header) for run in runs]
    prepared = [(h.lane_key, (0, run[0].id)) for h, run in zip(headers, runs, strict=True)]
    encoder = BatchEncoder(COMMUNITY, [run[0].id for run in runs])
    decoder = BatchDecoder(COMMUNITY, prepared)
    for seq in (1, 2):
        batch = encoder.encode([run[seq].raw for run in runs])
        assert len(batch.lanes) == 65 * 5
        assert decoder.decode(batch) == [run[seq].raw for run in runs]


# --- what is no batch ---

GOOD = BatchEncoder(COMMUNITY).encode([link.raw for link in FOREST[:9]])


def changed(**columns: object) -> Batch:
    values = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    return Batch(**{**values, **columns})


LANE = FOREST[0].raw.header
WRONG = {
    "a signature missing": changed(signatures=GOOD.signatures[:-64]),
    "a body missing": changed(bodies=GOOD.bodies[:-1]),
    "a body without hash": changed(bodies=[None, *GOOD.bodies[1:]]),
    "a hash without missing body": changed(absent=[Absent(bytes(32), 1)]),
    "a header left over": changed(verbatim=[LANE]),
    "a kind missing": changed(kind_numbers=GOOD.kind_numbers[:-1]),
    "a kind never named": changed(kind_numbers=[99, *GOOD.kind_numbers[1:]]),
    "a negative kind": changed(kind_numbers=[-1, *GOOD.kind_numbers[1:]]),
    "a lane never named": changed(lane_numbers=[999, *GOOD.lane_numbers[1:]]),
    "a negative lane": changed(lane_numbers=[-1, *GOOD.lane_numbers[1:]]),
    "lanes broken off": changed(lanes=GOOD.lanes[:-1]),
    "a lane of an unknown kind": changed(lanes=GOOD.lanes[:-1] + b"\x09"),
    "a link missing": changed(prevs=b"", seqs=[5, *GOOD.seqs[1:]]),
    "a link left over": changed(prevs=GOOD.prevs + bytes(32)),
    "links broken off": changed(prevs=GOOD.prevs + bytes(31)),
    "a seq too high": changed(seqs=[2**41, *GOOD.seqs[1:]]),
    "a seq below zero": changed(seqs=[-1, *GOOD.seqs[1:]]),
    "follows nothing": changed(seqs=[None, *GOOD.seqs[1:]]),
    "a time before 1970": changed(times=[-1, *GOOD.times[1:]]),
    "a time beyond all": changed(times=[2**60, *GOOD.times[1:]]),
}


@pytest.mark.parametrize("batch", WRONG.values(), ids=WRONG)
def test_columns_that_do_not_fit_are_a_fault(batch: Batch) -> None:
    with pytest.raises(RemoteFault) as fault:
        BatchDecoder(COMMUNITY).decode(codec.decode(codec.encode(batch), Batch))
    assert fault.value.code == Parting.FRAME


def test_the_batch_that_the_faults_are_made_of_is_good() -> None:
    assert BatchDecoder(COMMUNITY).decode(changed()) == [link.raw for link in FOREST[:9]]


@given(st.data())
@settings(max_examples=300)
def test_a_batch_with_any_columns_gives_records_or_a_fault(data: st.DataObject) -> None:
    numbers = st.lists(st.integers(-1, 6) | st.integers(-(2**63), 2**64 - 1), max_size=9)
    column = data.draw(st.sampled_from(["lane_numbers", "kind_numbers", "seqs", "times"]))
    values = data.draw(numbers | st.lists(st.none() | st.integers(0, 3), max_size=9))
    try:
        batch = codec.decode(codec.encode(changed(**{column: values})), Batch)
        records = BatchDecoder(COMMUNITY).decode(batch)
    except RemoteFault:
        return
    assert len(records) == len(batch.signatures) // 64


# --- envelopes ---


@given(st.binary(max_size=2_000) | st.binary(min_size=1, max_size=9).map(lambda part: part * 500))
def test_an_envelope_gives_back_its_content(content: bytes) -> None:
    frame = pack(content)
    assert unpack(frame) == content
    assert len(frame) <= len(content) + 1


BOMB = zlib.compress(bytes(50_000_000), 9)
FRAMES = {
    "nothing": (b"", Parting.FRAME),
    "an unknown packing": (b"\x02abc", Parting.FRAME),
    "too long": (bytes(limits.FRAME_SIZE_MAX_BYTES + 1), Parting.FRAME_SIZE),
    "no zlib": (bytes((ZLIB,)) + b"garbage", Parting.FRAME),
    "cut short": (bytes((ZLIB,)) + zlib.compress(b"word " * 99)[:-3], Parting.FRAME),
    "something behind it": (bytes((ZLIB,)) + zlib.compress(b"word") + b"x", Parting.FRAME),
    "a bomb": (bytes((ZLIB,)) + BOMB, Parting.FRAME_SIZE),
}


@pytest.mark.parametrize(("frame", "code"), FRAMES.values(), ids=FRAMES)
def test_what_is_no_envelope_is_a_fault(frame: bytes, code: str) -> None:
    with pytest.raises(RemoteFault) as fault:
        unpack(frame)
    assert fault.value.code == code


def test_the_largest_content_passes() -> None:
    content = bytes(limits.FRAME_INFLATED_MAX_BYTES)
    assert unpack(pack(content)) == content
    assert unpack(bytes((PLAIN,)) + content[: limits.FRAME_SIZE_MAX_BYTES - 1])
