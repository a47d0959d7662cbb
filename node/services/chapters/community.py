"""Belonging: invitations, applications, admission, grants, and the duties of officers' programs.

Rules: a one-time code is known to its maker and its bearer only; an application proves it without
showing it. An officer's program admits bearers of its codes and grants default limits by itself;
all else waits for a person. A member's program opens the account as soon as a chapter is chosen.
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

import json
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import trio

from node.protocol import codec, lanes, portable
from node.protocol.account import AccountOpen
from node.protocol.admission import stored_body
from node.protocol.errors import LocalFault
from node.protocol.genesis import Chapter
from node.protocol.lanes import ENTRY
from node.protocol.office import CreditGrant, MemberAct
from node.protocol.social import MemberApply
from node.protocol.state import u16
from node.services.chapters import office
from node.services.chapters.office import Decision
from node.services.core import Committed, Core
from node.services.publish import NOTHING_SIGNED, Appender, Draft, Publisher
from node.services.trading import accounts
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import members

CODE_SIZE_BYTES: Final = 16
CODE_LIFE_MS: Final = 14 * 24 * 3600 * 1000  # long enough for a letter by post
ALL_LOOKED_AT_MS: Final = 600_000  # for what no commit names; a thread's second in a large chapter
INVITE_SETTING: Final = "invite:"  # + code in hex -> {"chapter", "expires"}


@dataclass(frozen=True, slots=True)
class Application:
    """An open application to a chapter."""

    member: bytes
    record: bytes
    chapter: int
    text: str
    time: int
    invited: bool  # names a one-time code


class Community:
    """What members and officers do to belong together."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher

    def chapter(self, name: str | None) -> tuple[int, Chapter]:
        """A chapter by name, or the only one. Raises LocalFault `unknown-chapter`."""
        chapters = self._core.rules.genesis.chapters
        if name is None and len(chapters) == 1:
            return 0, chapters[0]
        for number, chapter in enumerate(chapters):
            if chapter.name == name:
                return number, chapter
        raise LocalFault("unknown-chapter", names=", ".join(c.name for c in chapters))

    async def invite(
        self, name: str | None, addresses: list[str], *, with_code: bool
    ) -> tuple[str, int | None]:
        """(link, expiry in ms or None). A code admits its bearer once, at once."""
        number, chapter = self.chapter(name)
        code, expires = None, None
        if with_code:
            if not members.is_officer(self._core.rules, self._core.member, number):
                raise LocalFault("not-officer")
            code = secrets.token_bytes(CODE_SIZE_BYTES)
            expires = self._core.clock() + CODE_LIFE_MS
            value = json.dumps({"chapter": chapter.name, "expires": expires})
            key = INVITE_SETTING + code.hex()
            await self._core.writer.run(lambda state: state.settings.put(key, value))
        link = portable.encode_invitation(
            portable.Invitation(
                addresses=addresses,
                chapter=chapter.name,
                code=code,
                genesis=codec.encode(self._core.rules.genesis),
            )
        )
        return link, expires

    async def apply(self, name: str | None, text: str, code: bytes | None) -> bytes:
        """Ask a chapter to admit this member, and open the account there; the application's id."""
        number, chapter = self.chapter(name)
        invite = None
        if code is not None:
            invite = portable.invite_proof(self._core.community, self._core.member, code)

        def work(appender: Appender, state: WriterState) -> bytes:
            known = members.membership(state, number, self._core.member, self._core.rules)
            if known in ("member", "officer"):
                raise LocalFault("member-already")
            body = MemberApply(
                chapter=chapter.name,
                invite=invite,
                salt=secrets.token_bytes(16),
                text=text,
            )
            applied = appender.append(Draft("member.apply", body))
            open_account(self._core, appender, state, chapter)
            return applied

        return await self._publisher.transact(work, anyway=True)

    def requests(self, name: str | None) -> Iterator[Application]:
        """The newest application of each who asks to be admitted, oldest first by arrival.

        Whoever comes by a link has applied without a word; what they write later is what counts.
        """
        number, _ = self.chapter(name)
        newest: dict[bytes, Application] = {}
        with self._core.reading() as reader:
            for application in open_applications(self._core, reader, number):
                newest.pop(application.member, None)
                newest[application.member] = application
        yield from newest.values()

    async def admit(self, name: str | None, member: bytes) -> Decision:
        """Admit a member, and grant the default limit where nothing speaks against it."""
        number, chapter = self.chapter(name)

        def work(appender: Appender, state: WriterState) -> Decision:
            act = _membership_act(self._core, state, number, chapter, member, "member.admit")
            done = office.decide(self._core, appender, state, act)
            for draft in default_grants(self._core, state, member, number):
                office.decide(self._core, appender, state, draft)
            return done

        return await self._publisher.transact(work)

    async def suspend(self, name: str | None, member: bytes) -> Decision:
        """Suspend a member: honest programs stop accepting from them; nothing is taken away.

        Raises LocalFault `only-officer` for an officer whom no other could admit again.
        """
        number, chapter = self.chapter(name)

        def work(appender: Appender, state: WriterState) -> Decision:
            if member == self._core.member and not _has_others(self._core, state, number):
                raise LocalFault("only-officer")
            draft = _membership_act(self._core, state, number, chapter, member, "member.suspend")
            return office.decide(self._core, appender, state, draft)

        return await self._publisher.transact(work)

    async def grant(self, name: str | None, member: bytes, limit: int) -> Decision:
        """Grant the member's lane in use a limit, minor units."""
        number, _ = self.chapter(name)

        def work(appender: Appender, state: WriterState) -> Decision:
            account = accounts.usable_account(self._core, state, member, number)
            reason = accounts.may_be_granted(self._core, state, account.open)
            if reason is not None and reason not in accounts.FOR_A_PERSON:
                raise accounts.refusal(reason)
            draft = grant_draft(self._core, state, account.open, limit)
            return office.decide(self._core, appender, state, draft)

        return await self._publisher.transact(work)


