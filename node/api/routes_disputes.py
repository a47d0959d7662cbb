"""Routes about disputes: opening a case, speaking, judging, paying."""

# pyright: reportUnknownMemberType=false

from functools import partial
from typing import Any

import trio
from fastapi import Request

from node import i18n
from node.api.context import Api
from node.api.models import dispute as shapes
from node.api.models.base import Made
from node.api.parameters import IdPath, IdQuery
from node.api.routing import Route, get, write
from node.api.shaping import amount_shown, decimals_of, iso_time
from node.services.chapters.cases import CaseView, winner_of
from node.views.disputes import PANEL_MAX_COUNT, Outcome, Terms


class DisputeRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def disputes(self, request: Request, trade: IdQuery = None) -> shapes.Disputes:
        """Cases of this member, as party, mediator or keeper of the treasury; of one trade."""
        about = None if trade is None else bytes.fromhex(trade)
        found = await trio.to_thread.run_sync(partial(self._api.disputes.mine, about))
        language = self._api.language(request)
        return shapes.Disputes(
            items=[shapes.Dispute(**self._case(view, language)) for view in found]
        )

    async def dispute(self, request: Request, dispute: IdPath) -> shapes.DisputeDetail:
        """One case, with what was said in it."""
        view, said = self._api.disputes.show(bytes.fromhex(dispute))
        return shapes.DisputeDetail(
            said=[
                shapes.Said(
                    id=one.id.hex(),
                    author=self._api.who(one.author),
                    time=iso_time(one.time),
                    text=one.text,
                )
                for one in said
            ],
            **self._case(view, self._api.language(request)),
        )

    def _case(self, view: CaseView, language: str) -> dict[str, Any]:
        who, case, terms = self._api.who, view.case, view.case.terms
        return {
            "id": case.id.hex(),
            "trade": terms.trade.hex(),
            "chapter": self._api.core.rules.genesis.chapters[terms.chapter].name,
            "opener": who(case.opener),
            "payer": who(terms.payer),
            "payee": who(terms.payee),
            "amount": terms.amount,
            "amount_text": amount_shown(self._api.core, terms.amount, terms.unit, language),
            "unit": terms.unit,
            "decimals": decimals_of(self._api.core, terms.unit),
            "opened": iso_time(case.opened),
            "stage": view.stage,
            "text": self._stage_text(view, language),
            "until": None if view.until is None else iso_time(view.until),
            "seats": case.seats,
            "needed": case.needed,
            "mediators": [self._mediator(view, one, language) for one in case.order],
            "outcome": self._outcome(terms, case.outcome, language),
            "given_back": view.given_back,
            "given_back_text": amount_shown(self._api.core, view.given_back, terms.unit, language),
            "payment": None if view.payment is None else view.payment.hex(),
            "roles": list(view.roles),
            "next_steps": list(view.next_steps),
            "next_texts": self._next_texts(view, language),
            "waits": view.waits,
        }

    def _mediator(self, view: CaseView, member: bytes, language: str) -> shapes.Mediator:
        case = view.case
        state = "asked" if member in view.asked else "next"
        if member in case.panel:
            state = "seated"
        elif member in case.taken:
            state = "spare"
        elif member in case.left:
            state = "left"
        vote = self._outcome(case.terms, case.votes.get(member), language)
        return shapes.Mediator(member=self._api.who(member), state=state, vote=vote)

    def _outcome(
        self, terms: Terms, outcome: Outcome | None, language: str
    ) -> shapes.OutcomeShown | None:
        if outcome is None:
            return None
        text = self._outcome_text(terms, outcome, language)
        return shapes.OutcomeShown(to=outcome.to, amount=outcome.amount, text=text)

    def _outcome_text(self, terms: Terms, outcome: Outcome, language: str) -> str:
        winner = winner_of(terms, outcome)
        if winner is None:
            return i18n.text("dispute.to_nobody", language)
        shown = amount_shown(self._api.core, outcome.amount, terms.unit, language)
        return i18n.text("dispute.to_party", language, name=self._name(winner), amount=shown)

    def _name(self, member: bytes) -> str:
        return self._api.who(member).name

    def _stage_text(self, view: CaseView, language: str) -> str:
        case = view.case
        values = {
            "until": "" if view.until is None else iso_time(view.until)[:10],
            "seated": len(case.panel),
            "seats": case.seats,
            "needed": case.needed,
            "votes": len(case.votes),
            "opener": self._name(case.opener),
        }
        told = i18n.text(f"dispute.now_{view.stage}", language, **values)
        if case.outcome is not None:
            outcome = self._outcome_text(case.terms, case.outcome, language)
            return i18n.joined((outcome, told), language)
        if view.stage in ("asking", "judging") and case.seats < PANEL_MAX_COUNT:
            few = i18n.text("dispute.few", language, seats=case.seats)
            return i18n.joined((told, few), language)
        return told

    def _next_texts(self, view: CaseView, language: str) -> list[str]:
        """One sentence for each thing that this member may do."""
        terms, own = view.case.terms, self._api.core.member
        other = terms.payee if own == terms.payer else terms.payer
        voted = own in view.case.votes
        keys = [
            "vote_again" if step == "vote" and voted else step
            for step in view.next_steps
            if not (step == "leave" and "vote" in view.next_steps)
        ]
        return [i18n.text(f"dispute.you_{key}", language, name=self._name(other)) for key in keys]

    async def open(self, body: shapes.DisputeIn) -> Made:
        """Open a case about an own trade that was accepted or committed."""
        trade = bytes.fromhex(body.trade)
        return Made(id=(await self._api.disputes.open(trade, body.text)).hex())

    async def say(self, dispute: IdPath, body: shapes.EvidenceIn) -> Made:
        """Say something to the other side and the mediators, sealed for them."""
        return Made(id=(await self._api.disputes.say(bytes.fromhex(dispute), body.text)).hex())

    async def erase(self, dispute: IdPath, body: shapes.EraseIn) -> Made:
        """Erase something that this member said, everywhere."""
        evidence = bytes.fromhex(body.evidence)
        done = await self._api.disputes.erase(bytes.fromhex(dispute), evidence)
        return Made(id=done.hex())

    async def take(self, dispute: IdPath, body: shapes.TakeIn) -> Made:
        """Take a case as a mediator who is asked, or leave it to the next."""
        done = await self._api.disputes.take(bytes.fromhex(dispute), body.takes)
        return Made(id=done.hex())

    async def vote(self, dispute: IdPath, body: shapes.VoteIn) -> Made:
        """Vote as a mediator: who should get how much. Voting again replaces it."""
        found = bytes.fromhex(dispute)
        done = await self._api.disputes.vote(found, body.to, body.amount, body.note)
        return Made(id=done.hex())

    async def close(self, dispute: IdPath) -> Made:
        """Withdraw a case that this member opened."""
        return Made(id=(await self._api.disputes.close(bytes.fromhex(dispute))).hex())

    async def pay(self, dispute: IdPath, body: shapes.PayIn) -> Made:
        """As keeper of the treasury, offer the payment that came out; the trade's id."""
        done = await self._api.disputes.pay(bytes.fromhex(dispute), anyway=body.anyway)
        return Made(id=done.hex())


def routes(api: Api) -> list[Route]:
    """The table."""
    dispute = DisputeRoutes(api)
    one = "/disputes/{dispute}"
    return [
        get("/disputes", dispute.disputes, shapes.Disputes, scope="trade"),
        get(one, dispute.dispute, shapes.DisputeDetail, scope="trade"),
        write("POST", "/disputes", dispute.open, Made, "trade", status=201),
        write("POST", f"{one}/evidence", dispute.say, Made, "trade", status=201),
        write("POST", f"{one}/erase", dispute.erase, Made, "trade"),
        write("POST", f"{one}/take", dispute.take, Made, "trade"),
        write("POST", f"{one}/vote", dispute.vote, Made, "trade"),
        write("POST", f"{one}/close", dispute.close, Made, "trade"),
        write("POST", f"{one}/pay", dispute.pay, Made, "trade", status=201),
    ]
