"""Rooms: posts with replies, edits and deletions that erase bodies.

Rules: edits and deletions count only from the post's author, whatever order they arrive in; a
deletion wins for ever. A post is live iff its body is held, no deletion of its author is known, and
its record is held; a node that erased it and a node that never had it show the same. Order is by
claimed time, for display only: readers with a clock hide what claims to come from the future.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.protocol import codec, lanes
from node.protocol.crypto import sha256
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.protocol.record import Record
from node.protocol.shapes import Row
from node.protocol.social import PostDelete, PostEdit, PostPut
from node.protocol.state import Overlay, Table, u64

ROOM_HASH_BYTES = 16


class PostRow(Row, frozen=True):
    """A live post: room hash, claimed time, local number, the post it replies to (b"" if none)."""

    room: bytes
    time: int
    number: int
    reply_to: bytes


class EditRow(Row, frozen=True):
    """An edit of a post: its author, claimed time, local number."""

    author: bytes
    time: int
    number: int


POST = Table("post", PostRow)  # post id (32)
EDIT = Table("edit", EditRow)  # post id (32), edit id (32)
DELETION = Table("deletion", bytes)  # post id (32), author (32), deletion id (32) -> b""
ROOM_POST = Table("room_post", bytes)  # room hash (16), time (8), post id (32): live posts -> b""
ROOM = Table("room", str)  # room hash (16) -> name
REPLY = Table("reply", bytes)  # post replied to (32), post id (32) -> b""


@dataclass(frozen=True, slots=True)
class Post:
    """A live post as shown."""

    id: bytes
    author: bytes
    room: str
    text: str
    language: str | None
    reply_to: bytes | None
    time: int
    edited: int | None  # claimed time of the edit shown


def room_hash(name: str) -> bytes:
    """Key of a room in the tables: 16 bytes."""
    return sha256(name.encode())[:ROOM_HASH_BYTES]


def apply_post(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Effect of a post, edit or deletion whose body is held."""
    author, body, time = record.header.author, record.body, record.header.time
    if isinstance(body, PostPut):
        _put(overlay, record, body, entry)
    elif isinstance(body, PostEdit):
        EDIT.put(overlay, body.post + record.id, EditRow(author, time, entry.number))
        if is_deleted(overlay, body.post, author):
            overlay.changes.erase.append(entry.number)
        elif _post_by(overlay, body.post, author) is not None:
            overlay.changes.touched.append(body.post)
            overlay.changes.events.append(("post", body.post))
    elif isinstance(body, PostDelete):
        _delete(overlay, body.post, author, record.id)


def is_deleted(reader: Reader, post: bytes, author: bytes) -> bool:
    """True iff `author` asked to erase this post."""
    return next(DELETION.under(reader, post + author, limit=1), None) is not None


def _post_by(reader: Reader, target: bytes, author: bytes) -> Entry | None:
    """The entry of a held post of this author, or None."""
    entry = lanes.entry_of(reader, target)
    if entry is None or entry.kind != "post.put" or lanes.author_of(reader, entry) != author:
        return None
    return entry


def _edits_by(reader: Reader, post: bytes, author: bytes) -> Iterator[tuple[bytes, EditRow]]:
    """(edit id, row) of the author's edits that are held, erased ones too."""
    for key, row in EDIT.under(reader, post):
        if row.author == author and lanes.ENTRY.has(reader, key[32:]):
            yield key[32:], row


def _put(overlay: Overlay, record: Record, body: PostPut, entry: Entry) -> None:
    author, time = record.header.author, record.header.time
    if is_deleted(overlay, record.id, author):
        overlay.changes.erase.append(entry.number)
        return
    room = room_hash(body.room)
    POST.put(overlay, record.id, PostRow(room, time, entry.number, body.reply_to or b""))
    ROOM_POST.put(overlay, room + u64(time) + record.id, b"")
    if not ROOM.has(overlay, room):
        ROOM.put(overlay, room, body.room)
    if body.reply_to is not None:
        REPLY.put(overlay, body.reply_to + record.id, b"")
    overlay.changes.touched.append(record.id)
    overlay.changes.events.append(("post", record.id))


def _delete(overlay: Overlay, post: bytes, author: bytes, deletion: bytes) -> None:
    DELETION.put(overlay, post + author + deletion, b"")
    for _, edit in _edits_by(overlay, post, author):
        overlay.changes.erase.append(edit.number)
    target = _post_by(overlay, post, author)
    if target is not None:
        overlay.changes.erase.append(target.number)
        withdraw(overlay, post)
        overlay.changes.events.append(("post", post))


def withdraw(overlay: Overlay, post: bytes) -> None:
    """Take a post out of the views: it was deleted or is no longer held."""
    row = POST.get(overlay, post)
    if row is None:
        return
    ROOM_POST.delete(overlay, row.room + u64(row.time) + post)
    POST.delete(overlay, post)
    if row.reply_to:
        REPLY.delete(overlay, row.reply_to + post)
    overlay.changes.touched.append(post)
    if next(iter(ROOM_POST.under(overlay, row.room, limit=1)), None) is None:
        ROOM.delete(overlay, row.room)


def forget(overlay: Overlay, record: Record) -> list[tuple[bytes, int]]:
    """Undo what a social record that is dropped did to the views (R10: beyond a cut).

    Returns (id, local number) of the records which only this one had asked to erase.
    """
    body, author = record.body, record.header.author
    if isinstance(body, PostPut):
        withdraw(overlay, record.id)
    elif isinstance(body, PostEdit):
        EDIT.delete(overlay, body.post + record.id)
        overlay.changes.touched.append(body.post)
    elif isinstance(body, PostDelete):
        DELETION.delete(overlay, body.post + author + record.id)
        if not is_deleted(overlay, body.post, author):
            target = _post_by(overlay, body.post, author)
            own = [] if target is None else [(body.post, target.number)]
            edits = _edits_by(overlay, body.post, author)
            return own + [(edit, row.number) for edit, row in edits]
    return []


def post_of(reader: Reader, post: bytes) -> Post | None:
    """A live post with its newest edit, or None."""
    row = POST.get(reader, post)
    raw = None if row is None else reader.raw(row.number)
    if row is None or raw is None or raw.body is None:
        return None
    body = codec.decode(raw.body, PostPut)
    author = lanes.author_of(reader, lanes.ENTRY.must(reader, post))
    text, edited = body.text, None
    edits = [
        (edit.time, key, edit.number)
        for key, edit in EDIT.under(reader, post)
        if edit.author == author
    ]
    for time, _, number in sorted(edits, reverse=True):
        held = reader.raw(number)
        if held is not None and held.body is not None:
            text, edited = codec.decode(held.body, PostEdit).text, time
            break
    return Post(post, author, body.room, text, body.language, body.reply_to, row.time, edited)


def posts_in(
    reader: Reader, room: str, before: tuple[int, bytes] | None, limit: int, until_ms: int
) -> Iterator[Post]:
    """Newest live posts of a room first, below `before` (time, id), none claiming to be after
    `until_ms`."""
    prefix = room_hash(room)
    top = prefix + u64(until_ms + 1)
    if before is not None:
        top = min(top, prefix + u64(before[0]) + before[1])
    for key, _ in ROOM_POST.scan(reader, prefix, top, reverse=True, limit=limit):
        post = post_of(reader, key[ROOM_HASH_BYTES + 8 :])
        if post is not None:
            yield post


def rooms(reader: Reader) -> list[str]:
    """Names of all rooms with live posts, in order of name."""
    return sorted(name for _, name in ROOM.scan(reader, b"", None))
