"""Events reach every client, in order, each once, across reconnects and restarts."""

import socket
import sqlite3
from pathlib import Path

import pytest
import trio

from node.client import ApiProblem, Client, Event, NotRunning
from node.protocol import limits
from node.protocol.lanes import ENTRY
from node.protocol.ports import ForkProof
from node.runtime import bridge
from node.services.incoming import proofs
from node.services.trading.trade import Proposal
from node.storage.state import WriterState
from tests.api.house import House, make_home, running, serving, until
from tests.support.homes import Clock, genesis_for, introduce, move_in, seed_of, town


def take(client: Client, count: int, last_id: str | None = None) -> list[Event]:
    """The next events that are kept, and the greeting."""
    found: list[Event] = []
    stream = client.events(last_id, come_back=False)
    for event in stream:
        if event.id is not None:
            found.append(event)
        if len(found) == count:
            break
    stream.close()  # type: ignore[attr-defined]
    return found


def found_by(client: Client, words: str) -> list[str]:
    """Ids of posts that a search finds; none while the node begins anew."""
    try:
        return [one["post"]["id"] for one in client.search(words)["items"] if one["post"]]
    except (ApiProblem, NotRunning, OSError):
        return []


async def say(house: House, *texts: str) -> list[str]:
    return [(await house.do(lambda c, t=text: c.say("hall", t)))["id"] for text in texts]


async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(
    house: House,
) -> None:
    ready = (await house.do(lambda client: take(client, 1)))[0]
    assert ready.name == "ready"
    first = await say(house, "one", "two", "three")
    seen = await house.do(lambda client: take(client, 3, ready.id))
    assert [event.data.get("post") for event in seen] == [None, first[0], first[1]]
    rest = await house.do(lambda client: take(client, 2, seen[-1].id))
    assert [event.data.get("post") for event in rest] == [None, first[2]]


