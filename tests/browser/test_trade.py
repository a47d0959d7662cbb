"""Trade in two browsers at two nodes: paying, answering, giving back, papers; nothing reloads."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.houses import House, until
from tests.browser.pages import WIDE, Window, axe_violations, too_wide

Open = Callable[..., Window]


def member_id(house: House) -> str:
    return house.client.identity()["member"]


def confirm(here: Window, key: str) -> None:
    """Press the button of the question that is asked."""
    here.page.get_by_role("dialog").get_by_role("button", name=here.says(key)).click()


def propose(here: Window, direction: str, partner: House, amount: str, what: str) -> None:
    here.go("trade", direction, member_id(partner))
    here.write_amount(amount)
    here.write("web.for", what)
    key = "action.pay" if direction == "pay" else "web.invoice"
    here.page.get_by_role("main").get_by_role("button", name=here.says(key)).click()
    dialog = here.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    confirm(here, key)


def looks_well(*windows: Window, name: str) -> None:
    for here in windows:
        here.shot(f"{name}-{here.language}")
        assert axe_violations(here.page) == []
        assert too_wide(here.page) == 0


def test_a_payment_is_made_accepted_and_partly_given_back(
    pair: tuple[House, House], window: Open
) -> None:
    sunhee, anna = window(pair[0], "ko"), window(pair[1], "en", size=WIDE)
    anna.go("trade")
    propose(sunhee, "pay", pair[1], "12.50", "김치 두 통")
    sunhee.sees(sunhee.says("trade.proposed"))
    looks_well(sunhee, name="trade-paid")
    anna.page.get_by_role("link").filter(has_text="+12.50").first.click()
    anna.page.get_by_role("button", name=anna.says("action.accept"), exact=True).click()
    confirm(anna, "action.accept")
    sunhee.sees(sunhee.says("trading.step_account_claim"))
    anna.sees(anna.says("trading.step_account_claim"))
    looks_well(sunhee, anna, name="trade-receipt")
    anna.press("action.refund")
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("99")
    dialog.get_by_role("button", name=anna.says("action.refund"), exact=True).click()
    expect(dialog.get_by_text(anna.says("trading.at_most", most="12.50"))).to_be_visible()
    dialog.get_by_role("textbox").fill("2.50")
    dialog.get_by_role("button", name=anna.says("action.refund"), exact=True).click()
    expect(dialog).to_have_count(0)
    sunhee.go("trade")
    sunhee.page.get_by_role("link").filter(has_text="+2.50").first.click()
    sunhee.page.get_by_role("button", name=sunhee.says("action.accept"), exact=True).click()
    confirm(sunhee, "action.accept")
    sunhee.sees(sunhee.says("trading.step_account_claim"))
    sunhee.go("trade", "month")
    sunhee.sees("+2.50")
    looks_well(sunhee, name="trade-month")
    sunhee.go("trade")
    expect(sunhee.page.locator(".curve svg")).to_be_visible()
    looks_well(sunhee, name="trade-overview")


def test_an_offer_can_be_taken_back_until_it_is_accepted(
    pair: tuple[House, House], window: Open
) -> None:
    sunhee = window(pair[0], "ko")
    propose(sunhee, "pay", pair[1], "3", "되돌릴 것")
    sunhee.page.get_by_role("button", name=sunhee.says("action.release"), exact=True).click()
    confirm(sunhee, "action.release")
    sunhee.sees(sunhee.says("trade.released"))


def test_an_amount_that_is_none_is_told_at_its_field_and_nothing_is_sent(
    pair: tuple[House, House], window: Open
) -> None:
    sunhee = window(pair[0], "ko")
    before = len(list(pair[0].client.trades()))
    sunhee.go("trade", "pay", member_id(pair[1]))
    sunhee.write_amount("12.345")
    sunhee.page.get_by_role("main").get_by_role("button", name=sunhee.says("action.pay")).click()
    expect(sunhee.page.locator("[data-error-of=amount]")).not_to_be_empty()
    assert len(list(pair[0].client.trades())) == before


def test_a_receipt_and_a_month_open_as_pages_to_print(
    pair: tuple[House, House], window: Open
) -> None:
    sunhee = window(pair[0], "ko")
    propose(sunhee, "pay", pair[1], "1", "인쇄할 것")
    sunhee.page.wait_for_url(re.compile(r"#/trade/[0-9a-f]{64}$"))
    trade = sunhee.page.evaluate("location.hash.split('/').pop()")
    until(lambda: trade in {one["id"] for one in pair[1].client.trades()}, "the offer has come")
    pair[1].client.step(trade, "accept")
    button = sunhee.page.get_by_role("button", name=sunhee.says("web.print_receipt"))
    expect(button).to_be_visible(timeout=30_000)
    with sunhee.context.expect_page() as opened:
        button.click()
    printed: Page = opened.value
    expect(printed.get_by_text("1.00").first).to_be_visible()
    printed.screenshot(path=sunhee.shot("receipt-button").with_name("receipt-ko.png"))


def test_the_steps_of_the_balance_are_drawn_from_its_movements(tab: Window) -> None:
    script = """(m) => {
      const month = { opening: 100, movements: [
        { time: "2026-01-02T00:00:00Z", amount: -300 },
        { time: "2026-01-03T00:00:00Z", amount: 50 },
      ] };
      const points = m.pointsOf([month]).map((point) => point.balance);
      return { points, empty: m.pointsOf([{ opening: 5, movements: [] }]),
               months: m.lastMonths(new Date("2026-01-31T12:00:00Z")) };
    }"""
    assert tab.run(script, "places/trade/curve") == {
        "points": [100, -200, -150, -150],
        "empty": [],
        "months": ["2025-11", "2025-12", "2026-01"],
    }
