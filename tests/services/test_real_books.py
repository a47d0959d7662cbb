"""Old books brought in: to the minor unit, verified from scratch, out to a file and in again.

Tables of real-looking transfers (mints and burns, names in three scripts, amounts of many decimals,
odd times, blank lines) against exact sums that share no code. `-m slow` takes fifty thousand rows.
"""

from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from node.ledger import book, root
from node.protocol.errors import LocalFault
from node.services.books.verification import verify
from node.services.core import Core, open_core
from node.services.homes.portability import core_from_export, export_lines, import_lines
from node.services.homes.replay import Wish, replay
from node.services.incoming.intake import Intake
from node.storage.home import Home, HomeLock
from tests.support.books import Row, rows_of, sums_of, written

SHORT_ROWS_COUNT, LONG_ROWS_COUNT = 1_500, 50_000


def brought_in(folder: Path, text: str, **wish: Any) -> dict[str, Any]:
    path = folder / "table.csv"
    path.write_bytes(text.encode())
    return dict(replay(path, Home(folder / f"home {len(list(folder.iterdir()))}"), Wish(**wish)))


def assert_adds_up(answer: dict[str, Any], rows: list[Row], **wish: Any) -> None:
    """Every figure of the answer is the exact one."""
    exact = sums_of(rows, **wish)
    assert answer["rows"] == exact.rows
    assert answer["members"] == len(exact.balances)
    assert answer["trades"] == exact.trades
    assert answer["skipped"] == dict(sorted(exact.skipped.items()))
    assert answer["refused"] == ({"over-limit": exact.refused} if exact.refused else {})
    assert answer["volume"] == exact.volume
    assert Decimal(answer["rounding"]) == exact.rounding
    assert answer["sum_of_balances"] == sum(exact.balances.values()) == 0
    assert answer["balances_sha256"] == exact.digest


def shown(core: Core) -> tuple[str, list[tuple[int, bytes, int]]]:
    """State root and balances of a home."""
    with core.reading() as reader:
        return root.state_root(reader, core.rules).hex(), list(book.balances(reader))


def assert_verified(core: Core, trades: int) -> str:
    """From scratch nothing is in doubt; the root."""
    found = verify(core, from_scratch=True)
    assert (found.findings, found.level, found.trades) == ([], "L2", trades)
    assert found.sum_of_balances == 0
    return found.root.hex()


def go_round(folder: Path, seed: int, count: int) -> None:
    """Table, ledger, verified, exported, shuffled, a fresh home: the same root all the way."""
    rows = rows_of(seed, count)
    answer = brought_in(folder, written(rows, seed))
    assert_adds_up(answer, rows)
    assert len(answer["skipped"]) == 3
    home = Home(next(path for path in folder.iterdir() if path.is_dir()))
    with HomeLock(home):
        core = open_core(home)
        try:
            assert answer["verified_level"] == "L2"
            assert assert_verified(core, answer["trades"]) == answer["state_root"]
            before = shown(core)
            lines = list(export_lines(core))
        finally:
            core.close()
    first, rest = lines[0], lines[1:]
    Random(seed).shuffle(rest)
    fresh = core_from_export(Home(folder / "fresh"), first)
    try:
        report = trio.run(import_lines, fresh, Intake(fresh), [first, *rest])
        assert (report.accepted, report.void, report.deferred) == (len(rest), 0, 0)
        assert not report.rejected
        assert shown(fresh) == before
        assert before[0] == answer["state_root"] == assert_verified(fresh, answer["trades"])
    finally:
        fresh.close()


def test_a_table_goes_round_through_a_ledger_a_file_and_a_fresh_home(tmp_path: Path) -> None:
    go_round(tmp_path, seed=1, count=SHORT_ROWS_COUNT)


@pytest.mark.slow
def test_fifty_thousand_rows_go_round(tmp_path: Path) -> None:
    go_round(tmp_path, seed=2, count=LONG_ROWS_COUNT)


