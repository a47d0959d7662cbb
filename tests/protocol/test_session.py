"""Two sessions bring two nodes together, whatever they hold, and move only what is lacking."""

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import crypto, limits, record
from node.protocol import effects as do
from node.protocol.identity import Lane
from node.protocol.messages import Records, Want, decode
from node.protocol.record import RawRecord
from node.protocol.social import LaneOpen, PostPut
from tests.support.rounds import as_of_many, as_they_are
from tests.support.sync_line import Line
from tests.support.sync_source import COMMUNITY, DictSource, LaneMaker, Link, source_with

LONG = 24
MAKERS = [LaneMaker(f"member {n}", kind) for n in range(4) for kind in (Lane.SOCIAL, Lane.IDENTITY)]


class Lanes:
    """What there is of one lane: a trunk, and branches that fork it."""

    def __init__(self, maker: LaneMaker) -> None:
        length = 1 if maker.kind is Lane.IDENTITY else LONG
        self.trunk = maker.run(length)
        self.branches = [
            maker.run(9, f"branch at {at}", self.trunk[at]) for at in (0, 3, 17) if length > at + 1
        ]

    def cut(self, trunk: int, branches: Sequence[int]) -> list[Link]:
        """So many records of the trunk and of each branch that starts on them."""
        links = self.trunk[:trunk]
        held = {link.id for link in links}
        for branch, length in zip(self.branches, branches, strict=False):
            start = branch[0].seq - 1
            if length and self.trunk[start].id in held:
                links = links + branch[:length]
        return links


ALL = [Lanes(maker) for maker in MAKERS]
cuts = st.tuples(
    st.sampled_from([0, 1, 2, 5, 18, LONG]), st.lists(st.integers(0, 9), min_size=3, max_size=3)
)
contents = st.lists(cuts, min_size=len(ALL), max_size=len(ALL))
Contents = list[tuple[int, list[int]]]


def source_of(contents: Contents) -> DictSource:
    return source_with(*(lanes.cut(*cut) for lanes, cut in zip(ALL, contents, strict=True)))


@given(contents, contents, st.integers(0, 2**32))
@settings(max_examples=150)
def test_two_nodes_end_with_the_union(one: Contents, two: Contents, seed: int) -> None:
    """In every other case heads are compared as if there were many."""
    a, b = source_of(one), source_of(two)
    union = a.ids() | b.ids()
    with as_of_many() if seed % 2 else as_they_are():
        line = Line(a, b, seed).run()
    assert a.ids() == b.ids() == union
    assert line.a.session.in_sync
    assert line.b.session.in_sync
    assert line.a.blamed == line.b.blamed == line.a.closed == line.b.closed == []


@pytest.mark.parametrize("prepared", [0, 1, 2, 3, 4])
def test_both_sides_prepare_as_many_lanes_as_fit(
    monkeypatch: pytest.MonkeyPatch, prepared: int
) -> None:
    """A table of lanes that one side begins a place earlier than the other gives other headers."""
    monkeypatch.setattr(limits, "LANES_PREPARED_MAX_COUNT", prepared)
    runs = [LaneMaker(f"neighbour {n}").run(6) for n in range(4)]
    a, b = source_with(*(run[:2] for run in runs)), source_with(*runs)
    line = Line(a, b).run()
    assert a.ids() == b.ids()
    assert line.a.blamed == line.b.blamed == line.a.closed == line.b.closed == []
    assert a.faults == b.faults == []
    assert line.a.received == 16


unforked = st.lists(st.sampled_from([0, 1, 2, 5, LONG]), min_size=len(ALL), max_size=len(ALL))


@given(unforked, unforked, st.integers(0, 2**32))
@settings(max_examples=100)
def test_only_what_is_lacking_is_sent(one: list[int], two: list[int], seed: int) -> None:
    a, b = (source_of([(cut, [0, 0, 0]) for cut in side]) for side in (one, two))
    lacking_a, lacking_b = len(b.ids() - a.ids()), len(a.ids() - b.ids())
    line = Line(a, b, seed).run()
    assert (line.a.received, line.b.received) == (lacking_a, lacking_b)
    assert a.ids() == b.ids()


