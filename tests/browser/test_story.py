"""The whole story in each language: two people from the first page to a receipt, and what a broken
computer does not take away. It also makes the pictures of the members' guide."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from node.client import NotRunning
from node.i18n import LANGUAGES, Language
from tests.browser.houses import House, until
from tests.browser.pages import SHOTS, Window, axe_violations, too_wide
from tests.browser.test_first_run import answer_the_check, words_shown
from tests.tidy import ROOT

Open = Callable[..., Window]
GUIDE: Final = ROOT / "docs" / "guide" / "pictures"
KEEP: Final = "WETALK_GUIDE_PICTURES"  # set: the guide's pictures are made anew
NAMES: Final = {"ko": ("순희", "민수"), "zh": ("美玲", "建国"), "en": ("Mary", "Tom")}
VILLAGES: Final = {"ko": "햇살 마을", "zh": "阳光村", "en": "Sunny Village"}
GREETINGS: Final = {
    "ko": ("안녕하세요, 순희예요.", "반가워요!"),
    "zh": ("大家好，我是美玲。", "很高兴认识您！"),
    "en": ("Hello, this is Mary.", "Nice to meet you!"),
}
OFFERS: Final = {"ko": "배추김치 두 포기", "zh": "两棵泡菜", "en": "Two jars of kimchi"}
REASONS: Final = {"ko": "김치", "zh": "泡菜", "en": "kimchi"}


@pytest.fixture
def computers(tmp_path: Path) -> Iterator[list[House]]:
    """Three computers on which WeTalk was just started for the first time."""
    houses = [House(tmp_path / name) for name in ("first", "second", "third")]
    try:
        for house in houses:
            house.start("--first-run")
        yield houses
    finally:
        for house in houses:
            house.stop()


def pictured(here: Window, name: str) -> None:
    """Keep what is in sight as a picture of the guide; nobody is shut out of it."""
    assert axe_violations(here.page) == [], name
    assert too_wide(here.page) == 0, name
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"guide-{name}-{here.language}.png"
    here.page.screenshot(path=path)
    if os.environ.get(KEEP):
        GUIDE.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, GUIDE / f"{name}.{here.language}.png")


def photo() -> FilePayload:
    """A jar of kimchi, more or less."""
    image = Image.new("RGB", (800, 600), (236, 226, 208))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((250, 140, 550, 540), 40, fill=(186, 62, 38))
    pen.rectangle((270, 90, 530, 150), fill=(120, 96, 70))
    data = BytesIO()
    image.save(data, "JPEG")
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": data.getvalue()}


def begins(here: Window, language: Language, name: str) -> None:
    here.page.locator(f"button[lang={language}]").click()
    here.language = language
    here.press("first_run.new")
    here.write("first_run.name", name)
    here.press("first_run.look")


def founds(here: Window) -> None:
    """The first person starts a community, and checks the words."""
    here.press("first_run.start")
    here.write("first_run.community", VILLAGES[here.language])
    here.press("first_run.begin")
    words = words_shown(here)
    here.press("first_run.words_done")
    answer_the_check(here, words)
    here.press("first_run.check")
    here.press("first_run.go_talk")
    here.settled()
    pictured(here, "start-1")


def invites(here: Window) -> str:
    here.go("community")
    here.press("action.invite")
    link = here.page.locator("p.link").first
    expect(link).to_be_visible()
    expect(here.page.get_by_role("img", name=here.says("belonging.code"))).to_be_visible()
    here.page.get_by_role(
        "heading", name=here.says("web.bring_somebody")
    ).scroll_into_view_if_needed()
    pictured(here, "start-2")
    return link.inner_text()


def joins(here: Window, link: str) -> list[str]:
    here.press("first_run.invited")
    here.write("first_run.paste", link)
    here.press("first_run.look")
    here.press("first_run.join")
    words = words_shown(here)
    here.press("first_run.words_done")
    answer_the_check(here, words)
    here.press("first_run.check")
    here.press("first_run.go_talk")
    here.settled()
    return words


def talk(first: Window, second: Window) -> None:
    room = first.says("web.first_room")
    greeting, answer = GREETINGS[first.language]
    first.go("talk", room)
    first.write("web.say", greeting)
    first.press("action.send")
    second.go("talk", room)
    second.sees(greeting)
    second.write("web.say", answer)
    second.press("action.send")
    first.sees(answer)
    pictured(first, "talk-1")


def sells(here: Window) -> None:
    here.go("market", "new")
    here.page.get_by_label(here.says("browse.add_photo")).set_input_files(photo())
    expect(here.page.locator(".photos img.photo")).to_have_count(1)
    here.page.get_by_label(here.says("browse.seen")).first.fill(OFFERS[here.language])
    here.write("web.title", OFFERS[here.language])
    here.page.locator("main input[name=price]").fill("12.50")
    pictured(here, "sell-1")
    here.page.get_by_role("main").get_by_role("button", name=here.says("action.sell")).click()
    here.sees(here.says("browse.asked"))
    expect(here.page.locator("main img.photo").first).to_have_attribute("src", re.compile("^blob:"))
    pictured(here, "sell-2")


def buys(buyer: Window, seller: Window) -> None:
    until(lambda: buyer.house.client.balance()["limit"], "the first limit")
    buyer.go("market")
    buyer.page.get_by_role("link").filter(has_text=OFFERS[buyer.language]).first.click()
    buyer.press("action.pay")
    expect(buyer.page.locator("main input[name=amount]")).to_have_value("12.50")
    buyer.write("web.for", REASONS[buyer.language])
    pictured(buyer, "buy-1")
    buyer.page.get_by_role("main").get_by_role("button", name=buyer.says("action.pay")).click()
    buyer.page.get_by_role("dialog").get_by_role("button", name=buyer.says("action.pay")).click()
    buyer.sees(buyer.says("trade.proposed"))
    pictured(buyer, "buy-2")
    seller.go("trade")
    seller.page.get_by_role("link").filter(has_text="+12.50").first.click()
    accept = seller.says("action.accept")
    seller.page.get_by_role("button", name=accept, exact=True).click()
    seller.page.get_by_role("dialog").get_by_role("button", name=accept).click()
    seller.sees(seller.says("trading.step_account_claim"))
    buyer.sees(buyer.says("trading.step_account_claim"))
    pictured(buyer, "buy-3")


def prints(here: Window) -> None:
    """The receipt opens as a page of its own, in the buyer's language."""
    with here.context.expect_page() as opened:
        here.press("web.print_receipt")
    receipt: Page = opened.value
    expect(receipt.get_by_text("12.50").first).to_be_visible()
    receipt.screenshot(path=SHOTS / f"receipt-{here.language}.png", full_page=True)


