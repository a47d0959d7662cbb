"""Rooms: posts with replies, edits and deletions that erase bodies.

Rules: edits and deletions count only from the post's author, whatever order they arrive in; a
deletion wins for ever. A post is live iff its body is held, no deletion of its author is known, and
its record is held; a node that erased it and a node that never had it show the same. Order is by
claimed time, for display only: readers with a clock hide what claims to come from the future.

What a post says of itself (room, time, what it replies to) is read from its record: a row would
only repeat it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from node.protocol import codec, lanes
from node.protocol.crypto import sha256
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record, stored_header
from node.protocol.shapes import Row
from node.protocol.social import PostDelete, PostEdit, PostPut
from node.protocol.state import NUMBER_SIZE_BYTES, Group, Overlay, Table, u40, u64

ROOM_HASH_BYTES = 16
REPLIES_COUNTED_MAX = 100


class EditRow(Row, frozen=True):
    """An edit of a post: its claimed time, local number."""

    time: int
    number: int


EDIT = Group("edit", EditRow)  # post id (32), author (32), edit id (32)
DELETION = Group("deletion", bytes)  # post id (32), author (32), deletion id (32) -> b""
ROOM_POST = Table("room_post", bytes)  # room hash (16), time (8), number (5): live posts -> b""
ROOM = Table("room", str)  # room hash (16) -> name
REPLY = Table("reply", bytes)  # post replied to (32), number of the live reply (5) -> b""


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
    reply_count: int  # live replies; at most REPLIES_COUNTED_MAX


@lru_cache(1_024)
def room_hash(name: str) -> bytes:
    """Key of a room in the tables: 16 bytes."""
    return sha256(name.encode())[:ROOM_HASH_BYTES]


def apply_post(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Effect of a post, edit or deletion whose body is held."""
    author, body, time = record.header.author, record.body, record.header.time
    if isinstance(body, PostPut):
        _put(overlay, record, body, entry)
    elif isinstance(body, PostEdit):
        EDIT.put(overlay, body.post + author, record.id, EditRow(time, entry.number))
        if is_deleted(overlay, body.post, author):
            overlay.changes.erase.append(entry.number)
        elif _post_by(overlay, body.post, author) is not None:
            overlay.changes.touched.append(body.post)
            overlay.changes.events.append(("post", body.post))
    elif isinstance(body, PostDelete):
        _delete(overlay, body.post, author, record.id)


def is_deleted(reader: Reader, post: bytes, author: bytes) -> bool:
    """True iff `author` asked to erase this post."""
    return DELETION.any(reader, post + author)


def _post_by(reader: Reader, target: bytes, author: bytes) -> Entry | None:
    """The entry of a held post of this author, or None."""
    entry = lanes.entry_of(reader, target)
    if entry is None or entry.kind != "post.put" or lanes.author_of(reader, entry) != author:
        return None
    return entry


def _edits_by(reader: Reader, post: bytes, author: bytes) -> Iterator[tuple[bytes, EditRow]]:
    """(edit id, row) of the author's edits that are held, erased ones too."""
    for edit, row in EDIT.under(reader, post + author):
        if lanes.ENTRY.has(reader, edit):
            yield edit, row


def _put(overlay: Overlay, record: Record, body: PostPut, entry: Entry) -> None:
    author, time = record.header.author, record.header.time
    if is_deleted(overlay, record.id, author):
        overlay.changes.erase.append(entry.number)
        return
    room, number = room_hash(body.room), u40(entry.number)
    ROOM_POST.put(overlay, room + u64(time) + number, b"")
    if not ROOM.has(overlay, room):
        ROOM.put(overlay, room, body.room)
    if body.reply_to is not None:
        REPLY.put(overlay, body.reply_to + number, b"")
    overlay.changes.touched.append(record.id)
    overlay.changes.events.append(("post", record.id))


def _delete(overlay: Overlay, post: bytes, author: bytes, deletion: bytes) -> None:
    DELETION.put(overlay, post + author, deletion, b"")
    for _, edit in _edits_by(overlay, post, author):
        overlay.changes.erase.append(edit.number)
    target = _post_by(overlay, post, author)
    if target is not None:
        overlay.changes.erase.append(target.number)
        held = _held(overlay, target.number)
        if held is not None:
            _withdraw(overlay, post, target.number, *held)
        overlay.changes.events.append(("post", post))


