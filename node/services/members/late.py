"""What becomes known later of own devices: records that a new account must go on from, and records
of a device that is shut out, which only its owner can call their own.

Rules: what stands (within the cuts, or seen by a witness) and is not in the own account's past has
to be carried by a new account (R46). What lies beyond the cuts stays in doubt until the owner
recognises it with their words; saying that it was not theirs is kept here and asks no more, until
more surfaces (R10). Nothing here signs.

Left to others: the new account (`renewal`), what is in doubt in the books (`doubts`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.ledger import positions, stamps, trades
from node.ledger.alerts import MOVES
from node.ledger.positions import POSITION, TRADE
from node.protocol import lanes
from node.protocol.errors import OK, LocalFault
from node.protocol.identity import Lane
from node.services.core import Core
from node.services.members.devices import BRANCHES_KEPT_MAX_COUNT, LEFT_SETTING
from node.services.publish import COPIED_HOME
from node.services.trading import accounts
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import identities


@dataclass(frozen=True, slots=True)
class Surfaced:
    """What an own device that is shut out did beyond its cuts, as far as it is known here."""

    device: bytes
    heads: tuple[bytes, ...]  # of the branches, the longest first
    payments: tuple[bytes, ...]  # trades that it paid there, and no witness confirmed; by arrival
    offers: tuple[bytes, ...]  # own proposals that it made or answered there, and did not pay
    newest: int  # local number of the newest such record
    left: bool  # the owner has seen all of this, and leaves it in doubt


def surfaced(core: Core, reader: Rows) -> list[Surfaced]:
    """For each own device that is shut out and moved beyond its cuts: what it did there."""
    member = core.own.member_id
    found = (
        _beyond(reader, member, device)
        for device, _, revoked in identities.devices_of(reader, member)
        if revoked
    )
    return [one for one in found if one is not None]


def surfaced_of(core: Core, reader: Rows, device: bytes) -> Surfaced:
    """That of one device. Raises LocalFault device-unknown, nothing-surfaced."""
    if device not in {key for key, _, _ in identities.devices_of(reader, core.own.member_id)}:
        raise LocalFault("device-unknown")
    for one in surfaced(core, reader):
        if one.device == device:
            return one
    raise LocalFault("nothing-surfaced")


def is_behind(core: Core, reader: Rows) -> bool:
    """True iff something stands that the own account, which may still sign, does not go on from
    (R46), and no witness has seen it (`accounts.left_behind` names what one has)."""
    own = accounts.own_account(core, reader)
    if own is None or own.revoked or reader.settings.get(COPIED_HOME) is not None:
        return False
    return not accounts.left_behind(core, reader) and any(
        not positions.in_past(reader, lanes.ENTRY.must(reader, head), own.head)
        for head in accounts.heads_to_carry(core, reader)
    )


def end_of(reader: Rows, found: Surfaced, through: bytes | None) -> list[bytes]:
    """Up to which records the owner recognises: all of it, or `through` a trade, its last step
    there. Raises LocalFault trade-not-there."""
    if through is None:
        return list(found.heads[:BRANCHES_KEPT_MAX_COUNT])
    on_it = [
        lanes.ENTRY.must(reader, record)
        for head in found.heads
        for record, _ in _unowned(reader, head)
        if POSITION.must(reader, record).trade == through
    ]
    if not on_it:
        raise LocalFault("trade-not-there")
    last = max(on_it, key=lambda entry: entry.seq)
    return [reader.id_of(last.number)]


def leave(state: WriterState, found: Surfaced) -> None:
    """The owner says that it was not theirs: ask no more, until more surfaces."""
    state.settings.put(LEFT_SETTING + found.device.hex(), str(found.newest))


def _unowned(reader: Rows, head: bytes) -> Iterator[tuple[bytes, lanes.Entry]]:
    """Records on the path of a revoked lane's head that nobody stands by, from the top."""
    for record in lanes.path_down(reader, lanes.ENTRY.must(reader, head)):
        entry = lanes.ENTRY.must(reader, record)
        if identities.within(reader, entry) or stamps.is_stamped(reader, record):
            return
        yield record, entry


def _beyond(reader: Rows, member: bytes, device: bytes) -> Surfaced | None:
    heads: list[tuple[int, bytes]] = []
    seen: set[bytes] = set()
    paid: dict[bytes, int] = {}
    offered: dict[bytes, int] = {}
    newest = -1
    for head in lanes.heads_of(reader, member + device + bytes((Lane.ACCOUNT,))):
        moved = False
        for record, entry in _unowned(reader, head.id):
            moved |= entry.kind in MOVES and entry.verdict == OK
            if record in seen:
                continue
            seen.add(record)
            newest = max(newest, entry.number)
            trade = POSITION.must(reader, record).trade
            if not trade or TRADE.must(reader, trade).payer != member:
                continue
            committed = trades.commit_of(reader, record) is not None
            (paid if committed else offered).setdefault(trade, entry.number)
        if moved:
            heads.append((-head.seq, head.id))
    if not heads:
        return None
    left = reader.settings.get(LEFT_SETTING + device.hex())
    return Surfaced(
        device=device,
        heads=tuple(head for _, head in sorted(heads)),
        payments=tuple(sorted(paid, key=paid.__getitem__)),
        offers=tuple(sorted(offered.keys() - paid.keys(), key=offered.__getitem__)),
        newest=newest,
        left=left is not None and int(left) >= newest,
    )
