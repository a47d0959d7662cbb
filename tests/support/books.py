"""Tables of transfers as old books hand them over, and what they come to by exact sums.

Rule: the sums share no code with the program and do not read the table the program's way: the rows
are kept beside the text they are written as. Replays from a seed.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from random import Random

AMOUNT_MAX = 2**40
SCRIPTS = (
    "amina", "baraka", "Ünal, K.", 'the "old" mill', "김순자", "이 영희", "金", "王小明", "陈,静",
    "마을 금고", "0x9f3c", "ＡＢ", "e\u0301lise", "élise", "  space", "tab\tname", "line\nname",
)  # fmt: skip
TIMES = (
    "2020-01-25 19:13:17.731529", "2020-01-25T19:13:17Z", "2020-01-25T19:13:17+09:00",
    "2020-01-25", "yesterday", "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-12:00",
    "2021-02-29 00:00:00",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One transfer as it was meant."""

    source: str
    target: str
    amount: Decimal
    own: bool  # paid out by the chapter itself
    time: str


@dataclass(slots=True)
class Sums:
    """What a table comes to; amounts in minor units."""

    rows: int = 0
    trades: int = 0
    volume: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    refused: int = 0
    rounding: Decimal = Decimal(0)
    balances: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def digest(self) -> str:
        """SHA-256 of `name<TAB>balance<LF>`, sorted by the names' bytes."""
        pairs = sorted((name.encode(), units) for name, units in self.balances.items())
        return hashlib.sha256(b"".join(b"%s\t%d\n" % pair for pair in pairs)).hexdigest()


def rows_of(seed: int, count: int) -> list[Row]:
    """Transfers among many people and three mints, with all that occurs in old books."""
    rng = Random(seed)
    people = [*SCRIPTS, *(f"0x{rng.getrandbits(160):040x}" for _ in range(max(20, count // 200)))]
    weights = [rng.paretovariate(1.2) for _ in people]
    mints = ["mint", "발행", "铸币"]
    found: list[Row] = []
    for number in range(count):
        source, target = rng.choices(people, weights, k=2)
        amount = Decimal(f"{rng.expovariate(1 / 40):.{rng.choice((0, 2, 3, 6, 18))}f}")
        own, chance = False, rng.random()
        if chance < 0.06:
            own, source, amount = True, rng.choice(mints), Decimal(rng.choice((400, 50, 1000)))
        elif chance < 0.10:
            target = rng.choice(mints)  # burnt
        elif chance < 0.13:
            target = source
        elif chance < 0.16:
            amount = Decimal(rng.choice(("0", "0.004", "0.005", "-3", "-0.00", "0.0049999999999")))
        elif chance < 0.18:
            amount = Decimal(rng.choice(("10995116277.76", "10995116277.7651", "99999999999999")))
        elif chance < 0.24:
            amount = Decimal(rng.choice(("0.015", "0.025", "2.675", "1.005", "0.0050000000000001")))
        time = f"2020-{1 + number % 12:02d}-{1 + number % 28:02d} 10:{number % 60:02d}:00"
        found.append(Row(source, target, amount, own, rng.choice(TIMES) if chance > 0.9 else time))
    return found


def written(rows: list[Row], seed: int, *, mark: bool = True, line_end: str = "\r\n") -> str:
    """The table as text: columns in some order, others among them, quoted where it must be or not,
    the kind of payment in any case."""
    rng = Random(f"text {seed}")
    columns = ["id", "time", "type", "source", "target", "amount", "note, free", "tx hash"]
    rng.shuffle(columns)
    lines = [",".join(_quoted(name) for name in columns)]
    for number, row in enumerate(rows):
        kind = rng.choice(("DISBURSEMENT", "Disbursement")) if row.own else "STANDARD"
        cells = {
            "id": str(number), "time": row.time, "type": kind, "source": row.source,
            "target": row.target, "amount": _amount(rng, row.amount),
            "note, free": rng.choice(("", 'say "hi"', "two\r\nlines", "쌀, 콩")),
            "tx hash": f"{rng.getrandbits(64):016x}",
        }  # fmt: skip
        always = rng.random() < 0.2
        lines.append(",".join(_quoted(cells[name], always) for name in columns))
        if rng.random() < 0.01:
            lines.append("")  # blank lines are no rows
    return ("\ufeff" if mark else "") + line_end.join(lines) + line_end


def _amount(rng: Random, amount: Decimal) -> str:
    """The same number in one of the ways that programs write it."""
    plain = format(amount, "f")
    longer = plain if amount.is_signed() else f"0{plain}"
    return rng.choice((plain, plain, f" {plain}", f"{amount:E}", longer))


def _quoted(text: str, always: bool = False) -> str:
    if always or any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def sums_of(rows: list[Row], decimals: int = 2, limit: Decimal | None = None) -> Sums:
    """What the rows come to, by the rules of the replay and exact decimal numbers."""
    found = Sums()
    own = {row.source for row in rows if row.own}
    with localcontext() as context:
        context.prec = 200
        unit = Decimal(1).scaleb(-decimals)
        floor = None if limit is None else int((limit / unit).to_integral_value(ROUND_FLOOR))
        for row in rows:
            found.rows += 1
            for name in (row.source, row.target):
                found.balances.setdefault(name, 0)
            units = int((row.amount / unit).to_integral_value(ROUND_HALF_EVEN))
            if row.source == row.target:
                found.skipped["self"] += 1
            elif units <= 0:
                found.skipped["zero"] += 1
            elif units > AMOUNT_MAX:
                found.skipped["too-large"] += 1
            elif (
                floor is not None
                and row.source not in own
                and found.balances[row.source] - units < -floor
            ):
                found.refused += 1
            else:
                found.trades, found.volume = found.trades + 1, found.volume + units
                found.rounding += units * unit - row.amount
                found.balances[row.source] -= units
                found.balances[row.target] += units
    return found
