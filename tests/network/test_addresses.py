"""Which addresses are understood, believed and told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.network.addresses import Reach, believable, parse, parse_given, reach_of, tellable
from node.protocol import limits
from node.protocol.errors import LocalFault

PEER = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
OTHER = "12D3KooWJrLGJbEGBMvwN4Znt5RdJUHBJzwTbRRZAyRcjwvLxsD6"


def at(host: str, port: int = 4001, peer: str = PEER) -> str:
    return f"/{'ip6' if ':' in host else 'ip4'}/{host}/tcp/{port}/p2p/{peer}"


@pytest.mark.parametrize(
    "text",
    [at("192.0.2.1"), at("2001:db8::1"), f"/dns4/relay.example/tcp/4001/p2p/{PEER}"],
)
def test_tcp_addresses_with_a_peer_id_are_understood_and_written_back(text: str) -> None:
    found = parse(text)
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "/ip4/192.0.2.1/tcp/4001",
        f"/ip4/192.0.2.1/udp/4001/quic-v1/p2p/{PEER}",
        f"/ip4/192.0.2.1/tcp/4001/ws/p2p/{PEER}",
        f"/ip4/192.0.2.1/tcp/4001/p2p/{PEER}/p2p-circuit/p2p/{OTHER}",
        f"/ip4/192.0.2.1/tcp/0/p2p/{PEER}",
        f"/ip4/192.0.2.1/tcp/70000/p2p/{PEER}",
        "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW",
        f"/unix/tmp/socket/p2p/{PEER}",
        f"/dns4/{'a' * 300}.example/tcp/1/p2p/{PEER}",
    ],
)
def test_everything_else_is_left_out(text: str) -> None:
    assert parse(text) is None


def test_what_the_user_typed_wrongly_is_told_kindly() -> None:
    with pytest.raises(LocalFault) as fault:
        parse_given("/ip4/192.0.2.1/tcp/4001")
    assert fault.value.code == "peer-address"


@given(st.text(max_size=400))
def test_parsing_never_raises(text: str) -> None:
    parse(text)
    parse("/ip4/" + text)


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        ("127.0.0.1", Reach.MACHINE),
        ("::1", Reach.MACHINE),
        ("::ffff:127.0.0.1", Reach.MACHINE),
        ("192.168.1.2", Reach.HOUSE),
        ("fe80::1%eth0", Reach.HOUSE),
        ("fd00::1", Reach.HOUSE),
        ("1.1.1.1", Reach.WORLD),
        ("2606:4700::1", Reach.WORLD),
        ("0.0.0.0", Reach.NOWHERE),
        ("224.0.0.251", Reach.NOWHERE),
        ("255.255.255.255", Reach.NOWHERE),
        ("who", Reach.NOWHERE),
    ],
)
def test_how_far_an_address_reaches(host: str, reach: Reach) -> None:
    assert reach_of(host) == reach


def test_a_stranger_cannot_send_us_to_doors_inside_our_home() -> None:
    told = [at("127.0.0.1"), at("192.168.1.1"), at("1.1.1.1"), at("::1")]
    kept = believable(told, OTHER, "8.8.8.8")
    assert [found.host for found in kept] == ["1.1.1.1"]
    kept = believable(told, OTHER, "192.168.1.7")
    assert [found.host for found in kept] == ["192.168.1.1", "1.1.1.1"]
    assert len(believable(told, OTHER, "127.0.0.1")) == 4


def test_an_open_host_means_the_one_the_peer_is_seen_under() -> None:
    kept = believable([at("0.0.0.0"), at("::", peer=OTHER)], PEER, "192.168.1.7")
    assert [found.text for found in kept] == [at("192.168.1.7")]


def test_too_many_addresses_are_not_taken() -> None:
    told = [at("1.1.1.1", port) for port in range(1, 500)]
    assert len(believable(told, OTHER, "8.8.8.8")) == limits.ADDRESSES_TOLD_MAX_COUNT


def test_private_addresses_stay_in_the_house() -> None:
    known = [parse(at(host)) for host in ("127.0.0.1", "192.168.1.1", "1.1.1.1")]
    kept = [found for found in known if found is not None]
    assert tellable(kept, "8.8.8.8") == [at("1.1.1.1")]
    assert tellable(kept, "192.168.1.9") == [at("1.1.1.1"), at("192.168.1.1")]
    assert len(tellable(kept, "127.0.0.1")) == 3
