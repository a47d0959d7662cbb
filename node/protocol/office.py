"""Bodies of the office and witness lanes (R12-R16, R36): closed per rules version, no free text.

Each officer writes an own lane. An act names the officer list it acts under, the acts of its
subject that it supersedes, and the approvals it rests on; an approval names an act by the hash of
its content; a proposal shows that content to the other officers before there is an act.
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from node.protocol import codec
from node.protocol.crypto import WORD_ACT, sha256
from node.protocol.errors import RemoteFault
from node.protocol.limits import (
    APPROVALS_MAX_COUNT,
    COUNTED_UNITS_MAX_COUNT,
    FAITH_MAX_DAYS,
    MEDIATORS_MAX_COUNT,
    MEMBERS_MAX_COUNT,
    PROPOSAL_SIZE_MAX_BYTES,
    SUPERSEDES_MAX_COUNT,
)
from node.protocol.shapes import Body, Id, Key, Name, Sum, Word, ascending
from node.protocol.social import LaneOpen

Ids = Annotated[list[Id], Meta(max_length=SUPERSEDES_MAX_COUNT)]
Approvals = Annotated[list[Id], Meta(max_length=APPROVALS_MAX_COUNT)]
Mediators = Annotated[list[Key], Meta(max_length=MEDIATORS_MAX_COUNT)]
Units = Annotated[list[Word], Meta(max_length=COUNTED_UNITS_MAX_COUNT)]


class OfficeApprove(Body, frozen=True):
    """`office.approve`: the author, an officer, agrees to the act with this content hash."""

    act: Id


class OfficePropose(Body, frozen=True):
    """`office.propose`: the canonical bytes of what an act hash is made of, for others to approve.

    Rule: they are `[kind, content]` of an act whose body, with no approvals, has its kind's shape.
    """

    content: Annotated[bytes, Meta(min_length=1, max_length=PROPOSAL_SIZE_MAX_BYTES)]

    def well_formed(self) -> bool:
        return proposed(self.content) is not None


class MemberAct(Body, frozen=True):
    """`member.admit` and `member.suspend`: membership of `member` in `chapter`."""

    application: Id | None
    approvals: Approvals
    chapter: Name
    list: Id
    member: Key
    supersedes: Ids

    def names(self) -> tuple[bytes, ...]:
        return (*self.approvals, *self.supersedes)

    def well_formed(self) -> bool:
        return ascending(self.approvals) and ascending(self.supersedes)


class CreditGrant(Body, frozen=True):
    """`credit.grant`: the lane opened by `open` may go `limit` minor units below zero (R14).

    `proof` names the lower id of a fork proof when this is a way back for an exposed member.
    """

    approvals: Approvals
    chapter: Name
    limit: Sum
    list: Id
    open: Id
    proof: Id | None
    supersedes: Ids

    def names(self) -> tuple[bytes, ...]:
        return (self.open, *self.approvals, *self.supersedes)

    def well_formed(self) -> bool:
        return ascending(self.approvals) and ascending(self.supersedes)


class ChapterPolicy(Body, frozen=True):
    """`chapter.policy`: how a chapter wants its members' programs to act; binds no verdict.

    `counts`: units other than credit whose trades count as contributions; `faith_days`: how long
    two parties try to agree before mediators are called; `secured_from`: the amount of credit
    (minor units) from which goods wait for confirmation, nil: never.
    """

    approvals: Approvals
    chapter: Name
    counts: Units
    faith_days: Annotated[int, Meta(ge=1, le=FAITH_MAX_DAYS)]
    list: Id
    mediators: Mediators
    secured_from: Sum | None
    supersedes: Ids

    def names(self) -> tuple[bytes, ...]:
        return (*self.approvals, *self.supersedes)

    def well_formed(self) -> bool:
        sets = (self.approvals, self.counts, self.mediators, self.supersedes)
        return all(ascending(one) for one in sets)


class ChapterClose(Body, frozen=True):
    """`chapter.close`: the book balances of a chapter's `count` members, as the root of a tree.

    `positive` and `negative` are the sums of balances above and below zero (both >= 0); `state` is
    the chapter's state root that they were taken from; `period` (yyyymm) names the close.
    """

    approvals: Approvals
    chapter: Name
    count: Annotated[int, Meta(ge=0, le=MEMBERS_MAX_COUNT)]
    list: Id
    negative: Sum
    period: Annotated[int, Meta(ge=0, le=999_912)]
    positive: Sum
    root: Id
    state: Id
    supersedes: Ids

    def names(self) -> tuple[bytes, ...]:
        return (*self.approvals, *self.supersedes)

    def well_formed(self) -> bool:
        return ascending(self.approvals) and ascending(self.supersedes)


class WitnessStamp(Body, frozen=True):
    """`witness.stamp`: I hold the closure of `head` and know nothing beside it (R36)."""

    head: Id
    open: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.head, self.open)


OfficeAct: TypeAlias = MemberAct | CreditGrant | ChapterPolicy | ChapterClose
ACTS: Final[dict[str, type[OfficeAct]]] = {
    "member.admit": MemberAct,
    "member.suspend": MemberAct,
    "credit.grant": CreditGrant,
    "chapter.policy": ChapterPolicy,
    "chapter.close": ChapterClose,
}


def act_content(kind: str, act: OfficeAct) -> bytes:
    """Canonical bytes of `[kind, content]`; content is all of an act but the approvals."""
    content = {name: getattr(act, name) for name in act.__struct_fields__ if name != "approvals"}
    return codec.encode([kind, msgspec.to_builtins(content, builtin_types=(bytes,))])


def act_hash(kind: str, act: OfficeAct) -> bytes:
    """Hash of an act's content: what `office.approve` names."""
    return content_hash(act_content(kind, act))


def content_hash(content: bytes) -> bytes:
    """The act hash of the bytes that `act_content` gives and `office.propose` carries."""
    return sha256(WORD_ACT, content)


def proposed(content: bytes) -> tuple[str, OfficeAct] | None:
    """Kind and body, without approvals, of the act that a proposal's content tells; None if none.

    Never raises.
    """
    try:
        kind, fields = codec.decode(content, tuple[str, dict[str, object]])
        shape = ACTS[kind]
        act = codec.decode(codec.encode({**fields, "approvals": []}), shape)
    except (RemoteFault, KeyError, ValueError, TypeError):
        return None
    return (kind, act) if act.well_formed() and act_content(kind, act) == content else None


OFFICE_KINDS: dict[str, type[Body]] = {
    "office.open": LaneOpen,
    "office.approve": OfficeApprove,
    "office.propose": OfficePropose,
    **ACTS,
}
WITNESS_KINDS: dict[str, type[Body]] = {
    "witness.open": LaneOpen,
    "witness.stamp": WitnessStamp,
}
