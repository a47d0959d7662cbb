"""Book balances (R29-R32): committed trades, contested ones, and the sum that is always 0.

Rules: a trade is committed iff an ok COMMIT for it exists on any branch, and counts once. It is
contested iff no COMMIT of it is within its device's cuts or secured, or it refunds a contested
trade. Both sides always flip together. Balances are kept by difference; `recount` is the one place
they move. So is the number of a member's counted trades that no relays have confirmed: whoever
shows a balance can say at once how sure it is.
"""

from collections.abc import Iterable, Iterator

import msgspec

from node.ledger import positions, stamps
from node.ledger.positions import REFUND, TRADE, TradeRow
from node.ledger.trades import COMMIT, COMMIT_ON, STEP, commit_of
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.identity import Lane
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.protocol.shapes import Row
from node.protocol.state import Overlay, Table, after, u16, u64
from node.views.identities import within
from node.views.members import Rules


class TotalRow(Row, frozen=True):
    """What a member gave away and received in counted trades of one unit, minor units."""

    received: int
    given: int


class TurnoverRow(Row, frozen=True):
    """The same in credit, and how many of these trades are not secured."""

    received: int
    given: int
    unsecured: int


BOOK = Table("book", int)  # chapter (2), member (32) -> balance, minor units; zero rows are absent
CONTESTED = Table("contested", bytes)  # lane (4), commit id (32) of a contested trade -> trade id
TURNOVER = Table("turnover", TurnoverRow)  # chapter (2), member (32)
CONTRIBUTED = Table("contributed", TotalRow)  # chapter (2), member (32), unit: not credit
UNSECURED = Table("unsecured", bytes)  # lane (4), branch (4), seq (8) of a commit in credit -> id
"""Where relays confirm (q > 0). On a path, what is secured comes first: past(head) is closed."""


def commits_of(reader: Reader, trade: bytes) -> Iterator[bytes]:
    """Ids of the ok COMMIT records of a trade, on all branches."""
    for commit, _ in COMMIT.under(reader, trade):
        yield commit


def is_contested(reader: Reader, trade: bytes) -> bool:
    """R32, for a committed trade."""
    while trade:
        if not any(
            within(reader, lanes.ENTRY.must(reader, commit)) or stamps.secured(reader, commit)
            for commit in commits_of(reader, trade)
        ):
            return True
        trade = TRADE.must(reader, trade).refunded
    return False


def is_secured(reader: Reader, trade: bytes) -> bool:
    """R30 for a trade: one of its commits is final."""
    return any(stamps.secured(reader, commit) for commit in commits_of(reader, trade))


def is_final(reader: Reader, trade: bytes, row: TradeRow, rules: Rules) -> bool:
    """The same as `is_secured`, for a committed trade; by what is kept, where it is in credit."""
    if row.unit != CREDIT:
        return is_secured(reader, trade)
    if not rules.genesis.chapters[row.chapter].q:
        return False
    return any(
        not UNSECURED.has(reader, _place(lanes.ENTRY.must(reader, commit)))
        for commit in commits_of(reader, trade)
    )


def status_of(reader: Reader, trade: bytes) -> str:
    """Status across branches: secured > settled > released > declined > accepted > proposed."""
    kinds = {row.kind for _, row in STEP.under(reader, trade)}
    if any(True for _ in commits_of(reader, trade)):
        return "secured" if is_secured(reader, trade) else "settled"
    for kind, name in _UNCOMMITTED:
        if kind in kinds:
            return name
    return "proposed"


def was_declined(reader: Reader, trade: bytes) -> bool:
    """True iff the side that was asked said no, whatever the other did then."""
    return any(row.kind == "trade.decline" for _, row in STEP.under(reader, trade))


def told_status(reader: Reader, trade: bytes) -> str:
    """Status as people are told it: what was declined stays so once its payer has released it."""
    status = status_of(reader, trade)
    return "declined" if status == "released" and was_declined(reader, trade) else status


_UNCOMMITTED = (
    ("trade.release", "released"),
    ("trade.decline", "declined"),
    ("trade.accept", "accepted"),
)


def count(overlay: Overlay, trade: bytes, commit: bytes, rules: Rules) -> None:
    """A commit has arrived: what was counted stays so, one beyond a cut changes nothing."""
    entry = lanes.ENTRY.must(overlay, commit)
    first = not COMMIT.any(overlay, trade)
    COMMIT.put(overlay, trade, commit, b"")
    row = TRADE.must(overlay, trade)
    if row.unit == CREDIT and rules.genesis.chapters[row.chapter].q:
        UNSECURED.put(overlay, _place(entry), commit)  # stamps stand on what they confirm
    if row.counted:
        return
    if not within(overlay, entry):
        CONTESTED.put(overlay, entry.lane.to_bytes(4, "big") + commit, trade)
    elif first and not row.refunded:  # nearly always: nothing else can contest it
        recount(overlay, _set_counted(overlay, trade, row, True, final=False), rules)
    else:
        recount(overlay, [trade], rules)


def _place(entry: Entry) -> bytes:
    """Key of a commit in UNSECURED."""
    return entry.lane.to_bytes(4, "big") + entry.branch.to_bytes(4, "big") + u64(entry.seq)


def recount(overlay: Overlay, trades: Iterable[bytes], rules: Rules) -> None:
    """Bring `counted` and the balances in line for these trades and the refunds of them."""
    todo = list(trades)
    while todo:
        trade = todo.pop()
        row = TRADE.must(overlay, trade)
        commits = list(commits_of(overlay, trade))
        counted = bool(commits) and not is_contested(overlay, trade)
        for commit in commits:
            key = lanes.ENTRY.must(overlay, commit).lane.to_bytes(4, "big") + commit
            if not counted:
                CONTESTED.put(overlay, key, trade)
            elif not row.counted:
                CONTESTED.delete(overlay, key)
        if counted != row.counted:
            final = is_final(overlay, trade, row, rules)
            todo += _set_counted(overlay, trade, row, counted, final=final)


