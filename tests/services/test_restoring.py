"""Back on a new device: what was owed and owned stays so on every side, and no money doubles."""

from pathlib import Path

import pytest

from node.ledger import book
from node.ledger.root import state_root
from node.protocol.errors import LocalFault
from node.services.members import devices
from node.services.trading.trade import Proposal
from node.wallet.signer import RootSigner
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio


async def come_back(folder: Path, name: str, device: str, *holders: Person) -> Person:
    """The member's new home, fed by others, takes over from all older devices."""
    person = move_in(folder, name, genesis_for("officer"), Clock(1_800_000_000_000), device=device)
    for holder in holders:
        await holder.hand_to(person)
    with RootSigner(bytes(person.root)) as root:
        await person.publisher.transact(
            lambda appender, state: devices.take_over(person.core, appender, state, root),
            anyway=True,
        )
    return person


async def spread(*people: Person) -> None:
    """Everybody gives everybody all, and does their duties, until nothing is left to do."""
    for _ in range(8):
        for person in people:
            await person.hand_to(*(other for other in people if other is not person))
        if sum([await person.duties() for person in people]) == 0:
            return
    raise AssertionError("duties never end")


def agree(*people: Person) -> list[int]:
    """Balances of the distinct members, the same in all homes and zero together."""
    roots = {state_root(p.core.reader, p.core.rules) for p in people}
    assert len(roots) == 1
    reader = people[0].core.reader
    found = [book.balance(reader, 0, member) for member in dict.fromkeys(p.id for p in people)]
    assert sum(found) == 0
    return found


async def test_limit_balance_and_open_trades_are_carried_twice(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    await officer.community.grant(None, amina.id, 20_000)
    await officer.hand_to(amina, baraka)
    paid = await baraka.trade.propose(Proposal(amina.id, 3_000, invoice=True))
    earned = await amina.trade.propose(Proposal(baraka.id, 500, invoice=True))
    await spread(*people)
    await amina.trade.accept(paid)
    await baraka.trade.accept(earned)
    await spread(*people)
    waiting = await amina.trade.propose(Proposal(baraka.id, 1_000, invoice=False))
    await spread(*people)
    before = amina.money.balance(amina.id, 0)
    assert (before.book, before.spendable, before.reserved) == (-2_500, 16_500, 1_000)
    homes = [officer, baraka]
    for device in (" second", " third"):
        again = await come_back(tmp_path, "amina", device, officer)
        homes.append(again)
        await spread(officer, baraka, again)
        after = again.money.balance(amina.id, 0)
        assert (after.book, after.spendable, after.limit) == (-2_500, 16_500, 20_000)
        assert after.reserved == 1_000
    third = homes[-1]
    with pytest.raises(LocalFault) as caught:
        await baraka.trade.accept(waiting)  # it was asked by a device that is shut out
    assert caught.value.code == "partner-revoked"
    await third.trade.release(waiting)
    anew = await third.trade.propose(Proposal(baraka.id, 1_000, invoice=False))
    await spread(officer, baraka, third)
    await baraka.trade.accept(anew)
    await spread(officer, baraka, third)
    assert agree(officer, baraka, third) == [0, 3_500, -3_500]
    assert third.money.balance(amina.id, 0).spendable == 16_500
    assert baraka.money.balance(baraka.id, 0).spendable == 13_500
    amina.close()
    people[1] = third
    homes[2].close()


async def test_a_payment_that_surfaces_after_the_restore_is_in_doubt_and_never_doubled(
    people: list[Person], tmp_path: Path
) -> None:
    officer, amina, baraka = people
    old_view = await come_back_later(amina, officer)
    late = await baraka.trade.propose(Proposal(amina.id, 10_000, invoice=True))
    await baraka.hand_to(amina)
    await amina.trade.accept(late)  # the whole limit, and then the computer breaks
    assert old_view == 10_000
    again = await come_back(tmp_path, "amina", " second", officer)
    await again.hand_to(officer, baraka)
    await officer.duties()
    await officer.hand_to(again, baraka)
    assert again.money.balance(amina.id, 0).spendable == 10_000
    await amina.hand_to(baraka)  # the old disk is read after all
    await spread(officer, baraka, again)
    assert agree(officer, baraka, again) == [0, 0, 0]
    assert baraka.money.trade(late).contested
    spent = await again.trade.propose(Proposal(officer.id, 10_000, invoice=False))
    await spread(officer, baraka, again)
    await officer.trade.accept(spent)
    await spread(officer, baraka, again)
    assert agree(officer, baraka, again) == [10_000, 0, -10_000]
    assert again.money.balance(amina.id, 0).spendable == 0
    amina.close()
    people[1] = again


async def come_back_later(amina: Person, officer: Person) -> int:
    """What the officer knows of amina's account now: all there is, yet."""
    await amina.hand_to(officer)
    spendable = amina.money.balance(amina.id, 0).spendable
    assert spendable is not None
    return spendable
