"""What must hold in every state of every honest node, and what must hold when all has healed.

Rules: nothing here trusts what it checks: balances are added up from trades, states are folded anew
from durable bytes, and every node is held against every other. A broken rule is a `Broken`.

Left to others: what a single record rests on (`grounds`).
"""

import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from node.ledger import alerts, book, positions, stamps, trades
from node.ledger.alerts import CleanIncome
from node.ledger.positions import POSITION, TRADE
from node.ledger.root import state_root
from node.protocol import codec, lanes
from node.protocol.account import CREDIT
from node.protocol.crypto import record_id
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.limits import TIME_MAX_MS
from node.protocol.market import ListingClose, ListingPut
from node.protocol.ports import Reader
from node.protocol.record import RawRecord, Record, parse_header
from node.protocol.shapes import CommunityId
from node.protocol.social import PostDelete, PostEdit
from node.views import chapters, identities, listings, members, rooms
from simulator import grounds
from simulator.broken import expect
from simulator.store import VERIFIED_KEPT_COUNT

if TYPE_CHECKING:
    from simulator.node import Node
    from simulator.world import World

PENDING_LOOKED_AT_COUNT: Final = 256
EVERY_KIND: Final = frozenset[int](Lane)
ANEW_COUNT: Final = 2  # nodes folded anew at the end of a life
ALL_ANEW_SHARE: Final = 0.2  # of lives at whose end all are


def cheap(world: "World", node: "Node", new: Iterable[tuple[Record, str]]) -> None:
    """After each job of a node: sums, grounds of what is new, and that all nodes agree on it."""
    state = node.store.state
    total = sum(amount for _, _, amount in book.balances(state))
    expect(total == 0, "sum", f"balances of node {node.number} add up to {total}")
    for record, verdict in new:
        if record.raw.body is not None or record.id not in world.records:
            world.records[record.id] = record.raw
        known = world.verdicts.get(record.id)
        if known is None and lanes.ENTRY.has(state, record.id):  # not dropped in the same job
            world.verdicts[record.id] = verdict
            grounds.look_at(world, state, record, verdict)
        else:
            expect(
                known in (None, verdict), "verdict", f"{record.id.hex()[:8]}: {known}, {verdict}"
            )
    for ground in node.store.pending.missing(PENDING_LOOKED_AT_COUNT):
        expect(not node.store.holds(ground), "waits", f"node {node.number} waits for what it has")


def thorough(world: "World", node: "Node") -> None:
    """Now and then: the books from the trades, growth, what was acknowledged."""
    state = node.store.state
    _books(state)
    committed = {trade for _, trade in trades.COMMIT_ON.scan(state, b"", None)}
    before = world.committed.get(node.number, set())
    expect(before <= committed, "growth", f"node {node.number} forgot a committed trade")
    world.committed[node.number] = committed
    held = all(node.store.holds(record) for record in node.acknowledged)
    expect(held, "acknowledged", f"node {node.number} lost what it had acknowledged")


def refold(node: "Node", root: bytes | None = None) -> None:
    """The state folded anew from the durable bytes is the state. `root`: of it, if it is known."""
    rules = node.town.rules
    again = state_root(node.store.refolded(), rules)
    root = root or state_root(node.store.state, rules)
    expect(again == root, "refold", f"node {node.number}")


def accepted(world: "World", node: "Node", propose: bytes) -> None:
    """An honest payee accepts no credit that rests on income from the exposed branch of a fork,
    unless stamps made that income final (R45)."""
    state = node.store.state
    row = TRADE.must(state, propose)
    if row.unit != CREDIT or not row.by_payer:
        return
    position, entry = POSITION.must(state, propose), lanes.ENTRY.must(state, propose)
    income = 0
    for trade, commit in positions.claims_at(state, entry, position.open).items():
        place = lanes.ENTRY.must(state, commit)
        key = lanes.key_of(state, place.lane)
        forked = lanes.LANE.must(state, key).fork_seq
        revoked = identities.is_revoked(state, key[:32], key[32:64])
        if revoked or not 0 <= forked <= place.seq or stamps.secured(state, commit):
            income += TRADE.must(state, trade).amount
    left = income - position.outgoing + position.limit
    expect(left >= 0, "unclean", f"node {node.number} accepts {row.amount}: {-left} too much")