@pytest.mark.parametrize(
    ("limit", "decimals"), [("0", 2), ("40", 2), ("25.019", 2), ("12.5", 0), ("0.9999999", 6)]
)
def test_limits_bind_to_the_last_unit_in_any_unit(
    tmp_path: Path, limit: str, decimals: int
) -> None:
    rows = rows_of(5, 300)
    wish = {"limit": Decimal(limit), "decimals": decimals}
    answer = brought_in(tmp_path, written(rows, 5), **wish)
    assert answer["refused"]
    assert_adds_up(answer, rows, **wish)


def test_however_a_table_is_written_it_gives_one_ledger(tmp_path: Path) -> None:
    """Order of columns, quotes, byte order mark, line ends, ways to write a number."""
    rows = [row for row in rows_of(3, 120) if row.source == row.source.strip()]
    answers = [
        brought_in(tmp_path, written(rows, seed, mark=mark, line_end=end))
        for seed, mark, end in ((1, True, "\r\n"), (2, False, "\n"), (3, False, "\r\n"))
    ]
    assert len({answer["balances_sha256"] for answer in answers}) == 1
    assert_adds_up(answers[0], rows)


# --- rounding tricks ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount", "times", "moved"),
    [
        ("0.004", 400, 0),  # never a unit, however often
        ("0.005", 400, 0),  # half goes to the even side: to nothing
        ("0.0050000000000000001", 400, 400),
        ("0.015", 200, 400),
        ("0.025", 200, 400),
        ("0.00999999999999999999999999", 100, 100),
    ],
)
def test_many_tiny_amounts_make_no_unit_that_their_rows_do_not(
    tmp_path: Path, amount: str, times: int, moved: int
) -> None:
    rows = [Row("thief", "mule", Decimal(amount), False, "")] * times
    answer = brought_in(tmp_path, written(rows, 1))
    assert_adds_up(answer, rows)
    assert answer["volume"] == moved
    assert abs(Decimal(answer["rounding"])) <= Decimal("0.005") * answer["trades"]


def test_going_to_and_fro_with_halves_leaves_nobody_richer(tmp_path: Path) -> None:
    there = Row("a", "b", Decimal("0.015"), False, "")
    back = Row("b", "a", Decimal("0.015"), False, "")
    rows = [there, back] * 100
    answer = brought_in(tmp_path, written(rows, 1))
    assert_adds_up(answer, rows)
    assert sums_of(rows).balances == {"a": 0, "b": 0}


# --- tables that mean two things ------------------------------------------------------------------
def test_a_column_of_exactly_the_name_counts_before_one_that_is_like_it(tmp_path: Path) -> None:
    text = "time,source,target,Amount,amount,SOURCE\n,a,b,999,1,z\n"
    answer = brought_in(tmp_path, text)
    assert (answer["volume"], answer["members"]) == (100, 2)


@pytest.mark.parametrize(
    "head", ["time,source,target,amount,amount", "time,type,source,target,amount,type"]
)
def test_two_columns_of_one_name_are_refused_by_name(tmp_path: Path, head: str) -> None:
    with pytest.raises(LocalFault) as caught:
        brought_in(tmp_path, head + "\n,a,b,1,2,3\n")
    assert caught.value.code == "table-doubled"
    assert caught.value.values["names"] == head.rsplit(",", 1)[1]
    assert not any(path.is_dir() for path in tmp_path.iterdir())


def test_two_columns_of_a_name_that_nobody_asked_for_harm_nothing(tmp_path: Path) -> None:
    answer = brought_in(tmp_path, "note,note,time,source,target,amount\nx,y,,a,b,1\n")
    assert answer["trades"] == 1


def test_blank_lines_before_the_names_of_columns_are_no_row(tmp_path: Path) -> None:
    answer = brought_in(tmp_path, "\ufeff\r\n\r\ntime,source,target,amount\r\n,a,b,1\r\n")
    assert answer["trades"] == 1
