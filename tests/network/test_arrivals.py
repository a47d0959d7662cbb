"""The doorkeeper: numbers, addresses, unfinished handshakes."""

from node.network.arrivals import Arrivals
from node.protocol import limits


def test_a_quarter_of_the_places_is_not_for_strangers() -> None:
    door = Arrivals(connections_max=8)
    assert door.admit("192.0.2.1", 5, 0)
    assert not door.admit("192.0.2.2", 5, 0)  # the handshake under way counts
    door.handshake_done("192.0.2.1")
    assert not door.admit("192.0.2.2", 6, 0)


def test_one_address_gets_a_burst_and_then_a_trickle_while_others_get_in() -> None:
    door = Arrivals(connections_max=1_000)

    def tries(host: str, count: int, now: float) -> int:
        admitted = 0
        for _ in range(count):
            if door.admit(host, 0, now):
                admitted += 1
                door.handshake_done(host)
        return admitted

    assert tries("192.0.2.1", 500, 0) == limits.ARRIVALS_BURST_COUNT
    assert tries("192.0.2.2", 5, 0) == 5
    assert tries("192.0.2.1", 500, 10) == 10 * limits.ARRIVALS_PER_S
    assert tries("2001:db8:0:1::1", 500, 10) == limits.ARRIVALS_BURST_COUNT
    assert tries("2001:db8:0:1::2", 500, 10) == 0  # one house
    assert tries("2001:db8:0:2::1", 5, 10) == 5


def test_unfinished_handshakes_are_few() -> None:
    door = Arrivals(connections_max=1_000)
    admitted = [door.admit(f"192.0.2.{number}", 0, 0) for number in range(200)]
    assert sum(admitted) == limits.HANDSHAKES_MAX_COUNT
    door.handshake_done("192.0.2.0")
    assert door.admit("198.51.100.1", 0, 0)


def test_one_address_that_never_finishes_keeps_nobody_else_out() -> None:
    door = Arrivals(connections_max=1_000)
    for house in ("192.0.2.1", "2001:db8:0:1::1"):
        admitted = [door.admit(house, 0, 0) for _ in range(40)]
        assert sum(admitted) == limits.HANDSHAKES_PER_ADDRESS_MAX_COUNT
        assert not door.admit(house, 0, 0)
        assert door.admit("192.0.2.2", 0, 0)
        door.handshake_done(house)
        assert door.admit(house, 0, 0)
    assert len(door._unfinished) == 3


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    door = Arrivals(connections_max=1_000)
    for number in range(9_000):
        if door.admit(f"192.0.{number}", 0, number / 1_000):
            door.handshake_done(f"192.0.{number}")
    assert not door._unfinished
    assert len(door._buckets) <= 4_096
