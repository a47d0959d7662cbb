"""What every page of the web client rests on: finding one's way, forms, news, looks, the token."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from node.i18n import amount_text, clean_for_display
from tests.browser.houses import House, until
from tests.browser.pages import WIDE, Window, axe_violations

Open = Callable[..., Window]


def focused(here: Window) -> str:
    return here.page.evaluate("document.activeElement.textContent")


def test_the_token_is_gone_from_the_address_at_once_and_stays_in_the_tab(
    house: House, window: Open
) -> None:
    here = window(house)
    assert here.page.url == f"{house.api}/"
    assert here.page.evaluate("history.length") <= 2
    kept = "JSON.stringify({...localStorage}) + document.cookie + document.referrer"
    assert house.token not in here.page.evaluate(kept)
    here.page.reload()
    here.settled()
    assert here.page.get_by_role("heading", level=1).first.inner_text() == here.says("place.talk")
    other = here.context.new_page()
    other.goto(house.api)
    expect(other.get_by_text(here.says("web.token"))).to_be_visible()
    assert other.get_by_role("navigation").count() == 0


def test_a_page_without_a_token_takes_the_address_typed_into_it(house: House, window: Open) -> None:
    here = window(house)
    here.page.evaluate("sessionStorage.clear()")
    here.page.reload()
    here.write("web.token_field", "nothing of use")
    here.press("web.go")
    here.sees(here.says("web.token_wrong"))
    here.write("web.token_field", house.address)
    here.press("web.go")
    expect(here.page.get_by_role("navigation").first).to_be_visible()


def test_a_token_that_was_taken_back_asks_for_another(house: House, window: Open) -> None:
    here = window(house)
    here.page.evaluate("sessionStorage.setItem('wetalk-token', 'x'.repeat(43))")
    here.go("trade")
    here.sees(here.says("web.token"))


def test_a_phone_exchanges_its_code_once_and_keeps_the_token_only_if_wished(
    house: House, window: Open
) -> None:
    here = window(house, "ko")
    here.page.evaluate("sessionStorage.clear()")
    asked: list[dict[str, str]] = []

    def pair(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(status=201, json={"token": house.token})

    here.page.route("**/v1/lan/pair", pair)
    here.page.goto(f"{house.api}/#pair=7KQ2MXWJ4TPA")
    here.sees(here.says("pair.title"))
    assert here.page.url == f"{house.api}/"
    assert axe_violations(here.page) == []
    here.shot("pair-ko")
    here.page.get_by_label(here.says("pair.keep")).check()
    here.press("pair.go")
    expect(here.page.get_by_role("navigation").first).to_be_visible()
    assert asked == [{"code": "7KQ2MXWJ4TPA"}]
    later = here.context.new_page()
    later.goto(house.api)
    expect(later.get_by_role("navigation").first).to_be_visible()
    here.go("me", "computer")
    here.press("pair.forget")
    here.sees(here.says("web.token"))
    later.reload()
    expect(later.get_by_role("navigation").first).to_be_visible()  # as long as that tab is open
    assert later.evaluate("localStorage.getItem('wetalk-token')") is None


@pytest.mark.parametrize("lost_count", [2, 99])
def test_a_language_that_cannot_be_fetched_is_tried_again_and_then_told(
    house: House, window: Open, lost_count: int
) -> None:
    """A node begins anew after the first page, just when people look for their language."""
    here = window(house)
    here.page.evaluate("sessionStorage.clear()")
    here.page.goto(f"{house.api}/#pair=7KQ2MXWJ4TPA")
    here.sees(here.says("pair.title"))
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        if len(lost) <= lost_count:
            route.abort()
        else:
            route.continue_()

    here.page.route("**/text/ko.json", lose)
    here.page.locator("button[lang=ko]").click()
    if lost_count < 4:
        expect(here.page.locator("html")).to_have_attribute("lang", "ko")
        assert len(lost) == lost_count + 1
    else:
        here.page.wait_for_timeout(2_500)
        assert len(lost) == 4
        expect(here.page.locator("html")).to_have_attribute("lang", "en")


def test_each_page_puts_the_reader_at_its_heading_and_names_the_window(
    house: House, window: Open
) -> None:
    here = window(house)
    for place in ("market", "trade", "me", "talk"):
        here.press(f"place.{place}")
        here.settled()
        at_heading = "document.activeElement.matches('main h1')"
        until(lambda at=at_heading: here.page.evaluate(at), "the focus at the heading")
        until(lambda: here.page.title() == f"{focused(here)} · WeTalk", "the window's name")
    here.go("talk", "마당")
    assert focused(here) == "마당"
    assert here.page.title() == "마당 · WeTalk"


def test_each_place_remembers_where_it_was(house: House, window: Open) -> None:
    here = window(house)
    here.go("talk", "마당")
    here.press("place.trade")
    here.settled()
    here.press("place.talk")
    here.settled()
    assert here.page.locator("main h1").last.inner_text() == "마당"
    here.press("place.talk")  # once more: back to its first page
    expect(here.page.locator("main h1").first).to_have_text(here.says("place.talk"))
    here.page.go_back()
    expect(here.page.locator("main h1").last).to_have_text("마당")


def test_a_link_leads_straight_to_a_page(house: House, window: Open) -> None:
    here = window(house)
    here.page.goto(f"{house.api}/#/talk/%EB%A7%88%EB%8B%B9")
    here.settled()
    assert here.page.locator("main h1").last.inner_text() == "마당"
    here.page.goto(f"{house.api}/#/nowhere/%")
    expect(here.page.locator("main h1").first).to_have_text(here.says("place.talk"))


def test_what_somebody_says_appears_by_itself_and_disturbs_nobody_typing(
    house: House, window: Open
) -> None:
    here = window(house)
    here.go("talk", "live")
    here.write("web.say", "half a sent")
    house.client.say("live", "a neighbour's word")
    here.sees("a neighbour's word")
    assert here.page.get_by_label(here.says("web.say")).input_value() == "half a sent"
    here.press("place.trade")
    here.settled()
    here.press("place.talk")
    here.settled()
    assert here.page.get_by_label(here.says("web.say")).input_value() == "half a sent"


def test_the_language_changes_at_once_and_stays(house: House, window: Open) -> None:
    here = window(house, "ko")
    here.go("me", "looks")
    here.page.get_by_label("中文").check()
    here.language = "zh"
    expect(here.page.get_by_role("navigation").first).to_contain_text(here.says("place.market"))
    assert here.page.locator("html").get_attribute("lang") == "zh"
    here.sees(here.says("peers.none"))  # told by the node, in the new language
    here.page.reload()
    here.settled()
    expect(here.page.get_by_role("navigation").first).to_contain_text(here.says("place.market"))
    here.go("talk", "tongues")
    here.write("web.say", "쓰는 중")
    here.run("(m) => m.speak('en')", "base/words")
    here.language = "en"
    expect(here.page.get_by_label(here.says("web.say"))).to_have_value("쓰는 중")


def test_letters_twice_as_large_lose_nothing_and_colours_are_chosen(
    house: House, window: Open
) -> None:
    here = window(house)
    here.go("me", "looks")
    here.page.get_by_label("200 %").check()
    here.page.get_by_label(here.says("web.theme_dark")).check()
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    assert here.page.evaluate(size) == 36
    assert (
        here.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    )
    here.page.reload()
    assert here.page.evaluate(size) == 36
    for place in ("talk", "market", "trade", "community", "me"):
        here.go(place)
        assert here.page.evaluate("document.documentElement.scrollWidth") <= 360, place
        for link in here.page.get_by_role("navigation").first.get_by_role("link").all():
            assert link.evaluate("(a) => a.scrollWidth <= a.clientWidth"), place
        here.shot(f"{place}-large")


def test_a_refusal_says_what_why_and_what_now_beside_its_field(house: House, window: Open) -> None:
    here = window(house)
    here.go("me", "profile")
    here.write("web.name", "")
    here.press("action.save")
    field = here.page.get_by_label(here.says("web.name"), exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    described = (field.get_attribute("aria-describedby") or "").split()
    assert any(here.page.locator(f"[id='{one}']").inner_text() for one in described)
    field.fill("순희")
    here.press("action.save")
    here.sees(here.says("web.saved"))
    assert field.get_attribute("aria-invalid") is None


def test_what_is_deleted_can_be_had_back_until_its_time_is_over(house: House, window: Open) -> None:
    kept = house.client.say("regret", "keep me")["id"]
    gone = house.client.say("regret", "drop me")["id"]
    here = window(house)
    here.go("talk", "regret")
    line = here.page.get_by_role("listitem")
    line.filter(has_text="keep me").get_by_role("button", name=here.says("action.delete")).click()
    expect(line.filter(has_text="keep me")).to_have_count(0)
    here.press("web.undo")
    expect(line.filter(has_text="keep me")).to_be_visible()
    line.filter(has_text="drop me").get_by_role("button", name=here.says("action.delete")).click()
    here.page.goto("about:blank")  # whoever leaves before has meant it

    def left() -> set[str]:
        return {one["id"] for one in house.client.posts("regret")["items"]}

    until(lambda: left() == {kept}, f"the deletion of {gone}")


def test_everything_can_be_done_by_keyboard(house: House, window: Open) -> None:
    here = window(house, size=WIDE)
    here.page.keyboard.press("Tab")
    assert focused(here) == here.says("web.skip")
    here.page.keyboard.press("Enter")
    assert here.page.evaluate("document.activeElement.tagName") == "MAIN"
    here.go("talk", "keys")
    here.page.get_by_label(here.says("web.say")).press_sequentially("by key")
    here.page.keyboard.press("Control+Enter")
    here.sees("by key")


@pytest.mark.parametrize(
    "written",
    [
        "plain",
        "두 줄\r\n셋째\u2028넷째",
        "\u202eevil\u202c \u200b\u2060hidden\ufeff",
        "tab\tand \x00\x1b[31m control",
        "👩\u200d👩\u200d👧 family \u200d lone",
        "🏳\ufe0f\u200d🌈 a\u200db",
        "\u3164\u115f\u034f\u17b4blank\u2800",
        "<b>not bold</b> &amp;",
    ],
)
def test_names_are_cleaned_as_the_node_cleans_them(house: House, tab: Window, written: str) -> None:
    told = json.dumps(written)
    for name, one_line in (("clean", True), ("cleanLines", False)):
        shown = tab.run(f"(m) => m.{name}({told})", "base/format")
        assert shown == clean_for_display(written, one_line=one_line)


@pytest.mark.parametrize("units", [0, 5, -5, 99, 100, -12_345, 123_456_789, 9_007_199_254_740_991])
@pytest.mark.parametrize("decimals", [0, 2, 8])
def test_amounts_are_exact(tab: Window, units: int, decimals: int) -> None:
    shown = tab.run(f"(m) => m.amount({units}, {decimals})", "base/format")
    assert shown.replace("−", "-") == amount_text(units, decimals).replace("−", "-")


@pytest.mark.parametrize(
    ("typed", "units"),
    [("12.50", 1250), ("12,5", 1250), ("１２", 1200), ("0", None), ("1.234", None), ("-1", None)],
)
def test_amounts_typed_become_minor_units_or_nothing(
    tab: Window, typed: str, units: int | None
) -> None:
    assert tab.run(f"(m) => m.units({json.dumps(typed)}, 2)", "base/format") == units
