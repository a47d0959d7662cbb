"""Mending a damaged home: what is whole is carried over, the rest is fetched again.

    damaged files -> copy, read row by row -> verified, judged and folded anew -> a new database
    -> the damaged files are put aside -> neighbours give what is missing

Rules:
- The damaged files are kept, and nothing of them is served or shown: every record is verified as if
  a stranger had brought it, and every table of the fold is made anew.
- What rests on a record that is gone waits on disk until that comes back. It is written down which
  records are missing, so that nothing is lost silently.
- Where something is missing, this device signs nothing on its lanes before a neighbour has shown
  them as they are here, and they reach as far as they are known to have reached (R11).
- A process killed in between leaves the damaged files or the mended ones; the next start goes on.

Left to others: finding damage (`storage`, `looking`), asking neighbours (sync).
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.ledger.fold import FOLD_VERSION, Fold
from node.protocol import admission, lanes
from node.protocol.errors import StorageFault
from node.protocol.identity import Lane
from node.protocol.ports import Clock
from node.protocol.record import RawRecord, Record, parse_header
from node.protocol.shapes import CommunityId
from node.services.core import Core, now_ms, open_core, read_rules
from node.services.incoming.intake import FILE, Intake
from node.services.missing import Missing, has_reached, write
from node.services.publish import NEIGHBOURS_SETTING
from node.storage.database import Database, Report
from node.storage.errors import Problem
from node.storage.home import SIDE_FILES, Home, publish, remove_database, settle_mended
from node.storage.log import log_of, lost_commits
from node.storage.salvage import Wreck
from node.storage.state import WriterState
from node.views.members import Rules
from node.wallet.keyfile import read_info

BATCH_COUNT: Final = 512  # records judged in one commit


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of it: records carried over, those among them that wait for what is missing, how
    many are known to be missing, and where the damaged files are."""

    records: int
    waiting: int
    missing: int
    aside: Path


def open_whole(home: Home, *, clock: Clock = now_ms, report: Report = lambda _: None) -> Core:
    """`open_core`, after mending where the database is found to be damaged. Raises as it does."""
    try:
        return open_core(home, clock=clock, report=report)
    except StorageFault as fault:
        if fault.code != Problem.DATABASE_DAMAGED:
            raise
    report("mending")
    mend(home, clock=clock)
    return open_core(home, clock=clock, report=report)


def mend(home: Home, *, clock: Clock = now_ms) -> Mended:
    """Make the home's database anew from what can be read; the caller holds the home's lock.

    Raises LocalFault no-member-here, StorageFault disk-full, disk-error: then nothing is changed.
    """
    settle_mended(home)
    rules = read_rules(home)
    shutil.rmtree(home.mending, ignore_errors=True)
    fresh = Home(home.mending)
    try:
        fresh.prepare()
        mended = _make(home, fresh, rules, clock)
        _put_aside(home, mended.aside)
        publish(fresh.database, home.mended)
    except OSError as problem:
        code = Problem.DISK_FULL if home.is_full() else Problem.DISK_ERROR
        raise StorageFault(code, str(problem), path=str(home.path)) from problem
    finally:
        shutil.rmtree(home.mending, ignore_errors=True)
    settle_mended(home)
    remove_database(home.search)
    return mended


def _make(home: Home, fresh: Home, rules: Rules, clock: Clock) -> Mended:
    community = CommunityId(rules.community)
    database = Database.open(fresh, community=community, clock=clock, fold_version=FOLD_VERSION)
    core = Core(fresh, community, rules, Fold(rules), database, clock)
    try:
        found = _Found(core, home)
        beyond = (False, True) if lost_commits(log_of(home.database)) else (False,)
        for further in beyond:
            with Wreck(home, fresh.path / "wreck.db", beyond=further) as wreck:
                found.take(wreck)
        missing = found.missing()
        core.writer.run_sync(lambda state: write(state, missing))
        count, waiting = core.reader.record_count(), core.reader.deferred.count()
        aside = home.path / f"damaged-{clock()}"
        return Mended(count, waiting, len(missing.records), aside)
    finally:
        core.close()


