"""What somebody else holds, as far as it follows from what they have signed, said or handed over;
and the records that they still lack.

Rules: whoever holds a record holds all that it rests on, and whoever signed one held that. So a few
tips on lanes tell much; from the newest of them on it is looked up what else they must hold, within
a bound. What is not known is taken as lacking, but for what both can be presumed to have had from
the network. A wrong guess is mended by the next note, so nothing here needs to be proved.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from node.protocol import lanes, note, record
from node.protocol.lanes import ENTRY, LANE, Entry
from node.protocol.limits import (
    HELD_VISITS_MAX_COUNT,
    IN_STEP_MARGIN_MS,
    NOTE_TIPS_KEPT_MAX_COUNT,
)
from node.protocol.ports import Reader
from node.protocol.record import ERASABLE_LANES, RawRecord, Record

IN_STEP: Final = "in_step"  # setting: when neighbours last showed our own heads, ms
NEVER: Final = -1  # before every claimed time


class Held:
    """Tips, by lane: records that somebody holds with all that they rest on."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._tips: dict[int, dict[bytes, Entry]] = {}

    def add(self, record_id: bytes) -> None:
        """They hold this record; one that is not held here says nothing."""
        entry = lanes.entry_of(self._reader, record_id)
        if entry is None or self.covers(entry) or not self._bears(entry):
            return
        tips = self._tips.setdefault(entry.lane, {})
        for below in [tip for tip, found in tips.items() if self._is_below(found, entry)]:
            del tips[below]
        tips[record_id] = entry

    def add_lanes_of(self, member: bytes) -> None:
        """They hold what they have signed."""
        for lane_key, _ in LANE.under(self._reader, member):
            for head in lanes.heads_of(self._reader, lane_key):
                self.add(head.id)

    def add_short(self, start: bytes) -> None:
        """They hold a record whose id starts so."""
        for record_id, _ in ENTRY.under(self._reader, start, limit=1):
            self.add(record_id)

    def remove(self, record_id: bytes) -> None:
        """They lack this record, so whatever was thought to rest on it on its lane, too."""
        entry = lanes.entry_of(self._reader, record_id)
        if entry is None:
            return
        tips = self._tips.get(entry.lane, {})
        for tip in [tip for tip, found in tips.items() if self._is_below(entry, found)]:
            del tips[tip]

    def widen(self) -> None:
        """Add what the tips rest on in other lanes, newest first, as far as the bound goes."""
        todo: list[tuple[int, bytes]] = []
        seen: set[bytes] = set()
        for tips in self._tips.values():
            for tip, entry in tips.items():
                heappush(todo, (-entry.number, tip))
        while todo and len(seen) < HELD_VISITS_MAX_COUNT:
            record_id = heappop(todo)[1]
            if record_id in seen:
                continue
            seen.add(record_id)
            for ground in grounds_of(_read(self._reader, record_id)):
                entry = ENTRY.must(self._reader, ground)
                self.add(ground)
                heappush(todo, (-entry.number, ground))

    def covers(self, entry: Entry) -> bool:
        """True iff they must hold the record of this entry."""
        tips = self._tips.get(entry.lane, {}).values()
        return any(self._is_below(entry, tip) for tip in tips)

    def tips(self) -> tuple[bytes, ...]:
        """The newest tips, as many as are kept."""
        found = [(entry.number, tip) for tips in self._tips.values() for tip, entry in tips.items()]
        newest = sorted(found, reverse=True)[:NOTE_TIPS_KEPT_MAX_COUNT]
        return tuple(tip for _, tip in newest)

    def _bears(self, entry: Entry) -> bool:
        """Nothing of a trade rests on lanes whose records may go."""
        return lanes.key_of(self._reader, entry.lane)[64] not in ERASABLE_LANES

    def _is_below(self, entry: Entry, tip: Entry) -> bool:
        return lanes.is_ancestor_or_self(self._reader, entry, tip)


def presumed_until(here: int | None, there: int | None) -> int:
    """Up to which claimed time, ms, both had what the network had; the arguments say when each was
    last in step with it, None: not known."""
    if here is None or there is None:
        return NEVER
    return min(here, there) - IN_STEP_MARGIN_MS


def beyond(
    reader: Reader, tops: Iterable[bytes], held: Held, until: int, most: int
) -> tuple[RawRecord, ...] | None:
    """What `tops` rest on and somebody lacks, each after all it rests on; None: more than `most`.

    Records of a claimed time up to `until` are presumed to be held, with all that they rest on.
    """
    found: dict[bytes, tuple[int, RawRecord]] = {}
    todo = list(tops)
    while todo:
        record_id = todo.pop()
        entry = ENTRY.must(reader, record_id)
        if record_id in found or held.covers(entry):
            continue
        made = _read(reader, record_id)
        if made.header.time <= until:
            continue
        found[record_id] = (entry.number, made.raw)
        if len(found) > most:
            return None
        todo.extend(grounds_of(made))
    return tuple(raw for _, raw in sorted(found.values(), key=lambda item: item[0]))


def grounds_of(made: Record) -> tuple[bytes, ...]:
    """Ids of all that a record rests on: its predecessor, and what its body needs."""
    named = () if made.body is None else made.body.names()
    return named if made.header.prev is None else (*named, made.header.prev)


def short_of(ids: Iterable[bytes]) -> tuple[bytes, ...]:
    """How a note tells that its sender holds these."""
    return tuple(note.short(one) for one in ids)


def _read(reader: Reader, record_id: bytes) -> Record:
    raw = reader.raw(ENTRY.must(reader, record_id).number)
    assert raw is not None, "what others rest on is never dropped"
    return record.reread(raw, record_id)
