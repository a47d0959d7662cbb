"""Pictures in homes: what listings may name, what is fetched and when, and what is swept away."""

import math
from pathlib import Path

import pytest
import trio
import trio.testing
from pytest_trio import trio_fixture

from node.network.pictures import Found, Word
from node.protocol import limits
from node.protocol.crypto import sha256
from node.protocol.errors import LocalFault
from node.protocol.market import Picture, PictureFile
from node.services.homes import backups
from node.services.market import Market, Offer
from node.services.photos.fetching import PictureFetching
from node.services.photos.maker import Made
from node.services.photos.pictures import Chosen, Pictures
from node.storage.pictures import own_files
from tests.support.homes import Clock, Person, move_in, town
from tests.vectors.picture_cases import lossy

pytestmark = pytest.mark.trio


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "amina", "baraka")
    yield found
    for person in found:
        person.close()


def drawn(name: str) -> Made:
    """A picture whose bytes nothing had to decode."""
    data = tuple(
        lossy(width, height) + name.encode().ljust(32, b".")
        for width, height in ((640, 480), (80, 60))
    )
    sized = tuple(one[:4] + (len(one) - 8).to_bytes(4, "little") + one[8:] for one in data)
    files = [
        PictureFile(sha256(one), "image/webp", len(one), *size)
        for one, size in zip(sized, ((640, 480), (80, 60)), strict=True)
    ]
    return Made(files[0], files[1], (sized[0], sized[1]))


class Stall:
    """What a member does with pictures, and a network that others play."""

    def __init__(self, person: Person) -> None:
        self.person, self.core = person, person.core
        self.pictures = Pictures(person.core)
        self.fetching = PictureFetching(person.core, self.pictures)
        self.market = Market(person.core, person.publisher, None)  # type: ignore[arg-type]
        self.asked: list[tuple[float, bytes]] = []
        self.others: dict[bytes, bytes] = {}
        self.answers = 1  # neighbours that answer
        self.later = False
        person.core.listeners.append(self.fetching.heed)

    def draw(self, name: str) -> Made:
        made = drawn(name)
        self.core.pictures.put_made(made.large, made.small, made.data)
        return made

    async def offer(self, *names: str, region: str | None = None) -> bytes:
        wanted = [Chosen(self.draw(name).large.hash, name) for name in names]
        chosen = self.pictures.chosen(wanted, "title")
        listing = await self.market.put(Offer("goods", "김치", region=region), chosen)
        await self.pictures.offered(chosen)
        return listing

    async def ask(self, key: bytes) -> Found:
        self.asked.append((trio.current_time(), key))
        data = self.others.get(key)
        if data is not None:
            return Found(data, 1)
        return Found(None, self.answers, self.later)

    def has(self, name: str) -> tuple[bool, bool]:
        made = drawn(name)
        return tuple(
            self.core.pictures.file(one.hash) is not None for one in (made.large, made.small)
        )  # type: ignore[return-value]

    def give_all(self, *names: str) -> None:
        for name in names:
            made = drawn(name)
            self.others |= {made.large.hash: made.data[0], made.small.hash: made.data[1]}


async def settled() -> None:
    """Until nothing is under way but waiting; no thread either, which virtual time outruns."""
    threads = trio.to_thread.current_default_thread_limiter()
    for _ in range(5):
        await trio.sleep(limits.PICTURES_AHEAD_PAUSE_S)
        await trio.testing.wait_all_tasks_blocked(0.02)
        while threads.borrowed_tokens:
            await trio.testing.wait_all_tasks_blocked(0.02)


async def test_a_listing_names_what_was_made_here_and_nothing_else(people: list[Person]) -> None:
    stall = Stall(people[0])
    bread = stall.draw("bread")
    chosen = stall.pictures.chosen([Chosen(bread.large.hash)], " 갓 구운\n빵 ")
    assert chosen == [Picture("갓 구운 빵", bread.large, bread.small)]
    for wanted, code in (
        ([Chosen(bytes(32))], "picture-unknown"),
        ([Chosen(bread.small.hash)], "picture-unknown"),
        ([Chosen(bread.large.hash)] * 2, "picture-twice"),
        ([Chosen(bread.large.hash)] * 5, "pictures-many"),
        ([Chosen(bread.large.hash, "가" * 201)], "picture-text"),
    ):
        with pytest.raises(LocalFault) as refused:
            stall.pictures.chosen(wanted, "title")
        assert refused.value.code == code
    before = [Picture("old words", drawn("gone").large, drawn("gone").small)]
    kept = stall.pictures.chosen([Chosen(before[0].large.hash)], "title", before)
    assert kept == before
    again = stall.pictures.chosen([Chosen(before[0].large.hash, "new")], "title", before)
    assert again[0].text == "new"


