"""The index follows the records: edits, deletions, filters, pages, restarts, damage."""

import os
import random
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.protocol import limits
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.market import ListingPut, Price
from node.protocol.state import Changes
from node.storage import doctor
from node.storage.connect import connect_reader
from node.storage.database import Database
from node.storage.documents import document_of
from node.storage.follower import Search
from node.storage.home import Home, remove_database
from node.storage.query import PriceCap, SearchQuery, SearchReader
from node.storage.search import SearchIndex
from tests.storage.folded import Refolding, take
from tests.storage.samples import open_database
from tests.storage.test_search_words import plain
from tests.support.damage import flip
from tests.support.world import Made, World

PATIENCE_S = 20.0
FLIPS = int(os.environ.get("WETALK_FLIPS", "40"))


class Shop:
    """A database with its index, a world beside it, and members who talk and sell."""

    def __init__(self, home: Home) -> None:
        self.home, self.world = home, World()
        self.talk, self.sell = self.world.talker("amina"), self.world.seller("baraka")
        self.given = 0
        self.open()

    def open(self) -> None:
        self.database = open_database(self.home)
        self.search = Search(self.database, self.home.search)

    def close(self) -> None:
        self.search.close()
        self.database.close()

    def post(self, text: str, room: str = "well") -> Made:
        self.talk = self.world.post(self.talk, text, room)
        return self.talk

    def offer(self, title: str, **changes: object) -> Made:
        """A listing with any of its fields changed."""
        fields: dict[str, object] = {
            "kind": "goods", "language": None, "listing": None, "paused": False, "price": "ask",
            "region": None, "salt": bytes(16), "stock": "one", "tags": [], "text": "",
            "title": title, "until": None,
        }  # fmt: skip
        body = ListingPut(**{**fields, **changes})  # type: ignore[arg-type]
        self.sell = self.world.on(self.sell, body)
        return self.sell

    def give(self) -> None:
        """Take what the world made since into the database."""
        raws = self.world.raws()
        take(self.database, self.world, raws[self.given :])
        self.given = len(raws)

    def ids(self, words: str = "", **options: object) -> list[bytes]:
        self.give()
        assert self.search.wait_until_caught_up(PATIENCE_S)
        page = self.search.query(SearchQuery(words, limit=100, **options))  # type: ignore[arg-type]
        return [hit.id for hit in page.hits]


@pytest.fixture
def shop(home: Home) -> Iterator[Shop]:
    opened = Shop(home)
    yield opened
    opened.close()


def test_posts_and_listings_are_found_and_told_apart(shop: Shop) -> None:
    post, listing = shop.post("사과 드립니다"), shop.offer("사과 한 상자")
    assert set(shop.ids("사과")) == {post.id, listing.id}
    assert shop.ids("사과", kind="post") == [post.id]
    assert shop.ids("사과", kind="listing") == [listing.id]
    assert shop.ids("배") == []


def test_an_edit_replaces_the_old_words(shop: Shop) -> None:
    post = shop.post("apples tomorrow")
    other = shop.post("more apples")
    assert shop.ids("apples", newest=True) == [other.id, post.id]
    shop.talk = shop.world.edit(shop.talk, post, "pears tomorrow")
    assert shop.ids("apples") == [other.id]
    assert shop.ids("pears") == [post.id]
    assert shop.ids("tomorrow") == [post.id]


def test_what_is_deleted_is_not_found_and_leaves_no_text(shop: Shop) -> None:
    secret = "whisperingwillow"
    post = shop.post(f"a {secret} in a long text " + "filler " * 50)
    assert shop.ids(secret) == [post.id]
    shop.talk = shop.world.delete(shop.talk, post)
    assert shop.ids(secret) == []
    connection = connect_reader(shop.home.search)
    assert connection.execute("SELECT count(*) FROM documents").fetchone()[0] == 0
    connection.close()


def test_tokens_of_the_deleted_are_gone_when_the_index_was_put_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.storage.search.SEARCH_STALE_MAX_COUNT", 2)
    path = tmp_path / "search.db"
    index = SearchIndex.open(path, b"database", 9)
    first, second = plain(1, "whisperingwillow"), plain(2, "other")
    index.take([(first.id, first), (second.id, second)], 1)
    index.take([(first.id, None)], 2)
    index.take([(second.id, replace(second, text="changed"))], 3)
    index.close()
    assert b"whisperingwillow" not in path.read_bytes()


