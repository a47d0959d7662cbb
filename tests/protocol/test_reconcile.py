"""Rounds: two sides learn what the other lacks, at a cost that follows the difference."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from hashlib import sha256
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.heads import Heads
from node.protocol.messages import Ask, Listing, Ranges, Split
from node.protocol.near import name_and_id
from node.protocol.reconcile import END, MORE, PASS, Round, separator, short_form
from node.protocol.sketch import Sketch
from tests.support.rounds import (
    ALL,
    SALT,
    Pair,
    SetSource,
    as_of_many,
    as_they_are,
    head,
    sketch,
    turn,
    twin,
)

both_ways = pytest.mark.parametrize("way", [as_they_are, as_of_many])
Way = Callable[[], AbstractContextManager[None]]


def behind(mine: Iterable[bytes], theirs: Iterable[bytes]) -> set[bytes]:
    return set(theirs) - set(mine)


lane_numbers = st.integers(0, 300)
plain_sets = st.sets(lane_numbers, max_size=150)


@both_ways
@given(plain_sets, plain_sets, plain_sets)
def test_each_side_learns_exactly_the_lanes_it_lacks(
    way: Way, common: set[int], only_a: set[int], only_b: set[int]
) -> None:
    a = {head(n, 0): 0 for n in common | only_a}
    b = {head(n, 0): 0 for n in common | only_b}
    with way():
        pair = Pair(a, b).run()
    assert sorted(pair.a.found) == sorted(behind(a, b))
    assert sorted(pair.b.found) == sorted(behind(b, a))
    assert pair.a.equal == pair.b.equal == (a == b)


versions = st.dictionaries(st.integers(0, 40), st.integers(0, 5), max_size=40)


@both_ways
@given(versions, versions)
def test_of_two_heads_on_a_lane_only_the_further_one_is_told(
    way: Way, a: dict[int, int], b: dict[int, int]
) -> None:
    sides = [{head(n, s): s for n, s in side.items()} for side in (a, b)]
    with way():
        pair = Pair(sides[0], sides[1]).run()
    assert set(pair.a.found) == {head(n, s) for n, s in b.items() if s > a.get(n, -1)}
    assert set(pair.b.found) == {head(n, s) for n, s in a.items() if s > b.get(n, -1)}


forked = st.dictionaries(
    st.integers(0, 12), st.sets(st.integers(0, 4), min_size=1, max_size=3), max_size=12
)


@both_ways
@pytest.mark.parametrize("make", [head, twin])
@given(forked, forked)
def test_rounds_repeated_after_taking_in_bring_forked_lanes_together(
    way: Way,
    make: Callable[[int, int], bytes],
    a: dict[int, set[int]],
    b: dict[int, set[int]],
) -> None:
    """Lanes of one name, too: what is told counts by its number, whatever it is taken for."""
    set_a = {make(n, v): v % 2 for n, vs in a.items() for v in vs}
    set_b = {make(n, v): v % 2 for n, vs in b.items() for v in vs}
    union = set_a | set_b
    for number in range(5):
        with way():
            pair = Pair(set_a, set_b, number).run(names_are_clear=make is head)
        set_a |= {k: union[k] for k in pair.b.told}
        set_b |= {k: union[k] for k in pair.a.told}
        if pair.a.equal:
            break
    assert set_a == set_b == union


@pytest.mark.parametrize("each", [1, 9])
def test_one_round_is_enough_however_many_lists_and_asks_it_takes(each: int) -> None:
    """Lanes that differ all over: 256 lists, of which a turn holds fewer, as it does of asks."""
    common = {head(n, 0): 4 for n in range(4_500)}
    a, b = ({k: s for k, s in common.items() if k[1] % 16 != side} for side in (3, 5))
    a |= {head(n, 1): 5 for n in range(0, 4_500, 11 * each)}
    b |= {head(n, 1): 5 for n in range(5_000, 5_000 + 2_000 // each)}
    with patch.object(limits, "SKETCHES_ROUND_MAX_COUNT", 0):
        pair = Pair(a, b).run()
    further = {key[:65] for key in a if key[:65] in {one[:65] for one in b} and key not in b}
    assert set(pair.a.found) == {key for key in b if key not in a and key[:65] not in further}
    assert set(pair.b.found) == {key for key in a if key not in b}


def test_what_only_one_side_lacks_takes_one_round_too() -> None:
    """Whoever has nothing to ask must not end while the other has more lists to send."""
    b = {head(n, 0): 4 for n in range(12_000)}
    a = {key: seq for key, seq in b.items() if key[1] % 16}
    for one, other in ((a, b), (b, a)):
        with patch.object(limits, "SKETCHES_ROUND_MAX_COUNT", 0):
            pair = Pair(one, other).run()
        assert {*pair.a.found, *pair.b.found} == b.keys() - a.keys()


def test_who_ends_without_a_word_after_a_difference_is_not_the_same() -> None:
    side = Round(0, Heads(SetSource({head(n, 0): 0 for n in range(9)})), ALL, SALT)
    side.open()
    assert side.take(turn(splits=[Split([b"", b""], FP)])) is not None
    assert side.take(turn(flag=END)) is None
    assert (side.over, side.equal, side.found) == (True, False, [])


def test_the_fingerprint_of_a_round_is_that_of_its_beginning() -> None:
    """What both agreed on is that; heads that came meanwhile are compared in the next round."""
    source = SetSource({head(n, 0): 0 for n in range(9)})
    answering, opening = (Round(0, Heads(source), ALL, SALT) for _ in range(2))
    index = Heads(source).index(ALL)
    before = index.fingerprint(0, len(index))
    assert opening.open().splits[0].fingerprints == before
    answering.take(turn(flag=MORE))
    source.set({head(n, 1): 0 for n in range(9)})
    for side in (answering, opening):
        side.take(turn(flag=MORE))
        assert side.whole == before


@pytest.mark.parametrize("place", range(16))
def test_every_byte_of_a_fingerprint_counts(place: int) -> None:
    source = SetSource({head(n, 0): 0 for n in range(9)})
    index = Heads(source).index(ALL)
    told = bytearray(index.fingerprint(0, len(index)))
    same = Round(0, Heads(source), ALL, SALT)
    same.take(turn(splits=[Split([b"", b""], bytes(told))]))
    told[place] ^= 1
    other = Round(0, Heads(source), ALL, SALT)
    other.take(turn(splits=[Split([b"", b""], bytes(told))]))
    assert (same.equal, other.equal) == (True, False)


@pytest.mark.parametrize("count", [0, 1, 65, 5_000])
def test_equal_sets_cost_two_short_turns(count: int) -> None:
    items = {head(n, 0): 0 for n in range(count)}
    pair = Pair(items, items).run()
    assert (pair.turns, pair.a.equal, pair.b.equal) == (2, True, True)
    assert pair.bytes < 80


def test_the_cost_follows_the_difference() -> None:
    items = {head(n, 0): 0 for n in range(5_000)}
    more = {**items, **{head(9_000 + n, 0): 0 for n in range(10)}}
    pair = Pair(items, more).run()
    assert sorted(pair.a.found) == sorted(more.keys() - items.keys())
    assert pair.b.found == []
    assert pair.bytes < 10 * (97 + 1_100)
    assert pair.turns <= 7


def test_an_empty_side_is_told_everything_in_frames_that_fit() -> None:
    items = {head(n, 0): 0 for n in range(7_000)}
    pair = Pair(items, {}).run()
    assert sorted(pair.b.found) == sorted(items)
    assert pair.bytes < 7_000 * 100
    assert pair.largest <= limits.FRAME_SIZE_MAX_BYTES
    assert pair.turns == 2 * 4 + 1


def test_one_lane_with_thousands_of_heads_fits_too() -> None:
    """A forker's heads share 65 bytes, so that bounds between them are long."""
    items = {head(7, n): 5 for n in range(6_000)}
    few = dict.fromkeys(sorted(items)[::3], 5)
    pair = Pair(items, few).run()
    assert sorted(pair.b.found) == sorted(items.keys() - few.keys())
    assert pair.largest <= limits.FRAME_SIZE_MAX_BYTES


