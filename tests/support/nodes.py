"""A node without disk and network: bytes in any order, through admission and the fold, into a dict.

Rule: nothing here judges. What is missing is awaited, what was turned away for a cut is offered
again when asked, and everything else is what `admission` and `Fold` say.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from node.ledger.fold import BODYLESS, Fold
from node.protocol import admission, lanes
from node.protocol.admission import Known, Missing, Refused, Welcome
from node.protocol.errors import Reject
from node.protocol.record import RawRecord, Record
from node.protocol.shapes import CommunityId
from node.protocol.state import Changes, DictState
from node.views.members import Rules


@lru_cache(maxsize=8_192)
def admit(raw: RawRecord, community: CommunityId) -> Record | Refused:
    """Stages one and two, remembered: a signature costs more than everything else of a test."""
    return admission.verify_chunk([raw], community)[0]


class Node:
    """One honest node's state."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.fold = Fold(rules)
        self.state = DictState()
        self.waiting: dict[bytes, list[RawRecord]] = {}
        self.turned_away: set[bytes] = set()  # ids that a cut keeps out, or put out
        self.refused: list[tuple[RawRecord, str]] = []
        self.heard: list[RawRecord] = []  # all that was ever given, in order

    def receive(self, raw: RawRecord) -> str:
        """Take bytes in: the verdict, or `waiting`, `known`, `filled`, or the code of a refusal."""
        self.heard.append(raw)
        return self._receive(raw)

    def _receive(self, raw: RawRecord) -> str:
        said, ready = "", [raw]
        while ready:
            top = ready.pop()
            record = admit(top, CommunityId(self.rules.community))
            if isinstance(record, Refused):
                self.refused.append((top, record.code))
                said = said or record.code
                continue
            outcome = self._judge(record)
            said = said or outcome
            if lanes.ENTRY.has(self.state, record.id):
                ready += reversed(self.waiting.pop(record.id, ()))
        return said

    def _judge(self, record: Record) -> str:
        judgement = self.fold.judge(self.state, record)
        if isinstance(judgement, Missing):
            self.waiting.setdefault(judgement.ids[0], []).append(record.raw)
            return "waiting"
        if isinstance(judgement, Known):
            if judgement.fills:
                self.state.apply(None, self.fold.fill(self.state, record))
                return "filled"
            return "known"
        if isinstance(judgement, Refused):
            if judgement.code == Reject.REVOKED:
                self.turned_away.add(record.id)
            self.refused.append((record.raw, judgement.code))
            return judgement.code
        changes = self._changes(record, judgement)
        self.turned_away |= {self.state.id_of(number) for number in changes.drop}
        self.state.apply(record.raw, changes)
        return str(changes.verdict)

    def _changes(self, record: Record, welcome: Welcome) -> Changes:
        return self.fold.apply(self.state, record)

    def receive_all(self, raws: Iterable[RawRecord]) -> "Node":
        """Take many in; the node itself."""
        for raw in raws:
            self.receive(raw)
        return self

    def settle(self, library: Mapping[bytes, RawRecord]) -> "Node":
        """What sync does in time: offer again what cuts now let in, and bodies that are missed."""
        before = -1
        while before != self.state.next_number():
            before = self.state.next_number()
            offered, self.turned_away = self.turned_away, set()
            for record in sorted(offered):
                self.receive(library[record])
        for record in [key for key, _ in BODYLESS.scan(self.state, b"", None)]:
            self.receive(library[record])
        return self

    def verdict(self, record: bytes) -> str | None:
        """Verdict of a held record, or None."""
        entry = lanes.entry_of(self.state, record)
        return None if entry is None else entry.verdict

    def held(self) -> set[bytes]:
        """Ids of all held records."""
        return {key for key, _ in lanes.ENTRY.scan(self.state, b"", None)}
