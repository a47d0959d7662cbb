"""Revoked devices: what stands, what falls, and that the order of arrival decides nothing."""

from itertools import permutations

import pytest

from node.ledger import book
from node.ledger.fold import BODYLESS
from node.ledger.root import state_root
from node.protocol import lanes
from node.protocol.errors import OK, Reject, Void
from node.protocol.identity import Cut, DeviceRevoke, Lane
from node.protocol.record import RawRecord
from node.protocol.social import LaneOpen
from node.views import identities, listings, members, rooms
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.support.compare import assert_same
from tests.support.keys import public
from tests.support.nodes import Node
from tests.support.world import LIMIT, Made, World


@pytest.fixture
def world() -> World:
    return World()


def nodes_in_every_order(world: World, last: list[Made]) -> list[Node]:
    """Nodes that hold all else first, and then get `last` in each order; all must agree."""
    late = {made.id for made in last}
    first = [made.raw for made in world.made.values() if made.id not in late]
    nodes: list[Node] = []
    for order in permutations(last):
        node = world.fresh().receive_all(first)
        nodes.append(node.receive_all(made.raw for made in order).settle(world.library()))
    checker = Checker(Judge(world.genesis_bytes), world.raws())
    for node in nodes:
        assert_same(node, checker)
    assert len({state_root(node.state, world.rules) for node in nodes}) == 1
    return nodes


# --- devices (R8, R9) -----------------------------------------------------------------------------
def test_a_key_is_added_once_on_a_path_but_again_on_another(world: World) -> None:
    world.member("ada")
    created = world.identity["ada"]
    first = world.add("ada", "phone", "social")
    assert world.outcome[world.add("ada", "phone", "market").id] == Void.KEY_REUSED
    world.identity["ada"] = created
    assert world.outcome[world.add("ada", "phone", "market").id] == OK
    devices = list(identities.devices_of(world.node.state, public("ada")))
    assert devices == [(public("phone"), ["market", "social"], False)]
    assert world.outcome[first.id] == OK


def test_a_lane_opens_only_with_the_device_add_of_its_author_key_and_scope(world: World) -> None:
    mine, other = world.device("ada", "social"), world.device("ada", "market")
    foreign = world.device("bo", "social")
    void = world.add("ada", "ada/1", "social")
    assert world.outcome[void.id] == Void.KEY_REUSED
    assert isinstance(mine.body, identities.DeviceAdd)
    shared = world.add("bo", "ada/1", "social")  # the same key is a device of two members
    assert world.outcome[shared.id] == OK
    for auth in (other, foreign, void, shared, world.identity["bo"], mine):
        opened = world.make(
            LaneOpen(auth=auth.id), public("ada"), mine.body.key, None, "social.open"
        )
        expected = OK if auth is mine else Reject.NOT_AUTHORISED
        assert world.outcome[opened.id] == expected
    market = world.make(LaneOpen(auth=mine.id), public("ada"), mine.body.key, None, "market.open")
    assert world.outcome[market.id] == Reject.NOT_AUTHORISED


def test_a_revocation_before_the_key_is_added_shuts_it_out_all_the_same(world: World) -> None:
    world.member("ada")
    body = DeviceRevoke(cuts={}, key=public("phone"))
    world.identity["ada"] = world.on(world.identity["ada"], body)
    device = world.add("ada", "phone", "social")
    opened = world.first(device, Lane.SOCIAL, LaneOpen(auth=device.id))
    assert world.outcome[opened.id] == Reject.REVOKED


