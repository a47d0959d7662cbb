"""Closes of chapters: `ledger closes`, `ledger close`, `ledger proof`, `ledger check-proof`."""

from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import (
    DONE,
    REFUSED,
    App,
    argument,
    command,
    option,
    read_some,
    show_checks,
    told_checks,
)
from node.i18n import amount_text
from node.protocol.errors import LocalFault

FILE: Final = argument("file", type=click.Path(path_type=Path), metavar="FILE")
PERIOD: Final = option("--period", metavar="YYYY-MM", about="period")
CHAPTER: Final = option("--chapter", metavar="NAME", about="chapter")
SHORT_CHARACTERS: Final = 8


@command(
    "closes",
    "wetalk ledger closes",
    argument("chapter", required=False),
    key="ledger-closes",
)
def closes(app: App, chapter: str | None) -> None:
    found = app.client.get("/ledger/closes", chapter=chapter)
    app.result(found)
    if not found["items"]:
        app.say("closes.none")
    for one in found["items"]:
        decimals = one["decimals"]
        app.say("closes.line", month=one["month"], **_sums(one["totals"], decimals))
        app.line(f"  {', '.join(who['name'] for who in one['officers'])} · {one['text']}")
        if one["verdict"] == "differs":
            app.say("closes.differs_how", **_sums(one["own"], decimals))


def _sums(totals: dict[str, Any], decimals: int) -> dict[str, object]:
    return {
        "count": totals["count"],
        "positive": amount_text(totals["positive"], decimals),
        "negative": amount_text(-totals["negative"], decimals),
    }


@command(
    "close",
    "wetalk ledger close 마을 --period 2026-10",
    argument("chapter"),
    PERIOD,
    key="ledger-close",
)
def close(app: App, chapter: str, period: str | None) -> None:
    _check_month(period)
    made = app.client.post("/ledger/closes", {"chapter": chapter, "month": period})
    app.result(made)
    app.line(made["text"])
    if not made["done"]:
        app.hint("office.how_to_agree", proposal=made["proposal"][:SHORT_CHARACTERS])


def _check_month(month: str | None) -> None:
    from node.services.books.months import month_bounds

    if month is not None:
        month_bounds(month)


@command(
    "proof",
    "wetalk ledger proof balance.json --period 2026-10",
    FILE,
    PERIOD,
    option("--member", metavar="MEMBER", about="proof_member"),
    CHAPTER,
    key="ledger-proof",
)
def proof(
    app: App, file: Path, period: str | None, member: str | None, chapter: str | None
) -> None:
    import json

    from node.services.books.months import last_month
    from node.services.core import now_ms

    _check_month(period)
    full = None if member is None else app.client.member(member)
    month = period or last_month(now_ms())
    found = app.client.get("/ledger/proof", month=month, member=full, chapter=chapter)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(json.dumps(found, ensure_ascii=False, separators=(",", ":")))
    except FileExistsError:
        raise LocalFault("file-exists", path=str(file)) from None
    except OSError as problem:
        raise LocalFault("file-not-writable", str(problem), path=str(file)) from None
    app.result({"file": str(file), "month": month})
    app.say("closes.proof_written", path=str(file))


@command("check-proof", "wetalk ledger check-proof balance.json", FILE, key="ledger-check-proof")
def check_proof(app: App, file: Path) -> int:
    from node.protocol.limits import CLOSE_PROOF_SIZE_MAX_BYTES
    from node.services.books.close_check import verify_close_proof

    data = read_some(file, CLOSE_PROOF_SIZE_MAX_BYTES + 1)
    report = verify_close_proof(data)
    checks = told_checks(app, report.checks)
    app.result({"ok": report.ok, "checks": checks})
    show_checks(app, checks)
    app.say("close_proof.well" if report.ok else "close_proof.bad")
    return DONE if report.ok else REFUSED
