"""Between what is committed here and the neighbours: the one place where the two meet.

    committed -> network hears of new heads, gossips own records, duties look whether they are due
    neighbour -> intake -> committed;  echo of own heads -> account records may be signed (R11)

Rules: listeners only wake tasks; whatever writes runs in a task of its own and never in a client's
request. What a member's program does by itself never ends the node: a fault is logged and tried
again. libp2p is imported in a thread, while the API already answers.
"""

# pyright: reportUnknownMemberType=false

import importlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio

from node.protocol import limits
from node.protocol.errors import LocalFault, WetalkError
from node.protocol.lanes import heads_of
from node.protocol.ports import ForkProof, HeadItem, Reader
from node.services import missing
from node.services.books.closes import Closes
from node.services.chapters.community import OfficeDuties
from node.services.chapters.dispute_duties import DisputeDuties
from node.services.chapters.witness_duties import WitnessDuties
from node.services.core import Committed, Core, now_ms
from node.services.homes.looking import Looking
from node.services.incoming import proofs
from node.services.incoming.held import IN_STEP
from node.services.incoming.intake import Intake
from node.services.missing import Missing
from node.services.photos.fetching import PictureFetching
from node.services.photos.pictures import Pictures
from node.services.publish import ECHOED_LANES, NEIGHBOURS_SETTING, Publisher
from node.services.trading.trade_duties import TradeDuties
from node.storage.kept import neighbours as kept
from node.storage.source import SqliteSyncSource
from node.storage.state import WriterState
from node.wallet.keyfile import read_host_key

if TYPE_CHECKING:
    from node.network.conduct import Ban
    from node.network.network import Network

log = logging.getLogger(__name__)

NETWORK_MODULE: Final = "node.network.network"
SLOW_TICK_S: Final = 60.0
AGAIN_S: Final = 5.0  # after a disk that refused
OUTBOX_AT_ONCE_COUNT: Final = 256
AGENT: Final = "wetalk"


@dataclass(frozen=True, slots=True)
class NetworkWishes:
    """What the user wants of the network; `listen` None: the usual addresses, or any port."""

    listen: tuple[str, ...] | None = None
    peers: tuple[str, ...] = ()
    relay: bool = False
    discover: bool = True


class Duty(Protocol):
    """Something that a member's program does by itself."""

    def concerns(self, committed: Committed) -> bool:
        """True iff `perform` has something to look at after this commit."""
        ...

    async def perform(self) -> int:
        """Do what is due; returns how much was done."""
        ...


class Round:
    """Duties that one task does in turn, whenever one of them is due."""

    def __init__(self, core: Core, *duties: Duty) -> None:
        self._core = core
        self._duties = duties
        self._due = trio.Event()

    def heed(self, committed: Committed) -> None:
        """Wake the task if a commit concerns one of its duties."""
        if any(duty.concerns(committed) for duty in self._duties):
            self._due.set()

    def wake(self) -> None:
        """Have all duties looked at."""
        self._due.set()

    async def run(self) -> None:
        """Look at once, then whenever something is due and now and then, for ever."""
        self._due.set()
        while True:
            with trio.move_on_after(SLOW_TICK_S):
                await self._due.wait()
            self._due = trio.Event()
            if self._core.writer.fault is not None:
                await trio.to_thread.run_sync(self._core.writer.retry)
            for duty in self._duties:
                try:
                    await duty.perform()
                except WetalkError as fault:
                    self._core.note_fault(fault)
                    log.warning("%s: %s", type(duty).__name__, fault)
                    await trio.sleep(AGAIN_S)
                except Exception as error:
                    self._core.note_fault(error)
                    log.exception("%s", type(duty).__name__)
                    await trio.sleep(AGAIN_S)


