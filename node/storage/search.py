"""The search index: a cache in a file of its own, made anew when anything about it is wrong.

Rules: the index belongs to one database and one way of making tokens; else it is thrown away. How
far it has read stands in the same commit as what it read. A document's text is kept beside the
index, because SQLite 3.40 can take a document out only when told its tokens again. Texts taken out
are overwritten, and what is left of their tokens goes when the index is put in order.

Left to others: which documents there are (`documents`), when to read on (`follower`).
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.protocol.errors import StorageFault
from node.protocol.limits import SEARCH_STALE_MAX_COUNT
from node.storage.connect import connect_writer
from node.storage.documents import Document
from node.storage.errors import Problem, fault_of
from node.storage.home import create_private, remove_database
from node.storage.rows import Marks
from node.storage.tokens import TOKENS_VERSION, index_tokens

INDEX_VERSION: Final = 1
WORDS_TABLE: Final = (
    "CREATE VIRTUAL TABLE words USING fts5 (text, content='', detail='full',"
    " tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co'\")"
)
_TABLES: Final = (
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE documents (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " kind TEXT NOT NULL, listing_kind TEXT, room TEXT, language TEXT, region TEXT, unit TEXT,"
    " amount INTEGER, time INTEGER NOT NULL, until INTEGER, text TEXT NOT NULL)",
    WORDS_TABLE,
)
_REPLACE: Final = (
    "INSERT INTO documents (id, kind, listing_kind, room, language, region, unit, amount, time,"
    " until, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
    " listing_kind = excluded.listing_kind, room = excluded.room, language = excluded.language,"
    " region = excluded.region, unit = excluded.unit, amount = excluded.amount,"
    " time = excluded.time, until = excluded.until, text = excluded.text RETURNING number"
)
_SEEN: Final = "seen"
_STALE: Final = "stale"


class SearchIndex:
    """The writing side of the index. Used by one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._marks = Marks(connection)

    @classmethod
    def open(cls, path: Path, database_id: bytes, touched_last: int) -> "SearchIndex":
        """Open the index of a database, empty if there is none that fits. Raises StorageFault."""
        belongs = f"{INDEX_VERSION}/{TOKENS_VERSION}/{database_id.hex()}"
        try:
            return cls._open(path, belongs, touched_last)
        except _Unfit:
            remove_database(path)
        except (StorageFault, sqlite3.Error) as error:
            fault = fault_of(error, path) if isinstance(error, sqlite3.Error) else error
            if fault is not None and fault.code != Problem.DATABASE_DAMAGED:
                raise fault from error  # the disk's trouble, not the index's
            remove_database(path)
        try:
            return cls._open(path, belongs, touched_last)
        except sqlite3.Error as error:
            raise fault_of(error, path) or error from error

    @classmethod
    def _open(cls, path: Path, belongs: str, touched_last: int) -> "SearchIndex":
        create_private(path)
        connection = connect_writer(path, "NORMAL")
        try:
            index = cls(connection)
            if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                index._create(belongs)
            if index._marks.get("belongs") != belongs or index.seen > touched_last:
                raise _Unfit
        except BaseException:
            connection.close()
            raise
        return index

    def _create(self, belongs: str) -> None:
        self._execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            self._execute(statement)
        self._marks.put("belongs", belongs)
        self._marks.put(_SEEN, 0)
        self._marks.put(_STALE, 0)
        self._execute("COMMIT")

    @property
    def seen(self) -> int:
        """How far into the database's `touched` the index has read."""
        return self._marks.get(_SEEN)

    def take(self, found: Iterable[tuple[bytes, Document | None]], seen: int) -> None:
        """Bring documents up to date (None: there is nothing to find any more), in one commit."""
        self._execute("BEGIN IMMEDIATE")
        try:
            stale = sum(self._take(record, document) for record, document in found)
            if stale:
                self._put_in_order(self._marks.get(_STALE) + stale)
            self._marks.put(_SEEN, seen)
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _take(self, record: bytes, document: Document | None) -> bool:
        """True iff an older text was taken out of the index."""
        row = self._execute("SELECT number, text FROM documents WHERE id = ?", (record,)).fetchone()
        changed = False
        if row is not None and (document is None or row[1] != document.text):
            changed = True
            self._execute(
                "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)",
                (row[0], index_tokens(row[1])),
            )
        if document is None:
            self._execute("DELETE FROM documents WHERE id = ?", (record,))
            return changed
        number = self._execute(_REPLACE, _values(document)).fetchone()[0]
        if row is None or changed:
            self._execute(
                "INSERT INTO words (rowid, text) VALUES (?, ?)",
                (number, index_tokens(document.text)),
            )
        return changed

    def _put_in_order(self, stale: int) -> None:
        """Now and then merge the index, which drops the tokens of what was taken out."""
        if stale >= SEARCH_STALE_MAX_COUNT:
            self._execute("INSERT INTO words (words) VALUES ('optimize')")
            stale = 0
        self._marks.put(_STALE, stale)

    def count(self) -> int:
        """How many documents can be found."""
        return self._execute("SELECT count(*) FROM documents").fetchone()[0]

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()


class _Unfit(Exception):
    """The index is of another database, of other tokens, or of a lost future."""


def _values(document: Document) -> tuple[object, ...]:
    return (
        document.id, document.kind, document.listing_kind, document.room, document.language,
        document.region, document.unit, document.amount, document.time, document.until,
        document.text,
    )  # fmt: skip
