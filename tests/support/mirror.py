"""SQLite beside memory: a database that is given what a node was given, in jobs of many records.

Rule: as intake does, rows are read ahead and the fold writes among those not written yet. What it
holds in the end must be, row for row, what the node's dict holds.
"""

import shutil
import tempfile
from pathlib import Path

from node.ledger.root import state_root
from node.protocol.admission import Refused, Welcome
from node.protocol.record import Record
from node.protocol.shapes import CommunityId
from node.protocol.state import TABLES, Changes
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import WriterState
from node.views.members import Rules
from tests.support.nodes import Node, admit


class _Taker(Node):
    """A node whose state is that of a writer's job."""

    def _changes(self, record: Record, welcome: Welcome) -> Changes:
        return self.fold.apply(self.state, record, self.state.unwritten, welcome)


class Mirror:
    """A database in a folder of its own."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.folder = Path(tempfile.mkdtemp(prefix="mirror"))
        self.database = Database.open(
            Home(self.folder / "home"), community=rules.community, clock=lambda: 1
        )
        self.taker = _Taker(rules)
        self.heard = 0

    def catch_up(self, node: Node) -> None:
        """Take what a node has heard since the last time."""
        news, self.heard = node.heard[self.heard :], len(node.heard)
        found = (admit(raw, CommunityId(self.rules.community)) for raw in news)
        records = [record for record in found if not isinstance(record, Refused)]

        def job(state: WriterState) -> None:
            self.taker.state = state  # type: ignore[assignment]
            state.preload(self.taker.fold.foresee(records))
            for raw in news:
                self.taker.receive(raw)

        self.database.writer.run_sync(job)

    def tables(self) -> dict[str, dict[bytes, bytes]]:
        """Every row that is on the disk."""
        reader = self.database.reader()
        found = {name: dict(reader.scan(name, b"", None)) for name in TABLES}
        return {name: rows for name, rows in found.items() if rows}

    def root(self) -> bytes:
        """The state root, read by SQLite."""
        return state_root(self.database.reader(), self.rules)

    def close(self) -> None:
        """Close the database and remove its folder."""
        self.database.close()
        shutil.rmtree(self.folder)
