"""What a device said beyond its cut leaves no trace in the views: every row is as it was before."""

from collections.abc import Callable

import pytest

from node.ledger.fold import BODYLESS
from node.protocol.dispute import (
    DisputeClose,
    DisputeErase,
    DisputeEvidence,
    DisputeOpen,
    DisputePaid,
    DisputeShare,
    DisputeTake,
    DisputeVote,
)
from node.protocol.market import ListingPictures
from node.protocol.state import TABLES
from tests.ledger.test_changes import changes
from tests.support.nodes import Node
from tests.support.world import SALT, Made, World
from tests.views.test_disputes import KEYS, TRADE
from tests.views.test_pictures import picture

OF_LANES = {"lane", "lane_key", "entry", "chain", "branch", "head", "fork"}
OF_IDENTITIES = {"device", "revoked", "epoch"}  # these do change, by the revocation


class Member:
    """Ada, who has said and offered something; a thief has devices of hers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.talker, self.seller = world.talker("ada"), world.seller("ada")
        self.post = world.post(self.talker, "first")
        self.edit = world.edit(self.post, self.post, "second")
        self.reply = world.post(world.talker("bo"), "answer", reply_to=self.post)
        self.listing = world.listing(self.seller, "bread", region="KR-11")
        self.revision = world.listing(self.listing, "rye", self.listing)
        shown = ListingPictures(self.listing.id, [picture("front")], SALT)
        self.pictures = world.on(self.revision, shown)
        self.profile = world.profile(self.edit, "Ada")
        self.dispute = world.on(self.profile, DisputeOpen(salt=SALT, trade=TRADE))
        body = DisputeEvidence(box=bytes(296), dispute=self.dispute.id, keys=KEYS, salt=SALT)
        self.evidence = world.on(self.dispute, body)
        self.applied = world.apply_for(self.evidence)
        self.stolen, self.stall = world.talker("ada"), world.seller("ada")

    def in_case(self, body: Callable[..., object], **more: object) -> Made:
        """Something of the dispute, said on the stolen device."""
        made = body(dispute=self.dispute.id, salt=SALT, **more)
        return self.world.on(self.stolen, made)  # type: ignore[arg-type]


DEEDS: dict[str, Callable[[Member], Made]] = {
    "a post": lambda m: m.world.post(m.stolen, "lies", room="mill"),
    "a reply": lambda m: m.world.post(m.stolen, "lies", reply_to=m.post),
    "an edit": lambda m: m.world.edit(m.stolen, m.post, "lies"),
    "a deletion": lambda m: m.world.delete(m.stolen, m.post),
    "a profile": lambda m: m.world.profile(m.stolen, "Eve"),
    "an application": lambda m: m.world.apply_for(m.stolen),
    "a dispute": lambda m: m.world.on(m.stolen, DisputeOpen(salt=SALT, trade=TRADE)),
    "a vote": lambda m: m.in_case(DisputeVote, amount=1, to="payer"),
    "a taking": lambda m: m.in_case(DisputeTake, takes=True),
    "evidence": lambda m: m.in_case(DisputeEvidence, box=bytes(296), keys=KEYS),
    "a share": lambda m: m.in_case(DisputeShare, evidence=m.evidence.id, keys=KEYS),
    "a payment": lambda m: m.in_case(DisputePaid, trade=TRADE),
    "a withdrawal": lambda m: m.in_case(DisputeClose),
    "an erasure": lambda m: m.in_case(DisputeErase, evidence=m.evidence.id),
    "a listing": lambda m: m.world.listing(m.stall, "lies", region="KR-26"),
    "a revision": lambda m: m.world.listing(m.stall, "lies", m.listing, region="KR-26"),
    "pictures": lambda m: m.world.on(
        m.stall, ListingPictures(m.listing.id, [picture("lie")], SALT)
    ),
    "no pictures": lambda m: m.world.on(m.stall, ListingPictures(m.listing.id, [], SALT)),
    "a closing": lambda m: m.world.close(m.stall, m.listing),
    "an erasing closing": lambda m: m.world.close(m.stall, m.listing, erase=True),
    "a closing of a revision": lambda m: m.world.close(m.stall, m.revision, erase=True),
}


def rows(node: Node) -> dict[str, dict[bytes, bytes]]:
    """All rows but those of lanes and identities."""
    names = TABLES.keys() - OF_LANES - OF_IDENTITIES
    return {name: dict(node.state.scan(name, b"", None)) for name in names}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_what_lies_beyond_a_cut_leaves_no_row_and_takes_none_along(
    deed: Callable[[Member], Made],
) -> None:
    world = World()
    member = Member(world)
    before = rows(world.node)
    said = deed(member)
    assert world.outcome[said.id] == "ok"
    assert rows(world.node) != before
    world.revoke(said)
    world.node.settle(world.library())  # texts that only this had asked to erase come again
    assert rows(world.node) == before


# Whose text comes again only when a neighbour gives it: that tells the search.
FILLED_LATER = {"a closing of a revision", "a deletion"}


@pytest.mark.parametrize("deed", sorted(DEEDS.keys() - FILLED_LATER))
def test_what_told_the_search_when_it_was_said_tells_it_when_a_cut_drops_it(
    deed: str,
) -> None:
    world = World()
    said = DEEDS[deed](Member(world))
    told, undone = changes(world, said), changes(world, world.revoke(said))
    assert set(told.touched) <= set(undone.touched)


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_what_came_without_its_text_is_wanted_no_more_when_a_cut_drops_it(
    deed: Callable[[Member], Made],
) -> None:
    world = World()
    said = deed(Member(world))
    node = world.fresh().receive_all(raw for raw in world.raws() if raw != said.raw)
    before = rows(node)
    node.receive(said.raw._replace(body=None))
    assert BODYLESS.has(node.state, said.id)
    node.receive(world.revoke(said).raw)
    assert rows(node) == before


@pytest.mark.parametrize(
    ("target", "deed", "wanted"),
    [
        ("post", "a deletion", False),
        ("evidence", "an erasure", False),
        ("listing", "an erasing closing", False),
        ("revision", "a closing of a revision", False),
        ("listing", "a closing", True),  # if it is dropped the listing shows again
        ("profile", "a deletion", True),
        ("edit", "a deletion", True),
        ("listing", "a deletion", True),
        ("post", "an erasing closing", True),
        ("post", "an erasure", True),
    ],
)
def test_a_text_that_is_missing_is_wanted_until_it_is_erased_in_either_order(
    target: str, deed: str, wanted: bool
) -> None:
    world = World()
    member = Member(world)
    missing: Made = getattr(member, target)
    names = {"a deletion": "post", "an erasure": "evidence"}  # what each of them names
    setattr(
        member, names.get(deed, "listing"), missing if "revision" not in deed else member.listing
    )
    said = DEEDS[deed](member)
    others = [raw for raw in world.raws() if raw not in (missing.raw, said.raw)]
    bare = missing.raw._replace(body=None)
    for late in ([bare, said.raw], [said.raw, bare]):
        node = world.fresh().receive_all([*others, *late])
        assert node.verdict(said.id) == "ok"
        assert BODYLESS.has(node.state, missing.id) == wanted


ERASING = ("a deletion", "an erasing closing", "a closing of a revision", "an erasure")


@pytest.mark.parametrize("deed", ERASING)
def test_what_another_device_asked_to_erase_as_well_stays_erased(deed: str) -> None:
    world = World()
    member = Member(world)
    DEEDS[deed](member)
    before = rows(world.node)
    member.stolen, member.stall = world.talker("ada"), world.seller("ada")
    said = DEEDS[deed](member)
    world.revoke(said)
    assert rows(world.node) == before  # and nothing is missed
