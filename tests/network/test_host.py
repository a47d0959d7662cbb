"""The host itself: who gets in, what hostile connections get, and that it lives through it all."""

import os
import struct

import pytest
import trio
from libp2p import generate_new_ed25519_identity, new_host
from libp2p.abc import INetStream
from libp2p.peer.peerinfo import PeerInfo
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
from libp2p.stream_muxer.mplex.mplex import MPLEX_PROTOCOL_ID, Mplex

from node.network.addresses import PeerAddress
from node.network.conduct import Ban, Offence
from node.network.guard import ORDINARY
from node.network.host import Host, Link
from node.protocol import limits
from tests.network.lab import LOOPBACK, Attacker, bounded, holds, until

pytestmark = pytest.mark.trio
SLEEPY = "/test/sleepy/1"
BROKEN = "/test/broken/1"


def host(connections_max: int = 64, seed: bytes | None = None) -> Host:
    made = Host(seed or os.urandom(32), connections_max=connections_max)

    async def sleepy(stream: INetStream) -> None:
        await trio.sleep_forever()

    async def broken(stream: INetStream) -> None:
        await stream.read(1)
        async with trio.open_nursery():
            raise RuntimeError("a mistake of ours")

    made.serve(SLEEPY, sleepy)
    made.serve(BROKEN, broken)
    return made


async def serves(victim: Host) -> None:
    """A newcomer connects and gets an answer, soon."""
    newcomer = host()
    with trio.fail_after(2):
        async with newcomer.running(()):
            await newcomer.dial(victim.listening()[0])
            link = newcomer.link(victim.id)
            assert link is not None
            assert await newcomer.ping(link) < 1


async def raw_socket(victim: Host) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", victim.listening()[0].port)


@bounded(10)
async def test_both_internet_protocols_are_listened_on_and_dialling_does_not_dawdle() -> None:
    called, caller = host(), host()
    async with called.running(["/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"]), caller.running(()):
        assert {address.kind for address in called.listening()} == {"ip4", "ip6"}
        for address in called.listening():
            began = trio.current_time()
            await caller.dial(address)
            assert trio.current_time() - began < 0.2  # libp2p's own way waits 0.25 s
            link = caller.link(called.id)
            assert link is not None
            assert link.host == address.host
            caller.cut(called.id)
            await until(lambda: not caller.links() and not called.links())


@bounded(10)
async def test_plaintext_and_other_muxers_are_not_offered() -> None:
    victim = host()
    pair = generate_new_ed25519_identity()
    plain = new_host(
        key_pair=pair,
        sec_opt={PLAINTEXT_PROTOCOL_ID: InsecureTransport(local_key_pair=pair)},
        transports=None,
    )
    mplex = new_host(muxer_opt={MPLEX_PROTOCOL_ID: Mplex})
    async with victim.running(LOOPBACK), plain.run([]), mplex.run([]):
        to = PeerInfo(victim.basic.get_id(), victim.basic.get_transport_addrs())
        for stranger in (plain, mplex):
            with pytest.raises(Exception, match="unable to connect"):
                await stranger.connect(to)
        assert victim.links() == []
        await serves(victim)


@bounded(10)
async def test_identify_tells_nothing_of_the_house() -> None:
    shy = host()
    async with shy.running(["/ip4/0.0.0.0/tcp/0"]):
        assert shy.basic.get_addrs() == []


@bounded(20)
async def test_a_closed_connection_frees_its_place() -> None:
    """libp2p keeps places taken for ever: after some days a relay would let nobody in."""
    victim = host(connections_max=4)
    async with victim.running(LOOPBACK):
        for _ in range(8):
            await serves(victim)
            await until(lambda: not victim.links() and not victim.swarm.connections)


@bounded(10)
async def test_a_stranger_that_has_left_is_forgotten() -> None:
    victim, stranger = host(), host()
    known = victim.basic.peerstore
    async with victim.running(LOOPBACK):
        async with stranger.running(LOOPBACK):
            await stranger.dial(victim.listening()[0])
            await until(lambda: victim.basic._identified_peers)
            assert stranger.basic.get_id() in known.peer_ids()
        await until(lambda: not victim.links())
        assert stranger.basic.get_id() not in known.peer_ids()


@bounded(10)
async def test_libp2p_dials_nobody_by_itself() -> None:
    victim, other = host(), host()
    async with victim.running(LOOPBACK), other.running(LOOPBACK):
        info = PeerInfo(other.basic.get_id(), other.basic.get_transport_addrs())
        victim.basic.peerstore.add_addrs(info.peer_id, info.addrs, 3_600)
        connector = victim.swarm.auto_connector
        await connector.maybe_connect()
        with pytest.raises(ORDINARY):
            await victim.basic.connect(info)
        with pytest.raises(ORDINARY):
            await victim.basic.new_stream(info.peer_id, ["/test/any"])
        await trio.sleep(0.2)
        assert victim.links() == other.links() == []
        assert not connector._last_connect_attempt


