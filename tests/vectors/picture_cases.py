"""Vectors of pictures: what the header of a file says, and bytes that are no picture."""

from typing import Any
from zlib import crc32

from tests.vectors.kind_cases import packed

Case = dict[str, Any]
JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"


def segment(marker: int, inside: bytes) -> bytes:
    """A segment of a JPEG with its length."""
    return bytes((0xFF, marker)) + (len(inside) + 2).to_bytes(2, "big") + inside


def jpeg(width: int, height: int, *before: bytes, frame: int = 0xC0) -> bytes:
    """The start of a JPEG."""
    size = b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + b"".join(before) + segment(frame, size) + segment(0xDA, bytes(6))


def chunk(kind: bytes, inside: bytes) -> bytes:
    """A chunk of a PNG."""
    return len(inside).to_bytes(4, "big") + kind + inside + crc32(kind + inside).to_bytes(4, "big")


def png(width: int, height: int, *between: bytes) -> bytes:
    """The start of a PNG."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    parts = [chunk(b"IHDR", size), *between, chunk(b"IDAT", b"\0")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def webp(kind: bytes, inside: bytes) -> bytes:
    """A WebP of one chunk."""
    body = b"WEBP" + kind + len(inside).to_bytes(4, "little") + inside
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def extended(width: int, height: int, flags: int = 0) -> bytes:
    """A WebP of the extended form."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", bytes((flags, 0, 0, 0)) + sides)


def lossy(width: int, height: int) -> bytes:
    """A lossy WebP; the two highest bits of a side ask for scaling and do not count."""
    sides = (width | 0x4000).to_bytes(2, "little") + height.to_bytes(2, "little")
    return webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a" + sides)


def lossless(width: int, height: int) -> bytes:
    """A lossless WebP."""
    bits = (width - 1) | (height - 1) << 14
    return webp(b"VP8L", b"\x2f" + bits.to_bytes(4, "little") + bytes(5))


def cases() -> list[Case]:
    """Files that are pictures, and files that are none."""
    exif = segment(0xE1, b"Exif\0\0")
    good = [
        ("JPEG", jpeg(1280, 960), JPEG, 1280, 960),
        (
            "JPEG with segments before",
            jpeg(3, 65_535, segment(0xE0, b"JFIF"), exif),
            JPEG,
            3,
            65_535,
        ),
        ("JPEG with fill bytes", jpeg(5, 4, b"\xff\xff\xff"), JPEG, 5, 4),
        ("JPEG with a marker alone", jpeg(5, 4, b"\xff\x01\xff\xd0"), JPEG, 5, 4),
        ("JPEG with tables before", jpeg(5, 4, segment(0xC4, b"\0")), JPEG, 5, 4),
        ("progressive JPEG", jpeg(7, 8, frame=0xC2), JPEG, 7, 8),
        ("PNG", png(1280, 1), PNG, 1280, 1),
        ("PNG of 30,000 pixels a side", png(30_000, 30_000), PNG, 30_000, 30_000),
        ("PNG with a colour profile", png(2, 2, chunk(b"iCCP", bytes(9))), PNG, 2, 2),
        (
            "PNG with an animation behind its picture",
            png(2, 2) + chunk(b"acTL", bytes(8)),
            PNG,
            2,
            2,
        ),
        ("WebP, lossy", lossy(1280, 720), WEBP, 1280, 720),
        ("WebP, lossless", lossless(16_384, 2), WEBP, 16_384, 2),
        ("WebP, extended", extended(1280, 1280, 0x20), WEBP, 1280, 1280),
    ]
    bad = [
        ("nothing", b""),
        ("text", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("GIF", b"GIF89a\1\0\1\0"),
        ("JPEG without a frame", b"\xff\xd8" + exif + segment(0xDA, bytes(6))),
        ("JPEG that ends behind a segment", b"\xff\xd8" + exif),
        ("JPEG of height 0", jpeg(5, 0)),
        ("JPEG, a segment cut", jpeg(5, 4)[:10]),
        ("JPEG, a length of 1", b"\xff\xd8\xff\xe0\0\1"),
        ("JPEG, a short frame", b"\xff\xd8" + segment(0xC0, b"\x08\0\1")),
        ("JPEG, no marker", b"\xff\xd8\xff\xe0\0\2\0\0" + bytes(9)),
        ("PNG of width 0", png(0, 5)),
        ("PNG that moves", png(2, 2, chunk(b"acTL", bytes(8)))),
        ("PNG without a picture", png(2, 2)[: -13 - 4]),
        ("PNG, another first chunk", b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", bytes(13))),
        ("PNG, an endless chunk", png(2, 2, b"\xff\xff\xff\xfftEXt")),
        ("WebP that moves", extended(2, 2, 0x02)),
        ("WebP, a byte behind", lossy(2, 2) + b"\0"),
        ("WebP of width 0", lossy(0, 2)),
        ("WebP, no first frame", webp(b"VP8 ", bytes(12))),
        ("WebP, another chunk", webp(b"ALPH", bytes(12))),
    ]
    return [
        *(
            {"name": name, "bytes": packed(data), "expect": "ok", "media": media, "width": width,
             "height": height}
            for name, data, media, width, height in good
        ),
        *({"name": name, "bytes": packed(data), "expect": "invalid"} for name, data in bad),
    ]  # fmt: skip
