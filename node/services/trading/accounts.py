"""Account lanes as people's programs choose them: which lane to use, what a new one carries, what
may be granted.

Rules: a restored or second device makes an own lane that carries every own lane known (R11, R46); a
lane is dealt with only while it has no alert; what an officer's program may not grant by itself has
a reason (R14). Nothing here signs.

Left to others: what surfaces of devices that are shut out (`late`), new keys (`renewal`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.ledger import alerts, positions, stamps
from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.account import AccountOpen
from node.protocol.admission import stored_body
from node.protocol.errors import OK, LocalFault, Void
from node.protocol.genesis import Chapter
from node.protocol.identity import Lane
from node.protocol.limits import CARRY_MAX_COUNT
from node.protocol.office import CreditGrant
from node.services.core import Core
from node.services.incoming import proofs
from node.services.publish import Draft, own_auth
from node.storage.rows import Rows
from node.views import identities, members

FOR_A_PERSON: Final = frozenset({"exposed", "contested"})
"""Why an officer's program grants nothing by itself, and an officer may."""

_OF_THE_OTHER_SIDE: Final = {
    "void": "propose-void",
    "no-grant": "payer-no-grant",
    "grant-not-current": "payer-grant-changed",
    "unclean": "payer-unclean",
    "revoked": "partner-revoked",
}


@dataclass(frozen=True, slots=True)
class Account:
    """One account lane of a member in a chapter, by one open of it."""

    member: bytes
    open: bytes  # id of the open
    lane_key: bytes
    head: bytes
    chapter: int
    revoked: bool


def accounts_of(core: Core, reader: Rows, member: bytes) -> Iterator[Account]:
    """All account lanes of a member with an ok open: one item per head."""
    for device, _, revoked in identities.devices_of(reader, member):
        lane_key = member + device + bytes((Lane.ACCOUNT,))
        for head in lanes.heads_of(reader, lane_key):
            position = POSITION.must(reader, head.id)
            if position.open:
                entry = lanes.ENTRY.must(reader, position.open)
                name = stored_body(reader, entry.number, AccountOpen).chapter
                chapter = core.rules.genesis.chapter_number(name)
                yield Account(member, position.open, lane_key, head.id, chapter, revoked)


def own_account(core: Core, reader: Rows) -> Account | None:
    """The account lane of this very device, or None before it is opened."""
    lane_key = core.own.member_id + core.own.public_key + bytes((Lane.ACCOUNT,))
    found = (a for a in accounts_of(core, reader, core.own.member_id) if a.lane_key == lane_key)
    return next(found, None)


def usable_account(core: Core, reader: Rows, member: bytes, chapter: int) -> Account:
    """The lane of a member that an honest program deals with now.

    Raises LocalFault `partner-unknown`, `partner-no-account`, or an alert (`refusal`).
    """
    if not identities.is_known(reader, member):
        raise LocalFault("partner-unknown")
    troubles: set[str] = set()
    best: tuple[bool, int, Account] | None = None
    for account in accounts_of(core, reader, member):
        if account.chapter != chapter:
            continue
        found = proofs.lane_alerts(core, reader, account.lane_key, chapter)
        if found:
            troubles |= found
            continue
        granted = members.current_act(reader, account.open, core.rules) is not None
        entry = lanes.ENTRY.must(reader, account.open)
        rank = (granted, len(positions.past_heads(reader, account.open)), entry.number)
        if best is None or rank > (best[0], best[1], lanes.ENTRY.must(reader, best[2].open).number):
            best = (granted, rank[1], account)
    if best is None:
        raise refusal(min(troubles)) if troubles else LocalFault("partner-no-account")
    return best[2]


def refusal(reason: str) -> LocalFault:
    """Why this member does not deal with the other side: an alert, or a reason of R45.

    These words also name refused records and own lacks; who is refused is told of the other side.
    """
    return LocalFault(_OF_THE_OTHER_SIDE.get(reason, reason))


def open_draft(core: Core, reader: Rows, chapter: Chapter) -> Draft:
    """The `account.open` of this device: carries every head of own account lanes (R46)."""
    body = AccountOpen(
        auth=own_auth(reader, core.own, Lane.ACCOUNT),
        carry=sorted(heads_to_carry(core, reader))[:CARRY_MAX_COUNT],
        chapter=chapter.name,
        q=chapter.q,
        witnesses=sorted(chapter.witnesses),
    )
    return Draft("account.open", body)


def heads_to_carry(core: Core, reader: Rows) -> set[bytes]:
    """What a new account of this member goes on from: the highest head of each own lane, that of a
    revoked one at its cuts, and every head that a witness stamped (R46)."""
    found: set[bytes] = set()
    for account in accounts_of(core, reader, core.own.member_id):
        top = _standing_top(reader, account.head) if account.revoked else account.head
        if top is not None and POSITION.must(reader, top).open != b"":
            found.add(top)
    return _tops(reader, found | stamped_heads(core, reader, core.own.member_id))


def _standing_top(reader: Rows, head: bytes) -> bytes | None:
    """The highest record within the cuts on the path of a revoked lane's head."""
    for record in lanes.path_down(reader, lanes.ENTRY.must(reader, head)):
        if identities.within(reader, lanes.ENTRY.must(reader, record)):
            return record
    return None


