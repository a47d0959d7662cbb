"""A node's records: what is durable, the state folded from it, and what waits for its ground.

Rules: a job (records of a neighbour, a step of the own program) takes effect at one moment, the end
of its write; a crash before it leaves nothing of it. What was acknowledged is durable. After a
crash the state is folded anew from the durable bytes and must be what it was.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from node.ledger.fold import BODYLESS, Fold
from node.protocol import admission, lanes
from node.protocol.admission import Known, Missing, Refused, Welcome
from node.protocol.errors import Reject
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.state import DictState
from node.views.members import Rules

WAITING_MAX_COUNT: Final = 4_096
VERIFIED_KEPT_COUNT: Final = 65_536


@lru_cache(maxsize=VERIFIED_KEPT_COUNT)
def admit(raw: RawRecord, community: CommunityId) -> Record | Refused:
    """Stages one and two, remembered: all nodes of a simulation see the same bytes."""
    return admission.verify_chunk([raw], community)[0]


class Store:
    """One node's records. Also what its conversations read (`SyncSource`)."""

    def __init__(self, rules: Rules, start: DictState, *, memoised: bool = True) -> None:
        """`start`: a state to copy; `memoised`: signatures are checked once for all nodes."""
        self.rules = rules
        self.fold = Fold(rules)
        self.state = start.copy()
        self.durable: list[RawRecord] = list(self.state.records.values())
        self.verdicts: dict[bytes, str] = {}
        self.waiting: dict[bytes, list[RawRecord]] = {}
        self.faults: list[str] = []
        self.proofs: dict[bytes, ForkProof] = {}
        self.moved: set[bytes] = set()  # keys of lanes whose heads changed since they were told
        self.withheld: frozenset[bytes] = frozenset()  # lane keys never shown to anybody
        self._verify = admit if memoised else admit.__wrapped__
        self._generation = 0

    def parsed(self, raw: RawRecord) -> Record:
        """An own record, which is known to be sound."""
        found = self._verify(raw, CommunityId(self.rules.community))
        assert not isinstance(found, Refused), found
        return found

    # --- taking in --------------------------------------------------------------------------------
    def take(self, raws: Iterable[RawRecord]) -> tuple[int, list[str], list[RawRecord]]:
        """(how many were new, codes to blame the sender for, the new ones)."""
        todo = list(raws)
        new: list[RawRecord] = []
        faults: list[str] = []
        while todo:
            raw = todo.pop(0)
            found = self._verify(raw, CommunityId(self.rules.community))
            if isinstance(found, Refused):
                faults.append(str(found.code))
                continue
            judged = self.fold.judge(self.state, found)
            if isinstance(judged, Missing):
                self._wait(judged.ids[0], raw)
            elif isinstance(judged, Refused):
                if judged.code != Reject.REVOKED:
                    faults.append(str(judged.code))
            elif isinstance(judged, Known):
                if judged.fills:
                    self._fill(found)
            else:
                assert isinstance(judged, Welcome)
                self._apply(found, judged)
                new.append(raw)
                todo = self.waiting.pop(found.id, []) + todo
        return len(new), faults, new

    def _wait(self, ground: bytes, raw: RawRecord) -> None:
        if sum(map(len, self.waiting.values())) < WAITING_MAX_COUNT:
            row = self.waiting.setdefault(ground, [])
            if raw not in row:
                row.append(raw)

    def _apply(self, record: Record, welcome: Welcome) -> None:
        changes = self.fold.apply(self.state, record, welcome=welcome)
        self.state.apply(record.raw, changes)
        self.verdicts[record.id] = changes.verdict
        self.durable.append(record.raw)
        self._generation += 1
        self.moved.update(changes.lanes)
        for name, lane_key in changes.events:
            if name == "fork":
                self._prove(lane_key)

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
        self.proofs.setdefault(lane_key, ForkProof(*halves))

    def _fill(self, record: Record) -> None:
        changes = self.fold.fill(self.state, record)
        self.state.apply(None, changes)
        number = self.number_of(record.id)
        if number is not None and changes.fill is not None:
            self.durable.append(record.raw)

    def refolded(self, order: Sequence[int] | None = None) -> DictState:
        """The state folded anew from the durable bytes, in that order (positions) or their own."""
        other = Store(self.rules, DictState())
        raws = self.durable if order is None else [self.durable[n] for n in order]
        other.take(raws)
        return other.state

    def crash(self) -> None:
        """Forget all that was only in memory, and fold anew what is durable."""
        self.waiting.clear()
        durable, self.durable = self.durable, []
        self.state = DictState()
        self.verdicts = {}
        self._generation += 1
        self.take(durable)

    # --- what conversations read ------------------------------------------------------------------
    @property
    def community(self) -> CommunityId:
        return CommunityId(self.rules.community)

    def generation(self) -> int:
        return self._generation

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
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
