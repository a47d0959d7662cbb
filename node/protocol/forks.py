"""Fork proofs (R35): two headers that one key signed at one place of one lane.

Rules: a proof convinces alone and for ever; it needs no other record, and whoever brings it proves
nothing about themselves. It is a message, not a record. What a fork means is `node.ledger.alerts`'.
"""

from dataclasses import dataclass

from node.protocol import crypto, limits
from node.protocol.errors import Reject, RemoteFault
from node.protocol.ports import ForkProof
from node.protocol.record import parse_header
from node.protocol.shapes import CommunityId, RecordId


@dataclass(frozen=True, slots=True)
class Fork:
    """What a proof proves: this lane (65 bytes) has both records at this seq."""

    lane_key: bytes
    seq: int
    ids: tuple[RecordId, RecordId]  # ascending


def verify(proof: ForkProof, community: CommunityId) -> Fork:
    """Check a proof completely.

    Raises RemoteFault: `size`, what `parse_header` raises, `shape` when the headers are no fork,
    `signature`.
    """
    if max(len(proof.header_a), len(proof.header_b)) > limits.HEADER_SIZE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "header")
    first, second = parse_header(proof.header_a), parse_header(proof.header_b)
    if (first.lane_key, first.seq) != (second.lane_key, second.seq):
        raise RemoteFault(Reject.SHAPE, "two places")
    found: list[RecordId] = []
    for header, signature in (
        (proof.header_a, proof.signature_a),
        (proof.header_b, proof.signature_b),
    ):
        record = crypto.record_id(community, header)
        if not crypto.verify(first.signer, crypto.record_message(record), signature):
            raise RemoteFault(Reject.SIGNATURE, "fork proof")
        found.append(RecordId(record))
    low, high = sorted(found)
    if low == high:
        raise RemoteFault(Reject.SHAPE, "one record twice")
    return Fork(first.lane_key, first.seq, (low, high))
