"""Tables of transfers: comma-separated, one payment a row, read as a stream.

Rules: a header row names at least `time,source,target,amount`, optionally `type`, in any order;
other columns are ignored, a name of these that stands twice is refused. Amounts are exact decimals,
rounded half to even to minor units; a limit never rounds up. Times are shown only, so one that
cannot be read harms nothing: the row keeps the time of the row before. Nothing here raises on a bad
row; it says what is wrong with it.

Left to others: who pays whom out of what.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Final

from node.protocol.errors import LocalFault
from node.protocol.limits import AMOUNT_MAX_UNITS, SUM_MAX_UNITS, TIME_MAX_MS

REQUIRED: Final = ("time", "source", "target", "amount")
DISBURSEMENT: Final = "DISBURSEMENT"
FIELD_MAX_CHARACTERS: Final = 131_072  # the csv module's own bound, spelled out
# Digits, a point, a short exponent: what spreadsheets and databases write. No NaN, no blanks.
AMOUNT: Final = re.compile(r"[+-]?(\d{1,80}(\.\d{0,80})?|\.\d{1,80})([eE][+-]?\d{1,2})?", re.ASCII)
EXACT: Final = Context(prec=600, rounding=ROUND_HALF_EVEN)  # no sum of such numbers is rounded


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row. `fault` says why it is skipped: `bad-row`, `self`, `zero`, `too-large`, or None."""

    time_ms: int
    source: str
    target: str
    given: Decimal  # as written
    amount: int  # minor units, rounded
    disbursement: bool
    fault: str | None
    text: str  # what was written: the order of the trade


def minor_units(amount: Decimal, decimals: int) -> int:
    """An exact amount in minor units, rounded half to even."""
    return int(EXACT.to_integral_value(EXACT.scaleb(amount, decimals)))


def whole_units(limit: Decimal, decimals: int) -> int:
    """The whole minor units in a limit: never more than it says, and 0 to 2^53 - 1."""
    within = min(
        max(limit, Decimal(0)), Decimal(SUM_MAX_UNITS)
    )  # else its digits might be millions
    units = EXACT.scaleb(within, decimals).to_integral_value(ROUND_FLOOR, EXACT)
    return min(int(units), SUM_MAX_UNITS)


def plain_decimal(amount: Decimal) -> str:
    """A decimal string without exponent and without needless zeros."""
    text = format(amount, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def read_transfers(path: Path, decimals: int) -> Iterator[Transfer]:
    """Rows in file order. Raises LocalFault file-missing, file-unreadable, table-columns,
    table-doubled, file-format."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            csv.field_size_limit(FIELD_MAX_CHARACTERS)
            yield from _rows(path, csv.reader(file), decimals)
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(path)) from None
    except OSError as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(path)) from None
    except csv.Error as problem:
        raise LocalFault("file-format", str(problem), path=str(path)) from None


def _rows(path: Path, lines: Iterator[list[str]], decimals: int) -> Iterator[Transfer]:
    header = next((cells for cells in lines if cells), [""])
    places = [_place(path, header, name) for name in REQUIRED]
    absent = [name for name, place in zip(REQUIRED, places, strict=True) if place is None]
    if absent:
        raise LocalFault("table-columns", path=str(path), names=", ".join(absent))
    wanted = [place for place in places if place is not None]
    kind = _place(path, header, "type")
    time_ms = 0
    for cells in lines:
        if not cells:
            continue  # a blank line is no row
        cells += [""] * (len(header) - len(cells))
        time, source, target, amount = (cells[place] for place in wanted)
        found = _time_ms(time)
        time_ms = time_ms if found is None else found
        disbursement = kind is not None and cells[kind].strip().upper() == DISBURSEMENT
        yield _transfer((time, source, target, amount), time_ms, disbursement, decimals)


def _place(path: Path, header: list[str], name: str) -> int | None:
    """Where a column stands: the one of exactly this name, else one that differs in case or blanks
    alone. Raises LocalFault table-doubled: which of two is meant is not ours to guess."""
    exact = [place for place, title in enumerate(header) if title == name]
    alike = [place for place, title in enumerate(header) if title.strip().lower() == name]
    found = exact or alike
    if len(found) > 1:
        raise LocalFault("table-doubled", path=str(path), names=name)
    return found[0] if found else None


def _transfer(
    cells: tuple[str, str, str, str], time_ms: int, disbursement: bool, decimals: int
) -> Transfer:
    _, source, target, amount = cells
    given, units, fault = Decimal(0), 0, None
    if not source or not target or AMOUNT.fullmatch(amount.strip()) is None:
        fault = "bad-row"
    else:
        given = EXACT.create_decimal(amount.strip())
        units = minor_units(given, decimals)
        if source == target:
            fault = "self"
        elif units <= 0:
            fault = "zero"
        elif units > AMOUNT_MAX_UNITS:
            fault = "too-large"
    text = ",".join(cells)
    return Transfer(time_ms, source, target, given, units, disbursement, fault, text)


def _time_ms(written: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time; without a zone it is UTC. None: unreadable."""
    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    units = (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    return min(max(units, 0), TIME_MAX_MS)