def size_of(links: Iterable[Link]) -> int:
    return sum(len(link.raw.header) + len(link.raw.body or b"") + 64 for link in links)


def letters(maker: LaneMaker, trunk: list[Link], count: int) -> list[Link]:
    """Further posts with texts that hardly compress, as long as people write."""
    text = random.Random(maker.lane_key).randbytes(120).hex()
    return maker.run(count, text, trunk[-1])


def test_the_cost_follows_the_difference() -> None:
    """5,000 records, 200 of them on one side only: less than what these 200 are."""
    makers = [LaneMaker(f"neighbour {n}") for n in range(250)]
    base = [maker.run(20) for maker in makers]
    only_a = [letters(m, t, 2) for m, t in zip(makers[:50], base, strict=False)]
    only_b = [letters(m, t, 2) for m, t in zip(makers[50:100], base[50:], strict=False)]
    a, b = source_with(*base, *only_a), source_with(*base, *only_b)
    line = Line(a, b).run()
    assert a.ids() == b.ids()
    assert line.a.received == line.b.received == 100
    assert line.bytes < 1.1 * size_of(link for run in only_a + only_b for link in run)


def test_lone_new_records_on_many_lanes_stay_cheap() -> None:
    """The worst case: each missing record is the only one of its lane."""
    makers = [LaneMaker(f"neighbour {n}") for n in range(500)]
    base = [maker.run(10) for maker in makers]
    new = [letters(maker, run, 1) for maker, run in zip(makers[:200], base, strict=False)]
    a, b = source_with(*base, *new), source_with(*base)
    line = Line(a, b).run()
    assert a.ids() == b.ids()
    assert line.b.received == 200
    assert line.bytes < 1.5 * size_of(link for run in new for link in run)


def namesakes(count: int) -> list[list[Link]]:
    """So many lanes that share a name, each with five records."""
    made: list[list[Link]] = []
    for n in range(count):
        author, signer = b"same" + bytes([n] * 28), b"me" + bytes([n] * 30)
        run: list[Link] = []
        for seq in range(5):
            body = PostPut("ko", None, "market square", bytes(16), f"{n} {seq}") if seq else None
            header, data = record.build(
                body or LaneOpen(bytes(32)), "post.put" if seq else "social.open",
                author, signer, seq, run[-1].id if run else None, 1_000 * seq,
            )  # fmt: skip
            known = crypto.record_id(COMMUNITY, header)
            run.append(Link(known, seq, RawRecord(header, data, bytes(64))))
        made.append(run)
    return made


@pytest.mark.parametrize("seed", range(30))
def test_lanes_of_one_name_are_not_taken_for_one_another(seed: int) -> None:
    """As a forker may make them: whoever holds one of them is told of another by name."""
    chance = random.Random(seed)
    lanes = namesakes(3)
    held = [[run[: chance.choice((0, 0, 1, 3, 5))] for run in lanes] for _ in range(2)]
    a, b = (source_with(*cuts) for cuts in held)
    union = a.ids() | b.ids()
    with as_of_many():
        line = Line(a, b, seed).run()
    assert a.ids() == b.ids() == union
    assert line.a.blamed == line.b.blamed == []
    assert line.a.closed == []


def test_a_node_that_is_in_sync_spends_next_to_nothing() -> None:
    runs = [LaneMaker(f"neighbour {n}").run(5) for n in range(100)]
    line = Line(source_with(*runs), source_with(*runs)).run()
    assert line.bytes < 400


def test_a_new_node_gets_everything_in_an_order_that_defers_nothing() -> None:
    runs = [LaneMaker(f"neighbour {n}").run(40) for n in range(60)]
    mixed = [run[seq] for seq in range(40) for run in runs]
    a, b = source_with(mixed), DictSource()
    line = Line(a, b)
    while line.a.inbox or line.b.inbox or line.a.pending or line.b.pending:
        for side in (line.a, line.b):
            while side.inbox:
                line.receive(side)
            while side.pending:
                line.commit(side)
    assert b.ids() == a.ids()
    assert line.b.deferred == 0
    assert [b.raw(n) for n in range(2_400)] == [a.raw(n) for n in range(2_400)]
    assert line.a.sent_bytes < 0.4 * size_of(mixed)


