"""Intake: the one place where bytes from elsewhere become stored records.

bytes -> parse and verify in worker threads -> judge and fold by the writer -> one commit -> told

Rules: peers' bytes never raise past here; refused ones are counted by code; a record whose ground
is missing waits, bounded per source, and is taken up when the ground arrives. Strangers, whom no
chapter has admitted, may only introduce themselves: the rest of their records waits for their
admission. A record of this very device that this home did not sign means that the home was copied:
it is kept, and signing stops.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import trio

from node.protocol import admission, lanes, portable
from node.protocol.admission import Known, Missing, Refused
from node.protocol.errors import OK, Reject, RemoteFault
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record
from node.protocol.state import Changes
from node.services.core import Committed, Core
from node.services.publish import COPIED_HOME
from node.storage.kept.deferred import Waiting
from node.storage.pending import Pending
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import members

T = TypeVar("T")

CHUNK_RECORDS_COUNT: Final = 128  # signatures a worker thread checks between two hops
JOB_RECORDS_COUNT: Final = 1_024  # records one writer job takes: keeps a commit under 0.5 s
JOB_RECORDS_MAX_COUNT: Final = 2_048  # with those that waited on disk for them
FORESEEN_RECORDS_COUNT: Final = 8  # from here on it pays to read rows ahead
STRANGER_SEQ_MAX: Final = {Lane.IDENTITY: 15, Lane.SOCIAL: 3, Lane.ACCOUNT: 0}
BLAMELESS: Final = frozenset({str(Reject.REVOKED)})  # an honest neighbour may not know of a cut yet
FILE: Final = "file"
OWN: Final = "own"  # the source of what this home signs
WAITED: Final = "waited"  # the source of what waited for an admission

Verified = Record | Refused | Known


@dataclass(slots=True)
class Outcome:
    """What became of a batch. `faults` are the codes the sender is to blame for."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    void: int = 0
    waiting: set[bytes] = field(default_factory=set[bytes])
    rejected: Counter[str] = field(default_factory=Counter[str])

    @property
    def deferred(self) -> int:
        """How many of the batch wait for something that has not arrived."""
        return len(self.waiting)

    @property
    def faults(self) -> list[str]:
        """Codes of refusals that speak against the sender, one entry a record."""
        return [c for c, n in self.rejected.items() for _ in range(n) if c not in BLAMELESS]


