"""Connections to SQLite, every option spelled out.

Rules: one connection writes and checkpoints; every other one is read-only twice over (`mode=ro` and
`query_only`), so that it can neither checkpoint when it closes nor write by mistake (SQLite before
3.51.3 loses data when two connections write or checkpoint). `synchronous=FULL`: a commit that was
acknowledged survives a power cut. Erased text is overwritten (`secure_delete`).
"""

import sqlite3
from pathlib import Path
from typing import Final, Literal

from node.protocol import limits
from node.storage.errors import SQLITE_ERRORS, fault_of

STATEMENTS_COUNT: Final = 256  # prepared statements kept: all that a node uses
_KIB: Final = 1_024

Durability = Literal["FULL", "NORMAL"]


def connect_writer(path: Path, durability: Durability = "FULL") -> sqlite3.Connection:
    """The one writing connection. It may be handed to another thread once. Raises StorageFault."""
    options = (
        f"page_size = {limits.DATABASE_PAGE_BYTES}",  # counts only before the first table
        "auto_vacuum = NONE",
        "journal_mode = WAL",
        f"synchronous = {durability}",
        "fullfsync = ON",  # macOS only: there a plain fsync does not reach the disk
        "checkpoint_fullfsync = ON",
        "foreign_keys = OFF",
        "secure_delete = ON",
        f"wal_autocheckpoint = {limits.CHECKPOINT_PAGES_COUNT}",
        f"journal_size_limit = {limits.LOG_SIZE_MAX_BYTES}",
        *_common(limits.WRITER_CACHE_BYTES),
    )
    return _connect(str(path), options)


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read. Raises StorageFault."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return _connect(uri, ("query_only = ON", *_common(limits.READER_CACHE_BYTES)))


def _common(cache_bytes: int) -> tuple[str, ...]:
    return (
        f"cache_size = -{cache_bytes // _KIB}",
        "mmap_size = 0",  # a read error on a mapped page kills the process
        "temp_store = MEMORY",
        f"busy_timeout = {limits.BUSY_WAIT_MS}",
        "cell_size_check = ON",  # notices more damage
        "trusted_schema = OFF",
        "recursive_triggers = OFF",
    )


def _connect(target: str, options: tuple[str, ...]) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            target,
            timeout=limits.BUSY_WAIT_MS / 1_000,
            isolation_level=None,  # transactions are opened where they are meant
            check_same_thread=False,  # each is used by one thread, but closed by another
            cached_statements=STATEMENTS_COUNT,
            uri=target.startswith("file:"),
        )
        for option in options:
            connection.execute(f"PRAGMA {option}").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except SQLITE_ERRORS as error:
        if connection is not None:
            connection.close()
        raise fault_of(error, target) or error from error
    return connection
