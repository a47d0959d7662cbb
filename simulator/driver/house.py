"""One node of a virtual day: the real network layer, the simulator's records and member.

Rules: what the network layer asks of a node is answered as the program does it: records are stored
by one writer after a while, commits are told, bans and addresses outlive the process. The disk
outlives everything; whatever was under way is lost with the process.
"""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportCallIssue=false
# The stubs of trio that come with libp2p do not know their own types.

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import trio

from node.network.addresses import PeerAddress
from node.network.conduct import Ban
from node.network.host import Host
from node.network.network import Network, Ports, Settings
from node.protocol import limits
from node.protocol.errors import StorageFault
from node.protocol.ports import ForkProof
from node.protocol.record import RawRecord
from simulator.driver.wires import MACHINE
from simulator.member import Member
from simulator.store import Store, Taken
from simulator.town import TIME_MS, Device, Town

if TYPE_CHECKING:
    from simulator.driver.day import Day

PORT: Final = 4130
SWEEP_S: Final = 60  # as libp2p's own threads do it
WRITE_MIN_S: Final = 0.001
WRITE_MAX_S: Final = 0.015
DUTY_DELAY_S: Final = 0.05


class Garbling(Store):
    """A store whose program is broken for a while: what it shows of new records is forged."""

    garbles = False

    def raws(self, numbers: Sequence[int]) -> Sequence[RawRecord | None]:
        found = super().raws(numbers)
        return [raw and self.shown(raw) for raw in found]

    def shown(self, raw: RawRecord) -> RawRecord:
        """A record as neighbours get it."""
        if not self.garbles or raw in self.start.records.values():
            return raw
        forged = raw.signature[:-1] + bytes((raw.signature[-1] ^ 1,))
        return RawRecord(raw.header, raw.body, forged)


class Bans:
    """Bans on a disk."""

    def __init__(self, told: Callable[[Ban], None]) -> None:
        self.kept: dict[str, Ban] = {}
        self._told = told

    def load(self) -> Iterable[Ban]:
        return list(self.kept.values())

    def save(self, ban: Ban) -> None:
        self.kept[ban.peer] = ban
        self._told(ban)


