"""What was given back of a trade, what is on its way, and what is left to give.

Rules: a refund is a trade of its own, the other way round, that names what it gives back; of
several together no more than the amount counts (R25). Who received may offer one, and who paid may
ask for one with an invoice; the other side answers either like any trade. What was declined or
taken back is no refund; what is contested was not given.

Left to others: proposing them (`trade`), showing them (`money`).
"""

from dataclasses import dataclass
from typing import Final

from node.ledger import book
from node.ledger.positions import REFUND, TRADE
from node.protocol.ports import Reader

GIVEN_UP: Final = ("released", "declined")


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund of a trade, whatever became of it; amount in minor units."""

    trade: bytes
    amount: int
    status: str  # as of any trade
    counted: bool  # committed and not contested


@dataclass(frozen=True, slots=True)
class Returned:
    """How much of a trade went back, minor units: `given`, `pending` (offered or asked for, and not
    answered for good), `left` that may still be given."""

    given: int
    pending: int
    left: int
    refunds: tuple[Refund, ...]  # in order of id


def returned(reader: Reader, trade: bytes) -> Returned:
    """The refunds of a held trade; `left` is 0 as long as it is not committed."""
    found = tuple(_refunds(reader, trade)) if REFUND.any(reader, trade) else ()
    live = [one for one in found if one.status not in GIVEN_UP]
    given = sum(one.amount for one in live if one.counted)
    pending = sum(one.amount for one in live if one.status not in ("settled", "secured"))
    committed = next(book.commits_of(reader, trade), None) is not None
    amount = TRADE.must(reader, trade).amount if committed else 0
    left = max(0, amount - sum(one.amount for one in live))
    return Returned(given, pending, left, found)


def _refunds(reader: Reader, trade: bytes) -> list[Refund]:
    rows = [(refund, TRADE.must(reader, refund)) for refund, _ in REFUND.under(reader, trade)]
    return [
        Refund(refund, row.amount, book.told_status(reader, refund), row.counted)
        for refund, row in rows
    ]
