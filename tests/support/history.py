"""One random history of a community, and everything that watches it after every single move.

A node that had everything in order and one that gets it late, twice and shuffled must both show
what the independent checker works out from the set of records: verdicts with their codes, the state
root, balances, what is contested and secured, which act is current; every few moves all else that
`compare` knows. From time to time SQLite is asked too, and all is folded anew from stored bytes.

Rule: a history is its seed and its moves; the same ones make the same bytes.
"""

from collections import Counter
from random import Random
from typing import NamedTuple

from node.ledger import alerts, verify
from node.ledger.alerts import CleanIncome
from node.ledger.positions import POSITION, TRADE
from node.ledger.root import sections, state_root
from node.protocol.limits import SUM_MAX_UNITS
from node.protocol.record import RawRecord
from node.protocol.state import DictState
from tests.protocol import second_root
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.support.compare import assert_same, assert_same_books
from tests.support.falsehood import MOVES, Falsehood
from tests.support.features import features
from tests.support.mirror import Mirror
from tests.support.nodes import Node
from tests.support.tables import comparable
from tests.support.world import LIMIT, QUORUMS, World

NEWS, AGAIN, BROKEN = "news", "again", "broken"
WEIGHTS = {**MOVES, NEWS: 12, AGAIN: 2, BROKEN: 2}
THOROUGH_EVERY_COUNT = 4  # moves between looks at positions, alerts, permissions and views
WATCH_EVERY_COUNT = 25  # moves between looks at SQLite and at a new fold of stored bytes


class Move(NamedTuple):
    """A move by its name and the seed of its choices."""

    name: str
    seed: int


def moves_of(seed: int, count: int) -> list[Move]:
    """The first moves of a history."""
    rng, names, weights = Random(f"moves {seed}"), list(WEIGHTS), list(WEIGHTS.values())
    return [Move(rng.choices(names, weights)[0], rng.randrange(2**32)) for _ in range(count)]


