"""The fonts of a PDF: whole letters of ours are nowhere, so they are taken where they are.

Rules: a font of this computer that has the letters and may be embedded is embedded, cut down to the
letters used; then the paper looks the same everywhere. Without one, letters come from fonts that
every reader of PDF brings (Helvetica, and Adobe's for Korean and Chinese). Either way the text can
be searched and copied. A letter that no font has is shown as a box.

Left to others: where lines break.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# fontTools builds its tables while it reads.

import io
import logging
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import pydyf

log = logging.getLogger("fontTools.subset")

EM: Final = 1000
ASCII: Final = range(32, 127)
# Adobe's metrics of Helvetica, from the space to the tilde.
HELVETICA: Final = [
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *[556] * 10,
    *(278, 278, 584, 584, 584, 556, 1015),
    *(667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722),
    *(667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333),
    *(556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333),
    *(500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
]
UNKNOWN: Final = "□"  # both Adobe's fonts have it
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ko": ("NotoSansCJK", "NotoSansKR", "NotoSansCJKkr", "NanumGothic", "AppleSDGothicNeo",
           "NanumBarunGothic", "UnDotum", "Baekmuk"),
    "zh": ("NotoSansCJK", "NotoSansSC", "NotoSansCJKsc", "SourceHanSansSC", "PingFang", "Hiragino",
           "wqy-microhei", "wqy-zenhei", "DroidSansFallback"),
}  # fmt: skip
REGULAR: Final = ("", "-Regular", "Full", "Sans GB", "[wght]", "-VF")
ENDINGS: Final = (".ttc", ".otf", ".ttf", ".otc")
OF_LANGUAGE: Final = {"ko": ("KR", "Korean", "Neo"), "zh": ("SC", "GB", "Simplified")}
FONT_MAX_BYTES: Final = 67_108_864
RESTRICTED: Final = 0x0002  # fsType: may not be embedded
NO_SUBSET: Final = 0x0100
BITMAP_ONLY: Final = 0x0200


class Face(Protocol):
    """A font in a document. First every text is announced, then the font is written, then texts
    are encoded: only a font that is finished knows its codes."""

    name: str

    def has(self, letter: str) -> bool:
        """Whether it shows this letter."""
        ...

    def width(self, letter: str) -> float:
        """Of a letter, in thousandths of the size."""
        ...

    def use(self, text: str) -> None:
        """Announce a text."""
        ...

    def finish(self, pdf: pydyf.PDF) -> bytes:
        """Write the font into the document; its reference."""
        ...

    def encode(self, text: str) -> bytes:
        """Announced text as the bytes of the document."""
        ...


class Builtin:
    """Helvetica, which every reader has: Latin letters."""

    name = "F0"

    def has(self, letter: str) -> bool:
        return ord(_base(letter)) in ASCII and _latin(letter) is not None

    def width(self, letter: str) -> float:
        return HELVETICA[ord(_base(letter)) - ASCII.start]

    def use(self, text: str) -> None:
        del text

    def encode(self, text: str) -> bytes:
        return text.encode("cp1252")

    def finish(self, pdf: pydyf.PDF) -> bytes:
        return _added(
            pdf,
            {
                "Type": "/Font",
                "Subtype": "/Type1",
                "BaseFont": "/Helvetica",
                "Encoding": "/WinAnsiEncoding",
            },
        )


def _latin(letter: str) -> bytes | None:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return None


def _base(letter: str) -> str:
    """The letter without its accent: both have one width."""
    return unicodedata.normalize("NFD", letter)[0]


class Supplied:
    """A font that readers of PDF supply for one script. Its letters are squares."""

    def __init__(self, name: str, font: str, ordering: str, cmap: str, codec: str) -> None:
        """`codec`: one of Python's, which has the letters that the font has."""
        self.name, self._font, self._ordering, self._cmap = name, font, ordering, cmap
        self._codec = codec
        self._used: set[str] = set()

    def has(self, letter: str) -> bool:
        try:
            letter.encode(self._codec)
        except UnicodeEncodeError:
            return False
        return len(letter.encode("utf-16-be")) == 2

    def width(self, letter: str) -> float:
        del letter
        return EM

    def use(self, text: str) -> None:
        self._used.update(text)

    def encode(self, text: str) -> bytes:
        return text.encode("utf-16-be")

    def finish(self, pdf: pydyf.PDF) -> bytes:
        descriptor = {
            "Type": "/FontDescriptor",
            "FontName": f"/{self._font}",
            "Flags": 4,
            "FontBBox": pydyf.Array([0, -200, EM, 900]),
            "ItalicAngle": 0,
            "Ascent": 880,
            "Descent": -120,
            "CapHeight": 880,
            "StemV": 90,
        }
        descendant = {
            "Type": "/Font",
            "Subtype": "/CIDFontType0",
            "BaseFont": f"/{self._font}",
            "CIDSystemInfo": _system(self._ordering, 2),
            "DW": EM,
            "FontDescriptor": _added(pdf, descriptor),
        }
        codes = {letter.encode("utf-16-be"): letter for letter in self._used}
        return _composite(pdf, self._font, f"/{self._cmap}", descendant, codes)


