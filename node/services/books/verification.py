"""Verifying one's own books, and saying how far the proof goes.

Rules: the short check goes on from where books were last found sound, and adds up every balance
anew, trade by trade. From scratch, nothing but the stored bytes is believed. Both may be cut short
and go on the next time; neither changes the books, and a node may go on working meanwhile. The
level that is reached is named, and what is missing for more. That nobody signed another history
elsewhere is never claimed.

Left to others: the checks (`short_check`, `scratch_check`), sentences (`i18n`), mending
(`storage.doctor`).
"""

import time
from typing import Final

from node.ledger import book, root
from node.ledger.verify import Doubt
from node.protocol.state import u16
from node.services.books import closes, scratch_check, short_check
from node.services.books.closes import Closes
from node.services.books.found import Finding, Missing, Progress, Verification
from node.services.books.verified import Mark, read_mark, write_mark
from node.services.core import Core
from node.storage.rows import Rows

UNSOUND: Final = {Doubt.BYTES: "", Doubt.UNSIGNED: "L0"}
"""The level that is left when something is in doubt; for all other doubts it is L1."""
KEPT_EVERY_MS: Final = 2_000  # a mark costs a write to the disk

__all__ = ["Finding", "Missing", "Verification", "verify"]


def verify(
    core: Core, *, from_scratch: bool = False, progress: Progress = lambda done, total: None
) -> Verification:
    """Verify this home's books. The first time, and from scratch, that takes about as long as
    receiving everything anew; later, milliseconds a thousand trades. Raises StorageFault."""
    started = time.monotonic()
    found = Verification()
    with core.reading() as reader:
        found.before = read_mark(core, reader)
        start = reader.next_number()
    if from_scratch:
        scratch_check.check(core, found, progress)
    keeper = _Keeper(core, found.before)
    with core.reading() as reader:
        first = start if from_scratch else found.before.number
        told = _quiet if from_scratch else progress
        try:
            short_check.check(core, reader, found, first, told, keeper.keep)
        except scratch_check.WRECKED:
            if found.ok:  # else it is said already that tables are not what they were
                raise
        found.records = reader.record_count()
        found.checked = found.records if from_scratch else found.checked
        if not scratch_check.is_sound(found):
            found.root = b""
        elif not found.root:
            found.root = root.state_root(reader, core.rules)
    if found.ok:
        keeper.finish(start if from_scratch else None)
    found.level = _level(core, found)
    found.seconds = round(time.monotonic() - started, 3)
    return found


def _quiet(done: int, total: int) -> None:
    """Progress that nobody is told."""


class _Keeper:
    """Keeps how far the check has come, now and then."""

    def __init__(self, core: Core, mark: Mark) -> None:
        self._core, self._mark = core, mark
        self._written_at = core.clock()

    def keep(self, number: int) -> None:
        """All records below `number` are sound."""
        now = self._core.clock()
        if number > self._mark.number:
            before = self._mark
            self._mark = Mark(number, now, before.scratch_number, before.scratch_at)
            if now - self._written_at >= KEPT_EVERY_MS:
                self._written_at = now
                write_mark(self._core, self._mark)

    def finish(self, scratch_number: int | None) -> None:
        """All is well; from scratch too, below `scratch_number`."""
        now, mark = self._core.clock(), self._mark
        if scratch_number is None:
            done = Mark(mark.number, now, mark.scratch_number, mark.scratch_at)
        else:
            done = Mark(max(mark.number, scratch_number), now, scratch_number, now)
        write_mark(self._core, done)


# --- levels ---------------------------------------------------------------------------------------
def _level(core: Core, found: Verification) -> str:
    if found.findings:
        return min(UNSOUND.get(finding.doubt, "L1") for finding in found.findings)
    for chapter in range(len(core.rules.genesis.chapters)):
        if core.writer.fault is None:
            Closes(core).look(chapter)
        with core.reading() as reader:
            _note_missing(core, reader, chapter, found)
    if not found.trades:
        return "L2"
    open_levels = {missing.level for missing in found.missing}
    if "L4" not in open_levels:
        return "L4"
    return "L2" if "L3" in open_levels else "L3"


def _note_missing(core: Core, reader: Rows, chapter: int, found: Verification) -> None:
    """What keeps a chapter's books from L3 and from L4; nothing where nobody traded."""
    named = core.rules.genesis.chapters[chapter]
    if next(book.TURNOVER.under(reader, u16(chapter), limit=1), None) is None:
        return
    unconfirmed = found.unconfirmed.get(chapter, 0)
    if not named.q:
        found.missing.append(Missing("L3", "no_relays", named.name))
    elif unconfirmed:
        found.missing.append(Missing("L3", "unconfirmed", named.name, unconfirmed))
    standing = next(iter(closes.all_standing(core, reader, chapter)), None)
    if standing is None:
        found.missing.append(Missing("L4", "no_close", named.name))
        return
    compared = reader.closes.get(standing.act)
    moved = _moved_since(reader, chapter, standing.act)
    if compared is None or not compared.agrees:
        found.missing.append(Missing("L4", "close_differs", named.name, 0, standing.month))
    elif moved:
        found.missing.append(Missing("L4", "moved_since", named.name, moved, standing.month))


def _moved_since(reader: Rows, chapter: int, act: bytes) -> int:
    """How many members a trade moved since a close that own books agree with."""
    leaves = {leaf.member: leaf.moved for leaf in reader.closes.leaves(act)}
    totals = {
        key[2:]: row.received + row.given for key, row in book.TURNOVER.under(reader, u16(chapter))
    }
    members = leaves.keys() | totals.keys()
    return sum(leaves.get(member, 0) != totals.get(member, 0) for member in members)
