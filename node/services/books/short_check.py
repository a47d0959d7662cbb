"""The short check: what came since the last one, and whether all balances add up.

Rules: records that were found sound are not read again; every trade is added up every time, and
balances, turnovers and what is not confirmed must come out as they stand. It trusts verdicts, which
were computed here when records arrived, and the signatures that were checked then. Cut short, it
goes on where it was.

Left to others: believing nothing (`scratch_check`), telling the user.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from node.ledger import book
from node.ledger.positions import TRADE, TradeRow
from node.ledger.trades import COMMIT, commit_of
from node.ledger.verify import Doubt
from node.protocol import lanes
from node.protocol.account import CREDIT, TradeAccept, TradeSettle
from node.protocol.admission import stored_body
from node.protocol.crypto import record_id, sha256
from node.protocol.errors import RemoteFault
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, parse_header
from node.protocol.state import Table, u16
from node.services.books.found import Progress, Verification
from node.services.core import Core
from node.storage.rows import Rows
from node.storage.schema import fold_table
from node.views.identities import REVOKED

V = TypeVar("V")
PAGE_ROWS_COUNT: Final = 2_000
COMMITTING: Final = (b"trade.accept", b"trade.settle")

Keep = Callable[[int], None]
"""Told up to where records are sound: a local number."""


def check(
    core: Core, reader: Rows, found: Verification, first: int, progress: Progress, keep: Keep
) -> None:
    """Look at the records from local number `first` on, then add up all trades."""
    records = reader.record_count() - reader.record_count_below(first)
    total = records + _count(reader, TRADE)
    for number, done in _look_at_records(core, reader, found, first):
        progress(done, total)
        if found.ok:
            keep(number)
    found.checked = records
    _add_up(core, reader, found, lambda done: progress(records + done, total))
    progress(total, total)
    for lane_key, _ in lanes.LANE.every(reader):
        found.accounts += lane_key[64] == Lane.ACCOUNT


def _count(reader: Rows, table: Table[V]) -> int:
    return reader.connection.execute(f"SELECT count(*) FROM {fold_table(table.name)}").fetchone()[0]


# --- records --------------------------------------------------------------------------------------
def _look_at_records(
    core: Core, reader: Rows, found: Verification, first: int
) -> Iterator[tuple[int, int]]:
    """(number from which nothing was looked at yet, records done), a page at a time."""
    last, done = first - 1, 0
    while page := reader.records_after(last, PAGE_ROWS_COUNT):
        ids = [record_id(core.community, raw.header) for _, raw in page]
        entries = {
            key: lanes.ENTRY.read(row) for key, row in reader.get_many(lanes.ENTRY.name, ids)
        }
        for (number, raw), one in zip(page, ids, strict=True):
            entry = entries.get(one)
            if not _is_whole(raw):
                found.doubt(Doubt.BYTES, f"#{number}")
            elif entry is None or entry.number != number:
                found.doubt(Doubt.LOST, one)
            elif any(kind in raw.header for kind in COMMITTING):
                check_commit(reader, one, found)
        last, done = page[-1][0], done + len(page)
        yield last + 1, done


def _is_whole(raw: RawRecord) -> bool:
    """A body is the one that its header names. (Headers are checked by their ids.)"""
    try:
        header = parse_header(raw.header)
    except RemoteFault:
        return False
    return raw.body is None or (
        len(raw.body) == header.body_size and sha256(raw.body) == header.body_hash
    )


def check_commit(reader: Reader, record: bytes, found: Verification) -> None:
    """L1: a record that commits a trade, its acceptance and its proposal are by the right sides."""
    try:
        trade = commit_of(reader, record)
        if trade is not None and not _is_signed(reader, trade, TRADE.must(reader, trade), record):
            found.doubt(Doubt.UNSIGNED, record)
    except (AssertionError, RemoteFault):  # a row or record that others rest on is not there
        found.doubt(Doubt.LOST, record)


def _is_signed(reader: Reader, trade: bytes, row: TradeRow, commit: bytes) -> bool:
    entry = lanes.ENTRY.must(reader, commit)
    accept = commit
    if entry.kind == "trade.settle":
        accept = stored_body(reader, entry.number, TradeSettle).accept
        if lanes.author_of(reader, lanes.ENTRY.must(reader, accept)) != row.payee:
            return False
    accepted = lanes.ENTRY.must(reader, accept)
    proposer = row.payer if row.by_payer else row.payee
    return (
        lanes.author_of(reader, entry) == row.payer
        and stored_body(reader, accepted.number, TradeAccept).propose == trade
        and lanes.author_of(reader, lanes.ENTRY.must(reader, trade)) == proposer
    )


# --- trades ---------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Sums:
    """What balances and turnovers should be, by chapter and member (other units: and unit)."""

    balance: Counter[bytes] = field(default_factory=Counter[bytes])
    received: Counter[bytes] = field(default_factory=Counter[bytes])
    given: Counter[bytes] = field(default_factory=Counter[bytes])
    unsecured: Counter[bytes] = field(default_factory=Counter[bytes])

    def contribute(self, row: TradeRow) -> None:
        """A counted trade in another unit."""
        unit = row.unit.encode()
        self.given[u16(row.chapter) + row.payer + unit] += row.amount
        self.received[u16(row.chapter) + row.payee + unit] += row.amount

    def add(self, row: TradeRow, waits: bool) -> None:
        """A counted trade in credit."""
        payer, payee = u16(row.chapter) + row.payer, u16(row.chapter) + row.payee
        self.balance[payer] -= row.amount
        self.balance[payee] += row.amount
        self.given[payer] += row.amount
        self.received[payee] += row.amount
        if waits:
            self.unsecured[payer] += 1
            self.unsecured[payee] += 1


def _add_up(core: Core, reader: Rows, found: Verification, progress: Callable[[int], None]) -> None:
    """Sum every counted trade, and compare with what stands."""
    sums, done = _Sums(), 0
    waiting = {commit for _, commit in book.UNSECURED.every(reader)}
    cut = {key[:32] for key, _ in REVOKED.every(reader)}
    for page in TRADE.pages(reader):
        commits: dict[bytes, list[bytes]] = {}
        high = page[-1][0] + b"\xff" * 33
        for key, _ in COMMIT.rows.scan(reader, page[0][0], high):
            commits.setdefault(key[:32], []).append(key[32:])
        for trade, row in page:
            named = commits.get(trade, [])
            found.trades += bool(named)
            _check_count(reader, trade, row, bool(named), row.payer in cut, found)
            if row.unit != CREDIT:
                if row.counted:
                    sums.contribute(row)
                continue
            relays = core.rules.genesis.chapters[row.chapter].q > 0
            waits = not relays or waiting.issuperset(named)
            if named and waits:
                found.unconfirmed[row.chapter] = found.unconfirmed.get(row.chapter, 0) + 1
            if row.counted:
                sums.add(row, waits)
        done += len(page)
        progress(done)
    _compare_balances(core, reader, sums, found)
    _compare_turnovers(reader, sums, found)


def _check_count(
    reader: Reader, trade: bytes, row: TradeRow, committed: bool, cut: bool, found: Verification
) -> None:
    """Counted are those that are committed and not contested. Only a cut can contest a trade, on
    the payer's lane or of the trade that it refunds."""
    try:
        right = committed
        if committed and (cut or row.refunded or not row.counted):
            right = not book.is_contested(reader, trade)
        if row.counted != right:
            found.doubt(Doubt.COUNT, trade)
    except (AssertionError, RemoteFault):
        found.doubt(Doubt.LOST, trade)


