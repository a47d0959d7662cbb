"""Attack plans from start to end: what a thief gains, what honest members see, who is blamed.

Each runs on the real fold, where it matters on several nodes that know different things. The plans
that need a program and a clock are in `tests/services/test_attacks_at_home.py`.
"""

from random import Random

import msgspec
import pytest

from node.ledger import alerts, book, positions, stamps
from node.ledger.alerts import CleanIncome
from node.ledger.positions import Status
from node.ledger.root import state_root
from node.protocol import codec, crypto, lanes
from node.protocol.account import TradeAccept
from node.protocol.limits import AMOUNT_MAX_UNITS, SUM_MAX_UNITS
from node.protocol.record import RawRecord, build, parse_header
from tests.support.nodes import Node
from tests.support.world import LIMIT, Made, World, lane_key

THIEF, ACCOMPLICE, HONEST, OTHER = "thief", "accomplice", "honest", "other"
NAMES = (THIEF, ACCOMPLICE, HONEST, OTHER)
YEAR_MS = 365 * 24 * 3_600_000


class Plan:
    """A community of four with a granted account each, and what its members may know."""

    def __init__(self, quorum: str = "q0", **options: object) -> None:
        self.world = World(quorum, **options)  # type: ignore[arg-type]
        self.opens = {name: self.world.account(name, limit=LIMIT) for name in NAMES}

    def verdict(self, made: Made) -> str:
        """What became of a record."""
        return self.world.outcome[made.id]

    def refusal(self, record: Made, node: Node | None = None) -> str | None:
        """Why an honest payee accepts nothing on a payer's record, by what a node holds."""
        state = (node or self.world.node).state
        return CleanIncome(self.world.rules).may_accept(state, record.id)

    def alerts(self, made: Made, node: Node | None = None) -> set[str]:
        """Alerts on the lane of a record."""
        state = (node or self.world.node).state
        return alerts.alerts_on(state, lane_key(made), self.world.rules, 0)

    def balances(self, node: Node | None = None) -> dict[str, int]:
        """Book balances that are not zero; they always sum to zero."""
        rows = list(book.balances((node or self.world.node).state))
        assert sum(amount for _, _, amount in rows) == 0
        return {self.world.names[member]: amount for _, member, amount in rows}

    def may_stamp(self, witness: str, head: Made, node: Node) -> bool:
        """Would an honest witness stamp a head, by what a node holds?"""
        key = self.world.witness[witness].header.signer
        return alerts.may_stamp(node.state, key, head.id, self.world.rules)

    def apart(self) -> tuple[Node, Node]:
        """Two nodes that hold all there is, and from now on are told one by one."""
        raws = self.world.raws()
        return self.world.fresh().receive_all(raws), self.world.fresh().receive_all(raws)

    def tell(self, node: Node, made: Made) -> None:
        """Give a node a record and all it stands on."""
        todo, order = [made], list(self.world.made)
        needed: dict[bytes, Made] = {}
        while todo:
            top = todo.pop()
            if node.verdict(top.id) is None and top.id not in needed:
                needed[top.id] = top
                below = (*top.body.names(), *([top.header.prev] if top.header.prev else []))
                todo += [self.world.made[record] for record in below]
        for record in sorted(needed, key=order.index):
            node.receive(needed[record].raw)

    def heal(self, *nodes: Node) -> None:
        """The nodes get all there is, in orders of their own; they must agree."""
        for number, node in enumerate(nodes):
            raws = self.world.raws()
            Random(number).shuffle(raws)
            node.receive_all(raws).settle(self.world.library())
        roots = {state_root(node.state, self.world.rules) for node in (*nodes, self.world.node)}
        assert len(roots) == 1


