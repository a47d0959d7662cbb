"""Verification: sound books are called sound, and every kind of damage is found and named."""

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from node.i18n import LANGUAGES, text
from node.ledger import book
from node.ledger.positions import TRADE
from node.ledger.root import state_root
from node.ledger.verify import Doubt
from node.protocol import state as tables
from node.protocol.lanes import ENTRY
from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.protocol.state import Overlay, Table
from node.services.books import scratch_check, short_check, verification
from node.services.books.verification import Finding, verify
from node.services.books.verified import VERIFIED_SETTING
from node.services.core import Core
from node.services.homes.keyless import keyless_core
from node.services.incoming.intake import FILE, Intake
from node.storage import doctor
from node.storage.home import Home
from node.storage.schema import fold_table
from tests.support.exports import WORLD
from tests.support.world import World


@pytest.fixture
def core(tmp_path: Path):  # type: ignore[no-untyped-def]
    core = keyless_core(Home(tmp_path / "home"), WORLD.genesis_bytes)
    Intake(core).take_sync(WORLD.raws(), FILE)
    yield core
    core.close()


def filled(folder: Path, world: World) -> Core:
    core = keyless_core(Home(folder / "home"), world.genesis_bytes)
    Intake(core).take_sync(world.raws(), FILE)
    return core


def damage(core: Core, statement: str, *values: Any) -> None:
    def job(state: Any) -> int:
        return state.connection.execute(statement, values).rowcount

    assert core.writer.run_sync(job) == 1


def put(core: Core, table: Table[Any], key: bytes, change: Callable[[Any], Any]) -> None:
    """Write another row of the fold, as a failing disk or a bug would."""

    def job(state: Any) -> None:
        overlay = Overlay(state)
        table.put(overlay, key, change(table.must(state, key)))
        state.apply(None, overlay.changes)

    core.writer.run_sync(job)


def first(reader: Reader, table: Table[Any]) -> tuple[bytes, Any]:
    return next(iter(table.scan(reader, b"", None, limit=1)))


def doubts(core: Core, *, from_scratch: bool) -> set[Doubt]:
    found = verify(core, from_scratch=from_scratch)
    assert found.ok == (not found.findings)
    return {finding.doubt for finding in found.findings}


@pytest.mark.parametrize("from_scratch", [False, True])
def test_sound_books_are_called_sound(core: Core, from_scratch: bool) -> None:
    told: list[tuple[int, int]] = []
    found = verify(core, from_scratch=from_scratch, progress=lambda a, b: told.append((a, b)))
    assert found.findings == []
    assert (found.ok, found.level, found.sum_of_balances) == (True, "L2", 0)
    assert (found.trades, found.accounts) == (2, 2)
    assert found.records == core.reader.record_count()
    assert told[-1][0] == told[-1][1] > 0
    with core.reading() as reader:
        from node.ledger.root import state_root

        assert found.root == state_root(reader, core.rules)


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    core = keyless_core(Home(tmp_path / "home"), WORLD.genesis_bytes)
    try:
        found = verify(core, from_scratch=True)
        assert (found.ok, found.level, found.records) == (True, "L2", 0)
    finally:
        core.close()


def test_books_that_relays_confirmed_reach_their_level(tmp_path: Path) -> None:
    world = World("3/2")
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit, _ = world.pay(a, b, 5)
    core = filled(tmp_path, world)
    try:
        assert verify(core, from_scratch=True).level == "L2"
        stamps = [made.raw for made in world.secure(commit)]
        Intake(core).take_sync(stamps, FILE)
        assert verify(core, from_scratch=True).level == "L3"
    finally:
        core.close()


def test_a_changed_balance_is_found_by_the_short_check(core: Core) -> None:
    key, _ = first(core.reader, book.BOOK)
    put(core, book.BOOK, key, lambda amount: amount + 1)
    found = verify(core)
    assert (found.ok, found.level, found.sum_of_balances) == (False, "L1", 1)
    assert Finding(Doubt.BALANCE, key[2:].hex()) in found.findings
    assert Doubt.ROOT in doubts(core, from_scratch=True)


def test_two_balances_that_cancel_out_are_found_too(core: Core) -> None:
    keys = [key for key, _ in book.BOOK.scan(core.reader, b"", None)]
    assert len(keys) == 2
    for key, change in zip(keys, (7, -7), strict=True):
        put(core, book.BOOK, key, lambda amount, change=change: amount + change)
    found = verify(core)
    assert found.sum_of_balances == 0
    assert {finding.subject for finding in found.findings} == {key[2:].hex() for key in keys}


