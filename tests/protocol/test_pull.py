"""The asking half of a conversation, alone: what is asked for, when, and how often."""

import random

import pytest

from node.protocol import limits
from node.protocol.identity import Lane
from node.protocol.messages import Records, Want
from node.protocol.pull import Answer, Pull, Stage
from tests.support.sync_peer import NOTHING, batch
from tests.support.sync_source import DictSource, LaneMaker, Link, source_with

MINA = LaneMaker("mina")
RUN = MINA.run(9)
NOW = 5_000_000


def told(*links: Link) -> list[bytes]:
    """These heads, as a round tells them."""
    return [MINA.lane_key + link.id for link in links]


def in_vain(pull: Pull, now_ms: int, *, delay_ms: int = 0) -> bool:
    """Ask for a head that does not come. True iff it was asked for at all."""
    if not pull.begin(0, told(RUN[4]), now_ms, delay_ms):
        return False
    assert pull.next_want(now_ms + delay_ms) is not None
    pull.take(Records(0, [], NOTHING))
    assert pull.finished() == Answer(1, 0, 0, bodies=False)
    return True


def test_a_question_is_put_off_as_long_as_it_is_told_to() -> None:
    pull = Pull(DictSource())
    assert pull.begin(6, told(RUN[4]), NOW, 70)
    assert pull.stage is Stage.ASKING
    assert pull.next_want(NOW + 69) is None
    assert isinstance(pull.next_want(NOW + 70), Want)


def test_what_came_another_way_meanwhile_is_not_asked_for() -> None:
    source = DictSource()
    pull = Pull(source)
    pull.begin(6, told(RUN[4]), NOW, 70)
    source.take(link.raw for link in RUN[:5])
    assert pull.next_want(NOW + 70) is None
    assert pull.finished() == Answer(0, 0, 0, bodies=False)
    assert pull.stage is Stage.IDLE


def test_a_lane_is_asked_for_while_one_of_its_heads_is_lacking() -> None:
    """A fork: of two heads that were told, one is here."""
    left = MINA.run(3)
    right = MINA.run(2, "other", left[0])
    source = DictSource()
    source.take(link.raw for link in left)
    pull = Pull(source)
    assert pull.begin(6, told(left[2], right[1]), NOW, 0)
    want = pull.next_want(NOW)
    assert want is not None
    assert len(want.wishes) == 1


def test_a_head_in_vain_is_left_alone_four_times_as_long_each_time_up_to_a_limit() -> None:
    pull, now, wait = Pull(DictSource()), NOW, limits.RETRY_FIRST_MS
    assert in_vain(pull, now)
    for _ in range(6):
        assert not in_vain(pull, now + wait - 1)
        now += wait
        assert in_vain(pull, now)
        wait = min(4 * wait, limits.RETRY_MAX_MS)


def test_it_is_left_alone_from_the_moment_it_was_asked_for() -> None:
    pull = Pull(DictSource())
    assert in_vain(pull, NOW, delay_ms=300)
    assert not in_vain(pull, NOW + 300 + limits.RETRY_FIRST_MS - 1)
    assert in_vain(pull, NOW + 300 + limits.RETRY_FIRST_MS)


@pytest.mark.parametrize("records", [3, 4])
def test_after_half_an_answer_everything_may_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, records: int
) -> None:
    """An answer that holds all it may leaves out other lanes, which are there all the same."""
    monkeypatch.setattr(limits, "ANSWER_RECORDS_MAX_COUNT", 8)
    pull = Pull(DictSource())
    pull.begin(0, told(RUN[8]), NOW, 0)
    pull.next_want(NOW)
    pull.take(Records(0, [], batch(RUN[:records])))
    pull.delivered(records)
    assert pull.finished() == Answer(1, records, records, bodies=False)
    assert pull.begin(1, told(RUN[8]), NOW, 0) == (records == 4)


def test_more_heads_in_vain_than_are_remembered_are_all_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEADS_REFUSED_MAX_COUNT", 2)
    pull = Pull(DictSource())
    for heads, forgotten in (((RUN[4], RUN[5]), False), ((RUN[6],), True)):
        assert pull.begin(0, told(*heads), NOW, 0)
        pull.next_want(NOW)
        pull.take(Records(0, [], NOTHING))
        pull.finished()
        assert pull.begin(0, told(RUN[4]), NOW, 0) == forgotten


def test_each_question_counts_its_own_answer() -> None:
    source = source_with(RUN[:2])
    pull = Pull(source)
    for number, link in enumerate(RUN[2:5]):
        pull.begin(number, told(link), NOW, 0)
        pull.next_want(NOW)
        assert pull.take(Records(0, [], batch([link]))) == [link.raw]
        assert pull.finished() is None  # before it is stored
        source.take([link.raw])
        pull.delivered(1)
        assert pull.finished() == Answer(1, 1, 1, bodies=False)
        assert pull.finished() is None


def test_lanes_that_others_stand_on_are_asked_for_first_whatever_was_told_first() -> None:
    makers = [LaneMaker(f"member {n}", kind) for kind in Lane for n in range(2)]
    random.Random(7).shuffle(makers)
    pull = Pull(DictSource())
    pull.begin(0, [maker.lane_key + bytes(32) for maker in makers], NOW, 0)
    want = pull.next_want(NOW)
    assert want is not None
    asked = [makers[wish.head] for wish in want.wishes]
    rank = ["IDENTITY", "OFFICE", "ACCOUNT", "WITNESS", "MARKET", "SOCIAL"]
    assert asked == sorted(makers, key=lambda m: (rank.index(m.kind.name), m.lane_key))


def test_the_furthest_of_the_own_heads_are_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCATOR_MAX_COUNT", 2)
    branches = [MINA.run(length, str(length), RUN[0]) for length in (1, 3, 2)]
    pull = Pull(source_with(RUN[:1], *branches))
    pull.begin(0, told(RUN[8]), NOW, 0)
    want = pull.next_want(NOW)
    assert want is not None
    (wish,) = want.wishes
    assert wish.known == branches[1][-1].id + branches[2][-1].id