# --- double spending ------------------------------------------------------------------------------
def test_who_pays_the_same_credit_on_both_sides_of_a_partition_owes_both() -> None:
    """q = 0: no honest payee loses; the forker is below their limit, known and dealt with by
    nobody."""
    p = Plan()
    here, there = p.apart()
    left, paid_left = p.world.pay(p.opens[THIEF], p.opens[HONEST], LIMIT)
    right, paid_right = p.world.pay(p.opens[THIEF], p.opens[OTHER], LIMIT)
    claims = [p.world.claim(paid_left, left), p.world.claim(paid_right, right)]
    for node, commit, claim in ((here, left, claims[0]), (there, right, claims[1])):
        p.tell(node, claim)
        assert node.verdict(claim.id) == "ok"
        assert p.alerts(commit, node) == set()
        assert p.refusal(commit, node) is None
    p.heal(here, there)
    assert p.balances(here) == {THIEF: -2 * LIMIT, HONEST: LIMIT, OTHER: LIMIT}
    assert p.alerts(left) == {"forked"}
    assert p.refusal(right, here) == p.refusal(left, there) == "forked"


@pytest.mark.parametrize("here_count", range(5))
def test_of_two_branches_in_a_partition_witnesses_secure_at_most_one(here_count: int) -> None:
    """4 witnesses, 3 needed: however they are split, two branches cannot both be final."""
    p = Plan("4/3")
    nodes = p.apart()
    sides = p.world.witnesses[:here_count], p.world.witnesses[here_count:]
    branches = []
    for node, payee in zip(nodes, (HONEST, OTHER), strict=True):
        branches.append(p.world.pay(p.opens[THIEF], p.opens[payee], LIMIT)[0])
        p.tell(node, branches[-1])
    named: list[list[Made]] = []
    for node, side, branch in zip(nodes, sides, branches, strict=True):
        willing = [name for name in side if p.may_stamp(name, branch, node)]
        assert willing == side
        named.append([p.world.stamp(name, branch) for name in willing])
    p.heal(*nodes)
    state = p.world.node.state
    secured = [stamps.secured(state, branch.id) for branch in branches]
    assert secured == [here_count >= 3, here_count <= 1]
    for branch, name, found, final in zip(branches, (HONEST, OTHER), named, secured, strict=True):
        head = next(iter(lanes.heads_of(state, lane_key(p.opens[name]))))
        claim = p.world.claim(p.world.made[head.id], branch, stamps={branch.id: found})
        assert p.verdict(claim) == ("ok" if final else "claim-unsecured")
    assert not any(
        stamps.is_convicted(state, p.world.witness[name].header.signer)
        for name in p.world.witnesses
    )


def pump(p: Plan, branches: int) -> Made:
    """A thief pays an accomplice all there is on so many branches; the accomplice's last claim."""
    world, head = p.world, p.opens[ACCOMPLICE]
    for _ in range(branches):
        commit, head = world.pay(p.opens[THIEF], head, LIMIT)
        head = world.claim(head, commit)
    return head


def assert_pumping_is_in_vain(branches: int) -> None:
    p = Plan()
    head = pump(p, branches)
    assert p.verdict(head) == "ok"
    assert p.world.position(head).incoming == LIMIT * branches
    for amount, reason in ((2 * LIMIT, "unclean"), (LIMIT + 1, "unclean"), (LIMIT, None)):
        offer = p.world.propose(head, p.opens[HONEST], amount)
        assert p.verdict(offer) == "ok"
        assert p.refusal(offer) == reason
        head = p.world.release(offer, offer)
    clean = CleanIncome(p.world.rules).spendable(p.world.node.state, head.id)
    assert clean == LIMIT  # the accomplice's own limit: what was pumped buys nothing
    p.heal(p.world.fresh())


def test_an_accomplice_of_forty_branches_spends_nothing_but_an_own_limit() -> None:
    assert_pumping_is_in_vain(40)


@pytest.mark.slow
def test_an_accomplice_of_a_thousand_branches_spends_nothing_but_an_own_limit() -> None:
    assert_pumping_is_in_vain(1_000)


def test_where_witnesses_stamp_forty_branches_give_an_accomplice_one() -> None:
    p = Plan("4/3")
    world, head = p.world, p.opens[ACCOMPLICE]
    for number in range(40):
        asked = world.propose(p.opens[THIEF], p.opens[ACCOMPLICE], LIMIT)
        head = world.accept(head, asked)
        commit = world.settle(asked, head)
        willing = [name for name in world.witnesses if p.may_stamp(name, commit, world.node)]
        named = [world.stamp(name, commit) for name in willing]
        claim = world.claim(head, commit, stamps={commit.id: named})
        assert p.verdict(claim) == ("ok" if number == 0 else "claim-unsecured")
        head = claim
    assert world.position(head).incoming == LIMIT
    assert world.available(head) == LIMIT  # no debit yet: income, before any own limit is used


