"""Rebuilding the fold's tables from the stored records, in their order of arrival.

Rules: tables of the fold are caches; records are the truth. A rebuilt state is the incremental one,
and a test holds both to it.
"""

from collections import deque
from collections.abc import Callable

from node.ledger.fold import Fold
from node.protocol import record
from node.protocol.record import RawRecord, Record
from node.protocol.state import Changes
from node.storage import doctor
from node.storage.database import Database
from node.storage.doctor import Page
from node.storage.state import WriterState

Progress = Callable[[int, int], None]


def rebuild_state(
    database: Database, fold: Fold, progress: Progress = lambda done, total: None
) -> int:
    """Drop and refold everything; returns the number of records. `progress(done, total)`."""

    parsed: deque[Record] = deque()

    def look_ahead(state: WriterState, page: Page) -> None:
        parsed.clear()
        parsed.extend(record.parse_held(raw, fold.rules.community) for _, raw in page)
        state.preload(fold.foresee(parsed))

    def refold(state: WriterState, raw: RawRecord) -> Changes:
        return fold.apply(state, parsed.popleft(), state.unwritten)

    return doctor.rebuild(database, refold, progress, look_ahead)
