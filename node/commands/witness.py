"""Relays that confirm payments: `witness`.

Rules: a relay's key is made before the community that names it; the secret half stays in this home,
in a 0600 file, and nothing here prints or copies it. All of this works beside a running node.
"""

from typing import Any, Final

from node.commands.base import App, group, local_time


@group("witness", "wetalk witness")
def witness(app: App) -> None:
    from node.wallet import keyfile

    waiting = None
    if app.home.reserved_key.exists():
        waiting = keyfile.read_info(app.home.reserved_key).public_key
    found = own_relay_of(app)
    app.result({"relay": found, "reserved": None if waiting is None else waiting.hex()})
    if found is not None:
        say_relay(app, found)
    else:
        app.say("witness.not_one")
    if waiting is not None:
        app.say("witness.reserved", key=waiting.hex())


@witness.sub("key", "wetalk --home ~/wetalk-relay witness key")
def witness_key(app: App) -> None:
    from node.wallet import keyfile

    found = own_relay_of(app)
    if found is not None:
        app.result({"key": found["key"], "in_use": True})
        app.line(found["key"])
        if not app.json:
            app.hint("witness.in_use")
        return
    app.home.prepare()
    key = keyfile.reserve_key(app.home.reserved_key)
    app.result({"key": key.hex(), "in_use": False})
    app.line(key.hex())
    if not app.json:
        app.hint("witness.key")
        app.hint("witness.then")


def own_relay_of(app: App) -> dict[str, Any] | None:
    """What this home has done as a relay, as the API's status shows it, read beside whatever runs
    there; None if it is no relay, or of an earlier build and not converted yet."""
    if not app.home.genesis.exists() or not app.home.device_key.exists():
        return None
    import sqlite3

    from node.api.shaping import relay_fields
    from node.commands.local import read_home
    from node.services.core import read_rules
    from node.services.trading.relays import own_relay
    from node.wallet import keyfile

    info = keyfile.read_info(app.home.device_key)
    try:
        with read_home(app) as reader:
            rules = read_rules(app.home)
            found = own_relay(reader, rules, info.member_id, info.public_key)
    except sqlite3.Error:
        return None
    return None if found is None else relay_fields(found)


def say_relay(app: App, relay: dict[str, Any]) -> None:
    """Which chapters a relay serves, and how much it has confirmed."""
    app.say("witness.chapters", chapters=", ".join(relay["chapters"]))
    if relay["last"] is None:
        app.say("witness.count_none")
    else:
        last = local_time(relay["last"])
        app.say("witness.count", count=relay["confirmations"], time=last)
    if relay["convicted"]:
        app.say("next.witness_convicted")


COMMANDS: Final = {"witness": witness}