def open_account(core: Core, appender: Appender, state: WriterState, chapter: Chapter) -> None:
    """Open this device's account lane unless it is open."""
    if accounts.own_account(core, state) is None:
        appender.append(accounts.open_draft(core, state, chapter))


def _membership_act(
    core: Core, reader: Rows, number: int, chapter: Chapter, member: bytes, kind: str
) -> Draft:
    subject = members.member_subject(number, member)
    current = members.membership(reader, number, member, core.rules)
    if kind == "member.admit" and current in ("member", "officer"):
        raise LocalFault("member-already")
    if kind == "member.suspend" and current == "suspended":
        raise LocalFault("member-suspended")
    applied = list(members.APPLICATION.under(reader, subject))
    body = MemberAct(
        application=applied[-1][0][34:] if applied else None,
        approvals=[],
        chapter=chapter.name,
        list=core.community,
        member=member,
        supersedes=office.latest_acts(reader, subject),
    )
    return Draft(kind, body)


def _has_others(core: Core, reader: Rows, number: int) -> bool:
    """True iff this member is no officer of the chapter, or another officer is in good standing."""
    officers = core.rules.genesis.chapters[number].officers
    return core.member not in officers or any(
        members.membership(reader, number, officer, core.rules) == "officer"
        for officer in officers
        if officer != core.member
    )


def grant_draft(core: Core, reader: Rows, open_id: bytes, limit: int) -> Draft:
    """A `credit.grant` for an open that supersedes the grants known. Where the member comes back
    after a fork, it names that."""
    entry = ENTRY.must(reader, open_id)
    member = lanes.author_of(reader, entry)
    body = CreditGrant(
        approvals=[],
        chapter=stored_body(reader, entry.number, AccountOpen).chapter,
        limit=limit,
        list=core.community,
        open=open_id,
        proof=accounts.fork_to_pardon(core, reader, member),
        supersedes=office.latest_acts(reader, open_id),
    )
    return Draft("credit.grant", body)


def default_grants(core: Core, reader: Rows, member: bytes, number: int) -> list[Draft]:
    """Grants an officer's program makes by itself: to a member's ungranted lane, the default limit
    for a first one, the limit of the lane it carries for a renewed one (R14)."""
    chapter = core.rules.genesis.chapters[number]
    drafts: list[Draft] = []
    if members.membership(reader, number, member, core.rules) not in ("member", "officer"):
        return drafts
    for account in accounts.accounts_of(core, reader, member):
        if account.chapter != number or account.revoked:
            continue
        if next(members.acts_on(reader, account.open), None) is not None:
            continue
        if accounts.may_be_granted(core, reader, account.open) is None:
            limit = inherited_limit(core, reader, account, chapter)
            drafts.append(grant_draft(core, reader, account.open, limit))
    return drafts


def inherited_limit(core: Core, reader: Rows, account: accounts.Account, chapter: Chapter) -> int:
    """The lowest limit of the lanes an account carries; the chapter's default for a first one."""
    limits = [
        current[1].limit
        for open_id in accounts.positions.mine(reader, account.open) - {account.open}
        if (current := members.current_act(reader, open_id, core.rules)) is not None
    ]
    return min(limits, default=chapter.default_limit)


def open_applications(
    core: Core, reader: Rows, number: int, of: Collection[bytes] | None = None
) -> Iterator[Application]:
    """Applications of those who are not members (`of`: of these people), in order of arrival."""
    prefixes = [u16(number)] if of is None else [u16(number) + member for member in of]
    rows = [row for prefix in prefixes for row in members.APPLICATION.under(reader, prefix)]
    for key, row in sorted(rows, key=lambda item: item[1].number):
        member, record = key[2:34], key[34:]
        if members.membership(reader, number, member, core.rules) != "applicant":
            continue
        raw = reader.raw(row.number)
        if raw is not None and raw.body is not None:
            body = codec.decode(raw.body, MemberApply)
            invited = body.invite is not None
            yield Application(member, record, number, body.text, row.time, invited)


