"""Listings: revisions, closing, and the indexes people browse by.

Rules: revisions and closing count only from the listing's author, in whatever order they arrive;
the newest revision by claimed time is shown; closing wins for ever. Expiry (`until`) is judged by
readers with a clock, never here. Reviews are texts that ratings name by id.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from node.protocol import codec, lanes
from node.protocol.crypto import sha256
from node.protocol.lanes import Entry
from node.protocol.market import ListingClose, ListingPictures, ListingPut, Picture
from node.protocol.ports import Reader
from node.protocol.record import Record, stored_header
from node.protocol.shapes import Row
from node.protocol.state import NUMBER_SIZE_BYTES, Group, Overlay, Table, u40, u64
from node.views import pictures
from node.views.pictures import PicturesRow


class ListingRow(Row, frozen=True):
    """The current revision of a live listing: claimed time, local number."""

    time: int
    number: int


class RevisionRow(Row, frozen=True):
    """A later revision of a listing: claimed time, local number."""

    time: int
    number: int


LISTING = Table("listing", ListingRow)  # number of the listing's first record (5)
REVISION = Group("revision", RevisionRow)  # listing id (32), author (32), record id (32)
CLOSING = Group("closing", bool)  # listing id (32), author (32), closing id (32) -> erases texts
LISTING_INDEX = Table("listing_index", bytes)  # facet hash (8), time (8), listing number (5) -> b""

FACET_BYTES = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """A live listing as shown."""

    id: bytes
    author: bytes
    time: int
    body: ListingPut
    pictures: list[Picture] = field(default_factory=list[Picture])


@lru_cache(4_096)
def facet(name: str, value: str = "") -> bytes:
    """Prefix of an index: `all`, `kind`, `region`, `tag` or `author` (hex) with its value."""
    return sha256(f"{name}\0{value}".encode())[:FACET_BYTES]


def apply_listing(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Effect of a listing record whose body is held."""
    author, body, time = record.header.author, record.body, record.header.time
    if isinstance(body, ListingPut):
        listing = record.id if body.listing is None else body.listing
        named = is_erased(overlay, record.id, author)
        if named or (body.listing is not None and is_erased(overlay, listing, author)):
            overlay.changes.erase.append(entry.number)
        if named and body.listing is not None:
            return  # asked for by name: as if its text had never come (R7)
        if body.listing is not None:
            REVISION.put(overlay, listing + author, record.id, RevisionRow(time, entry.number))
            _refresh(overlay, listing)
        elif not CLOSING.any(overlay, listing + author):
            new = _newest(overlay, listing + author, (time, listing, entry.number, body))
            _show(overlay, listing, entry.number, author, new)
        _tell(overlay, listing)
    elif isinstance(body, ListingPictures):
        if is_erased(overlay, body.listing, author):
            overlay.changes.erase.append(entry.number)
        row = PicturesRow(time, entry.number)
        pictures.PICTURES.put(overlay, body.listing + author, record.id, row)
        _refresh(overlay, body.listing)
        _tell(overlay, body.listing)
    elif isinstance(body, ListingClose):
        CLOSING.put(overlay, body.listing + author, record.id, body.erase)
        if body.erase:
            for _, number in _texts_by(overlay, body.listing, author):
                overlay.changes.erase.append(number)
            _forget_revision(overlay, body.listing, author)
        _refresh(overlay, body.listing)
        _tell(overlay, body.listing)


def _forget_revision(overlay: Overlay, record: bytes, author: bytes) -> None:
    """A record whose text goes by name: where it revises a listing, that shows it no more."""
    entry = lanes.entry_of(overlay, record)
    if entry is None or entry.kind != "listing.put" or lanes.author_of(overlay, entry) != author:
        return
    body = _body(overlay, entry.number)
    if body is not None and body.listing is not None:
        REVISION.delete(overlay, body.listing + author, record)
        _refresh(overlay, body.listing)
        _tell(overlay, body.listing)


def is_erased(reader: Reader, listing: bytes, author: bytes) -> bool:
    """True iff `author` asked to erase the texts of this listing."""
    return any(erases for _, erases in CLOSING.under(reader, listing + author))


def _texts_by(reader: Reader, listing: bytes, author: bytes) -> Iterator[tuple[bytes, int]]:
    """(id, local number) of the author's records of a listing that are held, erased ones too."""
    first = lanes.entry_of(reader, listing)
    is_listing = first is not None and first.kind == "listing.put"
    if first is not None and is_listing and lanes.author_of(reader, first) == author:
        yield listing, first.number
    for group in (REVISION, pictures.PICTURES):
        for other, row in group.under(reader, listing + author):
            if lanes.ENTRY.has(reader, other):
                yield other, row.number


def _text(reader: Reader, number: int) -> bytes | None:
    raw = reader.raw(number)
    return None if raw is None else raw.body


def _body(reader: Reader, number: int) -> ListingPut | None:
    text = _text(reader, number)
    return None if text is None else codec.stored(text, ListingPut)


_Revision = tuple[int, bytes, int, ListingPut]
"""Claimed time, id, local number, body."""