def test_revisions_pauses_and_closings_are_followed(shop: Shop) -> None:
    first = shop.offer("old bicycle")
    shop.offer("nearly new bicycle", listing=first.id)
    assert shop.ids("bicycle") == [first.id]
    assert shop.ids("old") == []
    shop.offer("nearly new bicycle", listing=first.id, paused=True)
    assert shop.ids("bicycle") == []
    shop.offer("nearly new bicycle", listing=first.id)
    assert shop.ids("bicycle") == [first.id]
    shop.sell = shop.world.close(shop.sell, first)
    assert shop.ids("bicycle") == []


def test_text_and_tags_of_listings_are_searched(shop: Shop) -> None:
    listing = shop.offer("chair", text="of oak", tags=["가구"])
    assert shop.ids("oak") == shop.ids("가구") == [listing.id]


def test_filters(shop: Shop) -> None:
    seoul = shop.offer("bread", region="KR-11", kind="goods", language="ko")
    busan = shop.offer("bread", region="KR-26", kind="gift")
    korea = shop.offer("bread", region="KR")
    elsewhere = shop.offer("bread", region="KRX", until=1_000)
    post = shop.post("bread", room="kitchen")
    assert set(shop.ids("bread")) == {seoul.id, busan.id, korea.id, elsewhere.id, post.id}
    assert set(shop.ids("bread", region="KR")) == {seoul.id, busan.id, korea.id}
    assert shop.ids("bread", region="KR-11") == [seoul.id]
    assert shop.ids("bread", region="KR-1") == []
    assert shop.ids("bread", listing_kind="gift") == [busan.id]
    assert shop.ids("bread", language="ko") == [seoul.id]
    assert shop.ids("bread", room="kitchen") == shop.ids(room="kitchen") == [post.id]
    assert elsewhere.id in shop.ids("bread", now_ms=999)
    assert elsewhere.id not in shop.ids("bread", now_ms=1_000)
    assert elsewhere.id not in shop.ids(now_ms=1_000)


def test_prices_are_compared_in_one_unit_whatever_the_decimals(shop: Shop) -> None:
    cheap = shop.offer("jam", price=Price(amount=250, unit="credit", decimals=2))
    dear = shop.offer("jam", price=Price(amount=3, unit="credit", decimals=0))
    hours = shop.offer("jam", price=Price(amount=1, unit="hours", decimals=0))
    free = shop.offer("jam", price="free")
    asked = shop.offer("jam", price="ask")
    assert len(shop.ids("jam")) == 5

    def at_most(unit: str, amount: int, decimals: int) -> set[bytes]:
        return set(shop.ids("jam", max_price=PriceCap(unit, amount, decimals)))

    assert at_most("credit", 25, 1) == {cheap.id, free.id}
    assert at_most("credit", 249, 2) == {free.id}
    assert at_most("credit", 3, 0) == {cheap.id, dear.id, free.id}
    assert at_most("hours", 2**40, 0) == {hours.id, free.id}
    assert asked.id not in at_most("credit", 2**40, 0)


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("words", ["bread", ""])
def test_pages_follow_each_other_without_gaps(shop: Shop, words: str, newest: bool) -> None:
    expected = [shop.post("bread " * (number % 3 + 1) + f"n{number}").id for number in range(23)]
    whole = shop.ids(words, newest=newest)
    assert sorted(whole) == sorted(expected)
    if newest or not words:
        assert whole == expected[::-1]
    query, pages = SearchQuery(words, newest=newest, limit=5), list[list[bytes]]()
    while True:
        page = shop.search.query(query)
        pages.append([hit.id for hit in page.hits])
        if page.cursor is None:
            break
        query = replace(query, cursor=page.cursor)
    assert [len(one) for one in pages] == [5, 5, 5, 5, 3]
    assert [one for page in pages for one in page] == whole


@pytest.mark.parametrize(
    "cursor", ["", "x", "n", "n-1", "nx", "r", "r0_zz_1", "r0_0x1p1_x", "n9" + "9" * 40]
)
def test_a_cursor_of_nowhere_is_refused(shop: Shop, cursor: str) -> None:
    for query in (SearchQuery("bread", cursor=cursor), SearchQuery(cursor=cursor)):
        with pytest.raises(LocalFault) as caught:
            shop.search.query(query)
        assert caught.value.code == "cursor-invalid"


