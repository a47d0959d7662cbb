"""What comes from elsewhere: strangers wait, order does not matter, copied homes are noticed."""

import random
import shutil
from pathlib import Path

import pytest

from node.ledger import alerts, book
from node.ledger.root import state_root
from node.protocol import lanes
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof
from node.protocol.record import RawRecord
from node.protocol.social import PostPut
from node.services.incoming import proofs
from node.services.publish import Draft
from node.services.trading.trade import Proposal
from node.storage.source import SqliteSyncSource
from tests.support.homes import (
    Clock,
    Person,
    genesis_for,
    introduce,
    move_in,
    seed_of,
)

pytestmark = pytest.mark.trio


def post(text: str) -> Draft:
    body = PostPut(language="ko", reply_to=None, room="광장", salt=bytes(16), text=text)
    return Draft("post.put", body)


def everything(person: Person) -> list[RawRecord]:
    return [raw for _, raw in person.core.reader.records_after(-1, 1_000_000)]


async def test_records_in_any_order_give_the_same_root(
    people: list[Person], tmp_path: Path
) -> None:
    _, amina, baraka = people
    trade = await baraka.trade.propose(Proposal(amina.id, 300, invoice=True))
    await baraka.hand_to(amina)
    await amina.trade.accept(trade)
    await amina.publisher.publish(post("안녕하세요"))
    raws = everything(amina)
    want = state_root(amina.core.reader, amina.core.rules)
    for seed in range(5):
        rng = random.Random(seed)
        fresh = move_in(tmp_path, f"fresh{seed}", genesis_for("officer"), Clock())
        shuffled = raws + rng.sample(raws, 10)
        rng.shuffle(shuffled)
        while shuffled:
            size = rng.randint(1, 9)
            await fresh.intake.take(shuffled[:size], "neighbour")
            shuffled = shuffled[size:]
        assert state_root(fresh.core.reader, fresh.core.rules) == want, f"seed {seed}"
        fresh.close()


async def test_a_stranger_may_only_introduce_themselves(
    people: list[Person], tmp_path: Path
) -> None:
    officer = people[0]
    stranger = move_in(tmp_path, "stranger", genesis_for("officer"), Clock())
    await introduce(stranger, seed_of("stranger device "))
    await stranger.community.apply(None, "저도 끼워 주세요", None)
    await stranger.publisher.publish(*(post(f"광고 {n}") for n in range(9)))
    (outcome,) = await stranger.hand_to(officer)
    assert outcome.deferred == 7  # three social records introduce; the rest waits
    await officer.community.admit(None, stranger.id)
    (again,) = await stranger.hand_to(officer)
    assert again.deferred == 0
    assert again.accepted == 7
    stranger.close()


async def test_what_waited_for_an_admission_is_taken_up_by_the_home_that_admits(
    people: list[Person], tmp_path: Path
) -> None:
    officer = people[0]
    stranger = move_in(tmp_path, "stranger", genesis_for("officer"), Clock())
    await introduce(stranger, seed_of("stranger device "))
    await stranger.community.apply(None, "", None)
    await stranger.publisher.publish(*(post(f"안녕 {n}") for n in range(9)))
    await stranger.hand_to(officer)
    assert await officer.intake.perform() == 0
    await officer.community.admit(None, stranger.id)
    assert await officer.intake.perform() == 7
    assert await officer.intake.perform() == 0
    (again,) = await stranger.hand_to(officer)
    assert (again.accepted, again.deferred) == (0, 0)
    stranger.close()


async def test_refused_bytes_are_counted_and_nothing_is_stored(people: list[Person]) -> None:
    officer, amina, _ = people
    await amina.publisher.publish(post("안녕"))
    raw = everything(amina)[-1]
    broken = RawRecord(raw.header, raw.body, bytes(64))
    before = officer.core.reader.record_count()
    outcome = await officer.intake.take([broken, RawRecord(b"x" * 99, b"", bytes(64))], "bad")
    assert dict(outcome.rejected) == {"signature": 1, "encoding": 1}
    assert sorted(outcome.faults) == ["encoding", "signature"]
    assert officer.core.reader.record_count() == before