def test_a_round_tells_no_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEADS_ROUND_MAX_COUNT", 100)
    items = {head(n, 0): 0 for n in range(250)}
    pair = Pair(items, {}).run()
    assert len(pair.b.found) == 100


@given(st.binary(min_size=1, max_size=9), st.binary(min_size=1, max_size=9))
def test_a_separator_is_the_shortest_that_separates(one: bytes, two: bytes) -> None:
    if one == two or two.startswith(one + b"\x00") or one.startswith(two + b"\x00"):
        return
    left, right = sorted((one, two))
    cut = separator(left, right)
    assert left < cut <= right
    assert not any(left < right[:n] for n in range(1, len(cut)))


@pytest.mark.parametrize("number", [4, 2**40])
def test_a_list_is_in_the_short_forms_of_its_round(number: int) -> None:
    """As `docs/protocol-sync.md` has it, worked out anew."""
    heads = {head(lane, 0): lane for lane in range(9)}
    asked = Ranges(number, PASS, [Split([b"", b""], bytes(16))], [], [], b"")
    answer = Round(number, Heads(SetSource(heads)), ALL, SALT).take(asked)
    assert answer is not None
    salt = sha256(SALT + number.to_bytes(8, "big")).digest()[:16]
    forms = sorted(
        (sha256(salt + key[:65]).digest()[:4] + sha256(salt + key).digest()[:4], seq)
        for key, seq in heads.items()
    )
    assert [(one.low, one.high) for one in answer.listings] == [(b"", b"")]
    assert answer.listings[0].shorts == b"".join(form for form, _ in forms)
    assert answer.listings[0].seqs == [seq for _, seq in forms]


