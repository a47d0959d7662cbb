"""Rebuilding the fold's tables from the stored records, in their order of arrival.

Rules: tables of the fold are caches; records are the truth. A rebuilt state is the incremental one,
and a test holds both to it.
"""

from collections.abc import Callable

from node.protocol import record
from node.protocol.record import RawRecord
from node.protocol.state import Changes
from node.services.core import Core
from node.storage import doctor
from node.storage.state import WriterState

Progress = Callable[[int, int], None]


def rebuild_state(core: Core, progress: Progress = lambda done, total: None) -> int:
    """Drop and refold everything; returns the number of records. `progress(done, total)`."""

    def refold(state: WriterState, raw: RawRecord) -> Changes:
        return core.fold.apply(state, record.parse(raw, core.community))

    return doctor.rebuild(core.database, refold, progress)
