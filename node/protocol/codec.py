"""Canonical MessagePack (R6): one byte string per value, everything else is refused.

Rules: shortest forms, UTF-8 strings, map keys short strings in byte order, no floats, no extension
types, no duplicate keys, nesting at most 8, nothing trailing. The check is the definition: bytes
are canonical iff decoding and encoding again gives the same bytes. Size is bounded by the caller,
before decoding. NFC is deliberately not checked: Unicode versions differ and nodes would disagree.
"""

from typing import Any, TypeVar, cast

import msgspec

from node.protocol.errors import Reject, RemoteFault
from node.protocol.limits import KEY_SIZE_MAX_BYTES, NESTING_MAX_LEVELS

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoders: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {}
_any = msgspec.msgpack.Decoder()


def encode(value: object) -> bytes:
    """Canonical bytes of a value made of None, bool, int, str, bytes, lists, str-keyed dicts,
    Structs.

    Structs must declare their fields in byte order of their names (a test holds them to it).
    """
    return _encoder.encode(value)


def stored(data: bytes, shape: type[T]) -> T:
    """Decode bytes that admission has accepted: they are canonical, and of the shape.

    Raises RemoteFault `encoding` when they are not what they were: a damaged file.
    """
    decoder = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.msgpack.Decoder(shape)
    try:
        return cast(T, decoder.decode(data))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None


def decode(data: bytes, shape: type[T]) -> T:
    """Decode canonical bytes into a msgspec Struct or other typed shape.

    Raises RemoteFault `encoding` when the bytes are not the canonical form of what they say, and
    `shape` when they are, but not of the shape: the first question is always asked first.
    """
    decoder = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.msgpack.Decoder(shape)
    try:
        value = decoder.decode(data)
        again = _encoder.encode(value)
    except msgspec.ValidationError as error:
        decode_any(data)
        raise RemoteFault(Reject.SHAPE, str(error)) from None
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None
    if again != data:
        raise RemoteFault(Reject.ENCODING, "not canonical")
    return cast(T, value)


def decode_any(data: bytes) -> object:
    """Decode canonical bytes of unknown shape: plain None, bool, int, str, bytes, list, dict.

    Raises RemoteFault `encoding`.
    """
    try:
        value = _any.decode(data)
        again = _encoder.encode(value)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None
    if again != data or not _plain(value):
        raise RemoteFault(Reject.ENCODING, "not canonical")
    return value


def _plain(value: object) -> bool:
    """True iff only allowed types stand in it, in at most NESTING_MAX_LEVELS containers."""
    level: list[object] = [value]
    for depth in range(NESTING_MAX_LEVELS + 1):
        below: list[object] = []
        for item in level:
            if depth == NESTING_MAX_LEVELS and isinstance(item, dict | list):
                return False
            if isinstance(item, dict):
                mapping = cast(dict[object, object], item)
                for key in mapping:
                    if not isinstance(key, str) or len(key.encode()) > KEY_SIZE_MAX_BYTES:
                        return False
                below.extend(mapping.values())
            elif isinstance(item, list):
                below.extend(cast(list[object], item))
            elif item is not None and type(item) not in (bool, int, str, bytes):
                return False
        level = below
    return True
