"""Acts of a chapter's officers, k of n of them together (R12-R16).

Rules: an officer's wish becomes the act itself where their own word is the k-th for its content;
until then it is a proposal that the others are shown, with their own approval beside it. Nothing is
signed twice, and nobody writes on another's lane: two officers who decide at once write two acts of
one content, which count as one. An act that could have no effect is refused before anybody is
asked.

Left to others: what to decide (`community`, people), what a policy does to trades (`money`).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from node.protocol import lanes
from node.protocol.errors import LocalFault
from node.protocol.limits import APPROVALS_MAX_COUNT, SUPERSEDES_MAX_COUNT
from node.protocol.office import (
    ChapterPolicy,
    CreditGrant,
    MemberAct,
    OfficeAct,
    OfficeApprove,
    OfficePropose,
    act_content,
    content_hash,
)
from node.protocol.record import parse_header
from node.services.core import Core
from node.services.publish import NOTHING_SIGNED, Appender, Draft, Publisher
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import chapters, members
from node.views.chapters import Policy, Proposal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an officer's wish: the act (`done`), or a proposal that waits for others."""

    record: bytes  # id of the act, or of the approval that waits with the others
    hash: bytes  # of the content, by which the proposal is called
    done: bool
    agreed: int  # officers, this one included
    needed: int


@dataclass(frozen=True, slots=True)
class Question:
    """An open proposal as an officer sees it. `before` is what is in force now, if anything."""

    proposal: Proposal
    time: int  # claimed, ms
    mine: bool  # this officer has agreed
    needed: int
    subject: bytes | None  # the member it is about
    before: int | Policy | None  # the limit, or the policy, that it would replace


def decide(core: Core, appender: Appender, state: WriterState, draft: Draft) -> Decision:
    """Act, or propose and approve: a `draft` of an act with no approvals.

    Raises LocalFault not-officer, missing, approved-already, limit-max, and what the fold says.
    """
    act = draft.body
    assert isinstance(act, OfficeAct)
    number = core.rules.genesis.chapter_number(act.chapter)
    chapter = core.rules.genesis.chapters[number]
    if not members.is_officer(core.rules, core.member, number):
        raise LocalFault("not-officer")
    if isinstance(act, CreditGrant):
        if lanes.entry_of(state, act.open) is None:  # proposed by somebody who knows more, or lies
            raise LocalFault("missing")
        fault = members.grant_fault(state, act, chapter)
        if fault is not None:
            raise LocalFault(str(fault))
    content = act_content(draft.kind, act)
    digest = content_hash(content)
    agreed = chapters.approvers(state, digest)
    others = {o: a for o, a in agreed.items() if o in chapter.officers and o != core.member}
    if 1 + len(others) >= chapter.k:
        named = sorted(others.values())[:APPROVALS_MAX_COUNT]
        done = appender.append(Draft(draft.kind, msgspec.structs.replace(act, approvals=named)))
        return Decision(done, digest, True, 1 + len(others), chapter.k)
    if core.member in agreed:
        raise LocalFault("approved-already", agreed=1 + len(others), needed=chapter.k)
    if chapters.proposal_of(state, number, digest, core.rules) is None:
        appender.append(Draft("office.propose", OfficePropose(content=content)))
    made = appender.append(Draft("office.approve", OfficeApprove(act=digest)))
    return Decision(made, digest, False, 1 + len(others), chapter.k)


def has_agreed(core: Core, reader: Rows, draft: Draft) -> bool:
    """True iff this officer has nothing more to say to a draft by themselves: they have agreed, and
    the word of others is still missing."""
    act = draft.body
    assert isinstance(act, OfficeAct)
    chapter = core.rules.genesis.chapter(act.chapter)
    assert chapter is not None
    agreed = chapters.approvers(reader, content_hash(act_content(draft.kind, act)))
    return core.member in agreed and len(agreed.keys() & set(chapter.officers)) < chapter.k


def attempt(core: Core, appender: Appender, state: WriterState, draft: Draft) -> bool:
    """`decide` what a program wants by itself; leave what would have no effect, or waits for
    others. Raises what speaks of this device."""
    if has_agreed(core, state, draft):
        return False
    try:
        decide(core, appender, state, draft)
    except LocalFault as fault:
        if fault.code in NOTHING_SIGNED:
            raise
        log.info("%s left: %s", draft.kind, fault.code)
        return False
    return True