class Embedded:
    """A font of this computer, cut down to the letters used."""

    def __init__(self, name: str, font: Any) -> None:
        """`font`: a fontTools TTFont, which is used up."""
        self.name = name
        self._font = font
        self._cmap: dict[int, str] = font.getBestCmap() or {}
        self._widths = font["hmtx"].metrics
        self._scale = EM / font["head"].unitsPerEm
        self._used: set[str] = set()
        self._codes: dict[str, int] = {}

    def has(self, letter: str) -> bool:
        return ord(letter) in self._cmap

    def width(self, letter: str) -> float:
        return self._widths[self._cmap[ord(letter)]][0] * self._scale

    def use(self, text: str) -> None:
        self._used.update(text)

    def encode(self, text: str) -> bytes:
        return b"".join(self._codes[letter].to_bytes(2, "big") for letter in text)

    def finish(self, pdf: pydyf.PDF) -> bytes:
        widths = {letter: round(self.width(letter)) for letter in self._used}
        outlines = "CFF " in self._font
        self._cut()
        base = f"WETALK+Letters{self.name}"
        kind = {"Subtype": "/CIDFontType0C"} if outlines else None
        file = pydyf.Stream([self._bytes(outlines)], kind, compress=True)
        pdf.add_object(file)
        by_code = sorted((self._codes[letter], width) for letter, width in widths.items())
        descendant = {
            "Type": "/Font",
            "Subtype": "/CIDFontType0" if outlines else "/CIDFontType2",
            "BaseFont": f"/{base}",
            "CIDSystemInfo": _system("Identity", 0),
            "DW": EM,
            "W": pydyf.Array([part for code, w in by_code for part in (code, pydyf.Array([w]))]),
            "FontDescriptor": _added(pdf, self._descriptor(base, file, outlines)),
        }
        if not outlines:
            descendant["CIDToGIDMap"] = "/Identity"
        codes = {self.encode(letter): letter for letter in self._used}
        return _composite(pdf, base, "/Identity-H", descendant, codes)

    def _cut(self) -> None:
        """Keep the letters used alone, and learn their codes: a font whose outlines are of CFF
        with CIDs goes by those, any other by the numbers of its glyphs."""
        from fontTools import subset

        options = subset.Options(layout_features=[], name_IDs=[], hinting=False)
        options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "DSIG"]
        log.setLevel(logging.ERROR)  # it tells of every table that it leaves out
        cutter = subset.Subsetter(options)
        cutter.populate(text="".join(self._used))
        font = self._font
        cutter.subset(font)
        cids = "CFF " in font and hasattr(font["CFF "].cff.topDictIndex[0], "ROS")
        for letter in self._used:
            glyph = self._cmap[ord(letter)]
            is_cid = cids and glyph.startswith("cid")
            self._codes[letter] = int(glyph[3:]) if is_cid else font.getGlyphID(glyph)

    def _bytes(self, outlines: bool) -> bytes:
        """The font's file; of one with CFF outlines that table alone, which all readers take."""
        from fontTools.ttLib import TTFont

        data = io.BytesIO()
        self._font.save(data)
        if not outlines:
            return data.getvalue()
        reader = TTFont(io.BytesIO(data.getvalue()), lazy=True).reader
        assert reader is not None
        return reader["CFF "]

    def _descriptor(self, base: str, file: pydyf.Stream, outlines: bool) -> dict[str, Any]:
        head, hhea = self._font["head"], self._font["hhea"]
        box = [round(value * self._scale) for value in (head.xMin, head.yMin, head.xMax, head.yMax)]
        return {
            "Type": "/FontDescriptor",
            "FontName": f"/{base}",
            "Flags": 4,
            "ItalicAngle": 0,
            "FontBBox": pydyf.Array(box),
            "StemV": 80,
            "Ascent": round(hhea.ascent * self._scale),
            "Descent": round(hhea.descent * self._scale),
            "CapHeight": round(hhea.ascent * self._scale),
            "FontFile3" if outlines else "FontFile2": file.reference,
        }


def _system(ordering: str, supplement: int) -> pydyf.Dictionary:
    return pydyf.Dictionary(
        {
            "Registry": pydyf.String("Adobe"),
            "Ordering": pydyf.String(ordering),
            "Supplement": supplement,
        }
    )


def _added(pdf: pydyf.PDF, values: dict[str, Any]) -> bytes:
    found = pydyf.Dictionary(values)
    pdf.add_object(found)
    return found.reference


def _composite(
    pdf: pydyf.PDF, base: str, encoding: str, descendant: dict[str, Any], codes: dict[bytes, str]
) -> bytes:
    """A font of codes of two bytes, with what each means to somebody who copies the text."""
    meaning = pydyf.Stream([_unicode_map(codes)], compress=True)
    pdf.add_object(meaning)
    return _added(
        pdf,
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": f"/{base}",
            "Encoding": encoding,
            "DescendantFonts": pydyf.Array([_added(pdf, descendant)]),
            "ToUnicode": meaning.reference,
        },
    )


