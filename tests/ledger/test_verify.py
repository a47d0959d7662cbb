"""The report on one's own books: true for honest books, and each lie in them is found."""

from collections.abc import Callable
from random import Random

import msgspec
import pytest

from node.ledger import book, verify
from node.ledger.positions import POSITION, TRADE
from node.ledger.root import SCOPE_ALL, sections, state_root
from node.ledger.verify import Doubt, Report
from node.protocol.record import RawRecord
from node.protocol.state import DictState, Overlay
from node.views.members import ACT, ACT_SUBJECT
from tests.support.keys import public
from tests.support.nodes import admit
from tests.support.world import LIMIT, Made, World


@pytest.fixture
def world() -> World:
    world = World("3/2")
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    commit, head = world.pay(ada, bo, 40)
    world.claim(head, commit, stamps={commit.id: world.secure(commit)})
    asked = world.invoice(head, ada, 5)
    world.accept(commit, asked)
    world.propose(ada, bo, LIMIT + 1)
    talker = world.talker("ada")
    world.delete(talker, world.post(talker, "gone"))
    return world


def report(world: World) -> Report:
    return verify.verify(world.node.state, world.rules)


def commit_in(world: World) -> Made:
    return next(made for made in world.made.values() if made.header.kind == "trade.settle")


def test_honest_books_are_vouched_for_and_summed_up(world: World) -> None:
    found = report(world)
    assert (found.level, found.findings) == ("L2", ())
    assert found.records == len(world.made)
    assert (found.void, found.members) == (1, 8)
    assert (found.trades, found.committed, found.contested, found.secured) == (2, 2, 0, 1)
    assert found.sums == (verify.Sums("coop", 2, 45, 0),)
    assert found.root == state_root(world.node.state, world.rules)


def test_contested_trades_are_counted_apart(world: World) -> None:
    world.revoke(commit_in(world))
    found = report(world)
    assert (found.committed, found.contested) == (2, 1)
    assert found.sums[0].credit == 40
    assert found.level == "L2"


def write(world: World, change: Callable[[Overlay], None]) -> None:
    """Falsify the stored tables."""
    overlay = Overlay(world.node.state)
    change(overlay)
    world.node.state.apply(None, overlay.changes)


def doubts(world: World) -> set[Doubt]:
    return {finding.doubt for finding in report(world).findings}


def test_a_falsified_record_is_found(world: World) -> None:
    state, commit = world.node.state, commit_in(world)
    number = next(n for n, raw in state.records.items() if raw == commit.raw)
    state.records[number] = commit.raw._replace(signature=bytes(64))
    found = report(world)
    assert found.level == ""
    assert {Doubt.BYTES, Doubt.LOST, Doubt.CLOSURE} <= doubts(world)


def test_a_lost_record_is_found(world: World) -> None:
    state, commit = world.node.state, commit_in(world)
    number = next(n for n, raw in state.records.items() if raw == commit.raw)
    del state.records[number]
    assert Doubt.LOST in doubts(world)
    assert report(world).level == ""


def test_a_record_that_no_table_lists_is_found(world: World) -> None:
    write(world, lambda overlay: overlay.write("entry", commit_in(world).id, None))
    assert doubts(world) == {Doubt.LOST, Doubt.VERDICT}


def test_a_falsified_verdict_is_found(world: World) -> None:
    state, commit = world.node.state, commit_in(world)
    position = POSITION.must(state, commit.id)
    richer = msgspec.structs.replace(position, incoming=10**6)
    write(world, lambda overlay: POSITION.put(overlay, commit.id, richer))
    found = report(world)
    assert (found.level, [f.subject for f in found.findings]) == ("L1", [commit.id])
    assert doubts(world) == {Doubt.VERDICT}


def test_a_trade_counted_wrongly_and_a_falsified_balance_are_found(world: World) -> None:
    state, trade = world.node.state, world.trade_of(commit_in(world))
    row = msgspec.structs.replace(TRADE.must(state, trade), counted=False)
    write(world, lambda overlay: TRADE.put(overlay, trade, row))
    assert doubts(world) == {Doubt.COUNT}
    write(world, lambda overlay: book.BOOK.put(overlay, bytes(2) + public("ada"), 7))
    assert doubts(world) == {Doubt.COUNT, Doubt.BALANCE}


def test_a_falsified_grant_shows_in_the_root(world: World) -> None:
    state = world.node.state
    key, row = next(iter(ACT.scan(state, b"", None)))
    write(world, lambda overlay: ACT.delete(overlay, key))
    write(world, lambda overlay: ACT_SUBJECT.delete(overlay, key[-32:]))
    assert row.serial == 0
    assert [finding.subject for finding in report(world).findings] == [b"grants"]


