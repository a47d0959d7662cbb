"""Rooms as members use them: cleaned text, own posts only, deletions that erase."""

import unicodedata
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.protocol.errors import LocalFault
from node.protocol.limits import CLOCK_AHEAD_MAX_MS, TEXT_SIZE_MAX_BYTES
from node.services.members.people import People
from node.services.talk import Place, Talk
from tests.support.homes import Person, town

pytestmark = pytest.mark.trio


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = await town(tmp_path, "amina", "baraka")
    yield found
    for person in found:
        person.close()


def talk_of(person: Person) -> Talk:
    return Talk(person.core, person.publisher)


def texts(talk: Talk, room: str = "우물가") -> list[str]:
    return [post.text for post in talk.read(room)[0]]


async def test_a_post_is_read_by_neighbours(people: list[Person]) -> None:
    amina, baraka = people
    post = await talk_of(amina).say("우물가", "  안녕하세요\n여러분  ", language="ko")
    await amina.hand_to(baraka)
    (found,) = talk_of(baraka).read("우물가")[0]
    assert (found.id, found.author, found.text) == (post, amina.id, "안녕하세요\n여러분")
    assert (found.language, found.edited, found.reply_to) == ("ko", None, None)
    assert talk_of(baraka).read("elsewhere") == ([], None)


async def test_text_is_composed_and_cleaned_before_it_is_signed(people: list[Person]) -> None:
    talk = talk_of(people[0])
    typed = unicodedata.normalize("NFD", "한글 é") + "\u202e\x1b[31m\ud800"
    post = talk.post(await talk.say("  우물가\n ", typed))
    assert (post.text, post.room) == ("한글 é[31m", "우물가")


