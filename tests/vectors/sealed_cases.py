"""Vectors of boxes (section 14): what they open to, and keys of boxes sealed for one device.

Rule: made with the primitives alone and fixed keys, so that the same bytes come each time.
"""

from hashlib import blake2b, sha256
from typing import Any

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_box,
    crypto_scalarmult_base,
    crypto_sign_ed25519_pk_to_curve25519,
)

from tests.vectors.kind_cases import packed
from tests.vectors.world import Keys, fill, seed

Case = dict[str, Any]
COMMUNITY, DISPUTE, AUTHOR = fill("community"), fill("dispute"), Keys("box author").public
PLACE = (COMMUNITY, DISPUTE, AUTHOR)
KEY = seed("key of a box")


def bound(place: tuple[bytes, bytes, bytes]) -> bytes:
    """B of section 14."""
    return b"wetalk/1 sealed\0" + b"".join(place)


def padded(text: bytes, size: int) -> bytes:
    """The length in 4 bytes, the text, zeros."""
    return (len(text).to_bytes(4, "big") + text).ljust(size, b"\0")


def boxed(whole: bytes, *, nonce: bytes | None = None) -> bytes:
    """A box of bytes that are padded already."""
    nonce = sha256(bound(PLACE) + KEY).digest()[:24] if nonce is None else nonce
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(whole, bound(PLACE), nonce, KEY)


def sealed(key: bytes, device: bytes) -> bytes:
    """libsodium's crypto_box_seal with an ephemeral key that is always the same."""
    secret = seed("ephemeral")
    public = crypto_sign_ed25519_pk_to_curve25519(device)
    ephemeral = crypto_scalarmult_base(secret)
    nonce = blake2b(ephemeral + public, digest_size=24).digest()
    return ephemeral + crypto_box(key, nonce, public, secret)


def box_cases() -> list[Case]:
    """Boxes, what opens them, and their texts; `invalid`: it does not open."""
    text = "쌀이 오지 않았어요.".encode()
    good = [(f"text of {size} bytes", b"a" * size, 256) for size in (0, 1, 252)]
    good += [("text in Korean", text, 256), ("text of 253 bytes", b"a" * 253, 1_024)]
    good += [("text of 16,384 bytes", b"a" * 16_384, 16_640)]
    box = boxed(padded(text, 256))
    elsewhere = [
        ("another community", (fill("elsewhere"), DISPUTE, AUTHOR)),
        ("another dispute", (COMMUNITY, fill("elsewhere"), AUTHOR)),
        ("another author", (COMMUNITY, DISPUTE, Keys("somebody").public)),
    ]
    bad = [
        *((name, box, KEY, place) for name, place in elsewhere),
        ("another key", box, seed("another key"), PLACE),
        ("a nonce of its own", boxed(padded(text, 256), nonce=bytes(24)), KEY, PLACE),
        ("a bit flipped", box[:-1] + bytes((box[-1] ^ 1,)), KEY, PLACE),
        ("a byte behind", box + b"\0", KEY, PLACE),
        ("shorter than a nonce", box[:20], KEY, PLACE),
        ("a length beyond the padding", boxed(b"\0\0\0\x05four"), KEY, PLACE),
    ]
    return [
        *(_box(name, boxed(padded(data, size)), KEY, PLACE, data) for name, data, size in good),
        *(_box(*case, None) for case in bad),
    ]


def _box(
    name: str, box: bytes, key: bytes, place: tuple[bytes, bytes, bytes], text: bytes | None
) -> Case:
    found: Case = {"name": name, "part": "box", "expect": "invalid" if text is None else "ok"}
    found |= dict(zip(("community", "dispute", "author"), (p.hex() for p in place), strict=True))
    found |= {"key": key.hex(), "box": packed(box)}
    return found if text is None else {**found, "text": packed(text)}


def key_cases() -> list[Case]:
    """Keys of boxes, sealed for the device with this seed."""
    device, other = Keys("box reader"), Keys("somebody")
    good = sealed(KEY, device.public)
    cases = [
        ("a key", device, good, KEY),
        ("a key for another device", other, good, None),
        ("a key with a bit flipped", device, good[:-1] + bytes((good[-1] ^ 1,)), None),
        ("31 bytes", device, sealed(KEY[:31], device.public), None),
        ("33 bytes", device, sealed(KEY + b"\0", device.public), None),
        ("nothing", device, b"", None),
    ]
    return [
        {
            "name": name, "part": "key", "expect": "invalid" if key is None else "ok",
            "seed": bytes(keys.secret).hex(), "sealed": data.hex(),
            **({} if key is None else {"key": key.hex()}),
        }
        for name, keys, data, key in cases
    ]  # fmt: skip


def cases() -> list[Case]:
    """All of them."""
    return box_cases() + key_cases()
