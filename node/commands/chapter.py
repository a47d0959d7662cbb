"""Chapters: `chapter`, and what its officers decide together."""

from typing import Any, Final

import click

from node.commands.base import App, amount_of, argument, clean, group, option
from node.i18n import amount_text
from node.protocol.errors import LocalFault

CHAPTER: Final = option("--chapter", metavar="NAME", about="chapter")
SHORT_CHARACTERS: Final = 8
NONE, NEVER = "none", "never"


@group("chapter", "wetalk chapter requests")
def chapter(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


def _chapter(app: App, name: str | None) -> str:
    """The chapter's name as a path; the only one if none is named."""
    from urllib.parse import quote

    if name is None:
        chapters = [str(one["name"]) for one in app.client.get("/community")["chapters"]]
        if len(chapters) > 1:
            raise click.UsageError(app.text("cli.which_chapter", names=", ".join(chapters)))
        name = str(chapters[0])
    return f"/chapters/{quote(name, safe='')}"


@chapter.sub(
    "apply",
    'wetalk chapter apply --text "옆집 민수예요"',
    CHAPTER,
    option("--text", "written", default="", metavar="TEXT", about="apply_text"),
    option("--code", metavar="CODE", about="apply_code"),
)
def chapter_apply(app: App, chapter: str | None, written: str, code: str | None) -> None:
    path = _chapter(app, chapter)
    app.result(app.client.post(f"{path}/apply", {"text": written, "code": code}))
    app.say("chapter.applied")


@chapter.sub("requests", "wetalk chapter requests", CHAPTER)
def chapter_requests(app: App, chapter: str | None) -> None:
    path = _chapter(app, chapter)
    items = app.client.pages(f"{path}/requests")
    waiting = app.client.pages(f"{path}/renewals")
    app.result({"items": items, "renewals": waiting})
    if not items and not waiting:
        app.say("chapter.no_requests")
    rows = [[one["member"]["id"][:12], one["member"]["name"], clean(one["text"])] for one in items]
    app.table(("member", "name", "text"), rows)
    _renewals(app, waiting)


def _renewals(app: App, waiting: list[dict[str, Any]]) -> None:
    """New accounts of members that get a limit only by an officer's yes, and why."""
    for one in waiting:
        limit = amount_text(one["limit"], one["decimals"])
        name = clean(one["member"]["name"])
        app.line(f"{one['member']['id'][:12]}  {name}  {limit}")
        app.line(f"  {one['reason_text']}")
        for trade in one["contested"]:
            app.say("renewal.contested_trade", id=trade)
        if one["may_be_granted"]:
            app.line(f"  wetalk chapter grant {one['member']['id'][:12]} {limit.replace(',', '')}")


@chapter.sub("admit", "wetalk chapter admit 9f2c41d0", argument("member"), CHAPTER)
def chapter_admit(app: App, member: str, chapter: str | None) -> None:
    full = app.client.member(member)
    made = app.client.post(f"{_chapter(app, chapter)}/admit", {"member": full})
    _decided(app, made, "chapter.admitted", member=member)


@chapter.sub("suspend", "wetalk chapter suspend 9f2c41d0", argument("member"), CHAPTER)
def chapter_suspend(app: App, member: str, chapter: str | None) -> None:
    full = app.client.member(member)
    made = app.client.post(f"{_chapter(app, chapter)}/suspend", {"member": full})
    _decided(app, made, "chapter.suspended", member=member)


@chapter.sub(
    "grant",
    "wetalk chapter grant 민수 200.00",
    argument("member"),
    argument("amount"),
    CHAPTER,
)
def chapter_grant(app: App, member: str, amount: str, chapter: str | None) -> None:
    decimals = app.client.decimals
    limit = 0 if amount.strip("0.") == "" else amount_of(amount, decimals)
    full = app.client.member(member)
    path = _chapter(app, chapter)
    made = app.client.post(f"{path}/grant", {"member": full, "limit": limit})
    _decided(app, made, "chapter.granted", member=member, amount=amount_text(limit, decimals))


def _decided(app: App, made: dict[str, Any], key: str, **values: object) -> None:
    """Say what was done, or that other officers have to agree first."""
    app.result(made)
    if made["done"]:
        app.say(key, **values)
    else:
        app.line(made["text"])
        app.hint("office.how_to_agree", proposal=made["proposal"][:SHORT_CHARACTERS])


@chapter.sub("proposals", "wetalk chapter proposals", CHAPTER)
def chapter_proposals(app: App, chapter: str | None) -> None:
    found = app.client.get(f"{_chapter(app, chapter)}/proposals")
    app.result(found)
    if not found["items"]:
        app.say("office.none")
    rows: list[list[object]] = []
    for one in found["items"]:
        agreed = f"{len(one['officers'])}/{one['needed']}"
        names = ", ".join(clean(who["name"]) for who in one["officers"])
        rows.append([one["id"][:SHORT_CHARACTERS], one["text"], agreed, names])
    app.table(("proposal", "text", "agreed", "officers"), rows)


@chapter.sub("agree", "wetalk chapter agree 4f0c21aa", argument("proposal"), CHAPTER)
def chapter_agree(app: App, proposal: str, chapter: str | None) -> None:
    path = _chapter(app, chapter)
    items = app.client.get(f"{path}/proposals")["items"]
    found = [one for one in items if one["id"].startswith(proposal.lower())]
    if len(found) != 1:
        raise LocalFault("proposal-unknown")
    made = app.client.post(f"{path}/proposals/{found[0]['id']}/agree")
    app.result(made)
    app.line(found[0]["text"])
    app.line(made["text"])


@chapter.sub(
    "policy",
    "wetalk chapter policy --secured-from 50.00 --mediator 순희 --counts hours",
    CHAPTER,
    option("--secured-from", "secured_from", metavar="AMOUNT", about="secured_from"),
    option("--faith-days", "faith_days", type=int, metavar="DAYS", about="faith_days"),
    option("--mediator", "mediators", multiple=True, metavar="MEMBER", about="mediator"),
    option("--counts", "counts", multiple=True, metavar="UNIT", about="counts"),
)
def chapter_policy(
    app: App,
    chapter: str | None,
    secured_from: str | None,
    faith_days: int | None,
    mediators: tuple[str, ...],
    counts: tuple[str, ...],
) -> None:
    path = f"{_chapter(app, chapter)}/policy"
    found = app.client.get(path)
    if secured_from is None and faith_days is None and not mediators and not counts:
        app.result(found)
        app.line(found["text"])
        return
    wish = {
        "counts": [unit for unit in counts if unit != NONE] if counts else found["counts"],
        "faith_days": faith_days or found["faith_days"],
        "mediators": [one["id"] for one in found["mediators"]],
        "secured_from": found["secured_from"],
    }
    if mediators:
        wish["mediators"] = [app.client.member(one) for one in mediators if one != NONE]
    if secured_from is not None:
        wish["secured_from"] = _threshold(secured_from, found["decimals"])
    _decided(app, app.client.put(path, wish), "office.policy_set")


def _threshold(typed: str, decimals: int) -> int | None:
    """`never`, or an amount; 0: always."""
    if typed == NEVER:
        return None
    return 0 if typed.strip("0.") == "" else amount_of(typed, decimals)


COMMANDS: Final = {"chapter": chapter}
