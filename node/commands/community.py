"""Belonging: `community` and `chapter`."""

import sys
from typing import Any, Final

from node.commands.base import App, argument, clean, group, option
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


COMMANDS: Final = {"community": community}
