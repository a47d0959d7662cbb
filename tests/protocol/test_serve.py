"""The answering half of a conversation, alone: what is gathered, and in which order it goes out."""

from collections.abc import Sequence

import pytest

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.frames import BatchDecoder
from node.protocol.messages import Want, Wish
from node.protocol.record import RawRecord, parse_header
from node.protocol.serve import Serve, Stage
from tests.support.sync_source import COMMUNITY, DictSource, LaneMaker, Link

MINA, JUN = LaneMaker("mina"), LaneMaker("jun")


def serving(*runs: Sequence[Link]) -> tuple[Serve, list[bytes]]:
    """Someone who holds these records and told the heads of their lanes in round 2."""
    source = DictSource()
    for run in runs:
        source.take(link.raw for link in run)
    heads = [head.key for head in source.heads(b"", None)]
    serve = Serve(source)
    serve.told(2, heads)
    return serve, heads


def answer(serve: Serve, *held: Link) -> list[RawRecord]:
    """The records of an answer, read by a side that named these as all it has of their lanes."""
    places = [(parse_header(one.raw.header), one.id) for one in held]
    prepared = [(header.lane_key, (header.seq, known)) for header, known in places]
    decoder, found = BatchDecoder(COMMUNITY, prepared), list[RawRecord]()
    while (message := serve.next_records()) is not None:
        found += decoder.decode(message.batch)
    return found


def raws(links: Sequence[Link]) -> list[RawRecord]:
    return [link.raw for link in links]


def test_what_is_beyond_the_known_is_sent_in_order_of_arrival() -> None:
    mina, jun = MINA.run(6), JUN.run(3)
    serve, heads = serving(mina[:2], jun, mina[2:])
    wishes = [Wish(place, False, b"") for place in range(len(heads))]
    serve.want(Want(2, False, wishes, b""))
    assert answer(serve) == raws([*mina[:2], *jun, *mina[2:]])
    assert serve.stage is Stage.IDLE
    lane = next(place for place, key in enumerate(heads) if key[:65] == MINA.lane_key)
    serve.want(Want(2, False, [Wish(lane, False, mina[3].id)], b""))
    assert answer(serve, mina[3]) == raws(mina[4:])


def test_what_follows_a_known_record_comes_without_its_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mina, jun, sora = MINA.run(6), JUN.run(3), LaneMaker("sora").run(2)
    serve, heads = serving(mina, jun, sora)
    places = {key[:65]: place for place, key in enumerate(heads)}
    sora_place = places[LaneMaker("sora").lane_key]
    serve.want(Want(2, True, [Wish(places[MINA.lane_key], False, mina[1].id)], b""))
    late = [Wish(sora_place, False, b""), Wish(places[JUN.lane_key], False, jun[0].id)]
    serve.want(Want(2, False, late, b""))
    message = serve.next_records()
    assert message is not None
    assert message.batch.lanes == LaneMaker("sora").lane_key  # of which nothing was named
    assert message.batch.lane_numbers == [1] * 4 + [2] * 2 + [3] * 2
    assert message.batch.prevs == b""
    serve.want(Want(2, False, [Wish(places[JUN.lane_key], True, jun[0].id)], b""))
    assert answer(serve) == raws(jun[1:])  # a full wish prepares nothing
    monkeypatch.setattr(limits, "LANES_PREPARED_MAX_COUNT", 1)
    both = [Wish(places[MINA.lane_key], False, mina[1].id), late[1]]
    serve.want(Want(2, False, both, b""))
    assert answer(serve, mina[1]) == raws([*mina[2:], *jun[1:]])


def test_a_question_in_several_messages_is_one_answer() -> None:
    mina, jun = MINA.run(2), JUN.run(2)
    serve, _ = serving(mina, jun)
    serve.want(Want(2, True, [Wish(0, False, b"")], b""))
    assert (serve.stage, serve.next_records()) == (Stage.GATHERING, None)
    serve.want(Want(2, False, [Wish(1, False, b"")], jun[1].id))
    assert answer(serve) == raws([*mina, *jun])  # nothing twice


