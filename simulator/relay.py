"""Which heads a relay's program stamps: the highest record of a path that may be stamped, where its
past holds a commit that no own stamp covers.

Rules: as the node's own duty does it; here every lane is looked at each time.
"""

from collections.abc import Iterator

from node.ledger import alerts, positions, stamps, trades
from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.views.members import Rules


def due(
    reader: Reader, witness: bytes, rules: Rules, done: set[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """(head, open) for each stamp to be made; may be read on while stamps are written.

    `done`: heads below which nothing is left to do, which stays so; kept for the next time.
    """
    account = [key for key, _ in lanes.LANE.scan(reader, b"", None) if key[64] == Lane.ACCOUNT]
    for key in account:
        for head in lanes.heads_of(reader, key):
            if head.id in done:
                continue
            opened = POSITION.must(reader, head.id).open
            if not opened or not _owes(reader, witness, head.id):
                done.add(head.id)
                continue
            for place in lanes.path_down(reader, lanes.ENTRY.must(reader, head.id)):
                if not _owes(reader, witness, place):
                    break
                if alerts.may_stamp(reader, witness, place, rules):
                    yield place, opened
                    break


def _owes(reader: Reader, witness: bytes, head: bytes) -> bool:
    """True iff the past of a head holds a commit that no own stamp covers."""
    for lane in sorted(positions.lanes_in_past(reader, head)):
        commits = [key[4:] for key, _ in trades.COMMIT_ON.under(reader, lane.to_bytes(4, "big"))]
        if not commits:
            continue
        stamped = stamps.last_heads(reader, witness, lane)
        for commit in commits:
            entry = lanes.ENTRY.must(reader, commit)
            if positions.in_past(reader, entry, head) and not any(
                positions.in_past(reader, entry, old) for old in stamped
            ):
                return True
    return False
