"""The tables of a home's database, and how an older one becomes today's.

Rules: a step once released never changes; a change is a new step. Steps run through sqlite-utils'
migrations, each in one transaction together with the new version number. Tables of the fold are no
part of this: they are made from `node.protocol.state.TABLES` and can be dropped at any time.

`marks` holds facts about the file itself: whether it was closed cleanly, the fold it was made with.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from node.protocol.state import TABLES
from node.storage import columns
from node.storage.described import FOLD_PREFIX, Described, as_made, described, fold_text, odd

APPLICATION_ID: Final = 0x57655431  # "WeT1": `file` and doctor know the database by it

FIRST: Final = (
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE records (number INTEGER PRIMARY KEY, header BLOB NOT NULL, body BLOB,"
    " signature BLOB NOT NULL)",
    # What the search index still has to look at, in order of arrival; never trimmed, so that a
    # lost index can be made again.
    "CREATE TABLE touched (seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL)",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " subject BLOB NOT NULL, at INTEGER NOT NULL)",
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL)",
    "CREATE TABLE deferred (id BLOB PRIMARY KEY, header BLOB NOT NULL, body BLOB,"
    " signature BLOB NOT NULL, source TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE deferred_missing (missing BLOB, id BLOB, PRIMARY KEY (missing, id))"
    " WITHOUT ROWID",
    "CREATE INDEX deferred_missing_of ON deferred_missing (id)",
    "CREATE TABLE orders (hash BLOB PRIMARY KEY, salt BLOB NOT NULL, body BLOB NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE contacts (member BLOB PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL,"
    " added INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE tokens (hash BLOB PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER) WITHOUT ROWID",
    "CREATE TABLE idempotency (key TEXT PRIMARY KEY, request BLOB NOT NULL, status INTEGER"
    " NOT NULL, response BLOB NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX idempotency_created ON idempotency (created)",
    "CREATE TABLE bans (peer TEXT PRIMARY KEY, until INTEGER NOT NULL, reason TEXT NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE addresses (address TEXT PRIMARY KEY, peer TEXT NOT NULL, last_ok INTEGER,"
    " failures INTEGER NOT NULL, source TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE fork_proofs (lane_key BLOB PRIMARY KEY, header_a BLOB NOT NULL, signature_a BLOB"
    " NOT NULL, header_b BLOB NOT NULL, signature_b BLOB NOT NULL) WITHOUT ROWID",
)

Step = Callable[[sqlite3.Connection], None]


def statements(*lines: str) -> Step:
    """A step that runs plain statements."""

    def run(connection: sqlite3.Connection) -> None:
        for line in lines:
            connection.execute(line)

    return run


@dataclass(frozen=True, slots=True)
class Schema:
    """Steps in order, each with its lasting name; the version is how many there are."""

    steps: tuple[tuple[str, Step], ...]

    @property
    def version(self) -> int:
        """The version of a database that has seen all steps."""
        return len(self.steps)

    def migrate(self, connection: sqlite3.Connection) -> None:
        """Run the steps that the database has not seen. Each is done wholly or not at all."""
        # Imported here: a database that is up to date, which is every start but one, needs neither.
        from sqlite_utils import Database as Tables
        from sqlite_utils.migrations import Migrations

        migrations = Migrations("wetalk")
        for version, (name, step) in enumerate(self.steps, start=1):

            def run(_: Tables, /, version: int = version, step: Step = step) -> None:
                step(connection)
                connection.execute(f"PRAGMA user_version = {version}")

            migrations(name=name)(run)
        tables = Tables(connection, recursive_triggers=False, execute_plugins=False)
        migrations.apply(tables)


COLUMNS: Final = (
    # Author and signer of every device whose records are held: 64 bytes, once.
    "CREATE TABLE signers (number INTEGER PRIMARY KEY, keys BLOB NOT NULL UNIQUE)",
    "CREATE TABLE records_in_columns (number INTEGER PRIMARY KEY, signer INTEGER,"
    " lead BLOB NOT NULL, tail BLOB, body BLOB, signature BLOB NOT NULL)",
    # The events of one job in one row; `seq` is that of the last.
    "CREATE TABLE events_in_rows (seq INTEGER PRIMARY KEY AUTOINCREMENT, count INTEGER NOT NULL,"
    " at INTEGER NOT NULL, pack BLOB NOT NULL)",
    # What the search index still has to look at, in the same way.
    "CREATE TABLE touched_in_rows (seq INTEGER PRIMARY KEY AUTOINCREMENT, count INTEGER NOT NULL,"
    " pack BLOB NOT NULL)",
)


def _into_columns(connection: sqlite3.Connection) -> None:
    """Records as `node.storage.columns` takes them apart, events in rows of many."""
    for line in COLUMNS:
        connection.execute(line)
    signers: dict[bytes, int | None] = {b"": None}
    for number, header, body, signature in connection.execute("SELECT * FROM records"):
        keys, lead, tail = columns.split(header, body)
        if keys not in signers:
            signers[keys] = len(signers)
            connection.execute("INSERT INTO signers VALUES (?, ?)", (signers[keys], keys))
        row = (number, signers[keys], lead, tail, body, signature)
        connection.execute("INSERT INTO records_in_columns VALUES (?, ?, ?, ?, ?, ?)", row)
    for seq, name, subject, at in connection.execute("SELECT * FROM events ORDER BY seq"):
        pack = msgspec.msgpack.encode([(name, subject)])
        connection.execute("INSERT INTO events_in_rows VALUES (?, 1, ?, ?)", (seq, at, pack))
    for seq, record in connection.execute("SELECT * FROM touched ORDER BY seq"):
        pack = msgspec.msgpack.encode([record])
        connection.execute("INSERT INTO touched_in_rows VALUES (?, 1, ?)", (seq, pack))
    rename = "UPDATE sqlite_sequence SET name = ? WHERE name = ?"
    for table in ("events", "touched"):  # numbers go on where they were
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (f"{table}_in_rows",))
        connection.execute(rename, (f"{table}_in_rows", table))
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE {table}_in_rows RENAME TO {table}")
    connection.execute("DROP TABLE records")
    connection.execute("ALTER TABLE records_in_columns RENAME TO records")


CLOSES: Final = (
    # What own books said of a chapter's close, and the balances where both agreed.
    "CREATE TABLE closes (act BLOB PRIMARY KEY, agrees INTEGER NOT NULL, below INTEGER NOT NULL,"
    " at INTEGER NOT NULL, count INTEGER NOT NULL, negative INTEGER NOT NULL, positive INTEGER"
    " NOT NULL, root BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE close_leaves (act BLOB, member BLOB, balance INTEGER NOT NULL, moved INTEGER"
    " NOT NULL, PRIMARY KEY (act, member)) WITHOUT ROWID",
)


PARTNERS: Final = (
    # What those who handed over a note were then known to hold: ids, 32 bytes each.
    "CREATE TABLE partners (member BLOB PRIMARY KEY, seen INTEGER, tips BLOB NOT NULL)"
    " WITHOUT ROWID",
)

SCHEMA: Final = Schema(
    (
        ("first", statements(*FIRST)),
        ("columns", _into_columns),
        ("partners", statements(*PARTNERS)),
        ("closes", statements(*CLOSES)),
    )
)


def wanted(schema: Schema = SCHEMA) -> list[Described]:
    """How a database made by these steps describes its tables and indexes."""
    return as_made(step for _, step in schema.steps)


def misdescribed(connection: sqlite3.Connection, schema: Schema = SCHEMA) -> list[str]:
    """Names of tables and indexes that are not described as they should be, or not at all."""
    return odd(described(connection), wanted(schema))


def fold_table(name: str) -> str:
    """The SQL name of a fold's table."""
    assert name.isidentifier(), name
    assert name.isascii(), name
    return FOLD_PREFIX + name


def existing_fold_tables(connection: sqlite3.Connection) -> set[str]:
    """SQL names of the fold tables that are there."""
    return {
        one.name
        for one in described(connection)
        if one.kind == "table" and one.name.startswith(FOLD_PREFIX)
    }


def create_fold_tables(connection: sqlite3.Connection) -> bool:
    """Make the fold tables that are declared but not there. True if any was made.

    A table that no loaded module declares stays: this program may have loaded only a part.
    """
    missing = {fold_table(name) for name in TABLES} - existing_fold_tables(connection)
    for table in sorted(missing):
        connection.execute(fold_text(table))
    return bool(missing)


def drop_fold_tables(connection: sqlite3.Connection) -> None:
    """Drop all fold tables, also those that nobody declares any more."""
    for table in sorted(existing_fold_tables(connection)):
        connection.execute(f"DROP TABLE main.{table}")
