"""Shapes about the books: verification, closes of chapters, proofs, audits."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import (
    ID_EXAMPLE,
    ChapterShown,
    Decimals,
    Id,
    Level,
    Model,
    NameShown,
    Sentence,
    Sum,
    Time,
    Unit,
    Who,
)

MONTH_PATTERN = "^[0-9]{4}-[0-9]{2}$"
Month = Annotated[str, Field(pattern=MONTH_PATTERN, examples=["2026-10"])]
MonthOrNone = Annotated[str | None, Field(examples=["2026-10"])]
Count = Annotated[int, Field(examples=[40])]
Verdict = Literal["agrees", "differs", "unknown"]


class Closed(Model):
    """What the newest close that own books agree with says of a balance, minor units."""

    month: Month
    close: Id
    balance: Sum
    since: Annotated[int, Field(description="what it changed since", examples=[0])]
    moved: Annotated[bool, Field(description="whether anything moved since", examples=[False])]
    text: Sentence


class Section(Model):
    """One part of the state root."""

    name: Annotated[str, Field(examples=["balances"])]
    hash: Id


class Root(Model):
    """The state root: equal on all honest nodes that hold the same records."""

    chapter: Annotated[str | None, Field(examples=[None])]
    root: Id
    sections: list[Section]


class VerifyIn(Model):
    """`from_scratch` computes everything anew from the stored records."""

    from_scratch: bool = False


class Finding(Model):
    """Something that does not add up: what, and the id or name it concerns."""

    code: Annotated[str, Field(examples=["balance"])]
    subject: Annotated[str, Field(examples=[ID_EXAMPLE])]
    text: Annotated[str, Field(examples=["장부가 맞지 않아요"])]


class Missing(Model):
    """What keeps the books from a level."""

    level: Level
    code: Annotated[str, Field(examples=["no_close"])]
    chapter: ChapterShown
    text: Annotated[str, Field(examples=["마을: 임원들이 아직 어느 달도 결산하지 않았어요."])]


class Verified(Model):
    """What a verification found, and the level it reached."""

    ok: bool
    level: Annotated[
        str | None, Field(description="null: not even the stored bytes hold", examples=["L2"])
    ]
    level_text: Annotated[str | None, Field(examples=["모두 여기에서 다시 계산했어요"])]
    level_means: Annotated[str | None, Field(examples=["모두 여기에서 다시 계산했어요"])]
    records: Annotated[int, Field(examples=[1204])]
    checked: Annotated[int, Field(description="looked at this time", examples=[37])]
    before: Annotated[int, Field(description="found sound by earlier checks", examples=[1167])]
    before_at: Annotated[Time | None, Field(description="when that was")]
    scratch_at: Annotated[Time | None, Field(description="when all was last recomputed")]
    resumed: Annotated[bool, Field(description="went on where a check was cut short")]
    trades: Annotated[int, Field(examples=[311])]
    accounts: Annotated[int, Field(examples=[40])]
    sum_of_balances: Annotated[int, Field(examples=[0])]
    root: Annotated[str | None, Field(examples=[ID_EXAMPLE])]
    seconds: Annotated[float, Field(examples=[0.8])]
    findings: list[Finding]
    missing: list[Missing]
    never: Annotated[Sentence, Field(description="what no level says")]


class CloseIn(Model):
    """Close a month that is over; without one, the last that is over."""

    chapter: Annotated[str | None, Field(examples=["마을"])] = None
    month: Annotated[str | None, Field(pattern=MONTH_PATTERN, examples=["2026-10"])] = None


class CloseTotals(Model):
    """A tree over the balances of a chapter."""

    count: Count
    negative: Annotated[int, Field(ge=0, examples=[120000])]
    positive: Annotated[int, Field(ge=0, examples=[120000])]
    root: Id


class Close(Model):
    """A close that stands, and whether own books come to the same."""

    id: Id
    chapter: ChapterShown
    month: Month
    time: Time
    officers: list[Who]
    totals: CloseTotals
    own: Annotated[CloseTotals | None, Field(description="own result; null: not compared yet")]
    verdict: Annotated[Verdict, Field(examples=["agrees"])]
    text: Sentence
    unit: Unit
    decimals: Decimals


class Closes(Model):
    """The closes that stand, newest month first."""

    items: list[Close]


class AuditMember(Model):
    """A member in the period: opening + received - given = closing, minor units."""

    member: Id
    name: NameShown
    membership: Annotated[str, Field(examples=["member"])]
    limit: Annotated[int | None, Field(examples=[10000])]
    opening: Sum
    received: Annotated[int, Field(ge=0, examples=[5000])]
    given: Annotated[int, Field(ge=0, examples=[2500])]
    closing: Sum
    alerts: Annotated[list[str], Field(examples=[[]])]


class AuditTrade(Model):
    """A trade that somebody should look at."""

    trade: Id
    payer: Who
    payee: Who
    amount: Annotated[int, Field(examples=[1250])]
    unit: Unit
    decimals: Decimals
    state: Annotated[
        Literal["reserved", "offered", "accepted", "contested", "refund"],
        Field(examples=["reserved"]),
    ]
    state_text: Sentence
    time: Time
    refunds: Annotated[Id | None, Field(description="the trade that is given back")]


class AuditGrant(Model):
    """A limit that was granted in the period, and the one it replaced."""

    act: Id
    member: Who
    limit: Annotated[int, Field(examples=[20000])]
    before: Annotated[int | None, Field(examples=[10000])]
    by: Who
    time: Time
    state: Annotated[Literal["current", "replaced", "withdrawn"], Field(examples=["current"])]
    state_text: Sentence


class Audit(Model):
    """A report on a chapter. `velocity`: turnover over money in circulation, the mean of the sums
    of balances above zero at the start and at the end."""

    chapter: ChapterShown
    month: MonthOrNone
    unit: Unit
    unit_name: Annotated[str, Field(examples=["나눔"])]
    decimals: Decimals
    trades: Count
    turnover: Annotated[int, Field(examples=[250000])]
    velocity: Annotated[str | None, Field(examples=["2.08"])]
    positive: Annotated[int, Field(ge=0, examples=[120000])]
    negative: Annotated[int, Field(ge=0, examples=[120000])]
    sum_of_balances: Annotated[int, Field(examples=[0])]
    adds_up: bool
    unconfirmed: Annotated[int, Field(description="trades that no relays confirmed", examples=[3])]
    level: Level
    level_text: Sentence
    level_means: Sentence
    root: Id
    verified_records: Annotated[int, Field(description="0: never", examples=[1204])]
    verified_at: Time | None
    scratch_at: Time | None
    close: Annotated[Id | None, Field(description="the close of this month")]
    close_verdict: Annotated[Verdict | None, Field(examples=["agrees"])]
    members: list[AuditMember]
    open: list[AuditTrade]
    refunds: list[AuditTrade]
    grants: list[AuditGrant]
    witnesses: Annotated[
        list[str], Field(description="relays that signed two stories", examples=[[]])
    ]


class Tie(Model):
    """Two members who traded, and how often."""

    one: Who
    other: Who
    trades: Count


class MonthTotal(Model):
    """What a month saw; `volume` in minor units of credit."""

    month: Month
    trades: Count
    volume: Annotated[int, Field(ge=0, examples=[250000])]


class Ties(Model):
    """Who trades with whom in a chapter: at most 500 ties, most trades first; months by name."""

    chapter: ChapterShown
    items: list[Tie]
    count: Annotated[int, Field(description="ties there are", examples=[41])]
    months: list[MonthTotal]
    unit: Unit
    unit_name: Annotated[str, Field(examples=["나눔"])]
    decimals: Decimals
