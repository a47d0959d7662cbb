"""Sketches: what differs between two sets can be read, or nothing is said; no lie goes far."""

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import sketch as module
from node.protocol.limits import SEQUENCE_MAX_COUNT, SKETCH_ROW_MAX_COUNT, SKETCH_ROW_MIN_COUNT
from node.protocol.sketch import (
    CELL_SIZE_BYTES,
    ROW_SIZES,
    ROWS_COUNT,
    SEQ_MODULUS,
    Difference,
    Sketch,
    Sums,
    compare,
    name_of,
    part_of,
    row_for,
)

Head = tuple[bytes, int]
SMALLEST = ROW_SIZES[0]


def head(number: int, seq: int = 0) -> Head:
    return random.Random(f"{number} {seq}").randbytes(97), seq


def sketch_of(heads: list[Head], row: int) -> Sketch:
    sums = Sums()
    for key, seq in heads:
        sums.add(key, seq)
    return sums.sketch(row)


def read(own: list[Head], theirs: list[Head], row: int) -> Difference:
    return compare(sketch_of(own, row), sketch_of(theirs, row))


def elements(heads: set[Head]) -> set[tuple[bytes, int]]:
    return {(part_of(key), seq) for key, seq in heads}


heads = st.builds(head, st.integers(0, 40), st.integers(0, 2))
sets = st.lists(heads, max_size=30, unique=True)
rows = st.sampled_from(ROW_SIZES[:9])


@given(sets, sets, rows)
def test_what_is_read_is_the_difference(own: list[Head], theirs: list[Head], row: int) -> None:
    found = read(own, theirs, row)
    if found.whole:
        assert set(found.theirs) == elements(set(theirs) - set(own))
        assert set(found.own) == elements(set(own) - set(theirs))
        assert len(found.theirs) + len(found.own) == len(set(theirs) ^ set(own))
    else:
        assert found.theirs == found.own == ()
        assert len(set(theirs) ^ set(own)) > 1


@given(sets, sets, rows)
def test_a_set_has_one_sketch_however_it_came_about(
    kept: list[Head], gone: list[Head], row: int
) -> None:
    sums = Sums()
    for key, seq in [*gone, *kept[::-1]]:
        sums.add(key, seq)
    for key, seq in gone:
        sums.add(key, seq, times=-1)
    assert sums.sketch(row) == sketch_of(kept, row)


@pytest.mark.parametrize("row", ROW_SIZES)
def test_a_sketch_of_any_size_folds_from_the_largest(row: int) -> None:
    """Worked out anew, cell by cell, as `docs/protocol-sync.md` has it."""
    some = [head(n, 2**40 - n) for n in range(20)]
    sketch = sketch_of(some, row)
    assert sketch.row == row
    numbers, counts, seqs = [0] * (3 * row), [0] * (3 * row), [0] * (3 * row)
    for key, seq in some:
        part = key[:4] + key[32:34] + key[64:65] + key[65:68]
        assert (part, part[:7]) == (part_of(key), name_of(key))
        digest = sha256(part + seq.to_bytes(8, "big")).digest()
        for n in range(3):
            place = n * row + int.from_bytes(digest[4 + 4 * n : 8 + 4 * n], "big") % row
            numbers[place] += int.from_bytes(part + digest[:3], "big")
            counts[place] += 1
            seqs[place] += seq
    assert sketch.sums == b"".join((n % 2**104).to_bytes(13, "big") for n in numbers)
    assert sketch.counts == counts
    assert sketch.seqs == [seq % 2**48 for seq in seqs]


def test_the_sizes_are_those_that_fold() -> None:
    assert (ROW_SIZES[0], ROW_SIZES[-1]) == (SKETCH_ROW_MIN_COUNT, SKETCH_ROW_MAX_COUNT)
    assert len(ROW_SIZES) == 15
    assert all(SKETCH_ROW_MAX_COUNT % size == 0 for size in ROW_SIZES)


