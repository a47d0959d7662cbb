"""How much a neighbour may have in flight, how long a session waits, what it may be made to do."""

from collections.abc import Callable

import pytest

from node.protocol import effects as do
from node.protocol import limits, messages
from node.protocol.crypto import sha256
from node.protocol.errors import Parting, Reject
from node.protocol.frames import BatchEncoder
from node.protocol.messages import (
    Ack,
    Addresses,
    Ask,
    Idle,
    Listing,
    Message,
    Proof,
    Proofs,
    Ranges,
    Records,
    Want,
    Wish,
)
from node.protocol.reconcile import MORE, PASS
from node.protocol.serve import Serve
from tests.support.sync_peer import (
    MAKER,
    OPENING,
    RUN,
    WANT,
    Peer,
    batch,
    turn,
)
from tests.support.sync_source import COMMUNITY, LaneMaker, source_with

# --- windows ---


def test_no_more_is_sent_than_may_be_unacknowledged() -> None:
    peer = Peer(source_with(MAKER.run(6_000)))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    sent = peer.say(WANT)
    data = [message for message in sent if isinstance(message, Records)]
    assert len(data) == limits.FRAMES_IN_FLIGHT_MAX_COUNT
    assert [type(message) for message in peer.say(Ack(2))] == [Records, Records]
    assert peer.say(Idle()) == []


def test_a_neighbour_may_ask_for_less_in_flight() -> None:
    source = source_with(MAKER.run(6_000))
    peer = Peer(source, greeted=False)
    peer.say(peer.hello(frames=3, window=1))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    assert sum(isinstance(message, Records) for message in peer.say(WANT)) == 1
    assert sum(isinstance(message, Records) for message in peer.say(Ack(1))) == 1
    peer = Peer(source, greeted=False)
    peer.say(peer.hello(frames=3))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    assert sum(isinstance(message, Records) for message in peer.say(WANT)) == 3
    assert sum(isinstance(message, Records) for message in peer.say(Ack(2))) == 2


def test_a_frame_that_does_not_fit_waits_for_room() -> None:
    run = [MAKER.open()]
    for number in range(20):
        text = b"".join(sha256(bytes((number, n))) for n in range(200)).hex()
        run.append(MAKER.post(run[-1], text))
    peer = Peer(source_with(run), greeted=False)
    peer.say(peer.hello(window=60_000))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    sizes: list[int] = []
    sent = peer.say(WANT)
    while any(isinstance(message, Records) for message in sent):
        frames = [one.frame for one in peer.new if isinstance(one, do.Send)]
        sizes.append(max(len(frame) for frame in frames))
        sent = peer.say(Ack(1))
    assert len(sizes) >= 4
    assert max(sizes) < 60_000 < sizes[0] + sizes[1]


def test_frames_beyond_the_window_end_the_session() -> None:
    peer = Peer()
    peer.tell(RUN[299:], MAKER)
    left = 300
    for number in range(limits.FRAMES_IN_FLIGHT_MAX_COUNT):
        left -= 1
        peer.say(Records(left, [], batch(RUN[number : number + 1])))
        assert peer.ended is None
    peer.say(Records(left - 1, [], batch(RUN[9:10])))
    assert peer.ended == Parting.WINDOW


def test_bytes_beyond_the_window_end_the_session() -> None:
    """Bodies that do not compress: two frames of 150 kB may not be unacknowledged together."""
    peer = Peer()
    peer.tell(RUN[299:], MAKER)
    large = [
        link.raw._replace(body=b"".join(sha256(bytes((n, k))) for k in range(256)) * 4)
        for n, link in enumerate(RUN[:4])
    ]
    large = [raw._replace(body=raw.body[:30_000] + _noise(n, 2_000)) for n, raw in enumerate(large)]
    records = BatchEncoder(COMMUNITY).encode(large)
    frame = messages.encode(Records(9, [], records))
    count = limits.WINDOW_BYTES // len(frame)
    assert count < limits.FRAMES_IN_FLIGHT_MAX_COUNT
    left = 8 * limits.FRAMES_IN_FLIGHT_MAX_COUNT
    for _ in range(count):
        left -= 4
        peer.say(Records(left, [], records))
    assert peer.ended is None
    peer.say(Records(left - 4, [], records))
    assert peer.ended == Parting.WINDOW