def test_a_lane_of_which_nothing_named_is_held_is_reported_with_the_last_part() -> None:
    mina = MINA.run(3)
    serve, _ = serving(mina)
    serve.want(Want(2, False, [Wish(0, False, bytes(64))], b""))
    message = serve.next_records()
    assert message is not None
    assert (message.left, message.unmatched) == (0, [0])
    serve.want(Want(2, False, [Wish(0, True, bytes(64))], b""))
    message = serve.next_records()
    assert message is not None
    assert message.unmatched == []
    serve.want(Want(2, False, [Wish(0, False, bytes(32) + mina[1].id)], b""))
    assert answer(serve) == raws(mina[2:])


def test_no_more_lanes_are_reported_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LANES_WANTED_MAX_COUNT", 3)
    serve, _ = serving(MINA.run(2))
    serve.want(Want(2, True, [Wish(0, False, bytes(32))] * 2, b""))
    serve.want(Want(2, False, [Wish(0, False, bytes(32))] * 2, b""))
    message = serve.next_records()
    assert message is not None
    assert message.unmatched == [0, 0, 0]


def test_an_answer_is_no_larger_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWER_RECORDS_MAX_COUNT", 5)
    mina, jun = MINA.run(4), JUN.run(3)
    serve, heads = serving(mina, jun)
    first = mina if heads[0][:65] == MINA.lane_key else jun
    serve.want(Want(2, False, [Wish(0, False, b""), Wish(1, False, b"")], b""))
    assert answer(serve) == raws(first)  # the other lane is asked for again in the next round
    long = MINA.run(9)
    serve, _ = serving(long)
    serve.want(Want(2, False, [Wish(0, False, b"")], long[8].id))
    assert answer(serve) == raws(long[:5])
    serve.want(Want(2, False, [Wish(0, False, long[3].id)], b""))
    assert answer(serve, long[3]) == raws(long[4:])


def test_bodies_are_sent_where_they_are_held() -> None:
    mina = MINA.run(3)
    source = DictSource()
    source.take([*raws(mina[:2]), mina[2].raw._replace(body=None)])
    serve = Serve(source)
    ids = mina[2].id + bytes(32) + mina[1].id
    serve.want(Want(0, False, [], ids))
    assert answer(serve) == raws(mina[1:2])


@pytest.mark.parametrize(
    ("number", "wish", "bodies"),
    [
        (1, Wish(0, False, b""), b""),
        (3, Wish(0, False, b""), b""),
        (2, Wish(1, False, b""), b""),
        (2, Wish(0, False, bytes(31)), b""),
        (2, Wish(0, False, b""), bytes(33)),
    ],
)
def test_what_was_not_told_cannot_be_asked_for(number: int, wish: Wish, bodies: bytes) -> None:
    serve, _ = serving(MINA.run(2))
    with pytest.raises(RemoteFault) as fault:
        serve.want(Want(number, False, [wish], bodies))
    assert fault.value.code in (Parting.UNEXPECTED, Parting.FRAME)


def test_a_question_before_the_answers_end_is_a_fault() -> None:
    serve, _ = serving(MINA.run(2))
    serve.want(Want(2, False, [Wish(0, False, b"")], b""))
    with pytest.raises(RemoteFault) as fault:
        serve.want(Want(2, False, [], b""))
    assert fault.value.code == Parting.UNEXPECTED


def test_a_question_costs_by_what_it_makes_us_look_up() -> None:
    serve, _ = serving(MINA.run(50))
    nothing = serve.want(Want(2, True, [], b""))
    ten = serve.want(Want(2, True, [Wish(0, False, bytes(32))] * 10, b""))
    lane = serve.want(Want(2, True, [Wish(0, False, b"")], b""))
    assert nothing > 0
    assert ten >= nothing + 10 * 10
    assert lane >= nothing + 50