# --- one path and two branches --------------------------------------------------------------------
def test_on_one_path_what_is_released_is_not_settled_nor_the_other_way_round() -> None:
    p = Plan()
    world = p.world
    asked = world.propose(p.opens[THIEF], p.opens[HONEST], 60)
    accepted = world.accept(p.opens[HONEST], asked)
    released = world.release(asked, asked)
    late = world.settle(released, accepted)
    assert (p.verdict(released), p.verdict(late)) == ("ok", "trade-state")
    again = world.propose(late, p.opens[HONEST], 60)
    accepted = world.accept(accepted, again)
    settled = world.settle(again, accepted)
    late = world.release(settled, again)
    assert (p.verdict(settled), p.verdict(late)) == ("ok", "trade-state")
    assert p.balances() == {THIEF: -60, HONEST: 60}
    assert world.position(late).outgoing == 60


def test_who_settles_on_one_branch_and_releases_on_the_other_has_paid() -> None:
    p = Plan()
    world = p.world
    asked = world.propose(p.opens[THIEF], p.opens[HONEST], 60)
    accepted = world.accept(p.opens[HONEST], asked)
    settled, released = world.settle(asked, accepted), world.release(asked, asked)
    assert p.balances() == {THIEF: -60, HONEST: 60}
    assert p.alerts(asked) == {"forked"}
    claim = world.claim(accepted, settled)
    assert p.verdict(claim) == "ok"
    heir = world.account(THIEF, settled, released, limit=LIMIT)
    entry = lanes.ENTRY.must(world.node.state, heir.id)
    assert positions.status_at(world.node.state, entry, heir.id, asked.id) == Status.PAID
    assert world.position(heir).outgoing == 60  # once, however many branches say so
    p.heal(world.fresh())


# --- carries, cuts and time -----------------------------------------------------------------------
def test_an_older_head_on_a_new_device_leaves_the_debts_where_they_count() -> None:
    """The new lane does not know the payment; the book, the old lane and every payee do."""
    p = Plan()
    world = p.world
    commit, head = world.pay(p.opens[THIEF], p.opens[HONEST], LIMIT)
    world.claim(head, commit)
    heir = world.account(THIEF, p.opens[THIEF], limit=LIMIT)
    spent = world.propose(heir, p.opens[OTHER], LIMIT)
    assert p.alerts(commit) == {"beyond-carry"}
    assert alerts.beyond(world.node.state, commit.id) == "beyond-carry"
    assert p.balances() == {THIEF: -LIMIT, HONEST: LIMIT}
    assert p.verdict(spent) == "ok"  # which is why officers grant such an open only when asked
    assert world.position(heir).outgoing == 0


def test_an_older_head_is_not_secured_where_witnesses_know_the_later_one() -> None:
    p = Plan("4/3")
    world = p.world
    commit, head = world.pay(p.opens[THIEF], p.opens[HONEST], LIMIT)
    world.claim(head, commit, stamps={commit.id: world.secure(commit)})
    heir = world.account(THIEF, p.opens[THIEF], limit=LIMIT)
    spent, _ = world.pay(heir, p.opens[OTHER], LIMIT)
    assert p.verdict(spent) == "ok"
    assert not any(p.may_stamp(name, spent, world.node) for name in world.witnesses)


def test_a_withheld_tail_changes_nothing_until_it_is_shown_and_then_the_same_for_all() -> None:
    p = Plan()
    world = p.world
    asked = world.propose(p.opens[THIEF], p.opens[HONEST], 70)
    accepted = world.accept(p.opens[HONEST], asked)
    here, there = p.apart()
    tail = world.settle(asked, accepted)
    more, _ = world.pay(tail, p.opens[OTHER], 30)
    assert book.status_of(here.state, asked.id) == "accepted"
    assert p.balances(here) == {}
    assert here.receive(more.raw) == "waiting"  # a part of a tail is nothing either
    assert p.balances(here) == {}
    p.heal(here, there)
    assert p.balances(here) == {THIEF: -100, HONEST: 70, OTHER: 30}


