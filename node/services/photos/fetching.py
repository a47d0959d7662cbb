"""Fetching pictures from neighbours: what somebody looks at, and a little before anybody does.

Rules: only files that live listings name are asked for. What somebody looks at comes first; what is
fetched ahead (own listings', and small ones of the newest listings nearby) or for a neighbour that
asked us is paid from a daily budget. What nobody has is asked for again after growing pauses, and
forgotten when nobody wants it any more: no wish is ever a busy loop. A file that is not what
listings say of it is not kept, and not asked for again until another listing says otherwise; who
gave it is not to blame.

Left to others: asking neighbours (`network.pictures`).
"""

# pyright: reportUnknownMemberType=false

import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import trio

from node.network.budget import Bucket
from node.protocol import limits
from node.protocol.errors import WetalkError
from node.protocol.market import PictureFile
from node.protocol.picture import is_stated
from node.protocol.ports import Reader
from node.protocol.record import stored_header
from node.services.core import Committed, Core
from node.services.photos.pictures import Pictures
from node.storage.reader import SqliteReader
from node.views import identities, listings, members, pictures
from node.views.listings import Listing

log = logging.getLogger(__name__)

EVENT: Final = "picture"  # a file has arrived; its subject is the hash
NOT_HERE, HERE, LATER = 0, 1, 2  # first bytes of an answer (`network.pictures.Word`)
DAY_S: Final = 86_400
LOOK_EVERY_S: Final = 3_600  # what was made and never named goes, though nothing happens
BAD_MAX_COUNT: Final = 4_096
Waiting = Literal["coming", "nobody", "alone"]
"""Being fetched; no neighbour that was asked has it; there is no neighbour to ask."""

Ask = Callable[[bytes], Awaitable[Any]]
"""`Network.picture`."""


@dataclass(slots=True, eq=False)
class _Wish:
    key: bytes
    urgent: bool  # somebody looks at it
    wanted_at: float
    due_at: float
    pause_s: float = 0.0
    busy: bool = False
    waiting: Waiting = "coming"


