"""Where to listen and where to be found on this machine."""

import socket

import pytest

from node.network.addresses import PeerAddress, Reach
from node.network.interfaces import concrete, own_hosts, usable
from node.protocol.errors import LocalFault
from tests.network.test_peers import PEERS


def test_a_taken_port_is_refused_although_it_could_be_shared() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"/ip4/127.0.0.1/tcp/{other.getsockname()[1]}"
        with pytest.raises(LocalFault) as caught:
            usable(["/ip4/127.0.0.1/tcp/0", taken])
        assert caught.value.code == "listen-address"
        assert caught.value.values == {"address": taken}


def test_an_address_this_machine_lacks_is_left_out_while_another_is_left() -> None:
    here, elsewhere = "/ip4/127.0.0.1/tcp/0", "/ip4/203.0.113.9/tcp/0"
    assert usable([elsewhere, here]) == (here,)
    assert usable([]) == ()
    with pytest.raises(LocalFault) as caught:
        usable([elsewhere])
    assert caught.value.code == "listen-address"


@pytest.mark.parametrize("text", ["", "here", "/ip4/127.0.0.1", "/ip4/127.0.0.1/udp/1", "/tcp/1"])
def test_what_is_no_address_to_listen_on_is_said_so(text: str) -> None:
    with pytest.raises(LocalFault) as caught:
        usable([text])
    assert caught.value.code == "listen-address"


def test_wildcards_become_addresses_that_others_can_use() -> None:
    everywhere = PeerAddress(PEERS[0], "ip4", "0.0.0.0", 4130)
    certain = PeerAddress(PEERS[0], "ip4", "192.0.2.7", 4130)
    found = concrete([everywhere, certain, certain])
    assert certain in found
    assert len(found) == len(set(found)) > 1
    assert not any(address.wildcard for address in found)
    assert all(address.reach != Reach.NOWHERE for address in found)


def test_own_hosts_are_neither_loopback_nor_link_local() -> None:
    assert all(not host.startswith(("127.", "::1", "fe80")) for host in own_hosts())