class OfficeDuties:
    """What an officer's program does by itself.

    It looks at everybody when it starts and now and then, otherwise at those whom commits name: a
    large chapter costs no more than a small one.
    """

    WATCHED: Final = frozenset({"application", "account", "member.admit", "device.revoked"})
    ASKED: Final = frozenset({"office.propose", "office.approve"})

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher
        self._named: set[bytes] = set()  # members to look at
        self._asked = False  # an officer has said something that may complete an act
        self._all_after = 0  # when to look at everybody again, ms
        core.listeners.append(self._note)

    def concerns(self, committed: Committed) -> bool:
        """True iff `perform` has something to look at after this commit."""
        return any(name in self.WATCHED or name in self.ASKED for name, _ in committed.events)

    def _note(self, committed: Committed) -> None:
        # A subject is a member, or a chapter and a member.
        self._named.update(subject[-32:] for n, subject in committed.events if n in self.WATCHED)
        self._asked |= any(name in self.ASKED for name, _ in committed.events)

    async def perform(self) -> int:
        """Admit bearers of own codes, grant default limits, and write down what enough officers
        have agreed to; returns the number of decisions."""
        now = self._core.clock()
        looked, self._named = self._named, set()
        asked, self._asked = self._asked, False
        everybody = now >= self._all_after
        try:
            done = await self._perform(None if everybody else frozenset(looked), asked)
        except BaseException as fault:
            self._named |= looked
            self._asked |= asked
            if isinstance(fault, LocalFault) and fault.code in NOTHING_SIGNED:
                return 0
            raise
        if everybody:
            self._all_after = now + ALL_LOOKED_AT_MS
        return done

    async def _perform(self, named: frozenset[bytes] | None, asked: bool) -> int:
        """Look at these members, or at all."""
        done = 0
        for number, chapter in enumerate(self._core.rules.genesis.chapters):
            if not members.is_officer(self._core.rules, self._core.member, number):
                continue
            if chapter.k > 1 and (asked or named is None):
                done += await self._complete(number, first_only=named is not None)
            if await self._wanted(number, named):
                done += await self._publisher.transact(
                    lambda a, s, n=number, c=chapter: self._act(a, s, n, c, named)
                )
        return done

    async def _complete(self, number: int, *, first_only: bool) -> int:
        """Write the acts that enough officers have agreed to at the same time."""

        def look() -> bool:
            with self._core.reading() as reader:
                found = office.ripe(self._core, reader, number, first_only=first_only)
                return next(found, None) is not None

        def work(appender: Appender, state: WriterState) -> int:
            found = list(office.ripe(self._core, state, number, first_only=first_only))
            return sum(office.attempt(self._core, appender, state, draft) for draft in found)

        if not await trio.to_thread.run_sync(look):
            return 0
        return await self._publisher.transact(work)

    async def _wanted(self, number: int, named: frozenset[bytes] | None) -> bool:
        def look() -> bool:
            with self._core.reading() as reader:
                if any(a.invited for a in open_applications(self._core, reader, number, named)):
                    return True
                return any(
                    not office.has_agreed(self._core, reader, draft)
                    for member in self._members(reader, number, named)
                    for draft in default_grants(self._core, reader, member, number)
                )

        return named != frozenset() and await trio.to_thread.run_sync(look)

    def _members(self, reader: Rows, number: int, named: frozenset[bytes] | None) -> list[bytes]:
        if named is not None:
            return sorted(named)
        return [member for member, _ in members.members_in(reader, number, self._core.rules)]

    def _act(
        self,
        appender: Appender,
        state: WriterState,
        number: int,
        chapter: Chapter,
        named: frozenset[bytes] | None,
    ) -> int:
        done = 0
        for application in list(open_applications(self._core, state, number, named)):
            known = members.membership(state, number, application.member, self._core.rules)
            if known != "applicant":
                continue  # admitted just now, by another code of theirs
            if application.invited and self._spend_code(state, application, chapter):
                draft = _membership_act(
                    self._core, state, number, chapter, application.member, "member.admit"
                )
                done += office.attempt(self._core, appender, state, draft)
        for member in self._members(state, number, named):
            for draft in default_grants(self._core, state, member, number):
                done += office.attempt(self._core, appender, state, draft)
        return done

    def _spend_code(self, state: WriterState, application: Application, chapter: Chapter) -> bool:
        """True iff the application proves an unspent, unexpired code of this officer."""
        entry = lanes.ENTRY.must(state, application.record)
        raw = state.raw(entry.number)
        if raw is None or raw.body is None:
            return False
        proof = codec.decode(raw.body, MemberApply).invite
        for key, value in state.settings.all().items():
            if not key.startswith(INVITE_SETTING):
                continue
            promise = json.loads(value)
            code = bytes.fromhex(key[len(INVITE_SETTING) :])
            if promise["chapter"] != chapter.name or promise["expires"] < self._core.clock():
                continue
            if proof == portable.invite_proof(self._core.community, application.member, code):
                state.settings.remove(key)
                return True
        return False
