"""A session that lasts: changes on both sides, gossip beside it, echoes, proofs, good-byes."""

from collections.abc import Iterable

import pytest

from node.protocol import effects as do
from node.protocol import limits
from node.protocol.greeting import Settings
from node.protocol.identity import Lane
from node.protocol.messages import Ranges, Want
from node.protocol.session import Phase
from tests.support.sync_line import Line
from tests.support.sync_source import DictSource, LaneMaker, fork_proof, source_with


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
    assert line.b.closed == []
    assert sum(isinstance(message, Want) for message in line.b.said) < 40


def test_when_gossip_fails_the_question_soon_waits_no_longer() -> None:
    run = LaneMaker("mina").run(60)
    a, b = source_with(run[:1]), source_with(run[:1])
    line = Line(a, b, latency_ms=8).run()
    for link in run[1:30]:
        a.take([link.raw])
        line.change(line.a)
        while not line.b.pending:
            assert line.step()
        b.take([link.raw])
        line.change(line.b)
        line.run()
    for link in run[30:]:
        a.take([link.raw])
        line.change(line.a)
        line.run_for(900)
    began = line.now
    last = LaneMaker("jun").run(1)[0]
    a.take([last.raw])
    line.change(line.a)
    while not b.holds(last.id):
        assert line.step()
    assert line.now - began < 80


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
    rounds = {one.round for one in line.b.said if isinstance(one, Ranges)}
    line.change(line.b)  # what is new here may be what was lacking: it looks again soon
    line.run_for(3 * limits.RETRY_FIRST_MS)
    assert len({one.round for one in line.b.said if isinstance(one, Ranges)} - rounds) >= 3
    assert line.a.closed == line.b.closed == []


def test_bodies_that_a_neighbour_lacks_keep_none_that_it_has_from_being_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "BODIES_WANTED_MAX_COUNT", 2)
    run, other = LaneMaker("mina").run(7), LaneMaker("jun").run(4)
    a, b = source_with(run), source_with(run[:1])
    b.take(link.bodyless for link in run[1:])
    for link in run[1:6]:
        a.erase(link.id)
    line = Line(a, b).run()
    for link in other:  # with each round that ends well some more are asked for
        a.take([link.raw])
        line.change(line.a)
        line.run()
    assert list(b.bodyless) == [link.id for link in run[1:6]]
    asked = [one.bodies for one in line.b.said if isinstance(one, Want) and one.bodies]
    assert b"".join(asked) == b"".join(link.id for link in run[1:])  # each once


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
    run = LaneMaker("mina").run(6_000)
    a, b = source_with(run), DictSource()
    line = Line(a, b)
    while not line.b.pending:
        line.step()
    for number in range(5_900, 6_000):
        a.drop(number)
    line.run()
    assert b.ids() == {link.id for link in run[:5_900]}
    assert line.b.blamed == []


def test_two_at_rest_owe_each_other_nothing() -> None:
    """Whatever was sent is dealt with and acknowledged: else somebody loses patience later."""
    maker, other = LaneMaker("forker"), LaneMaker("mina")
    trunk, posts = maker.run(2), other.run(4)
    proof = fork_proof(maker.post(trunk[1], "one"), maker.post(trunk[1], "other"))
    a, b = source_with(trunk, posts), source_with(LaneMaker("jun").run(3))
    a.proofs = [proof]
    b.take([*(link.raw for link in posts[:3]), posts[3].bodyless])
    line = Line(a, b).run()
    line.share(line.a, ["/ip4/192.0.2.1"])
    line.share(line.b, ["/ip4/192.0.2.2"])
    line.run_for(2 * limits.SILENCE_MAX_MS)
    assert a.ids() == b.ids()
    assert not b.bodyless
    assert line.b.proofs == [proof]
    assert len(line.a.of(do.Addresses)) == len(line.b.of(do.Addresses)) == 1
    assert line.a.closed == line.b.closed == []


def test_what_names_a_head_in_one_conversation_names_none_in_another() -> None:
    """Nobody can choose keys that look alike to two others."""
    run, rest = LaneMaker("mina").run(1), LaneMaker("jun").run(1)
    shorts: list[bytes] = []
    for seed in range(2):  # other nonces
        line = Line(source_with(run), source_with(rest), seed).run()
        ranges = [one for side in (line.a, line.b) for one in side.said if isinstance(one, Ranges)]
        shorts += [listing.shorts for turn in ranges for listing in turn.listings]
        assert line.a.source.ids() == line.b.source.ids()
    assert len(shorts) >= 2
    assert len(set(shorts)) == len(shorts)


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
    b.take([trunk[0].raw])
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


def test_what_the_own_records_do_not_prove_is_not_told() -> None:
    run = LaneMaker("mina").run(3)
    a = source_with(run)
    a.proofs = [fork_proof(run[1], run[2])]
    line = Line(a, DictSource()).run()
    assert line.b.proofs == []
    assert line.b.session.in_sync


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
