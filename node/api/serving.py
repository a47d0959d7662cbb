"""Serving an ASGI app on one socket, with hypercorn's HTTP/1.1 on trio.

Rules: without TLS only 127.0.0.1; the socket is bound before anything is served, so that a taken
port is told plainly. A client that takes nothing is dropped: hypercorn shields its writes from
being cancelled, so time is kept inside the stream, where the shield does not reach. Stopping is
bounded: requests under way get API_STOP_MAX_S, then every connection is closed.
"""

# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportArgumentType=false
# The stubs of trio that come with libp2p do not know their own types.

import errno
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from node.protocol import limits
from node.protocol.errors import LocalFault

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
BACKLOG_COUNT: Final = 128
_LISTENING: Final = "0A"  # a state in /proc/net/tcp


def bind(port: int, address: str = LOOPBACK) -> socket.socket:
    """A listening socket, on the loopback address unless told otherwise; port 0 takes any.

    Raises LocalFault `port-taken` (values: port, program), `port-refused`.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        # A port whose last connections are still closing is free; one that is listened on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG_COUNT)
        listener.setblocking(False)
    except OSError as problem:
        listener.close()
        if problem.errno == errno.EADDRINUSE:
            holder = holder_of(port)
            if holder is None:
                raise LocalFault("port-taken", port=port) from None
            raise LocalFault("port-taken-by", port=port, program=holder) from None
        raise LocalFault("port-refused", problem.strerror or "", port=port) from None
    return listener


def holder_of(port: int) -> str | None:
    """The program of this user that listens on a port (`name, process 123`), where Linux tells."""
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        wanted = {
            f"socket:[{field[9]}]"
            for field in fields
            if field[3] == _LISTENING and int(field[1].rpartition(":")[2], 16) == port
        }
        for process in (path for path in Path("/proc").iterdir() if path.name.isdigit()):
            if _holds(process, wanted):
                name = (process / "comm").read_text().strip()
                return f"{name}, process {process.name}"
    except (OSError, ValueError, IndexError):
        return None
    return None


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in sockets for link in (process / "fd").iterdir())
    except OSError:  # somebody else's process, or gone meanwhile
        return False


class PatientStream:
    """A connection whose writes end in time, whatever shields them."""

    def __init__(self, inner: trio.SocketStream) -> None:
        self._inner = inner
        self.socket = inner.socket

    async def receive_some(self, size: int | None = None) -> bytes | bytearray:
        return await self._inner.receive_some(size)

    async def send_all(self, data: bytes) -> None:
        try:
            with trio.fail_after(limits.RESPONSE_WRITE_MAX_S):
                await self._inner.send_all(data)
        except trio.TooSlowError:
            self.drop()
            raise trio.BrokenResourceError("the client takes nothing") from None
        except trio.BusyResourceError:  # writes take turns, so this is the end being written
            raise trio.BrokenResourceError("closing") from None

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def drop(self) -> None:
        """Close at once: pending reads and writes end."""
        self.socket.close()


class Connection(TCPServer):
    """One connection. It ends when its client has gone, without waiting for a next request.

    Hypercorn would wait for the whole idle time where the client closes before the answer is done.
    """

    _gone = False

    async def _read_data(self) -> None:
        await super()._read_data()
        self._gone = True
        await self.idle_task.stop()

    async def _idle_timeout(self) -> None:
        if not self._gone:
            await super()._idle_timeout()


class Server:
    """Serves one app until told to stop."""

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        listener: socket.socket,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        assert tls is not None or listener.getsockname()[0] == LOOPBACK
        self._tls = tls
        self._app: Any = ASGIWrapper(app)  # type: ignore[arg-type]
        self._listener = listener
        self._config = _config()
        self._context = WorkerContext(None)
        self._room = trio.Semaphore(limits.API_CONNECTIONS_MAX_COUNT)
        self._streams: set[PatientStream] = set()
        self._stop = trio.Event()
        self.port: int = listener.getsockname()[1]

    async def run(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`, then let requests end and close every connection."""
        async with trio.open_nursery() as connections:
            try:
                async with trio.open_nursery() as accepting:
                    listeners = [
                        trio.SocketListener(trio.socket.from_stdlib_socket(self._listener))
                    ]
                    start = partial(
                        trio.serve_listeners,
                        self._serve,
                        listeners,
                        handler_nursery=connections,
                    )
                    await accepting.start(start)
                    task_status.started()
                    await self._stop.wait()
                    accepting.cancel_scope.cancel()
            finally:
                await self._end(connections)

    def stop(self) -> None:
        """End serving. May be called more than once."""
        self._stop.set()

    async def _end(self, connections: trio.Nursery) -> None:
        with trio.CancelScope(shield=True):
            await self._context.terminated.set()  # idle connections close by themselves
            with trio.move_on_after(limits.API_STOP_MAX_S):
                while self._streams:
                    await trio.sleep(0.01)
            for stream in list(self._streams):
                stream.drop()
        connections.cancel_scope.cancel()

    async def _serve(self, stream: trio.SocketStream) -> None:
        if self._stop.is_set():
            await stream.aclose()
            return
        async with self._room:
            patient = PatientStream(stream)
            self._streams.add(patient)
            try:
                state = ConnectionState({})
                inner: Any = patient
                if self._tls is not None:
                    inner = trio.SSLStream(
                        patient,  # type: ignore[type-var]
                        self._tls,
                        server_side=True,
                        https_compatible=True,
                    )
                await Connection(self._app, self._config, self._context, state, inner)
            except Exception:  # of one client; it must not end the node for all
                log.exception("a connection ended")
            finally:
                self._streams.discard(patient)
                patient.drop()


def _config() -> Config:
    config = Config()
    config.include_server_header = False
    config.ssl_handshake_timeout = limits.TLS_HANDSHAKE_MAX_S
    config.keep_alive_timeout = limits.API_IDLE_MAX_S
    config.h11_max_incomplete_size = limits.REQUEST_HEADERS_MAX_BYTES
    config.alpn_protocols = ["http/1.1"]
    config.accesslog = None  # a log of who read what is nobody's business
    config.errorlog = logging.getLogger("hypercorn.error")
    return config