def _books(state: Reader) -> None:
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


def healed(world: "World") -> None:
    """At the end: all honest nodes hold the same and show the same; nothing honest is gone."""
    honest = [node for node in world.nodes if node.honest]
    first, rules = honest[0], world.town.rules
    heads = [_heads(node.store.state) for node in honest]
    for node, own in zip(honest, heads, strict=True):
        lost = [lane for lane in heads[0] if lane not in own]
        expect(own == heads[0], "heads", f"node {node.number} differs: {len(lost)} lanes")
        kept, made = (h.index(EVERY_KIND) for h in (node.heads, Heads(node.store)))
        prints = [index.fingerprint(0, len(index)) for index in (kept, made)]
        expect(prints[0] == prints[1], "index", f"what node {node.number} compares is not so")
    roots = {state_root(node.store.state, rules) for node in honest}
    expect(len(roots) == 1, "roots", f"{len(roots)} different")
    root = roots.pop()
    for node in honest:
        missed = node.store.bodies_missing(1_000)
        found = any(other.store.has_body(record) for record in missed for other in honest)
        expect(not found, "bodies", f"node {node.number} lacks some that others have")
    erased = _erased(first.store.held())
    chance = random.Random(f"end {world.seed}")
    anew = honest if chance.random() < ALL_ANEW_SHARE else chance.sample(honest, ANEW_COUNT)
    for node in honest:
        thorough(world, node)
        if node in anew:
            refold(node, root)
        stored = {text for raw in node.store.held() for text in _texts(node.store.community, raw)}
        expect(not erased & stored, "erased", f"node {node.number}")
        for record in (*node.acknowledged, *node.entrusted):
            everywhere = all(other.store.holds(record) for other in honest)
            expect(everywhere, "lost", f"of node {node.number}: {record.hex()[:8]}")
    order = list(range(len(first.store.held())))
    chance.shuffle(order)
    mixed = state_root(first.store.refolded(order), rules)
    expect(mixed == root, "order")
    others = chance.sample(honest[1:], min(2, len(honest) - 1))
    told = shown(world, first.store.state)
    for node in others:
        for name, rows in shown(world, node.store.state).items():
            expect(rows == told[name], "shown", f"{name} at node {node.number}")
    _sums(first.store.state)
    _honest_lanes(world, first.store.state)
    _bound(world, honest)


def _heads(state: Reader) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for head in lanes.heads_between(state, b"", None):
        found.setdefault(head.lane_key, []).append(head.id)
    return found


def _sums(state: Reader) -> None:
    """What is kept at each head as in and out is the sum over its whole past (R19)."""
    for head in lanes.heads_between(state, b"", None):
        position = POSITION.get(state, head.id)
        if position is not None and position.open:
            entry = lanes.ENTRY.must(state, head.id)
            again = positions.sums_at(state, entry, position.open)
            expect(again == (position.incoming, position.outgoing), "sums", head.id.hex()[:8])


def shown(world: "World", state: Reader) -> dict[str, object]:
    """What a node shows its owner, by name: the same on all nodes with the same records."""
    rules, clean = world.town.rules, CleanIncome(world.town.rules)
    own = [device.member for device in world.town.devices]
    account = [key for key, _ in lanes.LANE.scan(state, b"", None) if key[64] == Lane.ACCOUNT]
    heads = [head for key in account for head in lanes.heads_of(state, key)]
    proposed = [key for key, _ in TRADE.scan(state, b"", None)]
    profiles = [identities.profile_of(state, member) for member in own]
    return {
        "posts": {post: rooms.post_of(state, post) for post in rooms.live_ids(state)},
        "rooms": rooms.rooms(state),
        "listings": sorted(listings.live_ids(state)),
        "offers": _offers(state),
        "profiles": [profile and (profile.name, profile.about) for profile in profiles],
        "devices": [list(identities.devices_of(state, member)) for member in own],
        "membership": [members.membership(state, 0, member, rules) for member in own],
        "policy": chapters.policy_of(state, 0, rules),
        "proposals": [one.hash for one in chapters.proposals(state, 0, rules)],
        "trades": [(trade, book.status_of(state, trade)) for trade in proposed],
        "accepts": [clean.may_accept(state, trade) for trade in proposed],
        "alerts": [alerts.alerts_on(state, key, rules, 0) for key in account],
        "spendable": sorted((head.id, clean.spendable(state, head.id)) for head in heads),
        "turnover": list(book.TURNOVER.scan(state, b"", None)),
        "given": list(book.CONTRIBUTED.scan(state, b"", None)),
        "convicted": [key for key, _ in stamps.CONVICTED.scan(state, b"", None)],
    }


