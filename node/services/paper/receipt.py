"""A receipt as a page: who paid whom, what, when, how sure it is, and the proof itself as QR codes.

Rules: the page says what the receipt proves, for it is made from a receipt that was checked; names
are what this member calls the two, and their numbers stand beside them, for a name proves nothing.
The order stands on it only where the receipt shows it. The QR codes hold the whole receipt where it
fits; one more says where a node finds the trade.
"""

from collections.abc import Callable, Iterator
from typing import Final

from node.protocol import parts, portable
from node.protocol.portable import Receipt
from node.services.books.receipt_check import PARTS_KIND, ReceiptReport, TradeFacts
from node.services.paper.page import Block, Codes, Note, Page, Row, Rows, Words
from node.services.times import utc
from node.services.trading import units

CODES_MAX_COUNT: Final = 12  # one sheet of A4
PART_CHARACTERS: Final = 1_451  # QR version 25 with error correction M: half a millimetre a module

Named = Callable[[bytes], str]


def receipt_page(
    receipt: Receipt,
    report: ReceiptReport,
    language: str,
    named: Named,
    *,
    contested: bool = False,
) -> Page:
    """The page of a receipt that was checked and found good (`report.facts`)."""
    facts = report.facts
    assert facts is not None, "only a valid receipt is printed"
    words = Words(language)
    return Page(
        language=words.language,
        title=words("paper.receipt"),
        lead=units.shown(facts.amount, facts.unit, facts.genesis.unit, words.language),
        blocks=tuple(_blocks(words, facts, report.level, named, receipt, contested)),
    )


def _blocks(
    words: Words,
    facts: TradeFacts,
    level: str,
    named: Named,
    receipt: Receipt,
    contested: bool,
) -> Iterator[Block]:
    yield Rows(tuple(_what(words, facts, named)))
    if contested:
        yield Note(words("paper.contested"), strong=True)
    yield Note(words("paper.final") if facts.final else words("paper.not_final"), strong=True)
    if not facts.final:
        yield Note(words("receipt.stamps_none" if facts.stamped else "receipt.stamps_off"))
    yield Note(words("paper.level", level=level, meaning=words(f"level.{level}")))
    yield Rows(tuple(_numbers(words, facts)))
    codes = proof_codes(receipt)
    yield Note(words("paper.scan_all", count=len(codes)) if codes else words("paper.too_large"))
    numbered = [(code, f"{number}/{len(codes)}") for number, code in enumerate(codes, 1)]
    pointer = parts.point(parts.Pointer(facts.community, facts.trade, facts.commit))
    yield Codes(words("paper.proof"), (*numbered, (pointer, words("paper.find"))))


def _what(words: Words, facts: TradeFacts, named: Named) -> Iterator[Row]:
    yield words.row("payer", named(facts.payer))
    yield words.row("payee", named(facts.payee))
    order = words("paper.order_hidden") if facts.order is None else facts.order
    yield words.row("for", order or words("paper.order_empty"))
    yield words.row("proposed", utc(facts.proposed))
    yield words.row("agreed", utc(facts.committed))
    yield words.row("community", f"{facts.genesis.name} · {facts.chapter}")


def _numbers(words: Words, facts: TradeFacts) -> Iterator[Row]:
    yield words.row("trade", facts.trade.hex(), number=True)
    if facts.refunds is not None:
        yield words.row("refunds", facts.refunds.hex(), number=True)
    yield words.row("commit", facts.commit.hex(), number=True)
    yield words.row("payer_number", facts.payer.hex(), number=True)
    yield words.row("payee_number", facts.payee.hex(), number=True)
    yield words.row("community_number", facts.community.hex(), number=True)


def proof_codes(receipt: Receipt) -> list[str]:
    """The receipt as texts of QR codes; empty where it does not fit on a sheet."""
    try:
        codes = parts.split(portable.pack_receipt(receipt), PARTS_KIND, PART_CHARACTERS)
    except ValueError:
        return []
    return codes if len(codes) <= CODES_MAX_COUNT else []
