"""Witness stamps (R30, R36): which commits are secured, and which witnesses lied.

Rules: a stamp says that a witness holds the closure of a head and knows nothing beside it. Enough
stamps over heads whose past holds a commit make it final. Two own stamps on conflicting heads
convict the witness. Which head a relay may stamp is in `alerts`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.ledger import positions
from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.account import AccountOpen
from node.protocol.admission import stored_body
from node.protocol.errors import OK, Void
from node.protocol.lanes import Entry
from node.protocol.office import WitnessStamp
from node.protocol.ports import Reader
from node.protocol.record import Record
from node.protocol.shapes import Row
from node.protocol.state import Overlay, Table, after, u64


class StampRow(Row, frozen=True):
    """A stamp: the witness key and the stamped head."""

    witness: bytes
    head: bytes


STAMP = Table("stamp", StampRow)  # stamp id (32)
STAMP_BY = Table("stamp_by", bytes)  # witness, lane in past, lane (4), seq (8), stamp id -> head
CONVICTED = Table("convicted", bytes)  # witness key (32) -> b""


def apply_witness(overlay: Overlay, record: Record, entry: Entry) -> str:
    """Verdict and effects of a witness record."""
    body = record.body
    if not isinstance(body, WitnessStamp):
        return OK  # witness.open
    position = POSITION.get(overlay, body.head)
    if position is None or position.open != body.open:
        return Void.STAMP
    row = StampRow(record.header.signer, body.head)
    if next(rivals(overlay, row.witness, body.head), None) is not None:
        CONVICTED.put(overlay, row.witness, b"")
    STAMP.put(overlay, record.id, row)
    head = lanes.ENTRY.must(overlay, body.head)
    place = head.lane.to_bytes(4, "big") + u64(head.seq) + record.id
    for lane in positions.lanes_in_past(overlay, body.head):
        STAMP_BY.put(overlay, row.witness + lane.to_bytes(4, "big") + place, body.head)
    overlay.changes.events.append(("stamp", body.head))
    return OK


def _open_of(reader: Reader, commit: bytes) -> AccountOpen:
    open_id = POSITION.must(reader, commit).open
    return stored_body(reader, lanes.ENTRY.must(reader, open_id).number, AccountOpen)


def suffice(reader: Reader, commit: bytes, stamps: list[bytes]) -> bool:
    """R27: do these stamps come from at least q witnesses of the commit's lane, over its future?"""
    opened = _open_of(reader, commit)
    entry = lanes.ENTRY.must(reader, commit)
    found = set[bytes]()
    for stamp in stamps if opened.q else ():
        row = STAMP.get(reader, stamp)
        if row is not None and positions.in_past(reader, entry, row.head):
            found.add(row.witness)
    return len(found & set(opened.witnesses)) >= opened.q


def secured(reader: Reader, commit: bytes) -> bool:
    """R30: enough stamps are known over heads whose past holds the commit; none are if q = 0."""
    return confirmations(reader, commit).enough


@dataclass(frozen=True, slots=True)
class Confirmations:
    """How far a commit is confirmed: `given` of `relays` witnesses, of whom `needed` must."""

    given: int
    needed: int
    relays: int

    @property
    def enough(self) -> bool:
        """True iff the commit is secured."""
        return 0 < self.needed <= self.given


def confirmations(reader: Reader, commit: bytes) -> Confirmations:
    """The witnesses of a commit's lane that have stamped over it."""
    opened = _open_of(reader, commit)
    entry = lanes.ENTRY.must(reader, commit)
    covering = (_covering(reader, witness, entry) is not None for witness in opened.witnesses)
    return Confirmations(sum(covering), opened.q, len(opened.witnesses))


def is_stamped(reader: Reader, record: bytes) -> bool:
    """True iff a witness of its open has stamped a head whose past holds this account record."""
    if POSITION.must(reader, record).open == b"":
        return False
    entry = lanes.ENTRY.must(reader, record)
    witnesses = _open_of(reader, record).witnesses
    return any(_covering(reader, witness, entry) is not None for witness in witnesses)


def stamps_for(reader: Reader, commit: bytes) -> list[bytes]:
    """Ids of known stamps that secure a commit, one a witness, ascending: what a claim names."""
    entry = lanes.ENTRY.must(reader, commit)
    witnesses = _open_of(reader, commit).witnesses
    found = (_covering(reader, witness, entry) for witness in witnesses)
    return sorted(stamp for stamp in found if stamp is not None)


def _covering(reader: Reader, witness: bytes, commit: Entry) -> bytes | None:
    """A stamp of a witness over a head whose past holds the commit: the nearest on its own lane, so
    that a claim stands on as little as can be, else one on a lane that carries it.
    """
    lane = commit.lane.to_bytes(4, "big")
    start = witness + lane + lane + u64(commit.seq)
    while True:
        row = next(STAMP_BY.scan(reader, start, after(witness + lane + lane), limit=1), None)
        if row is None:
            break
        key, head = row
        if positions.in_past(reader, commit, head):
            return key[48:]
        start = key + b"\0"  # a head on another branch
    for stamp, head in _last_stamps(reader, witness + lane):
        if positions.in_past(reader, commit, head):
            return stamp
    return None


def conflict(reader: Reader, head_a: bytes, head_b: bytes) -> bool:
    """R18: the pasts share a lane and neither head is in the other's past."""
    a, b = (lanes.ENTRY.must(reader, head) for head in (head_a, head_b))
    if positions.in_past(reader, a, head_b) or positions.in_past(reader, b, head_a):
        return False
    shared = positions.lanes_in_past(reader, head_a) & positions.lanes_in_past(reader, head_b)
    return bool(shared)


def rivals(reader: Reader, witness: bytes, head: bytes) -> Iterator[bytes]:
    """Stamps of a witness on heads that conflict with this one (of several on one unforked lane the
    last alone: what the others hold, it holds).
    """
    for lane in positions.lanes_in_past(reader, head):
        for stamp, old in _last_stamps(reader, witness + lane.to_bytes(4, "big")):
            if conflict(reader, old, head):
                yield stamp


def last_heads(reader: Reader, witness: bytes, lane: int) -> list[bytes]:
    """Heads that a witness stamped whose pasts hold a lane (its number): the last of each unforked
    lane, which holds all before it.
    """
    prefix = witness + lane.to_bytes(4, "big")
    return [head for _, head in _last_stamps(reader, prefix)]


def _last_stamps(reader: Reader, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(stamp, head) under a prefix of STAMP_BY: the last of each unforked lane, all of a forked."""
    top = after(prefix)
    while True:
        row = next(STAMP_BY.scan(reader, prefix, top, reverse=True, limit=1), None)
        if row is None:
            return
        key, head = row
        yield key[48:], head
        lane_key = lanes.key_of(reader, int.from_bytes(key[36:40], "big"))
        top = key[:40] if lanes.LANE.must(reader, lane_key).fork_seq < 0 else key


def is_convicted(reader: Reader, witness: bytes) -> bool:
    """R36: two own stamps on conflicting heads are known."""
    return CONVICTED.has(reader, witness)
