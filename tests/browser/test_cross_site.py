"""A stranger's page in a real browser, and a real node: it learns nothing and changes nothing.

The requests are the browser's own, with the headers that it gives them; hostile headers that no
browser sends are tried in `tests/api/test_gate.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import chromium, evil
from tests.browser.conftest import ARGUMENTS
from tests.browser.houses import House

NAME = "evil.example"
TEXT = "우리끼리만 하는 말"
LOADED = "() => typeof attack === 'function'"
ATTACK = "target => attack(target)"
STATUS = "async () => (await fetch('/v1/identity')).status"
TAKEN = "() => sessionStorage.length > 0 && !location.href.includes('token')"
MIN_ATTEMPTS = 90


@dataclass(frozen=True, slots=True)
class Scene:
    """A running node, a stranger's server, and what must stay unknown to it."""

    house: House
    server: evil.Server

    @property
    def port(self) -> int:
        """Of the node's API."""
        return int(self.house.api.rpartition(":")[2])

    def secrets(self) -> list[str]:
        """Words of which none may reach the stranger."""
        identity = self.house.client.identity()
        home = str(self.house.home)
        return [self.house.token, identity["member"], identity["device"], TEXT, home]

    def state(self) -> Any:
        """Whatever a request could have changed."""
        client = self.house.client
        posts = [post["text"] for post in client.posts("hall")["items"]]
        return client.status()["heads"], client.contacts(), client.tokens(), client.profile(), posts

    def said(self) -> str:
        """What the node has written on its outputs."""
        home = self.house.home
        files = (home.with_name(f"{home.name}.{end}") for end in ("out", "err"))
        return "".join(file.read_text(encoding="utf-8") for file in files)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A member's node with one post, and the stranger's server."""
    house = House(tmp_path_factory.mktemp("stranger") / "sunhee")
    house.make("순희", "ko")
    try:
        house.start()
        house.client.say("hall", TEXT)
        with evil.serving() as server:
            yield Scene(house, server)
    finally:
        house.stop()


@pytest.fixture
def unharmed(scene: Scene) -> Iterator[None]:
    """Whatever the test does: nothing has changed, the node answers, and no log has the token."""
    before = scene.state()
    yield
    assert scene.state() == before
    assert scene.house.process is not None
    assert scene.house.process.poll() is None
    assert scene.house.token not in scene.said()
    assert "Traceback" not in scene.said()


@contextmanager
def browsing(browser: Browser, rules: str) -> Iterator[BrowserContext]:
    """Another browser, for which names lead where the rules say."""
    more = ["--disable-popup-blocking", f"--host-resolver-rules={rules}"]
    other = browser.browser_type.launch(
        executable_path=chromium.executable(), args=[*ARGUMENTS, *more]
    )
    try:
        yield other.new_context()
    finally:
        other.close()


def visit(page: Page, port: int, path: str = "/") -> None:
    """Be on the stranger's page, ready for its script."""
    page.goto(f"http://{NAME}:{port}{path}")
    page.wait_for_function(LOADED)


@pytest.mark.usefixtures("unharmed")
def test_a_strangers_page_learns_nothing_and_changes_nothing(
    scene: Scene, browser: Browser
) -> None:
    with browsing(browser, f"MAP {NAME} 127.0.0.1") as context:
        own, page = context.new_page(), context.new_page()
        own.goto(scene.house.address)
        own.wait_for_function(TAKEN)
        visit(page, scene.server.port)
        for target in (scene.house.api, f"http://localhost:{scene.port}"):
            learnt = page.evaluate(ATTACK, target)
            assert len(learnt) >= MIN_ATTEMPTS
            assert {name: text for name, text in learnt.items() if text} == {}
        careless = page.evaluate(ATTACK, f"http://localhost:{scene.server.port}")
        for attempt, found in (("script", "loaded"), ("fetch cors", "200")):
            learnt = careless[f"{attempt} /v1/identity"]
            assert learnt.startswith(found), f"{attempt} does not work at all"


@pytest.mark.usefixtures("unharmed")
def test_a_name_that_comes_to_lead_to_the_node_opens_nothing(
    scene: Scene, browser: Browser
) -> None:
    """DNS rebinding: for the browser the node is now the origin that the page came from."""
    secrets = scene.secrets()
    with evil.Rebinding(scene.server.port).running() as name:
        rules = f"MAP {NAME}:{scene.port} 127.0.0.1:{name.port}"
        with browsing(browser, rules) as context:
            page = context.new_page()
            visit(page, scene.port)
            assert page.evaluate(STATUS) == 200  # the stranger's own server
            name.leads_to = scene.port
            learnt = page.evaluate(ATTACK, "")
            assert page.evaluate(STATUS) == 403
    assert scene.port in name.passed, "the name never led to the node"
    assert len(learnt) >= MIN_ATTEMPTS
    for attempt, text in learnt.items():
        assert not any(secret in text for secret in secrets), attempt
        assert not text.startswith("2"), (attempt, text)
    assert learnt["socket /v1/events"] == learnt["events /v1/events"] == ""


@pytest.mark.usefixtures("unharmed")
def test_the_token_leaves_the_address_and_goes_nowhere_else(scene: Scene, browser: Browser) -> None:
    landed, asked = f"http://{NAME}:{scene.server.port}/landed", list[str]()
    with browsing(browser, f"MAP {NAME} 127.0.0.1") as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(scene.house.address)
        page.wait_for_function(TAKEN)
        scene.server.heard.clear()
        page.evaluate("to => { location.href = to; }", landed)
        page.wait_for_url(landed)
        page.wait_for_function(LOADED)
        assert page.evaluate("() => document.referrer") == ""
        assert scene.house.token not in page.evaluate("() => JSON.stringify(sessionStorage)")
        page.go_back()
        page.wait_for_url(f"{scene.house.api}/**")
        assert scene.house.token not in page.url
    heard = "\n".join(scene.server.heard)
    assert "/landed" in heard
    assert scene.house.token not in heard
    assert scene.house.api not in heard, "a referrer told where the node is"
    assert not [url for url in asked if scene.house.token in url.partition("#")[0]]
