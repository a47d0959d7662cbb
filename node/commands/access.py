"""Who else gets in: `token` for programs, `lan` for phones on the home network.

Rules: a secret is printed once, alone on its line, and never kept here; what a token may do is said
in words. The code that lets a phone in stands in the fragment of an address, which no browser
sends.

Left to others: making and keeping tokens, certificates and codes (the node).
"""

import sys
import time
from typing import Any, Final

import click

from node.commands.base import App, argument, clean, group, on_terminal, option
from node.protocol.errors import LocalFault
from node.protocol.limits import PAIRING_LIFE_MINUTES, TOKEN_LIFE_MAX_DAYS

SCOPES: Final = ("read", "talk", "trade", "admin")
PHONE_SCOPES: Final = ("read", "talk", "trade")
PHONE_DAYS: Final = 180
POLL_S: Final = 1.0
LIFE: Final = click.IntRange(1, TOKEN_LIFE_MAX_DAYS)
SCOPE: Final = option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), about="scope")


# --- tokens ---------------------------------------------------------------------------------------
@group("token", "wetalk token new stall --scope read --scope trade --days 90")
def token(app: App) -> None:
    _list(app)


@token.sub(
    "new",
    "wetalk token new stall --scope read --scope trade --days 90",
    argument("name"),
    SCOPE,
    option("--days", type=LIFE, metavar="DAYS", about="days"),
)
def token_new(app: App, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    wished = {"name": name, "scopes": sorted({*(scopes or ("read",))}), "days": days}
    made = app.client.post("/tokens", wished)
    app.result(made)
    if not app.json:  # the token alone goes where `> FILE` leads
        app.hint("token.made", name=made["name"])
        app.line(made["token"])
        click.echo(made["text"], err=True)


@token.sub("list", "wetalk token list")
def token_list(app: App) -> None:
    _list(app)


def _list(app: App) -> None:
    found = app.client.get("/tokens")
    app.result(found)
    if not found["items"]:
        app.say("token.none")
        return
    rows = [[one["id"][:12], one["name"], _may(app, one), one["text"]] for one in found["items"]]
    app.table(("id", "name", "may", "until"), rows)


def _may(app: App, one: dict[str, Any]) -> str:
    return ", ".join(app.text(f"token.may_{scope}") for scope in SCOPES if scope in one["scopes"])


@token.sub("revoke", "wetalk token revoke stall", argument("typed", metavar="TOKEN"))
def token_revoke(app: App, typed: str) -> None:
    from node.commands.asking import one_of

    items = app.client.get("/tokens")["items"]
    named = [one["id"] for one in items if one["name"] == typed]
    if len(named) > 1:
        raise LocalFault("id-ambiguous", typed=typed)
    full = named[0] if named else one_of([one["id"] for one in items], typed, "token-unknown")
    app.result(app.client.delete(f"/tokens/{full}"))
    app.say("token.revoked", name=next(one["name"] for one in items if one["id"] == full))


# --- the home network -----------------------------------------------------------------------------
@group("lan", "wetalk lan on\nwetalk lan pair my-phone")
def lan(app: App) -> None:
    found = app.client.get("/lan")
    app.result(found)
    _show(app, found)


@lan.sub(
    "on",
    "wetalk lan on",
    option("--address", metavar="ADDRESS", about="lan_address"),
    option("--port", type=click.IntRange(0, 65_535), metavar="PORT", about="lan_port"),
)
def lan_on(app: App, address: str | None, port: int | None) -> None:
    found = app.client.put("/lan", {"on": True, "address": address, "port": port})
    app.result(found)
    _show(app, found)
    if found["state"] == "on":
        app.say("lan.next_pair")


@lan.sub("off", "wetalk lan off")
def lan_off(app: App) -> None:
    found = app.client.put("/lan", {"on": False})
    app.result(found)
    _show(app, found)


def _show(app: App, found: dict[str, Any]) -> None:
    app.line(found["text"])
    if found["certificate"] is not None:
        _certificate(app, found["certificate"])


def _certificate(app: App, certificate: dict[str, Any]) -> None:
    app.say("lan.fingerprint")
    pairs = certificate["fingerprint"].split(":")
    for half in (pairs[:16], pairs[16:]):
        app.line("  " + ":".join(half))
    app.say("lan.digits", digits=certificate["digits"])
    app.say("lan.compare")


@lan.sub(
    "pair",
    "wetalk lan pair my-phone",
    argument("name"),
    SCOPE,
    option("--days", type=LIFE, default=PHONE_DAYS, metavar="DAYS", about="pair_days"),
)
def lan_pair(app: App, name: str, scopes: tuple[str, ...], days: int) -> None:
    wished = {"name": name, "scopes": sorted({*(scopes or PHONE_SCOPES)}), "days": days}
    made = app.client.post("/lan/pairings", wished)
    app.result(made)
    if app.json:
        return
    app.say("lan.scan", minutes=PAIRING_LIFE_MINUTES)
    _show_code(made["link"])
    address, _, code = made["link"].partition("#pair=")
    app.say("lan.typed", address=address, code=code)
    _certificate(app, made["certificate"])
    if on_terminal():
        try:
            _await(app, made["pairing"])
        except KeyboardInterrupt:
            return


def _show_code(link: str) -> None:
    import segno

    segno.make(link, error="l", micro=False).terminal(sys.stdout, border=2, compact=True)


def _await(app: App, pairing: str) -> None:
    """Tell whether the phone came, as long as somebody watches."""
    app.say("lan.waiting")
    while True:
        pending = app.client.get("/lan")["pairings"]
        one = next((one for one in pending if one["pairing"] == pairing), None)
        if one is None:
            app.say("lan.unused")
            return
        if one["token"] is not None:
            app.say("lan.paired", name=clean(one["name"]), id=one["token"][:12])
            return
        time.sleep(POLL_S)


COMMANDS: Final = {"token": token, "lan": lan}
