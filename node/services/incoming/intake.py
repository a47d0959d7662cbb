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
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

import trio

from node.protocol import admission
from node.protocol.admission import Known, Refused, Welcome
from node.protocol.errors import OK, Reject
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record
from node.services.core import Committed, Core
from node.services.incoming.checks import Checks, Verified
from node.services.publish import COPIED_HOME
from node.storage.kept.deferred import Waiting
from node.storage.pending import Pending
from node.storage.state import WriterState
from node.views import members
from node.wallet.signer import Signer

JOB_RECORDS_COUNT: Final = 2_048  # records one writer job takes: keeps a commit under 0.5 s
JOB_RECORDS_MAX_COUNT: Final = 4_096  # with those that waited on disk for them
FORESEEN_RECORDS_COUNT: Final = 8  # from here on it pays to read rows ahead
STRANGER_SEQ_MAX: Final = {Lane.IDENTITY: 15, Lane.SOCIAL: 3, Lane.ACCOUNT: 0}
BLAMELESS: Final = frozenset({str(Reject.REVOKED)})  # an honest neighbour may not know of a cut yet
FILE: Final = "file"
OWN: Final = "own"  # the source of what this home signs
WAITED: Final = "waited"  # the source of what waited for an admission


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


@dataclass(slots=True, eq=False)
class _Arrival:
    """A verified batch of a neighbour on its way to the writer."""

    found: "list[Verified]"
    source: str
    outcome: Outcome
    turn: trio.Event = field(default_factory=trio.Event)
    stored: bool = False
    fault: Exception | None = None


@dataclass(slots=True, eq=False)
class Begun:
    """A job of the writer that was queued."""

    job: "Admission"
    future: Future[Committed]


