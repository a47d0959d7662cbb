"""SQLite and a dict are one Reader: whatever is written, both show the same."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.protocol.state import Changes, DictState
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import WriterState
from tests.storage.samples import OTHER_TABLE, TABLE, open_database, raw

# Few and short keys, so that they meet each other and the bounds of scans; the bytes around which
# ranges end.
NEAR = [b"", b"\x00", b"a", b"a\x00", b"a\xff", b"b", b"\xff", b"\xff\xff"]
KEYS = st.sampled_from(NEAR) | st.binary(max_size=3)
ROWS = st.none() | st.binary(max_size=40)
TABLES = st.sampled_from([TABLE, OTHER_TABLE])
CHANGES = st.dictionaries(TABLES, st.dictionaries(KEYS, ROWS, max_size=8))
SCANS = st.tuples(
    TABLES, KEYS, st.none() | KEYS, st.booleans(), st.none() | st.integers(min_value=0, max_value=5)
)


@given(steps=st.lists(CHANGES, max_size=6), scans=st.lists(SCANS, max_size=6), undone=CHANGES)
@settings(max_examples=40)
def test_the_two_readers_agree(
    steps: list[dict[str, dict[bytes, bytes | None]]],
    scans: list[tuple[str, bytes, bytes | None, bool, int | None]],
    undone: dict[str, dict[bytes, bytes | None]],
) -> None:
    """Inside a job as well as after it, and after a job that was undone."""
    model = DictState()

    def job(state: WriterState, rows: dict[str, dict[bytes, bytes | None]]) -> None:
        changes = Changes(state.next_number(), "ok", rows)
        state.apply(raw(changes.number), changes)
        model.apply(raw(changes.number), changes)
        agree(state, model, scans)

    def several(state: WriterState) -> None:
        for rows in steps[:-1]:
            job(state, rows)

    def failing(state: WriterState) -> None:
        state.apply(raw(state.next_number()), Changes(state.next_number(), "ok", undone))
        raise KeyError

    with TemporaryDirectory() as folder:
        database = open_database(Home(Path(folder)))
        try:
            database.writer.run_sync(several)
            assert isinstance(database.writer.submit(failing).exception(), KeyError)
            for rows in steps[-1:]:
                database.writer.run_sync(lambda state, rows=rows: job(state, rows))
            agree(database.reader(), model, scans)
        finally:
            database.close()


def agree(
    reader: Reader, model: DictState, scans: list[tuple[str, bytes, bytes | None, bool, int | None]]
) -> None:
    assert reader.next_number() == model.next_number()
    for number in range(model.next_number() + 1):
        assert reader.raw(number) == model.raw(number)
    for name, low, high, reverse, limit in scans:
        options = {"reverse": reverse, "limit": limit}
        expected = model.scan(name, low, high, **options)  # type: ignore[arg-type]
        assert list(reader.scan(name, low, high, **options)) == expected  # type: ignore[arg-type]
    for name, rows in model.tables.items():
        assert [reader.get(name, key) for key in rows] == list(rows.values())
        assert reader.get(name, b"not there") is None
        assert list(reader.scan(name, b"", None)) == sorted(rows.items())


def test_writing_while_scanning_is_allowed(database: Database) -> None:
    def job(state: WriterState) -> int:
        state.apply(None, Changes(rows={TABLE: {bytes((n,)): b"row" for n in range(20)}}))
        for key, _ in state.scan(TABLE, b"", None):
            state.apply(None, Changes(rows={TABLE: {key: None, key + b"\0": b"new"}}))
        return len(state.scan(TABLE, b"", None))

    assert database.writer.run_sync(job) == 20


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_however_many_rows_are_written_at_once_all_are_there(
    database: Database, count: int
) -> None:
    """They go into the file in statements of many rows, and what is left over one by one."""

    def job(state: WriterState) -> None:
        for number in range(count):
            rows: dict[bytes, bytes | None] = {b"%03d" % number: b"row %d" % number}
            state.apply(raw(number), Changes(number, "ok", {TABLE: rows}, touched=[number]))

    database.writer.run_sync(job)
    reader = database.reader()
    assert reader.records_after(-1, 999) == [(number, raw(number)) for number in range(count)]
    assert [row for _, row in reader.scan(TABLE, b"", None)] == [
        b"row %d" % n for n in range(count)
    ]
    below = {0: 0, 1: 1, count: count, count + 1: count}
    assert {number: reader.record_count_below(number) for number in below} == below


def test_erased_bodies_are_gone_from_the_file(database: Database, home: Home) -> None:
    secret = b"a secret that must not stay " * 300  # also on pages of its own
    for at_once in (True, False):

        def job(state: WriterState, at_once: bool = at_once) -> int:
            number = state.next_number()
            erase = [number] if at_once else []
            record = RawRecord(b"header", secret, bytes(64))
            state.apply(record, Changes(number, "ok", erase=erase))
            return number

        number = database.writer.run_sync(job)
        if not at_once:
            held = database.reader().raw(number)
            assert held is not None
            assert held.body == secret
            database.writer.run_sync(
                lambda state, number=number: state.apply(None, Changes(erase=[number]))
            )
        kept = database.reader().raw(number)
        assert kept is not None
        assert kept.body is None
    database.close()
    assert secret[:28] not in home.database.read_bytes()


def test_a_body_that_comes_and_goes_in_one_job_is_never_written(database: Database) -> None:
    def job(state: WriterState) -> None:
        state.apply(raw(0, b"a post"), Changes(0, "ok"))
        state.apply(raw(1), Changes(1, "ok"))
        state.apply(None, Changes(erase=[0]))

    database.writer.run_sync(job)
    bodies = database.reader().connection.execute("SELECT body FROM records ORDER BY number")
    assert bodies.fetchall() == [(None,), (raw(1).body,)]


def test_a_number_is_used_once_also_where_its_record_goes_in_the_job_that_brought_it(
    home: Home,
) -> None:
    def job(state: WriterState) -> None:
        state.apply(raw(0), Changes(0, "ok"))
        state.apply(raw(1), Changes(1, "ok"))
        state.apply(None, Changes(drop=[1]))
        assert state.next_number() == 2

    database = open_database(home)
    database.writer.run_sync(job)
    database.close()
    again = open_database(home)
    assert again.reader().next_number() == 2
    again.close()


def test_a_body_that_arrives_later_is_filled_in(database: Database) -> None:
    record = RawRecord(b"header", None, bytes(64))
    writer = database.writer
    writer.run_sync(lambda state: state.apply(record, Changes(0, "ok")))
    writer.run_sync(lambda state: state.apply(None, Changes(0, "ok", fill=(0, b"late"))))
    assert database.reader().raw(0) == record._replace(body=b"late")
    writer.run_sync(lambda state: state.apply(None, Changes(fill=(0, b"no"), erase=[0])))
    assert database.reader().raw(0) == record


def test_a_job_sees_its_own_records_however_it_asks(database: Database) -> None:
    def job(state: WriterState) -> None:
        state.apply(raw(0), Changes(0, "ok"))
        assert state.record_count() == 1
        state.apply(raw(1), Changes(1, "ok"))
        assert state.records_after(-1, 9) == [(0, raw(0)), (1, raw(1))]
        state.apply(raw(2), Changes(2, "ok"))
        assert (state.raw(2), state.next_number()) == (raw(2), 3)

    database.writer.run_sync(job)


@pytest.mark.parametrize("dropped", [[2], [1, 2], [2, 1]])
def test_the_number_of_the_newest_is_not_used_again_when_that_is_dropped(
    home: Home, dropped: list[int]
) -> None:
    database = open_database(home)
    for number in range(3):
        database.writer.run_sync(lambda s, n=number: s.apply(raw(n), Changes(n, "ok")))
    database.writer.run_sync(lambda state: state.apply(None, Changes(drop=dropped)))
    database.close()
    again = open_database(home)
    assert again.reader().next_number() == 3
    again.close()


def test_a_number_is_never_used_twice(home: Home) -> None:
    database = open_database(home)
    for _ in range(3):
        database.writer.run_sync(
            lambda s: s.apply(raw(s.next_number()), Changes(s.next_number(), "ok"))
        )
    database.writer.run_sync(lambda state: state.apply(None, Changes(drop=[2, 1])))
    assert database.reader().raw(2) is None
    assert database.reader().next_number() == 3
    database.close()
    again = open_database(home)
    assert again.writer.run_sync(lambda state: state.next_number()) == 3
    again.writer.run_sync(lambda state: state.apply(raw(3), Changes(3, "ok")))
    assert [number for number, _ in again.reader().records_after(-1, 9)] == [0, 3]
    again.close()
