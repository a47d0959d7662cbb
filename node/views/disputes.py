"""Disputes: who opened one about which trade, what belongs to it, who judges, what came out.

Rules: only what a party, a mediator of the chapter or its treasury says counts; of two sayings of
one person on one thing the newest, by claimed time, then id. The panel are the first three of the
mediators' order who have taken the case; the order follows from the trade. An outcome stands when
more than half of the panel name the same one. Nothing here reads a clock: the same records give
the same case, in whatever order they came. A body that is not held has no effect.

Left to others: what the trade is (`ledger`), when a silent mediator is replaced, opening boxes,
and what to do next (`services.chapters.disputes`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from node.protocol import codec, lanes
from node.protocol.dispute import (
    KINDS,
    DisputeClose,
    DisputeErase,
    DisputeEvidence,
    DisputeOpen,
    DisputePaid,
    DisputePart,
    DisputeShare,
    DisputeTake,
    DisputeVote,
    To,
    panel_rank,
)
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.protocol.record import Record, stored_header
from node.protocol.shapes import Body, Row
from node.protocol.state import Group, Overlay, Table
from node.views import members
from node.views.chapters import policy_of
from node.views.members import Rules

PANEL_MAX_COUNT: Final = 3  # two who agree decide; more people to find would delay a case
B = TypeVar("B", bound=Body)


class PartRow(Row, frozen=True):
    """Something that belongs to a dispute: its claimed time, local number, kind."""

    time: int
    number: int
    kind: str


DISPUTE = Table("dispute", int)  # trade (32), opening's id (32) -> its local number
DISPUTE_PART = Table("dispute_part", PartRow)  # dispute (32), author (32), record id (32)
DISPUTE_ERASURE = Group("dispute_erasure", bytes)  # evidence (32), author (32), erasure id (32)


@dataclass(frozen=True, slots=True)
class Terms:
    """The trade in dispute, as the ledger has it; amount in minor units of `unit`."""

    trade: bytes
    chapter: int
    payer: bytes
    payee: bytes
    unit: str
    amount: int

    @property
    def parties(self) -> tuple[bytes, bytes]:
        """Payer and payee."""
        return self.payer, self.payee


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who should get how much, minor units; `nobody` gets 0."""

    to: To
    amount: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something said, still sealed: id, author, claimed time, and all keys that may open it."""

    id: bytes
    author: bytes
    time: int
    box: bytes
    seals: tuple[tuple[bytes, bytes, bytes], ...]  # who sealed it, for which device, sealed key


@dataclass(frozen=True, slots=True)
class Case:
    """A dispute as everybody who holds the same records sees it; members are ids."""

    id: bytes
    terms: Terms
    opener: bytes
    opened: int  # claimed time
    order: tuple[bytes, ...]  # those who may judge, as they are asked
    taken: dict[bytes, int]  # who has taken the case, with claimed time
    left: frozenset[bytes]  # who has left it to the next
    panel: tuple[bytes, ...]  # of `order`, at most `seats`
    seats: int
    votes: dict[bytes, Outcome]  # of the panel alone
    outcome: Outcome | None
    closed: bool  # withdrawn by the opener; an outcome stands nevertheless
    payments: tuple[bytes, ...]  # trades that the treasury names

    @property
    def needed(self) -> int:
        """Votes that decide."""
        return self.seats // 2 + 1

    @property
    def readers(self) -> tuple[bytes, ...]:
        """For whom evidence is sealed: the parties, the panel, and while that is not complete the
        first who are asked."""
        first = () if len(self.panel) == self.seats else self.order[: self.seats]
        asked = tuple(one for one in first if one not in self.left)
        return tuple(dict.fromkeys((*self.terms.parties, *self.panel, *asked)))


def apply_dispute(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Effect of a record of a dispute whose body is held."""
    body, author = record.body, record.header.author
    if isinstance(body, DisputeOpen):
        DISPUTE.put(overlay, body.trade + record.id, entry.number)
        overlay.changes.events.append(("dispute", record.id))
    elif isinstance(body, DisputeErase):
        DISPUTE_ERASURE.put(overlay, body.evidence + author, record.id, b"")
        target = _evidence_by(overlay, body.evidence, author)
        if target is not None:
            overlay.changes.erase.append(target.number)
        overlay.changes.events.append(("dispute", body.dispute))
    elif isinstance(body, DisputePart):
        if isinstance(body, DisputeEvidence) and is_erased(overlay, record.id, author):
            overlay.changes.erase.append(entry.number)
            return
        row = PartRow(record.header.time, entry.number, record.header.kind)
        DISPUTE_PART.put(overlay, body.dispute + author + record.id, row)
        overlay.changes.events.append(("dispute", body.dispute))