class Addresses:
    """Addresses on a disk."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def load(self) -> Iterable[str]:
        return list(self.kept)

    def save(self, addresses: Sequence[str]) -> None:
        self.kept = list(addresses)


class House:
    """A member, their machine, and the node on it."""

    def __init__(self, day: "Day", number: int, town: Town) -> None:
        self.day = day
        self.number = number
        self.machine = f"10.0.{number // 200}.{number % 200 + 1}"
        self.seed = hashlib.sha256(f"host {day.seed} {number}".encode()).digest()
        self.peer = Host(self.seed, connections_max=1).id
        self.store = Garbling(town.rules, town.start)
        device = Device(f"m{number}")
        device.signed = day.signed
        self.member = Member(town, device, self.store)
        self.bans = Bans(lambda ban: day.note(self, "ban", ban.peer, ban.reason))
        self.addresses = Addresses()
        self.given: list[House] = []
        self.network: Network | None = None
        self.up = False
        self.down_since = 0.0
        self.disk_full = False
        self._scope = trio.CancelScope()
        self._stopped = trio.Event()
        self._stopped.set()
        self._writing = trio.Lock()
        self._duty = False
        self._chance = random.Random(f"house {day.seed} {number}")

    @property
    def address(self) -> str:
        """Where this node listens."""
        return PeerAddress(self.peer, "ip4", self.machine, PORT).text

    # --- the process ------------------------------------------------------------------------------
    async def run(self) -> None:
        """One run of the program, until it is switched off."""
        MACHINE.set(self.machine)
        network = self._build()
        self._writing = trio.Lock()
        self._duty = False
        try:
            with trio.CancelScope() as self._scope:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    await nursery.start(network.run)
                    self.network, self.up = network, True
                    self.day.note(self, "up")
                    nursery.start_soon(self._sweep)
                    await trio.sleep_forever()
        finally:
            self.up, self.network = False, None
            self.down_since = trio.current_time()
            self.day.note(self, "down")
            self._stopped.set()

    def _build(self) -> Network:
        return Network(
            self.seed,
            Settings(
                listen=(f"/ip4/{self.machine}/tcp/{PORT}",),
                peers=tuple(house.address for house in self.given),
                discover=False,
                ping_interval_s=limits.PING_INTERVAL_S,
                agent="day",
            ),
            Ports(
                source=self.store,
                intake=self._intake,
                proofs=self._proofs,
                echoed=lambda peer, heads: None,
                own_lanes=lambda: (),
                bans=self.bans,
                addresses=self.addresses,
            ),
        )

    def start(self) -> None:
        """Power on."""
        if self._stopped.is_set():
            self._stopped = trio.Event()
            self.store.crash()
            self.day.nursery.start_soon(self.run)

    def stop(self) -> None:
        """End the program as its user does; the wires decide whether good-byes still arrive."""
        self._scope.cancel()

    async def until_stopped(self) -> None:
        """Wait until nothing of the program runs any more."""
        await self._stopped.wait()

    async def _sweep(self) -> None:
        """In the place of a thread of libp2p, which would wait in real time."""
        while True:
            await trio.sleep(SWEEP_S)
            parts: Any = self.network._parts if self.network is not None else None
            if parts is not None:
                parts.gossip._pubsub.seen_messages._sweep()

    # --- records ----------------------------------------------------------------------------------
    async def _intake(self, records: list[RawRecord], peer: str) -> Taken:
        async with self._writing:
            await self._write()
            taken = self.store.take(records, peer)
            self._committed("synced")
        return taken

    async def _write(self) -> None:
        if self.disk_full:
            raise StorageFault("disk-full")
        await trio.sleep(self._chance.uniform(WRITE_MIN_S, WRITE_MAX_S))

    def _proofs(self, proofs: Sequence[ForkProof], peer: str) -> None:
        raise AssertionError(f"nobody forks here, and {peer} has {len(proofs)} proofs")

    def act(self, step: Callable[[Member], None]) -> None:
        """Let the member, or its program, do something soon."""
        if self.up:
            self._nursery.start_soon(self._act, step)

    async def _act(self, step: Callable[[Member], None]) -> None:
        async with self._writing:
            try:
                await self._write()
            except StorageFault:
                return
            self.member.device.time = TIME_MS + int(trio.current_time() * 1_000)
            self.member.made.clear()
            step(self.member)
            self._committed("own")

    def _committed(self, how: str) -> None:
        """As the program tells its network layer of a commit."""
        news, moved = self.store.news, set(self.store.moved)
        self.store.news, self.store.moved = [], set()
        for record, verdict in news:
            self.day.note(self, how, record.id.hex()[:16], verdict)
        if self.network is None:
            return
        if how == "own" and news:
            self.network.announce([self.store.shown(record.raw) for record, _ in news])
        if moved:
            self.network.changed(moved)
        if news and not self._duty:
            self._duty = True
            self._nursery.start_soon(self._do_duties)

    async def _do_duties(self) -> None:
        await trio.sleep(DUTY_DELAY_S)
        self._duty = False
        await self._act(lambda member: member.duties())

    # --- what can be seen -------------------------------------------------------------------------
    def neighbours(self) -> dict[str, bool]:
        """Peers that are connected, and whether in sync."""
        if self.network is None:
            return {}
        return {one.peer: one.in_sync for one in self.network.neighbours()}

    def banned(self) -> list[str]:
        """Peers that may not connect now."""
        parts = self.network._parts if self.network is not None else None
        if parts is None:
            return []
        guard = parts.host.guard
        return [peer for peer in self.day.numbers if guard.banned(peer)]
