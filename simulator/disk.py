"""The same store on a real database, so that mistakes of storage show too.

Rules: jobs run through the real writer, in its thread, while the simulation waits; conversations
read through the real reader. A crash is a copy of the files as they lie there, log and all, opened
as after a power cut; an image is a snapshot that the database makes of itself.
"""

import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

from node.ledger.fold import FOLD_VERSION
from node.protocol.admission import Welcome
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord, Record
from node.protocol.state import Changes, DictState
from node.storage.database import Database
from node.storage.home import SIDE_FILES, Home
from node.storage.source import SqliteSyncSource
from node.storage.state import WriterState
from node.views.members import Rules
from simulator.store import Store

NOW_MS = 1_790_000_000_000
T = TypeVar("T")


class DiskStore(Store):
    """One node's records in a database of their own."""

    def __init__(
        self, rules: Rules, start: DictState, folder: Path, *, memoised: bool = True
    ) -> None:
        """`folder`: may be made; everything goes there."""
        super().__init__(rules, DictState(), memoised=memoised)
        self.start = start
        self._folder = folder
        self._homes = count()
        self._writing: WriterState | None = None  # within a job
        self._image_at: Path | None = None
        self._use(self._home())
        self.write(lambda: self.take(start.records.values()))
        self._forget()

    def _home(self) -> Home:
        return Home(self._folder / str(next(self._homes)))

    def _use(self, home: Home) -> None:
        self._at = home
        self._database = Database.open(
            home, community=self.community, clock=lambda: NOW_MS, fold_version=FOLD_VERSION
        )
        self._source = SqliteSyncSource(self._database, self.community)
        self.state = self._database.reader()

    def write(self, job: Callable[[], T]) -> T:
        def run(state: WriterState) -> T:
            self._writing = self.state = state
            return job()

        try:
            return self._database.writer.run_sync(run)
        finally:
            self._writing = None
            self.state = self._database.reader()

    def _folded(self, record: Record, welcome: Welcome) -> Changes:
        assert self._writing is not None
        return self.fold.apply(self._writing, record, self._writing.unwritten, welcome)

    def _change(self, raw: RawRecord | None, changes: Changes) -> None:
        assert self._writing is not None
        self._writing.apply(raw, changes)

    def learn(self, lane_key: bytes, proof: ForkProof) -> None:
        if self._writing is None:  # what the own records show needs no keeping
            self._database.writer.run_sync(lambda state: state.fork_proofs.add(lane_key, proof))

    # --- what lasts -------------------------------------------------------------------------------
    def held(self) -> list[RawRecord]:
        reader = self._database.reader()
        return [raw for _, raw in reader.records_after(-1, reader.record_count())]

    def crash(self) -> None:
        after = self._home()
        after.prepare()
        for side in SIDE_FILES[:2]:  # the shared index is made anew
            name = f"{self._at.database.name}{side}"
            shutil.copyfile(self._at.path / name, after.path / name)
        self._replace(after)

    def _replace(self, home: Home) -> None:
        self._database.close()
        self._use(home)
        self._forget()

    def keep_image(self) -> None:
        home = self._home()
        home.prepare()
        self._database.snapshot_to(home.database)
        self._image_at = home.path

    def set_back(self) -> bool:
        if self._image_at is None:
            return False
        image, self._image_at = self._image_at, None
        self._replace(Home(image))
        return True

    def close(self) -> None:
        self._database.close()

    # --- what conversations read ------------------------------------------------------------------
    def generation(self) -> int:
        return self._source.generation() + self._generation

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        return self._source.heads(low, high)

    def locator(self, lane_key: bytes) -> list[bytes]:
        return self._source.locator(lane_key)

    def numbers_beyond(self, lane_key: bytes, known: Sequence[bytes]) -> Sequence[int]:
        return self._source.numbers_beyond(lane_key, known)

    def raws(self, numbers: Sequence[int]) -> Sequence[RawRecord | None]:
        return self._source.raws(numbers)

    def bodies_missing(self, limit: int) -> Sequence[bytes]:
        return self._source.bodies_missing(limit)

    def proofs_generation(self) -> int:
        return self._source.proofs_generation()

    def fork_proofs(self) -> Sequence[ForkProof]:
        return self._source.fork_proofs()
