"""The pages of the documentation: whole, offline, without a script, and nothing in them lies."""

import copy
from html.parser import HTMLParser
from typing import Any

from node.api import docs_page
from tests.api.house import House
from tests.clients.document import document, operations

EMPTY = {"meta", "link", "br"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"


class Page(HTMLParser):
    """What stands in a page; every tag must be closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


async def test_the_pages_are_served_to_everybody_under_the_strict_policy(house: House) -> None:
    host = [("Host", f"127.0.0.1:{house.port}")]
    page = await house.ask("GET", "/docs", host)
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert house.token.encode() not in page.body
    style = await house.ask("GET", "/docs/style.css", host)
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert b"url(" not in style.body
    assert b"@import" not in style.body


def test_everything_in_the_document_stands_on_the_page_and_every_link_leads_somewhere() -> None:
    found = document()
    text = docs_page.html(found)
    page = Page(text)
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    assert {one["operationId"] for _, _, one in operations(found)} <= set(ids)
    assert {f"shape-{name}" for name in found["components"]["schemas"]} <= set(ids)
    assert set(found["components"]["examples"]) <= set(ids)
    inside = {link[1:] for link in page.values("href") if link.startswith("#")}
    assert inside <= set(ids)
    assert {link for link in page.values("href") if not link.startswith("#")} == {
        "/openapi.json",
        "/docs/style.css",
    }


def test_nothing_runs_and_nothing_is_fetched_from_elsewhere() -> None:
    page = Page(docs_page.html(document()))
    assert not page.tags & {"script", "style", "img", "iframe", "form", "object", "base"}
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"style", "src"})


def test_whatever_stands_in_a_document_is_shown_as_text() -> None:
    """As if every text in it came from somebody hostile."""

    def poisoned(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: HOSTILE
                if key in ("description", "summary", "title", "detail") and isinstance(inner, str)
                else poisoned(inner)
                for key, inner in part.items()
            }
        if isinstance(part, list):
            return [poisoned(inner) for inner in part]
        return part

    plain = Page(docs_page.html(document()))
    text = docs_page.html(poisoned(copy.deepcopy(document())))
    hostile = Page(text)
    assert "<script>" not in text
    assert hostile.tags == plain.tags
    assert {name for name, _ in hostile.attributes} == {name for name, _ in plain.attributes}
