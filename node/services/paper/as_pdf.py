"""A page as a PDF, on A4 or on the 80 mm paper of a stall's printer.

Rules: all text is text, so that it can be searched, copied and read aloud; QR codes are drawn as
rectangles, sharp at any size. The same page gives the same bytes on the same computer. On a stall's
paper there is one sheet, as long as it needs.

Left to others: fonts (`fonts`). Nothing here is loaded before a PDF is asked for.
"""

# pyright: reportUnknownMemberType=false

import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pydyf

from node.services.paper.fonts import EM, Face, Faces
from node.services.paper.page import Codes, Note, Page, Row, Rows, Table, qr_modules

MM: Final = 72 / 25.4
SMALL, USUAL, TITLE, LEAD = 7.5, 10, 13, 20  # sizes in points
LEADING: Final = 1.45
INK, SOFT = 0.11, 0.36  # greys
CJK: Final = frozenset("WF")  # wide letters, between which a line may break


@dataclass(frozen=True, slots=True)
class Paper:
    """Sizes in points; without a height the sheet is as long as the page."""

    width: float
    height: float | None
    margin: float
    code_width: float  # of a QR code


PAPERS: Final = {
    "a4": Paper(210 * MM, 297 * MM, 15 * MM, 57 * MM),
    "80mm": Paper(80 * MM, None, 5 * MM, 68 * MM),
}


@dataclass(frozen=True, slots=True)
class _Text:
    x: float
    y: float  # from the top of the sheet to the base of the line
    size: float
    grey: float
    face: Face
    text: str


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float  # of the top edge
    width: float
    height: float
    grey: float


@dataclass(slots=True)
class _Sheet:
    marks: list[_Text | _Box] = field(default_factory=list[_Text | _Box])
    end: float = 0.0


def render(page: Page, paper: str = "a4", fonts: Sequence[Any] | None = None) -> bytes:
    """The file. `paper` is one of PAPERS; `fonts` (fontTools) stand in for those found here."""
    faces = Faces(page.language, fonts)
    layout = _Layout(PAPERS[paper], faces)
    layout.page(page)
    return _written(layout, faces, page)


