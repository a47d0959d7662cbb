"""Frames: the envelope of every message, and the compact form of a batch of records.

An envelope is one byte (0: as it is, 1: zlib) and the content; its size is bounded packed and
unpacked, before anything is decoded. A batch leaves out what the receiver can rebuild: a lane's
keys after their first use, seq and prev of a record that follows the last one sent of its lane, the
hash and size of a body that is there. Headers come back byte for byte or travel as they are.

A batch says nothing about whether its records are good: that is judged in admission.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final

from msgspec import Meta

from node.protocol import codec, crypto, limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.heads import LANE_KEY_SIZE_BYTES
from node.protocol.record import Header, RawRecord, parse_header
from node.protocol.shapes import Id, Row

PLAIN: Final = 0
ZLIB: Final = 1
_LEVEL: Final = 1  # higher levels cost three times as much and save a twentieth (measured)
_THOROUGH_LEVEL: Final = 6  # for little: there the line is what takes the time
_WORTH_BYTES: Final = 64  # content below this size is not worth packing
_SMALL_BYTES: Final = 4_096  # up to here a small packer does the same
_SMALL: Final = (zlib.DEFLATED, 12, 4)  # 4 us to set up and 100 bytes packed, not 54 (measured)
_VERBATIM: Final = 0  # the lane number of a record whose header travels as it is
_LANES_COUNT: Final = 6  # lane kinds with a compact form

_Column = Meta(max_length=limits.FRAME_RECORDS_MAX_COUNT)


class Absent(Row, frozen=True):
    """What stands in the header about a body that is not sent."""

    hash: Id
    size: Annotated[int, Meta(ge=1, le=limits.BODY_SIZE_MAX_BYTES)]


class Batch(Row, frozen=True):
    """Records in columns. `lanes` are new entries of the lane table, 65 bytes each; a row's lane
    number counts from 1 in the table, and 0 means that its header is the next one of `verbatim`.
    All columns between `kind_numbers` and `times` skip such rows."""

    lanes: Annotated[bytes, Meta(max_length=LANE_KEY_SIZE_BYTES * limits.FRAME_RECORDS_MAX_COUNT)]
    kinds: Annotated[list[Annotated[str, Meta(max_length=limits.KIND_SIZE_MAX_BYTES)]], _Column]
    lane_numbers: Annotated[list[int], _Column]
    kind_numbers: Annotated[list[int], _Column]
    seqs: Annotated[list[int | None], _Column]  # nil: one after the lane's last record
    prevs: Annotated[bytes, Meta(max_length=32 * limits.FRAME_RECORDS_MAX_COUNT)]
    times: Annotated[list[int], _Column]  # each less the one before it; the first less 0
    absent: Annotated[list[Absent], _Column]  # one for each compact row without body
    verbatim: Annotated[
        list[Annotated[bytes, Meta(max_length=limits.HEADER_SIZE_MAX_BYTES)]], _Column
    ]
    bodies: Annotated[
        list[Annotated[bytes, Meta(max_length=limits.BODY_SIZE_MAX_BYTES)] | None], _Column
    ]
    signatures: Annotated[bytes, Meta(max_length=64 * limits.FRAME_RECORDS_MAX_COUNT)]


def pack(content: bytes, *, thorough: bool = False) -> bytes:
    """The frame that carries `content`, at most FRAME_INFLATED_MAX_BYTES of it."""
    assert len(content) <= limits.FRAME_INFLATED_MAX_BYTES
    if len(content) >= _WORTH_BYTES:
        packed = _packed(content, _THOROUGH_LEVEL if thorough else _LEVEL)
        if len(packed) < len(content):
            return bytes((ZLIB,)) + packed
    return bytes((PLAIN,)) + content


def _packed(content: bytes, level: int) -> bytes:
    if len(content) > _SMALL_BYTES:
        return zlib.compress(content, level)
    packer = zlib.compressobj(level, *_SMALL)
    return packer.compress(content) + packer.flush()


def unpack(frame: bytes) -> bytes:
    """The content of a frame. Raises RemoteFault `frame-size` or `frame`."""
    if len(frame) > limits.FRAME_SIZE_MAX_BYTES:
        raise RemoteFault(Parting.FRAME_SIZE, "packed")
    if not frame:
        raise RemoteFault(Parting.FRAME, "empty")
    if frame[0] == PLAIN:
        return frame[1:]
    if frame[0] != ZLIB:
        raise RemoteFault(Parting.FRAME, "packed in an unknown way")
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(frame[1:], limits.FRAME_INFLATED_MAX_BYTES)
    except zlib.error as error:
        raise RemoteFault(Parting.FRAME, str(error)) from None
    if inflater.unconsumed_tail:
        raise RemoteFault(Parting.FRAME_SIZE, "unpacked")
    if not inflater.eof or inflater.unused_data:
        raise RemoteFault(Parting.FRAME, "packed bytes end at the wrong place")
    return content


def size_of(raw: RawRecord) -> int:
    """Bytes of a record as it stands, the measure for filling frames."""
    return len(raw.header) + len(raw.body or b"") + len(raw.signature)


Place = tuple[bytes, tuple[int, bytes] | None]
"""A lane, and seq and id of the last record sent of it."""


class _LaneTable:
    """The lanes that both ends of a stream remember, with the last record sent of each."""

    def __init__(self, community: bytes, prepared: Iterable[Place]) -> None:
        self._community = community
        self.keys: list[bytes] = []
        self._last: list[tuple[int, bytes] | None] = []
        for lane_key, last in prepared:
            self.keys.append(lane_key)
            self._last.append(last)

    def start_frame(self) -> None:
        """Both ends forget everything before a frame when they remember too much."""
        if len(self.keys) > limits.LANE_TABLE_MAX_COUNT:
            self.clear()

    def clear(self) -> None:
        """Forget all lanes."""
        self.keys.clear()
        self._last.clear()

    def add(self, lane_key: bytes) -> None:
        """Remember a lane, of which nothing was sent yet."""
        self.keys.append(lane_key)
        self._last.append(None)

    def last(self, place: int) -> tuple[int, bytes] | None:
        """Seq and id of the last record sent of the lane at this place."""
        return self._last[place]

    def sent(self, place: int, seq: int, header: bytes) -> None:
        """This record of the lane was the last one sent."""
        self._last[place] = (seq, crypto.record_id(self._community, header))


class BatchEncoder:
    """Packs one stream of records, batch after batch. A message on its own takes a new encoder."""

    def __init__(self, community: bytes, known: Sequence[bytes] = ()) -> None:
        """`known`: ids with which the reader prepared places, each the last record of its lane.

        Only a record that follows one of them uses its place: then the lane is the same for sure.
        """
        self._table = _LaneTable(community, [(b"", None)] * len(known))
        self._places: dict[bytes, int] = {}
        self._prepared = {one: place for place, one in reversed(list(enumerate(known)))}

    def encode(self, records: Sequence[RawRecord]) -> Batch:
        """The batch of these records, at most FRAME_RECORDS_MAX_COUNT."""
        assert len(records) <= limits.FRAME_RECORDS_MAX_COUNT
        self._table.start_frame()
        if not self._table.keys:
            self._places.clear()
            self._prepared.clear()
        rows = _Rows()
        for raw in records:
            rows.bodies.append(raw.body)
            rows.signatures.append(raw.signature)
            header = _rebuildable(raw)
            if header is None:
                rows.lane_numbers.append(_VERBATIM)
                rows.verbatim.append(raw.header)
            else:
                self._compact(rows, raw, header)
        return rows.batch()

    def _compact(self, rows: "_Rows", raw: RawRecord, header: Header) -> None:
        prev = b"" if header.prev is None else header.prev
        place = self._places.get(header.lane_key)
        prepared = self._prepared.pop(prev, None) if place is None else None
        if place is None:
            place = len(self._table.keys) if prepared is None else prepared
            self._places[header.lane_key] = place
        if place == len(self._table.keys):
            self._table.add(header.lane_key)
            rows.lanes.append(header.lane_key)
        rows.lane_numbers.append(place + 1)
        rows.kind_numbers.append(rows.kinds.setdefault(header.kind, len(rows.kinds)))
        if prepared is not None or self._table.last(place) == (header.seq - 1, prev):
            rows.seqs.append(None)
        else:
            rows.seqs.append(header.seq)
            rows.prevs.append(prev)
        rows.times.append(header.time - rows.time)
        rows.time = header.time
        if raw.body is None:
            rows.absent.append(Absent(header.body_hash, header.body_size))
        self._table.sent(place, header.seq, raw.header)


class _Rows:
    """The columns of a batch while it is filled."""

    def __init__(self) -> None:
        self.lanes: list[bytes] = []
        self.kinds: dict[str, int] = {}
        self.lane_numbers: list[int] = []
        self.kind_numbers: list[int] = []
        self.seqs: list[int | None] = []
        self.prevs: list[bytes] = []
        self.times: list[int] = []
        self.time = 0
        self.absent: list[Absent] = []
        self.verbatim: list[bytes] = []
        self.bodies: list[bytes | None] = []
        self.signatures: list[bytes] = []

    def batch(self) -> Batch:
        return Batch(
            b"".join(self.lanes),
            list(self.kinds),
            self.lane_numbers,
            self.kind_numbers,
            self.seqs,
            b"".join(self.prevs),
            self.times,
            self.absent,
            self.verbatim,
            self.bodies,
            b"".join(self.signatures),
        )


def _rebuildable(raw: RawRecord) -> Header | None:
    """The parsed header if the receiver can rebuild its bytes, else None."""
    try:
        header = parse_header(raw.header)
    except RemoteFault:
        return None
    if raw.body is not None and header.body_hash != crypto.sha256(raw.body):
        return None
    return None if raw.body is not None and header.body_size != len(raw.body) else header


class BatchDecoder:
    """Unpacks one stream of records: the other end of a BatchEncoder."""

    def __init__(self, community: bytes, prepared: Iterable[Place] = ()) -> None:
        """`prepared`: what the lane table begins with."""
        self._table = _LaneTable(community, prepared)

    def decode(self, batch: Batch) -> list[RawRecord]:
        """The records of a batch. Raises RemoteFault `frame`: then the stream is useless."""
        self._table.start_frame()
        _check_lengths(batch)
        for start in range(0, len(batch.lanes), LANE_KEY_SIZE_BYTES):
            lane_key = batch.lanes[start : start + LANE_KEY_SIZE_BYTES]
            if lane_key[-1] >= _LANES_COUNT:
                raise RemoteFault(Parting.FRAME, "an unknown lane kind")
            self._table.add(lane_key)
        headers = self._headers(batch)
        signatures = batch.signatures
        return [
            RawRecord(header, body, signatures[64 * n : 64 * n + 64])
            for n, (header, body) in enumerate(zip(headers, batch.bodies, strict=True))
        ]

    def _headers(self, batch: Batch) -> list[bytes]:
        """The header of each row, in order."""
        kind_numbers, seqs = iter(batch.kind_numbers), iter(batch.seqs)
        times, absent, verbatim = iter(batch.times), iter(batch.absent), iter(batch.verbatim)
        prevs = (batch.prevs[n : n + 32] for n in range(0, len(batch.prevs), 32))
        headers: list[bytes] = []
        time = 0
        for number, body in zip(batch.lane_numbers, batch.bodies, strict=True):
            if number == _VERBATIM:
                headers.append(next(verbatim))
                continue
            if not 0 < number <= len(self._table.keys):
                raise RemoteFault(Parting.FRAME, "a lane that was not sent")
            time += next(times)
            kind_number = next(kind_numbers)
            if not (0 <= time <= limits.TIME_MAX_MS and 0 <= kind_number < len(batch.kinds)):
                raise RemoteFault(Parting.FRAME, "a number out of range")
            seq, prev = self._link(number - 1, next(seqs), prevs)
            if body is None:
                missing = next(absent, None)
                if missing is None:
                    raise RemoteFault(Parting.FRAME, "too few absent bodies")
            else:
                missing = Absent(crypto.sha256(body), len(body))
            lane_key = self._table.keys[number - 1]
            # Names of lane kinds are for people: a plain number encodes to the same byte.
            row = Header(
                limits.RECORD_VERSION,
                batch.kinds[kind_number],
                lane_key[:32],
                lane_key[32:64],
                lane_key[64],  # pyright: ignore[reportArgumentType]
                seq,
                prev,
                time,
                missing.hash,
                missing.size,
            )
            headers.append(codec.encode(row))
            self._table.sent(number - 1, seq, headers[-1])
        if next(absent, None) is not None or next(prevs, None) is not None:
            raise RemoteFault(Parting.FRAME, "columns of different lengths")
        return headers

    def _link(
        self, place: int, seq: int | None, prevs: Iterator[bytes]
    ) -> tuple[int, bytes | None]:
        """Seq and prev of the next record of the lane at this place."""
        if seq is None:
            last = self._table.last(place)
            if last is None:
                raise RemoteFault(Parting.FRAME, "follows a record that was not sent")
            return last[0] + 1, last[1]
        if not 0 <= seq <= limits.SEQUENCE_MAX_COUNT:
            raise RemoteFault(Parting.FRAME, "a number out of range")
        if seq == 0:
            return 0, None
        prev = next(prevs, None)
        if prev is None:
            raise RemoteFault(Parting.FRAME, "too few links")
        return seq, prev


def _check_lengths(batch: Batch) -> None:
    """Columns fit together, as far as that can be seen before walking the rows."""
    rows = len(batch.lane_numbers)
    compact = sum(number != _VERBATIM for number in batch.lane_numbers)
    fits = (
        len(batch.bodies) == rows
        and len(batch.signatures) == 64 * rows
        and len(batch.verbatim) == rows - compact
        and len(batch.kind_numbers) == len(batch.seqs) == len(batch.times) == compact
        and len(batch.lanes) % LANE_KEY_SIZE_BYTES == 0
        and len(batch.prevs) % 32 == 0
    )
    if not fits:
        raise RemoteFault(Parting.FRAME, "columns of different lengths")
