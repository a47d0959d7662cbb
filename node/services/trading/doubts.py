"""Trades in doubt: committed, but by a device that was shut out before (R10, R32).

Rules: neither side's balance counts such a trade; one that witnesses confirmed is never in doubt.
What it means depends on who reads it, so the code names the reader's side.
"""

from dataclasses import dataclass
from typing import Final

from node.ledger import book
from node.ledger.positions import TRADE, TradeRow
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.storage.rows import Rows
from node.views import identities

REFUND: Final = "refund"  # it gives back a payment that is in doubt


@dataclass(frozen=True, slots=True)
class InDoubt:
    """What of a member's credit trades is not counted: how many, and their sum, + to be received,
    minor units."""

    count: int
    amount: int


def contested_trades(reader: Rows) -> dict[bytes, TradeRow]:
    """Every trade in doubt, by id."""
    trades = {trade for _, trade in book.CONTESTED.scan(reader, b"", None)}
    return {trade: TRADE.must(reader, trade) for trade in sorted(trades)}


def of_member(reader: Rows, member: bytes, chapter: int) -> InDoubt:
    """A member's trades in doubt in a chapter."""
    amounts = [
        row.amount if row.payee == member else -row.amount
        for row in contested_trades(reader).values()
        if row.chapter == chapter and row.unit == CREDIT and member in (row.payer, row.payee)
    ]
    return InDoubt(len(amounts), sum(amounts))


def reason(reader: Rows, trade: bytes, row: TradeRow, reader_is: bytes) -> str:
    """Why a contested trade is in doubt, for who reads it: `payer`, `payee`, `other`, `refund`."""
    own_commits = book.commits_of(reader, trade)
    if any(identities.within(reader, lanes.ENTRY.must(reader, c)) for c in own_commits):
        return REFUND
    sides = {row.payer: "payer", row.payee: "payee"}
    return sides.get(reader_is, "other")
