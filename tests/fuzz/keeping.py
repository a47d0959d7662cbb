"""Targets: files and boxes that a wallet opens.

Checksums are put right after the mutation where that is all that would be wrong, and the key of a
seal is known here: so that what is sealed is mutated as well as the seal. Passphrases cost as
little as Argon2 allows; a cost that a file may ask for, but that would slow the fuzzer down, is put
back.
"""

import hashlib
import struct
from functools import cache
from io import BytesIO

import msgpack
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from node.protocol.errors import LocalFault
from node.services.homes import backups
from node.wallet import backup, keyfile, sealed
from node.wallet.passphrase import LANE_MIN_KIB, Cost
from node.wallet.signer import Signer
from tests.fuzz.mutate import unpacked
from tests.fuzz.records import record_of
from tests.fuzz.target import NO_INPUT, OK, Target, scratch
from tests.vectors import load
from tests.vectors.world import Keys, fill, one_chapter

PASSWORD = "쌀 열 가마"
CHEAP = Cost(LANE_MIN_KIB, 1, 1)
_COST = struct.Struct(">III")


# --- backups --------------------------------------------------------------------------------------
def _sealed(content: bytes) -> bytes:
    file = BytesIO()
    backup.write_backup(file, PASSWORD, [content], cost=CHEAP)
    return file.getvalue()


@cache
def _backups() -> list[bytes]:
    return [_sealed(content) for content in (b"", b"a line\n", bytes(65_536), bytes(65_540))]


def _judge_backup(data: bytes) -> str:
    try:
        for piece in backup.read_backup(BytesIO(_mended(data)), PASSWORD):
            assert len(piece) <= 65_536
    except LocalFault as fault:
        return str(fault.code)
    return OK


def _mended(data: bytes) -> bytes:
    """With a cheap cost and a checksum that fits."""
    header, rest = bytearray(data[: backup.HEADER_SIZE_BYTES]), data[backup.HEADER_SIZE_BYTES :]
    if len(header) < backup.HEADER_SIZE_BYTES:
        return data
    if Cost(*_COST.unpack_from(header, len(backup.MAGIC))).is_bearable():
        _COST.pack_into(header, len(backup.MAGIC), CHEAP.memory_kib, CHEAP.passes, CHEAP.lanes)
    covered = bytes(header[: -backup.CHECKSUM_SIZE_BYTES])
    return covered + hashlib.sha256(covered).digest() + rest


@cache
def _contents() -> list[bytes]:
    """The lines in a backup."""
    records = [record_of(case) for case in load.cases("records") if case["expect"] == "ok"][:4]
    member, document = Keys("anna").public, one_chapter("Backup", ["anna"]).data
    lines = [
        backups._json(line)
        for line in (
            {"wetalk_backup": 1, "member": member.hex(), "genesis": backups._encode(document)},
            {"order": [backups._encode(part) for part in (fill("hash"), bytes(16), b"rice")]},
            {"contact": [fill("contact").hex(), "보라", "", 1_790_000_000_000]},
            {"setting": ["language", "ko"]},
        )
    ]
    lines += [backups.portable.encode_line(raw) for raw in records]
    return ["".join(f"{line}\n" for line in some).encode() for some in (lines, lines[:1])]


def _judge_content(data: bytes) -> str:
    path = scratch("backup", _sealed(data))
    try:
        backups.read_head(path, PASSWORD)
    except LocalFault as fault:
        return str(fault.code)
    return OK


# --- key files ------------------------------------------------------------------------------------
@cache
def _key_files() -> list[bytes]:
    found: list[bytes] = []
    for number, passphrase in enumerate((None, PASSWORD)):
        path = scratch(f"made-{number}", b"")
        path.unlink()
        ids = {"community_id": fill("community"), "member_id": fill("member")}
        keyfile.create_key(path, "device", **ids, passphrase=passphrase, cost=CHEAP)
        found.append(path.read_bytes()[: -keyfile.CHECKSUM_SIZE_BYTES][len(keyfile.MAGIC) :])
    return found


def _judge_key_file(data: bytes) -> str:
    """The content of a key file, between its first line and its checksum."""
    found = unpacked(data)
    if isinstance(found, list) and len(found) == 7 and isinstance(found[4], list):
        numbers = [type(number) is int and 0 < number < 2**32 for number in found[4]]
        if numbers == [True] * 3 and Cost(*found[4]).is_bearable():
            found[4] = [CHEAP.memory_kib, CHEAP.passes, CHEAP.lanes]
            data = msgpack.packb(found, datetime=False)
    covered = keyfile.MAGIC + data
    path = scratch("key", covered + hashlib.sha256(covered).digest())
    try:
        keyfile.read_info(path)
        with keyfile.open_key(path, "device", PASSWORD):
            return OK
    except LocalFault as fault:
        return str(fault.code)


def _whole_key_files() -> list[bytes]:
    covered = [keyfile.MAGIC + data for data in _key_files()]
    return [data + hashlib.sha256(data).digest() for data in covered]


def _judge_whole_key_file(data: bytes) -> str:
    try:
        keyfile.read_info(scratch("key", data))
    except LocalFault as fault:
        return str(fault.code)
    return OK


# --- boxes ----------------------------------------------------------------------------------------
def _boxes() -> list[bytes]:
    """[box, its key, the key sealed for a device, a device]."""
    bound = fill("bound")
    found: list[bytes] = []
    for text in ("", "쌀이 젖었습니다", "x" * 5_000):
        box, key = sealed.seal(text, bound)
        ((device, sealed_key),) = sealed.seal_key(key, [Keys("anna device").public])
        found.append(msgpack.packb([box, key, sealed_key, device]))
    return found


@cache
def _reader() -> Signer:
    ids = {"member_id": Keys("anna").public, "community_id": fill("community")}
    return Signer(bytes(Keys("anna device").secret), **ids)


def _judge_box(data: bytes) -> str:
    found = unpacked(data)
    if not isinstance(found, list) or [type(part) for part in found] != [bytes] * 4:
        return NO_INPUT
    box, key, sealed_key, device = found
    sealed.seal_key(key[:32].ljust(32, b"\0"), [device])
    opened = _reader().open_sealed(sealed_key)
    said = [sealed.open_box(box, one, fill("bound")) for one in (key, opened) if one is not None]
    if len(key) == 32:  # what only who has the key can write
        nonce = sealed._nonce(key, fill("bound"))
        inner = crypto_aead_xchacha20poly1305_ietf_encrypt(box, fill("bound"), nonce, key)
        said.append(sealed.open_box(nonce + inner, key, fill("bound")))
    return OK if any(text is not None for text in said) else "closed"


TARGETS = (
    Target("backup", _backups, _judge_backup, 2),
    Target("backup-content", _contents, _judge_content, 4),
    Target("key-file", _key_files, _judge_key_file, 3),
    Target("whole-key-file", _whole_key_files, _judge_whole_key_file, 2),
    Target("box", _boxes, _judge_box, 3, wrapped=True),
)
