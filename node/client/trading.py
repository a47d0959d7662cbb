"""Trades, balances, paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote

from node.client.connection import Connection
from node.client.wire import Json

if TYPE_CHECKING:
    from node.client.shapes import (
        Audit,
        Balance,
        Closes,
        Contributions,
        Decision,
        Made,
        NoteOut,
        Root,
        Statement,
        Taken,
        Ties,
        Trade,
        TradeDetail,
        UnitShown,
        Verified,
    )

Direction: TypeAlias = Literal["pay", "invoice"]
Step: TypeAlias = Literal["accept", "decline", "settle", "release"]


class Trading(Connection):
    """Trades, balances, statements, receipts, the books."""

    def trades(self, *, state: str | None = None, partner: str | None = None) -> Iterator[Trade]:
        """Own trades, newest first."""
        return self.each("/trades", state=state, partner=partner)

    def trade(self, trade: str) -> TradeDetail:
        """One trade with its steps."""
        return self.get(f"/trades/{trade}")

    def propose(
        self, direction: Direction, partner: str, amount: int, order: str = "", **more: Any
    ) -> Made:
        """Pay or invoice; `more`: unit, refunds, valid_until, anyway."""
        body = {"direction": direction, "partner": partner, "amount": amount, "for": order}
        return self.post("/trades", {**body, **more})

    def step(self, trade: str, step: Step, *, anyway: bool = False) -> Made:
        """Take the next step of a trade."""
        return self.post(f"/trades/{trade}/{step}", {"anyway": anyway})

    def refund(self, trade: str, amount: int | None = None, *, anyway: bool = False) -> Made:
        """Propose to give a payment back; the new trade's id."""
        return self.post(f"/trades/{trade}/refund", {"amount": amount, "anyway": anyway})

    def rate(self, trade: str, stars: int, text: str = "") -> Made:
        """Rate the other side."""
        return self.post(f"/trades/{trade}/rate", {"stars": stars, "text": text})

    def note(self, trade: str | None = None, **wishes: Any) -> NoteOut:
        """The note of a trade to hand over, or a greeting; wishes: full, part_characters, drawn."""
        path = "/trades/greeting" if trade is None else f"/trades/{trade}/note"
        return self.post(path, wishes)

    def take_note(self, parts: list[str], *, anyway: bool = False, **wishes: Any) -> Taken:
        """Take in a note that was handed over; what became of it, and the answer to hand back."""
        return self.post("/trades/notes", {"parts": parts, "anyway": anyway, **wishes})

    def balance(self, member: str | None = None, chapter: str | None = None) -> Balance:
        """A balance."""
        return self.get("/balance", member=member, chapter=chapter)

    def unit(self, unit: str) -> UnitShown:
        """A unit: its decimals, what it is called, where it counts."""
        return self.get(f"/units/{quote(unit, safe='')}")

    def contributions(self, member: str | None = None, chapter: str | None = None) -> Contributions:
        """What a member gave and received in other units than credit."""
        return self.get("/contributions", member=member, chapter=chapter)

    def statement(self, month: str, chapter: str | None = None) -> Statement:
        """A month's statement."""
        return self.get("/statements", month=month, chapter=chapter)

    def receipt(self, trade: str, *, order: bool = False) -> Json:
        """A receipt that proves itself."""
        return self.get(f"/receipts/{trade}", order=order)

    def receipt_file(self, trade: str, form: str, *, order: bool = False) -> bytes:
        """A receipt as `form`: json, msgpack, html or pdf."""
        return self.file(f"/receipts/{trade}", format=form, order=order)

    def statement_file(self, month: str, form: str, *, order: bool = False) -> bytes:
        """A month's statement as `form`: json (signed), csv, html or pdf."""
        return self.file("/statements", month=month, format=form, order=order)

    def root(self, chapter: str | None = None) -> Root:
        """The state root and its sections."""
        return self.get("/ledger/root", chapter=chapter)

    def verify(self, *, from_scratch: bool = False) -> Verified:
        """Verify the ledger."""
        return self.post("/ledger/verify", {"from_scratch": from_scratch})

    def closes(self, chapter: str | None = None) -> Closes:
        """The months that a chapter has closed."""
        return self.get("/ledger/closes", chapter=chapter)

    def close(self, chapter: str | None = None, month: str | None = None) -> Decision:
        """Close a month (officers)."""
        return self.post("/ledger/closes", {"chapter": chapter, "month": month})

    def close_proof(
        self, month: str, member: str | None = None, chapter: str | None = None
    ) -> Json:
        """What a close says of a member, as a file that proves itself."""
        return self.get("/ledger/proof", month=month, member=member, chapter=chapter)

    def audit(self, chapter: str | None = None, month: str | None = None) -> Audit:
        """A report on a chapter."""
        return self.get("/ledger/audit", chapter=chapter, month=month)

    def ties(self, chapter: str | None = None) -> Ties:
        """Who trades with whom in a chapter, and how much each month saw."""
        return self.get("/ledger/ties", chapter=chapter)
