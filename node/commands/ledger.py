"""Verification: `ledger verify`, `ledger root`, `ledger export`, `ledger replay`, receipts.

Left to others: closes (`closes`), the audit (`audit`); both are commands of `ledger`.
"""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from node.commands.audit import audit
from node.commands.base import (
    DONE,
    REFUSED,
    App,
    argument,
    clean,
    group,
    option,
    read_some,
    show_checks,
    told_checks,
)
from node.commands.closes import check_proof, close, closes, proof
from node.commands.screen import on_terminal
from node.i18n import amount_text
from node.protocol.errors import LocalFault

if TYPE_CHECKING:
    from node.services.core import Core


@group("ledger", "wetalk ledger verify")
def ledger(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


@ledger.sub(
    "verify",
    "wetalk ledger verify --from-scratch",
    option("--from-scratch", is_flag=True, about="from_scratch"),
)
def verify(app: App, from_scratch: bool) -> int:
    from node.commands.local import is_running, open_home

    if is_running(app):
        found = app.client.post("/ledger/verify", {"from_scratch": from_scratch})
    else:
        with open_home(app) as core:
            found = _verified(app, core, from_scratch)
    app.result(found)
    _show_verified(app, found)
    return DONE if found["ok"] else REFUSED


def _show_verified(app: App, found: dict[str, Any]) -> None:
    app.say("ledger.checked", records=found["records"], trades=found["trades"])
    if found["resumed"]:
        app.say("verified.resumed")
    if found["before"] and found["before_at"]:
        day = found["before_at"][:10]
        app.say("verified.before", records=found["before"], day=day)
        app.say("verified.new", records=found["checked"])
    if found["scratch_at"]:
        app.say("verified.scratch", day=found["scratch_at"][:10])
    app.say("ledger.sum", sum=found["sum_of_balances"])
    if found["root"]:
        app.say("ledger.root", root=found["root"])
    for finding in found["findings"]:
        app.line(clean(finding["text"]))
    app.say("ledger.well" if found["ok"] else "ledger.bad")
    if found["level"]:
        app.line(f"{found['level']}: {found['level_text']}")
        app.line(f"  {found['level_means']}")
    for one in found["missing"]:
        app.line(f"  {clean(one['text'])}")
    if found["ok"]:
        app.line(found["never"])


def _verified(app: App, core: "Core", from_scratch: bool) -> dict[str, Any]:
    """What the node answers to the same question, worked out here."""
    from node.api import shaping_books
    from node.services.books.verification import verify as run

    if app.json or not on_terminal():
        found = run(core, from_scratch=from_scratch)
    else:
        from rich.progress import Progress

        with Progress(transient=True) as bar:
            task = bar.add_task(app.text("ledger.verifying"))
            found = run(
                core,
                from_scratch=from_scratch,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    return shaping_books.verified(found, app.language).model_dump()


def check_receipt(app: App, file: Path) -> int:
    """One sentence per check, and the level reached; needs no home."""
    from node.protocol.limits import RECEIPT_SIZE_MAX_BYTES
    from node.services.books.receipt_check import verify_receipt

    data = read_some(file, RECEIPT_SIZE_MAX_BYTES + 1)
    report = verify_receipt(data)
    checks = told_checks(app, report.checks)
    app.result({"ok": report.ok, "level": report.level or None, "checks": checks})
    show_checks(app, checks)
    if report.ok and report.level:
        app.line(app.text(f"level.{report.level}"))
    return DONE if report.ok else REFUSED


@ledger.sub("root", "wetalk ledger root", option("--chapter", metavar="NAME", about="chapter"))
def root(app: App, chapter: str | None) -> None:
    from node.commands.local import is_running, open_home

    if is_running(app):
        found = app.client.get("/ledger/root", chapter=chapter)
    else:
        with open_home(app) as core:
            found = _root(core, chapter)
    app.result(found)
    app.say("ledger.root", root=found["root"])
    parts = [(app.text(f"part.{one['name']}"), one["hash"][:16]) for one in found["sections"]]
    app.table(("part", "hash"), parts)


def _root(core: "Core", chapter: str | None) -> dict[str, Any]:
    """What the node answers to the same question, worked out here."""
    from node.ledger.root import SCOPE_ALL, sections, state_root

    if chapter is not None and core.rules.genesis.chapter(chapter) is None:
        names = ", ".join(one.name for one in core.rules.genesis.chapters)
        raise LocalFault("unknown-chapter", names=names)
    scope = SCOPE_ALL if chapter is None else chapter
    with core.reading() as reader:
        parts = sections(reader, core.rules, scope)
        top = state_root(reader, core.rules, scope)
    return {
        "root": top.hex(),
        "sections": [{"name": name, "hash": digest.hex()} for name, digest in parts],
    }


@ledger.sub(
    "export",
    "wetalk ledger export ledger.jsonl",
    argument("file", type=click.Path(path_type=Path), metavar="FILE"),
)
def ledger_export(app: App, file: Path) -> None:
    from node.commands.files import export_to

    export_to(app, file)


@ledger.sub(
    "replay",
    "wetalk ledger replay transfers.csv --decimals 2 --json --home ~/replayed",
    argument("table", type=click.Path(path_type=Path), metavar="CSV"),
    option("--decimals", type=click.IntRange(0, 6), default=2, about="decimals"),
    option("--limit", "limit", metavar="AMOUNT", about="replay_limit"),
    option("--seed", default="", metavar="TEXT", about="seed"),
)
def replay(app: App, table: Path, decimals: int, limit: str | None, seed: str) -> None:
    from node.services.homes.replay import Wish
    from node.services.homes.replay import replay as run

    if app.path is None:
        raise click.UsageError(app.text("cli.replay_home"))
    wish = Wish(decimals=decimals, limit=_limit(limit, decimals), seed=seed)
    if app.json or not on_terminal():
        found = run(table, app.home, wish)
    else:
        from rich.progress import Progress

        with Progress(transient=True) as bar:
            task = bar.add_task(app.text("ledger.replaying"))
            found = run(
                table,
                app.home,
                wish,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    app.result(found)
    _show_replay(app, found, decimals)


def _limit(typed: str | None, decimals: int) -> Decimal | None:
    if typed is None:
        return None
    try:
        found = Decimal(typed)
    except InvalidOperation:
        raise LocalFault("amount-invalid", decimals=decimals) from None
    if not found.is_finite() or found < 0:
        raise LocalFault("amount-invalid", decimals=decimals)
    return found


def _show_replay(app: App, found: dict[str, Any], decimals: int) -> None:
    refused = sum(found["refused"].values())
    app.say(
        "ledger.replayed",
        rows=found["rows"],
        members=found["members"],
        trades=found["trades"],
        refused=refused,
    )
    app.say("ledger.volume", amount=amount_text(int(found["volume"]), decimals))
    app.say("ledger.sum", sum=found["sum_of_balances"])
    app.say("ledger.root", root=found["state_root"])
    app.say("ledger.balances", hash=found["balances_sha256"])


for _command in (audit, closes, close, proof, check_proof):
    ledger.add_command(_command)

COMMANDS: Final = {"ledger": ledger}
