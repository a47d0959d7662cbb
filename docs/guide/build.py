"""The guides as static pages: `make guide` writes them into build/guide.

Rules: what is written in Markdown beside this file is all there is; a page works offline and from a
folder, holds no script and nothing of another host. A picture whose file is not there yet is left
out. The three languages are the same pages in the same order.
"""

import html
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
TARGET: Final = ROOT / "build" / "guide"
PICTURES: Final = HERE / "pictures"
SIGN: Final = ROOT / "node" / "api" / "web" / "boat.svg"
LANGUAGES: Final = {"ko": "한국어", "zh": "中文", "en": "English"}
PAGES: Final = ("start", "talk", "sell", "buy", "lost")
RELAY: Final = "relay"
NAMES: Final = "WeTalk · 위톡 · 同舟"
WORDS: Final = {
    "ko": ("위톡 길잡이", "쪽", "말", "본문으로 가기"),
    "zh": ("同舟指南", "页面", "语言", "跳到正文"),
    "en": ("WeTalk guide", "Pages", "Language", "Skip to the text"),
}
"""Title of the site; names of the two lists of links; the link past them."""


@dataclass(frozen=True)
class Page:
    """A page: its language, name, source and parsed text."""

    language: str
    name: str
    source: Path
    tokens: Sequence[Token]

    @property
    def title(self) -> str:
        """Its first heading."""
        place = next(n for n, one in enumerate(self.tokens) if one.type == "heading_open")
        return self.tokens[place + 1].content


def parser() -> MarkdownIt:
    """CommonMark with tables; raw HTML stays text."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def pages() -> list[Page]:
    """All pages, by language and in order; the relay's guide is in English."""
    found = [
        (language, name, HERE / language / f"{name}.md") for language in LANGUAGES for name in PAGES
    ]
    found.append(("en", RELAY, ROOT / "docs" / "relay-guide.md"))
    return [Page(*one, parser().parse(one[2].read_text(encoding="utf-8"))) for one in found]


def inline(tokens: Sequence[Token]) -> list[Token]:
    """Every token inside of lines."""
    return [below for one in tokens for below in one.children or ()]


def pictures(page: Page) -> list[str]:
    """File names of the pictures that a page has places for."""
    sources = [str(one.attrGet("src")) for one in inline(page.tokens) if one.type == "image"]
    return [Path(source).name for source in sources]


def build(target: Path = TARGET) -> list[str]:
    """Write everything anew; returns the names of pictures that are missing."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "pictures").mkdir(parents=True)
    shutil.copyfile(HERE / "guide.css", target / "guide.css")
    shutil.copyfile(SIGN, target / "boat.svg")
    found = pages()
    missing: list[str] = []
    for page in found:
        for name in pictures(page):
            if (PICTURES / name).is_file():
                shutil.copyfile(PICTURES / name, target / "pictures" / name)
            else:
                missing.append(name)
        place = target / page.language / f"{page.name}.html"
        place.parent.mkdir(exist_ok=True)
        place.write_text(_whole(page, found), encoding="utf-8")
    (target / "index.html").write_text(_entrance(found), encoding="utf-8")
    return missing


def _whole(page: Page, found: Sequence[Page]) -> str:
    site, listed, spoken, skip = WORDS[page.language]
    own = [one for one in found if one.language == page.language]
    return _frame(
        page.language,
        f"{page.title} · {site}",
        "../",
        f'<a class="skip" href="#text">{skip}</a>\n'
        f'<header><img src="../boat.svg" alt=""><p>{site}</p></header>\n'
        + _links(listed, [(f"{one.name}.html", one.title, one is page) for one in own])
        + _links(spoken, [_spoken(one, page, found) for one in LANGUAGES], speak=True)
        + f'<main id="text">\n{_text(page)}</main>\n',
    )


def _spoken(language: str, page: Page, found: Sequence[Page]) -> tuple[str, str, bool]:
    """The same page in a language, or the first one where there is none."""
    same = any((one.language, one.name) == (language, page.name) for one in found)
    name = page.name if same else PAGES[0]
    return f"../{language}/{name}.html", LANGUAGES[language], language == page.language


def _text(page: Page) -> str:
    """The page's own text, with the pictures that there are and links that lead somewhere."""
    made = parser()
    tokens: list[Token] = []
    left_out = 0
    for place, token in enumerate(page.tokens):
        following = page.tokens[place + 1] if token.type == "paragraph_open" else token
        if following.children and all(map(_is_lost, following.children)):
            left_out = 3  # the paragraph's beginning, its lost pictures, and its end
        if left_out:
            left_out -= 1
            continue
        if token.children is not None:
            token.children = [one for one in token.children if not _leads_away(one)]
        tokens.append(token)
    for one in inline(tokens):
        if one.type == "image":
            one.attrSet("class", "picture")
    written = str(made.renderer.render(tokens, made.options, {}))
    framed = written.replace("<table>", '<div class="wide"><table>')
    return framed.replace("</table>", "</table></div>")


def _is_lost(token: Token) -> bool:
    """True iff it is a picture that is not there."""
    return token.type == "image" and not (PICTURES / Path(str(token.attrGet("src"))).name).is_file()


def _leads_away(token: Token) -> bool:
    """True iff it makes a link of words: the documents that pages name are not among them."""
    return token.type in ("link_open", "link_close")


def _links(name: str, links: Sequence[tuple[str, str, bool]], *, speak: bool = False) -> str:
    lines = [f'<nav aria-label="{html.escape(name)}">']
    for target, title, here in links:
        current = ' aria-current="page"' if here else ""
        lang = f' lang="{target.split("/")[1]}"' if speak else ""
        lines.append(f'<a href="{target}"{lang}{current}>{html.escape(title)}</a>')
    return "\n".join([*lines, "</nav>"]) + "\n"


def _entrance(found: Sequence[Page]) -> str:
    """The page on which one chooses a language."""
    sign = '<img src="boat.svg" alt="" width="44" height="44">'
    lines = ["<main>", f"<h1>{sign} {NAMES}</h1>"]
    for language, name in LANGUAGES.items():
        own = [one for one in found if one.language == language]
        lines.append(f'<h2 lang="{language}">{name}</h2>')
        lines.append(f'<nav aria-label="{name}" lang="{language}">')
        for one in own:
            lines.append(f'<a href="{language}/{one.name}.html">{html.escape(one.title)}</a>')
        lines.append("</nav>")
    return _frame("en", NAMES, "", "\n".join([*lines, "</main>"]) + "\n")


def _frame(language: str, title: str, up: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src 'self' file:; style-src 'self' file:\">\n"
        f"<title>{html.escape(title)}</title>\n"
        f'<link rel="stylesheet" href="{up}guide.css">\n<link rel="icon" href="{up}boat.svg">\n'
        f"</head>\n<body>\n{body}</body>\n</html>\n"
    )


def main() -> None:
    """Build, and say where, and which pictures are still to come."""
    missing = build()
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}/index.html\n")
    if missing:
        sys.stdout.write(f"pictures still to come: {', '.join(missing)}\n")


if __name__ == "__main__":
    main()