async def test_what_is_held_is_known_at_once_and_a_false_copy_of_it_is_refused(
    people: list[Person],
) -> None:
    officer, amina, _ = people
    await amina.publisher.publish(post("안녕"))
    await amina.hand_to(officer)
    raw = everything(amina)[-1]
    unsigned = RawRecord(raw.header, raw.body, bytes(64))
    changed = RawRecord(raw.header, b"\x80", raw.signature)
    without = RawRecord(raw.header, None, raw.signature)
    outcome = await officer.intake.take([raw, unsigned, changed, without, raw], "neighbour")
    assert (outcome.duplicate, outcome.accepted) == (3, 0)
    assert dict(outcome.rejected) == {"signature": 1, "body": 1}


async def test_a_copied_home_stops_signing_and_is_exposed_to_all(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    genesis = genesis_for("officer")
    amina.close()
    shutil.copytree(tmp_path / "amina", tmp_path / "amina copy")
    amina = people[1] = move_in(tmp_path, "amina", genesis, Clock())
    twin = move_in(tmp_path, "amina", genesis, Clock(), device=" copy")
    twin.core.signer = amina.core.signer
    first = await amina.trade.propose(Proposal(baraka.id, 9_000, invoice=False))
    second = await twin.trade.propose(Proposal(officer.id, 9_000, invoice=False))
    await amina.hand_to(baraka)
    await baraka.trade.accept(first)
    await twin.hand_to(officer)
    await officer.trade.accept(second)
    for giver, taker in ((baraka, amina), (officer, twin)):
        await giver.hand_to(taker)
        await taker.duties()
    await amina.hand_to(baraka, officer, twin)
    await twin.hand_to(amina, baraka, officer)
    for home in (amina, twin):
        with pytest.raises(LocalFault) as caught:
            await home.trade.propose(Proposal(baraka.id, 1, invoice=False))
        assert caught.value.code == "home-copied"
    lane_key = amina.id + amina.core.own.public_key + bytes((Lane.ACCOUNT,))
    for home in (officer, baraka):
        assert alerts.alerts_on(home.core.reader, lane_key, home.core.rules, 0) == {"forked"}
        with pytest.raises(LocalFault) as caught:
            await home.trade.propose(Proposal(amina.id, 1, invoice=False))
        assert caught.value.code == "forked"
        total = [book.balance(home.core.reader, 0, p.id) for p in (officer, amina, baraka)]
        assert total == [9_000, -18_000, 9_000]
    for other in (officer, baraka):
        await other.hand_to(amina, twin, officer, baraka)
    roots = {state_root(p.core.reader, p.core.rules) for p in (amina, twin, officer, baraka)}
    assert len(roots) == 1
    twin.close()


async def test_a_fork_proof_alone_is_enough_to_refuse(people: list[Person], tmp_path: Path) -> None:
    officer, amina, baraka = people
    genesis = genesis_for("officer")
    amina.close()
    shutil.copytree(tmp_path / "amina", tmp_path / "amina copy")
    amina = people[1] = move_in(tmp_path, "amina", genesis, Clock())
    twin = move_in(tmp_path, "amina", genesis, Clock(), device=" copy")
    twin.core.signer = amina.core.signer
    for home in (amina, twin):
        await home.trade.propose(Proposal(baraka.id, 10, invoice=False))
        await home.hand_to(officer)
    found = SqliteSyncSource(officer.core.database, officer.core.community).fork_proofs()
    assert len(found) == 1
    assert await proofs.take(baraka.core, found, "officer") == []
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.propose(Proposal(amina.id, 1, invoice=False))
    assert caught.value.code == "forked"
    proof = found[0]
    same = ForkProof(proof.header_a, proof.signature_a, proof.header_a, proof.signature_a)
    unsigned = ForkProof(proof.header_a, bytes(64), proof.header_b, proof.signature_b)
    assert await proofs.take(officer.core, [same, unsigned], "liar") == ["shape", "signature"]
    twin.close()


async def test_account_records_wait_for_an_echo_unless_the_member_insists(
    people: list[Person],
) -> None:
    _, amina, baraka = people
    amina.core.echo_wanted = True
    with pytest.raises(LocalFault) as caught:
        await amina.trade.propose(Proposal(baraka.id, 10, invoice=False))
    assert caught.value.code == "not-echoed"
    assert await amina.trade.propose(Proposal(baraka.id, 10, invoice=False), anyway=True)


async def test_own_lanes_never_branch_by_own_hand(people: list[Person]) -> None:
    _, amina, _ = people
    await amina.publisher.publish(*(post(str(n)) for n in range(20)))
    for lane in Lane:
        lane_key = amina.id + amina.core.own.public_key + bytes((lane,))
        assert len(lanes.heads_of(amina.core.reader, lane_key)) <= 1