def _compare_balances(core: Core, reader: Reader, sums: _Sums, found: Verification) -> None:
    left = dict(sums.balance)
    for chapter, member, amount in book.balances(reader):
        found.sum_of_balances += amount
        if left.pop(u16(chapter) + member, 0) != amount:
            found.doubt(Doubt.BALANCE, member)
    for key, amount in left.items():
        if amount:
            found.doubt(Doubt.BALANCE, key[2:])
    for number, chapter in enumerate(core.rules.genesis.chapters):
        if sum(amount for _, _, amount in book.balances(reader, number)):
            found.doubt(Doubt.BALANCE, chapter.name)


def _compare_turnovers(reader: Reader, sums: _Sums, found: Verification) -> None:
    left = sums.received.keys() | sums.given.keys()
    for key, row in book.TURNOVER.every(reader):
        left.discard(key)
        wanted = (sums.received[key], sums.given[key], sums.unsecured[key])
        if (row.received, row.given, row.unsecured) != wanted:
            found.doubt(Doubt.BALANCE, key[2:])
    for key, row in book.CONTRIBUTED.every(reader):
        left.discard(key)
        if (row.received, row.given) != (sums.received[key], sums.given[key]):
            found.doubt(Doubt.BALANCE, key[2:34])
    for key in left:
        found.doubt(Doubt.BALANCE, key[2:34])
