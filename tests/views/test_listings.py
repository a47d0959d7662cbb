"""Listings: revisions and closings in whatever order they come, and only by their author."""

from itertools import permutations

import msgspec
import pytest

from node.ledger.fold import BODYLESS
from node.ledger.root import state_root
from node.protocol.codec import encode
from node.protocol.lanes import ENTRY
from node.protocol.market import ReviewPut
from node.protocol.record import RawRecord
from node.views import listings
from node.views.listings import facet
from tests.support.keys import public
from tests.support.nodes import Node
from tests.support.world import SALT, Made, World

FOREVER_MS = 2**52


@pytest.fixture
def world() -> World:
    return World()


def titles(node: Node, *named: str) -> list[str]:
    prefix = facet(*(named or ("all",)))
    found = listings.listings_by(node.state, prefix, None, 50, FOREVER_MS)
    return [listing.body.title for listing in found]


def in_every_order(world: World, last: list[Made]) -> list[Node]:
    """Nodes that get `last` (on lanes of their own) in each order; all must show the same."""
    late = {made.id for made in last}
    first = [made.raw for made in world.made.values() if made.id not in late]
    orders = permutations([made.raw for made in last])
    nodes = [world.fresh().receive_all([*first, *order]) for order in orders]
    assert len({state_root(node.state, world.rules) for node in nodes}) == 1
    return nodes


def test_listings_are_found_by_what_they_are(world: World) -> None:
    seller = world.seller("ada")
    bread = world.listing(seller, "bread", region="KR-11")
    world.listing(bread, "cake", region="KR-26")
    world.listing(world.seller("bo"), "tea")
    node = world.node
    assert titles(node) == ["tea", "cake", "bread"]
    assert titles(node, "kind", "goods") == ["tea", "cake", "bread"]
    assert titles(node, "region", "KR") == ["cake", "bread"]
    assert titles(node, "region", "KR-11") == ["bread"]
    assert titles(node, "tag", "bread") == ["tea", "cake", "bread"]
    assert titles(node, "author", public("bo").hex()) == ["tea"]
    assert titles(node, "kind", "gift") == []


def test_a_listing_is_found_by_each_of_its_tags_until_they_change(world: World) -> None:
    first = world.listing(world.seller("ada"), "bread")
    for tags in (["rye", "bread", "loaf"], ["cake"], []):
        body = msgspec.structs.replace(first.body, listing=first.id, tags=tags)
        world.on(world.seller("ada"), body)
        for tag in ("rye", "bread", "loaf", "cake"):
            assert titles(world.node, "tag", tag) == (["bread"] if tag in tags else [])
        assert titles(world.node) == ["bread"]


def test_listings_come_page_by_page_and_never_from_the_future(world: World) -> None:
    head = world.seller("ada")
    made = [head := world.listing(head, str(number)) for number in range(4)]
    state, everything = world.node.state, facet("all")
    first = list(listings.listings_by(state, everything, None, 2, FOREVER_MS))
    last = first[-1]
    rest = listings.listings_by(state, everything, (last.time, last.id), 9, FOREVER_MS)
    assert [listing.id for listing in rest] == [made[1].id, made[0].id]
    early = listings.listings_by(state, everything, None, 9, made[0].header.time)
    assert [listing.id for listing in early] == [made[0].id]


def test_the_newest_revision_of_the_author_is_shown(world: World) -> None:
    ada, second, third, bo = (world.seller(name) for name in ("ada", "ada", "ada", "bo"))
    bread = world.listing(ada, "bread", region="KR-11")
    made = [
        world.listing(second, "rye", revises=bread),
        world.listing(third, "spelt", revises=bread),
        world.listing(bo, "foreign", revises=bread),
    ]
    for node in in_every_order(world, [bread, *made]):
        assert titles(node) == ["spelt"]
        assert titles(node, "region", "KR-11") == []
        shown = listings.listing_of(node.state, bread.id)
        assert shown is not None
        assert (shown.author, shown.time) == (public("ada"), made[1].header.time)
        assert listings.listing_of(node.state, made[0].id) is None


def test_a_revision_of_a_revision_or_of_nothing_is_not_shown(world: World) -> None:
    ada, other = world.seller("ada"), world.seller("ada")
    bread = world.listing(ada, "bread")
    rye = world.listing(bread, "rye", revises=bread)
    lost = world.listing(other, "lost", revises=rye)
    post = world.post(world.talker("ada"), "a post")
    strange = world.listing(lost, "strange", revises=post)
    assert titles(world.node) == ["rye"]
    assert listings.listing_of(world.node.state, rye.id) is None
    assert world.node.verdict(strange.id) == "ok"


@pytest.mark.parametrize("erase", [False, True])
def test_closing_is_for_ever_in_any_order(world: World, erase: bool) -> None:
    ada, second, third = (world.seller("ada") for _ in range(3))
    bread = world.listing(ada, "bread")
    rye = world.listing(second, "rye", revises=bread)
    closed = world.close(third, bread, erase=erase)
    for node in in_every_order(world, [bread, rye, closed]):
        assert titles(node) == []
        for made in (bread, rye):
            raw = node.state.raw(ENTRY.must(node.state, made.id).number)
            assert raw is not None
            assert (raw.body is None) == erase


