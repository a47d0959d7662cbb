"""Talk and market: rooms and posts, listings and search.

Written by tests/clients/generate.py from the client for threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from node.client.trio.connection import Connection

if TYPE_CHECKING:
    from node.client.shapes import (
        Hits,
        Listing,
        Made,
        PictureMade,
        PicturesHeld,
        PostDetail,
        Posts,
        RoomLine,
    )


class Talking(Connection):
    """Rooms, posts, listings, search."""

    async def rooms(self) -> list[RoomLine]:
        """Rooms with their newest post."""
        return (await self.get("/rooms"))["items"]

    async def posts(self, room: str, *, cursor: str | None = None, limit: int = 50) -> Posts:
        """A page of posts, newest first."""
        return await self.get("/posts", room=room, cursor=cursor, limit=limit)

    async def post_shown(self, post: str) -> PostDetail:
        """One post with its replies."""
        return await self.get(f"/posts/{post}")

    async def say(
        self, room: str, text: str, *, language: str | None = None, reply_to: str | None = None
    ) -> Made:
        """Say something in a room."""
        body = {"room": room, "text": text, "language": language, "reply_to": reply_to}
        return await self.post("/posts", body)

    async def edit_post(self, post: str, text: str) -> Made:
        """New text for an own post."""
        return await self.put(f"/posts/{post}", {"text": text})

    async def delete_post(self, post: str) -> Made:
        """Erase an own post."""
        return await self.delete(f"/posts/{post}")

    def listings(
        self,
        *,
        kind: str | None = None,
        region: str | None = None,
        tag: str | None = None,
        author: str | None = None,
    ) -> AsyncIterator[Listing]:
        """Listings, newest first."""
        return self.each("/listings", kind=kind, region=region, tag=tag, author=author)

    async def listing(self, listing: str) -> Listing:
        """One listing."""
        return await self.get(f"/listings/{listing}")

    async def put_listing(self, kind: str, title: str, **more: Any) -> Made:
        """Put up a listing; `more`: text, price, region, stock, tags, language, until, state,
        pictures."""
        return await self.post("/listings", {"kind": kind, "title": title, **more})

    async def change_listing(self, listing: str, **changes: Any) -> Made:
        """Change an own listing."""
        return await self.put(f"/listings/{listing}", changes)

    async def put_picture(self, photo: bytes) -> PictureMade:
        """Make a photo fit for a listing: `large` and `small`, files with `id`."""
        return await self.post_file("/pictures", photo)

    async def picture(self, picture: str) -> bytes | None:
        """The bytes of a file of a picture; None while they are fetched from neighbours."""
        return await self.file_or_none(f"/pictures/{picture}")

    async def pictures_held(self) -> PicturesHeld:
        """What is kept here of pictures, and its bounds."""
        return await self.get("/pictures")

    async def bound_pictures(
        self, *, room: int | None = None, ahead: int | None = None
    ) -> PicturesHeld:
        """Change the bounds, in bytes."""
        wanted = {"room": room, "ahead": ahead}
        return await self.put("/pictures", {k: v for k, v in wanted.items() if v is not None})

    async def close_listing(self, listing: str, *, erase: bool = False) -> Made:
        """Take an own listing off."""
        return await self.delete(f"/listings/{listing}", erase=erase)

    async def search(self, words: str, **filters: str | int | bool | None) -> Hits:
        """Posts and listings; filters: kind, region, max_price, newest, cursor, limit."""
        return await self.get("/search", words=words, **filters)
