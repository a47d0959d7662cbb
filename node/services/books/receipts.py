"""Receipts: a committed trade with all that proves it, as one file.

Rules: a receipt holds the closure of the commit, so that whoever has it can recompute every verdict
(L2). Where the closure is too large for a file to hand over, it holds the two lanes, the identities
and the confirmations alone: that proves that both sides signed the same terms (L1), and says so.
The order is shown only when asked for, by one who has it.

Left to others: checking (`receipt_check`), printing.
"""

from collections.abc import Iterable

from node.ledger import book, stamps
from node.ledger.positions import TRADE
from node.protocol import lanes, portable, record
from node.protocol.account import TradePropose
from node.protocol.admission import stored_body
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.limits import RECEIPT_CLOSURE_MAX_COUNT, RECEIPT_SIZE_MAX_BYTES
from node.protocol.portable import OpenOrder, Receipt
from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.services.core import Core
from node.storage.rows import Rows

BASE64_SHARE = 1.5  # text of a record to its bytes, quotes and names included


def receipt_text(core: Core, trade: bytes, *, show_order: bool = False) -> str:
    """The text of a receipt file. Raises LocalFault as `make_receipt`."""
    with core.reading() as reader:
        return portable.encode_receipt(make_receipt(core, reader, trade, show_order=show_order))


def make_receipt(core: Core, reader: Rows, trade: bytes, *, show_order: bool = False) -> Receipt:
    """The receipt of a committed trade.

    Raises LocalFault trade-unknown, not-committed, order-unknown (this home does not hold it),
    receipt-too-large (the payer's own lane alone exceeds what a file may hold).
    """
    row = TRADE.get(reader, trade)
    if row is None:
        raise LocalFault("trade-unknown")
    commit = _best_commit(reader, trade)
    order = None
    if show_order:
        terms = stored_body(reader, row.number, TradePropose)
        held = reader.orders.get(terms.order_hash)
        if held is None:
            raise LocalFault("order-unknown")
        order = OpenOrder(held.salt, held.body)
    confirmed = stamps.stamps_for(reader, commit)
    records = _closure(core, reader, [commit, *confirmed])
    if records is None:
        records = _short(core, reader, [trade, commit], confirmed)
    if records is None:
        raise LocalFault("receipt-too-large")
    return Receipt(core.home.genesis.read_bytes(), records, trade, order)


def _best_commit(reader: Reader, trade: bytes) -> bytes:
    """A confirmed commit if there is one, else the one of lowest id."""
    commits = sorted(book.commits_of(reader, trade))
    if not commits:
        raise LocalFault("not-committed")
    return next((commit for commit in commits if stamps.secured(reader, commit)), commits[0])


def _raw(reader: Reader, record_id: bytes) -> tuple[int, RawRecord]:
    number = lanes.ENTRY.must(reader, record_id).number
    raw = reader.raw(number)
    assert raw is not None, "a closure is never dropped"
    return number, raw


def _named(core: Core, reader: Reader, record_id: bytes) -> tuple[bytes, ...]:
    """What a stored record stands on, its predecessor left out."""
    body = record.parse(_raw(reader, record_id)[1], core.community).body
    return () if body is None else body.names()


def _closure(core: Core, reader: Reader, tops: Iterable[bytes]) -> tuple[RawRecord, ...] | None:
    """Everything that records rest on, each after what it names; None if that is too much."""
    found: dict[bytes, tuple[int, RawRecord]] = {}
    todo = list(tops)
    while todo:
        record_id = todo.pop()
        if record_id in found:
            continue
        found[record_id] = _raw(reader, record_id)
        parsed = record.parse(found[record_id][1], core.community)
        if parsed.header.prev is not None:
            todo.append(parsed.header.prev)
        if parsed.body is not None:
            todo.extend(parsed.body.names())
        if len(found) > RECEIPT_CLOSURE_MAX_COUNT:
            return None
    return _fitting(found)


def _short(
    core: Core, reader: Reader, steps: list[bytes], confirmed: list[bytes]
) -> tuple[RawRecord, ...] | None:
    """The steps' lanes, who may sign on them, both accounts' opens, and the confirmations."""
    named = [name for step in steps for name in _named(core, reader, step)]
    heads = [_named(core, reader, stamp)[0] for stamp in confirmed]
    wanted = [*steps, *heads, *(name for name in named if _is_account(reader, name))]
    found = {stamp: _raw(reader, stamp) for stamp in confirmed}
    for top in wanted:
        for record_id in _path(reader, top):
            if record_id in found:
                break
            found[record_id] = _raw(reader, record_id)
            if lanes.ENTRY.must(reader, record_id).kind == "account.open":
                for added in _named(core, reader, record_id)[:1]:
                    found |= {one: _raw(reader, one) for one in _path(reader, added)}
        if len(found) > RECEIPT_CLOSURE_MAX_COUNT:
            return None
    return _fitting(found)


def _path(reader: Reader, record_id: bytes) -> Iterable[bytes]:
    return lanes.path_down(reader, lanes.ENTRY.must(reader, record_id))


def _is_account(reader: Reader, record_id: bytes) -> bool:
    entry = lanes.ENTRY.must(reader, record_id)
    return lanes.key_of(reader, entry.lane)[64] == Lane.ACCOUNT


def _fitting(found: dict[bytes, tuple[int, RawRecord]]) -> tuple[RawRecord, ...] | None:
    """The records in order of arrival, unless their text would be too long."""
    records = tuple(raw for _, raw in sorted(found.values()))
    size = sum(len(part or b"") for raw in records for part in raw)
    return records if size * BASE64_SHARE <= RECEIPT_SIZE_MAX_BYTES else None
