"""A second reader of sync's frames, messages, batches and greetings, from docs/protocol-sync.md.

Rule: nothing of the node is imported; bytes are read by the second reader of the protocol.
"""

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

from tests.protocol.second_reader import Refused, pack, sha, unpack

Check = Callable[[Any], bool]
TOP = 2**53 - 1


def _int(low: int, high: int | None = None) -> Check:
    return lambda v: type(v) is int and low <= v and (high is None or v <= high)


def _bin(low: int, high: int | None = None) -> Check:
    return lambda v: type(v) is bytes and low <= len(v) <= (low if high is None else high)


def _text(low: int, high: int) -> Check:
    return lambda v: type(v) is str and low <= len(v) <= high


def _list(low: int, high: int, item: Check) -> Check:
    return lambda v: type(v) is list and low <= len(v) <= high and all(map(item, v))


def _row(*items: Check) -> Check:
    def fits(v: Any) -> bool:
        return (
            type(v) is list
            and len(v) == len(items)
            and all(check(part) for check, part in zip(items, v, strict=True))
        )

    return fits


def _or_nil(item: Check) -> Check:
    return lambda v: v is None or item(v)


def _bool(v: Any) -> bool:
    return type(v) is bool


_any_int = _int(-(2**63))
_count, _bound = _int(0, TOP), _bin(0, 97)
_column = 128
_batch = _row(
    _bin(0, 8_320),
    _list(0, _column, _text(0, 32)),
    _list(0, _column, _any_int),
    _list(0, _column, _any_int),
    _list(0, _column, _or_nil(_any_int)),
    _bin(0, 4_096),
    _list(0, _column, _any_int),
    _list(0, _column, _row(_bin(32), _int(1, 32_768))),
    _list(0, _column, _bin(0, 320)),
    _list(0, _column, _or_nil(_bin(0, 32_768))),
    _bin(0, 8_192),
)
_addresses = _text(1, 256)
_MESSAGES: dict[int, tuple[Check, ...]] = {
    1: (
        _count, _bin(32), _count, _text(0, 64), _list(1, 32, _int(0, 255)), _int(1), _int(1),
        _bin(16), _bin(16), _list(0, 32, _addresses), _list(0, 16, _text(1, 64)),
    ),
    2: (
        _count, _int(0, 2),
        _list(0, 2048, _row(_list(2, 2048, _bound), _bin(0, 16 * 2048))),
        _list(0, 2048, _row(_bound, _bound, _bin(0, 512), _list(0, 64, _int(0, 2**40)))),
        _list(0, 2048, _row(_bound, _bound, _bin(0, 512))),
        _bin(0, 194_000),
    ),
    3: (
        _count, _bool, _list(0, 1024, _row(_count, _bool, _bin(0, 48 * 32))), _bin(0, 8_192),
    ),
    4: (_int(0, 524_288), _list(0, 1024, _count), _batch),
    5: (_int(1, 8),),
    6: (_list(1, 64, _row(_bin(0, 320), _bin(64), _bin(0, 320), _bin(64))),),
    7: (_list(1, 32, _addresses),),
    8: (),
    9: (_text(0, 32),),
}  # fmt: skip


def read_frame(frame: bytes) -> bytes:
    """Section 2: the content of a frame that is a message."""
    content = _content(frame)
    try:
        value = unpack(content)
    except Refused:
        raise Refused("frame") from None
    if type(value) is list and value and type(value[0]) is int and value[0] in _MESSAGES:
        if _row(*_MESSAGES[value[0]])(value[1:]):
            return content
        version = value[1] if value[0] == 1 and len(value) > 1 else 1
        if type(version) is int and version != 1 and len(content) <= 16_384:
            raise Refused("other-protocol")
    raise Refused("frame")


def _content(frame: bytes) -> bytes:
    if len(frame) > 262_144:
        raise Refused("frame-size")
    if frame[:1] == b"\x00":
        return frame[1:]
    if frame[:1] != b"\x01":
        raise Refused("frame")
    reader = zlib.decompressobj()
    try:
        content = reader.decompress(frame[1:], 1_048_577)
    except zlib.error:
        raise Refused("frame") from None
    if len(content) > 1_048_576:
        raise Refused("frame-size")
    if not reader.eof or reader.unused_data:
        raise Refused("frame")
    return content


def read_greeting(content: bytes, community: bytes, keeps: list[int]) -> list[int]:
    """Section 3: the common kinds."""
    _, version, named, rules, _, kinds, *_ = unpack(content)
    for fits, code in (
        (version == 1, "other-protocol"),
        (named == community, "other-community"),
        (rules == 1, "other-rules"),
        (kinds == sorted(set(kinds)) and 0 in kinds, "frame"),
    ):
        if not fits:
            raise Refused(code)
    return [kind for kind in keeps if kind in kinds]


class Stream:
    """Section 7: one answer's lane table."""

    def __init__(self, community: bytes) -> None:
        self.community = community
        self.lanes: list[tuple[bytes, tuple[int, bytes] | None]] = []

    def read(self, data: bytes) -> list[tuple[bytes, bytes | None, bytes]]:
        """Records of the next batch."""
        try:
            return self._read(data)
        except (IndexError, ValueError):
            raise Refused("frame") from None

    def _read(self, data: bytes) -> list[tuple[bytes, bytes | None, bytes]]:
        batch = unpack(data)
        if not _batch(batch):
            raise Refused("frame")
        if len(self.lanes) > 8_192:
            self.lanes.clear()
        new, kinds, numbers, kind_numbers, seqs, prevs, times, absent, verbatim, bodies, signed = (
            batch
        )
        for lane in _pieces(new, 65):
            if lane[64] > 5:
                raise Refused("frame")
            self.lanes.append((lane, None))
        queues = [list(q) for q in (kind_numbers, seqs, _pieces(prevs, 32), times, absent)]
        verbatim, signatures = list(verbatim), _pieces(signed, 64)
        if not len(numbers) == len(bodies) == len(signatures):
            raise Refused("frame")
        found: list[tuple[bytes, bytes | None, bytes]] = []
        clock = 0
        for number, body, signature in zip(numbers, bodies, signatures, strict=True):
            if number == 0:
                found.append((verbatim.pop(0), body, signature))
                continue
            clock += queues[3].pop(0)
            kind = queues[0].pop(0)
            if not (0 <= clock <= TOP and 0 <= kind < len(kinds) and number > 0):
                raise Refused("frame")
            header = self._header(number - 1, kinds[kind], clock, body, queues)
            found.append((header, body, signature))
        if verbatim or any(queues):
            raise Refused("frame")
        return found

    def _header(
        self, place: int, kind: str, time: int, body: bytes | None, queues: list[list[Any]]
    ) -> bytes:
        lane, last = self.lanes[place]
        seq = queues[1].pop(0)
        if seq is None:
            if last is None:
                raise Refused("frame")
            seq, prev = last[0] + 1, last[1]
        elif not 0 <= seq <= 2**40:
            raise Refused("frame")
        else:
            prev = queues[2].pop(0) if seq else None
        if body is None:
            body_hash, size = queues[4].pop(0)
        else:
            body_hash, size = hashlib.sha256(body).digest(), len(body)
        fields = [1, kind, lane[:32], lane[32:64], lane[64], seq, prev, time, body_hash, size]
        header: bytes = pack(fields)
        self.lanes[place] = (lane, (seq, sha("record", self.community, header)))
        return header


def _pieces(data: bytes, size: int) -> list[bytes]:
    if len(data) % size:
        raise Refused("frame")
    return [data[n : n + size] for n in range(0, len(data), size)]
