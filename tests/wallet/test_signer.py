"""Signers: what they sign verifies, what they must not sign they refuse, and nothing leaks."""

import copy
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import crypto
from node.protocol.crypto import record_message, verify
from node.wallet.errors import Problem, WalletError
from node.wallet.keyfile import create_key
from node.wallet.phrase import new_phrase, root_key
from node.wallet.sealed import seal_key
from node.wallet.signer import DEVICE_WORDS, ROOT_WORDS, RootSigner, Signer
from tests.wallet.conftest import CHEAP

COMMUNITY = bytes(range(32))
MEMBER = bytes(range(32, 64))
SEED = bytes(range(64, 96))
ALL_WORDS = {value for name, value in vars(crypto).items() if name.startswith("WORD_")}
ID = st.binary(min_size=32, max_size=32)


def device() -> Signer:
    return Signer(SEED, member_id=MEMBER, community_id=COMMUNITY)


@pytest.mark.parametrize("passphrase", [None, "열려라"])
def test_a_device_signs_as_the_key_in_its_file(home: Path, passphrase: str | None) -> None:
    path = home / "device.key"
    public = create_key(
        path,
        "device",
        community_id=COMMUNITY,
        member_id=MEMBER,
        passphrase=passphrase,
        cost=CHEAP,
    )
    with Signer.device(path, passphrase, community_id=COMMUNITY) as signer:
        assert (signer.public_key, signer.member_id) == (public, MEMBER)
        assert signer.community_id == COMMUNITY
        assert verify(public, record_message(bytes(32)), signer.sign_record(bytes(32)))
    assert Signer.device(path, passphrase).public_key == public


def test_a_key_of_another_community_is_told(home: Path) -> None:
    create_key(home / "k", "device", community_id=COMMUNITY, member_id=MEMBER)
    with pytest.raises(WalletError) as caught:
        Signer.device(home / "k", community_id=bytes(32))
    assert caught.value.code == Problem.OTHER_COMMUNITY


@given(ID, ID)
def test_record_signatures_are_those_of_an_independent_library(seed: bytes, record: bytes) -> None:
    signer = Signer(seed, member_id=MEMBER, community_id=COMMUNITY)
    expected = Ed25519PrivateKey.from_private_bytes(seed).sign(b"wetalk/1 sig\0" + record)
    assert signer.sign_record(record) == expected


@given(st.sampled_from(sorted(DEVICE_WORDS)), ID)
def test_a_signature_holds_for_its_word_only(word: bytes, payload: bytes) -> None:
    signer = device()
    signature = signer.sign(word, payload)
    assert {w for w in ALL_WORDS if verify(signer.public_key, w + payload, signature)} == {word}


def test_words_are_told_apart_by_their_end() -> None:
    for word in ALL_WORDS:
        assert word.startswith(b"wetalk/1 ")
        assert word.index(b"\0") == len(word) - 1


def test_only_the_listed_words_are_signed() -> None:
    assert {b"wetalk/1 sig\0"} == ROOT_WORDS
    assert (
        ROOT_WORDS
        | {
            b"wetalk/1 device proof\0",
            b"wetalk/1 hello\0",
            b"wetalk/1 statement\0",
        }
        == DEVICE_WORDS
    )
    with RootSigner.from_phrase(new_phrase("en", bytes(32))) as root:
        for signer, words in ((device(), DEVICE_WORDS), (root, ROOT_WORDS)):
            for word in (ALL_WORDS | {b"", b"wetalk/1 sig", b"\0", bytes(32)}) - words:
                with pytest.raises(ValueError, match="word"):
                    signer.sign(word, bytes(32))
            for word in words:
                assert len(signer.sign(word, bytes(32))) == 64


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_record_id_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="record id"):
        device().sign_record(bytes(size))


def test_ids_of_another_size_are_refused() -> None:
    for member, community in ((b"", COMMUNITY), (MEMBER, bytes(31))):
        with pytest.raises(ValueError, match="32 bytes"):
            Signer(SEED, member_id=member, community_id=community)


def test_the_root_signs_within_its_block_only() -> None:
    phrase = new_phrase("ko", bytes(32))
    with root_key(phrase) as key:
        public = key.public_key
    with RootSigner.from_phrase(phrase) as root:
        assert root.public_key == root.member_id == public
        assert verify(public, record_message(bytes(32)), root.sign_record(bytes(32)))
    with pytest.raises(RuntimeError, match="closed"):
        root.sign_record(bytes(32))
    assert RootSigner.from_phrase(phrase, MEMBER).member_id == MEMBER


def test_a_closed_device_neither_signs_nor_opens() -> None:
    signer = device()
    [(_, sealed)] = seal_key(bytes(32), [signer.public_key])
    signer.close()
    for use in (lambda: signer.sign_record(bytes(32)), lambda: signer.open_sealed(sealed)):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_signers_are_neither_shown_nor_copied() -> None:
    for signer in (device(), RootSigner(SEED)):
        shown = f"{signer} {signer!r}"
        assert SEED.hex() not in shown
        assert repr(SEED) not in shown
        assert not hasattr(signer, "__dict__")
        for copier in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="secret"):
                copier(signer)
