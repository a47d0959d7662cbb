"""Belonging: `community` and `chapter`."""

import sys
from typing import Any, Final

import click

from node.commands.base import App, amount_of, argument, clean, group, option
from node.commands.member import WORDS_FILE
from node.i18n import amount_text

CHAPTER: Final = option("--chapter", metavar="NAME", about="chapter")


@group("community", "wetalk community show")
def community(app: App) -> None:
    _show(app, root=False)


@community.sub(
    "show",
    "wetalk community show --members",
    option("--root", is_flag=True, about="root"),
    option("--members", "listed", is_flag=True, about="members"),
)
def community_show(app: App, root: bool, listed: bool) -> None:
    _show(app, root=root, listed=listed)


def _show(app: App, *, root: bool, listed: bool = False) -> None:
    found = app.client.get("/community", root="true" if root else None)
    if listed:
        found["members"] = [
            one
            for chapter in found["chapters"]
            for one in app.client.pages("/members", chapter=chapter["name"])
        ]
    app.result(found)
    app.say("community.name", name=found["name"], id=found["id"][:12])
    app.say("community.unit", unit=found["unit_name"], decimals=found["decimals"])
    if found.get("root"):
        app.say("ledger.root", root=found["root"])
    rows: list[list[object]] = []
    for chapter in found["chapters"]:
        officers = ", ".join(one["name"] for one in chapter["officers"])
        limit = amount_text(chapter["default_limit"], found["decimals"])
        state = app.text(f"membership.{chapter['membership']}")
        rows.append([chapter["name"], officers, limit, state])
    app.table(("chapter", "officers", "limit", "state"), rows)
    if listed:
        _members(app, found["members"])


def _members(app: App, members: list[dict[str, Any]]) -> None:
    """Who belongs, asks to, or did, in every chapter."""
    rows: list[list[object]] = []
    for one in members:
        state = app.text(f"membership.{one['membership']}")
        rows.append([one["id"][:12], clean(one["contact"] or one["name"]), one["chapter"], state])
    app.table(("member", "name", "chapter", "state"), rows)


@community.sub(
    "new",
    "wetalk --home ~/wetalk-village community new --name 민수",
    option("--name", metavar="NAME", about="name"),
)
def community_new(app: App, name: str | None) -> None:
    from node.commands.member import make

    make(app, name, None, None)


@community.sub(
    "invite",
    "wetalk community invite --code",
    CHAPTER,
    option("--code", is_flag=True, about="code"),
    option("--qr", is_flag=True, about="qr"),
)
def community_invite(app: App, chapter: str | None, code: bool, qr: bool) -> None:
    found = app.client.post("/community/invitations", {"chapter": chapter, "code": code})
    app.result(found)
    app.line(found["link"])
    if app.json:
        return
    if qr:
        import segno

        segno.make(found["link"], error="l").terminal(sys.stdout, compact=True)
    app.hint("community.hand_over" if code else "community.hand_over_open")


@community.sub("join", "wetalk community join invitation.txt", argument("link"), WORDS_FILE)
def community_join(app: App, link: str, words_file: Any) -> None:
    from node.commands import making, words
    from node.commands.local import is_running
    from node.protocol import portable

    invitation = making.read_invitation(link)
    if not app.home.genesis.exists():
        from node.commands.member import make

        phrase = None if words_file is None else words.ask_phrase(app, words_file)
        make(app, None, invitation, phrase)
        return
    phrase = words.phrase_of_home(app, app.home, words_file)
    if is_running(app):
        body = {"link": portable.encode_invitation(invitation), "words": phrase.text}
        app.result(app.client.post("/community/join", body))
        app.say("community.joining", chapter=invitation.chapter)
        return
    made = making.rejoin(app, invitation, phrase)
    app.result({"restarting": False, "community": made.community.hex()})
    app.say("init.applied", chapter=invitation.chapter)


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
    app.result(app.client.post(f"{_chapter(app, chapter)}/admit", {"member": full}))
    app.say("chapter.admitted", member=member)


@chapter.sub("suspend", "wetalk chapter suspend 9f2c41d0", argument("member"), CHAPTER)
def chapter_suspend(app: App, member: str, chapter: str | None) -> None:
    full = app.client.member(member)
    app.result(app.client.post(f"{_chapter(app, chapter)}/suspend", {"member": full}))
    app.say("chapter.suspended", member=member)


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
    app.result(app.client.post(f"{path}/grant", {"member": full, "limit": limit}))
    app.say("chapter.granted", member=member, amount=amount_text(limit, decimals))


COMMANDS: Final = {"community": community, "chapter": chapter}