def _newest(reader: Reader, group: bytes, first: _Revision) -> _Revision:
    """The newest revision in a group (listing, author) with its body, `first` among them.

    A body that is gone counts as one that never came, so that nodes show the same (R7).
    """
    newest = first
    for revision, row in REVISION.under(reader, group):
        if (row.time, revision) > newest[:2] and lanes.ENTRY.has(reader, revision):
            body = _body(reader, row.number)
            if body is not None:
                newest = (row.time, revision, row.number, body)
    return newest


def _refresh(overlay: Overlay, listing: bytes) -> None:
    """Bring the row and indexes of a listing in line with the revisions known."""
    first = lanes.entry_of(overlay, listing)
    if first is None or first.kind != "listing.put":
        return
    author = lanes.author_of(overlay, first)
    _hide(overlay, first.number, author)
    raw = overlay.raw(first.number)
    if raw is None or raw.body is None or CLOSING.any(overlay, listing + author):
        return
    body = codec.stored(raw.body, ListingPut)
    if body.listing is None:  # else it is a revision itself
        own = (stored_header(raw.header).time, listing, first.number, body)
        newest = _newest(overlay, listing + author, own)
        _show(overlay, listing, first.number, author, newest)


def _show(overlay: Overlay, listing: bytes, number: int, author: bytes, current: _Revision) -> None:
    pictures.show(overlay, listing, number, author)
    LISTING_INDEX.put_all(overlay, _index_keys(number, author, current[0], current[3]), b"")
    LISTING.put(overlay, u40(number), ListingRow(current[0], current[2]))


def _hide(overlay: Overlay, number: int, author: bytes) -> None:
    """Take a listing out of the views, if it is in them: then the text it shows is held."""
    row = LISTING.get(overlay, u40(number))
    if row is None:
        return
    pictures.hide(overlay, number)
    body = _body(overlay, row.number)
    for key in [] if body is None else _index_keys(number, author, row.time, body):
        LISTING_INDEX.delete(overlay, key)
    LISTING.delete(overlay, u40(number))


def _index_keys(number: int, author: bytes, time: int, body: ListingPut) -> list[bytes]:
    facets = [facet("all"), facet("kind", body.kind), facet("author", author.hex())]
    facets += [facet("tag", tag) for tag in body.tags]
    if body.region is not None:
        parts = body.region.split("-")
        facets += [facet("region", "-".join(parts[: n + 1])) for n in range(len(parts))]
    place = u64(time) + u40(number)
    return [name + place for name in dict.fromkeys(facets)]


def _tell(overlay: Overlay, listing: bytes) -> None:
    overlay.changes.touched.append(listing)
    overlay.changes.events.append(("listing", listing))


def forget(overlay: Overlay, record: Record, number: int) -> list[tuple[bytes, int]]:
    """Undo what a market record that is dropped did to the views (R10: beyond a cut).

    Returns (id, local number) of the records which only this one had asked to erase.
    """
    body, author = record.body, record.header.author
    if isinstance(body, ListingPut):
        if body.listing is None:
            _hide(overlay, number, author)
        else:
            REVISION.delete(overlay, body.listing + author, record.id)
            _refresh(overlay, body.listing)
        _tell(overlay, record.id if body.listing is None else body.listing)
    elif isinstance(body, ListingPictures):
        pictures.PICTURES.delete(overlay, body.listing + author, record.id)
        _refresh(overlay, body.listing)
        _tell(overlay, body.listing)
    elif isinstance(body, ListingClose):
        CLOSING.delete(overlay, body.listing + author, record.id)
        _refresh(overlay, body.listing)
        _tell(overlay, body.listing)
        if body.erase and not is_erased(overlay, body.listing, author):
            return sorted(_texts_by(overlay, body.listing, author))
    return []


def listing_of(reader: Reader, listing: bytes) -> Listing | None:
    """A live listing, or None."""
    entry = lanes.entry_of(reader, listing)
    if entry is None or entry.kind != "listing.put":
        return None
    row = LISTING.get(reader, u40(entry.number))
    body = None if row is None else _body(reader, row.number)
    if row is None or body is None:
        return None
    shown = pictures.pictures_of(reader, entry.number)
    return Listing(listing, lanes.author_of(reader, entry), row.time, body, shown)


def listings_by(
    reader: Reader, prefix: bytes, before: tuple[int, bytes] | None, limit: int, until_ms: int
) -> Iterator[Listing]:
    """Newest live listings of a facet first, below `before` (time, id). Of one claimed time, the
    last to arrive comes first."""
    top = prefix + lanes.below(reader, before, until_ms)
    for key, _ in LISTING_INDEX.scan(reader, prefix, top, reverse=True, limit=limit):
        number = int.from_bytes(key[-NUMBER_SIZE_BYTES:], "big")
        row, raw = LISTING.get(reader, u40(number)), reader.raw(number)
        if row is None or raw is None:
            continue
        body = raw.body if row.number == number else _text(reader, row.number)
        if body is not None:
            author = stored_header(raw.header).author
            shown = codec.stored(body, ListingPut)
            seen = pictures.pictures_of(reader, number)
            yield Listing(reader.id_of(number), author, row.time, shown, seen)


def live_ids(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    """(listing id, id of its current revision) of all live listings, in order of id."""
    current = {int.from_bytes(key, "big"): row.number for key, row in LISTING.every(reader)}
    for listing, entry in lanes.ENTRY.every(reader):
        number = current.get(entry.number)
        if number is not None:
            yield listing, listing if number == entry.number else reader.id_of(number)
