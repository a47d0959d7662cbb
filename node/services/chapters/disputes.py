"""Disputes: what a member says and does in a case, as party, mediator, or keeper of the treasury.

Rules: only what would count is signed; whoever is not asked, or not on the panel, is told so. What
is said is sealed for the parties and the panel before it leaves this machine, and can be erased.
The treasury pays by an ordinary payment that the other side accepts; a trade is paid for once,
however often it was disputed. Nobody else's account is touched.

Left to others: what counts (`views.disputes`), where a case stands (`cases`), passing keys on
(`dispute_duties`).
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node import i18n
from node.ledger import book
from node.protocol import limits
from node.protocol.account import CREDIT
from node.protocol.dispute import (
    DisputeClose,
    DisputeErase,
    DisputeEvidence,
    DisputeOpen,
    DisputePaid,
    DisputeShare,
    DisputeTake,
    DisputeVote,
    Seal,
    To,
    sealed_under,
)
from node.protocol.errors import LocalFault
from node.protocol.ports import Reader
from node.services import written
from node.services.chapters import cases
from node.services.chapters.cases import OPEN, CaseView
from node.services.core import Committed, Core
from node.services.publish import Appender, Draft, Publisher
from node.services.times import utc_day
from node.services.trading.refunds import GIVEN_UP
from node.services.trading.trade import Proposal, Trade
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import disputes, identities
from node.views.disputes import Case, Evidence, Terms
from node.wallet import sealed

COUNTED_MS: Final = 60_000  # deadlines pass without a commit
CHANGING: Final = frozenset(
    {"dispute", "trade", "chapter.policy", "member.suspend", "member.admit", "device.revoked"}
)


@dataclass(frozen=True, slots=True)
class Said:
    """Something said in a case; `text` None: sealed, and not for this device (yet)."""

    id: bytes
    author: bytes
    time: int
    text: str | None


class Disputes:
    """What a member does in cases. Writers return after the commit."""

    def __init__(self, core: Core, publisher: Publisher, trade: Trade) -> None:
        self._core = core
        self._publisher = publisher
        self._trade = trade
        self._waiting = 0
        self._waiting_until = -1  # when to count again, ms; -1: now
        core.listeners.append(self._note)

    def _note(self, committed: Committed) -> None:
        if any(name in CHANGING for name, _ in committed.events):
            self._waiting_until = -1

    # --- reading ----------------------------------------------------------------------------------
    def mine(self, trade: bytes | None = None) -> list[CaseView]:
        """Cases of this member (about one trade): as a party, keeper, or a mediator who is asked,
        has answered, or will be asked first; the newest first."""
        member = self._core.member
        with self._core.reading() as reader:
            views = [
                cases.view_of(self._core, reader, case, member)
                for case in cases.cases(self._core, reader, trade)
                if _may_concern(self._core, case, member)
            ]
        mine = [view for view in views if _concerns(view, member)]
        return sorted(mine, key=lambda view: (-view.case.opened, view.case.id))

    def show(self, dispute: bytes) -> tuple[CaseView, list[Said]]:
        """A case, and what was said in it, oldest first. Raises LocalFault dispute-unknown."""
        with self._core.reading() as reader:
            case = self._case(reader, dispute)
            view = cases.view_of(self._core, reader, case, self._core.member)
            found = disputes.evidence_of(reader, case, limits.EVIDENCE_MAX_COUNT)
        return view, [self._opened(case, one) for one in found]

    def waiting(self) -> int:
        """Cases that wait for this member. Cheap enough to be asked every second."""
        now = self._core.clock()
        if now >= self._waiting_until:
            self._waiting_until = now + COUNTED_MS
            self._waiting = sum(view.waits for view in self.mine())
        return self._waiting

    def _case(self, reader: Reader, dispute: bytes) -> Case:
        case = cases.read_case(self._core, reader, dispute)
        if case is None:
            raise LocalFault("dispute-unknown")
        return case

    def _opened(self, case: Case, one: Evidence) -> Said:
        text = open_evidence(self._core, case, one)
        shown = None if text is None else i18n.clean_for_display(text[1])
        return Said(one.id, one.author, one.time, shown)

    # --- writing ----------------------------------------------------------------------------------
    async def open(self, trade: bytes, text: str) -> bytes:
        """Open a case about an own trade that was accepted or committed; its id.

        Raises LocalFault trade-unknown, dispute-too-early, dispute-open (there is one), text-empty,
        text-too-long.
        """
        said = written.text(text)

        def work(appender: Appender, state: WriterState) -> bytes:
            terms = self._own_terms(state, trade)
            if not cases.is_disputable(state, trade):
                raise LocalFault("dispute-too-early")
            for case in cases.cases(self._core, state, trade):
                if cases.view_of(self._core, state, case, self._core.member).stage != "closed":
                    raise LocalFault("dispute-open", dispute=case.id.hex()[:8])
            made = appender.append(Draft("dispute.open", DisputeOpen(salt=_salt(), trade=trade)))
            case = disputes.case_of(state, made, terms, self._core.rules)
            assert case is not None
            self._say(appender, state, case, said)
            return made

        return await self._publisher.transact(work)

    def _own_terms(self, reader: Reader, trade: bytes) -> Terms:
        terms = cases.terms_of(reader, trade)
        if terms is None or self._core.member not in terms.parties:
            raise LocalFault("trade-unknown")
        return terms

    async def say(self, dispute: bytes, text: str) -> bytes:
        """Say something to the parties and the panel; the record's id. Raises LocalFault
        dispute-unknown, dispute-not-yours, dispute-over, text-empty, text-too-long."""
        said = written.text(text)

        def work(appender: Appender, state: WriterState) -> bytes:
            return self._say(appender, state, self._step(state, dispute, "say").case, said)

        return await self._publisher.transact(work)

    def _say(self, appender: Appender, state: Rows, case: Case, text: str) -> bytes:
        bound = sealed_under(self._core.community, case.id, self._core.member)
        box, key = sealed.seal(text, bound)
        first, *more = sealed_for(key, devices_of(state, case.readers))
        body = DisputeEvidence(box=box, dispute=case.id, keys=first, salt=_salt())
        made = appender.append(Draft("dispute.evidence", body))
        for keys in more:
            appender.append(share_draft(case.id, made, keys))
        return made

    async def erase(self, dispute: bytes, evidence: bytes) -> bytes:
        """Erase something that this member said, here and on every node that learns of it. Raises
        LocalFault dispute-unknown, not-found, not-yours."""

        def work(appender: Appender, state: WriterState) -> bytes:
            case = self._case(state, dispute)
            found = disputes.evidence_of(state, case, limits.EVIDENCE_MAX_COUNT)
            author = next((one.author for one in found if one.id == evidence), None)
            if author is None:
                raise LocalFault("not-found", what=evidence.hex()[:8])
            if author != self._core.member:
                raise LocalFault("not-yours")
            body = DisputeErase(dispute=dispute, evidence=evidence, salt=_salt())
            return appender.append(Draft("dispute.erase", body))

        return await self._publisher.transact(work)

    async def take(self, dispute: bytes, takes: bool) -> bytes:
        """Take a case as a mediator who is asked, or leave it to the next. Raises LocalFault
        dispute-unknown, dispute-good-faith (too early), dispute-not-asked, dispute-over."""

        def work(appender: Appender, state: WriterState) -> bytes:
            self._step(state, dispute, "take" if takes else "leave")
            body = DisputeTake(dispute=dispute, salt=_salt(), takes=takes)
            return appender.append(Draft("dispute.take", body))

        return await self._publisher.transact(work)

    async def vote(self, dispute: bytes, to: To, amount: int, note: str = "") -> bytes:
        """Vote as one of the panel: who should get how much, minor units. Voting again replaces
        it. Raises LocalFault dispute-unknown, dispute-not-panel, dispute-over, dispute-amount."""
        said = written.text(note, empty=True)

        def work(appender: Appender, state: WriterState) -> bytes:
            case = self._step(state, dispute, "vote").case
            if not disputes.is_possible(to, amount, case.terms):
                raise LocalFault("dispute-amount")
            if said:
                self._say(appender, state, case, said)
            body = DisputeVote(amount=amount, dispute=dispute, salt=_salt(), to=to)
            return appender.append(Draft("dispute.vote", body))

        return await self._publisher.transact(work)

    async def close(self, dispute: bytes) -> bytes:
        """Withdraw a case that this member opened. Raises LocalFault dispute-unknown,
        dispute-not-yours, dispute-over."""

        def work(appender: Appender, state: WriterState) -> bytes:
            self._step(state, dispute, "close")
            body = DisputeClose(dispute=dispute, salt=_salt())
            return appender.append(Draft("dispute.close", body))

        return await self._publisher.transact(work)

    async def pay(self, dispute: bytes, *, anyway: bool = False) -> bytes:
        """As the treasury, offer the payment that came out; the trade's id. Raises LocalFault
        dispute-unknown, dispute-not-keeper, dispute-not-due, dispute-paid, and as `Trade.propose`.
        """

        def work(appender: Appender, state: WriterState) -> bytes:
            view = self._step(state, dispute, "pay")
            terms, outcome, winner = view.case.terms, view.case.outcome, view.winner
            assert outcome is not None
            assert winner is not None
            if next(self._live_payments(state, terms.trade), None) is not None:
                raise LocalFault("dispute-paid")
            wish = Proposal(
                partner=winner,
                amount=outcome.amount,
                invoice=False,
                unit=CREDIT,
                order=f"dispute {dispute.hex()[:8]}",
                chapter=terms.chapter,
            )
            paid = appender.append(self._trade.proposal(state, wish))
            body = DisputePaid(dispute=dispute, salt=_salt(), trade=paid)
            appender.append(Draft("dispute.paid", body))
            return paid

        return await self._publisher.transact(work, anyway=anyway)

    def _live_payments(self, reader: Reader, trade: bytes) -> Iterator[bytes]:
        """Payments that the treasury made for a trade, whatever case they were for."""
        for case in cases.cases(self._core, reader, trade):
            for paid in case.payments:
                known = cases.terms_of(reader, paid) is not None
                if not known or book.status_of(reader, paid) not in GIVEN_UP:
                    yield paid

    def _step(self, reader: Reader, dispute: bytes, step: str) -> CaseView:
        """The case, where this member may take this step now; else LocalFault says why not."""
        case, member = self._case(reader, dispute), self._core.member
        view = cases.view_of(self._core, reader, case, member)
        if step in view.next_steps:
            return view
        if step == "pay":
            if "keeper" not in view.roles:
                raise LocalFault("dispute-not-keeper")
            raise LocalFault("dispute-paid" if view.payment else "dispute-not-due")
        if view.stage not in OPEN:
            raise LocalFault("dispute-over")
        if step in ("take", "leave"):
            if view.stage == "agreeing" and "mediator" in view.roles and view.until is not None:
                raise LocalFault("dispute-good-faith", until=utc_day(view.until))
            raise LocalFault("dispute-not-asked")
        raise LocalFault("dispute-not-panel" if step == "vote" else "dispute-not-yours")


def _may_concern(core: Core, case: Case, member: bytes) -> bool:
    """Cheap: whether a member has any role in a case."""
    treasury = core.rules.genesis.chapters[case.terms.chapter].treasury
    return member in case.terms.parties or member in case.order or member == treasury


def _concerns(view: CaseView, member: bytes) -> bool:
    """True iff a case is one of a member's own."""
    if {"opener", "other"} & set(view.roles):
        return True
    if member in view.asked or member in view.case.taken:
        return True
    if view.stage == "agreeing" and member in cases.first_asked(view.case):
        return True
    return "keeper" in view.roles and view.stage in ("owed", "paying", "paid")


