"""How much may be asked: of each token, and by whoever comes without a good one.

How: a bucket for each client that fills at a steady rate and is emptied by requests, so that a page
may open with a burst and a loop that went wild is slowed down. Clients that were quiet long enough
for their bucket to be full are forgotten.

Rules: the owner of the home never comes near the limit. A valid token is looked at first and never
refused for what others on the same machine got wrong: nobody can lock the owner out. A pairing code
is short, so there the tries are counted before the code is looked at.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.protocol import limits
from node.protocol.errors import LocalFault


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, then `per_s` a second."""

    per_s: float
    burst: int


OWNER: Final = Rate(limits.OWNER_REQUESTS_PER_S, limits.OWNER_REQUESTS_BURST_COUNT)
CLIENT: Final = Rate(limits.CLIENT_REQUESTS_PER_S, limits.CLIENT_REQUESTS_BURST_COUNT)
FAILED: Final = Rate(limits.FAILED_TOKENS_PER_S, limits.FAILED_TOKENS_BURST_COUNT)
LAN_FAILED: Final = Rate(limits.LAN_FAILED_TOKENS_PER_S, limits.LAN_FAILED_TOKENS_BURST_COUNT)
PAIRING: Final = Rate(limits.PAIRING_TRIES_PER_S, limits.PAIRING_TRIES_BURST_COUNT)
PAIRING_ALL: Final = Rate(4 * PAIRING.per_s, 4 * PAIRING.burst)


class Rates:
    """The buckets of all clients, by a rate and a name of the client."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds."""
        self._clock = clock
        self._buckets: dict[tuple[Rate, bytes], tuple[float, float]] = {}  # what is in it, when

    def take(self, rate: Rate, client: bytes) -> None:
        """Count a request. Raises LocalFault too-many-requests (values: seconds)."""
        now, key = self._clock(), (rate, client)
        held, since = self._buckets.get(key, (float(rate.burst), now))
        held = min(rate.burst, held + (now - since) * rate.per_s)
        if held < 1:
            raise LocalFault("too-many-requests", seconds=math.ceil((1 - held) / rate.per_s))
        if key not in self._buckets and len(self._buckets) >= limits.RATES_KEPT_MAX_COUNT:
            self._forget(now)
        self._buckets[key] = (held - 1, now)

    def _forget(self, now: float) -> None:
        """Those that are full again; where all are at work, the one that was quiet longest."""
        for (rate, client), (held, since) in list(self._buckets.items()):
            if held + (now - since) * rate.per_s >= rate.burst:
                del self._buckets[rate, client]
        if len(self._buckets) >= limits.RATES_KEPT_MAX_COUNT:
            del self._buckets[min(self._buckets, key=lambda key: self._buckets[key][1])]