def test_a_tail_withheld_beyond_a_cut_stays_contested_unless_it_was_stamped() -> None:
    for quorum, stamped in (("q0", False), ("4/3", False), ("4/3", True)):
        p = Plan(quorum)
        world = p.world
        asked = world.propose(p.opens[THIEF], p.opens[HONEST], 70)
        accepted = world.accept(p.opens[HONEST], asked)
        tail = world.settle(asked, accepted)
        if stamped:
            world.secure(tail)
        world.revoke(p.opens[THIEF], account=asked)
        p.heal(*p.apart())
        assert p.balances() == ({THIEF: -70, HONEST: 70} if stamped else {})


@pytest.mark.parametrize("shift_ms", [-YEAR_MS, YEAR_MS])
def test_an_acceptance_dated_before_a_cut_lies_beyond_it_all_the_same(shift_ms: int) -> None:
    p = Plan()
    world = p.world
    invoice = world.invoice(p.opens[ACCOMPLICE], p.opens[THIEF], 50)
    world.revoke(p.opens[THIEF], account=p.opens[THIEF])
    world.shift_ms = shift_ms
    accepted = world.accept(p.opens[THIEF], invoice)
    assert p.verdict(accepted) == "ok"
    assert book.is_contested(world.node.state, invoice.id)
    assert alerts.beyond(world.node.state, accepted.id) == "revoked"
    assert p.balances() == {}


def test_a_backdated_acceptance_takes_no_place_before_what_its_lane_did_since() -> None:
    """The limit binds at the place in the lane, whatever time is claimed there."""
    p = Plan()
    world = p.world
    invoice = world.invoice(p.opens[ACCOMPLICE], p.opens[THIEF], 1)
    commit, _ = world.pay(p.opens[THIEF], p.opens[HONEST], LIMIT)
    world.shift_ms = -YEAR_MS
    assert p.verdict(world.accept(commit, invoice)) == "over-limit"
    world.grant(p.opens[OTHER], 10, "o1")
    old = next(act for act in world.acts(p.opens[OTHER].id) if act != _current(p, OTHER))
    offer = world.propose(p.opens[OTHER], p.opens[HONEST], 50, grant=old)
    assert p.refusal(offer) == "grant-not-current"


def _current(p: Plan, name: str) -> bytes:
    found = p.world.granted(p.opens[name].id)
    assert found is not None
    return found


def script(shifts: tuple[int, ...]) -> tuple[object, ...]:
    """A history with everything in it, each record dated by the next of these shifts."""
    p, count = Plan("4/3"), 0
    world = p.world
    original = world.make

    def make(*arguments: object, **named: object) -> Made:
        nonlocal count
        world.shift_ms = shifts[count % len(shifts)]
        count += 1
        return original(*arguments, **named)  # type: ignore[arg-type]

    world.make = make  # type: ignore[method-assign]
    first, head = world.pay(p.opens[HONEST], p.opens[OTHER], 60)
    head = world.claim(head, first, stamps={first.id: world.secure(first)})
    world.propose(first, p.opens[OTHER], 41)  # over the limit
    back, _ = world.pay(head, first, 60, refunds=first)
    world.rate(back, first)
    left, _ = world.pay(p.opens[THIEF], p.opens[ACCOMPLICE], 90)
    world.pay(p.opens[THIEF], p.opens[OTHER], 95)
    world.stamp("w0", left)
    world.revoke(p.opens[ACCOMPLICE], account=p.opens[ACCOMPLICE])
    lowered = world.grant(p.opens[THIEF], 40, "o1")
    heir = world.account(HONEST, back if lane_key(back) == lane_key(first) else first)
    world.grant(heir, 70, "o2")
    world.act("o1", "member.suspend", world.membership_body(THIEF))
    state = world.node.state
    heads = [p.opens[name] for name in NAMES] + [heir]
    return (
        list(world.outcome.values()),
        p.balances(),
        [world.available(made) for made in (first, left, heir)],
        [sorted(p.alerts(made)) for made in heads],
        [_current(p, THIEF) == lowered.id, p.refusal(left)],
        [book.status_of(state, t) for t in map(world.trade_of, (first, back, left))],
    )


