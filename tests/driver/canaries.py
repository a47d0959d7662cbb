"""Seeded bugs of the network layer that a virtual day must find."""

from node.network.conduct import Conduct
from node.network.host import Host
from node.network.neighbours import Neighbours
from node.network.network import _Parts
from node.network.peers import PeerBook
from node.network.sync import Sync
from tests.support.canaries import Canary

CANARIES = (
    Canary(
        "whoever could not be reached once is never dialled again",
        PeerBook.failed,
        "entry.next_try_at = now + self._wait(entry)",
        "entry.next_try_at = float('inf')",
    ),
    Canary(
        "who cannot be reached is dialled each second",
        PeerBook._wait,
        "2 ** min(entry.failures - 1, 16)",
        "1",
    ),
    Canary(
        "a conversation that broke off is not taken up again",
        Sync.tend,
        "while True:",
        "for _ in range(1):",
    ),
    Canary("a ban never ends", Conduct.banned, "now < ban.until_s", "True"),
    Canary(
        "a neighbour that fell silent is kept",
        Neighbours.watch,
        "self._host.guard.blame(link.peer, Offence.SILENT)",
        "pass",
    ),
    Canary(
        "a link that has ended is still looked after",
        _Parts._tend,
        "nursery.cancel_scope.cancel()",
        "pass",
    ),
    Canary(
        "a link that has ended is still shown",
        Host._went,
        "del self._links[peer]",
        "pass",
    ),
)
