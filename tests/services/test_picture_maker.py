"""Photos made fit: nothing but pixels is left, and no photo hurts the node."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw

from node.protocol.errors import LocalFault
from node.protocol.limits import PICTURE_FILE_MAX_BYTES, PICTURE_INPUT_MAX_BYTES
from node.protocol.picture import look
from node.services.photos import child
from node.services.photos.child import Unfit
from node.services.photos.maker import Maker
from tests.vectors.picture_cases import png

RED, WHITE = (200, 30, 20), (255, 255, 255)
TURNED = 0x0112


def written(image: Any, form: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def photo(width: int = 1600, height: int = 1200) -> Any:
    """Red, with a white left half."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height), fill=WHITE)
    return image


def with_places() -> Any:
    exif = Image.Exif()
    exif[0x010F] = "SecretCam"
    exif[TURNED] = 6  # held upright: the left half is the upper one
    exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 33.0, 58.0)})
    return exif


def near(color: Any, other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(color, other, strict=True))


@pytest.mark.trio
async def test_a_photo_loses_place_time_and_camera_and_stands_upright() -> None:
    data = written(photo(), "JPEG", exif=with_places(), comment=b"my street")
    assert b"SecretCam" in data
    made = await Maker().make(data)
    for file, bytes_ in zip((made.large, made.small), made.data, strict=True):
        assert look(bytes_) == (file.media, file.width, file.height)
        assert file.size == len(bytes_)
        for secret in (b"SecretCam", b"Exif", b"EXIF", b"XMP ", b"ICCP", b"my street"):
            assert secret not in bytes_
        shown = Image.open(BytesIO(bytes_)).convert("RGB")
        assert shown.size == (file.width, file.height)
        assert near(shown.getpixel((file.width // 2, file.height // 4)), WHITE)
        assert near(shown.getpixel((file.width // 2, 3 * file.height // 4)), RED)
    assert (made.large.width, made.large.height) == (960, 1280)
    assert (made.small.width, made.small.height) == (240, 320)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_every_kind_of_colours_becomes_a_picture(form: str, mode: str) -> None:
    image = Image.new(mode, (700, 500))
    try:
        data = written(image, form)
    except (OSError, ValueError):
        return  # there is no such file
    for made in child.make(data):
        found = look(made)
        assert found is not None
        assert found.media == "image/webp"
    large = Image.open(BytesIO(child.make(data)[0]))
    assert large.size == (700, 500)  # never made larger


def test_what_shows_through_becomes_white() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    large = Image.open(BytesIO(child.make(written(image, "PNG"))[0])).convert("RGB")
    assert near(large.getpixel((20, 20)), WHITE)


def test_a_profile_is_applied_and_dropped_and_an_odd_one_is_passed_over() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for inside in (profile, b"no profile at all"):
        data = written(photo(64, 64), "PNG", icc_profile=inside)
        large = child.make(data)[0]
        assert b"ICCP" not in large
        assert near(Image.open(BytesIO(large)).convert("RGB").getpixel((60, 30)), RED)


def test_noise_that_does_not_pack_still_fits() -> None:
    noise = Image.effect_noise((800, 800), 120)
    large, small = child.make(written(noise, "PNG"))
    assert len(large) <= PICTURE_FILE_MAX_BYTES
    assert len(small) <= 32_768


def test_a_picture_that_is_a_line_keeps_a_pixel() -> None:
    large, small = child.make(written(Image.new("RGB", (9_000, 2)), "PNG"))
    for made in (large, small):
        found = look(made)
        assert found is not None
        assert found.height >= 1


def test_a_second_picture_in_a_cameras_file_is_no_animation() -> None:
    data = written(photo(64, 48), "MPO", save_all=True, append_images=[photo(64, 48)])
    assert look(child.make(data)[0]) == ("image/webp", 64, 48)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (written(photo(8, 8), "PNG", save_all=True, append_images=[photo(8, 9)]), "picture-moving"),
        (written(photo(8, 8), "WEBP", save_all=True, append_images=[photo(8, 8).rotate(90)]),
         "picture-moving"),
        (written(photo(8, 8), "GIF"), "picture-format"),
        (written(photo(8, 8), "TIFF"), "picture-format"),
        (written(photo(64, 64), "JPEG")[:300], "picture-format"),
        (b"\xff\xd8\xff" + bytes(300), "picture-format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture-format"),
        (b"", "picture-format"),
        (png(30_000, 30_000), "picture-too-large"),
        (png(2**31 - 1, 2**31 - 1), "picture-too-large"),
        (png(8_000, 8_000), "picture-too-large"),
        (bytes(PICTURE_INPUT_MAX_BYTES + 1), "picture-too-large"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_what_is_no_still_picture_of_bearable_size_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Unfit) as refused:
        child.make(data)
    assert str(refused.value) == code


@pytest.mark.trio
async def test_a_bomb_costs_nothing_but_its_process() -> None:
    """900 million pixels, as its header says."""
    maker = Maker()
    with pytest.raises(LocalFault) as refused:
        await maker.make(png(30_000, 30_000))
    assert refused.value.code == "picture-too-large"
    made = await maker.make(written(photo(), "PNG"))  # the next one is none the worse
    assert made.large.width == 1280


@pytest.mark.trio
@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import sys\nwhile True: sys.stdout.buffer.write(bytes(65536))",
        "print('junk')",
        "import os; os.abort()",
        "import sys, msgspec; sys.stdout.buffer.write(msgspec.msgpack.encode(['ok', b'x', b'y']))",
        "import sys, msgspec; sys.stdout.buffer.write(msgspec.msgpack.encode(['odd', b'', b'']))",
    ],
)
async def test_a_process_that_goes_astray_is_ended_and_not_believed(program: str) -> None:
    maker = Maker((sys.executable, "-c", program), most_s=1)
    with pytest.raises(LocalFault) as refused:
        await maker.make(written(photo(8, 8), "PNG"))
    assert refused.value.code == "picture-failed"


def test_the_node_itself_never_loads_a_decoder() -> None:
    """Whatever the node imports, with all routes: the library of pictures is not among it."""
    lines = (
        "import sys, node.runtime.process, node.services.photos.maker\n"
        "sys.exit(any(name.split('.')[0] == 'PIL' for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", lines], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0
