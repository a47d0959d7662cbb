"""Replaying a table of transfers: a whole ledger, signed by generated members, in a fresh home.

    row -> who pays whom -> claim what is needed -> invoice and acceptance -> signed, parsed,
    verified, judged, folded, stored: as any record

Rules: every applied row is a full trade, and every trade is claimed, at the latest before the payee
needs it to stay above the limit. A row that would take the payer below the limit is signed for a
trial; the fold's own verdict refuses it, nothing of it is stored, and its code is counted. In the
end balances of the fold are compared, account by account, with plain sums over the rows.

Left to others: reading the table (`transfers`), keys (`generated`), showing progress.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import structs

from node.ledger import book, root
from node.protocol import crypto, genesis, portable
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    AccountOpen,
    ClaimItem,
    TradeAccept,
    TradePropose,
)
from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.limits import CLAIM_ITEMS_MAX_COUNT, SALT_SIZE_BYTES, SUM_MAX_UNITS
from node.protocol.office import CreditGrant, MemberAct
from node.protocol.shapes import RecordId
from node.services.core import Core
from node.services.homes.generated import (
    GeneratedMember,
    derive,
    generated_genesis,
    generated_member,
    generated_officer,
)
from node.services.homes.keyless import keyless_core
from node.services.homes.transfers import (
    EXACT,
    Transfer,
    plain_decimal,
    read_transfers,
    whole_units,
)
from node.services.incoming.bulk import BulkStore
from node.storage.home import Home, HomeLock

COMMUNITY_NAME: Final = "replay"
LEVEL: Final = "L2"  # every closure is held and every verdict was computed here; nobody stamped

Summary = dict[str, int | float | str | dict[str, int]]
Progress = Callable[[int, int], None]
"""(rows done, rows in all)"""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to replay: decimals of the unit, the payers' limit (None: unlimited), the keys' seed."""

    decimals: int = 2
    limit: Decimal | None = None
    seed: str = ""


@dataclass(slots=True)
class Account:
    """What the rows say of one name, beside what the member has signed so far."""

    member: GeneratedMember
    limit: int
    grant: RecordId
    claimed: int = 0
    given: int = 0
    balance: int = 0  # received minus given
    unclaimed: list[tuple[RecordId, int]] = field(default_factory=list[tuple[RecordId, int]])

    @property
    def available(self) -> int:
        """What the account's lane lets its owner pay now."""
        return self.claimed - self.given + self.limit


@dataclass(slots=True)
class Survey:
    """What must be known of a table before its first row is applied."""

    rows: int = 0
    own: set[str] = field(default_factory=set[str])  # payers of disbursements: never limited


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    rows: int = 0
    trades: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    refused: Counter[str] = field(default_factory=Counter[str])
    volume: int = 0
    rounding: Decimal = Decimal(0)


def replay(
    path: Path, home: Home, wish: Wish, progress: Progress = lambda done, total: None
) -> Summary:
    """Replay a table into a home that is not there yet; the object that `--json` prints.

    Raises LocalFault home-exists, table-columns, file-missing, ledger-broken, StorageFault.
    """
    started = time.monotonic()
    survey = _survey(path, wish)
    document = generated_genesis(wish.seed, COMMUNITY_NAME, wish.decimals, ["en"])
    with HomeLock(home):
        core = keyless_core(home, genesis.encode(document))
        try:
            ledger = Ledger(core, wish, survey)
            ledger.run(read_transfers(path, wish.decimals), progress)
            return ledger.summary(started)
        finally:
            core.close()


def _survey(path: Path, wish: Wish) -> Survey:
    survey = Survey()
    for transfer in read_transfers(path, wish.decimals):
        survey.rows += 1
        if transfer.disbursement and transfer.source:
            survey.own.add(transfer.source)
    return survey


