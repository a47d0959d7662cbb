"""Posts, edits and deletions: the same in whatever order they come, and only by their author."""

from itertools import permutations

import pytest

from node.ledger.fold import BODYLESS
from node.ledger.root import state_root
from node.protocol.lanes import ENTRY
from node.protocol.record import RawRecord
from node.views import rooms
from node.views.rooms import Post
from tests.support.nodes import Node
from tests.support.world import Made, World

FOREVER_MS = 2**52


@pytest.fixture
def world() -> World:
    return World()


def posts(node: Node, room: str = "well", limit: int = 50) -> list[Post]:
    return list(rooms.posts_in(node.state, room, None, limit, FOREVER_MS))


def texts(node: Node, room: str = "well") -> list[str]:
    return [post.text for post in posts(node, room)]


def bare(made: Made) -> RawRecord:
    return RawRecord(made.raw.header, None, made.raw.signature)


def body_of(node: Node, made: Made) -> bytes | None:
    raw = node.state.raw(ENTRY.must(node.state, made.id).number)
    assert raw is not None
    return raw.body


def in_every_order(world: World, last: list[Made]) -> list[Node]:
    """Nodes that get `last` (on lanes of their own) in each order."""
    late = {made.id for made in last}
    first = [made.raw for made in world.made.values() if made.id not in late]
    orders = permutations([made.raw for made in last])
    return [world.fresh().receive_all([*first, *order]) for order in orders]


def test_the_newest_posts_of_a_room_come_first_page_by_page(world: World) -> None:
    head = world.talker("ada")
    for number in range(5):
        head = world.post(head, str(number))
    world.post(head, "elsewhere", room="mill")
    assert texts(world.node) == ["4", "3", "2", "1", "0"]
    first = posts(world.node, limit=2)
    last = first[-1]
    rest = list(rooms.posts_in(world.node.state, "well", (last.time, last.id), 2, FOREVER_MS))
    assert [post.text for post in rest] == ["2", "1"]
    assert rooms.rooms(world.node.state) == ["mill", "well"]


def test_a_page_goes_on_where_it_was_though_the_last_of_it_is_held_no_more(world: World) -> None:
    """Nothing is left out: what claims the same millisecond is shown once more instead."""
    head = world.talker("ada")
    made = [head := world.post(head, str(number)) for number in range(3)]
    gone = (made[1].header.time, bytes(32))
    rest = rooms.posts_in(world.node.state, "well", gone, 9, FOREVER_MS)
    assert [post.text for post in rest] == ["1", "0"]
    first = posts(world.node, limit=1)[-1]
    early = rooms.posts_in(world.node.state, "well", (first.time, first.id), 9, made[0].header.time)
    assert [post.text for post in early] == ["0"]


def test_what_claims_to_come_from_the_future_is_hidden_from_readers_with_a_clock(
    world: World,
) -> None:
    post = world.post(world.talker("ada"), "tomorrow")
    until = post.header.time - 1
    assert list(rooms.posts_in(world.node.state, "well", None, 9, until)) == []


def test_edits_count_only_from_the_author_and_the_newest_is_shown(world: World) -> None:
    ada, other, bo = world.talker("ada"), world.talker("ada"), world.talker("bo")
    post = world.post(ada, "first")
    edits = [world.edit(post, post, "second"), world.edit(other, post, "third")]
    foreign = world.edit(bo, post, "foreign")
    for node in in_every_order(world, [*edits, foreign]):
        shown = rooms.post_of(node.state, post.id)
        assert shown is not None
        assert (shown.text, shown.edited) == ("third", edits[1].header.time)


def test_a_deletion_by_the_author_erases_post_and_edits_in_any_order(world: World) -> None:
    ada, second, third = (world.talker("ada") for _ in range(3))
    post = world.post(ada, "gone")
    edit = world.edit(second, post, "gone too")
    foreign = world.edit(world.talker("bo"), post, "of no effect")
    deletion = world.delete(third, post)
    for node in in_every_order(world, [post, edit, foreign, deletion]):
        assert body_of(node, foreign) is not None
        assert texts(node) == []
        assert rooms.rooms(node.state) == []
        assert (body_of(node, post), body_of(node, edit)) == (None, None)
        assert rooms.post_of(node.state, post.id) is None


