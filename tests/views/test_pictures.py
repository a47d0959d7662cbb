"""Pictures of listings: in whatever order they come, and only by the listing's author."""

from itertools import permutations

import pytest

from node.ledger.fold import BODYLESS, Fold
from node.protocol import codec, record
from node.protocol.errors import RemoteFault
from node.protocol.lanes import ENTRY
from node.protocol.market import ListingPictures, Picture, PictureFile
from node.protocol.record import RawRecord
from node.views import listings, pictures
from tests.support.nodes import Node
from tests.support.world import SALT, Made, World


@pytest.fixture
def world() -> World:
    return World()


def file_of(name: str, size: int = 1_000) -> PictureFile:
    return PictureFile(name.encode().ljust(32, b"\0"), "image/webp", size, 640, 480)


def picture(name: str) -> Picture:
    return Picture(name, file_of(name), file_of(f"{name} small", 100))


def illustrated(world: World, prev: Made, listing: Made, *found: Picture) -> Made:
    """What pictures a listing has."""
    return world.on(prev, ListingPictures(listing.id, list(found), SALT))


def shown(node: Node, listing: Made) -> list[str]:
    found = listings.listing_of(node.state, listing.id)
    return [] if found is None else [one.text for one in found.pictures]


def named(node: Node, *names: str) -> list[str]:
    return [name for name in names if pictures.is_named(node.state, file_of(name).hash)]


def in_every_order(world: World, last: list[Made]) -> list[Node]:
    late = {made.id for made in last}
    first = [made.raw for made in world.made.values() if made.id not in late]
    orders = permutations([made.raw for made in last])
    return [world.fresh().receive_all([*first, *order]) for order in orders]


def test_the_newest_pictures_of_the_author_are_shown_in_any_order(world: World) -> None:
    first, second, third = (world.seller("ada") for _ in range(3))
    thief = world.seller("bo")
    bread = world.listing(first, "bread")
    front = illustrated(world, second, bread, picture("front"))
    both = illustrated(world, third, bread, picture("front"), picture("back"))
    lie = illustrated(world, thief, bread, picture("lie"))
    for node in in_every_order(world, [bread, front, both, lie]):
        assert shown(node, bread) == ["front", "back"]
        names = ("front", "front small", "back", "back small", "lie", "lie small")
        assert named(node, *names) == ["front", "front small", "back", "back small"]
        by_facet = listings.listings_by(node.state, listings.facet("all"), None, 9, 2**52)
        assert [one.text for found in by_facet for one in found.pictures] == ["front", "back"]


def test_new_words_keep_the_pictures_and_an_empty_list_takes_them_off(world: World) -> None:
    first, second, third = (world.seller("ada") for _ in range(3))
    bread = world.listing(first, "bread")
    front = illustrated(world, second, bread, picture("front"))
    rye = world.listing(third, "rye", revises=bread)
    for node in in_every_order(world, [bread, front, rye]):
        assert shown(node, bread) == ["front"]
    illustrated(world, front, bread)
    assert shown(world.node, bread) == []
    assert named(world.node, "front") == []


@pytest.mark.parametrize("erase", [False, True])
def test_a_closing_takes_the_pictures_along_in_any_order(world: World, erase: bool) -> None:
    first, second, third = (world.seller("ada") for _ in range(3))
    bread = world.listing(first, "bread")
    front = illustrated(world, second, bread, picture("front"))
    closed = world.close(third, bread, erase=erase)
    for node in in_every_order(world, [bread, front, closed]):
        assert (shown(node, bread), named(node, "front")) == ([], [])
        raw = node.state.raw(ENTRY.must(node.state, front.id).number)
        assert raw is not None
        assert (raw.body is None) == erase
        assert not BODYLESS.has(node.state, front.id)


def test_pictures_that_name_a_revision_are_not_shown(world: World) -> None:
    first, second = (world.seller("ada") for _ in range(2))
    bread = world.listing(first, "bread")
    rye = world.listing(bread, "rye", revises=bread)
    illustrated(world, second, rye, picture("front"))
    assert (shown(world.node, bread), named(world.node, "front")) == ([], [])


def test_a_file_stays_named_while_another_listing_names_it(world: World) -> None:
    first, second = (world.seller("ada") for _ in range(2))
    bread, cake = world.listing(first, "bread"), world.listing(second, "cake")
    ours = illustrated(world, bread, bread, picture("front"))
    theirs = illustrated(world, cake, cake, Picture("big", file_of("front", 9_000), file_of("x")))
    sizes = [file.size for file in pictures.statements(world.node.state, file_of("front").hash)]
    assert sorted(sizes) == [1_000, 9_000]
    last = world.close(theirs, cake)
    assert named(world.node, "front", "x") == ["front"]
    world.close(ours, bread)
    assert named(world.node, "front") == []
    assert last.id in world.made


def test_pictures_of_a_device_that_was_cut_off_go_and_older_ones_show_again(world: World) -> None:
    first, second = (world.seller("ada") for _ in range(2))
    bread = world.listing(first, "bread")
    illustrated(world, bread, bread, picture("mine"))
    thief = illustrated(world, second, bread, picture("theirs"))
    assert shown(world.node, bread) == ["theirs"]
    world.revoke(thief)
    assert shown(world.node, bread) == ["mine"]
    assert named(world.node, "mine", "theirs") == ["mine"]


def test_while_the_words_of_the_newest_pictures_are_missing_the_older_ones_show_again(
    world: World,
) -> None:
    first, second = (world.seller("ada") for _ in range(2))
    bread = world.listing(first, "bread")
    older = illustrated(world, bread, bread, picture("older"))
    newer = illustrated(world, older, bread, picture("newer"))
    world.revoke(world.close(second, bread, erase=True))
    node = world.node
    assert all(BODYLESS.has(node.state, one.id) for one in (bread, older, newer))
    for made, names in ((bread, []), (older, ["older"]), (newer, ["newer"])):
        node.receive(made.raw)
        assert shown(node, bread) == names


def test_pictures_whose_words_are_missing_show_nothing_until_they_come(world: World) -> None:
    first, second = (world.seller("ada") for _ in range(2))
    bread = world.listing(first, "bread")
    front = illustrated(world, second, bread, picture("front"))
    raws = [raw for raw in world.raws() if raw != front.raw]
    node = world.fresh().receive_all(raws)
    node.receive(RawRecord(front.raw.header, None, front.raw.signature))
    assert (shown(node, bread), BODYLESS.has(node.state, front.id)) == ([], True)
    assert node.receive(front.raw) == "filled"
    assert shown(node, bread) == ["front"]


def test_what_an_earlier_program_took_in_does_not_keep_this_one_from_starting(
    world: World,
) -> None:
    """It knew no such kind: any map was a body. Made anew, the record stays without effect."""
    bread = world.listing(world.seller("ada"), "bread")
    odd = world.unknown(bread, "later.kind", codec.encode({"pictures": "none"}))
    header = odd.raw.header.replace(b"\xaalater.kind", b"\xb0listing.pictures", 1)
    raw = RawRecord(header, odd.raw.body, odd.raw.signature)
    with pytest.raises(RemoteFault):
        record.parse(raw, world.community)
    held = record.parse_held(raw, world.community)
    assert (held.body, held.header.kind) == (None, "listing.pictures")
    changes = Fold(world.rules).apply(world.fresh().receive_all(world.raws()).state, held)
    assert changes.verdict == "ok"
    with pytest.raises(RemoteFault):  # other faults are faults
        record.parse_held(RawRecord(header, b"\x80\x80", odd.raw.signature), world.community)
