"""Keys of tests: each belongs to a name."""

import hashlib
from collections.abc import Iterable

from nacl.signing import SigningKey


def key_of(name: str) -> SigningKey:
    """The key that belongs to a name."""
    return SigningKey(hashlib.sha256(b"test key of " + name.encode()).digest())


def public(name: str) -> bytes:
    """Public key of a name: a member's id is that of its plain name."""
    return bytes(key_of(name).verify_key)


def keys_of(witnesses: Iterable[str]) -> list[bytes]:
    """The keys of relays, ascending, as chapters and accounts name them."""
    return sorted(public(f"{name}/witness") for name in witnesses)
