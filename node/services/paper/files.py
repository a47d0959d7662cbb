"""Receipts and statements as files of every form: bytes, media type, a name to keep them under.

Rules: JSON, MessagePack and CSV are for programs, HTML and PDF for people, in their language. What
is printed was checked first, as a stranger would check it. The PDF writer is loaded when asked for.
"""

from dataclasses import dataclass
from typing import Final

from node.ledger import book
from node.protocol import portable
from node.protocol.errors import LocalFault
from node.protocol.genesis import Genesis
from node.services.books import receipts, statements
from node.services.books.money import Movement, Statement
from node.services.books.receipt_check import verify_receipt
from node.services.books.sheets import csv_text, figure
from node.services.core import Core
from node.services.paper import as_html
from node.services.paper.page import Page
from node.services.paper.receipt import Named, receipt_page
from node.services.paper.statement import statement_page
from node.services.times import iso
from node.services.trading import units

RECEIPT_FORMATS: Final = ("json", "msgpack", "html", "pdf")
STATEMENT_FORMATS: Final = ("json", "csv", "html", "pdf")
MEDIA: Final = {
    "json": "application/json",
    "msgpack": "application/vnd.msgpack",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
PAPERS: Final = ("a4", "80mm")
CSV_COLUMNS: Final = ("time", "trade", "partner", "partner_name", "amount", "for", "refunds")
SHORT_ID_CHARACTERS: Final = 8


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A file to keep or to print."""

    name: str
    media: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """How a file is wanted: one of the formats, in a language, with what it was for or not, for a
    kind of paper (PDF only)."""

    format: str
    language: str = "en"
    notes: bool = False
    paper: str = "a4"


def receipt_file(core: Core, trade: bytes, wish: Wish, named: Named) -> PaperFile:
    """The receipt of a committed trade. Raises LocalFault as `receipts.make_receipt`."""
    with core.reading() as reader:
        receipt = receipts.make_receipt(core, reader, trade, show_order=wish.notes)
        contested = book.is_contested(reader, trade)
    name = f"receipt-{trade.hex()[:SHORT_ID_CHARACTERS]}"
    if wish.format == "json":
        return _file(name, wish, portable.encode_receipt(receipt).encode())
    packed = portable.pack_receipt(receipt)
    if wish.format == "msgpack":
        return _file(name, wish, packed)
    report = verify_receipt(packed)
    if report.facts is None:
        raise LocalFault("receipt-doubtful")
    page = receipt_page(receipt, report, wish.language, named, contested=contested)
    return _file(name, wish, _printed(page, wish))


def statement_file(core: Core, found: Statement, wish: Wish, named: Named) -> PaperFile:
    """A month of an account. Raises LocalFault as `statements.sign` (JSON only)."""
    genesis = core.rules.genesis
    name = f"statement-{found.month}-{found.member.hex()[:SHORT_ID_CHARACTERS]}"
    if wish.format == "json":
        with core.reading() as reader:
            signed = statements.sign(core, reader, found, notes=wish.notes)
        return _file(name, wish, statements.text_of(signed).encode())
    if wish.format == "csv":
        return _file(name, wish, _csv(genesis, found, named).encode())
    page = statement_page(genesis, found, wish.language, named, notes=wish.notes)
    return _file(name, wish, _printed(page, wish))


def _file(name: str, wish: Wish, content: bytes) -> PaperFile:
    return PaperFile(f"{name}.{wish.format}", MEDIA[wish.format], content)


def _printed(page: Page, wish: Wish) -> bytes:
    if wish.format == "html":
        return as_html.render(page)
    from node.services.paper import as_pdf

    return as_pdf.render(page, wish.paper)


def _csv(genesis: Genesis, found: Statement, named: Named) -> str:
    """Lines for a spreadsheet. Other units stand below, apart, where no sum reaches them by
    mistake."""
    rows: list[list[object]] = [list(CSV_COLUMNS)]
    rows += [_cells(genesis, one, named) for one in found.movements]
    if found.others:
        rows.append([])
        rows.append([*CSV_COLUMNS, "unit"])
        rows += [[*_cells(genesis, one, named), one.unit] for one in found.others]
    return csv_text(rows)


def _cells(genesis: Genesis, one: Movement, named: Named) -> list[object]:
    amount = figure(one.amount, units.decimals_of(one.unit, genesis.unit))
    refunds = "" if one.refunds is None else one.refunds.hex()
    place = [iso(one.time), one.trade.hex(), one.partner.hex()]
    return [*place, named(one.partner), amount, one.order or "", refunds]
