"""Trading: the steps a member takes.

Rules: the payer decides; the payer's program settles when a matching acceptance arrives, the
payee's program claims what is committed (`trade_duties`). Before anything is accepted or paid, R45
is asked: verdict ok, no alert, the grant current, and (where no witness confirms) income clean. The
order (what is traded) stays private: its salted hash is signed, its text is kept here.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Any, Final

from node.ledger import book, positions, trades
from node.ledger.positions import POSITION, TRADE, Status
from node.protocol import admission, lanes, portable
from node.protocol.account import (
    CREDIT,
    RatingGive,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.errors import LocalFault
from node.protocol.limits import AMOUNT_MAX_UNITS
from node.protocol.market import ReviewPut
from node.protocol.shapes import Body
from node.services.core import Core
from node.services.incoming import proofs
from node.services.publish import Appender, Draft, Publisher
from node.services.trading import accounts, refunds, units
from node.storage.kept.private import Order
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import members

ORDER_TEXT_MAX_BYTES: Final = 4_096  # a list of things, not a letter


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a member wants: pay `partner`, or be paid by them."""

    partner: bytes
    amount: int
    invoice: bool
    unit: str = CREDIT
    order: str = ""
    chapter: int | None = None
    refunds: bytes | None = None  # a COMMIT record
    valid_until: int | None = None


