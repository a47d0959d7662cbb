"""Account statements as files: a month of one account, signed by whose node wrote it down.

Rules: what is signed is the canonical map of the statement behind its own word, bound to the
community; the file is JSON that says the same in names and numbers, and brings the record by which
the author allowed the signing device. Opening and movements of credit add up to the closing; other
units are listed apart and never summed. A statement is what one node held when it was made: trades
that arrive later may change the month.

Left to others: reading files, the books behind a statement, and whether a trade in it holds: each
has a receipt of its own.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from node.protocol import admission, codec, crypto, genesis, limits, portable
from node.protocol.errors import Reject, RemoteFault
from node.protocol.identity import DeviceAdd
from node.protocol.portable import RecordLine
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import Body, CommunityId, Id, Key, Name, Row, Text, Time, Word

FORMAT_VERSION: Final = 1
DAY_MS: Final = 86_400_000
PERIOD_MIN, PERIOD_MAX = 197_001, 999_912

Balance = Annotated[int, Meta(ge=-limits.SUM_MAX_UNITS, le=limits.SUM_MAX_UNITS)]
Moved = Annotated[int, Meta(ge=-limits.AMOUNT_MAX_UNITS, le=limits.AMOUNT_MAX_UNITS)]
Period = Annotated[int, Meta(ge=PERIOD_MIN, le=PERIOD_MAX)]
_Lines = Meta(max_length=limits.STATEMENT_LINES_MAX_COUNT)


class Movement(Row, frozen=True):
    """A committed trade in credit: plus received, minus given, minor units."""

    trade: Id
    commit: Id
    partner: Key
    amount: Moved
    time: Time  # claimed by the commit
    note: Text | None  # what it was for, where the writer shows it


class Other(Row, frozen=True):
    """A committed trade in another unit, which nobody's books count."""

    trade: Id
    commit: Id
    partner: Key
    unit: Word
    amount: Moved
    time: Time
    note: Text | None


