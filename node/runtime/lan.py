"""The API on the home network: with TLS, on one address of this computer, while its owner wants it.

Rules: off unless the home says otherwise. Only an address that routers do not pass on is listened
on, never all of them; without the certificate nothing is. Where the computer gets another address,
the network is opened there anew. What fails is told in the state and tried again; the node goes on.

Left to others: who gets in (`node.api`), the certificate (`node.api.certificate`).
"""

# pyright: reportUnknownMemberType=false, reportCallIssue=false
# The stubs of trio that come with libp2p do not know their own types.

import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import ifaddr
import trio

from node.api import certificate
from node.api.live import LanState
from node.api.security import Door, Gate, lan_door
from node.api.serving import Server, bind
from node.protocol import limits
from node.protocol.errors import LocalFault, WetalkError
from node.services.core import Core
from node.storage.state import WriterState

log = logging.getLogger(__name__)

PORT_DEFAULT: Final = 8446
ON_SETTING: Final = "lan"
ADDRESS_SETTING: Final = "lan_address"  # empty: the one that the system uses
PORT_SETTING: Final = "lan_port"
SOMEWHERE: Final = ("192.0.2.1", 9)  # an example address: nothing is sent, only a route looked up

GateFor = Callable[[Door], Gate]


class Lan:
    """Opens the home network and closes it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changed = trio.Event()
        self._settled = trio.Event()
        self.state = LanState()

    async def set(self, on: bool, address: str | None, port: int | None) -> LanState:
        """Open or close, for good; the state once it has settled. Raises LocalFault lan-address."""
        if address is not None:
            address = _checked(address)
        wished = {ON_SETTING: "on" if on else "off"}
        if on:
            wished[ADDRESS_SETTING] = address or ""
        if port is not None:
            wished[PORT_SETTING] = str(port)

        def job(state: WriterState) -> None:
            for name, value in wished.items():
                state.settings.put(name, value)

        await self._core.writer.run(job)
        self._settled = trio.Event()
        self._changed.set()
        await self.until_settled()
        return self.state

    async def until_settled(self) -> None:
        """Until it is open, closed or has failed, for so long at most."""
        with trio.move_on_after(limits.LAN_SETTLE_MAX_S):
            await self._settled.wait()

    async def run(self, gate_for: GateFor) -> None:
        """Do what the home wants, until cancelled."""
        while True:
            self._changed = trio.Event()
            settings = self._core.reader.settings
            if settings.get(ON_SETTING) != "on":
                self._tell(LanState())
                await self._changed.wait()
                continue
            try:
                await self._serve(gate_for)
            except WetalkError as problem:
                log.warning("home network: %s", problem)
                self._tell(LanState(on=True, state="failed", problem=problem))
                with trio.move_on_after(limits.LAN_LOOK_S):
                    await self._changed.wait()

    def _tell(self, state: LanState) -> None:
        self.state = state
        if state.state != "starting":
            self._settled.set()

    async def _serve(self, gate_for: GateFor) -> None:
        """Answer on the home network until something changes. Raises WetalkError."""
        settings, home = self._core.reader.settings, self._core.home
        fixed, kept = settings.get(ADDRESS_SETTING), settings.get(PORT_SETTING)
        address = _checked(fixed) if fixed else address_of_system()
        self._tell(LanState(on=True, state="starting"))
        listener = bind(int(kept) if kept and kept.isdecimal() else PORT_DEFAULT, address)
        try:
            own = await trio.to_thread.run_sync(
                certificate.ready, home, address, certificate.utc_now()
            )
            port = listener.getsockname()[1]
            server = Server(gate_for(lan_door(address, port)), listener, certificate.context(home))
        except BaseException:
            listener.close()
            raise
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run)
            opened = LanState(on=True, state="on", url=f"https://{address}:{port}/")
            self._tell(replace(opened, certificate=own))
            while not self._changed.is_set() and _still(address, fixed):
                with trio.move_on_after(limits.LAN_LOOK_S):
                    await self._changed.wait()
            server.stop()


def _still(address: str, fixed: str | None) -> bool:
    """True iff this is the address to be at."""
    try:
        return address == (_checked(fixed) if fixed else address_of_system())
    except LocalFault:
        return False


def address_of_system() -> str:
    """The home network's address of this computer. Raises LocalFault lan-none."""
    own = [one for one in _own_addresses() if _is_home(one) and not one.is_loopback]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(SOMEWHERE)
            used = ipaddress.IPv4Address(asking.getsockname()[0])
        except OSError:
            used = None
    if used in own:
        return str(used)
    if not own:
        raise LocalFault("lan-none")
    return str(own[0])


def _checked(address: str) -> str:
    """An address of this computer on a home network. Raises LocalFault lan-address."""
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        found = None
    if found is None or not _is_home(found) or found not in _own_addresses():
        raise LocalFault("lan-address", address=address)
    return str(found)


def _is_home(address: ipaddress.IPv4Address) -> bool:
    """True iff no router passes it on to the world."""
    return address.is_private and not address.is_unspecified and not address.is_multicast


def _own_addresses() -> list[ipaddress.IPv4Address]:
    adapters = ifaddr.get_adapters()
    found = [ip.ip for adapter in adapters for ip in adapter.ips if isinstance(ip.ip, str)]
    return [ipaddress.IPv4Address(one) for one in found]