def test_nobody_deletes_the_post_of_another(world: World) -> None:
    ada, bo = world.talker("ada"), world.talker("bo")
    post = world.post(ada, "stays")
    deletion = world.delete(bo, post)
    for node in in_every_order(world, [post, deletion]):
        assert texts(node) == ["stays"]


def test_a_deletion_of_something_else_hides_nothing(world: World) -> None:
    ada, seller, other = world.talker("ada"), world.seller("ada"), world.talker("ada")
    listing = world.listing(seller, "bread")
    edit = world.edit(ada, world.post(ada, "stays"), "edited")
    deletions = [world.delete(other, listing), world.delete(other, edit)]
    for node in in_every_order(world, [listing, edit, *deletions]):
        assert texts(node) == ["edited"]


def test_replies_are_found_while_they_live(world: World) -> None:
    ada, bo = world.talker("ada"), world.talker("bo")
    post = world.post(ada, "question")
    reply = world.post(bo, "answer", reply_to=post)
    assert [found.id for found in rooms.replies_to(world.node.state, post.id)] == [reply.id]
    world.delete(reply, reply)
    assert list(rooms.replies_to(world.node.state, post.id)) == []
    assert list(rooms.REPLY.under(world.node.state, post.id)) == []


def test_replies_beyond_what_is_counted_are_found_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "REPLIES_COUNTED_MAX", 2)
    post = world.post(world.talker("ada"), "question")
    head = world.talker("bo")
    for count in (1, 2, 3):
        head = world.post(head, str(count), reply_to=post)
        shown = rooms.post_of(world.node.state, post.id)
        assert shown is not None
        assert shown.reply_count == min(count, 2)
    assert [reply.text for reply in rooms.replies_to(world.node.state, post.id)] == ["1", "2", "3"]


def test_who_erased_a_post_and_who_never_had_it_show_the_same(world: World) -> None:
    ada = world.talker("ada")
    post = world.post(ada, "gone")
    deletion = world.delete(post, post)
    others = [raw for raw in world.raws() if raw not in (post.raw, deletion.raw)]
    roots = set[bytes]()
    for order in ([post.raw, deletion.raw], [bare(post), deletion.raw]):
        node = world.fresh().receive_all([*others, *order])
        roots.add(state_root(node.state, world.rules))
        assert list(BODYLESS.scan(node.state, b"", None)) == []
        assert node.receive(post.raw) == "known"  # what was erased is not taken in again
        assert body_of(node, post) is None
    assert len(roots) == 1


def test_a_bare_post_waits_for_its_body_and_then_shows(world: World) -> None:
    ada = world.talker("ada")
    post = world.post(ada, "late")
    node = world.fresh().receive_all(raw for raw in world.raws() if raw != post.raw)
    assert node.receive(bare(post)) == "ok"
    assert [key for key, _ in BODYLESS.scan(node.state, b"", None)] == [post.id]
    assert texts(node) == []
    assert node.receive(post.raw) == "filled"
    assert texts(node) == ["late"]
    assert node.receive(post.raw) == "known"
    assert list(BODYLESS.scan(node.state, b"", None)) == []


def test_a_bare_post_that_was_deleted_before_is_missed_by_nobody(world: World) -> None:
    ada, other = world.talker("ada"), world.talker("ada")
    post = world.post(ada, "gone")
    deletion = world.delete(other, post)
    node = world.fresh().receive_all(raw for raw in world.raws() if raw != post.raw)
    node.receive(bare(post))
    assert list(BODYLESS.scan(node.state, b"", None)) == []
    assert node.verdict(deletion.id) == "ok"


def test_a_stranger_cannot_make_a_node_stop_looking_for_a_body(world: World) -> None:
    ada, bo = world.talker("ada"), world.talker("bo")
    post = world.post(ada, "wanted")
    node = world.fresh().receive_all(raw for raw in world.raws() if raw != post.raw)
    node.receive(bare(post))
    node.receive(world.delete(bo, post).raw)
    assert node.receive(post.raw) == "filled"
    assert texts(node) == ["wanted"]


def test_an_edit_whose_body_was_erased_shows_the_one_before(world: World) -> None:
    ada = world.talker("ada")
    post = world.post(ada, "first")
    edit = world.edit(post, post, "second")
    state = world.node.state
    number = ENTRY.must(state, edit.id).number
    state.records[number] = bare(edit)  # as retention does
    assert texts(world.node) == ["first"]
    state.records[ENTRY.must(state, post.id).number] = bare(post)
    assert texts(world.node) == []
