"""Routes about pictures of listings: photos in, files out, what is kept.

Rules: a photo comes as bytes (`application/octet-stream`), since base64 in JSON would be a third
larger and twice in memory; what it is, its bytes say. A file goes out as exactly what it is, in a
sandbox, never to be run; nothing about it changes, so a browser may keep it for a day.
"""

from typing import Final

from fastapi import Request, Response

from node import i18n
from node.api.context import Api
from node.api.models import pictures as shapes
from node.api.parameters import IdPath
from node.api.routing import PREFIX, Route, get, write
from node.api.security import OCTETS
from node.protocol.market import Media, Picture, PictureFile

MEDIA: Final[tuple[Media, ...]] = ("image/jpeg", "image/png", "image/webp")
# Not for ever: an author may erase a picture, and copies in browsers go after a day.
KEPT: Final = "private, max-age=86400, immutable"


class PictureRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def make(self, request: Request) -> shapes.PictureMade:
        """Make a photo fit for a listing (JPEG, PNG or WebP), and keep it for one.

        The answer's `large.id` goes into `pictures` of a listing. Places, times and the name of the
        camera are taken off; the longer side becomes 1,280 pixels at most.
        """
        made = await self._api.pictures.make(await request.body())
        large, small = (file_shown(self._api, one) for one in (made.large, made.small))
        return shapes.PictureMade(large=large, small=small)

    async def give(self, request: Request, picture: IdPath) -> Response:
        """The bytes of a file; or 202 while they are being fetched from neighbours."""
        key = bytes.fromhex(picture)
        mark = f'"{picture}"'
        kept = await self._api.pictures.take(key)
        if kept is None:
            return self._not_yet(request, key)
        headers = {"etag": mark, "cache-control": KEPT, "content-disposition": "inline"}
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=304, headers=headers)
        return Response(kept.data, media_type=kept.media, headers=headers)

    def _not_yet(self, request: Request, key: bytes) -> Response:
        state = self._api.live.want_picture(key)
        text = i18n.text(f"pictures.{state}", self._api.language(request))
        told = shapes.PictureWaiting(state=state, text=text)
        return Response(told.model_dump_json(), 202, media_type="application/json")

    async def held(self) -> shapes.PicturesHeld:
        """What is kept here of pictures, and its bounds."""
        held, bounds = self._api.pictures.held(), self._api.pictures.bounds()
        return shapes.PicturesHeld(
            own=shapes.Files(count=held.own_count, bytes=held.own_bytes),
            others=shapes.Files(count=held.others_count, bytes=held.others_bytes),
            room=bounds.room,
            ahead=bounds.ahead,
        )

    async def bound(self, body: shapes.PictureBounds) -> shapes.PicturesHeld:
        """Change how much is kept of others, and how much is fetched before anybody looks."""
        await self._api.pictures.bound(body.room, body.ahead)
        return await self.held()


def file_shown(api: Api, file: PictureFile) -> shapes.PictureFile:
    """A file as listings show it."""
    return shapes.PictureFile(
        id=file.hash.hex(),
        url=f"{PREFIX}/pictures/{file.hash.hex()}",
        media=file.media,
        size=file.size,
        width=file.width,
        height=file.height,
        here=api.pictures.is_here(file),
    )


def picture_shown(api: Api, picture: Picture) -> shapes.Picture:
    """A picture as listings show it."""
    return shapes.Picture(
        text=picture.text,
        large=file_shown(api, picture.large),
        small=file_shown(api, picture.small),
    )


def routes(api: Api) -> list[Route]:
    """The table. The same photo becomes the same files, so it may be sent as often as wanted."""
    pictures = PictureRoutes(api)
    one, until = "/pictures/{picture}", shapes.PictureWaiting
    return [
        get("/pictures", pictures.held, shapes.PicturesHeld),
        write("PUT", "/pictures", pictures.bound, shapes.PicturesHeld, "admin"),
        write("POST", "/pictures", pictures.make, shapes.PictureMade, "talk", status=201,
              once=False, takes=OCTETS),
        get(one, pictures.give, None, media=MEDIA[0], also=MEDIA, until=until),
    ]  # fmt: skip
