"""Lanes as chains with branches (R5): where a record stands, what its ancestors are, what is a
fork.

Rules: seq is dense from 0 and prev is the id at seq - 1; two ids at one seq are a fork, for ever. A
lane is kept as branches: a record that extends the tip of a branch joins it, any other starts a new
branch. So ancestry is arithmetic, in forks too. Lane and branch numbers are local and mean nothing
to other nodes. What a fork means for trade is `node.ledger`'s business.
"""

from collections.abc import Iterator, Sequence

from node.protocol import chain
from node.protocol.limits import LOCATOR_MAX_COUNT
from node.protocol.ports import HeadItem, Reader
from node.protocol.record import LANE_OF_KIND, Header, Record, parse_header
from node.protocol.shapes import RecordId, Row
from node.protocol.state import Overlay, Table, after, u40, u64


class LaneRow(Row, frozen=True):
    """A lane's local number, its count of branches, and its lowest forked seq (-1: none).

    While there is one branch, which is nearly always, its last record stands here (seq, local
    number, id; -1, -1, b"" when all were dropped): to extend it is one row read and one written.
    With more branches, heads stand in `HEAD`.
    """

    number: int
    branches: int
    fork_seq: int
    tip_seq: int
    tip_number: int
    tip: bytes


class Entry(Row, frozen=True):
    """Where a held record stands, and its verdict. `code` is its kind, or the number of a kind that
    this program knows."""

    number: int
    lane: int
    branch: int
    seq: int
    code: int | str
    verdict: str

    @property
    def kind(self) -> str:
        """The record's kind."""
        return self.code if isinstance(self.code, str) else _KINDS[self.code]


class BranchRow(Row, frozen=True):
    """The place a branch grew from: branch -1 means it starts at seq 0.

    A branch's number is above those of all branches below it. `jump` is one of them, so chosen that
    any of them is reached in a few jumps, however deep forks are nested: an author who forks a lane
    a thousand times inside itself must not make everybody else slow (skew-binary jump pointers:
    Myers, "An applicative random-access stack", 1983).
    """

    parent: int
    parent_seq: int
    depth: int  # branches below
    jump: int  # itself where there is none below


class HeadRow(Row, frozen=True):
    """A head's seq and local number."""

    seq: int
    number: int


class ForkRow(Row, frozen=True):
    """The lowest fork of a lane: the two smallest ids known at that seq."""

    seq: int
    id_a: bytes
    id_b: bytes


_KINDS = tuple(LANE_OF_KIND)
_CODES: dict[str, int] = {kind: code for code, kind in enumerate(_KINDS)}

LANE = Table("lane", LaneRow)  # lane key (65)
LANE_KEY = Table("lane_key", bytes)  # lane number (4)
ENTRY = Table("entry", Entry)  # record id (32)
BRANCH = Table("branch", BranchRow)  # lane (4), branch (4)
HEAD = Table("head", HeadRow)  # lane key (65), record id (32): of lanes with several branches
FORK = Table("fork", ForkRow)  # lane key (65)


def _branch_key(lane: int, branch: int) -> bytes:
    return lane.to_bytes(4, "big") + branch.to_bytes(4, "big")


def entry_of(reader: Reader, record: bytes) -> Entry | None:
    """The entry of a held record, or None."""
    return ENTRY.get(reader, record)


def key_of(reader: Reader, lane: int) -> bytes:
    """Lane key (65 bytes) of a local lane number."""
    return LANE_KEY.must(reader, lane.to_bytes(4, "big"))


def author_of(reader: Reader, entry: Entry) -> bytes:
    """Member id of a held record's author."""
    return key_of(reader, entry.lane)[:32]


def below(reader: Reader, before: tuple[int, bytes] | None, until_ms: int) -> bytes:
    """The bound (claimed time, local number) under which a list newest first goes on after
    `before` (time, id): one millisecond repeated when that record is no longer held."""
    top = u64(until_ms + 1)
    if before is None:
        return top
    entry = ENTRY.get(reader, before[1])
    last = u64(before[0] + 1) if entry is None else u64(before[0]) + u40(entry.number)
    return min(top, last)


