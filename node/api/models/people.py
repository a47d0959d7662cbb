"""Shapes about belonging: the community, chapters, members, applications, contacts."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import (
    ChapterShown,
    Cursor,
    Decimals,
    Id,
    Language,
    Model,
    Name,
    NameShown,
    Sum,
    Text,
    TextShown,
    Time,
    Unit,
    Who,
    Words,
)
from node.api.models.stall import Code
from node.protocol import limits

Membership = Literal["officer", "member", "suspended", "applicant", "none"]
Link = Annotated[
    str,
    Field(
        min_length=1,
        max_length=limits.INVITATION_LINK_MAX_CHARACTERS,
        examples=["wetalk:join?c=…"],
    ),
]


class Chapter(Model):
    """A chapter as the genesis document has it. Limits in minor units of credit."""

    name: ChapterShown
    officers: list[Who]
    approvals: Annotated[int, Field(description="officers an act needs", examples=[1])]
    relays: Annotated[int, Field(description="relays that confirm trades", examples=[3])]
    quorum: Annotated[int, Field(description="confirmations that make one final", examples=[2])]
    relay_texts: Annotated[
        list[str], Field(description="what that bears, in words", examples=[["중계소가 없어요."]])
    ]
    convicted: Annotated[
        list[Id], Field(description="keys of relays that confirmed contradictions", examples=[[]])
    ]
    convicted_texts: Annotated[list[str], Field(examples=[[]])]
    default_limit: Annotated[int, Field(examples=[10000])]
    limit_max: Annotated[int, Field(examples=[100000])]
    membership: Annotated[Membership, Field(description="of this member")]


class Community(Model):
    """The community this home belongs to."""

    id: Id
    name: NameShown
    rules: Annotated[int, Field(examples=[1])]
    languages: Annotated[list[Language | str], Field(examples=[["ko", "zh", "en"]])]
    unit: Unit
    unit_name: Annotated[str, Field(description="what people call it", examples=["나눔"])]
    decimals: Decimals
    chapters: list[Chapter]
    root: Annotated[Id | None, Field(description="state root, if asked for")] = None


class InvitationIn(Model):
    """What an invitation is for. `code` makes one that admits its bearer once, at once."""

    chapter: Annotated[
        str | None, Field(max_length=limits.NAME_SIZE_MAX_BYTES // 3, examples=["마을"])
    ] = None
    code: bool = False


class Invitation(Model):
    """A link to hand over, and when its code ends."""

    link: Annotated[str, Field(examples=["wetalk:join?c=…"])]
    expires: Time | None
    code: Annotated[Code | None, Field(description="the link to scan, if it fits into one")]


class JoinIn(Model):
    """An invitation, and the 24 words of this member."""

    link: Link
    words: Words


class Joining(Model):
    """The node starts again in the other community."""

    restarting: bool
    community: Id


class Member(Model):
    """A member in a chapter; amounts in minor units of credit. `limit` null: none granted."""

    id: Id
    name: NameShown
    contact: Annotated[str | None, Field(examples=["순희 언니"])]
    chapter: ChapterShown
    membership: Membership
    balance: Sum
    limit: Annotated[int | None, Field(examples=[10000])]
    unit: Unit
    decimals: Decimals
    ratings: Annotated[int, Field(examples=[12])]
    stars: Annotated[float | None, Field(description="mean of them", examples=[4.8])]
    alerts: Annotated[list[str], Field(examples=[[]])]
    alert_texts: Annotated[list[str], Field(examples=[[]])]


class Reputation(Model):
    """What ratings of a member rest on. Stars never stand alone: see beside them.

    `stars`: how many ratings of 5, 4, 3, 2 and 1. Ratings of contested trades are not counted.
    """

    stars: Annotated[dict[str, int], Field(examples=[{"5": 9, "4": 2, "3": 0, "2": 0, "1": 1}])]
    ratings: Annotated[int, Field(examples=[12])]
    raters: Annotated[int, Field(examples=[7])]
    good_raters: Annotated[
        int, Field(description="of them, members in good standing", examples=[6])
    ]
    contested: Annotated[int, Field(description="ratings left out", examples=[0])]
    refunded: Annotated[int, Field(description="counted, but given back", examples=[1])]
    trades: Annotated[int, Field(description="committed, rated or not", examples=[31])]
    partners: Annotated[int, Field(examples=[14])]
    volume: Annotated[int, Field(description="credit given and received", examples=[120000])]
    text: Annotated[str, Field(examples=["평가 12건: ★5 9건, ★4 2건, ★1 1건."])]


class Rating(Model):
    """One rating, by a party of a committed trade. `text` null: none, or erased."""

    id: Id
    trade: Id
    author: Who
    stars: Annotated[int, Field(examples=[5])]
    text: Annotated[str | None, Field(examples=["맛있어요"])]
    time: Time
    amount: Annotated[int, Field(examples=[1250])]
    amount_text: Annotated[str, Field(examples=["12.50 나눔"])]
    unit: Unit
    decimals: Decimals
    given_back: Annotated[int, Field(examples=[0])]
    contested: bool
    in_good_standing: Annotated[bool, Field(description="the author, today")]
    marks: Annotated[list[str], Field(description="what weakens it", examples=[[]])]


class MemberDetail(Member):
    """A member with what they say of themselves, and what others say, the newest first."""

    reputation: Reputation
    said: list[Rating]

    about: TextShown
    languages: Annotated[list[str], Field(examples=[["ko"]])]
    region: Annotated[str | None, Field(examples=["KR-11"])]


class Members(Model):
    """Members in order of id."""

    items: list[Member]
    next: Cursor


class ApplyIn(Model):
    """Asks a chapter to admit this member. `code`: hex of a one-time code."""

    text: Text = ""
    code: Annotated[
        str | None, Field(pattern="^[0-9a-f]{32}$", examples=["00112233445566778899aabbccddeeff"])
    ] = None


class Application(Model):
    """An open application."""

    id: Id
    member: Who
    text: TextShown
    time: Time
    invited: Annotated[bool, Field(description="bears a one-time code")]


class Applications(Model):
    """Open applications, oldest first."""

    items: list[Application]
    next: Cursor = None


class ContactIn(Model):
    """What this member calls somebody. Never leaves this machine."""

    member: Id
    name: Name
    note: Annotated[str, Field(max_length=limits.CONTACT_NOTE_MAX_BYTES, examples=["옆집"])] = ""


class Contact(Model):
    """A contact."""

    member: Id
    name: NameShown
    note: Annotated[str, Field(examples=["옆집"])]
    added: Time


class Contacts(Model):
    """All contacts, by name."""

    items: list[Contact]
    next: Cursor = None
