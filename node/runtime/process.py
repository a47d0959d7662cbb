"""One node, from taking its home to giving it back.

    lock -> core, search -> API (within two seconds) -> network -> duties, until told to stop

Rules: the API answers first; libp2p is imported after that, in a thread. Stopping is bounded in
time: event streams end first, then requests and the network, then search and files. A node that
joins another community starts again in the same process, under the same lock, at the same port; so
does one whose data was found to be damaged, after it was mended.

Left to others: what happens after commits (`bridge`), asking for passwords, printing, making the
home (commands).
"""

# pyright: reportUnknownMemberType=false, reportCallIssue=false
# The stubs of trio that come with libp2p do not know their own types.

import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import trio

from node import i18n, interpreter
from node.api.app import build_app
from node.api.context import Api, open_api
from node.api.serving import LOOPBACK, Server, bind
from node.api.version import program_version
from node.protocol.errors import StorageFault
from node.runtime.bridge import Bridge, NetworkWishes, only_fault
from node.runtime.first_run import Waiting, await_member
from node.runtime.life import Again, Damaged, Life, Rejoining
from node.runtime.place import found_by
from node.services.core import Core
from node.services.homes import mending
from node.services.members import renewal, setup
from node.storage.errors import Problem
from node.storage.follower import Search
from node.storage.home import Home, HomeLock
from node.wallet.signer import Signer