def _set_counted(
    overlay: Overlay, trade: bytes, row: TradeRow, counted: bool, *, final: bool
) -> list[bytes]:
    """Count a trade, or count it no more; the refunds of it, which follow it."""
    TRADE.put(overlay, trade, msgspec.structs.replace(row, counted=counted))
    if row.unit == CREDIT:
        _book(overlay, row, 1 if counted else -1, final)
    else:
        _contribute(overlay, row, 1 if counted else -1)
    overlay.changes.events.append(("balance", trade))
    return [refund for refund, _ in REFUND.under(overlay, trade)]


def _book(overlay: Overlay, row: TradeRow, sign: int, final: bool) -> None:
    amount = sign * row.amount
    for member, received, given in ((row.payer, 0, amount), (row.payee, amount, 0)):
        key = u16(row.chapter) + member
        balance = (BOOK.get(overlay, key) or 0) + received - given
        if balance:
            BOOK.put(overlay, key, balance)
        else:
            BOOK.delete(overlay, key)
        before = TURNOVER.get(overlay, key) or TurnoverRow(0, 0, 0)
        received, given = before.received + received, before.given + given
        if received or given:
            unsecured = before.unsecured + (0 if final else sign)
            TURNOVER.put(overlay, key, TurnoverRow(received, given, unsecured))
        else:
            TURNOVER.delete(overlay, key)


def _contribute(overlay: Overlay, row: TradeRow, sign: int) -> None:
    amount, unit = sign * row.amount, row.unit.encode()
    for member, received, given in ((row.payer, 0, amount), (row.payee, amount, 0)):
        key = u16(row.chapter) + member + unit
        before = CONTRIBUTED.get(overlay, key) or TotalRow(0, 0)
        after_ = TotalRow(before.received + received, before.given + given)
        if after_.received or after_.given:
            CONTRIBUTED.put(overlay, key, after_)
        else:
            CONTRIBUTED.delete(overlay, key)


def recount_device(overlay: Overlay, author: bytes, device: bytes, rules: Rules) -> None:
    """After a revocation or a cut's head arrived: every commit on the device's account lane."""
    row = lanes.LANE.get(overlay, author + device + bytes((Lane.ACCOUNT,)))
    if row is not None:
        recount_lane(overlay, row.number, rules)


def recount_lane(overlay: Overlay, lane: int, rules: Rules) -> None:
    """Every commit on a lane."""
    rows = COMMIT_ON.under(overlay, lane.to_bytes(4, "big"))
    recount(overlay, [trade for _, trade in rows], rules)


def recount_stamped(overlay: Overlay, head: bytes, witness: bytes, rules: Rules) -> None:
    """After a stamp: commits in the head's past may be secured, contested ones count then."""
    past = positions.lanes_in_past(overlay, head)
    if any(witness in chapter.witnesses for chapter in rules.genesis.chapters):
        for lane in past:
            _secure(overlay, lane.to_bytes(4, "big"), rules)
    for lane in past:
        contested = CONTESTED.under(overlay, lane.to_bytes(4, "big"))
        recount(overlay, {trade for _, trade in contested}, rules)


def _secure(overlay: Overlay, lane: bytes, rules: Rules) -> None:
    """Take what is secured now off UNSECURED: on each branch from below, up to the first that is
    not, so that a stamp costs what it secures."""
    low, high = lane, after(lane)
    while True:
        found = next(UNSECURED.scan(overlay, low, high, limit=1), None)
        if found is None:
            return
        key, commit = found
        if not stamps.secured(overlay, commit):
            beyond_branch = after(key[:8])
            assert beyond_branch is not None, "numbers of lanes and branches never run out"
            low = beyond_branch
            continue
        _confirm(overlay, key, commit, rules)
        low = key + b"\0"


def _confirm(overlay: Overlay, key: bytes, commit: bytes, rules: Rules) -> None:
    trade = commit_of(overlay, commit)
    assert trade is not None
    row = TRADE.must(overlay, trade)
    was_final = is_final(overlay, trade, row, rules)
    UNSECURED.delete(overlay, key)
    if was_final or not row.counted:
        return
    for member in (row.payer, row.payee):
        total = TURNOVER.must(overlay, u16(row.chapter) + member)
        fewer = msgspec.structs.replace(total, unsecured=total.unsecured - 1)
        TURNOVER.put(overlay, u16(row.chapter) + member, fewer)


def balance(reader: Reader, chapter: int, member: bytes) -> int:
    """Book balance in minor units."""
    return BOOK.get(reader, u16(chapter) + member) or 0


def total(reader: Reader, chapter: int, member: bytes) -> TurnoverRow:
    """A member's turnover, and how many of their counted trades are not secured."""
    return TURNOVER.get(reader, u16(chapter) + member) or TurnoverRow(0, 0, 0)


def balances(reader: Reader, chapter: int | None = None) -> Iterator[tuple[int, bytes, int]]:
    """(chapter, member, balance) of all non-zero balances, in order of key."""
    prefix = b"" if chapter is None else u16(chapter)
    rows = BOOK.under(reader, prefix) if prefix else BOOK.scan(reader, b"", None)
    for key, amount in rows:
        yield int.from_bytes(key[:2], "big"), key[2:], amount


def contributions(reader: Reader, chapter: int, member: bytes) -> dict[str, TotalRow]:
    """What a member gave and received in other units than credit, by unit."""
    prefix = u16(chapter) + member
    return {key[34:].decode(): row for key, row in CONTRIBUTED.under(reader, prefix)}
