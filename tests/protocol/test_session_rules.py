"""What a session allows a neighbour to say and when: each breach has its own code."""

import pytest

from node.protocol import effects as do
from node.protocol import limits, messages
from node.protocol.errors import Parting
from node.protocol.greeting import Settings
from node.protocol.heads import HeadIndex, Heads
from node.protocol.messages import (
    Ack,
    Addresses,
    Bye,
    Idle,
    Listing,
    Message,
    Proof,
    Proofs,
    Ranges,
    Records,
    Split,
    Want,
    Wish,
)
from node.protocol.reconcile import END, PASS
from node.protocol.session import Phase, Session
from tests.support.sync_peer import FP, MAKER, NOTHING, OPENING, RUN, WANT, Peer, batch, turn
from tests.support.sync_source import DictSource, source_with

# --- greetings ---


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"community": bytes(32)}, Parting.OTHER_COMMUNITY),
        ({"rules": 2}, Parting.OTHER_RULES),
        ({"rules": 0}, Parting.OTHER_RULES),
        ({"version": 2}, Parting.OTHER_PROTOCOL),
    ],
)
def test_who_does_not_belong_here_is_told_so_without_blame(
    change: dict[str, object], code: str
) -> None:
    peer = Peer(greeted=False)
    peer.say(peer.hello(**change))
    assert peer.ended == f"{code} without blame"


def test_silence_instead_of_a_greeting_ends_in_time() -> None:
    peer = Peer(greeted=False)
    peer.wait(limits.HELLO_MAX_MS - 1)
    assert peer.ended is None
    peer.wait(1)
    assert peer.ended == Parting.NO_HELLO


def test_the_dialler_opens_the_first_round_and_the_listener_waits() -> None:
    assert Peer().answers() == []
    source = DictSource()
    session = Session(source, Heads(source), Settings(), dialer=True, nonce=bytes(16))
    session.start(0)
    effects = session.receive(messages.encode(Peer.hello()), 0)
    (opening,) = [messages.decode(one.frame) for one in effects if isinstance(one, do.Send)]
    assert isinstance(opening, Ranges)
    assert opening.round == 0


# --- what a moment does not allow ---

FOREIGN_PROOF = Proof(RUN[0].raw.header, bytes(64), RUN[1].raw.header, bytes(64))
MISPLACED: dict[str, tuple[list[Message], str]] = {
    "a second greeting": ([Peer.hello()], Parting.UNEXPECTED),
    "records nobody asked for": ([Records(0, [], NOTHING)], Parting.UNEXPECTED),
    "an answer to no round": (
        [Ranges(1, PASS, OPENING.splits, [], [], b"")],
        Parting.UNEXPECTED,
    ),
    "a round that opens with heads": (
        [Ranges(0, PASS, OPENING.splits, [], [], bytes(97))],
        Parting.UNEXPECTED,
    ),
    "a round that opens with a part": (
        [Ranges(0, PASS, [Split([b"", b"a"], FP)], [], [], b"")],
        Parting.UNEXPECTED,
    ),
    "a round that opens with its end": ([Ranges(0, END, [], [], [], b"")], Parting.UNEXPECTED),
    "a round within a round": (
        [OPENING, Ranges(2, PASS, OPENING.splits, [], [], b"")],
        Parting.UNEXPECTED,
    ),
    "a round that is over": (
        [OPENING, Ranges(0, END, [], [], [], b""), OPENING],
        Parting.UNEXPECTED,
    ),
    "a wish for what was not told": ([WANT], Parting.UNEXPECTED),
    "a wish with broken ids": ([Want(0, False, [], bytes(31))], Parting.FRAME),
    "an acknowledgement of nothing": ([Ack(1)], Parting.WINDOW),
    "a proof of nothing": ([Proofs([FOREIGN_PROOF])], Parting.FRAME),
    "a proof that is no record": (
        [Proofs([Proof(b"", bytes(64), b"", bytes(64))])],
        Parting.FRAME,
    ),
    "a question in the last turn": (
        [OPENING, Ranges(0, END, OPENING.splits, [], [], b"")],
        Parting.UNEXPECTED,
    ),
}


@pytest.mark.parametrize(("said", "code"), MISPLACED.values(), ids=MISPLACED)
def test_a_message_out_of_place_ends_the_session(said: list[Message], code: str) -> None:
    peer = Peer(source_with(RUN[:3]))
    peer.say(*said)
    assert peer.ended == code


@pytest.mark.parametrize(
    "message",
    [OPENING, WANT, Records(0, [], NOTHING), Ack(1), Idle(), Addresses(["/ip4/192.0.2.1"])],
    ids=lambda message: type(message).__name__,
)
def test_nothing_comes_before_the_greeting(message: Message) -> None:
    peer = Peer(greeted=False)
    peer.say(message)
    assert peer.ended == Parting.UNEXPECTED


def fingerprint_of(peer: Peer) -> bytes:
    heads = peer.source.heads(b"", None)
    index = HeadIndex((item.key, item.seq) for item in heads)
    return index.fingerprint(0, len(index))


