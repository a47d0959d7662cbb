"""Opening and closing a home's database: checks, backups and migrations come before the first read.

Rules:
- Opening order: is the log whole and on the disk (it is written out again), is it ours, is it newer
  than this program, was it closed cleanly (if not, a full integrity check), is it older (if so, a
  copy, then the migrations), are the fold's tables those of this program (if not,
  `rebuild_needed`).
- One `Writer`; readers close before it; the mark of a clean stop is written last.
- The caller holds the `HomeLock`.

Left to others: rebuilding (`doctor.rebuild`), which needs the fold.
"""

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from node.protocol.errors import StorageFault
from node.protocol.ports import Clock
from node.storage.connect import connect_reader, connect_writer
from node.storage.described import mistyped
from node.storage.errors import SQLITE_ERRORS, Problem, fault_of
from node.storage.home import Home, create_private, publish, remove_database, settle_mended
from node.storage.log import log_of, lost_commits, write_out_again
from node.storage.reader import Readers, SqliteReader
from node.storage.rows import Marks
from node.storage.schema import (
    APPLICATION_ID,
    SCHEMA,
    Schema,
    create_fold_tables,
    misdescribed,
)
from node.storage.writer import Writer

DATABASE_ID_BYTES: Final = 16
Report = Callable[[str], None]
"""Told what takes long: `checking`, `backing-up`, `migrating`."""


