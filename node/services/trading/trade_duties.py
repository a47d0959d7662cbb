"""What a member's program does by itself with trades: settle what was accepted, take back what was
declined, claim what came in.

Rules: each time, only trades that are not done with are looked at, so the cost follows what is
open, not what a member ever traded. What would have no effect is left, and keeps nothing else from
being done; nothing is signed while own lanes are not known to be whole (R11), the home was copied,
or the device is shut out. Doing it twice does nothing the second time.

Left to others: when to look (`node.runtime.bridge`), steps a person takes (`trade`).
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from node.ledger import book, positions, stamps, trades
from node.ledger.positions import TRADE, Status, TradeRow
from node.protocol import admission, lanes
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    ClaimItem,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.limits import ACCOUNT_BODY_SIZE_MAX_BYTES, CLAIM_ITEMS_MAX_COUNT
from node.protocol.record import parse_header
from node.protocol.state import after, u64
from node.services.core import Committed, Core
from node.services.publish import Appender, Draft, Publisher
from node.services.trading import accounts
from node.services.trading.trade import acceptance_of
from node.storage.rows import Rows
from node.storage.state import WriterState

CLAIM_FRAME_BYTES: Final = 64  # of a claim's body beside its items
CLAIM_ITEM_BYTES: Final = 64  # of an item beside its stamps: keys of the map, commit, sizes
STAMP_BYTES: Final = 34  # an id and its length
OVER: Final = (Status.PAID, Status.RELEASED)  # a payer's trade is done with
EVENTS: Final = frozenset({"trade", "stamp", "credit.grant", "account"})


@dataclass(frozen=True, slots=True)
class Due:
    """What may be signed now: acceptances to settle, trades to release, commits to claim."""

    settle: list[bytes]
    release: list[bytes]
    claim: list[ClaimItem]


class TradeDuties:
    """Settles, releases and claims. `perform` is called by one task, never twice at once."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher
        self._open: dict[bytes, None] = {}  # own trades not done with, oldest first
        self._seen = -1  # local number of the newest proposal looked at
        self._account = b""  # the own open for which these hold

    @property
    def open_count(self) -> int:
        """Trades that were not done with at the last look: what the next one costs."""
        return len(self._open)

    def concerns(self, committed: Committed) -> bool:
        """True iff `perform` has something to look at after this commit."""
        return any(name in EVENTS for name, _ in committed.events)

    async def perform(self) -> int:
        """Settle accepted own proposals, release declined ones, claim own income; returns the
        number of records."""
        if self._core.echo_wanted or not await trio.to_thread.run_sync(self._look):
            return 0
        return await self._publisher.by_itself(self._work)

    def _look(self) -> bool:
        """Bring the open trades up to date. True iff something is due."""
        with self._core.reading() as reader:
            own = accounts.own_account(self._core, reader)
            if own is None:
                return False
            if own.open != self._account:
                self._account, self._seen = own.open, -1
                self._open.clear()
            for number, trade in _proposed_after(reader, own.member, self._seen):
                self._open[trade] = None
                self._seen = number
            for trade in [t for t in self._open if _is_over(reader, own, t)]:
                del self._open[trade]
            due = due_of(reader, own, self._open)
            return bool(due.settle or due.release or due.claim)

    def _work(self, appender: Appender, state: WriterState) -> int:
        own = accounts.own_account(self._core, state)
        if own is None or own.open != self._account:
            return 0
        due = due_of(state, own, list(self._open))
        done = sum(
            appender.attempt(Draft("trade.settle", TradeSettle(accept=accept)))
            for accept in due.settle
        )
        done += sum(
            appender.attempt(Draft("trade.release", TradeRelease(trade=trade)))
            for trade in due.release
        )
        return done + sum(_claim(appender, items) for items in claim_batches(due.claim))


def _claim(appender: Appender, items: list[ClaimItem]) -> int:
    """Claim in one record; where that would have no effect, each by itself."""
    body = AccountClaim(items=sorted(items, key=lambda item: item.commit))
    if appender.attempt(Draft("account.claim", body)):
        return 1
    if len(items) == 1:
        return 0
    return sum(_claim(appender, [item]) for item in items)


def claim_batches(items: Sequence[ClaimItem]) -> Iterator[list[ClaimItem]]:
    """Items in order, as many together as one record may hold."""
    batch: list[ClaimItem] = []
    room = ACCOUNT_BODY_SIZE_MAX_BYTES - CLAIM_FRAME_BYTES
    for item in items:
        size = CLAIM_ITEM_BYTES + STAMP_BYTES * len(item.stamps)
        if batch and (size > room or len(batch) == CLAIM_ITEMS_MAX_COUNT):
            yield batch
            batch, room = [], ACCOUNT_BODY_SIZE_MAX_BYTES - CLAIM_FRAME_BYTES
        batch.append(item)
        room -= size
    if batch:
        yield batch


def _proposed_after(reader: Rows, member: bytes, number: int) -> Iterator[tuple[int, bytes]]:
    """(local number, trade) of a member's trades that were proposed after a local number."""
    low = member + u64(number + 1)
    for key, trade in trades.MEMBER_TRADE.scan(reader, low, after(member)):
        yield int.from_bytes(key[32:], "big"), trade


def _is_over(reader: Rows, own: accounts.Account, trade: bytes) -> bool:
    """True iff this program will never have anything to do about a trade."""
    row = TRADE.must(reader, trade)
    head = lanes.ENTRY.must(reader, own.head)
    if row.payer == own.member:
        if not row.by_payer:
            return True  # an invoice: its payer accepts it, or not
        return positions.status_at(reader, head, own.open, trade) in OVER
    if row.unit != CREDIT or row.payee_open not in positions.mine(reader, own.open):
        return True
    return positions.claimed_at(reader, head, own.open, trade) is not None


def due_of(reader: Rows, own: accounts.Account, candidates: Iterable[bytes]) -> Due:
    """What is due among these trades of a member."""
    found = Due([], [], [])
    mine = positions.mine(reader, own.open)
    head = lanes.ENTRY.must(reader, own.head)
    for trade in candidates:
        row = TRADE.must(reader, trade)
        if row.payer == own.member:
            status = positions.status_at(reader, head, own.open, trade)
            if not row.by_payer or status != Status.RESERVED:
                continue
            accept = acceptance_of(reader, trade)
            if accept is None:
                if book.was_declined(reader, trade):
                    found.release.append(trade)  # what was set aside for it is free again
            elif not _too_late(reader, row, accept):
                found.settle.append(accept)
        elif row.unit == CREDIT and row.payee_open in mine:
            item = _claimable(reader, own, head, trade, row)
            if item is not None:
                found.claim.append(item)
    return found


def _too_late(reader: Rows, row: TradeRow, accept: bytes) -> bool:
    """True iff an acceptance claims to be from after the offer's end: then the payer decides."""
    until = admission.stored_body(reader, row.number, TradePropose).valid_until
    raw = reader.raw(lanes.ENTRY.must(reader, accept).number)
    return until is not None and raw is not None and parse_header(raw.header).time > until


def _claimable(
    reader: Rows, own: accounts.Account, head: lanes.Entry, trade: bytes, row: TradeRow
) -> ClaimItem | None:
    """The item that claims a trade now, or None."""
    assert row.payee == own.member
    if positions.claimed_at(reader, head, own.open, trade) is not None:
        return None
    for commit in book.commits_of(reader, trade):
        named = stamps.stamps_for(reader, commit)
        if stamps.suffice(reader, commit, named):
            return ClaimItem(commit=commit, stamps=named)
    return None