class Intake:
    """Admission of records from neighbours and files."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._checks = Checks(core)
        self._arrivals: list[_Arrival] = []
        self._storing = False  # a task is storing arrivals, or is about to
        self._pending = Pending()
        self._welcome: set[bytes] = set()  # authors, used in the writer's thread alone
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
        await self._take_up(grounds, WAITED, outcome)
        return outcome.accepted

    async def take(self, raws: Sequence[RawRecord], source: str) -> Outcome:
        """Admit records; returns after the commit."""
        outcome = Outcome(read=len(raws))
        mine = _Arrival(await self._checks.records(raws), source, outcome)
        self._arrivals.append(mine)
        if self._storing:
            await self._my_turn(mine)
        if not mine.stored:
            # Shielded: others wait for the same commit.
            with trio.CancelScope(shield=True):  # pyright: ignore[reportCallIssue]
                await self._store_arrivals()
        if mine.fault is not None:
            raise mine.fault
        return outcome

    async def _my_turn(self, mine: "_Arrival") -> None:
        """Wait until the own batch is stored by another task, or it is ours to store."""
        try:
            await mine.turn.wait()
        except trio.Cancelled:
            if mine in self._arrivals:
                self._arrivals.remove(mine)
            if mine.turn.is_set() and not mine.stored:
                self._next_turn()
            raise

    async def _store_arrivals(self) -> None:
        """Store what has arrived while the writer was busy in one job: small jobs cost more each
        record. Then the task of the first batch that came meanwhile has its turn."""
        self._storing = True
        batches: list[_Arrival] = []
        count = 0
        while self._arrivals and count < JOB_RECORDS_COUNT:
            batches.append(self._arrivals.pop(0))
            count += len(batches[-1].found)
        try:
            await self._store_together(batches)
        except Exception as fault:
            self._welcome.clear()  # who was admitted in what is undone
            for batch in batches:
                batch.fault = fault
        finally:
            for batch in batches:
                batch.stored = True
                batch.turn.set()
            self._next_turn()

    def _next_turn(self) -> None:
        self._storing = bool(self._arrivals)
        if self._arrivals:
            self._arrivals[0].turn.set()

    def _look_ahead(self, state: WriterState, found: Sequence[Verified]) -> None:
        """Read rows that these records will ask for, many at once."""
        if len(found) >= FORESEEN_RECORDS_COUNT:
            records = [item for item in found if isinstance(item, Record)]
            state.preload(self._core.fold.foresee(records))

    async def _store_together(self, batches: "Sequence[_Arrival]") -> None:
        jobs = [self._admission(batch.source, batch.outcome) for batch in batches]

        def run(state: WriterState) -> list[Committed]:
            self._look_ahead(state, [item for batch in batches for item in batch.found])
            return [job.run(state, batch.found) for job, batch in zip(jobs, batches, strict=True)]

        for committed in await self._core.writer.run(run):
            self._core.tell(committed)
        for job, batch in zip(jobs, batches, strict=True):
            await self._take_up(job.left_over, batch.source, batch.outcome)

    async def verified_lines(self, lines: Sequence[bytes]) -> list[Verified]:
        """Parse and verify lines of an export file, for `begin`."""
        return await self._checks.lines(lines)

    def begin(self, part: Sequence[Verified], outcome: Outcome) -> "Begun":
        """Have lines of a file that were verified, at most JOB_RECORDS_COUNT, judged and stored,
        and added to the outcome; `finish` waits for that. Jobs are done in the order begun."""
        assert len(part) <= JOB_RECORDS_COUNT, "more than a job"
        return self._begin(self._admission(FILE, outcome), part, ())

    async def finish(self, begun: "Begun") -> None:
        """Wait until what was begun is committed, and what waited on disk for it."""
        while True:
            self._core.tell(await self._core.writer.settled(begun.future))
            job = begun.job
            if not job.left_over:
                return
            begun = self._begin(self._admission(job.source, job.outcome), (), job.left_over)

    async def resume(self, grounds: Sequence[bytes], outcome: Outcome) -> None:
        """Take up the records of files that waited on disk for these ids, which are held now."""
        await self._take_up(grounds, FILE, outcome)

    async def _take_up(self, grounds: Sequence[bytes], source: str, outcome: Outcome) -> None:
        if grounds:
            await self.finish(self._begin(self._admission(source, outcome), (), grounds))

    def _begin(
        self, job: "Admission", part: Sequence[Verified], grounds: Sequence[bytes]
    ) -> "Begun":
        def run(state: WriterState) -> Committed:
            self._look_ahead(state, part)
            return job.run(state, part, grounds)

        return Begun(job, self._core.writer.start(run))

    def _admission(self, source: str, outcome: Outcome) -> "Admission":
        return Admission(self._core, self._pending, self._welcome, source, outcome)

    def take_sync(self, raws: Sequence[RawRecord], source: str) -> Outcome:
        """The same outside an event loop, on one thread."""
        outcome = Outcome(read=len(raws))
        found = admission.verify_chunk(raws, self._core.community)
        grounds: Sequence[bytes] = ()
        while found or grounds:
            job = self._admission(source, outcome)
            self._core.tell(
                self._core.writer.run_sync(lambda s, j=job, f=found, g=grounds: j.run(s, f, g))
            )
            found, grounds = [], job.left_over
        return outcome


class Admission:
    """One writer job: judges and folds records in order, and those that waited for them."""

    def __init__(
        self, core: Core, pending: Pending, welcome: set[bytes], source: str, outcome: Outcome
    ) -> None:
        """`welcome`: authors that are known to be; once welcome is always welcome."""
        self._core = core
        self._pending = pending
        self.source = source
        self.outcome = outcome
        self._records: list[tuple[bytes, int]] = []
        self._events: list[tuple[str, bytes]] = []
        self._lanes: set[bytes] = set()
        self._welcome_authors = welcome
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
                self.outcome.waiting.discard(record.id)
                self._take(state, record)
        for item in found:
            if isinstance(item, Refused):
                self.outcome.rejected[item.code] += 1
            elif isinstance(item, Known):
                self.outcome.duplicate += 1
            else:
                self._take(state, item)
        records, events = tuple(self._records), tuple(self._events)
        return Committed(self.source, records, events, frozenset(self._lanes))

    def _take(self, state: WriterState, record: Record) -> None:
        """Take one record in, and all that waited for it."""
        if not self._one(state, record) or not (self._on_disk or self._pending):
            return
        todo = self._released(state, record)
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
        self.outcome.waiting.difference_update(record.id for record in released)
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
        core, outcome = self._core, self.outcome
        judgement = core.fold.judge(state, record)
        if isinstance(judgement, Welcome):
            missing = () if self.source == FILE else self._unwelcome(state, record)
            if not missing:
                self._apply(state, record, judgement)
                return True
            self._wait(state, record, missing)
            return False
        if isinstance(judgement, Refused):
            outcome.rejected[judgement.code] += 1
            return False
        if isinstance(judgement, Known):
            outcome.duplicate += 1
            if judgement.fills:
                changes = core.fold.fill(state, record)
                state.apply(None, changes)
                self._events += changes.events
            return False
        self._wait(state, record, judgement.ids)
        return False

    def _apply(self, state: WriterState, record: Record, welcome: Welcome) -> None:
        changes = self._core.fold.apply(state, record, state.unwritten, welcome)
        state.apply(record.raw, changes)
        self._events += changes.events
        self._lanes.update(changes.lanes)
        self._records.append((record.id, changes.number))
        self.outcome.accepted += 1
        if changes.verdict != OK:
            self.outcome.void += 1
        if self._core.signer is not None:
            self._watch_own(state, record, self._core.signer)

    def _wait(self, state: WriterState, record: Record, missing: tuple[bytes, ...]) -> None:
        if self.source != FILE:
            self.outcome.waiting.add(record.id)
            self._pending.add(record, missing, self.source)
        elif state.deferred.add(Waiting(record.id, record.raw, FILE), missing):
            self.outcome.waiting.add(record.id)
            self._on_disk = True
        else:
            self.outcome.duplicate += 1  # the same line again, before what it waits for

    def _unwelcome(self, reader: Reader, record: Record) -> tuple[bytes, ...]:
        """What a stranger's record beyond an introduction waits for: their admission."""
        header = record.header
        if header.seq <= STRANGER_SEQ_MAX.get(header.lane, -1):
            return ()
        if header.author in self._welcome_authors:
            return ()
        if members.is_welcome(reader, header.author, self._core.rules):
            self._welcome_authors.add(header.author)
            return ()
        return (welcome_key(header.author),)

    def _watch_own(self, state: WriterState, record: Record, signer: Signer) -> None:
        if record.header.signer != signer.public_key:
            return
        if record.header.lane_key in self._core.missing.lanes:
            return  # it was signed here, and was lost
        state.settings.put(COPIED_HOME, record.id.hex())
        state.tell("home.copied", record.id)
        self._events.append(("home.copied", record.id))


def welcome_key(member: bytes) -> bytes:
    """What strangers' records wait for in place of a record id; never an id's length."""
    return b"welcome" + member
