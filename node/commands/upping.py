"""`up`: make the member if there is none, run the node, and tell what happens.

Rules: with `--json` the first line says where the node is, and each line after it is one event, as
the node's own event stream gives them; the token is named by its file, never printed. On a terminal
the web client's address carries the token in its fragment, which browsers do not send.
"""

import json
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from node import interpreter
from node.client import ApiProblem, Client, Event, NotRunning
from node.commands.base import DONE, App, asks_possible
from node.commands.screen import on_terminal
from node.protocol.errors import LocalFault
from node.runtime import Options, Ready, Waiting, run_node
from node.wallet.keyfile import read_info

AGAIN_S: Final = 1.0
NOWHERE: Final = "none"  # in the place of an address to listen on
REPORTS: Final = frozenset({"checking", "backing-up", "migrating", "rebuilding", "mending"})


def run(
    app: App,
    api_port: int | None,
    listen: tuple[str, ...],
    peers: tuple[str, ...],
    role: str,
    no_web: bool,
    no_discover: bool,
    first_run: bool,
    password_file: Path | None,
) -> int:
    """Run until Ctrl-C. Raises LocalFault, WalletError, StorageFault."""
    import trio

    interpreter.share_one_heap()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    in_browser = _asks_in_browser(app, first_run, web=not no_web and role == "member")
    if not in_browser:
        _make_if_needed(app)
    options = Options(
        api_port=api_port,
        listen=() if NOWHERE in listen else listen or None,
        peers=peers,
        relay=role == "relay",
        web=not no_web,
        discover=not no_discover,
        passphrase=None if in_browser else _password(app, password_file),
        first_run=app.language if in_browser else None,
    )
    teller = Teller(app)

    async def live() -> None:
        report, waiting = teller.report, teller.waiting
        await run_node(app.home, options, teller.ready, report=report, waiting=waiting)

    trio.run(live)  # pyright: ignore[reportUnknownMemberType]
    return DONE


def _asks_in_browser(app: App, first_run: bool, *, web: bool) -> bool:
    """True iff a member is made there. Who sits at a terminal has a browser beside it; who does
    not is asked nothing, unless they want to be."""
    wanted = first_run or (not app.json and asks_possible())
    return web and wanted and not app.home.genesis.exists()


def _password(app: App, file: Path | None) -> str | None:
    """The password of the device key, if it has one."""
    if not read_info(app.home.device_key).sealed:
        return None
    from node.commands.words import ask_password

    return ask_password(app, file, twice=False)


def _make_if_needed(app: App) -> None:
    if app.home.genesis.exists():
        if not app.home.device_key.exists():
            raise LocalFault("home-books", path=str(app.home.path))
        from node.commands.words import remind

        remind(app)
        return
    from node.commands import making, words

    words.hand_over(app, making.make_member(app, None, None))


class Teller:
    """Tells a person or a program what the node does."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._neighbours = 0
        self._follower: threading.Thread | None = None

    def report(self, what: str) -> None:
        """What takes long before the node is up."""
        if what in REPORTS:
            self._app.hint(f"up.{what.replace('-', '_')}")

    def waiting(self, told: Waiting) -> None:
        """A member can be made in the browser."""
        app = self._app
        if app.json:
            _print({"first_run": told.api, "token_file": str(told.token_file)})
            return
        app.say("first_run.open", address=self._address(told.api, told.token_file))
        app.say("first_run.instead")
        app.say("status.stop_hint")

    def _address(self, api: str, token_file: Path) -> str:
        """The page's address; on a terminal with the token in its fragment."""
        if not on_terminal():
            return f"{api}/"
        return f"{api}/#token={token_file.read_text(encoding='ascii').strip()}"

    def ready(self, told: Ready) -> None:
        """The node can be reached."""
        app = self._app
        if app.json:
            first = {
                "addresses": list(told.addresses),
                "api": told.api,
                "token_file": str(told.token_file),
                "member": told.member.hex(),
                "network": told.network,
            }
            _print(first)
        else:
            self._greet(told)
        if self._follower is None or not self._follower.is_alive():
            # Daemonic: it waits for news of a node that ends with this process.
            self._follower = threading.Thread(target=self._follow, daemon=True)
            self._follower.start()

    def _greet(self, told: Ready) -> None:
        app = self._app
        app.say("status.running")
        if told.web:
            app.say("status.web", address=self._address(told.api, told.token_file))
        if told.lan is not None:
            app.say("lan.on", address=told.lan)
        for address in told.addresses:
            app.say("up.listening", address=address)
        app.say("peers.none")
        app.say("status.stop_hint")

    def _follow(self) -> None:
        last: str | None = None
        while True:
            try:
                client = Client.of_home(self._app.home.path, language=self._app.language)
                for event in client.events(last):
                    last = event.id or last
                    self._event(client, event)
            except ApiProblem:
                time.sleep(AGAIN_S)  # too many streams just now, or the node is about to stop
            except (NotRunning, BrokenPipeError, ValueError):
                return  # the node has stopped, or nobody reads any more

    def _event(self, client: Client, event: Event) -> None:
        if self._app.json:
            _print({"event": event.name, "id": event.id, **event.data})
        elif event.name == "ready" and client.identity()["restoring"]:
            self._app.say("restore.waiting")
        elif event.name == "status":
            count = int(client.status()["sync"]["neighbours"])
            if count != self._neighbours:
                first = self._neighbours == 0
                self._neighbours = count
                self._app.say("peers.first" if first and count == 1 else "peers.count", count=count)


def _print(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
