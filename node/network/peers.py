"""Whom to dial, and when: the book of known peers and its decisions.

Pure: time (seconds) and chance (a function giving 0 to 1) are arguments. Rules: peers that the
user named are redialled for ever; learned and found ones only while neighbours are few, and are
forgotten after some failures in a row. Waiting doubles with each failure and carries jitter, so
that nobody dials in step after a power cut. The book is bounded: a flood of learned addresses
cannot push out what was given or what has worked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from node.network.addresses import PeerAddress
from node.protocol import limits


class Origin(IntEnum):
    """How an address came to us; greater is kept longer."""

    LEARNED = 0  # a neighbour told us
    FOUND = 1  # heard on the local network
    KEPT = 2  # worked in an earlier run
    GIVEN = 3  # named by the user or an invitation


@dataclass(slots=True)
class Entry:
    """What the book says of a peer."""

    peer: str
    origin: Origin
    addresses: list[PeerAddress] = field(default_factory=list[PeerAddress])
    failures: int = 0
    next_try_at: float = 0.0
    worked_at: float | None = None
    turn: int = 0

    def address(self) -> PeerAddress:
        """The address whose turn it is."""
        return self.addresses[self.turn % len(self.addresses)]


class PeerBook:
    """Known peers of other people's nodes; our own id is never in it."""

    def __init__(self, own: str, chance: Callable[[], float]) -> None:
        self._own = own
        self._chance = chance
        self._entries: dict[str, Entry] = {}

    def add(self, address: PeerAddress, origin: Origin, now: float) -> bool:
        """Note an address; True if it is new and kept. A given address is due at once."""
        if address.peer == self._own:
            return False
        entry = self._entries.get(address.peer)
        if entry is None:
            if len(self._entries) >= limits.BOOK_PEERS_MAX_COUNT and not self._make_room(origin):
                return False
            entry = self._entries[address.peer] = Entry(address.peer, origin, next_try_at=now)
        entry.origin = max(entry.origin, origin)
        if origin == Origin.GIVEN:
            entry.failures, entry.next_try_at = 0, min(entry.next_try_at, now)
        if address in entry.addresses:
            return False
        if len(entry.addresses) >= limits.BOOK_ADDRESSES_PER_PEER_MAX_COUNT:
            if origin < entry.origin:
                return False
            entry.addresses.pop()
        entry.addresses.insert(0 if origin >= Origin.FOUND else len(entry.addresses), address)
        return True

    def due(self, connected: Iterable[str], now: float) -> list[PeerAddress]:
        """Addresses to dial now, best first, at most DIALS_AT_ONCE_MAX_COUNT."""
        here = set(connected)
        missing = limits.NEIGHBOURS_TARGET_COUNT - len(here)
        ready = [
            entry
            for entry in self._entries.values()
            if entry.addresses and entry.peer not in here and entry.next_try_at <= now
        ]
        ready.sort(key=lambda entry: (-entry.origin, entry.failures, entry.next_try_at))
        chosen: list[PeerAddress] = []
        for entry in ready[: limits.DIALS_AT_ONCE_MAX_COUNT]:
            if entry.origin == Origin.GIVEN or len(chosen) < missing:
                chosen.append(entry.address())
        return chosen

    def next_due_at(self, connected: Iterable[str]) -> float | None:
        """When the earliest peer that is not connected may be dialled; None if there is none."""
        here = set(connected)
        few = len(here) < limits.NEIGHBOURS_TARGET_COUNT
        times = [
            entry.next_try_at
            for entry in self._entries.values()
            if entry.addresses and entry.peer not in here and (few or entry.origin == Origin.GIVEN)
        ]
        return min(times, default=None)

    def worked(self, address: PeerAddress, now: float) -> None:
        """A dial succeeded: this address comes first from now on."""
        entry = self._entries.get(address.peer)
        if entry is None:
            return
        entry.failures, entry.worked_at, entry.turn = 0, now, 0
        entry.next_try_at = now + limits.REDIAL_FIRST_S
        if address in entry.addresses:
            entry.addresses.remove(address)
        entry.addresses.insert(0, address)

    def failed(self, peer: str, now: float) -> None:
        """A dial failed: wait longer, try the next address, forget whom nobody vouched for."""
        entry = self._entries.get(peer)
        if entry is None:
            return
        entry.failures += 1
        entry.turn += 1
        if entry.failures >= limits.REDIAL_FORGET_COUNT and entry.origin < Origin.KEPT:
            del self._entries[peer]
            return
        entry.next_try_at = now + self._wait(entry)

    def lost(self, peer: str, now: float) -> None:
        """A connection ended: dial again soon, not at once."""
        entry = self._entries.get(peer)
        if entry is not None:
            entry.next_try_at = max(entry.next_try_at, now + self._jitter(limits.REDIAL_FIRST_S))

    def put_off(self, peer: str, until: float) -> None:
        """Do not dial before `until`: the peer is banned."""
        entry = self._entries.get(peer)
        if entry is not None:
            entry.next_try_at = max(entry.next_try_at, until)

    def proven(self) -> list[PeerAddress]:
        """Addresses that have worked, the latest first: what is worth telling and keeping."""
        worked = [entry for entry in self._entries.values() if entry.worked_at is not None]
        worked.sort(key=lambda entry: -(entry.worked_at or 0.0))
        return [entry.addresses[0] for entry in worked]

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, peer: object) -> bool:
        return peer in self._entries

    def _wait(self, entry: Entry) -> float:
        top = limits.REDIAL_GIVEN_MAX_S if entry.origin == Origin.GIVEN else limits.REDIAL_MAX_S
        doubled = limits.REDIAL_FIRST_S * 2 ** min(entry.failures - 1, 16)
        return self._jitter(min(doubled, top))

    def _jitter(self, seconds: float) -> float:
        return seconds * (1 + limits.REDIAL_JITTER_SHARE * (2 * self._chance() - 1))

    def _make_room(self, origin: Origin) -> bool:
        """Drop the entry of least worth if the newcomer is worth more."""
        worst = min(
            self._entries.values(),
            key=lambda entry: (entry.origin, entry.worked_at is not None, -entry.failures),
        )
        if worst.origin >= Origin.KEPT or worst.worked_at is not None:
            return False
        if worst.origin > origin or (worst.origin == origin and worst.failures == 0):
            return False
        del self._entries[worst.peer]
        return True
