"""What a member's program does by itself in a case: pass the keys of what was said on to those who
may read it and could not yet: a mediator who joined later, or a new device.

Rules: a key is passed on only by a party or one of the panel, only to parties and panel, and only
after it has opened its box here: so nobody can have the key of another box sealed anew. Who said it
passes it on at once; the others after a day, in case its author has vanished. Doing it twice does
nothing the second time.

Left to others: when to look (`node.runtime.bridge`).
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections.abc import Iterator
from typing import Final

import trio

from node.protocol import limits
from node.protocol.limits import DAY_MS, DISPUTE_SHARE_DAYS
from node.services.chapters import cases
from node.services.chapters.disputes import devices_of, open_evidence, sealed_for, share_draft
from node.services.core import Committed, Core
from node.services.publish import Appender, Draft, Publisher
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import disputes
from node.views.disputes import Case, Evidence

EVENTS: Final = frozenset({"dispute", "device.added", "device.revoked", "chapter.policy"})
LOOKED_MS: Final = 3_600_000  # for what only time makes due


class DisputeDuties:
    """Passes keys on. `perform` is called by one task, never twice at once."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher
        self._look_after = 0  # ms
        core.listeners.append(self._note)

    def concerns(self, committed: Committed) -> bool:
        """True iff `perform` has something to look at after this commit."""
        return any(name in EVENTS for name, _ in committed.events)

    def _note(self, committed: Committed) -> None:
        if self.concerns(committed):
            self._look_after = 0

    async def perform(self) -> int:
        """Pass on what is due; returns the number of records."""
        now = self._core.clock()
        if now < self._look_after:
            return 0
        self._look_after = now + LOOKED_MS
        if not await trio.to_thread.run_sync(self._look):
            return 0
        return await self._publisher.by_itself(self._work)

    def _look(self) -> bool:
        with self._core.reading() as reader:
            return next(self._due(reader), None) is not None

    def _work(self, appender: Appender, state: WriterState) -> int:
        return sum(appender.attempt(draft) for draft in list(self._due(state)))

    def _due(self, reader: Rows) -> Iterator[Draft]:
        member = self._core.member
        for case in cases.cases(self._core, reader):
            if case.closed or member not in (*case.terms.parties, *case.panel):
                continue
            devices = devices_of(reader, case.readers)
            for one in disputes.evidence_of(reader, case, limits.EVIDENCE_MAX_COUNT):
                lacking = self._lacking(reader, case, one, devices)
                opened = open_evidence(self._core, case, one) if lacking else None
                if opened is not None:
                    for keys in sealed_for(opened[0], lacking):
                        yield share_draft(case.id, one.id, keys)

    def _lacking(
        self, reader: Rows, case: Case, one: Evidence, devices: list[bytes]
    ) -> list[bytes]:
        """Devices for which neither its author nor this member has sealed it. What others sealed
        may be rubbish, so it does not count; what an author sealed badly is his own loss."""
        member = self._core.member
        had = {device for by, device, _ in one.seals if by in (one.author, member)}
        lacking = [device for device in devices if device not in had]
        if one.author == member or not lacking:
            return lacking
        now = self._core.clock()
        claimed = (one.time, *(case.taken[member] for member in case.panel))
        newest = max((time for time in claimed if time <= now), default=0)  # the future is no claim
        return lacking if now >= newest + DISPUTE_SHARE_DAYS * DAY_MS else []