class PictureFetching:
    """What is wished for, and the tasks that fetch it. Also the `Shelf` of neighbours."""

    def __init__(self, core: Core, service: Pictures) -> None:
        self._core = core
        self._service = service
        self._wishes: dict[bytes, _Wish] = {}
        self._bad: dict[bytes, list[PictureFile]] = {}  # what was falsely said of a file
        self._woken = trio.Event()
        self._news = trio.Event()
        self._budget = _daily(service.bounds().ahead)
        self._met_at = -math.inf
        self.ask: Ask | None = None  # set when the network runs

    # --- wishes -----------------------------------------------------------------------------------
    def want(self, key: bytes) -> Waiting:
        """Somebody looks at a file that is not here: fetch it soon; what is known of that."""
        wish = self._wish(key, urgent=True)
        if self.ask is None:
            return "alone"
        return "coming" if wish is None else wish.waiting

    def _wish(self, key: bytes, *, urgent: bool) -> _Wish | None:
        now = trio.current_time()
        if key in self._bad and self._bad[key] == pictures.statements(self._core.reader, key):
            return _Wish(key, urgent, now, now, waiting="nobody")
        wish = self._wishes.get(key)
        if wish is None:
            if len(self._wishes) >= limits.PICTURE_WISHES_MAX_COUNT and not self._give_up_one():
                return None
            wish = self._wishes[key] = _Wish(key, urgent, now, now)
            self._wake()
        if urgent:
            if not wish.urgent:
                wish.urgent, wish.due_at, wish.pause_s = True, min(wish.due_at, now), 0.0
                self._wake()
            wish.wanted_at = now
        return wish

    def _give_up_one(self) -> bool:
        """Make room: the oldest wish that nobody waits for goes, else the oldest."""
        idle = [wish for wish in self._wishes.values() if not wish.busy]
        if not idle:
            return False
        oldest = min(idle, key=lambda wish: (wish.urgent, wish.wanted_at))
        del self._wishes[oldest.key]
        return True

    def _wake(self) -> None:
        self._woken.set()
        self._woken = trio.Event()

    # --- Shelf ------------------------------------------------------------------------------------
    async def give(self, key: bytes) -> tuple[Any, bytes]:
        """A file for a neighbour, if a live listing names it. One that is not here is wished for:
        so pictures cross nodes that do not meet."""
        try:
            if not pictures.is_named(self._core.reader, key):
                return NOT_HERE, b""
            kept = await trio.to_thread.run_sync(self._core.pictures.take, key)
        except WetalkError as fault:
            log.info("a picture could not be given: %s", fault)
            return LATER, b""
        if kept is not None:
            return HERE, kept.data
        if self.ask is not None:
            self._wish(key, urgent=False)
        return LATER, b""

    def met(self) -> None:
        """A new neighbour: ask again soon for what nobody had, now and then."""
        now = trio.current_time()
        if now - self._met_at < limits.PICTURE_AGAIN_FIRST_S:
            return
        self._met_at = now
        for wish in self._wishes.values():
            wish.due_at = min(wish.due_at, now + 1)
        self._wake()

    # --- tasks ------------------------------------------------------------------------------------
    def heed(self, committed: Committed) -> None:
        """Listings have changed: look what came and what went."""
        if any(name == "listing" for name, _ in committed.events):
            self._news.set()

    async def run(self) -> None:
        """Fetch, look ahead and sweep, for ever."""
        async with trio.open_nursery() as nursery:
            for _ in range(limits.PICTURE_WORKERS_COUNT):
                nursery.start_soon(self._work)
            nursery.start_soon(self._look_around)

    async def _look_around(self) -> None:
        while True:
            self._news = trio.Event()
            try:
                await trio.to_thread.run_sync(self._service.sweep)
                if self.ask is not None:
                    for key in await trio.to_thread.run_sync(self._nearby):
                        self._wish(key, urgent=False)
            except WetalkError as fault:
                log.info("pictures: %s", fault)
            except Exception:
                log.exception("pictures")
            await trio.sleep(limits.PICTURES_AHEAD_PAUSE_S)
            with trio.move_on_after(LOOK_EVERY_S):
                await self._news.wait()

    def network_runs(self, ask: Ask) -> None:
        """There are neighbours to ask."""
        self.ask = ask
        self._news.set()
        self._wake()

    async def _work(self) -> None:
        while True:
            woken = self._woken
            wish = self._next()
            if wish is None:
                with trio.move_on_at(self._next_due()):
                    await woken.wait()
                continue
            wish.busy = True
            try:
                await self._attempt(wish)
            except WetalkError as fault:
                log.info("a picture could not be kept: %s", fault)
                self._put_off(wish)
            except Exception:
                log.exception("a picture")
                self._put_off(wish)
            finally:
                wish.busy = False

    def _next(self) -> _Wish | None:
        now = trio.current_time()
        due = [wish for wish in self._wishes.values() if not wish.busy and wish.due_at <= now]
        if self.ask is None or not due:
            return None
        return min(due, key=lambda wish: (not wish.urgent, wish.due_at))

    def _next_due(self) -> float:
        if self.ask is None:
            return math.inf
        return min((w.due_at for w in self._wishes.values() if not w.busy), default=math.inf)

    async def _attempt(self, wish: _Wish) -> None:
        core, key = self._core, wish.key
        with core.reading() as reader:
            stated = pictures.statements(reader, key)
            own = any(
                _is_by(reader, number, core.member) for number in pictures.naming(reader, key)
            )
        if not stated or core.pictures.file(key) in stated:
            self._forget(wish)
            return
        paid = 0 if wish.urgent or own else max(file.size for file in stated)
        now = trio.current_time()
        if paid and not self._budget.try_pay(paid, now):
            wish.due_at = now + min(DAY_S, paid / self._budget.rate if self._budget.rate else DAY_S)
            return
        assert self.ask is not None
        found = await self.ask(key)
        if found.data is None:
            if paid:
                self._budget.pay(-paid, trio.current_time())
            wish.waiting = _standing(found)
            self._put_off(wish)
            return
        if paid and len(found.data) > paid:  # a listing says less than there is
            self._budget.pay(len(found.data) - paid, trio.current_time())
        await self._keep(key, stated, found.data, own=own)
        self._forget(wish)

    async def _keep(self, key: bytes, stated: list[PictureFile], data: bytes, *, own: bool) -> None:
        file = next((one for one in stated if is_stated(data, one)), None)
        if file is None:
            if len(self._bad) >= BAD_MAX_COUNT:
                self._bad.pop(next(iter(self._bad)))
            self._bad[key] = stated
            return
        room, store = self._service.bounds().room, self._core.pictures
        kept = await trio.to_thread.run_sync(lambda: store.put(file, data, own=own, room=room))
        if kept:
            await self._core.writer.run(lambda state: state.tell(EVENT, key))

    def _put_off(self, wish: _Wish) -> None:
        """Ask again after a pause that grows; a wish that nobody renewed goes."""
        now = trio.current_time()
        if now - wish.wanted_at > limits.PICTURE_WISH_KEPT_S:
            self._forget(wish)
            return
        longest = limits.PICTURE_AGAIN_MAX_S
        wish.pause_s = min(longest, 2 * wish.pause_s or limits.PICTURE_AGAIN_FIRST_S)
        wish.due_at = now + wish.pause_s

    def _forget(self, wish: _Wish) -> None:
        if self._wishes.get(wish.key) is wish:
            del self._wishes[wish.key]

    # --- ahead ------------------------------------------------------------------------------------
    def _nearby(self) -> list[bytes]:
        """Files to fetch before anybody asks: of own listings, and of the newest ones nearby."""
        core, store = self._core, self._core.pictures
        if core.signer is None:
            return []
        rate = self._service.bounds().ahead / DAY_S
        if rate != self._budget.rate:
            self._budget = _daily(self._service.bounds().ahead)
        with core.reading() as reader:
            return [file for file in self._wanted(reader) if store.file(file) is None]

    def _wanted(self, reader: SqliteReader) -> Iterator[bytes]:
        member, most = self._core.member, limits.PICTURES_AHEAD_LISTINGS_COUNT
        until = self._core.clock() + limits.CLOCK_AHEAD_MAX_MS
        mine = listings.facet("author", member.hex())
        for listing in listings.listings_by(reader, mine, None, most, until):
            for picture in listing.pictures:
                yield from (picture.small.hash, picture.large.hash)
        near = _Near(reader, self._core)
        everything = listings.facet("all")
        for listing in listings.listings_by(reader, everything, None, most, until):
            if listing.pictures and self._budget.rate and near.holds(listing):
                yield from (picture.small.hash for picture in listing.pictures)


