"""What is kept and printed: `statement`, `receipt`.

Rules: a file is never written over another; its form is the one asked for, else the one that its
ending names, else JSON. What a trade was for stands in a file only with `--order`.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import (
    DONE,
    REFUSED,
    App,
    argument,
    clean,
    group,
    local_time,
    option,
    read_some,
    show_checks,
    told_checks,
)
from node.commands.trade import show_level, show_refunds
from node.i18n import amount_text
from node.protocol.errors import LocalFault

ENDINGS: Final = {".htm": "html", ".mp": "msgpack"}  # beside those that are names of forms
RECEIPT_FORMS: Final = ("json", "msgpack", "html", "pdf")
STATEMENT_FORMS: Final = ("json", "csv", "html", "pdf")
PAPERS: Final = ("a4", "80mm")
TRADE: Final = argument("trade_id", metavar="TRADE")
FILE: Final = argument("file", type=click.Path(path_type=Path), metavar="FILE")
ORDER: Final = option("--order", is_flag=True, about="order")
PAPER: Final = option("--paper", type=click.Choice(PAPERS), default="a4", about="paper")
MONTH: Final = option("--month", metavar="YYYY-MM", about="month")
OF: Final = option("--member", metavar="MEMBER", about="statement_member")


@group(
    "statement",
    "wetalk statement --month 2026-09 --csv > september.csv",
    MONTH,
    option("--csv", "as_csv", is_flag=True, about="csv"),
    OF,
)
def statement(app: App, month: str | None, as_csv: bool, member: str | None) -> None:
    asked = {"month": month or _this_month(), "member": _member(app, member)}
    if as_csv:
        written = app.client.file("/statements", **asked, format="csv", order="true")
        click.echo(written.decode(), nl=False)
        return
    found = app.client.get("/statements", **asked)
    app.result(found)
    decimals = found["decimals"]
    app.say("statement.head", month=found["month"], chapter=found["chapter"])
    app.say("statement.opening", amount=amount_text(found["opening"], decimals))
    columns = ("day", "name", "amount", "for")
    app.table(columns, [_line(app, one, decimals) for one in found["movements"]])
    app.say("statement.closing", amount=amount_text(found["closing"], decimals))
    show_level(app, found)
    if found["in_doubt"]:
        app.say("doubt.statement")
        app.table(columns, [_line(app, one, decimals) for one in found["in_doubt"]])
    if found["others"]:
        app.say("paper.others")
        rows = [[*_line(app, one, one["decimals"]), one["unit_name"]] for one in found["others"]]
        app.table((*columns, "unit"), rows)


def _line(app: App, one: dict[str, Any], decimals: int) -> list[object]:
    amount, purpose = amount_text(one["amount"], decimals), one["for"] or ""
    if not purpose and one["refunds"]:
        purpose = app.text("refund.line", trade=one["refunds"][:8])
    return [one["time"][:10], one["partner"]["name"], amount, purpose]


def _this_month() -> str:
    return datetime.now(UTC).strftime("%Y-%m")


def _member(app: App, typed: str | None) -> str | None:
    return None if typed is None else app.client.member(typed)


@statement.sub(
    "export",
    "wetalk statement export september.pdf --month 2026-09",
    FILE,
    MONTH,
    option("--format", "form", type=click.Choice(STATEMENT_FORMS), about="format"),
    OF,
    ORDER,
    PAPER,
)
def statement_export(
    app: App,
    file: Path,
    month: str | None,
    form: str | None,
    member: str | None,
    order: bool,
    paper: str,
) -> None:
    form = form or _form_of(file, STATEMENT_FORMS)
    content = app.client.file(
        "/statements",
        month=month or _this_month(),
        member=_member(app, member),
        format=form,
        order="true" if order else None,
        paper=paper,
    )
    _write(file, content)
    app.result({"file": str(file), "format": form})
    app.say("statement.written", path=str(file))


@statement.sub("verify", "wetalk statement verify september.json", FILE)
def statement_verify(app: App, file: Path) -> int:
    from node.protocol.limits import STATEMENT_SIZE_MAX_BYTES
    from node.services.books.statements import verify_statement

    report = verify_statement(read_some(file, STATEMENT_SIZE_MAX_BYTES + 1))
    checks = told_checks(app, report.checks)
    app.result({"ok": report.ok, "checks": checks})
    show_checks(app, checks)
    if report.ok:
        app.say("statement.remark")
    return DONE if report.ok else REFUSED


@group("receipt", "wetalk receipt show 7d90ab12")
def receipt(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


@receipt.sub("show", "wetalk receipt show 7d90ab12", TRADE)
def receipt_show(app: App, trade_id: str) -> None:
    full = app.client.trade(trade_id)
    found = app.client.get(f"/trades/{full}")
    if found["state"] not in ("settled", "secured"):
        raise LocalFault("not-committed")
    app.result(found)
    app.say("receipt.title")
    app.say("trade.from_to", payer=found["payer"]["name"], payee=found["payee"]["name"])
    app.line(clean(found["amount_text"]))
    if found["for"]:
        app.line(clean(found["for"]))
    show_refunds(app, found)
    app.line(local_time(found["time"]))
    app.line(found["state_text"])
    show_level(app, found)
    app.line(full)


@receipt.sub(
    "export",
    "wetalk receipt export 7d90ab12 receipt.pdf --order",
    TRADE,
    FILE,
    option("--format", "form", type=click.Choice(RECEIPT_FORMS), about="format"),
    ORDER,
    PAPER,
)
def receipt_export(
    app: App, trade_id: str, file: Path, form: str | None, order: bool, paper: str
) -> None:
    form = form or _form_of(file, RECEIPT_FORMS)
    content = app.client.file(
        f"/receipts/{app.client.trade(trade_id)}",
        order="true" if order else None,
        format=form,
        paper=paper,
    )
    _write(file, content)
    app.result({"file": str(file), "format": form})
    app.say("receipt.written", path=str(file))


@receipt.sub("verify", "wetalk receipt verify receipt.json", FILE)
def receipt_verify(app: App, file: Path) -> int:
    from node.commands.ledger import check_receipt

    return check_receipt(app, file)


def _form_of(file: Path, forms: tuple[str, ...]) -> str:
    """What the file's ending names, else JSON.

    Raises LocalFault file-form: there is such a form, but not of this.
    """
    ending = file.suffix.lower()
    named = ENDINGS.get(ending, ending.removeprefix("."))
    if named in forms:
        return named
    if named in (*RECEIPT_FORMS, *STATEMENT_FORMS):
        raise LocalFault("file-form", path=str(file), forms=", ".join(forms))
    return "json"


def _write(file: Path, content: bytes) -> None:
    """A new file. Raises LocalFault file-exists, file-not-writable."""
    try:
        with file.open("xb") as out:
            out.write(content)
    except FileExistsError:
        raise LocalFault("file-exists", path=str(file)) from None
    except OSError as problem:
        raise LocalFault("file-not-writable", str(problem), path=str(file)) from None


COMMANDS: Final = {"statement": statement, "receipt": receipt}
