"""The client of a running node: what the command line uses, and an example for others.

Rules: the standard library alone and nothing of ours, so that a command starts at once. Every write
carries an Idempotency-Key; where the connection breaks before the answer came, it is repeated once
under the same key: nothing is done twice. Errors are NotRunning where nobody answers and ApiProblem
for every refusal. Shapes of answers are those of the OpenAPI document.
"""

import http.client
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypedDict
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
NOT_REPEATED: Final = ("/tokens", "/records/import", "/identity/confirm")  # would be done twice

Json: TypeAlias = dict[str, Any]
Query: TypeAlias = Mapping[str, str | int | bool | None]
Direction: TypeAlias = Literal["pay", "invoice"]
Step: TypeAlias = Literal["accept", "decline", "settle", "release"]


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


class Page(TypedDict):
    """A page of a list, and the mark that asks for the next one."""

    items: list[Json]
    next: str | None


class Client:
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
    ) -> "Client":
        """The node that runs with this home, by its `api.json` and `token`. Raises NotRunning."""
        try:
            told = json.loads((home / "api.json").read_text(encoding="utf-8"))
            token = (home / "token").read_text(encoding="ascii").strip()
            address = str(told["url"])
        except (OSError, ValueError, KeyError) as error:
            raise NotRunning(str(home)) from error
        return cls(address, token, language=language, timeout_s=timeout_s)

    # --- any request ------------------------------------------------------------------------------
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
            return self._once(method, target, headers, data)
        except NotRunning as problem:
            if not repeatable or isinstance(problem.__cause__, ConnectionRefusedError):
                raise
            return self._once(method, target, headers, data)

    def _once(self, method: str, target: str, headers: dict[str, str], data: bytes | None) -> Any:
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
        return _result(response.status, answer)

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

    # --- this node --------------------------------------------------------------------------------
    def status(self) -> Json:
        """How the node is."""
        return self.get("/status")

    def identity(self) -> Json:
        """Who this device speaks for."""
        return self.get("/identity")

    def confirm(self, words: str) -> None:
        """Check the 24 words, and remove the file that holds them."""
        self.post("/identity/confirm", {"words": words})

    def profile(self) -> Json:
        """The own profile."""
        return self.get("/profile")

    def set_profile(
        self, name: str, about: str = "", languages: tuple[str, ...] = (), region: str | None = None
    ) -> Json:
        """Change the own profile."""
        body = {"name": name, "about": about, "languages": list(languages), "region": region}
        return self.put("/profile", body)

    def devices(self) -> list[Json]:
        """The devices of this member."""
        return self.get("/devices")["items"]

    def revoke_device(
        self, device: str, words: str, *, leave_open: bool = False, since: str | None = None
    ) -> Made:
        """Shut a device out; `since` names the first trade on it that was not ours."""
        body = {"device": device, "words": words, "open": leave_open, "since": since}
        return self.post("/devices/revoke", body)

    def tokens(self) -> list[Json]:
        """The tokens of clients."""
        return self.get("/tokens")["items"]

    def make_token(self, name: str, scopes: tuple[str, ...], days: int | None = None) -> Json:
        """A new token; its secret stands under `token`, this once."""
        return self.post("/tokens", {"name": name, "scopes": list(scopes), "days": days})

    def remove_token(self, token_id: str) -> None:
        """Take a client's token back."""
        self.delete(f"/tokens/{token_id}")

    def peers(self) -> Json:
        """Neighbours connected now, and own addresses."""
        return self.get("/peers")

    def add_peer(self, address: str) -> None:
        """Dial a neighbour."""
        self.post("/peers", {"address": address})

    # --- belonging --------------------------------------------------------------------------------
    def community(self, *, root: bool = False) -> Json:
        """The founding document."""
        return self.get("/community", root=root)

    def invite(self, chapter: str | None = None, *, code: bool = False) -> Json:
        """An invitation: `link` and `expires`."""
        return self.post("/community/invitations", {"chapter": chapter, "code": code})

    def join(self, link: str, words: str) -> Json:
        """Join another community in place of an empty one of one's own; the node starts anew."""
        return self.post("/community/join", {"link": link, "words": words})

    def members(self, chapter: str | None = None, state: str | None = None) -> Iterator[Json]:
        """Members of a chapter."""
        return self.each("/members", chapter=chapter, state=state)

    def member(self, member: str, chapter: str | None = None) -> Json:
        """One member."""
        return self.get(f"/members/{member}", chapter=chapter)

    def apply(self, chapter: str, text: str = "", code: str | None = None) -> Made:
        """Ask a chapter to admit this member."""
        return self.post(f"{_chapter(chapter)}/apply", {"text": text, "code": code})

    def requests(self, chapter: str) -> list[Json]:
        """Open applications."""
        return self.get(f"{_chapter(chapter)}/requests")["items"]

    def admit(self, chapter: str, member: str) -> Made:
        """Admit a member."""
        return self.post(f"{_chapter(chapter)}/admit", {"member": member})

    def suspend(self, chapter: str, member: str) -> Made:
        """Suspend a member."""
        return self.post(f"{_chapter(chapter)}/suspend", {"member": member})

    def grant(self, chapter: str, member: str, limit: int) -> Made:
        """Grant a limit, minor units of credit."""
        return self.post(f"{_chapter(chapter)}/grant", {"member": member, "limit": limit})

    def contacts(self) -> list[Json]:
        """Own names for members."""
        return self.get("/contacts")["items"]

    def put_contact(self, member: str, name: str, note: str = "") -> None:
        """Call a member by a name."""
        self.post("/contacts", {"member": member, "name": name, "note": note})

    def remove_contact(self, member: str) -> None:
        """Forget a contact."""
        self.delete(f"/contacts/{member}")

    # --- talk and market --------------------------------------------------------------------------
    def rooms(self) -> list[Json]:
        """Rooms with their newest post."""
        return self.get("/rooms")["items"]

    def posts(self, room: str, *, cursor: str | None = None, limit: int = 50) -> Page:
        """A page of posts, newest first."""
        return self.get("/posts", room=room, cursor=cursor, limit=limit)

    def post_shown(self, post: str) -> Json:
        """One post with its replies."""
        return self.get(f"/posts/{post}")

    def say(
        self, room: str, text: str, *, language: str | None = None, reply_to: str | None = None
    ) -> Made:
        """Say something in a room."""
        body = {"room": room, "text": text, "language": language, "reply_to": reply_to}
        return self.post("/posts", body)

    def edit_post(self, post: str, text: str) -> Made:
        """New text for an own post."""
        return self.put(f"/posts/{post}", {"text": text})

    def delete_post(self, post: str) -> Made:
        """Erase an own post."""
        return self.delete(f"/posts/{post}")

    def listings(
        self,
        *,
        kind: str | None = None,
        region: str | None = None,
        tag: str | None = None,
        author: str | None = None,
    ) -> Iterator[Json]:
        """Listings, newest first."""
        return self.each("/listings", kind=kind, region=region, tag=tag, author=author)

    def listing(self, listing: str) -> Json:
        """One listing."""
        return self.get(f"/listings/{listing}")

    def put_listing(self, kind: str, title: str, **more: Any) -> Made:
        """Put up a listing; `more`: text, price, region, stock, tags, language, until, state."""
        return self.post("/listings", {"kind": kind, "title": title, **more})

    def change_listing(self, listing: str, **changes: Any) -> Made:
        """Change an own listing."""
        return self.put(f"/listings/{listing}", changes)

    def close_listing(self, listing: str, *, erase: bool = False) -> Made:
        """Take an own listing off."""
        return self.delete(f"/listings/{listing}", erase=erase)

    def search(self, words: str, **filters: str | int | bool | None) -> Page:
        """Posts and listings; filters: kind, region, max_price, newest, cursor, limit."""
        return self.get("/search", words=words, **filters)

    # --- trade ------------------------------------------------------------------------------------
    def trades(self, *, state: str | None = None, partner: str | None = None) -> Iterator[Json]:
        """Own trades, newest first."""
        return self.each("/trades", state=state, partner=partner)

    def trade(self, trade: str) -> Json:
        """One trade with its steps."""
        return self.get(f"/trades/{trade}")

    def propose(
        self, direction: Direction, partner: str, amount: int, order: str = "", **more: Any
    ) -> Made:
        """Pay or invoice; `more`: unit, refunds, valid_until, anyway."""
        body = {"direction": direction, "partner": partner, "amount": amount, "for": order}
        return self.post("/trades", {**body, **more})

    def step(self, trade: str, step: Step, *, anyway: bool = False) -> Made:
        """Take the next step of a trade."""
        return self.post(f"/trades/{trade}/{step}", {"anyway": anyway})

    def refund(self, trade: str, amount: int | None = None, *, anyway: bool = False) -> Made:
        """Propose to give a payment back; the new trade's id."""
        return self.post(f"/trades/{trade}/refund", {"amount": amount, "anyway": anyway})

    def rate(self, trade: str, stars: int, text: str = "") -> Made:
        """Rate the other side."""
        return self.post(f"/trades/{trade}/rate", {"stars": stars, "text": text})

    def balance(self, member: str | None = None, chapter: str | None = None) -> Json:
        """A balance."""
        return self.get("/balance", member=member, chapter=chapter)

    def statement(self, month: str, chapter: str | None = None) -> Json:
        """A month's statement."""
        return self.get("/statements", month=month, chapter=chapter)

    def receipt(self, trade: str, *, order: bool = False) -> Json:
        """A receipt that proves itself."""
        return self.get(f"/receipts/{trade}", order=order)

    def root(self, chapter: str | None = None) -> Json:
        """The state root and its sections."""
        return self.get("/ledger/root", chapter=chapter)

    def verify(self, *, from_scratch: bool = False) -> Json:
        """Verify the ledger."""
        return self.post("/ledger/verify", {"from_scratch": from_scratch})

    # --- records and events -----------------------------------------------------------------------
    def post_lines(self, path: str, data: Any) -> Json:
        """Send lines (bytes, a file, or an iterable of bytes) to an import."""
        headers = {**self._headers, "Content-Type": "application/x-ndjson"}
        return self._once("POST", PREFIX + path, headers, data)

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


def _chapter(name: str) -> str:
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
