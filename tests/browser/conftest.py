"""A browser and real nodes for the tests of the web client; each is started once, when first used.

The tests are plain functions on Playwright's synchronous interface. While that runs, asyncio counts
as running in this thread, so nothing that a test calls here may start asyncio itself; trio, which
the rest of the suite uses, does not mind.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from bench.browser import ARGUMENTS, executable
from tests.browser import chromium
from tests.browser.houses import House, living, until
from tests.browser.pages import Window


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the test is skipped, in continuous integration it fails."""
    path = executable()
    if path is None:
        pytest.fail(chromium.MISSING) if chromium.must_run() else pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """순희, alone in a community of her own."""
    with living(tmp_path_factory.mktemp("alone") / "sunhee", "순희", "ko") as house:
        yield house


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, House]]:
    """순희, an officer, and Anna, whom she has admitted; both have a limit."""
    folder = tmp_path_factory.mktemp("pair")
    officer, member = House(folder / "sunhee"), House(folder / "anna")
    try:
        officer.make("순희", "ko")
        officer.start()
        made = officer.client.invite(code=True)
        member.make("Anna", "en", made["link"])
        member.start()
        until(lambda: member.client.balance()["limit"], "the first limit")
        yield officer, member
    finally:
        officer.stop()
        member.stop()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Opens windows; what they heard on their consoles is judged when the test is over."""
    opened: list[Window] = []

    def open_window(house: House, *arguments: Any, **wishes: Any) -> Window:
        opened.append(Window.open(browser, house, *arguments, **wishes))
        return opened[-1]

    yield open_window
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def tab(browser: Browser, house: House) -> Iterator[Window]:
    """One window for tests that only call functions of the client's modules."""
    window = Window.open(browser, house)
    yield window
    window.close()
