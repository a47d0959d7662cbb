"""The gate: what every request passes before anything of it is looked at, and what answers wear.

There are two doors to one application: this machine's own, and, where the owner has opened it, that
of the home network, with TLS, under its one address, and closed to the owner's own token.

Refused, in this order: a Host or an Origin that is not this node's (DNS rebinding, other pages),
odd paths, unknown methods, requests that the browser itself calls cross-site, a missing or unknown
token (under `/v1`), more requests than a client may send, a content type that is not ours, a body
that is too large (by its header before it is read, by count while it is). There are no cookies and
no CORS, so a browser gives no foreign page anything to send or to read. Answers forbid framing,
sniffing, caching and foreign content.

Rules: an exception never leaves the gate: it is logged, and answered with status 500.
Left to others: which scope a route needs (`routing`).
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import trio

from node.api import problems
from node.api.rates import CLIENT, FAILED, LAN_FAILED, OWNER, Rate, Rates
from node.api.tokens import Access, OwnerStore
from node.protocol import limits
from node.protocol.errors import LocalFault, WetalkError
from node.services.paper.style import STYLE_HASH

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

API_PREFIX: Final = "/v1/"
HTTP_VERSIONS: Final = ("1.0", "1.1")
READING: Final = frozenset({"GET", "HEAD"})
METHODS: Final = READING | {"POST", "PUT", "DELETE"}
JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"
OCTETS: Final = "application/octet-stream"
IMPORT_PATH: Final = "/v1/records/import"
OPEN_ROUTES: Final = frozenset({("POST", "/v1/lan/pair")})  # no token yet
NOTES_PATH: Final = "/v1/trades/notes"
PICTURES_PATH: Final = "/v1/pictures"

API_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'; sandbox"
WEB_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; img-src 'self' blob:; connect-src 'self';"
    b" style-src 'self' '%b';"  # the one style of pages to print, which the client opens as blobs
    b" manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none';"
    b" frame-ancestors 'none'; require-trusted-types-for 'script';"
    b" trusted-types wetalk-worker"  # the one rule that lets the page name its service worker
) % STYLE_HASH.encode()
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=()"),
)


@dataclass(frozen=True, slots=True)
class Door:
    """Where requests come in: the names it answers to, and how often a token may be wrong there."""

    scheme: str
    names: tuple[str, ...]
    failed: Rate
    for_owner: bool  # the owner's own token opens it


def own_door(port: int) -> Door:
    """The door for programs on this machine."""
    return Door("http", (f"127.0.0.1:{port}", f"localhost:{port}"), FAILED, for_owner=True)


def lan_door(address: str, port: int) -> Door:
    """The door for the home network: TLS, one address, tokens of clients."""
    return Door("https", (f"{address}:{port}",), LAN_FAILED, for_owner=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """What both doors ask. `language`: what problems are told in when the client does not say;
    `note` is told every exception that nobody expected."""

    tokens: OwnerStore
    rates: Rates
    language: str
    note: Callable[[BaseException], object] = lambda _: None


class Gate:
    """ASGI middleware around everything."""

    def __init__(self, app: App, guard: Guard, door: Door) -> None:
        self._app = app
        self._guard = guard
        self._door = door
        self._hosts = frozenset(name.encode() for name in door.names)
        self._origins = frozenset(f"{door.scheme}://{name}".encode() for name in door.names)

    def beside(self, door: Door) -> "Gate":
        """The same application behind another door."""
        return Gate(self._app, self._guard, door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        answer = _Answer(scope, send)
        try:
            self._judge(scope)
            # A body is counted here, whatever its header said.
            body = _Body(scope, receive)
            await self._app(scope, body.receive, answer.send)
        except WetalkError as fault:
            await self._refuse(scope, answer, fault)
        except Exception as error:
            if not isinstance(error, trio.BrokenResourceError | trio.ClosedResourceError):
                self._guard.note(error.__cause__ or error)  # else the client has gone
            log.exception("%s %s", scope["method"], scope.get("path"))
            await self._refuse(scope, answer, LocalFault("unexpected"))

    async def _refuse(self, scope: Scope, answer: "_Answer", fault: WetalkError) -> None:
        if answer.started:  # too late for another answer: the connection ends
            return
        language = problems.language_of(scope["headers"], self._guard.language)
        status, headers, body = problems.encoded(fault, language)
        # What follows on the connection may be the rest of a body that nobody read.
        headers.append((b"connection", b"close"))
        await answer.send({"type": "http.response.start", "status": status, "headers": headers})
        await answer.send({"type": "http.response.body", "body": body})

    def _judge(self, scope: Scope) -> None:
        """Raises LocalFault where a request may not come in."""
        headers = _Headers(scope)
        if scope["http_version"] not in HTTP_VERSIONS:
            raise LocalFault("request-invalid", detail="HTTP/1.1")
        if headers.only(b"host") not in self._hosts:
            raise LocalFault("host-refused")
        origin = headers.only(b"origin")
        if origin is not None and origin not in self._origins:
            raise LocalFault("origin-refused")
        _judge_path(scope)
        if scope["method"] not in METHODS:
            raise LocalFault("method-not-allowed", allow=", ".join(sorted(METHODS)))
        if not scope["path"].startswith(API_PREFIX):
            if scope["method"] not in READING:
                raise LocalFault("method-not-allowed", allow=", ".join(sorted(READING)))
            return
        if headers.only(b"sec-fetch-site") not in (None, b"same-origin", b"none"):
            raise LocalFault("origin-refused")
        if (scope["method"], scope["path"]) not in OPEN_ROUTES:
            access = self._access(scope, headers.only(b"authorization"))
            scope.setdefault("state", {})["access"] = access
        _judge_body(scope, headers)

    def _access(self, scope: Scope, authorization: bytes | None) -> Access:
        """What a token allows here. Raises LocalFault unauthorised, too-many-requests."""
        rates = self._guard.rates
        try:
            access = self._guard.tokens.access(authorization)
            if access.is_owner and not self._door.for_owner:
                raise LocalFault("unauthorised")
        except LocalFault:
            host = str((scope.get("client") or ("", 0))[0])
            rates.take(self._door.failed, host.encode())
            raise
        rates.take(OWNER if access.is_owner else CLIENT, access.hash)
        return access


class _Headers:
    """A request's headers, each of which may stand only once."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[bytes, bytes]] = [
            (name.lower(), value) for name, value in scope["headers"]
        ]

    def only(self, name: bytes) -> bytes | None:
        """The value, or None. Raises LocalFault where it stands twice."""
        found = [value for key, value in self._all if key == name]
        if len(found) > 1:
            raise LocalFault("request-invalid", detail=name.decode("ascii"))
        return found[0] if found else None


