"""Disputes: `dispute open`, `list`, `show`, `say`, `erase`, `take`, `leave`, `vote`, `close`,
`pay`.

Rules: what is said is shown to those who can read it, and everybody is told what they may do next,
with the command that does it.
"""

from pathlib import Path
from typing import Any, Final

import click

from node.commands.asking import one_of
from node.commands.base import App, amount_of, argument, clean, group, local_time, option
from node.commands.trade import ANYWAY
from node.protocol.errors import LocalFault
from node.protocol.limits import TEXT_SIZE_MAX_BYTES

DISPUTE: Final = argument("dispute_id", metavar="DISPUTE")
TEXT: Final = option("--text", "written", default="", metavar="TEXT", about="what_happened")
FILE: Final = option("--file", type=click.Path(path_type=Path), metavar="FILE", about="said_file")
TO: Final = argument("to", type=click.Choice(["nobody", "payer", "payee"]))
COMMAND_OF: Final = {
    "refund": "refund {trade}",
    "accept": "accept {payment}",
    "say": "dispute say {id} --text …",
    "vote": "dispute vote {id} payer|payee|nobody …",
}


@group("dispute", "wetalk dispute list")
def dispute(app: App) -> None:
    _list(app, None)


@dispute.sub(
    "open",
    'wetalk dispute open 7d90ab12 --text "하루 만에 고장 났어요"',
    argument("trade_id", metavar="TRADE"),
    TEXT,
    FILE,
)
def dispute_open(app: App, trade_id: str, written: str, file: Path | None) -> None:
    full = app.client.trade(trade_id)
    made = app.client.post("/disputes", {"trade": full, "text": _text(written, file)})
    app.result(made)
    if not app.json:
        partner = app.client.get(f"/trades/{full}")["partner"]["name"]
        app.say("dispute.opened", id=made["id"][:12], name=partner)


@dispute.sub(
    "list",
    "wetalk dispute list",
    option("--trade", "trade_id", metavar="TRADE", about="about_trade"),
)
def dispute_list(app: App, trade_id: str | None) -> None:
    _list(app, trade_id)


def _list(app: App, trade_id: str | None) -> None:
    full = None if trade_id is None else app.client.trade(trade_id)
    items = app.client.pages("/disputes", trade=full)
    app.result({"items": items})
    if not items:
        app.say("dispute.none")
    rows: list[list[object]] = []
    for one in items:
        sides = f"{one['payer']['name']} → {one['payee']['name']}"
        mark = "● " if one["waits"] else ""
        rows.append([one["id"][:8], sides, clean(one["amount_text"]), mark + one["text"]])
    app.table(("dispute", "sides", "amount", "state"), rows)


@dispute.sub("show", "wetalk dispute show 3c51e0f2", DISPUTE)
def dispute_show(app: App, dispute_id: str) -> None:
    found = app.client.get(f"/disputes/{app.client.dispute(dispute_id)}")
    app.result(found)
    names = {side: found[side]["name"] for side in ("opener", "payer", "payee")}
    app.say("dispute.about", amount=found["amount_text"], **names)
    app.line(found["text"])
    if found["given_back"]:
        app.say("dispute.given_back", amount=found["given_back_text"])
    _mediators(app, found)
    for one in found["said"]:
        app.line(f"  {one['id'][:8]}  {local_time(one['time'])}  {clean(one['author']['name'])}")
        told = app.text("dispute.sealed") if one["text"] is None else one["text"]
        for line in told.splitlines():
            app.line(f"    {clean(line)}")
    for text in found["next_texts"]:
        app.line(text)
    for step in found["next_steps"]:
        app.line(f"  wetalk {_command(step, found)}")


def _mediators(app: App, found: dict[str, Any]) -> None:
    rows: list[list[object]] = []
    for one in found["mediators"]:
        if found["stage"] == "agreeing":
            continue  # nobody is asked yet
        vote = "" if one["vote"] is None else one["vote"]["text"]
        rows.append([one["member"]["name"], app.text(f"dispute.state_{one['state']}"), vote])
    if rows:
        app.table(("mediator", "state", "vote"), rows)


