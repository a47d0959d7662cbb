"""Local numbers of a lane's records by branch and seq: sixteen to a row.

A branch is dense from its first seq on, so a row says where it begins and lists numbers. One row a
record would be a tenth of what taking it in costs, and as much of the disk.

Rules: records are added at the end of a branch; a removal takes what stands above along. Lane and
branch numbers are local.
"""

import struct
from collections.abc import Iterator

from node.protocol.ports import Reader
from node.protocol.shapes import Row
from node.protocol.state import Overlay, Table, after

_BLOCK_BITS = 4
_PLACE = struct.Struct(">IIQ").pack


class ChainRow(Row, frozen=True):
    """Numbers of neighbouring records, the first of which has this seq."""

    first: int
    numbers: list[int]


CHAIN = Table("chain", ChainRow)  # lane (4), branch (4), seq / 16 (8)


def _key(lane: int, branch: int, seq: int) -> bytes:
    return _PLACE(lane, branch, seq >> _BLOCK_BITS)


def number_at(reader: Reader, lane: int, branch: int, seq: int) -> int | None:
    """Number of the record at a place, or None."""
    row = CHAIN.get(reader, _key(lane, branch, seq))
    if row is None or not row.first <= seq < row.first + len(row.numbers):
        return None
    return row.numbers[seq - row.first]


def append(overlay: Overlay, lane: int, branch: int, seq: int, number: int) -> None:
    """Add the record after the last of a branch, or its first."""
    key = _key(lane, branch, seq)
    row = CHAIN.get(overlay, key) if seq & ((1 << _BLOCK_BITS) - 1) else None
    if row is None:
        row = ChainRow(seq, [number])
    else:
        assert seq == row.first + len(row.numbers), "a gap in a branch"
        row = ChainRow(row.first, [*row.numbers, number])
    CHAIN.put(overlay, key, row)


def remove(overlay: Overlay, lane: int, branch: int, seq: int) -> None:
    """Remove the record at a place; those above it in the row go too."""
    key = _key(lane, branch, seq)
    row = CHAIN.get(overlay, key)
    if row is None or seq >= row.first + len(row.numbers):
        return
    kept = row.numbers[: max(0, seq - row.first)]
    if kept:
        CHAIN.put(overlay, key, ChainRow(row.first, kept))
    else:
        CHAIN.delete(overlay, key)


def numbers_from(reader: Reader, lane: int, branch: int, seq: int) -> Iterator[int]:
    """Numbers of a branch from a seq on, in order."""
    prefix = _key(lane, branch, 0)[:8]
    for _, row in CHAIN.scan(reader, _key(lane, branch, seq), after(prefix)):
        yield from row.numbers[max(0, seq - row.first) :]


def numbers_of(reader: Reader, lane: int) -> Iterator[int]:
    """All numbers of a lane, branch by branch, each in order of seq."""
    for _, row in CHAIN.under(reader, lane.to_bytes(4, "big")):
        yield from row.numbers