@bounded(10)
async def test_places_are_kept_for_those_we_dial() -> None:
    victim, friend = host(connections_max=4), host()
    strangers = [host() for _ in range(5)]
    async with victim.running(LOOPBACK), friend.running(LOOPBACK), trio.open_nursery() as nursery:
        for stranger in strangers:
            await nursery.start(_keep_running, stranger)
            with trio.move_on_after(1):
                try:
                    await stranger.dial(victim.listening()[0])
                except ORDINARY:
                    pass
        assert len(victim.links()) == 3
        await victim.dial(friend.listening()[0])
        assert victim.link(friend.id) is not None
        nursery.cancel_scope.cancel()


async def _keep_running(one: Host, task_status: trio.TaskStatus[None]) -> None:
    async with one.running(()):
        task_status.started()
        await trio.sleep_forever()


@bounded(10)
async def test_two_that_dial_each_other_at_once_keep_the_same_connection() -> None:
    one, two = host(), host()
    async with one.running(LOOPBACK), two.running(LOOPBACK):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_dial_anyhow, one, two.listening()[0])
            nursery.start_soon(_dial_anyhow, two, one.listening()[0])
        await until(lambda: [len(h.swarm.get_connections()) for h in (one, two)] == [1, 1])
        await holds(lambda: one.link(two.id) and two.link(one.id), 0.3)
        link, back = one.link(two.id), two.link(one.id)
        assert link is not None
        assert back is not None
        assert link.dialled != back.dialled
        assert await one.ping(link) < 1


async def _dial_anyhow(caller: Host, address: PeerAddress) -> None:
    try:
        await caller.dial(address)
    except ORDINARY:
        pass


@bounded(10)
async def test_a_peer_that_has_come_back_is_believed_to_be_the_living_one() -> None:
    victim, seed = host(), os.urandom(32)
    before, after = host(seed=seed), host(seed=seed)
    gone: list[Link] = []
    victim.listen_for_links(lambda link: None, gone.append)
    async with victim.running(LOOPBACK), before.running(()), after.running(()):
        await before.dial(victim.listening()[0])
        await until(lambda: victim.link(before.id))
        old = victim.link(before.id)
        assert old is not None
        old.since -= 60
        await after.dial(victim.listening()[0])
        await until(lambda: gone == [old])
        new = victim.link(after.id)
        assert new is not None
        assert await victim.ping(new) < 1


@bounded(10)
async def test_a_banned_peer_gets_in_no_more_after_a_restart_either() -> None:
    ban: list[Ban] = []

    class Bans:
        def load(self) -> list[Ban]:
            return list(ban)

        def save(self, one: Ban) -> None:
            ban.append(one)

    villain = host()
    async with villain.running(()):
        for restart in range(2):
            victim = Host(os.urandom(32), connections_max=16, bans=Bans())
            async with victim.running(LOOPBACK):
                if restart == 0:
                    await villain.dial(victim.listening()[0])
                    await until(lambda here=victim: here.link(villain.id))
                    victim.guard.blame(villain.id, Offence.GARBAGE)
                    await until(lambda here=victim: here.link(villain.id) is None)
                with pytest.raises(ORDINARY):
                    await villain.dial(victim.listening()[0])
                assert victim.link(villain.id) is None
                await serves(victim)
    assert [one.peer for one in ban] == [villain.id]


@bounded(20)
async def test_raw_garbage_silent_sockets_and_broken_handshakes_do_no_harm() -> None:
    victim = host()
    async with victim.running(LOOPBACK):
        for _ in range(10):
            socket = await raw_socket(victim)
            await socket.send_all(os.urandom(2_000))
            await socket.aclose()
        noise = await raw_socket(victim)
        await noise.send_all(b"\x13/multistream/1.0.0\n\x07/noise\n" + os.urandom(5_000))
        silent = [await raw_socket(victim) for _ in range(20)]
        await serves(victim)
        for socket in [noise, *silent]:
            await socket.aclose()
        await until(lambda: victim._arrivals._handshakes == 0)


@bounded(10)
async def test_silent_sockets_are_closed_and_free_their_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_MAX_S", 2)
    victim = host()
    async with victim.running(LOOPBACK):
        most = limits.HANDSHAKES_PER_ADDRESS_MAX_COUNT
        crowd = [await raw_socket(victim) for _ in range(most + 8)]
        await until(lambda: victim._arrivals._handshakes == most, 2)
        await until(lambda: victim._arrivals._handshakes == 0, 6)
        await serves(victim)
        for socket in crowd:
            await socket.aclose()


@bounded(10)
async def test_a_mistake_of_ours_in_a_handler_ends_the_stream_and_not_the_node() -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        stream = await attacker.open(BROKEN)
        await stream.write(b"x")
        with pytest.raises(ORDINARY):
            await stream.read(1)
        assert attacker.connected()
        assert victim.guard.conduct.counts(attacker.host.id) == {Offence.FAULT: 1}
        await serves(victim)


