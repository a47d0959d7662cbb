"""Market: listings put up, revised, closed, browsed and searched.

Rules: a listing says where, but never an address: a region code or a coarse cell. Prices are exact.
A listing is active, paused, expired (by this node's clock) or gone; closing is for ever, and can
erase its texts. Browsing and searching show active listings only, and look at the state before they
show what the index found, so nothing that is gone comes up again.

Left to others: page marks and names (`api`, `people`), the index itself (`storage`).
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from msgspec import structs

from node import i18n
from node.protocol import crypto, lanes
from node.protocol.errors import LocalFault
from node.protocol.limits import (
    AMOUNT_MAX_UNITS,
    BROWSE_SCAN_MAX_COUNT,
    CLOCK_AHEAD_MAX_MS,
    PAGE_ITEMS_MAX_COUNT,
    SALT_SIZE_BYTES,
    TAGS_MAX_COUNT,
    TITLE_MAX_CHARACTERS,
    WORD_SIZE_MAX_BYTES,
)
from node.protocol.market import (
    ListingClose,
    ListingKind,
    ListingPictures,
    ListingPut,
    Picture,
    Price,
    Stock,
)
from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.protocol.state import NUMBER_SIZE_BYTES
from node.services import written
from node.services.core import Core
from node.services.publish import Appender, Draft, Publisher
from node.services.talk import Place, shown_post
from node.storage.follower import Search
from node.storage.query import SearchQuery
from node.storage.reader import SqliteReader
from node.storage.state import WriterState
from node.views import listings, rooms
from node.views.listings import Listing
from node.views.pictures import PICTURES_SHOWN
from node.views.rooms import Post

State = Literal["active", "paused", "expired"]

MORE_LISTINGS_COUNT: Final = 4  # read at a time beyond a page
# Letters, digits and marks of which none needs cleaning (`i18n.clean_for_display`).
_HARMLESS_ASCII: Final = b"\n" + bytes(range(ord(" "), 0x7F))
_HARMLESS: Final = re.compile(
    "[\n -~\u00a1-\u00ac\u00ae-\u024f\u0400-\u045f\u2010-\u2027\u2030-\u205e\u3001-\u3029"
    "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]*"
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a member wants to put up. `until` in ms; a price in minor units, "ask" or "free"."""

    kind: ListingKind
    title: str
    text: str = ""
    price: Price | Literal["ask", "free"] = "ask"
    region: str | None = None
    stock: Stock = "unknown"
    tags: tuple[str, ...] = ()
    language: str | None = None
    until: int | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Facets:
    """What a list of listings is narrowed to. Regions hold their parts: `KR` shows `KR-11`."""

    kind: ListingKind | None = None
    region: str | None = None
    tag: str | None = None
    author: bytes | None = None


