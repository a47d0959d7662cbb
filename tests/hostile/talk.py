"""Attacks in WeTalk's own words: gossip, sync, and records good and bad."""

import os
import zlib
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, cycle, islice

import trio
from libp2p.abc import INetStream
from libp2p.pubsub.pb import rpc_pb2

from node.network.frames import FrameReader, framed
from node.network.sync import PROTOCOL
from node.protocol import hints, limits, messages
from node.protocol.crypto import sha256
from node.protocol.frames import BatchEncoder
from node.protocol.greeting import Settings, greet
from node.protocol.identity import Lane
from node.protocol.messages import Hello, Idle, Message, Ranges, Records, Split, Want
from node.protocol.reconcile import PASS
from node.protocol.record import RawRecord
from node.protocol.social import PostPut
from node.services.homes.generated import GeneratedMember, generated_member
from tests.hostile.arm import SEED, TIME_MS, Line, introduced
from tests.hostile.muxed import ACK, PING, header
from tests.network.lab import MESHSUB, enveloped, prefixed, record

BATCH_COUNT = 64
READY_COUNT = 64  # batches made before an attack begins
SUBSCRIPTIONS_COUNT = 20_000
TRICKLE_S = 2.0
PIECES_COUNT = 16

# --- gossip ---------------------------------------------------------------------------------------


def _prefixed(rpc: rpc_pb2.RPC) -> bytes:
    return prefixed(rpc.SerializeToString())


def _subscribing(*topics: tuple[str, bool]) -> bytes:
    options = [rpc_pb2.RPC.SubOpts(subscribe=wanted, topicid=topic) for topic, wanted in topics]
    return _prefixed(rpc_pb2.RPC(subscriptions=options))


async def gossip_garbage(line: Line) -> None:
    """Random bytes on the gossip stream."""
    await line.arm.send(await line.open(MESHSUB), prefixed(os.urandom(40)))


async def oversize_gossip(line: Line) -> None:
    """An envelope that says it has four megabytes."""
    await line.arm.send(await line.open(MESHSUB), b"\x80\x80\x80\x02" + bytes(100_000))


async def subscriptions(line: Line) -> None:
    """Subscriptions to topics that there are not, tens of thousands an envelope."""
    stream = await line.open(MESHSUB)
    data = _subscribing(*[(f"t{n}", True) for n in range(SUBSCRIPTIONS_COUNT)])
    while True:
        await line.arm.send(stream, data)


async def wavering(line: Line) -> None:
    """Subscribes and leaves, again and again."""
    stream = await line.open(MESHSUB)
    topic = line.arm.aim.topic
    data = _subscribing((topic, True)) + _subscribing((topic, False))
    while True:
        await line.arm.send(stream, data * 100)


async def control(line: Line) -> None:
    """Grafts, prunes, and asking for messages that there are not."""
    stream, topic = await line.open(MESHSUB), line.arm.aim.topic
    rpc = rpc_pb2.RPC()
    rpc.control.graft.add(topicID=topic)
    rpc.control.prune.add(topicID=topic, backoff=1 << 40)
    rpc.control.ihave.add(topicID=topic, messageIDs=["x" * 60] * 2_000)
    rpc.control.iwant.add(messageIDs=["y" * 60] * 2_000)
    data = _subscribing((topic, True)) + _prefixed(rpc)
    while True:
        await line.arm.send(stream, data)


async def unsigned(line: Line) -> None:
    """Messages with signatures that do not verify."""
    stream, payload = await line.open(MESHSUB), hints.pack([record()])[0]
    for number in count():
        await line.arm.send(stream, enveloped(line.unsigned(payload, number)))


async def repeats(line: Line) -> None:
    """One good message, told for ever."""
    stream = await line.open(MESHSUB)
    member = next(line.arm.members())
    message = line.signed(hints.pack(introduced(member))[0], 1)
    while True:
        await line.arm.send(stream, enveloped(*[message] * 100))


