"""What may be in flight, and what a neighbour may cost, as time goes by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.flow import Allowance, Arrivals, Patience, Window

sizes = st.lists(st.integers(1, limits.FRAME_SIZE_MAX_BYTES), max_size=40)


@given(sizes, st.data())
def test_two_ends_agree_on_what_is_in_flight(frames: list[int], data: st.DataObject) -> None:
    """What the sender's window lets through never breaks the receiver's rule."""
    window = Window(limits.FRAMES_IN_FLIGHT_MAX_COUNT, limits.WINDOW_BYTES)
    arrivals = Arrivals()
    open_tokens: list[int] = []
    for size in frames:
        while not (window.open and window.fits(size)):
            token = open_tokens.pop(data.draw(st.integers(0, len(open_tokens) - 1)))
            arrivals.settled(token)
            done = arrivals.collect()
            if done:
                window.acknowledged(done)
        window.sent(size)
        open_tokens.append(arrivals.arrived(size))
    for token in open_tokens:
        arrivals.settled(token)
    rest = arrivals.collect()
    if rest:
        window.acknowledged(rest)
    assert not window.busy
    with pytest.raises(RemoteFault) as fault:
        window.acknowledged(1)
    assert fault.value.code == Parting.WINDOW


def test_a_sender_keeps_to_the_smaller_of_both_limits() -> None:
    window = Window(2, 1_000)
    assert window.fits(limits.FRAME_SIZE_MAX_BYTES)  # one alone may always go
    window.sent(600)
    assert window.fits(400)
    assert not window.fits(401)
    window.sent(100)
    assert not window.open
    full = Window(9, 1_000)
    full.sent(999)
    assert full.open
    full.sent(1)
    assert not full.open
    wide = Window(10**6, 10**9)
    for _ in range(limits.FRAMES_IN_FLIGHT_MAX_COUNT):
        assert wide.open
        wide.sent(1)
    assert not wide.open
    heavy = Window(10**6, 10**9)
    heavy.sent(limits.WINDOW_BYTES - 1)
    assert (heavy.open, heavy.fits(1), heavy.fits(2)) == (True, True, False)
    heavy.sent(1)
    assert not heavy.open


def test_what_is_dealt_with_leaves_room_for_as_much_again() -> None:
    window, arrivals = Window(9, limits.WINDOW_BYTES), Arrivals()
    for _ in range(3):
        tokens: list[int] = []
        while window.fits(limits.FRAME_SIZE_MAX_BYTES):
            window.sent(limits.FRAME_SIZE_MAX_BYTES)
            tokens.append(arrivals.arrived(limits.FRAME_SIZE_MAX_BYTES))
        assert len(tokens) == limits.WINDOW_BYTES // limits.FRAME_SIZE_MAX_BYTES
        for token in tokens:
            arrivals.settled(token)
        assert arrivals.collect() == len(tokens)
        assert arrivals.collect() == 0
        window.acknowledged(len(tokens))


def test_work_is_allowed_at_a_rate_after_a_burst() -> None:
    allowance = Allowance(at_ms=5_000)
    now, done_us = 5_000, 0
    while now < 65_000:
        if allowance.ready(now):
            allowance.spend(50_000, now)
            done_us += 50_000
        else:
            assert allowance.ready_at_ms() > now
            now = allowance.ready_at_ms()
            assert allowance.ready(now)
    allowed = limits.PEER_WORK_BURST_US + 60 * limits.PEER_WORK_PER_S_US
    assert allowed - 100_000 <= done_us <= allowed + 100_000


def test_a_long_pause_saves_up_no_more_than_a_burst() -> None:
    allowance = Allowance()
    allowance.spend(limits.PEER_WORK_BURST_US, 0)
    allowance.spend(0, 10**9)
    assert allowance.level_us == limits.PEER_WORK_BURST_US
    allowance.spend(limits.PEER_WORK_BURST_US + limits.PEER_WORK_DEBT_MAX_US, 10**9)
    assert not allowance.flooded()
    allowance.spend(1, 10**9)
    assert allowance.flooded()


@given(st.integers(1, 10**7), st.integers(0, 10**12))
def test_the_time_named_is_the_first_at_which_work_goes_on(debt_us: int, began_ms: int) -> None:
    allowance = Allowance(at_ms=began_ms)
    allowance.spend(limits.PEER_WORK_BURST_US + debt_us, began_ms)
    at = allowance.ready_at_ms()
    assert not Allowance(allowance.level_us, began_ms).ready(at - 1)
    assert Allowance(allowance.level_us, began_ms).ready(at)


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    allowance = Allowance(at_ms=9_000)
    allowance.spend(1_000, 9_000)
    allowance.spend(1_000, 8_000)
    assert (allowance.level_us, allowance.at_ms) == (limits.PEER_WORK_BURST_US - 2_000, 9_000)


BEGAN_MS = 7_000_000


def patience() -> Patience:
    found = Patience()
    found.started(BEGAN_MS)
    return found


def test_a_greeting_is_awaited_for_its_time_and_no_longer() -> None:
    waiting, late = patience(), BEGAN_MS + limits.HELLO_MAX_MS
    assert waiting.deadline(greeting=True) == late
    assert waiting.overdue(late - 1, greeting=True) is None
    assert waiting.overdue(late, greeting=True) == Parting.NO_HELLO


def test_silence_and_quiet_end_when_they_are_said_to() -> None:
    talking = patience()
    quiet, silent = BEGAN_MS + limits.KEEPALIVE_INTERVAL_MS, BEGAN_MS + limits.SILENCE_MAX_MS
    assert talking.deadline(greeting=False) == quiet
    assert (talking.quiet(quiet - 1), talking.quiet(quiet)) == (False, True)
    assert talking.overdue(silent - 1, greeting=False) is None
    assert talking.overdue(silent, greeting=False) == Parting.SILENT
    talking.received(silent, progress=False)
    assert talking.overdue(silent, greeting=False) is None
    talking.sent_at = silent
    assert talking.deadline(greeting=False) == silent + limits.KEEPALIVE_INTERVAL_MS


def test_what_is_owed_is_owed_from_the_first_moment_until_it_moves() -> None:
    talking = patience()
    assert talking.watch(True, BEGAN_MS + 5) == BEGAN_MS + limits.KEEPALIVE_INTERVAL_MS
    talking.watch(True, BEGAN_MS + 900)
    stalled = BEGAN_MS + 5 + limits.PROGRESS_MAX_MS
    talking.received(stalled, progress=False)  # a sign of life moves nothing
    talking.sent_at = stalled
    assert talking.deadline(greeting=False) == stalled
    assert talking.overdue(stalled - 1, greeting=False) is None
    assert talking.overdue(stalled, greeting=False) == Parting.STALLED
    talking.received(stalled, progress=True)
    assert talking.overdue(stalled, greeting=False) is None
    talking.watch(True, stalled)
    talking.watch(False, stalled + 1)
    assert talking.owed_since is None
