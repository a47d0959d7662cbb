"""Disputes as people see them: where a case stands, until when, and what each of them may do next.

Rules: all times are claimed or this machine's own, and only move what programs show and ask for; no
outcome rests on them. Good faith comes first: the two have some days to agree. Then the first
mediators are asked; who neither takes nor leaves the case in time is passed over, and may still
take it while a seat is empty. A payment comes from the chapter's treasury, or it is advice.

Left to others: what counts (`views.disputes`), writing (`disputes`), words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from node.ledger import book, trades
from node.ledger.positions import TRADE
from node.protocol.account import CREDIT
from node.protocol.limits import DAY_MS, DISPUTE_TAKE_DAYS
from node.protocol.ports import Reader
from node.services.core import Core
from node.services.trading.refunds import GIVEN_UP, returned
from node.views import disputes
from node.views.chapters import policy_of
from node.views.disputes import Case, Outcome, Terms

COMMITTED: Final = ("settled", "secured")
OPEN: Final = ("agreeing", "asking", "judging", "alone")
Stage = Literal[
    "agreeing", "asking", "judging", "alone", "closed", "advice", "owed", "paying", "paid"
]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as one member sees it now. `until`, ms: when this stage moves on by itself."""

    case: Case
    stage: Stage
    until: int | None
    asked: tuple[bytes, ...]  # mediators who have not answered yet
    status: str  # of the trade
    given_back: int  # by refunds, minor units
    payment: bytes | None  # the trade by which the treasury pays
    roles: tuple[str, ...]  # opener other mediator keeper
    next_steps: tuple[str, ...]  # say close refund take leave vote pay accept
    waits: bool  # for this member

    @property
    def winner(self) -> bytes | None:
        """Who should get something, or None."""
        return None if self.case.outcome is None else winner_of(self.case.terms, self.case.outcome)


def winner_of(terms: Terms, outcome: Outcome) -> bytes | None:
    """Who an outcome gives something to, or None."""
    return {"payer": terms.payer, "payee": terms.payee}.get(outcome.to)


def terms_of(reader: Reader, trade: bytes) -> Terms | None:
    """The terms of a held trade, or None."""
    row = TRADE.get(reader, trade)
    if row is None:
        return None
    return Terms(trade, row.chapter, row.payer, row.payee, row.unit, row.amount)


def read_case(core: Core, reader: Reader, dispute: bytes) -> Case | None:
    """The case of an opening, or None where there is none: not held, or not by a party."""
    found = disputes.opening_of(reader, dispute)
    terms = None if found is None else terms_of(reader, found[0])
    return None if terms is None else disputes.case_of(reader, dispute, terms, core.rules)


def cases(core: Core, reader: Reader, trade: bytes | None = None) -> Iterator[Case]:
    """All cases (about one trade), in order of trade."""
    for about, dispute in disputes.openings(reader, trade):
        terms = terms_of(reader, about)
        case = None if terms is None else disputes.case_of(reader, dispute, terms, core.rules)
        if case is not None:
            yield case


def is_disputable(reader: Reader, trade: bytes) -> bool:
    """True iff a trade bound somebody: it is committed, or was accepted at least."""
    kinds = {step.kind for _, step in trades.STEP.under(reader, trade)}
    return bool(kinds & {"trade.accept", "trade.settle"})


def view_of(core: Core, reader: Reader, case: Case, member: bytes) -> CaseView:
    """The case as `member` sees it now."""
    now, start = core.clock(), mediation_from(core, reader, case)
    payment = payment_of(core, reader, case)
    stage = _stage(core, reader, case, payment, now < start)
    asked = asked_at(case, start, now) if stage in ("asking", "judging") else ()
    roles = _roles(core, case, member)
    status = book.status_of(reader, case.terms.trade)
    back = returned(reader, case.terms.trade)
    can_refund = member == case.terms.payee and back.left > 0
    steps = tuple(_steps(case, stage, roles, asked, member, can_refund))
    answered = _has_spoken(reader, case, member)
    return CaseView(
        case=case,
        stage=stage,
        until=_until(case, stage, start, now),
        asked=asked,
        status=status,
        given_back=back.given,
        payment=payment,
        roles=roles,
        next_steps=steps,
        waits=_waits(case, steps, roles, member, answered),
    )


def mediation_from(core: Core, reader: Reader, case: Case) -> int:
    """When good faith ends, ms. It counts from the opening's claimed time alone: could the other
    party's records move it, one dated far ahead would put mediation off for ever."""
    days = policy_of(reader, case.terms.chapter, core.rules).faith_days
    return case.opened + days * DAY_MS


