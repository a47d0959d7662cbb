"""Random moves in a world, by anybody with any key they have: honest, careless and hostile.

Rule: a move depends on the world and on the random source alone, so a seed replays it. Most moves
are sensible, so that histories go deep; some are forks, thefts, cuts, carries or plain nonsense.
"""

from collections.abc import Callable
from random import Random

from node.ledger import positions, stamps
from node.ledger.positions import POSITION, TRADE, Status
from node.ledger.trades import commit_of
from node.protocol import lanes
from node.protocol.account import CREDIT, AccountClaim, ClaimItem, TradeAccept, TradeSettle
from node.protocol.identity import Lane
from node.protocol.limits import AMOUNT_MAX_UNITS
from tests.support.world import LIMIT, OFFICERS, Made, World

MEMBERS = ("ada", "bo", "cho", "dan")
AMOUNTS = (1, 10, 40, 60, 100, 101)


class Chaos:
    """Makes one move after another; remembers what was made, by what it is."""

    def __init__(self, world: World, members: tuple[str, ...] = MEMBERS) -> None:
        self.world = world
        self.seen = 0
        self.by_kind: dict[str, list[Made]] = {}
        self.by_lane: dict[bytes, list[Made]] = {}
        for name in members:
            opened = world.account(name)
            world.grant(opened, LIMIT)
            world.talker(name)
            world.seller(name)
        self.notice()

    def notice(self) -> None:
        """File what was made since the last time; what was refused is left out."""
        for made in list(self.world.made.values())[self.seen :]:
            if lanes.ENTRY.has(self.world.node.state, made.id):
                self.by_kind.setdefault(made.header.kind, []).append(made)
                self.by_lane.setdefault(made.header.lane_key, []).append(made)
        self.seen = len(self.world.made)

    def of(self, *kinds: str) -> list[Made]:
        """Held records of these kinds."""
        known = self.world.node.state
        made = [made for kind in kinds for made in self.by_kind.get(kind, ())]
        return [m for m in made if lanes.ENTRY.has(known, m.id)]

    def base(self, rng: Random, lane: Lane, fork_share: float) -> Made:
        """A record of a lane kind to go on from: mostly a head."""
        state = self.world.node.state
        pool: list[list[Made]] = []
        for key in sorted(key for key in self.by_lane if key[64] == lane):
            pool.append([m for m in self.by_lane[key] if lanes.ENTRY.has(state, m.id)])
        if not any(pool):  # every such device was shut out
            start = self.world.seller if lane == Lane.MARKET else self.world.talker
            return start(rng.choice(MEMBERS))
        made = rng.choice([records for records in pool if records])
        heads = lanes.heads_of(state, made[0].header.lane_key)
        tips = [self.world.made[head.id] for head in heads]
        return rng.choice(made if rng.random() < fork_share else tips)

    # --- trade ------------------------------------------------------------------------------------
    def trade(self, rng: Random, fork_share: float = 0.08) -> None:
        """One step on some account lane."""
        self.step(rng, self.base(rng, Lane.ACCOUNT, fork_share))

    def step(self, rng: Random, base: Made, nonsense_share: float = 0.1) -> None:
        """One step on top of an account record."""
        options = self._sensible(rng, base)
        if not options or rng.random() < nonsense_share:
            options = [lambda: self._nonsense(rng, base)]
        rng.choice(options)()
        self.notice()

    def _sensible(self, rng: Random, base: Made) -> list[Callable[[], object]]:
        world, state = self.world, self.world.node.state
        open_id = POSITION.must(state, base.id).open
        if not open_id:
            return []
        entry = lanes.ENTRY.must(state, base.id)
        mine = positions.mine(state, open_id)
        known = positions.trades_at(state, entry, open_id)
        options: list[Callable[[], object]] = [lambda: self._propose(rng, base)] * 3
        for accept in self.of("trade.accept"):
            found = POSITION.must(state, accept.id)
            if found.status == Status.ACCEPTED and known.get(found.trade) == Status.RESERVED:
                options += [lambda accept=accept: world.settle(base, accept)] * 4
            trade = commit_of(state, accept.id)
            if trade is not None and rng.random() < 0.05:
                options.append(lambda accept=accept: world.rate(base, accept))
        for made in self.of("trade.propose"):
            row = TRADE.get(state, made.id)
            if row is None:
                continue
            if made.id not in known:
                if (row.payee_open if row.by_payer else row.payer_open) in mine:
                    options += [lambda made=made: world.accept(base, made)] * 3
                    options.append(lambda made=made: world.decline(base, made))
            elif known[made.id] == Status.RESERVED and rng.random() < 0.4:
                options.append(lambda made=made: world.release(base, made))
        return options + self._claims(base, mine, entry, open_id)

    def _claims(
        self, base: Made, mine: set[bytes], entry: lanes.Entry, open_id: bytes
    ) -> list[Callable[[], object]]:
        world, state = self.world, self.world.node.state
        items: list[ClaimItem] = []
        trades = set[bytes]()
        for commit in self.of("trade.settle", "trade.accept"):
            trade = commit_of(state, commit.id)
            row = None if trade is None else TRADE.must(state, trade)
            if trade is None or row is None or row.payee_open not in mine or trade in trades:
                continue
            if row.unit != CREDIT or positions.claimed_at(state, entry, open_id, trade):
                continue
            named = stamps.stamps_for(state, commit.id)
            if stamps.suffice(state, commit.id, named):
                trades.add(trade)
                items.append(ClaimItem(commit.id, named))
        items.sort(key=lambda item: item.commit)
        return [lambda: world.on(base, AccountClaim(items=items[:8]))] * (6 if items else 0)

    def _propose(self, rng: Random, base: Made) -> None:
        world = self.world
        opens = [o for o in self.of("account.open") if o.header.author != base.header.author]
        other = rng.choice(opens)
        available = world.available(base)
        amount = available if available > 0 and rng.random() < 0.4 else rng.choice(AMOUNTS)
        amount = min(amount, AMOUNT_MAX_UNITS)
        unit = CREDIT if rng.random() < 0.85 else "hours"
        refunds = None
        commits = [
            made
            for made in self.of("trade.settle", "trade.accept")
            if commit_of(world.node.state, made.id) is not None
        ]
        if commits and rng.random() < 0.35:
            refunds = rng.choice(commits)
            row = TRADE.must(world.node.state, world.trade_of(refunds))
            if rng.random() < 0.9:
                other, unit = world.made[row.payer_open], row.unit
                amount = rng.choice((row.amount, max(1, row.amount // 2)))
        if rng.random() < 0.7:
            grants = self.of("credit.grant")
            grant = rng.choice(grants).id if grants and rng.random() < 0.1 else None
            world.propose(base, other, amount, grant=grant, refunds=refunds, unit=unit)
        else:
            world.invoice(base, other, amount, refunds=refunds, unit=unit)

    def _nonsense(self, rng: Random, base: Made) -> None:
        """A step that names anything at all."""
        world = self.world
        anything = sorted(world.made)
        pick = lambda: rng.choice(anything)  # noqa: E731
        choice = rng.randrange(7)
        if choice == 0:
            world.terms(base, pick(), pick(), rng.choice(AMOUNTS), pick())
        elif choice == 1:
            world.on(base, TradeSettle(accept=pick()))
        elif choice == 2:
            world.on(base, TradeAccept(grant=pick(), propose=pick()))
        elif choice == 3:
            world.on(base, AccountClaim(items=[ClaimItem(pick(), [pick()])]))
        elif choice == 4:
            world.release(base, world.made[pick()])
        elif choice == 5:
            world.decline(base, world.made[pick()])
        else:
            world.rate(base, world.made[pick()])

    # --- devices, cuts and carries ----------------------------------------------------------------
    def restore(self, rng: Random) -> None:
        """A new account lane that carries some heads, or anything, of the same member."""
        world = self.world
        name = rng.choice(MEMBERS)
        own = [m for m in world.made.values() if m.header.author == world.member(name)]
        accounts = [m for m in own if m.header.lane == Lane.ACCOUNT]
        pool = own if rng.random() < 0.05 else accounts
        if rng.random() < 0.6:
            heads = {m.header.lane_key: m for m in accounts}
            pool = list(heads.values())
        carry = rng.sample(sorted(pool), min(len(pool), rng.randrange(4)))
        device = None
        adds = [m for m in self.of("device.add") if m in own and "account" in m.body.scopes]
        if rng.random() < 0.1 and adds:
            device = rng.choice(adds)  # a second open on one device: a fork at seq 0
        witnesses, q = (None, None) if rng.random() < 0.9 else ([], 0)
        world.account(name, *carry, device=device, witnesses=witnesses, q=q)
        self.notice()

    def cut(self, rng: Random) -> None:
        """A device is revoked, with cuts anywhere."""
        world = self.world
        keys = [key for key in sorted(self.by_lane) if key[64] not in (Lane.IDENTITY, Lane.WITNESS)]
        key = rng.choice(keys)
        cuts: dict[str, Made | str] = {}
        for lane in (Lane.ACCOUNT, Lane.SOCIAL, Lane.MARKET, Lane.OFFICE):
            known = self.by_lane.get(key[:64] + bytes((lane,)), [])
            choice = rng.random()
            if known and choice < 0.75:
                cuts[lane.name.lower()] = rng.choice(known)
            elif choice < 0.8:
                cuts[lane.name.lower()] = "open"
            elif choice < 0.83:
                cuts[lane.name.lower()] = rng.choice(list(world.made.values()))
        if world.names[key[:32]] in OFFICERS and rng.random() < 0.6:
            return  # officers lose their keys less often
        world.revoke(self.by_lane[key][0], **cuts)
        self.notice()

    # --- officers and witnesses -------------------------------------------------------------------
    def office(self, rng: Random) -> None:
        """An act or an approval, often beside another officer's."""
        world = self.world
        officer = rng.choice(OFFICERS)
        others = [name for name in OFFICERS if name != officer]
        helpers = tuple(rng.sample(others, rng.randrange(3)))
        opened = rng.choice(self.of("account.open"))
        known = world.acts(opened.id)
        choice = rng.random()
        if choice < 0.6:
            supersedes = (
                None if rng.random() < 0.6 else rng.sample(known, rng.randrange(len(known) + 1))
            )
            limit = rng.choice((0, 50, LIMIT, LIMIT, LIMIT + 1))
            world.grant(opened, limit, officer, helpers, supersedes)
        elif choice < 0.75 and self.of("credit.grant"):
            act = rng.choice(self.of("credit.grant"))
            world.approve(officer, "credit.grant", act.body)
        else:
            name = rng.choice((*MEMBERS, OFFICERS[0]))
            acts = [a for a in self.of("member.admit", "member.suspend") if rng.random() < 0.5]
            kind = rng.choice(("member.admit", "member.suspend"))
            world.act(officer, kind, world.membership_body(name, *acts[-2:]), *helpers)
        self.notice()

    def stamp(self, rng: Random) -> None:
        """A witness stamps a head, or, if it lies, any record; sometimes on a fork of its lane."""
        world = self.world
        if not world.witnesses:
            return
        name = rng.choice(world.witnesses)
        if rng.random() < 0.1:
            world.witness[name] = rng.choice(self.by_lane[world.witness[name].header.lane_key])
        head = self.base(rng, Lane.ACCOUNT, 0.2)
        others = world.witnesses if rng.random() < 0.7 else [name]
        for witness in others:
            world.stamp(witness, head, None if world.position(head).open else head)
        self.notice()

    # --- talk and market --------------------------------------------------------------------------
    def talk(self, rng: Random) -> None:
        """Posts, edits, deletions, profiles, applications."""
        world = self.world
        base = self.base(rng, Lane.SOCIAL, 0.1)
        posts = self.of("post.put")
        own = [p for p in posts if p.header.author == base.header.author and rng.random() < 0.5]
        target = rng.choice(own or posts or [base])
        choice = rng.randrange(6)
        if choice == 0:
            world.edit(base, target, f"text {rng.randrange(1000)}")
        elif choice == 1:
            world.delete(base, target)
        elif choice == 2:
            world.profile(base, f"name {rng.randrange(1000)}")
        elif choice == 3:
            world.apply_for(base)
        else:
            world.post(base, f"post {rng.randrange(1000)}", reply_to=rng.choice([None, target]))
        self.notice()

    def market(self, rng: Random) -> None:
        """Listings, revisions and closings."""
        world = self.world
        base = self.base(rng, Lane.MARKET, 0.1)
        puts = self.of("listing.put")
        own = [p for p in puts if p.header.author == base.header.author and rng.random() < 0.7]
        target = rng.choice(own or puts or [base])
        choice = rng.randrange(4)
        if choice == 0:
            world.close(base, target, erase=rng.random() < 0.5)
        elif choice == 1:
            world.listing(base, f"loaf {rng.randrange(1000)}", revises=target)
        else:
            world.listing(base, f"loaf {rng.randrange(1000)}", region="KR-11")
        self.notice()

    def any(self, rng: Random) -> None:
        """A move of any sort."""
        moves = [
            (self.trade, 60), (self.restore, 5), (self.cut, 3), (self.office, 8),
            (self.stamp, 12), (self.talk, 8), (self.market, 6),
        ]  # fmt: skip
        chosen = rng.choices([move for move, _ in moves], [weight for _, weight in moves])[0]
        chosen(rng)