def _noise(seed: int, size: int) -> bytes:
    return b"".join(sha256(bytes((seed, n % 256, n // 256))) for n in range(size // 32))


def test_frames_are_acknowledged_in_order_after_their_commit() -> None:
    peer = Peer()
    peer.tell(RUN[2:3], MAKER)
    for number, left in ((0, 2), (1, 1), (2, 0)):
        assert peer.say(Records(left, [], batch(RUN[number : number + 1]))) == []
    first, second, third = [one for one in peer.all if isinstance(one, do.Deliver)]

    def finish(deliver: do.Deliver) -> list[Message]:
        effects = peer.session.delivered(deliver.token, 1, (), peer.now)
        return [messages.decode(one.frame) for one in effects if isinstance(one, do.Send)]

    assert finish(second) == []
    assert finish(first) == [Ack(2)]
    assert Ack(1) in finish(third)


def test_faults_of_records_are_blamed_once_each_and_the_session_goes_on() -> None:
    peer = Peer()
    peer.tell(RUN[2:3], MAKER)
    peer.say(Records(0, [], batch(RUN[:3])))
    (deliver,) = [one for one in peer.all if isinstance(one, do.Deliver)]
    codes = [Reject.SIGNATURE, Reject.BODY, Reject.SIGNATURE]
    effects = peer.session.delivered(deliver.token, 0, codes, peer.now)
    assert effects[:2] == [do.Blame("signature"), do.Blame("body")]
    assert peer.ended is None


# --- patience ---


def test_an_idle_session_shows_signs_of_life_and_expects_them() -> None:
    peer = Peer()
    assert peer.wait(limits.KEEPALIVE_INTERVAL_MS) == [Idle()]
    for _ in range(9):
        peer.say(Idle())
        assert peer.wait(limits.KEEPALIVE_INTERVAL_MS) == [Idle()]
    peer.wait(limits.SILENCE_MAX_MS - limits.KEEPALIVE_INTERVAL_MS)
    assert peer.ended == Parting.SILENT


def owing_a_turn() -> Peer:
    peer = Peer(source_with(RUN[:3]))
    peer.say(OPENING)
    return peer


def owing_an_answer() -> Peer:
    peer = Peer()
    peer.tell(RUN[2:3], MAKER)
    peer.say(Ack(1), Records(9, [], batch(RUN[:1])))
    peer.deliver()
    return peer


def owing_an_acknowledgement() -> Peer:
    peer = Peer(source_with(RUN))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]), WANT)
    return peer


@pytest.mark.parametrize("debtor", [owing_a_turn, owing_an_answer, owing_an_acknowledgement])
def test_who_owes_something_and_only_shows_signs_of_life_is_left(
    debtor: Callable[[], Peer],
) -> None:
    peer = debtor()
    assert peer.ended is None
    for _ in range(limits.PROGRESS_MAX_MS // 5_000):
        assert peer.ended is None
        peer.wait(5_000)
        peer.say(Idle())
    assert peer.ended == Parting.STALLED


def test_a_slow_neighbour_that_makes_progress_is_waited_for() -> None:
    peer = Peer()
    peer.tell(RUN[20:21], MAKER)
    peer.say(Ack(1))
    for number in range(21):
        peer.wait(limits.PROGRESS_MAX_MS - 1_000)
        peer.say(Records(20 - number, [], batch(RUN[number : number + 1])))
        peer.deliver()
    assert peer.ended is None
    assert peer.source.holds(RUN[20].id)
    peer.say(Ranges(2, PASS, OPENING.splits, [], [], b""))
    for _ in range(4):
        peer.wait(limits.PROGRESS_MAX_MS - 1_000)
        peer.say(Ranges(2, MORE, [], [], [], b""))
    assert peer.ended is None


def test_a_slow_disk_here_is_not_the_neighbours_fault() -> None:
    peer = Peer()
    peer.tell(RUN[2:3], MAKER)
    peer.say(Ack(1), Records(0, [], batch(RUN[:3])))
    for _ in range(20):
        peer.wait(5_000)
        peer.say(Idle())
    assert peer.ended is None
    assert Ack(1) in peer.deliver()


# --- budgets ---


def test_expensive_questions_are_answered_later_not_at_once() -> None:
    """Each turn makes us hash many heads: after a while the answers come at a bounded rate."""
    runs = [LaneMaker(f"neighbour {n}").run(1) for n in range(2_000)]
    peer = Peer(source_with(*runs))
    peer.say(OPENING)
    answered = 0
    for _ in range(limits.RANGE_TURNS_MAX_COUNT - 2):
        answers = peer.say(turn(flag=MORE, asks=[Ask(b"", b"", bytes(8))]))
        if not answers:
            break
        answered += 1
    assert 100 < answered < 1_000
    began = peer.now
    assert len(peer.wait(1_000)) == 1
    assert peer.now - began <= 1_000
    assert peer.ended is None
    peer.say(turn(flag=MORE, asks=[Ask(b"", b"", bytes(8))]))
    peer.say(turn(flag=MORE, asks=[Ask(b"", b"", bytes(8))]))
    assert peer.ended in (None, Parting.UNEXPECTED)


def test_what_a_question_costs_puts_off_the_next() -> None:
    peer = Peer(source_with(RUN))
    peer.session._allowance.level_us = 1_000
    ask = Want(0, True, [], bytes(32 * limits.BODIES_WANTED_MAX_COUNT))
    assert peer.say(ask) == [Ack(1)]
    assert peer.say(ask) == []
    assert peer.wait(1_000) == [Ack(1)]


def test_two_turns_in_a_row_end_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PEER_WORK_PER_S_US", 1)
    peer = Peer(source_with(RUN[:1]))
    peer.session._allowance.level_us = 0
    peer.say(OPENING)
    assert peer.answers() == []
    peer.say(turn())
    assert peer.ended == Parting.UNEXPECTED


@pytest.mark.parametrize(
    "message", [Idle(), Addresses(["/ip4/192.0.2.1"])], ids=["idle", "addresses"]
)
def test_a_flood_of_cheap_messages_ends_the_session(message: Message) -> None:
    peer = Peer()
    for _ in range(300_000):
        peer.say(message)
        if peer.ended:
            break
    assert peer.ended == Parting.FLOOD


def test_more_proofs_than_a_session_takes_are_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROOFS_SESSION_MAX_COUNT", 3)
    left, right = MAKER.post(RUN[0], "left"), MAKER.post(RUN[0], "right")
    proof = Proof(left.raw.header, bytes(64), right.raw.header, bytes(64))
    peer = Peer()
    peer.say(Proofs([proof] * 3))
    assert peer.ended is None
    peer.say(Proofs([proof]))
    assert peer.ended == Parting.FLOOD


def test_who_asks_for_bodies_without_end_is_told_that_it_is_enough() -> None:
    peer = Peer(source_with(RUN))
    bodies = b"".join(bytes((n,)) * 32 for n in range(limits.BODIES_WANTED_MAX_COUNT))
    asked = 0
    while peer.ended is None and asked < 10 * limits.BODIES_ASKED_MAX_COUNT:
        peer.say(Want(0, True, [], bodies))
        asked += limits.BODIES_WANTED_MAX_COUNT
    assert peer.ended == Parting.FLOOD
    assert asked == limits.BODIES_ASKED_MAX_COUNT + limits.BODIES_WANTED_MAX_COUNT


def test_what_is_looked_up_in_vain_is_paid_for_too() -> None:
    """Ids that nobody has cost as much as others: an answer of nothing is not free."""
    serve = Serve(source_with(RUN))
    bodies = bytes(32 * limits.BODIES_WANTED_MAX_COUNT)
    assert serve.want(Want(0, True, [], bodies)) > 10 * serve.want(Want(0, True, [], b""))
    serve.told(0, [MAKER.lane_key + RUN[-1].id])
    known = bytes(32 * limits.LOCATOR_MAX_COUNT)
    vain = serve.want(Want(0, True, [Wish(0, False, known)], b""))
    assert vain > 5 * serve.want(Want(0, True, [Wish(0, False, bytes(32))], b""))


def test_a_wish_for_bodies_is_answered_with_those_that_are_there() -> None:
    source = source_with(RUN[:9])
    source.erase(RUN[4].id)
    peer = Peer(source)
    ids = b"".join(link.id for link in (RUN[3], RUN[4], RUN[200]))
    (records, _) = peer.say(Want(0, False, [], ids))
    assert isinstance(records, Records)
    assert records.left == 0
    assert len(records.batch.bodies) == 1


def test_an_answer_is_never_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWER_RECORDS_MAX_COUNT", 50)
    peer = Peer(source_with(MAKER.run(80), LaneMaker("jun").run(30)))
    (told,) = peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    assert isinstance(told, Ranges)
    assert len(told.heads) == 2 * 97
    sent = peer.say(Want(0, False, [Wish(0, False, b""), Wish(1, False, b"")], b""))
    (records,) = [message for message in sent if isinstance(message, Records)]
    assert records.left == 0
    assert len(records.batch.bodies) in (30, 50)
