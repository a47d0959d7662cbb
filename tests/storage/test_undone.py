"""A job that raises leaves nothing, whatever it had done: what is written later stands as if it
had never run."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from node.protocol import crypto
from node.protocol.record import RawRecord
from node.protocol.state import Changes
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import WriterState
from tests.storage.samples import COMMUNITY, OTHER_TABLE, TABLE, open_database, store
from tests.support.world import World

PATIENCE_S = 20.0
WORLD = World()
POSTS = [WORLD.post(WORLD.talker(name), name).raw for name in ("ada", "bo", "eve")]
"""Real records, each of another device: storage keeps the keys of devices apart."""


PLACES = [(TABLE, b"key%08d" % 0), (TABLE, b"other"), (OTHER_TABLE, b"new")]


def put(state: WriterState, raw: RawRecord, **more: object) -> int:
    number = state.next_number()
    known = crypto.record_id(COMMUNITY, raw.header)
    state.apply(raw, Changes(number, "ok", id=known, **more))  # type: ignore[arg-type]
    return number


def put_and_look(state: WriterState) -> None:
    number = put(state, POSTS[1])
    state.record_count()  # what waits in memory is written for that
    assert state.raw(number) == POSTS[1]


def change_rows(state: WriterState) -> None:
    rows = {TABLE: {b"key%08d" % 0: None, b"other": b"1"}, OTHER_TABLE: {b"new": b"2"}}
    state.apply(None, Changes(rows=rows))  # type: ignore[arg-type]
    state.scan(TABLE, b"", None)
    state.get(OTHER_TABLE, b"new")


def put_and_drop(state: WriterState) -> None:
    state.apply(None, Changes(drop=[put(state, POSTS[1])]))


DEEDS: dict[str, Callable[[WriterState], object]] = {
    "a record of a device that is new": put_and_look,
    "a record that waits to be written": lambda state: put(state, POSTS[1]),
    "rows": change_rows,
    "rows read ahead": lambda state: state.preload({TABLE: [b"key%08d" % 0, b"none"]}),
    "a body erased": lambda state: state.apply(None, Changes(erase=[0])),
    "a body that came late": lambda state: state.apply(None, Changes(fill=(1, b"late"))),
    "a record dropped": lambda state: state.apply(None, Changes(drop=[1])),
    "a new record dropped": put_and_drop,
    "an event and a text to look at": lambda state: put(
        state, POSTS[1], events=[("post", b"x" * 32)], touched=[b"x" * 32]
    ),
    "an event alone": lambda state: state.tell("fork", b"x" * 32),
    "something to hand on": lambda state: state.outbox_add(0),
    "a setting": lambda state: state.settings.put("language", "zh"),
}


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables, and how far their numbers have come."""
    connection = database.reader().connection
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}
    del found["_sqlite_migrations"]  # when they ran
    found["marks"] = [row for row in found["marks"] if row[0] != "database_id"]
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def run_alone(database: Database, jobs: list[Callable[[WriterState], object]]) -> None:
    """Each in a transaction of its own; jobs may raise KeyError."""
    found = [database.writer.submit(job).exception(PATIENCE_S) for job in jobs]
    assert {type(error) for error in found} <= {type(None), KeyError}


def run_together(database: Database, jobs: list[Callable[[WriterState], object]]) -> None:
    """In one transaction; jobs may raise KeyError."""
    ready = threading.Event()
    waiting = database.writer.submit(lambda _: ready.wait(PATIENCE_S))
    futures = [database.writer.submit(job) for job in jobs]
    ready.set()
    assert waiting.result(PATIENCE_S)
    assert {type(future.exception(PATIENCE_S)) for future in futures} <= {type(None), KeyError}


def shown(home: Home, failing: Callable[[WriterState], object] | None, *, together: bool) -> object:
    """What stands in a database after some jobs, one of which may fail after the first."""

    def first(state: WriterState) -> None:
        store(state)
        put(state, POSTS[0]._replace(body=None))

    def other(state: WriterState) -> None:
        seen.append([state.get(*place) for place in PLACES])
        seen.append([state.raw(number) for number in range(4)])
        put(state, POSTS[2])

    def look(state: WriterState) -> None:
        seen.append((state.record_count(), state.records_after(-1, 99)))

    seen: list[object] = []

    jobs: list[Callable[[WriterState], object] | None] = [first, failing, other, look]
    jobs += [lambda state: put(state, POSTS[1]), *DEEDS.values()]
    todo = [job for job in jobs if job is not None]
    database = open_database(home)
    try:
        (run_together if together else run_alone)(database, todo)
        raws = [raw for _, raw in database.reader().records_after(-1, 99)]
        assert raws.count(POSTS[2]) == 1
        return contents(database), raws, seen
    finally:
        database.close()


@pytest.fixture(scope="module", params=[False, True], ids=["one by one", "together"])
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[bool, object]:
    """Whether jobs share a transaction, and what is shown when none fails."""
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    return request.param, shown(home, None, together=request.param)


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_job_that_raises_leaves_nothing(
    deed: Callable[[WriterState], object], undisturbed: tuple[bool, object], tmp_path: Path
) -> None:
    def failing(state: WriterState) -> None:
        deed(state)
        raise KeyError

    together, expected = undisturbed
    assert shown(Home(tmp_path), failing, together=together) == expected
