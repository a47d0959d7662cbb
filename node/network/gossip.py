"""Gossip: new records told to the neighbours at once, in batches, as hints.

GossipSub v1.1, tuned as measured: libp2p's spam, adaptive and eclipse options are off (they drop
nearly everything), the heartbeat is a second, queues are bounded, sequence numbers start at the
clock in nanoseconds so that none repeats after a restart. Rules: a peer's messages are judged one
after the other, and the records of few of them wait: what has no room is left to sync, as a busy
node must not read more slowly than floods are noticed; cheap checks come before signatures,
signatures before records; a message is passed on only when its records broke no rule, so whoever
passes on a bad one is to blame. What does not fit is dropped: sync brings it. A node tells and
passes on less, all together, than any neighbour takes from one peer, so that a flood of good
records makes nobody blame whoever passed it on. Encoding and judging records is left to callables.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false

import logging
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import INetStream
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.validators import signature_validator
from libp2p.tools.anyio_service import background_trio_service

from node.network.budget import Bucket, PeerBudget
from node.network.conduct import Offence
from node.network.frames import FrameFault, VarintReader
from node.network.guard import close_stream
from node.network.host import Host
from node.protocol import limits
from node.protocol.record import RawRecord

log = logging.getLogger(__name__)

SEQUENCE_NUMBER_BYTES = 8
SIGNATURE_BYTES = 64


class Batches(Protocol):
    """How records become the payload of a message, and back."""

    def pack(self, records: Sequence[RawRecord]) -> list[bytes]:
        """Payloads, each within the limit of a message."""
        ...

    def unpack(self, payload: bytes) -> list[RawRecord] | None:
        """The records of a payload, checked in shape only; None when it is none. Never raises."""
        ...


# Takes records and the sender's id; True iff they broke no rule and may be passed on.
Taker = Callable[[list[RawRecord], str], Awaitable[bool]]


class _Router(GossipSub):
    """GossipSub whose tasks never raise, for they would end the service."""

    async def on_peer_subscribed(self, peer_id: ID, topic: str) -> None:
        await _never_raising(super().on_peer_subscribed(peer_id, topic))

    async def flush_pending_messages(self, peer_id: ID) -> None:
        await _never_raising(super().flush_pending_messages(peer_id))

    async def heartbeat(self) -> None:
        while True:
            await _never_raising(super().heartbeat())
            await trio.sleep(limits.GOSSIP_HEARTBEAT_S)


class _Pubsub(Pubsub):
    """libp2p's pubsub with its inbound side replaced: nothing a peer sends can raise here."""

    def __init__(self, host: Host, router: _Router, topic: str, take: Taker, batches: Batches):
        super().__init__(
            host.basic,
            router,
            strict_signing=True,
            max_inbound_rpc_size=limits.GOSSIP_RPC_MAX_BYTES,
            max_subscriptions_per_peer=8,
            allowed_topics={topic},
        )
        self.counter = time.time_ns()
        self.topic = topic
        self._host = host
        self._take = take
        self._batches = batches
        self._telling = Bucket(limits.HINTS_TOLD_PER_S, limits.HINTS_TOLD_BURST_COUNT)
        self._writing: WeakKeyDictionary[INetStream, trio.Lock] = WeakKeyDictionary()

    async def stream_handler(self, stream: INetStream) -> None:
        peer = stream.muxed_conn.peer_id
        try:
            await self.continuously_read_stream(stream)
        except FrameFault as fault:
            self._host.guard.blame(str(peer), fault.offence, f"gossip: {fault}")
        except Exception as error:
            self._host.guard.fault(str(peer), error)
        finally:
            await close_stream(stream)
            self._handle_dead_peer(peer)

    async def continuously_read_stream(self, stream: INetStream) -> None:
        """Read until the end, while hints are taken in beside: a flood is noticed by its pace,
        however long the disk takes. Raises FrameFault, or what the stream raises."""
        waiting = _Waiting()
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._take_waiting, waiting)
            try:
                await self._read(stream, waiting)
            except Exception as error:  # bare, not in a group
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _read(self, stream: INetStream, waiting: "_Waiting") -> None:
        peer = stream.muxed_conn.peer_id
        reader = VarintReader(stream, limits.GOSSIP_RPC_MAX_BYTES)
        while (data := await reader.read()) is not None:
            rpc = rpc_pb2.RPC()
            try:
                rpc.ParseFromString(data)
            except (DecodeError, ValueError) as error:
                raise FrameFault(Offence.GARBAGE, str(error)) from None
            self._count(peer)
            if len(rpc.publish) > limits.GOSSIP_RPC_MESSAGES_MAX_COUNT:
                raise FrameFault(Offence.GARBAGE, "too many messages in one envelope")
            self._subscribed(peer, rpc)
            if rpc.HasField("control"):
                await self.router.handle_rpc(_only_our_control(rpc, self.topic), peer)
            for message in rpc.publish:
                self._heard(peer, message, waiting)

    def _subscribed(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        """Note who wants our topic. Raises FrameFault when one wavers, or wants too many."""
        if len(rpc.subscriptions) > limits.GOSSIP_SUBSCRIPTIONS_MAX_COUNT:
            raise FrameFault(Offence.GARBAGE, "subscribes to too many topics")
        for option in rpc.subscriptions:
            if option.topicid != self.topic:
                continue
            if not self._budget(peer).subscriptions.try_pay(1, trio.current_time()):
                raise FrameFault(Offence.FLOOD, "subscriptions")
            self.handle_subscription(peer, option)

    def _count(self, peer: ID) -> PeerBudget:
        """Count one envelope or message. Raises FrameFault when they are a flood."""
        budget = self._budget(peer)
        if not budget.messages_flood.try_pay(1, trio.current_time()):
            raise FrameFault(Offence.FLOOD, "messages")
        return budget

    def _budget(self, peer: ID) -> PeerBudget:
        link = self._host.link(str(peer))
        if link is None:
            raise FrameFault(Offence.SLOW, "gossip after the end")
        return link.budget

    def _heard(self, forwarder: ID, message: rpc_pb2.Message, waiting: "_Waiting") -> None:
        """Judge one message: budget, shape, signature; its records are taken in in their turn."""
        peer, now = str(forwarder), trio.current_time()
        budget = self._count(forwarder)
        if list(message.topicIDs) != [self.topic]:  # we subscribe to no other
            raise FrameFault(Offence.GARBAGE, "topic")
        if not _well_formed(message):
            raise FrameFault(Offence.GARBAGE, "message")
        if self._is_msg_seen(message) or message.from_id == self.my_id.to_bytes():
            return
        if not budget.hints.try_pay(len(message.data), now) or not budget.messages.try_pay(1, now):
            return
        records = self._batches.unpack(message.data)
        if records is None:
            raise FrameFault(Offence.GARBAGE, "payload")
        if not budget.hinted.try_pay(len(records), now):
            raise FrameFault(Offence.FLOOD, "hints")
        if budget.records.pay(len(records), now) > 0 or not waiting.has_room(len(message.data)):
            return
        if not _signed(message):
            self._host.guard.blame(peer, Offence.SIGNATURE, "gossip")
            return
        self._mark_msg_seen(message)
        waiting.put(forwarder, message, records)

    async def _take_waiting(self, waiting: "_Waiting") -> None:
        """Take in hints in the order they came, and pass on those in which no fault was found."""
        async for forwarder, message, records in waiting:
            if await self._take(records, str(forwarder)) and self.may_tell(len(records)):
                await _never_raising(self.router.publish(forwarder, message))

    def may_tell(self, records: int) -> bool:
        """True iff so many records more may be told or passed on as hints now."""
        return self._telling.try_pay(records, trio.current_time())

    async def _handle_new_peer(self, peer_id: ID) -> None:
        await super()._handle_new_peer(peer_id)
        queue = self.peer_queues.get(peer_id)
        if queue is not None:
            queue._queue.max_size = limits.GOSSIP_QUEUE_MAX_COUNT

    async def write_msg(self, stream: INetStream, rpc_msg: rpc_pb2.RPC) -> bool:
        # The router answers beside the queue's own writer: two messages would mingle.
        lock = self._writing.get(stream)
        if lock is None:
            lock = self._writing[stream] = trio.Lock()
        async with lock:
            written = await super().write_msg(stream, rpc_msg)
        link = self._host.link(str(stream.muxed_conn.peer_id))
        alive = link is not None and not link.muxed.event_shutting_down.is_set()
        if not written and link is not None and alive and link.muxed is stream.muxed_conn:
            # The stream broke but not its connection: the peer takes nothing, or does not want to.
            self._host.guard.blame(link.peer, Offence.SLOW, "gossip")
        return written

    def notify_subscriptions(self, publish_message: rpc_pb2.Message) -> None:
        """Nobody reads libp2p's own queue of messages: ours are already taken."""


_Hint = tuple[ID, rpc_pb2.Message, list[RawRecord]]


class _Waiting:
    """Hints of one stream that wait to be taken in; what has no room is left to sync."""

    def __init__(self) -> None:
        self._hints: deque[_Hint] = deque()
        self._bytes = 0
        self._woken = trio.Event()

    def has_room(self, size_bytes: int) -> bool:
        """True iff one of this size may be put."""
        return not self._hints or self._bytes + size_bytes <= limits.HINTS_WAITING_MAX_BYTES

    def put(self, forwarder: ID, message: rpc_pb2.Message, records: list[RawRecord]) -> None:
        """Have it taken in its turn."""
        self._hints.append((forwarder, message, records))
        self._bytes += len(message.data)
        self._woken.set()

    def __aiter__(self) -> "_Waiting":
        return self

    async def __anext__(self) -> _Hint:
        while not self._hints:
            self._woken = trio.Event()
            await self._woken.wait()
        hint = self._hints.popleft()
        self._bytes -= len(hint[1].data)
        return hint


class Gossip:
    """The topic of one community: hears records and tells them."""

    def __init__(self, host: Host, community: bytes, take: Taker, batches: Batches) -> None:
        self.topic = f"wetalk/1/{community.hex()}"
        self._router = _Router(
            protocols=[PROTOCOL_ID_V11],
            degree=limits.GOSSIP_DEGREE_COUNT,
            degree_low=limits.GOSSIP_DEGREE_LOW_COUNT,
            degree_high=limits.GOSSIP_DEGREE_HIGH_COUNT,
            heartbeat_interval=limits.GOSSIP_HEARTBEAT_S,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
            do_px=False,
            prune_back_off=10,
            max_pending_messages_per_peer=1,
        )
        self._pubsub = _Pubsub(host, self._router, self.topic, take, batches)
        self._batches = batches
        self._waiting: list[RawRecord] = []
        self._woken = trio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Serve until left. The host must be running, or about to."""
        async with (
            background_trio_service(self._pubsub),
            background_trio_service(self._router),
            trio.open_nursery() as nursery,
        ):
            await self._pubsub.wait_until_ready()
            await self._pubsub.subscribe(self.topic)
            nursery.start_soon(self._tell_waiting)
            nursery.start_soon(self._trim)
            yield
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        """End what runs beside the event loop: a thread of libp2p, which would stay for ever."""
        self._pubsub.seen_messages.stop()

    def tell(self, records: Sequence[RawRecord]) -> None:
        """Have records told to the neighbours within GOSSIP_DELAY_MAX_S. Never waits."""
        room = limits.GOSSIP_PENDING_MAX_COUNT - len(self._waiting)
        self._waiting.extend(records[: max(0, room)])
        self._woken.set()

    def listeners(self) -> list[str]:
        """Peers that have subscribed to our topic."""
        return [str(peer) for peer in self._pubsub.peer_topics.get(self.topic, ())]

    async def _tell_waiting(self) -> None:
        """What comes after a silence goes at once, what follows waits for company."""
        told_at = -math.inf
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            if len(self._waiting) < limits.FRAME_RECORDS_MAX_COUNT:
                await trio.sleep_until(told_at + limits.GOSSIP_DELAY_MAX_S)
            told_at = trio.current_time()
            records, self._waiting = self._waiting, []
            if not self._pubsub.may_tell(len(records)):
                continue  # sync brings them
            for payload in self._batches.pack(records):
                await _never_raising(self._pubsub.publish(self.topic, payload))
                await self._pace()

    async def _pace(self) -> None:
        """Let full queues drain a little; a neighbour that stays behind misses hints."""
        with trio.move_on_after(0.1):
            while any(
                len(queue) > limits.GOSSIP_QUEUE_MAX_COUNT // 2
                for queue in self._pubsub.peer_queues.values()
            ):
                await trio.sleep(0.005)

    async def _trim(self) -> None:
        while True:
            await trio.sleep(limits.GOSSIP_TRIM_S)
            self._router.recent_message_deliveries.clear()


def _well_formed(message: rpc_pb2.Message) -> bool:
    return (
        0 < len(message.data) <= limits.FRAME_SIZE_MAX_BYTES
        and len(message.seqno) == SEQUENCE_NUMBER_BYTES
        and len(message.signature) == SIGNATURE_BYTES
        and len(message.from_id) <= 64
        and len(message.key) <= 512
    )


def _signed(message: rpc_pb2.Message) -> bool:
    """True iff the message carries a valid signature of the peer it names. Never raises."""
    try:
        return bool(signature_validator(message))
    except Exception:  # malformed keys make it raise whatever the parser of keys raises
        return False


def _only_our_control(rpc: rpc_pb2.RPC, topic: str) -> rpc_pb2.RPC:
    """The control part that concerns our topic: no other topic and no stranger's addresses enter
    libp2p's tables. Raises FrameFault when it names too many messages."""
    control, kept = rpc.control, rpc_pb2.RPC()
    kept.control.SetInParent()
    named = sum(len(item.messageIDs) for item in (*control.ihave, *control.iwant))
    items = len(control.ihave) + len(control.iwant) + len(control.graft) + len(control.prune)
    if named > limits.GOSSIP_CONTROL_MAX_COUNT or items > limits.GOSSIP_RPC_MESSAGES_MAX_COUNT:
        raise FrameFault(Offence.GARBAGE, "too much control")
    kept.control.ihave.extend(item for item in control.ihave if item.topicID == topic)
    kept.control.iwant.extend(control.iwant)
    kept.control.graft.extend(item for item in control.graft if item.topicID == topic)
    for item in control.prune:
        if item.topicID == topic:
            backoff = min(item.backoff, 600)
            kept.control.prune.append(rpc_pb2.ControlPrune(topicID=topic, backoff=backoff))
    return kept


async def _never_raising(doing: Awaitable[Any]) -> None:
    try:
        await doing
    except Exception as error:
        log.debug("gossip: %r", error)
