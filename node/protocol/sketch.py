"""A set of heads in sums: subtract the other side's, and what differs can be read from the rest.

An invertible Bloom lookup table. Each head is an element of ten bytes and a seq. It is added to one
cell in each of three rows, at places that follow from its hash; what both sides have cancels out. A
cell in which one element is left shows it; that, taken out of its two other cells, leaves others
alone, until nothing is left. It works up to some 0.75 elements a cell, and any sketch, however
small, tells about how many elements differ.

Rules: `Sums` has one size and is kept up while heads come and go; sketches are folded from it. What
a neighbour's sketch makes us do is bounded by its size, whatever stands in it. Elements are not
salted, so that they can be kept: a forker can make heads that a sketch does not show, and ranges
then find them. What follows from a difference is `reconcile`'s part.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from struct import unpack_from
from typing import Annotated, Final

from msgspec import Meta

from node.protocol import limits
from node.protocol.shapes import Row

ROWS_COUNT: Final = 3
NAME_SIZE_BYTES: Final = 7
PART_SIZE_BYTES: Final = 10
CELL_SIZE_BYTES: Final = 13
SEQ_MODULUS: Final = 1 << 48
_CHECK_BYTES: Final = CELL_SIZE_BYTES - PART_SIZE_BYTES
_MODULUS: Final = 1 << 8 * CELL_SIZE_BYTES
_FULL: Final = limits.SKETCH_ROW_MAX_COUNT
_CELLS_MAX: Final = ROWS_COUNT * _FULL
ROW_SIZES: Final = tuple(
    size for size in range(limits.SKETCH_ROW_MIN_COUNT, _FULL + 1) if _FULL % size == 0
)

# A cell that is kept is one number: count, seqs and parts, each with room for 2^32 heads.
_SEQ_SHIFT: Final = 8 * CELL_SIZE_BYTES + 32
_COUNT_SHIFT: Final = _SEQ_SHIFT + 72

Element = tuple[bytes, int]
"""What a sketch shows of a head: its part (name of the lane, start of the id) and its seq."""


class Sketch(Row, frozen=True):
    """Three rows of cells, one after the other; a cell is an entry of each column."""

    sums: Annotated[bytes, Meta(max_length=CELL_SIZE_BYTES * _CELLS_MAX)]  # parts and checks
    counts: Annotated[list[Annotated[int, Meta(ge=0, le=2**32 - 1)]], Meta(max_length=_CELLS_MAX)]
    seqs: Annotated[
        list[Annotated[int, Meta(ge=0, le=SEQ_MODULUS - 1)]], Meta(max_length=_CELLS_MAX)
    ]

    @property
    def row(self) -> int:
        """Cells of a row, if it is one of `ROW_SIZES` and the columns fit together; else 0."""
        row = len(self.counts) // ROWS_COUNT
        fits = (
            row in ROW_SIZES
            and len(self.counts) == len(self.seqs) == ROWS_COUNT * row
            and len(self.sums) == CELL_SIZE_BYTES * len(self.counts)
        )
        return row if fits else 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What two sketches of one size show."""

    estimate: int  # about so many elements differ, by the counts alone
    theirs: tuple[Element, ...] = ()  # only the other side has these
    own: tuple[Element, ...] = ()
    whole: bool = False  # nothing is left over: these are all


def name_of(key: bytes) -> bytes:
    """What stands for the lane of a head: seven bytes of author, signer and lane kind."""
    return key[:4] + key[32:34] + key[64:65]


def part_of(key: bytes) -> bytes:
    """What stands for a head: name of the lane, three bytes of the id."""
    return key[:4] + key[32:34] + key[64:68]


def row_for(elements: int) -> int:
    """The smallest row with which so many elements can nearly always be read; 0 if none is."""
    cells = elements + elements * 7 // 20 + 24
    return next((size for size in ROW_SIZES if ROWS_COUNT * size >= cells), 0)


def _places(digest: bytes, row: int) -> tuple[int, int, int]:
    """The three cells of an element."""
    a, b, c = unpack_from(">3I", digest, 4)
    return a % row, row + b % row, 2 * row + c % row


