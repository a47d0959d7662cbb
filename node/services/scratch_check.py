"""The check from scratch: nothing but the stored bytes is believed.

    signatures, in other processes  |  every record folded anew into a file that is thrown away
    ->  bytes, verdicts, closures and the state root come out as they stand

Rules: the home is not changed, and the node may go on meanwhile. Cut short, it goes on where it
was, unless something was found: whatever a run finds that had been cut short is looked at again
from the first record, since the home may have dropped or erased records in between.

Left to others: adding up (`short_check`), telling the user, mending (`storage.doctor`).
"""

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from node.ledger import root
from node.ledger.fold import FOLD_VERSION
from node.ledger.verify import Doubt
from node.protocol import admission, lanes
from node.protocol.admission import Refused, Welcome
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record
from node.protocol.state import Changes
from node.services.core import Core
from node.services.found import Progress, Verification
from node.services.short_check import rows_of
from node.services.verifiers import Signatures
from node.storage import doctor
from node.storage.doctor import Run
from node.storage.errors import fault_of
from node.storage.rows import Rows
from node.storage.state import WriterState

SIGNATURES_AT_ONCE_COUNT: Final = 256  # records one verifier is asked about at a time


def check(core: Core, found: Verification, progress: Progress) -> None:
    """Fold all stored records anew, and compare. Raises StorageFault."""
    run = Run(f"{core.database.id.hex()} {FOLD_VERSION}", lambda: found.ok)
    try:
        _refold(core, found, progress, run)
        again = run.resumed and not found.ok
    except sqlite3.DatabaseError:  # what was left of a run is damaged
        again = True
    found.resumed = run.resumed
    if not again:
        return
    found.findings.clear()
    found.resumed = False
    try:
        _refold(core, found, progress, Run(run.name, lambda: found.ok, resumes=False))
    except sqlite3.Error as error:
        raise fault_of(error, core.database.path) or error from error


def _refold(core: Core, found: Verification, progress: Progress, run: Run) -> None:
    stored = core.reader  # verdicts never change, so the newest state will do
    ahead = _Ahead(core, found)

    def refold(state: WriterState, raw: RawRecord) -> Changes:
        changes = _folded(core, state, ahead.parsed.get(raw), found)
        if changes is None:
            return Changes()
        verdict = ahead.verdicts.get(changes.id)
        if verdict != changes.verdict:
            found.doubt(Doubt.LOST if verdict is None else Doubt.VERDICT, changes.id)
        return changes

    def digest(reader: Reader) -> bytes:
        found.root = root.state_root(reader, core.rules) if is_sound(found) else b""
        return found.root

    with _Signed(core, run) as signed:

        def look_ahead(state: WriterState, raws: Sequence[RawRecord]) -> None:
            signed.start()
            ahead.look(state, raws, stored)

        differing = doctor.compare(core.database, refold, digest, progress, look_ahead, run)
        for number in signed.bad():
            found.doubt(Doubt.BYTES, f"#{number}")
    if differing:
        found.doubt(Doubt.ROOT, "")
    _look_for_lost(core, found)


def is_sound(found: Verification) -> bool:
    """False where tables may lack rows that a root takes for granted."""
    return not any(finding.doubt in (Doubt.LOST, Doubt.CLOSURE) for finding in found.findings)


class _Signed:
    """L0, beside the fold: signatures of all stored records, from where the run stands."""

    def __init__(self, core: Core, run: Run) -> None:
        self._core, self._run = core, run
        self._stop = threading.Event()
        self._beside = ThreadPoolExecutor(1)
        self._answer: Future[list[int]] | None = None

    def __enter__(self) -> "_Signed":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._beside.shutdown()

    def start(self) -> None:
        """Once the run knows where it stands."""
        if self._answer is None:
            self._answer = self._beside.submit(self._check)

    def bad(self) -> list[int]:
        """Local numbers of records whose bytes or signature do not hold; waits for all."""
        self.start()
        assert self._answer is not None
        return self._answer.result()

    def _check(self) -> list[int]:
        bad: list[int] = []
        last = self._run.signed
        with self._core.reading() as reader, Signatures(self._core.community) as signatures:
            while page := reader.records_after(last, SIGNATURES_AT_ONCE_COUNT):
                if self._stop.is_set():
                    return bad
                last = page[-1][0]
                bad += signatures.check(page)
                if not bad:
                    self._run.signed = max(self._run.signed, signatures.settled)
            bad += signatures.rest()
        return bad


class _Ahead:
    """The records that are refolded next, parsed, and the verdicts that are stored of them."""

    def __init__(self, core: Core, found: Verification) -> None:
        self._core, self._found = core, found
        self.parsed: dict[RawRecord, Record] = {}
        self.verdicts: dict[bytes, str] = {}

    def look(self, state: WriterState, raws: Sequence[RawRecord], stored: Rows) -> None:
        """Parse these, and read what they will ask for. What cannot be parsed is not there: the
        check of signatures names it."""
        self.parsed.clear()
        for raw in raws:
            item = admission.parse(raw, self._core.community)
            if isinstance(item, Record):
                self.parsed[raw] = item
        records = list(self.parsed.values())
        state.preload(self._core.fold.foresee(records))
        rows = stored.get_many(lanes.ENTRY.name, [item.id for item in records])
        self.verdicts = {key: lanes.ENTRY.read(row).verdict for key, row in rows}


def _folded(
    core: Core, state: WriterState, parsed: Record | None, found: Verification
) -> Changes | None:
    """What a stored record changes; None, and a finding, if its ground does not hold."""
    if parsed is None:
        return None
    judgement = core.fold.judge(state, parsed)
    if not isinstance(judgement, Welcome):
        code = judgement.code if isinstance(judgement, Refused) else f"#{state.next_number()}"
        found.doubt(Doubt.CLOSURE, str(code))
        return None
    return core.fold.apply(state, parsed, state.unwritten, judgement)


def _look_for_lost(core: Core, found: Verification) -> None:
    """Entries whose record is not stored any more."""
    with core.reading() as reader:
        for record_id, entry in rows_of(reader, lanes.ENTRY):
            if reader.raw(entry.number) is None:
                found.doubt(Doubt.LOST, record_id)
