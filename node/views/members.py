"""Chapters: acts of officers (R12-R16), who is a member, which grant counts.

Rules: an act is ok iff writer and approvers, all with ok records, are k distinct officers of the
list it names; that verdict never changes. An act *stands* iff k officers have a record within their
cuts that makes, approves or later confirms it; the current act of a subject is the standing one of
highest serial. Verdicts are given here at apply; standing and currency are computed when asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.protocol import lanes
from node.protocol.account import AccountOpen
from node.protocol.admission import stored_body
from node.protocol.errors import OK, Void
from node.protocol.genesis import Chapter, Genesis
from node.protocol.lanes import Entry
from node.protocol.office import (
    ACTS,
    ChapterClose,
    CreditGrant,
    MemberAct,
    OfficeAct,
    OfficeApprove,
    OfficePropose,
    act_hash,
    content_hash,
    proposed,
)
from node.protocol.ports import Reader
from node.protocol.record import Record
from node.protocol.shapes import Row
from node.protocol.social import MemberApply
from node.protocol.state import Overlay, Table, u16
from node.views.identities import within


class ActRow(Row, frozen=True):
    """An ok act: hash of its content, serial, number of its chapter; for grants the limit."""

    hash: bytes
    serial: int
    chapter: int
    kind: str
    limit: int


class ApplicationRow(Row, frozen=True):
    """An application's local number and claimed time."""

    number: int
    time: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What folds need to know of the community: its id and genesis document."""

    community: bytes
    genesis: Genesis


ACT = Table("act", ActRow)  # subject (`subject_of`), act id (32)
ACT_SUBJECT = Table("act_subject", bytes)  # act id (32) -> key in ACT
APPROVAL = Table("approval", bytes)  # act hash (32), approve id (32) -> officer
# chapter (2), act hash (32), propose id (32) -> officer; those without an ok act of their content
PROPOSAL = Table("proposal", bytes)
APPLICATION = Table("application", ApplicationRow)  # chapter (2), member (32), record id (32)


def member_subject(chapter: int, member: bytes) -> bytes:
    """The subject of membership acts, 34 bytes."""
    return u16(chapter) + member


def policy_subject(chapter: int) -> bytes:
    """The subject of a chapter's policies, 8 bytes."""
    return u16(chapter) + b"policy"


def close_subject(chapter: int, period: int) -> bytes:
    """The subject of the closes of one period, 11 bytes."""
    return u16(chapter) + b"close" + period.to_bytes(4, "big")


def subject_of(act: OfficeAct, chapter: int) -> bytes:
    """What an act is about: acts of one subject supersede each other."""
    if isinstance(act, CreditGrant):
        return act.open
    if isinstance(act, MemberAct):
        return member_subject(chapter, act.member)
    if isinstance(act, ChapterClose):
        return close_subject(chapter, act.period)
    return policy_subject(chapter)


def apply_office(overlay: Overlay, record: Record, entry: Entry, rules: Rules) -> str:
    """Verdict and effects of an office record."""
    author, body = record.header.author, record.body
    if not any(author in chapter.officers for chapter in rules.genesis.chapters):
        return Void.NOT_OFFICER
    if isinstance(body, OfficeApprove):
        APPROVAL.put(overlay, body.act + record.id, author)
        overlay.changes.events.append(("office.approve", body.act))
        return OK
    if isinstance(body, OfficePropose):
        return _propose(overlay, record, body, rules)
    if record.header.kind not in ACTS:
        return OK  # office.open
    assert isinstance(body, OfficeAct)
    chapter = rules.genesis.chapter(body.chapter)
    if chapter is None:
        return Void.UNKNOWN_CHAPTER
    if body.list != rules.community or author not in chapter.officers:
        return Void.NOT_OFFICER  # rules version 1 knows the genesis list alone
    digest = act_hash(record.header.kind, body)
    if _signers_at(overlay, digest, author, body.approvals, chapter) < chapter.k:
        return Void.APPROVALS
    number = rules.genesis.chapter_number(body.chapter)
    subject = subject_of(body, number)
    serial = _serial(overlay, subject, body.supersedes)
    if serial is None:
        return Void.SUPERSEDES
    limit = 0
    if isinstance(body, CreditGrant):
        reason = grant_fault(overlay, body, chapter)
        if reason is not None:
            return reason
        limit = body.limit
    row = ActRow(digest, serial, number, record.header.kind, limit)
    ACT.put(overlay, subject + record.id, row)
    ACT_SUBJECT.put(overlay, record.id, subject + record.id)
    for key, _ in list(PROPOSAL.under(overlay, u16(number) + digest)):
        PROPOSAL.delete(overlay, key)  # done: whoever asks what is open passes over nothing
    overlay.changes.events.append((record.header.kind, subject))
    return OK


def _propose(overlay: Overlay, record: Record, body: OfficePropose, rules: Rules) -> str:
    found = proposed(body.content)
    assert found is not None  # its shape was checked
    chapter = rules.genesis.chapter(found[1].chapter)
    if chapter is None:
        return Void.UNKNOWN_CHAPTER
    author = record.header.author
    if found[1].list != rules.community or author not in chapter.officers:
        return Void.NOT_OFFICER
    number = rules.genesis.chapter_number(chapter.name)
    digest = content_hash(body.content)
    acts = acts_on(overlay, subject_of(found[1], number))
    if not any(row.hash == digest for _, row in acts):
        PROPOSAL.put(overlay, u16(number) + digest + record.id, author)
    overlay.changes.events.append(("office.propose", u16(number) + digest))
    return OK


