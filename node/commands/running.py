"""The node itself: `up`, `status`, `doctor`, `peers`, `service`."""

from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import (
    DONE,
    NOT_RUNNING,
    REFUSED,
    App,
    argument,
    clean,
    command,
    group,
    option,
)
from node.commands.witness import own_relay_of, say_relay
from node.protocol.errors import LocalFault

ROLES: Final = ("member", "relay")
ROLE: Final = option("--role", type=click.Choice(ROLES), default=ROLES[0], about="role")
LISTEN: Final = option("--listen", multiple=True, metavar="MULTIADDR", about="listen")


@command(
    "up",
    "wetalk up --peer /ip4/192.0.2.7/tcp/4130/p2p/12D3KooW…",
    option("--api-port", type=click.IntRange(0, 65_535), metavar="PORT", about="api_port"),
    LISTEN,
    option("--peer", "peers", multiple=True, metavar="MULTIADDR", about="peer"),
    option("--no-discover", is_flag=True, about="no_discover"),
    ROLE,
    option("--no-web", is_flag=True, about="no_web"),
    option("--first-run", is_flag=True, about="first_run"),
    option(
        "--password-file", type=click.Path(path_type=Path), metavar="FILE", about="password_file"
    ),
)
def up(app: App, **wishes: Any) -> int:
    from node.commands.upping import run

    return run(app, **wishes)


@command("status", "wetalk status")
def status(app: App) -> int:
    from node.commands.words import remind

    try:
        found = app.client.get("/status")
    except Exception as error:
        from node.commands.asking import told_by_client

        told = told_by_client(app, error)
        if told is None or told[2] != NOT_RUNNING:
            raise
        app.result({"running": False, "home": str(app.home.path)})
        app.say("status.stopped")
        app.say("status.home", path=str(app.home.path))
        remind(app)
        return NOT_RUNNING
    app.result({"running": True, **found})
    _show(app, found)
    return DONE


def _show(app: App, found: dict[str, Any]) -> None:
    app.say("status.running")
    app.say("status.member", name=found["member"]["name"], member=found["member"]["id"][:12])
    app.say("status.community", name=found["community"])
    app.say("status.records", count=found["records"])
    app.line(found["sync"]["text"])
    if found["sync"]["neighbours"]:
        app.say("peers.count", count=found["sync"]["neighbours"])
    app.say("status.home", path=str(app.home.path))
    address = web_address(app)
    if address is not None:
        app.say("status.web", address=address)
    if found["relay"] is not None:
        say_relay(app, found["relay"])
    if found["disk"]["problem"]:
        app.line(clean(found["disk"]["problem"]))
    app.say("status.next")
    for hint in found["next"]:
        command = hint.get("command")
        app.line(f"  {hint['text']}" + (f"  ({command})" if command else ""))


def web_address(app: App) -> str | None:
    """Where the running node's web page is; without the token."""
    import json

    try:
        told = json.loads(app.home.api.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(told["url"]) + "/" if "url" in told else None


@command(
    "doctor",
    "wetalk doctor",
    option("--rebuild", is_flag=True, about="rebuild"),
    option("--mend", is_flag=True, about="mend"),
)
def doctor(app: App, rebuild: bool, mend: bool) -> int:
    from node.commands.local import is_running, open_home
    from node.services.homes.looking import findings_of

    if not app.home.genesis.exists():
        raise LocalFault("home-missing")
    count = 0
    mended = _mend(app) if mend else None
    if rebuild:
        from node.services.rebuild import rebuild_state

        with open_home(app) as core:
            count = rebuild_state(core.database, core.fold)
    findings = findings_of(app.home)
    bad = [one for one in findings if one.level == "bad"]
    relay = None if bad else own_relay_of(app)  # what is not sound is not looked into
    app.result(
        {
            "home": str(app.home.path),
            "running": is_running(app),
            "rebuilt": count if rebuild else None,
            "mended": mended,
            "relay": relay,
            "findings": [
                {"level": one.level, "code": one.code, "values": _plain(one.values)}
                for one in findings
            ],
        }
    )
    if rebuild:
        app.say("doctor.rebuilt")
    app.say("status.home", path=str(app.home.path))
    if relay is not None:
        say_relay(app, relay)
    if not findings:
        app.say("doctor.well")
    else:
        app.say("doctor.found", count=len(findings))
    for one in findings:
        app.line(f"  {app.text(f'doctor.{one.code}', **one.values)}")
    return REFUSED if bad else DONE


def _mend(app: App) -> dict[str, Any]:
    """Make files anew from what can be read of them: the data file, unless pictures alone are
    damaged."""
    from node.services.core import now_ms
    from node.services.homes import mending
    from node.services.homes.looking import findings_of
    from node.storage.home import HomeLock
    from node.storage.pictures import PictureStore

    told: dict[str, Any] = {}
    with HomeLock(app.home):
        bad = {one.code for one in findings_of(app.home) if one.level == "bad"}
        if "pictures-damaged" in bad:
            told["pictures"] = PictureStore(app.home, now_ms).mend()
            app.say("doctor.pictures-mended", count=told["pictures"])
        if bad == {"pictures-damaged"}:
            return told
        done = mending.mend(app.home)
    app.say("doctor.mended", count=done.records, path=str(done.aside))
    return told | {
        "records": done.records,
        "waiting": done.waiting,
        "missing": done.missing,
        "aside": str(done.aside),
    }


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {name: v if isinstance(v, int | str) else str(v) for name, v in values.items()}


@group("peers", "wetalk peers")
def peers(app: App) -> None:
    found = app.client.get("/peers")
    app.result(found)
    app.line(found["text"])
    rows: list[list[object]] = []
    for one in found["items"]:
        delay = "" if one["rtt_s"] is None else f"{one['rtt_s'] * 1000:.0f} ms"
        rows.append([one["peer"][-8:], one["host"], delay, one["records_in"], one["records_left"]])
    app.table(("peer", "host", "delay", "records_in", "records_left"), rows)


@peers.sub(
    "add",
    "wetalk peers add /ip4/192.0.2.7/tcp/4130/p2p/12D3KooW…",
    argument("address", metavar="ADDR"),
)
def peers_add(app: App, address: str) -> None:
    app.result(app.client.post("/peers", {"address": address}))
    app.say("peers.added", address=address)


@group("service", "wetalk service install")
def service(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


@service.sub("install", "wetalk service install --role relay", ROLE, LISTEN)
def service_install(app: App, role: str, listen: tuple[str, ...]) -> None:
    from node.commands import boot

    wishes = ["--role", role] if role != ROLES[0] else []
    wishes += [word for address in listen for word in ("--listen", address)]
    path, started = boot.install(app.home.path, wishes)
    app.result({"file": str(path), "started": started})
    app.say("service.installed" if started else "service.written", path=str(path))


@service.sub("remove", "wetalk service remove")
def service_remove(app: App) -> None:
    from node.commands import boot

    removed = boot.remove()
    app.result({"removed": removed})
    app.say("service.removed" if removed else "service.none")


COMMANDS: Final = {
    "up": up,
    "status": status,
    "doctor": doctor,
    "peers": peers,
    "service": service,
}