@pytest.mark.parametrize(
    ("room", "text", "code"),
    [
        ("", "hello", "name-invalid"),
        (" \u200b\n", "hello", "name-invalid"),
        ("x" * 33, "hello", "name-invalid"),
        ("well", "", "text-empty"),
        ("well", "\u200b \n", "text-empty"),
        ("well", "가" * (TEXT_SIZE_MAX_BYTES // 3 + 1), "text-too-long"),
    ],
)
async def test_what_cannot_be_posted_is_told(
    people: list[Person], room: str, text: str, code: str
) -> None:
    with pytest.raises(LocalFault) as caught:
        await talk_of(people[0]).say(room, text)
    assert caught.value.code == code
    assert talk_of(people[0]).rooms() == []


async def test_the_longest_text_fits(people: list[Person]) -> None:
    talk = talk_of(people[0])
    longest = "가" * (TEXT_SIZE_MAX_BYTES // 3)
    assert talk.post(await talk.say("우" * 32, longest)).text == longest


@pytest.mark.parametrize("language", ["x" * 65, "klingon", "xx", "", "ko\u202e"])
async def test_an_unlikely_language_is_refused_and_not_signed(
    people: list[Person], language: str
) -> None:
    with pytest.raises(LocalFault) as caught:
        await talk_of(people[0]).say("well", "hello", language=language)
    assert caught.value.code == "language-invalid"


async def test_an_edit_replaces_the_text(people: list[Person]) -> None:
    amina, baraka = people
    post = await talk_of(amina).say("우물가", "helo")
    await talk_of(amina).edit(post, "hello")
    await amina.hand_to(baraka)
    found = talk_of(baraka).post(post)
    assert found.text == "hello"
    assert found.edited is not None


async def test_a_deletion_erases_the_text_everywhere(people: list[Person]) -> None:
    amina, baraka = people
    post = await talk_of(amina).say("우물가", "secret")
    await talk_of(amina).edit(post, "secret still")
    await amina.hand_to(baraka)
    await talk_of(amina).delete(post)
    await amina.hand_to(baraka)
    for person in people:
        assert texts(talk_of(person)) == []
        bodies = [raw.body or b"" for _, raw in person.core.reader.records_after(-1, 1_000)]
        assert not any(b"secret" in body for body in bodies)
        with pytest.raises(LocalFault) as caught:
            talk_of(person).post(post)
        assert caught.value.code == "not-found"


async def test_only_the_author_edits_and_deletes(people: list[Person]) -> None:
    amina, baraka = people
    post = await talk_of(amina).say("우물가", "mine")
    await amina.hand_to(baraka)
    for attempt in (talk_of(baraka).edit(post, "yours"), talk_of(baraka).delete(post)):
        with pytest.raises(LocalFault) as caught:
            await attempt
        assert caught.value.code == "not-yours"
    for attempt in (talk_of(amina).edit(bytes(32), "x"), talk_of(amina).delete(bytes(32))):
        with pytest.raises(LocalFault) as caught:
            await attempt
        assert caught.value.code == "not-found"
    assert texts(talk_of(baraka)) == ["mine"]


async def test_replies_are_found_in_order(people: list[Person]) -> None:
    amina, baraka = people
    post = await talk_of(amina).say("우물가", "who has eggs?")
    await amina.hand_to(baraka)
    await talk_of(baraka).say("우물가", "I do", reply_to=post)
    await talk_of(baraka).say("우물가", "ten of them", reply_to=post)
    assert [reply.text for reply in talk_of(baraka).replies(post)] == ["I do", "ten of them"]
    with pytest.raises(LocalFault) as caught:
        await talk_of(baraka).say("우물가", "lost", reply_to=bytes(32))
    assert caught.value.code == "not-found"


async def test_pages_hold_every_post_once_while_new_ones_come(people: list[Person]) -> None:
    talk = talk_of(people[0])
    for number in range(7):
        await talk.say("우물가", str(number))
    seen: list[str] = []
    place: Place | None = None
    while True:
        page, place = talk.read("우물가", place, 3)
        seen += [post.text for post in page]
        await talk.say("우물가", "new")
        if place is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_rooms_with_news_come_first(people: list[Person]) -> None:
    talk = talk_of(people[0])
    for room in ("b", "a", "c", "b"):
        await talk.say(room, f"in {room}")
    assert [(room.name, room.newest and room.newest.text) for room in talk.rooms()] == [
        ("b", "in b"), ("c", "in c"), ("a", "in a"),
    ]  # fmt: skip


async def test_what_claims_to_come_from_the_future_waits(people: list[Person]) -> None:
    amina, baraka = people
    clock = amina.core.clock
    clock.now += CLOCK_AHEAD_MAX_MS + 60_000  # type: ignore[attr-defined]
    await talk_of(amina).say("우물가", "tomorrow")
    clock.now -= CLOCK_AHEAD_MAX_MS + 60_000  # type: ignore[attr-defined]
    await amina.hand_to(baraka)
    assert texts(talk_of(baraka)) == []
    assert [room.newest for room in talk_of(baraka).rooms()] == [None]
    clock.now += 120_000  # type: ignore[attr-defined]
    assert texts(talk_of(baraka)) == ["tomorrow"]


@pytest.mark.parametrize(
    ("languages", "region", "code"),
    [(["klingon"], None, "language-invalid"), (["ko"], "Mars", "region-invalid")],
)
async def test_a_profile_names_real_languages_and_regions(
    people: list[Person], languages: list[str], region: str | None, code: str
) -> None:
    who = People(people[0].core, people[0].publisher)
    before = who.profile(people[0].id)
    with pytest.raises(LocalFault) as caught:
        await who.set_profile("amina", "", languages, region)
    assert caught.value.code == code
    assert who.profile(people[0].id) == before


async def test_names_of_people_are_cleaned_before_they_are_kept(people: list[Person]) -> None:
    amina, baraka = people
    who = People(amina.core, amina.publisher)
    await who.set_profile("\u202eAmi\u200bna\n  A\x1b", "I\u202e am", ["ko", "zh-Hant"], "kr-11")
    found = who.profile(amina.id)
    assert found is not None
    assert (found.name, found.about, found.region) == ("Amina A", "I am", "KR-11")
    await who.put_contact(baraka.id, "Ba\u2066ra\nka", "a\x1bb")
    assert [(one.name, one.note) for one in who.contacts()] == [("Bara ka", "ab")]