async def _told(line: Line, batches: Iterator[list[RawRecord]]) -> None:
    """Tells what was made ready before, over and over if need be."""

    def ready() -> list[bytes]:
        return [payload for batch in batches for payload in hints.pack(batch)]

    payloads = await trio.to_thread.run_sync(ready)
    stream = await line.open(MESHSUB)
    line.arm.begin()
    for number, payload in enumerate(cycle(payloads)):
        await line.tell(stream, payload, number)


async def shapeless(line: Line) -> None:
    """Signed messages full of records that are none."""
    await _told(line, ([record(n, 300)] * BATCH_COUNT for n in range(READY_COUNT)))


async def forged(line: Line) -> None:
    """Records whose signatures are of somebody else."""
    await _told(line, ([_forged(raw) for raw in batch] for batch in _strangers(line)))


def _forged(raw: RawRecord) -> RawRecord:
    return RawRecord(raw.header, raw.body, os.urandom(32) + raw.signature[32:])


async def oversize_records(line: Line) -> None:
    """Records with bodies as large as a message may be."""
    await _told(line, ([_swollen(batch[0])] for batch in _strangers(line)))


def _swollen(raw: RawRecord) -> RawRecord:
    return RawRecord(raw.header, os.urandom(limits.BODY_SIZE_MAX_BYTES), raw.signature)


async def strangers(line: Line) -> None:
    """People without end, each of whom says nothing but who they are: every record is good."""
    await _told(line, _strangers(line))


