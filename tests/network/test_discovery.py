"""Neighbours in the house find each other without being told; here the house is the machine."""

from typing import Any

import pytest
import trio
from zeroconf import EventLoopBlocked, IPVersion, Zeroconf

from node.network.addresses import PeerAddress
from node.network.discovery import Discovery
from tests.network.lab import bounded, until
from tests.network.test_peers import PEERS

pytestmark = pytest.mark.trio
MACHINE = ("127.0.0.1",)


@pytest.fixture(scope="module", autouse=True)
def _multicast() -> None:
    try:
        Zeroconf(interfaces=list(MACHINE), ip_version=IPVersion.V4Only).close()
    except OSError as error:
        pytest.skip(f"no multicast on loopback: {error}")


class Resident:
    def __init__(self, number: int, community: bytes, kind: str = "ip4", host: str = MACHINE[0]):
        self.address = PeerAddress(PEERS[number], kind, host, 4_000 + number)
        self.found: list[PeerAddress] = []
        self.discovery = Discovery(
            community, lambda: [self.address], self.found.append, interfaces=MACHINE
        )


@bounded(15)
async def test_members_of_one_community_find_each_other_and_nobody_else() -> None:
    ours, community, other = b"o" * 32, b"o" * 32, b"x" * 32
    one, two = Resident(0, ours), Resident(1, community)
    stranger, public = Resident(2, other), Resident(3, ours, host="1.1.1.1")
    async with trio.open_nursery() as nursery:
        for resident in (one, two, stranger, public):
            nursery.start_soon(resident.discovery.run)
        await until(lambda: two.address in one.found and one.address in two.found, 8)
        assert one.address in public.found or two.address in public.found
        nursery.cancel_scope.cancel()
    heard = {address.peer for resident in (one, two, public) for address in resident.found}
    assert heard == {one.address.peer, two.address.peer}
    assert {address.peer for address in stranger.found} <= {stranger.address.peer}


@pytest.mark.parametrize("error", [EventLoopBlocked(), ValueError()])
@bounded(15)
async def test_an_announcement_that_cannot_be_read_keeps_nobody_from_hearing_the_next(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    names: list[str] = []
    ask = Zeroconf.get_service_info

    def fail_for_the_first(zeroconf: Zeroconf, type_: str, name: str, *more: Any) -> Any:
        names.append(name)
        if name == names[0]:
            raise error
        return ask(zeroconf, type_, name, *more)

    monkeypatch.setattr(Zeroconf, "get_service_info", fail_for_the_first)
    one, two = Resident(0, b"o" * 32), Resident(1, b"o" * 32)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.discovery.run)
        await until(lambda: bool(names), 8)
        nursery.start_soon(two.discovery.run)
        await until(lambda: two.address in one.found, 8)
        nursery.cancel_scope.cancel()
    assert one.address not in two.found


@bounded(10)
async def test_without_a_network_it_stays_silent_instead_of_failing() -> None:
    lonely = Discovery(b"o" * 32, list, lambda _: None, interfaces=("203.0.113.1",))
    with trio.move_on_after(5):
        await lonely.run()
