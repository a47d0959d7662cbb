"""The store of pictures: what stays, what goes first, and what a bad disk can do."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol.crypto import sha256
from node.protocol.errors import StorageFault
from node.protocol.limits import PICTURES_FRESH_MAX_COUNT, PICTURES_FRESH_MAX_MS
from node.protocol.market import PictureFile
from node.storage.doctor import check
from node.storage.home import Home, remove_database, settle_mended
from node.storage.log import log_of
from node.storage.pictures import Held, PictureStore, own_files
from tests.support.damage import flip
from tests.support.homes import Clock
from tests.vectors.picture_cases import lossy, webp

ROOM = 1_000


def picture(name: str, size: int = 100) -> bytes:
    """A WebP of 4 x 3 pixels, as far as its header goes, of so many bytes."""
    return webp(b"VP8 ", (lossy(4, 3)[20:] + name.encode()).ljust(size - 20, b"."))


def stated(data: bytes) -> PictureFile:
    """What a listing says of it."""
    return PictureFile(sha256(data), "image/webp", len(data), 4, 3)


class Shop:
    """A store with a clock."""

    def __init__(self, folder: Path) -> None:
        self.home, self.clock = Home(folder), Clock()
        self.home.prepare()
        self.store = PictureStore(self.home, self.clock)

    def put(self, name: str, size: int = 300, *, own: bool = False, room: int = ROOM) -> bytes:
        data = picture(name, size)
        file = stated(data)
        return file.hash if self.store.put(file, data, own=own, room=room) else b""

    def made(self, name: str) -> tuple[bytes, bytes]:
        data = (picture(f"large {name}"), picture(f"small {name}"))
        files = [stated(one) for one in data]
        self.store.put_made(files[0], files[1], data)
        return files[0].hash, files[1].hash

    def has(self, *keys: bytes) -> list[bool]:
        return [self.store.take(key) is not None for key in keys]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "home")
    yield made
    made.store.close()


def test_nothing_is_made_before_the_first_picture(shop: Shop) -> None:
    assert shop.store.take(bytes(32)) is None
    assert shop.store.file(bytes(32)) is None
    assert (shop.store.held(), shop.store.keys()) == (Held(), [])
    assert not shop.home.pictures.exists()
    assert list(own_files(shop.home)) == []


def test_a_file_comes_back_as_it_was_also_after_a_restart(shop: Shop) -> None:
    key = shop.put("a")
    shop.store.close()
    again = PictureStore(shop.home, shop.clock)
    kept = again.take(key)
    assert kept is not None
    assert (kept.media, sha256(kept.data)) == ("image/webp", key)
    assert again.file(key) == PictureFile(key, "image/webp", 300, 4, 3)
    assert shop.home.pictures.stat().st_mode & 0o077 == 0
    again.close()


def test_the_least_recently_used_of_others_go_and_own_ones_never(shop: Shop) -> None:
    own = shop.put("own", own=True)
    a, b, c = (shop.put(name) for name in "abc")
    shop.clock.now += 4_000_000  # beyond what is noted of a look
    assert shop.has(a) == [True]
    d = shop.put("d")
    assert shop.has(own, a, b, c, d) == [True, True, False, True, True]
    assert shop.put("huge", ROOM + 1) == b""
    assert shop.has(a, c, d) == [True, True, True]
    shop.store.fit(300)
    assert shop.store.held() == Held(1, 300, 1, 300)
    shop.store.fit(0)
    assert shop.store.held() == Held(1, 300, 0, 0)
    assert shop.put("e", room=0) == b""


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(40, 400), st.booleans()), max_size=15))
def test_others_never_have_more_than_their_room(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, bool]]
) -> None:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    own: set[bytes] = set()
    for number, (size, mine) in enumerate(sizes):
        key = shop.put(f"{number}", size, own=mine)
        own |= {key} if mine else set()
        held = shop.store.held()
        assert held.others_bytes <= ROOM
        assert held.own_count == len(own)
    assert set(shop.store.keys()) >= own
    shop.store.close()


def test_what_no_listing_names_goes_and_what_was_just_made_waits(shop: Shop) -> None:
    large, small = shop.made("bread")
    other = shop.put("other")
    assert shop.store.is_fresh(large)
    assert shop.store.settle([], [large, small, other]) == 1
    assert shop.has(large, small, other) == [True, True, False]
    assert shop.store.settle([large, small], []) == 0
    assert not shop.store.is_fresh(large)
    assert shop.store.made(large) is not None
    assert shop.store.settle([], [large, small]) == 2
    assert shop.store.made(large) is None
    late, _ = shop.made("cake")
    shop.clock.now += PICTURES_FRESH_MAX_MS + 10
    assert shop.store.settle([], [late]) == 1


def test_photos_without_a_listing_are_bounded(shop: Shop) -> None:
    made = [shop.made(str(number)) for number in range(PICTURES_FRESH_MAX_COUNT // 2 + 3)]
    assert shop.store.held().own_count == PICTURES_FRESH_MAX_COUNT
    assert shop.has(*made[-1]) == [True, True]
    assert shop.has(*made[0]) == [False, False]


def test_a_file_that_the_disk_changed_is_gone_and_never_given(shop: Shop) -> None:
    key, fine = shop.put("a"), shop.put("b")
    shop.store.close()
    with sqlite3.connect(shop.home.pictures) as connection:
        connection.execute("UPDATE bytes SET data = zeroblob(300) WHERE hash = ?", (key,))
    connection.close()
    again = PictureStore(shop.home, shop.clock)
    assert again.take(key) is None
    assert again.file(key) is None  # so it is fetched again
    assert again.take(fine) is not None
    again.close()


def test_erased_bytes_are_not_left_in_the_file(shop: Shop) -> None:
    key = shop.put("a secret place", 5_000)
    shop.store.settle([], [key])
    shop.store.close()
    assert b"a secret place" not in shop.home.pictures.read_bytes()


def test_own_files_can_be_read_beside_a_running_node_and_put_back(
    shop: Shop, tmp_path: Path
) -> None:
    data = lossy(640, 480)
    file = PictureFile(sha256(data), "image/webp", len(data), 640, 480)
    shop.store.put(file, data, own=True, room=0)
    shop.put("others")
    assert list(own_files(shop.home)) == [data]
    other = Shop(tmp_path / "other")
    other.store.put_back(data)
    other.store.put_back(b"no picture")
    assert other.store.file(file.hash) == file
    assert other.store.held().own_count == 1
    other.store.close()


def test_a_file_of_a_later_program_is_left_alone(shop: Shop) -> None:
    shop.put("a")
    shop.store.close()
    with sqlite3.connect(shop.home.pictures) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StorageFault) as refused:
        shop.store.keys()
    assert refused.value.code == "schema-newer"


def test_a_damaged_file_is_mended_as_soon_as_it_is_met(shop: Shop) -> None:
    keys = [shop.put(f"{number}", 5_000, room=10**9) for number in range(30)]
    large, small = shop.made("bread")
    shop.store.close()
    data = bytearray(shop.home.pictures.read_bytes())
    data[4_096 * 6 : 4_096 * 12] = b"\xa5" * (4_096 * 6)
    shop.home.pictures.write_bytes(bytes(data))
    shop.home.database.touch()
    assert "pictures-damaged" in [finding.code for finding in check(shop.home)]
    for suffix in ("-wal", "-shm"):  # of the one who looked
        log_of(shop.home.pictures).with_name(f"pictures.db{suffix}").unlink(missing_ok=True)
    has = shop.has(large, small, *keys)
    assert has[:2] == [True, True]
    assert 20 <= sum(has[2:]) < 30
    assert shop.store.made(large) is not None
    assert shop.store.is_fresh(small)
    shop.store.close()
    # What was erased before lay in the damaged file, too: no part of that is left.
    assert sorted(path.name for path in shop.home.path.iterdir()) == ["node.db", "pictures.db"]
    assert "pictures-damaged" not in [finding.code for finding in check(shop.home)]


def test_a_reader_that_is_open_goes_on_with_the_mended_file(shop: Shop) -> None:
    kept = shop.put("kept", 700, own=True)
    bad = shop.put("bad", 9_000)
    assert shop.store.file(kept) is not None  # and this thread has a reader now
    connection = sqlite3.connect(shop.home.pictures)
    query = "SELECT rootpage FROM sqlite_master WHERE name = 'bytes'"
    page = connection.execute(query).fetchone()[0] - 1
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    flip(shop.home.pictures, page * 4_096, 4)
    for key in (bad, kept):
        shop.store.take(key)
    assert shop.store.mended_count == 1
    new = shop.put("new", 700, own=True)
    assert shop.store.file(new) is not None


def test_what_goes_leaves_nothing_of_what_was_made_from_it(shop: Shop) -> None:
    large, small = shop.made("bread")
    shop.store.settle([large, small], [])
    assert shop.store.settle([], [large, small]) == 2
    connection = sqlite3.connect(shop.home.pictures)
    for table in ("files", "bytes", "made"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    connection.close()


FORMATS = (18, 19)  # bytes of the header: of an unknown one, SQLite does not write, or not read


def test_one_bit_anywhere_costs_at_most_the_files_it_lies_in(shop: Shop) -> None:
    own = {shop.put(f"own {number}", 700, own=True) for number in range(20)}
    others = {shop.put(f"other {number}", 9_000, room=10**9) for number in range(20)}
    shop.store.close()
    sound, chance = shop.home.pictures.read_bytes(), Random(7)
    lost = 0
    for number in range(60):
        remove_database(shop.home.pictures)
        shop.home.pictures.write_bytes(sound)
        place = FORMATS[number] if number < len(FORMATS) else chance.randrange(len(sound))
        if 60 <= place < 64:
            continue  # the version: this would be of a later program, which is left alone
        flip(shop.home.pictures, place, chance.randrange(8))
        saved = {sha256(data) for data in own_files(shop.home)}
        store = PictureStore(shop.home, shop.clock)
        kept = {key for key in own | others if store.take(key) is not None}
        new = stated(picture("new"))
        assert store.put(new, picture("new"), own=True, room=0)
        assert store.take(new.hash) is not None
        still = store.keys()
        assert kept <= {key for key in still if store.take(key) is not None}
        store.close()
        # An inner page of an index leads to many; a page of small files holds four.
        assert len(saved - others) >= len(own) - 5
        lost += len(own | others) - len(kept)
    assert lost <= 60


def test_a_mended_file_takes_its_place_also_after_a_kill(shop: Shop) -> None:
    key = shop.put("a")
    shop.store.close()
    shop.home.pictures.rename(shop.home.pictures_mended)
    shop.home.pictures.write_bytes(b"damaged")
    log_of(shop.home.pictures).write_bytes(b"a log of the damaged one")
    settle_mended(shop.home)
    again = PictureStore(shop.home, shop.clock)
    assert again.take(key) is not None
    again.close()


def test_where_the_disk_is_full_the_damaged_file_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("a")
    shop.store.close()
    damaged = b"\xa5" + shop.home.pictures.read_bytes()[1:]
    shop.home.pictures.write_bytes(damaged)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("node.storage.picture_wreck.shutil.copyfile", full)
    with pytest.raises(StorageFault) as refused:
        shop.store.keys()
    assert refused.value.code in ("disk-full", "disk-error")
    assert shop.home.pictures.read_bytes() == damaged
    monkeypatch.undo()
    assert len(shop.store.keys()) == 1
