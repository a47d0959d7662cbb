"""A replayed table: every row a real trade, every balance that of the table, to the last unit.

The independent sum here shares no code with the program: it reads the table by itself.
"""

import csv
import hashlib
import random
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

from node.ledger import book, root
from node.protocol.errors import LocalFault
from node.services.core import open_core
from node.services.homes.replay import Wish, replay
from node.storage.home import Home, HomeLock

EXAMPLE = """time,source,target,amount
2020-01-01 10:00:00,bank,amina,400
2020-01-01 10:00:01,bank,baraka,400.005
2020-01-01 10:00:02,amina,baraka,12.345678
2020-01-01 10:00:03,baraka,chama,0.004
2020-01-01 10:00:04,baraka,baraka,5
2020-01-01 10:00:05,chama,bank,1
"""


def run(folder: Path, text: str, **wish: Any) -> dict[str, Any]:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8", newline="")
    home = folder / f"home{len(list(folder.iterdir()))}"
    return dict(replay(path, Home(home), Wish(**wish)))


def balances_hash(balances: dict[str, int]) -> str:
    lines = sorted(name.encode() + b"\t%d\n" % balance for name, balance in balances.items())
    return hashlib.sha256(b"".join(lines)).hexdigest()


def summed(text: str, limit: int | None = None) -> dict[str, Any]:
    """What a table says by plain sums: the same keys as the program's answer."""
    balances: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    refused = trades = volume = rows = 0
    rounding = Decimal(0)
    lines = list(csv.DictReader(text.lstrip("\ufeff").splitlines()))
    own = {line["source"] for line in lines if line.get("type") == "DISBURSEMENT"}
    with localcontext() as context:
        context.prec = 120
        for line in lines:
            rows += 1
            source, target = line["source"], line["target"]
            balances[source] += 0
            balances[target] += 0
            given = Decimal(line["amount"])
            units = int((given * 100).to_integral_value(ROUND_HALF_EVEN))
            if source == target:
                skipped["self"] += 1
            elif units <= 0:
                skipped["zero"] += 1
            elif units > 2**40:
                skipped["too-large"] += 1
            elif limit is not None and source not in own and balances[source] - units < -limit:
                refused += 1
            else:
                trades, volume = trades + 1, volume + units
                rounding += Decimal(units) / 100 - given
                balances[source] -= units
                balances[target] += units
    return {
        "rows": rows,
        "members": len(balances),
        "trades": trades,
        "skipped": dict(skipped),
        "refused": {"over-limit": refused} if refused else {},
        "volume": volume,
        "sum_of_balances": sum(balances.values()),
        "rounding": rounding,
        "balances_sha256": balances_hash(dict(balances)),
    }


