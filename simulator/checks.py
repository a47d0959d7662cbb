"""What must hold in every state of every honest node, and what must hold when all has healed.

Rules: nothing here trusts what it checks: balances are added up from trades, states are folded anew
from durable bytes, and every node is held against every other. A broken rule is a `Broken` with a
stable name, by which a smaller history is recognised as the same.
"""

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from node.ledger import book, positions, stamps, trades
from node.ledger.positions import POSITION, TRADE
from node.ledger.root import state_root
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.errors import OK
from node.protocol.identity import Lane
from node.protocol.state import DictState
from node.views import members
from simulator.store import Store

if TYPE_CHECKING:
    from simulator.node import Node
    from simulator.world import World

DEBITS = ("trade.propose", "trade.accept")


class Broken(AssertionError):
    """A promise does not hold. `name` is stable."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(f"{name}: {told}")
        self.name = name


def expect(holds: bool, name: str, told: str = "") -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(name, told)


def cheap(world: "World", node: "Node", new: Iterable[bytes]) -> None:
    """After each job of a node: sums, and that all nodes agree on verdicts."""
    state = node.store.state
    total = sum(amount for _, _, amount in book.balances(state))
    expect(total == 0, "sum", f"balances of node {node.number} add up to {total}")
    for record in new:
        verdict = node.store.verdicts.get(record, "")
        known = world.verdicts.setdefault(record, verdict)
        expect(known == verdict, "verdict", f"{record.hex()[:8]}: {known} and {verdict}")


def thorough(world: "World", node: "Node") -> None:
    """Now and then: the books from the trades, limits, growth, what was acknowledged."""
    state = node.store.state
    _books(state)
    _limits(state)
    committed = {trade for _, trade in trades.COMMIT_ON.scan(state, b"", None)}
    before = world.committed.get(node.number, set())
    expect(before <= committed, "growth", f"node {node.number} forgot a committed trade")
    world.committed[node.number] = committed
    held = all(node.store.holds(record) for record in node.acknowledged)
    expect(held, "acknowledged", f"node {node.number} lost what it had acknowledged")


def refold(node: "Node") -> None:
    """The state folded anew from the durable bytes is the state."""
    rules = node.town.rules
    again = state_root(node.store.refolded(), rules)
    expect(again == state_root(node.store.state, rules), "refold", f"node {node.number}")


def _books(state: DictState) -> None:
    """Balances are the sums of committed trades that are not contested."""
    sums: dict[bytes, int] = {}
    for trade in {trade for _, trade in trades.COMMIT_ON.scan(state, b"", None)}:
        row = TRADE.must(state, trade)
        expect(row.payer != row.payee, "parties")
        if row.unit == CREDIT and not book.is_contested(state, trade):
            sums[row.payer] = sums.get(row.payer, 0) - row.amount
            sums[row.payee] = sums.get(row.payee, 0) + row.amount
    kept = {member: amount for _, member, amount in book.balances(state)}
    expect({m: n for m, n in sums.items() if n} == kept, "books")


def _limits(state: DictState) -> None:
    """No ok debit takes its lane below its limit, and no path skips or repeats a number."""
    for key, entry in lanes.ENTRY.scan(state, b"", None):
        lane_key = lanes.key_of(state, entry.lane)
        if lane_key[64] != Lane.ACCOUNT or entry.verdict != OK or entry.kind not in DEBITS:
            continue
        position = POSITION.must(state, key)
        row = TRADE.get(state, position.trade)
        pays = row is not None and row.unit == CREDIT and lane_key[:32] == row.payer
        if pays:
            left = position.incoming - position.outgoing + position.limit
            expect(left >= 0, "limit", f"{key.hex()[:8]} is {-left} below")


def healed(world: "World") -> None:
    """At the end: all honest nodes hold the same and show the same; nothing honest is gone."""
    honest = [node for node in world.nodes if node.honest]
    first = honest[0]
    rules = first.town.rules
    heads = [_heads(node.store) for node in honest]
    for node, shown in zip(honest, heads, strict=True):
        lost = [lane for lane in heads[0] if lane not in shown]
        expect(shown == heads[0], "heads", f"node {node.number} differs: {len(lost)} lanes")
    roots = {state_root(node.store.state, rules) for node in honest}
    expect(len(roots) == 1, "roots", f"{len(roots)} different")
    for node in honest:
        refold(node)
        for record in (*node.acknowledged, *node.entrusted):
            everywhere = all(other.store.holds(record) for other in honest)
            expect(everywhere, "lost", f"of node {node.number}: {record.hex()[:8]}")
    chance = random.Random(f"order {world.seed}")
    order = list(range(len(first.store.durable)))
    chance.shuffle(order)
    mixed = state_root(first.store.refolded(order), rules)
    expect(mixed == state_root(first.store.state, rules), "order")
    _bound(world, honest)


def _heads(store: Store) -> dict[bytes, list[bytes]]:
    return {
        key: [head.id for head in lanes.heads_of(store.state, key)]
        for key, _ in lanes.LANE.scan(store.state, b"", None)
    }


def _bound(world: "World", honest: Sequence["Node"]) -> None:
    """What honest members claimed from cheats is what these were trusted with and were paid."""
    chapter, state = world.town.chapter, honest[0].store.state
    liars = {row.witness for _, row in stamps.STAMP.scan(state, b"", None)} & world.hostile_keys
    if chapter.q == 0 or len(liars) > 2 * chapter.q - len(chapter.witnesses) - 1:
        return
    cheats = {node.device.member for node in world.nodes if not node.honest}
    claimed: set[bytes] = set()
    for node in honest:
        own = node.member.account
        if own is not None:
            head = lanes.ENTRY.must(state, own[1])
            claimed |= set(positions.claims_at(state, head, own[0]))
    taken = sum(
        TRADE.must(state, trade).amount
        for trade in claimed
        if TRADE.must(state, trade).payer in cheats
    )
    paid = sum(
        TRADE.must(state, trade).amount
        for trade in {trade for _, trade in trades.COMMIT_ON.scan(state, b"", None)}
        if TRADE.must(state, trade).payee in cheats and TRADE.must(state, trade).payer not in cheats
    )
    trusted = sum(_highest(state, cheat) for cheat in cheats)
    expect(taken <= trusted + paid, "bound", f"{taken} of {trusted} + {paid}")


def _highest(state: DictState, member: bytes) -> int:
    """The highest limit ever granted to a lane of a member, over all of them."""
    found = 0
    for key, row in members.ACT.scan(state, b"", None):
        if row.kind == "credit.grant":
            opened = lanes.entry_of(state, key[:-32])
            if opened is not None and lanes.author_of(state, opened) == member:
                found = max(found, row.limit)
    return found
