"""The web client: a closed list of files, nothing inline or foreign, words from the catalogue."""

import re
from pathlib import Path

import pytest

from node.api import static
from node.i18n import LANGUAGES, catalogue
from tests.api.house import House, make_home, running
from tests.tidy import ROOT

FOLDER = ROOT / "node" / "api" / "web"
SCRIPTS = sorted(FOLDER.rglob("*.js"))
TEXT = re.compile(r"\bt\(\s*\"([\w.-]+)\"")
CONDITIONAL = re.compile(r"\"((?:web|listing|membership|trade|balance|phrase)\.[\w.-]+)\"")
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|srcdoc"
)
FOREIGN = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
CONTRAST_MIN = 4.5  # WCAG 2.2 AA for text


def test_the_list_of_files_is_the_folder() -> None:
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert there == set(static.FILES)


def test_no_script_makes_markup_and_no_file_names_another_host() -> None:
    for path in (one for one in FOLDER.rglob("*") if one.is_file()):
        text = path.read_text(encoding="utf-8")
        assert not MARKUP.search(text), path
        assert not FOREIGN.search(text), path
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\son\w+=|<style|style=|<script(?![^>]*\ssrc=)", page)


def test_every_text_of_the_client_stands_in_the_catalogue() -> None:
    keys: set[str] = set()
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        keys |= set(TEXT.findall(text)) | set(CONDITIONAL.findall(text))
    keys -= {"credit.grant"}
    assert len(keys) > 60
    steps = ("accept", "decline", "settle", "release", "refund")
    keys |= {f"web.sure_{step}" for step in steps} | {f"action.{step}" for step in steps}
    keys |= {f"place.{name}" for name in ("talk", "market", "trade", "community", "me")}
    cases = ("take", "leave", "close", "pay")
    keys |= {f"web.case_{step}" for step in cases} | {f"web.sure_case_{step}" for step in cases}
    kinds = ("goods", "service", "loan", "share", "gift", "want", "active", "paused", "expired")
    keys |= {f"listing.{kind}" for kind in kinds}
    assert {key for key in keys if key not in catalogue("en")} == set()
    assert not {key for key in keys if key.partition(".")[0] in static.NOT_FOR_THE_WEB}


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_can_be_read_by_everybody(scheme: int) -> None:
    css = (FOLDER / "app.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.S)[scheme]
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for ink in ("ink", "soft", "pine", "persimmon", "sky"):
        for ground in ("paper", "card"):
            assert contrast(colour[ink], colour[ground]) >= CONTRAST_MIN, (ink, ground)
    assert contrast(colour["on-pine"], colour["pine"]) >= CONTRAST_MIN


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_the_client_is_served_without_a_token_and_kept_by_its_mark(house: House) -> None:
    own = [("Host", f"localhost:{house.port}")]
    page = await house.ask("GET", "/", own)
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in static.FILES[1:]:
        answer = await house.ask("GET", static.PREFIX + name, own)
        kind = static.TYPES[name.rpartition(".")[2]]
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        again = await house.ask(
            "GET", static.PREFIX + name, [*own, ("If-None-Match", answer.headers["etag"])]
        )
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_texts_are_those_of_the_catalogue(house: House, language: str) -> None:
    answer = await house.ask("GET", f"/web/text/{language}.json")
    texts = answer.json
    assert texts["place.talk"] == catalogue(language)["place.talk"]  # type: ignore[arg-type]
    assert not [key for key in texts if key.startswith("command.")]


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/../app.py",
        "/web/%2e%2e/app.py",
        "/web/text/fr.json",
        "/web/places",
        "/index.html",
        "/web//main.js",
        "/web/main.js%00.css",
        "/web/..%2f..%2fclient.py",
    ],
)
async def test_other_paths_are_unknown(house: House, path: str) -> None:
    answer = await house.ask("GET", path)
    assert answer.status == 404
    assert b"import" not in answer.body


async def test_a_node_without_the_client_serves_none(tmp_path: Path) -> None:
    async with running(make_home(tmp_path), web=False) as house:
        assert (await house.ask("GET", "/")).status == 404
        assert (await house.ask("GET", "/v1/identity")).status == 200