def ripe(core: Core, reader: Rows, number: int, *, first_only: bool) -> Iterator[Draft]:
    """Acts that k officers have agreed to, this one among them, and nobody has written yet.

    With `first_only` those alone whose first officer, in order of id, is this one: so that not all
    write the same at once.
    """
    chapter = core.rules.genesis.chapters[number]
    for found in chapters.proposals(reader, number, core.rules):
        agreed = sorted(found.officers & set(chapter.officers))
        if len(agreed) < chapter.k or core.member not in agreed:
            continue
        if not first_only or agreed[0] == core.member:
            yield Draft(found.kind, found.body)


class Office:
    """What officers do beside admitting: agree to proposals, and set a chapter's policy."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher

    def questions(self, number: int) -> list[Question]:
        """Open proposals of a chapter, oldest here first."""
        with self._core.reading() as reader:
            found = chapters.proposals(reader, number, self._core.rules)
            questions = [self._question(reader, proposal) for proposal in found]
        return sorted(questions, key=lambda one: one.proposal.number)

    def _question(self, reader: Rows, proposal: Proposal) -> Question:
        core, act = self._core, proposal.body
        raw = reader.raw(proposal.number)
        assert raw is not None
        time = parse_header(raw.header).time
        subject: bytes | None = None
        before: int | Policy | None = None
        if isinstance(act, MemberAct):
            subject = act.member
        elif isinstance(act, CreditGrant):
            entry = lanes.entry_of(reader, act.open)
            subject = None if entry is None else lanes.author_of(reader, entry)
            current = members.current_act(reader, act.open, core.rules)
            before = None if current is None else current[1].limit
        elif isinstance(act, ChapterPolicy):
            before = chapters.policy_of(reader, proposal.chapter, core.rules)
        needed = core.rules.genesis.chapters[proposal.chapter].k
        mine = core.member in proposal.officers
        return Question(proposal, time, mine, needed, subject, before)

    def waiting(self) -> int:
        """How many proposals wait for this officer's word."""
        count = 0
        with self._core.reading() as reader:
            for number in range(len(self._core.rules.genesis.chapters)):
                if members.is_officer(self._core.rules, self._core.member, number):
                    found = chapters.proposals(reader, number, self._core.rules)
                    count += sum(self._core.member not in one.officers for one in found)
        return count

    async def agree(self, number: int, digest: bytes) -> Decision:
        """Say yes to a proposal; the act is made if this is the k-th yes.

        Raises LocalFault proposal-unknown (there is none, or it is over), approved-already.
        """

        def work(appender: Appender, state: WriterState) -> Decision:
            found = chapters.proposal_of(state, number, digest, self._core.rules)
            if found is None:
                raise LocalFault("proposal-unknown")
            return decide(self._core, appender, state, Draft(found.kind, found.body))

        return await self._publisher.transact(work)

    def policy(self, number: int) -> Policy:
        """The policy in force."""
        return chapters.policy_of(self._core.reader, number, self._core.rules)

    async def set_policy(self, number: int, wish: Policy) -> Decision:
        """Set a chapter's policy as a whole (`wish.act` is not looked at)."""
        core = self._core

        def work(appender: Appender, state: WriterState) -> Decision:
            body = ChapterPolicy(
                approvals=[],
                chapter=core.rules.genesis.chapters[number].name,
                counts=sorted(set(wish.counts)),
                faith_days=wish.faith_days,
                list=core.community,
                mediators=sorted(set(wish.mediators)),
                secured_from=wish.secured_from,
                supersedes=latest_acts(state, members.policy_subject(number)),
            )
            return decide(core, appender, state, Draft("chapter.policy", body))

        return await self._publisher.transact(work)


def latest_acts(reader: Rows, subject: bytes) -> list[bytes]:
    """Acts of the highest serial on a subject: what a new act supersedes."""
    acts = list(members.acts_on(reader, subject))
    top = max((row.serial for _, row in acts), default=0)
    return sorted(act for act, row in acts if row.serial == top)[:SUPERSEDES_MAX_COUNT]
