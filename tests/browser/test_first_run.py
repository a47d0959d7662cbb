"""From an empty home to the first word, and back after a broken computer, as a member sees it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from node.i18n import LANGUAGES, Language
from tests.browser.houses import House, until
from tests.browser.pages import PHONE, WIDE, Window, axe_violations, too_wide

Open = Callable[..., Window]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[House]:
    """A computer on which WeTalk was just started for the first time."""
    house = House(tmp_path / "new")
    try:
        house.start("--first-run")
        yield house
    finally:
        house.stop()


def looked_at(here: Window, name: str) -> None:
    here.shot(f"first-{name}-{here.language}")
    assert axe_violations(here.page) == [], name
    assert too_wide(here.page) == 0, name


def words_shown(here: Window) -> list[str]:
    here.sees(here.says("first_run.words_title"))
    words = here.page.locator("ol.words li").all_inner_texts()
    assert len(words) == 24
    return words


def answer_the_check(here: Window, words: list[str]) -> None:
    pattern = re.escape(here.says("first_run.check_word", number="#")).replace(r"\#", r"(\d+)")
    for field in here.page.get_by_role("textbox").all():
        label = here.page.locator(f"label[for='{field.get_attribute('id')}']").inner_text()
        field.fill(words[int(re.fullmatch(pattern, label)[1]) - 1])  # type: ignore[index]


@pytest.mark.parametrize("language", LANGUAGES)
def test_somebody_new_starts_a_community_and_says_hello(
    empty: House, window: Open, language: Language
) -> None:
    here = window(empty, "en", size=WIDE if language == "en" else PHONE, dark=language == "zh")
    here.page.locator(f"button[lang={language}]").click()
    here.language = language
    here.sees(here.says("first_run.welcome"))
    looked_at(here, "1-welcome")
    here.press("first_run.new")
    here.press("first_run.look")  # without a name
    expect(here.page.locator("[aria-invalid=true]")).to_be_focused()
    here.write("first_run.name", "김영희")
    looked_at(here, "2-name")
    here.press("first_run.look")
    looked_at(here, "3-where")
    here.press("first_run.start")
    here.write("first_run.community", "햇살 마을")
    looked_at(here, "4-community")
    here.press("first_run.begin")
    words = words_shown(here)
    looked_at(here, "5-words")
    here.press("first_run.words_done")
    answer_the_check(here, words[::-1])
    here.press("first_run.check")
    expect(here.page.locator("[aria-invalid=true]").first).to_be_visible()
    answer_the_check(here, words)
    looked_at(here, "6-check")
    here.press("first_run.check")
    here.sees(here.says("first_run.ready_title", name="김영희"))
    looked_at(here, "7-ready")
    here.press("first_run.go_talk")
    here.sees(here.says("place.market"))
    here.page.get_by_role("link", name=here.says("web.first_room")).click()
    here.write("web.say", "안녕하세요")
    here.press("action.send")
    expect(here.page.get_by_role("listitem").filter(has_text="안녕하세요").last).to_be_visible()
    assert empty.client.community()["name"] == "햇살 마을"
    assert not (empty.home / "phrase.txt").exists()
    storage = here.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert not any(f'"{word}"' in storage or f" {word} " in storage for word in words)


def test_somebody_invited_sees_where_it_leads_and_is_let_in(
    empty: House, pair: tuple[House, House], window: Open, tmp_path: Path
) -> None:
    officer, _ = pair
    link = officer.client.invite(code=True)["link"]
    file = tmp_path / "invitation.txt"
    file.write_text(f"어서 오세요!\n{link}\n", encoding="utf-8")
    here = window(empty, "ko")
    here.press("first_run.new")
    here.write("first_run.name", "민수")
    here.press("first_run.look")
    here.press("first_run.invited")
    here.write("first_run.paste", "안녕")
    here.press("first_run.look")
    here.sees(here.says("problem.invitation-invalid"))
    here.page.locator("input[type=file]").set_input_files(file)
    looked_at(here, "invitation")
    here.press("first_run.look")
    here.sees(here.says("first_run.found", name=officer.client.community()["name"]))
    here.sees(here.says("first_run.found_once"))
    here.press("first_run.join")
    words_shown(here)
    here.press("first_run.words_later")
    here.press("first_run.go_talk")
    expect(here.page.get_by_role("navigation").first).to_be_visible()
    here.sees(here.says("me.words_wait"))
    here.go("me", "words")
    here.sees(here.says("me.words_type"))
    until(lambda: empty.client.balance()["limit"], "the first limit")


def test_after_a_broken_computer_the_words_bring_everything_back(
    empty: House, pair: tuple[House, House], window: Open, tmp_path: Path
) -> None:
    officer, _ = pair
    lost = House(tmp_path / "lost")
    lost.make("Bora", "en", officer.client.invite(code=True)["link"])
    words = (lost.home / "phrase.txt").read_text(encoding="utf-8")
    try:
        lost.start()
        until(lambda: lost.client.balance()["limit"], "the first limit")
        lost.client.say("harbour", "from the old computer")
        until(lambda: officer.client.posts("harbour")["items"], "her word at a neighbour's")
    finally:
        lost.stop()
    here = window(empty, "en")
    here.press("first_run.known")
    here.write("first_run.back_words", words)
    here.write("first_run.back_invitation", officer.client.invite()["link"])
    looked_at(here, "back")
    here.press("first_run.back_go")
    here.sees(here.says("first_run.coming"))
    here.sees(here.says("first_run.coming_here"))
    looked_at(here, "coming")
    here.press("first_run.coming_finish")
    here.sees(here.says("first_run.coming_done"))
    here.go("talk", "harbour")
    here.sees("from the old computer")
    here.write("web.say", "from the new one")
    here.press("action.send")
    expect(here.page.get_by_role("listitem").filter(has_text="from the new one")).to_be_visible()
    here.go("me")
    here.sees("Bora")
