"""Talk: rooms, posts, replies, edits, deletions.

Rules: text is cleaned and bounded before it is signed, and cleaned again before it is shown: others
may run other programs. Only a post's author edits or deletes it; a deletion erases the text here
and on every node that learns of it. What claims to come from the future is not shown yet.

Left to others: names of authors (`people`), page marks (`api`).
"""

import secrets
from dataclasses import dataclass, replace

from node import i18n
from node.protocol import lanes
from node.protocol.errors import LocalFault
from node.protocol.limits import CLOCK_AHEAD_MAX_MS, PAGE_ITEMS_MAX_COUNT, SALT_SIZE_BYTES
from node.protocol.ports import Reader
from node.protocol.social import PostDelete, PostEdit, PostPut
from node.services import written
from node.services.core import Core
from node.services.publish import Appender, Draft, Publisher
from node.storage.state import WriterState
from node.views import rooms
from node.views.rooms import Post

Place = tuple[int, bytes]
"""Where a list goes on: claimed time in ms and id of the last item shown."""


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room and its newest post."""

    name: str
    newest: Post | None


class Talk:
    """What a member does in rooms. Writers return after the commit."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher

    async def say(
        self,
        room: str,
        text: str,
        *,
        language: str | None = None,
        reply_to: bytes | None = None,
    ) -> bytes:
        """Post; the post's id. Raises LocalFault name-invalid, text-empty, text-too-long,
        language-invalid, not-found (what is replied to)."""
        if reply_to is not None:
            self.post(reply_to)
        body = PostPut(
            language=None if language is None else written.language(language),
            reply_to=reply_to,
            room=written.name(room),
            salt=_salt(),
            text=written.text(text),
        )
        return (await self._publisher.publish(Draft("post.put", written.fitting(body))))[0]

    async def edit(self, post: bytes, text: str) -> bytes:
        """New text for an own post; the edit's id. Raises LocalFault not-found, not-yours, and as
        `say`."""
        body = PostEdit(post=post, salt=_salt(), text=written.text(text))
        return await self._own(post, Draft("post.edit", written.fitting(body)))

    async def delete(self, post: bytes) -> bytes:
        """Erase an own post and its edits, everywhere. Raises LocalFault not-found, not-yours."""
        return await self._own(post, Draft("post.delete", PostDelete(post=post, salt=_salt())))

    async def _own(self, post: bytes, draft: Draft) -> bytes:
        def work(appender: Appender, state: WriterState) -> bytes:
            found = rooms.post_of(state, post)
            if found is None:
                raise LocalFault("not-found", what=post.hex()[:8])
            if found.author != self._core.member:
                raise LocalFault("not-yours")
            return appender.append(draft)

        return await self._publisher.transact(work)

    def read(
        self, room: str, before: Place | None = None, limit: int = 50
    ) -> tuple[list[Post], Place | None]:
        """Newest posts of a room first, beyond `before`; and where to go on (None: no more)."""
        limit = max(1, min(limit, PAGE_ITEMS_MAX_COUNT))
        with self._core.reading() as reader:
            found = list(rooms.posts_in(reader, written.line(room), before, limit + 1, self._now()))
        shown = [shown_post(post) for post in found[:limit]]
        more = len(found) > limit
        return shown, (shown[-1].time, shown[-1].id) if more else None

    def post(self, post: bytes) -> Post:
        """A live post. Raises LocalFault not-found."""
        found = rooms.post_of(self._core.reader, post)
        if found is None:
            raise LocalFault("not-found", what=post.hex()[:8])
        return shown_post(found)

    def replies(self, post: bytes) -> list[Post]:
        """Live replies to a post, oldest first."""
        with self._core.reading() as reader:
            shown = [shown_post(reply) for reply in rooms.replies_to(reader, post)]
        return sorted(shown, key=lambda reply: (reply.time, reply.id))

    def rooms(self) -> list[RoomView]:
        """All rooms with live posts; those with the newest posts first."""
        with self._core.reading() as reader:
            names = rooms.rooms(reader)
            found = [RoomView(name, self._newest(reader, name)) for name in names]
        return sorted(
            found, key=lambda room: (-(room.newest.time if room.newest else 0), room.name)
        )

    def _newest(self, reader: Reader, room: str) -> Post | None:
        post = next(rooms.posts_in(reader, room, None, 1, self._now()), None)
        return None if post is None else shown_post(post)

    def _now(self) -> int:
        return self._core.clock() + CLOCK_AHEAD_MAX_MS


def shown_post(post: Post) -> Post:
    """A post without what could deceive its reader."""
    return replace(post, text=i18n.clean_for_display(post.text))


def author_of(reader: Reader, record: bytes) -> bytes | None:
    """Who wrote a held record."""
    entry = lanes.entry_of(reader, record)
    return None if entry is None else lanes.author_of(reader, entry)


def _salt() -> bytes:
    return secrets.token_bytes(SALT_SIZE_BYTES)