def _signers_at(
    reader: Reader, digest: bytes, author: bytes, approvals: list[bytes], chapter: Chapter
) -> int:
    """Distinct officers among the writer and the named approvals of exactly this content (R13)."""
    officers = {author}
    for approval in approvals:
        officer = APPROVAL.get(reader, digest + approval)
        if officer is not None:
            officers.add(officer)
    return len(officers & set(chapter.officers))


def _serial(reader: Reader, subject: bytes, supersedes: list[bytes]) -> int | None:
    """R16: 1 + the highest serial superseded, 0 if none; None if one is no such act."""
    serial = 0
    for act in supersedes:
        row = ACT.get(reader, subject + act)
        if row is None:
            return None
        serial = max(serial, row.serial + 1)
    return serial


def grant_fault(reader: Reader, body: CreditGrant, chapter: Chapter) -> Void | None:
    """R15: what makes a grant void."""
    entry = lanes.ENTRY.must(reader, body.open)
    if entry.kind != "account.open" or entry.verdict != OK:
        return Void.GRANT_OPEN
    opened = stored_body(reader, entry.number, AccountOpen)
    if opened.chapter != body.chapter:
        return Void.GRANT_OPEN
    if opened.q != chapter.q or opened.witnesses != sorted(chapter.witnesses):
        return Void.GRANT_WITNESSES
    own = chapter.treasury is not None and lanes.author_of(reader, entry) == chapter.treasury
    if body.limit > chapter.limit_max and not own:
        return Void.LIMIT_MAX
    return None


def stands(reader: Reader, act: bytes, rules: Rules) -> bool:
    """R16: k officers have a record within their cuts that makes, approves or confirms the act."""
    key = ACT_SUBJECT.get(reader, act)
    if key is None:
        return False
    chapter = rules.genesis.chapters[ACT.must(reader, key).chapter]
    return len(officers_of(reader, act, rules)) >= chapter.k


def officers_of(reader: Reader, act: bytes, rules: Rules) -> set[bytes]:
    """Officers of the chapter who have, within their cuts, a record that makes, approves or
    confirms this ok act."""
    row = ACT.must(reader, ACT_SUBJECT.must(reader, act))
    officers: set[bytes] = set()
    writer = lanes.ENTRY.must(reader, act)
    if within(reader, writer):
        officers.add(lanes.author_of(reader, writer))
    for approval, officer in APPROVAL.under(reader, row.hash):
        if within(reader, lanes.ENTRY.must(reader, approval[32:])):
            officers.add(officer)
    return officers & set(rules.genesis.chapters[row.chapter].officers)


def acts_on(reader: Reader, subject: bytes) -> Iterator[tuple[bytes, ActRow]]:
    """(act id, row) of all ok acts on a subject, in order of id."""
    for key, row in ACT.under(reader, subject):
        if len(key) == len(subject) + 32:
            yield key[-32:], row


def current_act(reader: Reader, subject: bytes, rules: Rules) -> tuple[bytes, ActRow] | None:
    """The standing act of highest serial; ties go to suspension, lower limit, lower id."""
    standing = [(act, row) for act, row in acts_on(reader, subject) if stands(reader, act, rules)]
    if not standing:
        return None
    return min(
        standing,
        key=lambda x: (-x[1].serial, x[1].kind != "member.suspend", x[1].limit, x[0]),
    )


def is_officer(rules: Rules, member: bytes, chapter: int) -> bool:
    """True iff the genesis names the member an officer of the chapter."""
    return member in rules.genesis.chapters[chapter].officers


def membership(reader: Reader, chapter: int, member: bytes, rules: Rules) -> str:
    """`officer`, `member`, `suspended`, `applicant` or `none`, by current acts and the genesis."""
    current = current_act(reader, member_subject(chapter, member), rules)
    if current is not None:
        if current[1].kind == "member.suspend":
            return "suspended"
        return "officer" if is_officer(rules, member, chapter) else "member"
    if is_officer(rules, member, chapter):
        return "officer"
    if next(APPLICATION.under(reader, u16(chapter) + member, limit=1), None) is not None:
        return "applicant"
    return "none"


def is_welcome(reader: Reader, member: bytes, rules: Rules) -> bool:
    """True iff some chapter has the member as officer or ever admitted them (suspended counts: what
    they wrote stays readable)."""
    return any(
        is_officer(rules, member, number)
        or next(ACT.under(reader, member_subject(number, member), limit=1), None) is not None
        for number in range(len(rules.genesis.chapters))
    )


def members_in(reader: Reader, chapter: int, rules: Rules) -> Iterator[tuple[bytes, str]]:
    """(member id, membership) of officers, admitted members and applicants, in order of id."""
    found = set(rules.genesis.chapters[chapter].officers)
    found |= {key[2:34] for key, _ in ACT.under(reader, u16(chapter)) if len(key) == 66}
    found |= {key[2:34] for key, _ in APPLICATION.under(reader, u16(chapter))}
    for member in sorted(found):
        yield member, membership(reader, chapter, member, rules)


def apply_application(overlay: Overlay, record: Record, entry: Entry, rules: Rules) -> None:
    """Effect of a `member.apply` whose body is held."""
    assert isinstance(record.body, MemberApply)
    if rules.genesis.chapter(record.body.chapter) is None:
        return
    number = rules.genesis.chapter_number(record.body.chapter)
    key = u16(number) + record.header.author + record.id
    APPLICATION.put(overlay, key, ApplicationRow(entry.number, record.header.time))
    overlay.changes.events.append(("application", record.header.author))


def forget_application(overlay: Overlay, record: Record, rules: Rules) -> None:
    """Undo a `member.apply` that is dropped."""
    body = record.body
    if isinstance(body, MemberApply) and rules.genesis.chapter(body.chapter) is not None:
        number = rules.genesis.chapter_number(body.chapter)
        APPLICATION.delete(overlay, u16(number) + record.header.author + record.id)
