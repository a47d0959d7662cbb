"""Verifying one's own books, and saying how far the proof goes.

Rules: the short check trusts the verdicts that were computed when records arrived, and adds up
every balance anew, trade by trade. From scratch, nothing but the stored bytes is believed:
signatures are checked, everything is folded into a file that is thrown away, verdicts and the state
root must come out the same. Neither writes anything, and a node may go on working meanwhile. That
nobody signed another history elsewhere is never claimed.

Left to others: sentences (`i18n`), mending (`storage.doctor`).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from node.ledger import book, root
from node.ledger.positions import TRADE, TradeRow
from node.ledger.verify import Doubt
from node.protocol import admission, lanes
from node.protocol.account import CREDIT, TradeAccept, TradeSettle
from node.protocol.admission import Refused, Welcome, stored_body
from node.protocol.errors import RemoteFault
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record
from node.protocol.state import Changes, Table, u16
from node.services.core import Core
from node.services.verifiers import Signatures
from node.storage import doctor
from node.storage.rows import Rows
from node.storage.schema import fold_table
from node.storage.state import WriterState

V = TypeVar("V")
SIGNATURES_AT_ONCE_COUNT: Final = 256  # records one verifier is asked about at a time
PAGE_ROWS_COUNT: Final = 2_000
FINDINGS_MAX_COUNT: Final = 100  # more than anybody reads; the first ones name the cause
PROGRESS_TRADES_COUNT: Final = 500
UNSOUND: Final = {Doubt.BYTES: "", Doubt.UNSIGNED: "L0"}
"""The level that is left when something is in doubt; for all other doubts it is L1."""

Progress = Callable[[int, int], None]
"""(done, in all): trades for the short check, records from scratch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up: a doubt, and the id or name that it concerns."""

    doubt: Doubt
    subject: str

    @property
    def key(self) -> str:
        """Its sentence in the catalogue; the placeholder is `subject`."""
        return f"verify.{self.doubt}"


@dataclass(slots=True)
class Verification:
    """What was found. `level` is "" when not even stored bytes and signatures hold."""

    records: int = 0
    trades: int = 0  # committed
    accounts: int = 0
    sum_of_balances: int = 0  # minor units; always 0 when all is well
    root: bytes = b""
    level: str = ""
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list[Finding])
    unconfirmed: int = 0  # committed trades in credit that no relays have confirmed

    @property
    def ok(self) -> bool:
        """True iff nothing is in doubt."""
        return not self.findings

    def doubt(self, doubt: Doubt, subject: bytes | str) -> None:
        """Note what does not add up."""
        if len(self.findings) < FINDINGS_MAX_COUNT:
            shown = subject.hex() if isinstance(subject, bytes) else subject
            self.findings.append(Finding(doubt, shown))


def verify(
    core: Core, *, from_scratch: bool = False, progress: Progress = lambda done, total: None
) -> Verification:
    """Verify this home's books. Takes milliseconds a hundred trades; from scratch about as long as
    receiving everything anew. Raises StorageFault."""
    started = time.monotonic()
    found = Verification()
    if from_scratch:
        _refold(core, found, progress)
    with core.reading() as reader:
        _add_up(core, reader, found, (lambda done, total: None) if from_scratch else progress)
        found.records = reader.record_count()
        if not _is_sound(found):
            found.root = b""
        elif not found.root:
            found.root = root.state_root(reader, core.rules)
    found.level = _level(found)
    found.seconds = round(time.monotonic() - started, 3)
    return found


def _is_sound(found: Verification) -> bool:
    """False where tables may lack rows that a root takes for granted."""
    return not any(finding.doubt in (Doubt.LOST, Doubt.CLOSURE) for finding in found.findings)


def _level(found: Verification) -> str:
    if found.findings:
        return min(UNSOUND.get(finding.doubt, "L1") for finding in found.findings)
    return "L3" if found.trades and not found.unconfirmed else "L2"


# --- the short check ------------------------------------------------------------------------------
def _add_up(core: Core, reader: Rows, found: Verification, progress: Progress) -> None:
    """Sum every counted trade, and compare with the stored balances."""
    sums: Counter[bytes] = Counter()
    total = _count(reader, TRADE)
    for done, (trade, row) in enumerate(_rows(reader, TRADE)):
        if done % PROGRESS_TRADES_COUNT == 0:
            progress(done, total)
        try:
            _check_trade(reader, trade, row, found)
        except (AssertionError, RemoteFault):  # a row or record that others rest on is not there
            found.doubt(Doubt.LOST, trade)
        if row.unit == CREDIT and row.counted:
            sums[u16(row.chapter) + row.payer] -= row.amount
            sums[u16(row.chapter) + row.payee] += row.amount
    progress(total, total)
    _compare_balances(core, reader, sums, found)
    for lane_key, _ in _rows(reader, lanes.LANE):
        found.accounts += lane_key[64] == Lane.ACCOUNT


def _check_trade(reader: Reader, trade: bytes, row: TradeRow, found: Verification) -> None:
    commits = list(book.commits_of(reader, trade))
    found.trades += bool(commits)
    if row.unit == CREDIT:
        found.unconfirmed += bool(commits) and not book.is_secured(reader, trade)
    if row.counted != (bool(commits) and not book.is_contested(reader, trade)):
        found.doubt(Doubt.COUNT, trade)
    for commit in commits:
        if not _is_signed(reader, trade, row, commit):
            found.doubt(Doubt.UNSIGNED, commit)


def _compare_balances(
    core: Core, reader: Reader, sums: Counter[bytes], found: Verification
) -> None:
    for chapter, member, amount in book.balances(reader):
        found.sum_of_balances += amount
        if sums.pop(u16(chapter) + member, 0) != amount:
            found.doubt(Doubt.BALANCE, member)
    for key, amount in sums.items():
        if amount:
            found.doubt(Doubt.BALANCE, key[2:])
    for number, chapter in enumerate(core.rules.genesis.chapters):
        if sum(amount for _, _, amount in book.balances(reader, number)):
            found.doubt(Doubt.BALANCE, chapter.name)


def _is_signed(reader: Reader, trade: bytes, row: TradeRow, commit: bytes) -> bool:
    """L1: the commit, the acceptance and the proposal are by the right sides."""
    entry = lanes.ENTRY.must(reader, commit)
    accept = commit
    if entry.kind == "trade.settle":
        accept = stored_body(reader, entry.number, TradeSettle).accept
        if lanes.author_of(reader, lanes.ENTRY.must(reader, accept)) != row.payee:
            return False
    accepted = lanes.ENTRY.must(reader, accept)
    proposer = row.payer if row.by_payer else row.payee
    return (
        lanes.author_of(reader, entry) == row.payer
        and stored_body(reader, accepted.number, TradeAccept).propose == trade
        and lanes.author_of(reader, lanes.ENTRY.must(reader, trade)) == proposer
    )


def _rows(reader: Reader, table: Table[V]) -> Iterator[tuple[bytes, V]]:
    """All rows of a table, a page at a time: never the whole of it in memory."""
    low = b""
    while True:
        page = list(table.scan(reader, low, None, limit=PAGE_ROWS_COUNT))
        yield from page
        if len(page) < PAGE_ROWS_COUNT:
            return
        low = page[-1][0] + b"\0"


def _count(reader: Rows, table: Table[V]) -> int:
    return reader.connection.execute(f"SELECT count(*) FROM {fold_table(table.name)}").fetchone()[0]


# --- from scratch ---------------------------------------------------------------------------------
def _refold(core: Core, found: Verification, progress: Progress) -> None:
    """Fold all stored records anew, and compare verdicts and the state root; check signatures in
    other processes meanwhile."""
    stored = core.reader  # verdicts never change, so the newest state will do
    ahead = _Ahead(core, found)

    def refold(state: WriterState, raw: RawRecord) -> Changes:
        changes = _folded(core, state, ahead.parsed.get(raw), found)
        if changes is None:
            return Changes()
        verdict = ahead.verdicts.get(changes.id)
        if verdict != changes.verdict:
            found.doubt(Doubt.LOST if verdict is None else Doubt.VERDICT, changes.id)
        return changes

    def digest(reader: Reader) -> bytes:
        found.root = root.state_root(reader, core.rules) if _is_sound(found) else b""
        return found.root

    def look_ahead(state: WriterState, raws: Sequence[RawRecord]) -> None:
        ahead.look(state, raws, stored)

    with ThreadPoolExecutor(1) as beside:
        signatures = beside.submit(_check_signatures, core)
        differing = doctor.compare(core.database, refold, digest, progress, look_ahead)
        for number in signatures.result():
            found.doubt(Doubt.BYTES, f"#{number}")
    if differing:
        found.doubt(Doubt.ROOT, "")
    _look_for_lost(core, found)


class _Ahead:
    """The records that are refolded next, parsed, and the verdicts that are stored of them."""

    def __init__(self, core: Core, found: Verification) -> None:
        self._core, self._found = core, found
        self.parsed: dict[RawRecord, Record] = {}
        self.verdicts: dict[bytes, str] = {}

    def look(self, state: WriterState, raws: Sequence[RawRecord], stored: Rows) -> None:
        """Parse these, and read what they will ask for. What cannot be parsed is not there: the
        check of signatures names it."""
        self.parsed.clear()
        for raw in raws:
            item = admission.parse(raw, self._core.community)
            if isinstance(item, Record):
                self.parsed[raw] = item
        records = list(self.parsed.values())
        state.preload(self._core.fold.foresee(records))
        rows = stored.get_many(lanes.ENTRY.name, [item.id for item in records])
        self.verdicts = {key: lanes.ENTRY.read(row).verdict for key, row in rows}


def _check_signatures(core: Core) -> list[int]:
    """L0: local numbers of stored records whose bytes or signature do not hold."""
    bad: list[int] = []
    with core.reading() as reader:
        pages = iter(lambda: reader.records_after(last, SIGNATURES_AT_ONCE_COUNT), [])
        last = -1
        with Signatures(core.community) as signatures:
            for page in pages:
                last = page[-1][0]
                bad += signatures.check(page)
            bad += signatures.rest()
    return bad


def _folded(
    core: Core, state: WriterState, parsed: Record | None, found: Verification
) -> Changes | None:
    """What a stored record changes; None, and a finding, if its ground does not hold."""
    if parsed is None:
        return None
    judgement = core.fold.judge(state, parsed)
    if not isinstance(judgement, Welcome):
        code = judgement.code if isinstance(judgement, Refused) else f"#{state.next_number()}"
        found.doubt(Doubt.CLOSURE, str(code))
        return None
    return core.fold.apply(state, parsed, state.unwritten, judgement)


def _look_for_lost(core: Core, found: Verification) -> None:
    """Entries whose record is not stored any more."""
    with core.reading() as reader:
        for record_id, entry in _rows(reader, lanes.ENTRY):
            if reader.raw(entry.number) is None:
                found.doubt(Doubt.LOST, record_id)