def comes_back(here: Window, language: Language, words: list[str], link: str) -> None:
    """On another computer, from the words and any invitation."""
    here.page.locator(f"button[lang={language}]").click()
    here.language = language
    here.press("first_run.known")
    here.write("first_run.back_words", " ".join(words))
    here.write("first_run.back_invitation", link)
    here.press("first_run.back_go")
    here.sees(here.says("first_run.coming_here"))
    pictured(here, "lost-1")
    here.press("first_run.coming_finish")
    here.sees(here.says("first_run.coming_done"))
    here.go("trade")
    here.sees("−12.50")
    pictured(here, "lost-2")


def book_of(house: House) -> int | None:
    """A balance; None while the node starts again, as it does when a restore is complete."""
    try:
        return house.client.balance()["book"]
    except NotRunning:
        return None


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_people_from_the_first_page_to_the_receipt_and_back_after_a_loss(
    computers: list[House], window: Open, language: Language
) -> None:
    old, lost, new = computers
    first, second = window(old, "en"), window(lost, "en")
    begins(first, language, NAMES[language][0])
    founds(first)
    link = invites(first)
    begins(second, language, NAMES[language][1])
    words = joins(second, link)
    talk(first, second)
    sells(first)
    buys(second, first)
    prints(second)
    books = [house.client.balance()["book"] for house in (old, lost)]
    assert books == [1_250, -1_250]
    lost.stop()
    comes_back(window(new, "en"), language, words, old.client.invite()["link"])
    assert until(lambda: book_of(new), "the node is up again") == -1_250
