"""Shapes about trade: trades and their steps, balances, statements."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import (
    Amount,
    Cursor,
    Decimals,
    Direction,
    Id,
    Level,
    Model,
    Sentence,
    Sum,
    Text,
    Time,
    Unit,
    Who,
)
from node.api.models.books import Closed
from node.protocol import limits
from node.services.trading.trade import ORDER_TEXT_MAX_BYTES

TradeState = Literal["proposed", "accepted", "declined", "released", "settled", "secured"]
OrderText = Annotated[str, Field(max_length=ORDER_TEXT_MAX_BYTES, examples=["김치 두 통"])]
Month = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}$", examples=["2026-09"])]


class TradeIn(Model):
    """A payment to propose, or an invoice to send. `anyway` signs before neighbours confirmed."""

    direction: Direction
    partner: Id
    amount: Amount
    unit: Annotated[
        str, Field(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES, examples=["credit"])
    ] = "credit"
    for_: Annotated[OrderText, Field(alias="for")] = ""
    refunds: Annotated[Id | None, Field(description="a trade this one gives back")] = None
    valid_until: Annotated[
        Time | None, Field(description="after this, programs refuse to accept it")
    ] = None
    anyway: bool = False


class StepIn(Model):
    """The next step of a trade. `anyway` signs before neighbours confirmed our last records."""

    anyway: bool = False


class RefundIn(Model):
    """How much to give back, or to ask for, minor units; null: all that is left."""

    amount: Annotated[int | None, Field(ge=1, le=limits.AMOUNT_MAX_UNITS, examples=[500])] = None
    anyway: bool = False


class RateIn(Model):
    """A rating of the other side, once a trade."""

    stars: Annotated[int, Field(ge=1, le=5, examples=[5])]
    text: Text = ""


class Confirmations(Model):
    """How far relays have confirmed: `given` of `relays`, of whom `needed` make it final."""

    given: Annotated[int, Field(ge=0, examples=[2])]
    needed: Annotated[int, Field(ge=0, examples=[2])]
    relays: Annotated[int, Field(ge=0, examples=[3])]


class TradeStep(Model):
    """One step of a trade."""

    id: Id
    kind: Annotated[str, Field(examples=["trade.propose"])]
    author: Who
    time: Time


class Refund(Model):
    """A refund of a trade: a trade of its own, the other way round."""

    id: Id
    amount: Amount
    amount_text: Annotated[str, Field(examples=["5.00 나눔"])]
    state: TradeState
    state_text: Sentence


class Trade(Model):
    """A trade as its parties see it. `next_steps`: what this member may do now.

    `given_back`: by refunds so far; `giving_back`: offered or asked for, not settled yet;
    `left`: what may still be given back.
    """

    id: Id
    payer: Who
    payee: Who
    partner: Annotated[Who, Field(description="the other side")]
    amount: Amount
    unit: Unit
    decimals: Decimals
    amount_text: Annotated[str, Field(examples=["12.50 나눔"])]
    state: TradeState
    state_text: Sentence
    invoice: bool
    contested: bool
    refunds: Annotated[Id | None, Field(description="the trade that this one gives back")]
    given_back: Annotated[int, Field(examples=[0])]
    giving_back: Annotated[int, Field(examples=[0])]
    left: Annotated[int, Field(examples=[1250])]
    time: Time
    for_: Annotated[
        str | None, Field(alias="for", description="known to its parties only", examples=["김치"])
    ]
    next_steps: Annotated[list[str], Field(examples=[["accept", "decline"]])]
    level: Level
    level_text: Sentence
    level_means: Sentence
    doubt: Annotated[
        Literal["payer", "payee", "other", "refund"] | None,
        Field(description="why a contested trade does not count, as this member is concerned"),
    ]
    doubt_text: Annotated[str | None, Field(examples=[None])]
    alerts: Annotated[list[str], Field(examples=[[]])]
    alert_texts: Annotated[list[str], Field(examples=[[]])]
    goods: Annotated[
        Literal["wait", "hand-over", "confirmed", "none"],
        Field(description="may the seller hand over? `hand-over`: paid, and no relay must confirm"),
    ]
    goods_text: Sentence
    confirmations: Confirmations
    confirmations_text: Annotated[
        str | None,
        Field(description="null where no relay confirms", examples=["중계소 3곳 가운데 2곳"]),
    ]


class TradeDetail(Trade):
    """A trade with its steps in order of arrival, and all refunds of it."""

    steps: list[TradeStep]
    refunded_by: list[Refund]
    refund_texts: Annotated[
        list[str], Field(description="what went back", examples=[["돌려준 금액: 5.00 나눔"]])
    ]


class Trades(Model):
    """Own trades, newest first."""

    items: list[Trade]
    next: Cursor


class Balance(Model):
    """A member's balance in a chapter, minor units of credit.

    `spendable`, `limit` and `reserved` stand for this member's own account only.
    """

    member: Who
    chapter: Annotated[str, Field(examples=["마을"])]
    book: Sum
    spendable: Annotated[int | None, Field(examples=[7500])]
    limit: Annotated[int | None, Field(examples=[10000])]
    reserved: Annotated[int, Field(examples=[0])]
    unit: Unit
    unit_name: Annotated[str, Field(examples=["나눔"])]
    decimals: Decimals
    level: Level
    level_text: Sentence
    level_means: Sentence
    unconfirmed: Annotated[
        int, Field(description="trades that count and no relays confirmed", examples=[0])
    ]
    closed: Closed | None
    final: Annotated[bool, Field(description="false where no relay of the chapter confirms")]
    text: Annotated[str, Field(examples=["준 것보다 받은 것이 많아요 (한도까지는 괜찮아요)."])]
    notice: Annotated[
        str | None, Field(description="why this member cannot pay for now", examples=[None])
    ] = None
    in_doubt: Annotated[int, Field(ge=0, description="trades not counted", examples=[0])]
    in_doubt_amount: Annotated[Sum, Field(description="plus to be received")]
    in_doubt_text: Annotated[str | None, Field(examples=[None])]


class Movement(Model):
    """One line of a statement: plus received, minus given."""

    trade: Id
    commit: Id
    partner: Who
    amount: Sum
    time: Time
    for_: Annotated[str | None, Field(alias="for", examples=["김치"])]
    refunds: Annotated[Id | None, Field(description="the trade that this one gives back")]


class OtherMovement(Movement):
    """A line of a statement in another unit, which no balance counts."""

    unit: Unit
    unit_name: Annotated[str, Field(description="what people call it", examples=["시간"])]
    decimals: Decimals


class Statement(Model):
    """A month (UTC): opening and movements add up to closing. `others` are trades in other units,
    in no sum."""

    member: Who
    chapter: Annotated[str, Field(examples=["마을"])]
    month: Month
    unit: Unit
    unit_name: Annotated[str, Field(examples=["나눔"])]
    decimals: Decimals
    opening: Sum
    movements: list[Movement]
    others: list[OtherMovement]
    closing: Sum
    level: Annotated[Level, Field(description="of the closing balance", examples=["L4"])]
    level_text: Sentence
    level_means: Sentence
    in_doubt: Annotated[list[Movement], Field(description="of the month, and not counted")]