class _Layout:
    """Puts one thing below the other, and begins a sheet where one is full."""

    def __init__(self, paper: Paper, faces: Faces) -> None:
        self.paper = paper
        self.sheets = [_Sheet()]
        self._faces = faces
        self._y = paper.margin
        self._width = paper.width - 2 * paper.margin

    def page(self, page: Page) -> None:
        self._say(page.title, TITLE)
        self._say(page.lead, LEAD)
        for block in page.blocks:
            self._gap(USUAL * 0.6)
            match block:
                case Rows(rows):
                    self._rule()
                    for row in rows:
                        self._row(row)
                case Note(text, strong):
                    self._say(text, USUAL + strong, INK if strong else SOFT)
                case Table():
                    self._table(block)
                case Codes():
                    self._codes(block)

    @property
    def _is_narrow(self) -> bool:
        return self.paper.height is None

    def _room(self, height: float) -> None:
        """Go to a new sheet unless so much fits on this one."""
        limit = self.paper.height
        if limit is not None and self._y + height > limit - self.paper.margin:
            self.sheets.append(_Sheet())
            self._y = self.paper.margin
        self.sheets[-1].end = self._y + height

    def _gap(self, height: float) -> None:
        self._y += height

    def _rule(self) -> None:
        self._room(USUAL)
        self._mark(_Box(self.paper.margin, self._y, self._width, 0.5, 0.8))
        self._gap(USUAL * 0.4)

    def _mark(self, mark: _Text | _Box) -> None:
        self.sheets[-1].marks.append(mark)

    def _say(self, text: str, size: float, grey: float = INK) -> None:
        for line in _lines(self._faces, text, self._width / size):
            self._room(size * LEADING)
            self._put(line, self.paper.margin, size, grey)
            self._y += size * LEADING

    def _put(self, text: str, x: float, size: float, grey: float, row: int = 0) -> None:
        """One line of text; `row` counts lines below the current place."""
        base = self._y + size * (1.1 + row * LEADING)
        for face, piece in self._faces.runs(text):
            face.use(piece)
            self._mark(_Text(x, base, size, grey, face, piece))
            x += sum(map(face.width, piece)) * size / EM

    def _row(self, row: Row) -> None:
        size = SMALL if row.number else USUAL
        if self._is_narrow:
            self._say(row.label, SMALL, SOFT)
            self._say(row.value, size)
            self._gap(2)
            return
        left = min(45 * MM, self._width * 0.3)
        labels = _lines(self._faces, row.label, (left - 6) / USUAL)
        values = _lines(self._faces, row.value, (self._width - left) / size)
        height = max(len(labels) * USUAL, len(values) * size) * LEADING
        self._room(min(height, self._sheet_height))
        for n, line in enumerate(labels):
            self._put(line, self.paper.margin, USUAL, SOFT, n)
        for n, line in enumerate(values):
            self._put(line, self.paper.margin + left, size, INK, n)
        self._y += height

    @property
    def _sheet_height(self) -> float:
        return (self.paper.height or float("inf")) - 2 * self.paper.margin

    def _table(self, table: Table) -> None:
        self._room(USUAL * 5)
        self._say(table.title, USUAL + 1)
        if self._is_narrow:
            for row in table.rows:
                self._rule()
                self._say(" · ".join(cell for cell in row[:-1] if cell), SMALL, SOFT)
                self._say(row[-1], USUAL)
            return
        shares = _shares(len(table.columns))
        self._cells(table.columns, shares, SOFT)
        for cells in table.rows:
            self._cells(cells, shares, INK)

    def _cells(self, cells: Sequence[str], shares: Sequence[float], grey: float) -> None:
        size = USUAL - 1
        widths = [share * self._width for share in shares]
        found = [
            _lines(self._faces, cell, (width - 6) / size)
            for cell, width in zip(cells, widths, strict=True)
        ]
        height = max(map(len, found)) * size * LEADING + 3
        self._room(min(height, self._sheet_height))
        x = self.paper.margin
        for place, (lines, width) in enumerate(zip(found, widths, strict=True)):
            for n, line in enumerate(lines):
                last = place == len(cells) - 1
                indent = width - self._faces.width(line) * size / EM if last else 0
                self._put(line, x + indent, size, grey, n)
            x += width
        self._y += height
        self._mark(_Box(self.paper.margin, self._y - 1.5, self._width, 0.3, 0.85))

    def _codes(self, block: Codes) -> None:
        side, step = self.paper.code_width, self.paper.code_width + 4
        below = SMALL * LEADING + 6
        self._room(USUAL * LEADING + side + below)
        self._say(block.title, USUAL + 1)
        beside = max(1, int((self._width + 4) // step))
        for at in range(0, len(block.codes), beside):
            self._room(side + below)
            for n, (content, caption) in enumerate(block.codes[at : at + beside]):
                x = self.paper.margin + n * step
                self._code(content, x, side)
                indent = (side - self._faces.width(caption) * SMALL / EM) / 2
                self._put(caption, x + indent, SMALL, SOFT, round(side / SMALL / LEADING))
            self._y += side + below

    def _code(self, content: str, x: float, side: float) -> None:
        modules, runs = qr_modules(content)
        one = side / modules
        for left, top, length in runs:
            self._mark(_Box(x + left * one, self._y + top * one, length * one, one, 0))


def _shares(columns: int) -> list[float]:
    """Widths of columns: a day, words between, an amount."""
    between = (1 - 0.16 - 0.2) / max(1, columns - 2)
    return [0.16, *[between] * (columns - 2), 0.2]


def _lines(faces: Faces, text: str, width: float) -> list[str]:
    """Text broken into lines at most `width` sizes wide; an empty text is one empty line."""
    room, lines, line, used = width * EM, list[str](), "", 0.0
    for word in _words(text):
        wide = faces.width(word)
        if used + faces.width(word.rstrip()) > room and line:
            lines.append(line.rstrip())
            line, used = "", 0.0
        if wide > room:  # longer than a line: broken anywhere
            for letter in word:
                if used + faces.width(letter) > room and line:
                    lines.append(line)
                    line, used = "", 0.0
                line, used = line + letter, used + faces.width(letter)
        elif line or word.strip():
            line, used = line + word, used + wide
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _words(text: str) -> Iterator[str]:
    """Pieces that stay together: Korean and Latin words, single letters of Chinese."""
    word = ""
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in CJK and not "가" <= letter <= "힣"
        if wide and word:
            yield word
            word = ""
        word += letter
        if wide or letter == " ":
            yield word
            word = ""
    if word:
        yield word


# --- writing --------------------------------------------------------------------------------------
def _written(layout: _Layout, faces: Faces, page: Page) -> bytes:
    pdf = pydyf.PDF()
    used = {mark.face.name for sheet in layout.sheets for mark in _texts(sheet)}
    fonts = {face.name: face.finish(pdf) for face in faces.all if face.name in used}
    named = pydyf.Dictionary(fonts)
    pdf.add_object(named)
    for sheet in layout.sheets:
        height = layout.paper.height or sheet.end + layout.paper.margin
        content = pydyf.Stream(list(_drawn(sheet, height)), compress=True)
        pdf.add_object(content)
        values = {
            "Type": "/Page",
            "Parent": pdf.pages.reference,
            "Contents": content.reference,
            "MediaBox": pydyf.Array([0, 0, round(layout.paper.width, 2), round(height, 2)]),
            "Resources": pydyf.Dictionary({"Font": named.reference}),
        }
        pdf.add_page(pydyf.Dictionary(values))
    pdf.info["Title"] = pydyf.String(page.title)
    pdf.info["Producer"] = pydyf.String("WeTalk")
    pdf.catalog["Lang"] = pydyf.String(page.language)
    out = io.BytesIO()
    pdf.write(out, version=b"1.7")
    return out.getvalue()


def _texts(sheet: _Sheet) -> Iterator[_Text]:
    return (mark for mark in sheet.marks if isinstance(mark, _Text))


def _drawn(sheet: _Sheet, height: float) -> Iterator[bytes]:
    """The marks as operators; PDF counts from the bottom."""
    for mark in sheet.marks:
        if isinstance(mark, _Box):
            y = height - mark.y - mark.height
            box = f"{mark.x:.2f} {y:.2f} {mark.width:.2f} {mark.height:.2f}"
            yield f"{mark.grey} g {box} re f".encode()
        else:
            place = f"{mark.x:.2f} {height - mark.y:.2f} Td"
            head = f"BT {mark.grey} g /{mark.face.name} {mark.size} Tf {place} <"
            yield (head + mark.face.encode(mark.text).hex() + "> Tj ET").encode()