class Bridge:
    """Joins one open home with its network and its duties."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.publisher = Publisher(core)
        self.intake = Intake(core)
        office, trade = OfficeDuties(core, self.publisher), TradeDuties(core, self.publisher)
        # Tasks of their own: a relay gathers before it stamps, own books are compared with a close
        # in seconds, and nothing else shall wait for these.
        stamping = WitnessDuties(core, self.publisher)
        disputes = DisputeDuties(core, self.publisher)
        daily = Round(core, office, self.intake, trade, disputes)
        self._rounds = (
            daily,
            Round(core, stamping),
            Round(core, Closes(core)),
            Round(core, Looking(core)),
        )
        self.pictures = Pictures(core)
        self.fetching = PictureFetching(core, self.pictures)
        self._owed = trio.Event()
        self._proofs_in, self._proofs_out = trio.open_memory_channel[
            tuple[Sequence[ForkProof], str]
        ](64)
        self.network: Network | None = None
        self._in_step = 0  # when neighbours were last known to be in step, ms; written down
        core.echo_wanted = self._echo_matters()
        core.listeners.append(self._committed)

    def _committed(self, committed: Committed) -> None:
        """After each commit, in the event loop: only wakes."""
        if self.network is not None:
            self.network.changed(committed.lanes)
        if committed.source == "own":
            self._owed.set()
        for one in self._rounds:
            one.heed(committed)
        self.fetching.heed(committed)

    # --- duties -----------------------------------------------------------------------------------
    async def do_duties(self) -> None:
        """Do what this member's program does by itself, whenever it is due, for ever."""
        async with trio.open_nursery() as nursery:
            for one in self._rounds:
                nursery.start_soon(one.run)
            nursery.start_soon(self.fetching.run)

    # --- network ----------------------------------------------------------------------------------
    async def start_network(self, nursery: trio.Nursery, wishes: NetworkWishes) -> None:
        """Import libp2p, listen and dial. Raises LocalFault listen-address, peer-address."""
        module: Any = await trio.to_thread.run_sync(importlib.import_module, NETWORK_MODULE)
        if wishes.listen is not None:
            await self._listen(nursery, module, wishes, wishes.listen)
        else:
            await self._listen_somewhere(nursery, module, wishes)
        nursery.start_soon(self._pay_what_is_owed)
        nursery.start_soon(self._take_proofs)

    async def _listen_somewhere(
        self, nursery: trio.Nursery, module: Any, wishes: NetworkWishes
    ) -> None:
        """At the usual addresses; where those are taken or unknown here, at any port."""
        usual: tuple[str, ...] = module.LISTEN_DEFAULT
        choices = (usual, usual[:1], ("/ip4/0.0.0.0/tcp/0",))
        for listen in choices:
            try:
                await self._listen(nursery, module, wishes, listen)
                return
            except LocalFault as fault:
                if fault.code != "listen-address" or listen == choices[-1]:
                    raise
                log.info("cannot listen on %s: %s", ", ".join(listen), fault)

    async def _listen(
        self, nursery: trio.Nursery, module: Any, wishes: NetworkWishes, listen: tuple[str, ...]
    ) -> None:
        core = self._core
        settings = module.Settings(
            listen=listen,
            peers=wishes.peers,
            relay=wishes.relay,
            discover=wishes.discover,
            agent=AGENT,
        )
        ports = module.Ports(
            source=SqliteSyncSource(core.database, core.community, core.note_damage),
            intake=self.intake.take,
            proofs=self._found_proofs,
            echoed=self._echoed,
            own_lanes=self._own_lanes,
            bans=KeptBans(core),
            addresses=KeptAddresses(core),
            pictures=self.fetching,
        )
        network: Network = module.Network(read_host_key(core.home.host_key), settings, ports)
        try:
            await nursery.start(network.run)
        except BaseExceptionGroup as group:
            raise only_fault(group) from None
        self.network = network
        self.fetching.network_runs(network.picture)
        self._owed.set()

    async def _pay_what_is_owed(self) -> None:
        """Gossip own records as they are made, then strike them off the outbox."""
        while True:
            await self._owed.wait()
            self._owed = trio.Event()
            while entries := self._core.reader.outbox.first(OUTBOX_AT_ONCE_COUNT):
                raws = [self._core.reader.raw(number) for _, number in entries]
                if self.network is not None:
                    self.network.announce([raw for raw in raws if raw is not None])
                if not await self._strike(entries[-1][0]):
                    break

    async def _strike(self, seq: int) -> bool:
        try:
            await self._core.writer.run(lambda state: state.outbox.remove_through(seq))
        except WetalkError as fault:
            log.warning("outbox: %s", fault)
            await trio.sleep(AGAIN_S)
            return False
        return True

    def _found_proofs(self, found: Sequence[ForkProof], peer: str) -> None:
        try:
            self._proofs_in.send_nowait((found, peer))
        except trio.WouldBlock:
            pass  # a neighbour tells them again at the next meeting

    async def _take_proofs(self) -> None:
        async for found, peer in self._proofs_out:
            try:
                faults = await proofs.take(self._core, found, peer)
            except WetalkError as fault:
                log.warning("fork proofs: %s", fault)
                continue
            if faults:
                log.info("fork proofs of %s do not hold: %s", peer, ", ".join(sorted(set(faults))))

    # --- R11 --------------------------------------------------------------------------------------
    def _own_lanes(self) -> list[bytes]:
        """Lanes of this device whose echo matters."""
        own = self._core.own
        prefix = own.member_id + own.public_key
        echoed = {prefix + bytes((lane,)) for lane in ECHOED_LANES}
        return sorted(echoed | self._core.missing.lanes.keys())

    def _echo_matters(self) -> bool:
        """True iff this device has signed such records, and neighbours have known them."""
        reader = self._core.reader
        if reader.settings.get(NEIGHBOURS_SETTING) is None:
            return False
        return any(heads_of(reader, lane_key) for lane_key in self._own_lanes())

    def _echoed(self, peer: str, heads: Sequence[HeadItem]) -> None:
        """A neighbour holds these own heads, as they are here."""
        del peer
        reader = self._core.reader
        shown = {head.id for head in heads}
        own = {head.id for lane in self._own_lanes() for head in heads_of(reader, lane)}
        if not own or not own <= shown:
            return
        self._note_in_step()
        self._settle_missing(reader)
        if self._core.echo_wanted:
            self._core.echo_wanted = False
            for one in self._rounds:
                one.wake()
        if reader.settings.get(NEIGHBOURS_SETTING) is None:
            submit(self._core, lambda state: state.settings.put(NEIGHBOURS_SETTING, "1"))

    def _settle_missing(self, reader: Reader) -> None:
        """A neighbour has no more of the own lanes than is here: they go on, if that is all."""
        core = self._core
        if core.missing.lanes and missing.has_reached(reader, core.missing.lanes):
            core.missing = Missing({}, core.missing.records)
            submit(core, missing.settle)

    def _note_in_step(self) -> None:
        """Write down, now and then, until when the network is known to have been at hand."""
        now = self._core.clock()
        if now - self._in_step >= limits.IN_STEP_EVERY_MS:
            self._in_step = now
            submit(self._core, lambda state: state.settings.put(IN_STEP, str(now)))


