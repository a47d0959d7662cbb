"""Bulk storing of records signed by this very program: a large batch a commit, verified as ever.

Rules: signatures are verified before the writer sees a record, one batch ahead of it; the fold
judges each. A record that is not welcome, or has no effect, is a mistake of ours and stops
everything (`ledger-broken`); only a trial may be void, must be over the limit, and is not stored.

Left to others: which records, and in which order.
"""

from collections import Counter
from concurrent.futures import Future
from typing import Final

from node.protocol import admission
from node.protocol.admission import Refused, Welcome
from node.protocol.errors import OK, LocalFault, Void
from node.protocol.record import RawRecord, Record
from node.services.core import Committed, Core
from node.storage.kept.private import Contact
from node.storage.state import WriterState

JOB_RECORDS_COUNT: Final = 1_024  # records in one commit: under 0.5 s, and a few megabytes


class BulkStore:
    """Verifies records and gives them to the writer, one batch ahead of it."""

    def __init__(self, core: Core, refused: Counter[str]) -> None:
        self._core = core
        self._refused = refused
        self._batch: list[RawRecord] = []
        self._trials: set[int] = set()
        self._running: Future[Committed] | None = None
        self.contacts: list[tuple[bytes, str]] = []

    def take(self, raws: list[RawRecord]) -> None:
        """Records that must be welcome and have effect."""
        self._batch += raws

    def try_in_vain(self, raw: RawRecord) -> None:
        """A record that the fold must find over the limit; it is not stored."""
        self._trials.add(len(self._batch))
        self._batch.append(raw)

    def flush_if_full(self) -> bool:
        """Hand a full batch to the writer. True iff that was done."""
        if len(self._batch) < JOB_RECORDS_COUNT:
            return False
        self._flush()
        return True

    def finish(self) -> None:
        """Hand over what is left, and wait until all of it is on disk."""
        self._flush()
        self._wait()

    def _flush(self) -> None:
        found = admission.verify_chunk(self._batch, self._core.community)
        trials, contacts = frozenset(self._trials), self.contacts
        self._batch, self._trials, self.contacts = [], set(), []
        self._wait()
        self._running = self._core.writer.submit(
            lambda state: self._job(state, found, trials, contacts)
        )

    def _wait(self) -> None:
        if self._running is not None:
            self._core.tell(self._running.result())
            self._running = None

    def _job(
        self,
        state: WriterState,
        found: list[Record | Refused],
        trials: frozenset[int],
        contacts: list[tuple[bytes, str]],
    ) -> Committed:
        done: list[tuple[bytes, int]] = []
        for place, record in enumerate(found):
            if isinstance(record, Refused):
                raise LocalFault("ledger-broken", detail=str(record.code))
            verdict = self._one(state, record, done, trial=place in trials)
            if verdict != OK:
                self._refused[verdict] += 1
        for member, name in contacts:
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            state.contacts.put(Contact(member, shown, "", self._core.clock()))
        return Committed("own", tuple(done), ())

    def _one(
        self, state: WriterState, record: Record, done: list[tuple[bytes, int]], *, trial: bool
    ) -> str:
        fold = self._core.fold
        judgement = fold.judge(state, record)
        if not isinstance(judgement, Welcome):
            raise LocalFault("ledger-broken", detail=type(judgement).__name__.lower())
        changes = fold.apply(state, record)
        if changes.verdict != (Void.OVER_LIMIT if trial else OK):
            raise LocalFault("ledger-broken", detail=changes.verdict)
        if not trial:
            state.apply(record.raw, changes)
            done.append((record.id, changes.number))
        return changes.verdict