def _strangers(line: Line) -> Iterator[list[RawRecord]]:
    members = line.arm.members()
    for _ in range(READY_COUNT):
        yield [raw for member in islice(members, BATCH_COUNT // 2) for raw in introduced(member)]


async def strangers_lanes(line: Line) -> None:
    """People without end who open every lane and talk at once, admitted by nobody."""
    members = line.arm.members()
    crowds = (islice(members, 5) for _ in range(READY_COUNT))
    await _told(line, ([raw for one in crowd for raw in _busy(one)] for crowd in crowds))


def _busy(member: GeneratedMember) -> list[RawRecord]:
    first = introduced(member)
    lanes = (Lane.SOCIAL, Lane.MARKET, Lane.OFFICE)
    return [*first, *(member.open(lane, TIME_MS) for lane in lanes), *posts(member, 8)]


async def member_posts(line: Line) -> None:
    """A member whom the community has admitted, who talks without end: every record is good."""
    bad = villain(line.arm.number, line.arm)
    await _told(line, (posts(bad, BATCH_COUNT) for _ in range(2 * READY_COUNT)))


def villain(number: int, arm: object) -> GeneratedMember:
    """The admitted member whose keys this arm has; nothing but the opening is signed yet."""
    member = generated_member(SEED, f"villain {number}", arm.community)
    opening(member)
    return member


def opening(member: GeneratedMember) -> list[RawRecord]:
    """What has to be held before a member can talk."""
    return [*introduced(member), member.open(Lane.SOCIAL, TIME_MS)]


def posts(member: GeneratedMember, number: int) -> list[RawRecord]:
    """The next posts of a member."""
    return [_post(member) for _ in range(number)]


def _post(member: GeneratedMember) -> RawRecord:
    body = PostPut(
        language="en", reply_to=None, room="noise", salt=os.urandom(16), text="buy " * 40
    )
    return member.sign("post.put", body, TIME_MS)[1]


# --- sync -----------------------------------------------------------------------------------------


class Talk:
    """A conversation that begins as it should."""

    def __init__(self, line: Line, stream: INetStream) -> None:
        self.line = line
        self.stream = stream
        self.reader = FrameReader(stream, limits.FRAME_SIZE_MAX_BYTES)

    async def say(self, message: Message) -> None:
        """Send a message."""
        await self.line.arm.send(self.stream, framed(messages.encode(message)))

    async def hear(self) -> Message | None:
        """The next message of the node."""
        frame = await self.reader.read()
        return None if frame is None else messages.decode(frame)


def greeted(act: Callable[[Talk], Awaitable[None]]) -> Callable[[Line], Awaitable[None]]:
    """An attack that begins after a greeting."""

    async def run(line: Line) -> None:
        talk = Talk(line, await line.open(PROTOCOL))
        await talk.say(greet(line.arm.community, Settings(), os.urandom(16), sha256()[:16]))
        await act(talk)

    return run


async def sync_garbage(line: Line) -> None:
    """Random bytes on the stream of sync."""
    await line.arm.send(await line.open(PROTOCOL), framed(b"\0" + os.urandom(3_000)))


async def sync_oversize(line: Line) -> None:
    """A frame that says it has four gigabytes."""
    await line.arm.send(await line.open(PROTOCOL), b"\xff\xff\xff\xff" + bytes(60_000))


async def bomb(line: Line) -> None:
    """A few kilobytes that unpack to fifty megabytes."""
    packed = zlib.compress(bytes(50_000_000), 9)
    await line.arm.send(await line.open(PROTOCOL), framed(b"\x01" + packed))


@greeted
async def small_frames(talk: Talk) -> None:
    """Signs of life, as many as the line takes."""
    data = framed(messages.encode(Idle())) * 2_000
    while True:
        await talk.line.arm.send(talk.stream, data)


@greeted
async def unasked_records(talk: Talk) -> None:
    """Records that nobody asked for, without any credit."""
    encoder = BatchEncoder(talk.line.arm.community)
    for batch in _strangers(talk.line):
        await talk.say(Records(9, [], encoder.encode(batch)))


@greeted
async def endless_rounds(talk: Talk) -> None:
    """Answers that always cut the whole range anew, so that no round comes to an end."""
    opening = Ranges(0, PASS, [Split([b"", b""], os.urandom(16))], [], [], b"")
    said = False
    while True:
        heard = await talk.hear()
        if isinstance(heard, Hello) and not said:
            said = True
            await talk.say(opening)
        elif isinstance(heard, Ranges):
            await talk.say(Ranges(heard.round, PASS, [_all_different()], [], [], b""))


def _all_different() -> Split:
    bounds = [b"", *(bytes((16 * n,)) for n in range(1, PIECES_COUNT)), b""]
    return Split(bounds, os.urandom(16 * PIECES_COUNT))


@greeted
async def circling_rounds(talk: Talk) -> None:
    """Rounds that begin again and again before the last one has ended."""
    for number in count():
        await talk.say(Ranges(2 * number, PASS, [_all_different()], [], [], b""))


@greeted
async def endless_wants(talk: Talk) -> None:
    """Questions that always say that there is more to come."""
    while True:
        await talk.say(Want(0, True, [], os.urandom(32 * 200)))


async def never_reads(line: Line) -> None:
    """Says now and then that it lives, and takes nothing of what it is sent."""
    muxed = line.link.muxed

    async def take_nothing(n: int | None = None) -> bytes:
        del n
        await trio.sleep_forever()
        return b""

    muxed.secured_conn.read = take_nothing
    while True:
        await line.frame(header(PING, ACK, 0, 0))
        await trio.sleep(1)


async def trickled_sync(line: Line) -> None:
    """A frame of sync, a byte every two seconds."""
    await trickle(line, PROTOCOL, framed(bytes(1_000)))


async def trickled_gossip(line: Line) -> None:
    """An envelope of gossip, a byte every two seconds."""
    await trickle(line, MESHSUB, prefixed(bytes(1_000)))


async def trickle(line: Line, protocol: str, data: bytes) -> None:
    """These bytes on a stream of this protocol, one every two seconds."""
    stream = await line.open(protocol)
    for byte in data:
        await line.arm.send(stream, bytes((byte,)))
        await trio.sleep(TRICKLE_S)


async def comes_again(line: Line) -> None:
    """Greets, is told everything, leaves, and comes again at once."""
    while True:
        talk = Talk(line, await line.open(PROTOCOL))
        await talk.say(greet(line.arm.community, Settings(), os.urandom(16), sha256()[:16]))
        await talk.say(Ranges(0, PASS, [_all_different()], [], [], b""))
        for _ in range(3):
            await talk.hear()
        await talk.stream.reset()
