"""My devices: `device`.

Rules: whatever the root key signs asks for the words anew; a key under a password is asked for that
too. What an old device did later is shown before it is asked about.
"""

from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import App, argument, asks_possible, clean, group, option
from node.commands.member import WORDS_FILE
from node.i18n import amount_text

DEVICE: Final = argument("device_id", metavar="DEVICE")
PASSWORD_FILE: Final = option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", about="password_file"
)


@group("device", "wetalk device list")
def device(app: App) -> None:
    _list(app)


@device.sub("list", "wetalk device list")
def device_list(app: App) -> None:
    _list(app)


def _list(app: App) -> None:
    found = app.client.get("/devices")
    app.result(found)
    rows: list[list[object]] = []
    for one in found["items"]:
        state = "revoked" if one["revoked"] else "own" if one["this"] else "active"
        may = [app.text(f"device.may_{scope}") for scope in one["scopes"]]
        rows.append([one["device"][:12], app.text(f"device.{state}"), ", ".join(may)])
    app.table(("device", "state", "may"), rows)
    for one in found["items"]:
        if one["late"] is not None:
            _late(app, one)


def _late(app: App, one: dict[str, Any]) -> None:
    """Payments of an old device that became known later, and what to do about them."""
    app.line(one["late"]["text"])
    for payment in one["late"]["payments"]:
        amount = amount_text(payment["amount"], payment["decimals"])
        name = clean(payment["partner"]["name"])
        app.line(f"  {payment['trade'][:12]}  {name}  {amount}")
    if not one["late"]["left"]:
        short = one["device"][:12]
        app.say("late.yes", command=f"wetalk device recognise {short}")
        app.say("late.no", command=f"wetalk device recognise {short} --not-mine")


@device.sub(
    "add",
    "wetalk --home ~/wetalk-laptop device add invitation.txt",
    argument("link", metavar="LINK|FILE"),
    WORDS_FILE,
)
def device_add(app: App, link: str, words_file: Path | None) -> None:
    from node.commands import making, words

    invitation = making.read_invitation(link)
    making.prepare(app, words.ask_phrase(app, words_file), invitation, beside=True)


@device.sub(
    "revoke",
    "wetalk device revoke 5c1f09ab",
    DEVICE,
    option("--keep-past", is_flag=True, about="keep_past"),
    option("--since", metavar="TRADE", about="since"),
    WORDS_FILE,
)
def device_revoke(
    app: App, device_id: str, keep_past: bool, since: str | None, words_file: Path | None
) -> None:
    from node.commands import words

    if keep_past and since is not None:
        raise click.UsageError(app.text("cli.past_or_since"))
    full = _device(app, device_id)
    trade = None if since is None else app.client.trade(since)
    phrase = words.ask_phrase(app, words_file)
    body = {"device": full, "words": phrase.text, "open": keep_past, "since": trade}
    app.result(app.client.post("/devices/revoke", body))
    app.say("device.shut_out", device=full[:12])
    if since is not None:
        app.say("device.since")


@device.sub(
    "renew",
    "wetalk device renew",
    option("--both", is_flag=True, about="both"),
    WORDS_FILE,
    PASSWORD_FILE,
)
def device_renew(app: App, both: bool, words_file: Path | None, password_file: Path | None) -> None:
    from node.commands import words

    copied = app.client.get("/identity")["home_copied"]
    if copied and not both and not app.json and asks_possible():
        both = click.confirm(app.text("device.both"))
    phrase = words.ask_phrase(app, words_file)
    password = _password(app, password_file)
    body = {"words": phrase.text, "password": password, "both": both}
    _renewed(app, app.client.post("/devices/renew", body))


@device.sub(
    "recognise",
    "wetalk device recognise 5c1f09ab --through 7d90ab12",
    DEVICE,
    option("--through", metavar="TRADE", about="through"),
    option("--not-mine", is_flag=True, about="not_mine"),
    WORDS_FILE,
    PASSWORD_FILE,
)
def device_recognise(
    app: App,
    device_id: str,
    through: str | None,
    not_mine: bool,
    words_file: Path | None,
    password_file: Path | None,
) -> None:
    from node.commands import words

    if not_mine and through is not None:
        raise click.UsageError(app.text("cli.mine_or_not"))
    full = _device(app, device_id)
    if not_mine:
        app.result(app.client.post("/devices/leave", {"device": full}))
        app.say("device.left")
        return
    trade = None if through is None else app.client.trade(through)
    phrase = words.ask_phrase(app, words_file)
    password = _password(app, password_file)
    body = {"device": full, "words": phrase.text, "password": password, "through": trade}
    _renewed(app, app.client.post("/devices/recognise", body))


def _device(app: App, typed: str) -> str:
    from node.commands.asking import one_of

    items = app.client.get("/devices")["items"]
    return one_of([item["device"] for item in items], typed, "device-unknown")


def _password(app: App, file: Path | None) -> str | None:
    """The password of this computer's key, if it has one."""
    from node.commands.words import ask_password
    from node.wallet.keyfile import read_info

    return ask_password(app, file, twice=False) if read_info(app.home.device_key).sealed else None


def _renewed(app: App, done: dict[str, Any]) -> None:
    app.result(done)
    app.say("device.renewed", device=done["device"][:12])
    if app.json:
        return
    for hint in app.client.get("/status")["next"]:
        if hint["code"] in ("limit-awaited", "late"):
            app.line(hint["text"])


COMMANDS: Final = {"device": device}