def place(overlay: Overlay, record: Record, row: LaneRow | None = None) -> Entry:
    """Add a record, whose prev is held, to its lane; its verdict is still empty.

    `row`: the lane's, if it is at hand.
    """
    header = record.header
    lane_key = header.lane_key
    number, changes = overlay.next_number(), overlay.changes
    changes.number, changes.id = number, record.id
    changes.lanes.append(lane_key)
    branch, row = 0, row or LANE.get(overlay, lane_key)
    if row is None:
        row = _new_lane(overlay, lane_key)
    elif row.tip != header.prev:
        branch, row = _branch_for(overlay, record, lane_key, row)
    if row.branches == 1:
        row = LaneRow(row.number, 1, row.fork_seq, header.seq, number, record.id)
        LANE.put(overlay, lane_key, row)
    else:
        HEAD.put(overlay, lane_key + record.id, HeadRow(header.seq, number))
        if header.prev is not None:
            HEAD.delete(overlay, lane_key + header.prev)
    chain.append(overlay, row.number, branch, header.seq, number)
    code = _CODES.get(header.kind, header.kind)
    return Entry(number, row.number, branch, header.seq, code, "")


def _new_lane(overlay: Overlay, lane_key: bytes) -> LaneRow:
    last = next(iter(LANE_KEY.scan(overlay, b"", None, reverse=True, limit=1)), None)
    number = 0 if last is None else int.from_bytes(last[0], "big") + 1
    LANE_KEY.put(overlay, number.to_bytes(4, "big"), lane_key)
    return LaneRow(number, 1, -1, -1, -1, b"")


def _branch_for(
    overlay: Overlay, record: Record, lane_key: bytes, row: LaneRow
) -> tuple[int, LaneRow]:
    """The branch that a record which does not extend the tip joins or starts, and the lane's row
    after that."""
    header, branch = record.header, row.branches
    if header.prev is None:
        grown = BranchRow(-1, -1, 0, branch)
        sibling = next(firsts_of(overlay, lane_key), None)
        if sibling is None:  # all were dropped (R10)
            return 0, row
    else:
        prev = ENTRY.must(overlay, header.prev)
        above = chain.number_at(overlay, row.number, prev.branch, header.seq)
        if above is None:
            return prev.branch, row
        sibling = overlay.id_of(above)
        grown = _grown(overlay, row.number, prev)
    BRANCH.put(overlay, _branch_key(row.number, branch), grown)
    lowest = header.seq if row.fork_seq < 0 else min(row.fork_seq, header.seq)
    _note_fork(overlay, header, sibling, record.id)
    if row.tip:  # the first fork
        HEAD.put(overlay, lane_key + row.tip, HeadRow(row.tip_seq, row.tip_number))
    row = LaneRow(row.number, branch + 1, lowest, -1, -1, b"")
    LANE.put(overlay, lane_key, row)
    return branch, row


_TRUNK = BranchRow(-1, -1, 0, 0)  # branch 0, which has no row


def _branch(reader: Reader, lane: int, branch: int) -> BranchRow:
    return BRANCH.must(reader, _branch_key(lane, branch)) if branch else _TRUNK


def _grown(reader: Reader, lane: int, prev: Entry) -> BranchRow:
    """A branch that grows from a record: it jumps as far as its parent's jump does, twice over,
    where both jumps of the parent are of one length; else to the parent."""
    below = _branch(reader, lane, prev.branch)
    jumped = _branch(reader, lane, below.jump)
    again = _branch(reader, lane, jumped.jump)
    even = below.depth - jumped.depth == jumped.depth - again.depth
    return BranchRow(prev.branch, prev.seq, below.depth + 1, jumped.jump if even else prev.branch)


def _note_fork(overlay: Overlay, header: Header, sibling: bytes, own: RecordId) -> None:
    known = FORK.get(overlay, header.lane_key)
    pair = {sibling, bytes(own)}
    if known is not None:
        if known.seq < header.seq:
            return
        if known.seq == header.seq:
            pair |= {known.id_a, known.id_b}
    low, high = sorted(pair)[:2]
    FORK.put(overlay, header.lane_key, ForkRow(header.seq, low, high))
    overlay.changes.events.append(("fork", header.lane_key))


