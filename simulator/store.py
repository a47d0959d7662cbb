"""A node's records: what is durable, the state folded from it, and what waits for its ground.

Rules: a job (records of neighbours, a step of the own program) takes effect at one moment, the end
of its write; a crash before it leaves nothing of it. What was acknowledged is durable. After a
crash the state is folded anew from the durable bytes and must be what it was.

Left to others: the same on a real database (`disk`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

from node.ledger.fold import BODYLESS, Fold
from node.protocol import admission, lanes
from node.protocol.admission import Missing, Refused, Welcome
from node.protocol.errors import Reject
from node.protocol.heads import LANE_KEY_SIZE_BYTES
from node.protocol.ports import ForkProof, HeadItem, Reader
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.state import Changes, DictState, after
from node.storage.pending import Pending
from node.views.members import Rules

VERIFIED_KEPT_COUNT: Final = 65_536
BLAMELESS: Final = frozenset({str(Reject.REVOKED)})  # an honest neighbour may not know of a cut yet
T = TypeVar("T")


@lru_cache(maxsize=VERIFIED_KEPT_COUNT)
def admit(raw: RawRecord, community: CommunityId) -> Record | Refused:
    """Stages one and two, remembered: all nodes of a simulation see the same bytes."""
    return admission.verify_chunk([raw], community)[0]


@dataclass(slots=True)
class Taken:
    """What became of a batch: how many were new, and codes to blame the sender for."""

    accepted: int = 0
    faults: list[str] = field(default_factory=list[str])


class Store:
    """One node's records, in memory. Also what its conversations read (`SyncSource`)."""

    def __init__(self, rules: Rules, start: DictState, *, memoised: bool = True) -> None:
        """`start`: a state to copy; `memoised`: signatures are checked once for all nodes."""
        self.rules = rules
        self.community = CommunityId(rules.community)
        self.fold = Fold(rules)
        self.start = start
        self.memory = start.copy()
        self.state: Reader = self.memory
        self.pending = Pending()
        self.turned_away: list[RawRecord] = []  # kept out, or thrown out, by cuts
        self.proofs: dict[bytes, ForkProof] = {}
        self.moved: set[bytes] = set()  # keys of lanes whose heads changed since they were told
        self.news: list[tuple[Record, str]] = []  # newly held, with verdicts, since they were told
        self.withheld: frozenset[bytes] = frozenset()  # lane keys never shown to anybody
        self._image: DictState | None = None
        self._verify = admit if memoised else admit.__wrapped__
        self._generation = 0

    def parsed(self, raw: RawRecord) -> Record:
        """An own record, which is known to be sound."""
        found = self._verify(raw, self.community)
        assert not isinstance(found, Refused), found
        return found

    # --- writing ----------------------------------------------------------------------------------
    def write(self, job: Callable[[], T]) -> T:
        """Do one job of the writer; all of it is durable afterwards."""
        return job()

    def take(self, raws: Iterable[RawRecord], source: str = "") -> Taken:
        """Take records in, and those that waited for them. Within a job."""
        found = Taken()
        for raw in raws:
            record = self._verify(raw, self.community)
            if isinstance(record, Refused):
                found.faults.append(str(record.code))
            else:
                self._take(record, source, found)
        return found

    def _take(self, first: Record, source: str, found: Taken) -> None:
        todo = [first]
        while todo:
            record = todo.pop()
            judged = self.fold.judge(self.state, record)
            if isinstance(judged, Welcome):
                self._apply(record, judged)
                found.accepted += 1
                if self.pending:
                    todo += self.pending.release(record.id)
            elif isinstance(judged, Missing):
                self.pending.add(record, judged.ids, source)
            elif isinstance(judged, Refused):
                if judged.code in BLAMELESS:
                    self.turned_away.append(record.raw)
                else:
                    found.faults.append(str(judged.code))
            elif judged.fills:
                self._change(None, self.fold.fill(self.state, record))

    def _apply(self, record: Record, welcome: Welcome) -> None:
        changes = self._folded(record, welcome)
        self._change(record.raw, changes)
        self.news.append((record, changes.verdict))
        self._generation += 1
        self.moved.update(changes.lanes)
        for name, lane_key in changes.events:
            if name == "fork":
                self._prove(lane_key)

    def _folded(self, record: Record, welcome: Welcome) -> Changes:
        return self.fold.apply(self.state, record, welcome=welcome)

    def _change(self, raw: RawRecord | None, changes: Changes) -> None:
        self.turned_away += [gone for n in changes.drop if (gone := self.state.raw(n)) is not None]
        self.memory.apply(raw, changes)

    def _prove(self, lane_key: bytes) -> None:
        """Keep the proof of a fork that the own records show."""
        row = lanes.FORK.get(self.state, lane_key)
        assert row is not None
        halves: list[bytes] = []
        for fork_id in (row.id_a, row.id_b):
            number = self.number_of(fork_id)
            raw = None if number is None else self.state.raw(number)
            if raw is None:
                return
            halves += [raw.header, raw.signature]
        self.learn(lane_key, ForkProof(*halves))

    def learn(self, lane_key: bytes, proof: ForkProof) -> None:
        """Keep a fork proof that holds."""
        self.proofs.setdefault(lane_key, proof)

    # --- what lasts -------------------------------------------------------------------------------
    def held(self) -> list[RawRecord]:
        """All records as they are stored, in order of arrival."""
        return list(self.memory.records.values())

    def refolded(self, order: Sequence[int] | None = None) -> DictState:
        """The state folded anew from the durable bytes, in that order (positions) or their own."""
        raws, first = self.held(), list(self.start.records.values())
        if order is not None:
            other, raws = Store(self.rules, DictState()), [raws[n] for n in order]
        elif raws[: len(first)] == first:  # what all lives start with was folded already
            other, raws = Store(self.rules, self.start), raws[len(first) :]
        else:
            other = Store(self.rules, DictState())
        other.take(raws)
        accepted = len(other.turned_away)
        while accepted:  # what one cut keeps out or throws out, a later one may let in (R10)
            again = {raw.header for raw in other.turned_away}
            other.turned_away = []
            accepted = other.take(raw for raw in raws if raw.header in again).accepted
        return other.memory

    def crash(self) -> None:
        """Forget all that was only in memory, and fold anew what is durable."""
        self._restart(self.refolded())

    def _restart(self, state: DictState) -> None:
        self.memory = self.state = state
        self._forget()

    def _forget(self) -> None:
        self.pending = Pending()
        self.moved.clear()
        self.news.clear()
        self._generation += 1

    def keep_image(self) -> None:
        """Copy the disk aside."""
        self._image = self.memory.copy()

    def set_back(self) -> bool:
        """Put the copy in place of the disk; False if there is none."""
        if self._image is None:
            return False
        self._restart(self._image)
        self._image = None
        self.proofs.clear()
        return True

    def close(self) -> None:
        """The life is over."""

    def has_body(self, record: bytes) -> bool:
        """True iff a record is held, and its body with it."""
        number = self.number_of(record)
        raw = None if number is None else self.state.raw(number)
        return raw is not None and raw.body is not None

    # --- what conversations read ------------------------------------------------------------------
    def generation(self) -> int:
        return self._generation

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        if len(low) == LANE_KEY_SIZE_BYTES and high == after(low):  # nearly always one lane
            found = lanes.heads_of(self.state, low)
        else:
            found = lanes.heads_between(self.state, low, high)
        if self.withheld:
            return [head for head in found if head.lane_key not in self.withheld]
        return found

    def holds(self, record: bytes) -> bool:
        return lanes.ENTRY.has(self.state, record)

    def locator(self, lane_key: bytes) -> list[bytes]:
        return lanes.locator(self.state, lane_key)

    def numbers_beyond(self, lane_key: bytes, known: Sequence[bytes]) -> Sequence[int]:
        return lanes.numbers_beyond(self.state, lane_key, known)

    def number_of(self, record: bytes) -> int | None:
        entry = lanes.entry_of(self.state, record)
        return None if entry is None else entry.number

    def raw(self, number: int) -> RawRecord | None:
        return self.state.raw(number)

    def raws(self, numbers: Sequence[int]) -> Sequence[RawRecord | None]:
        return [self.state.raw(number) for number in numbers]

    def bodies_missing(self, limit: int) -> Sequence[bytes]:
        return [key for key, _ in BODYLESS.scan(self.state, b"", None, limit=limit)]

    def proofs_generation(self) -> int:
        return len(self.proofs)

    def fork_proofs(self) -> Sequence[ForkProof]:
        return [self.proofs[lane_key] for lane_key in sorted(self.proofs)]
