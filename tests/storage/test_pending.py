"""The buffer of waiting records: bounded whatever happens, and it gives back what it kept."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from node.protocol.identity import Lane
from node.protocol.record import Header, RawRecord, Record
from node.protocol.shapes import RecordId
from node.storage.pending import Pending

COUNT_MAX, SIZE_MAX = 12, 30_000
SOURCE_COUNT_MAX, SOURCE_SIZE_MAX = 6, 20_000
HEADER = Header(1, "post.put", bytes(32), bytes(32), Lane.SOCIAL, 1, bytes(32), 0, bytes(32), 1)
IDS = st.integers(min_value=0, max_value=30).map(lambda n: bytes((n,)) * 32)


def record(number: int, size: int = 10) -> Record:
    """A record with a given id; what it says is nothing to the buffer."""
    raw = RawRecord(b"header", bytes(size), bytes(64))
    return Record(RecordId(bytes((number,)) * 32), HEADER, None, raw)


def small() -> Pending:
    return Pending(
        count_max=COUNT_MAX,
        size_max_bytes=SIZE_MAX,
        source_count_max=SOURCE_COUNT_MAX,
        source_size_max_bytes=SOURCE_SIZE_MAX,
    )


def an_id(number: int) -> bytes:
    return bytes((number,)) * 32


def test_a_record_comes_back_when_the_last_id_arrives() -> None:
    pending = Pending()
    assert pending.add(record(1), [an_id(10), an_id(11)], "peer")
    assert not pending.add(record(1), [an_id(12)], "other")
    assert pending.missing(9) == [an_id(10), an_id(11)]
    assert pending.release(an_id(11)) == []
    assert pending.release(an_id(10)) == [record(1)]
    assert (len(pending), pending.size_bytes, pending.missing(9)) == (0, 0, [])


def test_ids_that_wait_themselves_are_not_asked_for() -> None:
    pending = Pending()
    pending.add(record(1), [an_id(2)], "peer")
    pending.add(record(2), [an_id(3)], "peer")
    assert pending.missing(9) == [an_id(3)]
    assert pending.missing(0) == []


def test_a_source_that_exceeds_its_share_loses_its_own_oldest() -> None:
    pending = small()
    pending.add(record(99), [an_id(0)], "good")
    for number in range(1, SOURCE_COUNT_MAX + 3):
        assert pending.add(record(number), [an_id(0)], "bad")
    assert an_id(99) in pending
    assert an_id(1) not in pending
    assert an_id(2) not in pending
    assert an_id(3) in pending
    assert pending.evicted_count == 2


def test_the_heaviest_source_pays_when_all_together_hold_too_much() -> None:
    pending = small()
    for number in range(4):
        pending.add(record(number, 2_500), [an_id(99)], "heavy")
    for number in range(10, 15):
        pending.add(record(number, 100), [an_id(99)], "light")
    before = pending.count_of("heavy")
    pending.add(record(20, 9_000), [an_id(99)], "third")
    assert pending.count_of("light") == 5
    assert pending.count_of("heavy") < before
    assert an_id(0) not in pending


def test_what_could_never_fit_is_refused_and_displaces_nothing() -> None:
    pending = small()
    pending.add(record(1), [an_id(9)], "peer")
    assert not pending.add(record(2, SOURCE_SIZE_MAX), [an_id(9)], "peer")
    assert not pending.add(record(3), [an_id(n) for n in range(100)], "peer")
    assert len(pending) == 1


def test_what_just_fits_stays_and_one_byte_more_does_not() -> None:
    measured = Pending()
    for number in (1, 2):
        measured.add(record(number), [an_id(9), an_id(8)], "peer")
    whole = measured.size_bytes
    for bound in ("size_max_bytes", "source_size_max_bytes"):
        for size, kept in ((whole, 2), (whole - 1, 1)):
            pending = Pending(**{bound: size})
            for number in (1, 2):
                pending.add(record(number), [an_id(9), an_id(8)], "peer")
            assert (len(pending), pending.evicted_count) == (kept, 2 - kept)
        half = Pending(**{bound: whole // 2})
        assert half.add(record(1), [an_id(9), an_id(8)], "peer")
        assert not Pending(**{bound: whole // 2 - 1}).add(record(1), [an_id(9), an_id(8)], "peer")


def test_a_source_can_be_forgotten() -> None:
    pending = Pending()
    pending.add(record(1), [an_id(9)], "bad")
    pending.add(record(2), [an_id(9)], "good")
    assert pending.forget("bad") == 1
    assert pending.forget("bad") == 0
    assert pending.release(an_id(9)) == [record(2)]


def test_waiting_for_nothing_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        Pending().add(record(1), [], "peer")


@dataclass
class Expected:
    """What the buffer must know of an item that it has not evicted."""

    missing: set[bytes]
    source: str


class Buffer(RuleBasedStateMachine):
    """Any sequence of calls, against a plain dict that never evicts."""

    def __init__(self) -> None:
        super().__init__()
        self.pending = small()
        self.model: dict[bytes, Expected] = {}

    @rule(
        number=st.integers(min_value=40, max_value=90),
        size=st.sampled_from([0, 10, 4_000, 15_000, 40_000]),
        missing=st.sets(IDS, min_size=1, max_size=4),
        source=st.sampled_from("abcd"),
    )
    def add(self, number: int, size: int, missing: set[bytes], source: str) -> None:
        if self.pending.add(record(number, size), missing, source):
            assert an_id(number) not in self.model
            self.model[an_id(number)] = Expected(set(missing), source)
        for one in [one for one in self.model if one not in self.pending]:
            del self.model[one]  # evicted

    @rule(arrived=IDS)
    def release(self, arrived: bytes) -> None:
        expected: set[bytes] = set()
        for one, item in self.model.items():
            if arrived in item.missing:
                item.missing.discard(arrived)
                if not item.missing:
                    expected.add(one)
        assert {found.id for found in self.pending.release(arrived)} == expected
        for one in expected:
            del self.model[one]

    @rule(source=st.sampled_from("abcd"))
    def forget(self, source: str) -> None:
        doomed = [one for one, item in self.model.items() if item.source == source]
        assert self.pending.forget(source) == len(doomed)
        for one in doomed:
            del self.model[one]

    @invariant()
    def holds_what_it_says_within_its_bounds(self) -> None:
        assert len(self.pending) == len(self.model) <= COUNT_MAX
        assert self.pending.size_bytes <= SIZE_MAX
        for source in "abcd":
            of = [item for item in self.model.values() if item.source == source]
            assert self.pending.count_of(source) == len(of) <= SOURCE_COUNT_MAX
        needed = {one for item in self.model.values() for one in item.missing}
        assert set(self.pending.missing(1_000)) == needed - set(self.model)
        if not self.model:
            assert self.pending.size_bytes == 0


TestBuffer = Buffer.TestCase


@given(st.lists(st.integers(min_value=0, max_value=9), unique=True, min_size=1))
def test_chains_come_back_one_link_at_a_time(order: list[int]) -> None:
    pending = Pending()
    for number in order:
        pending.add(record(number + 1), [an_id(number)], "peer")
    arrived, found = [an_id(n) for n in range(11) if n not in {m + 1 for m in order}], 0
    while arrived:
        for one in pending.release(arrived.pop()):
            found += 1
            arrived.append(one.id)
    assert found == len(order)