def _judge_path(scope: Scope) -> None:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(raw) + len(scope["query_string"]) > limits.REQUEST_TARGET_MAX_BYTES:
        raise LocalFault("request-too-large")
    path: str = scope["path"]
    steps = path.split("/")
    odd = any(ord(letter) < 32 or letter in "\\\x7f\ufffd" for letter in path)
    escaped = raw.lower()
    hidden = b"%2f" in escaped or b"%5c" in escaped or b"%00" in escaped
    if not path.startswith("/") or odd or hidden or ".." in steps or "." in steps:
        raise LocalFault("not-found", what="/")


def _judge_body(scope: Scope, headers: _Headers) -> None:
    """Content type and size as the headers tell them."""
    length = headers.only(b"content-length")
    chunked = headers.only(b"transfer-encoding") is not None
    present = chunked or (length is not None and length.strip() not in (b"", b"0"))
    if headers.only(b"content-encoding") not in (None, b"identity"):
        raise LocalFault("media-type")
    if not present:
        return
    if length is not None and (not length.isdigit() or int(length) > body_max_bytes(scope)):
        raise LocalFault("request-too-large")
    wanted = _media_type(scope)
    kind, _, rest = (headers.only(b"content-type") or b"").decode("latin-1").partition(";")
    charset = rest.strip().lower().replace('"', "")
    if kind.strip().lower() != wanted or charset not in ("", "charset=utf-8"):
        raise LocalFault("media-type")


def _is_photo(scope: Scope) -> bool:
    return scope["path"] == PICTURES_PATH and scope["method"] == "POST"


def _media_type(scope: Scope) -> str:
    if scope["path"] == IMPORT_PATH:
        return JSON_LINES
    return OCTETS if _is_photo(scope) else JSON


def body_max_bytes(scope: Scope) -> int:
    """How large the body of a request may be."""
    if scope["path"] == IMPORT_PATH:
        return limits.IMPORT_BODY_MAX_BYTES
    if scope["path"] == NOTES_PATH:
        return limits.NOTE_REQUEST_MAX_BYTES
    if _is_photo(scope):
        return limits.PICTURE_INPUT_MAX_BYTES
    return limits.REQUEST_BODY_MAX_BYTES


class _Body:
    """Counts a body while it is read, and does not wait for ever for it."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = body_max_bytes(scope)
        self._reading = True

    async def receive(self) -> Message:
        if not self._reading:
            return await self._receive()
        try:
            with trio.fail_after(limits.REQUEST_BODY_MAX_S):
                message = await self._receive()
        except trio.TooSlowError:
            raise LocalFault("request-slow") from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._reading = message.get("more_body", False)
            if self._left < 0:
                raise LocalFault("request-too-large")
        return message


class _Answer:
    """Puts the protective headers on an answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._api = scope["path"].startswith(API_PREFIX)
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", []))
            names = {name.lower() for name, _ in headers}
            policy = API_POLICY if self._api else WEB_POLICY
            extra = [*HEADERS, (b"content-security-policy", policy)]
            if b"cache-control" not in names:
                extra.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers + extra}
        await self._send(message)
