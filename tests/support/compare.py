"""A node held against the reference checker: everything that it shows must be the same."""

from typing import Any

from node.ledger import alerts, book, positions, stamps
from node.ledger.alerts import CleanIncome
from node.ledger.positions import POSITION, TRADE
from node.ledger.trades import COMMIT_ON
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.identity import Lane
from node.views import identities, listings, members, rooms
from tests.reference_checker import Checker, LaneId
from tests.support.nodes import Node


def key_of(lane: LaneId) -> bytes:
    """The checker's name of a lane as a lane key."""
    return lane[0] + lane[1] + bytes((Lane[lane[2].upper()],))


def assert_same(node: Node, checker: Checker) -> None:
    """Every verdict, position, balance, alert, permission and view of both."""
    assert_same_books(node, checker)
    _assert_lanes(node, checker)
    _assert_positions(node, checker)
    _assert_permissions(node, checker)
    _assert_views(node, checker)


def assert_same_books(node: Node, checker: Checker) -> None:
    """Verdicts with their codes, balances, what is contested and secured, and current acts."""
    held = {key: entry.verdict for key, entry in lanes.ENTRY.scan(node.state, b"", None)}
    assert held == checker.verdicts()
    _assert_trades(node, checker)
    _assert_chapters(node, checker)


def _assert_lanes(node: Node, checker: Checker) -> None:
    for lane in checker.lanes:
        heads = {bytes(head.id) for head in lanes.heads_of(node.state, key_of(lane))}
        assert heads == {head.id for head in checker.heads(lane)}, lane
        if lane[2] in ("social", "market"):
            continue  # what was dropped may have left a trace of a fork
        row = lanes.LANE.must(node.state, key_of(lane))
        assert row.fork_seq == checker.fork_seq(lane), lane
        fork = lanes.FORK.get(node.state, key_of(lane))
        at = sorted(r.id for r in checker.lanes[lane] if r.seq == row.fork_seq)[:2]
        assert ([] if fork is None else [fork.id_a, fork.id_b]) == at, lane


def _assert_positions(node: Node, checker: Checker) -> None:
    judge = checker.j
    for lane in checker.accounts():
        heads = {head.id for head in checker.heads(lane)}
        for r in checker.lanes[lane]:
            state, found = judge.state(r.id), POSITION.must(node.state, r.id)
            assert found.open == (state.open or b"")
            if state.open is None:
                continue
            sums = (judge.incoming(state), judge.outgoing(state))
            assert (found.incoming, found.outgoing) == sums, r
            assert (found.serial, found.limit) == (state.serial, state.limit), r
            if r.id in heads:
                entry = lanes.ENTRY.must(node.state, r.id)
                trades = positions.trades_at(node.state, entry, found.open)
                assert {t: s.name.lower() for t, s in trades.items()} == state.trades
                assert positions.claims_at(node.state, entry, found.open) == state.claimed
                assert positions.sums_at(node.state, entry, found.open) == sums


def _assert_trades(node: Node, checker: Checker) -> None:
    state = node.state
    committed = {trade for _, trade in COMMIT_ON.scan(state, b"", None)}
    assert committed == set(checker.commits)
    for trade in committed:
        contested = checker.contested(trade)
        assert set(book.commits_of(state, trade)) == set(checker.commits[trade])
        assert book.is_contested(state, trade) == contested
        assert TRADE.must(state, trade).counted != contested
        assert book.is_secured(state, trade) == checker.is_secured(trade)
    for r in checker.of_kind("trade.propose"):
        assert book.status_of(state, r.id) == checker.status(r.id)
        row = TRADE.must(state, r.id)
        assert (row.payer, row.payee, row.chapter) == checker.parties(r.id)
    balances = {(chapter, member): n for chapter, member, n in book.balances(state)}
    assert balances == checker.book()
    assert sum(balances.values()) == 0
    totals = book.TURNOVER.scan(state, b"", None)
    turnover = {key: (row.received, row.given, row.unsecured) for key, row in totals}
    assert turnover == checker.turnover()
    given = book.CONTRIBUTED.scan(state, b"", None)
    assert {key: (row.received, row.given) for key, row in given} == checker.contributions()
    named = {trade for _, trade in book.CONTESTED.scan(state, b"", None)}
    assert named == {trade for trade in committed if checker.contested(trade)}
    _assert_waiting(node, checker)


