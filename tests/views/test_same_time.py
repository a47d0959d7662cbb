"""Of two things said at one claimed time the one of the higher id counts, whichever came first.

Times are claims: a member's two devices, or a thief's, may name one millisecond. Local numbers
follow arrival, so a view that let them decide would show every node something else.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from node.protocol.dispute import DisputeOpen, DisputeTake, DisputeVote
from node.protocol.market import ListingPictures
from node.protocol.shapes import Body
from node.protocol.social import PostEdit, ProfileSet
from node.views import disputes, identities, listings, rooms
from tests.support.keys import public
from tests.support.nodes import Node
from tests.support.world import OFFICERS, SALT, Made, World
from tests.views.test_disputes import TERMS, TRADE
from tests.views.test_pictures import picture

WORDS = ("one", "other", "third")


@dataclass(frozen=True)
class Saying:
    """What is said of what, by whom, and what a node shows of it."""

    who: str
    market: bool
    target: Callable[[World], Made]
    body: Callable[[Made, str], Body]
    shown: Callable[[Node, Made], str | None]


def shown_edit(node: Node, post: Made) -> str | None:
    found = rooms.post_of(node.state, post.id)
    return None if found is None else found.text


def shown_listing(node: Node, listing: Made) -> str | None:
    found = listings.listing_of(node.state, listing.id)
    return None if found is None else found.body.title


def shown_pictures(node: Node, listing: Made) -> str | None:
    found = listings.listing_of(node.state, listing.id)
    return None if found is None or not found.pictures else found.pictures[0].text


def shown_profile(node: Node, _: Made) -> str | None:
    found = identities.profile_of(node.state, public("ada"))
    return None if found is None else found.name


def shown_vote(node: Node, opening: Made) -> str | None:
    case = disputes.case_of(node.state, opening.id, TERMS, node.rules)
    vote = None if case is None else case.votes.get(public(OFFICERS[0]))
    return None if vote is None else WORDS[vote.amount - 1]


def dispute(world: World) -> Made:
    opening = world.on(world.talker("ada"), DisputeOpen(salt=SALT, trade=TRADE))
    taken = DisputeTake(dispute=opening.id, salt=SALT, takes=True)
    world.on(world.talker(OFFICERS[0]), taken)
    return opening


def vote(opening: Made, word: str) -> DisputeVote:
    amount = WORDS.index(word) + 1
    return DisputeVote(amount=amount, dispute=opening.id, salt=SALT, to="payer")


def revision(listing: Made, word: str) -> Body:
    return msgspec.structs.replace(listing.body, listing=listing.id, title=word)


SAYINGS = {
    "an edit": Saying(
        "ada", False, lambda world: world.post(world.talker("ada"), "first"),
        lambda post, word: PostEdit(post=post.id, salt=SALT, text=word), shown_edit,
    ),
    "a revision": Saying(
        "ada", True, lambda world: world.listing(world.seller("ada"), "first"),
        revision, shown_listing,
    ),
    "pictures": Saying(
        "ada", True, lambda world: world.listing(world.seller("ada"), "first"),
        lambda listing, word: ListingPictures(listing.id, [picture(word)], SALT), shown_pictures,
    ),
    "a profile": Saying(
        "ada", False, lambda world: world.talker("ada"),
        lambda _, word: ProfileSet(about="", languages=[], name=word, region=None, salt=SALT),
        shown_profile,
    ),
    "a vote": Saying(OFFICERS[0], False, dispute, vote, shown_vote),
}  # fmt: skip


@pytest.mark.parametrize("saying", SAYINGS.values(), ids=SAYINGS)
def test_of_one_time_the_higher_id_counts_in_any_order(saying: Saying) -> None:
    world = World()
    target = saying.target(world)
    lane = world.seller if saying.market else world.talker
    heads = [lane(saying.who) for _ in WORDS]
    now, said = world.time, dict[bytes, tuple[str, Made]]()
    for head, word in zip(heads, WORDS, strict=True):
        world.time = now  # makes it the same for all
        made = world.on(head, saying.body(target, word))
        said[made.id] = (word, made)
    order = sorted(said)
    others = [raw for raw in world.raws() if raw not in [made.raw for _, made in said.values()]]
    arrivals = [order, order[::-1], [order[1], order[2], order[0]]]
    nodes = [
        world.fresh().receive_all([*others, *(said[one][1].raw for one in arrival)])
        for arrival in arrivals
    ]
    for node in nodes:
        assert saying.shown(node, target) == said[order[-1]][0]
    revoked = world.revoke(said[order[-1]][1])  # the device that said the last is shut out
    for node in nodes:
        node.receive(revoked.raw)
        assert saying.shown(node, target) == said[order[-2]][0]
