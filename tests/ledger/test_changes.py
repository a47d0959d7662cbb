"""What changes tell others: events for clients, texts for the search, steps of a trade."""

import pytest

from node.ledger.fold import Fold
from node.ledger.trades import MEMBER_TRADE, RATING, STEP
from node.protocol.dispute import DisputeErase, DisputeOpen, DisputeTake
from node.protocol.state import Changes
from tests.support.keys import public
from tests.support.nodes import admit
from tests.support.world import LIMIT, SALT, Made, World


@pytest.fixture
def world() -> World:
    return World("3/2")


def changes(world: World, made: Made) -> Changes:
    """The changes that a record, made last of all, makes on a node that holds the rest."""
    node = world.fresh().receive_all(raw for raw in world.raws() if raw != made.raw)
    return Fold(world.rules).apply(node.state, admit(made.raw, world.community))


def events(world: World, made: Made) -> set[tuple[str, bytes]]:
    return set(changes(world, made).events)


def test_identity_records_tell_whose_devices_changed(world: World) -> None:
    added = world.device("ada", "social")
    assert events(world, added) == {("device.added", public("ada"))}
    assert isinstance(added.body.names(), tuple)
    revoked = world.revoke(world.talker("ada"))
    assert events(world, revoked) == {("device.revoked", public("ada"))}


def test_office_records_tell_their_subject(world: World) -> None:
    opened = world.account("ada")
    assert events(world, opened) == {("account", public("ada"))}
    grant = world.grant(opened)
    assert events(world, grant) == {("credit.grant", opened.id)}
    act = world.act("o0", "member.admit", world.membership_body("ada"))
    assert events(world, act) == {("member.admit", bytes(2) + public("ada"))}


def test_steps_of_a_trade_tell_the_trade_and_a_commit_the_balance(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    proposed = world.propose(ada, bo, 40)
    assert events(world, proposed) == {("trade", proposed.id)}
    accepted = world.accept(bo, proposed)
    commit = world.settle(proposed, accepted)
    assert events(world, commit) == {("trade", proposed.id), ("balance", proposed.id)}
    stamps = world.secure(commit)
    assert events(world, stamps[-1]) == {("stamp", commit.id)}
    claimed = world.claim(accepted, commit, stamps={commit.id: stamps})
    assert events(world, claimed) == {("trade", proposed.id)}
    rated = world.rate(claimed, commit)
    assert events(world, rated) == {("rating", proposed.id)}
    fork = world.propose(ada, bo, 1)
    assert events(world, fork) == {("trade", fork.id), ("fork", ada.header.lane_key)}
    void = world.propose(fork, bo, LIMIT)
    assert (events(world, void), changes(world, void).verdict) == (set(), "over-limit")


def test_every_ok_step_of_a_trade_is_listed_with_its_author(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    commit, head = world.pay(ada, bo, 40)
    head = world.claim(head, commit, stamps={commit.id: world.secure(commit)})
    world.propose(commit, bo, LIMIT)
    trade = world.trade_of(commit)
    steps = sorted((row.kind, row.author) for _, row in STEP.under(world.node.state, trade))
    assert steps == sorted([
        ("trade.propose", public("ada")), ("trade.accept", public("bo")),
        ("trade.settle", public("ada")), ("account.claim", public("bo")),
    ])  # fmt: skip
    for name in ("ada", "bo"):
        listed = [found for _, found in MEMBER_TRADE.under(world.node.state, public(name))]
        assert listed == [trade]


def test_a_rating_is_listed_under_whom_it_rates(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    commit, head = world.pay(ada, bo, 40)
    world.rate(head, commit, 4)
    world.rate(commit, commit, 5)
    found = {
        name: [(row.author, row.stars) for _, row in RATING.under(world.node.state, public(name))]
        for name in ("ada", "bo")
    }
    assert found == {"ada": [(public("bo"), 4)], "bo": [(public("ada"), 5)]}


def test_what_a_cut_drops_is_touched_as_well(world: World) -> None:
    talker, thief = world.talker("ada"), world.talker("ada")
    post = world.post(talker, "hello")
    world.edit(thief, post, "nonsense")
    assert changes(world, world.revoke(thief)).touched == [post.id]
    assert changes(world, world.revoke(talker)).touched == [post.id]


def test_an_erasing_close_that_names_a_revision_touches_the_listing(world: World) -> None:
    listing = world.listing(world.seller("ada"), "bread")
    revision = world.listing(listing, "rye", listing)
    closed = changes(world, world.close(revision, revision, erase=True))
    assert listing.id in closed.touched


def test_a_trade_that_falls_tells_the_balance_and_so_do_its_refunds(world: World) -> None:
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    payment, head = world.pay(ada, bo, 40)
    back, _ = world.pay(head, payment, 30, refunds=payment)
    told = events(world, world.revoke(ada))
    trades = (world.trade_of(payment), world.trade_of(back))
    assert {("balance", trade) for trade in trades} <= told


def test_what_a_cut_drops_tells_that_the_heads_of_its_lane_changed(world: World) -> None:
    first = world.talker("ada")
    world.post(first, "beyond the cut")
    revoked = world.revoke(first, social=first)
    assert set(changes(world, revoked).lanes) == {
        revoked.header.lane_key, first.header.lane_key,
    }  # fmt: skip
    assert changes(world, world.post(world.talker("bo"), "hello")).lanes != []


def test_what_is_said_and_offered_tells_the_search_what_changed(world: World) -> None:
    talker, other, seller = world.talker("ada"), world.talker("ada"), world.seller("ada")
    post = world.post(talker, "hello")
    assert (changes(world, post).touched, events(world, post)) == ([post.id], {("post", post.id)})
    edit = world.edit(other, post, "hello again")
    assert (changes(world, edit).touched, events(world, edit)) == ([post.id], {("post", post.id)})
    stranger = world.edit(world.talker("bo"), post, "nonsense")
    assert (changes(world, stranger).touched, events(world, stranger)) == ([], set())
    gone = world.delete(edit, post)
    assert changes(world, gone).touched == [post.id]
    assert events(world, gone) == {("post", post.id)}
    listing = world.listing(seller, "bread")
    assert changes(world, listing).touched == [listing.id]
    assert events(world, listing) == {("listing", listing.id)}
    profile = world.profile(gone, "Ada")
    assert events(world, profile) == {("profile", public("ada"))}
    assert events(world, world.apply_for(profile)) == {("application", public("ada"))}


def test_what_is_done_in_a_dispute_tells_the_dispute(world: World) -> None:
    head = world.talker("ada")
    opening = world.on(head, DisputeOpen(salt=SALT, trade=bytes(32)))
    told = {("dispute", opening.id)}
    assert events(world, opening) == told
    take = world.on(opening, DisputeTake(dispute=opening.id, salt=SALT, takes=True))
    assert events(world, take) == told
    erasure = DisputeErase(dispute=opening.id, evidence=take.id, salt=SALT)
    assert events(world, world.on(take, erasure)) == told
