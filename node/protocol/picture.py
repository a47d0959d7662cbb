"""What the first bytes of a picture say: its kind, and how many pixels it has.

Rules: bytes of strangers are looked at and never decoded. Only JPEG, PNG and WebP that hold still
are pictures; a header that is cut, odd or moving makes bytes none. Work is bounded by the bytes.
"""

from typing import NamedTuple

from node.protocol.market import Media, PictureFile

JPEG_START = b"\xff\xd8\xff"
PNG_START = b"\x89PNG\r\n\x1a\n"
WEBP_ANIMATED = 0x02
# SOF0 to SOF15 say the size of the frame; DHT, JPG and DAC lie among their numbers.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_JPEG_SCAN = 0xDA


class Look(NamedTuple):
    """Kind and size in pixels."""

    media: Media
    width: int
    height: int


def look(data: bytes) -> Look | None:
    """What these bytes are; None where they are no picture that may be shown."""
    if data.startswith(JPEG_START):
        found = _jpeg(data)
    elif data.startswith(PNG_START):
        found = _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = _webp(data)
    else:
        return None
    return found if found is not None and found.width and found.height else None


def is_stated(data: bytes, file: PictureFile) -> bool:
    """True iff bytes, whose hash is right, are what a listing says of them."""
    found = look(data)
    return len(data) == file.size and found == (file.media, file.width, file.height)


def _big(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "big")


def _little(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "little")


def _jpeg(data: bytes) -> Look | None:
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            place += 1
            continue
        if marker in _JPEG_ALONE:
            place += 2
            continue
        length = _big(data, place + 2, 2)
        if length < 2 or marker == _JPEG_SCAN or place + 2 + length > len(data):
            return None
        if marker in _JPEG_FRAMES:
            if length < 8:
                return None
            return Look("image/jpeg", _big(data, place + 7, 2), _big(data, place + 5, 2))
        place += 2 + length
    return None


def _png(data: bytes) -> Look | None:
    if data[12:16] != b"IHDR" or _big(data, 8, 4) != 13:
        return None
    width, height = _big(data, 16, 4), _big(data, 20, 4)
    place = len(PNG_START)
    while place + 12 <= len(data):
        kind = data[place + 4 : place + 8]
        if kind == b"IDAT":
            return Look("image/png", width, height)
        if kind == b"acTL":  # an animation
            return None
        place += 12 + _big(data, place, 4)
    return None


def _webp(data: bytes) -> Look | None:
    if _little(data, 4, 4) + 8 != len(data) or len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & WEBP_ANIMATED:
            return None
        return Look("image/webp", 1 + _little(data, 24, 3), 1 + _little(data, 27, 3))
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = _little(data, 21, 4)
        return Look("image/webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return Look("image/webp", _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    return None
