"""Backups: everything of a member that is worth keeping, sealed under a password.

Content, as JSON lines inside the sealed container: a head (what this is, whose, the founding
document), the member's own things (orders, contacts, settings, pictures), then records as in an
export.

Rules: never a device key nor the host key (R11), so a stolen backup signs nothing and a restored
one makes a new device; nothing of a backup is believed before all of it was found genuine and
whole; records in it go through the same admission as any.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.protocol import portable
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.limits import SALT_SIZE_BYTES, TIME_MAX_MS
from node.protocol.record import RawRecord
from node.services.books.verified import VERIFIED_SETTING
from node.services.core import Core
from node.services.incoming.held import IN_STEP
from node.services.incoming.intake import FILE, Intake, Outcome
from node.services.members.setup import MET_SETTING, RESTORING_SETTING
from node.services.missing import MENDING_SETTING
from node.storage.kept.private import Contact, Order
from node.storage.reader import SqliteReader
from node.storage.state import WriterState
from node.wallet import backup
from node.wallet.private_file import writing_private

S = TypeVar("S")
VERSION: Final = 1
LINE_MAX_BYTES: Final = 1_048_576  # ten times the longest line that is written
BATCH_COUNT: Final = 512  # records read or admitted at once: memory stays flat
_Salt = Annotated[bytes, Meta(min_length=SALT_SIZE_BYTES, max_length=SALT_SIZE_BYTES)]
_Time = Annotated[int, Meta(ge=0, le=TIME_MAX_MS)]
# Facts of one installation, not of the member.
NOT_KEPT: Final = frozenset(
    {RESTORING_SETTING, MET_SETTING, VERIFIED_SETTING, MENDING_SETTING, IN_STEP, "copied_home"}
)


Own = Order | Contact | tuple[str, str]
"""The member's own things; the last is a setting: key and value."""


class _Head(msgspec.Struct):
    wetalk_backup: int
    member: str
    genesis: bytes  # bytes stand in base64 with padding


class _Line(msgspec.Struct):
    order: tuple[bytes, _Salt, bytes] | UnsetType = UNSET
    contact: tuple[str, str, str, _Time] | UnsetType = UNSET
    setting: tuple[str, str] | UnsetType = UNSET
    picture: bytes | UnsetType = UNSET
    header: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class BackupHead:
    """Whose backup this is, and the founding document of their community."""

    member: bytes
    genesis: bytes


def write(
    path: Path,
    password: str,
    member: bytes,
    genesis: bytes,
    reader: SqliteReader,
    pictures: Iterable[bytes] = (),
) -> int:
    """Write a backup file that is not there yet; returns the number of records. `pictures`: files
    of own listings.

    Raises WalletError file-exists, password-…; WalletStorageError.
    """
    counted = [0]

    def chunks() -> Iterator[bytes]:
        for line in _lines(member, genesis, reader, pictures, counted):
            yield line.encode() + b"\n"

    with writing_private(path) as file:
        backup.write_backup(file, password, chunks())
    return counted[0]


def _lines(
    member: bytes,
    genesis: bytes,
    reader: SqliteReader,
    pictures: Iterable[bytes],
    counted: list[int],
) -> Iterator[str]:
    yield _json({"wetalk_backup": VERSION, "member": member.hex(), "genesis": _encode(genesis)})
    for order in reader.orders.all():
        yield _json({"order": [_encode(order.hash), _encode(order.salt), _encode(order.body)]})
    for contact in reader.contacts.all():
        row = [contact.member.hex(), contact.name, contact.note, contact.added]
        yield _json({"contact": row})
    for key, value in reader.settings.all().items():
        if key not in NOT_KEPT:
            yield _json({"setting": [key, value]})
    for data in pictures:
        yield _json({"picture": _encode(data)})
    for raw in all_records(reader):
        counted[0] += 1
        yield portable.encode_line(raw)


def all_records(reader: SqliteReader) -> Iterator[RawRecord]:
    """Every stored record, in order of arrival, so that each stands after what it names."""
    last = -1
    while rows := reader.records_after(last, BATCH_COUNT):
        for number, raw in rows:
            last = number
            yield raw


def read_head(path: Path, password: str) -> BackupHead:
    """The head of a backup, after all of it was found genuine, whole and readable.

    Raises WalletError backup-…, password-wrong; LocalFault file-missing, backup-damaged.
    """
    lines = _read_lines(path, password)
    head = _parsed(next(lines, b""), _Head)
    if head.wetalk_backup != VERSION:
        raise LocalFault("backup-newer")
    try:
        member = portable.hex32(head.member)
    except RemoteFault:
        raise LocalFault("backup-damaged") from None
    for line in lines:
        _item(line)
    return BackupHead(member, head.genesis)


def restore_into(core: Core, path: Path, password: str) -> Outcome:
    """Bring the own things and records of a backup into a prepared home of the same community.

    Raises as `read_head`, which tells beforehand whether this will work.
    """
    outcome = Outcome()
    intake = Intake(core)
    own: list[Own] = []
    records: list[RawRecord] = []
    lines = _read_lines(path, password)
    next(lines, None)
    for item in map(_item, lines):
        if isinstance(item, RawRecord):
            records.append(item)
        elif isinstance(item, bytes):
            core.pictures.put_back(item)  # at once: together they may be large
        elif item is not None:
            own.append(item)
        if len(records) >= BATCH_COUNT:
            _add(outcome, intake.take_sync(records, FILE))
            records = []
    _add(outcome, intake.take_sync(records, FILE))
    core.writer.run_sync(lambda state: _put_own(state, own))
    return outcome


def _item(line: bytes) -> Own | RawRecord | bytes | None:
    """What a line after the head brings, a picture as its bytes; None for what only a later program
    knows."""
    found = _parsed(line, _Line)
    try:
        if found.header is not UNSET:
            return portable.decode_line(line)
        if found.contact is not UNSET:
            member, name, note, added = found.contact
            return Contact(portable.hex32(member), name, note, added)
    except RemoteFault:
        raise LocalFault("backup-damaged") from None
    if found.order is not UNSET:
        return Order(*found.order)
    if found.picture is not UNSET:
        return found.picture
    return None if found.setting is UNSET else found.setting


def _put_own(state: WriterState, items: Iterable[Own]) -> None:
    for item in items:
        if isinstance(item, Order):
            if portable.order_hash(item.salt, item.body) == item.hash:
                state.orders.put(item)
        elif isinstance(item, Contact):
            state.contacts.put(item)
        else:
            state.settings.put(*item)


def _add(total: Outcome, part: Outcome) -> None:
    total.read += part.read
    total.accepted += part.accepted
    total.duplicate += part.duplicate
    total.void += part.void
    total.waiting |= part.waiting
    total.rejected.update(part.rejected)


def _read_lines(path: Path, password: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            rest = b""
            for chunk in backup.read_backup(file, password):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LINE_MAX_BYTES:
                    raise LocalFault("backup-damaged")
                yield from lines
            if rest:
                raise LocalFault("backup-damaged")
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(path)) from None
    except IsADirectoryError:
        raise LocalFault("file-kind", path=str(path)) from None


def _parsed(line: bytes, shape: type[S]) -> S:
    try:
        return msgspec.json.decode(line, type=shape)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise LocalFault("backup-damaged") from None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encode(data: bytes) -> str:
    return b64encode(data).decode()
