"""The market as members use it: put up, revised, closed, browsed by facet, searched."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.protocol.errors import LocalFault
from node.protocol.limits import BROWSE_SCAN_MAX_COUNT
from node.protocol.market import Price
from node.services import market as market_module
from node.services.market import Facets, ListingView, Market, Offer
from node.services.talk import Place, Talk
from node.storage.follower import Search
from node.storage.query import PriceCap, SearchQuery
from node.views.rooms import Post
from tests.support.homes import Person, town

pytestmark = pytest.mark.trio
DAY_MS = 86_400_000


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "amina", "baraka")
    yield found
    for person in found:
        person.close()


@contextmanager
def market_of(person: Person) -> Iterator[Market]:
    search = Search(person.core.database, person.core.home.search)
    try:
        yield Market(person.core, person.publisher, search)
    finally:
        search.close()


def caught_up(market: Market) -> Market:
    assert market._search.wait_until_caught_up(10)  # pyright: ignore[reportPrivateUsage]
    return market


def titles(found: list[ListingView]) -> list[str]:
    return [view.body.title for view in found]


async def test_an_index_that_names_what_nobody_has_is_made_anew(people: list[Person]) -> None:
    """A flipped bit in an id would hide a post from every search, and nobody would know."""
    amina = people[0]
    with market_of(amina) as market:
        post = await Talk(amina.core, amina.publisher).say("plaza", "bread")
        assert len(caught_up(market).search(SearchQuery("bread")).items) == 1
        with sqlite3.connect(amina.core.home.search) as connection:
            connection.execute("UPDATE documents SET id = zeroblob(32)")
        connection.close()
        found = market.search(SearchQuery("bread")).items
        assert [one.id for one in found if isinstance(one, Post)] == [post]


async def test_a_listing_is_seen_by_neighbours(people: list[Person]) -> None:
    amina, baraka = people
    with market_of(amina) as mine, market_of(baraka) as theirs:
        offer = Offer(
            "goods", " 김치\n세 포기 ", "맛있어요", Price(1_250, "credit", 2), " kr-11",
            "few", ("#김치", "음식", "김치", " "), "ko",
        )  # fmt: skip
        listing = await mine.put(offer)
        await amina.hand_to(baraka)
        view = theirs.show(listing)
        assert (view.author, view.state) == (amina.id, "active")
        body = view.body
        assert (body.title, body.region, body.tags) == ("김치 세 포기", "KR-11", ["김치", "음식"])
        assert (body.price, body.stock) == (Price(1_250, "credit", 2), "few")


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        (Offer("goods", ""), "title-invalid"),
        (Offer("goods", "x" * 201), "title-invalid"),
        (Offer("goods", "x", "y" * 16_385), "text-too-long"),
        (Offer("goods", "x", price=Price(0, "credit", 2)), "amount-invalid"),
        (Offer("goods", "x", price=Price(2**40 + 1, "credit", 2)), "amount-invalid"),
        (Offer("goods", "x", price=Price(1, " ", 2)), "unit-invalid"),
        (Offer("goods", "x", price=Price(1, "credit", 7)), "content-invalid"),
        (Offer("goods", "x", price="cheap"), "content-invalid"),  # type: ignore[arg-type]
        (Offer("stolen", "x"), "content-invalid"),  # type: ignore[arg-type]
        (Offer("goods", "x", region="12 High Street"), "region-invalid"),
        (Offer("goods", "x", region=""), "region-invalid"),
        (Offer("goods", "x", tags=tuple(map(str, range(17)))), "tags-invalid"),
        (Offer("goods", "x", tags=("y" * 65,)), "tags-invalid"),
        (Offer("goods", "x", until=1), "until-past"),
    ],
)
async def test_what_cannot_be_put_up_is_told(people: list[Person], offer: Offer, code: str) -> None:
    with market_of(people[0]) as market:
        with pytest.raises(LocalFault) as caught:
            await market.put(offer)
        assert caught.value.code == code
        assert market.browse(Facets()) == ([], None)


async def test_a_revision_takes_the_place_of_the_listing(people: list[Person]) -> None:
    with market_of(people[0]) as market:
        listing = await market.put(Offer("goods", "old bike", region="KR-11"))
        await market.put(Offer("goods", "lamp"))
        await market.revise(listing, Offer("gift", "old bike", price="free", region="KR-26"))
        assert titles(market.browse(Facets())[0]) == ["old bike", "lamp"]
        assert titles(market.browse(Facets(kind="gift"))[0]) == ["old bike"]
        assert market.browse(Facets(region="KR-11")) == ([], None)
        assert market.show(listing).id == listing


async def test_only_the_author_revises_and_closes(people: list[Person]) -> None:
    amina, baraka = people
    with market_of(amina) as mine, market_of(baraka) as theirs:
        listing = await mine.put(Offer("goods", "bike"))
        await amina.hand_to(baraka)
        for attempt in (theirs.revise(listing, Offer("gift", "bike")), theirs.close(listing)):
            with pytest.raises(LocalFault) as caught:
                await attempt
            assert caught.value.code == "not-yours"
        with pytest.raises(LocalFault) as caught:
            await mine.close(bytes(32))
        assert caught.value.code == "not-found"


@pytest.mark.parametrize("erase", [False, True])
async def test_closing_is_for_ever_and_may_erase(people: list[Person], erase: bool) -> None:
    amina, baraka = people
    with market_of(amina) as mine, market_of(baraka) as theirs:
        listing = await mine.put(Offer("goods", "my old diary"))
        await mine.revise(listing, Offer("goods", "my old diary, half price"))
        await mine.close(listing, erase=erase)
        await amina.hand_to(baraka)
        for market in (mine, theirs):
            assert market.browse(Facets()) == ([], None)
            assert caught_up(market).search(SearchQuery("diary")).items == ()
            with pytest.raises(LocalFault) as caught:
                market.show(listing)
            assert caught.value.code == "listing-gone"
        with pytest.raises(LocalFault) as caught:
            await mine.revise(listing, Offer("goods", "again"))
        assert caught.value.code == "listing-gone"
        raws = [raw for _, raw in baraka.core.reader.records_after(-1, 1_000)]
        assert any(b"diary" in (raw.body or b"") for raw in raws) != erase


async def test_facets_narrow_together(people: list[Person]) -> None:
    amina, baraka = people
    with market_of(amina) as mine, market_of(baraka) as theirs:
        await mine.put(Offer("goods", "a", region="KR-11", tags=("Food",)))
        await mine.put(Offer("want", "b", region="KR-26", tags=("food",)))
        await amina.hand_to(baraka)
        await theirs.put(Offer("goods", "c", region="KR-11-MAPO", tags=("tools",)))
        await theirs.put(Offer("goods", "d"))
        for facets, expected in (
            (Facets(), ["d", "c", "b", "a"]),
            (Facets(region="kr"), ["c", "b", "a"]),
            (Facets(region="KR-11"), ["c", "a"]),
            (Facets(region="KR-1"), []),
            (Facets(kind="goods", region="KR"), ["c", "a"]),
            (Facets(tag="#FOOD"), ["b", "a"]),
            (Facets(tag="food", kind="want"), ["b"]),
            (Facets(author=amina.id), ["b", "a"]),
            (Facets(author=amina.id, kind="goods", region="KR-11", tag="food"), ["a"]),
        ):
            assert titles(theirs.browse(facets)[0]) == expected, facets
        with pytest.raises(LocalFault) as caught:
            theirs.browse(Facets(region="nowhere at all"))
        assert caught.value.code == "region-invalid"


async def test_paused_and_expired_listings_are_passed_over(people: list[Person]) -> None:
    (amina, _) = people
    clock = amina.core.clock
    with market_of(amina) as market:
        short = await market.put(Offer("goods", "fish", until=clock() + DAY_MS))
        paused = await market.put(Offer("goods", "eggs", paused=True))
        await market.put(Offer("goods", "salt fish"))
        assert titles(market.browse(Facets())[0]) == ["salt fish", "fish"]
        caught_up(market)
        assert len(market.search(SearchQuery("fish")).items) == 2
        assert market.search(SearchQuery("eggs")).items == ()
        clock.now += DAY_MS  # type: ignore[attr-defined]
        assert titles(market.browse(Facets())[0]) == ["salt fish"]
        assert len(market.search(SearchQuery("fish")).items) == 1
        assert [market.show(x).state for x in (short, paused)] == ["expired", "paused"]
        own = titles(market.browse(Facets(author=amina.id))[0])
        assert own == ["salt fish", "eggs", "fish"]


async def test_pages_hold_every_listing_once(people: list[Person]) -> None:
    with market_of(people[0]) as market:
        for number in range(5):
            await market.put(Offer("goods", str(number), paused=number == 2))
        seen: list[str] = []
        place: Place | None = None
        pages = 0
        while place is not None or pages == 0:
            page, place = market.browse(Facets(), place, 2)
            seen += titles(page)
            pages += 1
            await market.put(Offer("goods", "new"))
        assert seen == ["4", "3", "1", "0"]


async def test_a_page_ends_when_too_much_has_expired(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_module, "BROWSE_SCAN_MAX_COUNT", 3)
    assert BROWSE_SCAN_MAX_COUNT > 3
    with market_of(people[0]) as market:
        await market.put(Offer("goods", "there"))
        for number in range(5):
            await market.put(Offer("goods", str(number), paused=True))
        page, place = market.browse(Facets())
        assert (page, place is None) == ([], False)
        page, place = market.browse(Facets(), place)
        assert (titles(page), place) == (["there"], None)


async def test_words_are_found_in_three_languages(people: list[Person]) -> None:
    amina, baraka = people
    with market_of(amina) as mine, market_of(baraka) as theirs:
        await mine.put(Offer("goods", "손으로 담근 김치", "서울에서 가져가세요"))
        await mine.put(Offer("service", "中文家教", "每小时一个学分"))
        await mine.put(Offer("loan", "Electric drill", "with a case", tags=("Tools",)))
        await Talk(amina.core, amina.publisher).say("market", "who has a drill?")
        await amina.hand_to(baraka)
        caught_up(theirs)
        for words, expected in (
            ("김치", ["손으로 담근 김치"]),
            ("서울", ["손으로 담근 김치"]),
            ("家教", ["中文家教"]),
            ("DRILL case", ["Electric drill"]),
            ("tools", ["Electric drill"]),
            ("nothing", []),
        ):
            found = theirs.search(SearchQuery(words)).items
            assert [i.body.title for i in found if isinstance(i, ListingView)] == expected, words
        both = theirs.search(SearchQuery("drill")).items
        assert {type(item) for item in both} == {Post, ListingView}
        (listing,) = theirs.search(SearchQuery("drill", kind="listing")).items
        assert isinstance(listing, ListingView)


async def test_search_is_narrowed_by_region_and_price(people: list[Person]) -> None:
    with market_of(people[0]) as market:
        await market.put(Offer("goods", "bike a", price=Price(5_000, "credit", 2), region="KR-11"))
        await market.put(Offer("goods", "bike b", price=Price(9_000, "credit", 2), region="KR-26"))
        await market.put(Offer("gift", "bike c", price="free", region="DE-BE"))
        caught_up(market)
        cap = PriceCap("credit", 6_000, 2)
        for query, expected in (
            (SearchQuery("bike", region="kr"), {"bike a", "bike b"}),
            (SearchQuery("bike", max_price=cap), {"bike a", "bike c"}),
            (SearchQuery("bike", max_price=cap, region="KR"), {"bike a"}),
        ):
            found = market.search(query).items
            assert {i.body.title for i in found if isinstance(i, ListingView)} == expected


async def test_search_pages_go_on_by_their_mark(people: list[Person]) -> None:
    with market_of(people[0]) as market:
        for number in range(5):
            await market.put(Offer("goods", f"lamp {number}"))
        caught_up(market)
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(3):
            page = market.search(SearchQuery("lamp", limit=2, cursor=cursor))
            seen |= {i.body.title for i in page.items if isinstance(i, ListingView)}
            cursor = page.cursor
        assert (len(seen), cursor) == (5, None)
        with pytest.raises(LocalFault) as caught:
            market.search(SearchQuery("lamp", cursor="made up"))
        assert caught.value.code == "cursor-invalid"