def test_the_index_reads_on_after_a_restart(shop: Shop) -> None:
    first = shop.post("bread one")
    assert shop.ids("bread") == [first.id]
    shop.search.close()  # the index is gone while records arrive
    second = shop.post("bread two")
    shop.give()
    shop.search = Search(shop.database, shop.home.search)
    assert shop.ids("bread", newest=True) == [second.id, first.id]
    shop.close()
    shop.open()
    assert shop.search.behind_count == 0
    assert shop.ids("bread", newest=True) == [second.id, first.id]


@pytest.mark.parametrize("what", ["lost", "damaged", "of another database", "of a lost future"])
def test_an_index_that_does_not_fit_is_made_anew(shop: Shop, what: str) -> None:
    post = shop.post("bread")
    assert shop.ids("bread") == [post.id]
    shop.close()
    path = shop.home.search
    if what == "lost":
        path.unlink()
    elif what == "damaged":
        path.write_bytes(b"rubbish " * 1_000)
    else:
        path.unlink()
        open_database(shop.home).close()
        shop.database = open_database(shop.home)
        own = what == "of a lost future"
        index = SearchIndex.open(path, shop.database.id if own else b"other", 10**6)
        index.take([], 10**6 if own else 0)
        index.close()
        shop.database.close()
    shop.open()
    assert shop.ids("bread") == [post.id]


def test_a_rebuilt_database_is_indexed_again_without_doubles(shop: Shop) -> None:
    post = shop.post("bread")
    shop.talk = shop.world.edit(shop.talk, post, "bread and butter")
    assert shop.ids("bread") == [post.id]
    doctor.rebuild(shop.database, Refolding(shop.world))
    assert shop.ids("bread") == shop.ids("butter") == [post.id]


def wait_for_fault(search: Search) -> str:
    """The code of the fault, once there is one."""
    end = time.monotonic() + PATIENCE_S
    while search.fault is None and time.monotonic() < end:
        time.sleep(0.01)
    assert search.fault is not None
    return search.fault.code


