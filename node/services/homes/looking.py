"""Looking at stored records again: is every one still what was stored.

Rules: a record is whole when it parses, its signature holds and the tables know it by its id and
number. A running node looks at some each minute, so that a flipped bit is found before anybody
asks for the record, and at the file's structure after all of them; `wetalk doctor` looks at all of
it. Where something fails that should not, once in a run, all is looked at and folded anew: a
flipped bit in a table of the fold shows in no other way. Nothing here writes.

Left to others: mending (`mending`); folding anew (`books.scratch_check`).
"""

# pyright: reportUnknownMemberType=false

import logging
import sqlite3
from typing import Final

import trio

from node.protocol import admission, crypto
from node.protocol.errors import StorageFault
from node.protocol.shapes import CommunityId
from node.services import missing
from node.services.books import scratch_check
from node.services.books.found import Verification
from node.services.core import Committed, Core
from node.storage import doctor
from node.storage.connect import connect_reader
from node.storage.database import integrity_problems
from node.storage.doctor import Finding
from node.storage.home import Home
from node.storage.reader import SqliteReader
from node.storage.rows import Rows

log = logging.getLogger(__name__)

PAGE_COUNT: Final = 500  # records looked at between two breaths
LISTED_COUNT: Final = 50_000  # entries read at a time; one row may hold many
PAGES_AT_ONCE_COUNT: Final = (
    4  # a minute: 100,000 records in less than an hour, a fifth of a second each
)


def look(reader: Rows, community: CommunityId, after: int) -> tuple[int, list[int]]:
    """Look at the records after a number; up to which number, and those that are not whole.

    The same number as given: there are no more. Raises sqlite3.DatabaseError where the file itself
    is damaged.
    """
    page = reader.records_after(after, PAGE_COUNT)
    if not page:
        return after, []
    checked = admission.verify_chunk([raw for _, raw in page], community)
    known = reader.whole(dict(page))
    bad = [
        number
        for (number, _), one in zip(page, checked, strict=True)
        if isinstance(one, admission.Refused) or number not in known
    ]
    return page[-1][0], bad


def look_at_all(reader: Rows, community: CommunityId) -> list[int]:
    """Numbers of all stored records that are not whole. Raises as `look`."""
    bad: list[int] = []
    last, before = -1, -2
    while last != before:
        before = last
        last, found = look(reader, community, before)
        bad += found
    return bad


def findings_of(home: Home) -> list[Finding]:
    """Everything that is not as it should be, file and content. Changes nothing, never raises."""
    found = doctor.check(home)
    if any(one.level == "bad" for one in found) or not home.genesis.exists():
        return found
    community = CommunityId(crypto.community_id(home.genesis.read_bytes()))
    try:
        reader = SqliteReader(connect_reader(home.database), community)
        try:
            with reader.snapshot():
                bad = look_at_all(reader, community)
                _look_at_lists(reader)
                gone = missing.read(reader)
        finally:
            reader.close()
    except (sqlite3.DatabaseError, StorageFault) as error:
        problem = Finding(
            "bad", "database-damaged", {"path": str(home.database), "problems": str(error)}
        )
        return [*found, problem]
    if bad:
        found.append(Finding("bad", "records-damaged", {"count": len(bad)}))
    if gone.lanes:
        found.append(Finding("note", "own-lane-damaged"))
    if gone.records:
        found.append(Finding("note", "records-missing", {"count": len(gone.records)}))
    return found


def _look_at_lists(reader: Rows) -> None:
    """Read what tells others of changes. Raises StorageFault where that cannot be read."""
    last = 0
    while events := reader.events.after(last, LISTED_COUNT):
        last = events[-1].seq
    last = 0
    while touched := reader.touched.after(last, LISTED_COUNT):
        last = touched[-1][0]


class Looking:
    """The duty: round and round over all records, some at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._last = -1
        self._looked_at_all = False

    def concerns(self, committed: Committed) -> bool:
        """Never: it has time."""
        del committed
        return False

    async def perform(self) -> int:
        """Look at some; returns how many are not whole. Raises StorageFault."""
        if self._core.suspected and not self._looked_at_all:
            self._looked_at_all = True
            bad = await trio.to_thread.run_sync(self._all)
        else:
            bad = await trio.to_thread.run_sync(self._some)
        if bad:
            self._core.note_damage()
        return bad

    def _all(self) -> int:
        log.warning("looking at everything: something failed that should not")
        with self._core.reading() as reader:
            bad = len(integrity_problems(reader.connection, 1))
            _look_at_lists(reader)
        found = Verification()
        if not bad:
            scratch_check.check(self._core, found, lambda done, total: None)
        return bad + len(found.findings)

    def _some(self) -> int:
        bad = 0
        for _ in range(PAGES_AT_ONCE_COUNT):
            with self._core.reading() as reader:
                last, found = look(reader, self._core.community, self._last)
                over = last == self._last
                if over:  # now and then, what no record shows: the file itself
                    bad += len(integrity_problems(reader.connection, 1))
            bad += len(found)
            self._last = -1 if over else last
            if over:
                break
        return bad