def submit(core: Core, job: Callable[[WriterState], object]) -> None:
    """Write without waiting: for what is no loss."""
    try:
        core.writer.submit(job)
    except WetalkError as fault:
        log.info("not kept: %s", fault)


def only_fault(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one fault in a group, or the group itself."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = found.exceptions  # pyright: ignore
        if len(inner) != 1:
            break
        found = inner[0]
    return found if isinstance(found, WetalkError) else group


class KeptBans:
    """Bans in the home's database."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def load(self) -> Iterable["Ban"]:
        """All bans that still hold."""
        from node.network.conduct import Ban

        rows = self._core.reader.bans.all(now_ms())
        return [Ban.of_row(row.peer, row.until, row.reason) for row in rows]

    def save(self, ban: "Ban") -> None:
        """Keep a ban."""
        row = kept.Ban(*ban.row())
        submit(self._core, lambda state: state.bans.put(row))


class KeptAddresses:
    """Addresses that have worked, in the home's database."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def load(self) -> Iterable[str]:
        """The best ones first."""
        rows = self._core.reader.addresses.all(limits.BOOK_PEERS_MAX_COUNT)
        return [row.address for row in rows]

    def save(self, addresses: Sequence[str]) -> None:
        """Keep addresses that work now, and no more than the book holds."""
        now = now_ms()
        rows = [
            kept.Address(address, address.rpartition("/p2p/")[2], now, 0, "met")
            for address in addresses
        ]

        def job(state: WriterState) -> None:
            for row in rows:
                state.addresses.put(row)
            state.addresses.trim(limits.BOOK_PEERS_MAX_COUNT)

        if rows:
            submit(self._core, job)
