"""The check from scratch: nothing but the stored bytes is believed.

    bytes and signatures, in other processes  ->  the next records folded anew into a file that is
    thrown away  ->  entries, verdicts, closures and the state root come out as they stand

Rules: the home is not changed, and the node may go on meanwhile. Cut short, it goes on where it
was, unless something was found: whatever a run finds that had been cut short is looked at again
from the first record, since the home may have dropped or erased records in between.

Left to others: adding up (`short_check`), telling the user, mending (`storage.doctor`).
"""

import sqlite3
from collections import deque
from typing import Final

from node.ledger import root
from node.ledger.fold import FOLD_VERSION
from node.ledger.trades import COMMIT
from node.ledger.verify import Doubt
from node.protocol import admission
from node.protocol.admission import Refused, Welcome
from node.protocol.lanes import ENTRY
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record
from node.protocol.state import PAGE_ROWS_COUNT, Changes
from node.services.books.found import Progress, Verification
from node.services.books.short_check import check_commit
from node.services.core import Core
from node.services.incoming.checks import VERIFIERS_RECORDS_COUNT
from node.services.incoming.verifiers import Signatures
from node.storage import doctor
from node.storage.doctor import Page, Run
from node.storage.errors import fault_of
from node.storage.state import WriterState

WAY: Final = "checked before it is folded"  # a run that went another way is not gone on with
WRECKED: Final = (AssertionError, LookupError, ValueError)
"""What one runs into where rows that one counts on are gone, or are something else."""


def check(core: Core, found: Verification, progress: Progress) -> None:
    """Fold all stored records anew, and compare. Raises StorageFault."""
    run = Run(f"{core.database.id.hex()} {FOLD_VERSION} {WAY}", lambda: found.ok)
    try:
        _refold(core, found, progress, run)
        again = run.resumed and not found.ok
    except sqlite3.DatabaseError:  # what was left of a run is damaged
        again = True
    except WRECKED:
        if not run.resumed:
            raise
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
    few = core.reader.record_count() < VERIFIERS_RECORDS_COUNT
    with Signatures(core.community, few=few) as signatures:
        anew = _Anew(core, found, signatures)
        doctor.compare(
            core.database,
            anew.refold,
            anew.compare,
            progress,
            anew.look_ahead,
            run,
            anew.announce,
        )


def is_sound(found: Verification) -> bool:
    """False where tables may lack rows that a root takes for granted."""
    return not any(finding.doubt in (Doubt.LOST, Doubt.CLOSURE) for finding in found.findings)


class _Anew:
    """The stored records, checked and folded once more, and what came of it."""

    def __init__(self, core: Core, found: Verification, signatures: Signatures) -> None:
        self._core, self._found = core, found
        self._signatures = signatures
        self._records: deque[Record | None] = deque()  # of the page that is folded next
        self._left_out: set[int] = set()  # numbers of what cannot be folded, and is named already

    def announce(self, page: Page) -> None:
        """Have bytes and signatures checked (L0) while earlier records are folded."""
        self._signatures.ask([raw for _, raw in page])

    def look_ahead(self, state: WriterState, page: Page) -> None:
        """Name what is no record, and read what the others will ask for."""
        self._records.clear()
        for (number, raw), item in zip(page, self._signatures.next(len(page)), strict=True):
            if isinstance(item, Refused):
                self._found.doubt(Doubt.BYTES, f"#{number}")
                # Where only the signature is wrong, others that stand on it are not to blame.
                item = admission.parse(raw, self._core.community)
            self._records.append(item if isinstance(item, Record) else None)
        state.preload(self._core.fold.foresee([one for one in self._records if one is not None]))

    def refold(self, state: WriterState, raw: RawRecord) -> Changes:
        """What the next record changes: nothing where its ground does not hold."""
        record, fold = self._records.popleft(), self._core.fold
        judgement = None if record is None else fold.judge(state, record)
        if record is not None and isinstance(judgement, Welcome):
            return fold.apply(state, record, state.unwritten, judgement)
        number = state.next_number()
        self._left_out.add(number)
        if record is not None:
            code = judgement.code if isinstance(judgement, Refused) else f"#{number}"
            self._found.doubt(Doubt.CLOSURE, str(code))
        return Changes()

    def compare(self, home: Reader, made: Reader) -> list[str]:
        """Hold the home's tables against those made anew, and note what differs (L1, L2)."""
        found, low = self._found, b""
        high: bytes | None = b""
        while high is not None:
            page = list(home.scan(ENTRY.name, low, None, limit=PAGE_ROWS_COUNT))
            high = page[-1][0] + b"\0" if len(page) == PAGE_ROWS_COUNT else None
            if page != list(made.scan(ENTRY.name, low, high)):
                self._compare_entries(home, made, low, high)
            low = high or b""
        for key, _ in COMMIT.rows.every(home):
            try:
                check_commit(home, key[32:], found)
            except WRECKED:
                found.doubt(Doubt.COUNT, key[32:])
        if is_sound(found):
            found.root = root.state_root(made, self._core.rules)
            try:
                differs = found.root != root.state_root(home, self._core.rules)
            except WRECKED:
                differs = True
            if differs:
                found.doubt(Doubt.ROOT, "")
        return []

    def _compare_entries(self, home: Reader, made: Reader, low: bytes, high: bytes | None) -> None:
        """Entries that are no more, or not yet, and other verdicts. Numbers of lanes are free."""
        stored, again = (dict(ENTRY.scan(state, low, high)) for state in (home, made))
        for record in sorted(stored.keys() | again.keys()):
            old, new = stored.get(record), again.get(record)
            if old is not None and new is None and old.number in self._left_out:
                continue
            if old is None or new is None or old.number != new.number:
                self._found.doubt(Doubt.LOST, record)
            elif old.verdict != new.verdict:
                self._found.doubt(Doubt.VERDICT, record)