def test_a_cut_has_pieces_of_one_size_and_the_fingerprint_of_each() -> None:
    heads = {head(lane, 0): 0 for lane in range(limits.RANGE_LEAF_ITEMS_COUNT + 21)}
    index = Heads(SetSource(heads)).index(ALL)
    asked = turn(splits=[Split([b"", b"\xff" * 97], FP)])
    answer = Round(0, Heads(SetSource(heads)), ALL, SALT).take(asked)
    assert answer is not None
    assert answer.listings == []
    (split,) = answer.splits
    pieces = [index.between(low, high) for low, high in pairwise(split.bounds)]
    assert len(pieces) == limits.RANGE_PIECES_COUNT
    assert {stop - start for start, stop in pieces} == {len(heads) // 16, len(heads) // 16 + 1}
    assert split.fingerprints == b"".join(index.fingerprint(*piece) for piece in pieces)
    assert (split.bounds[0], split.bounds[-1]) == (b"", b"\xff" * 97)


def test_short_forms_name_the_lane_and_change_with_the_salt() -> None:
    first, second = short_form(SALT, head(3, 0)), short_form(SALT, head(3, 1))
    assert first[:4] == second[:4]
    assert first[4:] != second[4:]
    assert short_form(b"other", head(3, 0))[:4] != first[:4]


FP = bytes(16)
SMALL = sketch(16)
HOSTILE = {
    "fingerprints missing": turn(splits=[Split([b"", b"a", b""], FP)]),
    "fingerprints left over": turn(splits=[Split([b"", b""], FP * 2)]),
    "bounds descend": turn(splits=[Split([b"b", b"a"], FP)]),
    "an empty piece": turn(splits=[Split([b"a", b"a"], FP)]),
    "the end in the middle": turn(splits=[Split([b"", b"", b"b"], FP * 2)]),
    "ranges overlap": turn(splits=[Split([b"", b""], FP)] * 2),
    "a list within a split": turn(
        splits=[Split([b"", b""], FP)], listings=[Listing(b"a", b"b", b"", [])]
    ),
    "asks overlap": turn(asks=[Ask(b"a", b"c", b""), Ask(b"b", b"d", b"")]),
    "seqs missing": turn(listings=[Listing(b"", b"", bytes(16), [1])]),
    "a short form broken off": turn(asks=[Ask(b"", b"", bytes(7))]),
    "heads broken off": turn(heads=bytes(96)),
    "near heads broken off": turn(near_heads=bytes(38)),
    "near asks broken off": turn(near_asks=bytes(9)),
    "far asks broken off": turn(far_asks=bytes(11)),
    "a sketch without cells": turn(sketch=Sketch(b"", [], [])),
    "a sketch in rows of another size": turn(sketch=Sketch(bytes(13 * 51), [0] * 51, [0] * 51)),
    "a sketch of four rows": turn(sketch=Sketch(bytes(13 * 64), [0] * 64, [0] * 64)),
    "a sketch whose sums end early": turn(sketch=Sketch(SMALL.sums[1:], [0] * 48, [0] * 48)),
    "a sketch with a seq too many": turn(sketch=Sketch(SMALL.sums, [0] * 48, [0] * 49)),
    "a sketch and heads": turn(sketch=SMALL, heads=head(1, 1)),
    "a sketch and near heads": turn(sketch=SMALL, near_heads=bytes(39)),
    "a sketch and asks by name": turn(sketch=SMALL, near_asks=bytes(10)),
    "a sketch and far asks": turn(sketch=SMALL, far_asks=bytes(10)),
    "a sketch and a split": turn(sketch=SMALL, splits=[Split([b"", b""], FP)]),
    "a sketch and a list": turn(sketch=SMALL, listings=[Listing(b"", b"", b"", [])]),
    "too many ranges": turn(
        asks=[
            Ask(bytes((n // 256, n % 256)), bytes((n // 256, n % 256, 0)), b"")
            for n in range(2_049)
        ]
    ),
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_a_malformed_turn_is_a_fault(message: Ranges) -> None:
    side = Round(0, Heads(SetSource({head(n, 0): 0 for n in range(9)})), ALL, SALT)
    with pytest.raises(RemoteFault) as fault:
        side.take(message)
    assert fault.value.code == Parting.FRAME


@pytest.mark.parametrize(
    "asked",
    [
        {"splits": [Split([b"", b""], FP)]},
        {"listings": [Listing(b"", b"", b"", [])]},
        {"asks": [Ask(b"", b"", b"")]},
        {"sketch": SMALL},
        {"near_asks": bytes(10)},
        {"far_asks": bytes(10)},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_a_question_in_the_last_turn_is_a_fault(asked: dict[str, Any]) -> None:
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    with pytest.raises(RemoteFault) as fault:
        side.take(turn(flag=END, **asked))
    assert fault.value.code == Parting.UNEXPECTED


@pytest.mark.parametrize("lanes", [[2], [0, 2], [2, 1], [0, 1, 2, 1]])
def test_heads_of_lanes_that_are_not_compared_are_a_fault(lanes: list[int]) -> None:
    for heads in (
        {"heads": b"".join(head(lane, 0) for lane in lanes)},
        {"near_heads": b"".join(name_and_id(head(lane, 0)) for lane in lanes)},
    ):
        side = Round(0, Heads(SetSource({})), frozenset({0, 1}), SALT)
        with pytest.raises(RemoteFault) as fault:
            side.take(turn(**heads))
        assert fault.value.code == Parting.UNEXPECTED


def test_a_side_that_never_comes_to_an_end_is_cut_off() -> None:
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    for _ in range(limits.RANGE_TURNS_MAX_COUNT):
        reply = side.take(turn(flag=MORE))
        assert reply is not None
        assert reply.turn == PASS
    with pytest.raises(RemoteFault) as fault:
        side.take(turn(flag=MORE))
    assert fault.value.code == Parting.ENDLESS


def test_more_heads_than_a_round_allows_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEADS_ROUND_MAX_COUNT", 3)
    side = Round(0, Heads(SetSource({})), ALL, SALT)
    side.take(turn(flag=MORE, heads=b"".join(head(n, 0) for n in range(3))))
    with pytest.raises(RemoteFault) as fault:
        side.take(turn(flag=MORE, heads=head(4, 0)))
    assert fault.value.code == Parting.ENDLESS


def work_of(count: int, said: Ranges) -> int:
    """What a turn costs a side that holds so many heads."""
    side = Round(0, Heads(SetSource({head(n, 0): 0 for n in range(count)})), ALL, SALT)
    side.take(turn(splits=[Split([b"", b""], FP)]))
    before = side.work_us
    side.take(said)
    return side.work_us - before


def test_work_is_counted_by_what_a_turn_makes_us_look_at() -> None:
    whole = turn(listings=[Listing(b"", b"", b"", [])])
    assert work_of(500, whole) > work_of(5, whole) + 500
    assert work_of(500, turn()) < work_of(5, whole) + 500


def test_every_piece_and_every_head_listed_is_work() -> None:
    heads = {head(lane, 0): 0 for lane in range(50)}
    whole = Heads(SetSource(heads)).index(ALL)
    bounds = [b"", *(bytes((n,)) for n in range(1, 250)), b""]
    prints = b"".join(
        whole.fingerprint(*whole.between(low, high)) for low, high in pairwise(bounds)
    )

    def work(split: Split) -> int:
        side = Round(0, Heads(SetSource(heads)), ALL, SALT)
        side.take(Ranges(0, PASS, [split], [], [], b""))
        return side.work_us

    many, one = work(Split(bounds, prints)), work(Split([b"", b""], whole.fingerprint(0, 50)))
    assert 5 * 249 <= many - one <= 9 * 249
    listed = work(Split([b"", b""], bytes(16)))
    assert 50 <= listed - one <= 10 * 50


def test_differing_ranges_beyond_the_limit_wait_for_the_next_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RANGE_QUEUED_MAX_COUNT", 3)
    side = Round(0, Heads(SetSource({head(n, 0): 0 for n in range(9)})), ALL, SALT)
    bounds = [bytes((n,)) for n in range(0, 250, 10)]
    reply = side.take(turn(splits=[Split(bounds, b"\x01" * 16 * (len(bounds) - 1))]))
    assert reply is not None
    assert len(reply.listings) == 3
