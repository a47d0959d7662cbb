"""What a member or officer should know of devices, forks and doubts, kept ready for every look.

Rules: cheap enough to be asked every second: it is worked out when a commit could have changed it,
and now and then for what none names. Renewals that wait for a person are those that an officer's
program may not grant by itself (R14); their member is told the same reason.

Left to others: words; doing something about it (`renewal`, `community`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.services.chapters.community import inherited_limit
from node.services.core import Committed, Core
from node.services.incoming import proofs
from node.services.members import late
from node.services.trading import accounts, doubts, exposure
from node.storage.rows import Rows
from node.views import members

KEPT_MS: Final = 60_000  # for what no commit names, such as a stamp that makes a trade final
CHANGING: Final = frozenset(
    {
        *("fork", "home.copied", "device.added", "device.revoked", "account", "trade", "balance"),
        *("credit.grant", "member.admit", "member.suspend", "stamp"),
    }
)


@dataclass(frozen=True, slots=True)
class Renewal:
    """An account without a limit that no program grants by itself."""

    member: bytes
    open: bytes
    chapter: int
    reason: str  # as `accounts.may_be_granted` says it
    limit: int  # what the officer may want to grant, minor units
    proof: bytes | None  # what a grant would name: the lower id of a fork
    contested: tuple[bytes, ...]  # payments of the member that are in doubt

    @property
    def may_be_granted(self) -> bool:
        """True iff an officer may grant it; otherwise the member has something to do first."""
        return self.reason in accounts.FOR_A_PERSON


@dataclass(frozen=True, slots=True)
class Concerns:
    """All of it, for this home's member."""

    exposed: tuple[exposure.Exposed, ...]
    in_doubt: doubts.InDoubt  # in all chapters together
    surfaced: tuple[late.Surfaced, ...]  # and not yet answered
    behind: bool  # the own account must go on from more than it does
    renewals: int  # that wait for this officer's yes
    awaiting: str | None  # why the own new account waits for an officer
    alert: str | None  # on the own account, where its owner can mend it: `beyond-carry`, …


class Watch:
    """Keeps one node's `Concerns`. Asked by one task at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._until = -1  # when to look again, ms; -1: now
        self._found: Concerns | None = None
        core.listeners.append(self._note)

    def _note(self, committed: Committed) -> None:
        if any(name in CHANGING for name, _ in committed.events):
            self._until = -1

    def forget(self) -> None:
        """Look again the next time: something changed that no commit names."""
        self._until = -1

    def look(self) -> Concerns:
        """As of now."""
        now = self._core.clock()
        if self._found is None or now >= self._until:
            self._until = now + KEPT_MS
            with self._core.reading() as reader:
                self._found = concerns(self._core, reader)
        return self._found


def concerns(core: Core, reader: Rows) -> Concerns:
    """Work everything out."""
    chapters = range(len(core.rules.genesis.chapters))
    parts = [doubts.of_member(reader, core.own.member_id, number) for number in chapters]
    in_doubt = doubts.InDoubt(sum(p.count for p in parts), sum(p.amount for p in parts))
    own = accounts.own_account(core, reader)
    waiting = None if own is None or own.revoked else _why_ungranted(core, reader, own)
    return Concerns(
        exposed=tuple(exposure.exposed(core, reader)),
        in_doubt=in_doubt,
        surfaced=tuple(one for one in late.surfaced(core, reader) if not one.left),
        behind=late.is_behind(core, reader),
        renewals=sum(
            len(list(renewals(core, reader, number)))
            for number in chapters
            if members.is_officer(core.rules, core.own.member_id, number)
        ),
        awaiting=waiting,
        alert=None if own is None or own.revoked else _own_alert(core, reader, own),
    )


def _own_alert(core: Core, reader: Rows, own: accounts.Account) -> str | None:
    found = proofs.lane_alerts(core, reader, own.lane_key, own.chapter)
    return min(found & {"beyond-carry", "double-carry"}, default=None)


def renewals(core: Core, reader: Rows, number: int) -> Iterator[Renewal]:
    """Accounts of a chapter's members that wait for a person, in order of member: the newest one of
    each that has none with a limit."""
    chapter = core.rules.genesis.chapters[number]
    for member, state in members.members_in(reader, number, core.rules):
        if state not in ("member", "officer"):
            continue
        seen: set[bytes] = set()
        for account in accounts.accounts_of(core, reader, member):
            if account.open in seen:  # a forked lane has several heads
                continue
            seen.add(account.open)
            reason = _why_ungranted(core, reader, account)
            if account.chapter != number or account.revoked or reason is None:
                continue
            yield Renewal(
                member=member,
                open=account.open,
                chapter=number,
                reason=reason,
                limit=inherited_limit(core, reader, account, chapter),
                proof=accounts.fork_to_pardon(core, reader, member),
                contested=tuple(
                    trade
                    for trade, row in doubts.contested_trades(reader).items()
                    if row.payer == member and row.chapter == number
                ),
            )


def _why_ungranted(core: Core, reader: Rows, account: accounts.Account) -> str | None:
    """Why this account, which has no limit, gets none by itself; None if it has one or will."""
    if next(members.acts_on(reader, account.open), None) is not None:
        return None
    reason = accounts.may_be_granted(core, reader, account.open)
    return None if reason == "superseded" else reason
