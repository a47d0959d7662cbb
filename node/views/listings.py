"""Listings: revisions, closing, and the indexes people browse by.

Rules: revisions and closing count only from the listing's author, in whatever order they arrive;
the newest revision by claimed time is shown; closing wins for ever. Expiry (`until`) is judged by
readers with a clock, never here. Reviews are texts that ratings name by id.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.protocol import codec, lanes
from node.protocol.crypto import sha256
from node.protocol.lanes import Entry
from node.protocol.market import ListingClose, ListingPut
from node.protocol.ports import Reader
from node.protocol.record import Record
from node.protocol.shapes import Row
from node.protocol.state import Overlay, Table, u64


class ListingRow(Row, frozen=True):
    """A live listing: author, current revision (claimed time, id, local number), index keys."""

    author: bytes
    time: int
    revision: bytes
    number: int
    index: list[bytes]


class RevisionRow(Row, frozen=True):
    """A revision of a listing: author, claimed time, local number."""

    author: bytes
    time: int
    number: int


LISTING = Table("listing", ListingRow)  # listing id (32)
REVISION = Table("revision", RevisionRow)  # listing id (32), record id (32)
CLOSING = Table("closing", bool)  # listing id (32), author (32), closing id (32) -> erases texts
LISTING_INDEX = Table("listing_index", bytes)  # facet hash (8), time (8), listing id (32) -> b""

FACET_BYTES = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """A live listing as shown."""

    id: bytes
    author: bytes
    time: int
    body: ListingPut


def facet(name: str, value: str = "") -> bytes:
    """Prefix of an index: `all`, `kind`, `region`, `tag` or `author` (hex) with its value."""
    return sha256(f"{name}\0{value}".encode())[:FACET_BYTES]


def apply_listing(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Effect of a listing record whose body is held."""
    author, body, time = record.header.author, record.body, record.header.time
    if isinstance(body, ListingPut):
        listing = record.id if body.listing is None else body.listing
        row = RevisionRow(author, time, entry.number)
        REVISION.put(overlay, listing + record.id, row)
        if is_erased(overlay, listing, author):
            overlay.changes.erase.append(entry.number)
        _refresh(overlay, listing)
    elif isinstance(body, ListingClose):
        CLOSING.put(overlay, body.listing + author + record.id, body.erase)
        if body.erase:
            for _, revision in _revisions_by(overlay, body.listing, author):
                overlay.changes.erase.append(revision.number)
        _refresh(overlay, body.listing)


def is_erased(reader: Reader, listing: bytes, author: bytes) -> bool:
    """True iff `author` asked to erase the texts of this listing."""
    return any(erases for _, erases in CLOSING.under(reader, listing + author))


def _revisions_by(
    reader: Reader, listing: bytes, author: bytes
) -> Iterator[tuple[bytes, RevisionRow]]:
    """(revision id, row) of the author's revisions that are held, erased ones too."""
    for key, row in REVISION.under(reader, listing):
        if row.author == author and lanes.ENTRY.has(reader, key[32:]):
            yield key[32:], row


def _text(reader: Reader, record: bytes, row: RevisionRow) -> bytes | None:
    """The body of a revision, or None where it, or the record, is not held."""
    raw = reader.raw(row.number) if lanes.ENTRY.has(reader, record) else None
    return None if raw is None else raw.body


def _refresh(overlay: Overlay, listing: bytes) -> None:
    """Bring the row and indexes of a listing in line with the revisions known."""
    old = LISTING.get(overlay, listing)
    new = _current(overlay, listing)
    if old is not None:
        for key in old.index:
            LISTING_INDEX.delete(overlay, key)
        LISTING.delete(overlay, listing)
    if new is not None:
        for key in new.index:
            LISTING_INDEX.put(overlay, key, b"")
        LISTING.put(overlay, listing, new)
    overlay.changes.touched.append(listing)
    overlay.changes.events.append(("listing", listing))


def _current(reader: Reader, listing: bytes) -> ListingRow | None:
    """The row of a live listing: first record with its body, and the newest revision with its own.

    A body that is gone counts as one that never came, so that nodes show the same (R7).
    """
    first = REVISION.get(reader, listing + listing)
    if first is None or _text(reader, listing, first) is None:
        return None
    author = first.author
    if next(CLOSING.under(reader, listing + author, limit=1), None) is not None:
        return None
    newest: tuple[int, bytes, int, bytes] | None = None
    for revision, row in _revisions_by(reader, listing, author):
        if newest is not None and (row.time, revision) < newest[:2]:
            continue
        text = _text(reader, revision, row)
        if text is not None:
            newest = (row.time, revision, row.number, text)
    assert newest is not None, "the first record is one of them"
    body = codec.decode(newest[3], ListingPut)
    names = [("all", ""), ("kind", body.kind), ("author", author.hex())]
    names += [("tag", tag) for tag in body.tags]
    if body.region is not None:
        parts = body.region.split("-")
        names += [("region", "-".join(parts[: n + 1])) for n in range(len(parts))]
    index = [facet(*name) + u64(newest[0]) + listing for name in dict.fromkeys(names)]
    return ListingRow(author, newest[0], newest[1], newest[2], index)


def forget(overlay: Overlay, record: Record) -> list[tuple[bytes, int]]:
    """Undo what a market record that is dropped did to the views (R10: beyond a cut).

    Returns (id, local number) of the records which only this one had asked to erase.
    """
    body, author = record.body, record.header.author
    if isinstance(body, ListingPut):
        listing = record.id if body.listing is None else body.listing
        REVISION.delete(overlay, listing + record.id)
        _refresh(overlay, listing)
    elif isinstance(body, ListingClose):
        CLOSING.delete(overlay, body.listing + author + record.id)
        _refresh(overlay, body.listing)
        if body.erase and not is_erased(overlay, body.listing, author):
            rows = _revisions_by(overlay, body.listing, author)
            found = {revision: row.number for revision, row in rows}
            first = lanes.entry_of(overlay, body.listing)
            if first is None or first.kind != "listing.put":
                return sorted(found.items())
            if lanes.author_of(overlay, first) == author:
                found[body.listing] = first.number
            return sorted(found.items())
    return []


def listing_of(reader: Reader, listing: bytes) -> Listing | None:
    """A live listing, or None."""
    row = LISTING.get(reader, listing)
    raw = None if row is None else reader.raw(row.number)
    if row is None or raw is None or raw.body is None:
        return None
    return Listing(listing, row.author, row.time, codec.decode(raw.body, ListingPut))


def listings_by(
    reader: Reader, prefix: bytes, before: tuple[int, bytes] | None, limit: int, until_ms: int
) -> Iterator[Listing]:
    """Newest live listings of a facet first, below `before` (time, id)."""
    top = prefix + u64(until_ms + 1)
    if before is not None:
        top = min(top, prefix + u64(before[0]) + before[1])
    for key, _ in LISTING_INDEX.scan(reader, prefix, top, reverse=True, limit=limit):
        listing = listing_of(reader, key[FACET_BYTES + 8 :])
        if listing is not None:
            yield listing
