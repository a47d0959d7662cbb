"""What a home signs by its own hand: kept for the network, told, or not signed at all."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from node.protocol import lanes
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.office import WitnessStamp
from node.protocol.social import PostPut
from node.protocol.state import DictState, Overlay
from node.services import missing
from node.services.core import Committed
from node.services.incoming import proofs
from node.services.incoming.checks import CHUNK_RECORDS_COUNT, Checks
from node.services.missing import MENDING_SETTING, NOTHING, Missing
from node.services.publish import COPIED_HOME, NOTHING_SIGNED, Appender, Draft, own_auth
from node.services.trading.trade import Proposal
from node.storage.source import SqliteSyncSource
from node.storage.state import WriterState
from node.views import identities
from tests.support.exports import WORLD, home_of
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio


def post(text: str) -> Draft:
    body = PostPut(language=None, reply_to=None, room="well", salt=bytes(16), text=text)
    return Draft("post.put", body)


def listened(person: Person) -> list[Committed]:
    found: list[Committed] = []
    person.core.listeners.append(found.append)
    return found


def kept_events(person: Person) -> list[tuple[str, bytes]]:
    """What a client that was away reads."""
    return [(event.name, event.subject) for event in person.core.reader.events.after(0, 10_000)]


def copied(people: list[Person], tmp_path: Path) -> Person:
    """A second home with amina's files and key; both are open."""
    amina = people[1]
    amina.close()
    shutil.copytree(tmp_path / "amina", tmp_path / "amina copy")
    people[1] = move_in(tmp_path, "amina", genesis_for("officer"), Clock())
    twin = move_in(tmp_path, "amina", genesis_for("officer"), Clock(), device=" copy")
    twin.core.signer = people[1].core.signer
    return twin


async def test_what_is_signed_waits_to_be_gossiped_in_its_order_and_is_told(
    people: list[Person],
) -> None:
    _, amina, _ = people
    before, told = amina.core.reader.outbox.count(), listened(amina)
    ids = await amina.publisher.publish(*(post(str(n)) for n in range(3)))
    owed = amina.core.reader.outbox.first(100)[before:]
    numbers = [lanes.ENTRY.must(amina.core.reader, record).number for record in ids]
    assert [number for _, number in owed][-3:] == numbers
    assert [record for done in told for record, _ in done.records][-3:] == ids
    lane = amina.id + amina.core.own.public_key + bytes((Lane.SOCIAL,))
    assert [done.lanes for done in told] == [frozenset({lane})]


@pytest.mark.parametrize("mending", [False, True])
async def test_a_copy_that_only_goes_on_where_this_home_stopped_is_noticed_too(
    people: list[Person], tmp_path: Path, mending: bool
) -> None:
    """No lane is forked yet: the next record of this home would fork it. A home that waits for what
    it lost of another lane notices it as well."""
    twin = copied(people, tmp_path)
    amina = people[1]
    if mending:
        account = amina.id + amina.core.own.public_key + bytes((Lane.ACCOUNT,))
        amina.core.missing = Missing({account: 0}, ())
    told = listened(amina)
    strange = (await twin.publisher.publish(post("not by this home")))[-1]
    await twin.hand_to(amina)
    assert amina.core.reader.settings.get(COPIED_HOME) is not None
    assert ("home.copied", strange) in [event for done in told for event in done.events]
    assert ("home.copied", strange) in kept_events(amina)
    with pytest.raises(LocalFault) as caught:
        await amina.publisher.publish(post("hello"))
    assert caught.value.code == "home-copied"
    twin.close()


async def test_a_proof_is_told_once_and_only_one_against_this_device_stops_it(
    people: list[Person], tmp_path: Path
) -> None:
    officer, _, baraka = people
    twin = copied(people, tmp_path)
    amina = people[1]
    other_device = move_in(tmp_path, "amina", genesis_for("officer"), Clock(), device=" phone")
    for home in (amina, twin):
        await home.trade.propose(Proposal(baraka.id, 10, invoice=False))
        await home.hand_to(officer)
    found = SqliteSyncSource(officer.core.database, officer.core.community).fork_proofs()
    lane = amina.id + amina.core.own.public_key + bytes((Lane.ACCOUNT,))
    for person in (baraka, other_device):
        told = listened(person)
        for _ in range(2):
            assert await proofs.take(person.core, found, "officer") == []
        assert [event for done in told for event in done.events] == [("fork", lane)]
        assert kept_events(person)[-1] == ("fork", lane)
        assert person.core.reader.settings.get(COPIED_HOME) is None
        lower = proofs.lower_id(person.core.reader, lane, person.core.community)
        assert lower == proofs.lower_id(officer.core.reader, lane, officer.core.community)
    told = listened(amina)
    await proofs.take(amina.core, found, "officer")
    [(first, _), (name, record)] = [event for done in told for event in done.events]
    assert (first, name) == ("fork", "home.copied")
    assert not lanes.ENTRY.has(amina.core.reader, record)  # the one that this home did not sign
    twin.close()
    other_device.close()