def _offers(state: Reader) -> list[tuple[bytes, str]]:
    """What people find who browse: each live listing once, as it is shown by itself."""
    every = listings.facet("all")
    found = [
        (one.id, one.body.title)
        for one in listings.listings_by(state, every, None, VERIFIED_KEPT_COUNT, TIME_MAX_MS)
    ]
    live = [listing for listing, _ in listings.live_ids(state)]
    expect(sorted(one for one, _ in found) == sorted(live), "offers")
    return sorted(found)


def _erased(held: Sequence[RawRecord]) -> set[tuple[bytes, bytes]]:
    """(author, id) of posts and listings that their authors asked to erase."""
    found: set[tuple[bytes, bytes]] = set()
    for raw in held:
        header = parse_header(raw.header)
        if raw.body is not None and header.kind == "post.delete":
            found.add((header.author, codec.stored(raw.body, PostDelete).post))
        elif raw.body is not None and header.kind == "listing.close":
            close = codec.stored(raw.body, ListingClose)
            if close.erase:
                found.add((header.author, close.listing))
    return found


@lru_cache(maxsize=VERIFIED_KEPT_COUNT)
def _texts(community: CommunityId, raw: RawRecord) -> tuple[tuple[bytes, bytes], ...]:
    """(author, id) of posts and listings of which a record holds a text, be it an edit."""
    header = parse_header(raw.header)
    if raw.body is None:
        return ()
    author, own = header.author, record_id(community, raw.header)
    if header.kind == "post.put":
        return ((author, own),)
    if header.kind == "post.edit":
        return ((author, codec.stored(raw.body, PostEdit).post),)
    if header.kind == "listing.put":
        revised = codec.stored(raw.body, ListingPut).listing
        return ((author, own),) if revised is None else ((author, own), (author, revised))
    return ()


def _honest_lanes(world: "World", state: Reader) -> None:
    """No lane of an honest device is forked, and no honest relay is convicted."""
    careless = {node.device.member for node in world.nodes if node.may_fork or not node.honest}
    for lane_key, _ in lanes.FORK.scan(state, b"", None):
        expect(lane_key[:32] in careless, "own-fork", lane_key.hex()[:8])
    for witness, _ in stamps.CONVICTED.scan(state, b"", None):
        owners = [node for node in world.nodes if witness in node.member.keys]
        expect(all(one.device.member in careless for one in owners), "convicted")


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
    rows = [TRADE.must(state, trade) for trade in claimed]
    taken = sum(row.amount for row in rows if row.payer in cheats)
    committed = {trade for _, trade in trades.COMMIT_ON.scan(state, b"", None)}
    rows = [TRADE.must(state, trade) for trade in committed]
    paid = sum(r.amount for r in rows if r.payee in cheats and r.payer not in cheats)
    trusted = sum(_highest(state, cheat) for cheat in cheats)
    expect(taken <= trusted + paid, "bound", f"{taken} of {trusted} + {paid}")


def _highest(state: Reader, member: bytes) -> int:
    """The highest limit ever granted to a lane of a member, over all of them."""
    found = 0
    for key, row in members.ACT.scan(state, b"", None):
        if row.kind == "credit.grant":
            opened = lanes.entry_of(state, key[:-32])
            if opened is not None and lanes.author_of(state, opened) == member:
                found = max(found, row.limit)
    return found
