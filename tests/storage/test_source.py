"""What sync reads from SQLite is what it would read from a dict."""

from collections.abc import Sequence

import pytest

from node.protocol import lanes
from node.protocol.errors import StorageFault
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof
from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId
from node.storage.database import Database
from node.storage.source import SqliteSyncSource
from tests.storage.folded import busy_world, take
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return busy_world()


def source_of(database: Database, world: World) -> SqliteSyncSource:
    return SqliteSyncSource(database, CommunityId(world.community))


def test_heads_and_lanes_are_those_of_the_fold(database: Database, world: World) -> None:
    take(database, world, world.raws())
    source, model = source_of(database, world), world.node.state
    heads = source.heads(b"", None)
    assert heads == lanes.heads_between(model, b"", None)
    assert len(heads) > 8
    middle = heads[len(heads) // 2].key
    assert [*source.heads(b"", middle), *source.heads(middle, None)] == heads
    for head in heads:
        assert source.locator(head.lane_key) == lanes.locator(model, head.lane_key)
        for known in ([], [head.id], source.locator(head.lane_key)[-1:]):
            expected = lanes.numbers_beyond(model, head.lane_key, known)
            assert source.numbers_beyond(head.lane_key, known) == expected
    assert source.locator(bytes(65)) == []


def test_records_are_found_by_id_and_number(database: Database, world: World) -> None:
    take(database, world, world.raws())
    source = source_of(database, world)
    head = source.heads(b"", None)[0]
    number = source.number_of(head.id)
    assert number is not None
    assert source.holds(head.id)
    assert source.raw(number) == world.made[head.id].raw
    assert source.number_of(bytes(32)) is None
    assert not source.holds(bytes(32))
    assert source.raw(10**9) is None
    assert source.community == world.community


def test_generation_grows_with_every_new_record(database: Database, world: World) -> None:
    source = source_of(database, world)
    seen = [source.generation()]
    for raw in world.raws()[:5]:
        take(database, world, [raw])
        seen.append(source.generation())
    assert seen == sorted(set(seen))


def test_a_fork_that_is_held_is_proven_and_one_told_of_too(
    database: Database, world: World
) -> None:
    take(database, world, world.raws())
    source = source_of(database, world)
    own = source.fork_proofs()
    assert len(own) == 1
    ids = {made.id for made in world.made.values() if made.raw.header in _headers(own)}
    key, row = next(iter(lanes.FORK.scan(world.node.state, b"", None)))
    assert ids == {row.id_a, row.id_b}
    told = own[0]
    database.writer.run_sync(lambda state: state.fork_proofs.add(bytes(65), told))
    database.writer.run_sync(lambda state: state.fork_proofs.add(key, told))
    assert source.fork_proofs() == [told, told]


def test_proofs_about_accounts_are_told_first_however_many_others_there_are(
    database: Database, world: World
) -> None:
    places = [(name, lane) for name in (b"c", b"a", b"b") for lane in (Lane.SOCIAL, Lane.ACCOUNT)]
    for name, lane in places:
        proof = ForkProof(name, bytes(64), bytes((lane,)), bytes(64))
        key = name.ljust(64, b"\0") + bytes((lane,))
        database.writer.run_sync(lambda s, k=key, p=proof: s.fork_proofs.add(k, p))
    told = source_of(database, world).fork_proofs()
    places.sort(key=lambda place: (place[1] != Lane.ACCOUNT, place[0]))
    assert [(proof.header_a, Lane(proof.header_b[0])) for proof in told] == places


DAMAGE = {
    "another text": "UPDATE records SET body = ?1 WHERE number = ?2",
    "no signer": "UPDATE records SET signer = 999 WHERE number = ?2 AND ?1 = ?1",
    "another record": "INSERT OR REPLACE INTO records SELECT ?2, signer, lead, tail, body,"
    " signature FROM records WHERE number = ?2 + 1 AND ?1 = ?1",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_bytes_that_are_not_those_that_were_stored_are_given_to_nobody(
    database: Database, world: World, statement: str
) -> None:
    take(database, world, world.raws())
    told: list[str] = []
    source = SqliteSyncSource(
        database, CommunityId(world.community), on_damage=lambda: told.append("source")
    )
    raws = [raw for _, raw in database.reader().records_after(-1, 9)]
    numbers = [number for number, _ in database.reader().records_after(-1, 9)]
    assert source.raws(numbers) == raws
    database.writer.run_sync(
        lambda state: state.connection.execute(statement, (b"no text", numbers[3]))
    )
    assert source.raws(numbers) == [*raws[:3], None, *raws[4:]]
    assert source.raw(numbers[3]) is None
    assert told == ["source", "source"]
    database.watch(lambda: told.append("reader"))  # this thread's reader is open already
    with database.snapshot() as another:
        for reader in (database.reader(), another):
            assert reader.raw(numbers[2]) == raws[2]
            with pytest.raises(StorageFault) as fault:
                reader.raw(numbers[3])
            assert fault.value.code == "database-damaged"
    assert told[2:] == ["reader", "reader"]


def _headers(proofs: Sequence[ForkProof]) -> set[bytes]:
    return {h for proof in proofs for h in (proof.header_a, proof.header_b)}


def test_bodies_that_nobody_erased_are_asked_for_until_they_come(database: Database) -> None:
    world = World()
    made = world.post(world.talker("amina"), "came without its text")
    bare = [
        RawRecord(raw.header, None, raw.signature) if raw == made.raw else raw
        for raw in world.raws()
    ]
    take(database, world, bare)
    source = source_of(database, world)
    assert source.bodies_missing(9) == [made.id]
    assert source.bodies_missing(0) == []
    take(database, world, [made.raw])
    assert source.bodies_missing(9) == []
    number = source.number_of(made.id)
    assert number is not None
    assert source.raw(number) == made.raw


def test_erased_bodies_are_not_asked_for(database: Database, world: World) -> None:
    take(database, world, world.raws())
    assert any(raw.body is None for _, raw in database.reader().records_after(-1, 10**6))
    assert source_of(database, world).bodies_missing(9) == []