class Trade:
    """Steps a member takes. Every method returns after the commit."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher

    async def propose(self, wish: Proposal, *, anyway: bool = False) -> bytes:
        """Propose a payment or send an invoice; returns the trade id."""
        if not 1 <= wish.amount <= AMOUNT_MAX_UNITS:
            raise LocalFault("amount-invalid")
        if wish.partner == self._core.member:
            raise LocalFault("partner-self")
        if len(wish.order.encode()) > ORDER_TEXT_MAX_BYTES:
            raise LocalFault("text-too-long")
        wish = replace(wish, unit=units.checked(wish.unit))

        def work(appender: Appender, state: WriterState) -> bytes:
            return appender.append(self.proposal(state, wish))

        return await self._publisher.transact(work, anyway=anyway)

    def proposal(self, state: WriterState, wish: Proposal) -> Draft:
        """The record that proposes it, and its order kept, inside a transaction."""
        core = self._core
        own = self._own(state)
        chapter = own.chapter if wish.chapter is None else wish.chapter
        if not wish.invoice:
            self._may_pay(state, chapter)
        partner = accounts.usable_account(core, state, wish.partner, chapter)
        salt, order = secrets.token_bytes(16), wish.order.encode()
        digest = portable.order_hash(salt, order)
        state.orders.put(Order(digest, salt, order))
        grant = None
        if not wish.invoice and wish.unit == CREDIT:
            grant = self._grant(state, own, wish.amount)
        sides = (partner.open, own.open) if wish.invoice else (own.open, partner.open)
        body = TradePropose(
            amount=wish.amount,
            grant=grant,
            order_hash=digest,
            payee_lane=sides[1],
            payer_lane=sides[0],
            refunds=wish.refunds,
            unit=wish.unit,
            valid_until=wish.valid_until,
        )
        return Draft("trade.propose", body)

    def _own(self, reader: Rows) -> accounts.Account:
        account = accounts.own_account(self._core, reader)
        if account is None:
            raise LocalFault("no-account")
        return account

    def _may_pay(self, reader: Rows, chapter: int) -> None:
        """Raises LocalFault `suspended-self`: nobody honest would take it."""
        known = members.membership(reader, chapter, self._core.member, self._core.rules)
        if known == "suspended":
            raise LocalFault("suspended-self")

    def _grant(self, reader: Rows, own: accounts.Account, amount: int) -> bytes:
        """The current grant, if it leaves room for the amount."""
        current = members.current_act(reader, own.open, self._core.rules)
        if current is None:
            raise LocalFault("no-grant")
        available = self._core.clean(reader).spendable(reader, own.head)
        if available < amount:
            raise LocalFault("over-limit", available=available, amount=amount)
        return current[0]

    async def accept(self, trade: bytes, *, anyway: bool = False) -> bytes:
        """Accept a proposal (moves nothing yet) or an invoice (pays it)."""
        return await self._step(trade, self._accept_body, "trade.accept", anyway)

    def _accept_body(self, reader: Rows, trade: bytes) -> Body:
        row = self._row(reader, trade)
        propose = self._propose_body(reader, row)
        if propose.valid_until is not None and propose.valid_until < self._core.clock():
            raise LocalFault("trade-expired")
        proposer = lanes.ENTRY.must(reader, trade)
        lane_key = lanes.key_of(reader, proposer.lane)
        found = proofs.lane_alerts(self._core, reader, lane_key, row.chapter)
        if found:
            raise accounts.refusal(min(found))
        if row.by_payer:
            reason = self._core.clean(reader).may_accept(reader, trade)
            if reason is not None:
                raise accounts.refusal(reason)
            return TradeAccept(grant=None, propose=trade)
        own = self._own(reader)
        if row.payer_open != own.open:
            raise LocalFault("trade-state")
        self._may_pay(reader, row.chapter)
        grant = self._grant(reader, own, row.amount) if row.unit == CREDIT else None
        return TradeAccept(grant=grant, propose=trade)

    async def decline(self, trade: bytes) -> bytes:
        """Say no to a proposal or invoice."""
        return await self._step(trade, _decline_body, "trade.decline", anyway=False)

    async def settle(self, trade: bytes, *, anyway: bool = False) -> bytes:
        """Commit to a proposal that was accepted."""
        return await self._step(trade, self._settle_body, "trade.settle", anyway)

    def _settle_body(self, reader: Rows, trade: bytes) -> Body:
        found = acceptance_of(reader, trade)
        if found is None:
            raise LocalFault("not-accepted")
        return TradeSettle(accept=found)

    async def release(self, trade: bytes) -> bytes:
        """Take a reservation back that was not settled."""
        return await self._step(trade, _release_body, "trade.release", anyway=False)

    async def refund(self, trade: bytes, amount: int | None, *, anyway: bool = False) -> bytes:
        """Offer to give a received payment back, or ask for one's own, wholly or in part (None: all
        that is left); the new trade's id.

        Raises LocalFault trade-unknown, not-committed, refund-exceeds, and as `propose`.
        """
        with self._core.reading() as reader:
            row = self._row(reader, trade)
            commit = next(book.commits_of(reader, trade), None)
            if commit is None:
                raise LocalFault("not-committed")
            left = refunds.returned(reader, trade).left
            amount = left if amount is None else amount
            if left == 0 or amount > left:
                raise LocalFault("refund-exceeds")
        asks = row.payer == self._core.member
        wish = Proposal(
            partner=row.payee if asks else row.payer,
            amount=amount,
            invoice=asks,
            unit=row.unit,
            chapter=row.chapter,
            refunds=commit,
        )
        return await self.propose(wish, anyway=anyway)

    async def rate(self, trade: bytes, stars: int, text: str) -> bytes:
        """Rate the partner of a committed trade once; the text stays erasable."""
        if not 1 <= stars <= 5:
            raise LocalFault("stars-invalid")

        def work(appender: Appender, state: WriterState) -> bytes:
            self._row(state, trade)
            commit = next(book.commits_of(state, trade), None)
            if commit is None:
                raise LocalFault("not-committed")
            review = None
            if text:
                salt = secrets.token_bytes(16)
                put = ReviewPut(commit=commit, salt=salt, text=text)
                review = appender.append(Draft("review.put", put))
            body = RatingGive(commit=commit, review=review, stars=stars)
            return appender.append(Draft("rating.give", body))

        return await self._publisher.transact(work)

    async def _step(self, trade: bytes, body: Any, kind: str, anyway: bool) -> bytes:
        def work(appender: Appender, state: WriterState) -> bytes:
            self._row(state, trade)
            return appender.append(Draft(kind, body(state, trade)))

        return await self._publisher.transact(work, anyway=anyway)

    def _row(self, reader: Rows, trade: bytes) -> positions.TradeRow:
        row = TRADE.get(reader, trade)
        if row is None or self._core.member not in (row.payer, row.payee):
            raise LocalFault("trade-unknown")
        return row

    def _propose_body(self, reader: Rows, row: positions.TradeRow) -> TradePropose:
        return admission.stored_body(reader, row.number, TradePropose)


def _decline_body(_: Rows, trade: bytes) -> Body:
    return TradeDecline(propose=trade)


def _release_body(_: Rows, trade: bytes) -> Body:
    return TradeRelease(trade=trade)


def acceptance_of(reader: Rows, trade: bytes) -> bytes | None:
    """An ok acceptance of a payer's proposal by the payee, or None."""
    for key, step in trades.STEP.under(reader, trade):
        if step.kind == "trade.accept":
            position = POSITION.must(reader, key[32:])
            if position.status == Status.ACCEPTED:
                return key[32:]
    return None
