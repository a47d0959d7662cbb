"""Bodies of the account lane (R17-R28): opening a lane, the steps of a trade, claims and ratings.

Closed per rules version, no free text. The trade id is the id of its `trade.propose` record. What
is traded (the order) is private; only its salted hash stands here.
"""

from typing import Annotated

from msgspec import Meta

from node.protocol.limits import (
    CARRY_MAX_COUNT,
    CLAIM_ITEMS_MAX_COUNT,
    STAMPS_MAX_COUNT,
    WITNESSES_MAX_COUNT,
)
from node.protocol.shapes import Amount, Body, Id, Key, Name, Row, Time, Word, ascending

CREDIT = "credit"


class AccountOpen(Body, frozen=True):
    """`account.open`, seq 0: fixes chapter, witnesses and quorum, and the heads it carries on
    (R17).
    """

    auth: Id
    carry: Annotated[list[Id], Meta(max_length=CARRY_MAX_COUNT)]
    chapter: Name
    q: Annotated[int, Meta(ge=0, le=WITNESSES_MAX_COUNT)]
    witnesses: Annotated[list[Key], Meta(max_length=WITNESSES_MAX_COUNT)]

    def names(self) -> tuple[bytes, ...]:
        return (self.auth, *self.carry)

    def well_formed(self) -> bool:
        return ascending(self.carry) and ascending(self.witnesses)


class TradePropose(Body, frozen=True):
    """`trade.propose`: the terms (R21); by the payer it reserves, by the payee it is an invoice.

    `grant` names the grant a payer's debit rests on (credit only), nil otherwise. `valid_until`
    (ms) advises the signing programs only.
    """

    amount: Amount
    grant: Id | None
    order_hash: Id
    payee_lane: Id
    payer_lane: Id
    refunds: Id | None
    unit: Word
    valid_until: Time | None

    def names(self) -> tuple[bytes, ...]:
        optional = (self.grant, self.refunds)
        return (self.payee_lane, self.payer_lane, *(i for i in optional if i is not None))


class TradeAccept(Body, frozen=True):
    """`trade.accept`: by the payee it moves nothing; by the payer of an invoice it commits."""

    grant: Id | None
    propose: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.propose,) if self.grant is None else (self.grant, self.propose)


class TradeDecline(Body, frozen=True):
    """`trade.decline`: the other side says no."""

    propose: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.propose,)


class TradeSettle(Body, frozen=True):
    """`trade.settle`: the payer commits to an accepted proposal."""

    accept: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.accept,)


class TradeRelease(Body, frozen=True):
    """`trade.release`: the payer takes a reservation back."""

    trade: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.trade,)


class ClaimItem(Row, frozen=True):
    """A commit to be claimed, with the stamps that secure it (none where q = 0)."""

    commit: Id
    stamps: Annotated[list[Id], Meta(max_length=STAMPS_MAX_COUNT)]


class AccountClaim(Body, frozen=True):
    """`account.claim`: makes income spendable on this lane (R27)."""

    items: Annotated[list[ClaimItem], Meta(min_length=1, max_length=CLAIM_ITEMS_MAX_COUNT)]

    def names(self) -> tuple[bytes, ...]:
        return tuple(i for item in self.items for i in (item.commit, *item.stamps))

    def well_formed(self) -> bool:
        return ascending([item.commit for item in self.items]) and all(
            ascending(item.stamps) for item in self.items
        )


class RatingGive(Body, frozen=True):
    """`rating.give`: a party of a committed trade rates it once; `review` names the review text."""

    commit: Id
    review: Id | None
    stars: Annotated[int, Meta(ge=1, le=5)]

    def names(self) -> tuple[bytes, ...]:
        return (self.commit,)


KINDS: dict[str, type[Body]] = {
    "account.open": AccountOpen,
    "trade.propose": TradePropose,
    "trade.accept": TradeAccept,
    "trade.decline": TradeDecline,
    "trade.settle": TradeSettle,
    "trade.release": TradeRelease,
    "account.claim": AccountClaim,
    "rating.give": RatingGive,
}
