"""The web client's first view: what a browser loads, and how long a slow machine works on it.

A real node with a market of some hundred listings, Chromium without anything cached, its processor
throttled to a quarter. Measured is the time in which the page's main thread was busy, from the
address to the moment when the first place stands there with what the node told; beside it the
wall time, and the compressed weight of code and texts. Needs the test packages (Playwright).
"""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import browser, nodes, stages
from bench.ingest import machine
from bench.measure import figure, progress
from node.api import static

LISTINGS_COUNT: Final = 300
ROUNDS_COUNT: Final = 5
THROTTLE: Final = 4
PHONE: Final = {"width": 360, "height": 740}
VIEWS: Final = {"talk": "#/talk", "market": "#/market"}
DRAWN: Final = "main h1:visible"
BUSY: Final = "main .busy"


def run(full: bool = False, *, rounds: int = ROUNDS_COUNT) -> dict[str, Any]:
    """Measure; main-thread ms and wall ms of the first view, bytes loaded. `full`: more rounds."""
    from playwright.sync_api import sync_playwright

    path = browser.executable()
    if path is None:
        raise RuntimeError("no Chromium; see tests/browser/chromium.py")
    found: dict[str, Any] = {"bench": "page", "throttle": THROTTLE}
    with TemporaryDirectory(prefix="wetalk-page-") as name, sync_playwright() as playwright:
        home = Path(name) / "home"
        document, lines = stages.market_lines(LISTINGS_COUNT)
        stages.make_member(home, document)
        stages.fill(home, lines)
        chromium = playwright.chromium.launch(executable_path=path, args=list(browser.ARGUMENTS))
        with nodes.running(home, web=True) as node:
            token = (home / "token").read_text(encoding="ascii").strip()
            for view, place in VIEWS.items():
                progress(f"page: {view}")
                address = f"{node.client.address}/{place}"
                done = [_first_view(chromium, address, token) for _ in range(rounds * (1 + full))]
                found[view] = {
                    **figure("main_thread_ms", [one["main"] for one in done], 0),
                    **figure("wall_ms", [one["wall"] for one in done], 0),
                    "code_bytes": done[0]["code"],
                    "text_bytes": done[0]["text"],
                    "requests": done[0]["requests"],
                }
        chromium.close()
    return {**found, "machine": machine()}


def _first_view(chromium: Any, address: str, token: str) -> dict[str, float]:
    """One visit with a fresh profile."""
    context = chromium.new_context(viewport=PHONE, service_workers="block", locale="ko-KR")
    keep = "(token) => sessionStorage.setItem('wetalk-token', token)"
    context.add_init_script(f"({keep})({token!r})")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    debugger = context.new_cdp_session(page)
    debugger.send(
        "Performance.enable", {"timeDomain": "threadTicks"}
    )  # of the thread, not the clock
    debugger.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    page.goto(address)
    page.locator(DRAWN).first.wait_for()
    page.locator(BUSY).first.wait_for(state="detached")
    wall = page.evaluate("performance.now()")
    metrics = debugger.send("Performance.getMetrics")["metrics"]
    busy = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
    context.close()
    files = static.collected().files
    names = ["/" + url.partition("//")[2].partition("/")[2].partition("#")[0] for url in asked]
    weights = {name: len(gzip.compress(files[name].data)) for name in names if name in files}
    texts = sum(weight for name, weight in weights.items() if "/text/" in name)
    return {
        "main": busy * 1_000,
        "wall": wall,
        "code": sum(weights.values()) - texts,
        "text": texts,
        "requests": len(asked),
    }
