"""Routes about talk and market: rooms, posts, listings, search."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import Query

from node.api.context import Api
from node.api.models import talk as shapes
from node.api.models.base import ListingKind, Made, Who
from node.api.models.pictures import PictureIn
from node.api.parameters import USUAL, CursorQuery, FlagQuery, IdPath, IdQuery, LimitQuery
from node.api.routes_pictures import picture_shown
from node.api.routing import Route, get, write
from node.api.shaping import credit_decimals, decimals_of, iso_time, time_ms
from node.protocol import limits
from node.protocol.account import CREDIT
from node.protocol.errors import LocalFault
from node.protocol.market import ListingPut, Price
from node.services.core import Core
from node.services.market import Facets, ListingView, Offer
from node.services.photos.pictures import Chosen
from node.services.talk import Place
from node.storage.query import PriceCap, SearchQuery
from node.views.rooms import Post

RegionQuery = Annotated[
    str | None, Query(max_length=limits.WORD_SIZE_MAX_BYTES, examples=["KR-11"])
]
TagQuery = Annotated[str | None, Query(max_length=limits.WORD_SIZE_MAX_BYTES, examples=["김치"])]
KindQuery = Annotated[ListingKind | None, Query(examples=["goods"])]


class TalkRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def rooms(self) -> shapes.Rooms:
        """Rooms with their newest post, the liveliest first."""
        found = self._api.talk.rooms()
        return shapes.Rooms(
            items=[
                shapes.RoomLine(
                    name=room.name,
                    newest=None if room.newest is None else self._post(room.newest),
                )
                for room in found
            ]
        )

    async def posts(
        self,
        room: Annotated[
            str, Query(min_length=1, max_length=limits.NAME_SIZE_MAX_BYTES, examples=["마당"])
        ],
        cursor: CursorQuery = None,
        limit: LimitQuery = USUAL,
    ) -> shapes.Posts:
        """Posts of a room, newest first."""
        name = f"posts {room}"
        found, last = self._api.talk.read(room, self._place(name, cursor), limit)
        return shapes.Posts(items=[self._post(one) for one in found], next=self._mark(name, last))

    def _place(self, name: str, mark: str | None) -> Place | None:
        position = self._api.position(name, mark)
        return None if position is None else (int(position[0]), bytes.fromhex(position[1]))

    def _mark(self, name: str, place: Place | None) -> str | None:
        return self._api.mark(name, None if place is None else (place[0], place[1].hex()))

    async def post(self, post: IdPath) -> shapes.PostDetail:
        """One post with its replies."""
        found = bytes.fromhex(post)
        replies = [self._post(one) for one in self._api.talk.replies(found)]
        return shapes.PostDetail(replies=replies, **self._fields(self._api.talk.post(found)))

    def _post(self, post: Post) -> shapes.Post:
        return shapes.Post(**self._fields(post))

    def _fields(self, post: Post) -> dict[str, Any]:
        return {
            "id": post.id.hex(),
            "author": self._api.who(post.author),
            "room": post.room,
            "text": post.text,
            "language": post.language,
            "reply_to": None if post.reply_to is None else post.reply_to.hex(),
            "time": iso_time(post.time),
            "edited": None if post.edited is None else iso_time(post.edited),
            "reply_count": post.reply_count,
            "mine": post.author == self._api.core.member,
        }

    async def say(self, body: shapes.PostIn) -> Made:
        """Say something in a room."""
        done = await self._api.talk.say(
            body.room,
            body.text,
            language=body.language,
            reply_to=None if body.reply_to is None else bytes.fromhex(body.reply_to),
        )
        return Made(id=done.hex())

    async def edit(self, post: IdPath, body: shapes.EditIn) -> Made:
        """New text for an own post."""
        return Made(id=(await self._api.talk.edit(bytes.fromhex(post), body.text)).hex())

    async def delete(self, post: IdPath) -> Made:
        """Erase an own post, here and on every node that learns of it."""
        return Made(id=(await self._api.talk.delete(bytes.fromhex(post))).hex())

    async def listings(
        self,
        kind: KindQuery = None,
        region: RegionQuery = None,
        tag: TagQuery = None,
        author: IdQuery = None,
        cursor: CursorQuery = None,
        limit: LimitQuery = USUAL,
    ) -> shapes.Listings:
        """Listings, newest first; a page may be short and still go on."""
        name = f"listings {kind} {region} {tag} {author}"
        facets = Facets(kind, region, tag, None if author is None else bytes.fromhex(author))
        found, last = self._api.market.browse(facets, self._place(name, cursor), limit)
        who = cache(self._api.who)
        items = [self._listing(one, who) for one in found]
        return shapes.Listings(items=items, next=self._mark(name, last))

    async def listing(self, listing: IdPath) -> shapes.Listing:
        """One listing."""
        return self._listing(self._api.market.show(bytes.fromhex(listing)), self._api.who)

    def _listing(self, view: ListingView, who: Callable[[bytes], Who]) -> shapes.Listing:
        body = view.body
        return shapes.Listing(
            id=view.id.hex(),
            author=who(view.author),
            mine=view.author == self._api.core.member,
            kind=body.kind,
            title=body.title,
            text=body.text,
            price=_price_shown(body.price),
            region=body.region,
            stock=body.stock,
            tags=list(body.tags),
            language=body.language,
            time=iso_time(view.time),
            until=None if body.until is None else iso_time(body.until),
            state=view.state,
            pictures=[picture_shown(self._api, one) for one in view.pictures],
        )

    async def put_up(self, body: shapes.ListingIn) -> Made:
        """Put up a listing."""
        offer = self._offer(body)
        pictures = self._api.pictures.chosen(_chosen(body.pictures), offer.title)
        made = await self._api.market.put(offer, pictures)
        await self._api.pictures.offered(pictures)
        return Made(id=made.hex())

    async def revise(self, listing: IdPath, body: shapes.ListingChange) -> Made:
        """Change an own listing; what is left out stays."""
        found = bytes.fromhex(listing)
        now = self._api.market.show(found)
        pictures = None
        if body.pictures is not None:
            wanted, title = _chosen(body.pictures), body.title or now.body.title
            pictures = self._api.pictures.chosen(wanted, title, now.pictures)
        offer = None
        if pictures is None or body.model_fields_set > {"pictures"}:
            offer = _changed(_offer_of(now.body), body, self._api.core)
        made = await self._api.market.revise(found, offer, pictures)
        await self._api.pictures.offered(pictures or ())
        return Made(id=made.hex())

    async def close(self, listing: IdPath, erase: FlagQuery = False) -> Made:
        """Take an own listing off for ever; with `erase` its texts go everywhere."""
        return Made(id=(await self._api.market.close(bytes.fromhex(listing), erase=erase)).hex())

    def _offer(self, body: shapes.ListingIn) -> Offer:
        return Offer(
            kind=body.kind,
            title=body.title,
            text=body.text,
            price=_price(self._api.core, body.price),
            region=body.region or None,
            stock=body.stock,
            tags=tuple(body.tags),
            language=body.language,
            until=None if body.until is None else time_ms(body.until),
            paused=body.state == "paused",
        )

    async def search(
        self,
        words: Annotated[
            str, Query(min_length=1, max_length=limits.TITLE_MAX_CHARACTERS, examples=["김치"])
        ],
        kind: KindQuery = None,
        region: RegionQuery = None,
        max_price: Annotated[
            int | None,
            Query(
                ge=0,
                le=limits.AMOUNT_MAX_UNITS,
                description="minor units of credit; finds what is free, too",
                examples=[2000],
            ),
        ] = None,
        newest: Annotated[bool, Query(examples=[False])] = False,
        cursor: CursorQuery = None,
        limit: LimitQuery = USUAL,
    ) -> shapes.Hits:
        """Posts and listings in which every word occurs, best first."""
        cap = None
        if max_price is not None:
            cap = PriceCap(CREDIT, max_price, credit_decimals(self._api.core))
        name = f"search {words} {kind} {region} {max_price} {newest}"
        position = self._api.position(name, cursor)
        query = SearchQuery(
            words=words,
            kind="listing" if kind or region or cap else None,
            listing_kind=kind,
            region=region,
            max_price=cap,
            newest=newest,
            limit=limit,
            cursor=None if position is None else str(position[0]),
        )
        found = self._api.market.search(query)
        mark = self._api.mark(name, None if found.cursor is None else (found.cursor,))
        who = cache(self._api.who)
        return shapes.Hits(items=[self._hit(one, who) for one in found.items], next=mark)

    def _hit(self, found: Post | ListingView, who: Callable[[bytes], Who]) -> shapes.Hit:
        if isinstance(found, Post):
            return shapes.Hit(post=self._post(found), listing=None)
        return shapes.Hit(post=None, listing=self._listing(found, who))


def _chosen(pictures: list[PictureIn]) -> list[Chosen]:
    return [Chosen(bytes.fromhex(one.id), one.text) for one in pictures]


def _price_shown(price: Price | Literal["ask", "free"]) -> shapes.Price:
    if not isinstance(price, Price):
        return shapes.Price(form=price)
    return shapes.Price(
        form="amount", amount=price.amount, unit=price.unit, decimals=price.decimals
    )


def _price(core: Core, price: shapes.PriceIn) -> Price | Literal["ask", "free"]:
    if price.form != "amount":
        return price.form
    if price.amount is None:
        raise LocalFault("request-invalid", misfit="missing", field="amount")
    decimals = price.decimals
    if decimals is None:
        decimals = decimals_of(core, price.unit)
    return Price(price.amount, price.unit, decimals)


def _changed(offer: Offer, body: shapes.ListingChange, core: Core) -> Offer:
    """An offer with what a change names. Only what may be empty can be emptied."""
    asked = body.model_fields_set
    changes: dict[str, Any] = {
        name: getattr(body, name) for name in ("region", "language") if name in asked
    }
    for name in ("kind", "title", "text", "stock"):
        if getattr(body, name) is not None:
            changes[name] = getattr(body, name)
    if "until" in asked:
        changes["until"] = None if body.until is None else time_ms(body.until)
    if body.tags is not None:
        changes["tags"] = tuple(body.tags)
    if body.price is not None:
        changes["price"] = _price(core, body.price)
    if body.state is not None:
        changes["paused"] = body.state == "paused"
    return replace(offer, **changes)


def _offer_of(listing: ListingPut) -> Offer:
    return Offer(
        kind=listing.kind,
        title=listing.title,
        text=listing.text,
        price=listing.price,
        region=listing.region,
        stock=listing.stock,
        tags=tuple(listing.tags),
        language=listing.language,
        until=listing.until,
        paused=listing.paused,
    )


def routes(api: Api) -> list[Route]:
    """The table."""
    talk = TalkRoutes(api)
    one, other = "/posts/{post}", "/listings/{listing}"
    return [
        get("/rooms", talk.rooms, shapes.Rooms),
        get("/posts", talk.posts, shapes.Posts),
        write("POST", "/posts", talk.say, Made, "talk", status=201),
        get(one, talk.post, shapes.PostDetail),
        write("PUT", one, talk.edit, Made, "talk"),
        write("DELETE", one, talk.delete, Made, "talk"),
        get("/listings", talk.listings, shapes.Listings),
        write("POST", "/listings", talk.put_up, Made, "talk", status=201),
        get(other, talk.listing, shapes.Listing),
        write("PUT", other, talk.revise, Made, "talk"),
        write("DELETE", other, talk.close, Made, "talk"),
        get("/search", talk.search, shapes.Hits),
    ]
