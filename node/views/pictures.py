"""Which pictures a listing shows, and which files any live listing names.

Rules: only the listing's author says what its pictures are; the newest word by claimed time counts,
in whatever order they arrive. A file that no live listing names is nobody's: programs neither keep
nor give it. What a listing states of a file is a claim, so statements stand beside each other.

Left to others: when a listing is live (`listings`); the bytes (`services.photos.pictures`).
"""

from collections.abc import Iterator

from node.protocol import codec, lanes
from node.protocol.market import ListingPictures, Picture, PictureFile
from node.protocol.ports import Reader
from node.protocol.shapes import Row
from node.protocol.state import NUMBER_SIZE_BYTES, Group, Overlay, Table, u40

STATEMENTS_MAX_COUNT = 16  # of one file that are looked at: copies of a listing, or lies


class PicturesRow(Row, frozen=True):
    """What says the pictures of a listing: claimed time, local number."""

    time: int
    number: int


class ShownRow(Row, frozen=True):
    """What a live listing shows: number of the record that says so, the files it names."""

    number: int
    files: list[bytes]


PICTURES = Group("pictures", PicturesRow)  # listing id (32), author (32), record id (32)
PICTURES_SHOWN = Table("pictures_shown", ShownRow)  # number of the listing's first record (5)
PICTURED = Table("pictured", PictureFile)  # hash of a file (32), number of a live listing (5)


def show(overlay: Overlay, listing: bytes, number: int, author: bytes) -> None:
    """A listing has become live, or has news: show the newest of its pictures that are held."""
    newest: tuple[int, bytes, int, ListingPictures] | None = None
    for record, row in PICTURES.under(overlay, listing + author):
        if newest is None or (row.time, record) > newest[:2]:
            body = _body(overlay, row.number) if lanes.ENTRY.has(overlay, record) else None
            if body is not None:
                newest = (row.time, record, row.number, body)
    if newest is None or not newest[3].pictures:
        return
    files = {file.hash: file for one in newest[3].pictures for file in (one.large, one.small)}
    for file in files.values():
        PICTURED.put(overlay, file.hash + u40(number), file)
    PICTURES_SHOWN.put(overlay, u40(number), ShownRow(newest[2], sorted(files)))


def hide(overlay: Overlay, number: int) -> None:
    """A listing is live no more, or is about to be shown anew."""
    row = PICTURES_SHOWN.get(overlay, u40(number))
    if row is not None:
        for file in row.files:
            PICTURED.delete(overlay, file + u40(number))
        PICTURES_SHOWN.delete(overlay, u40(number))


def pictures_of(reader: Reader, number: int) -> list[Picture]:
    """The pictures of a live listing, whose first record has this number."""
    row = PICTURES_SHOWN.get(reader, u40(number))
    body = None if row is None else _body(reader, row.number)
    return [] if body is None else body.pictures


def statements(reader: Reader, file: bytes) -> list[PictureFile]:
    """What live listings state of a file; empty: none names it."""
    return [row for _, row in PICTURED.under(reader, file, limit=STATEMENTS_MAX_COUNT)]


def is_named(reader: Reader, file: bytes) -> bool:
    """True iff a live listing names this file."""
    return next(PICTURED.under(reader, file, limit=1), None) is not None


def naming(reader: Reader, file: bytes) -> Iterator[int]:
    """Numbers of the live listings that name a file."""
    for key, _ in PICTURED.under(reader, file, limit=STATEMENTS_MAX_COUNT):
        yield int.from_bytes(key[-NUMBER_SIZE_BYTES:], "big")


def _body(reader: Reader, number: int) -> ListingPictures | None:
    raw = reader.raw(number)
    if raw is None or raw.body is None:
        return None
    return codec.stored(raw.body, ListingPictures)
