"""The node process: it answers first, holds its home alone, stops in time, and starts anew."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from node.api.serving import bind, holder_of
from node.client import Client, NotRunning
from node.protocol import genesis, portable
from node.protocol.errors import LocalFault
from node.protocol.lanes import heads_of
from node.runtime import Options, run_node
from node.runtime.bridge import NEIGHBOURS_SETTING, Bridge
from node.services.incoming.held import IN_STEP
from node.services.members.setup import Person, create_home
from node.storage.home import Home
from node.wallet.phrase_file import read_phrase
from tests.api.house import make_home, running
from tests.support.homes import town
from tests.tidy import ROOT

PROGRAM = """
import json, sys, trio
from pathlib import Path
from node.runtime import Options, run_node
from node.storage.home import Home

def ready(told):
    print(json.dumps({"api": told.api, "addresses": told.addresses, "state": told.network,
                      "libp2p": "libp2p" in sys.modules}), flush=True)

options = Options(**json.loads(sys.argv[2]))
trio.run(lambda: run_node(Home(Path(sys.argv[1])), options, ready))
"""


@dataclass
class Process:
    """A node in a process of its own, and what it told when it was ready."""

    popen: "subprocess.Popen[str]"
    told: dict[str, Any]


@contextmanager
def process(home: Home, **options: Any) -> Generator[Process]:
    """Start a node, and stop it however the test ends."""
    wished = {"api_port": 0, "network": False, "discover": False, **options}
    command = [sys.executable, "-c", PROGRAM, str(home.path), json.dumps(wished)]
    popen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert popen.stdout is not None
        line = popen.stdout.readline()
        yield Process(popen, json.loads(line) if line else {})
    finally:
        popen.kill()
        popen.wait()
        assert popen.stdout is not None
        popen.stdout.close()


def test_a_node_without_network_never_loads_libp2p(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with process(home) as node:
        assert node.told["libp2p"] is False
        client = Client.of_home(home.path)
        assert client.status()["sync"]["network"] == "off"
        assert home.api.stat().st_mode & 0o777 == 0o600
        assert json.loads(home.api.read_text())["pid"] == node.popen.pid


def test_the_api_answers_while_the_network_is_still_being_loaded(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    listen = ["/ip4/127.0.0.1/tcp/0"]
    wished = json.dumps({"api_port": 0, "discover": False, "listen": listen})
    command = [sys.executable, "-c", PROGRAM, str(home.path), wished]
    popen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        states: list[str] = []
        end = time.monotonic() + 60
        while "running" not in states and time.monotonic() < end:
            try:
                states.append(Client.of_home(home.path).status()["sync"]["network"])
            except NotRunning:
                time.sleep(0.01)
        assert states[0] == "starting"
        assert states[-1] == "running"
        assert popen.stdout is not None
        told = json.loads(popen.stdout.readline())
        assert told["addresses"][0].startswith("/ip4/127.0.0.1/tcp/")
    finally:
        popen.terminate()
        assert popen.wait(20) == 0
        assert popen.stdout is not None
        popen.stdout.close()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_node_in_time_with_streams_open(
    tmp_path: Path, sent: signal.Signals
) -> None:
    home = make_home(tmp_path)
    with process(home) as node:
        client = Client.of_home(home.path)
        stream = client.events(come_back=False)
        assert next(stream).name == "ready"
        idle = socket.create_connection(("127.0.0.1", int(node.told["api"].rpartition(":")[2])))
        began = time.monotonic()
        node.popen.send_signal(sent)
        assert node.popen.wait(20) == 0
        assert time.monotonic() - began < 10
        assert [event.name for event in stream if event.id] == []
        idle.close()
        assert not home.api.exists()
        with pytest.raises(NotRunning):
            Client.of_home(home.path)


def test_a_killed_node_is_noticed_and_starts_again(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with process(home) as node:
        post = Client.of_home(home.path).say("hall", "before")["id"]
        node.popen.kill()
        node.popen.wait()
        with pytest.raises(NotRunning):
            Client.of_home(home.path).status()
    with process(home):
        assert Client.of_home(home.path).post_shown(post)["text"] == "before"


async def test_one_process_holds_a_home(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    async with running(home):
        with pytest.raises(LocalFault) as caught:
            await run_node(home, Options(network=False, signals=False), lambda _: None)
    assert (caught.value.code, caught.value.values["process"]) == ("home-in-use", os.getpid())


async def test_a_taken_port_is_told_with_its_holder(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        options = Options(api_port=port, network=False, signals=False)
        with pytest.raises(LocalFault) as caught:
            await run_node(home, options, lambda _: None)
    assert caught.value.code == "port-taken-by"
    assert caught.value.values["port"] == port
    assert str(os.getpid()) in str(caught.value.values["program"])
    assert holder_of(port) is None
    bind(port).close()


async def test_a_chosen_port_is_kept_in_the_home(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    async with running(home, api_port=port) as house:
        assert house.port == port
    async with running(home, api_port=None) as house:
        assert house.port == port
    async with running(home, api_port=0) as house:
        assert house.port != port


async def test_joining_another_community_keeps_port_token_and_words(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    other = Home(tmp_path / "other")
    create_home(other, Person("officer", "ko"))
    document = other.genesis.read_bytes()
    community, founded = genesis.parse(document)
    link = portable.encode_invitation(
        portable.Invitation([], founded.chapters[0].name, None, document)
    )
    words = read_phrase(home.phrase).text
    async with running(home) as house:
        token = house.token
        before = await house.do(lambda client: client.identity())
        told = await house.do(lambda client: client.join(link, words))
        assert told == {"restarting": True, "community": community.hex()}

        def moved() -> dict[str, Any] | None:
            try:
                found = house.client().identity()
            except NotRunning:
                return None
            return found if found["community"] == community.hex() else None

        with trio.fail_after(20):
            while (after := await trio.to_thread.run_sync(moved)) is None:
                await trio.sleep(0.05)
        assert after["member"] == before["member"]
        assert after["device"] != before["device"]
        assert after["words_waiting"]
        assert house.token == token
        shown = await house.do(lambda client: client.community())
        assert shown["chapters"][0]["membership"] == "applicant"


async def test_a_community_that_is_in_use_is_not_left(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    other = Home(tmp_path / "other")
    create_home(other, Person("officer", "ko"))
    document = other.genesis.read_bytes()
    _, founded = genesis.parse(document)
    link = portable.encode_invitation(
        portable.Invitation([], founded.chapters[0].name, None, document)
    )
    words = read_phrase(home.phrase).text
    async with running(home) as house:
        await house.do(lambda client: client.say("hall", "I live here"))
        body = json.dumps({"link": link, "words": words}).encode()
        answer = await house.ask("POST", "/v1/community/join", None, body)
        assert (answer.status, answer.json["code"]) == (409, "community-not-empty")
        body = json.dumps({"link": link, "words": read_phrase(other.phrase).text}).encode()
        answer = await house.ask("POST", "/v1/community/join", None, body)
        assert answer.json["code"] == "phrase-other"
        assert (await house.do(lambda client: client.identity()))["community"]


async def test_confirming_the_words_removes_their_file(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    words = read_phrase(home.phrase).text
    async with running(home) as house:
        status = await house.do(lambda client: client.status())
        assert status["next"][0]["code"] == "confirm-words"
        await house.do(lambda client: client.confirm(words))
        assert not home.phrase.exists()
        assert not (await house.do(lambda client: client.identity()))["words_waiting"]


async def test_a_home_that_has_known_neighbours_waits_for_their_echo(tmp_path: Path) -> None:
    """R11: a restored disk image must not go on signing before a neighbour was asked."""
    people = await town(tmp_path, "officer", "amina")
    core = people[1].core
    bridge = Bridge(core)
    assert not core.echo_wanted  # nobody has ever confirmed anything
    own = [head for lane in bridge._own_lanes() for head in heads_of(core.reader, lane)]
    bridge._echoed("peer", own)
    await core.writer.run(lambda state: None)
    assert core.reader.settings.get(NEIGHBOURS_SETTING) is not None
    in_step = core.reader.settings.get(IN_STEP)
    assert in_step is not None
    bridge._echoed("peer", own)
    await core.writer.run(lambda state: None)
    assert core.reader.settings.get(IN_STEP) == in_step  # written down now and then
    again = Bridge(core)
    assert core.echo_wanted
    again._echoed("peer", [])
    assert core.echo_wanted
    again._echoed("peer", own)
    assert not core.echo_wanted
    for person in people:
        person.close()
