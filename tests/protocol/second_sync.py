"""A second reader of sync's frames, messages, batches, sketches and greetings, from
docs/protocol-sync.md.

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
_sketch = _row(
    _bin(0, 13 * 9_216), _list(0, 9_216, _int(0, 2**32 - 1)), _list(0, 9_216, _int(0, 2**48 - 1))
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
        _bin(0, 194_000), _or_nil(_sketch), _bin(0, 92_160), _bin(0, 92_160), _bin(0, 78_000),
    ),
    3: (
        _count, _bool, _list(0, 1024, _row(_count, _bool, _bin(0, 48 * 32))), _bin(0, 8_192),
    ),
    4: (_int(0, 524_288), _list(0, 1024, _count), _batch),
    5: (_int(1, 32),),
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

    def __init__(self, community: bytes, prepared: list[tuple[bytes, int, bytes]]) -> None:
        self.community = community
        self.lanes: list[tuple[bytes, tuple[int, bytes] | None]] = [
            (lane, (seq, known)) for lane, seq, known in prepared
        ]

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


Found = set[tuple[bytes, int]]
Cells = list[list[list[int]]]  # rows of cells: sum, seqs, count


def sketch_of(heads: list[tuple[bytes, int]], size: int) -> list[Any]:
    """Section 5: the sketch of a set of heads, in rows of so many cells."""
    rows: Cells = [[[0, 0, 0] for _ in range(size)] for _ in range(3)]
    for key, seq in heads:
        part = key[:4] + key[32:34] + key[64:65] + key[65:68]
        number, places = _element(part, seq, size)
        for row, place in zip(rows, places, strict=True):
            cell = row[place]
            row[place] = [cell[0] + number, cell[1] + seq, cell[2] + 1]
    cells = [cell for row in rows for cell in row]
    sums = b"".join((cell[0] % 2**104).to_bytes(13, "big") for cell in cells)
    return [sums, [cell[2] for cell in cells], [cell[1] % 2**48 for cell in cells]]


def _element(part: bytes, seq: int, size: int) -> tuple[int, list[int]]:
    hashed = hashlib.sha256(part + seq.to_bytes(8, "big")).digest()
    places = [int.from_bytes(hashed[4 + 4 * n : 8 + 4 * n], "big") % size for n in range(3)]
    return int.from_bytes(part + hashed[:3], "big"), places


def read_sketch(own: list[tuple[bytes, int]], sketch: list[Any]) -> tuple[int, Any]:
    """Section 5: about how many differ; and (only theirs, only own), None if it cannot be read."""
    sums, counts, seqs = sketch
    size = len(counts) // 3
    fits = size >= 16 and 3072 % size == 0 and len(counts) == len(seqs) == 3 * size
    if not fits or len(sums) != 13 * len(counts):
        raise Refused("frame")
    mine, my_counts, my_seqs = sketch_of(own, size)
    apart = [
        [int.from_bytes(a, "big") - int.from_bytes(b, "big"), c - d, e - f]
        for a, b, c, d, e, f in zip(
            _pieces(sums, 13), _pieces(mine, 13), seqs, my_seqs, counts, my_counts, strict=True
        )
    ]
    rows = [apart[:size], apart[size : 2 * size], apart[2 * size :]]
    more = sum(cell[2] for cell in rows[0])
    squares = sum(cell[2] ** 2 for cell in apart)
    about = max(abs(more), (squares * size - 3 * more**2) // (3 * (size - 1)))
    return about, _taken_apart(rows, size)


def _taken_apart(rows: Cells, size: int) -> tuple[Found, Found] | None:
    found: dict[int, Found] = {1: set(), -1: set()}
    going = True
    while going:
        going = False
        for n, row in enumerate(rows):
            for place, (number, seq, count) in enumerate(row):
                if abs(count) != 1:
                    continue
                number, seq = number * count % 2**104, seq * count % 2**48
                part = number.to_bytes(13, "big")[:10]
                real, places = _element(part, seq, size)
                if real != number or places[n] != place:
                    continue
                if (part, seq) in found[1] | found[-1]:
                    return None
                found[count].add((part, seq))
                for other, at in zip(rows, places, strict=True):
                    old = other[at]
                    other[at] = [
                        old[0] - count * number, old[1] - count * seq, old[2] - count
                    ]  # fmt: skip
                going = True
    left = [cell for row in rows for cell in row]
    if any(a % 2**104 or b % 2**48 or c for a, b, c in left):
        return None
    return found[1], found[-1]


def _pieces(data: bytes, size: int) -> list[bytes]:
    if len(data) % size:
        raise Refused("frame")
    return [data[n : n + size] for n in range(0, len(data), size)]
