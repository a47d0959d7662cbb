"""What stands on a printed page, in order, before it is drawn.

Rules: a page is words, tables and QR codes, nothing else; whatever others wrote in it is cleaned
when the page is made, so that no drawing can forget it. Times on paper are UTC and say so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.i18n import FALLBACK as FALLBACK_LANGUAGE
from node.i18n import Language, clean_for_display, match_language, text

Box = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A label and what it says; `number` is a long id, which may break anywhere."""

    label: str
    value: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Labels and what they say."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the last column holds amounts and stands right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence; `strong` ones must not be overlooked."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Codes:
    """QR codes with a word below each."""

    title: str
    codes: tuple[tuple[str, str], ...]  # text of the code, what stands below it


Block = Rows | Table | Note | Codes


@dataclass(frozen=True, slots=True)
class Page:
    """A document: as many sheets as it needs. `lead` is the one thing to read first."""

    language: Language
    title: str
    lead: str
    blocks: tuple[Block, ...]


class Words:
    """The sentences of a page in one language; values are cleaned."""

    def __init__(self, language: str) -> None:
        self.language: Language = match_language(language) or FALLBACK_LANGUAGE

    def __call__(self, key: str, **values: object) -> str:
        return text(
            key,
            self.language,
            **{name: tidy(v) if isinstance(v, str) else v for name, v in values.items()},
        )

    def row(self, key: str, value: str, *, number: bool = False) -> Row:
        """A row with a label of the catalogue."""
        return Row(self(f"paper.{key}"), tidy(value), number)


def tidy(written: str) -> str:
    """Text of others on one line, without what could deceive or disappear."""
    return " ".join(clean_for_display(written, one_line=True).split())


QUIET_MODULES: Final = 4  # the blank border that readers of QR codes need


def qr_modules(content: str) -> tuple[int, list[Box]]:
    """A QR code as (side in modules with its border, dark runs as (x, y, length))."""
    import segno

    matrix: Sequence[Sequence[int]] = segno.make_qr(content, error="m", boost_error=False).matrix
    return len(matrix) + 2 * QUIET_MODULES, [
        (x + QUIET_MODULES, y + QUIET_MODULES, length)
        for y, line in enumerate(matrix)
        for x, length in _runs(line)
    ]


def _runs(line: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = None
    for x, dark in enumerate([*line, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None
