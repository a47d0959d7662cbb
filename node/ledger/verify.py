"""From stored bytes to a report: how far this machine can vouch for its own books.

Rules: nothing stored besides the records is believed. L0: every record's bytes and signature are
checked again. L1: every committed trade carries the signatures of both parties over the same terms.
L2: everything is folded anew, and verdicts, positions, balances and the state root must come out as
they stand. What nobody can prove offline, that no fork exists elsewhere, is not claimed. Left to
others: telling the user.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from node.ledger import book, root
from node.ledger.fold import Fold
from node.ledger.positions import POSITION, TRADE, TradeRow
from node.protocol import admission, lanes
from node.protocol.account import TradeAccept, TradeSettle
from node.protocol.admission import Missing, Refused, Welcome
from node.protocol.crypto import record_id
from node.protocol.errors import OK
from node.protocol.identity import Lane
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.state import Changes, DictState
from node.views.members import Rules


class Doubt(StrEnum):
    """What can be wrong with stored books."""

    BYTES = "bytes"  # a stored record is none, or its signature does not verify
    LOST = "lost"  # a record is listed but not stored, or stored but not listed
    UNSIGNED = "unsigned"  # a committed trade lacks a party's signature over its terms
    CLOSURE = "closure"  # something that a record stands on is not held, or it is refused
    VERDICT = "verdict"  # folded anew, a record has another verdict or position
    COUNT = "count"  # a trade is counted that should not be, or the other way round
    BALANCE = "balance"  # balances are not the sums of counted trades, or their sum is not 0
    ROOT = "root"  # folded anew, the state root is another one


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt, and the id (of a record, trade or member) or name it concerns."""

    doubt: Doubt
    subject: bytes
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """Balances of one chapter, minor units: how many members have one, credit in all, their sum."""

    chapter: str
    members: int
    credit: int
    total: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `level` is `L2`, `L1`, `L0`, or empty when not even the bytes hold."""

    records: int
    void: int
    members: int
    trades: int
    committed: int
    contested: int
    secured: int
    sums: tuple[Sums, ...]
    root: bytes
    level: str
    findings: tuple[Finding, ...]


class State(Reader, Protocol):
    """A Reader that takes changes in: `DictState`, or storage inside a transaction."""

    def apply(self, raw: RawRecord | None, changes: Changes) -> None:
        """Take a record and its changes in."""
        ...


def refold(
    raws: Iterable[RawRecord], rules: Rules, state: State, *, signatures: bool = True
) -> list[tuple[RawRecord, str]]:
    """Fold records into a state, in any order; what could not be taken in, with the reason.

    The reason is a `Reject` code, or `missing` for what stands on something that never came. With
    `signatures` false they are not verified: for callers who did so.
    """
    fold, community = Fold(rules), CommunityId(rules.community)
    waiting: dict[bytes, list[Record]] = {}
    refused: list[tuple[RawRecord, str]] = []
    for raw in raws:
        parsed = admission.parse(raw, community)
        if signatures and isinstance(parsed, Record):
            parsed = admission.verify(parsed, community) or parsed
        if isinstance(parsed, Refused):
            refused.append((raw, parsed.code))
            continue
        ready = [parsed]
        while ready:
            record = ready.pop()
            judgement = fold.judge(state, record)
            if isinstance(judgement, Missing):
                waiting.setdefault(judgement.ids[0], []).append(record)
            elif isinstance(judgement, Refused):
                refused.append((record.raw, judgement.code))
            elif isinstance(judgement, Welcome):
                state.apply(record.raw, fold.apply(state, record))
                ready += waiting.pop(record.id, [])
            elif judgement.fills:
                state.apply(None, fold.fill(state, record))
    left = [record.raw for records in waiting.values() for record in records]
    return refused + [(raw, "missing") for raw in left]


def verify(reader: Reader, rules: Rules) -> Report:
    """Check everything held. Takes about as long as receiving it all again; reads, never writes.

    Counts, sums and the root are those of the records; findings say where the stored tables differ.
    """
    records, findings = _bytes_hold(reader, rules)
    level = "" if findings else "L0"
    fresh = DictState()
    raws = (record.raw for record in records.values())
    refused = refold(raws, rules, fresh, signatures=False)
    trades = dict(TRADE.scan(fresh, b"", None))
    committed = [trade for trade in trades if next(book.commits_of(fresh, trade), None)]
    unsigned = [f for trade in committed for f in _unsigned(fresh, records, trade)]
    level = "L1" if level and not unsigned else level
    differing = [
        Finding(Doubt.CLOSURE, record_id(rules.community, raw.header), code)
        for raw, code in refused
    ]
    differing += _differences(reader, fresh, rules)
    level = "L2" if level == "L1" and not differing else level
    return Report(
        records=len(records),
        void=sum(entry.verdict != OK for _, entry in lanes.ENTRY.scan(fresh, b"", None)),
        members=sum(key[64] == Lane.IDENTITY for key, _ in lanes.LANE.scan(fresh, b"", None)),
        trades=len(trades),
        committed=len(committed),
        contested=sum(book.is_contested(fresh, trade) for trade in committed),
        secured=sum(book.is_secured(fresh, trade) for trade in committed),
        sums=tuple(_sums(fresh, rules)),
        root=root.state_root(fresh, rules),
        level=level,
        findings=(*findings, *unsigned, *differing),
    )


def _bytes_hold(reader: Reader, rules: Rules) -> tuple[dict[bytes, Record], list[Finding]]:
    """L0: records by id in order of arrival, and what is wrong with their bytes."""
    records: dict[bytes, Record] = {}
    findings: list[Finding] = []
    for number in range(reader.next_number()):
        raw = reader.raw(number)
        if raw is None:
            continue  # dropped (R10); an entry that still names it is found below
        record = admission.verify_chunk([raw], CommunityId(rules.community))[0]
        if isinstance(record, Refused):
            findings.append(Finding(Doubt.BYTES, number.to_bytes(8, "big"), record.code))
            continue
        records[record.id] = record
        entry = lanes.entry_of(reader, record.id)
        if entry is None or entry.number != number:
            findings.append(Finding(Doubt.LOST, record.id, "not listed"))
    for key, _ in lanes.ENTRY.scan(reader, b"", None):
        if key not in records:
            findings.append(Finding(Doubt.LOST, key, "not stored"))
    return records, findings


def _unsigned(fresh: Reader, records: dict[bytes, Record], trade: bytes) -> Iterator[Finding]:
    """L1: each commit, and the acceptance and the proposal below it, signed by the right side."""
    row = TRADE.must(fresh, trade)
    for commit in book.commits_of(fresh, trade):
        step = accept = records[commit]
        signed = step.header.author == row.payer
        if isinstance(step.body, TradeSettle):
            accept = records[step.body.accept]
            signed = signed and accept.header.author == row.payee
        assert isinstance(accept.body, TradeAccept)
        propose = records[accept.body.propose]
        proposer = row.payer if row.by_payer else row.payee
        if not signed or propose.id != trade or propose.header.author != proposer:
            yield Finding(Doubt.UNSIGNED, commit)


def _differences(reader: Reader, fresh: Reader, rules: Rules) -> Iterator[Finding]:
    """L2: where the stored tables say something else than the records do."""
    found = False
    for key, new in lanes.ENTRY.scan(fresh, b"", None):
        old = lanes.entry_of(reader, key)
        same = old is not None and old.verdict == new.verdict
        if not same or POSITION.get(reader, key) != POSITION.get(fresh, key):
            found = True
            yield Finding(Doubt.VERDICT, key)
    for table, doubt in ((TRADE, Doubt.COUNT), (book.BOOK, Doubt.BALANCE)):
        old_rows, new_rows = (dict(table.scan(state, b"", None)) for state in (reader, fresh))
        for key in sorted(old_rows.keys() | new_rows.keys()):
            if _shown(old_rows.get(key)) != _shown(new_rows.get(key)):
                found = True
                yield Finding(doubt, key)
    for sums in _sums(fresh, rules):
        if sums.total:
            yield Finding(Doubt.BALANCE, sums.chapter.encode(), "sum is not 0")
    if not found:  # else the tables that sections read may lack what they take for granted
        before, after = root.sections(reader, rules), root.sections(fresh, rules)
        yield from (Finding(Doubt.ROOT, new[0].encode()) for new in after if new not in before)


def _shown(row: TradeRow | int | None) -> object:
    """A row without its local number."""
    return msgspec.structs.astuple(row)[1:] if isinstance(row, TradeRow) else row


def _sums(reader: Reader, rules: Rules) -> Iterator[Sums]:
    for number, chapter in enumerate(rules.genesis.chapters):
        amounts = [amount for _, _, amount in book.balances(reader, number)]
        credit = sum(amount for amount in amounts if amount > 0)
        yield Sums(chapter.name, len(amounts), credit, sum(amounts))
