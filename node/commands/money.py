"""Money: `balance`, of this member or of another."""

from typing import Any, Final

from node.commands.base import App, argument, clean, command
from node.commands.trade import show_level
from node.i18n import amount_text


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
        given, received = (amount_text(one[key], one["decimals"]) for key in ("given", "received"))
        rows.append([clean(one["name"]), given, received, counts])
    if rows:
        app.table(("unit", "given", "received", "counts"), rows)


COMMANDS: Final = {"balance": balance}
