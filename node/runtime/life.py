"""What the API may know of the running node and ask of it: the `Live` of `node.api`.

Rules: the network comes after the API and may be absent; what asks for it meanwhile is told so. The
page that shows the node is told when neighbours come, go or are caught up with.
"""

# pyright: reportUnknownMemberType=false

import logging
from dataclasses import dataclass
from typing import Final

import trio

from node import i18n
from node.api.events import EventHub
from node.api.live import LanState, Neighbour, NetworkState, PictureWaiting
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.portable import Invitation
from node.runtime.bridge import Bridge, NetworkWishes
from node.runtime.lan import Lan
from node.services.core import Core, now_ms
from node.services.members import setup
from node.storage.errors import Problem
from node.wallet.phrase import Phrase

log = logging.getLogger(__name__)

STATUS_TICK_S: Final = 1.0
AFTER_ANSWER_S: Final = 0.3  # the answer to the request that ends this run goes out first


@dataclass(frozen=True, slots=True)
class Again:
    """The node shall start again, at this port."""

    port: int


@dataclass(frozen=True, slots=True)
class Rejoining(Again):
    """And as the same member of another community."""

    invitation: Invitation
    phrase: Phrase
    name: str
    language: i18n.Language


@dataclass(frozen=True, slots=True)
class Damaged(Again):
    """And before that the home shall be mended: what is stored is not what it was."""


class Life:
    """The state of one run."""

    def __init__(self, core: Core, bridge: Bridge, stop: trio.Event, *, network: bool) -> None:
        self._core = core
        self._bridge = bridge
        self._stop = stop
        self._left = trio.Event()
        self.network_state: NetworkState = "starting" if network else "off"
        self.started_ms = now_ms()
        self.again: Again | None = None
        self.port = 0
        self.home_network = Lan(core)

    async def start_network(self, nursery: trio.Nursery, wishes: NetworkWishes) -> None:
        """Import libp2p, listen and dial. Raises LocalFault listen-address, peer-address."""
        try:
            await self._bridge.start_network(nursery, wishes)
        except BaseException:
            self.network_state = "failed"
            raise
        self.network_state = "running"

    async def until_ended(self) -> None:
        """Returns when this run shall end."""
        async with trio.open_nursery() as nursery:

            async def wait(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait, self._stop)
            nursery.start_soon(wait, self._left)

    async def watch(self, hub: EventHub) -> None:
        """Tell the event streams when GET /status has news."""
        shown: tuple[object, ...] = ()
        while True:
            neighbours = self.neighbours()
            in_sync = sum(one.in_sync for one in neighbours)
            self.note_met()
            now = (len(neighbours), in_sync, self._core.echo_wanted, self._core.writer.fault)
            if shown and now != shown:
                hub.status_changed()
            shown = now
            self._look_for_damage()
            await trio.sleep(STATUS_TICK_S)

    def _look_for_damage(self) -> None:
        """End this run when something stored was found to be damaged."""
        fault = self._core.writer.fault
        found = fault is not None and fault.code == Problem.DATABASE_DAMAGED
        if (found or self._core.damaged) and self.again is None:
            self.again = Damaged(self.port)
            self._left.set()

    def note_met(self) -> None:
        """A member who is being restored needs to have met a neighbour that gave all it has."""
        try:
            if any(one.in_sync for one in self.neighbours()):
                setup.note_met(self._core)
        except StorageFault as fault:
            log.info("not kept: %s", fault)  # the next second tries again

    # --- Live -----------------------------------------------------------------------------------
    def addresses(self) -> list[str]:
        """Where neighbours can dial this node."""
        network = self._bridge.network
        return [] if network is None else network.addresses()

    def neighbours(self) -> list[Neighbour]:
        """Who is connected now."""
        network = self._bridge.network
        return [
            Neighbour(
                peer=one.peer,
                host=one.host,
                dialled=one.dialled,
                since_s=one.since_s,
                in_sync=one.in_sync,
                rtt_s=one.rtt_s,
                bytes_in=one.bytes_in,
                bytes_out=one.bytes_out,
                records_in=one.records_in,
                records_left=one.records_left,
            )
            for one in ([] if network is None else network.neighbours())
        ]

    def dial(self, address: str) -> None:
        """Dial a neighbour. Raises LocalFault peer-address, starting, network-off."""
        network = self._bridge.network
        if network is None:
            raise LocalFault("starting" if self.network_state == "starting" else "network-off")
        network.add_peer(address)

    def lan(self) -> LanState:
        """Whether the home network is open."""
        return self.home_network.state

    async def set_lan(self, on: bool, address: str | None, port: int | None) -> LanState:
        """Open the home network, or close it. Raises LocalFault lan-address."""
        return await self.home_network.set(on, address, port)

    def want_picture(self, key: bytes) -> PictureWaiting:
        """Fetch a file of a picture soon; what is known of that."""
        return self._bridge.fetching.want(key)

    def rejoin(self, invitation: Invitation, phrase: Phrase) -> None:
        """End this run, and start again in another community.

        Raises LocalFault community-shared, community-not-empty.
        """
        name = setup.leave_own(self._core)
        kept = self._core.reader.settings.get(setup.LANGUAGE_SETTING)
        language = i18n.match_language(kept) or i18n.FALLBACK
        self.again = Rejoining(self.port, invitation, phrase, name, language)
        trio.lowlevel.spawn_system_task(self._leave)

    def restart(self) -> None:
        """End this run, and start again with what the home holds by now."""
        self.again = Again(self.port)
        trio.lowlevel.spawn_system_task(self._leave)

    async def _leave(self) -> None:
        await trio.sleep(AFTER_ANSWER_S)
        self._left.set()
