"""Texts for QR codes: bytes as numbered parts, read in any order, and where a trade stands.

Rules: a part is one line of the alphanumeric characters of QR codes, so that a code holds half as
much again as it would of other text; it says its number, of how many, and of which set it is, and
carries a check of its own, so that a part read wrongly is noticed at once and never spoils the set.
The set's mark covers all bytes. What is joined is as little trusted as bytes from a peer.

A pointer names a trade where there is no room for its receipt.

Left to others: drawing and reading QR codes, and what the bytes mean.
"""

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Final

from node.protocol import crypto, limits
from node.protocol.errors import Reject, RemoteFault

PREFIX: Final = "WETALK:PART"
POINTER_PREFIX: Final = "WETALK:TRADE"
VERSION: Final = 1
POINTER: Final = f"{POINTER_PREFIX}{VERSION}"
BLANKS: Final = " \t\r\n"
"""What may stand around a part; no other blank of Unicode, whose list grows."""

_PLAIN: Final = b"\x00"
_ZLIB: Final = b"\x01"
_MARK_BYTES: Final = 10
_CHECK_BYTES: Final = 4
_LEVEL: Final = 9  # for paper: there the room is what costs
_KIND: Final = re.compile(r"[a-z]{1,16}")
_PART: Final = re.compile(
    r"WETALK:PART([1-9][0-9]{0,2})/([A-Z]{1,16})/([1-9][0-9]{0,2})/([1-9][0-9]{0,2})"
    r"/([A-Z2-7]{16})/([A-Z2-7]+)"
)
_POINTER: Final = re.compile(
    r"WETALK:TRADE([1-9][0-9]{0,2})/([A-Z2-7]{52})/([A-Z2-7]{52})/([A-Z2-7]{52})"
)


def split(data: bytes, kind: str, part_max_chars: int) -> list[str]:
    """The parts of `data`, at most PARTS_DATA_MAX_BYTES, in order; each has at most
    `part_max_chars` characters. `kind` says what the bytes are: 1 to 16 letters a..z.

    ValueError where that is too much for PARTS_MAX_COUNT parts of this length.
    """
    if _KIND.fullmatch(kind) is None or len(data) > limits.PARTS_DATA_MAX_BYTES:
        raise ValueError("no such kind, or too many bytes")
    packed = _pack(data)
    count = _count(len(packed), kind, min(part_max_chars, limits.PART_MAX_CHARACTERS))
    mark = _mark(kind, count, packed)
    return [
        _text(_head(kind, number, count, mark), packed[slice(*_cut(len(packed), number, count))])
        for number in range(1, count + 1)
    ]


def _count(size: int, kind: str, part_max_chars: int) -> int:
    """The smallest count of parts that hold so many bytes."""
    for count in range(1, limits.PARTS_MAX_COUNT + 1):
        head = _head(kind, count, count, bytes(_MARK_BYTES))
        room = (part_max_chars - len(head)) * 5 // 8 - _CHECK_BYTES
        if room * count >= size:
            return count
    raise ValueError("does not fit into so many parts of this length")


def is_part(text: str) -> bool:
    """Whether a text claims to be a part, whatever is in it."""
    return text.strip(BLANKS).startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class _Part:
    kind: str
    number: int
    count: int
    mark: bytes
    piece: bytes

    @property
    def set(self) -> tuple[str, int, bytes]:
        return self.kind, self.count, self.mark


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a node can look a committed trade up: three ids of 32 bytes. It proves nothing."""

    community: bytes
    trade: bytes
    commit: bytes


def point(pointer: Pointer) -> str:
    """The text of a pointer."""
    ids = (pointer.community, pointer.trade, pointer.commit)
    return "/".join((POINTER, *map(_encode32, ids)))


def is_pointer(text: str) -> bool:
    """Whether a text claims to be a pointer, whatever is in it."""
    return text.strip(BLANKS).startswith(POINTER_PREFIX)


def read_pointer(text: str) -> Pointer:
    """Read a pointer, blanks around it or not. Raises RemoteFault `encoding`, `version`."""
    found = _POINTER.fullmatch(text.strip(BLANKS))
    if found is None:
        raise RemoteFault(Reject.ENCODING, "no pointer")
    if int(found[1]) != VERSION:
        raise RemoteFault(Reject.VERSION, "pointer")
    return Pointer(*(_decode32(found[n]) for n in (2, 3, 4)))


class Joiner:
    """Gathers the parts of one set, in any order and as often as they come."""

    def __init__(self) -> None:
        self._set: tuple[str, int, bytes] | None = None
        self._pieces: dict[int, bytes] = {}

    def add(self, text: str) -> None:
        """Take in a part; one that is there already changes nothing, nor does one that is refused.

        Raises RemoteFault: `size`, `encoding` (no part, or read wrongly), `version`, `shape`,
        `other-set`.
        """
        part = _parse(text)
        held = self._pieces.get(part.number, part.piece)
        if self._set not in (None, part.set) or held != part.piece:
            raise RemoteFault(Reject.OTHER_SET, "part")
        self._set = part.set
        self._pieces[part.number] = part.piece

    @property
    def have(self) -> int:
        """How many different parts are there."""
        return len(self._pieces)

    @property
    def total(self) -> int:
        """How many the set has; 0 before the first part."""
        return 0 if self._set is None else self._set[1]

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the parts still to come, ascending; empty before the first part."""
        return tuple(n for n in range(1, self.total + 1) if n not in self._pieces)

    def result(self) -> tuple[str, bytes] | None:
        """Kind and bytes, once no part is missing.

        Raises RemoteFault `encoding`, `size`: only for a set that nobody's program made.
        """
        if self._set is None or self.missing:
            return None
        kind, count, mark = self._set
        packed = b"".join(self._pieces[number] for number in range(1, count + 1))
        if _mark(kind, count, packed) != mark or any(
            len(piece) != _length(len(packed), number, count)
            for number, piece in self._pieces.items()
        ):
            raise RemoteFault(Reject.ENCODING, "the parts do not fit together")
        return kind, _unpack(packed)


