"""Rounds in which sketches show what differs: at what cost, and with what a liar may say."""

import random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import limits, messages
from node.protocol.errors import Parting, RemoteFault
from node.protocol.heads import Heads
from node.protocol.messages import Listing
from node.protocol.near import further, read
from node.protocol.reconcile import MORE, PASS, Round
from node.protocol.sketch import Sketch, compare, name_of, part_of
from tests.support.rounds import (
    ALL,
    SALT,
    Pair,
    SetSource,
    as_of_many,
    head,
    moved,
    sketch,
    turn,
    twin,
)


@pytest.mark.parametrize(("lanes", "apart", "turns"), [(400, 2, 5), (3_000, 100, 6)])
def test_lanes_that_moved_are_told_by_name_and_cost_little(
    lanes: int, apart: int, turns: int
) -> None:
    pair = Pair(*moved(lanes, apart)).run()
    assert (len(pair.a.found), len(pair.b.found)) == (apart, apart)
    assert pair.near == 2 * apart
    assert pair.turns <= turns
    assert pair.bytes < 2 * apart * 110 + 1_000


def test_the_size_of_a_sketch_follows_the_difference() -> None:
    pair = Pair(*moved(3_000, 100)).run()
    assert pair.sketches[0] == 16
    assert len(pair.sketches) == 2
    assert 150 <= pair.sketches[1] <= 400  # for 400 heads that differ
    assert Pair(*moved(400, 2)).run().sketches == [16]
    assert Pair(*moved(70, 2)).run().sketches == []  # a cut and two lists are smaller


def test_where_a_sketch_would_be_larger_than_lists_it_is_not_sent() -> None:
    a, b = moved(400, 200)
    pair = Pair(a, b).run()
    assert (len(pair.a.found), len(pair.b.found)) == (200, 200)
    assert pair.sketches == [16]
    with as_of_many():
        pair = Pair(a, b).run()
    assert (len(pair.a.found), len(pair.b.found)) == (200, 200)
    assert len(pair.sketches) > 1


def test_heads_that_cancel_out_in_a_sketch_are_found_by_ranges() -> None:
    """One forker's branches, made so that a sketch cannot tell them apart."""
    common = {head(n, 0): 0 for n in range(500)}
    left, right = head(7, 1), head(7, 1)[:68] + bytes(29)
    pair = Pair({**common, left: 3}, {**common, right: 3}).run()
    assert (pair.a.found, pair.b.found) == ([right], [left])
    assert pair.sketches == [16]


def test_heads_that_hide_one_another_cost_a_few_sketches_and_are_found_by_ranges() -> None:
    """Two that stand in the same three cells, on one side: none of these cells is ever alone."""
    common = {head(n, 0): 0 for n in range(17_000)}
    first = head(5_000, 1)
    both = {first: 3, first[:68] + bytes(29): 3}
    pair = Pair(common, {**common, **both}).run()
    assert sorted(pair.a.found) == sorted(both)
    assert len(pair.sketches) == limits.SKETCHES_ROUND_MAX_COUNT
    assert pair.sketches == sorted(set(pair.sketches))
    assert pair.bytes < 20_000


def test_each_sketch_of_a_round_is_larger_and_there_are_few() -> None:
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    for row in (16, 48, 96, 3_072):
        side.take(turn(sketch=sketch(row)))
    with pytest.raises(RemoteFault) as fault:
        side.take(turn(sketch=sketch(3_072)))
    assert fault.value.code == Parting.UNEXPECTED
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    side.take(turn(sketch=sketch(48)))
    for row in (48, 16):
        with pytest.raises(RemoteFault) as fault:
            side.take(turn(sketch=sketch(row)))
        assert fault.value.code == Parting.UNEXPECTED
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    for row in (16, 24, 32, 48):
        side.take(turn(sketch=sketch(row)))
    with pytest.raises(RemoteFault) as fault:
        side.take(turn(sketch=sketch(64)))
    assert fault.value.code == Parting.UNEXPECTED


def test_no_own_sketch_is_as_small_as_one_before() -> None:
    """A neighbour that begins with a large one, which cannot be read."""
    with as_of_many():
        side = Round(0, Heads(SetSource({head(n, 0): 0 for n in range(9)})), ALL, SALT)
        noise = Sketch(b"\x01" * 13 * 192, [3] * 192, [9] * 192)
        reply = side.take(turn(sketch=noise))
    assert reply is not None
    assert reply.sketch is not None
    assert reply.sketch.row > 64


@given(st.integers(0, 2**32), st.sampled_from([16, 48]), st.booleans())
def test_whatever_a_sketch_says_the_round_goes_on_and_ends(
    seed: int, row: int, honest_counts: bool
) -> None:
    """Lies about many heads, in sums that look like heads or like none."""
    chance = random.Random(seed)
    lie = {
        head(n, chance.randint(0, 3)): chance.randint(0, 9) for n in range(chance.randint(0, 60))
    }
    told = sketch(row, lie)
    if not honest_counts:
        told = Sketch(told.sums, [chance.randint(0, 3) for _ in told.counts], told.seqs)
    with as_of_many():
        items = {head(n, 0): 0 for n in range(40)}
        side = Round(0, Heads(SetSource(items)), ALL, SALT)
        reply = side.take(turn(sketch=told))
        for _ in range(60):
            if reply is None or side.over:
                break
            assert set(side.told) <= set(items)
            assert len(messages.encode(reply)) < limits.FRAME_SIZE_MAX_BYTES
            listings = [Listing(one.bounds[0], one.bounds[-1], b"", []) for one in reply.splits]
            reply = side.take(turn(listings=listings, flag=PASS))
    assert side.over
    assert side.work_us < 100_000


