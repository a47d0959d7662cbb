"""Targets: files of pictures, as strangers give them and as a disk may change them."""

import logging
import shutil
from functools import cache
from pathlib import Path

from node.protocol.crypto import sha256
from node.protocol.errors import StorageFault
from node.protocol.limits import PICTURE_FILE_MAX_BYTES
from node.protocol.market import PictureFile
from node.protocol.picture import is_stated, look
from node.storage.home import Home
from node.storage.pictures import PictureStore, own_files
from tests.fuzz.target import OK, Target, scratch
from tests.vectors import load
from tests.vectors.picture_cases import lossy

NONE, SOME = "no picture", "some are gone"
ROOM_BYTES = 10**6


def _pictures() -> list[bytes]:
    return [load.data(case["bytes"]) for case in load.cases("pictures")]


def _judge_picture(data: bytes) -> str:
    found = look(data)
    if found is None:
        return NONE
    assert min(found.width, found.height) > 0
    assert is_stated(data, _named(data))
    return OK


# --- the store on a bad disk ----------------------------------------------------------------------
def _named(data: bytes) -> PictureFile:
    found = look(data)
    assert found is not None
    return PictureFile(sha256(data), *found[:1], len(data), *found[1:])


@cache
def _kept() -> dict[bytes, bytes]:
    """Files by hash: of some one page is enough, of others many are needed."""
    files = [data for data in _pictures() if look(data) is not None]
    files += [lossy(width, 9) for width in range(1, 8)]
    return {sha256(data): data for data in files if len(data) <= PICTURE_FILE_MAX_BYTES}


def _home(data: bytes) -> Home:
    """A home with nothing but this as its file of pictures."""
    folder = scratch("pictures", b"").with_suffix(".home")
    shutil.rmtree(folder, ignore_errors=True)
    home = Home(Path(folder))
    home.prepare()
    home.pictures.write_bytes(data)
    return home


def _stores() -> list[bytes]:
    home = _home(b"")
    home.pictures.unlink()
    store = PictureStore(home, int)
    for number, data in enumerate(_kept().values()):
        store.put(_named(data), data, own=bool(number % 2), room=ROOM_BYTES)
    store.close()
    return [home.pictures.read_bytes()]


def _judge_store(data: bytes) -> str:
    logging.getLogger("node.storage.pictures").setLevel(logging.ERROR)  # it tells of damage
    home, new = _home(data), lossy(640, 480)
    try:
        saved = list(own_files(home))
        store = PictureStore(home, int)
        try:
            kept = {key: store.take(key) for key in _kept()}
            assert all(one is None or one.data == _kept()[key] for key, one in kept.items())
            assert store.put(_named(new), new, own=True, room=0)
            assert store.take(sha256(new)) is not None
            store.held()
        finally:
            store.close()
    except StorageFault as fault:
        if fault.code != "schema-newer":
            raise
        return str(fault.code)
    assert all(look(one) is not None for one in saved)
    return SOME if None in kept.values() else OK


TARGETS = (
    Target("picture", _pictures, _judge_picture),
    Target("picture-store", _stores, _judge_store, 1),
)
