"""What a host does for any other: ping, identify, the choice of protocols, and no more of them than
anybody needs."""

import contextlib
from collections.abc import Awaitable, Callable

import pytest
import trio
from libp2p.abc import INetStream, IPeerStore
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError

from node.network.conduct import Offence
from node.network.courtesy import IDENTIFY, PING, PUSH
from node.network.guard import ORDINARY, Handler
from node.protocol import limits
from tests.network.lab import LOOPBACK, Attacker, bounded, prefixed, until
from tests.network.test_host import _yamux_frame, host, raw_socket, serves

pytestmark = pytest.mark.trio


async def _small_pings(attacker: Attacker) -> None:
    stream = await attacker.open(PING)
    number = stream.muxed_stream.stream_id
    while True:
        await attacker.link.muxed._write_frame(_yamux_frame(0, 0, number, bytes(32)) * 20)


async def _muxer_pings(attacker: Attacker) -> None:
    while True:
        await attacker.link.muxed._write_frame(_yamux_frame(2, 1, 0, b"") * 50)


async def _streams_again(attacker: Attacker) -> None:
    """Opens a stream that is there already: each time it is refused."""
    while True:
        await attacker.link.muxed._write_frame(_yamux_frame(1, 1, 1_001, b"") * 50)


async def _identify(attacker: Attacker) -> None:
    while True:
        stream = await attacker.open(IDENTIFY)
        await stream.read(1)
        await stream.reset()


async def _introductions(attacker: Attacker) -> None:
    while True:
        stream = await attacker.open(PUSH)
        await stream.write(prefixed(b""))
        await stream.close()


FLOODS = {
    "pings": _small_pings,
    "pings of the muxer": _muxer_pings,
    "streams that are open": _streams_again,
    "asking who it is": _identify,
    "saying who one is": _introductions,
}


@pytest.mark.parametrize("flood", FLOODS)
@bounded(30)
async def test_a_flood_of_small_courtesies_is_cut_off(flood: str) -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim), trio.open_nursery() as nursery:
        nursery.start_soon(_anyhow, FLOODS[flood], attacker)
        await attacker.is_thrown_out(20)
        assert victim.guard.conduct.counts(attacker.host.id)[Offence.FLOOD] >= 1
        nursery.cancel_scope.cancel()
        await serves(victim)


async def _anyhow(flood: Callable[[Attacker], Awaitable[None]], attacker: Attacker) -> None:
    try:
        await flood(attacker)
    except (*ORDINARY, AssertionError):
        pass


@pytest.mark.parametrize("before_the_handshake", [True, False])
@bounded(10)
async def test_who_names_protocols_without_end_is_listened_to_for_a_few(
    before_the_handshake: bool,
) -> None:
    victim, attacker = host(), Attacker()
    names = b"\x13/multistream/1.0.0\n" + b"\x08/no/any\n" * 1_000
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        heard = bytearray()
        if before_the_handshake:
            socket = await raw_socket(victim)
            await _exchange(socket.send_all, socket.receive_some, names, heard)
        else:
            stream = await attacker.link.conn.muxed_conn.open_stream()
            await _exchange(stream.write, stream.read, names, heard)
        assert heard.count(b"na\n") <= limits.PROTOCOLS_NAMED_MAX_COUNT
        assert attacker.connected()
        await serves(victim)


async def _exchange(
    write: Callable[[bytes], Awaitable[object]],
    read: Callable[[int], Awaitable[bytes | bytearray]],
    said: bytes,
    heard: bytearray,
) -> None:
    """Say it, and hear what comes back until the other side ends it."""
    with contextlib.suppress(*ORDINARY):
        await write(said)
        while data := await read(1_000):
            heard += data


@bounded(10)
async def test_of_what_a_peer_says_of_itself_little_is_read_and_less_kept() -> None:
    victim, liar, braggart = host(), Attacker(), Attacker()
    long = Identify(listen_addrs=[b"\x04\xc0\x00\x02\x01\x06\x00\x01"] * 5_000)
    proud = Identify(
        protocols=[f"/{n}" for n in range(200)], listen_addrs=[b"\x04\x7f\x00\x00\x01"]
    )
    for one, said in ((liar, long), (braggart, proud)):
        one.host.serve(IDENTIFY, _saying(prefixed(said.SerializeToString())))
    store = victim.basic.peerstore
    async with victim.running(LOOPBACK), liar.attacking(victim), braggart.attacking(victim):
        peers = [one.host.basic.get_id() for one in (liar, braggart)]
        await until(lambda: peers[1] in victim.basic._identified_peers)
        assert len(store.get_protocols(peers[1])) == limits.PROTOCOLS_KEPT_MAX_COUNT
        await until(lambda: victim.guard.conduct.counts(liar.host.id))
        assert peers[0] not in victim.basic._identified_peers
        assert all(not _addresses(store, peer) for peer in peers)


def _saying(data: bytes) -> Handler:
    async def handler(stream: INetStream) -> None:
        await stream.write(data)
        await stream.close()

    return handler


def _addresses(store: IPeerStore, peer: ID) -> list[object]:
    try:
        return list(store.addrs(peer))
    except PeerStoreError:
        return []
