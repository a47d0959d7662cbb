"""Who I am: `init`, `id`, `profile`, `contact`.

Rules: a phrase is shown on a terminal only; whatever the root key signs asks for the words anew.
"""

from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import App, argument, clean, command, group, option
from node.protocol.errors import LocalFault

FILE: Final = click.Path(path_type=Path)
WORDS_FILE: Final = option("--words-file", type=FILE, metavar="FILE", about="words_file")


@command(
    "init",
    "wetalk init --name 민수 --language ko",
    option("--name", metavar="NAME", about="name"),
    option("--community", "link", metavar="LINK|FILE", about="community"),
    option("--restore", is_flag=True, about="restore"),
    WORDS_FILE,
)
def init(
    app: App, name: str | None, link: str | None, restore: bool, words_file: Path | None
) -> None:
    from node.commands import making, words

    if app.home.genesis.exists():
        if restore and _replace_key(app, words_file):
            return
        raise LocalFault("home-exists", path=str(app.home.path))
    invitation = None if link is None else making.read_invitation(link)
    if restore:
        if invitation is None:
            raise LocalFault("restore-needs-community")
        making.prepare(app, words.ask_phrase(app, words_file), invitation)
        return
    phrase = None if words_file is None else words.ask_phrase(app, words_file)
    make(app, name, invitation, phrase)


def _replace_key(app: App, words_file: Path | None) -> bool:
    """Where the home is whole but its key cannot be read: a new key, with the member's words."""
    from node.commands import words
    from node.services.members import rekeying
    from node.storage.home import HomeLock

    if not rekeying.is_wanted(app.home):
        return False
    with HomeLock(app.home):
        member = rekeying.replace_key(app.home, words.ask_phrase(app, words_file))
    app.result({"member": member.hex(), "home": str(app.home.path), "finished": False})
    app.say("rekeyed.done")
    return True


def make(app: App, name: str | None, invitation: Any, phrase: Any, plan: Any = None) -> None:
    """Make a member and say what was made."""
    from node.commands import making, words

    made = making.make_member(app, name, invitation, phrase, plan)
    app.result(
        {
            "member": made.member.hex(),
            "community": made.community.hex(),
            "device": made.device.hex(),
            "home": str(app.home.path),
            "words_file": str(app.home.phrase) if phrase is None else None,
        }
    )
    app.say("init.done", path=str(app.home.path))
    if plan is not None:
        app.say("plan.founded", name=plan.name)
    if invitation is not None:
        making.Joined.of(app, invitation).say(app)
    if phrase is None:
        words.hand_over(app, made)
    app.say("init.next")


@group("id", "wetalk id")
def identity(app: App) -> None:
    found = app.client.get("/identity")
    app.result(found)
    app.say("id.member", member=found["member"])
    app.say("id.device", device=found["device"])
    if found["home_copied"]:
        app.say("id.copied")
    if found["restoring"]:
        app.say("restore.waiting")
    if found["words_waiting"]:
        app.say("phrase.nag")


@identity.sub("confirm", "wetalk id confirm", WORDS_FILE)
def confirm(app: App, words_file: Path | None) -> None:
    from node.commands import words
    from node.wallet import keyfile, phrase_file

    if not app.home.genesis.exists():
        raise LocalFault("home-missing")
    member = keyfile.read_info(app.home.device_key).member_id
    phrase = words.ask_phrase(app, words_file)
    phrase_file.confirm(app.home.phrase, phrase.text, member)
    app.result({"confirmed": True})
    app.say("phrase.confirmed")


@identity.sub(
    "password",
    "wetalk id password",
    option("--remove", is_flag=True, about="remove_password"),
    option("--password-file", type=FILE, metavar="FILE", about="password_file"),
    option("--new-password-file", type=FILE, metavar="FILE", about="new_password_file"),
)
def password(
    app: App, remove: bool, password_file: Path | None, new_password_file: Path | None
) -> None:
    from node.commands.words import ask_password
    from node.storage.home import HomeLock
    from node.wallet import keyfile

    key = app.home.device_key
    if not key.exists():
        raise LocalFault("home-missing")
    with HomeLock(app.home):
        old = new = None
        if keyfile.read_info(key).sealed:
            old = ask_password(app, password_file, twice=False)
        if not remove:
            new = ask_password(app, new_password_file, twice=True, key="words.new_password")
        keyfile.change_passphrase(key, "device", old=old, new=new)
    app.result({"sealed": new is not None})
    app.say("id.password_gone" if new is None else "id.password_set")


@group("profile", "wetalk profile")
def profile(app: App) -> None:
    _show_profile(app, app.client.get("/profile"))


def _show_profile(app: App, found: dict[str, Any]) -> None:
    app.result(found)
    app.line(clean(found["name"]))
    if found.get("about"):
        app.line(clean(found["about"]))
    facts = [*found.get("languages", []), found.get("region") or ""]
    app.line(clean(" · ".join(fact for fact in facts if fact)))


@profile.sub(
    "set",
    'wetalk profile set --name 민수 --about "김치를 담가요" --region KR-11',
    option("--name", metavar="NAME", about="name"),
    option("--about", "about_me", metavar="TEXT", about="about"),
    option("--speaks", multiple=True, metavar="LANGUAGE", about="speaks"),
    option("--region", metavar="REGION", about="region"),
)
def profile_set(
    app: App,
    name: str | None,
    about_me: str | None,
    speaks: tuple[str, ...],
    region: str | None,
) -> None:
    now = app.client.get("/profile")
    wanted = {
        "name": now["name"] if name is None else name,
        "about": now["about"] if about_me is None else about_me,
        "languages": list(speaks) or now["languages"],
        "region": now["region"] if region is None else region or None,
    }
    _show_profile(app, app.client.put("/profile", wanted))


@group("contact", "wetalk contact list")
def contact(app: App) -> None:
    _list_contacts(app)


@contact.sub("list", "wetalk contact list")
def contact_list(app: App) -> None:
    _list_contacts(app)


def _list_contacts(app: App) -> None:
    items = app.client.pages("/contacts")
    app.result({"items": items})
    if not items:
        app.say("contact.none")
    app.table(
        ("name", "member", "note"),
        [[one["name"], one["member"][:12], one.get("note") or ""] for one in items],
    )


@contact.sub(
    "add",
    'wetalk contact add 9f2c41d0 이모 --note "김치"',
    argument("member"),
    argument("name"),
    option("--note", default="", metavar="TEXT", about="note"),
)
def contact_add(app: App, member: str, name: str, note: str) -> None:
    full = app.client.member(member)
    body = {"member": full, "name": name, "note": note}
    app.result(app.client.post("/contacts", body))
    app.say("contact.added", name=clean(name))


@contact.sub("remove", "wetalk contact remove 이모", argument("name"))
def contact_remove(app: App, name: str) -> None:
    full = app.client.member(name)
    app.client.delete(f"/contacts/{full}")
    app.result({"removed": full})
    app.say("contact.removed", name=clean(name))


COMMANDS: Final = {
    "init": init,
    "id": identity,
    "profile": profile,
    "contact": contact,
}