async def test_only_the_seller_changes_the_pictures_and_words_alone_keep_them(
    people: list[Person],
) -> None:
    amina, baraka = (Stall(person) for person in people)
    listing = await amina.offer("front")
    await people[0].hand_to(people[1])
    assert [one.text for one in baraka.market.show(listing).pictures] == ["front"]
    with pytest.raises(LocalFault) as refused:
        await baraka.market.revise(listing, None, [])
    assert refused.value.code == "not-yours"
    await amina.market.revise(listing, Offer("goods", "배추김치"))
    view = amina.market.show(listing)
    assert (view.body.title, [one.text for one in view.pictures]) == ("배추김치", ["front"])
    await amina.market.revise(listing, None, [])
    assert amina.market.show(listing).pictures == []


async def test_what_somebody_looks_at_is_fetched_and_told_as_an_event(
    people: list[Person], autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    await amina.offer("front")
    await people[0].hand_to(people[1])
    key = drawn("front").large.hash
    assert baraka.fetching.want(key) == "alone"
    baraka.give_all("front")
    before = baraka.core.reader.events.last()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(baraka.fetching.run)
        await settled()
        assert baraka.asked == []  # there is no network yet
        baraka.fetching.network_runs(baraka.ask)
        await settled()
        nursery.cancel_scope.cancel()
    assert baraka.has("front") == (True, True)  # the small one ahead, being of an own chapter
    kept = await baraka.pictures.take(key)
    assert kept is not None
    assert sha256(kept.data) == key
    told = [
        one.subject for one in baraka.core.reader.events.after(before, 9) if one.name == "picture"
    ]
    assert set(told) == {key, drawn("front").small.hash}
    assert len(baraka.asked) == 2
    assert baraka.core.pictures.held().others_count == 2
    with pytest.raises(LocalFault):
        await baraka.pictures.take(bytes(32))


async def test_what_nobody_has_is_asked_for_ever_more_seldom_and_then_no_more(
    people: list[Person], autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    await amina.offer("front")
    await people[0].hand_to(people[1])
    key = drawn("front").large.hash
    await baraka.pictures.bound(None, 0)  # nothing ahead
    baraka.fetching.network_runs(baraka.ask)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(baraka.fetching.run)
        assert baraka.fetching.want(key) == "coming"
        await settled()
        assert baraka.fetching.want(key) == "nobody"
        baraka.later = True
        await trio.sleep(limits.PICTURE_WISH_KEPT_S * 3)
        assert len(baraka.asked) < 20
        pauses = [b[0] - a[0] for a, b in zip(baraka.asked, baraka.asked[1:], strict=False)]
        assert pauses == sorted(pauses)
        assert max(pauses) <= limits.PICTURE_AGAIN_MAX_S + 1
        asked = len(baraka.asked)
        await trio.sleep(limits.PICTURE_WISH_KEPT_S)
        assert len(baraka.asked) == asked  # forgotten
        baraka.answers = 0
        baraka.later = False
        baraka.fetching.want(key)
        await settled()
        assert baraka.fetching.want(key) == "alone"
        baraka.give_all("front")
        asked = len(baraka.asked)
        for _ in range(100):  # looking often asks no more often
            baraka.fetching.want(key)
        await trio.sleep(1)
        assert len(baraka.asked) <= asked + 1
        baraka.fetching.met()
        await settled()
        assert baraka.has("front") == (True, False)
        nursery.cancel_scope.cancel()


async def test_a_file_that_is_not_what_its_listing_says_is_not_kept_nor_asked_for_again(
    people: list[Person], autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    made = drawn("bomb")
    lies = [
        PictureFile(made.large.hash, "image/png", made.large.size, 640, 480),
        PictureFile(made.small.hash, "image/webp", made.small.size - 1, 80, 60),
    ]
    await amina.market.put(Offer("goods", "x"), [Picture("x", *lies)])
    await people[0].hand_to(people[1])
    baraka.give_all("bomb")
    baraka.fetching.network_runs(baraka.ask)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(baraka.fetching.run)
        baraka.fetching.want(made.large.hash)
        await settled()
        assert baraka.has("bomb") == (False, False)
        assert baraka.fetching.want(made.large.hash) == "nobody"
        asked = len(baraka.asked)
        await trio.sleep(10_000)
        assert len(baraka.asked) == asked == 2
        # Another listing says it right: then it is a picture, though somebody lied before.
        await amina.offer("bomb")
        await people[0].hand_to(people[1])
        assert baraka.fetching.want(made.large.hash) == "coming"
        await settled()
        assert baraka.has("bomb") == (True, True)
        nursery.cancel_scope.cancel()


async def test_ahead_come_small_pictures_of_own_places_within_the_days_budget(
    people: list[Person], autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    for name in ("a", "b", "c"):
        await amina.offer(name)
    await people[0].hand_to(people[1])
    small = drawn("a").small.size
    await baraka.pictures.bound(None, 2 * small)
    baraka.give_all("a", "b", "c")
    baraka.fetching.network_runs(baraka.ask)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(baraka.fetching.run)
        await settled()
        assert baraka.core.pictures.held().others_bytes == 2 * small
        assert baraka.has("c") == (False, True)  # the newest first
        await trio.sleep(86_400)
        await settled()
        assert [baraka.has(name)[1] for name in "abc"] == [True, True, True]
        nursery.cancel_scope.cancel()


async def test_other_regions_are_not_fetched_ahead(
    people: list[Person], autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    from node.services.members.people import People

    await People(people[1].core, people[1].publisher).set_profile("바라카", "", [], "KR-11")
    await amina.offer("near", region="KR-11")
    await amina.offer("far", region="KR-26")
    await people[0].hand_to(people[1])
    baraka.give_all("near", "far")
    baraka.fetching.network_runs(baraka.ask)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(baraka.fetching.run)
        await settled()
        nursery.cancel_scope.cancel()
    assert (baraka.has("near"), baraka.has("far")) == ((False, True), (False, False))


async def test_neighbours_get_only_what_a_live_listing_names(
    people: list[Person], autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    listing = await amina.offer("front")
    fresh = amina.draw("not yet offered")
    key = drawn("front").large.hash
    word, data = await amina.fetching.give(key)
    assert (word, sha256(data)) == (Word.HERE, key)
    for other in (fresh.large.hash, bytes(32)):
        assert await amina.fetching.give(other) == (Word.NOT_HERE, b"")
    await people[0].hand_to(people[1])
    # Asked by a neighbour for what is not here, a node looks for it: so it crosses nodes.
    baraka.fetching.network_runs(baraka.ask)
    baraka.give_all("front")
    assert await baraka.fetching.give(key) == (Word.LATER, b"")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(baraka.fetching.run)
        await settled()
        nursery.cancel_scope.cancel()
    word, data = await baraka.fetching.give(key)
    assert (word, sha256(data)) == (Word.HERE, key)
    await amina.market.close(listing, erase=True)
    await people[0].hand_to(people[1])
    for stall in (amina, baraka):
        assert await stall.fetching.give(key) == (Word.NOT_HERE, b"")
        assert stall.pictures.sweep() == 2
        assert stall.has("front") == (False, False)
    assert amina.core.pictures.file(fresh.large.hash) is not None


async def test_wishes_of_neighbours_are_bounded(people: list[Person]) -> None:
    stall = Stall(people[0])
    stall.fetching.network_runs(stall.ask)
    for number in range(limits.PICTURE_WISHES_MAX_COUNT + 50):
        stall.fetching._wish(number.to_bytes(32, "big"), urgent=number < 3)
    wishes = stall.fetching._wishes
    assert len(wishes) == limits.PICTURE_WISHES_MAX_COUNT
    assert all(number.to_bytes(32, "big") in wishes for number in range(3))
    assert stall.fetching._next_due() < math.inf


async def test_a_backup_holds_own_pictures_and_others_come_back_from_neighbours(
    people: list[Person], tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    amina, baraka = (Stall(person) for person in people)
    await amina.offer("mine")
    await baraka.offer("theirs")
    await people[1].hand_to(people[0])
    core = amina.core
    file = tmp_path / "backup"
    genesis = core.home.genesis.read_bytes()
    backups.write(file, "long password", core.member, genesis, core.reader, own_files(core.home))
    backups.read_head(file, "long password")
    restored = move_in(tmp_path / "again", "amina", genesis, Clock(core.clock()), "second")
    backups.restore_into(restored.core, file, "long password")
    stall = Stall(restored)
    assert stall.has("mine") == (True, True)
    assert stall.has("theirs") == (False, False)
    assert stall.pictures.sweep() == 0
    assert stall.core.pictures.held().own_count == 2
    restored.close()
    # Restored from the words alone, they come from neighbours, and are own ones again.
    bare = move_in(tmp_path / "bare", "amina", genesis, Clock(core.clock()), "third")
    await people[0].hand_to(bare)
    stall = Stall(bare)
    stall.give_all("mine")
    stall.fetching.network_runs(stall.ask)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stall.fetching.run)
        await settled()
        nursery.cancel_scope.cancel()
    assert stall.has("mine") == (True, True)
    assert stall.core.pictures.held().own_count == 2
    bare.close()
