"""Sealed texts open for those they are sealed for, to the one text, and nothing hostile crashes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_sign_ed25519_sk_to_curve25519,
)
from nacl.public import PrivateKey, PublicKey, SealedBox

from node.protocol.crypto import sha256
from node.protocol.dispute import sealed_under
from node.protocol.limits import BOX_MAX_BYTES, SEALED_KEY_BYTES, TEXT_SIZE_MAX_BYTES
from node.wallet.sealed import PADDED_BYTES, open_box, seal, seal_key
from node.wallet.signer import Signer
from tests.vectors import load

BOUND = b"wetalk/1 sealed\0" + bytes(96)
SMALL_ORDER = (bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f")


def device(number: int) -> Signer:
    return Signer(bytes((number,)) * 32, member_id=bytes(32), community_id=bytes(32))


@pytest.mark.parametrize("case", load.cases("sealed"), ids=lambda case: str(case["name"]))
def test_the_vectors(case: dict[str, Any]) -> None:
    if case["part"] == "key":
        reader = Signer(bytes.fromhex(case["seed"]), member_id=bytes(32), community_id=bytes(32))
        opened = reader.open_sealed(bytes.fromhex(case["sealed"]))
        assert (opened and opened.hex()) == case.get("key")
        return
    bound = sealed_under(
        *(bytes.fromhex(case[name]) for name in ("community", "dispute", "author"))
    )
    text = open_box(load.data(case["box"]), bytes.fromhex(case["key"]), bound)
    assert (text is None) == (case["expect"] == "invalid")
    if text is not None:
        assert text.encode() == load.data(case["text"])


@given(st.text(max_size=300))
def test_a_text_opens_for_each_device_it_is_sealed_for_and_for_no_other(text: str) -> None:
    box, key = seal(text, BOUND)
    sealed = dict(seal_key(key, [device(1).public_key, device(2).public_key]))
    for number in (1, 2):
        opened = device(number).open_sealed(sealed[device(number).public_key])
        assert opened is not None
        assert open_box(box, opened, BOUND) == text
    assert device(3).open_sealed(sealed[device(1).public_key]) is None


def test_a_box_opens_nowhere_else_and_under_no_other_key() -> None:
    box, key = seal("여기만", BOUND)
    other, other_key = seal("다른 글", BOUND)
    assert open_box(box, key, BOUND[:-1] + b"\x01") is None
    assert open_box(box, other_key, BOUND) is None
    assert open_box(other, key, BOUND) is None


def test_no_bit_of_a_box_can_be_flipped() -> None:
    box, key = seal("그대로", BOUND)
    for place in range(0, len(box) * 8, 7):
        flipped = bytearray(box)
        flipped[place // 8] ^= 1 << place % 8
        assert open_box(bytes(flipped), key, BOUND) is None


def test_lengths_show_no_more_than_four_sizes() -> None:
    sizes = {len(seal("a" * length, BOUND)[0]) for length in range(0, TEXT_SIZE_MAX_BYTES, 97)}
    sizes.add(len(seal("a" * TEXT_SIZE_MAX_BYTES, BOUND)[0]))
    assert sizes == {24 + size + 16 for size in PADDED_BYTES}
    assert max(sizes) == BOX_MAX_BYTES


def test_a_nonce_that_does_not_follow_from_the_key_is_refused() -> None:
    """Else one box could be made to open under two keys, to two texts for two readers."""
    key, whole = bytes(32), (2).to_bytes(4, "big") + b"hi" + bytes(250)
    nonce = sha256(BOUND, key)[:24]
    right = nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(whole, BOUND, nonce, key)
    wrong = bytes(24) + crypto_aead_xchacha20poly1305_ietf_encrypt(whole, BOUND, bytes(24), key)
    assert open_box(right, key, BOUND) == "hi"
    assert open_box(wrong, key, BOUND) is None


def test_a_length_beyond_the_padding_and_bytes_that_are_no_text() -> None:
    key = bytes(32)
    nonce = sha256(BOUND, key)[:24]

    def boxed(whole: bytes) -> bytes:
        return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(whole, BOUND, nonce, key)

    assert open_box(boxed(b"\xff\xff\xff\xffabc"), key, BOUND) is None
    assert open_box(boxed(b""), key, BOUND) == ""
    assert open_box(boxed(b"\0\0\0\x01\xff"), key, BOUND) == "\ufffd"


@given(st.binary(max_size=400), st.binary(max_size=120))
def test_rubbish_opens_to_nothing(box: bytes, sealed: bytes) -> None:
    assert open_box(box, bytes(32), BOUND) is None
    assert open_box(box, sealed, BOUND) is None
    assert device(1).open_sealed(sealed) is None


def test_device_keys_that_are_no_points_are_left_out() -> None:
    good = device(1).public_key
    found = seal_key(bytes(32), [good, *SMALL_ORDER, b"\xff" * 32, b"short", good])
    assert [one for one, _ in found] == [good]
    assert len(found[0][1]) == SEALED_KEY_BYTES


def test_nothing_but_keys_is_handed_out() -> None:
    signer = device(1)
    public = bytes(PrivateKey(crypto_sign_ed25519_sk_to_curve25519(_pair(signer))).public_key)
    for size in (0, 31, 33, 64):
        longer = SealedBox(PublicKey(public)).encrypt(bytes(size))
        assert signer.open_sealed(longer) is None


def _pair(signer: Signer) -> bytes:
    return bytes((1,)) * 32 + signer.public_key
