"""Market stalls for tests: notes go from hand to hand between real homes with no network."""

from collections.abc import Iterable

from node.ledger import book
from node.ledger.root import state_root
from node.services.incoming.held import IN_STEP
from node.services.trading.stall import Given, Stall, Taken, join, split
from node.services.trading.trade import Proposal
from node.storage.state import WriterState
from tests.support.homes import Clock, Person

CODE_CHARACTERS = 1_249  # what a QR code of version 20 holds


def stall_of(person: Person) -> Stall:
    return Stall(person.core, person.intake, person.trade)


def as_codes(given: Given) -> bytes:
    """The note as it comes out of a scanner: parts in another order, one of them twice."""
    texts = split(given.data, CODE_CHARACTERS)
    return join([*reversed(texts), texts[0]])


async def hand(given: Given, to: Person, *, anyway: bool = False) -> Taken:
    return await stall_of(to).take(as_codes(given), anyway=anyway)


async def sell(seller: Person, buyer: Person, amount: int = 250) -> tuple[bytes, Given, Given]:
    """Invoice, acceptance: two notes. The trade, and both."""
    invoice = Proposal(buyer.id, amount, invoice=True, order="김치 두 통")
    trade = await seller.trade.propose(invoice)
    asked = stall_of(seller).give(trade)
    await hand(asked, buyer)
    await buyer.trade.accept(trade)
    paid = stall_of(buyer).give(trade)
    await hand(paid, seller)
    return trade, asked, paid


def in_step(*people: Person) -> None:
    """As if neighbours had shown these homes their own heads an hour from now."""
    for person in people:
        text = str(person.core.clock() + 3_600_000)

        def job(state: WriterState, text: str = text) -> None:
            state.settings.put(IN_STEP, text)

        person.core.writer.run_sync(job)


def clock_of(person: Person) -> Clock:
    clock = person.core.clock
    assert isinstance(clock, Clock)
    return clock


def later(*people: Person) -> None:
    """Two hours pass: what is signed from here on nobody had from the network."""
    clock_of(people[0]).now += 7_200_000


async def meet(people: Iterable[Person]) -> None:
    """The network is back: everybody gives everybody all, and does their duties."""
    everyone = list(people)
    for _ in range(6):
        for person in everyone:
            await person.hand_to(*(other for other in everyone if other is not person))
        if sum([await person.duties() for person in everyone]) == 0:
            return
    raise AssertionError("duties never end")


def balances(people: Iterable[Person], seen_by: Person) -> list[int]:
    return [book.balance(seen_by.core.reader, 0, person.id) for person in people]


def root_of(person: Person) -> bytes:
    return state_root(person.core.reader, person.core.rules)


async def busy_morning(people: list[Person], rounds: int) -> None:
    """Trades among all, known to all."""
    for number in range(rounds):
        seller, buyer = people[number % 4], people[(number + 1 + number // 4 % 3) % 4]
        trade = await seller.trade.propose(Proposal(buyer.id, 10, invoice=True))
        await seller.hand_to(buyer)
        await buyer.trade.accept(trade)
        await buyer.hand_to(seller)
        await seller.duties()
    await meet(people)
