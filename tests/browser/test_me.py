"""Me: profile, words, devices, backup and export, programs, as a member uses them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from node.i18n import Language
from node.services.homes import backups
from tests.browser.houses import House, living
from tests.browser.pages import PHONE, WIDE, Window, axe_violations, too_wide

Open = Callable[..., Window]
PAGES = ("profile", "words", "looks", "devices", "keeping", "programs", "computer")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A member whose words these tests know."""
    with living(tmp_path_factory.mktemp("me") / "sunhee", "순희", "ko") as house:
        yield house


@pytest.fixture(scope="module")
def words(home: House) -> str:
    return (home.home / "phrase.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("size", "dark", "language"),
    [(PHONE, True, "zh"), (WIDE, False, "ko")],
)
def test_nobody_is_shut_out(
    home: House, window: Open, size: tuple[int, int], dark: bool, language: Language
) -> None:
    here = window(home, language, size=size, dark=dark)
    for page in PAGES:
        here.go("me", page)
        for details in here.page.locator("main details:not([open])").all():
            details.locator("summary").click()
        here.shot(f"me-{page}-{language}-{size[0]}-{'dark' if dark else 'light'}")
        assert axe_violations(here.page) == [], page
        assert too_wide(here.page) == 0, page


def test_the_profile_is_changed_and_seen_at_once(home: House, window: Open) -> None:
    here = window(home, "en", size=WIDE)
    here.go("me", "profile")
    here.write("web.about", "김치를 담가요")
    here.press("action.save")
    here.sees(here.says("web.saved"))
    expect(here.page.locator("nav li").filter(has_text="김치를 담가요")).to_be_visible()
    here.write("web.region", "somewhere nice")
    here.press("action.save")
    here.sees(here.says("problem.region-invalid", region="somewhere nice"))


def test_what_is_kept_elsewhere_can_be_downloaded(
    home: House, window: Open, tmp_path: Path
) -> None:
    here = window(home)
    here.go("me", "keeping")
    here.write("me.password", "갈매기 셋")
    here.write("words.password_again", "갈매기 넷")
    here.press("me.backup")
    here.sees(here.says("words.not_same"))
    here.write("words.password_again", "갈매기 셋")
    with here.page.expect_download() as download:
        here.press("me.backup")
    download.value.save_as(tmp_path / "wetalk.backup")
    head = backups.read_head(tmp_path / "wetalk.backup", "갈매기 셋")
    assert head.member.hex() == home.client.identity()["member"]
    with here.page.expect_download() as download:
        here.press("me.export")
    download.value.save_as(tmp_path / "records.jsonl")
    first = json.loads((tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["wetalk"] == 1


def test_a_program_loses_its_right(home: House, window: Open) -> None:
    home.client.make_token("가계부 <b>bot</b>", ("read",), 30)
    here = window(home)
    here.go("me", "programs")
    here.sees("가계부 <b>bot</b>")
    here.press("me.take")
    dialog = here.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert axe_violations(here.page) == []
    here.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert here.page.evaluate("document.activeElement.textContent").strip() == here.says("me.take")
    here.press("me.take")
    dialog.get_by_role("button", name=here.says("me.take")).click()
    here.sees(here.says("me.programs_none"))
    assert home.client.tokens() == []


def test_a_new_key_needs_the_words(home: House, window: Open, words: str) -> None:
    before = home.client.identity()["device"]
    here = window(home)
    here.go("me", "devices")
    here.page.locator("summary").filter(has_text=here.says("me.renew")).click()
    form = here.page.locator("details[open] form")
    form.get_by_role("button", name=here.says("me.renew")).click()
    expect(form.locator("[aria-invalid=true]")).to_be_focused()
    form.get_by_label(here.says("me.words_type")).fill(words)
    form.get_by_role("button", name=here.says("me.renew")).click()
    here.page.get_by_role("dialog").get_by_role("button", name=here.says("me.renew")).click()
    here.sees(here.says("me.renewed"))
    here.sees(here.says("web.shut_out"))
    assert home.client.identity()["device"] != before


def test_words_that_are_right_take_their_file_away(home: House, window: Open, words: str) -> None:
    here = window(home, "ko")
    here.go("me", "words")
    here.write("me.words_type", "가 나 다")
    here.press("web.check_words")
    here.sees(here.says("problem.phrase-count", needed=24, found=3))
    here.write("me.words_type", words)
    here.press("web.check_words")
    here.sees(here.says("first_run.confirmed"))
    expect(here.page.get_by_text(here.says("me.words_wait"))).to_have_count(0)
    assert not (home.home / "phrase.txt").exists()