def test_heads_named_in_asks_are_told_and_unknown_ones_passed_over() -> None:
    items = {head(n, v): 0 for n in range(20) for v in range(1 + n % 2)}
    side = Round(0, Heads(SetSource(items)), ALL, SALT)
    asked = [part_of(head(n, 0)) for n in (3, 4, 99)]
    reply = side.take(turn(near_asks=b"".join(asked[:2]), far_asks=asked[2] + asked[1]))
    assert reply is not None
    ids = {name_of(head(n, 0)) + head(n, 0)[65:] for n in (3, 4)}
    assert {reply.near_heads[n : n + 39] for n in range(0, len(reply.near_heads), 39)} == ids
    assert reply.heads == head(4, 0)
    assert side.told == [head(4, 0), *sorted((head(3, 0), head(4, 0)))]


def test_a_head_is_not_near_where_two_lanes_have_its_name() -> None:
    side = Round(0, Heads(SetSource({twin(1, 0): 0, twin(2, 0): 0, head(1, 0): 0})), ALL, SALT)
    reply = side.take(turn(near_asks=part_of(twin(1, 0)) + part_of(head(1, 0))))
    assert reply is not None
    assert reply.heads == twin(1, 0)
    assert reply.near_heads == name_of(head(1, 0)) + head(1, 0)[65:]


@pytest.mark.parametrize(
    ("told", "asked", "still_told", "still_asked"),
    [
        ([5], [6], [], [6]),
        ([6], [5], [6], []),
        ([5], [5], [5], [5]),
        ([5], [], [5], []),
        ([], [5], [], [5]),
        ([5, 7], [9], [5, 7], [9]),
        ([9], [5, 7], [9], [5, 7]),
        ([1, 2], [8, 9], [1, 2], [8, 9]),
    ],
)
def test_of_forked_lanes_all_heads_are_told_and_asked_for(
    told: list[int], asked: list[int], still_told: list[int], still_asked: list[int]
) -> None:
    own = [(head(1, seq), seq) for seq in told]
    others = [(part_of(head(1, seq + 100)), seq) for seq in asked]
    found = further(own, others)
    assert [seq for _, seq in found[0]] == still_told
    assert [seq for _, seq in found[1]] == still_asked


def test_where_two_lanes_share_a_name_heads_are_told_in_full_and_asked_for_as_far() -> None:
    """One side holds both lanes, the other one of them: only the first must not say `near`."""
    ours = {twin(1, 0): 4, twin(2, 0): 4, head(1, 0): 4}
    theirs = {twin(1, 1): 3, head(1, 1): 3}
    index = Heads(SetSource(ours)).index(ALL)
    difference = compare(index.sketch(16), sketch(16, theirs))
    reading = read(index, difference)
    assert sorted(reading.tell) == sorted(
        [(twin(1, 0), False), (twin(2, 0), False), (head(1, 0), True)]
    )
    assert (reading.near, reading.far) == ([], [part_of(twin(1, 1))])


def test_many_near_heads_too_are_asked_for_in_turns_that_fit() -> None:
    """Nothing that a sketch showed is forgotten at the end of a turn."""
    with patch.object(limits, "SKETCH_CELL_HEADS_COUNT", 0):
        pair = Pair(*moved(2_600, 1_200)).run()
    assert (len(pair.a.found), len(pair.b.found)) == (1_200, 1_200)


def test_a_near_head_of_a_lane_that_is_not_held_keeps_its_number() -> None:
    side = Round(0, Heads(SetSource({head(1, 0): 0})), ALL, SALT)
    near = [name_of(head(n, 1)) + head(n, 1)[65:] for n in (2, 1)]
    side.take(turn(heads=head(3, 0), near_heads=b"".join(near)))
    assert side.found == [head(3, 0), b"", head(1, 1)]


def test_near_heads_of_lanes_that_are_not_compared_are_a_fault() -> None:
    side = Round(0, Heads(SetSource({})), frozenset({0, 1}), SALT)
    with pytest.raises(RemoteFault) as fault:
        side.take(turn(near_heads=name_of(head(2, 0)) + bytes(32)))
    assert fault.value.code == Parting.UNEXPECTED


def test_many_heads_read_from_a_sketch_are_asked_for_in_turns_that_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SKETCH_CELL_HEADS_COUNT", 0)
    many = {head(n, 0): 0 for n in range(2_600)}
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    reply, asked = side.take(turn(sketch=sketch(1_536, many))), list[int]()
    while reply is not None and not side.over:
        asked.append(len(reply.far_asks) // 10)
        assert reply.turn == (MORE if sum(asked) < 2_600 else PASS)
        reply = side.take(turn(flag=PASS))
    assert asked == [1_000, 1_000, 600]


def test_sketches_and_names_are_work() -> None:
    def work(**said: Any) -> int:
        side = Round(0, Heads(SetSource({head(n, 0): 0 for n in range(9)})), ALL, SALT)
        side.take(turn(**said))
        return side.work_us

    idle, named = work(), 10 * 100
    assert 3_000 <= work(sketch=sketch(16)) - idle < 8_000
    assert work(sketch=sketch(3_072)) - work(sketch=sketch(16)) > 25_000
    assert work(near_asks=bytes(10 * 100)) - idle == work(far_asks=bytes(10 * 100)) - idle == named
    assert work(near_heads=bytes(39 * 100)) - idle == named