API_PORT_DEFAULT: Final = 8445
API_PORT_SETTING: Final = "api_port"
START_SETTLED_S: Final = 15.0  # its threads have ended by then
GIVE_BACK_EVERY_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may choose for one run. None: as kept in the home, else the default."""

    api_port: int | None = None  # 0: any free one, not kept
    listen: tuple[str, ...] | None = None
    peers: tuple[str, ...] = ()
    relay: bool = False
    web: bool = True
    network: bool = True
    discover: bool = True
    passphrase: str | None = None
    signals: bool = True  # stop on SIGINT and SIGTERM
    first_run: i18n.Language | None = None  # ask in the browser where there is no member yet


@dataclass(frozen=True, slots=True)
class Ready:
    """What `up` tells once the node can be reached."""

    api: str  # http://127.0.0.1:PORT
    token_file: Path
    member: bytes
    addresses: tuple[str, ...]
    network: str  # running, off, failed
    web: bool
    lan: str | None = None  # https://ADDRESS:PORT/, where the home network is open


async def run_node(
    home: Home,
    options: Options,
    ready: Callable[[Ready], None],
    *,
    stop: trio.Event | None = None,
    report: Callable[[str], None] = lambda _: None,
    waiting: Callable[[Waiting], None] = lambda _: None,
) -> None:
    """Run a node until SIGINT, SIGTERM or `stop`. `ready` is called when it can be reached, again
    after it has joined another community; `report` is told what takes long (`checking`,
    `backing-up`, `migrating`, `rebuilding`, `mending`); `waiting`, where a member is made first.

    Raises LocalFault home-in-use, no-member-here, port-taken, port-taken-by, listen-address,
    peer-address; WalletError; StorageFault.
    """
    stop = trio.Event() if stop is None else stop
    try:
        with HomeLock(home):
            async with trio.open_nursery() as nursery:
                if options.signals:
                    nursery.start_soon(_heed_signals, stop)
                if options.first_run is not None and not home.genesis.exists():
                    port = API_PORT_DEFAULT if options.api_port is None else options.api_port
                    made = await await_member(home, port, options.first_run, waiting, stop)
                    if made is None:
                        nursery.cancel_scope.cancel()
                        return
                    options = replace(options, api_port=made)
                mended = False
                while (again := await _run_once(home, options, ready, stop, report)) is not None:
                    options = replace(options, api_port=again.port)
                    if isinstance(again, Rejoining):
                        await trio.to_thread.run_sync(_move, home, again, options.passphrase)
                    elif isinstance(again, Damaged):
                        if mended:  # the disk goes on changing what it holds
                            raise StorageFault(Problem.DATABASE_DAMAGED, path=str(home.database))
                        report("mending")
                        await trio.to_thread.run_sync(mending.mend, home)
                        mended = True
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise only_fault(group) from None


async def _heed_signals(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            stop.set()


def _move(home: Home, joining: Rejoining, passphrase: str | None) -> None:
    """Put the old community aside, and make the same member anew in the other one."""
    setup.set_home_aside(home)
    setup.create_home(
        home,
        setup.Person(joining.name, joining.language),
        invitation=joining.invitation,
        phrase=joining.phrase,
        passphrase=passphrase,
    )


async def _run_once(
    home: Home,
    options: Options,
    ready: Callable[[Ready], None],
    stop: trio.Event,
    report: Callable[[str], None],
) -> Again | None:
    """One run on one community; returns how to go on, if at all."""
    setup.forget_reserved(home)
    core = mending.open_whole(home, report=report)
    core.database.watch(core.note_damage)
    try:
        renewal.settle_keys(core)
        core.signer = Signer.device(
            home.device_key, options.passphrase, community_id=core.community
        )
        search = Search(core.database, home.search, note=core.note_fault)
        try:
            return await _serve(core, search, options, ready, stop)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(search.close)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(core.close)


async def _serve(
    core: Core,
    search: Search,
    options: Options,
    ready: Callable[[Ready], None],
    stop: trio.Event,
) -> Again | None:
    bridge = Bridge(core)
    life = Life(core, bridge, stop, network=options.network)
    api = open_api(core, bridge.intake, bridge.publisher, search, life)
    listener = bind(_wanted_port(core, options.api_port))
    life.port = listener.getsockname()[1]
    gate = build_app(api, life.port, program_version(), web=options.web)
    server = Server(gate, listener)
    async with _answering(core.home, api, server), trio.open_nursery() as nursery:
        nursery.start_soon(bridge.do_duties)
        nursery.start_soon(life.watch, api.hub)
        nursery.start_soon(life.home_network.run, gate.beside)
        nursery.start_soon(_spare_memory)
        if options.network:
            wishes = NetworkWishes(options.listen, options.peers, options.relay, options.discover)
            await life.start_network(nursery, wishes)
            api.hub.status_changed()
        await life.home_network.until_settled()
        ready(_told(core, life, server, options))
        await life.until_ended()
        life.note_met()
        api.hub.close()
        server.stop()
        nursery.cancel_scope.cancel()
    return life.again


async def _spare_memory() -> None:
    """Return to the system what the start, and whatever came later, needed for a while only."""
    await trio.sleep(START_SETTLED_S)
    while True:
        interpreter.give_back()
        await trio.sleep(GIVE_BACK_EVERY_S)


@asynccontextmanager
async def _answering(home: Home, api: Api, server: Server) -> AsyncGenerator[None]:
    """The API answers within this."""
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        with found_by(home, server.port):
            try:
                yield
            finally:
                api.hub.close()
                server.stop()


def _wanted_port(core: Core, chosen: int | None) -> int:
    """The port asked for, else the one kept, else the default; kept for good unless it is 0."""
    kept = core.reader.settings.get(API_PORT_SETTING)
    if chosen is None:
        chosen = int(kept) if kept and kept.isdecimal() else API_PORT_DEFAULT
    if chosen != 0 and kept != str(chosen):
        core.writer.run_sync(lambda state: state.settings.put(API_PORT_SETTING, str(chosen)))
    return chosen


def _told(core: Core, life: Life, server: Server, options: Options) -> Ready:
    return Ready(
        api=f"http://{LOOPBACK}:{server.port}",
        token_file=core.home.token,
        member=core.member,
        addresses=tuple(life.addresses()),
        network=life.network_state,
        web=options.web,
        lan=life.lan().url,
    )
