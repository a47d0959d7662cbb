"""Bodies of the market lane: listings, what pictures they have, and the texts of reviews. Erasable,
salted, open to later kinds.
"""

from typing import Annotated, Literal

from msgspec import Meta

from node.protocol.limits import (
    PICTURE_FILE_MAX_BYTES,
    PICTURE_SIDE_MAX_PIXELS,
    PICTURE_TEXT_MAX_CHARACTERS,
    PICTURES_MAX_COUNT,
    TAGS_MAX_COUNT,
    TITLE_MAX_CHARACTERS,
)
from node.protocol.shapes import Amount, Body, Id, Row, Salt, Text, Time, Word
from node.protocol.social import LaneOpen

ListingKind = Literal["gift", "goods", "loan", "service", "share", "want"]
Stock = Literal["few", "many", "one", "unknown"]
Media = Literal["image/jpeg", "image/png", "image/webp"]
Side = Annotated[int, Meta(ge=1, le=PICTURE_SIDE_MAX_PIXELS)]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_MAX_CHARACTERS)]


class Price(Row, frozen=True):
    """Amount in minor units of `unit` (`credit`, an ISO 4217 code, `hours`, ...), its decimals
    beside.
    """

    amount: Amount
    unit: Word
    decimals: Annotated[int, Meta(ge=0, le=6)]


class ListingPut(Body, frozen=True):
    """`listing.put`: a listing, or with `listing` a revision of an earlier one of the author."""

    kind: ListingKind
    language: Word | None
    listing: Id | None
    paused: bool
    price: Price | Literal["ask", "free"]
    region: Word | None
    salt: Salt
    stock: Stock
    tags: Annotated[list[Word], Meta(max_length=TAGS_MAX_COUNT)]
    text: Text
    title: Title
    until: Time | None


class ListingClose(Body, frozen=True):
    """`listing.close`: takes a listing off; with `erase` its texts are erased too."""

    erase: bool
    listing: Id
    salt: Salt


class PictureFile(Row, frozen=True):
    """Bytes that are in no record. `size` in bytes, `width` and `height` in pixels."""

    hash: Id
    media: Media
    size: Annotated[int, Meta(ge=1, le=PICTURE_FILE_MAX_BYTES)]
    width: Side
    height: Side


class Picture(Row, frozen=True):
    """A picture, in words, large, and small for lists."""

    text: Annotated[str, Meta(min_length=1, max_length=PICTURE_TEXT_MAX_CHARACTERS)]
    large: PictureFile
    small: PictureFile


class ListingPictures(Body, frozen=True):
    """`listing.pictures`: which pictures a listing of the author has, in place of earlier ones."""

    listing: Id
    pictures: Annotated[list[Picture], Meta(max_length=PICTURES_MAX_COUNT)]
    salt: Salt


class ReviewPut(Body, frozen=True):
    """`review.put`: the text of a rating, named by `rating.give` on the account lane."""

    commit: Id
    salt: Salt
    text: Text


KINDS: dict[str, type[Body]] = {
    "market.open": LaneOpen,
    "listing.put": ListingPut,
    "listing.close": ListingClose,
    "listing.pictures": ListingPictures,
    "review.put": ReviewPut,
}
