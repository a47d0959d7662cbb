"""Fork proofs between neighbours: told once, ahead of other data, and not told back.

A proof is known by the lane and seq that it is about: two different proofs about one place say the
same. Rules: a proof that is no pair of different headers for one place is the sender's fault; its
signatures are verified by whoever keeps it.
"""

from collections.abc import Iterable

from node.protocol import limits
from node.protocol.crypto import sha256
from node.protocol.errors import Parting, RemoteFault
from node.protocol.messages import Message, Proof, Proofs
from node.protocol.ports import ForkProof, SyncSource
from node.protocol.record import parse_header
from node.protocol.state import u64


def place_of(proof: ForkProof) -> bytes | None:
    """Lane key and seq (65 + 8 bytes) of what a proof is about; None if it is no proof."""
    try:
        a, b = parse_header(proof.header_a), parse_header(proof.header_b)
    except RemoteFault:
        return None
    same_place = (a.lane_key, a.seq) == (b.lane_key, b.seq)
    return a.lane_key + u64(a.seq) if same_place and proof.header_a != proof.header_b else None


class ProofBook:
    """What two neighbours have told each other."""

    def __init__(self, source: SyncSource) -> None:
        self._source = source
        self._told: set[bytes] = set()
        self._taken = 0
        self._generation: int | None = None

    def _own(self) -> dict[bytes, ForkProof]:
        """The first PROOFS_SESSION_MAX_COUNT proofs of the source, by place."""
        known: dict[bytes, ForkProof] = {}
        for proof in self._source.fork_proofs()[: limits.PROOFS_SESSION_MAX_COUNT]:
            place = place_of(proof)
            if place is not None:
                known[place] = proof
        return known

    def digest(self) -> bytes:
        """Sixteen bytes that are the same on two nodes that know proofs about the same places."""
        return sha256(*sorted(self._own()))[:16]

    def all_unless(self, digest: bytes) -> list[Message]:
        """Messages with all proofs, or none when the neighbour has the same (its `digest` says)."""
        own = self._own()
        self._generation = self._source.proofs_generation()
        if sha256(*sorted(own))[:16] == digest:
            self._told.update(own)
        return self._messages(own.items())

    def news(self) -> list[Message]:
        """Messages with the proofs that came since."""
        generation = self._source.proofs_generation()
        if generation == self._generation:
            return []
        self._generation = generation
        return self._messages(self._own().items())

    def _messages(self, proofs: Iterable[tuple[bytes, ForkProof]]) -> list[Message]:
        new = [(place, proof) for place, proof in proofs if place not in self._told]
        new = new[: max(0, limits.PROOFS_SESSION_MAX_COUNT - len(self._told))]
        self._told.update(place for place, _ in new)
        rows = [
            Proof(one.header_a, one.signature_a, one.header_b, one.signature_b) for _, one in new
        ]
        step = limits.PROOFS_MESSAGE_MAX_COUNT
        return [Proofs(rows[n : n + step]) for n in range(0, len(rows), step)]

    def take(self, message: Proofs) -> list[ForkProof]:
        """Proofs told by the neighbour. Raises RemoteFault `frame` or `flood`."""
        self._taken += len(message.proofs)
        if self._taken > limits.PROOFS_SESSION_MAX_COUNT:
            raise RemoteFault(Parting.FLOOD, "proofs")
        proofs = [row.plain() for row in message.proofs]
        for proof in proofs:
            place = place_of(proof)
            if place is None:
                raise RemoteFault(Parting.FRAME, "no proof of a fork")
            self._told.add(place)
        return proofs