@pytest.mark.parametrize("erase", [False, True])
def test_a_closing_that_names_a_revision_takes_that_alone_in_any_order(
    world: World, erase: bool
) -> None:
    ada, second, third = (world.seller("ada") for _ in range(3))
    bread = world.listing(ada, "bread")
    rye = world.listing(second, "rye", revises=bread)
    closed = world.close(third, rye, erase=erase)
    for node in in_every_order(world, [bread, rye, closed]):
        assert titles(node) == (["bread"] if erase else ["rye"])
        raw = node.state.raw(ENTRY.must(node.state, rye.id).number)
        assert raw is not None
        assert (raw.body is None) == erase
        assert not BODYLESS.has(node.state, rye.id)


def test_a_revision_that_only_a_dropped_closing_erased_is_shown_again(world: World) -> None:
    ada, second, third = (world.seller("ada") for _ in range(3))
    bread = world.listing(ada, "bread")
    rye = world.listing(second, "rye", revises=bread)
    closed = world.close(third, rye, erase=True)
    assert titles(world.node) == ["bread"]
    world.revoke(closed)
    assert BODYLESS.has(world.node.state, rye.id)
    world.node.receive(rye.raw)
    assert titles(world.node) == ["rye"]


@pytest.mark.parametrize("erasing", range(3))
def test_one_closing_of_several_that_erases_is_enough_in_any_order(
    world: World, erasing: int
) -> None:
    bread = world.listing(world.seller("ada"), "bread")
    closed = [world.close(world.seller("ada"), bread, erase=n == erasing) for n in range(3)]
    for node in in_every_order(world, [bread, *closed]):
        raw = node.state.raw(ENTRY.must(node.state, bread.id).number)
        assert raw is not None
        assert raw.body is None
        assert not BODYLESS.has(node.state, bread.id)


def test_nobody_closes_the_listing_of_another(world: World) -> None:
    ada, bo = world.seller("ada"), world.seller("bo")
    bread = world.listing(ada, "bread")
    closed = world.close(bo, bread, erase=True)
    for node in in_every_order(world, [bread, closed]):
        assert titles(node) == ["bread"]


def test_closing_a_post_hides_nothing(world: World) -> None:
    talker, seller = world.talker("ada"), world.seller("ada")
    post = world.post(talker, "stays")
    closed = world.close(seller, post, erase=True)
    for node in in_every_order(world, [post, closed]):
        raw = node.state.raw(ENTRY.must(node.state, post.id).number)
        assert raw is not None
        assert raw.body is not None


def test_a_bare_listing_is_missed_unless_its_texts_were_erased(world: World) -> None:
    ada, other = world.seller("ada"), world.seller("ada")
    bread = world.listing(ada, "bread")
    raws = world.raws()
    bare = RawRecord(bread.raw.header, None, bread.raw.signature)
    closed = world.close(other, bread, erase=True)
    node = world.fresh().receive_all([raw for raw in raws if raw != bread.raw])
    node.receive(bare)
    assert BODYLESS.has(node.state, bread.id)
    node.receive(closed.raw)
    assert not BODYLESS.has(node.state, bread.id)
    node = world.fresh().receive_all([*(r for r in raws if r != bread.raw), closed.raw, bare])
    assert not BODYLESS.has(node.state, bread.id)
    node.receive(world.revoke(other).raw)  # the closing never was
    assert BODYLESS.has(node.state, bread.id)
    assert node.receive(bread.raw) == "filled"
    assert titles(node) == ["bread"]


def test_a_listing_that_lost_its_text_is_not_shown(world: World) -> None:
    bread = world.listing(world.seller("ada"), "bread")
    state = world.node.state
    bare = RawRecord(bread.raw.header, None, bread.raw.signature)
    state.records[ENTRY.must(state, bread.id).number] = bare  # as retention does
    assert listings.listing_of(state, bread.id) is None
    assert titles(world.node) == []
    world.listing(bread, "cake")
    assert titles(world.node) == ["cake"]


def test_a_revision_shows_only_with_its_text_and_the_first_ones(world: World) -> None:
    bread = world.listing(world.seller("ada"), "bread")
    rye = world.listing(bread, "rye", revises=bread)
    raws = world.raws()
    for missing, shown in ((rye, ["bread"]), (bread, [])):
        bare = RawRecord(missing.raw.header, None, missing.raw.signature)
        node = world.fresh().receive_all([bare if raw == missing.raw else raw for raw in raws])
        assert titles(node) == shown
        assert node.receive(missing.raw) == "filled"
        assert titles(node) == ["rye"]
    state = world.node.state
    bare = RawRecord(bread.raw.header, None, bread.raw.signature)
    state.records[ENTRY.must(state, bread.id).number] = bare  # a text that is lost, as none came
    world.listing(rye, "spelt", revises=bread)
    assert titles(world.node) == []


def test_reviews_and_later_kinds_show_nothing_and_disturb_nothing(world: World) -> None:
    seller, talker = world.seller("ada"), world.talker("ada")
    before = state_root(world.node.state, world.rules)
    review = world.on(seller, ReviewPut(commit=bytes(32), salt=SALT, text="good"))
    later = world.unknown(review, "listing.boost", encode({"by": 3}))
    chat = world.unknown(talker, "poll.put", encode({"ask": "bread?"}))
    for node in in_every_order(world, [later, chat]):
        assert node.verdict(later.id) == node.verdict(chat.id) == "ok"
        assert state_root(node.state, world.rules) == before
    cut = world.revoke(seller)
    assert world.node.verdict(later.id) is None
    assert world.outcome[cut.id] == "ok"
