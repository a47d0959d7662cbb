"""A statement as a page: opening, what was given and received, closing; other units apart.

Rules: names are what this member calls people; what a trade was for stands on it only when asked
for; days are UTC.
"""

from collections.abc import Iterator

from node.protocol import statements
from node.protocol.account import CREDIT
from node.protocol.genesis import Genesis
from node.services.books.money import Movement, Statement
from node.services.books.months import period_of
from node.services.paper.page import Block, Note, Page, Rows, Table, Words, tidy
from node.services.paper.receipt import Named
from node.services.times import utc, utc_day
from node.services.trading import units


def statement_page(
    genesis: Genesis,
    found: Statement,
    language: str,
    named: Named,
    *,
    notes: bool,
) -> Page:
    """The page of a month."""
    words = Words(language)
    return Page(
        language=words.language,
        title=words("paper.statement", month=found.month),
        lead=units.shown(found.closing, CREDIT, genesis.unit, words.language),
        blocks=tuple(_blocks(words, genesis, found, named, notes)),
    )


def _blocks(
    words: Words, genesis: Genesis, found: Statement, named: Named, notes: bool
) -> Iterator[Block]:
    first, after = statements.period_bounds(period_of(found.month))
    yield Rows(
        (
            words.row("member", named(found.member)),
            words.row("member_number", found.member.hex(), number=True),
            words.row("community", f"{genesis.name} · {found.chapter}"),
            words.row("month", f"{utc(first)} – {utc(after)}"),
            words.row("opening", units.shown(found.opening, CREDIT, genesis.unit, words.language)),
            words.row("closing", units.shown(found.closing, CREDIT, genesis.unit, words.language)),
        )
    )
    if found.movements:
        yield _table(words, "paper.movements", genesis, found.movements, named, notes)
    else:
        yield Note(words("paper.nothing"))
    if found.in_doubt:
        yield _table(words, "doubt.statement", genesis, found.in_doubt, named, notes)
    if found.others:
        yield _table(words, "paper.others", genesis, found.others, named, notes)
        yield Note(words("paper.others_apart"))
    level = found.level
    yield Note(words("paper.level", level=level, meaning=words(f"level.{level}")))
    yield Note(words(f"level_means.{level}"))
    yield Note(words("paper.statement_copy"))


def _table(
    words: Words,
    title: str,
    genesis: Genesis,
    lines: tuple[Movement, ...],
    named: Named,
    notes: bool,
) -> Table:
    columns = ("day", "partner", "for", "amount") if notes else ("day", "partner", "amount")
    return Table(
        title=words(title),
        columns=tuple(words(f"paper.{column}") for column in columns),
        rows=tuple(
            (
                utc_day(one.time),
                tidy(named(one.partner)),
                *((tidy(one.order or ""),) if notes else ()),
                units.shown(one.amount, one.unit, genesis.unit, words.language),
            )
            for one in lines
        ),
    )
