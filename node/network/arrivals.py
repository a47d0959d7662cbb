"""Who may come in: inbound connections by number, by IP address, and by unfinished handshakes.

Pure: time is an argument. Rules: a quarter of the places is kept for connections that we dial, so
that strangers cannot shut us in (eclipse); one IP address gets a burst and then a trickle,
because a new host key costs nothing; handshakes under way are few, because they cost CPU before
anybody has a name, and fewer from one address, so that one house cannot keep all others out by
never finishing.
"""

from collections import Counter

from node.network.budget import Bucket
from node.protocol import limits

_ADDRESSES_MAX_COUNT = 4_096  # IP addresses remembered; each is a bucket that refills in 16 s


class Arrivals:
    """The doorkeeper. Each `admit` that says yes is followed by one `handshake_done`."""

    def __init__(self, connections_max: int) -> None:
        self._inbound_max = connections_max - connections_max // 4
        self._buckets: dict[str, Bucket] = {}
        self._handshakes = 0
        self._unfinished: Counter[str] = Counter()  # handshakes by address; no zeros

    def admit(self, host: str, connections: int, now: float) -> bool:
        """May a connection from this IP address begin its handshake, at this number of others?"""
        if connections + self._handshakes >= self._inbound_max:
            return False
        if self._handshakes >= limits.HANDSHAKES_MAX_COUNT:
            return False
        if self._unfinished[_group(host)] >= limits.HANDSHAKES_PER_ADDRESS_MAX_COUNT:
            return False
        bucket = self._buckets.get(_group(host))
        if bucket is None:
            if len(self._buckets) >= _ADDRESSES_MAX_COUNT:
                self._forget(now)
            bucket = self._buckets[_group(host)] = Bucket(
                limits.ARRIVALS_PER_S, limits.ARRIVALS_BURST_COUNT, filled_at=now
            )
        if not bucket.try_pay(1, now):
            return False
        self._handshakes += 1
        self._unfinished[_group(host)] += 1
        return True

    def handshake_done(self, host: str) -> None:
        """A handshake with this IP address has ended, well or not."""
        self._handshakes -= 1
        self._unfinished[_group(host)] -= 1
        if not self._unfinished[_group(host)]:
            del self._unfinished[_group(host)]

    def _forget(self, now: float) -> None:
        """Drop the older half; whoever is in it and floods comes to its limit again at once."""
        by_age = sorted(self._buckets, key=lambda host: self._buckets[host].filled_at)
        for host in by_age[: len(by_age) // 2]:
            del self._buckets[host]


def _group(host: str) -> str:
    """IPv6 homes own a /64 each: the first four groups stand for the house."""
    return ":".join(host.split(":")[:4]) if ":" in host else host