def test_clocks_a_year_off_change_no_verdict_balance_limit_order_or_alert() -> None:
    """Dated right, a year late, a year early, and each record otherwise: all the same."""
    right = script((0,))
    assert right[1] != {}
    for shifts in ((-YEAR_MS,), (YEAR_MS,), (0, YEAR_MS, -YEAR_MS), (YEAR_MS, -YEAR_MS, 0, 7)):
        assert script(shifts) == right


# --- replay ---------------------------------------------------------------------------------------
def test_a_record_given_again_a_thousand_times_is_known_and_moves_nothing() -> None:
    p = Plan()
    commit, head = p.world.pay(p.opens[THIEF], p.opens[HONEST], 10)
    p.world.claim(head, commit)
    node, before = p.world.node, p.balances()
    rows = {name: dict(table) for name, table in node.state.tables.items()}
    for made in list(p.world.made.values()) * 50:
        assert node.receive(made.raw) == "known"
    assert {name: dict(table) for name, table in node.state.tables.items()} == rows
    assert p.balances() == before


def test_nothing_signed_in_one_community_is_taken_in_another_of_the_same_members() -> None:
    ours, theirs = Plan(), Plan(limit_max=LIMIT + 1)
    assert ours.world.community != theirs.world.community
    commit, head = ours.world.pay(ours.opens[THIEF], ours.opens[HONEST], 10)
    ours.world.claim(head, commit)
    for raw in ours.world.raws():
        assert theirs.world.node.receive(raw) == "signature"
    assert theirs.balances() == {}


def test_an_act_or_acceptance_signed_again_elsewhere_rests_on_nothing_there() -> None:
    """The same bodies, honestly signed for the other community, name records that it never has."""
    ours, theirs = Plan(), Plan(limit_max=LIMIT + 1)
    grant = ours.world.made[ours.world.granted(ours.opens[THIEF].id) or b""]
    office = theirs.world.office["o0"]
    moved = theirs.world.on(office, grant.body, "credit.grant")
    assert theirs.verdict(moved) == "waiting"
    act = ours.world.membership_body(THIEF)
    admitted = theirs.world.on(office, act, "member.admit")
    assert theirs.verdict(admitted) == "not-officer"  # it names another officer list
    invoice = ours.world.invoice(ours.opens[ACCOMPLICE], ours.opens[THIEF], 5)
    body = TradeAccept(grant=None, propose=invoice.id)
    assert theirs.verdict(theirs.world.on(theirs.opens[THIEF], body)) == "waiting"


