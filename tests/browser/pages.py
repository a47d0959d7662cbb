"""A page of the web client in a browser, as a test uses it.

Screenshots go to `build/screenshots/`, which git does not keep; people look at them.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from node.i18n import Language, text
from tests.browser.houses import House
from tests.tidy import ROOT

SHOTS: Final = ROOT / "build" / "screenshots"
AXE: Final = Path(__file__).parent / "vendor" / "axe.min.js"
PHONE: Final = (360, 740)
WIDE: Final = (1280, 800)
DRAWN_ONCE: Final = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
)
LOCALES: Final = {"ko": "ko-KR", "zh": "zh-CN", "en": "en-GB"}
PATIENCE_MS: Final = 60_000  # machines that run this are shared; nothing here measures time
expect.set_options(timeout=PATIENCE_MS)
# The browser reports what a test provoked on purpose: a node that is away, a refused request.
EXPECTED: Final = re.compile(r"Failed to load resource|net::ERR_|not kept|blocked by Playwright")


@cache
def axe_source() -> str:
    """The accessibility checker, as it is put into a page."""
    return AXE.read_text(encoding="utf-8")


@dataclass
class Window:
    """One tab at one house. `errors` is what its console said that nobody expected."""

    page: Page
    house: House
    language: Language
    errors: list[str] = field(default_factory=list[str])

    @classmethod
    def open(
        cls,
        browser: Browser,
        house: House,
        language: Language = "en",
        *,
        size: tuple[int, int] = PHONE,
        dark: bool = False,
        workers: bool = False,
    ) -> "Window":
        """A fresh browser profile, at the house's address, with its token.

        `workers`: the service worker may come, too; tests of other things are quicker without.
        """
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=LOCALES[language],
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            has_touch=size == PHONE,
            service_workers="allow" if workers else "block",
        )
        context.set_default_timeout(PATIENCE_MS)
        window = cls(context.new_page(), house, language)
        window.page.on("console", window._heard)
        window.page.on("pageerror", lambda error: window.errors.append(str(error)))
        window.page.goto(house.address)
        window.settled()
        return window

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.errors.append(message.text)

    @property
    def context(self) -> BrowserContext:
        """Its profile: storage, language, size."""
        return self.page.context

    def says(self, key: str, **values: object) -> str:
        """A sentence of the catalogue, as this window should show it."""
        return text(key, self.language, **values)

    def go(self, *steps: str) -> None:
        """Go to a page: `go("talk", "마당")`."""
        self.page.evaluate("(steps) => { location.hash = steps.map(encodeURIComponent).join('/') }",
                           ["", *steps])  # fmt: skip
        self.settled()

    def settled(self) -> None:
        """Until the page is drawn and nothing on it is still being asked for."""
        self.page.evaluate(DRAWN_ONCE)  # what was pressed has been acted upon
        heading = self.page.locator("main h1").filter(visible=True).first
        expect(heading).to_be_visible()
        expect(self.page.locator("main .busy")).to_have_count(0)

    def press(self, key: str, **values: object) -> None:
        """Press the button or link with this sentence of the catalogue."""
        name = self.says(key, **values)
        role = self.page.get_by_role("button", name=name, exact=True)
        role.or_(self.page.get_by_role("link", name=name, exact=True)).first.click()

    def write(self, key: str, value: str) -> None:
        """Type into the field with this label."""
        self.page.get_by_label(self.says(key), exact=True).first.fill(value)

    def write_amount(self, value: str) -> None:
        """Type into the field of an amount, whose label names the unit."""
        self.page.locator("main input[name=amount]").first.fill(value)

    def sees(self, wanted: str) -> None:
        """Until this text is on the page."""
        found = self.page.get_by_text(wanted).filter(visible=True).first
        expect(found).to_be_visible()

    def run(self, script: str, argument: Any = None) -> Any:
        """Run a function of a module of the client: `run("(m) => m.units('1', 2)", "base/format")`.

        `argument` is the module, without `.js`.
        """
        start = self.page.locator("script[type=module]").first.get_attribute("src") or ""
        address = start.replace("shell/main", argument)
        return self.page.evaluate(f"async () => ({script})(await import({json.dumps(address)}))")

    def shot(self, name: str) -> Path:
        """Keep a picture of the whole page, for people to look at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        before = self.page.viewport_size or {"width": PHONE[0], "height": PHONE[1]}
        height = self.page.evaluate("() => document.documentElement.scrollHeight")
        self.page.set_viewport_size({**before, "height": max(before["height"], height)})
        self.page.screenshot(path=path)  # what is fixed to an edge stands at the edge, once
        self.page.set_viewport_size(before)
        return path

    def close(self) -> None:
        """Close it; nothing unexpected may have been said on its console."""
        self.context.close()
        assert not self.errors, self.errors


def axe_violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now, one line for each."""
    # Through the protocol of the debugger, for the page's own policy lets no foreign script in.
    page.evaluate(axe_source())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the window; 0 where nothing is cut off."""
    return page.evaluate(
        "() => Math.max(0, document.documentElement.scrollWidth - window.innerWidth)"
    )
