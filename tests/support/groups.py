"""Two groups of one community that cannot reach each other: real homes, a clock that days move.

Rule: within a group everybody hears everything each day, as neighbours do; nothing crosses until
the groups are put together.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.homes import Clock, Person, introduce, move_in, open_own_account, seed_of

DAY_MS = 24 * 3_600_000


@dataclass(slots=True)
class Group:
    """Homes that hear one another, and how far each has told what it holds."""

    people: list[Person]
    asleep: set[str] = field(default_factory=set[str])  # relays that confirm nothing now
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

    async def _duties(self, person: Person) -> int:
        if person.name not in self.asleep:
            return await person.duties()
        return await person.office_duties.perform() + await person.trade_duties.perform()

    async def settle(self) -> None:
        """Gossip and duties, until nobody has anything left to say or do."""
        for _ in range(12):
            busy = await self.gossip()
            for person in self.people:
                busy = await self._duties(person) > 0 or busy
            if not busy:
                return
        raise AssertionError("this never ends")


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
