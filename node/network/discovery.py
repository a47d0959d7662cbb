"""Neighbours on the local network, by multicast DNS (libp2p's mDNS discovery, RFC 6762 and 6763).

Announces our listening addresses under a name that says nothing, and hears others' announcements.
Rules: only peers of our community are reported (a short tag of its id stands in the announcement;
it is no secret and no proof), only addresses of the house or the machine, at most a few of each.
Finding is all this does: the book of peers decides about dialling. Where multicast is not to be
had, it stays silent.
"""

# pyright: reportUnknownMemberType=false

import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address

import trio
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from node.network.addresses import PeerAddress, Reach, parse
from node.network.guard import shielded
from node.network.interfaces import concrete
from node.protocol import limits
from node.protocol.crypto import sha256

log = logging.getLogger(__name__)

SERVICE = "_p2p._udp.local."
TAG = b"wetalk/1 mdns\0"
QUESTION_MAX_MS = 3_000


class Discovery:
    """Announces and listens while `run` runs."""

    def __init__(
        self,
        community: bytes,
        addresses: Callable[[], Sequence[PeerAddress]],
        found: Callable[[PeerAddress], None],
        interfaces: Sequence[str] | None = None,
    ) -> None:
        """`addresses` tells where we listen, wildcards included. `found` runs in trio's thread.

        `interfaces`: IP addresses of the interfaces to use; None for all.
        """
        self._tag = sha256(TAG, community)[:8].hex().encode()
        self._addresses = addresses
        self._found = found
        self._interfaces = interfaces

    async def run(self) -> None:
        """Until cancelled. Never raises for lack of a network."""
        try:
            zeroconf = await trio.to_thread.run_sync(self._open)
        except OSError as error:
            log.info("no discovery on the local network: %s", error)
            return
        try:
            await trio.to_thread.run_sync(self._announce, zeroconf)
            token = trio.lowlevel.current_trio_token()
            _Listener(zeroconf, self._tag, partial(_hand_over, token, self._found))
            await trio.sleep_forever()
        finally:
            with shielded(limits.STOP_MAX_S):
                await trio.to_thread.run_sync(zeroconf.close)

    def _open(self) -> Zeroconf:
        if self._interfaces is not None:
            for interface in self._interfaces:  # zeroconf leaks its sockets when one is missing
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind((interface, 0))
            return Zeroconf(interfaces=list(self._interfaces), ip_version=IPVersion.V4Only)
        return Zeroconf()

    def _announce(self, zeroconf: Zeroconf) -> None:
        told = _addresses_of_house(self._addresses())
        if not told:
            return
        name = secrets.token_hex(16)
        properties: dict[str | bytes, str | bytes | None] = {b"wetalk": self._tag}
        for number, address in enumerate(told[: limits.BOOK_ADDRESSES_PER_PEER_MAX_COUNT]):
            properties[f"dnsaddr{number or ''}".encode()] = address.text.encode()
        info = ServiceInfo(
            SERVICE,
            f"{name}.{SERVICE}",
            port=told[0].port,
            properties=properties,
            server=f"{name}.local.",
            addresses=[ip_address(address.host).packed for address in told[:1]],
        )
        try:
            zeroconf.register_service(info)
        except Exception as error:  # zeroconf raises its own kinds for a busy or odd network
            log.info("cannot announce on the local network: %r", error)


class _Listener(ServiceListener):
    """Hears announcements in zeroconf's own thread."""

    def __init__(
        self, zeroconf: Zeroconf, tag: bytes, report: Callable[[PeerAddress], None]
    ) -> None:
        self._tag = tag
        self._report = report
        ServiceBrowser(zeroconf, SERVICE, self)

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        try:
            info = zc.get_service_info(type_, name, QUESTION_MAX_MS)
        except Exception as error:  # anything raised here would end zeroconf's thread for good
            log.info("an announcement on the local network cannot be read: %r", error)
            return
        if info is None or info.properties.get(b"wetalk") != self._tag:
            return
        texts = [
            value.decode(errors="replace")
            for key, value in info.properties.items()
            if key.startswith(b"dnsaddr") and value is not None
        ]
        for text in texts[: limits.BOOK_ADDRESSES_PER_PEER_MAX_COUNT]:
            address = parse(text)
            if address is not None and address.reach in (Reach.HOUSE, Reach.MACHINE):
                self._report(address)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """A farewell proves nothing; the connection tells."""


def _hand_over(
    token: trio.lowlevel.TrioToken, found: Callable[[PeerAddress], None], address: PeerAddress
) -> None:
    try:
        token.run_sync_soon(found, address)
    except trio.RunFinishedError:  # heard while the node stops
        pass


def _addresses_of_house(addresses: Sequence[PeerAddress]) -> list[PeerAddress]:
    """Our addresses that neighbours in the house can dial."""
    return [address for address in concrete(addresses) if address.reach <= Reach.HOUSE]