async def test_a_lane_is_signed_under_the_device_record_that_has_its_scope() -> None:
    overlay, device = (
        Overlay(DictState()),
        SimpleNamespace(member_id=b"m" * 32, public_key=b"k" * 32),
    )
    for record, scopes in ((b"1" * 32, ["account"]), (b"2" * 32, ["social", "market"])):
        identities.DEVICE.put(overlay, device.member_id + device.public_key + record, scopes)
    assert own_auth(overlay, device, Lane.ACCOUNT) == b"1" * 32
    assert own_auth(overlay, device, Lane.MARKET) == b"2" * 32
    with pytest.raises(LocalFault) as caught:
        own_auth(overlay, device, Lane.OFFICE)
    assert caught.value.code == "device-not-added"


async def test_relays_wait_for_an_echo_as_payers_do(people: list[Person]) -> None:
    _, amina, _ = people
    amina.core.echo_wanted = True
    stamp = Draft("witness.stamp", WitnessStamp(head=bytes(32), open=bytes(32)))
    with pytest.raises(LocalFault) as caught:
        await amina.publisher.publish(stamp)
    assert caught.value.code == "not-echoed"
    assert await amina.publisher.publish(post("talk does not"))


@pytest.mark.parametrize("code", [*sorted(NOTHING_SIGNED), "trade-state", "over-limit"])
async def test_what_speaks_of_this_device_is_no_failure_of_a_duty(
    people: list[Person], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A duty that meets it signs nothing; one odd item is left, and does not hold up the others."""
    _, amina, _ = people

    def fails(*_: object) -> int:
        raise LocalFault(code)

    if code in NOTHING_SIGNED:
        assert await amina.publisher.by_itself(fails) == 0
    else:
        with pytest.raises(LocalFault):
            await amina.publisher.by_itself(fails)
    monkeypatch.setattr(Appender, "append", fails)

    def work(appender: Appender, _: WriterState) -> int:
        return int(appender.attempt(post("hello")))

    if code in NOTHING_SIGNED:
        with pytest.raises(LocalFault):
            await amina.publisher.transact(work)
    else:
        assert await amina.publisher.transact(work) == 0


async def test_what_is_missing_is_written_down_until_it_is_there(people: list[Person]) -> None:
    _, amina, _ = people
    core, lane, lost = amina.core, amina.id + amina.core.own.public_key + b"\x01", b"\x07" * 32
    held = (await amina.publisher.publish(post("held")))[-1]

    async def write(job) -> None:  # type: ignore[no-untyped-def]
        await core.writer.run(job)

    await write(lambda state: missing.write(state, Missing({lane: 4}, (lost, held))))
    assert missing.read(core.reader) == Missing({lane: 4}, (lost,))
    await write(missing.settle)
    assert missing.read(core.reader) == Missing({}, (lost,))
    await write(lambda state: missing.write(state, NOTHING))
    assert core.reader.settings.get(MENDING_SETTING) is None
    for text in ("{", '{"lanes": {"zz": 1}, "records": []}', '{"lanes": {}, "records": ["0"]}'):

        def spoil(state: WriterState, text: str = text) -> None:
            state.settings.put(MENDING_SETTING, text)

        await write(spoil)
        assert missing.read(core.reader) == NOTHING


async def test_parts_that_are_verified_beside_each_other_come_back_in_order() -> None:
    raws = (WORLD.raws() * 20)[: 3 * CHUNK_RECORDS_COUNT + 7]
    with home_of(WORLD.genesis_bytes) as core:
        found = await Checks(core).records(raws)
    assert [getattr(item, "raw", None) for item in found] == raws
