"""A process that makes a member's photo fit for a listing, for its parent: decoders of pictures are
large and old, so they run where a fault costs nothing but the picture.

    standard input: the bytes of a photo
    standard output: an `Answer` in MessagePack, the picture in both sizes

Rules: its memory, time and files are limited before the first byte is decoded. It writes WebP with
nothing of the photo but its pixels: no place, no camera, no time. Turned as the camera was held.
"""

import resource
import sys
import warnings
from io import BytesIO
from typing import Any, Final

import msgspec

from node.protocol.limits import (
    PICTURE_FILE_MAX_BYTES,
    PICTURE_INPUT_MAX_BYTES,
    PICTURE_MAKING_MAX_S,
    PICTURE_MAKING_MEMORY_BYTES,
    PICTURE_PIXELS_MAX_COUNT,
    PICTURE_SIDE_MAX_PIXELS,
    PICTURE_SMALL_MAX_BYTES,
    PICTURE_SMALL_SIDE_PIXELS,
)

FORMATS: Final = ("JPEG", "PNG", "WEBP")
QUALITIES: Final = (82, 70, 55, 40, 25, 10)
PAPER: Final = (255, 255, 255)  # what shows through


OK: Final = "ok"


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """`ok` and the files, or a code and nothing."""

    code: str
    large: bytes
    small: bytes


class Unfit(Exception):
    """A photo that cannot be used; the argument is the code."""


def main() -> None:
    """Read, make, write, end."""
    import PIL.Image  # before the limits: a library may map more than it uses

    PIL.Image.preinit()
    PIL.Image.init()
    _limit()
    data = sys.stdin.buffer.read(PICTURE_INPUT_MAX_BYTES + 1)
    try:
        answer = Answer(OK, *make(data))
    except Unfit as unfit:
        answer = Answer(str(unfit), b"", b"")
    except MemoryError:
        answer = Answer("picture-too-large", b"", b"")
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def _limit() -> None:
    for kind, most in (
        (resource.RLIMIT_AS, PICTURE_MAKING_MEMORY_BYTES),
        (resource.RLIMIT_CPU, PICTURE_MAKING_MAX_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def make(data: bytes) -> tuple[bytes, bytes]:
    """Large and small. Raises Unfit picture-format, picture-moving,
    picture-too-large."""
    from PIL import Image

    if len(data) > PICTURE_INPUT_MAX_BYTES:
        raise Unfit("picture-too-large")
    Image.MAX_IMAGE_PIXELS = PICTURE_PIXELS_MAX_COUNT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the count of pixels is looked at below
            opened = Image.open(BytesIO(data), formats=FORMATS)
        if opened.width * opened.height > PICTURE_PIXELS_MAX_COUNT:
            raise Unfit("picture-too-large")
        # A camera's JPEG may carry a second picture (MPO); the first is the photo.
        if opened.format in ("PNG", "WEBP") and getattr(opened, "is_animated", False):
            raise Unfit("picture-moving")
        photo = _upright(opened)
    except Image.DecompressionBombError:
        raise Unfit("picture-too-large") from None
    except (Unfit, MemoryError):
        raise
    except Exception:  # decoders raise what they please
        raise Unfit("picture-format") from None
    large = _fitted(photo, PICTURE_SIDE_MAX_PIXELS, PICTURE_FILE_MAX_BYTES)
    return large, _fitted(photo, PICTURE_SMALL_SIDE_PIXELS, PICTURE_SMALL_MAX_BYTES)


def _upright(opened: Any) -> Any:
    """The pixels alone, at most twice as many a side as are kept, in sRGB, turned as was meant."""
    from PIL import Image, ImageOps

    room = 2 * PICTURE_SIDE_MAX_PIXELS
    opened.draft("RGB", (room, room))  # a JPEG is decoded at the size that is wanted
    turned = opened.getexif().get(0x0112, 1)
    profile = opened.info.get("icc_profile")
    opened.load()
    photo = opened
    if max(photo.size) > room:
        photo = photo.reduce(max(1, max(photo.size) // room))
    photo = _on_paper(photo)
    if profile:
        photo = _in_srgb(photo, profile)
    if turned != 1:
        photo.getexif()[0x0112] = turned
        photo = ImageOps.exif_transpose(photo)
    plain = Image.new("RGB", photo.size)
    plain.paste(photo)
    return plain


def _on_paper(photo: Any) -> Any:
    from PIL import Image

    if photo.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
        paper = Image.new("RGB", photo.size, PAPER)
        paper.paste(photo, mask=photo.getchannel("A"))
        return paper
    if photo.mode.startswith("I"):  # sixteen bits of grey
        return photo.convert("I").point(_high_byte).convert("L").convert("RGB")
    return photo.convert("RGB")


def _high_byte(grey: Any) -> Any:
    return grey / 256


def _in_srgb(photo: Any, profile: bytes) -> Any:
    """Colours as the camera meant them; where its profile is odd, as they are."""
    import PIL.ImageCms

    cms: Any = PIL.ImageCms  # half of it has no types
    try:
        source = cms.ImageCmsProfile(BytesIO(profile))
        done = cms.profileToProfile(photo, source, cms.createProfile("sRGB"))
    except (cms.PyCMSError, OSError, ValueError):
        return photo
    return done or photo


def _fitted(photo: Any, side: int, most: int) -> bytes:
    """WebP with at most `side` pixels a side in at most `most` bytes."""
    from PIL import Image

    copy = photo.copy()
    while True:
        copy.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            out = BytesIO()
            copy.save(out, "WEBP", quality=quality, method=4)
            if out.tell() <= most:
                return out.getvalue()
        side //= 2  # noise that does not pack
