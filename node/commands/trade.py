"""Trading: `pay`, `invoice`, `trade`, the steps of a trade, `rate`.

Rules: amounts are typed as decimals of the unit; the payer confirms on a terminal what is left
afterwards; `--anyway` is the member's own risk (R11) and is told so.
"""

from typing import Any, Final
from urllib.parse import quote

import click

from node.commands.base import (
    App,
    amount_of,
    argument,
    asks_possible,
    clean,
    command,
    group,
    local_time,
    option,
)
from node.i18n import amount_text

TRADE: Final = argument("trade_id", metavar="TRADE")
FOR: Final = option("--for", "purpose", default="", metavar="TEXT", about="for")
ANYWAY: Final = option("--anyway", is_flag=True, about="anyway")
YES: Final = option("--yes", is_flag=True, about="yes")
AMOUNT: Final = argument("amount", required=False)
DEEDS: Final = ("barter", "gift")
UNIT: Final = option("--unit", default="credit", metavar="UNIT", about="unit")


@command(
    "pay",
    'wetalk pay 민수 12.50 --for "김치 두 포기"',
    argument("member"),
    AMOUNT,
    FOR,
    UNIT,
    YES,
    ANYWAY,
)
def pay(
    app: App, member: str, amount: str | None, purpose: str, unit: str, yes: bool, anyway: bool
) -> None:
    units, found = _typed(app, amount, unit)
    partner = app.client.member(member)
    if not yes and not app.json and asks_possible():
        shown = f"{amount_text(units, found['decimals'])} {clean(found['name'])}"
        click.confirm(app.text("trade.sure", amount=shown, name=member), abort=True)
    _propose(app, "pay", partner, units, purpose, unit, anyway)


@command(
    "invoice",
    'wetalk invoice 이모 30 --for "전등 수리"',
    argument("member"),
    AMOUNT,
    FOR,
    UNIT,
    ANYWAY,
)
def invoice(
    app: App, member: str, amount: str | None, purpose: str, unit: str, anyway: bool
) -> None:
    units, _ = _typed(app, amount, unit)
    partner = app.client.member(member)
    _propose(app, "invoice", partner, units, purpose, unit, anyway)


def _typed(app: App, amount: str | None, unit: str) -> tuple[int, dict[str, Any]]:
    """Minor units of what was typed, and the unit; a gift or a barter counts as one."""
    found = app.client.get(f"/units/{quote(unit, safe='')}")
    if amount is None:
        if found["unit"] not in DEEDS:
            raise click.UsageError(app.text("cli.amount_missing"))
        amount = "1"
    return amount_of(amount, found["decimals"]), found


def _propose(
    app: App, direction: str, partner: str, units: int, purpose: str, unit: str, anyway: bool
) -> None:
    body = {
        "direction": direction,
        "partner": partner,
        "amount": units,
        "unit": unit,
        "for": purpose,
        "anyway": anyway,
    }
    made = app.client.post("/trades", body)
    app.result(made)
    app.say("trade.made", id=made["id"][:12])
    app.say("trade.next_pay" if direction == "pay" else "trade.next_invoice")


@group("trade", "wetalk trade list")
def trade(app: App) -> None:
    _list(app, None, None)


@trade.sub(
    "list",
    "wetalk trade list --state proposed",
    option("--state", metavar="STATE", about="trade_state"),
    option("--with", "partner", metavar="MEMBER", about="partner"),
)
def trade_list(app: App, state: str | None, partner: str | None) -> None:
    _list(app, state, partner)


def _list(app: App, state: str | None, partner: str | None) -> None:
    full = None if partner is None else app.client.member(partner)
    page = app.client.get("/trades", state=state, partner=full, limit=100)
    app.result(page)
    if not page["items"]:
        app.say("trade.none")
    rows: list[list[object]] = []
    for one in page["items"]:
        sides = f"{one['payer']['name']} → {one['payee']['name']}"
        goods = app.text(f"goods.short_{one['goods'].replace('-', '_')}")
        shown = [one["id"][:8], sides, clean(one["amount_text"]), one["state_text"], goods]
        rows.append([*shown, one["level"], one["for"] or ""])
    app.table(("trade", "sides", "amount", "state", "goods", "level", "for"), rows)
    for level in sorted({(one["level"], one["level_means"]) for one in page["items"]}):
        app.aside(": ".join(level))
    for one in page["items"]:
        if one["doubt_text"] is not None:
            app.line(f"{one['id'][:12]}  {one['doubt_text']}")


