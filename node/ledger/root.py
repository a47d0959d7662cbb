"""The state root (R48): one hash over what honest nodes with the same records must agree on.

Rules: void records, erased content and deferred items are not in it; it has a named scope, so that
nodes with other interests can compare. Each section is hashed alone, so that a difference can be
named.
"""

from collections.abc import Iterable, Iterator

from node.ledger import book
from node.ledger.positions import POSITION, TRADE
from node.ledger.trades import COMMIT_ON
from node.protocol import codec, lanes
from node.protocol.account import AccountOpen
from node.protocol.admission import stored_body
from node.protocol.crypto import WORD_ROOT, sha256
from node.protocol.errors import OK
from node.protocol.identity import Lane
from node.protocol.limits import RULES_VERSION
from node.protocol.ports import Reader
from node.views import listings, members, rooms
from node.views.identities import DEVICE, REVOKED
from node.views.members import ACT, Rules

SCOPE_ALL = ""
SECTIONS = ("devices", "cuts", "grants", "accounts", "trades", "balances", "posts", "listings")


def state_root(reader: Reader, rules: Rules, scope: str = SCOPE_ALL) -> bytes:
    """Root of a scope, 32 bytes: "" for all, or the name of a chapter (accounts and grants of that
    chapter, without posts and listings)."""
    hashes = [digest for _, digest in sections(reader, rules, scope)]
    return sha256(WORD_ROOT, rules.community, codec.encode([RULES_VERSION, scope, hashes]))


def sections(reader: Reader, rules: Rules, scope: str = SCOPE_ALL) -> list[tuple[str, bytes]]:
    """(name, SHA-256 over the section's rows) in the order they enter the root."""
    chapter = None if scope == SCOPE_ALL else rules.genesis.chapter_number(scope)
    rows: list[Iterable[object]] = [
        _devices(reader),
        _cuts(reader),
        _grants(reader, rules, chapter),
        _accounts(reader, rules, chapter),
        _trades(reader, rules, chapter),
        [[c, m, amount] for c, m, amount in book.balances(reader, chapter)],
    ]
    names = list(SECTIONS[:6])
    if chapter is None:
        names = list(SECTIONS)
        rows.append(rooms.live_ids(reader))
        rows.append(list(pair) for pair in listings.live_ids(reader))
    return [(name, _digest(part)) for name, part in zip(names, rows, strict=True)]


def _digest(rows: Iterable[object]) -> bytes:
    return sha256(*(codec.encode(row) for row in rows))


def _devices(reader: Reader) -> Iterator[object]:
    for key, scopes in DEVICE.scan(reader, b"", None):
        yield [key[:32], key[32:64], key[64:], scopes]


def _cuts(reader: Reader) -> Iterator[object]:
    for key, row in REVOKED.scan(reader, b"", None):
        yield [key[:32], key[32:], row.open_lanes, [list(cut) for cut in row.cuts]]


def _grants(reader: Reader, rules: Rules, chapter: int | None) -> Iterator[object]:
    """[subject, current act id] for every subject, in order of subject."""
    rows = ACT.scan(reader, b"", None)
    # One subject may start with another (officers admit whatever id they like): keys interleave.
    subjects = {key[:-32] for key, row in rows if chapter is None or row.chapter == chapter}
    for subject in sorted(subjects):
        current = members.current_act(reader, subject, rules)
        if current is not None:
            yield [subject, current[0]]


def _accounts(reader: Reader, rules: Rules, chapter: int | None) -> Iterator[object]:
    """[lane key, lowest fork seq] if forked, else [lane key, head, incoming, outgoing]."""
    for lane_key, row in lanes.LANE.scan(reader, b"", None):
        if lane_key[64] != Lane.ACCOUNT:
            continue
        if chapter is not None and not _is_in(reader, lane_key, rules, chapter):
            continue
        if row.fork_seq >= 0:
            yield [lane_key, row.fork_seq]
            continue
        for head in lanes.heads_of(reader, lane_key):
            position = POSITION.must(reader, head.id)
            yield [lane_key, head.id, position.incoming, position.outgoing]


def _is_in(reader: Reader, lane_key: bytes, rules: Rules, chapter: int) -> bool:
    """True iff an ok open of the lane names the chapter."""
    name = rules.genesis.chapters[chapter].name
    for record in lanes.firsts_of(reader, lane_key):
        entry = lanes.ENTRY.must(reader, record)
        if entry.verdict == OK and stored_body(reader, entry.number, AccountOpen).chapter == name:
            return True
    return False


def _trades(reader: Reader, rules: Rules, chapter: int | None) -> Iterator[object]:
    """[trade id, contested, secured] of all committed trades, in order of id."""
    for trade in sorted({trade for _, trade in COMMIT_ON.scan(reader, b"", None)}):
        row = TRADE.must(reader, trade)
        if chapter is None or row.chapter == chapter:
            yield [trade, not row.counted, book.is_final(reader, trade, row, rules)]
