"""The guides: the same steps in three languages, every word on the screen and every command true,
and pages that hold together by themselves."""

import importlib.util
import re
import shlex
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import pytest

from node.commands.base import App
from node.commands.root import make_root
from node.i18n import LANGUAGES, catalogue
from tests.tidy import ROOT

CONTRAST_MIN = 4.5
FOUND = importlib.util.spec_from_file_location("guide_build", ROOT / "docs" / "guide" / "build.py")
assert FOUND is not None
assert FOUND.loader is not None
guide: Any = importlib.util.module_from_spec(FOUND)
sys.modules["guide_build"] = guide
FOUND.loader.exec_module(guide)

PAGES = {(page.language, page.name): page for page in guide.pages()}
MEMBERS = [page for page in PAGES.values() if page.name != guide.RELAY]


class Seen(HTMLParser):
    """What a built page refers to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.unnamed = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.targets += [str(given[name]) for name in ("href", "src") if given.get(name)]
        self.ids |= {str(given["id"])} if given.get("id") else set()
        self.unnamed += tag == "img" and "alt" not in given


def steps(page: Any) -> list[list[str]]:
    """Of each step: its pictures (without the language) and commands, in order."""
    found: list[list[str]] = []
    for token in page.tokens:
        if token.type == "list_item_open":
            found.append([])
        if not found:
            continue
        if token.type == "fence":
            found[-1] += token.content.splitlines()
        pictures = [one for one in token.children or () if one.type == "image"]
        found[-1] += [Path(one.attrGet("src")).name.split(".")[0] for one in pictures]
    return found


def commands(page: Any) -> list[str]:
    """Every line that a reader is to type."""
    return [line for one in page.tokens if one.type == "fence" for line in one.content.splitlines()]


def screen_words(page: Any) -> list[str]:
    """What stands in bold: words that the program shows."""
    found: list[str] = []
    bold = False
    for one in guide.inline(page.tokens):
        if one.type == "strong_open":
            found.append("")
        elif bold:
            found[-1] += " " if one.type == "softbreak" else one.content
        bold = one.type == "strong_open" or (bold and one.type != "strong_close")
    return found


@pytest.mark.parametrize("name", guide.PAGES)
def test_the_three_languages_have_the_same_steps(name: str) -> None:
    korean, chinese, english = (steps(PAGES[language, name]) for language in LANGUAGES)
    assert korean == chinese == english
    assert len(english) >= 4


@pytest.mark.parametrize("page", MEMBERS, ids=lambda page: f"{page.language}-{page.name}")
def test_bold_words_are_those_on_the_screen(page: Any) -> None:
    shown = {re.split(r" ?[(（]|: \{|：\{", text)[0] for text in catalogue(page.language).values()}
    shown |= set(catalogue(page.language).values())
    words = screen_words(page)
    assert [word for word in words if word not in shown] == []
    assert words


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: f"{page.language}-{page.name}")
def test_every_command_of_a_page_can_be_read_by_the_program(page: Any) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands(page):
        program, *words = shlex.split(line)
        if program == "make":
            assert set(words) <= targets, line
        if not program.endswith("wetalk"):
            continue
        command, context = make_root(), click.Context(make_root(), obj=App())
        words = words[2:] if words[:1] == ["--home"] else words
        while isinstance(command, click.Group) and words:
            name, found, words = command.resolve_command(context, words)
            assert found is not None, line
            command, context = found, click.Context(found, parent=context, info_name=name)
        command.make_context(str(command.name), words, parent=context)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    target = tmp_path_factory.mktemp("site") / "guide"
    return target, guide.build(target)


def test_pages_hold_together_without_a_network(built: tuple[Path, list[str]]) -> None:
    target, missing = built
    files = sorted(target.rglob("*.html"))
    assert len(files) == len(PAGES) + 1
    for path in files:
        seen = Seen(path)
        assert not seen.tags & {"script", "iframe", "form", "style"}, path
        assert seen.unnamed == 0, path
        assert "**" not in path.read_text(encoding="utf-8"), path
        for link in seen.targets:
            assert ":" not in link, f"{path}: {link} leaves the guide"
            if link.startswith("#"):
                assert link[1:] in seen.ids
            else:
                assert (path.parent / link).is_file(), f"{path}: {link}"
    print("pictures still to come:", *missing)  # for information: browser tests make them


def test_every_page_leads_to_itself_in_each_language(built: tuple[Path, list[str]]) -> None:
    for page in MEMBERS:
        seen = Seen(built[0] / page.language / f"{page.name}.html")
        for language in LANGUAGES:
            assert f"../{language}/{page.name}.html" in seen.targets


def test_pictures_have_agreed_names_and_appear_once_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"start-1", "start-2", "talk-1", "sell-1", "sell-2", "buy-1", "buy-2", "buy-3"}
    names |= {"lost-1", "lost-2"}
    asked = {(page.language, name) for page in MEMBERS for name in guide.pictures(page)}
    assert asked == {(one, f"{name}.{one}.png") for one in LANGUAGES for name in names}
    monkeypatch.setattr(guide, "PICTURES", tmp_path)
    (tmp_path / "talk-1.ko.png").write_bytes(b"\x89PNG")
    missing = guide.build(tmp_path / "site")
    assert "talk-1.ko.png" not in missing
    assert len(missing) == len(asked) - 1
    assert "../pictures/talk-1.ko.png" in Seen(tmp_path / "site/ko/talk.html").targets
    assert (tmp_path / "site/pictures/talk-1.ko.png").is_file()
    assert not [x for x in Seen(tmp_path / "site/en/talk.html").targets if x.endswith(".png")]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_text_can_be_read_by_old_eyes() -> None:
    css = (guide.HERE / "guide.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    assert "font: 18px" in css
    for scheme in (light, dark):
        colours = dict(re.findall(r"--(\w+): (#[0-9A-F]{6})", scheme))
        for text in ("ink", "soft", "action", "link"):
            for ground in ("paper", "card"):
                pair = sorted((luminance(colours[text]), luminance(colours[ground])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= CONTRAST_MIN, (text, ground)
