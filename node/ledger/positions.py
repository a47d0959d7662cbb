"""Positions on account lanes (R18-R20): the state at every account record, kept as differences.

State at r is a map T from trades to statuses and a map of claimed trades, over path(r) and the
pasts of all heads its open carries. Statuses only ever strengthen along a path, so the state over
many tips is the strongest status found on any of them: the join of R18. `incoming` and `outgoing`
are derived from T and claims; they are cached per record and recomputed wherever lanes join.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import TypeVar

from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.protocol.shapes import Row
from node.protocol.state import Group, Overlay, Table, u64

V = TypeVar("V")


class Status(IntEnum):
    """T's values in order of strength: paid > released > reserved, offered, accepted > declined."""

    DECLINED = 0
    ACCEPTED = 1
    OFFERED = 2
    RESERVED = 3
    RELEASED = 4
    PAID = 5


HELD = (Status.RESERVED, Status.PAID)  # what counts as going out


class Position(Row, frozen=True):
    """State at one account record. A void record repeats the position of its prev.

    `trade` and `status` say what this record itself did (b"" and -1: nothing to a trade).
    """

    open: bytes  # id of the ok open at seq 0 of the path, b"" if none
    incoming: int
    outgoing: int
    serial: int  # of the last grant used on this lane, -1 if none
    limit: int
    trade: bytes
    status: int


class TradeRow(Row, frozen=True):
    """Terms of an ok proposal, and what is known of the trade over all branches."""

    number: int  # local number of the propose record
    payer: bytes  # member ids
    payee: bytes
    payer_open: bytes
    payee_open: bytes
    chapter: int
    unit: str
    amount: int
    refunded: bytes  # the trade this one refunds, b"" if none
    by_payer: bool
    counted: bool  # committed and not contested


class PastRow(Row, frozen=True):
    """All heads an open stands on, and the opens of those lanes (not its own)."""

    heads: list[bytes]
    opens: list[bytes]


POSITION = Table("position", Position)  # account record id (32)
TRADE = Table("trade", TradeRow)  # trade id (32)
TRADE_AT = Group("trade_at", int)  # lane (4), branch (4), trade (32); seq (8) -> Status
CLAIM_AT = Group("claim_at", bytes)  # lane (4), branch (4), trade (32); seq (8) -> commit id
TRADE_ON = Table(
    "trade_on", bytes
)  # lane (4), trade (32), branch (4) above 0 with such rows -> b""
PAST = Table("past", PastRow)  # open id (32); only opens that carry
CARRIER = Table("carrier", bytes)  # lane (4), open id (32) that stands on the lane -> b""
REFUND = Group("refund", bytes)  # refunded trade (32); refunding trade (32) -> b""

NOWHERE = Position(b"", 0, 0, -1, 0, b"", -1)


def position_of(reader: Reader, record: bytes) -> Position | None:
    """Position at an account record, or None if it is none."""
    return POSITION.get(reader, record)


def past_heads(reader: Reader, open_id: bytes) -> list[bytes]:
    """Heads that an open carries, through opens that they carry in turn."""
    row = PAST.get(reader, open_id)
    return [] if row is None else row.heads


def mine(reader: Reader, open_id: bytes) -> set[bytes]:
    """R18: this open and every open in its past."""
    row = PAST.get(reader, open_id)
    return {open_id} if row is None else {open_id, *row.opens}


def tips(reader: Reader, entry: Entry, open_id: bytes) -> Iterator[Entry]:
    """The place itself and the carried heads below it: together they span past(r)."""
    yield entry
    for head in past_heads(reader, open_id):
        yield lanes.ENTRY.must(reader, head)


def in_past(reader: Reader, record: Entry, of: bytes) -> bool:
    """True iff the account record is in past(of)."""
    position = POSITION.get(reader, of)
    if position is None:
        return False
    entry = lanes.ENTRY.must(reader, of)
    return any(
        lanes.is_ancestor_or_self(reader, record, tip) for tip in tips(reader, entry, position.open)
    )


def lanes_in_past(reader: Reader, of: bytes) -> set[int]:
    """Numbers of the lanes that past(of) touches."""
    entry = lanes.ENTRY.must(reader, of)
    position = POSITION.must(reader, of)
    return {tip.lane for tip in tips(reader, entry, position.open)}


def _spot(lane: int, branch: int, trade: bytes = b"") -> bytes:
    return lane.to_bytes(4, "big") + branch.to_bytes(4, "big") + trade


