"""Token buckets: what is free, what is slowed down, and what is called a flood."""

from hypothesis import given
from hypothesis import strategies as st

from node.network.budget import Bucket, PeerBudget, Throttle
from node.protocol import limits


def test_a_burst_is_free_and_more_has_to_wait() -> None:
    bucket = Bucket(rate=10, burst=20)
    assert bucket.pay(20, now=0) == 0
    assert bucket.pay(5, now=0) == 0.5
    assert bucket.pay(0, now=0.5) == 0


def test_an_unpaid_amount_leaves_the_bucket_as_it_was() -> None:
    bucket = Bucket(rate=1, burst=3)
    assert bucket.try_pay(3, now=0)
    assert not bucket.try_pay(1, now=0.5)
    assert bucket.try_pay(1, now=1.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 50)), max_size=60))
def test_no_more_than_rate_and_burst_ever_passes(steps: list[tuple[float, float]]) -> None:
    bucket = Bucket(rate=10, burst=20)
    now, passed = 0.0, 0.0
    for pause, amount in steps:
        now += pause
        if bucket.try_pay(amount, now):
            passed += amount
    assert passed <= 20 + 10 * now + 1e-6


def test_who_obeys_the_waits_but_never_pauses_is_flooding() -> None:
    throttle = Throttle(Bucket(rate=100, burst=100), patience_s=1.5)
    now = 0.0
    while not throttle.flooded(now) and now < 10:
        now += throttle.pay(50, now)
    assert 1.5 <= now < 2.6  # one second of burst, then the patience


def test_who_pauses_is_not_flooding() -> None:
    throttle = Throttle(Bucket(rate=100, burst=100), patience_s=1.5)
    now = 0.0
    for _ in range(20):
        now += throttle.pay(150, now)
        assert not throttle.flooded(now)
        now += 2.0
        throttle.pay(1, now)


def test_a_peer_that_sends_at_full_speed_is_cut_off_within_two_seconds_of_its_burst() -> None:
    budget = PeerBudget()
    speed = 200_000_000  # bytes a second, as fast as loopback gets through libp2p
    now = 0.0
    while not budget.flooded(now):
        now += 65_536 / speed + budget.received(65_536, now)
        assert now < limits.PEER_BYTES_BURST_BYTES / speed + 2.0
    assert budget.bytes_in > limits.PEER_BYTES_BURST_BYTES


def test_a_flood_of_tiny_frames_is_noticed_by_their_number() -> None:
    budget = PeerBudget()
    now = 0.0
    while not budget.flooded(now) and now < 10:
        now += 0.00005 + budget.received(12, now)
    assert now < 2.0


def test_who_brings_much_may_bring_it_in_many_reads() -> None:
    """Sync at full speed: headers of twelve bytes before frames of thirty thousand."""
    budget, now = PeerBudget(), 0.0
    for _ in range(20_000):
        now += 0.002
        assert budget.received(12, now) + budget.received(30_000, now) == 0
    assert not budget.flooded(now)
    frugal = PeerBudget()
    for _ in range(2_000):
        now += 0.002
        frugal.received(12, now)
    assert not frugal.flooded(now)
