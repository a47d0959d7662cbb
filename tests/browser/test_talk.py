"""Talk in two browsers at two nodes: what one says the other reads, answers, finds."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.houses import House, until
from tests.browser.pages import WIDE, Window, axe_violations, too_wide

Open = Callable[..., Window]


def test_neighbours_talk_and_reply_without_reloading(
    pair: tuple[House, House], window: Open
) -> None:
    room, asked, answered = "김장", "배추는 언제 오나요?", "금요일 아침에 와요."
    sunhee, anna = window(pair[0], "ko"), window(pair[1], "en", size=WIDE)
    for one in (sunhee, anna):
        one.go("talk", room)
    sunhee.write("web.say", asked)
    sunhee.press("action.send")
    anna.sees(asked)
    anna.press("talking.reply")
    anna.sees(anna.says("talking.no_replies"))
    anna.write("talking.your_reply", answered)
    anna.press("action.send")
    anna.sees(answered)
    sunhee.sees(answered)  # it stands in the room, too
    sunhee.sees(sunhee.says("talking.one_reply"))
    sunhee.press("talking.one_reply")
    sunhee.sees(answered)
    for one in (sunhee, anna):
        one.shot(f"talk-thread-{one.language}")
        assert axe_violations(one.page) == []
        assert too_wide(one.page) == 0


def test_what_was_said_can_be_changed_and_taken_back(house: House, window: Open) -> None:
    here = window(house, "ko")
    room = "고치는 방"
    here.go("talk", room)
    here.write("web.say", "내일 두 시")
    here.press("action.send")
    here.sees("내일 두 시")
    here.press("action.edit")
    dialog = here.page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_have_value("내일 두 시")
    dialog.get_by_role("textbox").fill("내일 세 시")
    dialog.get_by_role("button", name=here.says("action.save")).click()
    here.sees("내일 세 시")
    here.sees(here.says("web.edited"))
    here.press("action.delete")
    expect(here.page.locator(".post").get_by_text("내일 세 시")).to_have_count(0)
    until(lambda: not house.client.posts(room)["items"], "the post is erased")


def test_posts_are_found_in_every_room_and_shown_by_language(house: House, window: Open) -> None:
    room = "두 언어"
    house.client.say(room, "된장 나누실 분 계세요?", language="ko")
    house.client.say(room, "Who has spare soybean paste?", language="en")
    here = window(house, "en", size=WIDE)
    here.go("talk", room)
    languages = here.page.get_by_role("group", name=here.says("talking.languages"))
    languages.get_by_role("button", name="Korean").click()
    expect(here.page.locator(".post").get_by_text("soybean paste")).to_have_count(0)
    here.sees("된장 나누실 분")
    here.go("talk")
    here.write("talking.search", "된장")
    here.press("action.search")
    found = here.page.get_by_role("list", name=here.says("talking.found"))
    found.get_by_role("link").first.click()
    here.sees(here.says("talking.no_replies"))
    here.go("talk")
    here.write("talking.search", "아무도 하지 않은 말")
    here.press("action.search")
    here.sees(here.says("talking.not_found"))
