"""Receipts on paper: readable, harmless, and still a proof when they are scanned again."""

import random
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from node.i18n import LANGUAGES, clean_for_display, text
from node.protocol import crypto, parts, portable
from node.protocol.portable import OpenOrder, Receipt
from node.services.books.receipt_check import verify_receipt
from node.services.books.receipts import make_receipt
from node.services.paper import as_html, as_pdf, receipt
from node.services.paper.fonts import Faces
from node.services.paper.page import Codes, Note, Page, Row, Rows, Table, tidy
from tests.services.test_receipts import RECEIPT, WORLD, history, home_of, keys
from tests.support import pdf_text
from tests.support.world import World

HOSTILE = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "<!-- -->",
    "]]><b>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "javascript:alert(1)",
    "{{7*7}} ${7*7} {0.__class__}",
    "<iframe src=//example.com>",
    "<base href=//example.com>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//example.com>",
    "\u202egnp.exe",
    "\u2066left\u2069\u200b\ufeff",
    "\x00\x1b[31mred\x07",
    "a\u2028b\u2029c\r\nd",
    "<a href='&#106;avascript:1'>\u0000</a>",
]
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "dl", "dt", "dd", "bdi"),
    *("div", "figure", "figcaption", "svg", "path", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "viewbox", "role", "d"),
    *("aria-label", "shape-rendering"),
}