def test_many_lanes_are_asked_for_in_several_messages_and_answered_in_one_stream() -> None:
    runs = [LaneMaker(f"neighbour {n}").run(2) for n in range(600)]
    mixed = [run[seq] for seq in range(2) for run in reversed(runs)]
    a, b = source_with(mixed), DictSource()
    line = Line(a, b)
    while line.step():
        for deliver in line.b.pending[1:]:  # in the order in which they came
            line.b.pending.remove(deliver)
            line.b.pending.append(deliver)
    asked = [m for m in line.b.said if isinstance(m, Want)]
    assert [m.more for m in asked] == [True, True, False]
    assert sum(len(m.wishes) for m in asked) == 600
    answered = [m.left for m in line.a.said if isinstance(m, Records)]
    assert answered == sorted(answered, reverse=True)
    assert answered.count(0) == 1
    assert a.ids() == b.ids()


def test_heads_tried_in_vain_are_forgotten_when_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEADS_REFUSED_MAX_COUNT", 20)
    runs = [LaneMaker(f"neighbour {n}").run(2) for n in range(50)]
    a, b = source_with(*runs), DictSource()
    Line(a, b).run()
    assert a.ids() == b.ids()


@pytest.mark.parametrize("limit", [1, 7])
def test_more_forks_than_an_answer_reports_take_further_rounds(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LANES_WANTED_MAX_COUNT", limit)
    makers = [LaneMaker(f"neighbour {n}") for n in range(10)]
    trunks = [maker.run(3) for maker in makers]
    lefts = [m.run(2, "left", trunk[1]) for m, trunk in zip(makers, trunks, strict=True)]
    rights = [m.run(2, "right", trunk[1]) for m, trunk in zip(makers, trunks, strict=True)]
    starts = [trunk[:2] for trunk in trunks]
    a, b = source_with(*starts, *lefts), source_with(*starts, *rights)
    line = Line(a, b).run()
    assert a.ids() == b.ids()
    assert line.a.blamed == line.b.blamed == []


def test_progress_is_known_while_an_answer_comes() -> None:
    run = LaneMaker("mina").run(1_000)
    line = Line(source_with(run), DictSource())
    seen: list[int] = []
    while line.step():
        seen.append(line.b.session.left)
    assert max(seen) >= 1_000 - 128
    assert seen[-1] == 0
    falling = [left for left in seen if left]
    assert falling == sorted(falling, reverse=True)


def test_a_session_that_breaks_off_is_taken_up_where_it_was() -> None:
    runs = [LaneMaker(f"neighbour {n}").run(400) for n in range(20)]
    a, b = source_with(*runs), DictSource()
    received = 0
    for attempt in range(40):
        line = Line(a, b, attempt)
        steps = 0
        while line.step() and steps < 25:
            steps += 1
        received += line.b.accepted
        if a.ids() == b.ids():
            break
    assert a.ids() == b.ids()
    assert received == 8_000
    assert attempt > 1


# --- forks ---


def test_both_branches_of_a_fork_reach_both() -> None:
    maker = LaneMaker("forker")
    trunk = maker.run(50)
    left, right = maker.run(20, "left", trunk[30]), maker.run(3, "right", trunk[30])
    a, b = source_with(trunk[:31], left), source_with(trunk[:31], right)
    line = Line(a, b).run()
    assert a.ids() == b.ids()
    assert len(a.heads(b"", None)) == 2
    assert line.a.received < 3 + 31
    assert line.b.received < 20 + 31


def test_two_lanes_that_share_nothing_but_their_keys_are_joined() -> None:
    maker = LaneMaker("forker")
    other = LaneMaker("forker", Lane.MARKET)
    one, two = maker.run(5), other.run(2)
    again = [maker.post(one[0], "again")]
    a, b = source_with(one, two), source_with(one[:1], again)
    Line(a, b).run()
    assert a.ids() == b.ids() == {link.id for link in (*one, *two, *again)}


def test_a_lane_with_more_heads_than_a_locator_holds_is_joined() -> None:
    maker = LaneMaker("forker")
    trunk = maker.run(3)
    many = [maker.post(trunk[2], f"branch {n}") for n in range(120)]
    a = source_with(trunk, many[:90])
    b = source_with(trunk, many[60:])
    Line(a, b).run()
    assert a.ids() == b.ids()


# --- bodies ---


def test_erased_records_travel_as_header_and_signature() -> None:
    run = LaneMaker("mina").run(10)
    a = source_with(run)
    for link in run[3:6]:
        a.erase(link.id)
    b = DictSource()
    line = Line(a, b).run()
    assert b.ids() == a.ids()
    for link in run:
        number = b.number_of(link.id)
        assert number is not None
        assert b.raw(number) == (link.bodyless if link in run[3:6] else link.raw)
    assert line.b.session.in_sync
    assert b.bodies_missing(9) == [link.id for link in run[3:6]]


def test_bodies_that_are_missing_are_fetched_from_whoever_has_them() -> None:
    run = LaneMaker("mina").run(600)
    a, b = source_with(run), DictSource()
    b.take([run[0].raw, *(link.bodyless for link in run[1:])])
    line = Line(a, b).run()
    assert b.bodies_missing(9) == []
    assert [b.raw(n) for n in range(600)] == [link.raw for link in run]
    assert line.b.received == 599
    assert line.b.session.in_sync


def bare_pair(count: int) -> tuple[list[Link], DictSource, DictSource]:
    """A lane, and two sides that have no body of it but the first."""
    run = LaneMaker("mina").run(count)
    bare = [run[0].raw, *(link.bodyless for link in run[1:])]
    a, b = DictSource(), DictSource()
    a.take(bare)
    b.take(bare)
    return run, a, b


def test_bodies_that_nobody_has_are_asked_for_after_pauses_that_grow() -> None:
    _, a, b = bare_pair(10)
    line = Line(a, b).run()
    first = line.bytes
    assert first < 1_600
    line.change(line.a)
    line.run()
    assert line.bytes - first < 100  # not sooner because something else has changed
    asked: list[int] = []
    while len(asked) < 8:
        before = len(line.a.seen)
        line.run_for(1_000)
        said = [decode(one.frame) for one in line.a.seen[before:] if isinstance(one, do.Send)]
        asked += [line.now for message in said if isinstance(message, Want) and message.bodies]
    pauses = [round((later - earlier) / 1_000) for earlier, later in pairwise(asked)]
    assert pauses == [20, 40, 80, 160, 320, 600, 600]
    assert line.a.received == line.b.received == 0


def test_a_body_that_a_neighbour_gets_later_is_fetched_in_the_same_session() -> None:
    """So it crosses a chain of nodes none of which had it when they met."""
    run, a, b = bare_pair(3)
    line = Line(a, b).run()
    a.take([link.raw for link in run])
    line.change(line.a)
    line.run_for(20_000)
    assert b.bodies_missing(9) == []
    assert b.raw(2) == run[2].raw


def test_bodies_beyond_the_first_that_a_neighbour_lacks_are_asked_for_too() -> None:
    run, a, b = bare_pair(400)
    a.take([link.raw for link in run[300:]])
    Line(a, b).run()
    assert len(b.bodies_missing(999)) == 299


def test_a_session_asks_for_no_more_bodies_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODIES_ASKED_MAX_COUNT", 300)
    run = LaneMaker("mina").run(600)
    a, b = source_with(run), DictSource()
    b.take([run[0].raw, *(link.bodyless for link in run[1:])])
    Line(a, b).run()
    assert len(b.bodies_missing(999)) == 299


@pytest.mark.parametrize("latency_ms", range(150, 1_050, 150))
def test_bodies_are_not_asked_for_within_a_round(latency_ms: int) -> None:
    """A round that ends may bring a question of its own, and there is one at a time."""
    _, a, b = bare_pair(20)
    others = [LaneMaker(f"nari {number}").run(1) for number in range(90)]
    line = Line(a, b, latency_ms=latency_ms).run()
    for number, (link,) in enumerate(others):  # rounds all the time, so that pauses end in them
        (a if number % 2 else b).take([link.raw])
        line.change(line.a if number % 2 else line.b)
        line.run_for(400)
    line.run_for(60_000)
    assert a.ids() == b.ids()
    assert len(b.bodies_missing(99)) == 19