class Statement(Body, frozen=True):
    """A month (UTC) of a member's account in a chapter. `period` is yyyymm."""

    author: Key  # the member whose node wrote this down
    chapter: Name
    closing: Balance
    made: Time
    member: Key  # whose account it is
    movements: Annotated[list[Movement], _Lines]
    opening: Balance
    others: Annotated[list[Other], _Lines]
    period: Period
    signer: Key  # device of the author


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A statement with what its signature is checked against: the genesis document of its
    community, and the `device.add` by which its author allowed the device."""

    genesis: bytes
    device: RawRecord
    statement: Statement
    signature: bytes


def message(community: bytes, statement: Statement) -> bytes:
    """What follows the word in what is signed."""
    return community + codec.encode(statement)


class Flaw(StrEnum):
    """What may be wrong with a statement, in the order in which it is looked for."""

    GENESIS = "genesis"  # no valid community, or no such chapter in it
    DEVICE = "device"  # the author never allowed the device
    SIGNATURE = "signature"
    LINES = "lines"  # not of the month, not in order, twice, nothing moved, or with oneself
    SUM = "sum"  # opening and movements do not give the closing


def flaw_of(found: StatementFile) -> Flaw | None:
    """The first flaw, None where the statement is good."""
    try:
        community, document = genesis.parse(found.genesis)
    except RemoteFault:
        return Flaw.GENESIS
    if document.chapter(found.statement.chapter) is None:
        return Flaw.GENESIS
    if not _is_allowed(community, found):
        return Flaw.DEVICE
    signed = crypto.WORD_STATEMENT + message(community, found.statement)
    if not crypto.verify(found.statement.signer, signed, found.signature):
        return Flaw.SIGNATURE
    if not _is_in_order(found.statement):
        return Flaw.LINES
    return None if _adds_up(found.statement) else Flaw.SUM


def _is_allowed(community: bytes, found: StatementFile) -> bool:
    (record,) = admission.verify_chunk([found.device], CommunityId(community))
    return (
        isinstance(record, Record)
        and isinstance(record.body, DeviceAdd)
        and record.header.author == found.statement.author
        and record.body.key == found.statement.signer
    )


def _adds_up(statement: Statement) -> bool:
    return statement.opening + sum(one.amount for one in statement.movements) == statement.closing


def _is_in_order(statement: Statement) -> bool:
    first, after = period_bounds(statement.period)
    lines: list[Movement | Other] = [*statement.movements, *statement.others]
    return (
        _ascending(statement.movements)
        and _ascending(statement.others)
        and len({one.trade for one in lines}) == len(lines)
        and all(
            first <= one.time < after and one.amount and one.partner != statement.member
            for one in lines
        )
    )


def _ascending(lines: Sequence[Movement | Other]) -> bool:
    return all((a.time, a.trade) < (b.time, b.trade) for a, b in itertools.pairwise(lines))


def period_bounds(period: int) -> tuple[int, int]:
    """(first ms, first ms of the next month) of a month yyyymm, UTC.

    The last month there is holds all claimed times that no calendar does.
    """
    if period == PERIOD_MAX:
        return _first_day(period) * DAY_MS, limits.TIME_MAX_MS + 1
    year, month = divmod(period, 100)
    following = period + 1 if month < 12 else (year + 1) * 100 + 1
    return _first_day(period) * DAY_MS, _first_day(following) * DAY_MS


def is_period(period: int) -> bool:
    """Whether yyyymm names a month from 1970 to 9999."""
    return PERIOD_MIN <= period <= PERIOD_MAX and 1 <= period % 100 <= 12


def _first_day(period: int) -> int:
    """Days from 1970-01-01 to the first of a month, in the Gregorian calendar.

    Years are taken to begin in March, so that a leap day is the last day of its year.
    """
    year, month = divmod(period, 100)
    if month <= 2:
        year, month = year - 1, month + 12
    days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5
    return days - 719_468


# --- the file -------------------------------------------------------------------------------------
class _Movement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trade: str
    commit: str
    partner: str
    amount: int
    time: int
    note: str | None


class _Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trade: str
    commit: str
    partner: str
    unit: str
    amount: int
    time: int
    note: str | None


class _Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    author: str
    chapter: str
    closing: int
    made: int
    member: str
    movements: Annotated[list[_Movement], _Lines]
    opening: int
    others: Annotated[list[_Other], _Lines]
    period: int
    signer: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wetalk_statement: int
    statement: _Statement
    signature: str
    device: RecordLine
    genesis: str


def encode(found: StatementFile) -> str:
    """The text of a statement file."""
    one = found.statement
    said = _Statement(
        author=one.author.hex(),
        chapter=one.chapter,
        closing=one.closing,
        made=one.made,
        member=one.member.hex(),
        movements=[_Movement(*_ids(m), m.amount, m.time, m.note) for m in one.movements],
        opening=one.opening,
        others=[_Other(*_ids(o), o.unit, o.amount, o.time, o.note) for o in one.others],
        period=one.period,
        signer=one.signer.hex(),
    )
    return portable.to_json(
        _File(
            wetalk_statement=FORMAT_VERSION,
            statement=said,
            signature=portable.encode64(found.signature),
            device=portable.line_of(found.device),
            genesis=portable.encode64(found.genesis),
        )
    )


def decode(data: str | bytes) -> StatementFile:
    """Read a statement file; nothing in it is verified yet.

    Raises RemoteFault: `size`, `encoding`, `version`, `shape` (a value beyond its bounds).
    """
    found = portable.from_json(data, _File, limits.STATEMENT_SIZE_MAX_BYTES)
    if found.wetalk_statement != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "statement")
    document, signature = portable.decode64(found.genesis), portable.decode64(found.signature)
    device, said = portable.raw_of(found.device), found.statement
    ids = (said.author, said.member, said.signer)
    author, member, signer = (portable.hex32(one) for one in ids)
    statement = Statement(
        author=author,
        chapter=said.chapter,
        closing=said.closing,
        made=said.made,
        member=member,
        movements=[Movement(*_bytes(m), m.amount, m.time, m.note) for m in said.movements],
        opening=said.opening,
        others=[Other(*_bytes(o), o.unit, o.amount, o.time, o.note) for o in said.others],
        period=said.period,
        signer=signer,
    )
    return StatementFile(document, device, _bounded(statement), signature)


def _bounded(statement: Statement) -> Statement:
    try:
        checked = codec.decode(codec.encode(statement), Statement)
    except (OverflowError, ValueError) as error:
        raise RemoteFault(Reject.SHAPE, str(error)) from None
    if not is_period(checked.period):
        raise RemoteFault(Reject.SHAPE, "period")
    return checked


def _ids(line: Movement | Other) -> tuple[str, str, str]:
    return line.trade.hex(), line.commit.hex(), line.partner.hex()


def _bytes(line: _Movement | _Other) -> tuple[bytes, bytes, bytes]:
    return portable.hex32(line.trade), portable.hex32(line.commit), portable.hex32(line.partner)
