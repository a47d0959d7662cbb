"""The open home that all services share: community, fold, writer, readers, signer, clock.

Rules: one `Core` a process; everything that writes goes through its writer, in one transaction with
its effects; reads are small and direct. What happens after a commit is told to `listeners`, never
done inside the transaction. The caller holds the home's lock.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from node.ledger import alerts
from node.ledger.alerts import CleanIncome
from node.ledger.fold import FOLD_VERSION, Fold
from node.protocol import genesis as genesis_document
from node.protocol.errors import LocalFault, StorageFault, WetalkError
from node.protocol.ports import Clock, Reader
from node.protocol.shapes import CommunityId
from node.services import missing
from node.services.missing import NOTHING, Missing
from node.services.rebuild import rebuild_state
from node.storage.database import Database, Report
from node.storage.errors import SQLITE_ERRORS, Problem, fault_of
from node.storage.home import Home
from node.storage.pictures import PictureStore
from node.storage.reader import SqliteReader
from node.storage.writer import Writer
from node.views.members import Rules
from node.wallet.signer import Signer


def now_ms() -> int:
    """The clock: milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Committed:
    """One commit, told to listeners: what was accepted, from where, and what it changed."""

    source: str  # "own", "file", or a peer id
    records: tuple[tuple[bytes, int], ...]  # (record id, local number)
    events: tuple[tuple[str, bytes], ...]
    lanes: frozenset[bytes] = frozenset()  # keys of lanes whose heads changed


Listener = Callable[[Committed], None]


@dataclass(slots=True)
class Core:
    """Everything a service needs. Made by `open_core`."""

    home: Home
    community: CommunityId
    rules: Rules
    fold: Fold
    database: Database
    clock: Clock = now_ms
    signer: Signer | None = None
    listeners: list[Listener] = field(default_factory=list[Listener])
    closers: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    echo_wanted: bool = False  # R11: account records wait until a neighbour showed our own heads
    missing: Missing = NOTHING  # what a mended home waits for before it signs
    damaged: bool = False  # something stored is not what it was: the home must be mended
    suspected: bool = False  # something failed that should not: a flipped bit may be why
    _clean: tuple[int, CleanIncome] | None = None
    pictures: PictureStore = field(init=False)

    def __post_init__(self) -> None:
        self.pictures = PictureStore(self.home, self.clock)

    @property
    def writer(self) -> Writer:
        """The one writer."""
        return self.database.writer

    @property
    def reader(self) -> SqliteReader:
        """This thread's reader for single reads."""
        return self.database.reader()

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

    @property
    def is_witness(self) -> bool:
        """True iff the founders named the key of this device as that of a relay that confirms."""
        chapters = self.rules.genesis.chapters
        return self.signer is not None and any(
            self.signer.public_key in chapter.witnesses for chapter in chapters
        )

    @contextmanager
    def reading(self) -> Generator[SqliteReader]:
        """One consistent state for several reads."""
        with self.database.snapshot() as reader:
            yield reader

    def clean(self, reader: Reader) -> CleanIncome:
        """Clean income (R45) as of now; kept while no alert changes."""
        epoch = alerts.epoch(reader)
        if self._clean is None or self._clean[0] != epoch:
            self._clean = (epoch, CleanIncome(self.rules))
        return self._clean[1]

    def note_damage(self) -> None:
        """Something stored is not what it was. From any thread."""
        self.damaged = True

    def note_fault(self, error: BaseException) -> StorageFault | None:
        """What an error says of the disk, if anything; damage is noted, and so is what nobody
        expected."""
        fault = fault_of(error, self.database.path)
        if fault is None:
            self.suspected = self.suspected or not isinstance(error, WetalkError | OSError)
            return None
        if fault.code == Problem.DATABASE_DAMAGED:
            self.note_damage()
        return fault

    def tell(self, committed: Committed) -> None:
        """Tell all listeners of a commit."""
        if committed.records or committed.events:
            for listener in self.listeners:
                listener(committed)

    def close(self) -> None:
        """Finish what is queued and leave clean files behind."""
        for closer in self.closers:
            closer()
        self.pictures.close()
        self.database.close()


def read_rules(home: Home) -> Rules:
    """The community of a home. Raises LocalFault `no-member-here` if there is none."""
    if not home.genesis.exists():
        raise LocalFault("no-member-here", path=str(home.path))
    community, genesis = genesis_document.parse(home.genesis.read_bytes())
    return Rules(community, genesis)


def open_core(
    home: Home,
    *,
    clock: Clock = now_ms,
    signer: Signer | None = None,
    report: Report = lambda _: None,
) -> Core:
    """Open a home whose lock the caller holds; rebuilds the fold's tables where they are not those
    of this program. Raises LocalFault `no-member-here`, StorageFault."""
    rules = read_rules(home)
    database = Database.open(
        home, community=rules.community, clock=clock, fold_version=FOLD_VERSION, report=report
    )
    core = Core(home, CommunityId(rules.community), rules, Fold(rules), database, clock, signer)
    try:
        try:
            if database.rebuild_needed:
                report("rebuilding")
                rebuild_state(core.database, core.fold)
            core.missing = missing.read(core.reader)
        except SQLITE_ERRORS as error:
            raise fault_of(error, home.database) or error from error
    except BaseException:
        core.close()
        raise
    return core
