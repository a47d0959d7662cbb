"""Backups: everything of a member that is worth keeping, sealed under a password.

Content, as JSON lines inside the sealed container: a head (what this is, whose, the founding
document), the member's own things (orders, contacts, settings), then records as in an export.

Rules: never a device key nor the host key (R11), so a stolen backup signs nothing and a restored
one makes a new device; nothing of a backup is believed before all of it was found genuine and
whole; records in it go through the same admission as any.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.protocol import portable
from node.protocol.errors import LocalFault
from node.protocol.record import RawRecord
from node.services.core import Core
from node.services.held import IN_STEP
from node.services.intake import FILE, Intake, Outcome
from node.services.setup import MET_SETTING, RESTORING_SETTING
from node.services.verified import VERIFIED_SETTING
from node.storage.kept.private import Contact, Order
from node.storage.reader import SqliteReader
from node.storage.state import WriterState
from node.wallet import backup
from node.wallet.private_file import write_private

VERSION: Final = 1
BATCH_COUNT: Final = 512  # records read or admitted at once: memory stays flat
# Facts of one installation, not of the member.
NOT_KEPT: Final = frozenset(
    {RESTORING_SETTING, MET_SETTING, VERIFIED_SETTING, IN_STEP, "copied_home"}
)


@dataclass(frozen=True, slots=True)
class BackupHead:
    """Whose backup this is, and the founding document of their community."""

    member: bytes
    genesis: bytes


def write(path: Path, password: str, member: bytes, genesis: bytes, reader: SqliteReader) -> int:
    """Write a backup file that is not there yet; returns the number of records.

    Raises WalletError file-exists, password-…; WalletStorageError.
    """
    write_private(path, b"")  # the name is ours, or refused
    counted = [0]

    def chunks() -> Iterator[bytes]:
        for line in _lines(member, genesis, reader, counted):
            yield line.encode() + b"\n"

    try:
        with path.open("r+b") as file:
            backup.write_backup(file, password, chunks())
            file.flush()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return counted[0]


def _lines(
    member: bytes, genesis: bytes, reader: SqliteReader, counted: list[int]
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
    """The head of a backup, after all of it was found genuine and whole.

    Raises WalletError backup-…, password-wrong; LocalFault file-missing.
    """
    first = b""
    for number, line in enumerate(_read_lines(path, password)):
        if number == 0:
            first = line
    head = _parsed(first)
    if head.get("wetalk_backup") != VERSION:
        raise LocalFault("backup-newer")
    try:
        return BackupHead(bytes.fromhex(head["member"]), b64decode(head["genesis"], validate=True))
    except (KeyError, TypeError, ValueError):
        raise LocalFault("backup-damaged") from None


def restore_into(core: Core, path: Path, password: str) -> Outcome:
    """Bring the own things and records of a backup into a prepared home of the same community."""
    outcome = Outcome()
    intake = Intake(core)
    own: list[dict[str, Any]] = []
    records: list[RawRecord] = []
    for number, line in enumerate(_read_lines(path, password)):
        if number == 0:
            continue
        item = _parsed(line)
        if "header" in item:
            records.append(portable.decode_line(line))
        else:
            own.append(item)
        if len(records) >= BATCH_COUNT:
            _add(outcome, intake.take_sync(records, FILE))
            records = []
    _add(outcome, intake.take_sync(records, FILE))
    core.writer.run_sync(lambda state: _put_own(state, own))
    return outcome


def _put_own(state: WriterState, items: Iterable[dict[str, Any]]) -> None:
    for item in items:
        if "order" in item:
            digest, salt, body = (b64decode(part) for part in item["order"])
            if portable.order_hash(salt, body) == digest:
                state.orders.put(Order(digest, salt, body))
        elif "contact" in item:
            member, name, note, added = item["contact"]
            state.contacts.put(Contact(bytes.fromhex(member), name, note, added))
        elif "setting" in item:
            state.settings.put(*item["setting"])


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
                yield from lines
            if rest:
                raise LocalFault("backup-damaged")
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(path)) from None
    except IsADirectoryError:
        raise LocalFault("file-kind", path=str(path)) from None


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        raise LocalFault("backup-damaged") from None
    if not isinstance(found, dict):
        raise LocalFault("backup-damaged")
    return found  # type: ignore[reportUnknownVariableType]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encode(data: bytes) -> str:
    return b64encode(data).decode()