class History:
    """A community that starts as its seed says, and goes on move by move."""

    def __init__(self, seed: int) -> None:
        rng = Random(f"community {seed}")
        limit_max = rng.choice((LIMIT, LIMIT, SUM_MAX_UNITS))
        chapters = rng.choice((("coop",), ("coop",), ("coop", "farm")))
        quorum = sorted(QUORUMS)[seed % len(QUORUMS)]
        self.world = World(
            quorum, rng.choice((1, 2)),
            limit_max=limit_max, chapters=chapters, treasury="dan",
        )  # fmt: skip
        self.chaos = Falsehood(self.world)
        for name in ("ada", "bo") if len(chapters) > 1 else ():
            self.world.account(name, chapter="farm", limit=LIMIT)
        self.chaos.notice()
        self.judge = Judge(self.world.genesis_bytes)
        self.late = self.world.fresh()
        self.told: set[bytes] = set()
        self.seen: Counter[str] = Counter()
        self.moves = 0
        self.verdicts: dict[bytes, str] = {}
        self.committed: set[bytes] = set()
        self.secured: set[bytes] = set()
        self.epoch, self.clean = -1, CleanIncome(self.world.rules)
        self.mirror: Mirror | None = None

    # --- moves ------------------------------------------------------------------------------------
    def step(self, move: Move) -> None:
        """Make a move, and compare everything."""
        rng = Random(move.seed)
        if move.name == NEWS:
            self._news(rng)
        elif move.name == AGAIN:
            self._again(rng)
        elif move.name == BROKEN:
            self._broken(rng)
        else:
            getattr(self.chaos, move.name)(rng)
        self.moves += 1
        self.compare()
        if self.moves % WATCH_EVERY_COUNT == 0:
            self.watch()

    def _news(self, rng: Random) -> None:
        """The late node gets some of what it lacks, in any order, some of it bare, some twice."""
        library = self.world.library()
        share = rng.choice((0.1, 0.3, 0.6, 0.9))
        batch = [key for key in library if key not in self.told and rng.random() < share]
        batch += rng.sample(sorted(self.told), min(len(self.told), 5))
        rng.shuffle(batch)
        for key in batch:
            made = self.world.made[key]
            may_be_bare = made.header.lane in (2, 3) and made.header.seq > 0
            if may_be_bare and rng.random() < 0.2:
                self.late.receive(RawRecord(made.raw.header, None, made.raw.signature))
            self.seen[f"late: {_outcome(self.late.receive(made.raw))}"] += 1
        self.told |= set(batch)
        self.late.settle(library)
        assert_shown(self.late, Checker(self.judge, [library[key] for key in self.told]))

    def _again(self, rng: Random) -> None:
        """12: what is known already changes nothing, not one byte."""
        node = self.world.node
        before = _tables(node.state)
        for made in rng.choices(list(self.world.made.values()), k=5):
            if node.verdict(made.id) is not None:
                assert node.receive(made.raw) == "known"
                self.seen["duplicates"] += 1
        assert _tables(node.state) == before

    def _broken(self, rng: Random) -> None:
        """12: what is refused changes nothing; a flipped bit is never welcome."""
        node = self.world.node
        raw = rng.choice(list(self.world.made.values())).raw
        parts = list(raw)
        place = rng.randrange(3)
        part = bytearray(parts[place] or b"\0")
        part[rng.randrange(len(part))] ^= 1 << rng.randrange(8)
        parts[place] = bytes(part)
        before = _tables(node.state)
        assert node.receive(RawRecord(*parts)) not in ("ok", "known", "filled", "waiting")
        assert _tables(node.state) == before
        self.seen["broken records"] += 1

    # --- what must hold ---------------------------------------------------------------------------
    def compare(self) -> None:
        """4: the node shows what the checker says; verdicts last, commits and secured ones grow."""
        node = self.world.node
        node.settle(self.world.library())
        checker = self.checker = Checker(self.judge, self.world.raws())
        assert_shown(node, checker, thorough=self.moves % THOROUGH_EVERY_COUNT == 0)
        now = checker.verdicts()
        assert all(now.get(record, verdict) == verdict for record, verdict in self.verdicts.items())
        self.verdicts |= now
        assert self.committed <= set(checker.commits)
        self.committed = set(checker.commits)
        assert all(checker.is_secured(trade) for trade in self.secured)
        self.secured = {trade for trade in self.committed if checker.is_secured(trade)}
        for trade in self.secured:
            assert not checker.contested(trade) or self.judge.terms(trade)["refunds"]
        assert_terms_kept(node, checker)
        if self.moves % 2 == 0:
            self._compare_clean()

    def _compare_clean(self) -> None:
        """R45: what a program remembers of clean income, while its epoch lasts, stays right."""
        state = self.world.node.state
        if alerts.epoch(state) != self.epoch:
            self.epoch, self.clean = alerts.epoch(state), CleanIncome(self.world.rules)
        for lane in self.checker.accounts():
            for head in self.checker.heads(lane):
                assert self.clean.spendable(state, head.id) == self.checker.spendable(head.id)

    def watch(self) -> None:
        """5: SQLite holds row for row what memory holds; so does a new fold of stored bytes."""
        self.mirror = self.mirror or Mirror(self.world.rules)
        self.mirror.catch_up(self.world.node)
        assert self.mirror.tables() == _tables(self.world.node.state)
        assert self.mirror.root() == state_root(self.world.node.state, self.world.rules)
        assert_refold_is_the_same(self.world.node)

    def finish(self) -> Counter[str]:
        """4, 5: any order and any duplication end in the same state. What occurred, counted."""
        try:
            assert_shown(self.world.node, self.checker)
            self.watch()
            rules, node = self.world.rules, self.world.node
            for number in (1, 2):
                raws = self.world.raws() + self.world.raws()[::3]
                Random(number).shuffle(raws)
                other = self.world.fresh().receive_all(raws).settle(self.world.library())
                assert other.held() == node.held()
                assert sections(other.state, rules) == sections(node.state, rules)
                assert state_root(other.state, rules) == state_root(node.state, rules)
                assert comparable(other.state) == comparable(node.state)
            assert verify.verify(node.state, rules).findings == ()
        finally:
            self.close()
        return self.seen + features(self.checker)

    def close(self) -> None:
        """Drop the database."""
        if self.mirror is not None:
            self.mirror.close()
            self.mirror = None


def _outcome(said: str) -> str:
    return said if said in ("ok", "waiting", "known", "filled") else "other"


def _tables(state: DictState) -> dict[str, dict[bytes, bytes]]:
    """Every row there is."""
    return {name: dict(rows) for name, rows in state.tables.items() if rows}


def assert_shown(node: Node, checker: Checker, *, thorough: bool = True) -> None:
    """A node shows what the checker works out, and their roots are the same in every scope."""
    (assert_same if thorough else assert_same_books)(node, checker)
    for scope in ("", *checker.j.chapters):
        expected = second_root.root(checker, node.rules.community, scope)
        assert state_root(node.state, node.rules, scope) == expected, scope


def assert_terms_kept(node: Node, checker: Checker) -> None:
    """2, 3: a committed trade has two parties and one amount; no debit goes below the limit."""
    for trade in checker.commits:
        row = TRADE.must(node.state, trade)
        assert row.payer != row.payee
        assert row.amount == checker.j.terms(trade)["amount"] > 0
    for r in checker.of_kind("trade.propose", "trade.accept"):
        found = POSITION.must(node.state, r.id)
        before = POSITION.must(node.state, r.prev or b"")
        if found.outgoing > before.outgoing:
            assert found.incoming - found.outgoing + found.limit >= 0
            assert found.outgoing <= SUM_MAX_UNITS


def assert_refold_is_the_same(node: Node) -> None:
    """5: a new state folded from the stored bytes has the same tables, row by row."""
    held = (node.state.raw(number) for number in range(node.state.next_number()))
    fresh = DictState()
    raws = (raw for raw in held if raw is not None)
    assert verify.refold(raws, node.rules, fresh, signatures=False) == []
    assert comparable(fresh) == comparable(node.state)
