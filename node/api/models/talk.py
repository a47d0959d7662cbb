"""Shapes about talk and market: rooms, posts, listings, search."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import (
    Amount,
    Cursor,
    Decimals,
    Id,
    ListingKind,
    Model,
    Room,
    RoomShown,
    Stock,
    Text,
    TextShown,
    Time,
    Who,
    WordShown,
)
from node.api.models.pictures import Picture, PictureIn
from node.protocol import limits

Word = Annotated[str, Field(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES)]
LanguageTag = Annotated[str | None, Field(max_length=limits.WORD_SIZE_MAX_BYTES, examples=["ko"])]
Region = Annotated[str | None, Field(max_length=limits.WORD_SIZE_MAX_BYTES, examples=["KR-11"])]
Title = Annotated[
    str, Field(min_length=1, max_length=limits.TITLE_MAX_CHARACTERS, examples=["김치 한 포기"])
]
Tags = Annotated[list[Word], Field(max_length=limits.TAGS_MAX_COUNT, examples=[["김치"]])]
PicturesIn = Annotated[
    list[PictureIn], Field(max_length=limits.PICTURES_MAX_COUNT, description="as they are shown")
]
ListingState = Literal["active", "paused", "expired"]


class Post(Model):
    """A post. `edited`: claimed time of the edit shown; `reply_count`: replies, at most 100."""

    id: Id
    author: Who
    room: RoomShown
    text: TextShown
    language: WordShown
    reply_to: Id | None
    time: Time
    edited: Time | None
    reply_count: Annotated[int, Field(examples=[2])]
    mine: bool


class PostDetail(Post):
    """A post with its replies, oldest first."""

    replies: list[Post]


class RoomLine(Model):
    """A room and its newest post."""

    name: RoomShown
    newest: Post | None


class Rooms(Model):
    """Rooms with live posts; those with the newest posts first."""

    items: list[RoomLine]
    next: Cursor = None


class Posts(Model):
    """Posts, newest first."""

    items: list[Post]
    next: Cursor


class PostIn(Model):
    """Something to say in a room."""

    room: Room
    text: Text
    language: LanguageTag = None
    reply_to: Id | None = None


class EditIn(Model):
    """New text for an own post."""

    text: Text


class PriceIn(Model):
    """A price: `ask`, `free`, or an amount in minor units of `unit`."""

    form: Annotated[Literal["ask", "free", "amount"], Field(examples=["amount"])]
    amount: Amount | None = None
    unit: Annotated[
        str, Field(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES, examples=["credit"])
    ] = "credit"
    decimals: Annotated[Decimals | None, Field(description="left out: those of the unit")] = None


class Price(Model):
    """A price as shown; amount, unit and decimals are null unless `form` is `amount`."""

    form: Annotated[Literal["ask", "free", "amount"], Field(examples=["amount"])]
    amount: Annotated[int | None, Field(examples=[1250])] = None
    unit: Annotated[str | None, Field(examples=["credit"])] = None
    decimals: Annotated[int | None, Field(examples=[2])] = None


class ListingIn(Model):
    """Something to offer, or (kind `want`) to ask for. A region is a coarse one, no address."""

    kind: ListingKind
    title: Title
    text: Text = ""
    price: PriceIn = PriceIn(form="ask")
    region: Region = None
    stock: Stock = "unknown"
    tags: Annotated[Tags, Field(default_factory=list)]
    language: LanguageTag = None
    until: Annotated[Time | None, Field(description="when it ends by itself")] = None
    pictures: Annotated[PicturesIn, Field(default_factory=list)]
    state: Annotated[Literal["active", "paused"], Field(examples=["active"])] = "active"


class ListingChange(Model):
    """What to change of an own listing; what is left out stays."""

    kind: ListingKind | None = None
    title: Title | None = None
    text: Text | None = None
    price: PriceIn | None = None
    region: Region = None
    stock: Stock | None = None
    tags: Tags | None = None
    language: LanguageTag = None
    until: Time | None = None
    pictures: PicturesIn | None = None
    state: Annotated[Literal["active", "paused"] | None, Field(examples=["paused"])] = None


class Listing(Model):
    """A listing as shown."""

    id: Id
    author: Who
    mine: bool
    kind: ListingKind
    title: Annotated[str, Field(examples=["김치 한 포기"])]
    text: TextShown
    price: Price
    region: Annotated[str | None, Field(examples=["KR-11"])]
    stock: Stock
    tags: Annotated[list[str], Field(examples=[["김치"]])]
    language: WordShown
    time: Time
    until: Time | None
    state: ListingState
    pictures: list[Picture]


class Listings(Model):
    """Listings, newest first."""

    items: list[Listing]
    next: Cursor


class Hit(Model):
    """Something that was found: a post or a listing."""

    post: Post | None
    listing: Listing | None


class Hits(Model):
    """What was found, best first."""

    items: list[Hit]
    next: Cursor