class _Found:
    """What damaged files have brought into a new database, and what they show to be missing."""

    def __init__(self, core: Core, home: Home) -> None:
        self._core = core
        self._intake = Intake(core)
        self._known: dict[bytes, int] = {}  # ids and numbers that the damaged tables speak of
        self._carried: set[int] = set()  # numbers of records that were whole
        self._reached: dict[bytes, int] = {}  # seq by own lane
        self._lost_count = 0  # records that could not be read, or do not hold
        self._own = _own_lanes(home)

    def take(self, wreck: Wreck) -> None:
        """Carry over all that is whole."""
        batch: list[RawRecord] = []
        for number, forms in wreck.records():
            whole = next((form for form in forms if self._is_whole(form)), None)
            if whole is None:
                self._lost_count += 1
                continue
            self._carried.add(number)
            batch.append(whole)
            if len(batch) >= BATCH_COUNT:
                self._admit(batch)
                batch = []
        self._admit(batch)
        self._admit([raw for raw in wreck.waiting() if self._is_whole(raw)])
        self._lost_count += len(wreck.unreadable)
        self._known.update((key, entry.number) for key, entry in wreck.all_of(lanes.ENTRY))
        for lane_key, row in wreck.all_of(lanes.LANE):
            if lane_key in self._own:
                self._note(lane_key, row.tip_seq)
        own = list(wreck.own_rows())
        self._core.writer.run_sync(lambda state: _keep_own(state, own))

    def _is_whole(self, raw: RawRecord) -> bool:
        return isinstance(next(iter(admission.verify_chunk([raw], self._core.community))), Record)

    def _admit(self, raws: list[RawRecord]) -> None:
        self._intake.take_sync(raws, FILE)

    def missing(self) -> Missing:
        """What must come back, and which own lanes must wait for it."""
        reader = self._core.reader
        waiting: set[bytes] = set()
        for one, header in reader.connection.execute("SELECT id, header FROM deferred"):
            waiting.add(one)
            found = parse_header(header)
            if found.lane_key in self._own:
                self._note(found.lane_key, found.seq)
        gone = [
            one
            for one, number in self._known.items()
            # An id whose record is here under another: its own bit flipped.
            if number not in self._carried and not lanes.ENTRY.has(reader, one)
        ]
        harmed = bool(gone or waiting or self._lost_count)
        met = reader.settings.get(NEIGHBOURS_SETTING) is not None
        own = {key: self._reached.get(key, -1) for key in self._own}
        awaited = {
            key: seq
            for key, seq in own.items()
            if (harmed and met and key[64] != Lane.IDENTITY) or not has_reached(reader, {key: seq})
        }
        return Missing(awaited, tuple(sorted(gone)))

    def _note(self, lane_key: bytes, seq: int) -> None:
        self._reached[lane_key] = max(seq, self._reached.get(lane_key, -1))


def _own_lanes(home: Home) -> tuple[bytes, ...]:
    """Keys of the lanes that this device and its owner sign; none in a home without a member."""
    if not home.device_key.exists():
        return ()
    info = read_info(home.device_key)
    signers = (
        (lane, info.member_id if lane == Lane.IDENTITY else info.public_key) for lane in Lane
    )
    return tuple(info.member_id + signer + bytes((lane,)) for lane, signer in signers)


def _keep_own(state: WriterState, own: Sequence[tuple[str, list[tuple[Any, ...]]]]) -> None:
    """The node's own things, as far as they are rows that a table takes."""
    for table, rows in own:
        marks = ", ".join("?" * len(rows[0])) if rows else ""
        for row in rows:
            state.connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)


def _put_aside(home: Home, folder: Path) -> None:
    """Keep the damaged files under another name too, before they lose theirs."""
    folder.mkdir(mode=0o700)
    for suffix in SIDE_FILES:
        path = home.database.with_name(home.database.name + suffix)
        if path.exists() and suffix != "-shm":
            os.link(path, folder / path.name)