# --- witnesses ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quorum", "liars", "final"), [("3/2", 0, 1), ("3/2", 1, 2), ("4/3", 1, 1), ("4/3", 2, 2)]
)
def test_liars_secure_two_branches_only_from_the_number_that_is_said_and_are_convicted(
    quorum: str, liars: int, final: int
) -> None:
    p = Plan(quorum)
    world = p.world
    branches = [p.world.pay(p.opens[THIEF], p.opens[n], LIMIT)[0] for n in (HONEST, OTHER)]
    honest = world.witnesses[liars:]
    for place, branch in enumerate(branches):
        for name in world.witnesses[:liars]:
            world.stamp(name, branch)
        half = honest[: (len(honest) + 1) // 2] if place == 0 else honest[(len(honest) + 1) // 2 :]
        for name in half if final > 1 else (honest if place == 0 else []):
            world.stamp(name, branch)
    state = world.node.state
    assert sum(stamps.secured(state, branch.id) for branch in branches) == final
    found = [
        name
        for name in world.witnesses
        if stamps.is_convicted(state, world.witness[name].header.signer)
    ]
    assert found == world.witnesses[:liars]
    assert p.balances() == {THIEF: -2 * LIMIT, HONEST: LIMIT, OTHER: LIMIT}


def test_while_too_many_witnesses_are_down_a_payment_counts_and_waits_to_be_claimed() -> None:
    p = Plan("4/3")
    world = p.world
    commit, head = world.pay(p.opens[THIEF], p.opens[HONEST], LIMIT)
    named = [world.stamp(name, commit) for name in ("w0", "w1")]
    early = world.claim(head, commit, stamps={commit.id: named})
    assert p.verdict(early) == "claim-unsecured"
    assert book.status_of(world.node.state, world.trade_of(commit)) == "settled"
    assert p.balances() == {THIEF: -LIMIT, HONEST: LIMIT}
    assert world.available(early) == 0
    named.append(world.stamp("w2", commit))  # one of the two is back; w3 stays away
    assert p.verdict(world.claim(early, commit, stamps={commit.id: named})) == "ok"


# --- numbers --------------------------------------------------------------------------------------
@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MAX_UNITS + 1, 2**53, 2**63, True, 1.0, "1"])
def test_an_amount_outside_its_bounds_is_refused_by_its_bytes(amount: object) -> None:
    p = Plan(limit_max=SUM_MAX_UNITS)
    world, opened = p.world, p.opens[THIEF]
    asked = world.propose(opened, p.opens[HONEST], 1)
    body = msgspec.structs.replace(asked.body, amount=amount)
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    data = msgspec.msgpack.encode(dict(sorted(fields.items())))
    header, _ = build(
        asked.body, "trade.propose", opened.header.author, opened.header.signer, 1, opened.id, 1
    )
    sealed = world.sealed(_with_body(header, data), data, asked.body)
    assert world.node.receive(RawRecord(*sealed.raw)) in ("shape", "encoding")


def _with_body(header: bytes, data: bytes) -> bytes:
    changed = msgspec.structs.replace(
        parse_header(header), body_hash=crypto.sha256(data), body_size=len(data)
    )
    return codec.encode(changed)


def test_the_largest_amount_is_paid_and_one_unit_less_of_a_limit_refuses_it() -> None:
    p = Plan(limit_max=SUM_MAX_UNITS)
    world = p.world
    for limit, verdict in ((AMOUNT_MAX_UNITS, "ok"), (AMOUNT_MAX_UNITS - 1, "over-limit")):
        opened = world.account("rich", limit=limit)
        assert p.verdict(world.propose(opened, p.opens[HONEST], AMOUNT_MAX_UNITS)) == verdict


def test_sums_end_at_the_largest_exact_number_whatever_the_limit() -> None:
    """8,191 payments of 2^40 and one of 2^40 - 1 fit; one unit more does not, though income and
    limit would allow it."""
    p = Plan(limit_max=SUM_MAX_UNITS)
    world = p.world
    head = world.account("rich", limit=SUM_MAX_UNITS)
    commit, head = world.pay(p.opens[HONEST], head, 50)
    head = world.claim(head, commit)
    payee, grant = p.opens[OTHER].id, world.granted(world.position(head).open)
    for _ in range(2**13 - 1):
        head = world.terms(head, world.position(head).open, payee, AMOUNT_MAX_UNITS, grant)
    head = world.terms(head, world.position(head).open, payee, AMOUNT_MAX_UNITS - 1, grant)
    assert world.position(head).outgoing == SUM_MAX_UNITS
    assert world.available(head) == 50
    late = world.terms(head, world.position(head).open, payee, 1, grant)
    assert p.verdict(late) == "over-limit"


def test_many_refunds_of_a_unit_give_back_no_unit_more_than_was_paid() -> None:
    p = Plan()
    world = p.world
    commit, head = world.pay(p.opens[HONEST], p.opens[OTHER], 12)
    head, taken = world.claim(head, commit), commit
    for number in range(14):
        asked = world.propose(head, p.opens[HONEST], 1, refunds=commit)
        assert p.verdict(asked) == ("ok" if number < 12 else "refund-exceeds")
        if number < 12:
            taken = world.accept(taken, asked)
            head = world.settle(asked, taken)
    assert p.balances() == {}
