"""Rows on their way through the writer: remembered, written late, bounded, forgotten when undone.

Changing a row behind the buffer's back shows whether it reads it or remembers it.
"""

import sqlite3

import pytest

from node.storage import buffer
from node.storage.buffer import RowBuffer
from node.storage.schema import fold_table

TABLE = "lane"
KEPT_COUNT = 10


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> RowBuffer:
    monkeypatch.setattr(buffer, "WRITER_ROWS_KEPT_MAX_COUNT", KEPT_COUNT)
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE {fold_table(TABLE)} (k BLOB PRIMARY KEY, v BLOB)")
    return RowBuffer(connection)


def behind(rows: RowBuffer, key: bytes, row: bytes) -> None:
    """Write to the table itself."""
    query = f"INSERT OR REPLACE INTO {fold_table(TABLE)} VALUES (?, ?)"
    rows._connection.execute(query, (key, row))


def stored(rows: RowBuffer) -> dict[bytes, bytes]:
    return dict(rows._connection.execute(f"SELECT k, v FROM {fold_table(TABLE)}"))


def read(rows: RowBuffer, first: int, count: int) -> None:
    for number in range(first, first + count):
        rows.get(TABLE, bytes((number,)))


def remembers(rows: RowBuffer, number: int) -> bool:
    key = bytes((number,))
    behind(rows, key, b"behind")
    return rows.get(TABLE, key) != b"behind"


def test_a_row_is_written_at_the_end_of_its_job_and_seen_before() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE {fold_table(TABLE)} (k BLOB PRIMARY KEY, v BLOB)")
    rows = RowBuffer(connection)
    behind(rows, b"gone", b"0")
    rows.write({TABLE: {b"a": b"1", b"gone": None}})
    rows.write({TABLE: {b"a": b"2"}})
    assert (rows.get(TABLE, b"a"), rows.get(TABLE, b"gone")) == (b"2", None)
    assert stored(rows) == {b"gone": b"0"}
    assert rows.written_count == 0
    rows.flush()
    assert stored(rows) == {b"a": b"2"}
    assert rows.written_count == 2
    assert (rows.get(TABLE, b"a"), rows.get(TABLE, b"gone")) == (b"2", None)


def test_what_is_known_is_not_asked_for(rows: RowBuffer) -> None:
    keys = [bytes((number,)) for number in range(4)]
    rows.know(TABLE, keys[:2], [(keys[0], b"0")])
    assert rows.get(TABLE, keys[0]) == b"0"
    assert rows.get(TABLE, keys[1]) is None
    rows.get(TABLE, keys[2])
    assert rows.unknown(TABLE, [*keys, *keys]) == keys[3:]


def test_up_to_the_bound_all_is_remembered(rows: RowBuffer) -> None:
    read(rows, 0, KEPT_COUNT)
    rows.flush()
    rows.flush()
    assert all(remembers(rows, number) for number in range(KEPT_COUNT))


@pytest.mark.parametrize("how", ["read", "known", "written"])
def test_beyond_it_what_is_asked_for_again_stays_and_the_rest_goes(
    rows: RowBuffer, how: str
) -> None:
    def fill(first: int) -> None:
        keys = [bytes((number,)) for number in range(first, first + KEPT_COUNT + 1)]
        if how == "read":
            read(rows, first, len(keys))
        elif how == "known":
            rows.know(TABLE, keys, [])
        else:
            rows.write({TABLE: dict.fromkeys(keys, b"row")})
        rows.flush()

    fill(0)
    rows.get(TABLE, b"\0")  # once more
    fill(100)
    assert (remembers(rows, 0), remembers(rows, 1), remembers(rows, 100)) == (True, False, True)
    fill(200)
    assert not remembers(rows, 101)


def test_an_undone_job_leaves_nothing(rows: RowBuffer) -> None:
    read(rows, 0, 3)
    rows.write({TABLE: {b"new": b"1"}})
    rows.forget()
    rows.flush()
    assert rows.get(TABLE, b"new") is None
    assert not remembers(rows, 0)


def test_an_undone_job_leaves_nothing_that_was_moved_aside(rows: RowBuffer) -> None:
    read(rows, 0, KEPT_COUNT + 1)
    rows.flush()
    rows.forget()
    assert not remembers(rows, 0)