def test_a_trade_that_is_no_longer_counted_is_found(core: Core) -> None:
    from msgspec import structs

    trade = next(t for t, row in TRADE.scan(core.reader, b"", None) if row.counted)
    put(core, TRADE, trade, lambda row: structs.replace(row, counted=False))
    assert doubts(core, from_scratch=False) == {Doubt.COUNT, Doubt.BALANCE}


def test_whichever_table_is_emptied_a_check_from_scratch_ends_with_an_answer(core: Core) -> None:
    """Never with an exception: what it reads may be anything. What shows in the root is named."""
    sound = root_of(core)
    told: dict[str, bool] = {}
    for name in sorted(tables.TABLES):
        table = fold_table(name)
        rows = core.reader.connection.execute(f"SELECT * FROM {table}").fetchall()
        if not rows:
            continue
        write(core, f"DELETE FROM {table}", [()])
        found = verify(core, from_scratch=True)
        told[name] = not found.ok
        assert told[name] or root_of(core) == sound, name
        write(core, f"INSERT INTO {table} VALUES (?, ?)", rows)
    assert sum(told.values()) > len(told) // 3
    assert verify(core, from_scratch=True).ok


def root_of(core: Core) -> bytes | None:
    """The state root, None where it cannot be computed."""
    try:
        return state_root(core.reader, core.rules)
    except scratch_check.WRECKED:
        return None


