"""What a relay does by itself: it confirms the account lanes of its chapters by stamps (R36).

Rules: a lane is stamped when it holds a commit that this relay has not stamped, and then at its
highest record that may be stamped: one stamp covers all before it, on carried lanes too. When
nothing else happens a stamp is made at once (after `GATHER_S`, for company); while news stream in
they are gathered, for `GATHER_MAX_S` at most. Only lanes that changed are looked at, and of those
what is new, so the cost follows the news; after a start every lane is looked at once. A lane that
may not be stamped is looked at again when it, an office lane or an identity changes. Nothing is
signed before neighbours have shown the own witness lane as it is here (R11).

Left to others: which head may be stamped (`node.ledger.alerts`), when to look (`runtime.bridge`).
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from node.ledger import alerts, positions, stamps, trades
from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.account import AccountOpen
from node.protocol.admission import stored_body
from node.protocol.errors import OK, LocalFault
from node.protocol.identity import Lane
from node.protocol.lanes import Entry
from node.protocol.office import WitnessStamp
from node.services.core import Committed, Core
from node.services.incoming import proofs
from node.services.publish import NOTHING_SIGNED, Appender, Draft, Publisher, Work
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views.identities import is_revoked

GATHER_S: Final = 0.01  # as long as gossip waits for company
GATHER_MAX_S: Final = 1.0  # while news stream in; nobody waits longer for a confirmation
LANES_AT_ONCE_COUNT: Final = 256  # stamped in one transaction: under 0.2 s of the writer's time
FREEING: Final = (Lane.IDENTITY, Lane.OFFICE)  # what changes there may let a lane be stamped again


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to do on one lane."""

    heads: list[tuple[bytes, bytes]]  # (head to stamp, its open)
    refused: bool  # commits are left that may not be stamped now
    done: frozenset[bytes]  # heads below which nothing is left to do


