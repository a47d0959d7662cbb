"""Pictures of listings: made from a member's photos, named by listings, shown, and swept away.

Rules: only what a live listing names is kept or given to anybody; what was made here waits a day
for its listing. A picture is made by the node, so that nothing but pixels leaves the house.
Settings bound what is kept of others, and what is fetched before anybody asks.

Left to others: fetching (`fetching`), the bytes on disk (`storage.pictures`).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import trio

from node.protocol import limits
from node.protocol.errors import LocalFault
from node.protocol.market import Picture, PictureFile
from node.services import written
from node.services.core import Core
from node.services.photos.maker import Made, Maker
from node.storage.pictures import Held, Kept
from node.views import pictures

ROOM_SETTING: Final = "pictures_room"
AHEAD_SETTING: Final = "pictures_ahead"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A picture that a listing shall have: the hash of its large file, and what is to be seen
    (empty: as it was, else the listing's title)."""

    id: bytes
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes for pictures of others, and bytes fetched in a day before anybody asks."""

    room: int
    ahead: int


class Pictures:
    """What a member does with pictures."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._maker = Maker()

    async def make(self, photo: bytes) -> Made:
        """Make a photo fit and keep it for a listing to come.

        Raises LocalFault picture-format, picture-moving, picture-too-large, picture-failed;
        StorageFault.
        """
        made = await self._maker.make(photo)
        store = self._core.pictures
        await trio.to_thread.run_sync(store.put_made, made.large, made.small, made.data)
        return made

    async def take(self, key: bytes) -> Kept | None:
        """A file that is here and that may be shown: a live listing names it, or it was just made.
        Raises LocalFault picture-unknown; StorageFault."""
        store = self._core.pictures
        named = pictures.is_named(self._core.reader, key)
        if not named and not store.is_fresh(key):
            raise LocalFault("picture-unknown")
        return await trio.to_thread.run_sync(store.take, key)

    def is_here(self, file: PictureFile) -> bool:
        """True iff the file is here and is what a listing states of it."""
        return self._core.pictures.file(file.hash) == file

    def chosen(
        self, wanted: Sequence[Chosen], title: str, before: Sequence[Picture] = ()
    ) -> list[Picture]:
        """Pictures for a listing, of those made here or shown by it before.

        Raises LocalFault pictures-many, picture-unknown, picture-twice, picture-text.
        """
        if len(wanted) > limits.PICTURES_MAX_COUNT:
            raise LocalFault("pictures-many", maximum=limits.PICTURES_MAX_COUNT)
        if len({one.id for one in wanted}) != len(wanted):
            raise LocalFault("picture-twice")
        title = written.line(title)
        shown = {one.large.hash: one for one in before}
        return [self._picture(one, title, shown.get(one.id)) for one in wanted]

    def _picture(self, chosen: Chosen, title: str, before: Picture | None) -> Picture:
        files = self._core.pictures.made(chosen.id)
        if files is None and before is not None:
            files = before.large, before.small
        if files is None:
            raise LocalFault("picture-unknown")
        text = written.line(chosen.text) or (title if before is None else before.text)
        if len(text) > limits.PICTURE_TEXT_MAX_CHARACTERS:
            raise LocalFault("picture-text", maximum=limits.PICTURE_TEXT_MAX_CHARACTERS)
        return Picture(text, *files)

    async def offered(self, chosen: Sequence[Picture]) -> None:
        """A listing names these now: what was made for it waits no more, and goes with it."""
        files = [file.hash for one in chosen for file in (one.large, one.small)]
        if files:
            await trio.to_thread.run_sync(self._core.pictures.settle, files, ())

    def held(self) -> Held:
        """How much is here. Raises StorageFault."""
        return self._core.pictures.held()

    def bounds(self) -> Bounds:
        """The settings."""
        settings = self._core.reader.settings
        return Bounds(
            _number(settings.get(ROOM_SETTING), limits.PICTURES_ROOM_BYTES),
            _number(settings.get(AHEAD_SETTING), limits.PICTURES_AHEAD_BYTES),
        )

    async def bound(self, room: int | None, ahead: int | None) -> None:
        """Change settings; None leaves one as it is. What is beyond the room goes at once."""
        chosen = {ROOM_SETTING: room, AHEAD_SETTING: ahead}
        rows = {key: str(value) for key, value in chosen.items() if value is not None}
        await self._core.writer.run(
            lambda state: [state.settings.put(key, value) for key, value in rows.items()]
        )
        if room is not None:
            await trio.to_thread.run_sync(self._core.pictures.fit, room)

    def sweep(self) -> int:
        """Let go what no live listing names; returns how many files. For a thread of its own."""
        store = self._core.pictures
        keys = store.keys()
        if not keys:
            return 0
        with self._core.reading() as reader:
            named = {key for key in keys if pictures.is_named(reader, key)}
        return store.settle(named, [key for key in keys if key not in named])


def _number(kept: str | None, usual: int) -> int:
    return int(kept) if kept is not None and kept.isdecimal() else usual
