"""Fonts of a PDF: found ones are embedded with the letters used alone, where that is allowed."""

import io
from pathlib import Path
from typing import Any

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

from node.services.paper import as_pdf, fonts
from node.services.paper.page import Note, Page
from tests.support import pdf_text

LETTERS = "김치 두통abc中"
PAGE = Page("ko", "김치", "두통", (Note("abc 中 é ♥"),))


def square(pen: Any) -> Any:
    """A glyph that is a square."""
    pen.moveTo((100, 0))
    for point in ((900, 0), (900, 800), (100, 800)):
        pen.lineTo(point)
    pen.closePath()
    return pen


def made(letters: str = LETTERS, *, outlines: bool = False, allowed: int = 0) -> TTFont:
    """A small font of squares, with CFF outlines or TrueType ones."""
    names = [".notdef", *(f"letter{ord(letter):04x}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=not outlines)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"letter{ord(letter):04x}" for letter in letters})
    if outlines:
        drawn = {name: square(T2CharStringPen(1000, None)).getCharString() for name in names}
        builder.setupCFF("Squares", {}, drawn, {})
    else:
        builder.setupGlyf({name: square(TTGlyphPen(None)).glyph() for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Squares KR", "styleName": "Regular"})
    builder.setupOS2(fsType=allowed)
    builder.setupPost()
    data = io.BytesIO()
    builder.save(data)
    return TTFont(io.BytesIO(data.getvalue()))


@pytest.mark.parametrize("outlines", [False, True])
def test_a_found_font_is_embedded_with_the_letters_used_alone(outlines: bool) -> None:
    pdf = as_pdf.render(PAGE, "a4", [made(LETTERS + "가나다라마바사", outlines=outlines)])
    assert pdf_text.words(pdf) == "김치두통abc中é♥"
    assert (b"/FontFile3" in pdf, b"/FontFile2" in pdf) == (outlines, not outlines)
    maps = pdf_text.fonts(pdf)
    assert set(maps["E0"].values()) == set(LETTERS)  # type: ignore[union-attr]
    if not outlines:
        file = next(
            content for content in pdf_text.objects(pdf).values()
            if b"stream" in content and pdf_text.stream(content).startswith(b"\0\1\0\0")
        )  # fmt: skip
        inside = TTFont(io.BytesIO(pdf_text.stream(file)))
        assert set(inside.getBestCmap()) == {ord(letter) for letter in LETTERS}


def test_codes_lead_to_the_glyphs_of_their_letters() -> None:
    """The code of a letter is the number of its glyph in the embedded file."""
    pdf = as_pdf.render(PAGE, "a4", [made()])
    file = next(
        content for content in pdf_text.objects(pdf).values()
        if b"stream" in content and pdf_text.stream(content).startswith(b"\0\1\0\0")
    )  # fmt: skip
    inside = TTFont(io.BytesIO(pdf_text.stream(file)))
    table = pdf_text.fonts(pdf)["E0"]
    assert table is not None
    for code, letter in table.items():
        assert inside.getGlyphID(inside.getBestCmap()[ord(letter)]) == int(code, 16)


def test_letters_that_a_font_lacks_come_from_the_next_and_at_last_are_a_box() -> None:
    page = Page("ko", "김치", "두통", (Note("漢字 abc 🥬"),))
    pdf = as_pdf.render(page, "a4", [made()])
    assert pdf_text.words(pdf) == "김치두통漢字abc□"
    assert b"/HYGothic-Medium" in pdf
    assert b"/Helvetica" not in pdf


@pytest.mark.parametrize("language", ["ko", "zh", "en"])
def test_without_a_font_here_readers_supply_theirs(language: str) -> None:
    note = Note("Rice 1,250.00 é – “quoted”")
    page = Page(language, "김치 白菜", "简体字 한글", (note,))  # type: ignore[arg-type]
    pdf = as_pdf.render(page, "a4", [])
    assert pdf_text.words(pdf) == "김치白菜简体字한글Rice1,250.00é–“quoted”"
    assert b"/FontFile" not in pdf
    first = b"/HYGothic-Medium" if language != "zh" else b"/STSong-Light"
    assert first in pdf


@pytest.mark.parametrize(
    ("allowed", "embedded"),
    [
        (0x0000, True),
        (0x0004, True),
        (0x0008, True),
        (0x0002, False),
        (0x0100, False),
        (0x0200, False),
    ],
)
def test_a_font_is_embedded_only_where_its_makers_allow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int, embedded: bool
) -> None:
    made(allowed=allowed).save(tmp_path / "NanumGothic.ttf")
    monkeypatch.setattr(fonts, "_folders", lambda: (tmp_path,))
    assert bool(list(fonts.found_fonts("ko"))) is embedded


def test_of_a_collection_the_font_of_the_language_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = TTCollection()
    for region in ("JP", "KR", "SC"):
        font = made()
        font["name"].setName(f"Noto Sans CJK {region}", 4, 3, 1, 0x409)
        collection.fonts.append(font)
    collection.save(tmp_path / "NotoSansCJK-Regular.ttc")
    monkeypatch.setattr(fonts, "_folders", lambda: (tmp_path,))
    for language, region in (("ko", "KR"), ("zh", "SC"), ("en", "KR")):
        (found,) = fonts.found_fonts(language)
        assert found["name"].getDebugName(4) == f"Noto Sans CJK {region}"


def test_files_that_are_no_fonts_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NanumGothic.ttf", "NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf"):
        (tmp_path / name).write_bytes(b"no font at all")
    monkeypatch.setattr(fonts, "_folders", lambda: (tmp_path, tmp_path / "missing"))
    assert list(fonts.found_fonts("ko")) == []
    assert pdf_text.words(as_pdf.render(PAGE)) == "김치두통abc中é♥"