def stamped_heads(core: Core, reader: Rows, member: bytes) -> set[bytes]:
    """Heads of a member's account lanes that some witness of a chapter stamped: of those on one
    unforked lane, each witness's last."""
    witnesses = {key for chapter in core.rules.genesis.chapters for key in chapter.witnesses}
    rows = (lanes.LANE.get(reader, key) for key in _lane_keys(reader, member))
    numbers = {row.number for row in rows if row is not None}
    return {
        head
        for number in numbers
        for witness in witnesses
        for head in stamps.last_heads(reader, witness, number)
        if lanes.ENTRY.must(reader, head).lane in numbers
    }


def left_behind(core: Core, reader: Rows) -> set[bytes]:
    """R46: stamped heads of own older lanes that the account in use does not stand on: they came to
    light after a restore. Until a new account carries both, relays confirm nothing of this one."""
    own = own_account(core, reader)
    if own is None or len(list(_lane_keys(reader, own.member))) == 1:
        return set()
    lane = lanes.ENTRY.must(reader, own.head).lane
    entries = {
        head: lanes.ENTRY.must(reader, head) for head in stamped_heads(core, reader, own.member)
    }
    return {
        head
        for head, entry in entries.items()
        if entry.lane != lane and not positions.in_past(reader, entry, own.open)
    }


def _lane_keys(reader: Rows, member: bytes) -> Iterator[bytes]:
    """Keys of a member's account lanes."""
    for device, _, _ in identities.devices_of(reader, member):
        lane_key = member + device + bytes((Lane.ACCOUNT,))
        if lanes.LANE.has(reader, lane_key):
            yield lane_key


def _tops(reader: Rows, heads: set[bytes]) -> set[bytes]:
    """Heads that no other of them stands on."""
    return {
        head
        for head in heads
        if not any(
            other != head and positions.in_past(reader, lanes.ENTRY.must(reader, head), other)
            for other in heads
        )
    }


def may_be_granted(core: Core, reader: Rows, open_id: bytes) -> str | None:
    """R14, an officer's duty: None if this open may be granted without asking a person, or why not.

    `partner-no-account`, `grant-witnesses` (R15), an alert, `superseded` (another lane carries it),
    `lane-not-carried` (its past lacks a granted lane of the author), `tail-not-carried` (its past
    lacks a move there that is within or secured); and where a person decides (`FOR_A_PERSON`):
    `exposed` (a lane of the author is forked, and no grant has named that yet), `contested`.
    """
    entry = lanes.entry_of(reader, open_id)
    if entry is None or entry.kind != "account.open" or entry.verdict != OK:
        return "partner-no-account"
    lane_key = lanes.key_of(reader, entry.lane)
    body = stored_body(reader, entry.number, AccountOpen)
    chapter = core.rules.genesis.chapter_number(body.chapter)
    named = core.rules.genesis.chapters[chapter]
    if (body.q, body.witnesses) != (named.q, sorted(named.witnesses)):
        return str(Void.GRANT_WITNESSES)
    found = proofs.lane_alerts(core, reader, lane_key, chapter)
    if found:
        return min(found)
    for account in accounts_of(core, reader, lane_key[:32]):
        granted = next(members.acts_on(reader, account.open), None) is not None
        if account.open == open_id or not granted:
            continue
        if positions.in_past(reader, entry, account.open):
            return "superseded"
        other = lanes.ENTRY.must(reader, account.open)
        if not positions.in_past(reader, other, open_id):
            return "lane-not-carried"
        found |= {_tail_fault(reader, account, open_id)} - {""}
    if "tail-not-carried" not in found and fork_to_pardon(core, reader, lane_key[:32]) is not None:
        return "exposed"
    return max(found, default=None)


def _tail_fault(reader: Rows, account: Account, open_id: bytes) -> str:
    """Is a move of a granted lane outside the new open's past? What its owner stands by, or what is
    secured, comes before what is merely in doubt; empty if there is none."""
    fault = ""
    for record in lanes.path_down(reader, lanes.ENTRY.must(reader, account.head)):
        entry = lanes.ENTRY.must(reader, record)
        if positions.in_past(reader, entry, open_id):
            return fault
        if entry.kind in alerts.MOVES and entry.verdict == OK:
            if identities.within(reader, entry) or stamps.secured(reader, record):
                return "tail-not-carried"
            fault = "contested"
    return fault


def fork_to_pardon(core: Core, reader: Rows, member: bytes) -> bytes | None:
    """What a grant must name as `proof` when it is a way back: the lower id of a fork of an account
    lane of the member that no standing grant has named yet; None if there is none."""
    forks: dict[bytes, bytes] = {}
    named: set[bytes] = set()
    for account in accounts_of(core, reader, member):
        if account.lane_key not in forks:
            low = proofs.lower_id(reader, account.lane_key, core.community)
            if low is not None:
                forks[account.lane_key] = low
    if not forks:
        return None
    for open_id in {account.open for account in accounts_of(core, reader, member)}:
        for act, _ in members.acts_on(reader, open_id):
            body = stored_body(reader, lanes.ENTRY.must(reader, act).number, CreditGrant)
            if body.proof is not None and members.stands(reader, act, core.rules):
                named.add(body.proof)
    open_forks = [
        low for lane_key, low in forks.items() if not _is_named(reader, lane_key, low, named)
    ]
    return min(open_forks, default=None)


def _is_named(reader: Rows, lane_key: bytes, low: bytes, named: set[bytes]) -> bool:
    """Does one of these ids speak of a lane's fork? Lower forks of it may have come since."""
    entries = (lanes.entry_of(reader, record) for record in named)
    on_it = (e is not None and lanes.key_of(reader, e.lane) == lane_key for e in entries)
    return low in named or any(on_it)
