"""What a chapter has agreed on: its policy, its closes, and what its officers are asked.

Rules: a policy and a close are acts like any other (`members`): the standing one of highest serial
counts, and no verdict rests on it. A proposal is open while there is no act of its content and an
act of it would still come after every act that stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.protocol import lanes
from node.protocol.admission import stored_body
from node.protocol.office import (
    ChapterClose,
    ChapterPolicy,
    OfficeAct,
    OfficePropose,
    content_hash,
    proposed,
)
from node.protocol.ports import Reader
from node.protocol.state import u16
from node.views import members
from node.views.identities import within
from node.views.members import ACT, APPROVAL, PROPOSAL, Rules

FAITH_DAYS: Final = 30  # two who disagree try for so long to agree by themselves


@dataclass(frozen=True, slots=True)
class Policy:
    """How members' programs act in a chapter. `act`: the record it stands on, None: the default.

    `secured_from`: minor units of credit from which goods wait for confirmation; None: never.
    """

    counts: tuple[str, ...]
    faith_days: int
    mediators: tuple[bytes, ...]
    secured_from: int | None
    act: bytes | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that an officer asks the others to agree to."""

    hash: bytes
    kind: str
    body: OfficeAct  # with no approvals
    chapter: int
    officers: frozenset[bytes]  # who agreed so far, within their cuts
    number: int  # local number of the first record that proposes it
    records: tuple[bytes, ...]  # ids of the records that propose it


def policy_of(reader: Reader, chapter: int, rules: Rules) -> Policy:
    """The policy in force. Without one: goods wait for confirmation wherever relays confirm, and
    the officers mediate.
    """
    current = members.current_act(reader, members.policy_subject(chapter), rules)
    if current is None:
        named = rules.genesis.chapters[chapter]
        secured_from = 0 if named.q else None
        return Policy((), FAITH_DAYS, tuple(sorted(named.officers)), secured_from, None)
    entry = lanes.ENTRY.must(reader, current[0])
    body = stored_body(reader, entry.number, ChapterPolicy)
    return Policy(
        tuple(body.counts),
        body.faith_days,
        tuple(body.mediators),
        body.secured_from,
        current[0],
    )


def close_of(
    reader: Reader, chapter: int, period: int, rules: Rules
) -> tuple[bytes, ChapterClose] | None:
    """(act id, body) of the close of a period (yyyymm) that stands, or None."""
    current = members.current_act(reader, members.close_subject(chapter, period), rules)
    if current is None:
        return None
    entry = lanes.ENTRY.must(reader, current[0])
    return current[0], stored_body(reader, entry.number, ChapterClose)


def periods_of(reader: Reader, chapter: int) -> list[int]:
    """Periods (yyyymm) that some ok act closed, newest first."""
    prefix = members.close_subject(chapter, 0)[:-4]
    return sorted(
        {
            int.from_bytes(key[len(prefix) : len(prefix) + 4], "big")
            for key, row in ACT.under(reader, prefix)
            if row.kind == "chapter.close"
        },
        reverse=True,
    )


def approvers(reader: Reader, act_hash: bytes) -> dict[bytes, bytes]:
    """Officer -> the lowest id of their approvals of a content that are within their cuts."""
    found: dict[bytes, bytes] = {}
    for key, officer in APPROVAL.under(reader, act_hash):
        if within(reader, lanes.ENTRY.must(reader, key[32:])):
            found.setdefault(officer, key[32:])
    return found


def proposals(reader: Reader, chapter: int, rules: Rules) -> Iterator[Proposal]:
    """Open proposals of a chapter, in order of hash."""
    last = b""
    for key, _ in PROPOSAL.under(reader, u16(chapter)):
        if key[2:34] != last:
            last = key[2:34]
            found = proposal_of(reader, chapter, last, rules)
            if found is not None:
                yield found


def proposal_of(reader: Reader, chapter: int, act_hash: bytes, rules: Rules) -> Proposal | None:
    """One open proposal, or None."""
    records = tuple(key[34:] for key, _ in PROPOSAL.under(reader, u16(chapter) + act_hash))
    records = tuple(r for r in records if within(reader, lanes.ENTRY.must(reader, r)))
    if not records:
        return None
    numbers = [lanes.ENTRY.must(reader, record).number for record in records]
    content = stored_body(reader, min(numbers), OfficePropose).content
    told = proposed(content)
    assert told is not None
    assert content_hash(content) == act_hash
    kind, body = told
    if _is_over(reader, chapter, body, rules):
        return None
    seats = rules.genesis.chapters[chapter].officers
    officers = frozenset(approvers(reader, act_hash)) & frozenset(seats)
    return Proposal(act_hash, kind, body, chapter, officers, min(numbers), records)


def _is_over(reader: Reader, chapter: int, body: OfficeAct, rules: Rules) -> bool:
    """True iff an act stands that one of this content would not come after."""
    subject = members.subject_of(body, chapter)
    acts = dict(members.acts_on(reader, subject))
    serial = max((acts[act].serial + 1 for act in body.supersedes if act in acts), default=0)
    current = members.current_act(reader, subject, rules)
    return current is not None and current[1].serial >= serial
