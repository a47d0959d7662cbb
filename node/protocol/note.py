"""Notes: what one member hands to another by file or QR code, so that they can trade without a
network.

Rules: a note is one canonical array, bound to its community; its records travel in batches, as in
sync, and are as little trusted as a neighbour's. What the sender says of itself (what it holds,
what it lacks, since when it is alone) is signed by nobody: a lie costs the two a larger note, or
one more. Ids are told by their first 8 bytes where a wrong guess costs no more than that.

Left to others: parts for QR codes (`parts`), judging records, choosing which to send.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta

from node.protocol import codec, limits
from node.protocol.errors import Reject, RemoteFault
from node.protocol.frames import Batch, BatchDecoder, BatchEncoder
from node.protocol.portable import OpenOrder
from node.protocol.record import RawRecord
from node.protocol.shapes import Id, Key, Row, Salt, Time, ascending

KIND: Final = "note"
"""What the parts of a note call themselves."""
VERSION: Final = 1
SHORT_SIZE_BYTES: Final = 8

_Batches = list[Annotated[bytes, Meta(min_length=1, max_length=limits.NOTE_SIZE_MAX_BYTES)]]


class _Order(Row, frozen=True):
    order: Annotated[bytes, Meta(max_length=limits.NOTE_ORDER_MAX_BYTES)]
    salt: Salt


class _Note(Row, frozen=True):
    version: int
    community: Id
    sender: Key
    trades: Annotated[list[Id], Meta(max_length=limits.NOTE_TRADES_MAX_COUNT)]
    orders: Annotated[list[_Order], Meta(max_length=limits.NOTE_TRADES_MAX_COUNT)]
    have: Annotated[bytes, Meta(max_length=SHORT_SIZE_BYTES * limits.NOTE_HAVE_MAX_COUNT)]
    lacking: Annotated[list[Id], Meta(max_length=limits.NOTE_LACKING_MAX_COUNT)]
    seen: Time | None
    batches: Annotated[_Batches, Meta(max_length=limits.NOTE_BATCHES_MAX_COUNT)]

    def well_formed(self) -> bool:
        shorts = len(self.have) % SHORT_SIZE_BYTES == 0
        return shorts and ascending(self.lacking) and ascending(self.trades)


@dataclass(frozen=True, slots=True)
class Note:
    """What is handed over. `records` stand each after all it rests on, as far as it is among them.

    `have`: the first 8 bytes of ids of records that the sender holds, with all that they rest on.
    `lacking`: ids that the sender was told of and does not hold. `seen`: when neighbours and the
    sender last were in step, as the sender's clock says; None where that is not known.
    """

    community: bytes
    sender: bytes
    trades: tuple[bytes, ...] = ()
    records: tuple[RawRecord, ...] = ()
    orders: tuple[OpenOrder, ...] = ()
    have: tuple[bytes, ...] = ()
    lacking: tuple[bytes, ...] = ()
    seen: int | None = None


def short(record: bytes) -> bytes:
    """The first 8 bytes of a record's id."""
    return record[:SHORT_SIZE_BYTES]


def encode(note: Note) -> bytes:
    """The bytes of a note. ValueError when a reader would refuse it: too much of something."""
    encoder, size = BatchEncoder(note.community), limits.FRAME_RECORDS_MAX_COUNT
    cuts = range(0, len(note.records), size)
    data = codec.encode(
        _Note(
            version=VERSION,
            community=note.community,
            sender=note.sender,
            trades=sorted(note.trades),
            orders=[_Order(order.order, order.salt) for order in note.orders],
            have=b"".join(note.have),
            lacking=sorted(note.lacking),
            seen=note.seen,
            batches=[codec.encode(encoder.encode(note.records[n : n + size])) for n in cuts],
        )
    )
    try:
        decode(data)
    except RemoteFault as fault:
        raise ValueError(str(fault)) from None
    return data


def decode(data: bytes) -> Note:
    """Read a note; its records are still to be parsed, verified and judged.

    Raises RemoteFault: `size`, `encoding`, `shape`, `version`.
    """
    if len(data) > limits.NOTE_SIZE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "note")
    found = codec.decode(data, _Note)
    if not found.well_formed():
        raise RemoteFault(Reject.SHAPE, "a set out of order")
    if found.version != VERSION:
        raise RemoteFault(Reject.VERSION, "note")
    have = (found.have[n : n + SHORT_SIZE_BYTES] for n in range(0, len(found.have), 8))
    return Note(
        community=found.community,
        sender=found.sender,
        trades=tuple(found.trades),
        records=_records(found),
        orders=tuple(OpenOrder(order.salt, order.order) for order in found.orders),
        have=tuple(have),
        lacking=tuple(found.lacking),
        seen=found.seen,
    )


def _records(note: _Note) -> tuple[RawRecord, ...]:
    decoder = BatchDecoder(note.community)
    try:
        batches = [decoder.decode(codec.decode(batch, Batch)) for batch in note.batches]
    except RemoteFault as fault:
        raise RemoteFault(Reject.SHAPE, f"batch: {fault.detail}") from None
    return tuple(raw for batch in batches for raw in batch)