def test_a_listener_gives_up_its_round_for_the_diallers() -> None:
    peer = Peer(source_with(RUN[:3]))
    peer.change()
    (own,) = peer.wait(limits.CHANGE_DELAY_MS)
    assert isinstance(own, Ranges)
    assert own.round == 1
    (answer,) = peer.say(OPENING)
    assert isinstance(answer, Ranges)
    assert answer.round == 0
    peer.say(Ranges(1, END, [], [], [], b""))
    assert peer.ended == Parting.UNEXPECTED


def test_a_dialler_passes_over_a_round_that_crosses_its_own() -> None:
    source = source_with(RUN[:3])
    session = Session(source, Heads(source), Settings(), dialer=True, nonce=bytes(16))
    session.start(0)
    session.receive(messages.encode(Peer.hello()), 0)
    crossing = Ranges(1, PASS, OPENING.splits, [], [], b"")
    effects = session.receive(messages.encode(crossing), 0)
    assert not any(isinstance(effect, do.Send | do.Close) for effect in effects)
    effects = session.receive(messages.encode(Ranges(0, END, [], [], [], b"")), 0)
    assert any(isinstance(effect, do.InSync) for effect in effects)


def test_after_an_answer_in_vain_it_compares_again_though_its_heads_are_as_before() -> None:
    peer = Peer(source_with(RUN[:3]))
    whole = Ranges(0, PASS, [Split([b"", b""], fingerprint_of(peer))], [], [], b"")
    assert peer.say(whole) == [Ranges(0, END, [], [], [], b"")]
    assert peer.session.in_sync
    peer.tell(RUN[5:6], MAKER, 2)
    peer.say(Ack(1), Records(0, [], NOTHING))
    (opening,) = peer.wait(limits.CHANGE_DELAY_MS)
    assert isinstance(opening, Ranges)
    assert opening.round == 1


def test_an_answer_that_ends_the_round_but_tells_heads_is_no_agreement() -> None:
    peer = Peer(source_with(RUN[:3]))
    peer.change()
    peer.wait(limits.CHANGE_DELAY_MS)
    (want,) = peer.say(Ranges(1, END, [], [], [], MAKER.lane_key + RUN[5].id))
    assert isinstance(want, Want)
    assert not peer.session.in_sync
    assert not any(isinstance(effect, do.InSync) for effect in peer.all)


def test_a_lane_wished_for_twice_is_sent_once() -> None:
    peer = Peer(source_with(RUN[:9]))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    ids = RUN[2].id + RUN[3].id
    (records, _) = peer.say(Want(0, False, [Wish(0, False, b""), Wish(0, False, b"")], ids))
    assert isinstance(records, Records)
    assert len(records.batch.bodies) == 9


def test_a_wish_for_an_older_round_ends_the_session() -> None:
    peer = Peer(source_with(RUN[:9]))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    peer.say(Ranges(2, PASS, OPENING.splits, [], [], b""))
    peer.say(Ranges(2, PASS, [], [Listing(b"", b"", b"", [])], [], b""))
    peer.say(WANT)
    assert peer.ended == Parting.UNEXPECTED


def test_no_round_is_opened_while_an_answer_is_sent() -> None:
    peer = Peer(source_with(MAKER.run(6_000)))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]), WANT)
    peer.change()
    assert peer.wait(1_000) == []
    answers = peer.answers()
    while not any(isinstance(message, Ranges) for message in answers):
        answers = peer.say(Ack(1))
        assert answers
    last = next(message for message in answers if isinstance(message, Records))
    assert last.left == 0


def test_a_good_bye_before_the_greeting_is_taken() -> None:
    peer = Peer(greeted=False)
    peer.say(Bye("other-community"))
    assert peer.new == [do.Close("other-community", by_remote=True)]


def test_a_good_bye_with_words_of_its_own_is_not_repeated() -> None:
    peer = Peer()
    peer.say(Bye("<script>"))
    assert peer.new == [do.Close("done", by_remote=True)]


# --- answers ---


def test_a_told_head_is_asked_for_with_the_own_heads() -> None:
    peer = Peer(source_with(RUN[:3]))
    (want,) = peer.tell(RUN[5:6], MAKER)
    assert want == Want(0, False, [Wish(0, False, RUN[2].id)], b"")


def test_a_fork_is_asked_for_again_with_ids_back_to_the_start() -> None:
    fork = MAKER.run(4, "other", RUN[1])
    peer = Peer(source_with(RUN[:2], fork))
    peer.tell(RUN[5:6], MAKER)
    (want, _) = peer.say(Records(0, [0], NOTHING))
    assert isinstance(want, Want)
    (wish,) = want.wishes
    assert wish.full
    assert RUN[1].id in [wish.known[n : n + 32] for n in range(0, len(wish.known), 32)]
    peer.say(Records(0, [], batch(RUN[2:6])))
    peer.deliver()
    assert peer.source.holds(RUN[5].id)
    assert peer.ended is None


