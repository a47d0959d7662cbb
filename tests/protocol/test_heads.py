"""The set of heads: fingerprints depend on what is in a range and on nothing else."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import heads as heads_module
from node.protocol.heads import HeadIndex, Heads, Listed, digest, fingerprint
from node.protocol.identity import Lane
from node.protocol.sketch import name_of
from tests.support.rounds import SetSource
from tests.support.sync_source import DictSource, LaneMaker, source_with

ALL = frozenset(range(6))


def key(lane: int, number: int) -> bytes:
    return lane.to_bytes(64, "big") + b"\x02" + number.to_bytes(32, "big")


def plain(items: Iterable[Listed]) -> bytes:
    """A fingerprint, added up by hand."""
    digests = [digest(item[0]) for item in items]
    return fingerprint(sum(digests), len(digests))


lanes = st.integers(0, 40)
lane_heads = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=3, unique=True)
changes = st.lists(st.tuples(lanes, lane_heads), max_size=60)


@given(st.sets(lanes, max_size=40), changes, st.data())
def test_an_index_kept_up_equals_one_built_anew(
    start: set[int], steps: list[tuple[int, list[tuple[int, int]]]], data: st.DataObject
) -> None:
    index = HeadIndex((key(lane, 0), 0) for lane in sorted(start))
    model = {lane: [(key(lane, 0), 0)] for lane in start}
    for lane, now in steps:
        model[lane] = sorted({key(lane, number): seq for number, seq in now}.items())
        index.replace(key(lane, 0)[:65], model[lane])
        assert index.fingerprint(0, len(index)) == plain(
            item for each in model.values() for item in each
        )
    expected = sorted(item for items in model.values() for item in items)
    assert len(index) == len(expected)
    assert index.slice(0, len(expected)) == expected
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(expected))] * 2)))
    assert index.slice(low, high) == expected[low:high]
    assert index.fingerprint(low, high) == plain(expected[low:high])
    assert index.fingerprint(low, len(expected)) == plain(expected[low:])
    assert index.fingerprint(0, high) == plain(expected[:high])
    bound = data.draw(st.binary(max_size=70))
    assert index.position(bound) == sum(item[0] < bound for item in expected)
    assert index.sketch(48) == HeadIndex(expected).sketch(48)
    names = {name_of(item[0]) for item in expected[low:high]} | {bytes(7), b"\xff" * 7}
    assert index.named(names) == {
        name: [item for item in expected if name_of(item[0]) == name] for name in names
    }


def test_an_index_read_in_parts_equals_one_read_at_once() -> None:
    """With changes between the parts, some of lanes that are read already, some of others."""
    runs = {name: LaneMaker(name).run(3) for name in ("mina", "jun", "sora", "ana", "bo", "chu")}
    source = source_with(*(run[:1] for run in runs.values()))
    heads = Heads(source, told=True)
    assert not heads.prepare(ALL)
    for step, (name, run) in enumerate(runs.items()):
        for _ in range(40):
            assert not heads.prepare(ALL)
        source.take([run[1 + step % 2 :][0].raw, run[1].raw])
        heads.changed([LaneMaker(name).lane_key])
    while not heads.prepare(ALL):
        pass
    assert heads.prepare(ALL)
    whole = [(item.key, item.seq) for item in source.heads(b"", None)]
    index = heads.index(ALL)
    assert index.slice(0, len(index)) == whole
    assert index.fingerprint(0, len(index)) == plain(whole)
    assert index.sketch(16) == HeadIndex(whole).sketch(16)


@given(st.lists(st.sampled_from(["prepare", "change", "index"]), max_size=12), st.data())
def test_an_index_is_right_whatever_comes_between_preparing_and_the_first_question(
    steps: list[str], data: st.DataObject
) -> None:
    """Lanes change that were read already, that were not, and that are new."""
    items = {bytes((first,)) * 64 + b"\x02" + bytes(32): 0 for first in range(0, 256, 3)}
    source = SetSource(items)
    heads = Heads(source, told=True)
    for step in [*steps, "change", "index"]:
        if step == "prepare":
            for _ in range(data.draw(st.integers(1, 90))):
                heads.prepare(ALL)
        elif step == "change":
            lane = bytes((data.draw(st.integers(0, 255)),)) * 64 + b"\x02"
            items = {head: seq for head, seq in items.items() if head[:65] != lane}
            for number in data.draw(st.sets(st.integers(0, 3), max_size=2)):
                items[lane + bytes((number,)) * 32] = number
            source.set(items)
            heads.changed([lane])
        else:
            index, whole = heads.index(ALL), sorted(items.items())
            assert index.slice(0, len(whole) + 9) == whole
            assert index.fingerprint(0, len(whole)) == plain(whole)
            assert index.sketch(16) == HeadIndex(whole).sketch(16)


def test_what_was_not_prepared_is_read_when_it_is_needed() -> None:
    source = CountingSource()
    source.take(link.raw for n in range(40) for link in LaneMaker(f"member {n}").run(1))
    heads = Heads(source, told=True)
    for _ in range(100):
        heads.prepare(ALL)
    assert source.whole == 0
    assert len(heads.index(ALL)) == 40
    assert source.whole == 1
    assert heads.prepare(ALL)
    assert source.whole == 1


@pytest.mark.parametrize("steps", [0, 1, 2, 128, 255, 256])
def test_wherever_preparing_ends_nothing_is_left_out_or_read_twice(steps: int) -> None:
    every = {bytes((first,)) * 64 + b"\x02" + bytes(32): first for first in range(256)}
    heads = Heads(SetSource(every), told=True)
    for _ in range(steps):
        heads.prepare(ALL)
    assert heads.index(ALL).slice(0, 300) == sorted(every.items())


def test_a_fingerprint_is_what_the_protocol_says() -> None:
    items = [(key(n, 0), 0) for n in range(1_000)]
    index = HeadIndex(items)
    for start, stop in ((137, 901), (0, 1_000), (0, 999), (1, 1_000), (640, 1_000), (128, 256)):
        assert index.fingerprint(start, stop) == plain(items[start:stop])
    assert len({index.fingerprint(0, n) for n in range(1_001)}) == 1_001
    assert index.key_at(500) == items[500][0]


def test_blocks_split_and_vanish() -> None:
    index = HeadIndex()
    for n in range(400):
        index.replace(key(n * 7 % 401, 0)[:65], [(key(n * 7 % 401, 0), n)])
    assert [a[0] < b[0] for a, b in pairwise(index.slice(0, 400))] == [True] * 399
    for n in range(400):
        index.replace(key(n * 7 % 401, 0)[:65], [])
    assert len(index) == 0
    assert index.fingerprint(0, 0) == fingerprint(0, 0)


class CountingSource(DictSource):
    """Counts how often the whole set, and anything, is read."""

    whole = 0
    reads = 0

    def heads(self, low: bytes, high: bytes | None) -> list[heads_module.HeadItem]:
        self.whole += high is None
        self.reads += 1
        return list(super().heads(low, high))


def test_heads_are_read_again_only_when_they_changed() -> None:
    source = CountingSource()
    run = LaneMaker("mina").run(3)
    source.take(link.raw for link in run[:1])
    heads = Heads(source)
    assert len(heads.index(ALL)) == 1
    assert len(heads.index(ALL)) == 1
    assert source.whole == 1
    source.take([run[1].raw])
    assert heads.index(ALL).slice(0, 1) == [(LaneMaker("mina").lane_key + run[1].id, 1)]
    assert source.whole == 2


def test_heads_told_of_changes_read_only_those_lanes() -> None:
    source = CountingSource()
    mina, jun = LaneMaker("mina"), LaneMaker("jun", Lane.IDENTITY)
    sora = LaneMaker("sora")
    source.take(link.raw for link in (*mina.run(2), *sora.run(1)))
    heads = Heads(source, told=True)
    heads.changed([mina.lane_key])  # nobody has asked yet
    assert len(heads.index(ALL)) == 2
    read = source.whole
    source.take(link.raw for link in jun.run(1))
    heads.changed([jun.lane_key])
    assert [item[0][:65] for item in heads.index(ALL).slice(0, 9)] == sorted(
        [mina.lane_key, jun.lane_key, sora.lane_key]
    )
    assert source.whole == read
    reads = source.reads
    heads.index(ALL)
    assert source.reads == reads


def test_each_set_of_lane_kinds_has_its_own_index() -> None:
    source = source_with(LaneMaker("mina").run(2), LaneMaker("mina", Lane.IDENTITY).run(1))
    heads = Heads(source, told=True)
    assert len(heads.index(ALL)) == 2
    assert len(heads.index(frozenset({0, 1}))) == 1
    market = LaneMaker("mina", Lane.MARKET)
    source.take(link.raw for link in market.run(1))
    heads.changed([market.lane_key])
    assert len(heads.index(frozenset({0, 1}))) == 1
    assert len(heads.index(ALL)) == 3
    stall = LaneMaker("sora", Lane.MARKET)
    source.take(link.raw for link in stall.run(1))
    heads.changed([stall.lane_key])  # told again, while both indexes stand
    assert len(heads.index(frozenset({0, 1}))) == 1
    assert len(heads.index(ALL)) == 4


def test_what_is_committed_while_an_index_is_made_is_read_the_next_time() -> None:
    run = LaneMaker("mina").run(2)

    class Moving(DictSource):
        """Another thread commits just after the heads were read."""

        def heads(self, low: bytes, high: bytes | None) -> Sequence[heads_module.HeadItem]:
            found = super().heads(low, high)
            if not self.holds(run[1].id):
                self.take([run[1].raw])
            return found

    source = Moving()
    source.take([run[0].raw])
    heads = Heads(source)
    for link in run:
        assert heads.index(ALL).slice(0, 9) == [(LaneMaker("mina").lane_key + link.id, link.seq)]
