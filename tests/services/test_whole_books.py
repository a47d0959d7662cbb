"""Books that prove themselves, from a table of transfers to a proof in a member's hand.

A random table (mints, burns, many decimals) becomes a signed ledger; that is verified from scratch,
exported, imported elsewhere in another order, audited on both sides, closed, and every member's
balance is proved from a file. The sums here are those of the table and share no code with the
program.
"""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from node.ledger import book, close, root
from node.ledger.close import Tree
from node.services.books import closes
from node.services.books.audit import audit
from node.services.books.close_check import verify_close_proof
from node.services.books.closes import Closes
from node.services.books.closing import Closing, proof_text
from node.services.books.verification import verify
from node.services.core import Core, open_core
from node.services.homes.generated import generated_officer
from node.services.homes.portability import core_from_export, export_lines, import_lines
from node.services.homes.replay import Wish, replay
from node.services.incoming.intake import Intake
from node.services.publish import Publisher
from node.storage.home import Home

pytestmark = pytest.mark.trio
ROWS_COUNT = 400  # 20,000 take some minutes
PEOPLE_COUNT = 40
MONTHS = ("2025-11", "2025-12", "2026-01")
START = datetime(2025, 11, 1, tzinfo=UTC)


def table(rows: int, seed: int) -> str:
    """Transfers in order of time: some by the bank, some back to it, all with odd decimals."""
    chance = random.Random(seed)
    people = [f"person {number}" for number in range(PEOPLE_COUNT)]
    lines = ["time,source,target,amount,type"]
    step = timedelta(days=90) / rows
    for number in range(rows):
        source, target = chance.sample(people, 2)
        kind = chance.random()
        if kind < 0.1:
            source, word = "bank", "DISBURSEMENT"
        elif kind < 0.15:
            target, word = "bank", "RECLAMATION"
        else:
            word = "STANDARD"
        time = (START + step * number).strftime("%Y-%m-%d %H:%M:%S.%f")
        amount = f"{chance.randint(0, 500)}.{chance.randint(0, 10**12):012d}"
        lines.append(f"{time},{source},{target},{amount},{word}")
    return "\n".join(lines) + "\n"


def summed(text: str) -> dict[str, Counter[str]]:
    """Balances at the end of each month, by plain sums."""
    found: dict[str, Counter[str]] = {month: Counter() for month in MONTHS}
    for line in text.splitlines()[1:]:
        time, source, target, amount, _ = line.split(",")
        units = int((Decimal(amount) * 100).to_integral_value(ROUND_HALF_EVEN))
        for month in MONTHS:
            if time[:7] <= month and units > 0:
                found[month][source] -= units
                found[month][target] += units
    return found


async def elsewhere(folder: Path, core: Core, seed: int) -> Core:
    """A home that imported everything in another order."""
    first, *lines = export_lines(core)
    random.Random(seed).shuffle(lines)
    other = core_from_export(Home(folder / "other"), first.encode())
    encoded = [line.encode() for line in [first, *lines]]
    report = await import_lines(other, Intake(other), encoded)
    assert (report.accepted, report.deferred, report.rejected) == (len(lines), 0, Counter())
    return other


async def test_books_prove_themselves_from_the_table_to_the_members_hand(tmp_path: Path) -> None:
    text = table(ROWS_COUNT, seed=7)
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    made = replay(path, Home(tmp_path / "home"), Wish(seed="whole"))
    core = open_core(Home(tmp_path / "home"))
    try:
        found = verify(core, from_scratch=True)
        assert (found.ok, found.root.hex()) == (True, made["state_root"])
        other = await elsewhere(tmp_path, core, seed=8)
        try:
            again = verify(other, from_scratch=True)
            assert (again.ok, again.root, again.trades) == (True, found.root, found.trades)
            _compare_audits(core, other, text)
            await _close_and_prove(core, other, text)
        finally:
            other.close()
    finally:
        core.close()


def _compare_audits(core: Core, other: Core, text: str) -> None:
    """Month by month, both homes say the same, and what the table says."""
    balances = summed(text)
    names = {one.member: one.name for one in core.reader.contacts.all()}
    opening: Counter[str] = Counter()
    for month in MONTHS:
        here, there = (audit(home, 0, month) for home in (core, other))
        assert (here.adds_up, here.sum_of_balances, here.level) == (True, 0, "L2")
        figures = [
            [
                (line.member, line.opening, line.received, line.given, line.closing)
                for line in one.lines
            ]
            for one in (here, there)
        ]
        assert figures[0] == figures[1]
        assert (here.root, here.turnover, here.trades) == (there.root, there.turnover, there.trades)
        said = {names.get(line.member): line for line in here.lines if line.member in names}
        for name, balance in balances[month].items():
            assert said[name].closing == balance
            assert said[name].opening == opening[name]
        opening = balances[month]
    whole = audit(core, 0, None)
    assert {line.member: line.closing for line in whole.lines if line.closing} == {
        member: amount for _, member, amount in book.balances(core.reader)
    }


async def _close_and_prove(core: Core, other: Core, text: str) -> None:
    """The officer closes two months; elsewhere own books agree; all balances are proved there."""
    core.signer = generated_officer("whole", core.community).device
    closing = Closing(core, Publisher(core))
    for month in MONTHS[:2]:
        assert (await closing.close(0, month)).done
    acts = [
        raw for _, raw in core.reader.records_after(-1, 10**9) if b"chapter.close" in raw.header
    ]
    await Intake(other).take(acts, "officer")
    Closes(other).look(0)
    assert [view.agrees for view in Closes(other).views(0)] == [True, True]
    assert root.state_root(other.reader, other.rules) == root.state_root(core.reader, core.rules)
    balances = summed(text)
    names = {one.member: one.name for one in core.reader.contacts.all()}
    for month in MONTHS[:2]:
        assert audit(other, 0, month).level == "L4"
        view = Closes(other).view(0, month)
        with other.reading() as reader:
            leaves = reader.closes.leaves(view.standing.act)
        assert {names[leaf.member]: leaf.balance for leaf in leaves} == dict(balances[month])
        tree = Tree(other.community, [(leaf.member, leaf.balance) for leaf in leaves])
        for leaf in leaves:
            report = verify_close_proof(proof_text(other, 0, month, leaf.member))
            assert report.ok
            path = tree.path(leaf.member)
            assert path is not None
            totals = view.standing.totals
            for wrong in (leaf.balance - 1, -leaf.balance - 1):
                assert not close.leads_to(other.community, leaf.member, wrong, path, totals)
    assert closes.newest_verified(other, other.reader, 0) is not None
    assert verify(other).ok
