"""What a home that was mended still waits for, and which own lanes sign nothing meanwhile (R11).

Rules: an own lane waits until a neighbour has shown it as it is here, and it reaches as far as it
is known to have reached: a number that was signed before is never signed again. Which other records
are missing is only told; it holds nothing up.

Left to others: mending (`mending`), asking neighbours (sync).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from node.protocol import lanes
from node.protocol.ports import Reader
from node.storage.rows import Rows
from node.storage.state import WriterState

MENDING_SETTING: Final = "mending"
KEPT_MAX_COUNT: Final = 1_000  # ids written down; beyond that neighbours know best


class _Kept(msgspec.Struct):
    lanes: dict[str, int]
    records: list[str]


class Missing(msgspec.Struct, frozen=True):
    """Own lanes that wait: key (65 bytes) and the seq they reached. Ids of missing records."""

    lanes: Mapping[bytes, int]
    records: tuple[bytes, ...]


NOTHING: Final = Missing({}, ())


def read(reader: Rows) -> Missing:
    """What this home waits for, without what has come back meanwhile."""
    text = reader.settings.get(MENDING_SETTING)
    if text is None:
        return NOTHING
    try:
        kept = msgspec.json.decode(text, type=_Kept)
        ids = [bytes.fromhex(one) for one in kept.records]
        waiting = {bytes.fromhex(key): seq for key, seq in kept.lanes.items()}
    except (msgspec.DecodeError, ValueError):
        return NOTHING
    return Missing(waiting, tuple(one for one in ids if not lanes.ENTRY.has(reader, one)))


def write(state: WriterState, missing: Missing) -> None:
    """Write it down, or strike it off when nothing is missing."""
    if not missing.lanes and not missing.records:
        state.settings.remove(MENDING_SETTING)
        return
    own = {key.hex(): seq for key, seq in missing.lanes.items()}
    ids = [one.hex() for one in missing.records[:KEPT_MAX_COUNT]]
    state.settings.put(MENDING_SETTING, msgspec.json.encode(_Kept(own, ids)).decode())


def settle(state: WriterState) -> None:
    """Own lanes need not wait any more."""
    write(state, Missing({}, read(state).records))


def has_reached(reader: Reader, own: Mapping[bytes, int]) -> bool:
    """True iff own lanes are held as far as they are known to have reached."""
    return all(_top(reader, lane_key) >= seq for lane_key, seq in own.items())


def _top(reader: Reader, lane_key: bytes) -> int:
    return max((head.seq for head in lanes.heads_of(reader, lane_key)), default=-1)
