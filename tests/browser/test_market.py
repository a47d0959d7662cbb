"""The market in two browsers at two nodes: photos, searching, asking, buying."""

import json
import re
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Route, expect

from tests.browser.houses import House
from tests.browser.pages import WIDE, Window, axe_violations, too_wide

Open = Callable[..., Window]


def photo(colour: tuple[int, int, int]) -> FilePayload:
    """A photo of one colour, as a phone would give it."""
    data = BytesIO()
    Image.new("RGB", (1_600, 1_200), colour).save(data, "JPEG")
    return {"name": "사진.jpg", "mimeType": "image/jpeg", "buffer": data.getvalue()}


def looks_well(here: Window, name: str) -> None:
    here.shot(f"{name}-{here.language}")
    assert axe_violations(here.page) == [], name
    assert too_wide(here.page) == 0, name


def put_up(here: Window, title: str, price: str) -> None:
    here.go("market", "new")
    chooser = here.page.get_by_label(here.says("browse.add_photo"))
    chooser.set_input_files([photo((200, 80, 40)), photo((40, 120, 60))])
    expect(here.page.locator(".photos img.photo")).to_have_count(2)
    here.page.get_by_label(here.says("browse.seen")).first.fill("김치 한 통")
    here.page.get_by_role("button", name=here.says("browse.without")).last.click()
    here.write("web.title", title)
    here.page.locator("main input[name=price]").fill(price)
    looks_well(here, "market-new")
    here.page.get_by_role("main").get_by_role("button", name=here.says("action.sell")).click()
    here.sees(here.says("browse.asked"))


def test_a_listing_with_a_photo_reaches_the_neighbour_who_asks_and_buys(
    pair: tuple[House, House], window: Open
) -> None:
    title = "배추김치 두 포기"
    sunhee, anna = window(pair[0], "ko"), window(pair[1], "en", size=WIDE)
    put_up(sunhee, title, "12.50")
    looks_well(sunhee, "market-own")
    anna.go("market")
    anna.page.get_by_role("link").filter(has_text=title).first.click()
    picture = anna.page.get_by_role("img", name="김치 한 통")
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    assert picture.evaluate("(image) => image.naturalWidth") > 0
    looks_well(anna, "market-listing")
    anna.press("browse.ask")
    anna.write("web.say", "Is it hot?")
    anna.press("action.send")
    anna.sees("Is it hot?")
    sunhee.press("browse.asked")
    sunhee.sees("Is it hot?")
    anna.go("market")
    anna.page.get_by_role("link").filter(has_text=title).first.click()
    anna.press("action.pay")
    expect(anna.page.locator("main input[name=amount]")).to_have_value("12.50")


@pytest.mark.parametrize("here_by_now", [True, False])
def test_a_photo_is_what_the_node_answers_whatever_the_listing_said_before(
    house: House, window: Open, here_by_now: bool
) -> None:
    """A picture comes, or is erased, between the listing's answer and the picture's own."""
    picture = house.client.post_file("/pictures", photo((90, 140, 60))["buffer"])["large"]["id"]
    shown = {"id": picture, "text": "참깨"}
    made = house.client.put_listing("goods", f"참깨 {here_by_now}", pictures=[shown])["id"]
    here = window(house, "ko")
    waiting = here.says("pictures.coming")

    def listing(route: Route) -> None:
        answer = route.fetch()
        before = json.dumps(not here_by_now)
        route.fulfill(
            response=answer, body=re.sub(r'"here":\w+', f'"here":{before}', answer.text())
        )

    def not_yet(route: Route) -> None:
        told = {"state": "coming", "text": waiting}
        route.fulfill(status=202, json=told)

    here.page.route(f"**/v1/listings/{made}", listing)
    if not here_by_now:
        here.page.route(f"**/v1/pictures/{picture}", not_yet)
    here.go("market", made)
    image = here.page.get_by_role("img", name="참깨")
    if here_by_now:
        expect(image).to_have_attribute("src", re.compile("^blob:"))
        assert image.evaluate("(image) => image.naturalWidth") > 0
    else:
        here.sees(waiting)
        expect(image).to_have_count(0)


def test_what_is_offered_can_be_changed_paused_and_taken_off(house: House, window: Open) -> None:
    here = window(house, "zh")
    made = house.client.put_listing("service", "修理自行车", text="快")["id"]
    here.go("market", made)
    here.press("action.edit")
    here.write("web.title", "修理自行车和钟表")
    here.press("action.save")
    here.sees("修理自行车和钟表")
    here.press("web.make_paused")
    here.sees(here.says("listing.paused"))
    here.press("web.close_listing")
    dialog = here.page.get_by_role("dialog")
    dialog.get_by_role("button", name=here.says("web.close_listing")).click()
    expect(here.page.locator("main").get_by_text("修理自行车和钟表")).to_have_count(0)


def test_words_kind_region_and_price_narrow_what_is_shown(house: House, window: Open) -> None:
    for title, units, region in (("좁은 된장", 500, "KR-11"), ("좁은 간장", 5_000, "KR-26")):
        price = {"form": "amount", "amount": units}
        house.client.put_listing("goods", title, price=price, region=region)
    here = window(house, "ko", size=WIDE)
    here.go("market")
    here.write("web.search_for", "좁은")
    here.press("action.search")
    found = here.page.get_by_role("list", name=here.says("place.market"))
    expect(found.get_by_role("link")).to_have_count(2)
    here.page.get_by_text(here.says("browse.narrow")).click()
    here.write("browse.at_most", "10")
    here.press("action.search")
    expect(found.get_by_role("link")).to_have_count(1)
    here.sees("좁은 된장")
    here.write("browse.at_most", "")
    here.write("web.region", "KR-26")
    here.press("action.search")
    here.sees("좁은 간장")
    expect(found.get_by_role("link")).to_have_count(1)


def test_a_photo_that_is_none_is_refused_in_words(house: House, window: Open) -> None:
    here = window(house, "ko")
    here.go("market", "new")
    wrong: FilePayload = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}
    here.page.get_by_label(here.says("browse.add_photo")).set_input_files(wrong)
    expect(here.page.locator(".notices [role=alert]")).not_to_be_empty()
    expect(here.page.locator(".photos img.photo")).to_have_count(0)
