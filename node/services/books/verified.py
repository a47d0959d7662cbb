"""How far this home's books were verified, and when: where the next check goes on.

Rules: the mark moves only over records that were found sound. It belongs to one database and one
fold: after a restore, or with another program, checking starts over.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from node.ledger.fold import FOLD_VERSION
from node.services.core import Core
from node.storage.rows import Rows

VERIFIED_SETTING: Final = "verified"


@dataclass(frozen=True, slots=True)
class Mark:
    """Records with smaller local numbers were found sound; times in ms, 0: never."""

    number: int = 0
    at: int = 0
    scratch_number: int = 0  # the same, from scratch
    scratch_at: int = 0


class _Kept(msgspec.Struct):
    database: str
    fold: int
    number: int
    at: int
    scratch_number: int
    scratch_at: int


def read_mark(core: Core, reader: Rows) -> Mark:
    """The mark, at 0 where nothing was verified."""
    text = reader.settings.get(VERIFIED_SETTING)
    if text is None:
        return Mark()
    try:
        kept = msgspec.json.decode(text, type=_Kept)
    except (msgspec.DecodeError, ValueError):
        return Mark()
    if (kept.database, kept.fold) != (core.database.id.hex(), FOLD_VERSION):
        return Mark()
    return Mark(kept.number, kept.at, kept.scratch_number, kept.scratch_at)


def write_mark(core: Core, mark: Mark) -> None:
    """Keep it, unless the disk refuses everything now: then the next check does more."""
    if core.writer.fault is not None:
        return
    kept = _Kept(
        core.database.id.hex(),
        FOLD_VERSION,
        mark.number,
        mark.at,
        mark.scratch_number,
        mark.scratch_at,
    )
    text = msgspec.json.encode(kept).decode()
    core.writer.run_sync(lambda state: state.settings.put(VERIFIED_SETTING, text))
