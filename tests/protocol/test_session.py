"""Two sessions bring two nodes together, whatever they hold, and move only what is lacking."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import effects as do
from node.protocol import limits
from node.protocol.greeting import Settings
from node.protocol.identity import Lane
from node.protocol.session import Phase
from tests.support.sync_line import Line
from tests.support.sync_source import DictSource, LaneMaker, Link, fork_proof, source_with

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
    a, b = source_of(one), source_of(two)
    union = a.ids() | b.ids()
    line = Line(a, b, seed).run()
    assert a.ids() == b.ids() == union
    assert line.a.session.in_sync
    assert line.b.session.in_sync
    assert line.a.blamed == line.b.blamed == line.a.closed == line.b.closed == []


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
    runs = [LaneMaker(f"neighbour {n}").run(100) for n in range(20)]
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
    assert received == 2_000
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


def test_bodies_that_nobody_has_are_asked_for_once_a_session() -> None:
    run = LaneMaker("mina").run(10)
    bare = [run[0].raw, *(link.bodyless for link in run[1:])]
    a, b = DictSource(), DictSource()
    a.take(bare)
    b.take(bare)
    line = Line(a, b).run()
    first = line.bytes
    assert first < 1_600
    line.change(line.a)
    line.run()
    assert line.bytes - first < 100
    assert line.a.received == line.b.received == 0


# --- life after the first round ---


def test_new_heads_reach_the_neighbour_soon() -> None:
    maker = LaneMaker("mina")
    run = maker.run(30)
    a, b = source_with(run[:5]), source_with(run[:5])
    line = Line(a, b).run()
    for number in range(5, 30):
        began = line.now
        a.take([run[number].raw])
        line.change(line.a)
        line.run()
        assert b.holds(run[number].id)
        assert line.now - began <= 2 * limits.CHANGE_DELAY_MS
    assert line.b.received == 25


def test_many_changes_share_a_round() -> None:
    run = LaneMaker("mina").run(50)
    a, b = source_with(run[:1]), source_with(run[:1])
    line = Line(a, b).run()
    frames = line.steps["frame"]
    for link in run[1:]:
        a.take([link.raw])
        line.change(line.a)
    line.run()
    assert b.ids() == a.ids()
    assert line.steps["frame"] - frames < 12


@pytest.mark.parametrize("seed", range(20))
def test_both_may_change_at_once(seed: int) -> None:
    maker, other = LaneMaker("mina"), LaneMaker("jun")
    a, b = source_with(maker.run(2)), source_with(other.run(2))
    line = Line(a, b, seed)
    for length in range(3, 9):
        for _ in range(line.random.randrange(9)):
            line.step()
        a.take([maker.run(length)[-1].raw])
        b.take([other.run(length)[-1].raw])
        line.change(line.a)
        line.change(line.b)
    line.run()
    assert a.ids() == b.ids()
    assert len(a.ids()) == 16
    assert line.a.session.in_sync
    assert line.b.session.in_sync


def test_when_gossip_is_faster_the_question_waits_for_it() -> None:
    run = LaneMaker("mina").run(200)
    a, b = source_with(run[:1]), source_with(run[:1])
    line = Line(a, b, latency_ms=8).run()
    for link in run[1:]:
        a.take([link.raw])
        line.change(line.a)
        line.run_for(45)  # the answer is on its way: the opening left after 10 ms
        b.take([link.raw])
        line.change(line.b)
        line.run_for(100)
    assert line.b.received < 40
    assert a.ids() == b.ids()


def test_a_head_that_is_never_taken_in_is_left_alone_for_longer_and_longer() -> None:
    run = LaneMaker("mina").run(3)

    class Stubborn(DictSource):
        """Refuses the last record, as intake does with one beyond a cut."""

        def take(self, raws: Iterable[object]) -> tuple[int, int]:
            return super().take(raw for raw in raws if raw != run[2].raw)  # type: ignore[misc]

    a, b = source_with(run), Stubborn()
    line = Line(a, b).run()
    assert b.ids() == {link.id for link in run[:2]}
    assert not line.b.session.in_sync
    received, sent = line.b.received, line.bytes
    line.run_for(60_000)
    assert 0 < line.b.received - received <= 3
    line.run_for(3_600_000)
    assert line.b.received - received <= 12
    assert line.bytes - sent < 60_000
    assert line.a.closed == line.b.closed == []


def test_own_heads_that_a_neighbour_holds_are_echoed() -> None:
    maker, other = LaneMaker("mina"), LaneMaker("jun")
    run = maker.run(4)
    own = Settings(own_lanes=lambda: [maker.lane_key])
    a, b = source_with(run[:3]), source_with(other.run(2))
    line = Line(a, b, settings_a=own).run()
    (echo,) = line.a.of(do.Echo)
    assert isinstance(echo, do.Echo)
    assert [(item.lane_key, item.id) for item in echo.heads] == [(maker.lane_key, run[2].id)]
    assert line.a.session.remote_holds(maker.lane_key)
    assert not line.a.session.remote_holds(other.lane_key)
    a.take([run[3].raw])
    assert not line.a.session.remote_holds(maker.lane_key)
    line.change(line.a)
    line.run()
    assert line.a.session.remote_holds(maker.lane_key)
    assert line.b.of(do.Echo) == []


def test_a_copy_of_an_old_disk_learns_its_own_later_records_before_any_echo() -> None:
    maker = LaneMaker("mina")
    run = maker.run(9)
    own = Settings(own_lanes=lambda: [maker.lane_key])
    a, b = source_with(run[:5]), source_with(run)
    line = Line(a, b, settings_a=own).run()
    (echo,) = line.a.of(do.Echo)
    assert isinstance(echo, do.Echo)
    assert [item.id for item in echo.heads] == [run[8].id]


def test_lane_kinds_that_only_one_side_keeps_stay_there() -> None:
    lanes = [LaneMaker("mina", kind).run(1) for kind in (Lane.IDENTITY, Lane.SOCIAL, Lane.MARKET)]
    few = Settings(kinds=frozenset({Lane.IDENTITY, Lane.SOCIAL}))
    a, b = source_with(*lanes), DictSource()
    line = Line(a, b, settings_b=few).run()
    assert b.ids() == {link.id for run in lanes[:2] for link in run}
    assert line.b.session.in_sync


def test_records_dropped_while_they_wait_to_be_sent_are_passed_over() -> None:
    run = LaneMaker("mina").run(2_000)
    a, b = source_with(run), DictSource()
    line = Line(a, b)
    while not line.b.pending:
        line.step()
    for number in range(1_900, 2_000):
        a.drop(number)
    line.run()
    assert b.ids() == {link.id for link in run[:1_900]}
    assert line.b.blamed == []


# --- proofs and addresses ---


def test_fork_proofs_are_told_ahead_of_other_data_and_once() -> None:
    maker = LaneMaker("forker")
    trunk = maker.run(2)
    proof = fork_proof(maker.post(trunk[1], "one"), maker.post(trunk[1], "other"))
    a, b = source_with(*(LaneMaker(f"neighbour {n}").run(3) for n in range(9))), DictSource()
    a.proofs = [proof]
    line = Line(a, b).run()
    assert line.b.proofs == [proof]
    kinds = [type(effect) for effect in line.b.of(do.Proofs, do.Deliver)]
    assert kinds[0] is do.Proofs
    b.proofs = [proof]
    line.change(line.b)
    line.run()
    assert line.a.proofs == []
    assert Line(a, b).run().b.proofs == []


def test_a_fork_that_comes_to_light_is_told_at_once() -> None:
    maker = LaneMaker("forker")
    trunk = maker.run(2)
    left, right = maker.post(trunk[1], "one"), maker.post(trunk[1], "other")
    a, b = source_with(trunk, [left]), source_with(trunk, [left])
    line = Line(a, b).run()
    a.take([right.raw])
    a.proofs = [fork_proof(left, right)]
    line.change(line.a)
    line.run()
    assert line.b.proofs == a.proofs
    assert b.holds(right.id)


def test_addresses_are_told_in_the_greeting_and_later() -> None:
    line = Line(DictSource(), DictSource(), settings_a=Settings(addresses=("/ip4/192.0.2.1",)))
    line.run()
    line.share(line.b, ["/ip4/192.0.2.2", "/ip4/192.0.2.3"])
    line.share(line.b, [])
    line.run()
    assert line.b.of(do.Addresses) == [do.Addresses(["/ip4/192.0.2.1"])]
    assert line.a.of(do.Addresses) == [do.Addresses(["/ip4/192.0.2.2", "/ip4/192.0.2.3"])]


def test_a_session_ends_with_a_good_bye() -> None:
    line = Line(DictSource(), DictSource()).run()
    line.do(line.a, line.a.session.close(line.now))
    line.run()
    assert line.a.of(do.Close) == [do.Close("done")]
    assert line.b.of(do.Close) == [do.Close("done", by_remote=True)]
    assert line.a.session.phase is line.b.session.phase is Phase.CLOSED
    assert line.a.blamed == line.b.blamed == []
    for effects in (
        line.a.session.receive(b"late", line.now),
        line.a.session.tick(line.now),
        line.a.session.changed(line.now),
        line.a.session.share(["/ip4/192.0.2.1"], line.now),
        line.a.session.close(line.now),
        line.a.session.delivered(0, 0, (), line.now),
    ):
        assert effects == []
