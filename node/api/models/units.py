"""Shapes about units, and what members gave in other units than credit."""

from typing import Annotated

from pydantic import Field

from node.api.models.base import ChapterShown, Decimals, Model, Sum, Unit, Who

UnitName = Annotated[str, Field(description="what people call it", examples=["시간"])]


class UnitShown(Model):
    """A unit that trades may be counted in."""

    unit: Unit
    name: UnitName
    decimals: Decimals
    counts_in: Annotated[
        list[ChapterShown], Field(description="chapters where it counts as a contribution")
    ]


class Contribution(Model):
    """What a member gave and received in one unit, minor units. Nobody owes any of it."""

    unit: Unit
    name: UnitName
    decimals: Decimals
    given: Sum
    received: Sum
    given_text: Annotated[str, Field(examples=["12.50 시간"])]
    received_text: Annotated[str, Field(examples=["3.00 시간"])]
    counts: Annotated[bool, Field(description="the chapter says that it counts")]


class Contributions(Model):
    """Totals by unit: trades in money, hours, barter and gifts move no credit."""

    member: Who
    chapter: ChapterShown
    items: list[Contribution]
