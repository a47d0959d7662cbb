"""One node and one token, in threads: requests, lists, events.

Rules: a write whose answer did not come is repeated once under its Idempotency-Key, unless the node
does not honour one there; an event stream comes back by itself, after the last event it gave.
"""

import http.client
import ssl
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Self

from node.client import wire
from node.client.wire import Address, Event, Json, NotRunning, Parser, Query, Request, Sender

BROKEN: Final = (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


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

    def request(
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
            return wire.result(*self._once(asked))
        except NotRunning as problem:
            if not asked.repeatable or isinstance(problem.__cause__, ConnectionRefusedError):
                raise
            return wire.result(*self._once(asked))

    def file(self, path: str, **query: str | int | bool | None) -> bytes:
        """The bytes of an answer that is a file, such as a receipt with `format`."""
        status, answer = self._once(self._sender.request("GET", path, query))
        return answer if status < 400 else wire.result(status, answer)

    def file_or_none(self, path: str) -> bytes | None:
        """The bytes of an answer that is a file; None while the node does not have it (202)."""
        status, answer = self._once(self._sender.request("GET", path))
        if status == http.client.ACCEPTED:
            return None
        return answer if status < 400 else wire.result(status, answer)

    def post_file(self, path: str, data: bytes) -> Any:
        """Send bytes, such as a photo."""
        return wire.result(*self._once(self._sender.sending(path, wire.BYTES), data))

    def _once(self, asked: Request, data: Any = None) -> tuple[int, bytes]:
        connection = self._connection(self._timeout_s)
        try:
            response = self._ask(connection, asked, data)
            answer = response.read(wire.ANSWER_MAX_BYTES)
            if response.length:  # the node went away in the middle of its answer
                raise NotRunning(self.address)
        except BROKEN as error:
            raise NotRunning(self.address) from error
        finally:
            connection.close()
        return response.status, answer

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        where = self._where
        if not where.secure:
            return http.client.HTTPConnection(where.host, where.port, timeout=timeout_s)
        return http.client.HTTPSConnection(
            where.host, where.port, timeout=timeout_s, context=where.tls()
        )

    def _ask(
        self, connection: http.client.HTTPConnection, asked: Request, data: Any = None
    ) -> http.client.HTTPResponse:
        """Send a request to the right node. Raises WrongCertificate before anything is sent."""
        connection.connect()
        if isinstance(connection.sock, ssl.SSLSocket):
            self._where.check(connection.sock.getpeercert(binary_form=True))
        body = asked.body if data is None else data
        connection.request(asked.method, asked.target, body=body, headers=asked.headers)
        return connection.getresponse()

    def get(self, path: str, **query: str | int | bool | None) -> Any:
        """The answer to a GET."""
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Any:
        """The answer to a POST."""
        return self.request("POST", path, body=body or {}, key=key)

    def put(self, path: str, body: Json, *, key: str | None = None) -> Any:
        """The answer to a PUT."""
        return self.request("PUT", path, body=body, key=key)

    def delete(self, path: str, **query: str | int | bool | None) -> Any:
        """The answer to a DELETE."""
        return self.request("DELETE", path, query=query)

    def each(self, path: str, **query: str | int | bool | None) -> Iterator[Any]:
        """The items of a list, page after page."""
        asked: dict[str, Any] = {"limit": wire.PAGE_COUNT, **query}
        while True:
            page = self.request("GET", path, query=asked)
            yield from page["items"]
            if page.get("next") is None:
                return
            asked["cursor"] = page["next"]

    def post_lines(self, path: str, data: Any) -> Any:
        """Send lines (bytes, a file, or an iterable of bytes) to an import."""
        return wire.result(*self._once(self._sender.sending(path, wire.JSON_LINES), data))

    def export(self) -> Iterator[bytes]:
        """All records as lines, with their line ends."""
        return self._lines(self._sender.request("GET", "/records/export"), self._timeout_s)

    def _lines(self, asked: Request, timeout_s: float) -> Iterator[bytes]:
        """The lines of an answer as they come."""
        connection = self._connection(timeout_s)
        try:
            response = self._ask(connection, asked)
            if response.status != 200:
                wire.result(response.status, response.read(wire.ANSWER_MAX_BYTES))
            yield from response
        except BROKEN as error:
            raise NotRunning(self.address) from error
        finally:
            connection.close()

    def backup(self, password: str) -> bytes:
        """Everything of this member that is worth keeping, sealed under a password."""
        asked = self._sender.request("POST", "/backup", body={"password": password})
        status, answer = self._once(asked)
        return answer if status < 400 else wire.result(status, answer)

    def events(
        self, last_id: str | None = None, *, come_back: bool = True, pulse: bool = False
    ) -> Iterator[Event]:
        """Events as they come, from now or after `last_id`; resumed when the connection breaks.

        `ready` comes first; `reset` in its place means: read your lists anew. With `pulse` silence
        is told, too, for those who do something at certain times. Raises NotRunning when the node
        stays away.
        """
        tries = 0
        while True:
            try:
                for event in self._stream(last_id):
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
            time.sleep(wire.COME_BACK_S)

    def _stream(self, last_id: str | None) -> Iterator[Event]:
        parser = Parser()
        lines: Iterable[bytes] = self._lines(self._sender.events(last_id), wire.SILENCE_MAX_S)
        for line in lines:
            yield from parser.take(line)
