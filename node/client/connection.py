"""One node and one token: requests, lists, events.

Rules: a write whose answer did not come is repeated once under its Idempotency-Key, unless the node
does not honour one there; an event stream comes back by itself, after the last event it gave.
"""

import http.client
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeAlias, TypedDict
from urllib.parse import quote, urlencode, urlsplit

PREFIX: Final = "/v1"
TIMEOUT_S: Final = 60.0
SILENCE_MAX_S: Final = 45.0  # three heartbeats of an event stream
COME_BACK_S: Final = 0.5
COME_BACK_TRIES_COUNT: Final = 20
PAGE_COUNT: Final = 200
ANSWER_MAX_BYTES: Final = 268_435_456
BROKEN: Final = (http.client.HTTPException, ConnectionError, TimeoutError)
READING: Final = ("GET", "HEAD")
# Would be done twice.
NOT_REPEATED: Final = ("/tokens", "/lan/pair", "/records/import", "/identity/confirm")

Json: TypeAlias = dict[str, Any]
Query: TypeAlias = Mapping[str, str | int | bool | None]


class NotRunning(Exception):
    """No node answers: none was started here, or it has stopped."""


class ApiProblem(Exception):
    """A refusal: HTTP status, stable code, one sentence for people, the values in it."""

    def __init__(self, status: int, code: str, detail: str, values: Json) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.values = values


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed. `id` resumes after it; None for news that are not kept."""

    name: str
    id: str | None
    data: Json


class Made(TypedDict):
    """The id of the record that was made."""

    id: str


class Decision(TypedDict):
    """What became of an officer's wish: an act (`done`), or a proposal that waits for others."""

    id: str
    proposal: str
    done: bool
    agreed: int
    needed: int
    text: str


class Page(TypedDict):
    """A page of a list, and the mark that asks for the next one."""

    items: list[Json]
    next: str | None


class Connection:
    """The API of one node, with one token."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        language: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`address`: such as `http://127.0.0.1:8445`."""
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._timeout_s = timeout_s
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if language is not None:
            self._headers["Accept-Language"] = language
        self.address = f"http://{self._host}:{self._port}"

    @classmethod
    def of_home(
        cls, home: Path, *, language: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> Self:
        """The node that runs with this home, by its `api.json` and `token`. Raises NotRunning."""
        try:
            told = json.loads((home / "api.json").read_text(encoding="utf-8"))
            token = (home / "token").read_text(encoding="ascii").strip()
            address = str(told["url"])
        except (OSError, ValueError, KeyError) as error:
            raise NotRunning(str(home)) from error
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
        data = None if body is None else json.dumps(body).encode()
        headers = dict(self._headers)
        if data is not None:
            headers["Content-Type"] = "application/json"
        repeatable = method in READING
        if not repeatable:
            repeatable = not path.startswith(NOT_REPEATED)
            headers["Idempotency-Key"] = key or secrets.token_hex(16)
        target = _target(path, query)
        try:
            return _result(*self._once(method, target, headers, data))
        except NotRunning as problem:
            if not repeatable or isinstance(problem.__cause__, ConnectionRefusedError):
                raise
            return _result(*self._once(method, target, headers, data))

    def file(self, path: str, **query: str | int | bool | None) -> bytes:
        """The bytes of an answer that is a file, such as a receipt with `format`."""
        status, answer = self._once("GET", _target(path, query), self._headers, None)
        return answer if status < 400 else _result(status, answer)

    def _once(
        self, method: str, target: str, headers: dict[str, str], data: bytes | None
    ) -> tuple[int, bytes]:
        connection = self._connection(self._timeout_s)
        try:
            connection.request(method, target, body=data, headers=headers)
            response = connection.getresponse()
            answer = response.read(ANSWER_MAX_BYTES)
            if response.length:  # the node went away in the middle of its answer
                raise NotRunning(self.address)
        except BROKEN as error:
            raise NotRunning(self.address) from error
        finally:
            connection.close()
        return response.status, answer

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

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

    def each(self, path: str, **query: str | int | bool | None) -> Iterator[Json]:
        """The items of a list, page after page."""
        asked: dict[str, Any] = {"limit": PAGE_COUNT, **query}
        while True:
            page: Page = self.request("GET", path, query=asked)
            yield from page["items"]
            if page.get("next") is None:
                return
            asked["cursor"] = page["next"]

    def post_lines(self, path: str, data: Any) -> Json:
        """Send lines (bytes, a file, or an iterable of bytes) to an import."""
        headers = {**self._headers, "Content-Type": "application/x-ndjson"}
        return _result(*self._once("POST", PREFIX + path, headers, data))

    def import_records(self, data: Any) -> Json:
        """Admit the lines of an export; the report."""
        return self.post_lines("/records/import", data)

    def export(self) -> Iterator[bytes]:
        """All records as lines, with their line ends."""
        connection = self._connection(self._timeout_s)
        try:
            connection.request("GET", f"{PREFIX}/records/export", headers=self._headers)
            response = connection.getresponse()
            if response.status != 200:
                _result(response.status, response.read(ANSWER_MAX_BYTES))
            yield from response
        except BROKEN as error:
            raise NotRunning(self.address) from error
        finally:
            connection.close()

    def events(self, last_id: str | None = None, *, come_back: bool = True) -> Iterator[Event]:
        """Events as they come, from now or after `last_id`; resumed when the connection breaks.

        `ready` comes first; `reset` in its place means: read your lists anew. Raises NotRunning
        when the node stays away.
        """
        tries = 0
        while True:
            try:
                for event in self._stream(last_id):
                    tries = 0
                    last_id = event.id or last_id
                    yield event
            except NotRunning:
                tries += 1
                if not come_back or tries > COME_BACK_TRIES_COUNT:
                    raise
            if not come_back:
                return
            time.sleep(COME_BACK_S)

    def _stream(self, last_id: str | None) -> Iterator[Event]:
        headers = {**self._headers, "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        connection = self._connection(SILENCE_MAX_S)
        try:
            connection.request("GET", f"{PREFIX}/events", headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                _result(response.status, response.read(ANSWER_MAX_BYTES))
            yield from _events(response)
        except BROKEN as error:
            raise NotRunning(self.address) from error
        finally:
            connection.close()


def _target(path: str, query: Query | None) -> str:
    wanted = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (query or {}).items()
        if value is not None
    }
    return f"{PREFIX}{path}" + (f"?{urlencode(wanted)}" if wanted else "")


def chapter_path(name: str) -> str:
    return f"/chapters/{quote(name, safe='')}"


def _result(status: int, answer: bytes) -> Any:
    try:
        found: Any = json.loads(answer) if answer else {}
    except ValueError:
        found = {"code": "unexpected", "detail": "no JSON"}
        status = max(status, 500)
    if status < 400:
        return found
    told: Json = found
    values: Json = told.get("values") or {}
    code, detail = str(told.get("code", "unexpected")), str(told.get("detail", ""))
    raise ApiProblem(status, code, detail, values)


def _events(lines: Iterator[bytes] | http.client.HTTPResponse) -> Iterator[Event]:
    """Parse a stream of server-sent events (WHATWG HTML, section 9.2)."""
    name, data, event_id = "message", list[str](), None
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if not text:
            if data:
                yield Event(name, event_id, json.loads("\n".join(data)))
            name, data, event_id = "message", [], None
            continue
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            event_id = value
