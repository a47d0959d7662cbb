"""Photos of listings, as `sell`, `want` and `listing` send and save them; and `pictures`.

Rules: a photo is read whole, sent to the running node, and made fit there; a saved one never takes
the place of another file.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import App, clean, command, option, read_some
from node.protocol.errors import LocalFault
from node.protocol.limits import (
    PICTURE_INPUT_MAX_BYTES,
    PICTURES_AHEAD_MAX_BYTES,
    PICTURES_ROOM_MAX_BYTES,
)

PATH: Final = click.Path(path_type=Path)
PHOTOS: Final = option("--photo", "photos", type=PATH, multiple=True, metavar="FILE", about="photo")
PHOTO_TEXTS: Final = option(
    "--photo-text", "photo_texts", multiple=True, metavar="TEXT", about="photo_text"
)
SUFFIXES: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
WAIT_S: Final = 20.0  # for neighbours to send what is not here
LOOK_S: Final = 0.25
MEGABYTE: Final = 1_000_000


def sent(app: App, photos: Sequence[Path], texts: Sequence[str]) -> list[dict[str, str]]:
    """Have photos made fit; the nth text goes with the nth photo. Pictures as a listing takes them.

    Raises LocalFault file-missing, file-unreadable, and what the node says.
    """
    if len(texts) > len(photos):
        raise click.UsageError(app.text("cli.photo_texts"))
    found: list[dict[str, str]] = []
    for number, photo in enumerate(photos):
        data = read_some(photo, PICTURE_INPUT_MAX_BYTES + 1)
        if len(data) > PICTURE_INPUT_MAX_BYTES:
            raise LocalFault("picture-too-large")
        made = app.client.send_file("/pictures", data)
        text = texts[number] if number < len(texts) else ""
        found.append({"id": made["large"]["id"], "text": text})
    return found


def saved(app: App, listing: dict[str, Any], folder: Path) -> list[str | None]:
    """Write the pictures of a listing into a folder; their paths, None for what nobody had in time.

    Raises LocalFault file-exists, file-not-writable.
    """
    end = time.monotonic() + WAIT_S
    paths: list[str | None] = []
    for number, picture in enumerate(listing["pictures"], 1):
        file = picture["large"]
        data = _fetched(app, file["id"], end)
        if data is None:
            paths.append(None)
            continue
        path = folder / f"{listing['id'][:8]}-{number}.{SUFFIXES[file['media']]}"
        _write(path, data)
        paths.append(str(path))
    return paths


def _fetched(app: App, picture: str, end: float) -> bytes | None:
    while True:
        data = app.client.file_or_none(f"/pictures/{picture}")
        if data is not None or time.monotonic() >= end:
            return data
        time.sleep(LOOK_S)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() == data:
                return
            raise LocalFault("file-exists", path=str(path))
        path.write_bytes(data)
    except OSError as problem:
        raise LocalFault("file-not-writable", str(problem), path=str(path)) from None


def tell(app: App, listing: dict[str, Any], paths: Sequence[str | None] = ()) -> None:
    """Say which pictures a listing has, and where they were saved."""
    for number, picture in enumerate(listing["pictures"]):
        app.say("pictures.photo", number=number + 1, text=clean(picture["text"]))
        if paths:
            path = paths[number]
            if path is None:
                app.say("pictures.late")
            else:
                app.say("pictures.saved", path=path)


@command(
    "pictures",
    "wetalk pictures --room 500 --ahead 0",
    option(
        "--room",
        type=click.IntRange(0, PICTURES_ROOM_MAX_BYTES // MEGABYTE),
        metavar="MB",
        about="pictures_room",
    ),
    option(
        "--ahead",
        type=click.IntRange(0, PICTURES_AHEAD_MAX_BYTES // MEGABYTE),
        metavar="MB",
        about="pictures_ahead",
    ),
)
def pictures(app: App, room: int | None, ahead: int | None) -> None:
    wanted = {"room": room, "ahead": ahead}
    changes = {name: most * MEGABYTE for name, most in wanted.items() if most is not None}
    held = app.client.put("/pictures", changes) if changes else app.client.get("/pictures")
    app.result(held)
    for whose in ("own", "others"):
        files = held[whose]
        app.say(f"pictures.{whose}", count=files["count"], megabytes=_megabytes(files["bytes"]))
    app.say("pictures.room", megabytes=_megabytes(held["room"]))
    app.say("pictures.ahead", megabytes=_megabytes(held["ahead"]))


def _megabytes(count: int) -> str:
    return f"{max(count / MEGABYTE, 0.1 if count else 0):.1f}"


COMMANDS: Final = {"pictures": pictures}
