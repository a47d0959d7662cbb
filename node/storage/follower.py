"""The search index follows the database, in a thread of its own, some moments behind.

Rules: it reads on from where the index stopped, whatever happened in between, so nothing needs to
be told to it twice. It lags while many records come, and never holds the database's writer up: in
one process both need the interpreter's lock. A full or failing disk makes it wait and try again. An
index in which anything is wrong is made anew at once; the second time in a run, when it may be a
mistake of ours, at the next start. Where the home itself cannot be read, it says so and ends.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from node.protocol import limits
from node.protocol.errors import StorageFault
from node.storage import tokens
from node.storage.database import Database
from node.storage.documents import Document, document_of
from node.storage.errors import SQLITE_ERRORS, Problem, again, fault_of
from node.storage.home import remove_database
from node.storage.query import Page, SearchQuery, SearchReader
from node.storage.search import SearchIndex
from node.storage.state import Commit

log = logging.getLogger(__name__)

LOOK_S: Final = 0.1
GIVEN_WAY_MAX_S: Final = 10.0  # then some documents are indexed all the same
NEW_WAIT_S: Final = 5.0  # that a question waits for a new index
COMMIT_MAX_COUNT: Final = 4_000  # documents of one commit while there are many: a quarter second


class _Unread(Exception):
    """The home could not be read; its argument says why."""


class Search:
    """The index of an open database, kept up to date; close it before the database."""

    def __init__(
        self,
        database: Database,
        path: Path,
        note: Callable[[Exception], object] = lambda _: None,
    ) -> None:
        """Open or make the index and start following; when the disk refuses, begin later.

        `note` is told, in a thread of the index, when what it is to follow cannot be read.
        """
        self._database, self._path, self._note = database, path, note
        self._index: SearchIndex | None = None
        self._seen = 0
        self._busy_until = 0.0
        self._generation = 0  # of the index: how often it was made anew
        self._anew_wanted = False
        self._change = threading.Condition()
        self._work, self._stop = threading.Event(), threading.Event()
        self._here = threading.local()
        self._readers: list[SearchReader] = []
        self._fault: StorageFault | None = None
        try:
            self._open_index()
        except StorageFault as fault:
            self._fault = fault
        except _Unread:
            pass  # the thread meets it again, and tells
        self._work.set()
        database.writer.add_listener(self._committed)
        self._thread = threading.Thread(target=self._run, name="wetalk-search", daemon=True)
        self._thread.start()

    def _open_index(self) -> SearchIndex:
        if self._index is None:
            try:
                touched_last = self._database.reader().touched.last()
            except (StorageFault, *SQLITE_ERRORS) as error:
                raise _Unread(error) from error
            self._index = SearchIndex.open(self._path, self._database.id, touched_last)
            self._seen = self._index.seen
        return self._index

    @property
    def fault(self) -> StorageFault | None:
        """Why the index does not follow just now, or None."""
        return self._fault

    @property
    def behind_count(self) -> int:
        """How many changes the index has yet to look at."""
        return max(0, self._database.reader().touched.last() - self._seen)

    def query(self, query: SearchQuery) -> Page:
        """A page of hits, in this thread. Raises LocalFault cursor-invalid, StorageFault."""
        if self._index is None:
            raise again(self._fault or StorageFault(Problem.DISK_ERROR, path=str(self._path)))
        generation = self._generation
        try:
            return self._reader().query(query)
        except SQLITE_ERRORS as error:
            fault = fault_of(error, self._path)
            if fault is not None and fault.code != Problem.DATABASE_DAMAGED:
                raise fault from error
            if not self.begin_anew(generation):
                raise self._trouble(error) from error
        try:
            return self._reader().query(query)  # of a new index, which fills meanwhile
        except SQLITE_ERRORS as error:
            raise self._trouble(error) from error

    def begin_anew(self, generation: int | None = None) -> bool:
        """Something is wrong with the index, or with that of a generation: have it made anew, and
        wait a moment for it to fill. False if it was made anew before in this run."""
        with self._change:
            if generation is None:
                generation = self._generation
            if self._generation == generation:
                if generation > 0:
                    return False
                self._anew_wanted = True
                self._work.set()
                if not self._change.wait_for(lambda: self._generation > 0, NEW_WAIT_S):
                    return False
        self.wait_until_caught_up(NEW_WAIT_S)
        return True

    def _trouble(self, error: Exception) -> StorageFault:
        """What is said where the index is wrong again: not that the home is damaged."""
        return StorageFault(Problem.DISK_ERROR, str(error), path=str(self._path))

    def _reader(self) -> SearchReader:
        """This thread's reader of the index as it is now."""
        generation = self._generation
        kept: tuple[int, SearchReader] | None = getattr(self._here, "reader", None)
        if kept is not None and kept[0] == generation:
            return kept[1]
        if kept is not None:
            self._readers.remove(kept[1])
            kept[1].close()
        reader = SearchReader(self._path)
        self._here.reader = (generation, reader)
        self._readers.append(reader)
        return reader

    def wait_until_caught_up(self, timeout_s: float) -> bool:
        """Wait until all that is committed now can be found. False if it took too long."""
        target, end = self._database.reader().touched.last(), time.monotonic() + timeout_s
        with self._change:
            while self._seen < target:
                if not self._change.wait(end - time.monotonic()) and time.monotonic() >= end:
                    return False
        return True

    def close(self) -> None:
        """Stop following. What is not indexed yet is at the next start."""
        self._stop.set()
        self._work.set()
        self._thread.join(limits.SEARCH_CLOSE_WAIT_S)
        for reader in self._readers:
            reader.close()
        if self._index is not None:
            self._index.close()
        if self._fault is not None and self._fault.code == Problem.DATABASE_DAMAGED:
            remove_database(self._path)

    def _give_way(self) -> None:
        """While records stream in, let the writer have the processor, for so long at a time."""
        end = time.monotonic() + GIVEN_WAY_MAX_S
        while time.monotonic() < min(end, self._busy_until) and not self._stop.is_set():
            self._stop.wait(LOOK_S)

    def _committed(self, commit: Commit) -> None:
        if commit.next_number - commit.first_number >= limits.BULK_RECORDS_COUNT:
            self._busy_until = time.monotonic() + limits.BULK_S
        if commit.touched:
            self._work.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._work.wait()
            self._stop.wait(limits.SEARCH_DELAY_MS / 1_000)  # let some gather
            self._work.clear()
            try:
                if self._anew_wanted:
                    self._make_anew()
                self._give_way()
                while not self._stop.is_set() and self._batch():
                    self._give_way()
                self._rest()
                self._fault = None
            except _Unread as unread:
                self._note(unread.args[0])
                if not self._goes_on(unread.args[0]):
                    return
            except Exception as error:
                fault = fault_of(error, self._path)
                if (fault is None or fault.code == Problem.DATABASE_DAMAGED) and (
                    self._generation == 0
                ):
                    log.warning("the index is made anew: %r", error)
                    self._anew_wanted = True
                    self._work.set()
                elif not self._goes_on(error):
                    return

    def _goes_on(self, error: Exception) -> bool:
        """Wait after an error, if waiting may help. Raises a mistake of ours."""
        self._fault = fault_of(error, self._path)
        if self._fault is None:
            self._fault = self._trouble(error)
            raise error
        if self._fault.code == Problem.DATABASE_DAMAGED:
            return False
        self._stop.wait(limits.SEARCH_RETRY_S)
        self._work.set()
        return True

    def _make_anew(self) -> None:
        """Begin again with an empty index."""
        if self._index is not None:
            self._index.close()
        self._index = None
        remove_database(self._path)
        self._open_index()
        with self._change:
            self._generation += 1
            self._anew_wanted = False
            self._change.notify_all()

    def _batch(self) -> bool:
        """Look at some of what is new, in one commit. False if there was nothing."""
        index, seen = self._open_index(), self._seen
        found: dict[bytes, Document | None] = {}
        while len(found) < COMMIT_MAX_COUNT and not self._stop.is_set():
            try:
                last = self._read(seen, found)
            except (StorageFault, *SQLITE_ERRORS) as error:
                raise _Unread(error) from error
            if last is None:
                break
            seen = last
        if seen == self._seen:
            return False
        index.take(found.items(), seen)
        with self._change:
            self._seen, self._fault = seen, None  # whoever waits for the one sees the other
            self._change.notify_all()
        return True

    def _read(self, seen: int, found: dict[bytes, Document | None]) -> int | None:
        """Gather what follows `seen` in the home; up to where, None if there is nothing."""
        with self._database.snapshot() as reader:
            touched = reader.touched.after(seen, limits.SEARCH_BATCH_COUNT)
            for _, entry in touched:
                record = reader.id_at(entry) if isinstance(entry, int) else entry
                if record is not None:
                    found[record] = document_of(reader, record)
        return touched[-1][0] if touched else None

    def _rest(self) -> None:
        """All is read: give back what was only needed for that."""
        tokens.forget()
        self._open_index().tidy()