def devices_of(reader: Reader, readers: Iterable[bytes]) -> list[bytes]:
    """Device keys for which evidence is sealed: of each reader those not shut out, some at most."""
    found: list[bytes] = []
    for member in readers:
        usable = [key for key, _, revoked in identities.devices_of(reader, member) if not revoked]
        found += usable[: limits.DISPUTE_DEVICES_MAX_COUNT]
    return found


def sealed_for(key: bytes, devices: Sequence[bytes]) -> list[list[Seal]]:
    """A key sealed for devices, in lists as long as one record may hold."""
    seals = [Seal(device, found) for device, found in sealed.seal_key(key, devices)]
    size = limits.SEALS_MAX_COUNT
    return [seals[start : start + size] for start in range(0, len(seals), size)]


def share_draft(dispute: bytes, evidence: bytes, keys: list[Seal]) -> Draft:
    """The record that passes the key of a box on."""
    body = DisputeShare(dispute=dispute, evidence=evidence, keys=keys, salt=_salt())
    return Draft("dispute.share", body)


def open_evidence(core: Core, case: Case, one: Evidence) -> tuple[bytes, str] | None:
    """(key, text) of what was said, where a key for this device opens it, else None."""
    own, bound = core.own, sealed_under(core.community, case.id, one.author)
    for _, device, found in one.seals:
        key = own.open_sealed(found) if device == own.public_key else None
        text = None if key is None else sealed.open_box(one.box, key, bound)
        if key is not None and text is not None:
            return key, text
    return None


def _salt() -> bytes:
    return secrets.token_bytes(limits.SALT_SIZE_BYTES)
