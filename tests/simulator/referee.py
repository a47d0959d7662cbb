"""A simulated life held against the reference checker, which shares no code with the project.

Rules: at the end one honest node must show what the checker works out from the set of its records;
and whenever an honest payee accepts credit where nothing is ever final, the checker must find that
it may (R45).
"""

from types import SimpleNamespace

from node.protocol.account import TradeAccept, TradePropose
from node.protocol.admission import stored_body
from node.protocol.lanes import ENTRY
from node.protocol.record import Record
from simulator.broken import expect
from simulator.node import Node
from simulator.store import Store
from simulator.world import Life, World
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.support import compare


class Referee:
    """Watches one life."""

    def __init__(self, life: Life) -> None:
        self.world = World(life, witnessed=self.witness)
        self._judge = Judge(self.world.town.document)

    def run(self) -> World:
        """The whole life. Raises `Broken`."""
        self.world.run()
        node = next(n for n in self.world.nodes if n.honest and type(n.store) is Store)
        memory = node.store.memory  # with bodies that were erased since; dropped records are gone
        raws = [self.world.records.get(i, memory.records[n]) for n, i in memory.ids.items()]
        checker = Checker(self._judge, raws)
        shown = SimpleNamespace(state=node.store.state, rules=self.world.town.rules)
        try:
            compare.assert_same(shown, checker)  # type: ignore[arg-type]
        except AssertionError as error:
            expect(False, "referee", str(error)[:200])
        return self.world

    def witness(self, node: Node, record: Record) -> None:
        """An honest node signed this."""
        body, state = record.body, node.store.state
        if not isinstance(body, TradeAccept) or self.world.town.chapter.q:
            return
        if not self.world.hostile_keys:
            return
        terms = stored_body(state, ENTRY.must(state, body.propose).number, TradePropose)
        checker = Checker(self._judge, node.store.held())
        proposer = checker.records[body.propose]
        if checker.records[terms.payer_lane].author == proposer.author:
            reason = checker.may_accept(body.propose, body.propose)
            expect(reason is None, "accepts", f"node {node.number} accepts what is {reason}")