@pytest.mark.parametrize(("count", "runs"), [(2, 60), (10, 60), (17, 60), (150, 20), (1_000, 3)])
def test_a_row_that_fits_can_nearly_always_be_read(count: int, runs: int) -> None:
    row, read_count = row_for(count), 0
    for run in range(runs):
        theirs = [head(1_000 * run + n, 7) for n in range(count // 2)]
        own = [head(-1 - 1_000 * run - n, 9) for n in range(count - count // 2)]
        read_count += read(own, theirs, row).whole
    assert read_count >= 0.9 * runs


def test_a_row_is_as_small_as_it_may_be() -> None:
    for count in (0, 5, 17, 18, 100, 2_000, 6_800):
        row = row_for(count)
        cells = 1.35 * count + 24
        assert ROWS_COUNT * row >= int(cells)
        smaller = [size for size in ROW_SIZES if size < row]
        assert not smaller or ROWS_COUNT * smaller[-1] < cells
    assert row_for(6_900) == 0


@pytest.mark.parametrize(("more", "fewer"), [(40, 40), (300, 300), (2_000, 100), (500, 0), (0, 90)])
def test_the_smallest_sketch_tells_about_how_many_differ(more: int, fewer: int) -> None:
    theirs = [head(n) for n in range(more)]
    own = [head(-1 - n) for n in range(fewer)]
    common = [head(10_000 + n) for n in range(200)]
    estimate = read(common + own, common + theirs, SMALLEST).estimate
    assert 0.6 * (more + fewer) <= estimate <= 1.6 * (more + fewer)
    assert estimate >= abs(more - fewer)


@pytest.mark.parametrize("top", [1, 2, 9, 2**32 - 1])
def test_noise_is_not_read(top: int) -> None:
    for seed in range(15):
        chance = random.Random(f"{seed} {top}")
        own = [head(n) for n in range(seed)]
        counts = [chance.randint(0, top) for _ in range(48)]
        seqs = [chance.randrange(SEQ_MODULUS) for _ in range(48)]
        noise = Sketch(chance.randbytes(CELL_SIZE_BYTES * 48), counts, seqs)
        found = compare(sketch_of(own, SMALLEST), noise)
        assert (found.whole, found.theirs, found.own) == (False, (), ())
        assert found.estimate >= 0


@given(sets, sets, st.data())
def test_a_sketch_with_a_cell_changed_is_not_read(
    own: list[Head], theirs: list[Head], data: st.DataObject
) -> None:
    sketch = sketch_of(theirs, SMALLEST)
    place = data.draw(st.integers(0, len(sketch.counts) - 1))
    columns = [bytearray(sketch.sums), [*sketch.counts], [*sketch.seqs]]
    match data.draw(st.integers(0, 2)):
        case 0:
            at = place * CELL_SIZE_BYTES + data.draw(st.integers(0, CELL_SIZE_BYTES - 1))
            columns[0][at] ^= data.draw(st.integers(1, 255))
        case 1:
            columns[1][place] += data.draw(st.integers(1, 9))
        case _:
            columns[2][place] = (columns[2][place] + data.draw(st.integers(1, 2**40))) % SEQ_MODULUS
    changed = Sketch(bytes(columns[0]), list(columns[1]), list(columns[2]))
    assert not compare(sketch_of(own, SMALLEST), changed).whole


def test_a_head_in_one_cell_alone_does_not_turn_in_a_circle() -> None:
    key, seq = head(3, 5)
    sketch = sketch_of([(key, seq)], SMALLEST)
    place = sketch.counts.index(1)
    sums, counts, seqs = bytearray(13 * 48), [0] * 48, [0] * 48
    part = slice(13 * place, 13 * place + 13)
    sums[part] = sketch.sums[part]
    counts[place], seqs[place] = 1, seq
    found = compare(sketch_of([], SMALLEST), Sketch(bytes(sums), counts, seqs))
    assert not found.whole


def test_a_lie_shows_at_most_as_many_heads_as_there_are_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if its author could make any sum look like a head: here every one does."""
    looked = 0

    class Obliging:
        def __init__(self, data: bytes) -> None:
            nonlocal looked
            looked += 1
            self._data = data

        def digest(self) -> bytes:
            return bytes(4) + sha256(self._data).digest()[:12]

    monkeypatch.setattr(module, "sha256", Obliging)
    chance = random.Random(1)
    for _ in range(20):
        numbers = [chance.randbytes(10) + bytes(3) for _ in range(48)]
        counts = [chance.choice((1, 1, 2, 3)) for _ in range(48)]
        looked = 0
        lie = Sketch(b"".join(numbers), counts, [0] * 48)
        assert not compare(sketch_of([], SMALLEST), lie).whole
        assert looked <= 4 * 48


def test_a_head_of_a_seq_that_cannot_be_is_taken_as_it_is_said() -> None:
    """Nothing follows from a part and a seq but a question."""
    theirs = [(head(1)[0], SEQUENCE_MAX_COUNT + 9)]
    assert read([], theirs, SMALLEST).theirs == ((part_of(theirs[0][0]), SEQUENCE_MAX_COUNT + 9),)
