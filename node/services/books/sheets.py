"""Tables for spreadsheets: CSV in which nothing that others wrote is run as a formula.

Rules: amounts are plain decimals without thousands; a text that a spreadsheet could take for a
formula, in full-width signs too, starts with an apostrophe. Texts are cleaned for one line.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from node.i18n import amount_text, clean_for_display

FORMULA_STARTS = ("=", "+", "-", "@", "|", "%")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV: numbers as they are, texts made harmless. An empty row parts two tables."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


class Figure(str):
    """A number written out: goes into a table as it is."""

    __slots__ = ()


def figure(amount: int | None, decimals: int) -> Figure:
    """An amount in minor units as a spreadsheet reads it, empty for none."""
    return Figure("" if amount is None else amount_text(amount, decimals).replace(",", ""))


def harmless(written: str) -> str:
    """A text that no spreadsheet runs."""
    if isinstance(written, Figure):
        return written
    shown = clean_for_display(written, one_line=True)
    first = unicodedata.normalize("NFKC", shown.lstrip())[:1]
    return f"'{shown}" if first in FORMULA_STARTS and first else shown