def _latest(reader: Reader, table: Group[V], tip: Entry, trade: bytes) -> V | None:
    """The last row of a trade on the path down from a place.

    On a forked lane only those branches are looked at where the trade occurs at all.
    """
    place: tuple[int, int] | None = (tip.branch, tip.seq)
    prefix = tip.lane.to_bytes(4, "big") + trade
    while place is not None:
        branch, top = place
        row = table.last(reader, _spot(tip.lane, branch, trade), u64(top + 1))
        if row is not None or branch == 0:
            return row
        bound = prefix + branch.to_bytes(4, "big")
        found = next(TRADE_ON.scan(reader, prefix, bound, reverse=True, limit=1), None)
        highest = 0 if found is None else int.from_bytes(found[0][36:], "big")
        place = lanes.place_on_path(reader, tip.lane, branch, top, highest)
    return None


def status_at(reader: Reader, entry: Entry, open_id: bytes, trade: bytes) -> Status | None:
    """T[trade] at a place, or None when the trade is absent there."""
    strongest: Status | None = None
    for tip in tips(reader, entry, open_id):
        found = _latest(reader, TRADE_AT, tip, trade)
        if found is not None and (strongest is None or found > strongest):
            strongest = Status(found)
    return strongest


def claimed_at(reader: Reader, entry: Entry, open_id: bytes, trade: bytes) -> bytes | None:
    """The commit under which the trade is claimed at a place, or None."""
    for tip in tips(reader, entry, open_id):
        found = _latest(reader, CLAIM_AT, tip, trade)
        if found is not None:
            return found
    return None


def _path_rows(reader: Reader, table: Group[V], tip: Entry) -> Iterator[tuple[bytes, V]]:
    """All (trade, row) of one path."""
    for branch, top in lanes.segments(reader, tip.lane, tip.branch, tip.seq):
        for key, row in table.rows.under(reader, _spot(tip.lane, branch)):
            if int.from_bytes(key[40:], "big") <= top:
                yield key[8:40], row


def trades_at(reader: Reader, entry: Entry, open_id: bytes) -> dict[bytes, Status]:
    """The whole T at a place."""
    found: dict[bytes, Status] = {}
    for tip in tips(reader, entry, open_id):
        for trade, row in _path_rows(reader, TRADE_AT, tip):
            if trade not in found or row > found[trade]:
                found[trade] = Status(row)
    return found


def claims_at(reader: Reader, entry: Entry, open_id: bytes) -> dict[bytes, bytes]:
    """All claimed trades at a place, with their commits (the lower id where two tips differ)."""
    found: dict[bytes, bytes] = {}
    for tip in tips(reader, entry, open_id):
        for trade, row in _path_rows(reader, CLAIM_AT, tip):
            found[trade] = min(row, found.get(trade, row))
    return found


def set_status(overlay: Overlay, entry: Entry, trade: bytes, status: Status) -> None:
    """T[trade] = status from this record on."""
    TRADE_AT.put(overlay, _spot(entry.lane, entry.branch, trade), u64(entry.seq), int(status))
    _note_branch(overlay, entry, trade)


def set_claimed(overlay: Overlay, entry: Entry, trade: bytes, commit: bytes) -> None:
    """claimed += trade from this record on."""
    CLAIM_AT.put(overlay, _spot(entry.lane, entry.branch, trade), u64(entry.seq), commit)
    _note_branch(overlay, entry, trade)


def _note_branch(overlay: Overlay, entry: Entry, trade: bytes) -> None:
    """Remember that a trade occurs on a branch, for `_latest`."""
    if entry.branch:
        place = entry.lane.to_bytes(4, "big") + trade + entry.branch.to_bytes(4, "big")
        TRADE_ON.put(overlay, place, b"")


def sums_at(reader: Reader, entry: Entry, open_id: bytes) -> tuple[int, int]:
    """(incoming, outgoing) recomputed from T and claims at a place: R19."""
    own = mine(reader, open_id)
    incoming = sum(TRADE.must(reader, trade).amount for trade in claims_at(reader, entry, open_id))
    outgoing = 0
    for trade, status in trades_at(reader, entry, open_id).items():
        row = TRADE.must(reader, trade)
        if status in HELD and row.unit == CREDIT and row.payer_open in own:
            outgoing += row.amount
    return incoming, outgoing
