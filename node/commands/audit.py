"""`ledger audit`: the report on a chapter, to read, for programs, or for a spreadsheet.

Rules: the same figures in all three; works beside a running node and on a home at rest, so also on
books that were imported or replayed.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from node.commands.base import DONE, REFUSED, App, argument, clean, command, option
from node.i18n import amount_text
from node.services.books.sheets import Figure, csv_text, figure

SHORT_CHARACTERS: Final = 8
FORMATS: Final = ("text", "json", "csv")


@command(
    "audit",
    "wetalk ledger audit 마을 --month 2026-10 --format csv > october.csv",
    argument("chapter"),
    option("--month", metavar="YYYY-MM", about="audit_month"),
    option("--format", "wanted", type=click.Choice(FORMATS), default="text", about="audit_format"),
    key="ledger-audit",
)
def audit(app: App, chapter: str, month: str | None, wanted: str) -> int:
    from node.commands.local import is_running

    if month is not None:
        from node.services.books.months import month_bounds

        month_bounds(month)
    if is_running(app):
        found = app.client.get("/ledger/audit", chapter=chapter, month=month)
    else:
        found = _audited(app, chapter, month)
    app.json = app.json or wanted == "json"
    app.result(found)
    if wanted == "csv" and not app.json:
        click.echo(csv_text(_sheet(found)), nl=False)
    elif not app.json:
        _show(app, found)
    return DONE if found["adds_up"] else REFUSED


def _audited(app: App, name: str, month: str | None) -> dict[str, Any]:
    """What the node answers to the same question, worked out here."""
    from node.api import shaping_books
    from node.commands.local import open_home
    from node.protocol.errors import LocalFault
    from node.services.books.audit import audit as run

    with open_home(app) as core:
        genesis = core.rules.genesis
        if genesis.chapter(name) is None:
            names = ", ".join(one.name for one in genesis.chapters)
            raise LocalFault("unknown-chapter", names=names)
        found = run(core, genesis.chapter_number(name), month)
        with core.reading() as reader:
            return shaping_books.audited(core, reader, found, app.language).model_dump()


# --- to read --------------------------------------------------------------------------------------
def _show(app: App, found: dict[str, Any]) -> None:
    decimals = found["decimals"]

    def amount(minor: int | None) -> str:
        return "" if minor is None else amount_text(minor, decimals)

    period = found["month"] or app.text("audit.all_time")
    app.say("audit.title", chapter=found["chapter"], period=period)
    _show_figures(app, found, amount)
    rows: list[list[object]] = [
        [
            one["member"][:SHORT_CHARACTERS],
            clean(one["name"]),
            app.text(f"membership.{one['membership']}"),
            *(amount(one[part]) for part in ("limit", "opening", "received", "given", "closing")),
            ", ".join(one["alerts"]),
        ]
        for one in found["members"]
    ]
    columns = ("member", "name", "state", "limit", "opening", "received", "given", "closing")
    app.table((*columns, "alerts"), rows)
    _show_trades(app, "open_items", found["open"])
    _show_trades(app, "refunds", found["refunds"])
    _heading(app, "grants", found["grants"])
    granted: list[list[object]] = [
        [
            one["time"][:10],
            clean(one["member"]["name"]),
            amount(one["limit"]),
            amount(one["before"]),
            clean(one["by"]["name"]),
            one["state_text"],
        ]
        for one in found["grants"]
    ]
    if granted:
        app.table(("day", "name", "limit", "before", "by", "state"), granted)


def _show_figures(app: App, found: dict[str, Any], amount: Callable[[int | None], str]) -> None:
    app.say(
        "audit.figures",
        members=len(found["members"]),
        trades=found["trades"],
        turnover=amount(found["turnover"]),
        unit=found["unit_name"],
    )
    if found["velocity"] is None:
        app.say("audit.no_velocity")
    else:
        app.say("audit.velocity", velocity=found["velocity"])
    app.say(
        "audit.sums",
        positive=amount(found["positive"]),
        negative=amount(-found["negative"]),
        sum=amount(found["sum_of_balances"]),
    )
    app.say("audit.well" if found["adds_up"] else "audit.bad")
    if found["witnesses"]:
        relays = ", ".join(one[:SHORT_CHARACTERS] for one in found["witnesses"])
        app.say("audit.witnesses", relays=relays)
    if found["unconfirmed"]:
        app.say("audit.unconfirmed", count=found["unconfirmed"])
    if found["close_verdict"] is not None:
        app.say("audit.closed", verdict=app.text(f"closes.{found['close_verdict']}"))
    elif found["month"]:
        app.say("audit.not_closed")
    app.line(f"{found['level']}: {found['level_text']}")
    app.line(f"  {found['level_means']}")
    app.say("audit.root", root=found["root"])
    if found["verified_at"]:
        scratch = found["scratch_at"]
        app.say(
            "audit.verified",
            day=found["verified_at"][:10],
            records=found["verified_records"],
            scratch=scratch[:10] if scratch else app.text("audit.never"),
        )
    else:
        app.say("audit.not_verified")


def _heading(app: App, key: str, rows: list[Any]) -> None:
    app.line()
    shown = app.text(f"audit.{key}")
    app.line(f"{shown}: {len(rows) or app.text('audit.nothing')}")


def _show_trades(app: App, key: str, trades: list[dict[str, Any]]) -> None:
    _heading(app, key, trades)
    rows: list[list[object]] = []
    for one in trades:
        sides = f"{one['payer']['name']} → {one['payee']['name']}"
        shown = amount_text(one["amount"], one["decimals"])
        if one["unit"] != "credit":
            shown = f"{shown} {clean(one['unit'])}"
        place = [one["time"][:10], one["trade"][:SHORT_CHARACTERS], sides]
        rows.append([*place, shown, one["state_text"]])
    if rows:
        app.table(("day", "trade", "sides", "amount", "state"), rows)


# --- for a spreadsheet ----------------------------------------------------------------------------
CHAPTER_FIELDS: Final = ("chapter", "month", "unit_name", "trades", "turnover", "velocity")
SUM_FIELDS: Final = ("positive", "negative", "sum_of_balances")
PROOF_FIELDS: Final = ("unconfirmed", "level", "root", "verified_records", "verified_at")
MEMBER_SUMS: Final = ("limit", "opening", "received", "given", "closing")
TRADE_HEAD: Final = (
    "time", "trade", "payer", "payer_name", "payee", "payee_name", "amount", "unit", "state",
    "refunds",
)  # fmt: skip
GRANT_HEAD: Final = (
    "time", "act", "member", "member_name", "limit", "before", "by", "by_name", "state",
)  # fmt: skip


def _sheet(found: dict[str, Any]) -> Iterator[list[object]]:
    """Four tables, an empty row between: the chapter, its members, trades to look at, limits."""
    decimals = found["decimals"]
    amounts = {"turnover", *SUM_FIELDS}
    fields = (*CHAPTER_FIELDS, *SUM_FIELDS, *PROOF_FIELDS, "scratch_at", "close_verdict")
    yield list(fields)
    yield [
        figure(found[name], decimals) if name in amounts else _plain(found[name]) for name in fields
    ]
    yield []
    yield ["member", "name", "membership", *MEMBER_SUMS, "alerts"]
    for one in found["members"]:
        sums = [figure(one[name], decimals) for name in MEMBER_SUMS]
        alerts = " ".join(one["alerts"])
        yield [one["member"], one["name"], one["membership"], *sums, alerts]
    yield []
    yield list(TRADE_HEAD)
    for one in (*found["open"], *found["refunds"]):
        payer, payee = one["payer"], one["payee"]
        sides = [payer["id"], payer["name"], payee["id"], payee["name"]]
        amount = figure(one["amount"], one["decimals"])
        last = [one["unit"], one["state"], one["refunds"] or ""]
        yield [one["time"], one["trade"], *sides, amount, *last]
    yield []
    yield list(GRANT_HEAD)
    for one in found["grants"]:
        member, by = one["member"], one["by"]
        limits = [figure(one["limit"], decimals), figure(one["before"], decimals)]
        place = [one["time"], one["act"], member["id"], member["name"]]
        yield [*place, *limits, by["id"], by["name"], one["state"]]


def _plain(value: object) -> object:
    if value is None:
        return Figure("")
    return value if isinstance(value, str) else Figure(value)
