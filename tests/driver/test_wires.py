"""TCP in memory fails as that of the system does."""

import errno
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from simulator.driver.wires import MACHINE, WINDOW_BYTES, Wires

HERE, THERE, PORT = "10.0.0.1", "10.0.0.2", 4130
Ends = tuple[Wires, trio.SocketStream, trio.SocketStream]


def connected(test: Callable[[Ends], Awaitable[None]]) -> Callable[[], None]:
    """Run with two ends of a connection, in virtual time."""

    async def main() -> None:
        wires = Wires("test")
        trio.socket.set_custom_socket_factory(wires)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wires.run)
            MACHINE.set(THERE)
            (listener,) = await trio.open_tcp_listeners(PORT, host=THERE)
            MACHINE.set(HERE)
            near = await trio.open_tcp_stream(THERE, PORT)
            far = await listener.accept()
            await test((wires, near, far))
            nursery.cancel_scope.cancel()

    def run() -> None:
        trio.run(main, clock=MockClock(autojump_threshold=0))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


async def silence(stream: trio.SocketStream, seconds: float) -> bool:
    with trio.move_on_after(seconds):
        await stream.receive_some()
        return False
    return True


@connected
async def test_bytes_arrive_late_and_in_order_and_the_end_after_them(ends: Ends) -> None:
    wires, near, far = ends
    began = trio.current_time()
    await near.send_all(b"one")
    await near.send_all(b"two")
    await near.send_eof()
    assert await far.receive_some(3) == b"one"
    assert trio.current_time() - began >= wires.latency(HERE, THERE)
    assert await far.receive_some() == b"two"
    assert await far.receive_some() == b""


@connected
async def test_a_wall_holds_up_what_was_sent(ends: Ends) -> None:
    wires, near, far = ends
    wires.wall(HERE, THERE)
    await near.send_all(b"later")
    assert await silence(far, 1_000)
    wires.open_wall(HERE, THERE)
    assert await far.receive_some() == b"later"


@connected
async def test_a_full_window_holds_up_the_sender(ends: Ends) -> None:
    _, near, far = ends
    with trio.move_on_after(1_000) as scope:
        await near.send_all(bytes(WINDOW_BYTES + 1))
    assert scope.cancelled_caught
    got = 0
    while got < WINDOW_BYTES:
        got += len(await far.receive_some())
    await near.send_all(b"on")
    assert await far.receive_some() == b"on"


@connected
async def test_a_forgotten_connection_is_silent_for_ever_and_a_new_one_works(ends: Ends) -> None:
    wires, near, far = ends
    wires.forget(HERE, THERE)
    await near.send_all(b"lost")
    wires.heal()
    assert await silence(far, 1_000)
    await trio.open_tcp_stream(THERE, PORT)


@connected
async def test_a_reset_is_felt_on_both_sides(ends: Ends) -> None:
    wires, near, far = ends
    wires.reset(HERE, THERE)
    for end in (near, far):
        with pytest.raises(trio.BrokenResourceError):
            await end.receive_some()


@connected
async def test_a_machine_without_power_is_silent_and_knows_nothing_afterwards(ends: Ends) -> None:
    wires, near, _ = ends
    wires.power_off(THERE)
    await near.send_all(b"anybody?")
    assert await silence(near, 1_000)
    wires.power_on(THERE)
    with pytest.raises(trio.BrokenResourceError):
        await near.receive_some()
    with pytest.raises(OSError) as caught:
        await trio.open_tcp_stream(THERE, PORT)
    assert caught.value.__cause__ is not None
    assert _numbers(caught.value.__cause__) == {errno.ECONNREFUSED}


@connected
async def test_what_is_sent_to_a_closed_end_is_answered_with_a_reset(ends: Ends) -> None:
    _, near, far = ends
    await far.aclose()
    await near.send_all(b"too late")
    await trio.sleep(1)
    with pytest.raises(trio.BrokenResourceError):
        await near.send_all(b"again")


def _numbers(error: BaseException) -> set[int | None]:
    if isinstance(error, BaseExceptionGroup):
        return {number for inner in error.exceptions for number in _numbers(inner)}
    assert isinstance(error, OSError)
    return {error.errno}
