"""A device that must not sign any more: shut out by its owner, or exposed as signing twice."""

import shutil
from pathlib import Path

import pytest

from node.ledger import book
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.lanes import heads_of
from node.protocol.social import PostPut
from node.services.incoming import proofs
from node.services.members import devices
from node.services.publish import Draft
from node.services.trading.trade import Proposal
from node.storage.source import SqliteSyncSource
from node.wallet.signer import RootSigner
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio


async def shut_out(person: Person, helper: Person) -> None:
    """With their words, at another home that holds their records, a member shuts a device out."""
    device = person.core.own.public_key
    with RootSigner(bytes(person.root)) as root:
        await helper.publisher.transact(
            lambda appender, state: devices.revoke_device(
                helper.core, appender, state, root, device
            )
        )


def account_heads(person: Person) -> list[bytes]:
    lane_key = person.id + person.core.own.public_key + bytes((Lane.ACCOUNT,))
    return [head.id for head in heads_of(person.core.reader, lane_key)]


async def test_a_device_that_is_shut_out_signs_nothing_more(people: list[Person]) -> None:
    officer, amina, baraka = people
    offered = await amina.trade.propose(Proposal(baraka.id, 500, invoice=False))
    await amina.hand_to(baraka, officer)
    await baraka.trade.accept(offered)
    await shut_out(amina, officer)
    await officer.hand_to(amina, baraka)
    await baraka.hand_to(amina)
    before = account_heads(amina)
    assert await amina.duties() == 0  # the acceptance is there, and is not settled
    post = PostPut(language="ko", reply_to=None, room="광장", salt=bytes(16), text="나예요")
    for attempt in (
        lambda: amina.trade.propose(Proposal(baraka.id, 100, invoice=False)),
        lambda: amina.trade.settle(offered, anyway=True),
        lambda: amina.trade.release(offered),
        lambda: amina.publisher.publish(Draft("post.put", post)),
    ):
        with pytest.raises(LocalFault) as caught:
            await attempt()
        assert caught.value.code == "device-revoked"
    assert account_heads(amina) == before
    assert book.balance(baraka.core.reader, 0, baraka.id) == 0


async def test_a_proof_against_the_own_lane_stops_signing_before_any_record_comes(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    amina.close()
    shutil.copytree(tmp_path / "amina", tmp_path / "amina copy")
    amina = people[1] = move_in(tmp_path, "amina", genesis_for("officer"), Clock())
    twin = move_in(tmp_path, "amina", genesis_for("officer"), Clock(), device=" copy")
    twin.core.signer = amina.core.signer
    for home in (amina, twin):
        await home.trade.propose(Proposal(baraka.id, 10, invoice=False))
        await home.hand_to(officer)
    found = SqliteSyncSource(officer.core.database, officer.core.community).fork_proofs()
    assert await proofs.take(amina.core, found, "officer") == []
    with pytest.raises(LocalFault) as caught:
        await amina.trade.propose(Proposal(officer.id, 10, invoice=False))
    assert caught.value.code == "home-copied"
    twin.close()