def _unicode_map(codes: dict[bytes, str]) -> bytes:
    """A character map (ISO 32000, 9.10.3), in portions of a hundred lines."""
    lines = [
        f"<{code.hex()}><{text.encode('utf-16-be').hex()}>" for code, text in sorted(codes.items())
    ]
    portions = [lines[at : at + 100] for at in range(0, len(lines), 100)]
    sizes = sorted({len(code) for code in codes} | {2})
    body = "\n".join(f"{len(one)} beginbfchar\n{chr(10).join(one)}\nendbfchar" for one in portions)
    spaces = "".join(f"<{'00' * size}><{'ff' * size}>" for size in sizes)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
        "/CMapName/WeTalk def/CMapType 2 def\n"
        f"{len(sizes)} begincodespacerange{spaces}endcodespacerange\n"
        f"{body}\nendcmap CMapName currentdict/CMap defineresource pop end end"
    ).encode()


# --- finding --------------------------------------------------------------------------------------
class Faces:
    """The fonts of one document, best first."""

    def __init__(self, language: str, own: Sequence[Any] | None = None) -> None:
        """`own`: fonts of this computer to embed (fontTools); None looks for them."""
        fonts = list(found_fonts(language)) if own is None else own
        faces: list[Face] = [Embedded(f"E{n}", font) for n, font in enumerate(fonts)]
        supplied: list[Face] = [
            Supplied("K", "HYGothic-Medium", "Korea1", "UniKS-UTF16-H", "cp949"),
            Supplied("C", "STSong-Light", "GB1", "UniGB-UTF16-H", "gbk"),
        ]
        if language == "zh":
            supplied.reverse()
        self.all: list[Face] = [*faces, Builtin(), *supplied]

    def runs(self, text: str) -> Iterator[tuple[Face, str]]:
        """Text in pieces of one font each."""
        face, piece = None, ""
        for letter in text:
            other = self.of(letter)
            letter = letter if other.has(letter) else UNKNOWN
            if other is not face and face is not None:
                yield face, piece
                piece = ""
            face, piece = other, piece + letter
        if face is not None:
            yield face, piece

    def of(self, letter: str) -> Face:
        """The font of a letter, or of the box that stands for it."""
        return next((face for face in self.all if face.has(letter)), self.all[-1])

    def width(self, text: str) -> float:
        """Of a text, in thousandths of the size."""
        return sum(self.of(letter).width(letter) for letter in text)


def found_fonts(language: str) -> Iterator[Any]:
    """Fonts of this computer for our letters that may be embedded: the language's own first."""
    order = ["zh", "ko"] if language == "zh" else ["ko", "zh"]
    paths = _font_files(_folders())
    taken: set[Path] = set()
    for wanted in order:
        for name in NAMES[wanted]:
            path = next((paths[name + rest] for rest in REGULAR if name + rest in paths), None)
            font = None if path is None or path in taken else _opened(path, order[0])
            if font is not None and path is not None:
                taken.add(path)
                yield font
                break


def _folders() -> tuple[Path, ...]:
    home = Path.home()
    if sys.platform == "darwin":
        found = [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    else:
        data = os.environ.get("XDG_DATA_HOME") or home / ".local/share"
        found = [Path(data) / "fonts", home / ".fonts"]
        found += [Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]
    return tuple(found)


@cache
def _font_files(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Font files by name without ending; looked for once a process."""
    return {
        path.stem: path
        for folder in reversed(folders)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS
    }


def _opened(path: Path, language: str) -> Any | None:
    """The font in a file; of a collection, the one for the language. None where it may not be
    embedded, or cannot be read."""
    from fontTools.ttLib import TTCollection, TTFont, TTLibError

    try:
        if path.stat().st_size > FONT_MAX_BYTES:
            return None
        if path.suffix.lower() in (".ttc", ".otc"):
            fonts = TTCollection(path, lazy=True).fonts
            words = OF_LANGUAGE[language]
            font = next((one for one in fonts if _named(one, words)), fonts[0])
        else:
            font = TTFont(path, lazy=True)
        return font if may_embed(font) and {"hmtx", "head", "hhea"} <= set(font.keys()) else None
    except (OSError, TTLibError, KeyError, AssertionError):
        return None


def _named(font: Any, words: tuple[str, ...]) -> bool:
    name = font["name"].getDebugName(4) or ""
    return any(word in name for word in words) and "Mono" not in name


def may_embed(font: Any) -> bool:
    """What the font's makers allow (OpenType, OS/2, fsType)."""
    allowed = font["OS/2"].fsType if "OS/2" in font else 0
    return allowed & 0xF != RESTRICTED and not allowed & (NO_SUBSET | BITMAP_ONLY)
