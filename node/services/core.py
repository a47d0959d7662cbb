"""The open home that all services share: community, fold, writer, readers, signer, clock.

Rules: one `Core` a process; everything that writes goes through its writer, in one transaction with
its effects; reads are small and direct. What happens after a commit is told to `listeners`, never
done inside the transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from node.ledger import alerts
from node.ledger.alerts import CleanIncome
from node.ledger.fold import Fold
from node.protocol.errors import LocalFault
from node.protocol.ports import Clock, Reader
from node.protocol.shapes import CommunityId
from node.storage.database import Database
from node.storage.home import Home
from node.storage.reader import SqliteReader
from node.storage.search import SearchIndex
from node.storage.writer import Writer
from node.views.members import Rules
from node.wallet.signer import Signer


@dataclass(frozen=True, slots=True)
class Committed:
    """One commit, told to listeners: what was accepted, from where, and what it changed."""

    source: str  # "own", "file", or a peer id
    records: tuple[tuple[bytes, int], ...]  # (record id, local number)
    events: tuple[tuple[str, bytes], ...]


Listener = Callable[[Committed], None]


@dataclass(slots=True)
class Core:
    """Everything a service needs. Made by `open_core`."""

    home: Home
    community: CommunityId
    rules: Rules
    fold: Fold
    database: Database
    writer: Writer
    reader: SqliteReader
    search: SearchIndex
    clock: Clock
    signer: Signer | None = None
    listeners: list[Listener] = field(default_factory=list)
    echo_wanted: bool = False  # R11: account records wait until a neighbour showed our own heads
    _clean: tuple[int, CleanIncome] | None = None

    @property
    def member(self) -> bytes:
        """Own member id. Raises LocalFault `locked` while the device key is not open."""
        return self.own.member_id

    @property
    def own(self) -> Signer:
        """The signer of this device. Raises LocalFault `locked`."""
        if self.signer is None:
            raise LocalFault("locked")
        return self.signer

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """One consistent state for several reads."""
        with self.reader.snapshot():
            yield self.reader

    def clean(self, reader: Reader) -> CleanIncome:
        """Clean income (R45) as of now; kept while no alert changes."""
        epoch = alerts.epoch(reader)
        if self._clean is None or self._clean[0] != epoch:
            self._clean = (epoch, CleanIncome(self.rules))
        return self._clean[1]

    def tell(self, committed: Committed) -> None:
        """Tell all listeners of a commit."""
        for listener in self.listeners:
            listener(committed)

    def close(self) -> None:
        """Stop the writer and close the files."""
        self.search.close()
        self.writer.close()
        self.reader.close()
        self.database.close()