def _yamux_frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
    return struct.pack("!BBHII", 0, kind, flags, stream, len(data)) + data


@bounded(20)
async def test_who_ignores_the_receive_window_is_thrown_out_before_it_costs_memory() -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        stream = await attacker.open(SLEEPY)
        number = stream.muxed_stream.stream_id
        back = victim.link(attacker.host.id)
        assert back is not None
        ours, theirs, most = attacker.link.muxed, back.muxed, 0
        with trio.move_on_after(5):
            try:
                while attacker.connected():
                    await ours._write_frame(_yamux_frame(0, 0, number, bytes(60_000)))
                    most = max(most, sum(map(len, theirs.stream_buffers.values())))
            except ORDINARY:
                pass
        await attacker.is_thrown_out()
        assert most <= limits.CONNECTION_UNREAD_MAX_BYTES
        await serves(victim)


@bounded(10)
async def test_a_huge_data_frame_is_refused_by_its_header_alone() -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        stream = await attacker.open(SLEEPY)
        header = struct.pack("!BBHII", 0, 0, 0, stream.muxed_stream.stream_id, 1 << 30)
        await attacker.link.muxed._write_frame(header)
        await until(lambda: not attacker.connected())
        await serves(victim)


@bounded(10)
async def test_unknown_frames_and_streams_do_no_harm() -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        for frame in (_yamux_frame(0, 0, 9_999, b"hello"), _yamux_frame(9, 7, 3, b"")):
            await attacker.link.muxed._write_frame(frame)
        for protocol in ("/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"):
            stream = await attacker.open(protocol)
            await stream.write(b"\x28" + os.urandom(40))
            await stream.close()
        await serves(victim)


@bounded(15)
async def test_a_flood_of_streams_is_cut_off() -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        with trio.move_on_after(5):
            try:
                for _ in range(300):
                    await attacker.open(SLEEPY)
            except ORDINARY:
                pass
        await attacker.is_thrown_out()
        assert Offence.STREAMS in victim.guard.conduct.counts(attacker.host.id)
        await serves(victim)


@bounded(15)
async def test_a_flood_of_empty_frames_is_cut_off_within_seconds() -> None:
    victim, attacker = host(), Attacker()
    async with victim.running(LOOPBACK), attacker.attacking(victim):
        ping = struct.pack("!BBHII", 0, 2, 2, 0, 0)  # answers to pings nobody sent
        muxed = attacker.link.muxed
        with trio.move_on_after(10):
            try:
                while attacker.connected():
                    await muxed._write_frame(ping * 4_000)
            except ORDINARY:
                pass
        await attacker.is_thrown_out(1)
        await serves(victim)


@bounded(10)
async def test_many_pings_leave_no_streams_behind() -> None:
    one, two = host(), host()
    async with one.running(LOOPBACK), two.running(()):
        await two.dial(one.listening()[0])
        await until(lambda: one.link(two.id))
        link, back = two.link(one.id), one.link(two.id)
        assert link is not None
        assert back is not None
        for _ in range(60):
            await two.ping(link)
        await until(lambda: len(link.muxed.streams) + len(back.muxed.streams) == 0)
        assert two.guard.conduct.counts(one.id) == one.guard.conduct.counts(two.id) == {}


@bounded(10)
async def test_dialling_a_closed_door_fails_at_once_and_may_be_tried_again_at_once() -> None:
    caller, called = host(), host()
    async with caller.running(()):
        async with called.running(LOOPBACK):
            door = called.listening()[0]
        for _ in range(3):
            began = trio.current_time()
            with pytest.raises(ORDINARY):
                await caller.dial(door)
            assert trio.current_time() - began < 0.5
        again = Host(os.urandom(32), connections_max=8)
        async with again.running([f"/ip4/127.0.0.1/tcp/{door.port}"]):
            await caller.dial(again.listening()[0])
            with pytest.raises(ORDINARY):  # another peer behind the door is not let pass for it
                await caller.dial(door)


@bounded(10)
async def test_names_are_resolved_by_the_system() -> None:
    caller, called = host(), host()
    async with called.running(LOOPBACK), caller.running(()):
        door = called.listening()[0]
        await caller.dial(PeerAddress(called.id, "dns4", "localhost", door.port))
        assert caller.link(called.id) is not None
        with pytest.raises(ORDINARY):
            await caller.dial(PeerAddress(caller.id, "dns4", "nowhere.invalid", door.port))


@bounded(10)
async def test_stopping_takes_no_longer_than_it_must() -> None:
    one, two = host(), host()
    async with one.running(LOOPBACK):
        async with two.running(()):
            await two.dial(one.listening()[0])
            stopping = trio.current_time()
        assert trio.current_time() - stopping < 1
        await until(lambda: not one.links(), 1)
