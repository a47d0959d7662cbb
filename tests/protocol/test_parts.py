"""Parts for QR codes: whatever the order, they join; whatever is broken, mixed or lost, is said."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import limits, parts
from node.protocol.errors import Reject, RemoteFault
from tests.protocol.strategies import mutated
from tests.vectors.parts_cases import _made  # pyright: ignore[reportPrivateUsage]

datas = st.binary(max_size=600) | st.integers(0, 5_000).map(lambda size: b"rice" * size)
ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


def code_of(joiner: parts.Joiner, text: str) -> str:
    """`ok` or the code; anything but a RemoteFault fails the test."""
    try:
        joiner.add(text)
    except RemoteFault as fault:
        return fault.code
    return "ok"


@given(datas, st.integers(70, 400), st.randoms(use_true_random=False), st.data())
def test_parts_join_in_any_order_and_as_often_as_they_come(
    data: bytes, longest: int, chance: random.Random, draw: st.DataObject
) -> None:
    texts = parts.split(data, "receipt", longest)
    assert all(len(text) <= longest and set(text) <= ALPHANUMERIC for text in texts)
    shown = texts + draw.draw(st.lists(st.sampled_from(texts), max_size=5))
    chance.shuffle(shown)
    joiner = parts.Joiner()
    for text in shown:
        assert (joiner.result() is None) is (joiner.have < len(texts))
        joiner.add(text)
        assert joiner.total == len(texts)
    assert joiner.missing == ()
    assert joiner.result() == ("receipt", data)


@given(st.binary(min_size=300, max_size=900), st.data())
def test_a_lost_part_is_named(data: bytes, draw: st.DataObject) -> None:
    texts = parts.split(data, "receipt", 150)
    lost = draw.draw(st.sets(st.integers(1, len(texts)), max_size=len(texts) - 1))
    joiner = parts.Joiner()
    for number, text in enumerate(texts, 1):
        if number not in lost:
            joiner.add(text)
    assert joiner.missing == tuple(sorted(lost))
    assert joiner.have == len(texts) - len(lost)
    assert (joiner.result() is None) is bool(lost)


def test_before_the_first_part_nothing_is_known() -> None:
    joiner = parts.Joiner()
    assert (joiner.have, joiner.total, joiner.missing, joiner.result()) == (0, 0, (), None)


def test_a_part_of_another_set_is_refused_and_spoils_nothing() -> None:
    ours, theirs = (parts.split(bytes([n]) * 10, "receipt", 70) for n in (1, 2))
    joiner = parts.Joiner()
    joiner.add(ours[0])
    for text in theirs:
        assert code_of(joiner, text) == Reject.OTHER_SET
    for text in ours:
        joiner.add(text)
    assert joiner.result() == ("receipt", bytes([1]) * 10)


@given(mutated(st.just(parts.split(b"two sacks of rice", "order", 200)[0].encode())))
def test_a_broken_part_is_never_taken_for_another(broken: bytes) -> None:
    """Four bytes of check: chance would need billions of tries, which hypothesis does not make."""
    text = broken.decode("utf-8", "replace")
    joiner = parts.Joiner()
    if code_of(joiner, text) == "ok":
        assert joiner.result() == ("order", b"two sacks of rice")
    else:
        assert (joiner.have, joiner.total) == (0, 0)


@given(st.text(max_size=80) | st.text(alphabet="WETALK:PR/123ABCDEFGHIJKLMNOP", max_size=80))
def test_noise_is_no_part(text: str) -> None:
    assert code_of(parts.Joiner(), text) in (Reject.ENCODING, Reject.VERSION, Reject.SHAPE)


def test_what_claims_to_be_a_part_is_told_from_other_texts() -> None:
    assert parts.is_part("\n" + parts.split(b"", "order", 100)[0])
    assert parts.is_part("WETALK:PART9/X")
    assert not parts.is_part("wetalk:join?c=gA")
    pointer = parts.point(parts.Pointer(bytes(32), bytes(32), bytes(32)))
    assert parts.is_pointer(f"{pointer}\n")
    assert set(pointer) <= ALPHANUMERIC
    assert not parts.is_part(pointer)


@pytest.mark.parametrize("over", [0, 1, 200 * limits.PARTS_DATA_MAX_BYTES])
def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(over: int) -> None:
    data = bytes(limits.PARTS_DATA_MAX_BYTES + over)
    joiner = parts.Joiner()
    for text in _made("BOMB", 99, b"\1" + zlib.compress(data, 9)):
        joiner.add(text)
    if over:
        with pytest.raises(RemoteFault) as caught:
            joiner.result()
        assert caught.value.code == Reject.SIZE
    else:
        assert joiner.result() == ("bomb", data)


@pytest.mark.parametrize(
    ("data", "kind", "longest"),
    [
        (b"", "Receipt", 200),
        (b"", "", 200),
        (b"", "a" * 17, 200),
        (b"", "receipt", 40),
        (bytes(limits.PARTS_DATA_MAX_BYTES + 1), "receipt", 4_000),
        (random.Random(1).randbytes(100_000), "receipt", 120),
    ],
)
def test_what_fits_no_set_of_parts_is_not_split(data: bytes, kind: str, longest: int) -> None:
    with pytest.raises(ValueError):
        parts.split(data, kind, longest)


def test_no_part_is_longer_than_the_largest_qr_code() -> None:
    texts = parts.split(random.Random(2).randbytes(9_000), "receipt", 1_000_000)
    assert len(texts) == 4
    assert max(map(len, texts)) <= limits.PART_MAX_CHARACTERS
