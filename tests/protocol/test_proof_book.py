"""Fork proofs between neighbours: each place is told once, and equal knowledge has one digest."""

import random
from collections.abc import Sequence

import pytest

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.messages import Message, Proof, Proofs
from node.protocol.ports import ForkProof
from node.protocol.proofs import ProofBook, place_of
from tests.support.sync_source import DictSource, LaneMaker


def proof(name: str, seq: int = 1) -> ForkProof:
    """Of a fork at `seq` of somebody's lane."""
    maker = LaneMaker(name)
    trunk = maker.run(seq + 1)
    other = maker.run(1, "other", trunk[seq - 1])[0]
    a, b = trunk[seq].raw, other.raw
    return ForkProof(a.header, a.signature, b.header, b.signature)


PROOFS = [proof(f"member {n}") for n in range(limits.PROOFS_MESSAGE_MAX_COUNT + 3)]


def book_of(proofs: list[ForkProof]) -> tuple[DictSource, ProofBook]:
    source = DictSource()
    source.proofs = list(proofs)
    return source, ProofBook(source)


def rows_of(messages: Sequence[Message]) -> list[list[Proof]]:
    """What each of these messages tells; all are of proofs."""
    found = [message.proofs for message in messages if isinstance(message, Proofs)]
    assert len(found) == len(messages)
    return found


def told(messages: Sequence[Message]) -> list[ForkProof]:
    return [one.plain() for rows in rows_of(messages) for one in rows]


def row(one: ForkProof) -> Proof:
    return Proof(one.header_a, one.signature_a, one.header_b, one.signature_b)


def test_the_same_places_have_one_digest_in_whatever_order_they_became_known() -> None:
    mixed = list(PROOFS)
    random.Random(1).shuffle(mixed)
    digest = book_of(PROOFS)[1].digest()
    assert book_of(mixed)[1].digest() == digest
    assert book_of(PROOFS[1:])[1].digest() != digest
    swapped = [ForkProof(p.header_b, p.signature_b, p.header_a, p.signature_a) for p in mixed]
    assert book_of(swapped)[1].digest() == digest
    assert len(digest) == 16


def test_whoever_knows_the_same_is_told_nothing_and_others_everything_once() -> None:
    source, book = book_of(PROOFS)
    assert book.all_unless(book_of(PROOFS[::-1])[1].digest()) == []
    assert book.news() == []
    source.proofs.append(proof("late"))
    assert told(book.news()) == source.proofs[-1:]
    assert book.news() == []

    source, book = book_of(PROOFS)
    messages = book.all_unless(bytes(16))
    assert told(messages) == PROOFS
    assert [len(rows) for rows in rows_of(messages)] == [limits.PROOFS_MESSAGE_MAX_COUNT, 3]
    assert book.news() == []


def test_what_the_neighbour_told_is_not_told_back() -> None:
    source, book = book_of([])
    assert book.all_unless(bytes(16)) == []
    taken = book.take(Proofs([row(PROOFS[0])]))
    assert taken == PROOFS[:1]
    source.proofs += PROOFS[:2]
    assert told(book.news()) == PROOFS[1:2]


def test_a_place_is_a_lane_and_a_seq_with_two_headers() -> None:
    one = PROOFS[0]
    assert place_of(one) == LaneMaker("member 0").lane_key + (1).to_bytes(8, "big")
    assert place_of(proof("member 0", 2)) == LaneMaker("member 0").lane_key + (2).to_bytes(8, "big")
    assert place_of(ForkProof(one.header_a, b"", one.header_a, b"")) is None
    assert place_of(ForkProof(one.header_a, b"", PROOFS[1].header_b, b"")) is None
    assert place_of(ForkProof(one.header_a, b"", proof("member 0", 2).header_b, b"")) is None
    assert place_of(ForkProof(b"", b"", one.header_b, b"")) is None


def test_no_proof_and_too_many_are_faults() -> None:
    _, book = book_of([])
    one = PROOFS[0]
    with pytest.raises(RemoteFault) as fault:
        book.take(Proofs([row(ForkProof(one.header_a, bytes(64), one.header_a, bytes(64)))]))
    assert fault.value.code == Parting.FRAME
    whole = Proofs([row(one)] * limits.PROOFS_MESSAGE_MAX_COUNT)
    _, book = book_of([])
    times, rest = divmod(limits.PROOFS_SESSION_MAX_COUNT, limits.PROOFS_MESSAGE_MAX_COUNT)
    for _ in range(times):
        book.take(whole)
    if rest:
        book.take(Proofs([row(one)] * rest))
    with pytest.raises(RemoteFault) as fault:
        book.take(Proofs([row(one)]))
    assert fault.value.code == Parting.FLOOD


def test_a_session_tells_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROOFS_SESSION_MAX_COUNT", 5)
    source, book = book_of(PROOFS[:4])
    assert told(book.all_unless(bytes(16))) == PROOFS[:4]
    source.proofs = PROOFS[4:]
    assert told(book.news()) == PROOFS[4:5]
    source.proofs = PROOFS[3:]
    assert book.news() == []