def first_asked(case: Case) -> tuple[bytes, ...]:
    """Who will be asked when good faith ends."""
    return tuple(one for one in case.order if one not in case.left)[: case.seats]


def asked_at(case: Case, start: int, now: int) -> tuple[bytes, ...]:
    """Who is asked at a time and has not taken the case: at first as many as there are seats, then
    for each empty seat one more whenever `DISPUTE_TAKE_DAYS` are over."""
    empty = case.seats - len(case.panel)
    if now < start or empty <= 0:
        return ()
    rounds = (now - start) // (DISPUTE_TAKE_DAYS * DAY_MS)
    able = [one for one in case.order if one not in case.left]
    called = able[: case.seats + rounds * empty]
    return tuple(one for one in called if one not in case.taken)


def payment_of(core: Core, reader: Reader, case: Case) -> bytes | None:
    """The trade by which the treasury pays the outcome, given up ones aside, or None."""
    outcome = case.outcome
    if outcome is None:
        return None
    treasury = core.rules.genesis.chapters[case.terms.chapter].treasury
    due = (treasury, winner_of(case.terms, outcome), outcome.amount, CREDIT)
    for trade in case.payments:
        row = TRADE.get(reader, trade)
        if row is None or book.status_of(reader, trade) in GIVEN_UP:
            continue
        if (row.payer, row.payee, row.amount, row.unit) == due:
            return trade
    return None


def _stage(core: Core, reader: Reader, case: Case, payment: bytes | None, early: bool) -> Stage:
    if case.outcome is not None:
        if not _is_payable(core, case):
            return "advice"
        if payment is None:
            return "owed"
        return "paid" if book.status_of(reader, payment) in COMMITTED else "paying"
    if case.closed:
        return "closed"
    if early:
        return "agreeing"
    if case.seats == 0:
        return "alone"
    return "judging" if len(case.panel) == case.seats else "asking"


def _is_payable(core: Core, case: Case) -> bool:
    """True iff the chapter's treasury can pay the outcome."""
    treasury = core.rules.genesis.chapters[case.terms.chapter].treasury
    winner = None if case.outcome is None else winner_of(case.terms, case.outcome)
    return winner is not None and case.terms.unit == CREDIT and treasury not in (None, winner)


def _roles(core: Core, case: Case, member: bytes) -> tuple[str, ...]:
    treasury = core.rules.genesis.chapters[case.terms.chapter].treasury
    found = {
        "opener": member == case.opener,
        "other": member in case.terms.parties and member != case.opener,
        "mediator": member in case.order,
        "keeper": member == treasury,
    }
    return tuple(role for role, holds in found.items() if holds)


def _steps(
    case: Case,
    stage: Stage,
    roles: tuple[str, ...],
    asked: tuple[bytes, ...],
    member: bytes,
    can_refund: bool,
) -> Iterator[str]:
    """What a member may do now, most useful first."""
    is_open, sits = stage in OPEN, member in case.panel
    if member in asked:
        yield from ("take", "leave")
    if sits and stage in ("asking", "judging"):
        yield from ("vote", "leave")
    if is_open and (sits or member in case.terms.parties):
        yield "say"
    if can_refund and is_open:
        yield "refund"
    if is_open and "opener" in roles:
        yield "close"
    if stage == "owed" and "keeper" in roles:
        yield "pay"
    winner = None if case.outcome is None else winner_of(case.terms, case.outcome)
    if stage == "paying" and member == winner:
        yield "accept"


def _waits(
    case: Case, steps: tuple[str, ...], roles: tuple[str, ...], member: bytes, answered: bool
) -> bool:
    """True iff nothing goes on, or not well, without this member."""
    if {"take", "pay", "accept"} & set(steps):
        return True
    if "vote" in steps:
        return member not in case.votes
    return "other" in roles and "say" in steps and not answered


def _has_spoken(reader: Reader, case: Case, member: bytes) -> bool:
    rows = disputes.DISPUTE_PART.under(reader, case.id + member)
    return any(row.kind == "dispute.evidence" for _, row in rows)


def _until(case: Case, stage: Stage, start: int, now: int) -> int | None:
    if stage == "agreeing":
        return start
    if stage != "asking":
        return None
    step = DISPUTE_TAKE_DAYS * DAY_MS
    return start + ((now - start) // step + 1) * step
