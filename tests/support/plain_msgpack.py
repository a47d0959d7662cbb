"""Canonical MessagePack once more, by hand: what the reference checker holds our bytes to.

Rule: shares no code with the project. Writes None, bool, int, str, bytes, list and dict in their
shortest forms, map keys in byte order; `unpack` reads with the `msgpack` package and accepts only
bytes that are written back the same.
"""

import struct

import msgpack


def _sized(size: int, small: tuple[int, int] | None, wider: dict[int, int]) -> bytes:
    """The header of a sized value: `small` is (first byte, limit) of its shortest form."""
    if small is not None and size < small[1]:
        return bytes((small[0] | size,))
    for width, first in wider.items():
        if size < 1 << (8 * width):
            return bytes((first,)) + size.to_bytes(width, "big")
    raise ValueError("too long")


def _integer(value: int) -> bytes:
    if 0 <= value < 128:
        return bytes((value,))
    if -32 <= value < 0:
        return struct.pack("b", value)
    for width, unsigned, signed in (
        (1, 0xCC, 0xD0),
        (2, 0xCD, 0xD1),
        (4, 0xCE, 0xD2),
        (8, 0xCF, 0xD3),
    ):
        if 0 <= value < 1 << (8 * width):
            return bytes((unsigned,)) + value.to_bytes(width, "big")
        if value < 0 and value >= -(1 << (8 * width - 1)):
            return bytes((signed,)) + value.to_bytes(width, "big", signed=True)
    raise ValueError("too large")


def pack(value: object) -> bytes:
    """Canonical bytes of a plain value."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        data = value.encode()
        return _sized(len(data), (0xA0, 32), {1: 0xD9, 2: 0xDA, 4: 0xDB}) + data
    if isinstance(value, bytes):
        return _sized(len(value), None, {1: 0xC4, 2: 0xC5, 4: 0xC6}) + value
    if isinstance(value, list):
        head = _sized(len(value), (0x90, 16), {2: 0xDC, 4: 0xDD})
        return head + b"".join(pack(item) for item in value)
    if isinstance(value, dict):
        head = _sized(len(value), (0x80, 16), {2: 0xDE, 4: 0xDF})
        rows = sorted((key.encode(), item) for key, item in value.items())
        return head + b"".join(pack(key.decode()) + pack(item) for key, item in rows)
    raise ValueError(f"no form for {type(value)}")


def unpack(data: bytes) -> object:
    """The value of canonical bytes; ValueError for any others."""
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True, use_list=True)
    except (msgpack.UnpackException, msgpack.ExtraData, ValueError) as error:
        raise ValueError("not msgpack") from error
    if pack(value) != data:
        raise ValueError("not canonical")
    return value
