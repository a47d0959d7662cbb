"""Notes from hand to hand: what is written is read, what is broken is refused with a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import limits, note, parts
from node.protocol.errors import Reject, RemoteFault
from node.protocol.note import Note
from node.protocol.portable import OpenOrder
from tests.protocol.strategies import mutated
from tests.vectors import load
from tests.vectors.note_cases import RECORDS

ids = st.binary(min_size=32, max_size=32)
shorts = st.binary(min_size=8, max_size=8)
orders = st.builds(
    OpenOrder, st.binary(min_size=16, max_size=16), st.text(max_size=40).map(str.encode)
)
notes = st.builds(
    Note,
    community=ids,
    sender=ids,
    trades=st.lists(ids, max_size=16, unique=True).map(sorted).map(tuple),
    records=st.lists(st.sampled_from(RECORDS), max_size=140).map(tuple),
    orders=st.lists(orders, max_size=4).map(tuple),
    have=st.lists(shorts, max_size=64).map(tuple),
    lacking=st.lists(ids, max_size=8, unique=True).map(sorted).map(tuple),
    seen=st.none() | st.integers(0, limits.TIME_MAX_MS),
)
GOOD = [load.data(case["bytes"]) for case in load.cases("notes") if case["expect"] == "ok"]


@given(notes)
def test_a_note_comes_back_byte_for_byte(made: Note) -> None:
    data = note.encode(made)
    assert note.decode(data) == made
    assert note.encode(note.decode(data)) == data


@given(mutated(st.sampled_from(GOOD)) | st.binary(max_size=200))
def test_broken_bytes_are_refused_with_a_code_and_nothing_else(data: bytes) -> None:
    found, code = read(data)
    if found is None:
        assert code in (Reject.ENCODING, Reject.SHAPE, Reject.VERSION)
        return
    assert len(found.records) <= limits.NOTE_BATCHES_MAX_COUNT * limits.FRAME_RECORDS_MAX_COUNT
    assert note.decode(note.encode(found)) == found


def read(data: bytes) -> tuple[Note | None, str]:
    """The note, or the code; anything but a RemoteFault fails the test."""
    try:
        return note.decode(data), ""
    except RemoteFault as fault:
        return None, fault.code


@given(st.sampled_from(GOOD), st.data())
def test_broken_texts_never_give_another_note(data: bytes, draw: st.DataObject) -> None:
    texts = [text.encode() for text in parts.split(data, note.KIND, 400)]
    place = draw.draw(st.integers(0, len(texts) - 1))
    texts[place] = draw.draw(mutated(st.just(texts[place])))
    joiner = parts.Joiner()
    try:
        for text in texts:
            joiner.add(text.decode("latin-1"))
        found = joiner.result()
    except RemoteFault:
        return
    assert found in (None, (note.KIND, data))


@pytest.mark.parametrize(
    "made",
    [
        Note(bytes(32), bytes(31)),
        Note(bytes(32), bytes(32), have=(bytes(8),) * 65),
        Note(bytes(32), bytes(32), trades=tuple(bytes((n,)) * 32 for n in range(17))),
        Note(bytes(32), bytes(32), lacking=(bytes(32), bytes(32))),
        Note(bytes(32), bytes(32), orders=(OpenOrder(bytes(16), bytes(4_097)),)),
        Note(bytes(32), bytes(32), orders=(OpenOrder(bytes(15), b""),)),
        Note(bytes(32), bytes(32), records=RECORDS * 100),
        Note(bytes(32), bytes(32), seen=-1),
    ],
)
def test_a_note_nobody_could_read_is_not_made(made: Note) -> None:
    with pytest.raises(ValueError):
        note.encode(made)


def test_the_largest_note_fits_its_parts() -> None:
    largest = b"\xc1" * limits.NOTE_SIZE_MAX_BYTES
    texts = parts.split(largest, note.KIND, limits.PART_MAX_CHARACTERS)
    joiner = parts.Joiner()
    for text in texts:
        joiner.add(text)
    assert joiner.result() == (note.KIND, largest)
