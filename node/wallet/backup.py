"""An encrypted container for a backup of any size, under a passphrase.

Format: `MAGIC ‖ cost (memory KiB, passes, lanes: 3 × uint32 big-endian) ‖ salt (16) ‖ check (16) ‖
SHA-256 of all before`, then segments of 65,536 bytes of content, the last one shorter or equal,
each sealed with ChaCha20-Poly1305 (+16 bytes). Nonce = segment number (11 bytes, big-endian) ‖ 1
for the last segment, 0 for others; `check` seals nothing with flag 2 over what precedes it, and so
tells a wrong passphrase from damage. Only an empty backup has an empty segment.

Rules: bits flipped, segments left out, repeated, swapped or cut off are all noticed; a stolen
backup costs its thief Argon2id for every guess; memory stays at a few segments.

Left to others: the content. **A backup never holds device keys nor the host key** (R11): whoever
writes one sees to that. The file's permissions and its safe replacement are the caller's too.
Source: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), laid out as in age.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from node.protocol.limits import BACKUP_SEGMENT_BYTES
from node.wallet.errors import Problem, WalletError
from node.wallet.passphrase import DEFAULT_COST, SALT_SIZE_BYTES, WORD_BACKUP, Cost, derive_key

FAMILY: Final = b"wetalk backup "
MAGIC: Final = FAMILY + b"1\n"
COST_LAYOUT: Final = struct.Struct(">III")
TAG_SIZE_BYTES: Final = 16
CHECKSUM_SIZE_BYTES: Final = 32
COUNTER_SIZE_BYTES: Final = 11
NAMED_SIZE_BYTES: Final = len(MAGIC) + COST_LAYOUT.size + SALT_SIZE_BYTES
HEADER_SIZE_BYTES: Final = NAMED_SIZE_BYTES + TAG_SIZE_BYTES + CHECKSUM_SIZE_BYTES
SEALED_SEGMENT_BYTES: Final = BACKUP_SEGMENT_BYTES + TAG_SIZE_BYTES

FLAG_MORE: Final = 0
FLAG_LAST: Final = 1
FLAG_CHECK: Final = 2


def write_backup(
    file: BinaryIO, passphrase: str, chunks: Iterable[bytes], *, cost: Cost = DEFAULT_COST
) -> None:
    """Write the concatenation of `chunks`, of any sizes, sealed, to `file` at its position.

    The caller flushes and syncs. Raises WalletError password-…, and what `file` raises.
    """
    salt = secrets.token_bytes(SALT_SIZE_BYTES)
    named = MAGIC + COST_LAYOUT.pack(cost.memory_kib, cost.passes, cost.lanes) + salt
    cipher = ChaCha20Poly1305(derive_key(WORD_BACKUP, passphrase, salt, cost))
    header = named + cipher.encrypt(_nonce(0, FLAG_CHECK), b"", named)
    file.write(header + hashlib.sha256(header).digest())
    number, waiting = 0, bytearray()
    for chunk in chunks:
        for start in range(0, len(chunk), BACKUP_SEGMENT_BYTES):
            waiting += chunk[start : start + BACKUP_SEGMENT_BYTES]
            # A full segment waits until more follows: it may be the last.
            while len(waiting) > BACKUP_SEGMENT_BYTES:
                segment = bytes(waiting[:BACKUP_SEGMENT_BYTES])
                del waiting[:BACKUP_SEGMENT_BYTES]
                file.write(cipher.encrypt(_nonce(number, FLAG_MORE), segment, None))
                number += 1
    file.write(cipher.encrypt(_nonce(number, FLAG_LAST), bytes(waiting), None))


def read_backup(file: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """The content of a backup in pieces of up to 65,536 bytes, each genuine and in its place.

    That it is complete is known only when the iterator has ended without an error: act on nothing
    before. Raises at once WalletError backup-not, backup-newer, backup-damaged, password-wrong;
    while iterating backup-damaged.
    """
    header = _read_exactly(file, HEADER_SIZE_BYTES)
    cost, salt = _parse_header(header)
    cipher = ChaCha20Poly1305(derive_key(WORD_BACKUP, passphrase, salt, cost))
    named, check = header[:NAMED_SIZE_BYTES], header[NAMED_SIZE_BYTES:-CHECKSUM_SIZE_BYTES]
    try:
        cipher.decrypt(_nonce(0, FLAG_CHECK), check, named)
    except InvalidTag:
        raise WalletError(Problem.PASSWORD_WRONG) from None
    return _segments(file, cipher)


def _parse_header(header: bytes) -> tuple[Cost, bytes]:
    if not header.startswith(FAMILY):
        raise WalletError(Problem.BACKUP_NOT)
    if not header.startswith(MAGIC[: len(header)]):
        raise WalletError(Problem.BACKUP_NEWER)
    if len(header) < HEADER_SIZE_BYTES:
        raise WalletError(Problem.BACKUP_DAMAGED)
    covered, checksum = header[:-CHECKSUM_SIZE_BYTES], header[-CHECKSUM_SIZE_BYTES:]
    cost = Cost(*COST_LAYOUT.unpack_from(header, len(MAGIC)))
    if hashlib.sha256(covered).digest() != checksum or not cost.is_bearable():
        raise WalletError(Problem.BACKUP_DAMAGED)
    return cost, header[len(MAGIC) + COST_LAYOUT.size : NAMED_SIZE_BYTES]


def _segments(file: BinaryIO, cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    number = 0
    sealed = _read_exactly(file, SEALED_SEGMENT_BYTES)
    while True:
        following = _read_exactly(file, SEALED_SEGMENT_BYTES)
        segment = _open_segment(cipher, number, sealed, last=not following)
        if not segment and number:
            raise WalletError(Problem.BACKUP_DAMAGED)  # an empty end that no writer makes
        yield segment
        if not following:
            return
        number, sealed = number + 1, following


def _open_segment(cipher: ChaCha20Poly1305, number: int, sealed: bytes, *, last: bool) -> bytes:
    flag = FLAG_LAST if last else FLAG_MORE
    try:
        return cipher.decrypt(_nonce(number, flag), sealed, None)
    except InvalidTag:
        raise WalletError(Problem.BACKUP_DAMAGED) from None


def _nonce(number: int, flag: int) -> bytes:
    return number.to_bytes(COUNTER_SIZE_BYTES, "big") + bytes([flag])


def _read_exactly(file: BinaryIO, size_bytes: int) -> bytes:
    """`size_bytes` of `file`, fewer only at its end: pipes and sockets give what they have."""
    parts: list[bytes] = []
    missing = size_bytes
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
