"""Disputes are a function of what is held: any order, forks, strangers, erasure, cuts."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.ledger.fold import BODYLESS
from node.protocol.dispute import (
    DisputeClose,
    DisputeErase,
    DisputeEvidence,
    DisputeOpen,
    DisputePaid,
    DisputeShare,
    DisputeTake,
    DisputeVote,
    Seal,
    To,
    panel_rank,
)
from node.protocol.lanes import ENTRY
from node.protocol.record import RawRecord
from node.protocol.shapes import Body
from node.views import disputes
from node.views.disputes import Case, Outcome, Terms
from tests.support.keys import public
from tests.support.nodes import Node
from tests.support.world import OFFICERS, SALT, Made, World

TRADE = b"\x07" * 32
PAYMENTS = (b"\x08" * 32, b"\x09" * 32)
PARTIES = ("ada", "bo")
PEOPLE = (*PARTIES, *OFFICERS, "eve", "chest")
KEYS = [Seal(b"\x01" * 32, b"\x02" * 80)]
TERMS = Terms(TRADE, 0, public("ada"), public("bo"), "credit", 100)


@dataclass(frozen=True)
class Deed:
    """Something that somebody signs: of a kind, on the newest or an older record, at some time."""

    who: str
    kind: str
    number: int
    behind: int
    shift_ms: int


DEEDS = st.lists(
    st.builds(
        Deed,
        who=st.sampled_from(PEOPLE),
        kind=st.sampled_from(
            ("evidence", "share", "take", "take", "leave", "vote", "vote", "paid", "close", "erase")
        ),
        number=st.integers(0, 3),
        behind=st.integers(0, 1),
        shift_ms=st.sampled_from((0, 0, -(10**10), 10**10, 10**10)),
    ),
    max_size=24,
)


def body_of(deed: Deed, dispute: bytes, said: list[Made]) -> Body:
    """What a deed signs; erasures and shares name something that was said, or nothing."""
    target = said[deed.number % len(said)].id if said else TRADE
    match deed.kind:
        case "evidence":
            box = bytes((deed.number,)) * 296
            return DisputeEvidence(box=box, dispute=dispute, keys=KEYS, salt=SALT)
        case "share":
            return DisputeShare(dispute=dispute, evidence=target, keys=KEYS, salt=SALT)
        case "take" | "leave":
            return DisputeTake(dispute=dispute, salt=SALT, takes=deed.kind == "take")
        case "vote":
            to = ("payer", "payer", "nobody", "payee")[deed.number]
            amount = (40, 101, 0, 40)[deed.number]  # the second is more than the trade was about
            return DisputeVote(amount=amount, dispute=dispute, salt=SALT, to=to)
        case "paid":
            return DisputePaid(dispute=dispute, salt=SALT, trade=PAYMENTS[deed.number % 2])
        case "close":
            return DisputeClose(dispute=dispute, salt=SALT)
        case _:
            return DisputeErase(dispute=dispute, evidence=target, salt=SALT)


def play(deeds: list[Deed]) -> tuple[World, Made, list[Made]]:
    """A world in which they were done, the opening, and what was signed after it."""
    world = World(treasury="chest")
    lanes = {who: [world.talker(who)] for who in PEOPLE}
    opening = world.on(lanes["ada"][0], DisputeOpen(salt=SALT, trade=TRADE))
    lanes["ada"].append(opening)
    done: list[Made] = []
    for deed in deeds:
        lane = lanes[deed.who]
        on = lane[max(0, len(lane) - 1 - deed.behind)]
        world.shift_ms = deed.shift_ms
        said = [made for made in done if isinstance(made.body, DisputeEvidence)]
        made = world.on(on, body_of(deed, opening.id, said))
        lane.append(made)
        done.append(made)
    return world, opening, done


def expected(world: World, opening: Made, done: list[Made]) -> Case:
    """The rules of the document, from the set of records alone."""
    order = tuple(
        sorted(map(public, OFFICERS), key=lambda one: panel_rank(world.community, TRADE, one))
    )

    def newest(who: bytes, shape: type[Body]) -> Made | None:
        found = [m for m in done if m.header.author == who and isinstance(m.body, shape)]
        return max(found, key=lambda m: (m.header.time, m.id), default=None)

    takes = {who: newest(who, DisputeTake) for who in order}
    taken = {
        who: made.header.time
        for who, made in takes.items()
        if made is not None and isinstance(made.body, DisputeTake) and made.body.takes
    }
    left = frozenset(who for who, made in takes.items() if made is not None) - taken.keys()
    seats = min(3, len(order) - len(left))
    panel = tuple(who for who in order if who in taken)[:seats]
    votes: dict[bytes, Outcome] = {}
    for who in panel:
        made = newest(who, DisputeVote)
        if made is not None and isinstance(made.body, DisputeVote) and made.body.amount != 101:
            votes[who] = Outcome(made.body.to, made.body.amount)
    named = list(votes.values())
    outcome = next((one for one in named if named.count(one) * 2 > seats), None)
    paid = [m for m in done if m.header.author == public("chest")]
    paid = sorted(paid, key=lambda m: (m.header.time, m.id))
    payments = tuple(dict.fromkeys(m.body.trade for m in paid if isinstance(m.body, DisputePaid)))
    closed = newest(public("ada"), DisputeClose) is not None
    return Case(
        opening.id, TERMS, public("ada"), opening.header.time, order, taken, left, panel, seats,
        votes, outcome, closed, payments,
    )  # fmt: skip


def said_in(case: Case, done: list[Made]) -> set[bytes]:
    """Ids of what counts as said: by parties or panel, not erased by its author."""
    erased = {(m.body.evidence, m.header.author) for m in done if isinstance(m.body, DisputeErase)}
    speakers = (*case.terms.parties, *case.panel)
    return {
        m.id
        for m in done
        if isinstance(m.body, DisputeEvidence)
        and m.header.author in speakers
        and (m.id, m.header.author) not in erased
    }


def case_at(node: Node, dispute: bytes) -> Case | None:
    return disputes.case_of(node.state, dispute, TERMS, node.rules)


def evidence_at(node: Node, case: Case) -> list[disputes.Evidence]:
    return disputes.evidence_of(node.state, case, 64)


@settings(max_examples=60, deadline=None)
@given(DEEDS, st.randoms(use_true_random=False))
def test_any_order_gives_the_case_that_the_document_says(deeds: list[Deed], random: Random) -> None:
    world, opening, done = play(deeds)
    wanted = expected(world, opening, done)
    shown: list[list[disputes.Evidence]] = []
    for _ in range(2):
        raws = world.raws()
        raws += random.choices(raws, k=5)  # some come twice
        random.shuffle(raws)
        node = world.fresh().receive_all(raws)
        found = case_at(node, opening.id)
        assert found == wanted
        shown.append(evidence_at(node, wanted))
        assert {one.id for one in shown[-1]} == said_in(wanted, done)
        assert list(BODYLESS.scan(node.state, b"", None)) == []
    assert shown[0] == shown[1]


@settings(max_examples=20, deadline=None)
@given(DEEDS, st.randoms(use_true_random=False))
def test_bodies_that_come_late_or_never_are_as_if_not_said_yet(
    deeds: list[Deed], random: Random
) -> None:
    world, opening, done = play(deeds)
    late = {made.id for made in done if random.random() < 0.4}
    erased = {m.body.evidence for m in done if isinstance(m.body, DisputeErase)}
    node = world.fresh()
    for made in world.made.values():
        bare = RawRecord(made.raw.header, None, made.raw.signature)
        node.receive(bare if made.id in late else made.raw)
    without = [made for made in done if made.id not in late]
    assert case_at(node, opening.id) == expected(world, opening, without)
    for made in done:
        if made.id in late:
            assert node.receive(made.raw) in ("filled", "known")
    wanted = expected(world, opening, done)
    assert case_at(node, opening.id) == wanted
    assert {one.id for one in evidence_at(node, wanted)} == said_in(wanted, done)
    own = {m.id: m for m in done if m.id in erased}
    for made in own.values():
        raw = node.state.raw(ENTRY.must(node.state, made.id).number)
        by_author = {
            m.header.author
            for m in done
            if isinstance(m.body, DisputeErase) and m.body.evidence == made.id
        }
        is_evidence = isinstance(made.body, DisputeEvidence)
        assert raw is not None
        assert (raw.body is None) == (is_evidence and made.header.author in by_author)


def test_what_lies_beyond_a_cut_is_as_if_it_had_never_come() -> None:
    deeds = [Deed("o0", "take", 0, 0, 0), Deed("o0", "vote", 0, 0, 0), Deed("o0", "vote", 3, 0, 0)]
    world, opening, done = play(deeds)
    world.revoke(done[0], social=done[1])
    assert case_at(world.node, opening.id) == expected(world, opening, done[:2])


def test_an_erasure_beyond_a_cut_lets_the_text_be_found_again() -> None:
    world, opening, done = play([Deed("ada", "evidence", 0, 0, 0)])
    second = world.talker("ada")
    erasure = DisputeErase(dispute=opening.id, evidence=done[0].id, salt=SALT)
    made = world.on(second, erasure)
    case = case_at(world.node, opening.id)
    assert case is not None
    assert evidence_at(world.node, case) == []
    world.revoke(made, social=second)
    assert [key for key, _ in BODYLESS.scan(world.node.state, b"", None)] == [done[0].id]
    assert world.node.receive(done[0].raw) == "filled"
    assert [one.id for one in evidence_at(world.node, case)] == [done[0].id]


@pytest.mark.parametrize("target", ["somebody else's", "no evidence", "not held", "still erased"])
def test_an_erasure_without_effect_is_dropped_without_effect(target: str) -> None:
    world, opening, done = play([Deed("bo", "evidence", 0, 0, 0), Deed("ada", "evidence", 0, 0, 0)])
    evidence = {"somebody else's": done[0].id, "no evidence": opening.id, "not held": TRADE}
    body = DisputeErase(dispute=opening.id, evidence=evidence.get(target, done[1].id), salt=SALT)
    if target == "still erased":
        world.on(world.talker("ada"), body)
    second = world.talker("ada")
    made = world.on(second, body)
    case = case_at(world.node, opening.id)
    assert case is not None
    before = evidence_at(world.node, case)
    world.revoke(made, social=second)
    assert not ENTRY.has(world.node.state, made.id)
    assert evidence_at(world.node, case) == before
    assert list(BODYLESS.scan(world.node.state, b"", None)) == []


@pytest.mark.parametrize(
    ("to", "amount", "possible"),
    [
        ("nobody", 0, True),
        ("nobody", 1, False),
        ("payer", 0, False),
        ("payer", 1, True),
        ("payee", 100, True),
        ("payee", 101, False),
    ],
)
def test_an_outcome_moves_something_of_what_the_trade_was_about(
    to: To, amount: int, possible: bool
) -> None:
    assert disputes.is_possible(to, amount, TERMS) == possible


def test_openings_are_found_by_their_trade_whoever_made_them() -> None:
    world, opening, _ = play([])
    eve = world.on(world.talker("eve"), DisputeOpen(salt=SALT, trade=TRADE))
    other = world.on(eve, DisputeOpen(salt=SALT, trade=PAYMENTS[0]))
    state = world.node.state
    about = sorted((TRADE, made.id) for made in (opening, eve))
    assert list(disputes.openings(state, TRADE)) == about
    assert list(disputes.openings(state)) == [*about, (PAYMENTS[0], other.id)]
    world.revoke(eve)
    assert list(disputes.openings(state)) == [(TRADE, opening.id)]


def test_a_stranger_opens_nothing_and_erases_nothing() -> None:
    world, opening, done = play([Deed("ada", "evidence", 0, 0, 0), Deed("eve", "erase", 0, 0, 0)])
    eve = world.on(world.talker("eve"), DisputeOpen(salt=SALT, trade=TRADE))
    assert case_at(world.node, eve.id) is None
    case = case_at(world.node, opening.id)
    assert case is not None
    assert [one.id for one in evidence_at(world.node, case)] == [done[0].id]


def test_whoever_says_much_buries_only_themselves() -> None:
    deeds = [Deed("bo", "evidence", 0, 0, 0)] + [Deed("ada", "evidence", 1, 0, 0)] * 5
    world, opening, done = play(deeds)
    case = case_at(world.node, opening.id)
    assert case is not None
    shown = disputes.evidence_of(world.node.state, case, 2)
    assert [one.id for one in shown] == [done[0].id, done[4].id, done[5].id]