def _parse(text: str) -> _Part:
    text = text.strip(BLANKS)
    if len(text) > limits.PART_MAX_CHARACTERS:
        raise RemoteFault(Reject.SIZE, "part")
    found = _PART.fullmatch(text)
    if found is None:
        raise RemoteFault(Reject.ENCODING, "no part")
    version, number, count = int(found[1]), int(found[3]), int(found[4])
    if version != VERSION:
        raise RemoteFault(Reject.VERSION, "part")
    if number > count:
        raise RemoteFault(Reject.SHAPE, "number")
    checked = _decode32(found[6])
    head, piece, check = text[: found.start(6)], checked[:-_CHECK_BYTES], checked[-_CHECK_BYTES:]
    if _check(head, piece) != check:
        raise RemoteFault(Reject.ENCODING, "read wrongly")
    return _Part(found[2].lower(), number, count, _decode32(found[5]), piece)


def _head(kind: str, number: int, count: int, mark: bytes) -> str:
    return f"{PREFIX}{VERSION}/{kind.upper()}/{number}/{count}/{_encode32(mark)}/"


def _text(head: str, piece: bytes) -> str:
    return head + _encode32(piece + _check(head, piece))


def _check(head: str, piece: bytes) -> bytes:
    return crypto.sha256(crypto.WORD_PART, head.encode(), piece)[:_CHECK_BYTES]


def _mark(kind: str, count: int, packed: bytes) -> bytes:
    head = f"{kind.upper()}/{count}/".encode()
    return crypto.sha256(crypto.WORD_PARTS, head, packed)[:_MARK_BYTES]


def _cut(size: int, number: int, count: int) -> tuple[int, int]:
    """Where part `number` (from 1) of `count` starts and ends."""
    return (number - 1) * size // count, number * size // count


def _length(size: int, number: int, count: int) -> int:
    start, end = _cut(size, number, count)
    return end - start


def _pack(data: bytes) -> bytes:
    packed = zlib.compress(data, _LEVEL)
    return _ZLIB + packed if len(packed) < len(data) else _PLAIN + data


def _unpack(packed: bytes) -> bytes:
    way, content = packed[:1], packed[1:]
    largest = limits.PARTS_DATA_MAX_BYTES
    if way == _ZLIB:
        inflater = zlib.decompressobj()
        try:
            content = inflater.decompress(content, largest + 1)
        except zlib.error as error:
            raise RemoteFault(Reject.ENCODING, str(error)) from None
        if len(content) <= largest and (not inflater.eof or inflater.unused_data):
            raise RemoteFault(Reject.ENCODING, "packed bytes are cut, or something follows them")
    elif way != _PLAIN:
        raise RemoteFault(Reject.ENCODING, "packed in an unknown way")
    if len(content) > largest:
        raise RemoteFault(Reject.SIZE, "unpacked")
    return content


def _encode32(data: bytes) -> str:
    return base64.b32encode(data).rstrip(b"=").decode()


def _decode32(text: str) -> bytes:
    """Base32 without padding, in the one form of its bytes."""
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise RemoteFault(Reject.ENCODING, "base32") from None
    if _encode32(data) != text:
        raise RemoteFault(Reject.ENCODING, "base32 is not canonical")
    return data
