"""Asking the running node: its client, and what people type in place of ids.

Rules: a member is typed as a contact's name, a profile name that only one member bears, or the
first digits (6 at least) of an id; trades, posts, listings and devices by the first digits of
theirs. What is not unique is asked back, never guessed.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from node.client import ApiProblem, Client, NotRunning
from node.commands.base import NOT_RUNNING, REFUSED, App
from node.i18n import problem_text
from node.protocol.errors import LocalFault

PREFIX_MIN_CHARACTERS: Final = 6
ID_CHARACTERS: Final = 64
PAGE_COUNT: Final = 200
PAGES_MAX_COUNT: Final = 50  # ten thousand rows looked through for a name


class Node:
    """The API as commands use it: paths below `/v1`, plain JSON in and out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._decimals: int | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._client.request("GET", path, query=wanted)

    def post(self, path: str, body: Any = None) -> Any:
        """The answer to a POST."""
        return self._client.request("POST", path, body={} if body is None else body)

    def put(self, path: str, body: Any) -> Any:
        """The answer to a PUT."""
        return self._client.request("PUT", path, body=body)

    def delete(self, path: str, **query: Any) -> Any:
        """The answer to a DELETE."""
        return self._client.request("DELETE", path, query=query)

    def each(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page."""
        cursor: str | None = None
        for _ in range(PAGES_MAX_COUNT):
            page = self.get(path, cursor=cursor, limit=PAGE_COUNT, **query)
            yield from page["items"]
            cursor = page.get("next")
            if cursor is None:
                return

    def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list."""
        return list(self.each(path, **query))

    def events(self) -> Iterator[Any]:
        """Events as they come."""
        return self._client.events()

    @property
    def decimals(self) -> int:
        """Decimals of the credit unit."""
        if self._decimals is None:
            self._decimals = int(self.get("/community")["decimals"])
        return self._decimals

    def member(self, typed: str) -> str:
        """The id of a member as typed. Raises LocalFault member-unknown, member-ambiguous."""
        if is_id(typed):
            return typed
        named = {one["member"] for one in self.each("/contacts") if one["name"] == typed}
        if not named:
            named = self._by_profile(typed)
        if len(named) > 1:
            raise LocalFault("member-ambiguous", name=typed)
        if not named:
            raise LocalFault("member-unknown", name=typed)
        return named.pop()

    def _by_profile(self, typed: str) -> set[str]:
        prefix = typed.lower() if is_prefix(typed) else None
        called: set[str] = set()
        starting: set[str] = set()
        for one in self.each("/members"):
            if one.get("name") == typed:
                called.add(one["id"])
            if prefix is not None and one["id"].startswith(prefix):
                starting.add(one["id"])
        return called or starting

    def trade(self, typed: str) -> str:
        """The id of a trade as typed."""
        return self._typed("/trades", typed, "trade-unknown")

    def listing(self, typed: str) -> str:
        """The id of a listing as typed."""
        return self._typed("/listings", typed, "listing-gone")

    def post_id(self, typed: str) -> str:
        """The id of a post as typed, looked for in all rooms."""
        if is_id(typed):
            return typed
        ids = [
            post["id"]
            for room in self.each("/rooms")
            for post in self.each("/posts", room=room["name"])
        ]
        return one_of(ids, typed, "post-gone")

    def _typed(self, path: str, typed: str, code: str) -> str:
        if is_id(typed):
            return typed
        return one_of((item["id"] for item in self.each(path)), typed, code)


def is_id(typed: str) -> bool:
    """True iff `typed` is a whole id."""
    return re.fullmatch(f"[0-9a-f]{{{ID_CHARACTERS}}}", typed) is not None


def is_prefix(typed: str) -> bool:
    """True iff `typed` may be the start of an id."""
    return (
        re.fullmatch(f"[0-9a-fA-F]{{{PREFIX_MIN_CHARACTERS},{ID_CHARACTERS}}}", typed) is not None
    )


def one_of(ids: Iterable[str], typed: str, code: str) -> str:
    """The one id that starts as typed. Raises LocalFault `code`, id-ambiguous, id-short."""
    if not is_prefix(typed):
        raise LocalFault("id-short", minimum=PREFIX_MIN_CHARACTERS)
    found = {one for one in ids if one.startswith(typed.lower())}
    if len(found) > 1:
        raise LocalFault("id-ambiguous", typed=typed)
    if not found:
        raise LocalFault(code)
    return found.pop()


def connect(app: App) -> Node:
    """The node of this home. Raises NotRunning."""
    if not app.home.genesis.exists():
        raise LocalFault("home-missing")
    return Node(Client.of_home(app.home.path, language=app.language))


def told_by_client(app: App, error: Exception) -> tuple[str, str, int] | None:
    """Code, sentence and exit code for an error of the client; None for any other."""
    if isinstance(error, NotRunning):
        sentence = problem_text("node-not-running", app.language)
        return "node-not-running", sentence, NOT_RUNNING
    if isinstance(error, ApiProblem):
        return error.code, error.detail, REFUSED
    return None
