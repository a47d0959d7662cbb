"""Talking: `say`, `read`, `post`."""

from typing import Any, Final

import click

from node.commands.base import App, argument, clean, command, group, local_time, option
from node.commands.screen import emphasised
from node.i18n import clean_for_display

SHOWN_COUNT: Final = 20


@command(
    "say",
    'wetalk say 마당 "안녕하세요, 이웃 여러분"',
    argument("room"),
    argument("written", metavar="TEXT"),
    option("--reply-to", metavar="POST", about="reply_to"),
    option("--in", "spoken", metavar="LANGUAGE", about="text_language"),
)
def say(app: App, room: str, written: str, reply_to: str | None, spoken: str | None) -> None:
    answered = None if reply_to is None else app.client.post_id(reply_to)
    body = {
        "room": room,
        "text": written,
        "language": spoken or app.language,
        "reply_to": answered,
    }
    made = app.client.post("/posts", body)
    app.result(made)
    app.say("talk.said", room=clean(room), id=made["id"][:12])


@command(
    "read",
    "wetalk read 마당 --follow",
    argument("room", required=False),
    option("--follow", is_flag=True, about="follow"),
    option("--limit", type=click.IntRange(1, 200), default=SHOWN_COUNT, about="limit"),
)
def read(app: App, room: str | None, follow: bool, limit: int) -> None:
    if room is None:
        rooms = app.client.pages("/rooms")
        app.result({"items": rooms})
        if not rooms:
            app.say("talk.no_rooms")
        app.table(("room",), [[one["name"]] for one in rooms])
        return
    page = app.client.get("/posts", room=room, limit=limit)
    if not follow:
        app.result(page)
        if not page["items"]:
            app.say("web.no_posts")
    for one in reversed(page["items"]):
        _show(app, one, as_line=follow)
    if follow:
        _follow(app, room, {one["id"] for one in page["items"]})


def _follow(app: App, room: str, shown: set[str]) -> None:
    """Show posts as they come, until interrupted. One JSON document a line with `--json`."""
    try:
        for event in app.client.events():
            if event.name != "post" and event.name != "reset":
                continue
            page = app.client.get("/posts", room=room, limit=SHOWN_COUNT)
            for one in reversed(page["items"]):
                if one["id"] not in shown:
                    shown.add(one["id"])
                    _show(app, one, as_line=True)
    except KeyboardInterrupt:
        return


def _show(app: App, post: dict[str, Any], *, as_line: bool) -> None:
    if app.json:
        if as_line:
            app.result(post)
        return
    when = local_time(post["time"])
    heading = f"{clean(post['author']['name'])} · {when} · {post['id'][:8]}"
    app.line(emphasised(heading, dim=True))
    for line in clean_for_display(post["text"]).split("\n"):
        app.line(f"  {line}")


@group("post", 'wetalk post edit 4be1c02d "고친 글"')
def post(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


@post.sub(
    "edit",
    'wetalk post edit 4be1c02d "고친 글"',
    argument("post_id", metavar="POST"),
    argument("written", metavar="TEXT"),
)
def post_edit(app: App, post_id: str, written: str) -> None:
    full = app.client.post_id(post_id)
    app.result(app.client.put(f"/posts/{full}", {"text": written}))
    app.say("talk.edited")


@post.sub("delete", "wetalk post delete 4be1c02d", argument("post_id", metavar="POST"))
def post_delete(app: App, post_id: str) -> None:
    full = app.client.post_id(post_id)
    app.result(app.client.delete(f"/posts/{full}"))
    app.say("talk.deleted")


COMMANDS: Final = {"say": say, "read": read, "post": post}
