"""The state root (docs/protocol.md, section 15) from the reference checker's set of records.

Rule: nothing of the node is imported; rows are packed by the second reader.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from tests.protocol.second_reader import LANES, pack, sha
from tests.reference_checker import Checker


def sections(checker: Checker, scope: str) -> Iterator[tuple[str, list[Any]]]:
    """(name, rows) in the order they enter the root."""
    yield "devices", _devices(checker)
    yield "cuts", _cuts(checker)
    yield "grants", _grants(checker, scope)
    yield "accounts", _accounts(checker, scope)
    yield "trades", _trades(checker, scope)
    yield "balances", _balances(checker, scope)
    if not scope:
        yield "posts", sorted(checker.posts())
        yield "listings", [[key, newest] for key, newest in sorted(checker.listings().items())]


def digest(rows: list[Any]) -> bytes:
    """SHA-256 over packed rows, joined."""
    return hashlib.sha256(b"".join(pack(row) for row in rows)).digest()


def root(checker: Checker, community: bytes, scope: str) -> bytes:
    """The root of a scope."""
    digests = [digest(rows) for _, rows in sections(checker, scope)]
    return sha("state root", community, pack([1, scope, digests]))


def _devices(checker: Checker) -> list[Any]:
    rows = [
        [r.author, r.body["key"], r.id, list(r.body["scopes"])]
        for r in checker.of_kind("device.add")
    ]
    return sorted(rows, key=lambda row: b"".join(row[:3]))


def _cuts(checker: Checker) -> list[Any]:
    found: dict[tuple[bytes, bytes], tuple[set[int], set[tuple[int, int, bytes]]]] = {}
    for r in checker.of_kind("device.revoke"):
        open_lanes, cuts = found.setdefault((r.author, r.body["key"]), (set(), set()))
        for name, cut in r.body["cuts"].items():
            if cut == "open":
                open_lanes.add(LANES.index(name))
            else:
                cuts.add((LANES.index(name), cut[0], cut[1]))
    return [
        [author, key, sorted(open_lanes), [list(cut) for cut in sorted(cuts)]]
        for (author, key), (open_lanes, cuts) in sorted(found.items())
    ]


def _subject(checker: Checker, subject: Any) -> bytes:
    if isinstance(subject, bytes):
        return subject
    name, *about = subject
    number = checker.j.numbers[name].to_bytes(2, "big")
    if about[0] == "policy":
        return bytes(number + b"policy")
    if about[0] == "close":
        return bytes(number + b"close" + about[1].to_bytes(4, "big"))
    return bytes(number + about[0])


def _grants(checker: Checker, scope: str) -> list[Any]:
    rows = [
        [_subject(checker, subject), act.id]
        for subject, act in checker.current.items()
        if not scope or act.body["chapter"] == scope
    ]
    return sorted(rows)


def _accounts(checker: Checker, scope: str) -> list[Any]:
    rows: list[Any] = []
    for lane in checker.accounts():
        records = checker.lanes[lane]
        opens = [r.body["chapter"] for r in records if r.seq == 0 and checker.j.ok(r.id)]
        if scope and scope not in opens:
            continue
        key = lane[0] + lane[1] + b"\x01"
        lowest = checker.fork_seq(lane)
        if lowest >= 0:
            rows.append([key, lowest])
            continue
        [head] = checker.heads(lane)
        state = checker.j.state(head.id)
        sums = [0, 0]
        if state.open is not None:
            sums = [checker.j.incoming(state), checker.j.outgoing(state)]
        rows.append([key, head.id, *sums])
    return sorted(rows)


def _in_scope(checker: Checker, trade: bytes, scope: str) -> bool:
    return not scope or checker.parties(trade)[2] == checker.j.numbers[scope]


def _trades(checker: Checker, scope: str) -> list[Any]:
    return [
        [trade, checker.contested(trade), checker.is_secured(trade)]
        for trade in sorted(checker.commits)
        if _in_scope(checker, trade, scope)
    ]


def _balances(checker: Checker, scope: str) -> list[Any]:
    return [
        [chapter, member, amount]
        for (chapter, member), amount in sorted(checker.book().items())
        if amount and (not scope or chapter == checker.j.numbers[scope])
    ]
