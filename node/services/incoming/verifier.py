"""A process that parses and verifies records for its parent: the signatures of a large import or
sync are checked beside the writer, not in turns with it.

    request:  [community, lines or nil, records or nil]      one answer an item, in order:
    answer:   [id, record] of a line, id of a record, or [code, detail] if refused

Frames on standard input and output: four bytes of length, then MessagePack. It ends when its input
does, so it never outlives its parent; it reads nothing else and writes nothing.
"""

import gc
import os
import sys
from typing import IO, Final

import msgspec

from node.protocol import admission, portable
from node.protocol.admission import Refused
from node.protocol.errors import RemoteFault
from node.protocol.record import RawRecord, Record, reread
from node.protocol.shapes import CommunityId

LENGTH_BYTES: Final = 4
BEHIND: Final = 10
"""How much nicer than its parent: the parent's writer is what all verifiers wait for in the end, so
where processors are scarce it goes first."""


class Request(msgspec.Struct, array_like=True, frozen=True):
    """What is to be verified: lines of an export file, or records."""

    community: bytes
    lines: list[bytes] | None
    records: list[RawRecord] | None


class Line(msgspec.Struct, array_like=True, tag=0, frozen=True, gc=False):
    """A good line: its record and the id."""

    id: bytes
    raw: RawRecord


class Fault(msgspec.Struct, array_like=True, tag=1, frozen=True, gc=False):
    """A refusal."""

    code: str
    detail: str


class Good(msgspec.Struct, array_like=True, tag=2, frozen=True, gc=False):
    """A good record, which the parent has already."""

    id: bytes


Answer = Line | Fault | Good
encode = msgspec.msgpack.Encoder().encode
_requests = msgspec.msgpack.Decoder(Request)
answers = msgspec.msgpack.Decoder(list[Answer])


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame; None at the end, also when it breaks off."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    size = int.from_bytes(length, "big")
    data = stream.read(size)
    return data if len(data) == size else None


def framed(data: bytes) -> bytes:
    """A frame with its length."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def answer(request: Request) -> list[Answer]:
    """Verify all items of a request."""
    community = CommunityId(request.community)
    found: list[Answer] = []
    for line in request.lines or ():
        try:
            raw = portable.decode_line(line)
        except RemoteFault as fault:
            found.append(Fault(fault.code, fault.detail))
            continue
        item = _verified(raw, community)
        found.append(item if isinstance(item, Fault) else Line(item.id, raw))
    for raw in request.records or ():
        item = _verified(raw, community)
        found.append(item if isinstance(item, Fault) else Good(item.id))
    return found


def _verified(raw: RawRecord, community: CommunityId) -> Record | Fault:
    item = admission.parse(raw, community)
    if isinstance(item, Record):
        item = admission.verify(item, community) or item
    return Fault(item.code, item.detail) if isinstance(item, Refused) else item


def told(item: Answer, raw: RawRecord | None = None) -> Record | Refused:
    """What an answer says: of a line, or of the record `raw`."""
    if isinstance(item, Fault):
        return Refused(item.code, item.detail)
    raw = item.raw if isinstance(item, Line) else raw
    assert raw is not None, "a record's answer without the record"
    return reread(raw, item.id)


def main() -> None:
    """Serve until standard input ends."""
    os.nice(BEHIND)
    gc.disable()  # nothing here makes cycles
    source, target = sys.stdin.buffer, sys.stdout.buffer
    target.write(framed(b""))  # ready
    target.flush()
    while (frame := read_frame(source)) is not None:
        target.write(framed(encode(answer(_requests.decode(frame)))))
        target.flush()
