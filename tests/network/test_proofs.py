"""Fork proofs on real nodes: ahead of all that waits, from node to node, and kept."""

import os
from pathlib import Path

import pytest
import trio

from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof
from node.protocol.record import RawRecord
from node.protocol.social import PostPut
from node.services.incoming import proofs
from node.services.incoming.intake import Outcome
from node.services.publish import Draft
from node.services.trading.trade import Proposal
from node.storage.source import SqliteSyncSource
from tests.network.lab import bounded, until
from tests.network.test_network import House
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio
POSTS_COUNT = 2_000
POST_BYTES = 2_000  # of chance, so that no compression makes them fit into what is in flight


class Alert(House):
    """A node that verifies and keeps the proofs it is told, and can be slow in taking records."""

    def __init__(self, person: Person, *peers: str) -> None:
        super().__init__(person, *peers)
        self.goes_on = trio.Event()
        self.goes_on.set()
        self.stored = 0
        self.network.take_proofs = self._keep  # type: ignore[method-assign]
        self._nursery: trio.Nursery | None = None

    def _keep(self, found: list[ForkProof], peer: str) -> None:
        assert self._nursery is not None
        self.told_proofs.extend(found)
        self._nursery.start_soon(proofs.take, self.person.core, found, peer)

    async def _intake(self, records: list[RawRecord], source: str) -> Outcome:
        await self.goes_on.wait()
        self.stored += len(records)
        return await super()._intake(records, source)

    def knows(self, lane_key: bytes) -> bool:
        return self.person.core.reader.fork_proofs.get(lane_key) is not None


async def fork_of(folder: Path, amina: Person, baraka: Person) -> tuple[bytes, ForkProof, bytes]:
    """(lane key, proof, a record of it): Amina's key signs at two places."""
    folder.mkdir()
    twin = move_in(folder, "amina", genesis_for("officer"), Clock(1_800_000_000_000))
    twin.core.signer, signer = None, twin.core.signer  # its own records are no surprise here
    await amina.hand_to(twin)
    twin.core.signer = signer
    left = await amina.trade.propose(Proposal(baraka.id, 10, invoice=False))
    right = await twin.trade.propose(Proposal(baraka.id, 20, invoice=False))
    raws = [
        home.core.reader.raw(lanes.ENTRY.must(home.core.reader, record).number)
        for home, record in ((amina, left), (twin, right))
    ]
    twin.close()
    one, two = raws
    assert one is not None
    assert two is not None
    lane_key = amina.id + amina.core.own.public_key + bytes((Lane.ACCOUNT,))
    return lane_key, ForkProof(one.header, one.signature, two.header, two.signature), right


async def talks_much(person: Person) -> None:
    """Thousands of posts."""
    drafts = [
        Draft(
            "post.put",
            PostPut(
                language=None, reply_to=None, room="hall", salt=bytes(16),
                text=os.urandom(POST_BYTES // 2).hex(),
            ),
        )
        for _ in range(POSTS_COUNT)
    ]  # fmt: skip
    await person.publisher.publish(*drafts)


@bounded(60)
async def test_a_proof_comes_before_the_thousands_of_records_that_wait(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    lane_key, proof, right = await fork_of(tmp_path / "twin", amina, baraka)
    await talks_much(officer)
    newcomer = move_in(tmp_path, "newcomer", genesis_for("officer"), Clock())
    first, last = Alert(officer), Alert(newcomer)
    last.goes_on = trio.Event()  # it takes nothing in for now
    assert await proofs.take(officer.core, [proof], "somebody") == []
    async with trio.open_nursery() as nursery:
        first._nursery = last._nursery = nursery
        async with first.running(), last.running():
            last.network.add_peer(first.address)
            await until(lambda: last.knows(lane_key), 20)
            assert last.stored == 0
            assert not lanes.ENTRY.has(newcomer.core.reader, right)
            last.goes_on.set()
            await until(lambda: last.count() == first.count(), 30)
    newcomer.close()
    again = move_in(tmp_path, "newcomer", genesis_for("officer"), Clock())
    assert again.core.reader.fork_proofs.get(lane_key) == proof
    again.close()


@bounded(60)
async def test_a_proof_overtakes_what_is_not_yet_in_flight_and_goes_on_to_the_next(
    people: list[Person], tmp_path: Path
) -> None:
    """In the middle of a long answer a proof comes up, without any record: it goes next, and from
    neighbour to neighbour."""
    officer, amina, baraka = people
    lane_key, proof, _ = await fork_of(tmp_path / "twin", amina, baraka)
    await talks_much(officer)
    newcomer = move_in(tmp_path, "newcomer", genesis_for("officer"), Clock())
    first, middle, last = Alert(officer), Alert(newcomer), Alert(baraka)
    middle.goes_on = trio.Event()
    async with trio.open_nursery() as nursery:
        for house in (first, middle, last):
            house._nursery = nursery
        async with first.running(), middle.running(), last.running():
            middle.network.add_peer(first.address)
            await until(lambda: middle.network.neighbours()[:1] and _busy(middle), 20)
            assert await proofs.take(officer.core, [proof], "somebody") == []
            left = _left(middle)
            assert left > POSTS_COUNT // 2
            middle.goes_on.set()
            await until(lambda: middle.knows(lane_key), 20)
            assert middle.stored < POSTS_COUNT
            last.network.add_peer(middle.address)
            await until(lambda: last.knows(lane_key), 20)
            await until(lambda: middle.count() == first.count(), 30)
    assert proof in SqliteSyncSource(baraka.core.database, baraka.core.community).fork_proofs()
    newcomer.close()


def _left(house: House) -> int:
    return sum(one.records_left for one in house.network.neighbours())


def _busy(house: House) -> bool:
    return _left(house) > 0


@bounded(30)
async def test_a_proof_alone_is_passed_on_between_neighbours_that_are_in_sync(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    lane_key, proof, _ = await fork_of(tmp_path / "twin", amina, baraka)
    await amina.hand_to(officer, baraka)
    houses = [Alert(person) for person in (officer, baraka, amina)]
    first, middle, last = houses
    async with trio.open_nursery() as nursery:
        for house in houses:
            house._nursery = nursery
        async with first.running(), middle.running(), last.running():
            first.network.add_peer(middle.address)
            last.network.add_peer(middle.address)
            await until(lambda: all(house.in_sync() for house in houses), 15)
            assert await proofs.take(officer.core, [proof], "somebody") == []
            await until(lambda: all(house.knows(lane_key) for house in houses), 10)
    for person in (officer, baraka):
        found = proofs.lane_alerts(person.core, person.core.reader, lane_key, 0)
        assert found == {"forked"}