class _Near:
    """Which listings are of own places: the region of the profile, and own chapters."""

    def __init__(self, reader: SqliteReader, core: Core) -> None:
        self._reader, self._rules = reader, core.rules
        profile = identities.profile_of(reader, core.member)
        self._region = None if profile is None else profile.region
        count = len(core.rules.genesis.chapters)
        self._chapters = [number for number in range(count) if self._is_in(number, core.member)]
        self._authors: dict[bytes, bool] = {}

    def _is_in(self, chapter: int, member: bytes) -> bool:
        state = members.membership(self._reader, chapter, member, self._rules)
        return state in ("member", "officer")

    def holds(self, listing: Listing) -> bool:
        region = listing.body.region
        if region is not None and self._region is not None:
            return f"{region}-".startswith(f"{self._region}-")
        author = listing.author
        if author not in self._authors:
            self._authors[author] = any(self._is_in(n, author) for n in self._chapters)
        return self._authors[author]


def _standing(found: Any) -> Waiting:
    if not found.asked:
        return "alone"
    return "coming" if found.later else "nobody"


def _is_by(reader: Reader, number: int, member: bytes) -> bool:
    raw = reader.raw(number)
    return raw is not None and stored_header(raw.header).author == member


def _daily(most: int) -> Bucket:
    return Bucket(most / DAY_S, most)
