"""One node and one token, on trio: requests, lists, events.

Rules: as `node.client.connection`; every call may be cancelled at any moment.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# The stubs of trio that come with libp2p do not know their own types.

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

import h11
import trio

from node.client import wire
from node.client.wire import Address, Event, Json, NotRunning, Parser, Query, Request, Sender

READ_BYTES: Final = 65_536
BROKEN: Final = (
    OSError,
    ssl.SSLError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio.TooSlowError,
    h11.RemoteProtocolError,
)


class Refused(NotRunning):
    """Nobody listens there: nothing was sent."""


class Exchange:
    """One request on a connection of its own, and its answer, piece by piece."""

    def __init__(self, stream: trio.abc.Stream, timeout_s: float) -> None:
        self._stream = stream
        self._timeout_s = timeout_s
        self._http = h11.Connection(h11.CLIENT)
        self.status = 0

    async def ask(self, asked: Request, host: str) -> None:
        """Send the request, and read the head of its answer."""
        headers = [("Host", host), ("Connection", "close"), *asked.headers.items()]
        if asked.body is not None:
            headers.append(("Content-Length", str(len(asked.body))))
        elif asked.method not in wire.READING:
            headers.append(("Content-Length", "0"))
        data = self._http.send(
            h11.Request(method=asked.method, target=asked.target, headers=headers)
        )
        data = (data or b"") + (self._http.send(h11.Data(data=asked.body or b"")) or b"")
        data += self._http.send(h11.EndOfMessage()) or b""
        with trio.fail_after(self._timeout_s):
            await self._stream.send_all(data)
        event = await self._next()
        while not isinstance(event, h11.Response):  # 1xx
            event = await self._next()
        self.status = event.status_code

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes."""
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def body(self) -> bytes:
        """The whole body, within bounds."""
        found = bytearray()
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                found += piece
                if len(found) > wire.ANSWER_MAX_BYTES:
                    break
        return bytes(found)

    async def _next(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            with trio.fail_after(self._timeout_s):
                self._http.receive_data(bytes(await self._stream.receive_some(READ_BYTES)))
        return event


class Connection:
    """The API of one node, with one token."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        language: str | None = None,
        timeout_s: float = wire.TIMEOUT_S,
        certificate: str | None = None,
    ) -> None:
        """`address`: such as `http://127.0.0.1:8445`, or `https://…` of a node on the home network
        with the fingerprint of its certificate; nobody else is talked to."""
        self._where = Address.of(address, certificate)
        self._sender = Sender(token, language)
        self._timeout_s = timeout_s
        self.address = self._where.url

    @classmethod
    def of_home(
        cls, home: Path, *, language: str | None = None, timeout_s: float = wire.TIMEOUT_S
    ) -> Self:
        """The node that runs with this home, by its `api.json` and `token`. Raises NotRunning."""
        address, token = wire.of_home(home)
        return cls(address, token, language=language, timeout_s=timeout_s)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Json | None = None,
        key: str | None = None,
    ) -> Any:
        """The answer to one request, `path` below `/v1`. `key`: the Idempotency-Key of a write.

        Raises NotRunning, ApiProblem.
        """
        asked = self._sender.request(method, path, query, body, key)
        try:
            return wire.result(*await self._once(asked))
        except NotRunning as problem:
            if not asked.repeatable or isinstance(problem, Refused):
                raise
            return wire.result(*await self._once(asked))

    async def file(self, path: str, **query: str | int | bool | None) -> bytes:
        """The bytes of an answer that is a file, such as a receipt with `format`."""
        status, answer = await self._once(self._sender.request("GET", path, query))
        return answer if status < 400 else wire.result(status, answer)

    async def backup(self, password: str) -> bytes:
        """Everything of this member that is worth keeping, sealed under a password."""
        asked = self._sender.request("POST", "/backup", body={"password": password})
        status, answer = await self._once(asked)
        return answer if status < 400 else wire.result(status, answer)

    async def file_or_none(self, path: str) -> bytes | None:
        """The bytes of an answer that is a file; None while the node does not have it (202)."""
        status, answer = await self._once(self._sender.request("GET", path))
        if status == HTTPStatus.ACCEPTED:
            return None
        return answer if status < 400 else wire.result(status, answer)

    async def post_file(self, path: str, data: bytes) -> Any:
        """Send bytes, such as a photo."""
        asked = self._sender.sending(path, wire.BYTES)
        asked.body = data
        return wire.result(*await self._once(asked))

    async def _once(self, asked: Request) -> tuple[int, bytes]:
        async with self._exchange(asked, self._timeout_s) as exchange:
            return exchange.status, await exchange.body()

    @asynccontextmanager
    async def _exchange(self, asked: Request, timeout_s: float) -> AsyncGenerator[Exchange]:
        """A request that was sent. Raises NotRunning, WrongCertificate (nothing was sent)."""
        stream = await self._stream()
        try:
            exchange = Exchange(stream, timeout_s)
            await exchange.ask(asked, f"{self._where.host}:{self._where.port}")
            yield exchange
        except BROKEN as error:
            raise NotRunning(self.address) from error
        finally:
            await trio.aclose_forcefully(stream)

    async def _stream(self) -> trio.abc.Stream:
        where = self._where
        try:
            with trio.fail_after(self._timeout_s):
                plain = await trio.open_tcp_stream(where.host, where.port)
        except (OSError, trio.TooSlowError) as error:
            raise Refused(self.address) from error
        if not where.secure:
            return plain
        stream = trio.SSLStream(plain, where.tls(), https_compatible=True)
        try:
            with trio.fail_after(self._timeout_s):
                await stream.do_handshake()
            where.check(stream.getpeercert(binary_form=True))  # type: ignore[attr-defined]
        except BaseException as error:
            await trio.aclose_forcefully(stream)
            if isinstance(error, BROKEN):
                raise NotRunning(self.address) from error
            raise
        return stream

    async def get(self, path: str, **query: str | int | bool | None) -> Any:
        """The answer to a GET."""
        return await self.request("GET", path, query=query)

    async def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Any:
        """The answer to a POST."""
        return await self.request("POST", path, body=body or {}, key=key)

    async def put(self, path: str, body: Json, *, key: str | None = None) -> Any:
        """The answer to a PUT."""
        return await self.request("PUT", path, body=body, key=key)

    async def delete(self, path: str, **query: str | int | bool | None) -> Any:
        """The answer to a DELETE."""
        return await self.request("DELETE", path, query=query)

    async def each(self, path: str, **query: str | int | bool | None) -> AsyncIterator[Any]:
        """The items of a list, page after page."""
        asked: dict[str, Any] = {"limit": wire.PAGE_COUNT, **query}
        while True:
            page = await self.request("GET", path, query=asked)
            for item in page["items"]:
                yield item
            if page.get("next") is None:
                return
            asked["cursor"] = page["next"]

    async def post_lines(self, path: str, data: bytes) -> Any:
        """Send lines to an import."""
        asked = self._sender.sending(path, wire.JSON_LINES)
        asked.body = data
        return wire.result(*await self._once(asked))

    async def export(self) -> AsyncGenerator[bytes]:
        """All records as lines, with their line ends."""
        asked = self._sender.request("GET", "/records/export")
        async with aclosing(self._lines(asked, self._timeout_s)) as lines:
            async for line in lines:
                yield line

    async def _lines(self, asked: Request, timeout_s: float) -> AsyncGenerator[bytes]:
        """The lines of an answer as they come."""
        async with self._exchange(asked, timeout_s) as exchange:
            if exchange.status != 200:
                wire.result(exchange.status, await exchange.body())
            rest = b""
            async with aclosing(exchange.pieces()) as pieces:
                async for piece in pieces:
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        yield line + b"\n"
            if rest:
                yield rest

    async def events(
        self, last_id: str | None = None, *, come_back: bool = True, pulse: bool = False
    ) -> AsyncGenerator[Event]:
        """Events as they come, from now or after `last_id`; resumed when the connection breaks.

        `ready` comes first; `reset` in its place means: read your lists anew. With `pulse` silence
        is told, too, for those who do something at certain times. Raises NotRunning when the node
        stays away.
        """
        tries = 0
        while True:
            try:
                async with aclosing(self._events(last_id)) as events:
                    async for event in events:
                        tries = 0
                        last_id = event.id or last_id
                        if pulse or event is not wire.PULSE:
                            yield event
            except NotRunning:
                tries += 1
                if not come_back or tries > wire.COME_BACK_TRIES_COUNT:
                    raise
            if not come_back:
                return
            await trio.sleep(wire.COME_BACK_S)

    async def _events(self, last_id: str | None) -> AsyncGenerator[Event]:
        parser = Parser()
        async with aclosing(self._lines(self._sender.events(last_id), wire.SILENCE_MAX_S)) as lines:
            async for line in lines:
                for event in parser.take(line):
                    yield event
