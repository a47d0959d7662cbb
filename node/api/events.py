"""Server-sent events: what changed, in order, resumable across reconnects and restarts.

How: the log of events in the database is the only queue. Every stream reads on from the last event
it sent and is woken after commits, so nothing is missed, nothing is kept per client, and a slow
client only delays itself (one that takes nothing at all is dropped by `serving`).

Rules: an event's id names this database and its place in the log. A client that was away for longer
than the log reaches, or that comes with an id of another database, is told `reset`: it reads its
lists anew. A stream ends as soon as its token is taken back, or has expired. `ready` comes first
and carries an id, so that even a client that saw no event can resume. `status` has no id: it says
that GET /status has news. Silence is filled with comments.

Left to others: what the events are (the folds name them).
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
import trio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from node.api.tokens import Access, TokenStore
from node.protocol import limits
from node.protocol.errors import StorageFault
from node.services.core import Core
from node.storage.kept.events import Event
from node.storage.state import Commit

log = logging.getLogger(__name__)

EPOCH_BYTES: Final = 6
HEARTBEAT: Final = b":\n\n"
STATUS: Final = b"event: status\ndata: {}\n\n"
CHAPTER_BYTES: Final = 2
ID_BYTES: Final = 32
SUBJECTS: Final = {
    "post": "post",
    "listing": "listing",
    "profile": "member",
    "application": "member",
    "account": "member",
    "device.added": "member",
    "device.revoked": "member",
    "trade": "trade",
    "balance": "trade",
    "rating": "trade",
    "dispute": "dispute",
    "picture": "picture",
}
"""Under which name an event's data gives the id it is about; `subject` for all others."""


class EventHub:
    """Wakes the open streams, and ends them when the node stops."""

    def __init__(self, core: Core, tokens: TokenStore) -> None:
        self._core = core
        self._tokens = tokens
        self._epoch = core.database.id[:EPOCH_BYTES].hex()
        self._wake = trio.Event()
        self._open = Counter[bytes]()  # streams by token
        self._token = trio.lowlevel.current_trio_token()
        self._bulk_at = -limits.BULK_S
        self.status_number = 0  # grows when GET /status has news
        self.closed = False
        core.writer.add_listener(self._committed)

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._open.total()

    def _committed(self, commit: Commit) -> None:
        """In the writer's thread."""
        if commit.next_number - commit.first_number >= limits.BULK_RECORDS_COUNT:
            self._bulk_at = time.monotonic()
        if commit.events:
            try:
                self._token.run_sync_soon(self.wake, idempotent=True)
            except trio.RunFinishedError:
                pass

    def _is_bulk(self) -> bool:
        """True iff an import or sync is going on: then a client that reads every event would take
        a quarter of the processor from it."""
        return time.monotonic() - self._bulk_at < limits.BULK_S

    def wake(self) -> None:
        """Have every stream look for news."""
        self._wake.set()
        self._wake = trio.Event()

    def status_changed(self) -> None:
        """GET /status has news."""
        self.status_number += 1
        self.wake()

    def close(self) -> None:
        """End all streams, and take no new ones."""
        self.closed = True
        self.wake()

    def open(self, last_id: str | None, access: Access) -> "EventStream":
        """A stream that goes on after `last_id`, or from now. Raises StorageFault `busy`."""
        room = self.streams < limits.EVENT_STREAMS_MAX_COUNT and (
            access.is_owner or self._open[access.hash] < limits.EVENT_STREAMS_OF_CLIENT_MAX_COUNT
        )
        if self.closed or not room:
            raise StorageFault("busy")
        return EventStream(self, last_id, access)

    async def follow(self, last_id: str | None, access: Access) -> AsyncIterator[bytes]:
        """The stream's bytes, piece by piece, while its token is good and the hub open."""
        self._open[access.hash] += 1
        try:
            seq, greeting = self._start(last_id)
            yield greeting
            seen = self.status_number
            while not self.closed and (left_s := self._tokens.left_s(access)) > 0:
                woken = self._wake  # before reading: what comes meanwhile wakes us at once
                found = self._after(seq)
                if found is None:
                    return
                if found:
                    seq = found[-1].seq
                    yield b"".join(self._framed(event) for event in found)
                    if len(found) == limits.EVENTS_READ_AT_ONCE_COUNT and self._is_bulk():
                        await trio.sleep(limits.EVENTS_BULK_PAUSE_S)
                elif seen != self.status_number:
                    seen = self.status_number
                    yield STATUS
                else:
                    with trio.move_on_after(min(limits.EVENTS_HEARTBEAT_S, left_s)) as silence:
                        await woken.wait()
                    if silence.cancelled_caught:
                        yield HEARTBEAT
        finally:
            self._open[access.hash] -= 1

    def _after(self, seq: int) -> list[Event] | None:
        """The next events; None where they cannot be read: the answer has begun, so that no
        sentence can follow, and the client asks again."""
        try:
            return self._core.reader.events.after(seq, limits.EVENTS_READ_AT_ONCE_COUNT)
        except (sqlite3.Error, StorageFault) as error:
            if self._core.note_fault(error) is None:
                raise
            return None

    def _start(self, last_id: str | None) -> tuple[int, bytes]:
        """Where to go on, and what to say first."""
        events = self._core.reader.events
        last = events.last()
        if last_id is None:
            return last, self._first("ready", last)
        epoch, _, number = last_id.partition("-")
        seq = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else -1
        if epoch == self._epoch and seq >= 0 and events.is_complete_after(seq):
            return seq, self._first("ready", seq)
        return last, self._first("reset", last)

    def _first(self, name: str, seq: int) -> bytes:
        retry = f"retry: {limits.EVENTS_RETRY_MS}\n"
        return (retry + f"id: {self._epoch}-{seq}\nevent: {name}\ndata: {{}}\n\n").encode()

    def _framed(self, event: Event) -> bytes:
        text = msgspec.json.encode(self._data(event)).decode()
        return f"id: {self._epoch}-{event.seq}\nevent: {event.name}\ndata: {text}\n\n".encode()

    def _data(self, event: Event) -> dict[str, Any]:
        data = {"time": _time(event.at)}
        subject = event.subject
        if event.name == "fork":  # a lane
            data["member"], data["device"] = subject[:32].hex(), subject[32:64].hex()
        elif len(subject) == CHAPTER_BYTES + ID_BYTES:
            number = int.from_bytes(subject[:CHAPTER_BYTES], "big")
            data["chapter"] = self._core.rules.genesis.chapters[number].name
            data["member"] = subject[CHAPTER_BYTES:].hex()
        else:
            data[SUBJECTS.get(event.name, "subject")] = subject.hex()
        return data


@lru_cache(64)
def _time(at_ms: int) -> str:
    """All events of a commit have the same time."""
    time = datetime.fromtimestamp(at_ms / 1000, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventStream(Response):
    """The answer to GET /events: runs until the client goes, or the node stops."""

    media_type = "text/event-stream"

    def __init__(self, hub: EventHub, last_id: str | None, access: Access) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._last_id = last_id
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async with trio.open_nursery() as nursery:

            async def until_gone() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                nursery.cancel_scope.cancel()

            nursery.start_soon(until_gone)
            pieces = self._hub.follow(self._last_id, self._access)
            try:
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            finally:
                await pieces.aclose()  # type: ignore[attr-defined]
            nursery.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
