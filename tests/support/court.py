"""A town with a treasury and several people who may mediate, for tests of disputes.

Every home is real. What is handed on reaches everybody who is not away, until nothing is left.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from node.protocol import genesis as genesis_document
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.services.chapters.dispute_duties import DisputeDuties
from node.services.chapters.disputes import Disputes
from node.services.trading.trade import Proposal
from tests.support.homes import Clock, Person, introduce, member_id, move_in, seed_of
from tests.support.homes import open_own_account as open_account

DAY_MS: Final = 86_400_000
TREASURY: Final = "chest"


def genesis_of(officers: tuple[str, ...], treasury: str | None) -> bytes:
    """One chapter, k = 1, q = 0."""
    chapter = Chapter(
        default_limit=10_000,
        k=1,
        limit_max=100_000,
        name="마을",
        officers=[member_id(name) for name in officers],
        q=0,
        treasury=None if treasury is None else member_id(treasury),
        witnesses=[],
    )
    document = Genesis(
        chapters=[chapter],
        languages=["ko", "zh", "en"],
        name="Court town",
        rules=1,
        salt=bytes(16),
        unit=CreditUnit(code="나눔", decimals=2),
    )
    return genesis_document.encode(document)


@dataclass(slots=True)
class Sitter:
    """A member at home, with what they can do in cases."""

    person: Person
    clock: Clock
    disputes: Disputes
    duties: DisputeDuties

    @property
    def id(self) -> bytes:
        return self.person.id

    @property
    def name(self) -> str:
        return self.person.core.home.path.name


@dataclass(slots=True)
class Court:
    """The town: its people by name, and who is away."""

    people: dict[str, Sitter]
    clocks: dict[str, Clock]
    away: set[str] = field(default_factory=set[str])
    handed: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def __getitem__(self, name: str) -> Sitter:
        return self.people[name]

    def of(self, member: bytes) -> Sitter:
        """By member id."""
        return next(one for one in self.people.values() if one.id == member)

    @property
    def here(self) -> list[Sitter]:
        return [one for name, one in self.people.items() if name not in self.away]

    async def spread(self) -> None:
        """What anybody here holds reaches all, and all do their duties, until nothing is left."""
        for _ in range(8):
            hub, *others = self.here
            for one in others:
                await self._hand(one, hub)
            for one in others:
                await self._hand(hub, one)
            done = [await one.person.duties() + await one.duties.perform() for one in self.here]
            if sum(done) == 0:
                return
        raise AssertionError("duties never end")

    async def _hand(self, giver: Sitter, taker: Sitter) -> None:
        """What the giver took in since the last time."""
        found = list(giver.person.core.reader.records_after(-1, 1_000_000))
        start = self.handed.get((giver.name, taker.name), 0)
        self.handed[giver.name, taker.name] = len(found)
        await taker.person.intake.take([raw for _, raw in found[start:]], giver.name)

    def later(self, days: float) -> None:
        """Time goes by, on every clock."""
        for clock in self.clocks.values():
            clock.now += int(days * DAY_MS)

    async def trade(self, amount: int = 1_000) -> bytes:
        """Amina pays Baraka: committed."""
        wish = Proposal(self["baraka"].id, amount, invoice=False, order="전등 수리")
        trade = await self["amina"].person.trade.propose(wish)
        await self.spread()
        await self["baraka"].person.trade.accept(trade)
        await self.spread()
        return trade

    def close(self) -> None:
        for one in self.people.values():
            one.person.close()


async def hold(folder: Path, officers: int = 4, *, treasury: bool = True) -> Court:
    """Officers o0, o1 …, the parties amina and baraka, and the treasury; all know each other."""
    names = tuple(f"o{n}" for n in range(officers))
    chest = (TREASURY,) if treasury else ()
    genesis = genesis_of(names, TREASURY if treasury else None)
    people: dict[str, Sitter] = {}
    clocks: dict[str, Clock] = {}
    for name in (*names, "amina", "baraka", *chest):
        clocks[name] = Clock()
        person = move_in(folder, name, genesis, clocks[name])
        disputes = Disputes(person.core, person.publisher, person.trade)
        duties = DisputeDuties(person.core, person.publisher)
        people[name] = Sitter(person, clocks[name], disputes, duties)
        await introduce(person, seed_of(f"{name} device "))
        if name in names:
            await open_account(person)
        else:
            await person.community.apply(None, "", None)
            await person.hand_to(people["o0"].person)
            await people["o0"].person.community.admit(None, person.id)
    court = Court(people, clocks)
    await court.spread()
    return court