def conclude(overlay: Overlay, record: RecordId, entry: Entry, verdict: str) -> Entry:
    """Store the entry with its verdict."""
    done = Entry(entry.number, entry.lane, entry.branch, entry.seq, entry.code, verdict)
    ENTRY.put(overlay, record, done)
    overlay.changes.verdict = verdict
    return done


def segments(reader: Reader, lane: int, branch: int, seq: int) -> Iterator[tuple[int, int]]:
    """The path down from a place as (branch, highest seq on it), from the top to seq 0."""
    while branch >= 0:
        yield branch, seq
        if branch == 0:
            return
        row = BRANCH.must(reader, _branch_key(lane, branch))
        branch, seq = row.parent, row.parent_seq


def place_on_path(
    reader: Reader, lane: int, branch: int, seq: int, highest: int
) -> tuple[int, int] | None:
    """The path down from a place: its topmost piece on a branch of number `highest` or below, as
    (branch, highest seq on it); None if it ends above. A few steps, however deep the forks."""
    while branch > highest:
        row = _branch(reader, lane, branch)
        if row.jump > highest and row.jump != branch:
            branch = row.jump
        elif row.parent < 0:
            return None
        else:
            branch, seq = row.parent, row.parent_seq
    return branch, seq


def is_ancestor_or_self(reader: Reader, a: Entry, b: Entry) -> bool:
    """True iff `a` is on the path of `b` (both on one lane)."""
    if a.lane != b.lane or a.seq > b.seq:
        return False
    found = place_on_path(reader, b.lane, b.branch, b.seq, a.branch)
    return found is not None and found[0] == a.branch and a.seq <= found[1]


def path_down(reader: Reader, entry: Entry) -> Iterator[bytes]:
    """Ids on the path from a record down to seq 0, itself included."""
    seq = entry.seq
    for branch, top in segments(reader, entry.lane, entry.branch, entry.seq):
        seq = min(seq, top)
        while seq >= 0:
            number = chain.number_at(reader, entry.lane, branch, seq)
            if number is None:
                break
            yield reader.id_of(number)
            seq -= 1


def at_seq(reader: Reader, entry: Entry, seq: int) -> bytes:
    """Id at `seq` on the path of a record; `seq` is not above the record's own."""
    assert 0 <= seq <= entry.seq
    branch, row = entry.branch, _branch(reader, entry.lane, entry.branch)
    while seq <= row.parent_seq:  # it stands further down
        over = _branch(reader, entry.lane, row.jump)
        branch = row.jump if seq <= over.parent_seq and row.jump != branch else row.parent
        row = _branch(reader, entry.lane, branch)
    number = chain.number_at(reader, entry.lane, branch, seq)
    assert number is not None
    return reader.id_of(number)


def members_of(reader: Reader, lane_key: bytes) -> Iterator[bytes]:
    """All ids held on a lane, branch by branch, each in order of seq."""
    row = LANE.get(reader, lane_key)
    if row is not None:
        for number in chain.numbers_of(reader, row.number):
            yield reader.id_of(number)


def firsts_of(reader: Reader, lane_key: bytes) -> Iterator[bytes]:
    """Ids held at seq 0 of a lane: more than one means a fork there."""
    row = LANE.get(reader, lane_key)
    if row is not None:
        for branch in range(row.branches):
            first = chain.number_at(reader, row.number, branch, 0)
            if first is not None:
                yield reader.id_of(first)


def heads_of(reader: Reader, lane_key: bytes) -> list[HeadItem]:
    """Heads of one lane in order of id; more than one means a fork."""
    row = LANE.get(reader, lane_key)
    if row is None:
        return []
    if row.branches == 1:
        return [HeadItem(lane_key, RecordId(row.tip), row.tip_seq)] if row.tip else []
    return [
        HeadItem(lane_key, RecordId(key[65:]), head.seq)
        for key, head in HEAD.under(reader, lane_key)
    ]


def heads_between(reader: Reader, low: bytes, high: bytes | None) -> list[HeadItem]:
    """Heads with low <= key < high, in key order."""
    found = [
        HeadItem(key[:65], RecordId(key[65:]), row.seq) for key, row in HEAD.scan(reader, low, high)
    ]
    top = high if high is None or len(high) <= 65 else after(high[:65])
    for lane_key, row in LANE.scan(reader, low[:65], top):
        key = lane_key + row.tip
        if row.tip and key >= low and (high is None or key < high):
            found.append(HeadItem(lane_key, RecordId(row.tip), row.tip_seq))
    return sorted(found, key=lambda head: head.key)


