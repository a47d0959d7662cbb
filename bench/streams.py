"""How many bytes a stream on loopback carries between two processes: plain TCP, and libp2p.

The libp2p stream is that of the node's own hardened host: Noise, Yamux, guards. Only its budget
for a peer's bytes is lifted, which would slow a stranger down long before the line does. Frames
have the size that sync uses. The other process runs `python -m bench.streams`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import trio

from bench import alone
from node.protocol import limits

FRAME_BYTES: Final = limits.FRAME_TARGET_BYTES
TCP_BYTES: Final = 512 * 1_048_576
LIBP2P_BYTES: Final = 64 * 1_048_576
PROTOCOL: Final = "/wetalk-bench/stream/1"
LISTEN: Final = "/ip4/127.0.0.1/tcp/0"
DONE: Final = b"."
MOST_S: Final = 120.0
MB: Final = 1_000_000


def tcp_mb_per_s(size: int = TCP_BYTES) -> float:
    """MB (10^6 bytes) a second that trio's plain TCP carries in frames of 64 KiB."""
    with _other("tcp", size) as address:
        return trio.run(_send_tcp, int(address), size)


def libp2p_mb_per_s(size: int = LIBP2P_BYTES) -> float:
    """MB (10^6 bytes) a second that a stream of the node's own libp2p host carries."""
    with _other("libp2p", size) as address:
        return trio.run(_send_libp2p, address, size)


@contextmanager
def _other(kind: str, size: int) -> Generator[str]:
    """The receiving process; gives where it listens."""
    words = [sys.executable, "-m", "bench.streams", kind, str(size)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=alone.environment()) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().decode().strip()
            assert address, "the other process has ended"
            yield address
        finally:
            process.kill()


async def _send_tcp(port: int, size: int) -> float:
    with trio.fail_after(MOST_S):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            frame, began = bytes(FRAME_BYTES), time.perf_counter()
            for _ in range(size // FRAME_BYTES):
                await stream.send_all(frame)
            assert await stream.receive_some(1) == DONE
            return size / MB / (time.perf_counter() - began)


async def _receive_tcp(size: int) -> None:
    async def take(stream: trio.SocketStream) -> None:
        left = size
        while left > 0:
            data = await stream.receive_some(FRAME_BYTES)
            assert data, "broken off"
            left -= len(data)
        await stream.send_all(DONE)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    print(listener.socket.getsockname()[1], flush=True)
    await trio.serve_listeners(take, [listener])


UNBOUNDED: Final = (
    *("PEER_BYTES_PER_S", "PEER_BYTES_BURST_BYTES"),
    *("PEER_SEGMENTS_PER_S", "PEER_SEGMENTS_BURST_COUNT"),
)


@contextmanager
def _host() -> Generator[Any]:
    """The node's host, without a budget for bytes. The budget is back afterwards: whoever measures
    in a process goes on in it."""
    from node.network.host import Host

    usual = {name: getattr(limits, name) for name in UNBOUNDED}
    for name in UNBOUNDED:
        setattr(limits, name, 2**40)
    try:
        yield Host(os.urandom(32), connections_max=8)
    finally:
        for name, value in usual.items():
            setattr(limits, name, value)


async def _send_libp2p(address: str, size: int) -> float:
    from node.network.addresses import parse_given

    target = parse_given(address)
    with _host() as host, trio.fail_after(MOST_S):
        async with host.running((LISTEN,)):
            await host.dial(target)
            link = host.link(target.peer)
            assert link is not None
            stream = await host.open_stream(link, PROTOCOL)
            frame, began = bytes(FRAME_BYTES), time.perf_counter()
            for _ in range(size // FRAME_BYTES):
                await stream.write(frame)
            assert await stream.read(1) == DONE
            return size / MB / (time.perf_counter() - began)


async def _receive_libp2p(size: int) -> None:
    async def take(stream: Any) -> None:
        left = size
        while left > 0:
            left -= len(await stream.read(FRAME_BYTES))
        await stream.write(DONE)

    with _host() as host:
        host.serve(PROTOCOL, take)
        async with host.running((LISTEN,)):
            print(host.listening()[0].text, flush=True)
            await trio.sleep_forever()


if __name__ == "__main__":
    alone.end_with_parent()
    trio.run({"tcp": _receive_tcp, "libp2p": _receive_libp2p}[sys.argv[1]], int(sys.argv[2]))
