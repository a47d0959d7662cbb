"""Houses for the API's tests: a real node in this process, or the real API over a member's home."""

import functools
import http.client
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import trio

from node.api.app import build_app
from node.api.context import Api, open_api
from node.api.serving import Server, bind
from node.client import Client
from node.runtime import Options, Ready, run_node
from node.runtime.bridge import Bridge
from node.runtime.life import Life
from node.services.core import Core
from node.services.members.setup import Person, create_home
from node.storage.follower import Search
from node.storage.home import Home

T = TypeVar("T")
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class House:
    """An API that answers. Calls run in threads, as clients would."""

    home: Home
    port: int
    api: Api | None = None

    @property
    def token(self) -> str:
        return self.home.token.read_text().strip()

    def client(self, language: str | None = "en", token: str | None = None) -> Client:
        return Client(f"http://127.0.0.1:{self.port}", token or self.token, language=language)

    async def do(self, call: Callable[[Client], T]) -> T:
        """What a client's call returns or raises."""
        client = self.client()
        return await trio.to_thread.run_sync(lambda: call(client), abandon_on_cancel=True)

    async def ask(
        self,
        method: str = "GET",
        path: str = "/v1/identity",
        headers: Headers | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Any request, with exactly these headers; without any, those of an honest client."""
        given = self.honest(body) if headers is None else headers
        return await trio.to_thread.run_sync(
            functools.partial(raw_request, self.port, method, path, given, body),
            abandon_on_cancel=True,
        )

    def honest(self, body: bytes | None = None) -> Headers:
        """The headers of an honest client."""
        headers = [("Host", f"127.0.0.1:{self.port}"), ("Authorization", f"Bearer {self.token}")]
        if body is not None:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return headers


def raw_request(port: int, method: str, path: str, headers: Headers, body: bytes | None) -> Answer:
    """One request, every header as given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("utf-8"))
        connection.endheaders()
        try:
            if body:
                connection.send(body)
        except ConnectionError:
            pass  # refused before the body was read
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def make_home(folder: Path, name: str = "순희") -> Home:
    """A member with a community of their own."""
    home = Home(folder / "home")
    create_home(home, Person(name, "ko"))
    return home


@asynccontextmanager
async def running(home: Home, **options: Any) -> AsyncGenerator[House]:
    """A whole node without network, until left."""
    wished = Options(**{"api_port": 0, "network": False, "signals": False, **options})
    stop = trio.Event()
    send, receive = trio.open_memory_channel[Ready](1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(run_node, home, wished, send.send_nowait, stop=stop))
        with trio.fail_after(30):
            told = await receive.receive()
        try:
            yield House(home, int(told.api.rpartition(":")[2]))
        finally:
            stop.set()


@asynccontextmanager
async def serving(core: Core, port: int = 0) -> AsyncGenerator[House]:
    """The API over an open home, whose insides a test wants to see."""
    search = Search(core.database, core.home.search)
    bridge = Bridge(core)
    life = Life(core, bridge, trio.Event(), network=False)
    api = open_api(core, bridge.intake, bridge.publisher, search, life)
    listener = bind(port)
    port = listener.getsockname()[1]
    gate = build_app(api, port, "0")
    server = Server(gate, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        nursery.start_soon(life.home_network.run, gate.beside)
        try:
            yield House(core.home, port, api)
        finally:
            api.hub.close()
            server.stop()
            nursery.cancel_scope.cancel()
    await trio.to_thread.run_sync(search.close)


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition, for so long at most."""
    with trio.move_on_after(seconds):
        while not condition():
            await trio.sleep(0.005)
    assert condition(), "it did not happen in time"
