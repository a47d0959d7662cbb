"""Records and changes as storage sees them: bytes whose meaning it does not know."""

from node.protocol import lanes
from node.protocol.record import RawRecord
from node.protocol.state import Changes
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import WriterState
from tests.support.world import World

NOW_MS = 1_700_000_000_000
TABLE = lanes.HEAD.name  # any declared table; storage treats only this one's changes as heads
OTHER_TABLE = lanes.ENTRY.name
COMMUNITY = World().community


def open_database(home: Home, **options: object) -> Database:
    options = {"community": COMMUNITY, "clock": lambda: NOW_MS, **options}
    return Database.open(home, **options)  # type: ignore[arg-type]


def raw(number: int, body: bytes | None = b"body") -> RawRecord:
    own = body if body is None else body + b"%d" % number
    return RawRecord(b"header%d" % number, own, bytes(64))


def store(state: WriterState, body: bytes | None = b"body") -> int:
    """A job: the next record, with a row that names it."""
    number = state.next_number()
    rows: dict[bytes, bytes | None] = {b"key%08d" % number: b"row%d" % number}
    state.apply(raw(number, body), Changes(number, "ok", {TABLE: rows}))
    return number
