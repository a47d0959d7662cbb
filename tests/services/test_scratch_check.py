"""The check from scratch: entries are compared wherever they stand, by whatever means they come."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from node.ledger.positions import TRADE
from node.ledger.verify import Doubt
from node.protocol.lanes import ENTRY
from node.services import scratch_check, verifiers
from node.services.core import Core
from node.services.verification import Finding, verify
from node.storage import doctor
from node.storage.schema import fold_table
from tests.services.test_portability import WORLD
from tests.services.test_verification import damage, doubts, filled, put


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
