"""Belonging to a community: `community` shows, founds, plans, invites and joins."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from node.commands.base import App, argument, clean, group, option
from node.commands.member import FILE, WORDS_FILE
from node.i18n import amount_text

if TYPE_CHECKING:
    from node.protocol.portable import Invitation
    from node.wallet.phrase import Phrase

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
    for chapter in found["chapters"]:
        for text in (*chapter["relay_texts"], *chapter["convicted_texts"]):
            app.line(f"{clean(chapter['name'])}: {clean(text)}")
    if listed:
        _members(app, found["members"])


def _members(app: App, members: list[dict[str, Any]]) -> None:
    """Who belongs, asks to, or did, in every chapter."""
    rows: list[list[object]] = []
    for one in members:
        state = app.text(f"membership.{one['membership']}")
        rows.append([one["id"][:12], clean(one["contact"] or one["name"]), one["chapter"], state])
    app.table(("member", "name", "chapter", "state"), rows)


@community.sub("member", "wetalk community member 순희", argument("member"))
def community_member(app: App, member: str) -> None:
    found = app.client.get(f"/members/{app.client.member(member)}")
    app.result(found)
    app.line(f"{clean(found['name'])} ({found['id'][:12]})")
    app.line(app.text(f"membership.{found['membership']}"))
    if found["about"]:
        app.line(clean(found["about"]))
    for text in found["alert_texts"]:
        app.line(text)
    app.line(found["reputation"]["text"])
    for one in found["said"]:
        _rating(app, one)


def _rating(app: App, one: dict[str, Any]) -> None:
    """A rating with what it rests on."""
    facts = [one["time"][:10], one["author"]["name"], one["amount_text"], *one["marks"]]
    app.line(f"  {'★' * one['stars']}  {clean(' · '.join(facts))}")
    if one["text"]:
        app.line(f"    {clean(one['text'])}")


@community.sub(
    "new",
    "wetalk --home ~/wetalk-village community new --name 민수",
    option("--name", metavar="NAME", about="name"),
    option("--plan", "plan_file", type=FILE, metavar="FILE", about="plan"),
    WORDS_FILE,
)
def community_new(
    app: App, name: str | None, plan_file: Path | None, words_file: Path | None
) -> None:
    from node.commands import making, words
    from node.commands.member import make
    from node.services.members import setup
    from node.wallet import keyfile

    plan = None if plan_file is None else making.read_plan_file(plan_file)
    if plan is None or not app.home.genesis.exists():
        phrase = None if words_file is None else words.ask_phrase(app, words_file)
        make(app, name, None, phrase, plan)
        return
    member = keyfile.read_info(app.home.device_key).member_id
    phrase = words.phrase_of_home(app, app.home, words_file)
    move(app, setup.founding(app.home, plan, member), phrase)
    app.say("plan.founded", name=plan.name)


@community.sub(
    "plan",
    "wetalk community plan > plan.toml",
    argument("plan_file", metavar="FILE", type=FILE, required=False),
)
def community_plan(app: App, plan_file: Path | None) -> None:
    from node.api.shaping import relay_texts
    from node.commands import making
    from node.services.chapters.founding import read_plan, tolerance

    if plan_file is None:
        example = app.text("plan.example").lstrip("\n")
        read_plan(example)
        app.result({"example": example})
        app.line(example.rstrip("\n"))
        return
    plan = making.read_plan_file(plan_file)
    borne = [(c, tolerance(len(c.witnesses), c.q)) for c in plan.chapters]
    app.result(
        {
            "name": plan.name,
            "chapters": [
                {
                    "name": chapter.name,
                    "officers": len(chapter.officers),
                    "approvals": chapter.k,
                    "relays": len(chapter.witnesses),
                    "quorum": chapter.q,
                    "may_be_down": bears.down,
                    "may_lie": bears.lie,
                    "default_limit": chapter.default_limit,
                    "limit_max": chapter.limit_max,
                }
                for chapter, bears in borne
            ],
        }
    )
    app.say("plan.good", name=plan.name)
    for chapter, _ in borne:
        limit = amount_text(chapter.default_limit, plan.decimals)
        counts = {"officers": len(chapter.officers), "k": chapter.k}
        app.say("plan.chapter", name=chapter.name, limit=limit, **counts)
        for text in relay_texts(len(chapter.witnesses), chapter.q, app.language):
            app.line(f"  {text}")


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
    needed = _approvals(app, chapter) if code else 1
    if needed > 1:
        app.hint("community.hand_over_asking", count=needed)
    else:
        app.hint("community.hand_over" if code else "community.hand_over_open")


def _approvals(app: App, chapter: str | None) -> int:
    """How many officers must agree to an act of a chapter; without a name, of one's own."""
    for one in app.client.get("/community")["chapters"]:
        if one["name"] == chapter or (chapter is None and one["membership"] == "officer"):
            return int(one["approvals"])
    return 1


@community.sub("join", "wetalk community join invitation.txt", argument("link"), WORDS_FILE)
def community_join(app: App, link: str, words_file: Any) -> None:
    from node.commands import making, words

    invitation = making.read_invitation(link)
    if not app.home.genesis.exists():
        from node.commands.member import make

        phrase = None if words_file is None else words.ask_phrase(app, words_file)
        make(app, None, invitation, phrase)
        return
    phrase = words.phrase_of_home(app, app.home, words_file)
    move(app, invitation, phrase)


def move(app: App, invitation: "Invitation", phrase: "Phrase") -> None:
    """Leave a still empty community of one's own for another, in the running node or in the home.

    Raises LocalFault community-shared, community-not-empty, community-same.
    """
    from node.commands import making
    from node.commands.local import is_running
    from node.protocol import portable

    told = making.Joined.of(app, invitation)
    if is_running(app):
        body = {"link": portable.encode_invitation(invitation), "words": phrase.text}
        app.result(app.client.post("/community/join", body))
        told.say(app, running=True)
        return
    made = making.rejoin(app, invitation, phrase)
    app.result({"restarting": False, "community": made.community.hex()})
    told.say(app)


COMMANDS: Final = {"community": community}
