"""No bit of a record is free: with any of them flipped it is refused with a code; nothing raises.

One record of every kind, all bits of its header, body and signature; and what a refusal leaves.
"""

from typing import Any

import pytest

from node.protocol import codec, dispute
from node.protocol.account import RatingGive
from node.protocol.errors import Reject
from node.protocol.market import KINDS as MARKET
from node.protocol.market import ReviewPut
from node.protocol.office import ChapterClose, ChapterPolicy
from node.protocol.record import KINDS, RawRecord
from tests.support.nodes import Node
from tests.support.world import LIMIT, SALT, Made, World
from tests.vectors.bodies import EXAMPLES


def one_of_each() -> tuple[World, dict[str, Made]]:
    """A world in which a record of every kind was made."""
    world = World("3/2", k=2)
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    commit, head = world.pay(ada, bo, 40)
    head = world.claim(head, commit, stamps={commit.id: world.secure(commit)})
    world.on(head, RatingGive(commit=commit.id, review=None, stars=5))
    reserved = world.propose(commit, bo, 10)
    world.release(reserved, reserved)
    world.decline(head, reserved)
    admission = world.act("o0", "member.admit", world.membership_body("ada"), "o1")
    world.act("o0", "member.suspend", world.membership_body("ada", admission), "o1")
    common: dict[str, Any] = {
        "approvals": [], "chapter": "coop", "list": world.community, "supersedes": [],
    }  # fmt: skip
    policy = ChapterPolicy(counts=[], faith_days=9, mediators=[], secured_from=None, **common)
    world.propose_act("o1", "chapter.policy", policy)
    world.act("o0", "chapter.policy", policy, "o1")
    root = world.community
    books = ChapterClose(
        count=2, negative=40, period=202611, positive=40, root=root, state=root, **common
    )
    world.act("o0", "chapter.close", books, "o1")
    talker, seller = world.talker("ada"), world.seller("ada")
    post = world.post(world.apply_for(world.profile(talker, "Ada")), "hello")
    said = world.delete(world.edit(post, post, "hello again"), post)
    for kind, shape in dispute.KINDS.items():
        said = world.on(said, codec.decode(codec.encode(EXAMPLES[kind]), shape), kind)
    listing = world.listing(seller, "bread")
    review = world.on(listing, ReviewPut(commit=commit.id, salt=SALT, text="good"))
    shape = MARKET["listing.pictures"]
    pictures = codec.decode(codec.encode(EXAMPLES["listing.pictures"]), shape)
    world.close(world.on(review, pictures, "listing.pictures"), listing)
    world.revoke(head, account=head)
    return world, {made.header.kind: made for made in world.made.values()}


WORLD, KIND = one_of_each()
KINDS_ALL = sorted(kind for kinds in KINDS.values() for kind in kinds)
CODES = {str(code) for code in Reject}


def flipped(data: bytes) -> list[bytes]:
    """The bytes with each of their bits flipped once."""
    found: list[bytes] = []
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        found.append(bytes(changed))
    return found


def before(made: Made) -> Node:
    """A node that holds everything made before this record, and not the record."""
    node = WORLD.fresh()
    for other in WORLD.made.values():
        if other.id == made.id:
            break
        node.receive(other.raw)
    return node


def test_every_kind_of_record_is_here() -> None:
    assert sorted(KIND) == KINDS_ALL


@pytest.mark.parametrize("kind", KINDS_ALL)
def test_a_record_with_any_bit_flipped_is_refused(kind: str) -> None:
    header, body, signature = KIND[kind].raw
    assert body is not None
    node = before(KIND[kind])
    tables = {name: dict(rows) for name, rows in node.state.tables.items()}
    changed = [RawRecord(other, body, signature) for other in flipped(header)]
    changed += [RawRecord(header, other, signature) for other in flipped(body)]
    changed += [RawRecord(header, body, other) for other in flipped(signature)]
    assert {node.receive(raw) for raw in changed} <= CODES
    assert {name: dict(rows) for name, rows in node.state.tables.items()} == tables
    assert node.waiting == {}
    assert node.receive(KIND[kind].raw) == "ok"


@pytest.mark.parametrize("kind", KINDS_ALL)
def test_a_record_cut_short_or_grown_is_refused(kind: str) -> None:
    header, body, signature = KIND[kind].raw
    assert body is not None
    changed = [RawRecord(header + b"\0", body, signature), RawRecord(header[:-1], body, signature)]
    changed += [RawRecord(header, body + b"\0", signature), RawRecord(header, body[:-1], signature)]
    changed += [RawRecord(header, body, signature + b"\0"), RawRecord(header, body, b"")]
    changed += [RawRecord(b"", body, signature), RawRecord(header, b"", signature)]
    node = before(KIND[kind])
    assert {node.receive(raw) for raw in changed} <= CODES


def test_a_record_of_another_community_is_refused() -> None:
    other = World("3/2")
    codes = {other.node.receive(raw) for raw in WORLD.raws()}
    assert codes == {Reject.SIGNATURE}
