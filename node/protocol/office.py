"""Bodies of the office and witness lanes (R12-R16, R36): closed per rules version, no free text.

Each officer writes an own lane. An act names the officer list it acts under, the acts of its
subject that it supersedes, and the approvals it rests on; an approval names an act by the hash of
its content.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from node.protocol import codec
from node.protocol.crypto import WORD_ACT, sha256
from node.protocol.limits import APPROVALS_MAX_COUNT, SUPERSEDES_MAX_COUNT
from node.protocol.shapes import Body, Id, Key, Name, Sum, ascending
from node.protocol.social import LaneOpen

Ids = Annotated[list[Id], Meta(max_length=SUPERSEDES_MAX_COUNT)]
Approvals = Annotated[list[Id], Meta(max_length=APPROVALS_MAX_COUNT)]


class OfficeApprove(Body, frozen=True):
    """`office.approve`: the author, an officer, agrees to the act with this content hash."""

    act: Id


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


class WitnessStamp(Body, frozen=True):
    """`witness.stamp`: I hold the closure of `head` and know nothing beside it (R36)."""

    head: Id
    open: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.head, self.open)


def act_hash(kind: str, act: MemberAct | CreditGrant) -> bytes:
    """Hash of an act's content, all of it but the approvals: what `office.approve` names."""
    content = {name: getattr(act, name) for name in act.__struct_fields__ if name != "approvals"}
    return sha256(
        WORD_ACT, codec.encode([kind, msgspec.to_builtins(content, builtin_types=(bytes,))])
    )


OFFICE_KINDS: dict[str, type[Body]] = {
    "office.open": LaneOpen,
    "office.approve": OfficeApprove,
    "member.admit": MemberAct,
    "member.suspend": MemberAct,
    "credit.grant": CreditGrant,
}
WITNESS_KINDS: dict[str, type[Body]] = {
    "witness.open": LaneOpen,
    "witness.stamp": WitnessStamp,
}
