"""What every client of the API knows, however it speaks: addresses, requests, answers, events.

Rules: no I/O but reading where the node of a home answers; the standard library alone. A write
carries an Idempotency-Key; `repeatable` says whether it may be sent again when no answer came.
"""

import json
import secrets
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

PREFIX: Final = "/v1"
TIMEOUT_S: Final = 60.0
SILENCE_MAX_S: Final = 45.0  # three heartbeats of an event stream
COME_BACK_S: Final = 0.5
COME_BACK_TRIES_COUNT: Final = 20
PAGE_COUNT: Final = 200
ANSWER_MAX_BYTES: Final = 268_435_456
READING: Final = ("GET", "HEAD")
# Would be done twice.
NOT_REPEATED: Final = (
    *("/tokens", "/lan/pair", "/records/import", "/identity/confirm", "/identity/restore"),
    *("/setup/new", "/setup/back", "/backup"),
)
JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"
BYTES: Final = "application/octet-stream"
EVENTS: Final = "text/event-stream"

Json: TypeAlias = dict[str, Any]
Query: TypeAlias = Mapping[str, str | int | bool | None]


class NotRunning(Exception):
    """No node answers: none was started here, or it has stopped."""


class WrongCertificate(NotRunning):
    """Somebody answers under another certificate than the one that was named."""


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


PULSE: Final = Event("pulse", None, {})
"""Silence: nothing has changed, and the node is there. Every 15 seconds at least."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node answers, and as whom. `certificate`: SHA-256 of what it must show, in hex."""

    host: str
    port: int
    secure: bool
    certificate: str | None

    @classmethod
    def of(cls, url: str, certificate: str | None) -> "Address":
        """From `http://127.0.0.1:8445`, or `https://…` with a fingerprint as `wetalk lan` shows it.

        Raises ValueError for https without a fingerprint.
        """
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        if secure and certificate is None:
            raise ValueError("an address with https needs the fingerprint of its certificate")
        port = parts.port or (443 if secure else 80)
        pin = None if certificate is None else certificate.replace(":", "").lower()
        return cls(parts.hostname or "127.0.0.1", port, secure, pin)

    @property
    def url(self) -> str:
        """The address as text."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """TLS that leaves the judging of the certificate to `check`: no authority knows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def check(self, certificate: bytes | None) -> None:
        """Raises WrongCertificate unless this is the certificate (DER) that was named."""
        if sha256(certificate or b"").hexdigest() != self.certificate:
            raise WrongCertificate(self.url)


@dataclass(slots=True)
class Request:
    """One request as it goes out."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None = None
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks: the headers of every request."""

    token: str
    language: str | None = None
    _headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Accept": JSON}
        if self.token:  # a phone that is being paired has none yet
            headers["Authorization"] = f"Bearer {self.token}"
        if self.language is not None:
            headers["Accept-Language"] = self.language
        object.__setattr__(self, "_headers", headers)

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        key: str | None = None,
    ) -> Request:
        """A request, `path` below `/v1`. `key`: the Idempotency-Key of a write."""
        made = Request(method, target(path, query), dict(self._headers))
        if body is not None:
            made.body = json.dumps(body).encode()
            made.headers["Content-Type"] = JSON
        if method not in READING:
            made.repeatable = not path.startswith(NOT_REPEATED)
            made.headers["Idempotency-Key"] = key or secrets.token_hex(16)
        return made

    def events(self, last_id: str | None) -> Request:
        """The request for a stream of events after `last_id`."""
        made = Request("GET", target("/events", None), {**self._headers, "Accept": EVENTS})
        if last_id is not None:
            made.headers["Last-Event-ID"] = last_id
        return made

    def sending(self, path: str, kind: str) -> Request:
        """The request that sends lines or a file; its body comes apart."""
        headers = {**self._headers, "Content-Type": kind}
        return Request("POST", target(path, None), headers, repeatable=False)


def of_home(home: Path) -> tuple[str, str]:
    """Address and token of the node that runs with this home. Raises NotRunning."""
    try:
        told = json.loads((home / "api.json").read_text(encoding="utf-8"))
        token = (home / "token").read_text(encoding="ascii").strip()
        return str(told["url"]), token
    except (OSError, ValueError, KeyError) as error:
        raise NotRunning(str(home)) from error


def target(path: str, query: Query | None) -> str:
    """Path and query of a request."""
    wanted = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (query or {}).items()
        if value is not None
    }
    return f"{PREFIX}{path}" + (f"?{urlencode(wanted)}" if wanted else "")


def chapter_path(name: str) -> str:
    """The path of a chapter."""
    return f"/chapters/{quote(name, safe='')}"


def result(status: int, answer: bytes) -> Any:
    """What an answer says. Raises ApiProblem."""
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


class Parser:
    """Reads a stream of server-sent events (WHATWG HTML, section 9.2), line by line."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._name, self._data, self._id = "message", list[str](), None

    def take(self, line: bytes) -> Iterator[Event]:
        """The event that this line completes, if it does; PULSE for a comment."""
        text = line.decode().rstrip("\r\n")
        if text.startswith(":"):
            yield PULSE
            return
        if not text:
            if self._data:
                yield Event(self._name, self._id, json.loads("\n".join(self._data)))
            self._clear()
            return
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
