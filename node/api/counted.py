"""How many records there are, without counting them all each time somebody asks.

Rules: counted once, then only what came since is added, for local numbers follow each other without
a gap. Records are dropped only where a device is revoked: then, and now and then for a cut that is
met later, they are counted anew.
"""

from typing import Final

from node.services.core import Committed, Core
from node.storage.rows import Rows

KEPT_MS: Final = 600_000


class Counted:
    """Counts for one node. Asked by one task at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._next = self._count = 0
        self._until_ms = -1  # when to count anew; -1: now
        core.listeners.append(self._note)

    def _note(self, committed: Committed) -> None:
        if any(name == "device.revoked" for name, _ in committed.events):
            self._until_ms = -1

    def records(self, reader: Rows) -> int:
        """Records held, as this reader sees them."""
        following, now = reader.next_number(), self._core.clock()
        if now >= self._until_ms:
            self._count, self._until_ms = reader.record_count(), now + KEPT_MS
        else:
            self._count += following - self._next
        self._next = following
        return self._count
