"""Routes about units: what amounts are counted in, and what members gave beside credit."""

# pyright: reportUnknownMemberType=false

from fastapi import Request

from node.api.context import Api
from node.api.models import units as shapes
from node.api.parameters import ChapterQuery, IdQuery, UnitPath
from node.api.routing import Route, get
from node.ledger import book
from node.protocol.account import CREDIT
from node.services.trading import units


class UnitRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def unit(self, request: Request, unit: UnitPath) -> shapes.UnitShown:
        """A unit: its decimals, what it is called, where it counts as a contribution."""
        genesis, word = self._api.core.rules.genesis, units.checked(unit)
        counting = [
            chapter.name
            for number, chapter in enumerate(genesis.chapters)
            if word == CREDIT or word in self._api.office.policy(number).counts
        ]
        return shapes.UnitShown(
            unit=word,
            name=units.name_of(word, genesis.unit, self._api.language(request)),
            decimals=units.decimals_of(word, genesis.unit),
            counts_in=counting,
        )

    async def contributions(
        self, request: Request, member: IdQuery = None, chapter: ChapterQuery = None
    ) -> shapes.Contributions:
        """What a member gave and received in money, hours, barter and gifts."""
        core, number = self._api.core, self._api.chapter(chapter)
        subject = core.member if member is None else bytes.fromhex(member)
        credit, language = core.rules.genesis.unit, self._api.language(request)
        counts = self._api.office.policy(number).counts
        with core.reading() as reader:
            found = book.contributions(reader, number, subject)
        return shapes.Contributions(
            member=self._api.who(subject),
            chapter=core.rules.genesis.chapters[number].name,
            items=[
                shapes.Contribution(
                    unit=unit,
                    name=units.name_of(unit, credit, language),
                    decimals=units.decimals_of(unit, credit),
                    given=total.given,
                    received=total.received,
                    given_text=units.shown(total.given, unit, credit, language),
                    received_text=units.shown(total.received, unit, credit, language),
                    counts=unit in counts,
                )
                for unit, total in sorted(found.items())
            ],
        )


def routes(api: Api) -> list[Route]:
    """The table."""
    found = UnitRoutes(api)
    return [
        get("/units/{unit}", found.unit, shapes.UnitShown),
        get("/contributions", found.contributions, shapes.Contributions),
    ]
