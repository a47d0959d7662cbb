"""Publishing: sign, append, apply and enqueue in one transaction.

Rules: a record of one's own goes through the same judgement and fold as anybody's; one that would
be void is refused to the user and nothing is stored. A seq is taken and used in one transaction, so
none is ever used twice. A device that its owner shut out, or whose key has signed elsewhere, signs
nothing. Account and witness records are signed only when it is safe (R11): this device's lanes are
known to neighbours as they are here, or (on the account lane) the user said to go on anyway. After
damage to the disk that is so for every lane, and no user can wave it away (`missing`).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from node.protocol import crypto, lanes, record
from node.protocol.admission import Welcome
from node.protocol.errors import OK, LocalFault
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import LANE_OF_KIND, OPENING_KIND, RawRecord
from node.protocol.shapes import Body, RecordId
from node.protocol.social import LaneOpen
from node.services.core import Committed, Core
from node.storage.state import WriterState
from node.views import identities

log = logging.getLogger(__name__)

ECHOED_LANES: Final = (Lane.ACCOUNT, Lane.WITNESS)  # what must not be forked
NEIGHBOURS_SETTING: Final = "had_neighbours"  # a neighbour has once shown our own heads
COPIED_HOME = "copied_home"  # setting: a record of this device that this home did not sign
NOTHING_SIGNED: Final = frozenset(
    {
        *("home-copied", "device-revoked", "device-not-added", "not-echoed", "no-account"),
        *("locked", "own-lane-damaged"),
    }
)
"""Codes that speak about this device, not about what was to be signed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be: its kind and body."""

    kind: str
    body: Body


class Appender:
    """Appends own records inside one transaction, and gathers what was done."""

    def __init__(self, core: Core, state: WriterState, anyway: bool = False) -> None:
        self._core = core
        self._state = state
        self._anyway = anyway
        self.records: list[tuple[bytes, int]] = []
        self.events: list[tuple[str, bytes]] = []
        self.lanes: set[bytes] = set()  # keys of lanes whose heads changed

    def append(self, draft: Draft) -> RecordId:
        """Sign and apply one record; opens its lane first where needed."""
        lane = LANE_OF_KIND[draft.kind]
        signer = self._core.own
        lane_key = signer.member_id + signer.public_key + bytes((lane,))
        self._refuse_damaged(lane_key)
        heads = lanes.heads_of(self._state, lane_key)
        if len(heads) > 1 or self._state.settings.get(COPIED_HOME) is not None:
            raise LocalFault("home-copied")
        if identities.is_revoked(self._state, signer.member_id, signer.public_key):
            raise LocalFault("device-revoked")
        if lane in ECHOED_LANES and self._core.echo_wanted and not self._anyway:
            raise LocalFault("not-echoed")
        if not heads and draft.kind != OPENING_KIND[lane]:
            if lane == Lane.ACCOUNT:
                raise LocalFault("no-account")
            opened = self.append(
                Draft(OPENING_KIND[lane], LaneOpen(own_auth(self._state, signer, lane)))
            )
            return self._sign(draft, 1, opened)
        if not heads:
            return self._sign(draft, 0, None)
        return self._sign(draft, heads[0].seq + 1, heads[0].id)

    def attempt(self, draft: Draft) -> bool:
        """Append what a program signs by itself, unless it would have no effect: then leave it, so
        that one odd item does not keep the others waiting. Raises what speaks of this device."""
        try:
            self.append(draft)
        except LocalFault as fault:
            if fault.code in NOTHING_SIGNED:
                raise
            log.info("%s left: %s", draft.kind, fault.code)
            return False
        return True

    def _sign(self, draft: Draft, seq: int, prev: bytes | None) -> RecordId:
        signer, core = self._core.own, self._core
        header, body = record.build(
            draft.body, draft.kind, signer.member_id, signer.public_key, seq, prev, core.clock()
        )
        signature = signer.sign_record(crypto.record_id(core.community, header))
        return self.take(RawRecord(header, body, signature))

    def take(self, raw: RawRecord) -> RecordId:
        """Apply a record signed here (by device or root key); refuse what would have no effect."""
        core, state = self._core, self._state
        made = record.parse(raw, core.community)
        self._refuse_damaged(made.header.lane_key)
        judgement = core.fold.judge(state, made)
        if not isinstance(judgement, Welcome):
            code = getattr(judgement, "code", type(judgement).__name__.lower())
            raise LocalFault(str(code))
        changes = core.fold.apply(state, made)
        if changes.verdict != OK:
            raise LocalFault(changes.verdict)
        state.apply(raw, changes)
        state.outbox_add(changes.number)
        self.records.append((made.id, changes.number))
        self.events.extend(changes.events)
        self.lanes.update(changes.lanes)
        return made.id

    def _refuse_damaged(self, lane_key: bytes) -> None:
        if lane_key in self._core.missing.lanes:
            raise LocalFault("own-lane-damaged")


def own_auth(reader: Reader, signer: Any, lane: Lane) -> RecordId:
    """Id of the `device.add` of this device for a lane. Raises LocalFault `device-not-added`."""
    prefix = signer.member_id + signer.public_key
    if identities.is_revoked(reader, signer.member_id, signer.public_key):
        raise LocalFault("device-revoked")
    for key, scopes in identities.DEVICE.under(reader, prefix):
        if lane.name.lower() in scopes:
            return RecordId(key[64:])
    raise LocalFault("device-not-added")


Work = Callable[[Appender, WriterState], Any]
"""Decides and appends inside the transaction, on the state it will be applied to."""


class Publisher:
    """Publishes drafts of this device."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def publish(self, *drafts: Draft) -> list[RecordId]:
        """Append drafts in one transaction; all or none. Returns their ids after the commit."""
        return await self.transact(lambda appender, _: [appender.append(d) for d in drafts])

    async def transact(self, work: Work, *, anyway: bool = False) -> Any:
        """Run `work` in one transaction; tell the listeners after the commit.

        `anyway` signs account records without waiting for neighbours (R11).
        """

        def job(state: WriterState) -> tuple[Any, Appender]:
            appender = Appender(self._core, state, anyway)
            return work(appender, state), appender

        result, appender = await self._core.writer.run(job)
        self._told(appender)
        return result

    async def by_itself(self, work: Work) -> int:
        """`transact` for what a program does by itself: `work` returns how many records it signed;
        0 where this device can sign nothing now."""
        try:
            return await self.transact(work)
        except LocalFault as fault:
            if fault.code in NOTHING_SIGNED:
                return 0
            raise

    def transact_sync(self, work: Work, *, anyway: bool = False) -> Any:
        """The same outside an event loop."""

        def job(state: WriterState) -> tuple[Any, Appender]:
            appender = Appender(self._core, state, anyway)
            return work(appender, state), appender

        result, appender = self._core.writer.run_sync(job)
        self._told(appender)
        return result

    def _told(self, appender: Appender) -> None:
        if appender.records:
            records, events = tuple(appender.records), tuple(appender.events)
            done = Committed("own", records, events, frozenset(appender.lanes))
            self._core.tell(done)
