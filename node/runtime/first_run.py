"""A home without a member, served in the browser until one was made there.

Rules: as for a node, the address is bound before anything is served, and found by `api.json`. When
a member was made, the answer that says so goes out, and serving ends; the caller starts the node at
the same port.

Left to others: what is asked and made (`node.api.first_run`).
"""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from node import i18n
from node.api.serving import LOOPBACK, Server, bind
from node.api.version import program_version
from node.runtime.life import AFTER_ANSWER_S
from node.runtime.place import found_by
from node.storage.home import Home


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where a member can be made: the page, and the token that opens it."""

    api: str  # http://127.0.0.1:PORT
    token_file: Path


async def await_member(
    home: Home,
    port: int,
    language: i18n.Language,
    waiting: Callable[[Waiting], None],
    stop: trio.Event,
) -> int | None:
    """Serve until a member was made; the port to go on with. None: stopped before.

    Raises LocalFault port-taken, port-taken-by, port-refused; WalletError.
    """
    from node.api.first_run import build_first_run  # few homes are without a member

    home.prepare()
    listener = bind(port)
    port = listener.getsockname()[1]
    made = trio.Event()
    app = build_first_run(home, port, program_version(), language, made.set)
    server = Server(app, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        with found_by(home, port):
            waiting(Waiting(f"http://{LOOPBACK}:{port}", home.token))
            await _first_of(made, stop)
            if made.is_set():
                await trio.sleep(AFTER_ANSWER_S)
            server.stop()
    return port if made.is_set() else None


async def _first_of(*events: trio.Event) -> None:
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(wait, event)
