"""Whom to dial and when, without sockets: time and chance are arguments."""

import random

from hypothesis import given
from hypothesis import strategies as st
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID

from node.network.addresses import PeerAddress
from node.network.peers import Origin, PeerBook
from node.protocol import limits


def peer_id(number: int) -> str:
    return str(ID.from_pubkey(create_new_key_pair(number.to_bytes(32, "big")).public_key))


PEERS = [peer_id(number) for number in range(1, 41)]


def address(number: int, port: int = 4001) -> PeerAddress:
    return PeerAddress(PEERS[number], "ip4", f"10.0.0.{number + 1}", port)


def book() -> PeerBook:
    return PeerBook(own=peer_id(99), chance=lambda: 0.5)


def test_a_given_peer_is_due_at_once_and_again_after_every_failure() -> None:
    peers = book()
    assert peers.add(address(0), Origin.GIVEN, now=0)
    waits, now = [], 0.0
    for _ in range(40):
        assert peers.due([], now) == [address(0)]
        peers.failed(PEERS[0], now)
        due_at = peers.next_due_at([])
        assert due_at is not None
        waits.append(due_at - now)
        assert peers.due([], due_at - 0.001) == []
        now = due_at
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == limits.REDIAL_GIVEN_MAX_S


def test_a_learned_peer_is_forgotten_after_failures_in_a_row() -> None:
    peers = book()
    peers.add(address(0), Origin.LEARNED, now=0)
    for _ in range(limits.REDIAL_FORGET_COUNT):
        assert PEERS[0] in peers
        peers.failed(PEERS[0], 0)
    assert PEERS[0] not in peers


def test_with_enough_neighbours_only_given_peers_are_dialled() -> None:
    peers = book()
    peers.add(address(20), Origin.LEARNED, now=0)
    peers.add(address(21), Origin.GIVEN, now=0)
    neighbours = PEERS[: limits.NEIGHBOURS_TARGET_COUNT]
    assert peers.due(neighbours, 0) == [address(21)]
    assert set(peers.due([], 0)) == {address(20), address(21)}


def test_who_is_connected_is_not_dialled() -> None:
    peers = book()
    peers.add(address(0), Origin.GIVEN, now=0)
    assert peers.due([PEERS[0]], 0) == []
    assert peers.next_due_at([PEERS[0]]) is None


def test_addresses_take_turns_and_the_one_that_worked_comes_first() -> None:
    peers = book()
    peers.add(address(0, 1), Origin.GIVEN, now=0)
    peers.add(address(0, 2), Origin.LEARNED, now=0)
    assert peers.due([], 0) == [address(0, 1)]
    peers.failed(PEERS[0], 0)
    assert peers.due([], 100) == [address(0, 2)]
    peers.worked(address(0, 2), 100)
    peers.lost(PEERS[0], 110)
    assert peers.due([], 110) == []
    assert peers.due([], 112) == [address(0, 2)]
    assert peers.proven() == [address(0, 2)]


def test_our_own_address_is_never_kept() -> None:
    peers = PeerBook(own=PEERS[0], chance=random.random)
    assert not peers.add(address(0), Origin.GIVEN, now=0)


def test_a_banned_peer_is_put_off() -> None:
    peers = book()
    peers.add(address(0), Origin.GIVEN, now=0)
    peers.put_off(PEERS[0], 500)
    assert peers.due([], 499) == []
    assert peers.due([], 500) == [address(0)]


def test_a_flood_of_learned_addresses_pushes_out_nothing_of_worth() -> None:
    peers = book()
    peers.add(address(0), Origin.GIVEN, now=0)
    peers.add(address(1), Origin.KEPT, now=0)
    for number in range(3 * limits.BOOK_PEERS_MAX_COUNT):
        peers.add(PeerAddress(f"made-up-{number}", "ip4", "10.1.1.1", 1), Origin.LEARNED, now=0)
    assert len(peers) == limits.BOOK_PEERS_MAX_COUNT
    assert PEERS[0] in peers
    assert PEERS[1] in peers
    for port in range(1, 50):
        peers.add(address(0, port), Origin.LEARNED, now=0)
    assert peers.due([], 0)[0] == address(0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.floats(0, 50)), max_size=80))
def test_every_peer_known_is_due_again_sooner_or_later(steps: list[tuple[int, int, float]]) -> None:
    peers, now = PeerBook(own=peer_id(99), chance=random.Random(1).random), 0.0
    for number, step, pause in steps:
        now += pause
        if step == 0:
            peers.add(address(number), Origin.GIVEN, now)
        elif step == 1:
            peers.failed(PEERS[number], now)
        elif step == 2:
            peers.worked(address(number), now)
        else:
            peers.lost(PEERS[number], now)
    known = sum(peer in peers for peer in PEERS)
    far = now + limits.REDIAL_GIVEN_MAX_S * 2
    assert len(peers.due([], far)) == min(known, limits.DIALS_AT_ONCE_MAX_COUNT)
