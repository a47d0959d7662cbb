"""Pages stay right while new items arrive, and nobody makes page marks up."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.api.cursors import Cursors
from node.protocol.errors import LocalFault
from node.protocol.limits import CURSOR_MAX_CHARACTERS
from tests.api.house import House, make_home, running

PLACES = st.lists(
    st.one_of(st.integers(0, 2**53), st.text("0123456789abcdef", max_size=64)), max_size=3
)


@given(st.binary(min_size=16, max_size=16), st.text(max_size=40), PLACES)
def test_a_mark_gives_its_place_back(key: bytes, name: str, place: list[int | str]) -> None:
    cursors = Cursors(key)
    assert cursors.read(name, cursors.make(name, place)) == place


@given(st.text(max_size=CURSOR_MAX_CHARACTERS + 8))
def test_made_up_marks_are_refused(mark: str) -> None:
    with pytest.raises(LocalFault) as caught:
        Cursors(b"key").read("posts", mark)
    assert caught.value.code == "cursor-invalid"


@given(st.data())
def test_no_letter_of_a_mark_can_be_changed(data: st.DataObject) -> None:
    mark = Cursors(b"key").make("posts hall", (12, "ab" * 32))
    place = data.draw(st.integers(0, len(mark) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_"))
    changed = mark[:place] + letter + mark[place + 1 :]
    if changed != mark:
        with pytest.raises(LocalFault):
            Cursors(b"key").read("posts hall", changed)


@pytest.mark.parametrize(("key", "name"), [(b"other", "posts hall"), (b"key", "posts attic")])
def test_a_mark_belongs_to_one_list_of_one_node(key: bytes, name: str) -> None:
    mark = Cursors(b"key").make("posts hall", (12, "ab" * 32))
    with pytest.raises(LocalFault):
        Cursors(key).read(name, mark)


async def test_pages_hold_each_post_once_while_posts_arrive(house: House) -> None:
    for number in range(9):
        await house.do(lambda client, n=number: client.say("hall", f"old {n}"))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        page = await house.do(lambda client, c=cursor: client.posts("hall", cursor=c, limit=2))
        seen += [item["text"] for item in page["items"]]
        await house.do(lambda client: client.say("hall", "new"))
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"old {n}" for n in reversed(range(9))]


async def test_a_mark_outlives_a_restart(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    async with running(home) as house:
        for number in range(3):
            await house.do(lambda client, n=number: client.say("hall", f"{n}"))
        page = await house.do(lambda client: client.posts("hall", limit=2))
    async with running(home) as house:
        rest = await house.do(lambda client: client.posts("hall", cursor=page["next"]))
        assert [item["text"] for item in rest["items"]] == ["0"]


async def test_listings_and_search_are_paged_too(house: House) -> None:
    for number in range(5):
        await house.do(lambda client, n=number: client.put_listing("goods", f"kimchi {n}"))
    found = await house.do(lambda client: list(client.each("/listings", limit=2)))
    assert [item["title"] for item in found] == [f"kimchi {n}" for n in reversed(range(5))]
    page = await house.do(lambda client: client.get("/listings", limit=2, kind="goods"))
    answer = await house.ask("GET", f"/v1/listings?kind=want&cursor={page['next']}")
    assert answer.json["code"] == "cursor-invalid"
