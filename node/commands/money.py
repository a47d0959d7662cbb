"""Money and paper: `balance`, `statement`, `receipt`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import App, argument, clean, command, group, local_time, option
from node.commands.sheets import csv_text, figure
from node.commands.trade import show_level
from node.i18n import amount_text
from node.protocol.errors import LocalFault


@command("balance", "wetalk balance", argument("member", required=False))
def balance(app: App, member: str | None) -> None:
    full = None if member is None else app.client.member(member)
    found = app.client.get("/balance", member=full)
    found["contributions"] = app.client.get("/contributions", member=full)["items"]
    app.result(found)
    decimals, unit = found["decimals"], found["unit_name"]
    for name in ("book", "spendable", "limit"):
        if found[name] is not None:
            shown = f"{amount_text(found[name], decimals)} {clean(unit)}"
            app.say(f"balance.{name}", amount=shown)
    app.line(found["text"])
    for text in (found["in_doubt_text"], found["notice"]):
        if text:
            app.line(text)
    if found["closed"]:
        app.line(found["closed"]["text"])
    show_level(app, found)
    if found["final"] and found["unconfirmed"]:
        app.say("balance.unconfirmed", count=found["unconfirmed"])
    if not found["final"]:
        app.say("trade.not_final")
    _contributions(app, found["contributions"])


def _contributions(app: App, items: list[dict[str, Any]]) -> None:
    """What was given beside credit."""
    rows: list[list[object]] = []
    for one in items:
        counts = app.text("units.counts") if one["counts"] else ""
        rows.append([clean(one["name"]), one["given_text"], one["received_text"], counts])
    if rows:
        app.table(("unit", "given", "received", "counts"), rows)


@command(
    "statement",
    "wetalk statement --month 2026-09 --csv > september.csv",
    option("--month", metavar="YYYY-MM", about="month"),
    option("--csv", "as_csv", is_flag=True, about="csv"),
)
def statement(app: App, month: str | None, as_csv: bool) -> None:
    month = month or datetime.now(UTC).strftime("%Y-%m")
    found = app.client.get("/statements", month=month)
    if as_csv:
        _csv(found)
        return
    app.result(found)
    decimals = found["decimals"]
    app.say("statement.head", month=found["month"], chapter=found["chapter"])
    app.say("statement.opening", amount=amount_text(found["opening"], decimals))
    _movements(app, found["movements"], decimals)
    app.say("statement.closing", amount=amount_text(found["closing"], decimals))
    show_level(app, found)
    if found["in_doubt"]:
        app.say("doubt.statement")
        _movements(app, found["in_doubt"], decimals)


def _movements(app: App, movements: list[dict[str, Any]], decimals: int) -> None:
    rows: list[list[object]] = [
        [
            one["time"][:10],
            one["partner"]["name"],
            amount_text(one["amount"], decimals),
            one["for"] or "",
        ]
        for one in movements
    ]
    app.table(("day", "name", "amount", "for"), rows)


def _csv(found: dict[str, Any]) -> None:
    """Movements for a spreadsheet."""
    rows: list[list[object]] = [["time", "trade", "partner", "partner_name", "amount", "for"]]
    for one in found["movements"]:
        partner, amount = one["partner"], figure(one["amount"], found["decimals"])
        texts = [one["time"], one["trade"], partner["id"], partner["name"]]
        rows.append([*texts, amount, one["for"] or ""])
    click.echo(csv_text(rows), nl=False)


@group("receipt", "wetalk receipt show 7d90ab12")
def receipt(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


TRADE: Final = argument("trade_id", metavar="TRADE")


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
    app.line(local_time(found["time"]))
    app.line(found["state_text"])
    show_level(app, found)
    app.line(full)


@receipt.sub(
    "export",
    "wetalk receipt export 7d90ab12 receipt.json --order",
    TRADE,
    argument("file", type=click.Path(path_type=Path), metavar="FILE"),
    option("--order", is_flag=True, about="order"),
)
def receipt_export(app: App, trade_id: str, file: Path, order: bool) -> None:
    import json

    full = app.client.trade(trade_id)
    found = app.client.get(f"/receipts/{full}", order="true" if order else None)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(json.dumps(found, ensure_ascii=False, separators=(",", ":")))
    except FileExistsError:
        raise LocalFault("file-exists", path=str(file)) from None
    except OSError as problem:
        raise LocalFault("file-not-writable", str(problem), path=str(file)) from None
    app.result({"file": str(file)})
    app.say("receipt.written", path=str(file))


@receipt.sub(
    "verify",
    "wetalk receipt verify receipt.json",
    argument("file", type=click.Path(path_type=Path), metavar="FILE"),
)
def receipt_verify(app: App, file: Path) -> int:
    from node.commands.ledger import check_receipt

    return check_receipt(app, file)


COMMANDS: Final = {"balance": balance, "statement": statement, "receipt": receipt}
