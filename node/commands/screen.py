"""What a terminal is given: tables, cards where a table has no room, help, wrapped lines, emphasis.

Rules: a person at a terminal sees columns that fit; a program that reads a pipe gets lines of
fields with a tab between. Widths are those of the characters (Korean and Chinese take two columns).
Emphasis never carries meaning alone and is left out where NO_COLOR or TERM=dumb ask for that. The
drawing library is loaded for tables only: it costs more time than a whole `wetalk`.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

RIGHT: Final = frozenset(
    {"amount", "balance", "limit", "left", "opening", "received", "given", "closing", "before"}
)
"""Columns of numbers."""
FLOWING: Final = frozenset(
    {"for", "text", "title", "note", "may", "officers", "alerts", "state", "counts", "vote"}
)
"""Columns of words, which may break; all others stay whole."""
FLOWING_MIN_CELLS: Final = 12
HELP_MIN_CELLS, HELP_MAX_CELLS = 24, 80
WIDEST_CELLS: Final = 10_000  # as if there were no edge


def on_terminal() -> bool:
    """True iff a person reads what is printed."""
    return sys.stdout.isatty()


def width_cells() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size().columns


def emphasised(written: str, *, bold: bool = False, dim: bool = False) -> str:
    """A text as it stands out, where it can."""
    asked = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return (
        written
        if asked or not on_terminal()
        else click.style(written, bold=bold or None, dim=dim or None)
    )


def wrapped(written: str, room_cells: int) -> Iterator[str]:
    """Lines of at most so many cells, broken between words, and inside of those that are longer."""
    from rich.cells import cell_len, chop_cells

    line = ""
    for word in written.split():
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= room_cells:
            line = joined
            continue
        if line:
            yield line
        *whole, line = chop_cells(word, room_cells) or [""]
        yield from whole
    yield line


class Help(click.HelpFormatter):
    """Help that fits the terminal. The library counts a Korean letter as one column, and never
    goes below fifty."""

    def __init__(self, **wishes: Any) -> None:
        super().__init__(**wishes)
        self.width = max(min(width_cells(), HELP_MAX_CELLS) - 1, HELP_MIN_CELLS)

    def write_text(self, text: str) -> None:
        """A paragraph."""
        margin = " " * self.current_indent
        for line in wrapped(text, self.width - self.current_indent):
            self.write(f"{margin}{line}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Names, and what each is beside or, where that has no room, below it."""
        from rich.cells import cell_len

        named = list(rows)
        longest = max((cell_len(name) for name, _ in named), default=0)
        column = min(longest, col_max, self.width * 2 // 5) + col_spacing
        margin = " " * self.current_indent
        for name, about in named:
            lines = list(wrapped(about, self.width - self.current_indent - column))
            beside = cell_len(name) + col_spacing <= column
            first = " " * (column - cell_len(name)) + lines.pop(0) if beside else ""
            self.write(f"{margin}{name}{first}\n")
            for line in lines:
                self.write(f"{margin}{' ' * column}{line}\n")


class HelpContext(click.Context):
    """A run of a command whose help is ours."""

    formatter_class = Help


def draw_table(names: Sequence[str], headings: Sequence[str], rows: list[list[str]]) -> None:
    """Rows under headings; one below the other where the terminal is too narrow for columns."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(highlight=False)
    table = _table(names, headings, rows)
    free = console.options.update(max_width=WIDEST_CELLS)
    if Measurement.get(console, free, table).minimum <= console.width:
        console.print(table)
        return
    for row in rows:
        _card(console, headings, row)


def _table(names: Sequence[str], headings: Sequence[str], rows: list[list[str]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, (name, heading) in enumerate(zip(names, headings, strict=True)):
        longest = max((Text(row[place]).cell_len for row in rows), default=0)
        flows = name in FLOWING and longest > FLOWING_MIN_CELLS
        table.add_column(
            Text(heading),
            justify="right" if name in RIGHT else "left",
            no_wrap=not flows,
            overflow="fold",
            min_width=FLOWING_MIN_CELLS if flows else longest,
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _card(console: "Console", headings: Sequence[str], row: list[str]) -> None:
    """One row: its first cell, and below it what each other cell is."""
    from rich.padding import Padding
    from rich.text import Text

    console.print(Text(row[0], style="bold"))
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        if cell:
            console.print(Padding(Text(f"{heading}: {cell}"), (0, 0, 0, 2)))
