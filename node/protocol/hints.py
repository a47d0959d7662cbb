"""The payload of a gossip message: new records, told to neighbours as a hint.

Canonical msgpack `[1, [[header, body or nil, signature], …]]`, 1 to 256 records in at most 256
KiB. This module checks sizes only: records are judged in admission. What a hint misses, sync
brings.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta

from node.protocol import codec, limits
from node.protocol.errors import RemoteFault
from node.protocol.record import RawRecord
from node.protocol.shapes import Row, Signature

VERSION: Final = 1


class HintedRecord(Row, frozen=True):
    """One record as it travels."""

    header: Annotated[bytes, Meta(min_length=1, max_length=limits.HEADER_SIZE_MAX_BYTES)]
    body: Annotated[bytes, Meta(min_length=1, max_length=limits.BODY_SIZE_MAX_BYTES)] | None
    signature: Signature


class Hint(Row, frozen=True):
    """A whole payload."""

    version: Annotated[int, Meta(ge=VERSION, le=VERSION)]
    records: Annotated[
        list[HintedRecord], Meta(min_length=1, max_length=limits.HINT_RECORDS_MAX_COUNT)
    ]


def pack(records: Sequence[RawRecord]) -> list[bytes]:
    """Payloads of about FRAME_TARGET_BYTES that together hold all records, in order."""
    payloads: list[bytes] = []
    batch: list[HintedRecord] = []
    size = 0
    for raw in records:
        added = len(raw.header) + len(raw.body or b"") + len(raw.signature) + 16
        full = len(batch) >= limits.HINT_RECORDS_MAX_COUNT
        if batch and (full or size + added > limits.FRAME_TARGET_BYTES):
            payloads.append(codec.encode(Hint(VERSION, batch)))
            batch, size = [], 0
        batch.append(HintedRecord(*raw))
        size += added
    if batch:
        payloads.append(codec.encode(Hint(VERSION, batch)))
    return payloads


def unpack(payload: bytes) -> list[RawRecord] | None:
    """The records of a payload; None if it is none. Never raises."""
    if not 0 < len(payload) <= limits.FRAME_SIZE_MAX_BYTES:
        return None
    try:
        hint = codec.decode(payload, Hint)
    except RemoteFault:
        return None
    return [RawRecord(item.header, item.body, item.signature) for item in hint.records]