class WitnessDuties:
    """Stamps. `perform` is called by one task, never twice at once."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher
        self._named: set[bytes] = set()  # account lanes to look at
        self._refused: set[bytes] = set()  # of these, commits wait until something frees them
        self._done: dict[bytes, frozenset[bytes]] = {}  # lane -> heads with nothing to stamp below
        self._all = True  # look at every lane: after a start
        self._stirred = False  # something came since the last look at the clock
        self._keen = core.is_witness
        if self._keen:
            core.listeners.append(self._note)

    def concerns(self, committed: Committed) -> bool:
        """True iff `perform` has something to look at after this commit."""
        return self._keen and any(self._matters(lane_key) for lane_key in committed.lanes)

    def _matters(self, lane_key: bytes) -> bool:
        kind = lane_key[64]
        return kind == Lane.ACCOUNT or (kind in FREEING and bool(self._refused))

    def _note(self, committed: Committed) -> None:
        for lane_key in committed.lanes:
            if lane_key[64] == Lane.ACCOUNT:
                self._named.add(lane_key)
                self._stirred = True
            elif lane_key[64] in FREEING:
                self._named |= self._refused

    async def perform(self) -> int:
        """Stamp what there is to stamp; returns the number of stamps."""
        if not self._keen or self._core.echo_wanted:
            return 0
        await self._gather()
        if self._all:
            self._named |= await trio.to_thread.run_sync(self._account_lanes)
            self._all = False
        count = 0
        while self._named:
            part = set(sorted(self._named)[:LANES_AT_ONCE_COUNT])
            self._named -= part
            try:
                count += await self._stamp(part)
            except BaseException as problem:
                self._named |= part
                if isinstance(problem, LocalFault) and problem.code in NOTHING_SIGNED:
                    return count
                raise
        return count

    async def _gather(self) -> None:
        waited = 0.0
        self._stirred = True
        while self._stirred and waited < GATHER_MAX_S:
            self._stirred = False
            await trio.sleep(GATHER_S)
            waited += GATHER_S

    async def _stamp(self, part: set[bytes]) -> int:
        wanted = await trio.to_thread.run_sync(self._look, sorted(part))
        return await self._publisher.transact(self._work(wanted)) if wanted else 0

    def _account_lanes(self) -> set[bytes]:
        with self._core.reading() as reader:
            found = lanes.LANE.under(reader, b"")
            return {lane_key for lane_key, _ in found if lane_key[64] == Lane.ACCOUNT}

    def _look(self, part: Sequence[bytes]) -> list[bytes]:
        """Which of these lanes want a stamp. What is found about the others is kept in mind."""
        wanted: list[bytes] = []
        with self._core.reading() as reader:
            for lane_key in part:
                found = self._due(reader, lane_key)
                self._refused.discard(lane_key)
                if found.refused:
                    self._refused.add(lane_key)
                if found.done:
                    self._done[lane_key] = found.done
                if found.heads:
                    wanted.append(lane_key)
        return wanted

    def _work(self, wanted: Iterable[bytes]) -> Work:
        def work(appender: Appender, state: WriterState) -> int:
            return sum(
                appender.attempt(Draft("witness.stamp", WitnessStamp(head=head, open=opened)))
                for lane_key in wanted
                for head, opened in self._due(state, lane_key).heads
            )

        return work

    def _due(self, reader: Rows, lane_key: bytes) -> Found:
        """What there is to stamp on a lane now."""
        known = self._done.get(lane_key, frozenset())
        heads: list[tuple[bytes, bytes]] = []
        done: set[bytes] = set()
        refused = False
        for head in lanes.heads_of(reader, lane_key):
            opened = POSITION.must(reader, head.id).open
            if head.id in known or not self._asked(reader, opened):
                done.add(head.id)
                continue
            path, below = self._news(reader, head.id, opened, known)
            paid = [trades.commit_of(reader, record) is not None for record in path]
            if not below and not any(paid):
                done.add(head.id)
                continue
            top = self._top(reader, lane_key, path)
            place = len(path) if top is None else path.index(top)
            if top is not None and (below or any(paid[place:])):
                heads.append((top, opened))
            refused |= any(paid[:place]) or (below and top is None)
        return Found(heads, refused, frozenset(done))

    def _news(
        self, reader: Rows, head: bytes, opened: bytes, known: frozenset[bytes]
    ) -> tuple[list[bytes], bool]:
        """The part of a path that this relay has not stamped or looked at, newest first, and
        whether the lanes that its open carries hold a commit that it has not stamped."""
        entry = lanes.ENTRY.must(reader, head)
        before = self._stamped(reader, entry.lane)
        carried = [lanes.ENTRY.must(reader, c) for c in positions.past_heads(reader, opened)]
        numbers = {entry.lane, *(place.lane for place in carried)}
        if not before and not any(_ever_paid(reader, number) for number in numbers):
            return [], False
        path = list(self._fresh(reader, entry, before, known))
        if not path or path[-1] != opened:
            return path, False  # what stands on the open was stamped, and all it carries with it
        below = any(
            trades.commit_of(reader, record)
            for place in carried
            for record in self._fresh(reader, place, self._stamped(reader, place.lane), known)
        )
        return path, below

    def _stamped(self, reader: Rows, lane: int) -> list[bytes]:
        return stamps.last_heads(reader, self._core.own.public_key, lane)

    def _asked(self, reader: Rows, opened: bytes) -> bool:
        """True iff the lane asks this relay for its stamps."""
        entry = lanes.entry_of(reader, opened) if opened else None
        if entry is None:
            return False
        body = stored_body(reader, entry.number, AccountOpen)
        return self._core.own.public_key in body.witnesses

    def _fresh(
        self, reader: Rows, top: Entry, before: Sequence[bytes], known: frozenset[bytes]
    ) -> Iterator[bytes]:
        """The path from a place down to what this relay has stamped or looked at."""
        for record in lanes.path_down(reader, top):
            entry = lanes.ENTRY.must(reader, record)
            if record in known or any(positions.in_past(reader, entry, old) for old in before):
                return
            yield record

    def _top(self, reader: Rows, lane_key: bytes, path: Sequence[bytes]) -> bytes | None:
        """The highest record of a path (newest first) that may be stamped, or None.

        Whatever forbids an ok record forbids those above it too, so a few looks find it.
        """
        ok = [record for record in path if lanes.ENTRY.must(reader, record).verdict == OK]
        place = bisect_left(ok, True, key=lambda record: self._may(reader, lane_key, record))
        return ok[place] if place < len(ok) else None

    def _may(self, reader: Rows, lane_key: bytes, record: bytes) -> bool:
        forked = proofs.fork_seq(reader, lane_key)  # known perhaps by proof alone
        revoked = is_revoked(reader, lane_key[:32], lane_key[32:64])  # then cuts say what stands
        if forked is not None and not revoked and lanes.ENTRY.must(reader, record).seq >= forked:
            return False
        return alerts.may_stamp(reader, self._core.own.public_key, record, self._core.rules)


def _ever_paid(reader: Rows, lane: int) -> bool:
    """True iff a lane holds a commit: who only ever sold is not walked through."""
    rows = trades.COMMIT_ON.under(reader, lane.to_bytes(4, "big"), limit=1)
    return next(rows, None) is not None