ANSWERS: dict[str, tuple[list[Message], str]] = {
    "grows": ([Records(5, [], batch(RUN[:1])), Records(5, [], batch(RUN[:1]))], Parting.ENDLESS),
    "stands still": ([Records(5, [], NOTHING)], Parting.UNEXPECTED),
    "goes on after its end": (
        [Records(0, [], NOTHING), Records(0, [], NOTHING)],
        Parting.UNEXPECTED,
    ),
    "misses what was not asked": ([Records(0, [7], NOTHING)], Parting.UNEXPECTED),
    "misses before its end": ([Records(3, [0], batch(RUN[:1]))], Parting.UNEXPECTED),
    "misses twice": (
        [Records(0, [0], NOTHING), Records(0, [0], NOTHING)],
        Parting.UNEXPECTED,
    ),
}


@pytest.mark.parametrize(("said", "code"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_cannot_be_ends_the_session(said: list[Message], code: str) -> None:
    peer = Peer(source_with(RUN[:1]))
    peer.tell(RUN[5:6], MAKER)
    peer.say(*said)
    assert peer.ended == code


def test_promises_without_records_are_counted() -> None:
    peer = Peer()
    for number in range(limits.ANSWERS_EMPTY_MAX_COUNT + 1):
        assert peer.ended is None
        (want,) = peer.tell(RUN[number + 1 : number + 2], MAKER, 2 * number)
        assert isinstance(want, Want)
        peer.say(Ack(1), Records(0, [], NOTHING))
    assert peer.ended == Parting.EMPTY


def test_only_promises_in_a_row_are_counted() -> None:
    peer = Peer()
    for number in range(2 * limits.ANSWERS_EMPTY_MAX_COUNT):
        peer.tell(RUN[number + 1 : number + 2], MAKER, 2 * number)
        if number == limits.ANSWERS_EMPTY_MAX_COUNT - 1:  # one that holds something
            peer.say(Ack(1), Records(0, [], batch(RUN[:1])))
            peer.deliver()
        else:
            peer.say(Ack(1), Records(0, [], NOTHING))
        peer.wait(0)
        assert peer.ended is None


def test_a_question_while_the_answer_is_sent_ends_the_session() -> None:
    run = MAKER.run(6_000)
    peer = Peer(source_with(run))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    assert isinstance(peer.say(WANT)[0], Records)
    peer.say(WANT)
    assert peer.ended == Parting.UNEXPECTED


def test_a_round_while_the_answer_is_sent_ends_the_session() -> None:
    peer = Peer(source_with(MAKER.run(6_000)))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]), WANT)
    peer.say(Ranges(2, PASS, OPENING.splits, [], [], b""))
    assert peer.ended == Parting.UNEXPECTED


def test_a_round_while_a_question_waits_for_its_turn_ends_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PEER_WORK_PER_S_US", 1)
    peer = Peer(source_with(RUN[:9]))
    peer.say(OPENING, turn(listings=[Listing(b"", b"", b"", [])]))
    peer.session._allowance.level_us = 0
    assert peer.say(WANT) == []
    peer.say(Ranges(2, PASS, OPENING.splits, [], [], b""))
    assert peer.ended == Parting.UNEXPECTED


def test_before_its_start_and_after_its_end_a_session_says_nothing() -> None:
    peer, source = Peer(), DictSource()
    new = Session(source, Heads(source), Settings(), dialer=True, nonce=bytes(16))
    now = peer.now + limits.SILENCE_MAX_MS
    peer.session.close(peer.now)
    for session, phase in ((new, Phase.NEW), (peer.session, Phase.CLOSED)):
        assert session.tick(now) == []
        assert session.changed(now) == []
        assert session.share(["/an/address"], now) == []
        assert session.close(now) == []
        assert session.phase is phase
    assert peer.session.receive(messages.encode(Idle()), now) == []
    assert peer.session.delivered(0, 1, ["a-fault"], now) == []


def test_a_session_that_only_greets_tells_no_news_and_no_addresses() -> None:
    peer = Peer(greeted=False)
    assert peer.session.changed(peer.now) == []
    assert peer.session.share(["/an/address"], peer.now) == []
    peer.say(peer.hello())
    assert peer.session.share([], peer.now) == []
    (sent,) = [
        one for one in peer.session.share(["/an/address"], peer.now) if isinstance(one, do.Send)
    ]
    assert messages.decode(sent.frame) == Addresses(["/an/address"])


def test_a_round_that_opens_while_an_answer_comes_waits_for_its_end() -> None:
    peer = Peer(source_with(RUN[:3]))
    peer.tell(RUN[5:6], MAKER)
    opening = Ranges(2, PASS, OPENING.splits, [], [], b"")
    assert peer.say(opening) == []
    assert peer.say(Records(0, [], batch(RUN[3:6]))) == []
    assert peer.deliver() == [Ack(1)]
    (answer,) = peer.wait(0)
    assert isinstance(answer, Ranges)
    assert answer.round == 2