async def test_a_restart_of_the_node_loses_no_event(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    async with running(home) as house:
        ready = (await house.do(lambda client: take(client, 1)))[0]
        before = await say(house, "before")
    async with running(home) as house:
        after = await say(house, "after")
        seen = await house.do(lambda client: take(client, 3, ready.id))
        assert [event.data.get("post") for event in seen[1:]] == before + after
        assert len({event.id for event in seen[1:]}) == 2


async def test_a_waiting_stream_is_told_at_once(tmp_path: Path) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    await introduce(person, seed_of("amina device "))
    found: list[Event] = []
    async with serving(person.core) as house, trio.open_nursery() as nursery:
        assert house.api is not None
        hub = house.api.hub

        async def follow() -> None:
            found.extend(await house.do(lambda client: take(client, 2)))

        nursery.start_soon(follow)
        await until(lambda: hub.streams == 1)
        made = await say(house, "now")
    assert [event.name for event in found] == ["ready", "post"]
    assert found[1].data["post"] == made[0]
    person.close()


@pytest.mark.parametrize("last_id", ["000000000000-1", "x", "-", "99", "{epoch}-999999"])
async def test_an_id_that_cannot_be_resumed_means_read_anew(house: House, last_id: str) -> None:
    ready = (await house.do(lambda client: take(client, 1)))[0]
    epoch = str(ready.id).partition("-")[0]
    told = await house.do(lambda client: take(client, 1, last_id.format(epoch=epoch)))
    assert told[0].name == "reset"
    assert told[0].id == ready.id


async def test_a_client_away_for_longer_than_the_log_reaches_is_told_so(tmp_path: Path) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        ready = (await house.do(lambda client: take(client, 1)))[0]

        def many(state: WriterState) -> None:
            for number in range(3):
                state.events.add("post", bytes(32), number)
            state.connection.execute("DELETE FROM events WHERE seq < 3")

        await person.core.writer.run(many)
        told = await house.do(lambda client: take(client, 1, ready.id))
        assert told[0].name == "reset"
    person.close()


async def test_a_client_that_goes_is_forgotten_and_too_many_are_refused(tmp_path: Path) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        assert house.api is not None
        hub = house.api.hub
        sockets = [open_stream(house) for _ in range(limits.EVENT_STREAMS_MAX_COUNT)]
        await until(lambda: hub.streams == limits.EVENT_STREAMS_MAX_COUNT)
        answer = await house.ask("GET", "/v1/events")
        assert (answer.status, answer.json["code"]) == (503, "busy")
        for one in sockets:
            one.close()
        await until(lambda: hub.streams == 0)
        assert (await house.do(lambda client: take(client, 1)))[0].name == "ready"
    person.close()


def open_stream(house: House) -> socket.socket:
    """An event stream that nobody reads."""
    connection = socket.create_connection(("127.0.0.1", house.port), timeout=5)
    lines = [
        "GET /v1/events HTTP/1.1",
        *(f"{name}: {value}" for name, value in house.honest()),
        "",
        "",
    ]
    connection.sendall("\r\n".join(lines).encode())
    return connection


async def test_a_client_that_takes_nothing_is_dropped_and_delays_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RESPONSE_WRITE_MAX_S", 0.3)
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        assert house.api is not None
        hub = house.api.hub
        slow = open_stream(house)
        await until(lambda: hub.streams == 1)

        def burst(state: WriterState) -> None:
            for number in range(5_000):
                state.events.add("post", bytes(32), number)
            state._events = True  # as `apply` notes it

        with trio.fail_after(30):
            while hub.streams:
                await person.core.writer.run(burst)
                hub.wake()
                assert (await house.ask("GET", "/v1/contacts")).status == 200
        slow.close()
    person.close()


async def test_silence_is_filled_with_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EVENTS_HEARTBEAT_S", 0.05)
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        stream = await trio.to_thread.run_sync(open_stream, house)
        stream.settimeout(10)

        def read() -> bytes:
            found = b""
            while b"\n:\n" not in found.replace(b"\r\n", b"\n"):
                found += stream.recv(65_536)
            return found

        assert b"event: ready" in await trio.to_thread.run_sync(read)
        stream.close()
    person.close()


async def test_open_streams_end_first_when_the_node_stops(tmp_path: Path) -> None:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        sockets = [open_stream(house) for _ in range(3)]
        assert house.api is not None
        hub = house.api.hub
        await until(lambda: hub.streams == 3)
        began = trio.current_time()
    assert trio.current_time() - began < limits.API_STOP_MAX_S
    for one in sockets:
        one.close()
    person.close()


async def test_a_request_that_fails_has_the_home_looked_at_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of the fold that can be read, and is not what the records make of it."""
    monkeypatch.setattr(bridge, "SLOW_TICK_S", 0.1)
    home = make_home(tmp_path)
    async with running(home) as house:
        said = await say(house, "one")
        with sqlite3.connect(home.database) as connection:
            connection.execute("DELETE FROM fold_lane_key")
        connection.close()
        assert (await house.ask("GET", "/v1/members")).status == 500
        await until(lambda: list(home.path.glob("damaged-*/node.db")))
        with trio.fail_after(10):
            while await house.do(lambda client: found_by(client, "one")) != said:
                await trio.sleep(0.05)
        assert (await house.ask("GET", "/v1/members")).status == 200


@pytest.mark.parametrize(
    "row", ["events (count, at, pack) VALUES (1, 1", "touched (count, pack) VALUES (1"]
)
async def test_lists_of_changes_that_cannot_be_read_are_mended_while_it_runs(
    tmp_path: Path, row: str
) -> None:
    """Streams and the search index read them in threads and tasks that nobody waits for."""
    home = make_home(tmp_path)
    async with running(home) as house:
        ready = (await house.do(lambda client: take(client, 1)))[0]
        with sqlite3.connect(home.database) as connection:
            connection.execute(f"INSERT INTO {row}, x'c1')")
        connection.close()
        said = await say(house, "one")
        if row.startswith("events"):
            await house.do(lambda client: take(client, 2, ready.id))
        await until(lambda: list(home.path.glob("damaged-*/node.db")))
        with trio.fail_after(10):
            while await house.do(lambda client: found_by(client, "one")) != said:
                await trio.sleep(0.05)


async def test_a_proof_of_a_fork_is_told_at_once_without_any_record(tmp_path: Path) -> None:
    people = await town(tmp_path, "officer", "amina", "baraka")
    officer, amina, baraka = people
    twin = move_in(tmp_path / "twin", "amina", genesis_for("officer"), Clock(1_800_000_000_000))
    twin.core.signer, signer = None, twin.core.signer
    await amina.hand_to(twin)
    twin.core.signer = signer
    made = [
        home.core.reader.raw(ENTRY.must(home.core.reader, trade).number)
        for home, trade in [
            (home, await home.trade.propose(Proposal(baraka.id, amount, invoice=False)))
            for home, amount in ((amina, 1), (twin, 2))
        ]
    ]
    one, two = (raw for raw in made if raw is not None)
    proof = ForkProof(one.header, one.signature, two.header, two.signature)
    async with serving(officer.core) as house:
        ready = (await house.do(lambda client: take(client, 1)))[0]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(proofs.take, officer.core, [proof], "somebody")
            seen = await house.do(lambda client: take(client, 2, ready.id))
        assert (seen[1].name, seen[1].data["member"], seen[1].data["device"]) == (
            "fork",
            amina.id.hex(),
            amina.core.own.public_key.hex(),
        )
    for person in (*people, twin):
        person.close()
