"""Moves that seek out what chance seldom finds: the corners of every rule, one function each.

Rule: as in `chaos`, a move depends on the world and the random source alone. Each is aimed: a fork
whose branches both trade, a cut that comes after another, a lane that carries several, two officers
at once, refunds to the last unit and beyond, amounts at their bounds, witnesses that lie.
"""

from random import Random

from node.ledger import alerts, positions, stamps
from node.ledger.positions import TRADE, TradeRow
from node.ledger.trades import commit_of
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.identity import DeviceRevoke, Lane
from node.protocol.limits import AMOUNT_MAX_UNITS, SUM_MAX_UNITS
from node.protocol.office import ChapterClose, ChapterPolicy, MemberAct, WitnessStamp
from tests.support.chaos import MEMBERS, Chaos
from tests.support.world import LIMIT, OFFICERS, SALT, Made, World

LIMITS = (0, 50, LIMIT, LIMIT + 1, AMOUNT_MAX_UNITS, SUM_MAX_UNITS)
OUTSIDERS = ("eve", "fay", "gus")  # witness lanes that no chapter names
LONG_AGO_MS, FAR_AHEAD_MS = 1, 2**53 - 1


class Mischief(Chaos):
    """The moves of `Chaos`, and aimed ones."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.outsiders = [world.first_witness(name) for name in OUTSIDERS]  # heads of their lanes
        self.notice()

    # --- helpers ----------------------------------------------------------------------------------
    def tips(self, key: bytes) -> list[Made]:
        """Heads of a lane."""
        return [self.world.made[h.id] for h in lanes.heads_of(self.world.node.state, key)]

    def account_lanes(self) -> list[bytes]:
        """Keys of all account lanes."""
        return [key for key in sorted(self.by_lane) if key[64] == Lane.ACCOUNT]

    def live(self, rng: Random, *, but: bytes = b"") -> Made:
        """A head on an ok account lane of anybody but one."""
        tips = [tip for key in self.account_lanes() if key[:32] != but for tip in self.tips(key)]
        return rng.choice([tip for tip in tips if self.world.position(tip).open])

    def sound(self, rng: Random, *, but: bytes = b"") -> Made:
        """A head on a lane that nothing speaks against, if there is one."""
        world, state = self.world, self.world.node.state
        fit = [
            tip
            for key in self.account_lanes()
            for tip in self.tips(key)
            if key[:32] != but
            and not alerts.alerts_on(state, key, world.rules, 0)
            and world.granted(world.position(tip).open)
        ]
        return rng.choice(fit) if fit else self.live(rng, but=but)

    def head_on(self, rng: Random, open_id: bytes) -> Made | None:
        """A head on the path of an open."""
        tips = self.tips(self.world.made[open_id].header.lane_key)
        fit = [tip for tip in tips if self.world.position(tip).open == open_id]
        return rng.choice(fit) if fit else None

    def commits(self) -> list[tuple[Made, TradeRow]]:
        """Every COMMIT with its trade's terms."""
        state, found = self.world.node.state, []
        for made in self.of("trade.settle", "trade.accept"):
            trade = commit_of(state, made.id)
            if trade is not None:
                found.append((made, TRADE.must(state, trade)))
        return found

    def deal(self, rng: Random, head: Made, amount: int) -> Made | None:
        """A whole trade from a head to a live lane of somebody else; the commit."""
        world = self.world
        payee = self.live(rng, but=head.header.author)
        amount = min(max(1, amount), AMOUNT_MAX_UNITS)
        if rng.random() < 0.5:
            commit, _ = world.pay(head, payee, amount)
        else:
            commit = world.accept(head, world.invoice(payee, world.opened(head), amount))
        self.notice()
        return commit if commit_of(world.node.state, commit.id) else None

    # --- account lanes ----------------------------------------------------------------------------
    def deals(self, rng: Random) -> None:
        """A payment that goes through, and what a witness and a payee then do."""
        head = self.live(rng)
        amount = self.world.available(head)
        commit = self.deal(rng, head, rng.choice((1, 7, amount, amount + 1)))
        if commit is not None and rng.random() < 0.7:
            self.secure(rng, commit)
        self.notice()

    def branches(self, rng: Random) -> None:
        """Two branches of one lane, and both trade."""
        base = self.base(rng, Lane.ACCOUNT, 0.5)
        if self.world.position(base).open:
            for _ in range(2):
                self.deal(rng, base, rng.choice((1, 20, 60)))

    def claims(self, rng: Random) -> None:
        """A payee claims all there is, stamped first where it must be; or claims it once more."""
        world, state = self.world, self.world.node.state
        fit = [(c, h) for c, row in self.commits() if (h := self.head_on(rng, row.payee_open))]
        if not fit:
            self.deals(rng)
            return
        commit, head = rng.choice(fit)
        if rng.random() < 0.6:
            self.secure(rng, commit)
        open_id = world.position(head).open
        entry, mine = lanes.ENTRY.must(state, head.id), positions.mine(state, open_id)
        options = self._claims(head, mine, entry, open_id)
        same = [c for c, _ in fit if world.trade_of(c) == world.trade_of(commit)]
        if options and rng.random() < (0.4 if len(same) > 1 else 0.9):
            options[0]()
        else:
            named = {c.id: [world.made[i] for i in stamps.stamps_for(state, c.id)] for c in same}
            world.claim(head, *same, stamps=named)
        self.notice()

    def pumps(self, rng: Random) -> None:
        """A fork pays one accomplice on several branches, who spends all that, part by part."""
        world, base = self.world, self.sound(rng)
        head = self.sound(rng, but=base.header.author)
        rest = world.available(base)  # 0 where no debit ever used the limit
        amount = min(rest, AMOUNT_MAX_UNITS) if rest > 1 else LIMIT
        for _ in range(3):
            commit, head = world.pay(base, head, amount)
            named = world.secure(commit) if rng.random() < 0.5 else []
            head = world.claim(head, commit, stamps={commit.id: named})
        self.notice()
        for part in (amount, amount, 1 + amount // 9):
            payee = self.sound(rng, but=head.header.author)
            commit, payee = world.pay(head, payee, part)
            world.claim(payee, commit, stamps={commit.id: world.secure(commit)})
            head = commit
            self.notice()

    def both_ways(self, rng: Random) -> None:
        """A payer settles twice what was accepted once, or releases it too: beside, or on top."""
        world, head = self.world, self.live(rng)
        asked = world.propose(head, world.opened(self.live(rng, but=head.header.author)), 1)
        payee = self.head_on(rng, asked.body.payee_lane) if world.position(asked).trade else None
        if payee is None:
            return
        accepted = world.accept(payee, asked)
        settled = world.settle(asked, accepted)
        if rng.random() < 0.5:
            released = world.release(asked, asked)
            world.settle(released, accepted)
        else:
            twin = world.settle(world.rate(asked, asked), accepted)
            if rng.random() < 0.5:
                both = {made.id: world.secure(made) for made in (settled, twin)}
                world.claim(accepted, settled, twin, stamps=both)
        again = rng.random() < 0.5
        world.settle(settled, accepted) if again else world.release(settled, asked)
        self.notice()

    def old_head(self, rng: Random) -> None:
        """A payer restores an older head, and then claims a refund of what it had not paid yet."""
        world, state = self.world, self.world.node.state
        fit = [(c, row) for c, row in self.commits() if self.head_on(rng, row.payee_open)]
        if not fit:
            return
        commit, row = rng.choice(fit)
        head, trade = self.head_on(rng, row.payee_open), world.trade_of(commit)
        before = world.made[commit.id]
        while before.header.prev and positions.position_of(state, before.id).trade != trade:
            before = world.made[before.header.prev]
        while before.header.prev and self._knows(before, trade):
            before = world.made[before.header.prev]
        heir = world.account(world.names[row.payer], before)
        world.grant(heir, LIMIT)
        back = world.propose(
            head, world.made[row.payer_open], row.amount, refunds=commit, unit=row.unit
        )
        accepted = world.accept(heir, back)
        paid = world.settle(back, accepted)
        if commit_of(state, paid.id):
            world.claim(accepted, paid, stamps={paid.id: world.secure(paid)})
        self.notice()

    def _knows(self, made: Made, trade: bytes) -> bool:
        state = self.world.node.state
        entry, open_id = lanes.ENTRY.must(state, made.id), self.world.position(made).open
        return positions.status_at(state, entry, open_id, trade) is not None

    def old_grants(self, rng: Random) -> None:
        """Officers lower a limit; the payer rests on the new grant, and then on the old one."""
        world, head = self.world, self.live(rng)
        opened = world.opened(head)
        old = world.granted(opened.id)
        world.grant(opened, rng.choice((LIMIT, 50)), rng.choice(OFFICERS))
        self.notice()
        payee = world.opened(self.live(rng, but=head.header.author))
        asked = world.propose(head, payee, 1)
        world.propose(asked, payee, 1, grant=old)
        self.notice()

    def bounds(self, rng: Random) -> None:
        """Amounts and limits at the edges; a limit that binds to the last unit."""
        world, head = self.world, self.live(rng)
        if rng.random() < 0.7:
            wide = world.genesis.chapters[0].limit_max == SUM_MAX_UNITS
            limits = LIMITS[-2:] if wide and rng.random() < 0.7 else LIMITS
            world.grant(world.opened(head), rng.choice(limits), rng.choice(OFFICERS))
        rest = max(0, world.available(head))
        edges = (1, rest, rest + 1, AMOUNT_MAX_UNITS - 1, AMOUNT_MAX_UNITS)
        self.deal(rng, head, rng.choice(edges))
        self.notice()

    def refunds(self, rng: Random) -> None:
        """A payee gives back a part, the rest, or a unit too much; also of what is a refund."""
        world, known = self.world, self.commits()
        fit = [(c, row) for c, row in known if self.head_on(rng, row.payee_open)]
        if not fit:
            self.deals(rng)
            return
        backs = [pair for pair in fit if pair[1].refunded]
        commit, row = rng.choice(backs if backs and rng.random() < 0.4 else fit)
        for _ in range(rng.choice((1, 2, 3))):
            head = self.head_on(rng, row.payee_open)
            receiver = self.head_on(rng, row.payer_open)
            if head is None or receiver is None:
                return
            amount = rng.choice((1, row.amount // 2, row.amount, row.amount + 1))
            amount = min(max(1, amount), AMOUNT_MAX_UNITS)
            payer_lane = world.opened(head)
            if rng.random() < 0.3:
                asked = world.invoice(receiver, payer_lane, amount, refunds=commit, unit=row.unit)
                world.accept(head, asked)
            else:
                terms = {"refunds": commit, "unit": row.unit}
                asked = world.propose(head, world.made[row.payer_open], amount, **terms)
                if rng.random() < 0.7:  # else it stays reserved, and the next one comes on top
                    world.settle(asked, world.accept(receiver, asked))
            self.notice()

    def other_units(self, rng: Random) -> None:
        """Hours, and dates by which an offer should have been taken."""
        world, head = self.world, self.live(rng)
        payee = self.live(rng, but=head.header.author)
        unit = rng.choice((CREDIT, "hours", "Credit"))
        grant = world.granted(world.position(head).open) if unit == CREDIT else None
        until = rng.choice((LONG_AGO_MS, world.time, FAR_AHEAD_MS))
        sides = world.opened(head).id, world.opened(payee).id
        asked = world.terms(head, *sides, rng.choice((1, 8)), grant, None, unit, until)
        if rng.random() < 0.3:
            declined = world.decline(payee, asked)
            world.decline(declined, asked)
        else:
            accepted = world.accept(payee, asked)
            world.release(asked, asked) if rng.random() < 0.3 else world.settle(asked, accepted)
        self.notice()

    def joins(self, rng: Random) -> None:
        """A lane that carries several own lanes, some of them below others."""
        world, name = self.world, rng.choice(MEMBERS)
        own = [key for key in self.account_lanes() if key[:32] == world.member(name)]
        while len(own) < 2:
            own.append(world.account(name, limit=LIMIT).header.lane_key)
            self.notice()
        heads = [tip for key in own for tip in self.tips(key)]
        lower = [rng.choice(self.by_lane[key]) for key in own]
        pool = sorted({m.id: m for m in heads + (lower if rng.random() < 0.4 else [])}.values())
        carry = rng.sample(pool, min(len(pool), rng.choice((2, 2, 3, 4))))
        if rng.random() < 0.1:
            carry.append(self.live(rng, but=world.member(name)))  # of somebody else: void
        opened = world.account(name, *carry)
        if rng.random() < 0.7:
            world.grant(opened, LIMIT, rng.choice(OFFICERS))
        self.notice()
        if not world.position(opened).open:
            return
        for trade in sorted(self._reserved(opened))[:2]:
            accept = next((a for a in self.of("trade.accept") if a.body.propose == trade), None)
            if accept is None or rng.random() < 0.5:
                opened = world.release(opened, world.made[trade])
            else:
                opened = world.settle(opened, accept)
        self.notice()
        if rng.random() < 0.6:
            self.deal(rng, opened, rng.choice((1, 40)))

    def _reserved(self, made: Made) -> list[bytes]:
        """Trades that this member once reserved something for, at a record of theirs."""
        state = self.world.node.state
        entry, open_id = lanes.ENTRY.must(state, made.id), self.world.position(made).open
        known = positions.trades_at(state, entry, open_id)
        rows = {trade: TRADE.must(state, trade) for trade in known}
        return [t for t, row in rows.items() if row.by_payer and row.payer == made.header.author]

    def odd_opens(self, rng: Random) -> None:
        """A lane with witnesses of its own choice, and a payment on it in hours."""
        world = self.world
        keys = [*world.witness_keys, *(lane.header.signer for lane in self.outsiders)]
        chosen = rng.sample(keys, rng.randrange(len(keys) + 1))
        q = rng.choice((len(chosen), len(chosen) // 2 + 1, len(chosen) // 2))
        head = world.account(rng.choice(MEMBERS), witnesses=chosen, q=q)
        self.notice()
        if not world.position(head).open:
            return
        world.grant(head, LIMIT)
        payee = self.live(rng, but=head.header.author)
        asked = world.propose(head, world.opened(payee), 3, unit="hours")
        self.secure(rng, world.settle(asked, world.accept(payee, asked)))
        self.notice()

    def secure(self, rng: Random, head: Made) -> None:
        """Witnesses of the chapter, and some that are none, stamp a head."""
        self.world.secure(head)
        for place in rng.sample(range(len(self.outsiders)), rng.randrange(3)):
            self._stamped(place, head)

    def outside_stamps(self, rng: Random) -> None:
        """A claim with stamps that do not suffice: of others, or beside what they should cover."""
        world, head = self.world, self.live(rng)
        commit = self.deal(rng, head, 1)
        if commit is None:
            return
        if rng.random() < 0.5:
            named = world.secure(head)  # all of them, but of what was before
        else:
            named = [world.stamp(name, commit) for name in world.witnesses[: rng.randrange(3)]]
            named += [self._stamped(place, commit) for place in range(len(self.outsiders))]
        payee = TRADE.must(world.node.state, world.trade_of(commit)).payee_open
        head = self.head_on(rng, payee)
        if head is not None:
            world.claim(head, commit, stamps={commit.id: named})
        self.notice()

    def _stamped(self, place: int, head: Made) -> Made:
        """An outsider stamps a head."""
        body = WitnessStamp(head=head.id, open=self.world.position(head).open)
        self.outsiders[place] = self.world.on(self.outsiders[place], body)
        return self.outsiders[place]

    def rates(self, rng: Random) -> None:
        """A party rates a trade, or somebody else does; often twice."""
        for commit, row in self.commits()[-3:]:
            head = self.head_on(rng, rng.choice((row.payer_open, row.payee_open)))
            head = self.live(rng) if head is None or rng.random() < 0.2 else head
            rated = self.world.rate(head, commit, rng.randrange(1, 6))
            if rng.random() < 0.4:  # and once more where the first rating is carried
                heir = self.world.account(self.world.names[rated.header.author], rated)
                self.world.rate(heir, commit)
        self.notice()

    # --- devices ----------------------------------------------------------------------------------
    def cuts_again(self, rng: Random) -> None:
        """Another cut for a device that is shut out already: later or earlier, or open."""
        revoked = self.of("device.revoke")
        if not revoked:
            self.cut(rng)
            return
        made = rng.choice(revoked)
        assert isinstance(made.body, DeviceRevoke)
        keys = [key for key in sorted(self.by_lane) if key[32:64] == made.body.key]
        lane = rng.choice(keys) if keys else None
        if lane is None or lane[64] == Lane.IDENTITY:
            return
        cut = "open" if rng.random() < 0.1 else rng.choice(self.by_lane[lane])
        self.world.revoke(self.by_lane[lane][0], **{Lane(lane[64]).name.lower(): cut})
        self.notice()

    def cuts_above(self, rng: Random) -> None:
        """A device is shut out just above a payment: who hears of the cut before hears it late."""
        commit = self.deal(rng, self.live(rng), 1)
        if commit is not None:
            tip = self.world.rate(commit, commit)
            self.world.revoke(commit, account=tip)
        self.notice()

    # --- officers and witnesses -------------------------------------------------------------------
    def at_once(self, rng: Random) -> None:
        """Officers who do not know of one another act on the same lane or member."""
        world = self.world
        opened = world.opened(self.live(rng))
        known = world.acts(opened.id)
        for officer in rng.sample(OFFICERS, 2):
            others = [name for name in OFFICERS if name != officer]
            helpers = tuple(rng.sample(others, rng.randrange(3)))
            if rng.random() < 0.6:
                limit = rng.choice(LIMITS[:4])
                world.grant(opened, limit, officer, helpers, known)
            else:
                name = world.names[opened.header.author]
                kind = rng.choice(("member.admit", "member.suspend"))
                world.act(officer, kind, world.membership_body(name), *helpers)
        self.notice()

    def confirms(self, rng: Random) -> None:
        """An officer agrees afterwards with what another did."""
        acts = self.of("credit.grant", "member.admit", "member.suspend")
        act = rng.choice(acts)
        kind = act.header.kind
        self.world.approve(rng.choice(OFFICERS), kind, act.body)  # type: ignore[arg-type]
        self.notice()

    def agreements(self, rng: Random) -> None:
        """Policies, closes of the books, and members whose ids look like their subjects."""
        world, officer = self.world, rng.choice(OFFICERS)
        others = [name for name in OFFICERS if name != officer]
        kind = rng.choice(("chapter.policy", "chapter.policy", "chapter.close", "member.admit"))
        old = [act.id for act in self.of(kind) if rng.random() < 0.3]
        chapter = rng.choice(world.genesis.chapters).name
        common = {"approvals": [], "chapter": chapter, "list": world.community}
        common["supersedes"] = sorted(old)[:3]
        if kind == "chapter.policy":
            act = ChapterPolicy(
                **common, counts=["hours"], faith_days=rng.choice((1, 365)),
                mediators=[], secured_from=rng.choice((None, 0, LIMIT)),
            )  # fmt: skip
        elif kind == "chapter.close":
            act = ChapterClose(
                **common, count=1, negative=5, positive=5, period=rng.choice((0, 202609)),
                root=SALT * 2, state=SALT * 2,
            )  # fmt: skip
        else:
            member = (b"policy" + rng.randbytes(1)).ljust(32, b"\0")
            common["supersedes"] = []
            act = MemberAct(**common, application=None, member=member)
        if rng.random() < 0.2:
            world.propose_act(officer, kind, act)
        world.act(officer, kind, act, *rng.sample(others, rng.randrange(3)))
        self.notice()

    def lies(self, rng: Random) -> None:
        """A witness stamps several branches of one lane."""
        if not self.world.witnesses:
            return
        forked = [key for key in self.account_lanes() if len(self.tips(key)) > 1]
        if not forked:
            self.branches(rng)
            return
        liar = rng.choice(self.world.witnesses)
        for tip in self.tips(rng.choice(forked))[:3]:
            if self.world.position(tip).open:
                self.world.stamp(liar, tip)
        self.notice()


MOVES = {
    "trade": 20, "deals": 10, "claims": 10, "branches": 4, "pumps": 3, "both_ways": 3, "bounds": 6,
    "refunds": 9, "old_head": 3, "old_grants": 3, "other_units": 4, "joins": 6, "restore": 3,
    "odd_opens": 2, "outside_stamps": 2, "rates": 2, "cut": 4, "cuts_above": 2, "cuts_again": 3,
    "office": 4, "at_once": 4, "agreements": 3, "confirms": 3, "stamp": 3, "lies": 3, "talk": 4,
    "market": 3,
}  # fmt: skip
"""How often each move is made, in relation to one another."""
