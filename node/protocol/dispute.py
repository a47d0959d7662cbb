"""Bodies by which members settle a disputed trade: opened, argued, judged, paid, closed.

They stand on the social lane: what is said can be erased, older programs keep and relay it. Ids
named here are mentions, so nothing waits for anything, and whatever order records come in, the
result is the same. What is said is sealed for the parties and the panel (section 15 of the
document says how); who took part in what, and how the panel voted, is in plain sight.
"""

from typing import Annotated, Literal

from msgspec import Meta

from node.protocol.crypto import WORD_PANEL, WORD_SEALED, sha256
from node.protocol.limits import BOX_MAX_BYTES, BOX_MIN_BYTES, SEALED_KEY_BYTES, SEALS_MAX_COUNT
from node.protocol.shapes import Body, Id, Key, Row, Salt, Sum, ascending

To = Literal["nobody", "payee", "payer"]
Box = Annotated[bytes, Meta(min_length=BOX_MIN_BYTES, max_length=BOX_MAX_BYTES)]
SealedKey = Annotated[bytes, Meta(min_length=SEALED_KEY_BYTES, max_length=SEALED_KEY_BYTES)]


def panel_rank(community: bytes, trade: bytes, member: bytes) -> bytes:
    """What the mediators of a trade are ordered by, the lowest first; 32 bytes. It follows from
    the trade, so that opening a dispute anew draws no other panel."""
    return sha256(WORD_PANEL, community, trade, member)


def sealed_under(community: bytes, dispute: bytes, author: bytes) -> bytes:
    """What a box is bound to: put into other evidence it does not open."""
    return WORD_SEALED + community + dispute + author


class Seal(Row, frozen=True):
    """The key of a box, sealed for one device."""

    device: Key
    sealed: SealedKey


Seals = Annotated[list[Seal], Meta(min_length=1, max_length=SEALS_MAX_COUNT)]


def _in_order(seals: list[Seal]) -> bool:
    return ascending([seal.device for seal in seals])


class DisputeOpen(Body, frozen=True):
    """`dispute.open`: a party of the trade asks for help with it."""

    salt: Salt
    trade: Id


class DisputeEvidence(Body, frozen=True):
    """`dispute.evidence`: something said about it, sealed; `keys` open the box."""

    box: Box
    dispute: Id
    keys: Seals
    salt: Salt

    def well_formed(self) -> bool:
        return _in_order(self.keys)


class DisputeShare(Body, frozen=True):
    """`dispute.share`: the key of a box for more devices: of a mediator who joined, or new ones."""

    dispute: Id
    evidence: Id
    keys: Seals
    salt: Salt

    def well_formed(self) -> bool:
        return _in_order(self.keys)


class DisputeTake(Body, frozen=True):
    """`dispute.take`: a mediator takes the case, or (`takes` false) leaves it to the next."""

    dispute: Id
    salt: Salt
    takes: bool


class DisputeVote(Body, frozen=True):
    """`dispute.vote`: who should get how much, minor units of the trade; the newest counts."""

    amount: Sum
    dispute: Id
    salt: Salt
    to: To


class DisputePaid(Body, frozen=True):
    """`dispute.paid`: the chapter's treasury names the trade by which it pays."""

    dispute: Id
    salt: Salt
    trade: Id


class DisputeClose(Body, frozen=True):
    """`dispute.close`: the opener withdraws it."""

    dispute: Id
    salt: Salt


class DisputeErase(Body, frozen=True):
    """`dispute.erase`: erases the body of a `dispute.evidence` of the same author."""

    dispute: Id
    evidence: Id
    salt: Salt


DisputePart = (
    DisputeEvidence | DisputeShare | DisputeTake | DisputeVote | DisputePaid | DisputeClose
)
"""What belongs to a dispute beside its opening."""

KINDS: dict[str, type[Body]] = {
    "dispute.open": DisputeOpen,
    "dispute.evidence": DisputeEvidence,
    "dispute.share": DisputeShare,
    "dispute.take": DisputeTake,
    "dispute.vote": DisputeVote,
    "dispute.paid": DisputePaid,
    "dispute.close": DisputeClose,
    "dispute.erase": DisputeErase,
}
