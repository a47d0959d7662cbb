"""Tables over the ordered map: what cannot be read is said, long tables are read in pages."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.ledger.stamps import CONVICTED
from node.protocol.errors import StorageFault
from node.protocol.lanes import LANE
from node.protocol.state import PAGE_ROWS_COUNT, Changes, DictState, Overlay, after

LANE_KEY = b"k" * 65


def stored(table: str, rows: dict[bytes, bytes | None]) -> DictState:
    """A state with these rows and no records."""
    state = DictState()
    state.apply(None, Changes(number=0, rows={table: rows}))
    return state


@pytest.mark.parametrize(
    "read",
    [
        lambda state: LANE.get(state, LANE_KEY),
        lambda state: LANE.must(state, LANE_KEY),
        lambda state: list(LANE.scan(state, b"", None)),
        lambda state: list(LANE.under(state, b"k")),
        lambda state: list(LANE.every(state)),
    ],
    ids=["get", "must", "scan", "under", "every"],
)
@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x90", b"\xff\xff"])
def test_a_row_that_is_not_what_it_was_is_a_damaged_database(
    read: Callable[[DictState], object], damage: bytes
) -> None:
    with pytest.raises(StorageFault) as caught:
        read(stored("lane", {LANE_KEY: damage}))
    assert caught.value.code == "database-damaged"
    assert caught.value.values["path"] == "lane"


def test_what_must_be_there_and_is_not_is_a_mistake_of_the_program() -> None:
    with pytest.raises(AssertionError, match=LANE_KEY.hex()):
        LANE.must(DictState(), LANE_KEY)


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("pages", [1, 2])
def test_all_rows_come_once_in_order_however_many_pages_they_fill(pages: int, extra: int) -> None:
    keys = [n.to_bytes(4, "big") for n in range(pages * PAGE_ROWS_COUNT + extra)]
    shuffled = random.Random(1).sample(keys, len(keys))
    state = stored("convicted", dict.fromkeys(shuffled, b"\xc4\x00"))
    assert [key for key, _ in CONVICTED.every(state)] == keys
    assert max(len(page) for page in CONVICTED.pages(state)) <= PAGE_ROWS_COUNT


@given(st.binary(max_size=4), st.lists(st.binary(max_size=5), max_size=30))
def test_what_starts_with_a_prefix_lies_below_the_next_key(
    prefix: bytes, others: list[bytes]
) -> None:
    end = after(prefix)
    for key in (prefix, prefix + b"\xff" * 6, *others):
        within = key >= prefix and (end is None or key < end)
        assert within == key.startswith(prefix)


def test_a_copy_goes_its_own_way() -> None:
    row = b"\xc4\x00"
    state = stored("convicted", {b"a": row, b"c": row})
    copied = state.copy()
    copied.apply(None, Changes(number=0, rows={"convicted": {b"b": row, b"c": None}}))
    assert [key for key, _ in state.scan("convicted", b"", None)] == [b"a", b"c"]
    assert [key for key, _ in copied.scan("convicted", b"", None)] == [b"a", b"b"]
    assert state.get("convicted", b"b") is None
    assert copied.get("convicted", b"c") is None


KEYS = st.binary(min_size=1, max_size=2)
ROWS = st.dictionaries(KEYS, st.just(b"\xc4\x00") | st.just(b"\xc4\x01x"), max_size=8)


@given(ROWS, st.dictionaries(KEYS, st.none() | st.just(b"\xc4\x01y"), max_size=8), st.data())
def test_an_overlay_shows_what_will_be_stored(
    base: dict[bytes, bytes], own: dict[bytes, bytes | None], data: st.DataObject
) -> None:
    below = stored("convicted", dict(base))
    overlay = Overlay(below)
    overlay.changes.rows["convicted"] = dict(own)
    low, high = data.draw(KEYS), data.draw(st.none() | KEYS)
    reverse, limit = data.draw(st.booleans()), data.draw(st.none() | st.integers(1, 5))
    seen = overlay.scan("convicted", low, high, reverse=reverse, limit=limit)
    after_it = below.copy()
    after_it.apply(None, overlay.changes)
    assert seen == list(_plain(after_it, low, high, reverse=reverse))[:limit]
    for key in {*base, *own}:
        assert overlay.get("convicted", key) == after_it.get("convicted", key)


def _plain(
    state: DictState, low: bytes, high: bytes | None, *, reverse: bool
) -> Iterator[tuple[bytes, bytes]]:
    """A scan without an index."""
    rows = sorted(state.tables.get("convicted", {}).items(), reverse=reverse)
    return ((k, row) for k, row in rows if k >= low and (high is None or k < high))
