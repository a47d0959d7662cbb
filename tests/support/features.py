"""What a history contained, counted by the reference checker: proof that tests reach the corners.

`WANTED` says how often each feature must occur in 2,000 steps; the names are also those of reports.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tests.reference_checker import Checker
from tests.reference_judge import CREDIT, Rec, carried_heads

WANTED = {
    "account lanes forked": 32, "acts beside another of the same serial": 8,
    "acts by two officers": 134, "acts that no longer stand": 6,
    "acts that stand by later approvals": 1, "amounts of 2^40": 2, "broken records": 12,
    "claims, q = 0": 18, "claims, q = 1": 14, "claims, q = 2": 10, "claims, q = 3": 10,
    "commits beyond a cut but secured": 4, "communities with q = 0": 2,
    "communities with q = 1": 2, "communities with q = 2": 2, "communities with q = 3": 2,
    "declined": 11, "devices cut again": 11, "devices revoked": 24, "duplicates": 40,
    "expired offers taken": 10, "forks at seq 0": 2, "invoices committed": 60, "k = 1": 4,
    "k = 2": 6, "lanes whose branches both trade": 16, "late: filled": 2, "late: known": 198,
    "late: ok": 431, "late: waiting": 1694, "limits lowered": 19, "members suspended": 6,
    "opens that carry a head and what is below it": 13, "opens that carry in turn": 25,
    "opens that carry into another chapter": 4, "opens that carry one lane": 34,
    "opens that carry several": 45, "paid on one branch, released on another": 2,
    "paid to the last unit": 10, "partial refunds": 6, "posts dropped by a cut": 1,
    "proposals committed": 103, "ratings": 23, "refunds contested with their trade": 2,
    "refunds of refunds": 16, "refunds that a claim enters as paid": 14, "released": 19,
    "stamps": 244, "trades after a carry": 56, "trades committed on two branches": 4,
    "trades contested": 10, "trades in other units": 21, "trades refunded more than once": 5,
    "trades secured": 64, "two chapters": 3, "void account.claim claim-bad": 22,
    "void account.claim claim-unsecured": 9, "void account.open carry": 1,
    "void account.open quorum": 2, "void credit.grant approvals": 10,
    "void credit.grant grant-witnesses": 7, "void credit.grant limit-max": 8,
    "void rating.give rating": 23, "void trade.accept grant": 12,
    "void trade.accept over-limit": 18, "void trade.accept propose-void": 96,
    "void trade.accept refund-exceeds": 18, "void trade.accept trade-state": 4,
    "void trade.decline propose-void": 5, "void trade.decline trade-state": 6,
    "void trade.propose grant": 22, "void trade.propose grant-lane": 2,
    "void trade.propose grant-stale": 10, "void trade.propose over-limit": 35,
    "void trade.propose parties": 52, "void trade.propose refund-exceeds": 42,
    "void trade.propose refund-terms": 7, "void trade.release trade-state": 26,
    "void trade.settle trade-state": 97, "witnesses convicted": 20,
}  # fmt: skip
"""Each at about two fifths of what is found: a change that loses one is noticed."""


def features(checker: Checker) -> Counter[str]:
    """How often each feature occurs in a finished history."""
    found: Counter[str] = Counter()
    chapters = checker.j.genesis["chapters"]
    found[f"communities with q = {chapters[0]['q']}"] = 1
    found[f"k = {chapters[0]['k']}"] = 1
    found["two chapters"] = int(len(chapters) > 1)
    for part in (_verdicts, _opens, _devices, _offices, _trades, _refunds, _forks, _stamps):
        found.update(part(checker))
    return found


def _verdicts(c: Checker) -> Iterator[str]:
    for record, verdict in c.verdicts().items():
        if verdict != "ok":
            yield f"void {c.records[record].kind} {verdict}"
    for r in c.of_kind("account.claim"):
        yield f"claims, q = {c.records[c.j.state(r.id).open or b''].body['q']}"
    yield from ("ratings" for _ in c.of_kind("rating.give"))


def _opens(c: Checker) -> Iterator[str]:
    for r in c.of_kind("account.open"):
        carry = r.body["carry"]
        if not carry:
            continue
        yield "opens that carry one lane" if len(carry) == 1 else "opens that carry several"
        if any(a != b and a in c.j.past(b) for a in carry for b in carry):
            yield "opens that carry a head and what is below it"
        if len(carried_heads(c.j, r.id)) > len(carry):
            yield "opens that carry in turn"
        below = {c.records[c.j.state(head).open or b""].body["chapter"] for head in carry}
        if below != {r.body["chapter"]}:
            yield "opens that carry into another chapter"
        if any(c.is_move(step) for step in c.lanes[r.lane]):
            yield "trades after a carry"


def _devices(c: Checker) -> Iterator[str]:
    revoked: Counter[tuple[bytes, bytes]] = Counter()
    for r in c.of_kind("device.revoke"):
        revoked[r.author, r.body["key"]] += 1
    yield from ("devices revoked" for _ in revoked)
    yield from ("devices cut again" for times in revoked.values() if times > 1)
    gone = c.j.records.keys() - c.records.keys()
    yield from ("posts dropped by a cut" for i in gone if c.j.records[i].kind == "post.put")


def _offices(c: Checker) -> Iterator[str]:
    for acts in c.acts().values():
        serials = Counter(c.j.serial(act.id) for act in acts)
        yield from ("acts beside another of the same serial" for n in serials.values() if n > 1)
        limits = [act.body["limit"] for act in acts if act.kind == "credit.grant"]
        yield from ("limits lowered" for a, b in pairwise(limits) if b < a)
        for act in acts:
            if act.body["approvals"]:
                yield "acts by two officers"
            if not c.stands(act.id):
                yield "acts that no longer stand"
            elif not c.within(act.id):
                yield "acts that stand by later approvals"
    kinds = (act.kind for act in c.current.values())
    yield from ("members suspended" for kind in kinds if kind == "member.suspend")


def _trades(c: Checker) -> Iterator[str]:
    for trade, commits in c.commits.items():
        terms = c.j.terms(trade)
        yield "proposals committed" if c.j.by_payer(trade) else "invoices committed"
        if terms["unit"] != CREDIT:
            yield "trades in other units"
        if terms["amount"] == 2**40:
            yield "amounts of 2^40"
        if c.contested(trade):
            yield "trades contested"
        if len(commits) > 1:
            yield "trades committed on two branches"
        if any(not c.within(commit) and c.secured(commit) for commit in commits):
            yield "commits beyond a cut but secured"
    for r in c.of_kind("trade.accept"):
        until = c.j.terms(r.body["propose"])["valid_until"]
        if until is not None and until < r.time:
            yield "expired offers taken"
    for r in c.of_kind("trade.release"):
        yield "released"
        if r.body["trade"] in c.commits:
            yield "paid on one branch, released on another"
    yield from ("declined" for _ in c.of_kind("trade.decline"))
    for r in c.of_kind("trade.propose", "trade.accept"):
        state = c.j.state(r.id)
        if r.body["grant"] and c.j.incoming(state) - c.j.outgoing(state) + state.limit == 0:
            yield "paid to the last unit"


def _refunds(c: Checker) -> Iterator[str]:
    backs: Counter[bytes] = Counter()
    for trade in c.commits:
        back = c.j.refunded(trade)
        if back is None:
            continue
        backs[back] += 1
        if c.j.terms(trade)["amount"] < c.j.terms(back)["amount"]:
            yield "partial refunds"
        if c.j.refunded(back) is not None:
            yield "refunds of refunds"
        if c.contested(trade) and any(map(c.within, c.commits[trade])):
            yield "refunds contested with their trade"
    yield from ("trades refunded more than once" for n in backs.values() if n > 1)
    for claim in c.of_kind("account.claim"):
        yield from _entered(c, claim)


def _entered(c: Checker, claim: Rec) -> Iterator[str]:
    before = c.j.state(claim.prev or b"").trades
    for trade, status in c.j.state(claim.id).trades.items():
        if status == "paid" and before.get(trade) not in ("paid", "reserved"):
            yield "refunds that a claim enters as paid"


def _forks(c: Checker) -> Iterator[str]:
    for lane in c.accounts():
        lowest = c.fork_seq(lane)
        if lowest < 0:
            continue
        yield "account lanes forked"
        if lowest == 0:
            yield "forks at seq 0"
        trading = {step.id for head in c.heads(lane) for step in _beyond(c, head, lowest)}
        if len(trading) > 1:
            yield "lanes whose branches both trade"


def _beyond(c: Checker, head: Rec, lowest: int) -> Iterator[Rec]:
    """The first record of a branch, if something is committed above it."""
    path = [step for step in c.j.path(head.id) if step.seq >= lowest]
    if any(c.j.commit_of(step.id) for step in path):
        yield path[-1]


def _stamps(c: Checker) -> Iterator[str]:
    yield from ("stamps" for _ in c.of_kind("witness.stamp"))
    yield from ("witnesses convicted" for _ in c.convicted())
    yield from ("trades secured" for trade in c.commits if c.is_secured(trade))
