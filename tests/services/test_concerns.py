"""What a member or officer should know, and that there are words for all of it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.i18n import LANGUAGES, Language, catalogue
from node.ledger import alerts
from node.protocol import lanes
from node.protocol.account import AccountOpen
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof
from node.services.incoming import proofs
from node.services.members import concerns
from node.services.publish import Draft, own_auth
from node.services.trading import accounts, exposure
from node.services.trading.trade import Proposal
from node.storage.source import SqliteSyncSource
from tests.support.homes import Clock, Person, genesis_for, introduce, move_in, seed_of, town

REASONS = (
    *("partner-no-account", "grant-witnesses", "lane-not-carried", "tail-not-carried"),
    *("exposed", "contested", "forked", "revoked", "beyond-carry", "double-carry", "suspended"),
)


@trio_fixture
async def people(tmp_path: Path) -> AsyncIterator[list[Person]]:
    found = await town(tmp_path, "officer", "amina", "baraka", "cho")
    yield found
    for person in found:
        person.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_why_a_limit_waits_is_told_to_the_officer(
    reason: str, language: Language
) -> None:
    assert "{name}" in catalogue(language)[f"renewal.{reason.replace('-', '_')}"]


def test_a_reason_is_either_for_a_person_or_for_the_member_to_mend() -> None:
    assert set(REASONS) >= accounts.FOR_A_PERSON
    for reason in accounts.FOR_A_PERSON:
        assert f"awaiting.{reason}" in catalogue("en")


async def twin_of(folder: Path, people: list[Person], name: str) -> Person:
    """A copy of a member's home, keys and all, opened beside it."""
    number = [person.name for person in people].index(name)
    people[number].close()
    shutil.copytree(folder / name, folder / f"{name} copy")
    people[number] = move_in(folder, name, genesis_for("officer"), Clock(1_795_000_000_000))
    twin = move_in(folder, name, genesis_for("officer"), Clock(1_796_000_000_000), device=" copy")
    twin.core.signer = people[number].core.signer
    return twin


def told(person: Person) -> list[exposure.Exposed]:
    with person.core.reading() as reader:
        return exposure.exposed(person.core, reader)


@pytest.mark.trio
async def test_a_proof_tells_partners_and_officers_the_same_with_or_without_the_records(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka, cho = people
    twin = await twin_of(tmp_path, people, "amina")
    amina = people[1]
    offer = await amina.trade.propose(Proposal(baraka.id, 500, invoice=False))
    await amina.hand_to(baraka, officer)
    await twin.trade.propose(Proposal(cho.id, 700, invoice=False))
    await twin.hand_to(officer)
    (proof,) = SqliteSyncSource(officer.core.database, officer.core.community).fork_proofs()
    for person in (baraka, cho):  # no record of the other branch ever reaches them
        assert await proofs.take(person.core, [proof], "officer") == []
    assert [(one.trades, one.amount, one.officer) for one in told(baraka)] == [
        ((offer,), 500, False)
    ]
    assert told(cho) == []
    assert [(one.member, one.officer) for one in told(officer)] == [(amina.id, True)]
    lane_key = amina.id + amina.core.own.public_key + bytes((Lane.ACCOUNT,))
    for person in (officer, baraka, cho):
        assert proofs.lane_alerts(person.core, person.core.reader, lane_key, 0) == {"forked"}
        assert proofs.lower_id(person.core.reader, lane_key, person.core.community) is not None
    twin.close()


@pytest.mark.trio
async def test_a_proof_that_does_not_hold_tells_nothing(people: list[Person]) -> None:
    officer, amina, baraka, _ = people
    trade = await amina.trade.propose(Proposal(baraka.id, 500, invoice=False))
    raw = amina.core.reader.raw(lanes.ENTRY.must(amina.core.reader, trade).number)
    assert raw is not None
    forged = ForkProof(raw.header, raw.signature, raw.header[:-1] + b"\x01", raw.signature)
    assert len(await proofs.take(officer.core, [forged], "somebody")) == 1
    assert told(officer) == []


@pytest.mark.trio
async def test_an_open_that_names_other_relays_waits_and_says_why(
    people: list[Person], tmp_path: Path
) -> None:
    officer = people[0]
    dora = move_in(tmp_path, "dora", genesis_for("officer"), Clock())
    await introduce(dora, seed_of("dora device "))
    witness = bytes(32)
    await dora.publisher.publish(
        Draft(
            "account.open",
            AccountOpen(
                auth=own_auth(dora.core.reader, dora.core.own, Lane.ACCOUNT),
                carry=[],
                chapter="마을",
                q=1,
                witnesses=[witness],
            ),
        )
    )
    await dora.hand_to(officer)
    await officer.community.admit(None, dora.id)
    with officer.core.reading() as reader:
        (found,) = concerns.renewals(officer.core, reader, 0)
    assert (found.member, found.reason, found.may_be_granted) == (
        dora.id,
        "grant-witnesses",
        False,
    )
    dora.close()


@pytest.mark.trio
async def test_what_is_kept_ready_is_looked_at_again_when_a_commit_could_change_it(
    people: list[Person],
) -> None:
    officer, amina, baraka, _ = people
    watch = concerns.Watch(baraka.core)
    assert watch.look() is watch.look()
    before = watch.look()
    await amina.trade.propose(Proposal(baraka.id, 500, invoice=False))
    await amina.hand_to(baraka)
    assert watch.look() is not before
    assert alerts.is_calm(officer.core.reader)
