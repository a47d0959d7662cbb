"""The search index: a cache in a file of its own, made anew when anything about it is wrong.

Rules: the index belongs to one database and one way of making tokens; else it is thrown away. How
far it has read stands in the same commit as what it read. No text is kept: SQLite before 3.43 can
take one out of such an index only when told its tokens again, so what is taken out stays behind
unseen, and when that is much, the index itself is asked for those tokens and put in order.

How unseen: what is gone has no row in `documents` any more, and its number is not used again before
its tokens are out. A text that changed is added under the number it has, so that it keeps its place
in the order of arrival; it is then found by its old words, too, so it counts only where `revised`,
a small index of current texts that were once others, agrees.

Decision: docs/decisions/0014-search-speed.md. Left to others: which documents there are
(`documents`), when to read on (`follower`), asking (`query`).
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from node.protocol.errors import StorageFault
from node.protocol.limits import SEARCH_STALE_MAX_COUNT
from node.storage.connect import connect_writer
from node.storage.described import Described, as_made, described
from node.storage.documents import Document
from node.storage.errors import SQLITE_ERRORS, Problem, fault_of
from node.storage.home import create_private, remove_database
from node.storage.rows import Marks
from node.storage.tokens import TOKENS_VERSION, Tokens, tokens_of

INDEX_VERSION: Final = 2
HASH_BYTES: Final = 6  # tells whether a text changed; one change in 2^48 is missed
ASKED_COUNT: Final = 500  # ids looked up in one statement
STALE_LEAST_COUNT: Final = 16
STALE_SHARE: Final = 16  # one text in so many may be out of order
SPARE_SHARE: Final = 16  # a free page in so many is left for what comes next
SPARE_PAGES_COUNT: Final = 256
# Larger than any batch: each batch becomes one sorted piece of the index.
HASH_SIZE_BYTES: Final = 16_777_216

_TOKENIZER: Final = "tokenize='ascii'"  # takes tokens apart at spaces and changes nothing
WORDS_TABLE: Final = (
    f"CREATE VIRTUAL TABLE words USING fts5 (text, content='', columnsize=0, {_TOKENIZER})"
)
_TABLES: Final = (
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # Rooms, languages, regions, units and kinds of listings, which `documents` names by number.
    "CREATE TABLE names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE documents (number INTEGER PRIMARY KEY, id BLOB NOT NULL, post INTEGER NOT NULL,"
    " listing_kind INTEGER, room INTEGER, language INTEGER, region INTEGER, unit INTEGER,"
    " amount INTEGER, until INTEGER, size INTEGER NOT NULL, revised INTEGER NOT NULL,"
    " hash BLOB NOT NULL)",
    "CREATE INDEX documents_by_id ON documents (substr(id, 1, 6))",
    "CREATE TABLE gone (number INTEGER PRIMARY KEY)",
    WORDS_TABLE,
    "CREATE VIRTUAL TABLE wholes USING fts5 (text, content='', columnsize=0, detail='none',"
    f" {_TOKENIZER})",
    f"CREATE VIRTUAL TABLE revised USING fts5 (text, columnsize=0, {_TOKENIZER})",
    "CREATE VIRTUAL TABLE revised_wholes USING fts5 (text, columnsize=0, detail='none',"
    f" {_TOKENIZER})",
)
_INSERT: Final = "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE: Final = (
    "UPDATE documents SET listing_kind = ?, room = ?, language = ?, region = ?, unit = ?,"
    " amount = ?, until = ?, size = ?, revised = ?, hash = ? WHERE number = ?"
)
_DELETE: Final = "INSERT INTO {0} ({0}, rowid, text) VALUES ('delete', ?, ?)"
_OUT_OF_ORDER: Final = "SELECT number FROM gone UNION SELECT number FROM documents WHERE revised"
_SEEN: Final = "seen"
_STALE: Final = "stale"
SUMS: Final = ("inserted", "inserted_size", "live", "live_size")
"""Marks that ranking needs: texts in `words` and their tokens, as FTS5 counts them; documents, and
the sum of their sizes."""


def are_sums(marks: Mapping[str, object]) -> bool:
    """Are all marks there that are counted, and none below zero?"""
    numbers = [one for one in marks.values() if isinstance(one, int) and one >= 0]
    return len(numbers) == len(marks) and marks.keys() >= set(SUMS)


def _make(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:
        connection.execute(statement)


@cache
def _wanted() -> list[Described]:
    return as_made([_make])


_Known = tuple[int, bytes, int, bool]
"""What is kept of a document: number, hash, size, revised."""


class SearchIndex:
    """The writing side of the index. Used by one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._many = connection.executemany
        self._marks = Marks(connection)
        self._names: dict[str | None, int | None] = {None: None}

    @classmethod
    def open(cls, path: Path, database_id: bytes, touched_last: int) -> "SearchIndex":
        """Open the index of a database, empty if there is none that fits. Raises StorageFault."""
        belongs = f"{INDEX_VERSION}/{TOKENS_VERSION}/{database_id.hex()}"
        try:
            return cls._open(path, belongs, touched_last)
        except _Unfit:
            remove_database(path)
        except (StorageFault, *SQLITE_ERRORS) as error:
            fault = fault_of(error, path)
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
            if index._marks.get("belongs") != belongs or not index._is_whole(touched_last):
                raise _Unfit
        except BaseException:
            connection.close()
            raise
        return index

    def _is_whole(self, touched_last: int) -> bool:
        """Is it described as it was made, can each part be asked, are its marks possible?"""
        found = described(self._connection)
        marks = {name: self._marks.get(name) for name in (_SEEN, _STALE, *SUMS)}
        for table in ("words", "wholes", "revised", "revised_wholes"):
            self._execute(f"SELECT rowid FROM {table} WHERE {table} MATCH 'a' LIMIT 1").fetchall()
        return found == _wanted() and are_sums(marks) and marks[_SEEN] <= touched_last

    def _create(self, belongs: str) -> None:
        # Merging leaves many pages free; in an empty file this costs nothing.
        self._execute("PRAGMA auto_vacuum = INCREMENTAL").fetchall()
        self._execute("VACUUM")
        self._execute("BEGIN IMMEDIATE")
        _make(self._connection)
        for table in ("words", "wholes"):
            self._set(table, "hashsize", HASH_SIZE_BYTES)
        self._marks.put("belongs", belongs)
        for name in (_SEEN, _STALE, *SUMS):
            self._marks.put(name, 0)
        self._execute("COMMIT")

    def _set(self, table: str, option: str, value: int) -> None:
        self._execute(f"INSERT INTO {table} ({table}, rank) VALUES (?, ?)", (option, value))

    @property
    def seen(self) -> int:
        """How far into the database's `touched` the index has read."""
        return self._marks.get(_SEEN)

    def take(self, found: Iterable[tuple[bytes, Document | None]], seen: int) -> None:
        """Bring documents up to date (None: there is nothing to find any more), in one commit."""
        self._execute("BEGIN IMMEDIATE")
        try:
            stale = self._take(dict(found))
            if stale:
                self._put_in_order(self._marks.get(_STALE) + stale)
            self._marks.put(_SEEN, seen)
            self._execute("COMMIT")
        except BaseException:
            self._names = {None: None}
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _take(self, found: dict[bytes, Document | None]) -> int:
        """Returns how many texts were taken out, or changed."""
        known = self._known(list(found))
        number = self._next_number()
        new: list[tuple[object, ...]] = []
        texts: list[tuple[int, Tokens]] = []
        gone: list[_Known] = []
        stale = 0
        for record, document in found.items():
            old = known.get(record)
            if document is None:
                gone += [] if old is None else [old]
                continue
            text_hash = blake2b(document.text.encode(), digest_size=HASH_BYTES).digest()
            if old is None:
                tokens = tokens_of(document.text)
                new.append((
                    number, record, document.kind == "post", *self._facets(document),
                    tokens.size, False, text_hash,
                ))  # fmt: skip
                texts.append((number, tokens))
                number += 1
            else:
                stale += self._renew(old, document, text_hash)
        self._many(_INSERT, new)
        self._add(texts)
        self._count(live=len(new), live_size=sum(tokens.size for _, tokens in texts))
        self._drop(gone)
        return stale + len(gone)

    def _known(self, records: Sequence[bytes]) -> dict[bytes, _Known]:
        """What is kept of those that are kept."""
        known: dict[bytes, _Known] = {}
        for start in range(0, len(records), ASKED_COUNT):
            asked = [record[:6] for record in records[start : start + ASKED_COUNT]]
            rows = self._execute(
                "SELECT id, number, hash, size, revised FROM documents"
                f" WHERE substr(id, 1, 6) IN ({', '.join('?' * len(asked))})",
                asked,
            )
            for record, number, text_hash, size, revised in rows:
                known[record] = (number, text_hash, size, bool(revised))
        return known

    def _next_number(self) -> int:
        last = "SELECT max(coalesce((SELECT max(number) FROM documents), 0),"
        last += " coalesce((SELECT max(number) FROM gone), 0))"
        return self._execute(last).fetchone()[0] + 1

    def _facets(self, document: Document) -> tuple[int | None, ...]:
        name = self._name
        return (
            name(document.listing_kind), name(document.room), name(document.language),
            name(document.region), name(document.unit), document.amount, document.until,
        )  # fmt: skip

    def _name(self, name: str | None) -> int | None:
        """The number of a name."""
        if name not in self._names:
            self._execute("INSERT OR IGNORE INTO names (name) VALUES (?)", (name,))
            row = self._execute("SELECT number FROM names WHERE name = ?", (name,)).fetchone()
            self._names[name] = row[0]
        return self._names[name]

    def _add(self, texts: Sequence[tuple[int, Tokens]]) -> None:
        """Put tokens into the index."""
        words = [(number, tokens.words) for number, tokens in texts]
        wholes = [(number, tokens.wholes) for number, tokens in texts if tokens.wholes]
        self._many("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
        self._many("INSERT INTO wholes (rowid, text) VALUES (?, ?)", wholes)
        self._count(inserted=len(words), inserted_size=sum(text.count(" ") for _, text in words))

    def _count(self, **sums: int) -> None:
        for name, more in sums.items():
            self._marks.put(name, self._marks.get(name) + more)

    def _renew(self, old: _Known, document: Document, text_hash: bytes) -> bool:
        """A document that is known shows something else. True iff its text changed."""
        number, known_hash, size, revised = old
        changed = known_hash != text_hash
        if changed:
            tokens = tokens_of(document.text)
            self._forget_revised(number)
            self._execute("INSERT INTO revised (rowid, text) VALUES (?, ?)", (number, tokens.words))
            self._execute(
                "INSERT INTO revised_wholes (rowid, text) VALUES (?, ?)", (number, tokens.wholes)
            )
            self._add([(number, tokens)])
            self._count(live_size=tokens.size - size)
            size, revised = tokens.size, True
        self._execute(_UPDATE, (*self._facets(document), size, revised, text_hash, number))
        return changed

    def _forget_revised(self, number: int) -> None:
        for table in ("revised", "revised_wholes"):
            self._execute(f"DELETE FROM {table} WHERE rowid = ?", (number,))

    def _drop(self, gone: Sequence[_Known]) -> None:
        for number, _, size, revised in gone:
            if revised:
                self._forget_revised(number)
            self._execute("DELETE FROM documents WHERE number = ?", (number,))
            self._execute("INSERT INTO gone VALUES (?)", (number,))
            self._count(live=-1, live_size=-size)

    def _put_in_order(self, stale: int) -> None:
        """Now and then take out all tokens of what is gone, or was replaced: until then it counts
        in how rare a word is."""
        few = max(STALE_LEAST_COUNT, self._marks.get("live") // STALE_SHARE)
        if stale >= min(SEARCH_STALE_MAX_COUNT, few):
            removed, removed_size = self._clear("words")
            current = self._execute("SELECT text FROM revised").fetchall()
            self._restore("words", "revised")
            self._clear("wholes")
            self._restore("wholes", "revised_wholes")
            self._count(
                inserted=len(current) - removed,
                inserted_size=sum(text.count(" ") for (text,) in current) - removed_size,
            )
            self._count_each_once()
            self._execute("DELETE FROM gone")
            self._execute("UPDATE documents SET revised = 0 WHERE revised")
            self._forget_names()
            stale = 0
        self._marks.put(_STALE, stale)

    def _clear(self, table: str) -> tuple[int, int]:
        """Take everything out of `table` that is out of order; returns how many texts and tokens
        that were."""
        self._execute(
            f"CREATE VIRTUAL TABLE temp.{table}_tokens USING fts5vocab (main, {table}, instance)"
        )
        tokens: dict[int, list[str]] = {}
        for number, term in self._execute(
            f"SELECT doc, term FROM {table}_tokens WHERE doc IN ({_OUT_OF_ORDER})"
        ):
            tokens.setdefault(number, []).append(term)
        self._execute(f"DROP TABLE temp.{table}_tokens")
        self._many(_DELETE.format(table), [(n, " ".join(terms)) for n, terms in tokens.items()])
        return len(tokens), sum(map(len, tokens.values()))

    def _restore(self, table: str, current: str) -> None:
        """Put the current texts in the place of what they replaced, and merge the index."""
        self._execute(f"INSERT INTO {table} (rowid, text) SELECT rowid, text FROM {current}")
        self._execute(f"DELETE FROM {current}")
        for name in (table, current):
            self._execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")

    def _count_each_once(self) -> None:
        """A text that was added twice under its number counts twice for FTS5: no more."""
        twice = self._marks.get("inserted") - self._marks.get("live")
        self._many(_DELETE.format("words"), [(0, "")] * twice)
        self._count(inserted=-twice)

    def _forget_names(self) -> None:
        """Names that nothing is called by any more."""
        used = " UNION ".join(
            f"SELECT {column} FROM documents WHERE {column} IS NOT NULL"
            for column in ("listing_kind", "room", "language", "region", "unit")
        )
        self._execute(f"DELETE FROM names WHERE number NOT IN ({used})")
        self._names = {None: None}

    def tidy(self) -> None:
        """Give pages back that merging has left free, when they are many."""
        free, pages = (
            self._execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("freelist_count", "page_count")
        )
        if free > SPARE_PAGES_COUNT and free > pages // SPARE_SHARE:
            # A page a step, and `execute` makes only one.
            self._connection.executescript("PRAGMA incremental_vacuum")

    def count(self) -> int:
        """How many documents can be found."""
        return self._execute("SELECT count(*) FROM documents").fetchone()[0]

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()


class _Unfit(Exception):
    """The index is of another database, of other tokens, or of a lost future."""
