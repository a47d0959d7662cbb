"""Headers of pictures: what is read of them, and that nothing in them crashes or deceives."""

import random
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from node.protocol.crypto import sha256
from node.protocol.market import PictureFile
from node.protocol.picture import is_stated, look
from tests.vectors import load
from tests.vectors.picture_cases import extended, jpeg, lossless, lossy, png

GOOD = [jpeg(3, 2), png(3, 2), lossy(3, 2), lossless(3, 2), extended(3, 2)]


@pytest.mark.parametrize("case", load.cases("pictures"), ids=lambda case: str(case["name"]))
def test_the_vectors(case: dict[str, Any]) -> None:
    found = look(load.data(case["bytes"]))
    if case["expect"] == "ok":
        assert found == (case["media"], case["width"], case["height"])
    else:
        assert found is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"lossless": True}])
def test_what_a_library_writes_is_read(form: str, mode: str, options: dict[str, bool]) -> None:
    if (form, mode) == ("JPEG", "RGBA"):
        mode = "CMYK"
    out = BytesIO()
    Image.new(mode, (211, 97)).save(out, form, **options)
    assert look(out.getvalue()) == (f"image/{form.lower()}", 211, 97)


@given(st.sampled_from(GOOD), st.integers(0, 2**32), st.integers(0, 60))
def test_broken_headers_are_none_or_something_never_an_exception(
    good: bytes, seed: int, cut: int
) -> None:
    dice = random.Random(seed)
    data = bytearray(good[: len(good) - cut])
    for _ in range(dice.randrange(4)):
        if data:
            data[dice.randrange(len(data))] = dice.choice((0, 1, 0x7F, 0xD8, 0xFF))
    found = look(bytes(data))
    assert found is None or (found.width > 0 and found.height > 0)


@given(st.binary(max_size=200))
def test_noise_is_no_picture(data: bytes) -> None:
    assert look(data) is None


def test_only_what_is_stated_counts() -> None:
    data = lossy(1280, 720)
    file = PictureFile(sha256(data), "image/webp", len(data), 1280, 720)
    assert is_stated(data, file)
    for lie in (
        PictureFile(file.hash, "image/png", file.size, 1280, 720),
        PictureFile(file.hash, file.media, file.size + 1, 1280, 720),
        PictureFile(file.hash, file.media, file.size, 720, 1280),
        PictureFile(file.hash, file.media, file.size, 100, 100),
    ):
        assert not is_stated(data, lie)
