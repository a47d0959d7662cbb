"""What waits for a person: trades to answer, and people who ask to be admitted; only counted.

Rules: cheap enough to be asked every second. A trade that was answered, or taken back, never waits
again, so only those are looked at that waited at the last look, and those proposed since. People
are counted anew when a commit could have changed them, and now and then for what none names.

Left to others: showing them (`money`, `community`), words.
"""

from typing import Final

from node.ledger import book, positions, trades
from node.ledger.positions import TRADE
from node.protocol import lanes
from node.protocol.state import after, u64
from node.services.chapters.community import open_applications
from node.services.core import Committed, Core
from node.services.trading import accounts
from node.storage.rows import Rows
from node.views import members

APPLICANTS_KEPT_MS: Final = 60_000  # for what no commit names: a dropped text, a cut of a lane
CHANGING: Final = frozenset({"application", "member.admit", "member.suspend", "device.revoked"})


class Waiting:
    """Counts for one node's owner. Asked by one task at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._trades: dict[bytes, None] = {}  # that waited at the last look
        self._seen = -1  # local number of the newest proposal looked at
        self._account = b""  # the own open for which these hold
        self._people = 0
        self._people_until = -1  # when to count people again, ms; -1: now
        core.listeners.append(self._note)

    def _note(self, committed: Committed) -> None:
        if any(name in CHANGING for name, _ in committed.events):
            self._people_until = -1

    def trades(self) -> int:
        """Proposals and invoices to this member that they have neither accepted nor declined."""
        with self._core.reading() as reader:
            own = accounts.own_account(self._core, reader)
            if own is None:
                return 0
            if own.open != self._account:
                self._account, self._seen = own.open, -1
                self._trades.clear()
            low, high = own.member + u64(self._seen + 1), after(own.member)
            for key, trade in trades.MEMBER_TRADE.scan(reader, low, high):
                self._trades[trade] = None
                self._seen = int.from_bytes(key[32:], "big")
            for trade in [t for t in self._trades if not _waits(reader, own, t)]:
                del self._trades[trade]
            return len(self._trades)

    def applicants(self) -> int:
        """People who ask to be admitted to chapters whose officer this member is."""
        now = self._core.clock()
        if now >= self._people_until:
            self._people_until = now + APPLICANTS_KEPT_MS
            with self._core.reading() as reader:
                self._people = sum(
                    len({one.member for one in open_applications(self._core, reader, number)})
                    for number in range(len(self._core.rules.genesis.chapters))
                    if members.is_officer(self._core.rules, self._core.member, number)
                )
        return self._people


def _waits(reader: Rows, own: accounts.Account, trade: bytes) -> bool:
    """True iff a trade waits for this member's yes or no."""
    row = TRADE.must(reader, trade)
    if (row.payer == own.member) == row.by_payer:
        return False  # their own offer
    head = lanes.ENTRY.must(reader, own.head)
    if positions.status_at(reader, head, own.open, trade) is not None:
        return False
    return book.status_of(reader, trade) == "proposed"
