"""How a database describes its own tables: one flipped bit there, and SQLite reads the rows of a
table as something else, knows it by another name, or not at all, without a word.

Rules: what no step of ours makes (tables of the fold, the list of steps) is compared with itself.
Nothing here writes but `set_right`, and that to a copy.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from node.storage.errors import SQLITE_ERRORS

FOLD_PREFIX: Final = "fold_"
_KINDS: Final = ("table", "index", "view", "trigger")
_TYPES: Final = {"BLOB": "blob", "TEXT": "text", "INTEGER": "integer"}
"""What `typeof` says of a value in a column that is declared so."""

_ALL: Final = (
    "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB)"
    " FROM main.sqlite_master"
)
_SET_RIGHT: Final = (
    "UPDATE sqlite_master SET type = ?1, name = ?2, tbl_name = ?3, sql = ?4"
    " WHERE (name = ?2 OR sql = ?4) AND (type, name, tbl_name, sql) IS NOT (?1, ?2, ?3, ?4)"
)


class Described(NamedTuple):
    """One table or index: `table` or `index`, its name, its table's name, and how it was made (None
    of an index that a table brings with it)."""

    kind: str
    name: str
    table: str
    text: str | None


def described(connection: sqlite3.Connection) -> list[Described]:
    """What the file says of itself, in the order in which it says it."""
    return [
        Described(_text(kind), _text(name), _text(table), None if text is None else _text(text))
        for kind, name, table, text in connection.execute(_ALL).fetchall()
    ]


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")


def as_made(steps: Iterable[Callable[[sqlite3.Connection], Any]]) -> list[Described]:
    """What a database says that was made by these steps."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for step in steps:
            step(connection)
        return described(connection)
    finally:
        connection.close()


def fold_text(table: str) -> str:
    """How a table of the fold is made, by its SQL name."""
    return f"CREATE TABLE {table} (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"


def fold_made(table: str) -> Described:
    """The same, as the file says it."""
    return Described("table", table, table, fold_text(table))


def odd(found: Sequence[Described], wanted: Sequence[Described]) -> list[str]:
    """Names of what is not described as it should be, or not at all."""
    ours, there = {one.name for one in wanted}, set(found)
    missing = [one.name for one in wanted if one not in there]
    return missing + [one.name for one in found if one.name not in ours and not _agrees(one)]


def _agrees(one: Described) -> bool:
    """Does what is not in the list of ours agree with itself: is it made as what it is called?"""
    if one.name.startswith(FOLD_PREFIX):
        return one == fold_made(one.name)
    if one.text is None:
        return one.kind == "index" and one.table in one.name
    if one.kind not in _KINDS:
        return False
    starts = tuple(f"CREATE {what}{one.kind.upper()} " for what in ("", "UNIQUE ", "VIRTUAL "))
    return one.text.startswith(starts) and one.name in one.text and one.table in one.text


def set_right(copy: Path, wanted: Sequence[Described]) -> None:
    """Have a damaged copy describe its tables as they are."""
    connection = sqlite3.connect(copy, isolation_level=None)
    try:
        # First: without it, the next one reads the list of tables and fails where that is damaged.
        connection.execute("PRAGMA writable_schema = ON").fetchall()
        connection.execute("PRAGMA journal_mode = OFF").fetchall()
        for one in wanted:
            connection.execute(_SET_RIGHT, one)
    except SQLITE_ERRORS:
        pass  # damaged further: what can be read is read as it is
    finally:
        connection.close()


def columns_of(connection: sqlite3.Connection, table: str) -> list[tuple[str, str, bool]]:
    """The columns of a table: name, declared type, is it part of the key."""
    rows = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    return [(row[1], row[2], bool(row[5])) for row in rows]


def fits(value: object, declared: str) -> bool:
    """May a column that is declared so hold the value?"""
    kinds = {"BLOB": bytes, "TEXT": str, "INTEGER": int}
    return value is None or declared not in kinds or isinstance(value, kinds[declared])


def mistyped(connection: sqlite3.Connection) -> list[str]:
    """Tables with a value of another type than its column is declared to have, which SQLite allows:
    a bit that says where a value ends also says what it is. Raises what SQLite raises."""
    found: list[str] = []
    for one in described(connection):
        if one.kind != "table" or (one.text or "").startswith("CREATE VIRTUAL"):
            continue
        wrong = [
            f'"{name}" IS NOT NULL AND typeof("{name}") <> \'{_TYPES[declared]}\''
            for name, declared, _ in columns_of(connection, one.name)
            if declared in _TYPES
        ]
        query = f'SELECT 1 FROM "{one.name}" WHERE {" OR ".join(wrong)} LIMIT 1'
        if wrong and connection.execute(query).fetchone() is not None:
            found.append(one.name)
    return found