def write(core: Core, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    def job(state: Any) -> None:
        state.connection.executemany(statement, rows)
        state.forget()

    core.writer.run_sync(job)


def test_a_trade_of_other_sides_is_found(core: Core) -> None:
    from msgspec import structs

    trade = next(t for t, row in TRADE.scan(core.reader, b"", None) if row.counted)
    put(core, TRADE, trade, lambda row: structs.replace(row, payer=row.payee, payee=row.payer))
    found = verify(core)
    assert found.level == "L0"
    assert {finding.doubt for finding in found.findings} == {Doubt.UNSIGNED, Doubt.BALANCE}


def test_another_verdict_is_found_from_scratch(core: Core) -> None:
    from msgspec import structs

    record, _ = next(
        (key, row) for key, row in ENTRY.scan(core.reader, b"", None) if row.verdict == "over-limit"
    )
    put(core, ENTRY, record, lambda row: structs.replace(row, verdict="grant"))
    assert doubts(core, from_scratch=False) == set()
    found = verify(core, from_scratch=True)
    assert Finding(Doubt.VERDICT, record.hex()) in found.findings
    assert found.level == "L1"


@pytest.mark.parametrize("part", ["lead", "body", "signature"])
def test_a_flipped_bit_in_a_stored_record_is_found(core: Core, part: str) -> None:
    number = accepted(core)
    old: bytes = core.reader.connection.execute(
        f"SELECT {part} FROM records WHERE number = ?", (number,)
    ).fetchone()[0]
    new = old[:-1] + bytes((old[-1] ^ 1,))
    damage(core, f"UPDATE records SET {part} = ? WHERE number = ?", new, number)
    found = verify(core, from_scratch=True)
    assert Finding(Doubt.BYTES, f"#{number}") in found.findings
    assert (found.ok, found.level) == (False, "")


def accepted(core: Core) -> int:
    """Local number of some stored acceptance."""
    raws = core.reader.records_after(-1, 1_000)
    return next(number for number, raw in raws if b"trade.accept" in raw.header)


def test_a_flipped_bit_in_the_keys_of_a_device_is_found(core: Core) -> None:
    number = accepted(core)
    query = "SELECT keys FROM signers JOIN records ON signer = signers.number"
    (old,) = core.reader.connection.execute(
        f"{query} WHERE records.number = ?", (number,)
    ).fetchone()
    damage(core, "UPDATE signers SET keys = ? WHERE keys = ?", bytes((old[0] ^ 1,)) + old[1:], old)
    found = verify(core, from_scratch=True)
    assert Finding(Doubt.BYTES, f"#{number}") in found.findings
    assert (found.ok, found.level) == (False, "")


def test_a_record_that_is_gone_is_found(core: Core) -> None:
    number = next(
        n for n, raw in core.reader.records_after(-1, 1_000) if b"account.open" in raw.header
    )
    damage(core, "DELETE FROM records WHERE number = ?", number)
    found = verify(core, from_scratch=True)
    assert {Doubt.LOST, Doubt.CLOSURE} <= {finding.doubt for finding in found.findings}
    assert not found.ok


def test_a_record_nobody_listed_is_found(core: Core) -> None:
    record, _ = first(core.reader, ENTRY)
    damage(core, f"DELETE FROM {fold_table('entry')} WHERE k = ?", record)
    assert Doubt.LOST in doubts(core, from_scratch=True)


def test_records_may_arrive_while_books_are_verified(tmp_path: Path) -> None:
    """The check looks at one moment, though the node goes on."""
    raws = WORLD.raws()
    core = keyless_core(Home(tmp_path / "home"), WORLD.genesis_bytes)
    try:
        Intake(core).take_sync(raws[:20], FILE)
        arriving: list[RawRecord] = raws[20:]

        def arrive(done: int, total: int) -> None:
            thread = threading.Thread(target=Intake(core).take_sync, args=(arriving, FILE))
            thread.start()
            thread.join(30)

        assert verify(core, from_scratch=True, progress=arrive).findings == []
        assert core.reader.record_count() > 20
    finally:
        core.close()


def test_nothing_is_left_behind(core: Core) -> None:
    verify(core, from_scratch=True)
    names = {path.name.split("-")[0] for path in core.home.path.iterdir()}
    assert names <= {"genesis", "lock", "node.db"}


def test_a_readers_view_cannot_be_written(core: Core) -> None:
    with core.reading() as reader, pytest.raises(sqlite3.OperationalError):
        reader.connection.execute("DELETE FROM records")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_doubt_has_its_sentence(language: str) -> None:
    for doubt in Doubt:
        assert "x1" in text(Finding(doubt, "x1").key, language, subject="x1")


# --- going on where an earlier check ended --------------------------------------------------------
def filling(core: Core, part: slice) -> None:
    Intake(core).take_sync(WORLD.raws()[part], FILE)


def test_a_check_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    core = keyless_core(Home(tmp_path / "home"), WORLD.genesis_bytes)
    try:
        filling(core, slice(0, 20))
        found = verify(core)
        assert (found.records, found.checked, found.before.number) == (20, 20, 0)
        again = verify(core)
        assert (again.records, again.checked, again.before.number) == (20, 0, 20)
        assert again.before.at > 0
        filling(core, slice(20, None))
        found = verify(core)
        assert found.checked == found.records - 20 > 0
        assert found.ok
        assert verify(core).root == verify(core, from_scratch=True).root
    finally:
        core.close()


def test_what_was_checked_is_told_apart_from_what_was_recomputed(core: Core) -> None:
    verify(core)
    assert verify(core).before.scratch_at == 0
    verify(core, from_scratch=True)
    before = verify(core).before
    assert before.scratch_number == before.number == core.reader.next_number()
    assert before.scratch_at > 0


@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize("table", [book.BOOK, book.TURNOVER, TRADE])
def test_a_tampered_row_is_found_by_both_checks_though_it_was_sound_before(
    core: Core, table: Table[Any], from_scratch: bool
) -> None:
    from msgspec import structs

    assert verify(core, from_scratch=True).ok
    key, row = next(
        (key, row)
        for key, row in table.scan(core.reader, b"", None)
        if table is not TRADE or row.counted
    )
    changed = {
        book.BOOK: lambda: row + 1,
        book.TURNOVER: lambda: structs.replace(row, unsecured=row.unsecured + 1),
        TRADE: lambda: structs.replace(row, amount=row.amount + 1),
    }[table]()
    put(core, table, key, lambda _: changed)
    found = verify(core, from_scratch=from_scratch)
    assert not found.ok
    assert found.level in ("L0", "L1")
    assert verify(core, from_scratch=from_scratch).findings == found.findings  # and again


def test_damage_in_new_records_is_found_again_and_again(core: Core) -> None:
    """A mark never moves over what was found: the next check finds it too."""
    number = accepted(core)
    old: bytes = core.reader.connection.execute(
        "SELECT body FROM records WHERE number = ?", (number,)
    ).fetchone()[0]
    new = old[:-1] + bytes((old[-1] ^ 1,))
    damage(core, "UPDATE records SET body = ? WHERE number = ?", new, number)
    for _ in range(2):
        found = verify(core)  # its header names another body now, so it is another record
        assert Doubt.LOST in {one.doubt for one in found.findings}
        assert found.before.number == 0
    damage(core, "UPDATE records SET body = ? WHERE number = ?", old, number)
    assert verify(core).ok


def test_a_mark_of_other_books_is_none(core: Core) -> None:
    verify(core)
    with core.reading() as reader:
        kept = json.loads(reader.settings.get(VERIFIED_SETTING) or "")
    for change in ({"database": "00" * 16}, {"fold": 1}):
        written = json.dumps(kept | change)
        core.writer.run_sync(
            lambda state, written=written: state.settings.put(VERIFIED_SETTING, written)
        )
        assert verify(core).checked == core.reader.record_count()
    core.writer.run_sync(lambda state: state.settings.put(VERIFIED_SETTING, "junk"))
    assert verify(core).checked == core.reader.record_count()


class Cut(Exception):
    """The process is gone."""


def cut_after(done: int) -> Callable[[int, int], None]:
    def progress(now: int, total: int) -> None:
        if now >= done:
            raise Cut

    return progress


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run from scratch is kept every few records."""
    monkeypatch.setattr(doctor, "REBUILD_BATCH_COUNT", 5)
    monkeypatch.setattr(doctor, "RUN_KEPT_COUNT", 10)
    for module in (short_check, scratch_check, tables):
        monkeypatch.setattr(module, "PAGE_ROWS_COUNT", 5)


@pytest.mark.usefixtures("small_runs")
def test_a_check_from_scratch_that_was_cut_short_goes_on(core: Core) -> None:
    root = verify(core).root
    with pytest.raises(Cut):
        verify(core, from_scratch=True, progress=cut_after(20))
    assert list(core.home.path.glob("node.db.check*"))
    told: list[tuple[int, int]] = []
    found = verify(core, from_scratch=True, progress=lambda *step: told.append(step))
    assert (found.ok, found.resumed, found.root) == (True, True, root)
    assert told[0][0] > 20 - 5  # not from the first record
    assert told[-1] == (found.records, found.records)
    assert not list(core.home.path.glob("node.db.check*"))
    assert not verify(core, from_scratch=True).resumed


@pytest.mark.usefixtures("small_runs")
def test_a_check_that_goes_on_sees_what_came_and_what_was_damaged_meanwhile(
    tmp_path: Path,
) -> None:
    core = keyless_core(Home(tmp_path / "home"), WORLD.genesis_bytes)
    try:
        filling(core, slice(0, 30))
        with pytest.raises(Cut):
            verify(core, from_scratch=True, progress=cut_after(20))
        filling(core, slice(30, None))
        found = verify(core, from_scratch=True)
        assert (found.ok, found.resumed) == (True, True)
        with pytest.raises(Cut):
            verify(core, from_scratch=True, progress=cut_after(20))
        damage(core, "UPDATE records SET signature = zeroblob(64) WHERE number = ?", 3)
        key, _ = first(core.reader, book.BOOK)
        put(core, book.BOOK, key, lambda amount: amount + 1)
        found = verify(core, from_scratch=True)
        assert not found.resumed  # what such a run finds is looked at from the first record
        assert {Doubt.BYTES, Doubt.BALANCE, Doubt.ROOT} == {one.doubt for one in found.findings}
        assert not list(core.home.path.glob("node.db.check*"))
    finally:
        core.close()


@pytest.mark.usefixtures("small_runs")
@pytest.mark.parametrize("rest", [b"", b"not a database at all" * 500])
def test_what_is_left_of_a_run_may_be_damaged(core: Core, rest: bytes) -> None:
    with pytest.raises(Cut):
        verify(core, from_scratch=True, progress=cut_after(20))
    core.home.path.joinpath("node.db.check").write_bytes(rest)
    found = verify(core, from_scratch=True)
    assert (found.ok, found.resumed) == (True, False)


@pytest.mark.usefixtures("small_runs")
def test_a_short_check_that_was_cut_short_goes_on(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "KEPT_EVERY_MS", 0)
    with pytest.raises(Cut):
        verify(core, progress=cut_after(20))
    found = verify(core)
    assert 15 <= found.before.number <= 20
    assert found.checked == found.records - found.before.number
    assert found.ok


def test_what_is_missing_for_the_next_level_is_said(tmp_path: Path) -> None:
    world = World("3/2")
    a, b = world.account("a", limit=100), world.account("b", limit=100)
    commit, _ = world.pay(a, b, 5)
    core = filled(tmp_path, world)
    try:
        found = verify(core)
        assert [(one.level, one.code, one.count) for one in found.missing] == [
            ("L3", "unconfirmed", 1),
            ("L4", "no_close", 0),
        ]
        Intake(core).take_sync([made.raw for made in world.secure(commit)], FILE)
        found = verify(core)
        assert found.level == "L3"
        assert [one.code for one in found.missing] == ["no_close"]
    finally:
        core.close()