def _held(reader: Reader, number: int) -> tuple[PostPut, int] | None:
    """Body and claimed time of a post whose body is held: it is live."""
    raw = reader.raw(number)
    if raw is None or raw.body is None:
        return None
    return codec.stored(raw.body, PostPut), stored_header(raw.header).time


def _withdraw(overlay: Overlay, post: bytes, number: int, body: PostPut, time: int) -> None:
    """Take a live post out of the views: it was deleted or is no longer held."""
    room = room_hash(body.room)
    ROOM_POST.delete(overlay, room + u64(time) + u40(number))
    if body.reply_to is not None:
        REPLY.delete(overlay, body.reply_to + u40(number))
    overlay.changes.touched.append(post)
    if next(iter(ROOM_POST.under(overlay, room, limit=1)), None) is None:
        ROOM.delete(overlay, room)


def forget(overlay: Overlay, record: Record, number: int) -> list[tuple[bytes, int]]:
    """Undo what a social record that is dropped did to the views (R10: beyond a cut).

    Returns (id, local number) of the records which only this one had asked to erase.
    """
    body, author = record.body, record.header.author
    if isinstance(body, PostPut):
        _withdraw(overlay, record.id, number, body, record.header.time)
    elif isinstance(body, PostEdit):
        EDIT.delete(overlay, body.post + author, record.id)
        overlay.changes.touched.append(body.post)
    elif isinstance(body, PostDelete):
        DELETION.delete(overlay, body.post + author, record.id)
        if not is_deleted(overlay, body.post, author):
            target = _post_by(overlay, body.post, author)
            own = [] if target is None else [(body.post, target.number)]
            edits = _edits_by(overlay, body.post, author)
            return own + [(edit, row.number) for edit, row in edits]
    return []


def post_of(reader: Reader, post: bytes) -> Post | None:
    """A live post with its newest edit, or None."""
    entry = lanes.entry_of(reader, post)
    if entry is None or entry.kind != "post.put":
        return None
    raw = reader.raw(entry.number)
    return None if raw is None else _shown(reader, post, raw)


def _shown(reader: Reader, post: bytes, raw: RawRecord) -> Post | None:
    if raw.body is None:
        return None
    body, header = codec.stored(raw.body, PostPut), stored_header(raw.header)
    text, edited = body.text, None
    edits = EDIT.under(reader, post + header.author)
    for time, _, number in sorted(((e.time, key, e.number) for key, e in edits), reverse=True):
        held = reader.raw(number)
        if held is not None and held.body is not None:
            text, edited = codec.stored(held.body, PostEdit).text, time
            break
    return Post(
        id=post,
        author=header.author,
        room=body.room,
        text=text,
        language=body.language,
        reply_to=body.reply_to,
        time=header.time,
        edited=edited,
        reply_count=sum(1 for _ in REPLY.under(reader, post, limit=REPLIES_COUNTED_MAX)),
    )


def numbered(reader: Reader, number: int) -> Post | None:
    """The live post with this local number, or None."""
    raw = reader.raw(number)
    return None if raw is None else _shown(reader, reader.id_of(number), raw)


def posts_in(
    reader: Reader, room: str, before: tuple[int, bytes] | None, limit: int, until_ms: int
) -> Iterator[Post]:
    """Newest live posts of a room first, below `before` (time, id), none claiming to be after
    `until_ms`. Of one claimed time, the last to arrive comes first."""
    prefix = room_hash(room)
    top = prefix + lanes.below(reader, before, until_ms)
    for key, _ in ROOM_POST.scan(reader, prefix, top, reverse=True, limit=limit):
        post = numbered(reader, int.from_bytes(key[-NUMBER_SIZE_BYTES:], "big"))
        if post is not None:
            yield post


def replies_to(reader: Reader, post: bytes) -> Iterator[Post]:
    """Live replies to a post, in order of arrival."""
    for key, _ in REPLY.under(reader, post):
        reply = numbered(reader, int.from_bytes(key[-NUMBER_SIZE_BYTES:], "big"))
        if reply is not None:
            yield reply


def live_ids(reader: Reader) -> Iterator[bytes]:
    """Ids of all live posts, in order of id: read where ids stand, since to hash each header costs
    ten times as much."""
    live = {int.from_bytes(key[-NUMBER_SIZE_BYTES:], "big") for key, _ in ROOM_POST.every(reader)}
    return (post for post, entry in lanes.ENTRY.every(reader) if entry.number in live)


def rooms(reader: Reader) -> list[str]:
    """Names of all rooms with live posts, in order of name."""
    return sorted(name for _, name in ROOM.scan(reader, b"", None))
