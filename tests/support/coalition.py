"""Honest members who know only what reached them, against a coalition that knows everything.

Rule: honest programs here sign only what the ledger's own advice allows (`alerts`, `CleanIncome`,
`stamps`), each from its own node's state. The coalition signs anything with its keys, with the keys
it stole and with those of lying witnesses, and tells whom it likes. Replays from its seed.
"""

from random import Random

from node.ledger import alerts, positions, stamps
from node.ledger.alerts import CleanIncome
from node.ledger.positions import POSITION, TRADE, Status
from node.ledger.trades import commit_of
from node.protocol import lanes
from node.protocol.account import CREDIT, AccountClaim, ClaimItem
from node.protocol.identity import Lane
from node.views import identities, members
from tests.support.chaos import Chaos
from tests.support.keys import public
from tests.support.nodes import Node
from tests.support.world import LIMIT, Made, World

HONEST = ("h0", "h1", "h2")
CROOKS = ("c0", "c1", "c2")  # c2 keeps a clean lane: the accomplice
OFFICERS_AT_WORK = ("o0", "o1")


class Coalition:
    """One history. `informed`: news reaches all honest nodes at every step."""

    def __init__(self, seed: int, quorum: str, informed: bool) -> None:
        self.rng = Random(seed)
        self.world = World(quorum, self.rng.choice((1, 2)))
        self.quorum, self.informed = quorum, informed
        self.liars = ["w0"] if quorum == "4/3" else []
        down = ["w2"] if quorum == "3/2" else []
        self.relays = [w for w in self.world.witnesses if w not in self.liars + down]
        self.chaos = Chaos(self.world, (*HONEST, *CROOKS))
        opens = {made.header.author: made for made in self.chaos.of("account.open")}
        self.live = {name: opens[public(name)] for name in HONEST}
        self.opens = {name: [opens[public(name)]] for name in CROOKS}
        self.stolen: dict[bytes, Made] = {}  # device key -> the head it was stolen at
        names = (*HONEST, *OFFICERS_AT_WORK, *self.relays)
        self.views = {name: self.world.fresh().receive_all(self.world.raws()) for name in names}

    # --- who knows what ---------------------------------------------------------------------------
    def give(self, name: str, made: Made) -> None:
        """Hand over a record with everything it stands on."""
        node, todo = self.views[name], [made]
        needed: list[Made] = []
        while todo:
            top = todo.pop()
            if node.verdict(top.id) is None:
                needed.append(top)
                named = (*top.body.names(), *([top.header.prev] if top.header.prev else []))
                todo += [self.world.made[i] for i in named if i in self.world.made]
        order = {record: n for n, record in enumerate(self.world.made)}
        for one in sorted(needed, key=lambda m: order[m.id]):
            node.receive(one.raw)

    def merge(self, names: list[str] | None = None) -> None:
        """These honest nodes exchange all they hold."""
        nodes = [self.views[name] for name in names or self.views]
        held = set[bytes]().union(*(node.held() for node in nodes))
        for record, made in self.world.made.items():
            if record in held:
                for node in nodes:
                    if node.verdict(record) is None:
                        node.receive(made.raw)

    def tell(self, made: Made) -> None:
        """The coalition shows a record to some honest nodes, or to none."""
        if self.rng.random() < 0.8:
            for name in self.rng.sample(sorted(self.views), self.rng.choice((1, 1, 3))):
                self.give(name, made)

    def held(self, node: Node, *kinds: str) -> list[Made]:
        """Records of these kinds that a node holds, in order of id."""
        return sorted(made for made in self.chaos.of(*kinds) if node.verdict(made.id) is not None)

    def alerts(self, node: Node, made: Made) -> set[str]:
        """Alerts that a node has on the lane of a record."""
        return alerts.alerts_on(node.state, made.header.lane_key, self.world.rules, 0)

    # --- honest members ---------------------------------------------------------------------------
    def sign(self, name: str, made: Made) -> None:
        """An honest member signed: it is ok, and echoed by a neighbour before the next one."""
        assert self.world.outcome[made.id] == "ok", (name, made, self.world.outcome[made.id])
        self.live[name] = made
        self.chaos.notice()
        self.give(name, made)
        self.merge([name, self.rng.choice(sorted(self.views.keys() - {name}))])

    def honest(self, name: str, *, last: bool = False, quiet: bool = False) -> None:
        """What an honest member's program does next: at last it starts nothing, or only claims."""
        node, head, rng = self.views[name], self.live[name], self.rng
        open_id = POSITION.must(node.state, head.id).open
        clean = CleanIncome(self.world.rules)
        current = members.current_act(node.state, open_id, self.world.rules)
        can = clean.spendable(node.state, head.id) if current is not None else -1
        items = self.claimable(node, head)
        if items and (last or rng.random() < 0.7):
            return self.sign(name, self.world.on(head, AccountClaim(items=items)))
        if quiet or self._answer(name, head, clean, can, None if current is None else current[0]):
            return None
        opens = [
            made
            for made in self.held(node, "account.open")
            if made.header.author != head.header.author
            and not self.alerts(node, made)
            and members.current_act(node.state, made.id, self.world.rules) is not None
        ]
        if last or not opens or current is None:
            return None
        other, amount = rng.choice(opens), rng.choice((10, 30, 60, 100))
        if rng.random() < 0.7 and amount <= can:
            made = self.world.propose(head, other, amount, grant=current[0])
            return self.sign(name, made)
        return self.sign(name, self.world.invoice(head, other, amount))

    def claimable(self, node: Node, head: Made) -> list[ClaimItem]:
        """Everything that a member may claim at a head, by what a node holds."""
        state, entry = node.state, lanes.ENTRY.must(node.state, head.id)
        open_id = POSITION.must(state, head.id).open
        mine, found = positions.mine(state, open_id), dict[bytes, ClaimItem]()
        for commit in self.held(node, "trade.settle", "trade.accept"):
            trade = commit_of(state, commit.id)
            row = None if trade is None or trade in found else TRADE.must(state, trade)
            if trade is None or row is None or row.payee_open not in mine or row.unit != CREDIT:
                continue
            named = stamps.stamps_for(state, commit.id)
            unclaimed = positions.claimed_at(state, entry, open_id, trade) is None
            if unclaimed and stamps.suffice(state, commit.id, named):
                found[trade] = ClaimItem(commit.id, named)
        return sorted(found.values(), key=lambda item: item.commit)

    def _answer(
        self, name: str, head: Made, clean: CleanIncome, can: int, grant: bytes | None
    ) -> bool:
        node, rng, world = self.views[name], self.rng, self.world
        state = node.state
        entry, open_id = lanes.ENTRY.must(state, head.id), POSITION.must(state, head.id).open
        mine = positions.mine(state, open_id)
        known = positions.trades_at(state, entry, open_id)
        for accept in self.held(node, "trade.accept"):
            found = POSITION.must(state, accept.id)
            settles = found.status == Status.ACCEPTED and known.get(found.trade) == Status.RESERVED
            if settles and rng.random() < 0.7:
                self.sign(name, world.settle(head, accept))
                return True
        for propose in self.held(node, "trade.propose"):
            row = TRADE.get(state, propose.id)
            if row is None or propose.id in known or rng.random() < 0.4:
                continue
            if row.by_payer and row.payee_open in mine:
                if clean.may_accept(state, propose.id) is None:
                    self.sign(name, world.accept(head, propose))
                    return True
            elif not row.by_payer and row.payer_open == open_id and row.amount <= can:
                if row.refunded or self.alerts(node, propose):
                    continue
                self.sign(name, world.accept(head, propose, grant))
                return True
        reserved = sorted(t for t, s in known.items() if s == Status.RESERVED)
        if reserved and rng.random() < 0.15:
            self.sign(name, world.release(head, world.made[rng.choice(reserved)]))
            return True
        return False

    def restore(self, name: str, *, stolen: bool) -> None:
        """A new device that carries every own lane; a stolen one is cut where it was stolen."""
        old = self.live[name]
        if stolen:
            self.stolen[old.header.signer] = old
            cut = self.world.revoke(old, account=old)
            for view in self.rng.sample(sorted(self.views), 3):
                self.give(view, cut)
        own = [m for m in self.world.made.values() if m.header.author == old.header.author]
        carry = [
            made
            for made in own
            if made.header.lane == Lane.ACCOUNT
            and any(self._is_head(node, made) for node in self.views.values())
            and self.stolen.get(made.header.signer, made) == made
        ]
        self.live[name] = self.world.account(name, *carry)
        self.chaos.notice()
        self.give(name, self.live[name])

    def _is_head(self, node: Node, made: Made) -> bool:
        heads = lanes.heads_of(node.state, made.header.lane_key)
        return made.id in {head.id for head in heads}

    def adopt(self, name: str) -> None:
        """R46: an owner carries every head of own lanes that any witness stamped."""
        node = self.views[name]
        heads = {stamp.body.head for stamp in self.held(node, "witness.stamp")}
        own = [self.world.made[h] for h in sorted(heads) if node.verdict(h) == "ok"]
        own = [m for m in own if m.header.author == public(name)]
        own = [m for m in own if not self.in_past(node, m, self.live[name])]
        own = [m for m in own if not any(m != n and self.in_past(node, m, n) for n in own)]
        if own:
            self.live[name] = self.world.account(name, self.live[name], *own)
            self.chaos.notice()
            self.give(name, self.live[name])

    def in_past(self, node: Node, made: Made, of: Made) -> bool:
        """Is an account record in past(of)?"""
        return positions.in_past(node.state, lanes.ENTRY.must(node.state, made.id), of.id)

    # --- honest officers and relays ---------------------------------------------------------------
    def officer(self, name: str) -> bool:
        """R14: grant a lane that stands on all granted lanes of its owner, with their moves."""
        node, rules = self.views[name], self.world.rules
        state = node.state
        for opened in self.held(node, "account.open"):
            entry = lanes.ENTRY.must(state, opened.id)
            if entry.verdict != "ok" or next(members.acts_on(state, opened.id), None) is not None:
                continue
            if opened.body.q != rules.genesis.chapters[0].q or self.alerts(node, opened):
                continue
            others = [
                other
                for other in self.held(node, "account.open")
                if other.header.author == opened.header.author and other != opened
                and next(members.acts_on(state, other.id), None) is not None
            ]  # fmt: skip
            needed = [*others, *(m for other in others for m in self._firm_moves(node, other))]
            newer = any(self.in_past(node, opened, other) for other in others)
            if not newer and all(self.in_past(node, made, opened) for made in needed):
                grant = self.world.grant(opened, LIMIT, name)
                self.chaos.notice()
                self.give(name, grant)
                return True
        return False

    def _firm_moves(self, node: Node, opened: Made) -> list[Made]:
        found: list[Made] = []
        for record in lanes.members_of(node.state, opened.header.lane_key):
            entry = lanes.ENTRY.must(node.state, record)
            if entry.kind not in alerts.MOVES or entry.verdict != "ok":
                continue
            if identities.within(node.state, entry) or stamps.secured(node.state, record):
                found.append(self.world.made[record])
        return found

    def relay(self, name: str) -> None:
        """R36: stamp the highest heads that may be stamped."""
        node = self.views[name]
        key = self.world.witness[name].header.signer
        for lane in sorted(k for k in self.chaos.by_lane if k[64] == Lane.ACCOUNT):
            made = [m for m in self.chaos.by_lane[lane] if node.verdict(m.id) is not None]
            for head in sorted(made, key=lambda m: -m.header.seq):
                old = {h for _, h in stamps.STAMP_BY.under(node.state, key)}
                if any(self.in_past(node, head, self.world.made[h]) for h in old):
                    break
                if alerts.may_stamp(node.state, key, head.id, self.world.rules):
                    self.give(name, self.world.stamp(name, head))
                    self.chaos.notice()
                    break

    # --- the coalition ----------------------------------------------------------------------------
    def evil(self) -> None:
        """One hostile move."""
        rng, choice = self.rng, self.rng.random()
        if self.liars and choice < 0.15:
            head = rng.choice(self.chaos.of("account.open", "trade.propose", "trade.settle"))
            if self.world.position(head).open:
                self.tell(self.world.stamp(rng.choice(self.liars), head))
            return
        name = rng.choice(CROOKS)
        if choice > 0.8:
            self.pump()
        elif choice < 0.22 and name != "c2":
            own = [m for m in self.chaos.of("account.open") if m.header.author == public(name)]
            pool = sorted(m for o in own for m in self.chaos.by_lane[o.header.lane_key])
            fake = rng.random() < 0.2
            opened = self.world.account(
                name, *rng.sample(pool, min(len(pool), rng.randrange(3))),
                witnesses=[] if fake else None, q=0 if fake else None,
            )  # fmt: skip
            self.chaos.notice()
            self.opens[name].append(opened)
            self.give("o0", opened)
        elif choice < 0.26 and name != "c2":
            lane = self.chaos.by_lane[rng.choice(self.opens[name]).header.lane_key]
            self.tell(self.world.revoke(lane[0], account=rng.choice(lane)))
        else:
            keys = [o.header.lane_key for o in self.opens[name]]
            keys += [head.header.lane_key for head in self.stolen.values()]
            made = self.chaos.by_lane[rng.choice(keys)]
            base = made[-1] if rng.random() < 0.65 or name == "c2" else rng.choice(made)
            self.chaos.step(rng, base, nonsense_share=0)
            self.tell(list(self.world.made.values())[-1])

    def pump(self) -> None:
        """Fork anywhere, pay an accomplice all there is; it claims, and offers all it then has."""
        rng, world = self.rng, self.world
        lane = rng.choice(self.opens[rng.choice(CROOKS[:2])]).header.lane_key
        payer = rng.choice(self.chaos.by_lane[lane])
        payee = self.chaos.by_lane[self.opens["c2"][0].header.lane_key][-1]
        grant = world.granted(world.position(payer).open)
        if grant is None:
            return
        found = world.position(payer)
        amount = found.incoming - found.outgoing + world.made[grant].body.limit
        if amount < 1:
            return
        commit, head = world.pay(payer, payee, amount)
        named = [world.stamp(name, commit) for name in self.liars]
        for name in self.relays:
            self.give(name, commit)
            key = world.witness[name].header.signer
            if alerts.may_stamp(self.views[name].state, key, commit.id, world.rules):
                named.append(world.stamp(name, commit))
                self.give(name, named[-1])
        if len(named) >= world.genesis.chapters[0].q:
            head = world.claim(head, commit, stamps={commit.id: named})
            found = world.position(head)
            rich = found.incoming - found.outgoing + LIMIT
            if rich > 0:
                victim = rng.choice(sorted(self.live.values()))
                head = world.propose(head, world.opened(victim), rich)
        self.chaos.notice()
        self.tell(head)

    # --- the run ----------------------------------------------------------------------------------
    def run(self, steps: int) -> "Coalition":
        """So many steps, and then the end: all news spreads, honest programs finish."""
        rng = self.rng
        for _ in range(steps):
            choice = rng.random()
            if choice < 0.4:
                self.honest(rng.choice(HONEST))
            elif choice < 0.72:
                self.evil()
            elif choice < 0.8:
                self.officer(rng.choice(OFFICERS_AT_WORK))
            elif choice < 0.93 and self.relays:
                self.relay(rng.choice(self.relays))
            elif choice < 0.95:
                self.restore(rng.choice(HONEST), stolen=rng.random() < 0.6)
            self.merge(None if self.informed else rng.sample(sorted(self.views), 2))
        self.merge()
        for name in HONEST:
            self.adopt(name)
        self.merge()
        while self.officer("o0"):
            self.merge()
        for number in range(8):
            for name in self.relays:
                self.relay(name)
            self.merge()
            for name in HONEST:
                self.honest(name, last=True, quiet=number > 4)
            self.merge()
        return self
