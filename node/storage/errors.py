"""What can go wrong with the home and its files, each with its stable code.

Rules: an error of SQLite that speaks of the disk or of the file becomes a StorageFault; every other
one is a mistake of ours and stays what it is.
"""

import sqlite3
from enum import StrEnum
from pathlib import Path

from node.protocol.errors import StorageFault


class Problem(StrEnum):
    """Codes of storage; each has its sentence `problem.<code>` in the catalogue."""

    DATABASE_DAMAGED = "database-damaged"  # values of all but the last five: path
    DATABASE_FOREIGN = "database-foreign"  # a database, but not one of ours
    SCHEMA_NEWER = "schema-newer"  # written by a later program
    DISK_FULL = "disk-full"
    DISK_ERROR = "disk-error"  # the disk refuses: reading or writing fails, read-only
    DISK_SYNC = "disk-sync"  # the disk may not have kept what it took: final for this process
    HOME_IN_USE = "home-in-use"  # a LocalFault; values: process
    HOME_NOT_WRITABLE = "home-not-writable"  # a LocalFault
    STORAGE_BUSY = "storage-busy"  # the queue of writes is full
    STORAGE_CLOSED = "storage-closed"  # the node is stopping
    CURSOR_INVALID = "cursor-invalid"  # a LocalFault: a list was asked to go on from nowhere


SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite may answer with: of a damaged list of tables it quotes bytes that are no text."""

_NO_FORMAT = "unsupported file format"  # by its code a mistake of ours, and yet a flipped bit
_NO_TEXT = "Could not decode to UTF-8"
_WRITE_FORMAT_AT = 18  # in the header of a file
_WRITE_FORMAT_LAST = 2  # of any beyond, SQLite says that the disk is read-only
_PRIMARY_CODE = 0xFF  # the rest of an SQLite code is detail
_SYNC_CODES = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
_CODES = {
    **dict.fromkeys(_SYNC_CODES, Problem.DISK_SYNC),
    sqlite3.SQLITE_FULL: Problem.DISK_FULL,
    sqlite3.SQLITE_CORRUPT: Problem.DATABASE_DAMAGED,
    sqlite3.SQLITE_NOTADB: Problem.DATABASE_DAMAGED,
    sqlite3.SQLITE_IOERR: Problem.DISK_ERROR,
    sqlite3.SQLITE_READONLY: Problem.DISK_ERROR,
    sqlite3.SQLITE_CANTOPEN: Problem.DISK_ERROR,
    sqlite3.SQLITE_PROTOCOL: Problem.DISK_ERROR,
    sqlite3.SQLITE_BUSY: Problem.DISK_ERROR,
}


def fault_of(error: BaseException, path: object) -> StorageFault | None:
    """The fault that an error stands for, or None if it is a mistake of ours."""
    if isinstance(error, StorageFault):
        return error
    if not isinstance(error, SQLITE_ERRORS):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, UnicodeDecodeError) or str(error) == _NO_FORMAT:
        problem = Problem.DATABASE_DAMAGED
    elif code is None:  # not of SQLite, but of Python: bytes that are called text, and are none
        problem = Problem.DATABASE_DAMAGED if str(error).startswith(_NO_TEXT) else None
    else:
        problem = _CODES.get(code) or _CODES.get(code & _PRIMARY_CODE)
        if code == sqlite3.SQLITE_READONLY and is_of_no_format(path):
            problem = Problem.DATABASE_DAMAGED
    return None if problem is None else StorageFault(problem, str(error), path=str(path))


def is_of_no_format(path: object) -> bool:
    """Does the header forbid writing, in a way no SQLite ever makes it? Reading goes on."""
    try:
        with Path(str(path)).open("rb") as file:
            file.seek(_WRITE_FORMAT_AT)
            return file.read(1) > bytes((_WRITE_FORMAT_LAST,))
    except OSError:
        return False


def again(fault: StorageFault) -> StorageFault:
    """The fault once more: each caller gets an exception, and so a traceback, of its own."""
    return StorageFault(fault.code, fault.detail, **fault.values)
