"""The doorkeeper: numbers, addresses, unfinished handshakes."""

from node.network.arrivals import Arrivals
from node.protocol import limits


def test_a_quarter_of_the_places_is_not_for_strangers() -> None:
    door = Arrivals(connections_max=8)
    assert door.admit("192.0.2.1", 5, 0)
    assert not door.admit("192.0.2.2", 5, 0)  # the handshake under way counts
    door.handshake_done()
    assert not door.admit("192.0.2.2", 6, 0)


def test_one_address_gets_a_burst_and_then_a_trickle_while_others_get_in() -> None:
    door = Arrivals(connections_max=1_000)

    def tries(host: str, count: int, now: float) -> int:
        admitted = sum(door.admit(host, 0, now) and not door.handshake_done() for _ in range(count))
        return int(admitted)

    assert tries("192.0.2.1", 500, 0) == limits.ARRIVALS_BURST_COUNT
    assert tries("192.0.2.2", 5, 0) == 5
    assert tries("192.0.2.1", 500, 10) == 10 * limits.ARRIVALS_PER_S
    assert tries("2001:db8:0:1::1", 500, 10) == limits.ARRIVALS_BURST_COUNT
    assert tries("2001:db8:0:1::2", 500, 10) == 0  # one house
    assert tries("2001:db8:0:2::1", 5, 10) == 5


def test_unfinished_handshakes_are_few() -> None:
    door = Arrivals(connections_max=1_000)
    admitted = [door.admit(f"192.0.2.{number}", 0, 0) for number in range(100)]
    assert sum(admitted) == limits.HANDSHAKES_MAX_COUNT
    door.handshake_done()
    assert door.admit("192.0.2.200", 0, 0)


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    door = Arrivals(connections_max=1_000)
    for number in range(9_000):
        if door.admit(f"192.0.{number}", 0, number / 1_000):
            door.handshake_done()
    assert len(door._buckets) <= 4_096
