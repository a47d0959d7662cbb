"""Texts sealed for some devices: one box, its key sealed for each of them.

Rules: every box has a fresh key and is bound to what it belongs to, so that it opens nowhere else;
its nonce follows from the key, so that no box opens under two keys to two texts; lengths are padded
to four sizes. A device's signing key stands in for an encryption key (libsodium's conversion):
whoever gets that key later opens what was sealed for it before. Nothing that others wrote raises
here: what does not open is None.

Left to others: who may read (`services.chapters.disputes`), the device's secret
(`Signer.open_sealed`).
"""

from collections.abc import Iterable
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_sign_ed25519_pk_to_curve25519,
)
from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox
from nacl.utils import random

from node.protocol.crypto import sha256

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
LENGTH_BYTES: Final = 4
PADDED_BYTES: Final = (256, 1_024, 4_096, 16_640)  # the last takes the longest text


def seal(text: str, bound_to: bytes) -> tuple[bytes, bytes]:
    """(box, key) of a text of at most 16,384 bytes of UTF-8."""
    data = text.encode()
    padded = next(size for size in PADDED_BYTES if size >= LENGTH_BYTES + len(data))
    whole = (len(data).to_bytes(LENGTH_BYTES, "big") + data).ljust(padded, b"\0")
    key = random(KEY_BYTES)
    nonce = _nonce(key, bound_to)
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(whole, bound_to, nonce, key)
    return nonce + sealed, key


def _nonce(key: bytes, bound_to: bytes) -> bytes:
    """A key is used once, so its nonce may follow from it, and commits the box to it."""
    return sha256(bound_to, key)[:NONCE_BYTES]


def open_box(box: bytes, key: bytes, bound_to: bytes) -> str | None:
    """The text, or None where the key is another's, or the box was made for something else."""
    if box[:NONCE_BYTES] != _nonce(key, bound_to):
        return None
    try:
        whole = crypto_aead_xchacha20poly1305_ietf_decrypt(
            box[NONCE_BYTES:], bound_to, box[:NONCE_BYTES], key
        )
    except (CryptoError, ValueError, TypeError):
        return None
    length = int.from_bytes(whole[:LENGTH_BYTES], "big")
    data = whole[LENGTH_BYTES : LENGTH_BYTES + length]
    if len(data) < length:
        return None
    return data.decode("utf-8", "replace")


def seal_key(key: bytes, devices: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """(device, the key sealed for it), in order of device. A device key that is no point of the
    curve, which its owner alone can have wanted, is left out."""
    found: list[tuple[bytes, bytes]] = []
    for device in sorted(set(devices)):
        try:
            public = PublicKey(crypto_sign_ed25519_pk_to_curve25519(device))
            found.append((device, SealedBox(public).encrypt(key)))
        except (CryptoError, ValueError, TypeError):
            continue
    return found
