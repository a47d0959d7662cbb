"""The check from scratch: entries are compared wherever they stand, by whatever means they come."""

import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from node.ledger.positions import TRADE
from node.ledger.verify import Doubt
from node.protocol.lanes import ENTRY
from node.services.books import scratch_check
from node.services.books.verification import Finding, verify
from node.services.core import Core
from node.services.incoming import verifiers
from node.storage import doctor
from node.storage.schema import fold_table
from tests.services.test_verification import damage, doubts, filled, put
from tests.support.exports import WORLD


@pytest.fixture
def core(tmp_path: Path) -> Generator[Core]:
    core = filled(tmp_path, WORLD)
    yield core
    core.close()


@pytest.mark.parametrize("rows", [1, 2, 7, 1_000])
@pytest.mark.parametrize("which", ["first", "last"])
def test_an_entry_that_is_gone_or_made_up_is_found_wherever_a_page_ends(
    core: Core, monkeypatch: pytest.MonkeyPatch, rows: int, which: str
) -> None:
    monkeypatch.setattr(scratch_check, "PAGE_ROWS_COUNT", rows)
    order = "ASC" if which == "first" else "DESC"
    table = fold_table("entry")
    query = f"SELECT k, v FROM {table} ORDER BY k {order} LIMIT 1"
    key, row = core.reader.connection.execute(query).fetchone()
    damage(core, f"DELETE FROM {table} WHERE k = ?", key)
    assert Finding(Doubt.LOST, key.hex()) in verify(core, from_scratch=True).findings
    made_up = b"\0" * 32 if which == "first" else b"\xff" * 32
    damage(core, f"INSERT INTO {table} VALUES (?, ?)", key, row)
    damage(core, f"INSERT INTO {table} VALUES (?, ?)", made_up, row)
    assert Finding(Doubt.LOST, made_up.hex()) in verify(core, from_scratch=True).findings
    damage(core, f"DELETE FROM {table} WHERE k = ?", made_up)
    assert verify(core, from_scratch=True).ok


def test_an_entry_that_names_another_record_is_found(core: Core) -> None:
    (a, one), (b, other) = ENTRY.scan(core.reader, b"", None, limit=2)
    put(core, ENTRY, a, lambda row: structs.replace(row, number=other.number))
    put(core, ENTRY, b, lambda row: structs.replace(row, number=one.number))
    found = verify(core, from_scratch=True)
    assert {Finding(Doubt.LOST, a.hex()), Finding(Doubt.LOST, b.hex())} <= set(found.findings)


def test_a_trade_of_other_sides_is_found_from_scratch_too(core: Core) -> None:
    """The state root says nothing of sides: who signed is compared with them."""
    trade = next(t for t, row in TRADE.scan(core.reader, b"", None) if row.counted)
    put(core, TRADE, trade, lambda row: structs.replace(row, payer=row.payee, payee=row.payer))
    assert {Doubt.UNSIGNED, Doubt.BALANCE} <= doubts(core, from_scratch=True)


def test_other_processes_check_much_and_may_be_killed_meanwhile(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch_check, "VERIFIERS_RECORDS_COUNT", 1)
    monkeypatch.setattr(doctor, "REBUILD_BATCH_COUNT", 5)
    root, children = verify(core).root, list[int]()

    def kill(done: int, total: int) -> None:
        for worker in list(workers):
            children.append(worker._process.pid)
            worker._process.kill()

    workers: list[Any] = []
    made = verifiers._Worker

    def noted() -> Any:
        workers.append(made())
        return workers[-1]

    monkeypatch.setattr(verifiers, "_Worker", noted)
    found = verify(core, from_scratch=True, progress=kill)
    assert children
    assert (found.ok, found.root) == (True, root)
    assert all(worker._process.poll() is not None for worker in workers)
    damage(core, "UPDATE records SET signature = zeroblob(64) WHERE number = ?", 3)
    found = verify(core, from_scratch=True)
    assert found.findings == [Finding(Doubt.BYTES, "#3")]
    monkeypatch.setattr(verifiers, "PROGRAM", ("/nowhere/to/be/found",))
    monkeypatch.setattr(verifiers, "_Worker", made)
    assert verify(core, from_scratch=True).findings == found.findings


class Stopped(Exception):
    """Somebody switched the computer off."""


def leave_half(core: Core) -> Path:
    """Begin a check, and stop in the middle. Returns the file that it leaves."""

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise Stopped

    with pytest.raises(Stopped):
        verify(core, from_scratch=True, progress=stop)
    return core.database.path.with_name("node.db.check")


def change(scratch: Path, statement: str) -> None:
    connection = sqlite3.connect(scratch)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "REBUILD_BATCH_COUNT", 3)
    monkeypatch.setattr(doctor, "RUN_KEPT_COUNT", 3)


@pytest.mark.usefixtures("small_steps")
def test_a_check_that_was_cut_short_goes_on_where_it_was(core: Core) -> None:
    root, total = verify(core).root, core.reader.record_count()
    scratch = leave_half(core)
    told: list[int] = []
    found = verify(core, from_scratch=True, progress=lambda done, _: told.append(done))
    assert (found.ok, found.root, found.resumed) == (True, root, True)
    assert total // 2 < told[0] < told[-1] == total
    assert not scratch.exists()
    assert not verify(core, from_scratch=True).resumed


@pytest.mark.usefixtures("small_steps")
def test_what_another_program_left_is_not_gone_on_with(core: Core) -> None:
    root, scratch = verify(core).root, leave_half(core)
    change(scratch, "UPDATE marks SET value = 'of another version' WHERE name = 'run'")
    told: list[int] = []
    found = verify(core, from_scratch=True, progress=lambda done, _: told.append(done))
    assert (found.ok, found.root, found.resumed) == (True, root, False)
    assert told[0] <= 3
    assert told == sorted(set(told))  # and it was done once


@pytest.mark.usefixtures("small_steps")
def test_where_going_on_finds_a_difference_it_is_looked_at_once_more_from_the_start(
    core: Core,
) -> None:
    """What was left of a run may have suffered, too."""
    root, scratch = verify(core).root, leave_half(core)
    change(scratch, f"DELETE FROM {fold_table('entry')}")
    found = verify(core, from_scratch=True)
    assert (found.ok, found.root, found.resumed) == (True, root, False)
    leave_half(core).write_bytes(b"no database at all" * 999)
    assert verify(core, from_scratch=True).ok
