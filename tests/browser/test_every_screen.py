"""Every screen with something on it, on a phone and a wide window, light and dark: nobody is shut
out, and nothing is cut off."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.browser.houses import House, until
from tests.browser.pages import PHONE, WIDE, Window, axe_violations, too_wide
from tests.browser.test_market import photo

Open = Callable[..., Window]
ROOM = "모든 화면"
ME = ("profile", "words", "looks", "devices", "keeping", "programs", "computer")


@dataclass(frozen=True)
class Prepared:
    """What there is to look at, by id."""

    post: str
    listing: str
    trade: str
    partner: str


@pytest.fixture(scope="module")
def prepared(pair: tuple[House, House]) -> Prepared:
    """A conversation, a listing with a photo, a trade that was paid, rated and is disputed."""
    sunhee, anna = pair[0].client, pair[1].client
    partner = anna.identity()["member"]
    post = sunhee.say(ROOM, "안녕하세요", language="ko")["id"]
    sunhee.say(ROOM, "A reply", language="en", reply_to=post)
    large = sunhee.post_file("/pictures", photo((90, 140, 60))["buffer"])["large"]["id"]
    pictures = [{"id": large, "text": "배추"}]
    listing = sunhee.put_listing("goods", "배추 한 포기", text="싱싱해요", pictures=pictures)["id"]
    trade = sunhee.propose("pay", partner, 700, "배추")["id"]
    until(lambda: trade in {one["id"] for one in anna.trades()}, "the offer has come")
    anna.step(trade, "accept")
    until(lambda: sunhee.trade(trade)["state"] == "settled", "the payment is settled")
    sunhee.open_dispute(trade, "시들었어요")
    return Prepared(post, listing, trade, partner)


def screens(prepared: Prepared) -> list[tuple[str, ...]]:
    talk = [("talk",), ("talk", ROOM), ("talk", ROOM, prepared.post)]
    market = [("market",), ("market", "new"), ("market", prepared.listing)]
    market += [("market", prepared.listing, "change")]
    trade = [("trade",), ("trade", "pay", prepared.partner), ("trade", "invoice")]
    trade += [("trade", "stall"), ("trade", "month"), ("trade", prepared.trade)]
    community = [("community",), ("community", "member", prepared.partner)]
    community += [("community", "ties"), ("community", "neighbours")]
    return [*talk, *market, *trade, *community, ("me",), *(("me", page) for page in ME)]


@pytest.mark.parametrize(
    ("size", "dark", "language"),
    [(PHONE, False, "ko"), (PHONE, True, "zh"), (WIDE, False, "en"), (WIDE, True, "ko")],
)
def test_no_screen_shuts_anybody_out(
    pair: tuple[House, House],
    prepared: Prepared,
    window: Open,
    size: tuple[int, int],
    dark: bool,
    language: str,
) -> None:
    here = window(pair[0], language, size=size, dark=dark)
    wrong: list[str] = []
    for screen in screens(prepared):
        here.go(*screen)
        name = "-".join(step if len(step) < 16 else step[:4] for step in screen)
        here.shot(f"screen-{size[0]}-{'dark' if dark else 'light'}-{name}")
        wrong += [f"{screen}: {one}" for one in axe_violations(here.page)]
        if too_wide(here.page):
            wrong.append(f"{screen}: cut off by {too_wide(here.page)} px")
    assert wrong == []


def test_letters_of_twice_the_size_cut_nothing_off(
    pair: tuple[House, House], prepared: Prepared, window: Open
) -> None:
    here = window(pair[0], "ko", size=PHONE)
    here.page.evaluate("document.documentElement.style.setProperty('--text-scale', 2)")
    cut = []
    for screen in screens(prepared):
        here.go(*screen)
        if too_wide(here.page):
            cut.append((screen, too_wide(here.page)))
    assert cut == []
