"""Shapes about what officers decide: acts, proposals, a chapter's policy."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import ChapterShown, Decimals, Id, Model, Time, Unit, Who
from node.protocol import limits

UnitName = Annotated[
    str, Field(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES, examples=["hours"])
]
ActKind = Literal[
    "member.admit", "member.suspend", "credit.grant", "chapter.policy", "chapter.close"
]


class Decision(Model):
    """What became of an officer's wish: an act, or a proposal that waits for other officers."""

    id: Annotated[Id, Field(description="the act, or this officer's approval")]
    proposal: Annotated[Id, Field(description="hash of the content, names the proposal")]
    done: bool
    agreed: Annotated[int, Field(description="officers, this one included", examples=[1])]
    needed: Annotated[int, Field(examples=[2])]
    text: Annotated[str, Field(examples=["Asked: 1 of 2 officers have agreed."])]


class MemberIn(Model):
    """A member an act is about."""

    member: Id


class GrantIn(Model):
    """A limit for a member, minor units of credit."""

    member: Id
    limit: Annotated[int, Field(ge=0, le=limits.AMOUNT_MAX_UNITS, examples=[20000])]


class PolicyIn(Model):
    """How members' programs act in a chapter; replaces the policy as a whole."""

    counts: Annotated[
        list[UnitName],
        Field(
            max_length=limits.COUNTED_UNITS_MAX_COUNT,
            description="units other than credit whose trades count as contributions",
            examples=[["hours"]],
        ),
    ]
    faith_days: Annotated[
        int,
        Field(
            ge=1,
            le=limits.FAITH_MAX_DAYS,
            description="days for two parties to agree before mediators are called",
            examples=[30],
        ),
    ]
    mediators: Annotated[list[Id], Field(max_length=limits.MEDIATORS_MAX_COUNT)]
    secured_from: Annotated[
        int | None,
        Field(
            ge=0,
            le=limits.SUM_MAX_UNITS,
            description="minor units of credit from which goods wait for confirmation; null: never",
            examples=[5000],
        ),
    ]


class Policy(Model):
    """The policy in force. `id` null: nothing was decided, these are the defaults."""

    chapter: ChapterShown
    counts: list[UnitName]
    faith_days: Annotated[int, Field(examples=[30])]
    mediators: list[Who]
    secured_from: Annotated[int | None, Field(examples=[5000])]
    unit: Unit
    decimals: Decimals
    id: Id | None
    text: Annotated[
        str,
        Field(
            description="the policy in a few plain sentences",
            examples=["Goods may be handed over as soon as they are paid."],
        ),
    ]


class Proposal(Model):
    """An act that an officer asks the others to agree to."""

    id: Annotated[Id, Field(description="hash of the content")]
    kind: ActKind
    text: Annotated[str, Field(examples=["Give 민수 a limit of 200.00 (now 100.00)."])]
    time: Time
    officers: Annotated[list[Who], Field(description="who has agreed")]
    mine: Annotated[bool, Field(description="this officer has agreed")]
    needed: Annotated[int, Field(examples=[2])]
    member: Who | None


class Proposals(Model):
    """Open proposals, oldest first."""

    items: list[Proposal]
