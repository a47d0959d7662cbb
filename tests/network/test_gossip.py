"""Gossip between honest nodes, and what hostile ones get for their trouble."""

import contextlib
import os
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
import trio
from libp2p.pubsub.pb import rpc_pb2

from node.network.conduct import Offence
from node.network.guard import ORDINARY
from node.protocol import hints, limits
from tests.network.lab import (
    MESHSUB,
    Attacker,
    Node,
    bounded,
    enveloped,
    meet,
    prefixed,
    record,
    until,
)

pytestmark = pytest.mark.trio


@bounded(10)
async def test_new_records_reach_a_neighbour_of_a_neighbour_at_once_and_only_once() -> None:
    first, middle, last = Node(), Node(), Node()
    async with first.running(), middle.running(), last.running():
        await meet(first, middle)
        await meet(last, middle)
        told = [record(number) for number in range(300)]
        first.gossip.tell(told[:1])
        first.gossip.tell(told[1:])
        await until(lambda: len(last.heard) >= 300)
        await trio.sleep(0.1)
        assert [raw for raw, _ in last.heard] == told
        assert {peer for _, peer in last.heard} == {middle.host.id}
        assert first.heard == []


@bounded(10)
async def test_a_busy_minute_is_told_without_a_gap() -> None:
    """libp2p's own protection would let ten messages a second through, even of our own."""
    first, second = Node(), Node()
    async with first.running(), second.running():
        await meet(first, second)
        for number in range(60):
            await first.gossip._pubsub.publish(first.gossip.topic, hints.pack([record(number)])[0])
        await until(lambda: len(second.heard) >= 60)
        assert second.headers() == [record(number).header for number in range(60)]


@bounded(10)
async def test_a_bad_record_is_not_passed_on_and_costs_its_sender_the_connection() -> None:
    first, middle, last = Node(), Node(), Node()
    async with first.running(), middle.running(), last.running():
        await meet(first, middle)
        await meet(last, middle)
        middle.faulty = {record(number).header for number in range(3)}
        for number in range(3):
            first.gossip.tell([record(number)])
            await until(lambda seen=number: len(middle.heard) > seen)
        await until(lambda: middle.host.link(first.host.id) is None)
        assert middle.host.guard.banned(first.host.id)
        assert last.heard == []
        assert middle.host.link(last.host.id) is not None


def _malformed_key(attacker: Attacker, topic: str) -> bytes:
    message = attacker.message(hints.pack([record()])[0], topic)
    message.from_id = b"\x12\x20" + b"\1" * 32
    message.key = b"\x08\x01\x12\x04abcd"
    return enveloped(message)


def _nobody(attacker: Attacker, topic: str) -> bytes:
    message = attacker.message(hints.pack([record()])[0], topic)
    message.from_id = b""
    return enveloped(message)


def _good(attacker: Attacker, topic: str) -> rpc_pb2.Message:
    return attacker.sign(attacker.message(hints.pack([record()])[0], topic))


GARBAGE = {
    "40 bytes that are no envelope": lambda a, t: prefixed(b"\xff" * 40),
    "random bytes": lambda a, t: b"\x90\x4e" + os.urandom(10_000),
    "a huge length": lambda a, t: b"\x80\x80\x80\x80\x04" + bytes(1_000),
    "a length without end": lambda a, t: b"\xff" * 20,
    "a topic that is no text": lambda a, t: prefixed(b"\x12\x06\x22\x04\xff\xfe\xfd\xfc"),
    "a payload that is none": lambda a, t: enveloped(a.sign(a.message(b"hello", t))),
    "an empty payload": lambda a, t: enveloped(a.sign(a.message(b"", t))),
    "a short sequence number": lambda a, t: enveloped(
        rpc_pb2.Message(data=b"x", topicIDs=[t], from_id=b"x", seqno=b"1", signature=bytes(64))
    ),
    "messages beyond counting": lambda a, t: enveloped(*[_good(a, t)] * 200),
    "ids beyond counting": lambda a, t: prefixed(_ids(t, limits.GOSSIP_CONTROL_MAX_COUNT + 1)),
}


def _ids(topic: str, count: int) -> bytes:
    rpc = rpc_pb2.RPC()
    rpc.control.ihave.add(topicID=topic).messageIDs.extend([b"%020d" % n for n in range(count)])
    return rpc.SerializeToString()


@pytest.mark.parametrize("case", GARBAGE)
@bounded(10)
async def test_garbage_on_the_gossip_stream_is_answered_with_a_ban(case: str) -> None:
    victim, honest, attacker = Node(), Node(), Attacker()
    async with victim.running(), honest.running(), attacker.attacking(victim.host):
        await meet(honest, victim)
        stream = await attacker.open(MESHSUB)
        await stream.write(GARBAGE[case](attacker, victim.gossip.topic))
        await attacker.is_thrown_out()
        honest.gossip.tell([record(7)])
        await until(lambda: record(7).header in victim.headers())


@pytest.mark.parametrize("make", [_malformed_key, _nobody, None])
@bounded(10)
async def test_messages_that_nobody_signed_end_in_a_ban(make: object) -> None:
    victim, honest, attacker = Node(), Node(), Attacker()
    async with victim.running(), honest.running(), attacker.attacking(victim.host):
        await meet(honest, victim)
        topic = victim.gossip.topic
        stream = await attacker.open(MESHSUB)
        for number in range(3):
            plain = attacker.message(hints.pack([record(number)])[0], topic, number)
            await stream.write(make(attacker, topic) if callable(make) else enveloped(plain))
        await attacker.is_thrown_out()
        assert victim.host.guard.conduct.counts(attacker.host.id)[Offence.SIGNATURE] == 3
        assert victim.heard == []
        honest.gossip.tell([record(7)])
        await until(lambda: victim.headers() == [record(7).header])


