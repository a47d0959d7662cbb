"""What can be searched: live posts and active listings, as documents.

Rules: a document says only what its post or listing shows now; what was deleted, erased, closed or
paused has none. Prices are compared within one unit, scaled to the finest decimals there are.
"""

from dataclasses import dataclass
from typing import Final, Literal

from node.protocol.limits import DECIMALS_MAX_COUNT
from node.protocol.market import Price
from node.protocol.ports import Reader
from node.views import listings, rooms

Kind = Literal["post", "listing"]
FREE: Final = ""  # the unit of what costs nothing


@dataclass(frozen=True, slots=True)
class Document:
    """A post or listing as the index sees it."""

    id: bytes
    kind: Kind
    listing_kind: str | None  # goods, service, ...; None for posts
    room: str | None  # None for listings
    language: str | None
    region: str | None
    unit: str | None  # None: no price, or "ask"
    amount: int | None  # in the finest decimals
    time: int  # claimed
    until: int | None
    text: str


def finest(amount: int, decimals: int) -> int:
    """An amount of minor units with that many decimals, in the finest decimals."""
    return amount * 10 ** (DECIMALS_MAX_COUNT - decimals)


def document_of(reader: Reader, record: bytes) -> Document | None:
    """The document of a post's or listing's id, or None if there is nothing to find."""
    post = rooms.post_of(reader, record)
    if post is not None:
        return Document(
            record, "post", None, post.room, post.language, None, None, None,
            post.time, None, post.text,
        )  # fmt: skip
    listing = listings.listing_of(reader, record)
    if listing is None or listing.body.paused:
        return None
    body, price = listing.body, listing.body.price
    unit, amount = (FREE, 0) if price == "free" else (None, None)
    if isinstance(price, Price):
        unit, amount = price.unit, finest(price.amount, price.decimals)
    text = "\n".join((body.title, body.text, " ".join(body.tags)))
    return Document(
        record, "listing", body.kind, None, body.language, body.region, unit, amount,
        listing.time, body.until, text,
    )  # fmt: skip
