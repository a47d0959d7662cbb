"""What a session reads, in memory: real lanes over a dict, no ledger; and lanes of real records.

Rule: `take` stores what has its prev and keeps everything else waiting, as intake does; it neither
verifies (unless told to) nor folds. A record held without body takes its body when it comes.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nacl.signing import SigningKey

from node.protocol import admission, crypto, lanes, record
from node.protocol.admission import Refused
from node.protocol.errors import OK
from node.protocol.identity import IdentityCreate, Lane
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId
from node.protocol.social import LaneOpen, PostPut
from node.protocol.state import Changes, DictState, Overlay

COMMUNITY = CommunityId(hashlib.sha256(b"a community of tests").digest())
SALT = bytes(16)


class DictSource:
    """A `SyncSource` in memory."""

    def __init__(self, community: CommunityId = COMMUNITY, *, verifying: bool = False) -> None:
        """`verifying`: refuse what does not verify, too, and note why."""
        self._community = community
        self.state = DictState()
        self.bodyless: dict[bytes, None] = {}
        self.proofs: list[ForkProof] = []
        self.waiting: dict[bytes, list[RawRecord]] = {}
        self.verifying = verifying
        self.faults: list[str] = []
        self._generation = 0

    def take(self, raws: Iterable[RawRecord]) -> tuple[int, int]:
        """Store records; how many were new or brought a body, and how many had to wait."""
        accepted = deferred = 0
        todo = deque(raws)
        while todo:
            raw = todo.popleft()
            parsed = self._parse(raw)
            if isinstance(parsed, Refused):
                self.faults.append(parsed.code)
                continue
            prev = parsed.header.prev
            if self.holds(parsed.id):
                accepted += self._fill(parsed.id, raw)
            elif prev is not None and not self.holds(prev):
                self.waiting.setdefault(prev, []).append(raw)
                deferred += 1
            else:
                self._store(parsed)
                accepted += 1
                todo.extend(self.waiting.pop(parsed.id, ()))
        return accepted, deferred

    def _parse(self, raw: RawRecord) -> record.Record | Refused:
        if self.verifying:
            return admission.verify_chunk([raw], self._community)[0]
        return record.parse(raw, self._community)

    def _store(self, parsed: record.Record) -> None:
        overlay = Overlay(self.state)
        lanes.conclude(overlay, parsed.id, lanes.place(overlay, parsed), OK)
        self.state.apply(parsed.raw, overlay.changes)
        if parsed.raw.body is None:
            self.bodyless[parsed.id] = None
        self._generation += 1

    def _fill(self, known: bytes, raw: RawRecord) -> bool:
        if raw.body is None or known not in self.bodyless:
            return False
        del self.bodyless[known]
        number = self.number_of(known)
        assert number is not None
        self.state.records[number] = raw
        return True

    def erase(self, known: bytes) -> None:
        """Forget a body as a deletion does: nobody asks for it again."""
        number = self.number_of(known)
        assert number is not None
        self.state.apply(None, Changes(erase=[number]))

    def drop(self, number: int) -> None:
        """Stop holding the bytes of a record, while its entry is still known."""
        del self.state.records[number]

    def ids(self) -> set[bytes]:
        """Ids of all records."""
        return set(self.state.tables.get(lanes.ENTRY.name, {}))

    @property
    def community(self) -> CommunityId:
        return self._community

    def generation(self) -> int:
        return self._generation

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        return lanes.heads_between(self.state, low, high)

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
        return list(self.bodyless)[:limit]

    def proofs_generation(self) -> int:
        return len(self.proofs)

    def fork_proofs(self) -> Sequence[ForkProof]:
        return self.proofs


@dataclass(frozen=True, slots=True)
class Link:
    """A record of a lane."""

    id: bytes
    seq: int
    raw: RawRecord

    @property
    def bodyless(self) -> RawRecord:
        """The record as it travels once its body is erased."""
        return RawRecord(self.raw.header, None, self.raw.signature)


class LaneMaker:
    """Signs records of one lane; the same names and texts make the same bytes."""

    def __init__(self, author: str, kind: Lane = Lane.SOCIAL) -> None:
        self.kind = kind
        self._author = bytes(_key(author).verify_key)
        self._signer = _key(author if kind is Lane.IDENTITY else f"{author}'s device")
        self.lane_key = self._author + bytes(self._signer.verify_key) + bytes((kind,))

    def open(self) -> Link:
        """Record 0."""
        if self.kind is Lane.IDENTITY:
            return self._signed(IdentityCreate(None), "identity.create", None, 0)
        return self._signed(LaneOpen(bytes(32)), record.OPENING_KIND[self.kind], None, 0)

    def post(self, on: Link, text: str = "", time_ms: int | None = None) -> Link:
        """A post on top of a record; another text on the same record makes a fork."""
        body = PostPut("ko", None, "market square", SALT, f"{text} {on.seq + 1}")
        return self._signed(body, "post.put", on, time_ms or 1_700_000_000_000 + 977 * on.seq)

    def run(self, count: int, text: str = "", on: Link | None = None) -> list[Link]:
        """So many records in a row, from the lane's start or on top of a record."""
        links: list[Link] = []
        for _ in range(count):
            last = links[-1] if links else on
            links.append(self.open() if last is None else self.post(last, text))
        return links

    def _signed(self, body: record.Body, kind: str, on: Link | None, time_ms: int) -> Link:
        seq, prev = (0, None) if on is None else (on.seq + 1, on.id)
        header, data = record.build(
            body, kind, self._author, bytes(self._signer.verify_key), seq, prev, time_ms
        )
        known = crypto.record_id(COMMUNITY, header)
        signature = self._signer.sign(crypto.record_message(known)).signature
        return Link(known, seq, RawRecord(header, data, signature))


_keys: dict[str, SigningKey] = {}


def _key(name: str) -> SigningKey:
    if name not in _keys:
        _keys[name] = SigningKey(hashlib.sha256(b"sync test " + name.encode()).digest())
    return _keys[name]


def source_with(*runs: Iterable[Link]) -> DictSource:
    """A source that holds these records, each run in its order."""
    source = DictSource()
    for links in runs:
        _, deferred = source.take(link.raw for link in links)
        assert deferred == 0, "a record before its prev"
    return source


def fork_proof(a: Link, b: Link) -> ForkProof:
    """The proof that these two make."""
    return ForkProof(a.raw.header, a.raw.signature, b.raw.header, b.raw.signature)
