"""Community in two browsers at two nodes: members, ties, neighbours, officers' questions."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.houses import House, until
from tests.browser.pages import WIDE, Window, axe_violations, too_wide

Open = Callable[..., Window]


def looks_well(here: Window, name: str) -> None:
    here.shot(f"{name}-{here.language}")
    assert axe_violations(here.page) == [], name
    assert too_wide(here.page) == 0, name


def traded(payer: House, payee: House, units: int) -> None:
    made = payer.client.propose("pay", payee.client.identity()["member"], units)["id"]
    until(lambda: made in {one["id"] for one in payee.client.trades()}, "the offer has come")
    payee.client.step(made, "accept")
    until(lambda: payer.client.trade(made)["state"] == "settled", "the payment is settled")


def test_a_member_has_a_page_a_name_of_ones_own_and_ways_to_trade(
    pair: tuple[House, House], window: Open
) -> None:
    sunhee, anna = pair[0], pair[1].client.identity()["member"]
    here = window(sunhee, "ko")
    here.go("community")
    here.page.get_by_role("link").filter(has_text=anna[:8]).first.click()
    here.sees(here.says("people.calling"))
    here.write("web.name", "옆집 안나")
    here.press("action.save")
    expect(here.page.get_by_text("옆집 안나").filter(visible=True).first).to_be_visible()
    assert sunhee.client.member(anna)["contact"] == "옆집 안나"
    looks_well(here, "community-member")
    here.press("people.forget")
    here.sees(here.says("people.forgotten"))
    assert sunhee.client.member(anna)["contact"] is None
    here.press("action.pay")
    expect(here.page.get_by_label(here.says("web.partner"), exact=True)).to_have_value(anna)


def test_who_trades_with_whom_is_drawn_and_listed(pair: tuple[House, House], window: Open) -> None:
    traded(*pair, 150)
    here = window(pair[1], "en", size=WIDE, dark=True)
    here.go("community")
    here.press("ties.title")
    picture = here.page.get_by_role("img", name=here.says("ties.title"))
    expect(picture).to_be_visible()
    assert picture.locator("text").all_inner_texts() != []
    here.sees("순희")
    looks_well(here, "community-ties")


def test_neighbours_are_drawn_and_described(pair: tuple[House, House], window: Open) -> None:
    here = window(pair[0], "zh")
    until(lambda: pair[0].client.peers()["items"], "a neighbour is connected")
    here.go("community", "neighbours")
    here.sees(here.says("web.in_sync"))
    expect(here.page.locator("svg.picture .other")).to_have_count(1)
    looks_well(here, "community-neighbours")


def test_a_picture_of_ties_shows_as_many_as_it_bears(tab: Window) -> None:
    script = """(m) => {
      const who = (n) => ({ id: `id${n}`, name: `name ${n}` });
      const ties = Array.from({ length: 40 }, (_, n) => ({ one: who(n), other: who(n + 1) }));
      return [...m.peopleOf(ties).keys()];
    }"""
    assert tab.run(script, "places/community/ties") == [f"id{n}" for n in range(16)]
