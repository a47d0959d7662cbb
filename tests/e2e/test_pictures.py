"""Pictures between real nodes: made on one, seen on the other, gone when their listing is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from node.client import ApiProblem
from node.demo import Actor, wait
from node.protocol.crypto import sha256
from node.protocol.picture import look
from tests.support.command import call


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Actor, Actor]]:
    """Two nodes that know each other."""
    ada, ming = Actor("Ada", "en", tmp_path / "ada"), Actor("小明", "zh", tmp_path / "ming")
    try:
        ada.make()
        ada.launch()
        ada.await_up()
        ming.make(ada.client.invite(code=True)["link"])
        ming.launch()
        ming.await_up()
        yield ada, ming
    finally:
        ming.stop()
        ada.stop()


def photo(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F] = "SecretCam"
    Image.effect_noise((900, 600), 40).save(path, "JPEG", exif=exif)
    return path


def heard(actor: Actor, listing: str) -> Any:
    return wait("the listing", lambda: _shown(actor, listing))


def _shown(actor: Actor, listing: str) -> Any:
    found = next((one for one in actor.client.listings() if one["id"] == listing), None)
    return found if found is not None and found["pictures"] else None


def test_a_picture_made_on_one_node_is_seen_on_the_other_and_goes_with_its_listing(
    pair: tuple[Actor, Actor], tmp_path: Path
) -> None:
    ada, ming = pair
    file = photo(tmp_path / "김치 사진.jpg")
    words = ["--photo", str(file), "--photo-text", "하얀 접시에 담긴 김치 🥬"]
    listing = call(ada.home, "sell", "배추김치", "--region", "KR-11", *words)["id"]
    own = ada.client.listing(listing)["pictures"][0]
    theirs = heard(ming, listing)["pictures"][0]
    assert theirs["text"] == "하얀 접시에 담긴 김치 🥬"
    assert (theirs["large"]["id"], theirs["small"]["id"]) == (
        own["large"]["id"], own["small"]["id"],
    )  # fmt: skip
    data = wait("the picture", lambda: ming.client.picture(theirs["large"]["id"]))
    assert sha256(data).hex() == own["large"]["id"]
    assert look(data) == ("image/webp", 900, 600)
    assert b"SecretCam" not in data
    assert ming.client.listing(listing)["pictures"][0]["large"]["here"] is True
    folder = tmp_path / "저장"
    saved = call(ming.home, "listing", "show", listing, "--photos", str(folder))["saved"]
    assert [Path(path).read_bytes() for path in saved] == [data]
    told = wait("events", lambda: _told(ming))
    assert own["large"]["id"] in told
    ada.client.close_listing(listing, erase=True)
    for actor in pair:
        wait("it is gone everywhere", lambda actor=actor: _is_gone(actor, own["large"]["id"]))
        wait("and off the disk", lambda actor=actor: _held(actor) == 0)


def _told(actor: Actor) -> set[str] | None:
    """Pictures that have arrived, as the log of events says."""
    from node.storage.connect import connect_reader
    from node.storage.home import Home
    from node.storage.reader import SqliteReader

    reader = SqliteReader(connect_reader(Home(actor.home).database), bytes(32))
    try:
        found = reader.events.after(0, 10_000)
        return {one.subject.hex() for one in found if one.name == "picture"} or None
    finally:
        reader.close()


def _is_gone(actor: Actor, picture: str) -> bool:
    try:
        actor.client.picture(picture)
    except ApiProblem as problem:
        return problem.code == "picture-unknown"
    return False


def _held(actor: Actor) -> int:
    held = actor.client.pictures_held()
    return held["own"]["count"] + held["others"]["count"]