def table(rows: int, seed: int = 7) -> str:
    """Synthetic transfers among 60 people and three treasuries, with all that goes wrong."""
    chance = random.Random(seed)
    people = [f"0x{chance.getrandbits(160):040x}" for _ in range(40)] + ["김", "王", "Ünal, K."]
    shares = [chance.paretovariate(2) for _ in people]
    lines = ["id,time,type,source,target,amount"]
    for number in range(rows):
        moment = f"2019-0{1 + number % 9}-01 00:00:{number % 60:02d}.25"
        source, target = chance.choices(people, shares, k=2)
        kind, amount = "STANDARD", f"{chance.expovariate(1 / 40):.{chance.randrange(0, 19)}f}"
        if number % 25 == 0:
            kind, source, amount = "DISBURSEMENT", f"mint {number % 3}", "400.00000"
        elif number % 40 == 7:
            kind, target = "RECLAMATION", f"mint {number % 3}"
        elif number % 97 == 5:
            amount = "99999999999999"
        lines.append(f'{number},{moment},{kind},"{source}","{target}",{amount}')
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def same(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    seen = {key: answer[key] for key in expected}
    seen["rounding"] = Decimal(str(seen["rounding"]))
    assert seen == expected


def test_the_worked_example_gives_its_hash(tmp_path: Path) -> None:
    answer = run(tmp_path, EXAMPLE)
    assert answer["trades"] == 4
    assert answer["skipped"] == {"self": 1, "zero": 1}
    assert answer["refused"] == {}
    assert answer["rounding"] == "-0.000678"
    assert answer["sum_of_balances"] == 0
    assert answer["verified_level"] == "L2"
    assert answer["balances_sha256"] == (
        "a7138dc7dc57380fbbb4a9119c2fadffc0ff1e1fcd8bdcc49d74c7a7b8852d10"
    )
    expected = {"amina": 38765, "bank": -79900, "baraka": 41235, "chama": -100}
    assert balances_hash(expected) == answer["balances_sha256"]


def test_two_thousand_rows_give_the_sums_of_the_table(tmp_path: Path) -> None:
    text = table(2_000)
    same(run(tmp_path, text), summed(text))


@pytest.mark.parametrize("limit", ["0", "25.50", "300"])
def test_a_limit_refuses_exactly_what_would_break_it(tmp_path: Path, limit: str) -> None:
    text = table(600, seed=11)
    expected = summed(text, limit=int(Decimal(limit) * 100))
    assert expected["refused"]
    same(run(tmp_path, text, limit=Decimal(limit)), expected)


def test_a_limit_binds_to_the_last_unit(tmp_path: Path) -> None:
    head = "time,source,target,amount\n"
    assert run(tmp_path, head + ",a,b,5.00\n", limit=Decimal("5"))["trades"] == 1
    assert run(tmp_path, head + ",a,b,5.01\n", limit=Decimal("5"))["refused"] == {"over-limit": 1}


def test_income_counts_before_it_was_claimed_by_itself(tmp_path: Path) -> None:
    text = "time,source,target,amount,type\n,m,a,3,DISBURSEMENT\n,a,b,3,\n,b,a,4,\n"
    answer = run(tmp_path, text, limit=Decimal(0))
    assert (answer["trades"], answer["refused"]) == (2, {"over-limit": 1})


def test_the_ledger_is_whole_and_all_income_is_claimed(tmp_path: Path) -> None:
    text = table(300)
    answer = run(tmp_path, text)
    home = Home(next(path for path in tmp_path.iterdir() if path.is_dir()))
    with HomeLock(home):
        core = open_core(home)
        try:
            with core.reading() as reader:
                assert root.state_root(reader, core.rules).hex() == answer["state_root"]
                assert sum(amount for _, _, amount in book.balances(reader)) == 0
                kinds = Counter(
                    core.fold.rules and _kind(raw.header)
                    for _, raw in reader.records_after(-1, 1_000_000)
                )
                claimed = len(reader.scan("claim_at", b"", None))
        finally:
            core.close()
    assert kinds["trade.accept"] == kinds["trade.propose"] == answer["trades"] == claimed
    assert kinds["credit.grant"] == kinds["member.admit"] == answer["members"]
    assert home.open_to_others() == []


def _kind(header: bytes) -> str:
    from node.protocol.record import parse_header

    return parse_header(header).kind


def test_one_seed_gives_one_ledger_and_another_seed_another(tmp_path: Path) -> None:
    roots = [run(tmp_path, EXAMPLE, seed=seed)["state_root"] for seed in ("a", "a", "b")]
    assert roots[0] == roots[1] != roots[2]


def test_decimals_may_differ(tmp_path: Path) -> None:
    answer = run(tmp_path, EXAMPLE, decimals=0)
    assert (answer["volume"], answer["rounding"]) == (400 + 400 + 12 + 1, "-0.350678")


def test_a_home_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(EXAMPLE)
    home = Home(tmp_path / "home")
    replay(path, home, Wish())
    before = home.genesis.read_bytes()
    with pytest.raises(LocalFault) as caught:
        replay(path, home, Wish(seed="other"))
    assert caught.value.code == "home-exists"
    assert home.genesis.read_bytes() == before


def test_a_table_without_its_columns_leaves_no_home(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("time,from,to,amount\n")
    with pytest.raises(LocalFault) as caught:
        replay(path, Home(tmp_path / "home"), Wish())
    assert (caught.value.code, caught.value.values["names"]) == ("table-columns", "source, target")
    assert not (tmp_path / "home").exists()


def test_an_empty_table_is_an_empty_ledger(tmp_path: Path) -> None:
    answer = run(tmp_path, "time,source,target,amount\n")
    assert (answer["rows"], answer["members"], answer["rounding"]) == (0, 0, "0")
    assert answer["balances_sha256"] == hashlib.sha256(b"").hexdigest()


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(EXAMPLE)
    told: list[tuple[int, int]] = []
    replay(path, Home(tmp_path / "home"), Wish(), lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)
