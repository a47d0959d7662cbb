"""Looking after a home: is everything sound, and how the fold's tables are made anew.

Rules: `check` changes nothing and may run beside a working node. `rebuild` drops only what can be
made again; killed in the middle, the mark it set asks for a rebuild at the next start. The fold is
handed in, so that storage stays free of what records mean.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from node.protocol.errors import StorageFault
from node.protocol.limits import (
    DISK_FREE_LOW_BYTES,
    REBUILD_BATCH_COUNT,
    RUN_KEPT_COUNT,
    WRITER_CACHE_BYTES,
)
from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.protocol.state import Changes
from node.storage.connect import connect_reader
from node.storage.database import Database, integrity_problems
from node.storage.errors import SQLITE_ERRORS, is_of_no_format
from node.storage.home import Home, create_private, remove_database
from node.storage.reader import SqliteReader
from node.storage.rows import Marks
from node.storage.schema import (
    APPLICATION_ID,
    SCHEMA,
    create_fold_tables,
    drop_fold_tables,
    misdescribed,
)
from node.storage.state import WriterState

Refold = Callable[[WriterState, RawRecord], Changes]
"""What the fold makes of a stored record, whose number is `state.next_number()`."""

Page = Sequence[tuple[int, RawRecord]]
"""Stored records with their local numbers, in order."""

LookAhead = Callable[[WriterState, Page], None]
"""Shown the records that are refolded next, to read ahead what they will ask for."""

Differing = Callable[[Reader, Reader], list[str]]
"""Shown the state of the home and the one that was made anew; names what differs."""

PAGES_AHEAD_COUNT: Final = 3  # so many pages are announced before they are refolded

Progress = Callable[[int, int], None]
"""Told (records done, records in all)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a member should know. `bad` wants mending, `note` wants attention."""

    level: Literal["bad", "note"]
    code: str  # a sentence in the catalogue stands under `doctor.<code>`
    values: dict[str, object] = field(default_factory=dict[str, object])


def check(home: Home) -> list[Finding]:
    """Everything that is not as it should be; empty when all is well. Never raises."""
    if not home.path.is_dir() or not home.database.exists():
        return [Finding("bad", "home-missing", {"path": str(home.path)})]
    found = [
        Finding("bad", "open-to-others", {"path": str(path)}) for path in home.open_to_others()
    ]
    free = home.free_bytes()
    if free < DISK_FREE_LOW_BYTES:
        found.append(Finding("note", "disk-low", {"free_bytes": free}))
    found += _database_findings(home)
    if home.search.exists() and _file_problems(home.search):
        found.append(Finding("note", "search-damaged", {"path": str(home.search)}))
    if home.pictures.exists() and _file_problems(home.pictures):
        found.append(Finding("bad", "pictures-damaged", {"path": str(home.pictures)}))
    return found


def _file_problems(path: Path) -> list[str]:
    try:
        connection = connect_reader(path)
    except (StorageFault, *SQLITE_ERRORS) as error:
        return [str(error)]
    try:
        return integrity_problems(connection)
    finally:
        connection.close()


def _database_findings(home: Home) -> list[Finding]:
    values: dict[str, object] = {"path": str(home.database)}
    problems = _file_problems(home.database)
    if not problems and is_of_no_format(home.database):
        problems = ["header"]
    if problems:
        return [Finding("bad", "database-damaged", {**values, "problems": ", ".join(problems)})]
    connection = connect_reader(home.database)
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            return [Finding("bad", "database-foreign", values)]
        if version > SCHEMA.version:
            return [Finding("bad", "schema-newer", values)]
        odd = misdescribed(connection) if version == SCHEMA.version else []
        if odd:
            return [Finding("bad", "database-damaged", {**values, "problems": ", ".join(odd)})]
        if version == SCHEMA.version and Marks(connection).get("rebuild"):
            return [Finding("note", "rebuild-needed", values)]
        return []
    finally:
        connection.close()


def rebuild(
    database: Database,
    refold: Refold,
    progress: Progress = lambda done, total: None,
    look_ahead: LookAhead = lambda state, page: None,
) -> int:
    """Make the fold's tables anew from the stored records, in order of arrival; returns how many.

    Raises what the writer raises. Cut short, it starts over at the next opening.
    """

    def clear(state: WriterState) -> int:
        drop_fold_tables(state.connection)
        create_fold_tables(state.connection)
        state.forget()
        state.marks.put("rebuild", 1)
        state.touched.clear()
        return state.record_count()

    def batch(state: WriterState, after: int) -> tuple[int, int]:
        records = state.records_after(after, REBUILD_BATCH_COUNT)
        _refold_page(state, records, refold, look_ahead)
        return len(records), records[-1][0] if records else after

    total = database.writer.run_sync(clear)
    done, last, count = 0, -1, 1
    progress(done, total)
    while count:
        count, last = database.writer.run_sync(lambda state, after=last: batch(state, after))
        done += count
        progress(done, total)
    database.writer.run_sync(lambda state: state.marks.remove("rebuild"))
    return done


def _refold_page(state: WriterState, page: Page, refold: Refold, look_ahead: LookAhead) -> None:
    look_ahead(state, page)
    with state.refolding() as at:
        for number, raw in page:
            at(number)
            state.apply(None, refold(state, raw))


@dataclass(slots=True)
class Run:
    """A comparison that may be cut short and gone on with, by another process too.

    `name` says what it was made with: a run of another name is started over. `is_sound` False:
    nothing is worth keeping.
    """

    name: str
    is_sound: Callable[[], bool] = lambda: True
    resumes: bool = True  # False: start over
    resumed: bool = False  # it went on where an earlier one was cut short


def compare(
    database: Database,
    refold: Refold,
    differing: Differing,
    progress: Progress = lambda done, total: None,
    look_ahead: LookAhead = lambda state, page: None,
    run: Run | None = None,
    announce: Callable[[Page], None] = lambda page: None,
) -> list[str]:
    """Where the fold's tables differ from what a refold in a scratch file gives; empty: nowhere.

    `differing` says what differs (say, state roots): tables hold local numbers, which differ where
    records were dropped. Changes nothing. With a `run`, the scratch file of one that was cut short
    is kept, and the next one goes on from there.
    `announce` is shown records some time before they are refolded.
    """
    scratch = database.path.with_name("node.db.check")
    if run is None or not run.resumes:
        remove_database(scratch)
    run = run or Run("", lambda: False)
    create_private(scratch)
    # Not checked for threads: the writer's thread only makes it look at the home once.
    connection = sqlite3.connect(scratch, isolation_level=None, check_same_thread=False)
    reader = SqliteReader(connect_reader(database.path), database.community)
    of_no_use = False
    try:
        last = _prepare(connection, run)
        _look_at_once(database, reader.connection)
        state = _Scratch(connection, database, reader)
        pages = _pages(state, last, announce)
        _refold_all(state, pages, refold, progress, look_ahead, run, last)
        found = differing(reader, state)
        of_no_use = True
        return found
    except sqlite3.DatabaseError:
        of_no_use = True
        raise
    finally:
        reader.close()
        connection.close()
        if of_no_use or not run.is_sound():
            remove_database(scratch)


def _prepare(connection: sqlite3.Connection, run: Run) -> int:
    """A scratch file to work in: one of a run that was cut short, or an empty one. Returns the last
    number that was refolded, -1 for none."""
    options = (
        "synchronous = OFF",
        "temp_store = MEMORY",
        f"cache_size = -{WRITER_CACHE_BYTES // 1_024}",
    )
    for option in options:  # a killed process loses nothing
        connection.execute(f"PRAGMA {option}").fetchall()
    connection.execute("CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value)")
    connection.execute("CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY)")
    marks = Marks(connection)
    connection.execute("BEGIN")
    run.resumed = marks.get("run") == run.name and marks.get("last") is not None
    if not run.resumed:
        drop_fold_tables(connection)
        marks.put("run", run.name)
        marks.put("last", -1)
    create_fold_tables(connection)
    return marks.get("last")


def _look_at_once(database: Database, *connections: sqlite3.Connection) -> None:
    """Let connections see one state from now on, though records go on arriving."""

    def pin(_: object) -> None:
        for connection in connections:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM marks").fetchall()

    if database.writer.fault is None:
        database.writer.run_sync(pin)  # in the writer's thread nothing is committed meanwhile
    else:
        pin(None)  # nothing is written at all


class _Scratch(WriterState):
    """Tables of the fold in the scratch file; records are read from the home."""

    def __init__(
        self, connection: sqlite3.Connection, database: Database, home: SqliteReader
    ) -> None:
        super().__init__(connection, database.community, lambda: 0)
        self._home = home

    def apply(self, raw: RawRecord | None, changes: Changes) -> None:
        if changes.rows is not self._rows.unwritten:
            self._rows.write(changes.rows)

    def raw(self, number: int) -> RawRecord | None:
        return self._home.raw(number)

    def raws(self, numbers: Sequence[int]) -> list[RawRecord | None]:
        return self._home.raws(numbers)

    def id_of(self, number: int) -> bytes:
        return self._home.id_of(number)

    def records_after(self, number: int, limit: int) -> list[tuple[int, RawRecord]]:
        return self._home.records_after(number, limit)

    def record_count(self) -> int:
        return self._home.record_count()

    def record_count_below(self, number: int) -> int:
        return self._home.record_count_below(number)

    def keep(self, last: int) -> None:
        """What was refolded so far stays, if the process is cut short from now on."""
        self.marks.put("last", last)
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN")


def _pages(state: _Scratch, last: int, announce: Callable[[Page], None]) -> Iterator[Page]:
    """Stored records after a number, each page announced while those before it are refolded."""
    ahead: deque[Page] = deque()
    while page := state.records_after(last, REBUILD_BATCH_COUNT):
        announce(page)
        ahead.append(page)
        last = page[-1][0]
        if len(ahead) > PAGES_AHEAD_COUNT:
            yield ahead.popleft()
    yield from ahead


def _refold_all(
    state: _Scratch,
    pages: Iterator[Page],
    refold: Refold,
    progress: Progress,
    look_ahead: LookAhead,
    run: Run,
    last: int,
) -> None:
    total = state.record_count()
    done = kept = state.record_count_below(last + 1)
    for page in pages:
        _refold_page(state, page, refold, look_ahead)
        state.finish()
        done += len(page)
        if done - kept >= RUN_KEPT_COUNT and run.is_sound():
            state.keep(page[-1][0])
            kept = done
        progress(done, total)
