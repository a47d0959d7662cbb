"""How much a browser has to load before the first view: little enough for an old phone on a Pi."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Request

from bench.targets import TARGETS, figure_of
from node.api import static
from tests.browser.houses import House
from tests.browser.pages import Window
from tests.tidy import ROOT

START_MAX_BYTES = 60_000  # compressed
TEXTS_MAX_BYTES = 15_000
Open = Callable[..., Window]


def test_the_first_view_takes_little(house: House, window: Open) -> None:
    here = window(house, "ko")
    asked: list[str] = []

    def heard(request: Request) -> None:
        path = request.url.removeprefix(house.api)
        if path == "/" or path.startswith("/web/"):
            asked.append(path)

    here.page.on("request", heard)
    here.page.reload()
    here.settled()
    files = static.collected().files
    weights = {path: len(gzip.compress(files[path].data)) for path in asked}
    texts = sum(weight for path, weight in weights.items() if "/text/" in path)
    assert 0 < texts <= TEXTS_MAX_BYTES
    assert len([path for path in asked if "/text/" in path]) == 1  # one language
    assert 10_000 < sum(weights.values()) - texts <= START_MAX_BYTES
    assert not [path for path in asked if "/qr/" in path]  # what few need comes when they need it


@pytest.mark.slow
def test_the_bench_of_the_first_view_finds_its_figures(browser: Browser) -> None:
    """It starts a browser of its own; this one only says that there is one."""
    del browser
    found = subprocess.run(
        [sys.executable, "-c", "import json, bench.page as p; print(json.dumps(p.run(rounds=1)))"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=300,
    )
    told = json.loads(found.stdout)
    wanted = [target.figure for target in TARGETS if target.bench == "page"]
    assert wanted
    assert all(figure_of({"page": told}, figure) for figure in wanted)
