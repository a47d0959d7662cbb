"""Fork proofs told by neighbours: checked, kept for ever, and minded before any record arrives.

Rules: a proof that does not hold is dropped, its sender may be blamed; one that holds makes this
home refuse to deal with the lane at once, whether or not the records themselves are held. Proofs
are no records and enter no state root.
"""

from collections.abc import Sequence

from node.ledger import alerts
from node.protocol import forks
from node.protocol.errors import RemoteFault
from node.protocol.ports import ForkProof
from node.services.core import Committed, Core
from node.storage.rows import Rows
from node.storage.state import WriterState


async def take(core: Core, proofs: Sequence[ForkProof], source: str) -> list[str]:
    """Keep the proofs that hold; returns the codes of those that do not."""
    faults: list[str] = []
    found: list[tuple[bytes, ForkProof]] = []
    for proof in proofs:
        try:
            found.append((forks.verify(proof, core.community).lane_key, proof))
        except RemoteFault as fault:
            faults.append(fault.code)

    def job(state: WriterState) -> list[tuple[str, bytes]]:
        news = [lane_key for lane_key, proof in found if state.fork_proofs.add(lane_key, proof)]
        for lane_key in news:
            state.events.add("fork", lane_key, core.clock())
        return [("fork", lane_key) for lane_key in news]

    if found:
        core.tell(Committed(source, (), tuple(await core.writer.run(job))))
    return faults


def lane_alerts(core: Core, reader: Rows, lane_key: bytes, chapter: int) -> set[str]:
    """Alerts on an account lane, with the forks that are known by proof alone."""
    found = alerts.alerts_on(reader, lane_key, core.rules, chapter)
    if reader.fork_proofs.get(lane_key) is not None:
        found.add("forked")
    return found
