"""A record in columns: what the file says elsewhere is left out of headers, and put in again.

Of a header of about 162 bytes, 102 need no place of their own: author and signer, the same in all
records of a device, and hash and size of the body, which the body itself tells. Headers come back
byte for byte: what is not of this form (R1, canonical MessagePack: `9a 01 kind (c4 20 author)
(c4 20 signer) …  (c4 20 hash) size`) is kept as it is.

Rules: bytes only; no record is parsed or judged here.
"""

import hashlib
from typing import Any, Final, NamedTuple

KEYS_SIZE_BYTES: Final = 64
_START: Final = b"\x9a\x01"  # an array of ten, version 1
_BYTES32: Final = b"\xc4\x20"
_SHORT_TEXT: Final = range(0xA0, 0xC0)  # the first byte of a short string: its length


class Columns(NamedTuple):
    """A header taken apart: author and signer (b"" when `lead` is all there is), what stands before
    and after them, and how it ends (None: as the body says)."""

    keys: bytes
    lead: bytes
    tail: bytes | None


def split(header: bytes, body: bytes | None, *, parsed: bool = False) -> Columns:
    """A header in columns. Never raises.

    `parsed`: the header is known to end as its body says (`record.parse` compares hash and size),
    so that the hash need not be made once more.
    """
    told = body is not None and (parsed or header.endswith(tail_of(body)))
    lead = header[: -_tail_size(body)] if told and body is not None else header
    kept = None if told else b""
    kind = 3 + lead[2] % 32 if len(lead) > 2 and lead[2] in _SHORT_TEXT else 0
    keys = lead[kind + 2 : kind + 34] + lead[kind + 36 : kind + 68]
    formed = kind and len(keys) == KEYS_SIZE_BYTES and lead.startswith(_START)
    if formed and lead[kind : kind + 2] == lead[kind + 34 : kind + 36] == _BYTES32:
        return Columns(keys, lead[2:kind] + lead[kind + 68 :], kept)
    return Columns(b"", lead, kept)


def are_whole(lead: Any, tail: Any, body: Any, seal: Any) -> bool:
    """Are these values of the kinds that a row has? A flipped bit makes others of them."""
    return (
        isinstance(lead, bytes)
        and lead != b""
        and isinstance(seal, bytes)
        and (body is None or isinstance(body, bytes))
        and (tail is None or isinstance(tail, bytes))
    )


def join(keys: bytes, lead: bytes, tail: bytes | None, body: bytes | None) -> bytes:
    """The header that `split` took apart."""
    if tail is None:
        tail = b"" if body is None else tail_of(body)
    if not keys:
        return lead + tail
    kind = 1 + lead[0] % 32
    return b"".join((
        _START, lead[:kind], _BYTES32, keys[:32], _BYTES32, keys[32:], lead[kind:], tail,
    ))  # fmt: skip


def _tail_size(body: bytes) -> int:
    size = len(body)
    return 34 + (1 if size < 0x80 else 2 if size < 0x100 else 3 if size < 0x10000 else 5)


def tail_of(body: bytes) -> bytes:
    """How a header ends whose body this is: its hash and its size."""
    size = len(body)
    if size < 0x80:
        end = bytes((size,))
    elif size < 0x100:
        end = bytes((0xCC, size))
    elif size < 0x10000:
        end = b"\xcd" + size.to_bytes(2, "big")
    else:
        end = b"\xce" + size.to_bytes(4, "big")
    return _BYTES32 + hashlib.sha256(body).digest() + end
