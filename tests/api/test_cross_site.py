"""A stranger's page in a real browser, and a real node: it learns nothing and changes nothing.

The requests are the browser's own, with the headers that it gives them; hostile headers that no
browser sends are tried in `test_gate`.
"""

import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bench.processes import Process, running
from node.services.setup import Person, create_home
from node.storage.home import Home
from tests.api import evil

NAME = "evil.example"
TEXT = "우리끼리만 하는 말"
WORDS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-popup-blocking"),
]
LOADED = "() => typeof attack === 'function'"
STATUS = "async () => (await fetch('/v1/identity')).status"
MIN_ATTEMPTS = 90
WAIT_MS = 20_000


def chromium() -> str:
    """The browser. Without one the tests are left out, but not where they have to be run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        assert not os.environ.get("CI"), "no Chromium: install the package chromium"
        pytest.skip("no Chromium on this machine: install the package chromium")
    return found


@dataclass(slots=True)
class Scene:
    """A running node, a stranger's server, and what must stay unknown to it."""

    node: Process
    server: evil.Server

    @property
    def port(self) -> int:
        """Of the node's API."""
        return int(self.origin.rpartition(":")[2])

    @property
    def origin(self) -> str:
        """Of the node's API."""
        return json.loads((self.node.home / "api.json").read_text(encoding="utf-8"))["url"]

    @property
    def token(self) -> str:
        """The owner's."""
        return Home(self.node.home).token.read_text().strip()

    def secrets(self) -> list[str]:
        """Words of which none may reach the stranger."""
        identity = self.node.client.identity()
        return [self.token, identity["member"], identity["device"], TEXT, str(self.node.home)]

    def said(self) -> str:
        """What the node has written on its outputs."""
        files = (self.node.home.with_name(f"{self.node.home.name}.{end}") for end in ("out", "err"))
        return "".join(file.read_text(encoding="utf-8") for file in files)

    def state(self) -> Any:
        """Whatever a request could have changed."""
        client = self.node.client
        return client.status()["heads"], client.contacts(), client.tokens(), client.profile()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    """A member's node with one post, as `wetalk up` runs it."""
    chromium()
    home = Home(tmp_path_factory.mktemp("rebinding") / "home")
    create_home(home, Person("순희", "ko"))
    node = Process("순희", "ko", home.path, web=True)
    with running([node]), evil.serving() as server:
        node.client.say("hall", TEXT)
        yield Scene(node, server)


@contextmanager
def browsing(*more: str) -> Generator[Any]:
    """A fresh browser; pages that it opens are the test's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=[*WORDS, *more])
        try:
            context = browser.new_context()
            context.set_default_timeout(WAIT_MS)
            yield context
        finally:
            browser.close()


def leads(port: int) -> str:
    """The stranger's name leads to this machine; its port to another one."""
    return f"--host-resolver-rules=MAP {NAME}:{port} 127.0.0.1:{port}, MAP {NAME} 127.0.0.1"


def unharmed(scene: Scene, before: Any) -> None:
    """Nothing has changed, and the node answers."""
    assert scene.state() == before
    assert [post["text"] for post in scene.node.client.posts("hall")["items"]] == [TEXT]
    assert scene.node.process is not None
    assert scene.node.process.poll() is None
    assert scene.token not in scene.said()
    assert "Traceback" not in scene.said()


def test_a_strangers_page_learns_nothing_and_changes_nothing(scene: Scene) -> None:
    before = scene.state()
    with browsing(leads(scene.server.port)) as context:
        own = context.new_page()
        own.goto(f"{scene.origin}/#token={scene.token}")
        own.wait_for_function("() => sessionStorage.length > 0")
        page = context.new_page()
        page.goto(f"http://{NAME}:{scene.server.port}/")
        page.wait_for_function(LOADED)
        for target in (scene.origin, f"http://localhost:{scene.port}"):
            learnt = page.evaluate("target => attack(target)", target)
            assert len(learnt) >= MIN_ATTEMPTS
            assert {name: text for name, text in learnt.items() if text} == {}
        careless = page.evaluate("to => attack(to)", f"http://localhost:{scene.server.port}")
        assert careless["script /v1/identity"] == "loaded", "the attempts do not work at all"
        assert scene.token not in own.url
    unharmed(scene, before)


def test_a_name_that_comes_to_lead_to_the_node_opens_nothing(scene: Scene) -> None:
    """DNS rebinding: for the browser the node is now the origin that the page came from."""
    before, secrets = scene.state(), scene.secrets()
    with evil.Rebinding(scene.server.port).running() as name:
        rules = f"--host-resolver-rules=MAP {NAME}:{scene.port} 127.0.0.1:{name.port}"
        with browsing(rules) as context:
            page = context.new_page()
            page.goto(f"http://{NAME}:{scene.port}/")
            page.wait_for_function(LOADED)
            assert page.evaluate(STATUS) == 200  # the stranger's own server
            name.leads_to = scene.port
            learnt = page.evaluate("() => attack('')")
            status = page.evaluate(STATUS)
    assert scene.port in name.passed, "the name never led to the node"
    assert status == 403
    assert len(learnt) >= MIN_ATTEMPTS
    for attempt, text in learnt.items():
        assert not any(secret in text for secret in secrets), attempt
        assert not text.startswith("2"), (attempt, text)
    assert learnt["socket /v1/events"] == learnt["events /v1/events"] == ""
    unharmed(scene, before)


def test_the_token_leaves_the_address_and_goes_nowhere_else(scene: Scene) -> None:
    elsewhere = f"http://{NAME}:{scene.server.port}"
    with browsing(leads(scene.server.port)) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{scene.origin}/#token={scene.token}")
        page.wait_for_function("() => sessionStorage.length > 0")
        page.wait_for_function("() => !location.href.includes('token')")
        scene.server.heard.clear()
        page.evaluate("to => { location.href = to; }", f"{elsewhere}/landed")
        page.wait_for_url(f"{elsewhere}/landed")
        page.wait_for_function(LOADED)
        assert page.evaluate("() => document.referrer") == ""
        page.go_back()
        page.wait_for_url(f"{scene.origin}/**")
        assert scene.token not in page.url
    heard = "\n".join(scene.server.heard)
    assert "/landed" in heard
    assert scene.token not in heard
    assert scene.origin not in heard
    assert not [url for url in asked if scene.token in url.partition("#")[0]]
    assert scene.token not in scene.said()
