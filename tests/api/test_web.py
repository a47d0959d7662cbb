"""The web client: a closed list of files, nothing inline or foreign, words from the catalogue."""

import gzip
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from node.api import static
from node.i18n import LANGUAGES, catalogue
from tests.api.house import House, make_home, running
from tests.tidy import ROOT

FOLDER = ROOT / "node" / "api" / "web"
VENDORED = {FOLDER / "vendor", ROOT / "tests" / "browser" / "vendor"}
OURS = [
    path
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and not VENDORED & set(path.parents)
]
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
TEXT = re.compile(r"\bt\(\s*\"([\w.-]+)\"")
CONDITIONAL = re.compile(r"\"((?:web|listing|membership|trade|balance|phrase)\.[\w.-]+)\"")
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|HTMLUnsafe|createContextualFragment|DOMParser"
    r"|document\.write|\beval\b|Function\(|srcdoc|javascript:"
)
POLICIES = re.compile(r"createPolicy")
FOREIGN = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
KEPT_FOR_GOOD = re.compile(r"localStorage\.setItem\((\w+)|indexedDB|document\.cookie")
CONTRAST_MIN = 4.5  # WCAG 2.2 AA for text
CONTRAST_OF_EDGES_MIN = 3  # and for the edge of a field


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_client_is_the_folder() -> None:
    """Whatever has a type is served; the rest is what belongs to the libraries."""
    client = static.collected()
    addresses = {address.replace(f"{client.version}/", "") for address in client.files}
    for path in FOLDER.rglob("*"):
        name = path.relative_to(FOLDER).as_posix()
        if not path.is_file() or name in static.NOT_SERVED or name.startswith("vendor/LICENSE"):
            continue
        served = {"index.html": "/"}.get(name, f"/web/{name}" if "/" in name else f"/{name}")
        assert served in addresses, name


def test_no_script_makes_markup_and_no_file_names_another_host() -> None:
    assert len(SCRIPTS) > 30
    for path in (one for one in OURS if one.suffix != ".png"):
        text = read(path)
        assert not MARKUP.search(text), path
        assert not FOREIGN.search(text), path
    page = read(FOLDER / "index.html")
    assert not re.search(r"\son\w+=|<style|style=|<script(?![^>]*\ssrc=)", page)


def test_one_rule_alone_makes_the_address_of_a_script() -> None:
    makers = [path.name for path in SCRIPTS if POLICIES.search(read(path))]
    assert makers == ["offline.js"]


def test_only_looks_are_kept_beyond_the_tab() -> None:
    kept = {(path.name, name) for path in SCRIPTS for name in KEPT_FOR_GOOD.findall(read(path))}
    assert kept == {("words.js", "KEPT"), ("look.js", "THEME"), ("look.js", "SIZE")}


@pytest.mark.parametrize("folder", sorted(VENDORED), ids=["client", "tests"])
def test_libraries_are_as_their_authors_published_them(folder: Path) -> None:
    """The manifest says from which package each file is, and which import paths were replaced."""
    manifest = json.loads(read(folder / "manifest.json"))
    assert {one["file"] for one in manifest} == {path.name for path in folder.glob("*.js")}
    for one in manifest:
        text = read(folder / one["file"])
        assert sha256(text.encode()).hexdigest() == one["sha256"], one["file"]
        for theirs, ours in one["replaced"].items():
            text = text.replace(ours, theirs)
        assert sha256(text.encode()).hexdigest() == one["upstream_sha256"], one["file"]
        assert list(folder.glob(f"LICENSE-{one['notice']}.txt")), one["file"]
        assert one["licence"] in ("MIT", "Apache-2.0", "MPL-2.0", "(MIT OR Apache-2.0)")


def test_every_text_of_the_client_stands_in_the_catalogue() -> None:
    keys: set[str] = set()
    for path in SCRIPTS:
        text = read(path)
        keys |= set(TEXT.findall(text)) | set(CONDITIONAL.findall(text))
    assert len(keys) > 60
    steps = ("accept", "decline", "settle", "release", "refund")
    keys |= {f"action.{step}" for step in steps}
    keys |= {f"web.sure_{step}" for step in steps if step != "refund"}
    signed = ("propose", "accept", "decline", "settle", "release")
    keys |= {f"trading.step_trade_{step}" for step in signed}
    keys |= {f"place.{name}" for name in ("talk", "market", "trade", "community", "me")}
    keys |= {f"web.theme_{name}" for name in ("system", "light", "dark")}
    cases = ("take", "leave", "close", "pay")
    keys |= {f"web.case_{step}" for step in cases} | {f"web.sure_case_{step}" for step in cases}
    kinds = ("goods", "service", "loan", "share", "gift", "want", "active", "paused", "expired")
    keys |= {f"listing.{kind}" for kind in kinds}
    assert {key for key in keys if key not in catalogue("en")} == set()
    assert not {key for key in keys if key.partition(".")[0] in static.NOT_FOR_THE_WEB}


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark by the system", "dark chosen"])
def test_colours_can_be_read_by_everybody(scheme: int) -> None:
    blocks = re.findall(r":root[^{]*\{(.*?)\}", read(FOLDER / "css" / "tokens.css"), re.S)
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for ink in ("ink", "soft", "pine", "persimmon", "sky"):
        for ground in ("paper", "card"):
            assert contrast(colour[ink], colour[ground]) >= CONTRAST_MIN, (ink, ground)
    for ground in ("pine", "persimmon"):
        assert contrast(colour[f"on-{ground}"], colour[ground]) >= CONTRAST_MIN
    for ground in ("paper", "card"):
        assert contrast(colour["edge"], colour[ground]) >= CONTRAST_OF_EDGES_MIN


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
    for address, found in static.collected().files.items():
        answer = await house.ask("GET", address, own)
        assert (answer.status, answer.headers["content-type"]) == (200, found.kind)
        assert answer.body == found.data
        mark = ("If-None-Match", answer.headers["etag"])
        again = await house.ask("GET", address, [*own, mark])
        assert (again.status, again.body) == (304, b"")


async def test_files_are_packed_for_whoever_takes_that(house: House) -> None:
    page = (await house.ask("GET", "/", house.honest())).body.decode()
    address = re.findall(r'src="([^"]+main\.js)"', page)[0]
    packed = await house.ask("GET", address, [*house.honest(), ("Accept-Encoding", "gzip, br")])
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == (await house.ask("GET", address, house.honest())).body


async def test_what_names_its_version_is_kept_for_ever_and_the_rest_asked_for(house: House) -> None:
    for address in static.collected().files:
        keep = (await house.ask("GET", address, house.honest())).headers["cache-control"]
        assert ("immutable" in keep) == address.startswith(static.PREFIX), address


async def test_page_and_worker_name_one_version_and_every_file(house: House) -> None:
    client = static.collected()
    page = (await house.ask("GET", "/", house.honest())).body.decode()
    worker = (await house.ask("GET", "/sw.js", house.honest())).body.decode()
    assert set(re.findall(r"/web/(\w+)/", page)) == {client.version}
    listed = set(re.findall(r'FILES = "([^"]+)"', worker)[0].split(" "))
    assert listed == set(client.files) - {"/sw.js"}
    assert f'VERSION = "{client.version}"' in worker


@pytest.mark.parametrize("language", LANGUAGES)
async def test_texts_are_those_of_the_catalogue(house: House, language: str) -> None:
    address = f"/web/{static.collected().version}/text/{language}.json"
    answer = await house.ask("GET", address)
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
        "/web/0123456789abcdef/shell/main.js",
        "/web/vendor/manifest.json",
        "/main.js",
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