# --- account lanes (R10, R32) ---------------------------------------------------------------------
def test_a_cut_contests_what_lies_beyond_it_and_nothing_before(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    first, head = world.pay(ada, bo, 10)
    second, _ = world.pay(first, head, 20)
    revoked = world.revoke(ada, account=first)
    for node in nodes_in_every_order(world, [first, second, revoked]):
        assert book.balance(node.state, 0, public("bo")) == 10
        assert book.is_contested(node.state, world.trade_of(second))
        assert not book.is_contested(node.state, world.trade_of(first))


def test_a_cut_names_the_branch_of_a_fork_that_stands(world: World) -> None:
    ada, bo, cho = world.account("ada", limit=LIMIT), world.account("bo"), world.account("cho")
    left, _ = world.pay(ada, bo, 60)
    right, _ = world.pay(ada, cho, 70)
    revoked = world.revoke(ada, account=right)
    for node in nodes_in_every_order(world, [left, right, revoked]):
        assert list(book.balances(node.state)) == sorted(
            [(0, public("ada"), -70), (0, public("cho"), 70)]
        )


def test_a_secured_payment_is_contested_by_no_cut() -> None:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    commit, _ = world.pay(ada, bo, 10)
    heir = world.account("ada", commit)
    stamps = [world.stamp("w0", commit), world.stamp("w1", heir)]
    revoked = world.revoke(ada)
    for node in nodes_in_every_order(world, [*stamps, revoked]):
        assert book.balance(node.state, 0, public("bo")) == 10
        assert book.status_of(node.state, world.trade_of(commit)) == "secured"


def test_a_trade_committed_on_two_branches_counts_once_while_one_of_them_stands(
    world: World,
) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    proposed = world.propose(ada, bo, 10)
    accepted = world.accept(bo, proposed)
    left, right = (
        world.settle(proposed, accepted),
        world.settle(world.rate(proposed, ada), accepted),
    )
    assert world.outcome[right.id] == OK
    revoked = world.revoke(ada, account=left)
    for node in nodes_in_every_order(world, [left, right, revoked]):
        assert book.balance(node.state, 0, public("bo")) == 10
        assert len(list(book.commits_of(node.state, proposed.id))) == 2


def test_a_chain_of_refunds_falls_and_rises_with_the_first_payment(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    payment, head = world.pay(ada, bo, 40)
    back, far = world.pay(head, payment, 30, refunds=payment)
    forth, _ = world.pay(far, back, 20, refunds=back)
    assert book.balance(world.node.state, 0, public("bo")) == 30
    cut = world.revoke(ada)
    again = world.revoke(ada, account="open")
    for node in nodes_in_every_order(world, [cut, again]):
        assert book.balance(node.state, 0, public("bo")) == 30
    node = world.fresh().receive_all(raw for raw in world.raws() if raw != again.raw)
    assert list(book.balances(node.state)) == []
    assert book.is_contested(node.state, world.trade_of(forth))


def test_cuts_of_office_lanes_contest_no_trade(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    world.pay(ada, bo, 10)
    world.revoke(world.office["o0"])
    assert book.balance(world.node.state, 0, public("bo")) == 10


def test_each_lane_kind_of_a_device_has_its_own_cuts(world: World) -> None:
    device = world.device("ada", "account", "social")
    ada = world.account("ada", device=device, limit=LIMIT)
    talker = world.first(device, Lane.SOCIAL, LaneOpen(auth=device.id))
    bo = world.account("bo")
    commit, head = world.pay(ada, bo, 10)
    post = world.post(talker, "kept")
    late, _ = world.pay(commit, head, 20)
    gone = world.post(post, "gone")
    revoked = world.revoke(ada, account=commit, social=post)
    for node in nodes_in_every_order(world, [late, gone, revoked]):
        assert shown(node) == {"kept"}
        assert book.balance(node.state, 0, public("bo")) == 10


def test_a_cut_says_nothing_of_a_lane_kind_that_it_is_not_for(world: World) -> None:
    device = world.device("ada", "account", "social")
    ada = world.account("ada", device=device, limit=LIMIT)
    talker = world.first(device, Lane.SOCIAL, LaneOpen(auth=device.id))
    commit, _ = world.pay(ada, world.account("bo"), 10)
    post = world.post(talker, "kept")
    revoked = world.revoke(ada, account=post, social=commit)  # each names a record of the other
    for node in nodes_in_every_order(world, [post, revoked]):
        assert shown(node) == {"kept"}  # as long as no such record stands on that lane
        assert book.balance(node.state, 0, public("bo")) == 0


def test_a_late_cut_of_an_office_lane_lets_its_grants_stand_again(world: World) -> None:
    opened = world.account("ada")
    grant = world.grant(opened)
    tip = world.grant(world.account("bo"))
    revoked = world.revoke(grant, office=tip)
    others = [raw for raw in world.raws() if raw not in (tip.raw, revoked.raw)]
    node = world.fresh().receive_all([*others, revoked.raw])
    before = state_root(node.state, world.rules)
    assert members.current_act(node.state, opened.id, world.rules) is None
    node.receive(tip.raw)
    current = members.current_act(node.state, opened.id, world.rules)
    assert current is not None
    assert current[0] == grant.id
    assert state_root(node.state, world.rules) != before


# --- social and market lanes (R10, R7) ------------------------------------------------------------
def shown(node: Node) -> set[str]:
    """Texts of all live posts."""
    posts = (rooms.post_of(node.state, post) for post in rooms.live_ids(node.state))
    return {post.text for post in posts if post is not None}


def test_posts_beyond_a_cut_are_dropped_in_any_order(world: World) -> None:
    talker = world.talker("ada")
    kept = world.post(talker, "kept")
    gone = world.post(kept, "gone")
    fork = world.post(talker, "fork")
    revoked = world.revoke(talker, social=kept)
    for node in nodes_in_every_order(world, [kept, gone, fork, revoked]):
        assert shown(node) == {"kept"}
        assert node.held() >= {talker.id, kept.id}
        assert not node.held() & {gone.id, fork.id}


def test_a_device_shut_out_without_cuts_has_said_nothing(world: World) -> None:
    talker, seller = world.talker("ada"), world.seller("ada")
    post = world.post(talker, "gone")
    listing = world.listing(seller, "gone")
    profile = world.profile(post, "gone")
    applied = world.apply_for(profile)
    cuts = [world.revoke(talker), world.revoke(seller)]
    for node in nodes_in_every_order(world, [post, listing, *cuts]):
        assert shown(node) == set()
        assert identities.profile_of(node.state, public("ada")) is None
        assert members.membership(node.state, 0, public("ada"), world.rules) == "none"
    assert world.node.verdict(applied.id) is None


def test_an_open_cut_keeps_everything(world: World) -> None:
    talker = world.talker("ada")
    early = world.post(talker, "early")
    revoked = world.revoke(talker, social="open")
    assert world.node.verdict(early.id) == OK
    post = world.post(early, "kept")
    for node in nodes_in_every_order(world, [early, post, revoked]):
        assert shown(node) == {"early", "kept"}


@pytest.mark.parametrize("distance", [-1, 1])
def test_a_cut_with_a_false_seq_is_as_good_as_one_that_nobody_holds(
    world: World, distance: int
) -> None:
    talker = world.talker("ada")
    first = world.post(talker, "1")
    second = world.post(first, "2")
    fork = world.post(talker, "fork")
    third = world.post(second, "3")
    body = DeviceRevoke(
        cuts={"social": Cut(second.header.seq + distance, second.id)}, key=talker.header.signer
    )
    revoked = world.identity["ada"] = world.on(world.identity["ada"], body)
    for node in nodes_in_every_order(world, [first, second, fork, third, revoked]):
        assert shown(node) == ({"1", "fork"} if distance < 0 else {"1", "2", "3", "fork"})


def test_a_cut_that_names_a_record_of_another_lane_holds_nothing_back_below_its_seq(
    world: World,
) -> None:
    talker, other = world.talker("ada"), world.talker("bo")
    post, foreign = world.post(talker, "kept"), world.post(other, "foreign")
    revoked = world.revoke(talker, social=foreign)
    for node in nodes_in_every_order(world, [post, foreign, revoked]):
        assert shown(node) == {"kept", "foreign"}


def test_what_a_thief_deleted_comes_back_when_the_thief_is_shut_out(world: World) -> None:
    talker, thief, seller = world.talker("ada"), world.talker("ada"), world.seller("ada")
    post = world.post(talker, "first")
    edit = world.edit(post, post, "second")
    listing = world.listing(seller, "bread")
    deletion = world.delete(thief, post)
    market = world.seller("ada")
    closing = world.close(market, listing, erase=True)
    assert shown(world.node) == set()
    cuts = [world.revoke(thief), world.revoke(market)]
    for node in nodes_in_every_order(world, [post, edit, deletion, cuts[0]]):
        assert shown(node) == {"second"}
    for node in nodes_in_every_order(world, [listing, closing, cuts[1]]):
        assert {key for key, _ in listings.live_ids(node.state)} == {listing.id}


def test_a_deletion_stands_while_another_device_asked_for_it_too(world: World) -> None:
    talker, thief = world.talker("ada"), world.talker("ada")
    post = world.post(talker, "gone")
    deletions = [world.delete(thief, post), world.delete(post, post)]
    revoked = world.revoke(thief)
    assert not BODYLESS.has(world.node.state, post.id)  # nobody looks for it again
    for node in nodes_in_every_order(world, [post, *deletions, revoked]):
        assert shown(node) == set()
        raw = node.state.raw(lanes.ENTRY.must(node.state, post.id).number)
        assert raw is not None
        assert raw.body is None


def test_a_post_that_is_itself_the_cut_survives_a_deletion_beyond_it(world: World) -> None:
    talker = world.talker("ada")
    post = world.post(talker, "kept")
    deletion = world.delete(talker, post)  # on a branch that the cut drops
    revoked = world.revoke(talker, social=post)
    for node in nodes_in_every_order(world, [post, deletion, revoked]):
        assert shown(node) == {"kept"}


def test_when_a_profile_is_dropped_the_newest_other_one_takes_its_place(world: World) -> None:
    talker, other, thief = (world.talker("ada") for _ in range(3))
    first = world.profile(talker, "first")
    world.profile(world.profile(other, "between"), "between as well")
    second = world.profile(first, "second")
    stolen = world.profile(thief, "stolen")
    revoked = world.revoke(thief)
    for node in nodes_in_every_order(world, [first, second, stolen, revoked]):
        profile = identities.profile_of(node.state, public("ada"))
        assert profile is not None
        assert profile.name == "second"


def test_a_lane_that_was_dropped_whole_may_come_back_without_a_fork(world: World) -> None:
    talker = world.talker("ada")
    post = world.post(talker, "back")
    world.revoke(talker)
    assert shown(world.node) == set()
    world.revoke(talker, social=post)
    world.node.settle(world.library())
    assert shown(world.node) == {"back"}
    row = lanes.LANE.must(world.node.state, talker.header.lane_key)
    assert row.fork_seq == -1
    heads = lanes.heads_of(world.node.state, talker.header.lane_key)
    assert [head.id for head in heads] == [post.id]


def test_bare_records_beyond_a_cut_are_dropped_as_well(world: World) -> None:
    talker = world.talker("ada")
    post = world.post(talker, "bare")
    node = world.fresh()
    node.receive_all(raw for raw in world.raws() if raw != post.raw)
    node.receive(RawRecord(post.raw.header, None, post.raw.signature))
    node.receive(world.revoke(talker).raw)
    assert node.verdict(post.id) is None
    assert node.receive(post.raw) == "waiting"  # its lane is gone
