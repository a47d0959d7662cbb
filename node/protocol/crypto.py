"""Hashes, domain words and the one strict signature verification (R2, R3, R4).

Rules: every signed or hashed thing starts with its own fixed word ended by a zero byte, so that no
signature or id can be taken for another's. Verification is libsodium's rule: cofactorless, S < L,
no small-order A or R, no non-canonical A. Signing lives in `node.wallet`, randomness too.
"""

import hashlib
from typing import Final

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

WORD_RECORD: Final = b"wetalk/1 record\0"
WORD_SIGNATURE: Final = b"wetalk/1 sig\0"
WORD_GENESIS: Final = b"wetalk/1 genesis\0"
WORD_DEVICE_PROOF: Final = b"wetalk/1 device proof\0"
WORD_ACT: Final = b"wetalk/1 act\0"
WORD_ORDER: Final = b"wetalk/1 order\0"
WORD_INVITE: Final = b"wetalk/1 invite\0"
WORD_HELLO: Final = b"wetalk/1 hello\0"
WORD_STATEMENT: Final = b"wetalk/1 statement\0"
WORD_ROOT: Final = b"wetalk/1 state root\0"
WORD_CLOSE_LEAF: Final = b"wetalk/1 close leaf\0"
WORD_CLOSE_NODE: Final = b"wetalk/1 close node\0"
WORD_PANEL: Final = b"wetalk/1 panel\0"
WORD_SEALED: Final = b"wetalk/1 sealed\0"
WORD_PARTS: Final = b"wetalk/1 parts\0"
WORD_PART: Final = b"wetalk/1 part\0"

KEY_SIZE_BYTES: Final = 32
SIGNATURE_SIZE_BYTES: Final = 64
ID_SIZE_BYTES: Final = 32


def sha256(*parts: bytes) -> bytes:
    """SHA-256 over the concatenated parts, 32 bytes."""
    return hashlib.sha256(b"".join(parts)).digest()


def community_id(genesis: bytes) -> bytes:
    """Id of a community: the hash of its canonical genesis bytes."""
    return sha256(WORD_GENESIS, genesis)


def record_id(community: bytes, header: bytes) -> bytes:
    """Id of a record (R2): bound to the community, free of any signature."""
    return hashlib.sha256(WORD_RECORD + community + header).digest()


def record_message(record: bytes) -> bytes:
    """What a record's signer signs (R3)."""
    return WORD_SIGNATURE + record


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """True iff `signature` (64 bytes) is valid for `message` under `public_key` (32 bytes).

    Never raises, whatever it is given. Source: RFC 8032 with libsodium's strict checks (R4).
    """
    if not (isinstance(public_key, bytes) and isinstance(message, bytes)):  # pyright: ignore
        return False
    if not isinstance(signature, bytes):  # pyright: ignore
        return False
    if len(public_key) != KEY_SIZE_BYTES or len(signature) != SIGNATURE_SIZE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except (BadSignatureError, ValueError):
        return False
    return True
