"""Statements as files that prove who wrote them down: made and signed here, checked anywhere.

Rules: this member's node may write down any member's month, for the books are open to the chapter;
what it was for is private, stands only in the member's own statements, and only when asked for. The
signature says whose node it was, the receipts of the lines say whether they hold.

Left to others: the figures (`money`), printing (`paper`).
"""

from dataclasses import dataclass, field

from node.i18n import amount_text, clean_for_display
from node.protocol import crypto, genesis, lanes, limits, statements
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.identity import Lane
from node.protocol.statements import Flaw, StatementFile
from node.services.books.money import Movement, Statement
from node.services.books.months import period_of
from node.services.books.receipt_check import SHORT_ID_CHARACTERS, Check
from node.services.core import Core
from node.services.publish import own_auth
from node.storage.rows import Rows


def sign(core: Core, reader: Rows, found: Statement, *, notes: bool) -> StatementFile:
    """A statement as a signed file; with `notes` it says what each line was for, where known.

    Raises LocalFault locked, device-not-added, device-revoked, statement-too-large.
    """
    signer = core.own
    added = own_auth(reader, signer, Lane.ACCOUNT)
    lines = (*found.movements, *found.others)
    if len(lines) > limits.STATEMENT_LINES_MAX_COUNT:
        raise LocalFault("statement-too-large")
    statement = statements.Statement(
        author=core.member,
        chapter=found.chapter,
        closing=found.closing,
        made=core.clock(),
        member=found.member,
        movements=[
            statements.Movement(*_ids(one), one.amount, one.time, _note(one, notes))
            for one in found.movements
        ],
        opening=found.opening,
        others=[
            statements.Other(*_ids(one), one.unit, one.amount, one.time, _note(one, notes))
            for one in found.others
        ],
        period=period_of(found.month),
        signer=signer.public_key,
    )
    raw = reader.raw(lanes.ENTRY.must(reader, added).number)
    assert raw is not None, "identity records are never dropped"
    signature = signer.sign(crypto.WORD_STATEMENT, statements.message(core.community, statement))
    return StatementFile(core.home.genesis.read_bytes(), raw, statement, signature)


def _ids(line: Movement) -> tuple[bytes, bytes, bytes]:
    return line.trade, line.commit, line.partner


def _note(line: Movement, notes: bool) -> str | None:
    return line.order[: limits.TEXT_SIZE_MAX_BYTES] if notes and line.order else None


def text_of(found: StatementFile) -> str:
    """The text of a statement file. Raises LocalFault statement-too-large."""
    text = statements.encode(found)
    if len(text.encode()) > limits.STATEMENT_SIZE_MAX_BYTES:
        raise LocalFault("statement-too-large")
    return text


# --- checking -------------------------------------------------------------------------------------
@dataclass(slots=True)
class StatementReport:
    """All sentences in order; `statement` is None where the file is none."""

    checks: list[Check] = field(default_factory=list[Check])
    statement: statements.Statement | None = None

    @property
    def ok(self) -> bool:
        """True iff no check failed."""
        return all(check.ok for check in self.checks)

    def note(self, key: str, ok: bool, **values: object) -> None:
        """One sentence more."""
        self.checks.append(Check(f"statement.{key}_{'ok' if ok else 'bad'}", ok, values))


def verify_statement(data: str | bytes) -> StatementReport:
    """Check a statement file with nothing but the file: form, whose it is, signature, lines, sum;
    the first that is bad ends it. Never raises."""
    report = StatementReport()
    try:
        found = statements.decode(data)
    except RemoteFault as fault:
        report.note("shape", False, reason=fault.code)
        return report
    report.note("shape", True)
    report.statement = found.statement
    flaw = statements.flaw_of(found)
    for step in Flaw:
        values = _values(step, found) if step != flaw else {}
        report.note(step, step != flaw, **values)
        if step == flaw:
            break
    return report


def _values(step: Flaw, found: StatementFile) -> dict[str, object]:
    """What a good step's sentence says."""
    one = found.statement
    community, document = genesis.parse(found.genesis)
    if step == Flaw.GENESIS:
        name = clean_for_display(document.name, one_line=True)
        return {"name": name, "community": community.hex()[:SHORT_ID_CHARACTERS]}
    if step == Flaw.DEVICE:
        return {"author": one.author.hex()[:SHORT_ID_CHARACTERS]}
    if step == Flaw.LINES:
        month = f"{one.period // 100:04}-{one.period % 100:02}"
        member = one.member.hex()[:SHORT_ID_CHARACTERS]
        return {"count": len(one.movements) + len(one.others), "month": month, "member": member}
    if step == Flaw.SUM:
        decimals = document.unit.decimals
        opening, closing = (amount_text(sum_, decimals) for sum_ in (one.opening, one.closing))
        return {"opening": opening, "closing": closing}
    return {}
