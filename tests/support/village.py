"""A village with relays: real homes that hand each other records, some of them away or lying.

Built on `homes`; nothing here judges.
"""

import shutil
from pathlib import Path

from node.ledger.positions import POSITION
from node.protocol.office import WitnessStamp
from node.services.members import devices
from node.services.publish import Draft
from node.services.trading import accounts
from node.services.trading.trade import Proposal
from node.wallet.signer import RootSigner
from tests.support.homes import Clock, Person, genesis_for, move_in, town

RELAYS = ("w0", "w1", "w2", "w3")


class Village:
    """An officer, amina, baraka, and relays; whoever is away hears and does nothing."""

    def __init__(self, folder: Path, people: list[Person], witnesses: tuple[str, ...], q: int):
        self.folder, self.q, self.witnesses = folder, q, witnesses
        self.officer, self.amina, self.baraka, *self.relays = people
        self.everybody = people

    @property
    def genesis(self) -> bytes:
        return genesis_for("officer", witnesses=self.witnesses, q=self.q)

    async def spread(self, *away: Person) -> None:
        """All but those who are away give each other all and do their duties, until none is due."""
        present = [person for person in self.everybody if person not in away]
        for _ in range(10):
            for person in present:
                await person.hand_to(*(other for other in present if other is not person))
            if sum([await person.duties() for person in present]) == 0:
                return
        raise AssertionError("duties never end")

    async def agreed(self, payer: Person, payee: Person, amount: int) -> bytes:
        """A payment both sides have agreed to, which only those two know of: the trade."""
        trade = await payer.trade.propose(Proposal(payee.id, amount, invoice=False))
        await payer.hand_to(payee)
        await payee.trade.accept(trade)
        await payee.hand_to(payer)
        assert await payer.duties() == 1
        await payer.hand_to(payee)
        return trade


async def village_of(folder: Path, count: int, q: int) -> Village:
    names = RELAYS[:count]
    people = await town(folder, "officer", "amina", "baraka", *names, witnesses=names, q=q)
    return Village(folder, people, names, q)


def two_histories(village: Village) -> tuple[Person, Person]:
    """amina's home, and a copy of it that will sign beside it."""
    village.amina.close()
    copied = village.folder / "copy"
    copied.mkdir()
    shutil.copytree(village.folder / "amina", copied / "amina")
    found = [
        move_in(folder, "amina", village.genesis, Clock(1_800_000_000_000 + n))
        for n, folder in enumerate((village.folder, copied))
    ]
    village.amina = village.everybody[1] = found[0]
    return found[0], found[1]


async def lie(relay: Person, head: bytes) -> None:
    """A stamp that an honest program would not make."""
    opened = POSITION.must(relay.core.reader, head).open
    await relay.publisher.publish(Draft("witness.stamp", WitnessStamp(head=head, open=opened)))


def head_of(person: Person) -> bytes:
    own = accounts.own_account(person.core, person.core.reader)
    assert own is not None
    return own.head


async def come_back(village: Village, device: str, *holders: Person) -> Person:
    """amina's new home, fed by others, takes over from all older devices."""
    person = move_in(
        village.folder, "amina", village.genesis, Clock(1_800_000_000_000), device=device
    )
    for holder in holders:
        await holder.hand_to(person)
    with RootSigner(bytes(person.root)) as root:
        await person.publisher.transact(
            lambda appender, state: devices.take_over(person.core, appender, state, root),
            anyway=True,
        )
    village.everybody[1] = person
    return person