def locator(reader: Reader, lane_key: bytes) -> list[bytes]:
    """Ids that tell what is held of a lane: heads, then doubling steps back to seq 0."""
    heads = heads_of(reader, lane_key)[: LOCATOR_MAX_COUNT // 2]
    found = {bytes(head.id): None for head in heads}
    for head in heads:
        entry = ENTRY.must(reader, head.id)
        step = 1
        while head.seq - step >= 0 and len(found) < LOCATOR_MAX_COUNT - 1:
            found[at_seq(reader, entry, head.seq - step)] = None
            step *= 2
        if len(found) < LOCATOR_MAX_COUNT:
            found[at_seq(reader, entry, 0)] = None
    return list(found)


def numbers_beyond(reader: Reader, lane_key: bytes, known: Sequence[bytes]) -> list[int]:
    """Local numbers, ascending, of the lane's records that are no ancestor-or-self of `known`."""
    row = LANE.get(reader, lane_key)
    if row is None:
        return []
    covered: dict[int, int] = {}
    for record in known:
        entry = ENTRY.get(reader, record)
        if entry is None or entry.lane != row.number:
            continue
        for branch, top in segments(reader, entry.lane, entry.branch, entry.seq):
            covered[branch] = max(top, covered.get(branch, -1))
    numbers: list[int] = []
    for branch in range(row.branches):
        numbers += chain.numbers_from(reader, row.number, branch, covered.get(branch, -1) + 1)
    return sorted(numbers)


def drop(overlay: Overlay, lane_key: bytes, doomed: set[bytes]) -> None:
    """Stop holding records of a lane; `doomed` holds every descendant of what it holds."""
    row = LANE.get(overlay, lane_key)
    if row is None or not doomed:
        return
    overlay.changes.lanes.append(lane_key)
    bereft: set[bytes] = set()
    for record in doomed:
        entry = ENTRY.must(overlay, record)
        raw = overlay.raw(entry.number)
        ENTRY.delete(overlay, record)
        chain.remove(overlay, entry.lane, entry.branch, entry.seq)
        if row.branches > 1:
            HEAD.delete(overlay, lane_key + record)
        overlay.changes.drop.append(entry.number)
        if raw is not None and entry.seq > 0:
            prev = prev_of(raw.header)
            if prev not in doomed:
                bereft.add(prev)
    if row.branches == 1:
        _set_tip(overlay, lane_key, row, next(iter(bereft), None))
        return
    for record in bereft:
        _head_if_childless(overlay, lane_key, record)


def _set_tip(overlay: Overlay, lane_key: bytes, row: LaneRow, tip: bytes | None) -> None:
    """After a drop on a lane of one branch: its last record, None when nothing is left."""
    seq, number = -1, -1
    if tip is not None:
        entry = ENTRY.must(overlay, tip)
        seq, number = entry.seq, entry.number
    LANE.put(
        overlay, lane_key, LaneRow(row.number, 1, row.fork_seq, seq, number, bytes(tip or b""))
    )


def _head_if_childless(overlay: Overlay, lane_key: bytes, record: bytes) -> None:
    entry = ENTRY.must(overlay, record)
    row = LANE.must(overlay, lane_key)
    if chain.number_at(overlay, entry.lane, entry.branch, entry.seq + 1) is not None:
        return
    for branch in range(1, row.branches):
        parent = BRANCH.must(overlay, _branch_key(row.number, branch))
        grew_here = (parent.parent, parent.parent_seq) == (entry.branch, entry.seq)
        if not grew_here:
            continue
        if chain.number_at(overlay, row.number, branch, entry.seq + 1) is not None:
            return
    HEAD.put(overlay, lane_key + record, HeadRow(entry.seq, entry.number))


def prev_of(header: bytes) -> bytes:
    """`prev` of stored header bytes at seq > 0."""
    prev = parse_header(header).prev
    assert prev is not None
    return prev