@dataclass(frozen=True, slots=True)
class ListingView:
    """A listing as shown."""

    id: bytes
    author: bytes
    time: int  # claimed time of the revision shown
    state: State
    body: ListingPut
    pictures: list[Picture]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of search results, and the mark that asks for the next one."""

    items: tuple[Post | ListingView, ...]
    cursor: str | None


class Market:
    """What a member does in the market. Writers return after the commit."""

    def __init__(self, core: Core, publisher: Publisher, search: Search) -> None:
        self._core = core
        self._publisher = publisher
        self._search = search

    async def put(self, offer: Offer, pictures: Sequence[Picture] = ()) -> bytes:
        """Put up a listing; its id. Raises LocalFault title-invalid, text-too-long, amount-invalid,
        unit-invalid, region-invalid, tags-invalid, until-past, content-invalid."""
        draft = Draft("listing.put", self._body(offer, None))

        def work(appender: Appender, _: WriterState) -> bytes:
            made = appender.append(draft)
            if pictures:
                appender.append(_illustrated(made, pictures))
            return made

        return await self._publisher.transact(work)

    async def revise(
        self, listing: bytes, offer: Offer | None, pictures: Sequence[Picture] | None = None
    ) -> bytes:
        """Show an own listing differently: its words, its pictures, or both (None: as they are).
        The id of the newest record. Raises as `put`, and not-found, listing-gone, not-yours."""
        drafts: list[Draft] = []
        if offer is not None:
            drafts.append(Draft("listing.put", self._body(offer, listing)))
        if pictures is not None:
            drafts.append(_illustrated(listing, pictures))
        return await self._own(listing, *drafts)

    async def close(self, listing: bytes, *, erase: bool = False) -> bytes:
        """Take an own listing off for ever; with `erase` its texts go everywhere."""
        body = ListingClose(erase=erase, listing=listing, salt=_salt())
        return await self._own(listing, Draft("listing.close", body))

    async def _own(self, listing: bytes, *drafts: Draft) -> bytes:
        def work(appender: Appender, state: WriterState) -> bytes:
            if _live(state, listing).author != self._core.member:
                raise LocalFault("not-yours")
            return [appender.append(draft) for draft in drafts][-1]

        return await self._publisher.transact(work)

    def _body(self, offer: Offer, listing: bytes | None) -> ListingPut:
        title = written.line(offer.title)
        if not 1 <= len(title) <= TITLE_MAX_CHARACTERS:
            raise LocalFault("title-invalid", maximum=TITLE_MAX_CHARACTERS)
        if offer.until is not None and offer.until <= self._core.clock():
            raise LocalFault("until-past")
        body = ListingPut(
            kind=offer.kind,
            language=None if offer.language is None else written.language(offer.language),
            listing=listing,
            paused=offer.paused,
            price=_checked_price(offer.price),
            region=None if offer.region is None else written.region(offer.region),
            salt=_salt(),
            stock=offer.stock,
            tags=_checked_tags(offer.tags),
            text=written.text(offer.text, empty=True),
            title=title,
            until=offer.until,
        )
        return written.fitting(body)

    def show(self, listing: bytes) -> ListingView:
        """A listing. Raises LocalFault listing-gone, not-found."""
        with self._core.reading() as reader:
            return self._view(_live(reader, listing))

    def browse(
        self, facets: Facets, before: Place | None = None, limit: int = 50
    ) -> tuple[list[ListingView], Place | None]:
        """Newest active listings first, beyond `before`; and where to go on (None: no more).

        An author's own list also shows what is paused or expired. A page may be short, even empty,
        and go on: what expired is passed over in bounded steps.
        """
        limit = max(1, min(limit, PAGE_ITEMS_MAX_COUNT))
        region = None if facets.region is None else written.region(facets.region)
        tag = None if facets.tag is None else tag_form(facets.tag)
        facets = replace(facets, region=region, tag=tag)
        found: list[ListingView] = []
        looked_at, now = 0, self._core.clock()
        with self._core.reading() as stored:
            ahead = limit + 2  # one tells that there are more, one may not fit
            reader = _PageReader(stored, self._core.community, ahead)
            for listing in self._newest(reader, facets, before, ahead + MORE_LISTINGS_COUNT):
                if len(found) == limit or looked_at == BROWSE_SCAN_MAX_COUNT:
                    return found, before
                looked_at += 1
                before = (listing.time, listing.id)
                state = _state(listing, now)
                if _fits(listing, state, facets):
                    found.append(_shown(listing, state))
        return found, None

    def _newest(
        self, reader: Reader, facets: Facets, before: Place | None, count: int
    ) -> Iterator[Listing]:
        """Live listings of the narrowest facet that is indexed, newest first; `count` of them are
        likely to do."""
        now = self._core.clock() + CLOCK_AHEAD_MAX_MS
        prefix = _narrowest(facets)
        while True:
            last = before
            for listing in listings.listings_by(reader, prefix, before, count, now):
                before = (listing.time, listing.id)
                yield listing
            if before == last:
                return
            count = PAGE_ITEMS_MAX_COUNT

    def search(self, query: SearchQuery) -> Found:
        """Posts and active listings in which every word occurs, best first. Raises LocalFault
        cursor-invalid, region-invalid."""
        if query.region is not None:
            query = replace(query, region=written.region(query.region))
        query = replace(query, now_ms=self._core.clock())
        page = self._search.query(query)
        with self._core.reading() as reader:
            items = [self._item(reader, hit.id) for hit in page.hits]
            known = all(
                item is not None or lanes.ENTRY.has(reader, hit.id)
                for item, hit in zip(items, page.hits, strict=True)
            )
        # Up to date, and yet it names what nobody has: its own bytes have flipped.
        if not known and self._search.behind_count == 0 and self._search.begin_anew():
            return self.search(query)
        return Found(tuple(item for item in items if item is not None), page.cursor)

    def _item(self, reader: Reader, record: bytes) -> Post | ListingView | None:
        post = rooms.post_of(reader, record)
        if post is not None:
            return shown_post(post)
        listing = listings.listing_of(reader, record)
        view = None if listing is None else self._view(listing)
        return view if view is not None and view.state == "active" else None

    def _view(self, listing: Listing) -> ListingView:
        return _shown(listing, _state(listing, self._core.clock()))


class _PageReader:
    """A reader for a page of listings: what their index names is read in a few statements, and no
    record is taken from the disk twice (a listing is asked for its author, its id, its text).

    A page's worth is read ahead, then a few at a time: when some do not fit, few more are needed.
    """

    def __init__(self, reader: SqliteReader, community: bytes, count: int) -> None:
        self._reader = reader
        self._community = community
        self._portion = count
        self._to_read: list[bytes] = []  # keys that the index named, in order
        self._rows: dict[tuple[str, bytes], bytes | None] = {}
        self._held: dict[int, RawRecord | None] = {}
        self.next_number = reader.next_number

    def scan(
        self,
        table: str,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        found = self._reader.scan(table, low, high, reverse=reverse, limit=limit)
        if table == listings.LISTING_INDEX.name:
            self._to_read = [key[-NUMBER_SIZE_BYTES:] for key, _ in found]
        return found

    def _read_ahead(self) -> None:
        keys, self._to_read = self._to_read[: self._portion], self._to_read[self._portion :]
        self._portion = MORE_LISTINGS_COUNT
        numbers = {int.from_bytes(key, "big") for key in keys}
        for table in (listings.LISTING, PICTURES_SHOWN):
            self._rows.update({(table.name, key): None for key in keys})
            for key, row in self._reader.get_many(table.name, keys):
                self._rows[table.name, key] = row
                numbers.add(table.read(row).number)
        unknown = [number for number in numbers if number not in self._held]
        self._held.update(zip(unknown, self._reader.raws(unknown), strict=True))

    def get(self, table: str, key: bytes) -> bytes | None:
        if self._to_read and key == self._to_read[0]:
            self._read_ahead()
        if (table, key) in self._rows:
            return self._rows[table, key]
        return self._reader.get(table, key)

    def raw(self, number: int) -> RawRecord | None:
        if number not in self._held:
            self._held[number] = self._reader.raw(number)
        return self._held[number]

    def id_of(self, number: int) -> bytes:
        raw = self.raw(number)
        assert raw is not None, f"no record {number}"
        return crypto.record_id(self._community, raw.header)


def _state(listing: Listing, now_ms: int) -> State:
    body = listing.body
    if body.until is not None and body.until <= now_ms:
        return "expired"
    return "paused" if body.paused else "active"


def _shown(listing: Listing, state: State) -> ListingView:
    """A listing, its texts cleaned; nearly always they are shown as they were written."""
    body = listing.body
    lines = "".join([body.title, *body.tags])
    if "\n" in lines or not _is_harmless(lines) or not _is_harmless(body.text):
        body = structs.replace(
            body,
            text=i18n.clean_for_display(body.text),
            title=i18n.clean_for_display(body.title, one_line=True),
            tags=_tags_shown(body),
        )
    pictures = [
        structs.replace(one, text=i18n.clean_for_display(one.text, one_line=True))
        for one in listing.pictures
    ]
    return ListingView(listing.id, listing.author, listing.time, state, body, pictures)


def _illustrated(listing: bytes, pictures: Sequence[Picture]) -> Draft:
    body = ListingPictures(listing=listing, pictures=list(pictures), salt=_salt())
    return Draft("listing.pictures", written.fitting(body))


def _is_harmless(written: str) -> bool:
    if written.isascii():
        return not written.encode().translate(None, _HARMLESS_ASCII)
    return _HARMLESS.fullmatch(written) is not None


def _tags_shown(body: ListingPut) -> list[str]:
    return [i18n.clean_for_display(tag, one_line=True) for tag in body.tags]


def _live(reader: Reader, listing: bytes) -> Listing:
    found = listings.listing_of(reader, listing)
    if found is None:
        entry = lanes.entry_of(reader, listing)
        if entry is not None and entry.kind == "listing.put":
            raise LocalFault("listing-gone")
        raise LocalFault("not-found", what=listing.hex()[:8])
    return found


def _narrowest(facets: Facets) -> bytes:
    """The index to walk; the others are looked up in each listing."""
    if facets.author is not None:
        return listings.facet("author", facets.author.hex())
    if facets.tag is not None:
        return listings.facet("tag", facets.tag)
    if facets.region is not None:
        return listings.facet("region", facets.region)
    if facets.kind is not None:
        return listings.facet("kind", facets.kind)
    return listings.facet("all")


def _fits(listing: Listing, state: State, facets: Facets) -> bool:
    body = listing.body
    region = body.region or ""
    return (
        (state == "active" or facets.author is not None)
        and (facets.kind is None or body.kind == facets.kind)
        and (facets.tag is None or facets.tag in body.tags or facets.tag in _tags_shown(body))
        and (facets.region is None or f"{region}-".startswith(f"{facets.region}-"))
    )


def tag_form(tag: str) -> str:
    """A tag in the form in which it is signed and looked for."""
    return written.line(tag).lstrip("#").strip().casefold()


def _checked_tags(tags: tuple[str, ...]) -> list[str]:
    forms = [tag_form(tag) for tag in tags]
    found = list(dict.fromkeys(form for form in forms if form))
    if len(found) > TAGS_MAX_COUNT or any(len(tag) > WORD_SIZE_MAX_BYTES for tag in found):
        raise LocalFault("tags-invalid", maximum=TAGS_MAX_COUNT)
    return found


def _checked_price(price: Price | Literal["ask", "free"]) -> Price | Literal["ask", "free"]:
    if not isinstance(price, Price):
        return price
    if not 1 <= price.amount <= AMOUNT_MAX_UNITS:
        raise LocalFault("amount-invalid", decimals=price.decimals)
    unit = written.line(price.unit)
    if not 1 <= len(unit) <= WORD_SIZE_MAX_BYTES:
        raise LocalFault("unit-invalid")
    return Price(price.amount, unit, price.decimals)


def _salt() -> bytes:
    return secrets.token_bytes(SALT_SIZE_BYTES)
