"""Fork proofs told by neighbours: checked, kept for ever, and minded before any record arrives.

Rules: a proof that does not hold is dropped, its sender may be blamed; one that holds makes this
home refuse to deal with the lane at once, whether or not the records themselves are held. One
against this very device means that the home was copied: signing stops. Proofs are no records and
enter no state root.
"""

from collections.abc import Sequence

from node.ledger import alerts
from node.protocol import forks, lanes
from node.protocol.crypto import record_id
from node.protocol.errors import RemoteFault
from node.protocol.forks import Fork
from node.protocol.ports import ForkProof
from node.protocol.record import parse_header
from node.protocol.shapes import CommunityId
from node.services.core import Committed, Core
from node.services.publish import COPIED_HOME
from node.storage.rows import Rows
from node.storage.state import WriterState


async def take(core: Core, proofs: Sequence[ForkProof], source: str) -> list[str]:
    """Keep the proofs that hold; returns the codes of those that do not."""
    faults: list[str] = []
    found: list[tuple[Fork, ForkProof]] = []
    for proof in proofs:
        try:
            found.append((forks.verify(proof, core.community), proof))
        except RemoteFault as fault:
            faults.append(fault.code)

    def job(state: WriterState) -> list[tuple[str, bytes]]:
        events: list[tuple[str, bytes]] = []
        for fork, proof in found:
            if state.fork_proofs.add(fork.lane_key, proof):
                events.append(("fork", fork.lane_key))
                if core.signer is not None and fork.lane_key[32:64] == core.signer.public_key:
                    strange = next((i for i in fork.ids if not lanes.ENTRY.has(state, i)), None)
                    record = bytes(strange or fork.ids[0])
                    state.settings.put(COPIED_HOME, record.hex())
                    events.append(("home.copied", record))
        for name, subject in events:
            state.tell(name, subject)
        return events

    if found:
        core.tell(Committed(source, (), tuple(await core.writer.run(job))))
    return faults


def lane_alerts(core: Core, reader: Rows, lane_key: bytes, chapter: int) -> set[str]:
    """Alerts on an account lane, with the forks that are known by proof alone."""
    found = alerts.alerts_on(reader, lane_key, core.rules, chapter)
    if reader.fork_proofs.get(lane_key) is not None:
        found.add("forked")
    return found


def lower_id(reader: Rows, lane_key: bytes, community: CommunityId) -> bytes | None:
    """The lower id of the fork of a lane that is known by its records or by a proof, or None."""
    row = lanes.FORK.get(reader, lane_key)
    if row is not None:
        return row.id_a
    proof = reader.fork_proofs.get(lane_key)
    if proof is None:
        return None
    return bytes(min(record_id(community, header) for header in (proof.header_a, proof.header_b)))


def fork_seq(reader: Rows, lane_key: bytes) -> int | None:
    """The seq from which a kept proof says that a lane is forked, or None without a proof."""
    proof = reader.fork_proofs.get(lane_key)
    return None if proof is None else parse_header(proof.header_a).seq
