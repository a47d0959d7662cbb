"""Fork proofs (R35): two signed headers at one place, verifiable alone, for ever.

Rules: a proof names no verdict and needs no other record; whoever holds it refuses to deal with the
lane. Headers stand in order of id, so that one pair makes one proof.
"""

from node.protocol import crypto
from node.protocol.errors import Reject, RemoteFault
from node.protocol.ports import ForkProof
from node.protocol.record import parse_header


def check(proof: ForkProof, community: bytes) -> tuple[bytes, int]:
    """(lane key, forked seq) that a proof shows.

    Raises RemoteFault: `size`, `encoding`, ... of a header, `fork-proof` if they do not conflict,
    `signature`.
    """
    a, b = parse_header(proof.header_a), parse_header(proof.header_b)
    id_a = crypto.record_id(community, proof.header_a)
    id_b = crypto.record_id(community, proof.header_b)
    if a.lane_key != b.lane_key or a.seq != b.seq or not id_a < id_b:
        raise RemoteFault(Reject.FORK_PROOF)
    for record, signature in ((id_a, proof.signature_a), (id_b, proof.signature_b)):
        if not crypto.verify(a.signer, crypto.record_message(record), signature):
            raise RemoteFault(Reject.SIGNATURE)
    return a.lane_key, a.seq
