"""Asking the running node: its client, and what people type in place of ids.

Rules: a member is typed as a contact's name, a profile name that only one member bears, or the
first digits (6 at least) of an id; trades, posts, listings and devices by the first digits of
theirs. What is not unique is asked back, never guessed.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from node.client import ApiProblem, Client, Event, NotRunning
from node.commands.base import NOT_RUNNING, REFUSED, App
from node.i18n import problem_text
from node.protocol import parts
from node.protocol.errors import LocalFault, RemoteFault
from node.storage.home import create_private, publish

PREFIX_MIN_CHARACTERS: Final = 6
ID_CHARACTERS: Final = 64
LOOKED_THROUGH_MAX_COUNT: Final = 10_000  # rows looked through for a name


class Node:
    """The API as commands use it: paths below `/v1`, plain JSON in and out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._decimals: int | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET."""
        return self._client.get(path, **query)

    def file(self, path: str, **query: Any) -> bytes:
        """The bytes of an answer that is a file."""
        return self._client.file(path, **query)

    def post(self, path: str, body: Any = None) -> Any:
        """The answer to a POST."""
        return self._client.post(path, body)

    def file_or_none(self, path: str) -> bytes | None:
        """The bytes of an answer that is a file; None while the node does not have it."""
        return self._client.file_or_none(path)

    def send_file(self, path: str, data: bytes) -> Any:
        """The answer to bytes."""
        return self._client.post_file(path, data)

    def put(self, path: str, body: Any) -> Any:
        """The answer to a PUT."""
        return self._client.put(path, body)

    def delete(self, path: str, **query: Any) -> Any:
        """The answer to a DELETE."""
        return self._client.delete(path, **query)

    def each(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page, as far as anybody would look."""
        return islice(self._client.each(path, **query), LOOKED_THROUGH_MAX_COUNT)

    def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list."""
        return list(self.each(path, **query))

    def events(self) -> Iterator[Event]:
        """Events as they come."""
        return self._client.events()

    def send_lines(self, path: str, file: Path) -> Any:
        """Send a file of lines. Raises LocalFault file-missing, file-unreadable."""
        try:
            with file.open("rb") as lines:
                return self._client.post_lines(path, lines.read())
        except FileNotFoundError:
            raise LocalFault("file-missing", path=str(file)) from None
        except OSError as problem:
            raise LocalFault("file-unreadable", str(problem), path=str(file)) from None

    def save_export(self, file: Path) -> int:
        """Write an export into a new file for its owner alone; returns the number of records."""
        temporary = file.with_name(f"{file.name}.part")
        if file.exists():
            raise LocalFault("file-exists", path=str(file))
        try:
            create_private(temporary)
            count = -1  # the first line is no record
            with temporary.open("wb") as out:
                for line in self._client.export():
                    out.write(line)
                    count += 1
            publish(temporary, file)
        except OSError as problem:
            raise LocalFault("home-not-writable", str(problem), path=str(file)) from None
        finally:
            temporary.unlink(missing_ok=True)
        return count

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
        """The id of a trade as typed, or as a QR code of a printed receipt names it."""
        if parts.is_pointer(typed):
            return self._pointed(typed)
        return self._typed("/trades", typed, "trade-unknown")

    def _pointed(self, text: str) -> str:
        try:
            pointer = parts.read_pointer(text)
        except RemoteFault as fault:
            raise LocalFault("part-unreadable", str(fault)) from None
        if pointer.community.hex() != self.get("/community")["id"]:
            raise LocalFault("other-community")
        return pointer.trade.hex()

    def dispute(self, typed: str) -> str:
        """The id of a case as typed."""
        return self._typed("/disputes", typed, "dispute-unknown")

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
    if not app.home.device_key.exists():
        raise LocalFault("home-books", path=str(app.home.path))
    return Node(Client.of_home(app.home.path, language=app.language))


def told_by_client(app: App, error: Exception) -> tuple[str, str, int] | None:
    """Code, sentence and exit code for an error of the client; None for any other."""
    if isinstance(error, NotRunning):
        sentence = problem_text("node-not-running", app.language)
        return "node-not-running", sentence, NOT_RUNNING
    if isinstance(error, ApiProblem):
        return error.code, error.detail, REFUSED
    return None
