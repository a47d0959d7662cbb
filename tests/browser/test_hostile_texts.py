"""Texts that would like to be more than text stand in every field, and are shown as text."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from unicodedata import normalize

import pytest
from playwright.sync_api import Page, Request

from node.i18n import clean_for_display
from tests.browser.houses import House, until
from tests.browser.pages import WIDE, Window
from tests.browser.payloads import ALL

Open = Callable[..., Window]
ROOM = "<b onclick=hit()>방</b>"
PAGE_COUNT = 40  # posts of a room: they stand on its first page
ROOMS = {
    f"{ROOM}{start}": ALL[start : start + PAGE_COUNT] for start in range(0, len(ALL), PAGE_COUNT)
}
NAME = "<img src=x onerror=hit()>"
ABOUT = "\n".join(ALL)
FORBIDDEN = (
    "script, iframe, object, embed, style, link, base, meta, form[action], template, marquee,"
    " [onerror], [onload], [onclick], [onfocus], [srcdoc], [formaction]"
)
DECEIVING = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u3164\u00ad\U000e0000-\U000e007f]"
)


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, House]]:
    """Mallory, who fills every field with such texts, and Anna, who reads them."""
    folder = tmp_path_factory.mktemp("hostile")
    mallory, anna = House(folder / "mallory"), House(folder / "anna")
    try:
        mallory.make("Mallory", "en")
        mallory.start()
        link = mallory.client.invite(code=True)["link"]
        anna.make("Anna", "en", link)
        anna.start()
        until(lambda: anna.client.balance()["limit"], "the first limit")
        fill(mallory, anna)
        yield mallory, anna
    finally:
        mallory.stop()
        anna.stop()


def fill(mallory: House, anna: House) -> None:
    """Every field that another member sees, and every payload in one that holds it."""
    client = mallory.client
    client.set_profile(name=NAME, about=ABOUT[:2000], region=None)
    last = client.say(ROOM, ABOUT[:4000])["id"]
    client.say(ROOM, ABOUT[:500], reply_to=last)
    for room, payloads in ROOMS.items():
        for payload in payloads:
            client.say(room, payload)
    for payload in ALL[::10]:
        client.say(payload[:30], payload)
        client.put_listing("goods", payload, text=ABOUT[:4000], tags=["<b>", "'\""])
    me = anna.client.identity()["member"]
    for payload in ALL[:3]:
        made = client.propose("pay", me, 100, payload)["id"]
        until(lambda made=made: made in {one["id"] for one in anna.client.trades()}, "the offer")
    anna.client.step(made, "accept")
    until(lambda: client.trade(made)["state"] == "settled", "the payment")
    client.rate(made, 1, text=ABOUT[:1000])
    client.open_dispute(made, ABOUT[:2000])
    until(lambda: list(anna.client.disputes()), "the case")
    until(lambda: anna.client.posts(ROOM)["items"], "the posts")


def has_posts(house: House, room: str, count: int) -> bool:
    return len(house.client.posts(room)["items"]) == count


def watched(here: Window) -> list[str]:
    """What goes wrong from now on: something ran, asked, or went somewhere."""
    wrong: list[str] = []
    here.page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    here.page.on("popup", lambda page: wrong.append(f"opened {page.url}"))
    here.page.expose_function("hit", lambda: wrong.append("a script ran"))

    def asked(request: Request) -> None:
        if not request.url.startswith((here.house.api, "blob:")):
            wrong.append(f"asked {request.url}")

    here.page.on("request", asked)
    return wrong


def judge(page: Page) -> str:
    """The page's text; nothing on it may have become markup, nor deceive."""
    assert page.locator(f"main :is({FORBIDDEN})").count() == 0
    for link in page.locator("main a[href]").all():
        assert re.match(r"#|https?:|/", link.get_attribute("href") or ""), link
    for image in page.locator("main img").all():
        assert re.match(r"/boat|blob:", image.get_attribute("src") or ""), image
    shown = page.locator("main").inner_text()
    assert not DECEIVING.search(shown)
    return shown


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", normalize("NFC", text)).strip()


@pytest.mark.parametrize("seen_by", ["author", "neighbour"])
def test_every_payload_is_shown_as_the_text_it_is(
    houses: tuple[House, House], window: Open, seen_by: str
) -> None:
    house = houses[seen_by == "neighbour"]
    here = window(house, size=WIDE)
    wrong = watched(here)
    for room, payloads in ROOMS.items():
        until(partial(has_posts, house, room, len(payloads)), "all posts")
        here.go("talk", room)
        shown = squeezed(judge(here.page))
        assert [one for one in payloads if squeezed(clean_for_display(one)) not in shown] == []
    assert wrong == []


def test_no_page_runs_what_others_wrote(houses: tuple[House, House], window: Open) -> None:
    mallory, anna = houses
    author = mallory.client.identity()["member"]
    trades = [one["id"] for one in anna.client.trades()]
    reply = next(one["id"] for one in anna.client.posts(ROOM)["items"] if one["reply_to"])
    here = window(anna)
    wrong = watched(here)
    pages = [
        *(("talk",), ("talk", ROOM, reply), ("market",), ("trade",), ("trade", "month"), ("me",)),
        *(("community",), ("community", "member", author), ("community", "ties")),
        *(("trade", trade) for trade in trades),
        ("trade", "pay", author),
    ]
    for steps in pages:
        here.go(*steps)
        shown = judge(here.page)
        assert shown.strip(), steps
    assert NAME in here.page.locator("main select").first.inner_text()
    assert wrong == []
