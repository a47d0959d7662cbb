"""How much a peer may cost us: token buckets over bytes, frames, records and messages.

Pure: time is an argument (seconds, monotonic). Rules: what arrived is always paid for, so a
bucket may fall below zero; the caller then waits, which reaches the sender as back-pressure. Who
never leaves room for the bucket to recover is flooding. What a flood costs the peer is decided in
`conduct`.
"""

from dataclasses import dataclass

from node.protocol import limits


@dataclass(slots=True)
class Bucket:
    """`rate` tokens a second, at most `burst` of them saved up."""

    rate: float
    burst: float
    level: float = 0.0
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.burst

    def _refill(self, now: float) -> None:
        self.level = min(self.burst, self.level + (now - self.filled_at) * self.rate)
        self.filled_at = now

    def pay(self, amount: float, now: float) -> float:
        """Take `amount`, whatever is there; seconds to wait until the debt is gone (0: none)."""
        self._refill(now)
        self.level -= amount
        return max(0.0, -self.level / self.rate)

    def try_pay(self, amount: float, now: float) -> bool:
        """Take `amount` if all of it is there."""
        self._refill(now)
        if self.level < amount:
            return False
        self.level -= amount
        return True


@dataclass(slots=True)
class Throttle:
    """A bucket whose payer is slowed down first and called a flood when that does not help."""

    bucket: Bucket
    patience_s: float = limits.FLOOD_PATIENCE_S
    in_debt_since: float | None = None

    def pay(self, amount: float, now: float) -> float:
        """Seconds to wait before reading on."""
        wait = self.bucket.pay(amount, now)
        if wait > 0:
            if self.in_debt_since is None:
                self.in_debt_since = now
        elif self.bucket.level >= self.bucket.burst / 2:
            self.in_debt_since = None
        return wait

    def flooded(self, now: float) -> bool:
        """True once the bucket has not recovered to its half for longer than the patience."""
        return self.in_debt_since is not None and now - self.in_debt_since >= self.patience_s


class PeerBudget:
    """All buckets of one connection, and what it has brought so far."""

    def __init__(self) -> None:
        self.bytes_ = _throttle(limits.PEER_BYTES_PER_S, limits.PEER_BYTES_BURST_BYTES)
        self.segments = _throttle(limits.PEER_SEGMENTS_PER_S, limits.PEER_SEGMENTS_BURST_COUNT)
        self.frames = _throttle(limits.PEER_FRAMES_PER_S, limits.PEER_FRAMES_BURST_COUNT)
        self.records = _throttle(limits.PEER_RECORDS_PER_S, limits.PEER_RECORDS_BURST_COUNT)
        self.asks = _throttle(limits.PICTURE_ASKS_PER_S, limits.PICTURE_ASKS_BURST_COUNT)
        self.given = Bucket(limits.PICTURE_GIVEN_PER_S, limits.PICTURE_GIVEN_BURST_BYTES)
        self.streams = Bucket(limits.STREAMS_PER_S, limits.STREAMS_BURST_COUNT)
        self.messages = Bucket(limits.GOSSIP_MESSAGES_PER_S, limits.GOSSIP_MESSAGES_BURST_COUNT)
        self.hints = Bucket(limits.GOSSIP_BYTES_PER_S, limits.GOSSIP_BYTES_BURST_BYTES)
        self.messages_flood = Bucket(limits.GOSSIP_FLOOD_PER_S, limits.GOSSIP_FLOOD_BURST_COUNT)
        self.bytes_in = 0
        self.bytes_out = 0

    def received(self, amount_bytes: int, now: float) -> float:
        """Count one read from the connection; seconds to wait before the next."""
        self.bytes_in += amount_bytes
        return max(self.bytes_.pay(amount_bytes, now), self.segments.pay(1, now))

    def flooded(self, now: float) -> bool:
        """True when any throttle has lost its patience."""
        return any(
            throttle.flooded(now)
            for throttle in (self.bytes_, self.segments, self.frames, self.records)
        )


def _throttle(rate: float, burst: float) -> Throttle:
    return Throttle(Bucket(rate, burst))
