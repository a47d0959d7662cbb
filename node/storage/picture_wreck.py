"""Reading what is left of a damaged file of pictures: from a copy, file by file.

Rules: the damaged file is not changed. What comes out has the hash under which it was kept; whose
it was is only as true as its row, and where that cannot be read it counts as the owner's, made for
a listing to come.

Left to others: the new file (`storage.pictures`).
"""

import shutil
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from node.protocol.crypto import sha256
from node.storage.described import Described, as_made, set_right
from node.storage.errors import SQLITE_ERRORS
from node.storage.home import remove_database
from node.storage.log import apply, log_of
from node.storage.salvage import set_header_right

VERSION: Final = 1
TABLES: Final = (
    "CREATE TABLE files (hash BLOB PRIMARY KEY, media TEXT, size INTEGER, width INTEGER,"
    " height INTEGER, own INTEGER, fresh INTEGER, used INTEGER) WITHOUT ROWID",
    "CREATE TABLE bytes (hash BLOB PRIMARY KEY, data BLOB)",
    "CREATE TABLE made (large BLOB PRIMARY KEY, small BLOB) WITHOUT ROWID",
)


def make(connection: sqlite3.Connection) -> None:
    """The tables, in an empty file."""
    for text in TABLES:
        connection.execute(text)


@cache
def wanted() -> list[Described]:
    """What a file says of its tables that was made so."""
    return as_made([make])


_WAYS: Final = ("", "NOT INDEXED ORDER BY rowid", "NOT INDEXED ORDER BY rowid DESC")


class PictureWreck:
    """A copy of a damaged file of pictures, open for reading. Use it in a `with` block."""

    def __init__(self, damaged: Path, copy: Path) -> None:
        """Raises OSError when the disk refuses."""
        self._path = copy
        shutil.copyfile(damaged, copy)
        apply(log_of(damaged), copy, beyond=False)
        set_header_right(copy, VERSION, 0)
        set_right(copy, wanted())
        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)

    def __enter__(self) -> "PictureWreck":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        remove_database(self._path)

    def files(self) -> Iterator[tuple[bytes, bool, bool]]:
        """Whole files: bytes, are they the owner's, does no listing name them yet."""
        for number in sorted(self._numbers()):
            row = self._one("SELECT hash, data FROM bytes WHERE rowid = ?", (number,))
            if row is not None and isinstance(row[1], bytes) and sha256(row[1]) == row[0]:
                kept = self._one("SELECT own, fresh FROM files WHERE hash = ?", (row[0],))
                own, fresh = kept if kept is not None else (1, 1)
                yield row[1], own != 0, fresh != 0

    def _numbers(self) -> set[int]:
        """Rows that there may be: as the index has them, and from both ends of the table."""
        found: set[int] = set()
        for way in _WAYS:
            try:
                for (number,) in self._connection.execute(f"SELECT rowid FROM bytes {way}"):
                    found.add(number)
            except SQLITE_ERRORS:
                continue  # up to the damage
        return found

    def made(self) -> list[tuple[bytes, bytes]]:
        """Hashes of the two sizes of pictures that were made here, as far as they can be read."""
        try:
            found = self._connection.execute("SELECT large, small FROM made").fetchall()
        except SQLITE_ERRORS:
            return []
        return [row for row in found if all(isinstance(one, bytes) for one in row)]

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
        try:
            return self._connection.execute(query, values).fetchone()
        except SQLITE_ERRORS:
            return None
