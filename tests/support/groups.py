"""Two groups of one community that cannot reach each other: real homes, a clock that days move.

Rule: within a group everybody hears everything each day, as neighbours do; nothing crosses until
`meet`. What relays do (R36) is done here by members whose device keys the chapter names.
"""

from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey

from node.ledger import alerts, positions, stamps
from node.ledger.positions import POSITION
from node.protocol import genesis as genesis_document
from node.protocol import lanes
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.identity import Lane
from node.protocol.office import WitnessStamp
from node.services.publish import Appender, Draft
from node.storage.state import WriterState
from tests.support.homes import (
    Clock,
    Person,
    introduce,
    member_id,
    move_in,
    open_own_account,
    seed_of,
)

DAY_MS = 24 * 3_600_000
LIMIT = 10_000


def genesis_of(officers: list[str], witnesses: list[str], q: int) -> bytes:
    """One chapter; the device keys of some members are its witnesses."""
    chapter = Chapter(
        default_limit=LIMIT,
        k=1,
        limit_max=10 * LIMIT,
        name="마을",
        officers=[member_id(name) for name in officers],
        q=q,
        treasury=None,
        witnesses=sorted(device_key(name) for name in witnesses),
    )
    document = Genesis(
        chapters=[chapter],
        languages=["ko", "zh", "en"],
        name="Valley",
        rules=1,
        salt=bytes(16),
        unit=CreditUnit(code="나눔", decimals=2),
    )
    return genesis_document.encode(document)


def device_key(name: str) -> bytes:
    """The key of a member's first device."""
    return bytes(SigningKey(seed_of(f"{name} device ")).verify_key)


@dataclass(slots=True)
class Group:
    """Homes that hear one another, and how far each has told what it holds."""

    people: list[Person]
    witnesses: list[str] = field(default_factory=list[str])
    told: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])

    def named(self, name: str) -> Person:
        """The home of a member."""
        return next(person for person in self.people if person.name == name)

    async def gossip(self) -> bool:
        """Everybody tells everybody what is new. True iff anything was."""
        news = False
        for giver in self.people:
            for taker in self.people:
                news = await self._tell(giver, taker) or news
        return news

    async def _tell(self, giver: Person, taker: Person) -> bool:
        if giver is taker:
            return False
        key = id(giver), id(taker)
        rows = giver.core.reader.records_after(self.told.get(key, -1), 1_000_000)
        if not rows:
            return False
        self.told[key] = rows[-1][0]
        return (await taker.intake.take([raw for _, raw in rows], giver.name)).accepted > 0

    async def settle(self) -> None:
        """Gossip, stamps and duties, until nobody has anything left to say or do."""
        for _ in range(12):
            busy = await self.gossip()
            for person in self.people:
                if person.name in self.witnesses:
                    busy = await stamp_all(person) > 0 or busy
                busy = await person.duties() > 0 or busy
            if not busy:
                return
        raise AssertionError("this never ends")


async def stamp_all(person: Person) -> int:
    """R36: a witness stamps every head that it may and has not stamped yet; how many."""
    core = person.core
    key = core.own.public_key

    def work(appender: Appender, state: WriterState) -> int:
        done = 0
        for lane_key, _ in list(lanes.LANE.scan(state, b"", None)):
            heads = lanes.heads_of(state, lane_key) if lane_key[64] == Lane.ACCOUNT else []
            for head in heads:
                opened = POSITION.must(state, head.id).open
                if not opened or not _is_new(state, key, head.id):
                    continue
                if alerts.may_stamp(state, key, head.id, core.rules):
                    body = WitnessStamp(head=head.id, open=opened)
                    appender.append(Draft("witness.stamp", body))
                    done += 1
        return done

    return await person.publisher.transact(work)


def _is_new(state: WriterState, key: bytes, head: bytes) -> bool:
    entry = lanes.ENTRY.must(state, head)
    old = {stamped for _, stamped in stamps.STAMP_BY.under(state, key)}
    return not any(positions.in_past(state, entry, stamped) for stamped in old)


async def found(
    folder: Path, clock: Clock, here: list[str], there: list[str], genesis: bytes
) -> list[Person]:
    """All members, admitted and granted by the first of their group, who is an officer; all hold
    all."""
    people = [move_in(folder, name, genesis, clock) for name in (*here, *there)]
    homes = {person.name: person for person in people}
    for person in people:
        await introduce(person, seed_of(f"{person.name} device "))
    for group in (here, there):
        officer = homes[group[0]]
        await open_own_account(officer)
        for name in group[1:]:
            await homes[name].community.apply(None, "", None)
            await homes[name].hand_to(officer)
            await officer.community.admit(None, homes[name].id)
        await officer.duties()
    await Group(people).settle()
    return people
