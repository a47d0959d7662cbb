"""Random histories by honest, careless and hostile members, held against the reference checker.

A machine of Hypothesis makes the moves; after every few, a node that had everything in order and
one that gets it late, twice and shuffled must both show what the checker works out from the set.
`WETALK_LONG=20` looks twenty times as far; a failure prints the moves that lead to it, and with
`WETALK_SHRINK=1` the fewest that do.
"""

import os
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from node.ledger import verify
from node.ledger.positions import POSITION, TRADE
from node.ledger.root import sections, state_root
from node.protocol.record import RawRecord
from node.protocol.state import DictState
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.support.chaos import Chaos
from tests.support.compare import assert_same
from tests.support.nodes import Node
from tests.support.tables import comparable
from tests.support.world import QUORUMS, World

FURTHER = int(os.environ.get("WETALK_LONG", "1"))
SHRINK = "WETALK_SHRINK" in os.environ  # minutes: for whoever looks for the cause
HISTORIES_COUNT = 80 * FURTHER
MOVES_COUNT = 50
COMPARE_EVERY_COUNT = 8

seeds = st.integers(0, 2**24)


class Histories(RuleBasedStateMachine):
    """One community; each rule is a move, or news for the late node."""

    world: World
    chaos: Chaos
    late: Node

    @initialize(quorum=st.sampled_from(sorted(QUORUMS)), k=st.sampled_from([1, 2]))
    def found(self, quorum: str, k: int) -> None:
        self.world = World(quorum, k)
        self.chaos = Chaos(self.world)
        self.judge = Judge(self.world.genesis_bytes)
        self.late = self.world.fresh()
        self.told = set[bytes]()
        self.moves = 0
        self.verdicts: dict[bytes, str] = {}
        self.committed = set[bytes]()
        self.secured = set[bytes]()

    @rule(seed=seeds)
    def trade(self, seed: int) -> None:
        self.chaos.trade(Random(seed))

    @rule(seed=seeds)
    def trade_on(self, seed: int) -> None:
        for _ in range(4):
            self.chaos.trade(Random(seed), fork_share=0)
            seed += 1

    @rule(seed=seeds)
    def fork(self, seed: int) -> None:
        self.chaos.trade(Random(seed), fork_share=1)

    @rule(seed=seeds)
    def restore(self, seed: int) -> None:
        self.chaos.restore(Random(seed))

    @rule(seed=seeds)
    def cut(self, seed: int) -> None:
        self.chaos.cut(Random(seed))

    @rule(seed=seeds)
    def office(self, seed: int) -> None:
        self.chaos.office(Random(seed))

    @precondition(lambda self: self.world.witnesses)
    @rule(seed=seeds)
    def stamp(self, seed: int) -> None:
        self.chaos.stamp(Random(seed))

    @rule(seed=seeds)
    def talk(self, seed: int) -> None:
        self.chaos.talk(Random(seed))
        self.chaos.market(Random(seed + 1))

    @rule(seed=seeds)
    def tell(self, seed: int) -> None:
        """The late node gets some of what it lacks, in any order, some of it bare, some twice."""
        rng, library = Random(seed), self.world.library()
        share = rng.choice((0.2, 0.5, 0.9))
        batch = [key for key in library if key not in self.told and rng.random() < share]
        batch += rng.sample(sorted(self.told), min(len(self.told), 5))
        rng.shuffle(batch)
        for key in batch:
            made = self.world.made[key]
            may_be_bare = made.header.lane in (2, 3) and made.header.seq > 0
            if may_be_bare and rng.random() < 0.2:
                self.late.receive(RawRecord(made.raw.header, None, made.raw.signature))
            self.late.receive(made.raw)
        self.told |= set(batch)
        self.late.settle(library)

    @invariant()
    def verdicts_last(self) -> None:
        """4: a verdict never changes once given, and the committed set only grows."""
        if not hasattr(self, "world"):
            return
        self.moves += 1
        if self.moves % COMPARE_EVERY_COUNT:
            return
        checker = self.compare()
        now = checker.verdicts()
        assert all(now.get(record, verdict) == verdict for record, verdict in self.verdicts.items())
        self.verdicts |= now
        assert self.committed <= set(checker.commits)
        self.committed = set(checker.commits)
        assert all(checker.is_secured(trade) for trade in self.secured)
        self.secured = {trade for trade in self.committed if checker.is_secured(trade)}
        for trade in self.secured:
            assert not checker.contested(trade) or self.judge.terms(trade)["refunds"]
        assert_terms_kept(self.world.node, checker)

    def compare(self) -> Checker:
        """Both nodes against the checker, each with the set of records it was given."""
        self.world.node.settle(self.world.library())
        checker = Checker(self.judge, self.world.raws())
        assert_same(self.world.node, checker)
        assert_same(self.late, Checker(self.judge, [self.world.made[key].raw for key in self.told]))
        return checker

    def teardown(self) -> None:
        """4, 5: any order and any duplication end in the same state; a refold gives it again."""
        if not hasattr(self, "world"):
            return
        self.compare()
        rules = self.world.rules
        root = state_root(self.world.node.state, rules)
        for number in (1, 2):
            raws = self.world.raws() + self.world.raws()[::3]
            Random(number).shuffle(raws)
            other = self.world.fresh().receive_all(raws).settle(self.world.library())
            assert other.held() == self.world.node.held()
            assert sections(other.state, rules) == sections(self.world.node.state, rules)
            assert state_root(other.state, rules) == root
            assert comparable(other.state) == comparable(self.world.node.state)
        assert_refold_is_the_same(self.world.node)
        report = verify.verify(self.world.node.state, rules)
        assert report.findings == ()


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


def assert_refold_is_the_same(node: Node) -> None:
    """5: a new state folded from the stored bytes has the same tables, row by row."""
    held = (node.state.raw(number) for number in range(node.state.next_number()))
    fresh = DictState()
    assert verify.refold((raw for raw in held if raw is not None), node.rules, fresh) == []
    assert comparable(fresh) == comparable(node.state)


def test_every_history_ends_in_the_state_that_the_checker_works_out() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES_COUNT,
            stateful_step_count=MOVES_COUNT,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
            report_multiple_bugs=False,
        ),
    )
