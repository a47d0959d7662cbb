"""What a member is told about relays: how far a payment is confirmed, whether goods may change
hands, which relays gave contradictory confirmations, and what the own one has done.

Rules: nothing here writes or decides a verdict; a sentence never claims more than the records held
here show. A payment is spoken of by the commit that is confirmed furthest.
"""

from dataclasses import dataclass
from typing import Literal

from node.ledger import alerts, book, stamps
from node.ledger.positions import TradeRow
from node.ledger.stamps import Confirmations
from node.protocol import lanes
from node.protocol.account import CREDIT, AccountOpen
from node.protocol.admission import stored_body
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import parse_header
from node.views import chapters
from node.views.members import Rules

Goods = Literal["wait", "hand-over", "confirmed", "none"]
"""May the seller hand over? `wait`: not yet. `hand-over`: agreed, not confirmed, and the chapter
asks for no more. `confirmed`: final. `none`: nothing was paid and will be, or all went back."""


@dataclass(frozen=True, slots=True)
class Line:
    """The seller's line of a trade. `why` names its sentence in the catalogue (`goods.<why>`)."""

    goods: Goods
    why: str
    confirmations: Confirmations


def line_of(
    reader: Reader, rules: Rules, trade: bytes, row: TradeRow, status: str, given_back: int
) -> Line:
    """What the parties of a trade go by, at its status over all branches, when `given_back` minor
    units of it have been given back."""
    opened = _open_of(reader, row.payer_open)
    so_far = Confirmations(0, opened.q, len(opened.witnesses))
    if status in ("declined", "released"):
        return Line("none", status, so_far)
    if status not in ("settled", "secured"):
        return Line("wait", "unpaid", so_far)
    commits = list(book.commits_of(reader, trade))
    so_far = max((stamps.confirmations(reader, c) for c in commits), key=lambda found: found.given)
    if given_back >= row.amount:
        return Line("none", "returned", so_far)
    if status == "secured":
        return Line("confirmed", "confirmed", so_far)
    if not row.counted or all(alerts.beyond(reader, commit) for commit in commits):
        return Line("wait", "doubtful", so_far)
    if opened.q == 0:
        return Line("hand-over", "not_final", so_far)
    threshold = chapters.policy_of(reader, row.chapter, rules).secured_from
    if threshold is None or (row.unit == CREDIT and row.amount < threshold):
        return Line("hand-over", "below", so_far)
    return Line("wait", "unconfirmed", so_far)


def _open_of(reader: Reader, open_id: bytes) -> AccountOpen:
    return stored_body(reader, lanes.ENTRY.must(reader, open_id).number, AccountOpen)


@dataclass(frozen=True, slots=True)
class OwnRelay:
    """What this device has done as a relay. `last`: claimed time of its last stamp, ms, or None."""

    key: bytes
    chapters: tuple[str, ...]  # names
    stamps: int
    last: int | None
    convicted: bool


def own_relay(reader: Reader, rules: Rules, member: bytes, device: bytes) -> OwnRelay | None:
    """The relay that this device is, or None."""
    named = tuple(c.name for c in rules.genesis.chapters if device in c.witnesses)
    if not named:
        return None
    heads = lanes.heads_of(reader, member + device + bytes((Lane.WITNESS,)))
    count = max((head.seq for head in heads), default=0)  # the record at 0 opens the lane
    last = None
    if count:
        top = max(heads, key=lambda head: head.seq)
        raw = reader.raw(lanes.ENTRY.must(reader, top.id).number)
        assert raw is not None
        last = parse_header(raw.header).time
    return OwnRelay(device, named, count, last, stamps.is_convicted(reader, device))


def convicted(reader: Reader, rules: Rules, chapter: int) -> list[tuple[bytes, bytes | None]]:
    """(key, member) of a chapter's relays that stamped two contradictory histories; the member who
    runs it, where known."""
    keys = rules.genesis.chapters[chapter].witnesses
    found = [key for key in keys if stamps.is_convicted(reader, key)]
    if not found:
        return []
    owners = {
        lane_key[32:64]: lane_key[:32]
        for lane_key, _ in lanes.LANE.under(reader, b"")
        if lane_key[64] == Lane.WITNESS
    }
    return [(key, owners.get(key)) for key in found]
