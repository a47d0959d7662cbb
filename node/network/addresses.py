"""Addresses of peers: which ones we understand, and whom they may be told to.

Rules: only TCP by IP address or DNS name, with the peer's id; everything else a neighbour says is
left out silently. An address is believed from, and told to, only neighbours that are themselves
reached over a network at least as near: loopback stays on the machine, a private network's
addresses stay in it. Otherwise anybody could make our node knock on doors inside our home.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from libp2p.peer.id import ID
from multiaddr import Multiaddr

from node.protocol import limits
from node.protocol.errors import LocalFault

_HOSTS = ("ip4", "ip6", "dns", "dns4", "dns6")
_BROADCAST = IPv4Address("255.255.255.255")


class Reach(IntEnum):
    """How far an address reaches; greater reaches further."""

    NOWHERE = 0  # unspecified, multicast, reserved: cannot be dialled
    MACHINE = 1
    HOUSE = 2  # private and link-local networks
    WORLD = 3


@dataclass(frozen=True, slots=True, order=True)
class PeerAddress:
    """Where a peer can be dialled. `text` is the whole multiaddress with the peer's id."""

    peer: str
    kind: str
    host: str
    port: int

    @property
    def text(self) -> str:
        return f"/{self.kind}/{self.host}/tcp/{self.port}/p2p/{self.peer}"

    @property
    def listen_text(self) -> str:
        """Without the peer's id: as one tells a host where to listen."""
        return f"/{self.kind}/{self.host}/tcp/{self.port}"

    @property
    def reach(self) -> Reach:
        """Names are taken to reach the world; what they resolve to is not known here."""
        return Reach.WORLD if self.kind.startswith("dns") else reach_of(self.host)

    @property
    def wildcard(self) -> bool:
        """True for 0.0.0.0 and ::, which say: the host you see me under."""
        return self.kind in ("ip4", "ip6") and ip_address(self.host).is_unspecified

    def seen_as(self, host: str) -> "PeerAddress":
        """The same port at the host under which the peer is seen."""
        kind = "ip6" if ":" in host else "ip4"
        return PeerAddress(self.peer, kind, host, self.port)


def reach_of(host: str) -> Reach:
    """How far an IP address reaches; NOWHERE for what is none."""
    try:
        found: IPv4Address | IPv6Address = ip_address(host.split("%")[0])
    except ValueError:
        return Reach.NOWHERE
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_unspecified or found.is_multicast or found == _BROADCAST:
        return Reach.NOWHERE
    if found.is_loopback:
        return Reach.MACHINE
    if found.is_private or found.is_link_local:
        return Reach.HOUSE
    return Reach.NOWHERE if found.is_reserved else Reach.WORLD


def parse(text: str) -> PeerAddress | None:
    """The address a text says, or None if it is not of the forms we dial. Never raises."""
    if len(text.encode(errors="replace")) > limits.ADDRESS_SIZE_MAX_BYTES:
        return None
    try:
        parts = [(protocol.name, value) for protocol, value in Multiaddr(text).items()]
        names = [name for name, _ in parts]
        if len(parts) != 3 or names[0] not in _HOSTS or names[1:] != ["tcp", "p2p"]:
            return None
        host, port, peer = (str(value) for _, value in parts)
        ID.from_base58(peer)
        number = int(port)
    except Exception:  # the parsers of multiaddr and libp2p raise what they like
        return None
    return PeerAddress(peer, names[0], host, number) if 0 < number < 65_536 else None


def parse_given(text: str) -> PeerAddress:
    """An address that the user typed. Raises LocalFault `peer-address`."""
    found = parse(text.strip())
    if found is None or found.reach == Reach.NOWHERE:
        raise LocalFault("peer-address", address=text[: limits.ADDRESS_SIZE_MAX_BYTES])
    return found


def parse_listen(text: str) -> tuple[str, str, int]:
    """Kind, IP address and port of an address to listen on. Raises LocalFault `listen-address`."""
    try:
        (kind, host), (transport, port) = [(p.name, str(v)) for p, v in Multiaddr(text).items()]
    except Exception:  # the parser raises what it likes
        kind = host = transport = port = ""
    if kind not in ("ip4", "ip6") or transport != "tcp":
        raise LocalFault("listen-address", address=text[: limits.ADDRESS_SIZE_MAX_BYTES])
    return kind, host, int(port)


def believable(texts: list[str], sender: str, sender_host: str) -> list[PeerAddress]:
    """What of a neighbour's addresses to keep; `sender_host` is the IP address it is seen under."""
    near = reach_of(sender_host)
    kept: list[PeerAddress] = []
    for text in texts[: limits.ADDRESSES_TOLD_MAX_COUNT]:
        found = parse(text)
        if found is None:
            continue
        if found.wildcard and found.peer == sender:
            found = found.seen_as(sender_host)
        if Reach.NOWHERE < near <= found.reach:
            kept.append(found)
    return kept


def tellable(addresses: list[PeerAddress], listener_host: str) -> list[str]:
    """What to tell a neighbour that is seen under `listener_host`; nearest last, bounded."""
    near = reach_of(listener_host)
    told = [address for address in addresses if address.wildcard or near <= address.reach]
    told.sort(key=lambda address: (-address.reach, address))
    return [address.text for address in told[: limits.ADDRESSES_TOLD_MAX_COUNT]]