@trade.sub("show", "wetalk trade show 7d90ab12", TRADE)
def trade_show(app: App, trade_id: str) -> None:
    _show(app, app.client.get(f"/trades/{app.client.trade(trade_id)}"))


def _show(app: App, found: dict[str, Any]) -> None:
    app.result(found)
    payer, payee = found["payer"]["name"], found["payee"]["name"]
    app.say("trade.from_to", payer=payer, payee=payee)
    app.line(clean(found["amount_text"]))
    if found["for"]:
        app.line(clean(found["for"]))
    app.line(found["state_text"])
    app.line(found["goods_text"])
    if found["confirmations_text"] is not None:
        app.line(found["confirmations_text"])
    show_level(app, found)
    show_refunds(app, found)
    for text in (found["doubt_text"], *found["alert_texts"]):
        if text is not None:
            app.line(text)
    for step in found.get("steps", []):
        done = app.text(f"trade.step_{step['kind'].partition('.')[2]}")
        app.line(f"  {local_time(step['time'])}  {clean(step['author']['name'])}  {done}")
    for step in found["next_steps"]:
        app.line(f"  wetalk {step} {found['id'][:8]}")


def show_level(app: App, found: dict[str, Any]) -> None:
    """How sure it is, what that means, and what it does not."""
    app.line(f"{found['level']}: {found['level_text']}")
    app.line(f"  {found['level_means']}")


def show_refunds(app: App, found: dict[str, Any]) -> None:
    """What a trade gives back, and what was, will be or can be given back of it."""
    for text in found["refund_texts"]:
        app.line(clean(text))
    for one in found["refunded_by"]:
        app.line(f"  {one['id'][:8]}  {clean(one['amount_text'])}  {one['state_text']}")


def _step(name: str) -> click.Command:
    """A command that takes the next step of a trade."""

    @command(name, f"wetalk {name} 7d90ab12", TRADE, ANYWAY)
    def take(app: App, trade_id: str, anyway: bool) -> None:
        full = app.client.trade(trade_id)
        app.result(app.client.post(f"/trades/{full}/{name}", {"anyway": anyway}))
        app.say("trade.done", id=full[:12])
        if not app.json:
            found = app.client.get(f"/trades/{full}")
            app.line(found["state_text"])

    return take


@command(
    "refund",
    "wetalk refund 7d90ab12 5.00",
    TRADE,
    argument("amount", required=False),
    ANYWAY,
)
def refund(app: App, trade_id: str, amount: str | None, anyway: bool) -> None:
    full = app.client.trade(trade_id)
    decimals = app.client.get(f"/trades/{full}")["decimals"]
    units = None if amount is None else amount_of(amount, decimals)
    made = app.client.post(f"/trades/{full}/refund", {"amount": units, "anyway": anyway})
    app.result(made)
    if not app.json:
        found = app.client.get(f"/trades/{made['id']}")
        app.say("trade.made", id=made["id"][:12])
        key = "refund.asked" if found["invoice"] else "refund.offered"
        app.say(key, amount=found["amount_text"], name=found["partner"]["name"])


@command(
    "rate",
    'wetalk rate 7d90ab12 5 --text "맛있어요"',
    TRADE,
    argument("stars", type=click.IntRange(1, 5)),
    option("--text", "written", default="", metavar="TEXT", about="review"),
)
def rate(app: App, trade_id: str, stars: int, written: str) -> None:
    full = app.client.trade(trade_id)
    app.result(app.client.post(f"/trades/{full}/rate", {"stars": stars, "text": written}))
    app.say("trade.rated")


COMMANDS: Final = {
    "pay": pay,
    "invoice": invoice,
    "trade": trade,
    **{name: _step(name) for name in ("accept", "decline", "settle", "release")},
    "refund": refund,
    "rate": rate,
}
