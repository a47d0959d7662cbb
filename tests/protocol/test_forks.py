"""Fork proofs: broken ones never raise anything but a RemoteFault, and none is made by luck."""

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from node.protocol import forks
from node.protocol.errors import Reject, RemoteFault
from node.protocol.ports import ForkProof
from node.protocol.shapes import CommunityId
from tests.protocol.strategies import mutated
from tests.vectors import load

VALID = next(case for case in load.cases("forks") if case["expect"] == "ok")
COMMUNITY = CommunityId(bytes.fromhex(VALID["community"]))
NAMES = ("header_a", "signature_a", "header_b", "signature_b")
PROOF = ForkProof(*(bytes.fromhex(VALID[name]) for name in NAMES))


def outcome(proof: ForkProof) -> str:
    """`ok` or the code."""
    try:
        forks.verify(proof, COMMUNITY)
    except RemoteFault as fault:
        return fault.code
    return "ok"


@given(st.sampled_from(range(4)), st.data())
def test_no_bit_of_a_proof_is_free(part: int, data: st.DataObject) -> None:
    parts = list(astuple(PROOF))
    parts[part] = data.draw(mutated(st.just(parts[part])))
    assert (outcome(ForkProof(*parts)) == "ok") is (parts == list(astuple(PROOF)))


@given(st.binary(max_size=330), st.binary(max_size=70))
def test_noise_proves_nothing(header: bytes, signature: bytes) -> None:
    assert outcome(ForkProof(header, signature, header, signature)) in {str(r) for r in Reject}


def test_a_proof_reads_the_same_from_both_sides() -> None:
    turned = ForkProof(PROOF.header_b, PROOF.signature_b, PROOF.header_a, PROOF.signature_a)
    assert forks.verify(turned, COMMUNITY) == forks.verify(PROOF, COMMUNITY)
