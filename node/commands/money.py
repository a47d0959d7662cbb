"""Money: `balance`, of this member or of another."""

from typing import Final

from node.commands.base import App, argument, clean, command
from node.i18n import amount_text


@command("balance", "wetalk balance", argument("member", required=False))
def balance(app: App, member: str | None) -> None:
    full = None if member is None else app.client.member(member)
    found = app.client.get("/balance", member=full)
    app.result(found)
    decimals, unit = found["decimals"], found["unit_name"]
    for name in ("book", "spendable", "limit"):
        if found[name] is not None:
            shown = f"{amount_text(found[name], decimals)} {clean(unit)}"
            app.say(f"balance.{name}", amount=shown)
    app.line(found["text"])
    if found.get("notice"):
        app.line(found["notice"])
    app.line(found["level_text"])
    if not found["final"]:
        app.say("trade.not_final")


COMMANDS: Final = {"balance": balance}