def _command(step: str, found: dict[str, Any]) -> str:
    """The command that takes a step."""
    short = {name: (found[name] or "")[:8] for name in ("id", "trade", "payment")}
    return COMMAND_OF.get(step, f"dispute {step} {{id}}").format(**short)


@dispute.sub("say", 'wetalk dispute say 3c51e0f2 --text "사진을 봐 주세요"', DISPUTE, TEXT, FILE)
def dispute_say(app: App, dispute_id: str, written: str, file: Path | None) -> None:
    full = app.client.dispute(dispute_id)
    app.result(app.client.post(f"/disputes/{full}/evidence", {"text": _text(written, file)}))
    app.say("dispute.said_to_them")


def _text(written: str, file: Path | None) -> str:
    """What was typed, or stands in the file. Raises LocalFault file-missing, file-unreadable,
    text-too-long, evidence-unreadable."""
    if file is None:
        return written
    try:
        with file.open("rb") as opened:
            data = opened.read(TEXT_SIZE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(file)) from None
    except OSError as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(file)) from None
    if len(data) > TEXT_SIZE_MAX_BYTES:
        raise LocalFault("text-too-long", maximum=TEXT_SIZE_MAX_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LocalFault("evidence-unreadable", path=str(file)) from None


@dispute.sub(
    "erase",
    "wetalk dispute erase 3c51e0f2 90ab127d",
    DISPUTE,
    argument("evidence_id", metavar="SAID"),
)
def dispute_erase(app: App, dispute_id: str, evidence_id: str) -> None:
    full = app.client.dispute(dispute_id)
    said = [one["id"] for one in app.client.get(f"/disputes/{full}")["said"]]
    evidence = one_of(said, evidence_id, "dispute-unknown")
    app.result(app.client.post(f"/disputes/{full}/erase", {"evidence": evidence}))
    app.say("dispute.erased")


@dispute.sub("take", "wetalk dispute take 3c51e0f2", DISPUTE)
def dispute_take(app: App, dispute_id: str) -> None:
    full = app.client.dispute(dispute_id)
    app.result(app.client.post(f"/disputes/{full}/take", {"takes": True}))
    app.say("dispute.taken", id=full[:8])


@dispute.sub("leave", "wetalk dispute leave 3c51e0f2", DISPUTE)
def dispute_leave(app: App, dispute_id: str) -> None:
    full = app.client.dispute(dispute_id)
    app.result(app.client.post(f"/disputes/{full}/take", {"takes": False}))
    app.say("dispute.left")


@dispute.sub(
    "vote",
    'wetalk dispute vote 3c51e0f2 payer 6.00 --note "반은 돌려받아야 해요"',
    DISPUTE,
    TO,
    argument("amount", required=False),
    option("--note", default="", metavar="TEXT", about="vote_note"),
)
def dispute_vote(app: App, dispute_id: str, to: str, amount: str | None, note: str) -> None:
    full = app.client.dispute(dispute_id)
    decimals = app.client.get(f"/disputes/{full}")["decimals"]
    units = 0 if amount is None else amount_of(amount, decimals)
    body = {"to": to, "amount": units, "note": note}
    app.result(app.client.post(f"/disputes/{full}/vote", body))
    app.say("dispute.voted")


@dispute.sub("close", "wetalk dispute close 3c51e0f2", DISPUTE)
def dispute_close(app: App, dispute_id: str) -> None:
    full = app.client.dispute(dispute_id)
    app.result(app.client.post(f"/disputes/{full}/close"))
    app.say("dispute.withdrawn")


@dispute.sub("pay", "wetalk dispute pay 3c51e0f2", DISPUTE, ANYWAY)
def dispute_pay(app: App, dispute_id: str, anyway: bool) -> None:
    full = app.client.dispute(dispute_id)
    made = app.client.post(f"/disputes/{full}/pay", {"anyway": anyway})
    app.result(made)
    if not app.json:
        partner = app.client.get(f"/trades/{made['id']}")["partner"]["name"]
        app.say("dispute.pay_offered", id=made["id"][:12], name=partner)


COMMANDS: Final = {"dispute": dispute}
