"""Shapes about pictures of listings."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import Id, Model, Sentence
from node.protocol import limits

PictureWords = Annotated[
    str,
    Field(
        max_length=limits.PICTURE_TEXT_MAX_CHARACTERS,
        examples=["하얀 접시에 담긴 배추김치 한 포기"],
    ),
]
Pixels = Annotated[int, Field(examples=[1280])]
Size = Annotated[int, Field(examples=[148_210])]
Media = Annotated[Literal["image/jpeg", "image/png", "image/webp"], Field(examples=["image/webp"])]


class PictureFile(Model):
    """A file of a picture. `here`: its bytes are on this node; else asking fetches them."""

    id: Id
    url: Annotated[str, Field(examples=["/v1/pictures/5f0c…"])]
    media: Media
    size: Size
    width: Pixels
    height: Pixels
    here: bool


class Picture(Model):
    """A picture of a listing. `text`: what is to be seen, for those who cannot see it."""

    text: PictureWords
    large: PictureFile
    small: Annotated[PictureFile, Field(description="for lists, at most 320 pixels a side")]


class PictureIn(Model):
    """A picture that a listing shall have: the id of `large`, as POST /pictures gave it, or of one
    that the listing has already. Without words those it had, else the listing's title."""

    id: Id
    text: PictureWords = ""


class PictureMade(Model):
    """A photo made fit: nothing of it is left but pixels. It waits a day for its listing."""

    large: PictureFile
    small: PictureFile


class PictureWaiting(Model):
    """The bytes are not here yet. `coming`: they are being fetched; `nobody` of the neighbours has
    them now; `alone`: there is no neighbour. The event `picture` tells when they arrive."""

    state: Annotated[Literal["coming", "nobody", "alone"], Field(examples=["coming"])]
    text: Sentence


class Files(Model):
    """So many files with so many bytes."""

    count: Annotated[int, Field(examples=[12])]
    bytes: Size


class PicturesHeld(Model):
    """What is here, and its bounds: `room` for others' pictures, of which the least looked at go
    first; `ahead` in a day of pictures nearby before anybody looks at them. Both in bytes."""

    own: Files
    others: Files
    room: Annotated[int, Field(examples=[limits.PICTURES_ROOM_BYTES])]
    ahead: Annotated[int, Field(examples=[limits.PICTURES_AHEAD_BYTES])]


class PictureBounds(Model):
    """What to change of the bounds, in bytes; what is left out stays. 0 for none."""

    room: Annotated[
        int | None,
        Field(ge=0, le=limits.PICTURES_ROOM_MAX_BYTES, examples=[limits.PICTURES_ROOM_BYTES]),
    ] = None
    ahead: Annotated[
        int | None,
        Field(ge=0, le=limits.PICTURES_AHEAD_MAX_BYTES, examples=[limits.PICTURES_AHEAD_BYTES]),
    ] = None