class Reader(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(made: Receipt = RECEIPT, language: str = "en", **more: Any) -> Page:
    report = verify_receipt(portable.pack_receipt(made))
    assert report.facts is not None
    names = {report.facts.payer: "아미나", report.facts.payee: "王小明"}
    return receipt.receipt_page(made, report, language, names.__getitem__, **more)


def opened(order: str) -> Receipt:
    """The receipt of a payment whose order is this text."""
    world, salt = World(), bytes(16)
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    made = world.propose(a, b, 5)
    hashed = portable.order_hash(salt, order.encode("utf-8", "replace"))
    terms = structs.replace(made.body, order_hash=hashed)  # type: ignore[type-var]
    proposed = world.make(terms, a.header.author, a.header.signer, a)
    world.settle(proposed, world.accept(b, proposed))
    order_shown = OpenOrder(salt, order.encode("utf-8", "replace"))
    return Receipt(world.genesis_bytes, tuple(world.raws()), proposed.id, order_shown)


def codes_of(page: Page) -> list[str]:
    return [code for block in page.blocks if isinstance(block, Codes) for code, _ in block.codes]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_who_paid_whom_what_when_and_how_sure_it_is(language: str) -> None:
    page = page_of(language=language)
    printed = "\n".join(Reader(as_html.render(page)).texts)
    facts = verify_receipt(portable.pack_receipt(RECEIPT)).facts
    assert facts is not None
    for said in (
        "70 CRD",
        "아미나",
        "王小明",
        "2023-11-14 22:13 UTC",
        RECEIPT.trade.hex(),
        facts.commit.hex(),
        facts.payer.hex(),
        facts.payee.hex(),
        text("paper.order_hidden", language),
        text("paper.not_final", language),
        text("receipt.stamps_off", language),
        text("level.L2", language),
    ):
        assert said in printed, said
    copied = pdf_text.words(as_pdf.render(page, "a4", []))
    for said in ("아미나", "王小明", "70CRD", RECEIPT.trade.hex(), text("level.L2", language)):
        assert "".join(said.split()) in copied, said


def test_only_what_relays_confirmed_is_called_final() -> None:
    world, first, second = history("3/2")
    for commit, key in ((first, "paper.final"), (second, "paper.not_final")):
        with home_of(world) as core:
            made = make_receipt(core, core.reader, world.trade_of(commit))
        notes = [block.text for block in page_of(made).blocks if isinstance(block, Note)]
        assert text(key, "en") in notes
        assert (text("receipt.stamps_none", "en") in notes) is (commit is second)


def test_what_is_in_doubt_is_said_on_the_page() -> None:
    doubt = text("paper.contested", "en")
    for contested in (False, True):
        printed = "\n".join(Reader(as_html.render(page_of(contested=contested))).texts)
        assert (doubt in printed) is contested


@pytest.mark.parametrize("written", HOSTILE)
def test_no_order_becomes_markup_or_reorders_what_stands_beside_it(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt, "CODES_MAX_COUNT", 0)  # drawing them is slow, and not in question
    page = page_of(opened(written))
    html = as_html.render(page)
    found = Reader(html)
    assert found.tags <= ALLOWED
    assert found.attributes <= ATTRIBUTES
    assert any(tidy(written) in one for one in found.texts)
    assert html.count(b"<style>") == html.count(b"</style>") == 1
    for sign in "\u202e\u2066\u2069\u200b\ufeff\x00\x1b\x07\u2028\u2029":
        assert sign not in html.decode()
    copied = pdf_text.words(as_pdf.render(page, "a4", []))
    assert "".join(tidy(written).split()) in copied


def test_a_page_forbids_itself_all_but_its_own_style() -> None:
    html = as_html.render(page_of()).decode()
    style = html.split("<style>")[1].split("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html


# --- scanned again --------------------------------------------------------------------------------
def test_the_codes_of_a_page_are_the_whole_receipt_in_any_order() -> None:
    codes = codes_of(page_of())
    random.Random(1).shuffle(codes)
    scanned = "\r\n".join([*codes, *codes[:2], ""])
    for data in (scanned, scanned.encode(), "\n" + scanned):
        report = verify_receipt(data)
        assert (report.ok, report.level) == (True, "L2")


def test_a_code_that_was_forgotten_is_named() -> None:
    codes = codes_of(page_of())
    assert len(codes) > 3
    report = verify_receipt("\n".join([codes[0], *codes[2:]]))
    assert keys(report) == ["parts_missing"]
    assert report.checks[0].values == {"numbers": "2", "count": len(codes) - 1}


def test_a_pointer_alone_is_no_proof_and_leads_to_the_trade() -> None:
    *_, pointer = codes_of(page_of())
    assert keys(verify_receipt(pointer)) == ["pointer_only"]
    found = parts.read_pointer(pointer)
    assert found.community == crypto.community_id(RECEIPT.genesis)
    assert (found.trade, found.commit in {made.id for made in WORLD.made.values()}) == (
        RECEIPT.trade,
        True,
    )


@pytest.mark.parametrize(
    "scanned",
    [
        parts.split(b"rice", "text", 200)[0],
        "\n".join([codes_of(page_of())[0], parts.split(b"rice", "receipt", 200)[0]]),
        codes_of(page_of())[0][:-1],
        codes_of(page_of())[0] + "\nhello",
        "WETALK:PART",
    ],
)
def test_scanned_codes_of_something_else_are_no_receipt(scanned: str) -> None:
    report = verify_receipt(scanned)
    assert (keys(report), report.level) == (["shape_bad"], "")


def test_a_receipt_too_large_for_a_sheet_is_pointed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt, "CODES_MAX_COUNT", 3)
    page = page_of()
    assert [parts.is_pointer(code) for code in codes_of(page)] == [True]
    assert any(block == Note(text("paper.too_large", "en")) for block in page.blocks)


# --- the packed form ------------------------------------------------------------------------------
PACKED = portable.pack_receipt(RECEIPT)


def test_both_forms_are_recognised_by_themselves() -> None:
    for data in (
        PACKED,
        portable.encode_receipt(RECEIPT),
        portable.encode_receipt(RECEIPT).encode(),
    ):
        assert verify_receipt(data).level == "L2"


def test_no_bit_of_the_packed_form_can_be_flipped_unnoticed() -> None:
    chance = random.Random(3)
    for _ in range(150):
        place, bit = chance.randrange(len(PACKED)), 1 << chance.randrange(8)
        changed = PACKED[:place] + bytes((PACKED[place] ^ bit,)) + PACKED[place + 1 :]
        report = verify_receipt(changed)
        assert (report.ok, report.level, report.facts) == (False, "", None)


@pytest.mark.parametrize("data", [b"\x85", PACKED[:-1], PACKED * 2, b"\x85" * 99, b"\x84" + PACKED])
def test_broken_packed_forms_are_told(data: bytes) -> None:
    assert keys(verify_receipt(data)) == ["shape_bad"]


# --- drawing --------------------------------------------------------------------------------------
letters = st.text(alphabet="abc 가나다 中文字、。é🥬→", max_size=120)


@given(letters, st.integers(3, 30))
def test_lines_hold_all_words_and_fit(written: str, width: int) -> None:
    faces = Faces("ko", [])
    lines = as_pdf._lines(faces, tidy(written), width)  # pyright: ignore[reportPrivateUsage]
    assert "".join("".join(lines).split()) == "".join(tidy(written).split())
    assert lines
    assert all(faces.width(line) <= width * 1000 for line in lines)


@given(st.lists(letters, min_size=1, max_size=3))
def test_any_words_can_be_drawn_and_copied_again(written: list[str]) -> None:
    rows = tuple(Row(tidy(one), tidy(one), number=True) for one in written)
    page = Page("zh", "標題", tidy(written[0]), (Rows(rows), Note(tidy(written[-1]), strong=True)))
    for paper in as_pdf.PAPERS:
        copied = pdf_text.words(as_pdf.render(page, paper, []))
        for one in written:
            assert "".join(tidy(one).split()).replace("🥬", "□") in copied


def test_a_long_table_goes_on_on_further_sheets_and_loses_no_row() -> None:
    rows = tuple((f"2026-09-{n % 28 + 1:02}", f"이웃 {n}", f"{n}.00 나눔") for n in range(200))
    page = Page("ko", "명세서", "0", (Table("주고받은 것", ("날짜", "누구와", "금액"), rows),))
    pages = pdf_text.pages(as_pdf.render(page, "a4", []))
    assert len(pages) > 3
    found = [line for lines in pages for line in lines if line.endswith("나눔")]
    assert found == ["".join(row) for row in rows]
    assert len(pdf_text.pages(as_pdf.render(page, "80mm", []))) == 1


def test_the_same_page_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt, "CODES_MAX_COUNT", 0)
    page = page_of()
    assert as_html.render(page) == as_html.render(page)
    assert as_pdf.render(page, "80mm", []) == as_pdf.render(page, "80mm", [])


def test_what_stands_on_a_page_is_clean_whoever_wrote_it() -> None:
    for written in HOSTILE:
        assert clean_for_display(tidy(written), one_line=True) == tidy(written)
