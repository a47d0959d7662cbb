"""Members who signed two histories, and what that means for those who deal with them (R34, R35).

Rules: whoever holds a proof knows of the fork, with or without the records, and everybody who does
is told the same. Told in full are those whose trades with that account are not final, and the
officers of its chapter; others see it where they look at the member. A fork that a later grant has
named is over.

Left to others: words, and the own device that was copied (`publish`).
"""

from dataclasses import dataclass

from node.ledger import alerts, book, positions, stamps, trades
from node.ledger.positions import TRADE, Status, TradeRow
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.identity import Lane
from node.services.core import Core
from node.services.trading import accounts
from node.storage.rows import Rows
from node.views import members


@dataclass(frozen=True, slots=True)
class Exposed:
    """A member whose account lane is forked, as this home's member has to do with it."""

    member: bytes
    device: bytes
    trades: tuple[bytes, ...]  # own trades with them that are not final
    amount: int  # of the credit trades among these, minor units
    officer: bool  # this member is an officer where they trade


def exposed(core: Core, reader: Rows) -> list[Exposed]:
    """Everybody whose fork concerns this home's member, in order of id."""
    found: list[Exposed] = []
    for lane_key in sorted(_forked_lanes(reader)):
        member, device = lane_key[:32], lane_key[32:64]
        if member == core.own.member_id:
            continue
        if accounts.fork_to_pardon(core, reader, member) is None:
            continue
        open_trades = _not_final(core, reader, lane_key)
        amount = sum(row.amount for row in open_trades.values() if row.unit == CREDIT)
        officer = any(
            members.is_officer(core.rules, core.own.member_id, account.chapter)
            for account in accounts.accounts_of(core, reader, member)
            if account.lane_key == lane_key
        )
        if open_trades or officer:
            found.append(Exposed(member, device, tuple(open_trades), amount, officer))
    return found


def _forked_lanes(reader: Rows) -> set[bytes]:
    by_records = (key for key, _ in lanes.FORK.scan(reader, b"", None))
    found = {*by_records, *reader.fork_proofs.all_by_lane()}
    return {key for key in found if key[64] == Lane.ACCOUNT}


def _not_final(core: Core, reader: Rows, lane_key: bytes) -> dict[bytes, TradeRow]:
    """Own trades with a forked lane that are not done with, or that the fork makes uncertain."""
    member, found = core.own.member_id, dict[bytes, TradeRow]()
    own = accounts.own_account(core, reader)
    for _, trade in trades.MEMBER_TRADE.under(reader, member):
        row = TRADE.must(reader, trade)
        theirs = row.payee_open if row.payer == member else row.payer_open
        if lanes.key_of(reader, lanes.ENTRY.must(reader, theirs).lane) != lane_key:
            continue
        if _is_uncertain(reader, own, trade, row, gave=row.payer == member):
            found[trade] = row
    return found


def _is_uncertain(
    reader: Rows, own: accounts.Account | None, trade: bytes, row: TradeRow, *, gave: bool
) -> bool:
    commits = list(book.commits_of(reader, trade))
    if any(stamps.secured(reader, commit) for commit in commits):
        return False
    if not commits:
        if book.status_of(reader, trade) in ("released", "declined"):
            return False
        return own is not None and not _was_declined(reader, own, trade)
    if gave:
        return False  # what this member paid stands: it is on their own lane
    if own is None or row.unit != CREDIT:
        return any(alerts.beyond(reader, commit) is not None for commit in commits)
    head = lanes.ENTRY.must(reader, own.head)
    unclaimed = positions.claimed_at(reader, head, own.open, trade) is None
    return unclaimed or all(alerts.beyond(reader, commit) is not None for commit in commits)


def _was_declined(reader: Rows, own: accounts.Account, trade: bytes) -> bool:
    head = lanes.ENTRY.must(reader, own.head)
    return positions.status_at(reader, head, own.open, trade) == Status.DECLINED