class Ledger:
    """The accounts of a table, and the records that make them."""

    def __init__(self, core: Core, wish: Wish, survey: Survey) -> None:
        self._core = core
        self._survey = survey
        self._seed = wish.seed
        self._limit = (
            SUM_MAX_UNITS if wish.limit is None else whole_units(wish.limit, wish.decimals)
        )
        self._decimals = wish.decimals
        self._officer = generated_officer(wish.seed, core.community)
        self._accounts: dict[str, Account] = {}
        self._tally = Tally()
        self._store = BulkStore(core, self._tally.refused)

    def run(self, transfers: Iterable[Transfer], progress: Progress) -> None:
        """Apply all rows, in order."""
        self._store.take(self._officer.introduce(0))
        self._store.take([self._officer.open(Lane.OFFICE, 0)])
        last_ms = 0
        for transfer in transfers:
            last_ms = transfer.time_ms
            self._apply(transfer)
            if self._store.flush_if_full():
                progress(self._tally.rows, self._survey.rows)
        for account in self._accounts.values():
            self._claim(account, last_ms)
            self._store.flush_if_full()
        self._store.finish()
        progress(self._tally.rows, self._survey.rows)

    def _apply(self, transfer: Transfer) -> None:
        tally = self._tally
        tally.rows += 1
        sides = [
            self._account(name, transfer.time_ms)
            for name in (transfer.source, transfer.target)
            if name
        ]
        if transfer.fault is not None:
            tally.skipped[transfer.fault] += 1
            return
        payer, payee = sides
        if payer.available < transfer.amount and payer.unclaimed:
            self._claim(payer, transfer.time_ms)
        short = payer.available < transfer.amount
        if short or payer.given + transfer.amount > SUM_MAX_UNITS:
            self._try_in_vain(payer, payee, transfer)
            return
        self._trade(payer, payee, transfer)
        tally.trades += 1
        tally.volume += transfer.amount
        applied = EXACT.scaleb(Decimal(transfer.amount), -self._decimals)
        tally.rounding = EXACT.add(tally.rounding, EXACT.subtract(applied, transfer.given))

    def _account(self, name: str, time_ms: int) -> Account:
        """The account of a name; on first sight the member joins and is granted a limit."""
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = self._join(name, time_ms)
        return account

    def _join(self, name: str, time_ms: int) -> Account:
        core = self._core
        member = generated_member(self._seed, name, core.community)
        records = member.introduce(time_ms)
        chapter = core.rules.genesis.chapters[0].name
        opened = AccountOpen(auth=member.auth, carry=[], chapter=chapter, q=0, witnesses=[])
        member.account, raw = member.sign("account.open", opened, time_ms)
        admit = MemberAct(
            application=None, approvals=[], chapter=chapter, list=core.community,
            member=member.id, supersedes=[],
        )  # fmt: skip
        records += [raw, self._officer.sign("member.admit", admit, time_ms)[1]]
        limit = SUM_MAX_UNITS if name in self._survey.own else self._limit
        grant = CreditGrant(
            approvals=[], chapter=chapter, limit=limit, list=core.community,
            open=member.account, proof=None, supersedes=[],
        )  # fmt: skip
        granted, raw = self._officer.sign("credit.grant", grant, time_ms)
        self._store.take([*records, raw])
        self._store.contacts.append((member.id, name))
        return Account(member, limit, granted)

    def _terms(self, payer: Account, payee: Account, transfer: Transfer) -> TradePropose:
        salt = derive(self._seed, "order", str(self._tally.rows))[:SALT_SIZE_BYTES]
        order = transfer.text.encode("utf-8", "surrogateescape")
        return TradePropose(
            amount=transfer.amount,
            grant=None,
            order_hash=portable.order_hash(salt, order),
            payee_lane=payee.member.account,
            payer_lane=payer.member.account,
            refunds=None,
            unit=CREDIT,
            valid_until=None,
        )

    def _trade(self, payer: Account, payee: Account, transfer: Transfer) -> None:
        """An invoice by the payee, and its acceptance by the payer: that commits."""
        terms = self._terms(payer, payee, transfer)
        trade, invoice = payee.member.sign("trade.propose", terms, transfer.time_ms)
        body = TradeAccept(grant=payer.grant, propose=trade)
        commit, acceptance = payer.member.sign("trade.accept", body, transfer.time_ms)
        self._store.take([invoice, acceptance])
        payer.given += transfer.amount
        payer.balance -= transfer.amount
        payee.balance += transfer.amount
        payee.unclaimed.append((commit, transfer.amount))
        if len(payee.unclaimed) == CLAIM_ITEMS_MAX_COUNT:
            self._claim(payee, transfer.time_ms)

    def _try_in_vain(self, payer: Account, payee: Account, transfer: Transfer) -> None:
        """What an honest program would ask the fold before it signs: here the fold must say no."""
        terms = self._terms(payer, payee, transfer)
        wished = structs.replace(terms, grant=payer.grant)
        _, raw = payer.member.sign("trade.propose", wished, transfer.time_ms, keep=False)
        self._store.try_in_vain(raw)

    def _claim(self, account: Account, time_ms: int) -> None:
        """Make all income of an account spendable."""
        if not account.unclaimed:
            return
        items = [ClaimItem(commit=commit, stamps=[]) for commit, _ in sorted(account.unclaimed)]
        account.claimed += sum(amount for _, amount in account.unclaimed)
        account.unclaimed.clear()
        _, raw = account.member.sign("account.claim", AccountClaim(items=items), time_ms)
        self._store.take([raw])

    def summary(self, started: float) -> Summary:
        """Compare the fold with the rows, and say what was done."""
        tally, core = self._tally, self._core
        with core.reading() as reader:
            folded = {member: amount for _, member, amount in book.balances(reader)}
            digest = root.state_root(reader, core.rules)
        lines: list[tuple[bytes, int]] = []
        for name, account in self._accounts.items():
            held = folded.pop(account.member.id, 0)
            if held != account.balance:
                raise LocalFault("ledger-broken", detail=name)
            lines.append((name.encode("utf-8", "surrogateescape"), held))
        if folded:
            raise LocalFault("ledger-broken", detail="balance")
        listing = b"".join(name + b"\t%d\n" % held for name, held in sorted(lines))
        return {
            "rows": tally.rows,
            "members": len(self._accounts),
            "trades": tally.trades,
            "skipped": dict(sorted(tally.skipped.items())),
            "refused": dict(sorted(tally.refused.items())),
            "volume": tally.volume,
            "sum_of_balances": sum(held for _, held in lines),
            "rounding": plain_decimal(tally.rounding),
            "state_root": digest.hex(),
            "verified_level": LEVEL,
            "seconds": round(time.monotonic() - started, 3),
            "balances_sha256": crypto.sha256(listing).hex(),
        }
