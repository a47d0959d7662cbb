"""Shapes about disputes: cases, who judges them, what is said in them."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import (
    Amount,
    ChapterShown,
    Cursor,
    Decimals,
    Id,
    Model,
    Sentence,
    Text,
    Time,
    Unit,
    Who,
)
from node.protocol import limits

Stage = Literal[
    "agreeing", "asking", "judging", "alone", "closed", "advice", "owed", "paying", "paid"
]
To = Literal["nobody", "payee", "payer"]
SeatState = Literal["seated", "asked", "next", "left", "spare"]
ToShown = Annotated[To, Field(examples=["payer"])]
VoteAmount = Annotated[int, Field(ge=0, le=limits.AMOUNT_MAX_UNITS, examples=[500])]


class DisputeIn(Model):
    """A trade that went wrong, and what happened, for the other side and the mediators."""

    trade: Id
    text: Text


class EvidenceIn(Model):
    """Something to say in a case; only its parties and mediators can read it."""

    text: Text


class EraseIn(Model):
    """Something said, to be erased everywhere."""

    evidence: Id


class TakeIn(Model):
    """Whether a mediator who is asked takes the case, or leaves it to the next."""

    takes: bool = True


class VoteIn(Model):
    """Who should get how much, minor units; `nobody` gets 0. `note`: why, for parties and panel."""

    to: ToShown
    amount: VoteAmount = 0
    note: Text = ""


class PayIn(Model):
    """`anyway` signs before neighbours confirmed our last records."""

    anyway: bool = False


class OutcomeShown(Model):
    """What somebody voted for, or what came out."""

    to: ToShown
    amount: Annotated[int, Field(examples=[500])]
    text: Sentence


class Mediator(Model):
    """Somebody who may judge the case, in the order in which they are asked.

    `spare`: took it when the seats were full.
    """

    member: Who
    state: SeatState
    vote: OutcomeShown | None


class Dispute(Model):
    """A case as this member sees it now. `until`: when its stage moves on by itself."""

    id: Id
    trade: Id
    chapter: ChapterShown
    opener: Who
    payer: Who
    payee: Who
    amount: Amount
    amount_text: Annotated[str, Field(examples=["10.00 나눔"])]
    unit: Unit
    decimals: Decimals
    opened: Time
    stage: Stage
    text: Sentence
    until: Time | None
    seats: Annotated[int, Field(description="mediators who judge together", examples=[3])]
    needed: Annotated[int, Field(description="votes that decide", examples=[2])]
    mediators: list[Mediator]
    outcome: OutcomeShown | None
    given_back: Annotated[int, Field(description="of the trade, so far", examples=[0])]
    given_back_text: Annotated[str, Field(examples=["0.00 나눔"])]
    payment: Annotated[Id | None, Field(description="trade by which the chapter pays")]
    roles: Annotated[list[str], Field(examples=[["opener"]])]
    next_steps: Annotated[list[str], Field(examples=[["say", "close"]])]
    next_texts: Annotated[list[str], Field(examples=[["상대가 답하기를 기다려요."]])]
    waits: Annotated[bool, Field(description="it waits for this member")]


class Said(Model):
    """Something said in a case; `text` null: sealed, and not readable on this device."""

    id: Id
    author: Who
    time: Time
    text: Annotated[str | None, Field(examples=["하루 만에 고장 났어요"])]


class DisputeDetail(Dispute):
    """A case with what was said in it, oldest first."""

    said: list[Said]


class Disputes(Model):
    """Cases of this member, the newest first."""

    items: list[Dispute]
    next: Cursor = None
