"""Disputes: asking for help with a trade, answering, judging, paying.

Written by tests/clients/generate.py from the client for threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from node.client.trio.connection import Connection

if TYPE_CHECKING:
    from node.client.shapes import Dispute, DisputeDetail, Made
To: TypeAlias = Literal["nobody", "payee", "payer"]


class Settling(Connection):
    """Cases about trades that went wrong."""

    def disputes(self, trade: str | None = None) -> AsyncIterator[Dispute]:
        """Own cases (about one trade), newest first."""
        return self.each("/disputes", trade=trade)

    async def dispute(self, dispute: str) -> DisputeDetail:
        """One case with what was said in it."""
        return await self.get(f"/disputes/{dispute}")

    async def open_dispute(self, trade: str, text: str) -> Made:
        """Ask for help with a trade."""
        return await self.post("/disputes", {"trade": trade, "text": text})

    async def say_in_dispute(self, dispute: str, text: str) -> Made:
        """Say something to the other side and the mediators."""
        return await self.post(f"/disputes/{dispute}/evidence", {"text": text})

    async def erase_in_dispute(self, dispute: str, evidence: str) -> Made:
        """Erase something said."""
        return await self.post(f"/disputes/{dispute}/erase", {"evidence": evidence})

    async def take_dispute(self, dispute: str, *, takes: bool = True) -> Made:
        """Take a case as a mediator, or leave it to the next."""
        return await self.post(f"/disputes/{dispute}/take", {"takes": takes})

    async def vote_in_dispute(self, dispute: str, to: To, amount: int = 0, note: str = "") -> Made:
        """Say who should get how much, minor units."""
        body = {"to": to, "amount": amount, "note": note}
        return await self.post(f"/disputes/{dispute}/vote", body)

    async def close_dispute(self, dispute: str) -> Made:
        """Withdraw a case."""
        return await self.post(f"/disputes/{dispute}/close")

    async def pay_dispute(self, dispute: str, *, anyway: bool = False) -> Made:
        """Pay from the treasury; the trade's id."""
        return await self.post(f"/disputes/{dispute}/pay", {"anyway": anyway})
