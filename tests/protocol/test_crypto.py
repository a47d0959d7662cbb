"""The strict rule of verification, and hashes that cannot be taken for one another."""

import array
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from node.protocol import crypto
from tests.vectors import edwards, load

KEY = SigningKey(b"\x07" * 32)
PUBLIC = bytes(KEY.verify_key)
MESSAGE = b"a message"
SIGNATURE = KEY.sign(MESSAGE).signature
WORDS = [value for name, value in vars(crypto).items() if name.startswith("WORD_")]


def lenient(key: bytes, message: bytes, signature: bytes) -> bool:
    """What another well-known library says."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def by_definition(key: bytes, message: bytes, signature: bytes) -> bool:
    """docs/protocol.md, section 4, in plain arithmetic."""
    if len(key) != 32 or len(signature) != 64:
        return False
    points = []
    for data in (key, signature[:32]):
        number = int.from_bytes(data, "little")
        point = edwards.recover(number & (2**255 - 1), number >> 255)
        if point is None or edwards.encode(point) != data:
            return False
        if edwards.times(8, point) == edwards.NEUTRAL:
            return False
        points.append(point)
    s = int.from_bytes(signature[32:], "little")
    k = edwards.challenge(signature[:32], key, message)
    right = edwards.add(points[1], edwards.times(k, points[0]))
    return s < edwards.ORDER and edwards.times(s, edwards.BASE) == right


def parts(case: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    key, message, signature = (
        bytes.fromhex(case[name]) for name in ("public_key", "message", "signature")
    )
    return key, message, signature


def test_the_vectors_follow_from_the_definition() -> None:
    for case in load.cases("signatures"):
        assert by_definition(*parts(case)) is (case["expect"] == "valid"), case["name"]


def test_the_vectors_would_catch_a_lenient_library() -> None:
    invalid = [case for case in load.cases("signatures") if case["expect"] == "invalid"]
    accepted = [case["name"] for case in invalid if lenient(*parts(case))]
    assert sum("small order" in name for name in accepted) >= 8


@pytest.mark.parametrize(
    "odd", [None, 1, "text", "a" * 32, [], bytearray(32), memoryview(bytes(64)), array.array("b")]
)
def test_what_is_no_bytes_is_no_signature(odd: Any) -> None:
    assert crypto.verify(PUBLIC, MESSAGE, SIGNATURE)
    assert crypto.verify(odd, MESSAGE, SIGNATURE) is False
    assert crypto.verify(PUBLIC, odd, SIGNATURE) is False
    assert crypto.verify(PUBLIC, MESSAGE, odd) is False
    assert crypto.verify(odd, odd, odd) is False


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=130))
def test_noise_never_verifies_and_never_raises(key: bytes, message: bytes, sig: bytes) -> None:
    assert crypto.verify(key, message, sig) is False
    assert crypto.verify(PUBLIC, message, sig) is False


@given(st.integers(0, 8 * 64 - 1))
def test_no_bit_of_a_signature_is_free(bit: int) -> None:
    flipped = bytearray(SIGNATURE)
    flipped[bit // 8] ^= 1 << bit % 8
    assert crypto.verify(PUBLIC, MESSAGE, bytes(flipped)) is False


@given(st.integers(0, 8 * 32 - 1))
def test_no_bit_of_a_key_is_free(bit: int) -> None:
    flipped = bytearray(PUBLIC)
    flipped[bit // 8] ^= 1 << bit % 8
    assert crypto.verify(bytes(flipped), MESSAGE, SIGNATURE) is False


@given(st.binary(max_size=200))
def test_honest_signatures_verify(message: bytes) -> None:
    assert crypto.verify(PUBLIC, message, KEY.sign(message).signature) is True


def test_no_word_is_the_start_of_another() -> None:
    assert len(WORDS) >= 10
    assert all(word.endswith(b"\0") and word.count(b"\0") == 1 for word in WORDS)
    assert not any(a != b and a.startswith(b) for a in WORDS for b in WORDS)


def test_ids_are_bound_to_the_community() -> None:
    one, two = crypto.community_id(b"one"), crypto.community_id(b"two")
    assert crypto.record_id(one, b"header") != crypto.record_id(two, b"header")
    assert crypto.record_message(one) != one
