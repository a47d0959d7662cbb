"""Two groups that hear nothing of each other for a month, both trading, agree when they meet.

Real homes and a clock that is moved. Meanwhile a member comes back on a new device, a copied home
forks across the partition, and officers on both sides act on the same members. Nothing honest is
lost or changed, with no witnesses and with witnesses on one side only.
"""

import shutil
from pathlib import Path

import pytest

from node.ledger import book, verify
from node.ledger.positions import TRADE
from node.ledger.root import state_root
from node.services.members import devices
from node.services.trading.trade import Proposal
from node.views import members
from node.wallet.signer import RootSigner
from tests.protocol import second_root
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.support.groups import DAY_MS, Group, found
from tests.support.homes import Clock, Person, genesis_for, move_in

pytestmark = pytest.mark.trio

HERE = ["oh", "anna", "arin", "crook"]
THERE = ["soo", "bora", "binh"]
WITNESSES = ["oh", "arin", "lee"]
DAYS_COUNT = 30


class Month:
    """Both groups, and what was agreed between honest members."""

    def __init__(self, folder: Path, clock: Clock, genesis: bytes, q: int) -> None:
        self.folder, self.clock, self.genesis, self.q = folder, clock, genesis, q
        self.deals: dict[bytes, tuple[str, str, int]] = {}  # trade -> payer, payee, amount
        self.here, self.there = Group([]), Group([])
        self.closed: list[Person] = []

    async def begin(self) -> None:
        """All meet once; then a home is copied, and the road between the groups breaks."""
        here = [*HERE, "lee"] if self.q else HERE
        people = await found(self.folder, self.clock, here, THERE, self.genesis)
        self.here = Group([p for p in people if p.name in here])
        self.there = Group([p for p in people if p.name in THERE])
        crook = self.here.named("crook")
        self.here.people.remove(crook)
        crook.close()
        shutil.copytree(self.folder / "crook", self.folder / "crook copy")
        for group, device in ((self.here, ""), (self.there, " copy")):
            home = move_in(self.folder, "crook", self.genesis, self.clock, device=device)
            home.core.signer = crook.core.signer
            group.people.append(home)

    async def deal(self, group: Group, payer: str, payee: str, amount: int, invoice: bool) -> None:
        """A trade from the first word to its commit."""
        one, other = group.named(payer), group.named(payee)
        giver, taker = (other, one) if invoice else (one, other)
        trade = await giver.trade.propose(Proposal(taker.id, amount, invoice=invoice))
        await group.gossip()
        await taker.trade.accept(trade)
        await group.settle()
        assert giver.money.trade(trade).status in ("settled", "secured")
        self.deals[trade] = payer, payee, amount

    async def day(self, number: int) -> None:
        """Everybody trades with the next one, a little each day."""
        self.clock.now += DAY_MS
        for group, names in ((self.here, ["anna", "arin", "crook", "oh"]), (self.there, [*THERE])):
            if group is self.there:
                names.append("crook")
            place = number % len(names)
            payer, payee = names[place], names[(place + 1 + number // 8 % 2) % len(names)]
            await self.deal(group, payer, payee, 100 + number, invoice=number % 3 > 0)

    async def anna_comes_back(self) -> None:
        """On a new device, with all that her neighbours hold."""
        old = self.here.named("anna")
        new = move_in(self.folder, "anna", self.genesis, self.clock, device=" second")
        await self.here.named("oh").hand_to(new)
        with RootSigner(bytes(new.root)) as root:
            await new.publisher.transact(
                lambda appender, state: devices.take_over(new.core, appender, state, root),
                anyway=True,
            )
        self.here.people[self.here.people.index(old)] = new
        self.closed.append(old)
        await self.here.settle()

    async def officers_act(self) -> None:
        """On both sides, on the same members, each without knowing of the other."""
        ids = {p.name: p.id for group in (self.here, self.there) for p in group.people}
        oh, soo = self.here.named("oh").community, self.there.named("soo").community
        await oh.grant(None, ids["bora"], 5_000)
        await soo.grant(None, ids["bora"], 20_000)
        await oh.suspend(None, ids["binh"])
        await soo.grant(None, ids["binh"], 12_000)
        await soo.suspend(None, ids["arin"])
        await oh.grant(None, ids["arin"], 15_000)
        await self.here.settle()
        await self.there.settle()

    def close(self) -> None:
        """Close every home."""
        for person in (*self.here.people, *self.there.people, *self.closed):
            person.close()


def shown(person: Person, month: Month) -> dict[bytes, tuple[str, str, int]]:
    """What a home shows of the agreed trades it holds; every one stands, in nobody's doubt."""
    names = {p.id: p.name for group in (month.here, month.there) for p in group.people}
    rows = {trade: TRADE.get(person.core.reader, trade) for trade in month.deals}
    for trade, row in rows.items():
        if row is not None:
            assert row.counted
            assert not book.is_contested(person.core.reader, trade)
    held = {trade: row for trade, row in rows.items() if row is not None}
    return {t: (names[row.payer], names[row.payee], row.amount) for t, row in held.items()}


def sums(month: Month) -> dict[str, int]:
    """Balances by plain sums over what was agreed."""
    found: dict[str, int] = {}
    for payer, payee, amount in month.deals.values():
        found[payer] = found.get(payer, 0) - amount
        found[payee] = found.get(payee, 0) + amount
    return {name: amount for name, amount in found.items() if amount}


@pytest.mark.parametrize("q", [0, 2], ids=["no witnesses", "witnesses on one side"])
async def test_two_groups_apart_for_a_month_agree_and_lose_nothing(q: int, tmp_path: Path) -> None:
    genesis = genesis_for("oh", "soo", witnesses=WITNESSES if q else [], q=q)
    month = Month(tmp_path, Clock(), genesis, q)
    try:
        await month.begin()
        for number in range(DAYS_COUNT):
            await month.day(number)
            if number == 9:
                await month.anna_comes_back()
            if number == 14:
                await month.officers_act()
        apart = [shown(group.people[0], month) for group in (month.here, month.there)]
        assert apart[0] | apart[1] == month.deals
        assert not apart[0].keys() & apart[1].keys()
        both = Group([*month.here.people, *month.there.people])
        await both.settle()
        assert_all_agree(both, month)
        if q:
            assert_all_honest_income_is_final(both, month)
    finally:
        month.close()


def assert_all_agree(both: Group, month: Month) -> None:
    """One root in all homes and in the checker; the sums of what was agreed; nothing in doubt."""
    first = both.people[0].core
    roots = {state_root(p.core.reader, p.core.rules) for p in both.people}
    with first.reading() as reader:
        raws = [raw for _, raw in reader.records_after(-1, 1_000_000)]
        checker = Checker(Judge(month.genesis), raws)
        assert roots == {second_root.root(checker, first.community, "")}
        names = {p.id: p.name for p in both.people}
        balances = {names[member]: amount for _, member, amount in book.balances(reader)}
        assert balances == sums(month)
        assert sum(balances.values()) == 0
        assert verify.verify(reader, first.rules).findings == ()
        ids = {p.name: p.id for p in both.people}
        for name in ("binh", "arin"):
            assert members.membership(reader, 0, ids[name], first.rules) == "suspended"
    assert all(shown(person, month) == month.deals for person in both.people)
    bora = both.named("bora")
    assert bora.money.balance(bora.id, 0).limit == 5_000  # of two at once the lower one


def assert_all_honest_income_is_final(both: Group, month: Month) -> None:
    """Once the witnesses are reached, all that honest members were paid by honest ones is final."""
    reader = both.people[0].core.reader
    for trade, (payer, _, _) in month.deals.items():
        if payer != "crook":
            assert book.is_secured(reader, trade), month.deals[trade]