def is_erased(reader: Reader, evidence: bytes, author: bytes) -> bool:
    """True iff `author` asked to erase this evidence."""
    return DISPUTE_ERASURE.any(reader, evidence + author)


def _evidence_by(reader: Reader, evidence: bytes, author: bytes) -> Entry | None:
    entry = lanes.entry_of(reader, evidence)
    if entry is None or entry.kind != "dispute.evidence":
        return None
    return entry if lanes.author_of(reader, entry) == author else None


def forget(overlay: Overlay, record: Record) -> list[tuple[bytes, int]]:
    """Undo what a record that is dropped did (R10: beyond a cut).

    Returns (id, local number) of the evidence which only this one had asked to erase.
    """
    body, author = record.body, record.header.author
    if isinstance(body, DisputeOpen):
        DISPUTE.delete(overlay, body.trade + record.id)
    elif isinstance(body, DisputeErase):
        DISPUTE_ERASURE.delete(overlay, body.evidence + author, record.id)
        target = _evidence_by(overlay, body.evidence, author)
        if target is not None and not is_erased(overlay, body.evidence, author):
            return [(body.evidence, target.number)]
    elif isinstance(body, DisputePart):
        DISPUTE_PART.delete(overlay, body.dispute + author + record.id)
    return []


def openings(reader: Reader, trade: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
    """(trade, dispute) of everything opened (about one trade), by whomever, in order of key."""
    rows = DISPUTE.scan(reader, b"", None) if trade is None else DISPUTE.under(reader, trade)
    for key, _ in rows:
        yield key[:32], key[32:]


def opening_of(reader: Reader, dispute: bytes) -> tuple[bytes, bytes, int] | None:
    """(trade, opener, claimed time) of an opening whose body is held, or None."""
    entry = lanes.entry_of(reader, dispute)
    if entry is None or entry.kind != "dispute.open":
        return None
    raw = reader.raw(entry.number)
    if raw is None or raw.body is None:
        return None
    header = stored_header(raw.header)
    return codec.stored(raw.body, DisputeOpen).trade, header.author, header.time


def mediators(reader: Reader, terms: Terms, rules: Rules) -> tuple[bytes, ...]:
    """Who may judge this trade, as they are asked: of the chapter's list, but the parties, and
    those whom the chapter has suspended."""
    listed = set(policy_of(reader, terms.chapter, rules).mediators) - set(terms.parties)
    able = [
        one
        for one in listed
        if members.membership(reader, terms.chapter, one, rules) != "suspended"
    ]
    return tuple(sorted(able, key=lambda one: panel_rank(rules.community, terms.trade, one)))


def case_of(reader: Reader, dispute: bytes, terms: Terms, rules: Rules) -> Case | None:
    """The case, or None where the opening is not held or is not by a party of this trade."""
    found = opening_of(reader, dispute)
    if found is None or found[0] != terms.trade or found[1] not in terms.parties:
        return None
    _, opener, opened = found
    order = mediators(reader, terms, rules)
    taken: dict[bytes, int] = {}
    left: set[bytes] = set()
    for one in order:
        said = _newest(reader, dispute, one, DisputeTake)
        if said is not None and said[1].takes:
            taken[one] = said[0]
        elif said is not None:
            left.add(one)
    seats = min(PANEL_MAX_COUNT, len(order) - len(left))
    panel = tuple(one for one in order if one in taken)[:seats]
    votes = dict(_votes(reader, dispute, panel, terms))
    treasury = rules.genesis.chapters[terms.chapter].treasury
    payments = () if treasury is None else tuple(_payments(reader, dispute, treasury))
    closed = _newest(reader, dispute, opener, DisputeClose) is not None
    return Case(
        dispute, terms, opener, opened, order, taken, frozenset(left), panel, seats, votes,
        _majority(votes, seats), closed, payments,
    )  # fmt: skip


def _bodies(
    reader: Reader, dispute: bytes, author: bytes, shape: type[B]
) -> Iterator[tuple[int, bytes, B]]:
    """(claimed time, id, body) of what somebody said of one kind, where the body is held."""
    for key, row in DISPUTE_PART.under(reader, dispute + author):
        if KINDS[row.kind] is shape:
            raw = reader.raw(row.number)
            if raw is not None and raw.body is not None:
                yield row.time, key[64:], codec.stored(raw.body, shape)


def _newest(reader: Reader, dispute: bytes, author: bytes, shape: type[B]) -> tuple[int, B] | None:
    found = max(_bodies(reader, dispute, author, shape), key=lambda x: x[:2], default=None)
    return None if found is None else (found[0], found[2])


def _votes(
    reader: Reader, dispute: bytes, panel: Sequence[bytes], terms: Terms
) -> Iterator[tuple[bytes, Outcome]]:
    """The newest vote of each on the panel; one of an impossible amount is none."""
    for member in panel:
        said = _newest(reader, dispute, member, DisputeVote)
        if said is not None and is_possible(said[1].to, said[1].amount, terms):
            yield member, Outcome(said[1].to, said[1].amount)


def is_possible(to: To, amount: int, terms: Terms) -> bool:
    """True iff this may come out: nobody gets nothing, else at most what the trade was about."""
    return amount == 0 if to == "nobody" else 1 <= amount <= terms.amount


def _majority(votes: dict[bytes, Outcome], seats: int) -> Outcome | None:
    """What more than half of the seats name: at most one can be."""
    counted = Counter(votes.values()).most_common(1)
    return counted[0][0] if counted and counted[0][1] > seats // 2 else None


def _payments(reader: Reader, dispute: bytes, treasury: bytes) -> Iterator[bytes]:
    found = sorted(_bodies(reader, dispute, treasury, DisputePaid), key=lambda x: x[:2])
    yield from dict.fromkeys(body.trade for _, _, body in found)


def evidence_of(reader: Reader, case: Case, limit: int) -> list[Evidence]:
    """What the parties and the panel have said and not erased, oldest first; of each the newest
    `limit`, so that nobody can bury the others."""
    speakers = dict.fromkeys((*case.terms.parties, *case.panel))
    shares: dict[bytes, list[tuple[bytes, bytes, bytes]]] = {}
    for speaker in speakers:
        for _, _, share in sorted(
            _bodies(reader, case.id, speaker, DisputeShare), key=lambda x: x[:2]
        )[-limit * PANEL_MAX_COUNT :]:
            seals = shares.setdefault(share.evidence, [])
            seals += [(speaker, seal.device, seal.sealed) for seal in share.keys]
    found: list[Evidence] = []
    for speaker in speakers:
        said = sorted(_bodies(reader, case.id, speaker, DisputeEvidence), key=lambda x: x[:2])
        for time, record, body in said[-limit:]:
            own = [(speaker, seal.device, seal.sealed) for seal in body.keys]
            seals = (*own, *shares.get(record, ()))
            found.append(Evidence(record, speaker, time, body.box, seals))
    return sorted(found, key=lambda one: (one.time, one.id))
