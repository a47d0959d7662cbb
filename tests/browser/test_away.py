"""The node goes and comes back: what was seen stays, what happened meanwhile appears, by itself."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.houses import House
from tests.browser.pages import PATIENCE_MS, Window

Open = Callable[..., Window]
READY = "navigator.serviceWorker.ready.then((found) => !!found.active)"


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose node these tests may stop."""
    house = House(tmp_path_factory.mktemp("away") / "sunhee")
    house.make("순희", "ko")
    try:
        house.start()
        yield house
    finally:
        house.stop()


def test_what_was_seen_stays_while_the_node_is_away_and_goes_on_by_itself(
    away: House, window: Open
) -> None:
    away.client.say("kitchen", "before the break")
    here = window(away)
    here.go("talk", "kitchen")
    here.sees("before the break")
    away.stop()
    expect(here.page.get_by_text(here.says("web.away_bar"))).to_be_visible()
    here.sees("before the break")
    here.write("web.say", "into the dark")
    here.press("action.send")
    here.sees(here.says("web.away_what_now"))
    assert here.page.get_by_label(here.says("web.say")).input_value() == "into the dark"
    away.start()
    expect(here.page.get_by_text(here.says("web.away_bar"))).to_have_count(0, timeout=PATIENCE_MS)
    away.client.say("kitchen", "after the break")
    here.sees("after the break")
    here.press("action.send")  # what was typed is still there
    expect(here.page.get_by_role("listitem").filter(has_text="into the dark")).to_be_visible()


def test_events_during_a_break_are_not_missed(away: House, window: Open) -> None:
    here = window(away)
    here.go("talk", "hall")
    here.page.context.set_offline(True)
    here.page.evaluate("dispatchEvent(new Event('offline'))")
    away.client.say("hall", "said while nobody could hear")
    here.page.context.set_offline(False)
    here.sees("said while nobody could hear")


def test_the_page_opens_while_the_node_is_frozen_or_gone(away: House, window: Open) -> None:
    away.client.say("porch", "seen in the morning")
    here = window(away, workers=True)
    here.go("talk", "porch")
    here.sees("seen in the morning")
    assert here.page.evaluate(READY)
    away.freeze()
    try:
        here.page.reload()
        here.sees("seen in the morning")
        here.sees(here.says("web.away_bar"))
        here.press("place.market")  # a page that was never opened before
        expect(here.page.locator("main h1").first).to_have_text(here.says("place.market"))
    finally:
        away.thaw()
    expect(here.page.get_by_text(here.says("web.away_bar"))).to_have_count(0, timeout=PATIENCE_MS)
    kept = "caches.keys().then((names) => Promise.all(names.map(async (name) => "
    kept += "(await (await caches.open(name)).keys()).map((one) => one.url)))).then(String)"
    assert "/v1/" not in here.page.evaluate(kept)
    assert away.token not in here.page.evaluate(kept)
