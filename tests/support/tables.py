"""The fold's tables made comparable between nodes: local numbers replaced by what they stand for.

Rule: every declared table is here, so that a new one is compared too or its absence is explained.
"""

from collections.abc import Callable

import msgspec

from node.ledger import trades
from node.ledger.positions import CLAIM_AT, TRADE_AT, TRADE_ON
from node.protocol import chain, lanes
from node.protocol.chain import CHAIN
from node.protocol.lanes import ENTRY, LANE_KEY
from node.protocol.record import ERASABLE_LANES
from node.protocol.state import TABLES, DictState

Normal = Callable[[DictState, bytes, list[object]], object]
LOCAL = {
    "lane_key",  # the inverse of `lane`
    "branch",  # how branches are cut is local; ancestry is compared through `chain`
    "epoch",  # counts arrivals
    "trade_at_any",  # marks by branch: what they mark is compared
    "claim_at_any",
    "grant_last",
    "trade_on",  # what it says follows from `trade_at` and `claim_at`; checked below
    "edit_any",  # as for `edit`: a refold knows nothing of texts that are gone
    "revision_any",
    "bodyless",  # a refold cannot know who asked for the erasure of an edit that is gone
}


def _lane(state: DictState, number: bytes) -> bytes:
    return LANE_KEY.must(state, number)


def _at(state: DictState, key: bytes) -> bytes | None:
    """The record at the place with which a key starts."""
    lane, branch, seq = key[:4], key[4:8], key[8:16]
    places = (int.from_bytes(part, "big") for part in (lane, branch, seq))
    number = chain.number_at(state, *places)
    return None if number is None else state.id_of(number)


def _grant(state: DictState, key: bytes, grant: object) -> object:
    """Where a path changed grants; a branch's first row may repeat the one below it."""
    record = _at(state, key)
    assert record is not None
    entry = ENTRY.must(state, record)
    below = ENTRY.must(state, lanes.at_seq(state, entry, entry.seq - 1))
    return None if next(trades.grants_on(state, below), None) == grant else (record, grant)


def _numbered(state: DictState, key: bytes) -> object:
    """A key whose last part is a local number."""
    return key[:-5], state.id_of(int.from_bytes(key[-5:], "big"))


def _erasable(lane_key: bytes) -> bool:
    return lane_key[64] in ERASABLE_LANES


def _has_body(state: DictState, record: bytes) -> bool:
    entry = ENTRY.get(state, record)
    raw = None if entry is None else state.raw(entry.number)
    return raw is not None and raw.body is not None


def _paths(state: DictState) -> set[str]:
    """Every record with its place and the one before it: how rows are cut is local."""
    found: set[str] = set()
    for key, row in CHAIN.scan(state, b"", None):
        for number in row.numbers:
            record = state.id_of(number)
            entry = ENTRY.must(state, record)
            before = None if entry.seq == 0 else lanes.at_seq(state, entry, entry.seq - 1)
            found.add(repr((_lane(state, key[:4]), entry.seq, record, before)))
    return found


NORMAL: dict[str, Normal] = {
    "lane": lambda s, k, r: (
        None if _erasable(k) else (k, *r[1:4], r[5])
    ),  # a dropped lane leaves its row
    "fork": lambda s, k, r: None if _erasable(k) else (k, *r),
    "entry": lambda s, k, r: (k, *r[3:]),
    "head": lambda s, k, r: None if _erasable(k) else (k, r[0]),
    "profile": lambda s, k, r: (k, *r[:2]),
    "application": lambda s, k, r: (k, r[1]),
    "edit": lambda s, k, r: (k, r[0]) if _has_body(s, k[64:]) else None,
    "revision": lambda s, k, r: (k, r[0]) if _has_body(s, k[64:]) else None,
    "room_post": lambda s, k, r: _numbered(s, k),
    "reply": lambda s, k, r: _numbered(s, k),
    "listing": lambda s, k, r: (_numbered(s, k), r[0], s.id_of(r[1])),  # type: ignore[arg-type]
    "listing_index": lambda s, k, r: _numbered(s, k),
    "trade": lambda s, k, r: (k, *r[1:]),
    "member_trade": lambda s, k, r: (k[:32], r),
    "trade_at": lambda s, k, r: (_at(s, k[:8] + k[40:]), k[8:40], r),
    "claim_at": lambda s, k, r: (_at(s, k[:8] + k[40:]), k[8:40], r),
    "grant_at": lambda s, k, r: _grant(s, k, r),
    "carrier": lambda s, k, r: (_lane(s, k[:4]), k[4:]),
    "commit_on": lambda s, k, r: (_lane(s, k[:4]), k[4:], r),
    "contested": lambda s, k, r: (_lane(s, k[:4]), k[4:], r),
    "unsecured": lambda s, k, r: (_at(s, k), r),
    "stamp_by": lambda s, k, r: (k[:32], _lane(s, k[32:36]), _lane(s, k[36:40]), k[40:], r),
}


def comparable(state: DictState) -> dict[str, set[str]]:
    """Every table as a set of rows, each written out."""
    found: dict[str, set[str]] = {}
    for name in sorted(TABLES.keys() - LOCAL):
        normal = NORMAL.get(name, lambda _, key, row: (key, row))
        rows = (
            normal(state, key, msgspec.msgpack.decode(row))
            for key, row in state.scan(name, b"", None)
        )
        found[name] = {repr(row) for row in rows if row is not None}
    heads = lanes.heads_between(state, b"", None)
    rows = (key for table in (TRADE_AT, CLAIM_AT) for key, _ in table.rows.scan(state, b"", None))
    branches = {key[:4] + key[8:40] + key[4:8] for key in rows if any(key[4:8])}
    assert branches == {key for key, _ in TRADE_ON.scan(state, b"", None)}
    found["chain"] = _paths(state)
    found["all heads"] = {repr((head.key, head.seq)) for head in heads}
    return found