def test_a_full_disk_stops_the_index_only_until_there_is_room(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEARCH_RETRY_S", 0.01)
    connection = shop.search._index._connection
    connection.execute("PRAGMA max_page_count = 1").fetchall()  # the size it has, that is
    post = shop.post("bread " + " ".join(f"word{number}" for number in range(1_500)))
    shop.give()
    assert wait_for_fault(shop.search) == "disk-full"
    assert shop.database.writer.fault is None
    assert shop.search.behind_count == 1
    connection.execute("PRAGMA max_page_count = 1000000").fetchall()
    assert shop.ids("bread") == [post.id]


def test_an_index_that_cannot_be_opened_begins_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEARCH_RETRY_S", 0.01)
    post = shop.post("bread")
    shop.give()
    shop.search.close()
    in_the_way = shop.home.path / "search.db-wal"
    in_the_way.mkdir()
    shop.search = Search(shop.database, shop.home.search)
    with pytest.raises(StorageFault) as caught:
        shop.search.query(SearchQuery("bread"))
    assert caught.value.code == wait_for_fault(shop.search) == "disk-error"
    assert shop.home.search.exists()  # no reason to throw it away
    in_the_way.rmdir()
    assert shop.ids("bread") == [post.id]
    assert shop.search.fault is None


def break_index(shop: Shop) -> None:
    """What a dying disk does."""
    with sqlite3.connect(shop.home.search) as connection:
        connection.execute("UPDATE words_data SET block = x'ffffffffffff'")
    connection.close()


def test_an_index_that_breaks_is_made_anew_at_once_and_then_at_the_next_start(shop: Shop) -> None:
    """Where it breaks again it may be a mistake of ours, which must not go round for ever."""
    first = shop.post("bread " + " ".join(f"word{number}" for number in range(1_500)))
    assert shop.ids("bread") == [first.id]
    break_index(shop)
    second = shop.post("bread too")
    assert set(shop.ids("bread")) == {first.id, second.id}
    assert shop.search.fault is None
    break_index(shop)
    third = shop.post("bread and butter")
    shop.give()
    assert wait_for_fault(shop.search) == "database-damaged"
    shop.close()
    assert not shop.home.search.exists()
    shop.open()
    assert set(shop.ids("bread")) == {first.id, second.id, third.id}


def test_a_question_that_the_index_cannot_answer_has_it_made_anew(shop: Shop) -> None:
    posts = [shop.post(f"bread {number}") for number in range(3)]
    assert len(shop.ids("bread")) == 3  # and this thread has a reader of its own
    break_index(shop)
    shop.search._readers[0]._connection.execute("PRAGMA shrink_memory").fetchall()
    assert set(shop.ids("bread")) == {post.id for post in posts}
    with sqlite3.connect(shop.home.search) as connection:
        connection.execute("DELETE FROM marks WHERE name = 'live'")
    connection.close()
    with pytest.raises(StorageFault) as caught:
        shop.ids("bread")
    assert caught.value.code == "disk-error"  # the home is not damaged: nothing of it is mended


def test_whatever_bit_of_the_index_flips_all_is_found_or_the_index_is_made_anew(
    shop: Shop,
) -> None:
    """Except where it makes one word of a text another: that is found by its other words."""
    posts = [shop.post(f"bread number{number}") for number in range(20)]
    assert len(shop.ids("bread")) == 20
    shop.close()
    content, chance = shop.home.search.read_bytes(), random.Random(20_261_127)
    used = [position for position, byte in enumerate(content) if byte]
    whole = 0
    for number in range(FLIPS):
        position = chance.randrange(100) if number % 8 == 0 else chance.choice(used)
        remove_database(shop.home.search)
        shop.home.search.write_bytes(content)
        flip(shop.home.search, position, chance.randrange(8))
        shop.open()
        whole += set(shop.ids("bread")) == {post.id for post in posts}
        later = shop.post(f"later{number}x")
        assert shop.ids(f"later{number}x") == [later.id], position
        shop.close()
    assert whole > FLIPS * 3 // 4


def test_the_index_is_for_its_owner_alone(shop: Shop) -> None:
    for path in shop.home.path.glob("search.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_ids_that_are_nothing_leave_no_document(database: Database) -> None:
    database.writer.run_sync(lambda state: state.apply(None, Changes(touched=[bytes(32)])))
    assert document_of(database.reader(), bytes(32)) is None


def test_a_failed_batch_is_undone(tmp_path: Path) -> None:
    index = SearchIndex.open(tmp_path / "search.db", b"database", 9)
    good = plain(1, "bread")

    def failing() -> Iterator[tuple[bytes, None]]:
        yield (good.id, None)
        raise KeyError

    index.take([(good.id, good)], 1)
    with pytest.raises(KeyError):
        index.take(failing(), 2)
    assert (index.seen, index.count()) == (1, 1)
    reader = SearchReader(tmp_path / "search.db")
    assert len(reader.query(SearchQuery("bread")).hits) == 1
    reader.close()
    index.close()


def test_a_batch_that_is_undone_takes_the_names_it_brought_along(tmp_path: Path) -> None:
    index = SearchIndex.open(tmp_path / "search.db", b"database", 9)
    well, mill = (replace(plain(n, "bread"), room=room) for n, room in ((1, "well"), (2, "mill")))
    with pytest.raises(sqlite3.Error):
        index.take([(well.id, well)], object())  # type: ignore[arg-type]
    index.take([(mill.id, mill)], 1)
    index.take([(well.id, well)], 2)
    reader = SearchReader(tmp_path / "search.db")
    for one in (well, mill):
        hits = reader.query(SearchQuery("bread", room=one.room)).hits
        assert [hit.id for hit in hits] == [one.id]
    reader.close()
    index.close()


def test_a_list_of_changes_that_cannot_be_read_is_told(shop: Shop) -> None:
    shop.search.close()
    shop.post("bread")
    shop.give()
    shop.database.writer.run_sync(
        lambda state: state.connection.execute("UPDATE touched SET pack = x'c1'")
    )
    told: list[Exception] = []
    shop.search = Search(shop.database, shop.home.search, note=told.append)
    assert wait_for_fault(shop.search) == "database-damaged"
    assert [isinstance(one, StorageFault) and one.code for one in told] == ["database-damaged"]
