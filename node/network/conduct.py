"""How peers behave, and when our patience with one ends.

Pure: time is an argument (seconds; the same clock throughout, so that bans survive a restart it
must be the wall clock). Rules: every offence costs points, points fade with time, and at the
limit the peer is cut off and banned, longer each time. An offence that is no malice (silence, a
slow line) only ends the connection; a node of another community is kept away, being of no use.
What is kept is bounded; a ban is handed to a store by the caller.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from node.protocol import limits


class Offence(StrEnum):
    """What a peer did. The words go into logs and into the list of bans."""

    GARBAGE = "garbage"  # bytes that no honest program sends
    SIGNATURE = "signature"  # a gossip message with a signature that does not verify
    RECORDS = "records"  # records that break a rule
    FLOOD = "flood"  # more than the budget, without a pause
    STREAMS = "streams"  # more streams than anybody needs
    PROTOCOL = "protocol"  # the sync engine blames it
    COMMUNITY = "community"  # keeps the records of another community
    SILENT = "silent"  # does not answer pings: half-open
    SLOW = "slow"  # does not take what we send
    FAULT = "fault"  # made a handler of ours fail: may be our own mistake


POINTS: Final[dict[Offence, float]] = {
    Offence.GARBAGE: 10,
    Offence.SIGNATURE: 4,
    Offence.RECORDS: 4,
    Offence.FLOOD: 10,
    Offence.STREAMS: 10,
    Offence.PROTOCOL: 10,
    Offence.COMMUNITY: 10,
    Offence.SILENT: 0,
    Offence.SLOW: 2,
    Offence.FAULT: 4,
}
# The connection ends at once, whatever the points say.
ENDS_CONNECTION: Final = frozenset({Offence.SILENT, Offence.SLOW, Offence.COMMUNITY})


@dataclass(frozen=True, slots=True)
class Ban:
    """A peer that may not connect until `until_s`; `times` is how often it has been banned."""

    peer: str
    until_s: float
    times: int
    reason: str

    def row(self) -> tuple[str, int, str]:
        """For a table of (peer, end in ms since 1970, why): the number stands behind the reason."""
        return self.peer, int(self.until_s * 1_000), f"{self.reason} {self.times}"

    @classmethod
    def of_row(cls, peer: str, until_ms: int, why: str) -> "Ban":
        """Back from a row; one that says no number counts as the first ban."""
        reason, _, times = why.rpartition(" ")
        if not times.isdecimal():
            reason, times = why, "1"
        return cls(peer, until_ms / 1_000, int(times), reason)


class BanStore(Protocol):
    """Where bans outlive the process. Both calls are quick: they run between two frames."""

    def load(self) -> Iterable[Ban]:
        """All bans kept, ended ones too as long as they shall count."""
        ...

    def save(self, ban: Ban) -> None:
        """Keep a ban in place of an older one of the same peer."""
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """What follows an offence. `ban` is new if set; `cut` says to end the connection now."""

    cut: bool
    ban: Ban | None


@dataclass(slots=True)
class _Record:
    points: float
    at: float
    counts: dict[Offence, int]


class Conduct:
    """The register of all peers' offences."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self._peers: dict[str, _Record] = {}
        self._bans: dict[str, Ban] = {ban.peer: ban for ban in bans}

    def blame(self, peer: str, offence: Offence, now: float, count: int = 1) -> Sentence:
        """Write down an offence, `count` times, and say what follows."""
        record = self._peers.get(peer)
        if record is None:
            self._make_room()
            record = self._peers[peer] = _Record(0.0, now, {})
        forgiven = (now - record.at) * limits.CONDUCT_FORGIVEN_PER_S
        record.points = max(0.0, record.points - max(0.0, forgiven)) + POINTS[offence] * count
        record.at = now
        record.counts[offence] = record.counts.get(offence, 0) + count
        if record.points < limits.CONDUCT_POINTS_MAX_COUNT:
            return Sentence(offence in ENDS_CONNECTION, None)
        record.points = 0.0
        if self.banned(peer, now):
            return Sentence(True, None)
        ban = self._ban(peer, offence, now)
        return Sentence(True, ban)

    def banned(self, peer: str, now: float) -> bool:
        """True while the peer may not connect."""
        ban = self._bans.get(peer)
        return ban is not None and now < ban.until_s

    def bans(self, now: float) -> list[Ban]:
        """The bans in force."""
        return [ban for ban in self._bans.values() if now < ban.until_s]

    def counts(self, peer: str) -> dict[Offence, int]:
        """Offences of a peer so far."""
        record = self._peers.get(peer)
        return dict(record.counts) if record else {}

    def pardon(self, peer: str) -> None:
        """Forget everything about a peer: the user named it himself."""
        self._bans.pop(peer, None)
        self._peers.pop(peer, None)

    def _ban(self, peer: str, offence: Offence, now: float) -> Ban:
        earlier = self._bans.get(peer)
        times = earlier.times + 1 if earlier else 1
        length = min(limits.BAN_FIRST_S * limits.BAN_FACTOR_COUNT ** (times - 1), limits.BAN_MAX_S)
        ban = Ban(peer, now + length, times, offence.value)
        if len(self._bans) >= limits.CONDUCT_PEERS_MAX_COUNT:
            self._bans.pop(min(self._bans.values(), key=lambda kept: kept.until_s).peer)
        self._bans[peer] = ban
        return ban

    def _make_room(self) -> None:
        if len(self._peers) >= limits.CONDUCT_PEERS_MAX_COUNT:
            self._peers.pop(min(self._peers, key=lambda peer: self._peers[peer].at))