@bounded(15)
async def test_a_flood_of_signed_messages_is_cut_off_within_two_seconds() -> None:
    victim, honest, attacker = Node(), Node(), Attacker()
    async with victim.running(), honest.running(), attacker.attacking(victim.host):
        await meet(honest, victim)
        payload = hints.pack([record()])[0]
        one = attacker.sign(attacker.message(payload, victim.gossip.topic))
        flood = enveloped(*[one] * 100) * 10
        stream = await attacker.open(MESHSUB)
        began = trio.current_time()
        try:
            while trio.current_time() - began < 5:
                await stream.write(flood)
        except Exception:
            pass
        await attacker.is_thrown_out()
        assert trio.current_time() - began < 2
        honest.gossip.tell([record(7)])
        await until(lambda: record(7).header in victim.headers())


def _wavering(attacker: Attacker, topic: str) -> bytes:
    return b"".join(_subscribing(topic, n % 2 == 0) for n in range(100))


def _subscribing(*topics: str | bool) -> bytes:
    rpc = rpc_pb2.RPC()
    wanted = all(one is not False for one in topics)
    for topic in (one for one in topics if isinstance(one, str)):
        rpc.subscriptions.add(subscribe=wanted, topicid=topic)
    return prefixed(rpc.SerializeToString())


def _collector(attacker: Attacker, topic: str) -> bytes:
    return _subscribing(*(f"{number}" for number in range(1_000)))


def _news(attacker: Attacker, topic: str) -> bytes:
    """Good records, far more than anybody has to tell."""
    batch = [record(number) for number in range(256)]
    messages = (attacker.sign(attacker.message(hints.pack(batch)[0], topic, n)) for n in range(40))
    return b"".join(map(enveloped, messages))


@pytest.mark.parametrize("flood", [_wavering, _collector, _news])
@bounded(20)
async def test_floods_of_what_alone_would_be_good_are_cut_off(
    flood: Callable[[Attacker, str], bytes],
) -> None:
    victim, honest, attacker = Node(), Node(), Attacker()
    async with victim.running(), honest.running(), attacker.attacking(victim.host):
        await meet(honest, victim)
        stream = await attacker.open(MESHSUB)
        with contextlib.suppress(*ORDINARY):
            await stream.write(flood(attacker, victim.gossip.topic))
        await attacker.is_thrown_out(10)
        honest.gossip.tell([record(7_777)])
        await until(lambda: record(7_777).header in victim.headers())


@bounded(20)
async def test_who_passes_on_a_flood_of_good_records_is_blamed_by_nobody() -> None:
    """A node tells less than its neighbours take from one, whoever it has it from."""
    middle, last, attackers = Node(), Node(), [Attacker() for _ in range(3)]
    async with middle.running(), last.running(), AsyncExitStack() as stack:
        await meet(last, middle)
        for attacker in attackers:
            await stack.enter_async_context(attacker.attacking(middle.host))
            stream = await attacker.open(MESHSUB)
            with contextlib.suppress(*ORDINARY):
                await stream.write(_news(attacker, middle.gossip.topic))
        for attacker in attackers:
            await attacker.is_thrown_out(10)
        middle.gossip.tell([record(number) for number in range(3_000)])
        await trio.sleep(0.2)
        assert len(middle.heard) > limits.HINTED_RECORDS_BURST_COUNT
        most = limits.HINTS_TOLD_BURST_COUNT + 20 * limits.HINTS_TOLD_PER_S
        assert 0 < len(last.heard) <= most
        assert last.host.guard.conduct.counts(middle.host.id) == {}


@bounded(10)
async def test_other_topics_and_strangers_addresses_leave_no_trace() -> None:
    victim, attacker = Node(), Attacker()
    async with victim.running(), attacker.attacking(victim.host):
        stream = await attacker.open(MESHSUB)
        rpc = rpc_pb2.RPC()
        for number in range(40):
            rpc.subscriptions.add(subscribe=True, topicid=f"other/{number}")
            rpc.control.graft.add(topicID=f"other/{number}")
            rpc.control.prune.add(topicID=f"other/{number}", backoff=2**60)
        rpc.control.prune.add(topicID=victim.gossip.topic, backoff=2**60).peers.add(
            peerID=b"\x12\x20" + os.urandom(32), signedPeerRecord=os.urandom(100)
        )
        rpc.control.iwant.add().messageIDs.extend([b"zz" * 10, b"\xff\xfe"])
        rpc.senderRecord = os.urandom(200)
        await stream.write(prefixed(rpc.SerializeToString()))
        router, pubsub = victim.gossip._router, victim.gossip._pubsub
        await until(lambda: router.back_off)
        assert set(router.back_off) == {victim.gossip.topic}
        assert pubsub.peer_topics == {}
        assert attacker.connected()


@bounded(10)
async def test_sequence_numbers_do_not_repeat_after_a_restart() -> None:
    before, seed = Node(), os.urandom(32)
    first = Node(seed)
    for _ in range(5_000):
        first.gossip._pubsub._next_seqno()
    again = Node(seed)
    assert again.gossip._pubsub._next_seqno() > first.gossip._pubsub._next_seqno()
    assert before.host.id != first.host.id


@bounded(10)
async def test_what_libp2p_never_trims_is_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GOSSIP_TRIM_S", 0.05)
    node, other = Node(), Node()
    async with node.running(), other.running():
        await meet(other, node)
        other.gossip.tell([record(1)])
        await until(lambda: node.heard)
        await until(lambda: not other.gossip._router.recent_message_deliveries)