class Intake:
    """Admission of records from neighbours and files."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._threads = trio.CapacityLimiter(2)
        self._pending = Pending()
        self._welcomed: list[bytes] = []
        core.listeners.append(self._note)

    def _note(self, committed: Committed) -> None:
        if self.concerns(committed):
            names = (subject for name, subject in committed.events if name == "member.admit")
            self._welcomed.extend(welcome_key(subject[2:]) for subject in names)

    def concerns(self, committed: Committed) -> bool:
        """True iff this home has admitted somebody, so that `perform` has something to do."""
        return committed.source == OWN and any(n == "member.admit" for n, _ in committed.events)

    async def perform(self) -> int:
        """Take up what waited for those whom this home has admitted; returns how many records."""
        grounds, self._welcomed = self._welcomed, []
        outcome = Outcome()
        await self._run((), grounds, WAITED, outcome)
        return outcome.accepted

    async def take(self, raws: Sequence[RawRecord], source: str) -> Outcome:
        """Admit records; returns after the commit."""
        outcome = Outcome(read=len(raws))
        await self.admit(await self.verified(raws), source, outcome)
        return outcome

    async def admit(self, found: Sequence[Verified], source: str, outcome: Outcome) -> None:
        """Judge and store what `verified` returned, and add to the outcome."""
        for start in range(0, len(found), JOB_RECORDS_COUNT):
            await self._run(found[start : start + JOB_RECORDS_COUNT], (), source, outcome)

    async def resume(self, grounds: Sequence[bytes], outcome: Outcome) -> None:
        """Take up the records of files that waited on disk for these ids, which are held now."""
        await self._run((), grounds, FILE, outcome)

    async def _run(
        self,
        part: Sequence[Verified],
        grounds: Sequence[bytes],
        source: str,
        outcome: Outcome,
    ) -> None:
        """One writer job, and more while records that waited on disk are left over."""
        while part or grounds:
            job = Admission(self._core, self._pending, source, outcome)
            self._core.tell(
                await self._core.writer.run(lambda s, j=job, p=part, g=grounds: j.run(s, p, g))
            )
            part, grounds = (), job.left_over

    def take_sync(self, raws: Sequence[RawRecord], source: str) -> Outcome:
        """The same outside an event loop, on one thread."""
        outcome = Outcome(read=len(raws))
        found = admission.verify_chunk(raws, self._core.community)
        grounds: Sequence[bytes] = ()
        while found or grounds:
            job = Admission(self._core, self._pending, source, outcome)
            self._core.tell(
                self._core.writer.run_sync(lambda s, j=job, f=found, g=grounds: j.run(s, f, g))
            )
            found, grounds = [], job.left_over
        return outcome

    async def verified(self, raws: Sequence[RawRecord]) -> list[Verified]:
        """Parse and verify records in worker threads; in the order given.

        What is held already, byte for byte, was verified when it came: it is `Known` at once.
        """
        return await self._in_threads(raws, self._verify)

    async def verified_lines(self, lines: Sequence[str | bytes]) -> list[Verified]:
        """The same for lines of an export file."""
        return await self._in_threads(lines, self._verify_lines)

    async def _in_threads(
        self, items: Sequence[T], work: Callable[[Sequence[T]], list[Verified]]
    ) -> list[Verified]:
        if len(items) <= CHUNK_RECORDS_COUNT:
            return await trio.to_thread.run_sync(work, items, limiter=self._threads)
        starts = range(0, len(items), CHUNK_RECORDS_COUNT)
        results: list[list[Verified]] = [[] for _ in starts]

        async def one(number: int, part: Sequence[T]) -> None:
            results[number] = await trio.to_thread.run_sync(work, part, limiter=self._threads)

        async with trio.open_nursery() as nursery:
            for number, start in enumerate(starts):
                nursery.start_soon(one, number, items[start : start + CHUNK_RECORDS_COUNT])
        return [found for result in results for found in result]

    def _verify_lines(self, lines: Sequence[str | bytes]) -> list[Verified]:
        found: list[Verified] = []
        raws: list[RawRecord] = []
        for line in lines:
            try:
                raws.append(portable.decode_line(line))
            except RemoteFault as fault:
                found.append(Refused(fault.code, fault.detail))
        return found + self._verify(raws)

    def _verify(self, raws: Sequence[RawRecord]) -> list[Verified]:
        reader, community = self._core.reader, self._core.community
        parsed = [admission.parse(raw, community) for raw in raws]
        ids = [item.id for item in parsed if isinstance(item, Record)]
        held = dict(reader.get_many(lanes.ENTRY.name, ids))
        found: list[Verified] = []
        for item in parsed:
            if isinstance(item, Refused):
                found.append(item)
            elif item.id in held and _is_held(reader, item):
                found.append(Known(fills=False))
            else:
                found.append(admission.verify(item, community) or item)
        return found


def _is_held(reader: Rows, record: Record) -> bool:
    entry = lanes.entry_of(reader, record.id)
    return entry is not None and reader.raw(entry.number) == record.raw


class Admission:
    """One writer job: judges and folds records in order, and those that waited for them."""

    def __init__(self, core: Core, pending: Pending, source: str, outcome: Outcome) -> None:
        self._core = core
        self._pending = pending
        self._source = source
        self._outcome = outcome
        self._records: list[tuple[bytes, int]] = []
        self._events: list[tuple[str, bytes]] = []
        self._on_disk = False  # records of files wait
        self.left_over: list[bytes] = []  # ids held now, for which records on disk still wait

    def run(
        self,
        state: WriterState,
        found: Sequence[Verified],
        grounds: Sequence[bytes] = (),
    ) -> Committed:
        """Take the records in, and those that wait for `grounds`; what was committed."""
        self._on_disk = state.deferred.any()
        for ground in grounds:
            for record in (*self._pending.release(ground), *self._from_disk(state, ground)):
                self._outcome.waiting.discard(record.id)
                self._take(state, record)
        if len(found) >= FORESEEN_RECORDS_COUNT:
            records = [item for item in found if isinstance(item, Record)]
            state.preload(self._core.fold.foresee(records))
        for item in found:
            if isinstance(item, Refused):
                self._outcome.rejected[item.code] += 1
            elif isinstance(item, Known):
                self._outcome.duplicate += 1
            else:
                self._take(state, item)
        return Committed(self._source, tuple(self._records), tuple(self._events))

    def _take(self, state: WriterState, first: Record) -> None:
        todo = [first]
        while todo:
            record = todo.pop()
            if self._one(state, record):
                todo.extend(self._released(state, record))

    def _released(self, state: WriterState, record: Record) -> list[Record]:
        """Records that waited for this one; for a member's admission, all that waited for that."""
        keys = [bytes(record.id)]
        if record.header.kind == "member.admit":
            keys.extend(
                welcome_key(subject[2:])
                for name, subject in self._events[-4:]
                if name == "member.admit"
            )
        released: list[Record] = []
        for key in keys:
            released.extend(self._pending.release(key))
            released.extend(self._from_disk(state, key))
        self._outcome.waiting.difference_update(record.id for record in released)
        return released

    def _from_disk(self, state: WriterState, key: bytes) -> list[Record]:
        """Records of files that waited for an id alone; a full job leaves them to the next one."""
        if not self._on_disk:
            return []
        if len(self._records) >= JOB_RECORDS_MAX_COUNT:
            self.left_over.append(key)
            return []
        waiting = state.deferred.release(key)
        parsed = (admission.parse(item.raw, self._core.community) for item in waiting)
        return [record for record in parsed if isinstance(record, Record)]

    def _one(self, state: WriterState, record: Record) -> bool:
        """Judge and apply one record. True iff it is newly held."""
        core, outcome = self._core, self._outcome
        judgement = core.fold.judge(state, record)
        if isinstance(judgement, Refused):
            outcome.rejected[judgement.code] += 1
            return False
        if isinstance(judgement, Known):
            outcome.duplicate += 1
            if judgement.fills:
                self._store(state, None, core.fold.fill(state, record), record)
            return False
        missing = (
            judgement.ids if isinstance(judgement, Missing) else self._unwelcome(state, record)
        )
        if missing:
            self._wait(state, record, missing)
            return False
        changes = core.fold.apply(state, record)
        self._store(state, record.raw, changes, record)
        self._records.append((record.id, changes.number))
        outcome.accepted += 1
        outcome.void += changes.verdict != OK
        self._watch_own(state, record)
        return True

    def _wait(self, state: WriterState, record: Record, missing: tuple[bytes, ...]) -> None:
        if self._source != FILE:
            self._outcome.waiting.add(record.id)
            self._pending.add(record, missing, self._source)
        elif state.deferred.add(Waiting(record.id, record.raw, FILE), missing):
            self._outcome.waiting.add(record.id)
            self._on_disk = True
        else:
            self._outcome.duplicate += 1  # the same line again, before what it waits for

    def _store(
        self, state: WriterState, raw: RawRecord | None, changes: Changes, record: Record
    ) -> None:
        state.apply(raw, changes)
        self._events.extend(changes.events)

    def _unwelcome(self, reader: Reader, record: Record) -> tuple[bytes, ...]:
        """What a stranger's record beyond an introduction waits for: their admission."""
        header = record.header
        if self._source == FILE or header.seq <= STRANGER_SEQ_MAX.get(header.lane, -1):
            return ()
        if members.is_welcome(reader, header.author, self._core.rules):
            return ()
        return (welcome_key(header.author),)

    def _watch_own(self, state: WriterState, record: Record) -> None:
        signer = self._core.signer
        if signer is None or record.header.signer != signer.public_key:
            return
        state.settings.put(COPIED_HOME, record.id.hex())
        state.events.add("home.copied", record.id, self._core.clock())
        self._events.append(("home.copied", record.id))


def welcome_key(member: bytes) -> bytes:
    """What strangers' records wait for in place of a record id; never an id's length."""
    return b"welcome" + member