class Database:
    """An open database: its writer, its readers, and whether the fold's tables must be rebuilt."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        community: bytes,
        clock: Clock,
        fault: StorageFault | None = None,
    ) -> None:
        self.path = path
        self.community = community
        self._connection = connection
        self._readers = Readers(path, community)
        self.writer = Writer(connection, path, community, clock, fault)

    @classmethod
    def open(
        cls,
        home: Home,
        *,
        community: bytes,
        clock: Clock,
        fold_version: int = 1,
        schema: Schema = SCHEMA,
        report: Report = lambda _: None,
    ) -> "Database":
        """Open (or make) the database of a home.

        `community` is the id that all its records are bound to; `fold_version` is that of the fold
        whose tables it holds. When the disk is so full that
        not even the start can be noted, the database opens for reading: `writer.fault` says so.
        Raises StorageFault database-damaged, database-foreign, schema-newer, disk-full, disk-error.
        """
        home.prepare()
        settle_mended(home)
        create_private(home.database)
        log = log_of(home.database)
        if lost_commits(log):
            raise StorageFault(Problem.DATABASE_DAMAGED, "log", path=str(log))
        unsure = write_out_again(log)
        try:
            connection = connect_writer(home.database)
            try:
                fault = _bring_up_to_date(connection, home, schema, fold_version, report)
            except BaseException:
                connection.close()
                raise
        except (StorageFault, *SQLITE_ERRORS) as error:
            raise _told_apart(error, home) from error
        return cls(home.database, connection, community, clock, unsure or fault)

    @property
    def rebuild_needed(self) -> bool:
        """True iff the fold's tables do not belong to the records: rebuild before anything else."""
        return bool(self.reader().marks.get("rebuild"))

    @property
    def id(self) -> bytes:
        """16 bytes that tell this database from every other, its copies aside."""
        return self.reader().marks.get("database_id")

    def watch(self, on_damage: Callable[[], None]) -> None:
        """From now on, readers check what they show (`SqliteReader`), and tell of damage."""
        self._readers.watch(on_damage)

    def reader(self) -> SqliteReader:
        """This thread's reader for single reads."""
        return self._readers.current()

    @contextmanager
    def snapshot(self) -> Generator[SqliteReader]:
        """A reader that sees one state throughout."""
        with self._readers.snapshot() as reader:
            yield reader

    def snapshot_to(self, target: Path) -> None:
        """A copy of the last commit as one file, finished or not there at all.

        Raises StorageFault disk-full, disk-error.
        """
        copy_database(self.path, target)

    def close(self) -> None:
        """Finish what is queued, and leave one clean file behind."""
        clean = self.writer.close()
        self._readers.close()
        try:
            if clean:
                self._connection.execute("INSERT OR REPLACE INTO marks VALUES ('clean_stop', 1)")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            pass  # then the next start checks the file
        finally:
            self._connection.close()


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that may be in use, through SQLite. Raises StorageFault."""
    temporary = target.with_name(f"{target.name}.part")
    remove_database(temporary)
    try:
        create_private(temporary)
        reading = connect_reader(source)
        try:
            writing = sqlite3.connect(temporary, isolation_level=None)
            try:
                writing.execute("PRAGMA synchronous = FULL")
                reading.backup(writing)
                writing.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, no log
            finally:
                writing.close()
        finally:
            reading.close()
        publish(temporary, target)
    except sqlite3.Error as error:
        raise fault_of(error, target) or error from error
    except OSError as error:
        raise StorageFault(Problem.DISK_ERROR, str(error), path=str(target)) from error
    finally:
        remove_database(temporary)


def integrity_problems(connection: sqlite3.Connection, most: int = 10) -> list[str]:
    """What SQLite finds wrong with the file; empty when all is well."""
    try:
        lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({most})")]
        return mistyped(connection) if lines == ["ok"] else lines
    except SQLITE_ERRORS as error:
        return [str(error)]


def _bring_up_to_date(
    connection: sqlite3.Connection, home: Home, schema: Schema, fold_version: int, report: Report
) -> StorageFault | None:
    """Checks, migrations and marks; returns what keeps a sound database from writing, or None."""
    version = _version_of(connection, home, schema)
    odd = misdescribed(connection, schema) if version == schema.version else []
    if odd:
        raise StorageFault(Problem.DATABASE_DAMAGED, ", ".join(odd), path=str(home.database))
    marks = Marks(connection)
    if version > 0 and marks.get("clean_stop") != 1:
        report("checking")
        problems = integrity_problems(connection)
        if problems:
            raise StorageFault(
                Problem.DATABASE_DAMAGED, "; ".join(problems), path=str(home.database)
            )
    if version < schema.version:
        if version > 0:
            report("backing-up")
            copy_database(home.database, home.backup_of_schema(version))
        report("migrating")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        schema.migrate(connection)
    try:
        connection.execute("BEGIN IMMEDIATE")
        _fit_the_fold(connection, marks, fold_version)
        if marks.get("database_id") is None:
            marks.put("database_id", os.urandom(DATABASE_ID_BYTES))
        marks.put("clean_stop", 0)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        fault = fault_of(error, home.database)
        if fault is None or not _is_readable(marks, fold_version):
            raise
        if fault.code == Problem.DATABASE_DAMAGED:
            raise fault from error
        return fault
    return None


def _is_readable(marks: Marks, fold_version: int) -> bool:
    """True iff everything there is fits this program, though nothing could be written."""
    return marks.get("database_id") is not None and marks.get("fold_version") == fold_version


def _told_apart(error: Exception, home: Home) -> Exception:
    """The fault an error stands for. SQLite often calls a full disk an error of the disk."""
    fault = fault_of(error, home.database)
    if fault is not None and fault.code == Problem.DISK_ERROR and home.is_full():
        return StorageFault(Problem.DISK_FULL, fault.detail, **fault.values)
    return fault or error


def _version_of(connection: sqlite3.Connection, home: Home, schema: Schema) -> int:
    """The schema version of the file, 0 if it is empty; refused if it is not for this program."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application not in (0, APPLICATION_ID) or (application == 0 and (tables or version)):
        raise StorageFault(Problem.DATABASE_FOREIGN, path=str(home.database))
    if version > schema.version:
        raise StorageFault(
            Problem.SCHEMA_NEWER, f"{version} > {schema.version}", path=str(home.database)
        )
    return version


def _fit_the_fold(connection: sqlite3.Connection, marks: Marks, fold_version: int) -> None:
    """Make missing tables, and note when what the tables hold is not what this fold would make."""
    made = create_fold_tables(connection)
    stale = made or marks.get("fold_version") != fold_version
    if stale and connection.execute("SELECT 1 FROM records LIMIT 1").fetchone() is not None:
        marks.put("rebuild", 1)
    marks.put("fold_version", fold_version)