class Sums:
    """The cells of a set of heads, in rows of the largest size."""

    __slots__ = ("_cells",)

    def __init__(self) -> None:
        self._cells: dict[int, int] = {}  # by place; most sets are small

    def add(self, key: bytes, seq: int, times: int = 1) -> None:
        """A head has come, or gone (`times` -1)."""
        part = part_of(key)
        digest = sha256(part + seq.to_bytes(8, "big")).digest()
        number = int.from_bytes(part + digest[:_CHECK_BYTES], "big")
        weight = times * (number | seq << _SEQ_SHIFT | 1 << _COUNT_SHIFT)
        cells = self._cells
        for place in _places(digest, _FULL):
            cells[place] = cells.get(place, 0) + weight

    def sketch(self, row: int) -> Sketch:
        """The set in rows of so many cells: a place is that in the full row, modulo `row`."""
        cells = [0] * (ROWS_COUNT * row)
        for place, cell in self._cells.items():
            cells[place // _FULL * row + place % _FULL % row] += cell
        return Sketch(
            b"".join((cell % _MODULUS).to_bytes(CELL_SIZE_BYTES, "big") for cell in cells),
            [cell >> _COUNT_SHIFT for cell in cells],
            [(cell >> _SEQ_SHIFT) % SEQ_MODULUS for cell in cells],
        )


def compare(own: Sketch, theirs: Sketch) -> Difference:
    """Read what differs from two sketches of the same size.

    At most as many elements are found as there are cells. Where something is left over, `whole` is
    False and no element is told.
    """
    row, sums = own.row, (own.sums, theirs.sums)
    counts = [b - a for a, b in zip(own.counts, theirs.counts, strict=True)]
    seqs = [b - a for a, b in zip(own.seqs, theirs.seqs, strict=True)]
    mine, other = ([int.from_bytes(one, "big") for one in _pieces(data)] for data in sums)
    numbers = [b - a for a, b in zip(mine, other, strict=True)]
    estimate = _estimate(counts, row)
    found = _peel(counts, seqs, numbers, row)
    if found is None:
        return Difference(estimate)
    theirs_alone = tuple(element for element, sign in found.items() if sign > 0)
    own_alone = tuple(element for element, sign in found.items() if sign < 0)
    return Difference(estimate, theirs_alone, own_alone, whole=True)


def _pieces(data: bytes) -> Iterable[bytes]:
    return (data[n : n + CELL_SIZE_BYTES] for n in range(0, len(data), CELL_SIZE_BYTES))


def _estimate(counts: list[int], row: int) -> int:
    """About how many elements differ, from how far the counts of the cells stand apart.

    With p elements there and q here spread at random, the squares of a row's counts add up to
    p + q on average, but for what p - q, which each row shows, does to all cells alike.
    """
    apart = abs(sum(counts[:row]))
    squares = sum(count * count for count in counts)
    return max(apart, (squares * row - ROWS_COUNT * apart * apart) // (ROWS_COUNT * (row - 1)))


def _peel(
    counts: list[int], seqs: list[int], numbers: list[int], row: int
) -> dict[Element, int] | None:
    """All elements, with +1 for theirs and -1 for own ones; None if something is left over."""
    found: dict[Element, int] = {}
    alone = [place for place, count in enumerate(counts) if count in (1, -1)]
    while alone:
        place = alone.pop()
        sign = counts[place]
        if sign not in (1, -1):
            continue
        number, seq = sign * numbers[place] % _MODULUS, sign * seqs[place] % SEQ_MODULUS
        data = number.to_bytes(CELL_SIZE_BYTES, "big")
        part = data[:PART_SIZE_BYTES]
        digest = sha256(part + seq.to_bytes(8, "big")).digest()
        places = _places(digest, row)
        if digest[:_CHECK_BYTES] != data[PART_SIZE_BYTES:] or place not in places:
            continue
        if (part, seq) in found or len(found) >= len(counts):
            return None  # a lie: going on would turn in a circle
        found[part, seq] = sign
        for one in places:
            counts[one] -= sign
            seqs[one] -= sign * seq
            numbers[one] -= sign * number
            if counts[one] in (1, -1):
                alone.append(one)
    left = any(counts) or any(n % _MODULUS for n in numbers) or any(s % SEQ_MODULUS for s in seqs)
    return None if left else found
