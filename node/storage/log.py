"""The write-ahead log as a file: is it on the disk, is it whole, and what it would change.

Rules: SQLite takes a log up to the first frame whose checksum does not hold, and says nothing of
what comes after. A frame is written only once the commit before it was synced; so where frames of
one run follow a frame that does not hold, what it held was acknowledged, and is damaged.

Layout (https://www.sqlite.org/fileformat2.html#walformat): a header of 32 bytes, then frames of 24
bytes and a page each; numbers are big-endian. A frame bears the salts of its run.
"""

import os
import struct
import sys
from array import array
from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from node.protocol.errors import StorageFault
from node.protocol.limits import DATABASE_PAGE_BYTES
from node.storage.errors import Problem

HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
_SUMMED_BYTES: Final = 8  # of a frame's header; of the file's header it is the first 24
_BIG_ENDIAN: Final = 1  # the last bit of the magic number: byte order of the words summed
_WORD: Final = 0xFFFF_FFFF
_CHUNK_BYTES: Final = 1_048_576


class _Frame(NamedTuple):
    page: int
    size: int  # of the database in pages after a commit; 0: not the last frame of one
    salts: bytes
    sums: tuple[int, int]
    head: bytes
    data: bytes


def log_of(database: Path) -> Path:
    """Where the log of a database lies."""
    return database.with_name(f"{database.name}-wal")


def write_out_again(log: Path) -> StorageFault | None:
    """Write a log that was left behind over itself, and sync it; what the disk says if it refuses.

    Where a sync failed, the system goes on showing bytes that the disk never took. What is read
    from here on is relied on, so it must be there.
    """
    try:
        with log.open("r+b", buffering=0) as file:
            at = 0
            while chunk := os.pread(file.fileno(), _CHUNK_BYTES, at):
                at += os.pwrite(file.fileno(), chunk, at)
            os.fsync(file.fileno())
    except FileNotFoundError:
        return None
    except OSError as error:
        return StorageFault(Problem.DISK_SYNC, str(error), path=str(log))
    return None


def lost_commits(log: Path) -> bool:
    """True iff the log holds commits that SQLite will not see, because a bit before them flipped.

    The last transaction alone may be cut off: nobody was told of it.
    """
    if not log.exists():
        return False
    ended = False
    with log.open("rb") as file:
        for frame, holds in _run(file):
            if ended:
                return True  # begun after the commit that does not hold was synced
            ended = not holds and frame.size > 0
    return False


def _run(file: BinaryIO) -> Iterator[tuple[_Frame, bool]]:
    """The frames of the log's last run, each with whether it and all before it hold."""
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return
    big = bool(header[3] & _BIG_ENDIAN)
    salts, sums = header[16:24], _summed((0, 0), header[:24], big)
    holds = sums == struct.unpack_from(">II", header, 24)
    frames = _frames(file)
    if not holds:  # then its salts are not believed either
        frames, ahead = tee(frames)
        salts = next((frame.salts for frame in ahead), salts)
    for frame in frames:
        if frame.salts != salts:
            if not _is_near(frame.salts, salts):
                return  # of a run before
            holds = False
        if holds:
            sums = _summed(_summed(sums, frame.head, big), frame.data, big)
            holds = sums == frame.sums
        yield frame, holds


def _is_near(salts: bytes, expected: bytes) -> bool:
    """True iff one bit differs: that is no other run."""
    difference = int.from_bytes(salts, "big") ^ int.from_bytes(expected, "big")
    return difference.bit_count() == 1


def _frames(file: BinaryIO) -> Iterator[_Frame]:
    """Whole frames after the header, in order."""
    while len(raw := file.read(FRAME_HEADER_BYTES + DATABASE_PAGE_BYTES)) > FRAME_HEADER_BYTES:
        head, data = raw[:FRAME_HEADER_BYTES], raw[FRAME_HEADER_BYTES:]
        if len(data) < DATABASE_PAGE_BYTES:
            return
        page, size, first, second = struct.unpack_from(">II8xII", head)
        yield _Frame(page, size, head[8:16], (first, second), head[:_SUMMED_BYTES], data)


def _summed(sums: tuple[int, int], data: bytes, big: bool) -> tuple[int, int]:
    words = array("I", data)
    if big != (sys.byteorder == "big"):
        words.byteswap()
    first, second = sums
    pairs = iter(words)
    for one, other in zip(pairs, pairs, strict=True):
        first = (first + one + second) & _WORD
        second = (second + other + first) & _WORD
    return first, second


def apply(log: Path, database: Path, *, beyond: bool) -> None:
    """Write the whole transactions of a log's last run into a copy of its database; those that
    hold, or with `beyond` all: nothing of these is believed before its signature is checked."""
    if not log.exists():
        return
    waiting: dict[int, bytes] = {}
    with log.open("rb") as source, database.open("r+b") as target:
        for frame, holds in _run(source):
            if not holds and not beyond:
                return
            waiting[frame.page] = frame.data
            if frame.size:
                _write_pages(target, waiting)
                waiting.clear()


def _write_pages(target: BinaryIO, pages: dict[int, bytes]) -> None:
    end = target.seek(0, os.SEEK_END) + len(pages) * DATABASE_PAGE_BYTES
    for page, data in pages.items():
        at = (page - 1) * DATABASE_PAGE_BYTES
        if 0 <= at <= end:  # a flipped number of a page is far away, mostly
            target.seek(at)
            target.write(data)
