"""What a file says of its own tables: no flipped bit there goes unnoticed, and other tables' rows
survive it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.storage.described import Described, described, mistyped, odd, set_right
from node.storage.home import Home
from node.storage.schema import wanted
from tests.storage.samples import open_database

STEPS_LIST = "_sqlite_migrations"  # made by a library, whose words are not ours


@pytest.fixture
def saying(home: Home) -> list[Described]:
    """What a new database says."""
    open_database(home).close()
    connection = sqlite3.connect(home.database)
    try:
        return described(connection)
    finally:
        connection.close()


def flips(text: str) -> Iterator[str]:
    """A text with one bit flipped, as it is read: every one."""
    data = text.encode()
    for position, byte in enumerate(data):
        for bit in range(8):
            yield (data[:position] + bytes((byte ^ 1 << bit,)) + data[position + 1 :]).decode(
                errors="replace"
            )


def test_no_bit_of_the_list_of_tables_flips_unnoticed(saying: list[Described]) -> None:
    ours = wanted()
    assert odd(saying, ours) == []
    for one in saying:
        should = [one] if one in ours else []
        for part, text in zip(Described._fields, one, strict=True):
            if text is None or (part == "text" and one.table == STEPS_LIST):
                continue
            for flipped in flips(text):
                assert odd([one._replace(**{part: flipped})], should), (one, part, flipped)


def test_a_table_of_somebody_else_is_no_damage(home: Home) -> None:
    open_database(home).close()
    connection = sqlite3.connect(home.database)
    connection.executescript(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE);"
        "CREATE UNIQUE INDEX by_text ON notes (text); INSERT INTO notes VALUES (1, 'mine')"
    )
    connection.close()
    open_database(home).close()


@pytest.mark.parametrize("column", ["type", "name", "tbl_name", "sql"])
def test_a_copy_says_again_what_it_should(home: Home, tmp_path: Path, column: str) -> None:
    open_database(home).close()
    copy = tmp_path / "copy.db"
    copy.write_bytes(home.database.read_bytes())
    connection = sqlite3.connect(copy)
    connection.executescript(
        "PRAGMA writable_schema = ON;"
        f"UPDATE sqlite_master SET {column} = 'x' || {column} WHERE name = 'contacts'"
    )
    connection.close()
    set_right(copy, wanted())
    connection = sqlite3.connect(copy)
    assert odd(described(connection), wanted()) == []
    assert connection.execute("SELECT count(*) FROM contacts").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("settings", "INSERT INTO settings VALUES ('key', x'00')"),
        ("outbox", "INSERT INTO outbox VALUES (1, 'many')"),
        ("contacts", "INSERT INTO contacts VALUES (7, 'ben', '', 1)"),
        ("partners", "INSERT INTO partners VALUES (x'00', 0.5, x'00')"),
        ("fold_entry", "INSERT INTO fold_entry VALUES (x'00', 'text')"),
        ("fold_entry", "INSERT INTO fold_entry VALUES (1, x'00')"),
    ],
)
def test_a_value_of_another_kind_is_found(home: Home, table: str, change: str) -> None:
    open_database(home).close()
    connection = sqlite3.connect(home.database)
    assert mistyped(connection) == []
    connection.execute(change)
    assert mistyped(connection) == [table]
    connection.close()
