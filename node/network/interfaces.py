"""This machine's own addresses: which can be listened on, and where others may find us.

Rule: a port that another program listens on is refused, because libp2p would silently share it and
half of the neighbours would land elsewhere. An address that this machine does not have (a machine
without IPv6, a changed network) is left out as long as another one is left.
"""

import errno
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

import ifaddr

from node.network.addresses import PeerAddress, parse_listen
from node.protocol.errors import LocalFault


def usable(texts: Sequence[str]) -> tuple[str, ...]:
    """Those multiaddresses that can be listened on.

    Raises LocalFault `listen-address` when one is unreadable or taken, or none is left.
    """
    kept = tuple(text for text in texts if _can_listen(text))
    if texts and not kept:
        raise LocalFault("listen-address", address=", ".join(texts))
    return kept


def _can_listen(text: str) -> bool:
    kind, host, port = parse_listen(text)
    family = socket.AF_INET6 if kind == "ip6" else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if kind == "ip6":
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return False
        raise LocalFault("listen-address", str(error), address=text) from error
    return True


def concrete(addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
    """The addresses with wildcards replaced by this machine's own; loopback where it has none."""
    found: list[PeerAddress] = []
    for address in addresses:
        if not address.wildcard:
            found.append(address)
            continue
        version = 6 if address.kind == "ip6" else 4
        hosts = [host for host in own_hosts() if ip_address(host).version == version]
        found += [
            address.seen_as(host) for host in hosts or ["::1" if version == 6 else "127.0.0.1"]
        ]
    return list(dict.fromkeys(found))


def own_hosts() -> list[str]:
    """IP addresses of this machine, without loopback and link-local ones."""
    hosts: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            if not ip_address(host).is_loopback and not ip_address(host).is_link_local:
                hosts.append(host)
    return hosts
