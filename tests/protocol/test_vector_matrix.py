"""No cell of the tables of kinds and codes is without a vector, and no vector fills a cell of none.

Rule: what a kind can get stands here by hand, from sections 8 to 12 of docs/protocol.md; what must
be held is read from the tables of section 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from node.protocol.errors import Reject, Void
from node.protocol.identity import Lane
from node.protocol.record import ERASABLE_LANES, LANE_OF_KIND, OPENING_KIND
from tests.protocol.second_reader import TABLES, unpack
from tests.vectors import load

DEBIT = {Void.GRANT, Void.GRANT_LANE, Void.GRANT_STALE, Void.OVER_LIMIT, Void.REFUND_EXCEEDS}
ACT = {Void.NOT_OFFICER, Void.UNKNOWN_CHAPTER, Void.APPROVALS, Void.SUPERSEDES}
VOIDS: dict[str, set[Void]] = {
    "device.add": {Void.KEY_REUSED},
    "account.open": {Void.UNKNOWN_CHAPTER, Void.QUORUM, Void.CARRY},
    "trade.propose": {Void.NO_OPEN, Void.PARTIES, Void.REFUND_TERMS, *DEBIT},
    "trade.accept": {Void.NO_OPEN, Void.PROPOSE_VOID, Void.TRADE_STATE, *DEBIT},
    "trade.decline": {Void.NO_OPEN, Void.PROPOSE_VOID, Void.TRADE_STATE},
    "trade.settle": {Void.NO_OPEN, Void.TRADE_STATE},
    "trade.release": {Void.NO_OPEN, Void.TRADE_STATE},
    "account.claim": {Void.NO_OPEN, Void.CLAIM_BAD, Void.CLAIM_UNSECURED},
    "rating.give": {Void.NO_OPEN, Void.RATING},
    "office.open": {Void.NOT_OFFICER},
    "office.approve": {Void.NOT_OFFICER},
    "office.propose": {Void.NOT_OFFICER, Void.UNKNOWN_CHAPTER},
    "member.admit": ACT,
    "member.suspend": ACT,
    "chapter.policy": ACT,
    "chapter.close": ACT,
    "credit.grant": {*ACT, Void.GRANT_OPEN, Void.GRANT_WITNESSES, Void.LIMIT_MAX},
    "witness.stamp": {Void.STAMP},
}
NOT_OF_RECORDS = {  # codes that no record gets: the file of vectors of what gets them
    Reject.COMMUNITY: "exports",  # a file that says another community than its genesis
    Reject.OTHER_SET: "parts",  # a scanned part that does not belong to those before it
}


@dataclass(frozen=True, slots=True)
class Step:
    """A record offered in a history; `held` are the lanes of the records held by then, by id."""

    expect: str
    kind: str
    lane: int
    prev: bytes | None
    body: dict[str, Any] | None
    held: dict[bytes, int]

    def needed(self) -> Iterator[tuple[str, bytes]]:
        """(field, id) of what must be held first."""
        for field, _, ref in TABLES[self.kind]:
            if ref == "needs" and self.body is not None:
                yield from ((field, found) for found in ids_in(self.body[field]))


def ids_in(value: Any) -> Iterator[bytes]:
    """All ids in the value of a field."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from ids_in(item)


def steps() -> Iterator[Step]:
    """Of all histories. Bytes that are no record stand in none of them."""
    for case in (c for n in load.names() if n.startswith("history_") for c in load.cases(n)):
        held = dict[bytes, int]()
        for step in case["steps"]:
            _, kind, _, _, lane, _, prev, *_ = unpack(load.data(step["header"]))
            body = None if step["body"] is None else unpack(load.data(step["body"]))
            yield Step(load.expectation(step), kind, lane, prev, body, dict(held))
            if step["expect"] in ("ok", "void"):
                held[bytes.fromhex(step["id"])] = lane


STEPS = list(steps())
NEEDS = {(kind, field) for kind in LANE_OF_KIND for field, _, ref in TABLES[kind] if ref == "needs"}


def test_every_kind_has_an_effect_in_some_history() -> None:
    assert {step.kind for step in STEPS if step.expect == "ok"} == set(LANE_OF_KIND)


def test_every_kind_is_void_for_every_reason_that_it_can_be() -> None:
    found = {(step.kind, step.expect) for step in STEPS if step.expect.startswith("void ")}
    assert found == {(kind, f"void {code}") for kind, codes in VOIDS.items() for code in codes}
    assert {code for codes in VOIDS.values() for code in codes} == set(Void)


def test_whatever_a_kind_needs_is_waited_for() -> None:
    waited = {
        (step.kind, field)
        for step in STEPS
        if step.expect == "defer"
        for field, named in step.needed()
        if named not in step.held
    }
    assert waited == NEEDS


def test_whatever_a_kind_needs_may_not_stand_where_records_vanish() -> None:
    refused = {
        (step.kind, field)
        for step in STEPS
        if step.expect == "reject shape"
        for field, named in step.needed()
        if step.held.get(named) in ERASABLE_LANES
    }
    assert refused == NEEDS


def test_a_predecessor_is_waited_for_and_must_fit_on_every_lane() -> None:
    waited = {s.lane for s in STEPS if s.expect == "defer" and s.prev and s.prev not in s.held}
    assert waited == set(Lane)
    assert {step.lane for step in STEPS if step.expect == "reject chain"} == set(Lane)


def test_every_lane_is_opened_by_a_stranger_somewhere() -> None:
    refused = {step.kind for step in STEPS if step.expect == "reject not-authorised"}
    assert refused == set(OPENING_KIND.values()) - {"identity.create"}


def test_cuts_keep_out_records_of_both_lanes_that_they_can() -> None:
    assert {step.lane for step in STEPS if step.expect == "reject revoked"} == set(ERASABLE_LANES)


def test_every_code_of_bytes_is_in_the_cases_of_records() -> None:
    of_records = {load.expectation(case) for case in load.cases("records")}
    of_state = {Reject.CHAIN, Reject.NOT_AUTHORISED, Reject.REVOKED}
    assert of_records >= {f"reject {code}" for code in set(Reject) - set(NOT_OF_RECORDS) - of_state}
    for code, name in NOT_OF_RECORDS.items():
        assert f"reject {code}" in {load.expectation(case) for case in load.cases(name)}
