"""Tables of transfers are read as spreadsheets write them, and never rounded twice."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.errors import LocalFault
from node.services.homes.transfers import (
    Transfer,
    minor_units,
    plain_decimal,
    read_transfers,
    whole_units,
)


def read(folder: Path, text: str | bytes, decimals: int = 2) -> list[Transfer]:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_transfers(path, decimals))


def test_columns_stand_in_any_order_and_others_are_ignored(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "note,Amount, target ,x,time,source\nhi,1.5,b,7,2020-01-01,a\n")
    assert (row.source, row.target, row.amount, row.fault) == ("a", "b", 150, None)
    assert row.time_ms == 1_577_836_800_000


def test_byte_order_mark_line_ends_and_quotes_are_understood(tmp_path: Path) -> None:
    text = (
        '\ufefftime,source,target,amount,type\r\n2020-01-01 10:00:00.5,"a, ""b""","c\r\nd","2"\r\n'
    )
    (row,) = read(tmp_path, text + "\r\n")
    assert (row.source, row.target, row.amount) == ('a, "b"', "c\r\nd", 200)
    assert row.time_ms == 1_577_872_800_500
    assert not row.disbursement


@pytest.mark.parametrize(
    ("written", "time_ms"),
    [
        ("2020-01-01T09:00:00+09:00", 1_577_836_800_000),
        ("2020-01-01T00:00:00Z", 1_577_836_800_000),
        ("2020-01-01 00:00:00.123456", 1_577_836_800_123),
        ("1950-01-01", 0),
        ("yesterday", 0),
        ("", 0),
    ],
)
def test_times_are_read_or_let_be(tmp_path: Path, written: str, time_ms: int) -> None:
    (row,) = read(tmp_path, f"time,source,target,amount\n{written},a,b,1\n")
    assert (row.time_ms, row.fault) == (time_ms, None)


@pytest.mark.parametrize(
    ("amount", "fault"),
    [
        ("5", "self"),
        ("nonsense", "bad-row"),
    ],
)
def test_what_nobody_pays_to_another_is_skipped(tmp_path: Path, amount: str, fault: str) -> None:
    (row,) = read(tmp_path, f"time,source,target,amount\n,a,a,{amount}\n")
    assert row.fault == fault


@pytest.mark.parametrize(
    ("amount", "units", "fault"),
    [
        ("0.005", 0, "zero"),
        ("0.0050000000000000000001", 1, None),
        ("0.015", 2, None),
        ("0.025", 2, None),
        ("-3", -300, "zero"),
        ("0", 0, "zero"),
        ("1e-05", 0, "zero"),
        ("1.2e3", 120_000, None),
        (" 7 ", 700, None),
        ("+.5", 50, None),
        ("10995116277.76", 2**40, None),
        ("10995116277.764", 2**40, None),
        ("10995116277.77", 2**40 + 1, "too-large"),
        ("9" * 80, int("9" * 80) * 100, "too-large"),
        ("", 0, "bad-row"),
        ("NaN", 0, "bad-row"),
        ("Infinity", 0, "bad-row"),
        ("1_000", 0, "bad-row"),
        ("1,5", 0, "bad-row"),
        ("１", 0, "bad-row"),
        ("1e999999", 0, "bad-row"),
        ("9" * 81, 0, "bad-row"),
    ],
)
def test_amounts_are_exact_decimals(
    tmp_path: Path, amount: str, units: int, fault: str | None
) -> None:
    (row,) = read(tmp_path, f'time,source,target,amount\n,a,b,"{amount}"\n')
    assert (row.amount, row.fault) == (units, fault)


def test_a_short_row_or_a_missing_name_is_a_bad_row(tmp_path: Path) -> None:
    rows = read(tmp_path, "time,source,target,amount\n2020-01-01,a\n,,b,1\n,a,,1\n,a,b,1,more\n")
    assert [row.fault for row in rows] == ["bad-row", "bad-row", "bad-row", None]


def test_disbursements_are_marked(tmp_path: Path) -> None:
    rows = read(tmp_path, "time,source,target,amount,type\n,a,b,1, disbursement\n,a,b,1,STANDARD\n")
    assert [row.disbursement for row in rows] == [True, False]


def test_bytes_that_are_no_text_still_name_somebody(tmp_path: Path) -> None:
    rows = read(tmp_path, b"time,source,target,amount\n,\xff,\xfe,1\n")
    assert rows[0].source.encode("utf-8", "surrogateescape") == b"\xff"
    assert rows[0].fault is None


@pytest.mark.parametrize("text", ["", "source,target\n", "2020,a,b,1\n", '"time\n'])
def test_a_table_without_its_columns_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(LocalFault) as caught:
        read(tmp_path, text)
    assert caught.value.code == "table-columns"
    assert "amount" in str(caught.value.values["names"])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalFault) as caught:
        list(read_transfers(tmp_path / "none.csv", 2))
    assert caught.value.code == "file-missing"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.integers(0, 6))
def test_rounding_is_half_to_even(amount: Decimal, decimals: int) -> None:
    units = minor_units(amount, decimals)
    twice = amount.scaleb(decimals) * 2 - 2 * units
    assert abs(twice) <= 1
    assert abs(twice) < 1 or units % 2 == 0


@pytest.mark.parametrize(
    ("limit", "decimals", "units"),
    [
        ("0.019", 2, 1),
        ("25.5", 0, 25),
        ("-1", 2, 0),
        ("0", 6, 0),
        ("90071992547409.91", 2, 2**53 - 1),
        ("90071992547409.92", 2, 2**53 - 1),
        ("1e999999", 6, 2**53 - 1),
    ],
)
def test_a_limit_never_rounds_up_and_never_passes_the_largest_sum(
    limit: str, decimals: int, units: int
) -> None:
    assert whole_units(Decimal(limit), decimals) == units


@pytest.mark.parametrize(
    ("amount", "text"),
    [("-0.000678000", "-0.000678"), ("0.00", "0"), ("-0.0", "0"), ("1E+3", "1000"), ("70", "70")],
)
def test_decimals_are_written_plainly(amount: str, text: str) -> None:
    assert plain_decimal(Decimal(amount)) == text
