"""The node goes and comes back: what was seen stays, what happened meanwhile appears, by itself."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from node.api import static
from tests.browser.houses import House, living
from tests.browser.pages import Window
from tests.tidy import ROOT

Open = Callable[..., Window]
READY = "navigator.serviceWorker.ready.then((found) => !!found.active)"


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose node these tests may stop."""
    with living(tmp_path_factory.mktemp("away") / "sunhee", "순희", "ko") as house:
        yield house


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
    expect(here.page.get_by_text(here.says("web.away_bar"))).to_have_count(0)
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
    expect(here.page.get_by_text(here.says("web.away_bar"))).to_have_count(0)
    kept = "caches.keys().then((names) => Promise.all(names.map(async (name) => "
    kept += "(await (await caches.open(name)).keys()).map((one) => one.url)))).then(String)"
    assert "/v1/" not in here.page.evaluate(kept)
    assert away.token not in here.page.evaluate(kept)


def test_what_was_done_unheard_is_not_done_twice(away: House, window: Open) -> None:
    """The answer is lost on its way; the member presses again."""
    here = window(away)
    here.go("talk", "once")
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost or route.request.method != "POST":
            route.continue_()
            return
        lost.append(route.request.headers["idempotency-key"])
        route.fetch()  # the node does it
        route.abort()

    here.page.route("**/v1/posts", lose)
    here.write("web.say", "only once")
    here.press("action.send")
    here.sees(here.says("web.away_what_now"))
    assert lost
    here.press("action.send")
    expect(here.page.get_by_label(here.says("web.say"))).to_have_value("")
    texts = [one["text"] for one in away.client.posts("once")["items"]]
    assert texts == ["only once"]


def test_a_newer_client_takes_over_whole_and_the_page_says_so(
    away: House, window: Open, tmp_path: Path
) -> None:
    """Two versions never mix: the page runs on with its own until the member takes the new one."""
    here = window(away, workers=True)
    assert here.page.evaluate(READY)
    old = static.collected().version
    newer = tmp_path / "newer"
    shutil.copytree(ROOT / "node", newer / "node", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cli.py", newer)
    with (newer / "node" / "api" / "web" / "css" / "base.css").open("a") as style:
        style.write("/* newer */\n")
    away.stop()
    away.start(program=newer)
    here.page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update())")
    here.sees(here.says("web.renewed"))
    here.press("place.market")  # never opened before, and still there in the old version
    expect(here.page.locator("main h1").first).to_have_text(here.says("place.market"))
    here.press("web.reload")
    here.settled()
    loaded = "performance.getEntriesByType('resource').map((one) => one.name)"
    files = [one for one in here.page.evaluate(loaded) if "/web/" in one]
    assert len(files) > 10
    assert not [one for one in files if old in one]
    expect(here.page.get_by_text(here.says("web.renewed"))).to_have_count(0)
