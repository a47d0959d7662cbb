"""Routes about trade and money: trades and their steps, balances."""

# pyright: reportUnknownMemberType=false

import dataclasses
from typing import Annotated, Any

import trio
from fastapi import Query, Request

from node import i18n
from node.api import shaping_books
from node.api.context import Api
from node.api.models import trade as shapes
from node.api.models.base import Made
from node.api.parameters import (
    USUAL,
    ChapterQuery,
    CursorQuery,
    IdPath,
    IdQuery,
    LimitQuery,
)
from node.api.routing import Route, get, write
from node.api.shaping import amount_shown, credit_decimals, decimals_of, iso_time, texts, time_ms
from node.protocol.account import CREDIT
from node.services.books.money import BalanceView, TradeView
from node.services.members.people import SHORT_ID_CHARACTERS
from node.services.trading.trade import Proposal
from node.views import members

STATE_KEYS = {"settled": "committed"}  # words people read for a state, where they differ


class TradeRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._heavy = trio.CapacityLimiter(1)  # long computations, one at a time

    async def trades(
        self,
        request: Request,
        state: Annotated[shapes.TradeState | None, Query(examples=["proposed"])] = None,
        partner: IdQuery = None,
        cursor: CursorQuery = None,
        limit: LimitQuery = USUAL,
    ) -> shapes.Trades:
        """Own trades, newest first."""
        name = f"trades {state} {partner}"
        position = self._api.position(name, cursor)
        before = None if position is None else int(position[0])
        found, last = self._api.money.trades(
            before,
            limit,
            state=state,
            partner=None if partner is None else bytes.fromhex(partner),
        )
        language = self._api.language(request)
        return shapes.Trades(
            items=[shapes.Trade(**self._trade(view, language)) for view in found],
            next=self._api.mark(name, None if last is None else (last,)),
        )

    async def trade(self, request: Request, trade: IdPath) -> shapes.TradeDetail:
        """One trade with its steps."""
        found = bytes.fromhex(trade)
        view, language = self._api.money.trade(found), self._api.language(request)
        return shapes.TradeDetail(
            refunded_by=[
                shapes.Refund(
                    id=one.trade.hex(),
                    amount=one.amount,
                    amount_text=amount_shown(self._api.core, one.amount, view.unit, language),
                    state=one.status,  # type: ignore[arg-type]
                    state_text=self._state_text(one.status, language),
                )
                for one in view.returned.refunds
            ],
            refund_texts=self._refund_texts(view, language),
            steps=[
                shapes.TradeStep(
                    id=step.id.hex(),
                    kind=step.kind,
                    author=self._api.who(step.author),
                    time=iso_time(step.time),
                )
                for step in self._api.money.steps(found)
            ],
            **self._trade(view, language),
        )

    def _refund_texts(self, view: TradeView, language: str) -> list[str]:
        """What this trade gives back, and what was, will be or can be given back of it."""
        found: list[str] = []
        if view.refunds is not None:
            short = view.refunds.hex()[:SHORT_ID_CHARACTERS]
            found.append(i18n.text("refund.gives_back", language, trade=short))
        back = view.returned
        for key, amount in (("given", back.given), ("pending", back.pending), ("left", back.left)):
            if amount and back.refunds:
                shown = amount_shown(self._api.core, amount, view.unit, language)
                found.append(i18n.text(f"refund.{key}", language, amount=shown))
        return found

    def _state_text(self, state: str, language: str) -> str:
        return i18n.text(f"trade.{STATE_KEYS.get(state, state)}", language)

    def shown(self, view: TradeView, language: str) -> shapes.Trade:
        """A trade as it is told, for other routes."""
        return shapes.Trade(**self._trade(view, language))

    def _trade(self, view: TradeView, language: str) -> dict[str, Any]:
        who, own = self._api.who, self._api.core.member
        partner = view.payee if view.payer == own else view.payer
        state_key = "contested" if view.contested else view.status
        if "accept" in view.next_steps:
            state_key = "yours"  # the same state, as the side that must answer reads it
        return {
            "id": view.id.hex(),
            "payer": who(view.payer),
            "payee": who(view.payee),
            "partner": who(partner),
            "amount": view.amount,
            "unit": view.unit,
            "decimals": decimals_of(self._api.core, view.unit),
            "amount_text": amount_shown(self._api.core, view.amount, view.unit, language),
            "state": view.status,
            "state_text": self._state_text(state_key, language),
            "invoice": view.invoice,
            "contested": view.contested,
            "refunds": None if view.refunds is None else view.refunds.hex(),
            "given_back": view.returned.given,
            "giving_back": view.returned.pending,
            "left": view.returned.left,
            "time": iso_time(view.time),
            "for": view.order,
            "next_steps": list(view.next_steps),
            "level": view.level,
            "level_text": i18n.text(f"level.{view.level}", language),
            "level_means": i18n.text(f"level_means.{view.level}", language),
            "doubt": view.doubt,
            "doubt_text": None
            if view.doubt is None
            else i18n.text(f"doubt.{view.doubt}", language, name=who(view.payer).name),
            "alerts": list(view.alerts),
            "alert_texts": texts("alert", view.alerts, language),
            **self._line(view, language),
        }

    def _line(self, view: TradeView, language: str) -> dict[str, Any]:
        """The seller's line: may goods change hands, and how far is the payment confirmed?"""
        line, told = view.line, None
        so_far = dataclasses.asdict(line.confirmations)
        if line.confirmations.relays and line.goods != "none":
            told = i18n.text("goods.count", language, **so_far)
        return {
            "goods": line.goods,
            "goods_text": i18n.text(f"goods.{line.why}", language),
            "confirmations": so_far,
            "confirmations_text": told,
        }

    async def propose(self, body: shapes.TradeIn) -> Made:
        """Propose a payment, or send an invoice."""
        refunds = None
        if body.refunds is not None:
            refunds = self._api.money.commit_of(bytes.fromhex(body.refunds))
        wish = Proposal(
            partner=bytes.fromhex(body.partner),
            amount=body.amount,
            invoice=body.direction == "invoice",
            unit=body.unit,
            order=body.for_,
            refunds=refunds,
            valid_until=None if body.valid_until is None else time_ms(body.valid_until),
        )
        return Made(id=(await self._api.trade.propose(wish, anyway=body.anyway)).hex())

    async def accept(self, trade: IdPath, body: shapes.StepIn) -> Made:
        """Accept a proposal (moves nothing yet), or pay an invoice."""
        done = await self._api.trade.accept(bytes.fromhex(trade), anyway=body.anyway)
        return Made(id=done.hex())

    async def decline(self, trade: IdPath, body: shapes.StepIn) -> Made:
        """Say no to a proposal or an invoice."""
        return Made(id=(await self._api.trade.decline(bytes.fromhex(trade))).hex())

    async def settle(self, trade: IdPath, body: shapes.StepIn) -> Made:
        """Commit to a proposal that was accepted."""
        done = await self._api.trade.settle(bytes.fromhex(trade), anyway=body.anyway)
        return Made(id=done.hex())

    async def release(self, trade: IdPath, body: shapes.StepIn) -> Made:
        """Take back a proposal that was not settled."""
        return Made(id=(await self._api.trade.release(bytes.fromhex(trade))).hex())

    async def refund(self, trade: IdPath, body: shapes.RefundIn) -> Made:
        """Offer to give a received payment back, or ask for one's own; the new trade's id."""
        done = await self._api.trade.refund(bytes.fromhex(trade), body.amount, anyway=body.anyway)
        return Made(id=done.hex())

    async def rate(self, trade: IdPath, body: shapes.RateIn) -> Made:
        """Rate the other side of a committed trade, once."""
        done = await self._api.trade.rate(bytes.fromhex(trade), body.stars, body.text)
        return Made(id=done.hex())

    async def balance(
        self, request: Request, member: IdQuery = None, chapter: ChapterQuery = None
    ) -> shapes.Balance:
        """Balance of a member in a chapter; of this member, also what can be spent."""
        subject = self._api.core.member if member is None else bytes.fromhex(member)
        number, core = self._api.chapter(chapter), self._api.core
        known = members.membership(core.reader, number, core.member, core.rules)
        language, notice = self._api.language(request), None
        if subject == core.member and known == "suspended":
            notice = i18n.text("next.suspended", language)
        return self._balance(self._api.money.balance(subject, number), language, notice)

    def _balance(self, view: BalanceView, language: str, notice: str | None) -> shapes.Balance:
        key = "zero" if view.book == 0 else "above_zero" if view.book > 0 else "below_zero"
        return shapes.Balance(
            member=self._api.who(view.member),
            chapter=view.chapter,
            book=view.book,
            spendable=view.spendable,
            limit=view.limit,
            reserved=view.reserved,
            unit=CREDIT,
            unit_name=self._api.core.rules.genesis.unit.code,
            decimals=credit_decimals(self._api.core),
            level=view.level,
            level_text=i18n.text(f"level.{view.level}", language),
            level_means=i18n.text(f"level_means.{view.level}", language),
            unconfirmed=view.unconfirmed,
            closed=None
            if view.closed is None
            else shaping_books.closed_balance(self._api.core, view.closed, language),
            final=view.final,
            text=i18n.text(f"balance.{key}", language),
            notice=notice,
            in_doubt=view.in_doubt.count,
            in_doubt_amount=view.in_doubt.amount,
            in_doubt_text=self._in_doubt(view, language),
        )

    def _in_doubt(self, view: BalanceView, language: str) -> str | None:
        if view.in_doubt.count == 0:
            return None
        amount = i18n.amount_text(view.in_doubt.amount, credit_decimals(self._api.core))
        return i18n.text("doubt.count", language, count=view.in_doubt.count, amount=amount)


def routes(api: Api) -> list[Route]:
    """The table."""
    trade = TradeRoutes(api)
    one = "/trades/{trade}"
    return [
        get("/trades", trade.trades, shapes.Trades),
        get(one, trade.trade, shapes.TradeDetail),
        write("POST", "/trades", trade.propose, Made, "trade", status=201),
        write("POST", f"{one}/accept", trade.accept, Made, "trade"),
        write("POST", f"{one}/decline", trade.decline, Made, "trade"),
        write("POST", f"{one}/settle", trade.settle, Made, "trade"),
        write("POST", f"{one}/release", trade.release, Made, "trade"),
        write("POST", f"{one}/refund", trade.refund, Made, "trade", status=201),
        write("POST", f"{one}/rate", trade.rate, Made, "trade"),
        get("/balance", trade.balance, shapes.Balance),
    ]
