"""Talk and market: rooms and posts, listings and search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from node.client.connection import Connection

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

    def rooms(self) -> list[RoomLine]:
        """Rooms with their newest post."""
        return self.get("/rooms")["items"]

    def posts(self, room: str, *, cursor: str | None = None, limit: int = 50) -> Posts:
        """A page of posts, newest first."""
        return self.get("/posts", room=room, cursor=cursor, limit=limit)

    def post_shown(self, post: str) -> PostDetail:
        """One post with its replies."""
        return self.get(f"/posts/{post}")

    def say(
        self, room: str, text: str, *, language: str | None = None, reply_to: str | None = None
    ) -> Made:
        """Say something in a room."""
        body = {"room": room, "text": text, "language": language, "reply_to": reply_to}
        return self.post("/posts", body)

    def edit_post(self, post: str, text: str) -> Made:
        """New text for an own post."""
        return self.put(f"/posts/{post}", {"text": text})

    def delete_post(self, post: str) -> Made:
        """Erase an own post."""
        return self.delete(f"/posts/{post}")

    def listings(
        self,
        *,
        kind: str | None = None,
        region: str | None = None,
        tag: str | None = None,
        author: str | None = None,
    ) -> Iterator[Listing]:
        """Listings, newest first."""
        return self.each("/listings", kind=kind, region=region, tag=tag, author=author)

    def listing(self, listing: str) -> Listing:
        """One listing."""
        return self.get(f"/listings/{listing}")

    def put_listing(self, kind: str, title: str, **more: Any) -> Made:
        """Put up a listing; `more`: text, price, region, stock, tags, language, until, state,
        pictures."""
        return self.post("/listings", {"kind": kind, "title": title, **more})

    def change_listing(self, listing: str, **changes: Any) -> Made:
        """Change an own listing."""
        return self.put(f"/listings/{listing}", changes)

    def put_picture(self, photo: bytes) -> PictureMade:
        """Make a photo fit for a listing: `large` and `small`, files with `id`."""
        return self.post_file("/pictures", photo)

    def picture(self, picture: str) -> bytes | None:
        """The bytes of a file of a picture; None while they are fetched from neighbours."""
        return self.file_or_none(f"/pictures/{picture}")

    def pictures_held(self) -> PicturesHeld:
        """What is kept here of pictures, and its bounds."""
        return self.get("/pictures")

    def bound_pictures(self, *, room: int | None = None, ahead: int | None = None) -> PicturesHeld:
        """Change the bounds, in bytes."""
        wanted = {"room": room, "ahead": ahead}
        return self.put("/pictures", {k: v for k, v in wanted.items() if v is not None})

    def close_listing(self, listing: str, *, erase: bool = False) -> Made:
        """Take an own listing off."""
        return self.delete(f"/listings/{listing}", erase=erase)

    def search(self, words: str, **filters: str | int | bool | None) -> Hits:
        """Posts and listings; filters: kind, region, max_price, newest, cursor, limit."""
        return self.get("/search", words=words, **filters)