def test_a_commit_that_a_party_did_not_sign_would_be_found(world: World) -> None:
    """The fold gives none: so the check itself is shown to look at signatures."""
    state, commit = world.node.state, commit_in(world)
    trade = world.trade_of(commit)
    records = {made.id: admit(made.raw, world.community) for made in world.made.values()}
    assert list(verify._unsigned(state, records, trade)) == []
    row = TRADE.must(state, trade)
    for lie in ({"payer": row.payee}, {"payee": row.payer}, {"by_payer": False}):
        overlay = Overlay(state)
        TRADE.put(overlay, trade, msgspec.structs.replace(row, **lie))
        findings = [finding.subject for finding in verify._unsigned(overlay, records, trade)]
        assert findings == [commit.id], lie


def test_balances_that_do_not_sum_to_nothing_would_be_found(world: World) -> None:
    overlay = Overlay(world.node.state)
    book.BOOK.put(overlay, bytes(2) + public("ada"), 7)
    found = list(verify._differences(overlay, overlay, world.rules))
    assert [(finding.doubt, finding.subject) for finding in found] == [(Doubt.BALANCE, b"coop")]


def test_refolding_takes_any_order_and_says_what_it_could_not_take(world: World) -> None:
    raws = world.raws()
    Random(5).shuffle(raws)
    fresh = DictState()
    assert verify.refold(raws + raws[:9], world.rules, fresh) == []
    settled = world.fresh().receive_all(raws)
    assert state_root(fresh, world.rules) == state_root(settled.state, world.rules)
    commit = commit_in(world)
    rest = [raw for raw in raws if raw != commit.raw]
    torn = RawRecord(b"torn", None, bytes(64))
    forged = commit.raw._replace(signature=bytes(64))
    refused = verify.refold([*rest, torn, forged], world.rules, DictState())
    codes = dict(refused)
    assert (codes.pop(torn), codes.pop(forged)) == ("encoding", "signature")
    assert set(codes.values()) == {"missing"}


def test_refolding_takes_in_a_body_that_comes_after_its_header() -> None:
    world = World()
    talker = world.talker("ada")
    post = world.post(talker, "late")
    bare = RawRecord(post.raw.header, None, post.raw.signature)
    fresh = DictState()
    raws = [raw for raw in world.raws() if raw != post.raw]
    assert verify.refold([*raws, bare, post.raw, post.raw], world.rules, fresh) == []
    assert state_root(fresh, world.rules) == state_root(world.node.state, world.rules)


def test_refolding_says_when_a_record_is_refused() -> None:
    world = World()
    talker = world.talker("ada")
    post = world.post(talker, "beyond")
    cut = world.revoke(talker, social=talker)
    raws = [raw for raw in world.raws() if raw != post.raw]
    assert verify.refold([*raws, post.raw], world.rules, DictState()) == [(post.raw, "revoked")]
    assert cut.raw in raws


# --- the root (R48) -------------------------------------------------------------------------------
def test_the_root_of_a_chapter_looks_at_that_chapter_alone() -> None:
    world = World(chapters=("coop", "market"))
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
    far = [world.account(name, chapter="market", limit=LIMIT) for name in ("cho", "dan")]
    world.account("eve", chapter="elsewhere")

    def roots() -> list[bytes]:
        state = world.node.state
        return [state_root(state, world.rules, scope) for scope in (SCOPE_ALL, "coop", "market")]

    before = roots()
    world.pay(ada, bo, 10)
    after = roots()
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]
    world.pay(*far, 10)
    last = roots()
    assert [old == new for old, new in zip(after, last, strict=True)] == [False, True, False]
    world.grant(far[0], 50)
    granted = roots()
    assert [old == new for old, new in zip(last, granted, strict=True)] == [False, True, False]
    names = [name for name, _ in sections(world.node.state, world.rules, "coop")]
    assert names == ["devices", "cuts", "grants", "accounts", "trades", "balances"]


def test_void_records_and_erased_posts_are_not_in_the_root() -> None:
    world = World()
    ada, bo = world.account("ada", limit=LIMIT), world.account("bo")
    talker = world.talker("ada")
    before = state_root(world.node.state, world.rules)
    post = world.post(talker, "soon gone")
    assert state_root(world.node.state, world.rules) != before
    world.delete(post, post)
    assert state_root(world.node.state, world.rules) == before
    named = dict(sections(world.node.state, world.rules))
    world.propose(ada, bo, LIMIT + 1)
    changed = dict(sections(world.node.state, world.rules))
    assert [name for name in named if named[name] != changed[name]] == ["accounts"]  # a new head


def test_claimed_times_change_no_verdict_and_no_balance() -> None:
    def history(shift_ms: int) -> World:
        world = World()
        world.shift_ms = shift_ms
        ada, bo = world.account("ada", limit=LIMIT), world.account("bo", limit=LIMIT)
        commit, head = world.pay(ada, bo, 40)
        head = world.claim(head, commit)
        world.propose(commit, bo, 61)
        world.pay(head, ada, 15, refunds=commit)
        return world

    year_ms = 365 * 24 * 3600 * 1000
    worlds = [history(shift) for shift in (0, year_ms, -year_ms)]
    assert len({tuple(world.outcome.values()) for world in worlds}) == 1
    assert len({tuple(book.balances(world.node.state)) for world in worlds}) == 1
    assert len({frozenset(world.made) for world in worlds}) == 3
