"""Messages: one form each, bounded by their shapes before anything is built."""

import time
import tracemalloc

import pytest

from node.protocol import codec, limits, messages
from node.protocol.errors import Parting, RemoteFault
from node.protocol.frames import BatchEncoder, pack
from node.protocol.greeting import Settings, common_kinds, greet
from node.protocol.identity import Lane
from node.protocol.messages import (
    Ack,
    Addresses,
    Ask,
    Bye,
    Hello,
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
from tests.support.plain_msgpack import unpack as plain_decode
from tests.support.sync_source import COMMUNITY, LaneMaker

RUN = LaneMaker("mina").run(4)
HELLO = greet(
    COMMUNITY, Settings(agent="wetalk/1", addresses=("/ip4/1.2.3.4",)), bytes(16), b"p" * 16
)
ONE = RUN[1].raw
ALL: list[Message] = [
    HELLO,
    Ranges(
        4,
        1,
        [Split([b"", b"m", b""], bytes(32))],
        [Listing(b"a", b"b", b"12345678", [7])],
        [Ask(b"c", b"", b"12345678")],
        bytes(97),
    ),
    Want(4, True, [Wish(0, False, bytes(64))], bytes(32)),
    Records(3, [], BatchEncoder(COMMUNITY).encode([link.raw for link in RUN])),
    Ack(8),
    Proofs([Proof(ONE.header, ONE.signature, ONE.header, ONE.signature)]),
    Addresses(["/dns/example.org/tcp/1"]),
    Idle(),
    Bye("done"),
]


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_from_its_frame(message: Message) -> None:
    assert messages.decode(messages.encode(message)) == message


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_a_message_is_a_plain_array_that_begins_with_its_type(message: Message) -> None:
    value = plain_decode(codec.encode(message))
    assert isinstance(value, list)
    assert value[0] == 1 + ALL.index(message)


def content(*items: object) -> bytes:
    return codec.encode(list(items))


BAD = {
    "nothing": b"",
    "no array": b"\xc0",
    "an empty array": content(),
    "bytes that look like a greeting": b"\xc4\x01x",
    "an unknown type": content(10),
    "a field too many": content(8, 0),
    "a field missing": content(5),
    "text for a number": content(5, "1"),
    "a bool for a number": content(5, True),
    "no credit": content(5, 0),
    "more credit than there is": content(5, limits.FRAMES_IN_FLIGHT_MAX_COUNT + 1),
    "a bound too long": content(2, 0, 0, [[[b"", bytes(98)], bytes(16)]], [], [], b""),
    "too many heads": content(2, 0, 0, [], [], [], bytes(97 * 2_001)),
    "a list too long": content(2, 0, 0, [], [[b"", b"", bytes(8 * 65), []]], [], b""),
    "an answer without end": content(4, limits.ANSWER_RECORDS_MAX_COUNT + 1, [], []),
    "not the shortest form": b"\x92\xcc\x05\x01",
    "something behind it": content(8) + b"\x00",
    "no addresses": content(7, []),
    "an endless list": b"\x93\x02\x00\x00\xdd\xff\xff\xff\xff",
    "deeper than deep": b"\x91" * 5_000,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_message_is_a_fault(data: bytes) -> None:
    with pytest.raises(RemoteFault) as fault:
        messages.decode(pack(data))
    assert fault.value.code == Parting.FRAME


def test_a_long_list_is_refused_before_it_is_built() -> None:
    data = b"\x93\x07\xdd" + (500_000).to_bytes(4, "big") + b"\xa1x" * 500_000
    frame = pack(data)
    assert len(frame) < 10_000
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(RemoteFault):
        messages.decode(frame)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert spent < 0.1


@pytest.mark.parametrize("rest", [[], [1, 2, 3], [bytes(32), {"new": "fields"}]])
def test_the_greeting_of_another_version_is_told_plainly(rest: list[object]) -> None:
    with pytest.raises(RemoteFault) as fault:
        messages.decode(pack(content(1, limits.SYNC_VERSION + 1, *rest)))
    assert fault.value.code == Parting.OTHER_PROTOCOL


def test_a_broken_greeting_of_this_version_is_a_fault() -> None:
    with pytest.raises(RemoteFault) as fault:
        messages.decode(pack(content(1, limits.SYNC_VERSION, "?")))
    assert fault.value.code == Parting.FRAME


def hello(**changes: object) -> Hello:
    values = {name: getattr(HELLO, name) for name in HELLO.__struct_fields__}
    return Hello(**{**values, **changes})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (hello(version=2), Parting.OTHER_PROTOCOL),
        (hello(community=bytes(32)), Parting.OTHER_COMMUNITY),
        (hello(rules=2), Parting.OTHER_RULES),
        (hello(kinds=[1, 0]), Parting.FRAME),
        (hello(kinds=[0, 0]), Parting.FRAME),
        (hello(kinds=[1, 2]), Parting.FRAME),
        (hello(rules=2, kinds=[77]), Parting.OTHER_RULES),
    ],
)
def test_a_greeting_that_does_not_fit(message: Hello, code: str) -> None:
    with pytest.raises(RemoteFault) as fault:
        common_kinds(message, COMMUNITY, Settings())
    assert fault.value.code == code


def test_only_lane_kinds_that_both_keep_are_compared() -> None:
    few = Settings(kinds=frozenset({Lane.IDENTITY, Lane.OFFICE}))
    assert common_kinds(hello(kinds=[0, 1, 4, 9]), COMMUNITY, few) == {0, 4}
