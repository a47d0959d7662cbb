"""What makes a single record count, worked out from stored bytes alone.

Rules: nothing here asks the fold's tables for anything but where a record stands and its verdict:
who signed, which limit, which stamps and which approvals a record rests on is read from the bodies
that it names. Each new record is looked at once in a life, on the first honest node that holds it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from node.ledger.positions import POSITION
from node.protocol import codec, lanes
from node.protocol.account import CREDIT, AccountClaim, AccountOpen, TradeAccept, TradePropose
from node.protocol.admission import stored_body
from node.protocol.errors import OK
from node.protocol.office import ACTS, CreditGrant, OfficeApprove, act_hash
from node.protocol.ports import Reader
from node.protocol.record import Record, parse_header
from node.protocol.shapes import Body
from simulator.broken import expect

if TYPE_CHECKING:
    from simulator.world import World

B = TypeVar("B", bound=Body)


def look_at(world: "World", reader: Reader, record: Record, verdict: str) -> None:
    """Raise `Broken` unless a record that this node holds has its grounds."""
    expect(record.id in world.signed, "forged", record.id.hex()[:8])
    if verdict == OK:
        check = _CHECKS.get(record.header.kind)
        if check is not None:
            check(world, reader, record)
        if record.header.kind in ACTS:
            _approved(world, reader, record)
    else:
        honest = record.header.signer in world.honest_keys
        expect(not honest, "void", f"{record.header.kind} by an honest member: {verdict}")


def _body(reader: Reader, record: bytes, shape: type[B]) -> B:
    return stored_body(reader, lanes.ENTRY.must(reader, record).number, shape)


def _signer(reader: Reader, record: bytes) -> tuple[bytes, bytes]:
    """Author and signer as the stored header says."""
    raw = reader.raw(lanes.ENTRY.must(reader, record).number)
    assert raw is not None
    header = parse_header(raw.header)
    return header.author, header.signer


def _path(reader: Reader, record: Record) -> list[tuple[str, bytes]]:
    """(kind, body) of the ok records from a record down its own path by `prev`."""
    found: list[tuple[str, bytes]] = []
    at: bytes | None = record.id
    while at is not None:
        entry = lanes.ENTRY.must(reader, at)
        raw = reader.raw(entry.number)
        assert raw is not None
        header = parse_header(raw.header)
        if entry.verdict == OK:
            found.append((header.kind, raw.body or b""))
        at = header.prev
    return found


def _within_limit(_: "World", reader: Reader, record: Record) -> None:
    """No ok debit takes its lane below the limit of the grant that it names."""
    body = record.body
    if isinstance(body, TradeAccept):
        terms = _body(reader, body.propose, TradePropose)
        opened, grant = terms.payer_lane, body.grant
    else:
        assert isinstance(body, TradePropose)
        terms, opened, grant = body, body.payer_lane, body.grant
    lane = lanes.key_of(reader, lanes.ENTRY.must(reader, opened).lane)
    if terms.unit != CREDIT or lane[:64] != record.header.author + record.header.signer:
        return
    expect(grant is not None, "limit", "a debit that names no grant")
    granted = _body(reader, grant or b"", CreditGrant)
    position = POSITION.must(reader, record.id)
    left = position.incoming - position.outgoing + granted.limit
    expect(granted.open == opened and left >= 0, "limit", f"{-left} below")


def _claims(_: "World", reader: Reader, record: Record) -> None:
    """Enough witnesses stamped each payment that is claimed, and none is claimed twice."""
    body = record.body
    assert isinstance(body, AccountClaim)
    for item in body.items:
        opened = _body(reader, _first(reader, item.commit), AccountOpen)
        keys = {_signer(reader, stamp)[1] for stamp in item.stamps} & set(opened.witnesses)
        expect(len(keys) >= opened.q, "quorum", f"{len(keys)} stamps of {opened.q}")
    claimed = [
        item.commit
        for kind, data in _path(reader, record)
        if kind == "account.claim"
        for item in codec.stored(data, AccountClaim).items
    ]
    expect(len(claimed) == len(set(claimed)), "claimed-twice", record.id.hex()[:8])


def _first(reader: Reader, record: bytes) -> bytes:
    """The record at seq 0 of a path."""
    while True:
        raw = reader.raw(lanes.ENTRY.must(reader, record).number)
        assert raw is not None
        prev = parse_header(raw.header).prev
        if prev is None:
            return record
        record = prev


def _approved(world: "World", reader: Reader, record: Record) -> None:
    """An ok act has k different officers: its writer, and approvals of exactly its content."""
    body, chapter = record.body, world.town.chapter
    assert isinstance(body, tuple(ACTS.values()))
    officers = {record.header.author}
    for approval in body.approvals:
        if _body(reader, approval, OfficeApprove).act == act_hash(record.header.kind, body):
            officers.add(_signer(reader, approval)[0])
    enough = len(officers & set(chapter.officers)) >= chapter.k
    expect(enough, "approvals", f"{record.header.kind} by {len(officers)} of {chapter.k}")


_CHECKS: Final[dict[str, Callable[["World", Reader, Record], None]]] = {
    "trade.propose": _within_limit,
    "trade.accept": _within_limit,
    "account.claim": _claims,
}
