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
    """A post known by its `post.put`: room hash, claimed time, local number."""

    room: bytes
    time: int
    number: int


class EditRow(Row, frozen=True):
    """An edit of a post: its author, claimed time, local number."""

    author: bytes
    time: int
    number: int


POST = Table("post", PostRow)  # post id (32)
EDIT = Table("edit", EditRow)  # post id (32), edit id (32)
DELETED = Table("deleted", int)  # post or listing id (32), author (32)
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
        if DELETED.has(overlay, body.post + author):
            overlay.changes.erase.append(entry.number)
            return
        EDIT.put(overlay, body.post + record.id, EditRow(author, time, entry.number))
        if _author_is(overlay, body.post, author):
            overlay.changes.touched.append(body.post)
            overlay.changes.events.append(("post", body.post))
    elif isinstance(body, PostDelete):
        _delete(overlay, body.post, author)


def _author_is(reader: Reader, target: bytes, author: bytes) -> bool:
    entry = lanes.entry_of(reader, target)
    return entry is not None and lanes.author_of(reader, entry) == author


def _put(overlay: Overlay, record: Record, body: PostPut, entry: Entry) -> None:
    author, time = record.header.author, record.header.time
    if DELETED.has(overlay, record.id + author):
        overlay.changes.erase.append(entry.number)
        return
    room = room_hash(body.room)
    POST.put(overlay, record.id, PostRow(room, time, entry.number))
    ROOM_POST.put(overlay, room + u64(time) + record.id, b"")
    if not ROOM.has(overlay, room):
        ROOM.put(overlay, room, body.room)
    if body.reply_to is not None:
        REPLY.put(overlay, body.reply_to + record.id, b"")
    overlay.changes.touched.append(record.id)
    overlay.changes.events.append(("post", record.id))


def _delete(overlay: Overlay, post: bytes, author: bytes) -> None:
    DELETED.put(overlay, post + author, 1)
    target = lanes.entry_of(overlay, post)
    if target is not None:
        if lanes.author_of(overlay, target) != author or target.kind != "post.put":
            return
        overlay.changes.erase.append(target.number)
        withdraw(overlay, post)
    for key, edit in list(EDIT.under(overlay, post)):
        if edit.author == author:
            overlay.changes.erase.append(edit.number)
            EDIT.delete(overlay, key)
    overlay.changes.touched.append(post)
    overlay.changes.events.append(("post", post))


def withdraw(overlay: Overlay, post: bytes) -> None:
    """Take a post out of the views: it was deleted or is no longer held."""
    row = POST.get(overlay, post)
    if row is None:
        return
    ROOM_POST.delete(overlay, row.room + u64(row.time) + post)
    POST.delete(overlay, post)
    overlay.changes.touched.append(post)
    if next(iter(ROOM_POST.under(overlay, row.room, limit=1)), None) is None:
        ROOM.delete(overlay, row.room)


def forget(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Undo what a social record that is dropped did to the views (R10: beyond a cut)."""
    body, author = record.body, record.header.author
    if isinstance(body, PostPut):
        withdraw(overlay, record.id)
        if body.reply_to is not None:
            REPLY.delete(overlay, body.reply_to + record.id)
    elif isinstance(body, PostEdit):
        EDIT.delete(overlay, body.post + record.id)
        overlay.changes.touched.append(body.post)
    elif isinstance(body, PostDelete):
        DELETED.delete(overlay, body.post + author)  # the erased body stays erased


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