def _assert_waiting(node: Node, checker: Checker) -> None:
    """Commits in credit that wait for stamps."""
    waiting = {commit for _, commit in book.UNSECURED.scan(node.state, b"", None)}
    assert waiting == {
        commit
        for trade, commits in checker.commits.items()
        for commit in commits
        if checker.j.terms(trade)["unit"] == CREDIT
        and node.rules.genesis.chapters[checker.parties(trade)[2]].q
        and not checker.secured(commit)
    }


def _key_of(checker: Checker, subject: Any) -> bytes:
    """Where the fold keeps the acts of a subject."""
    if isinstance(subject, bytes):
        return subject
    number = checker.j.numbers[subject[0]]
    if subject[1] == "policy":
        return members.policy_subject(number)
    if subject[1] == "close":
        return members.close_subject(number, subject[2])
    return members.member_subject(number, subject[1])


def _assert_chapters(node: Node, checker: Checker) -> None:
    for subject in checker.acts():
        found = members.current_act(node.state, _key_of(checker, subject), node.rules)
        wanted = checker.current.get(subject)
        assert (found and found[0]) == (wanted and wanted.id), subject
    for act in (act for acts in checker.acts().values() for act in acts):
        assert members.stands(node.state, act.id, node.rules) == checker.stands(act.id)


def _assert_permissions(node: Node, checker: Checker) -> None:
    state, clean = node.state, CleanIncome(node.rules)
    witnesses = {stamp.signer for stamp in checker.of_kind("witness.stamp")}
    for chapter in checker.j.chapters.values():
        witnesses |= set(chapter["witnesses"])
        number = checker.j.numbers[chapter["name"]]
        for lane in checker.accounts():
            found = alerts.alerts_on(state, key_of(lane), node.rules, number)
            assert found == checker.alerts(lane, chapter["name"]), lane
    convicted = {witness for witness in witnesses if stamps.is_convicted(state, witness)}
    assert convicted == checker.convicted()
    for lane in checker.accounts():
        for r in checker.lanes[lane]:
            assert alerts.beyond(state, r.id) == checker.beyond(r.id), r
        for head in checker.heads(lane):
            assert clean.spendable(state, head.id) == checker.spendable(head.id), head
            for witness in sorted(witnesses):
                allowed = alerts.may_stamp(state, witness, head.id, node.rules)
                assert allowed == checker.may_stamp(witness, head.id), head
    for r in checker.of_kind("trade.propose", "trade.settle"):
        trade = POSITION.must(state, r.id).trade
        assert clean.may_accept(state, r.id) == checker.may_accept(r.id, trade), r
    for commit in (c for commits in checker.commits.values() for c in commits):
        assert stamps.secured(state, commit) == checker.secured(commit)


def _assert_views(node: Node, checker: Checker) -> None:
    state = node.state
    posts = set(rooms.live_ids(state))
    shown = {post: rooms.post_of(state, post) for post in posts}
    assert {key: post.text for key, post in shown.items() if post} == checker.posts()
    assert dict(listings.live_ids(state)) == checker.listings()
    known = {key for key, _ in identities.PROFILE.scan(state, b"", None)}
    profiles = {member: identities.profile_of(state, member) for member in known}
    assert {m: profile.name for m, profile in profiles.items() if profile} == checker.profiles()
    applied = members.APPLICATION.scan(state, b"", None)
    chapters = list(checker.j.chapters)
    pairs = {(chapters[int.from_bytes(key[:2], "big")], key[2:34]) for key, _ in applied}
    assert pairs == checker.applicants()
    devices = {
        (key[:32], key[32:64], tuple(scopes))
        for key, scopes in identities.DEVICE.scan(state, b"", None)
    }
    assert devices == checker.devices()
