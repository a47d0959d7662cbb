"""Rebuilding the fold's tables from the stored records, in their order of arrival.

Rules: tables of the fold are caches; records are the truth. A rebuilt state is the incremental one,
and a test holds both to it.
"""

from collections.abc import Callable, Sequence

from node.ledger.fold import Fold
from node.protocol import record
from node.protocol.record import RawRecord, Record
from node.protocol.state import Changes
from node.storage import doctor
from node.storage.database import Database
from node.storage.state import WriterState

Progress = Callable[[int, int], None]


def rebuild_state(
    database: Database, fold: Fold, progress: Progress = lambda done, total: None
) -> int:
    """Drop and refold everything; returns the number of records. `progress(done, total)`."""

    parsed: dict[RawRecord, Record] = {}

    def look_ahead(state: WriterState, raws: Sequence[RawRecord]) -> None:
        parsed.clear()
        parsed.update((raw, record.parse_held(raw, fold.rules.community)) for raw in raws)
        state.preload(fold.foresee(list(parsed.values())))

    def refold(state: WriterState, raw: RawRecord) -> Changes:
        return fold.apply(state, parsed[raw], state.unwritten)

    return doctor.rebuild(database, refold, progress, look_ahead)
