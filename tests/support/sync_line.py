"""Two sessions on a line: frames arrive in order, everything else in whatever order a seed says.

Rule: nothing here knows the messages; it does what a driver does. Time is a number that moves on
when nothing else can happen.
"""

import random
from collections import Counter, deque

from node.protocol import effects as do
from node.protocol import messages
from node.protocol.effects import Effect
from node.protocol.heads import Heads
from node.protocol.messages import Message
from node.protocol.ports import ForkProof
from node.protocol.session import Phase, Session, Settings
from tests.support.sync_source import DictSource

ORDINARY = Settings()
QUIET_MS = 5_000  # nothing to do for so long: only signs of life are left


class Side:
    """One node: its source, its session, and what the session had done."""

    def __init__(
        self, name: str, source: DictSource, settings: Settings, *, dialer: bool, salt: int = 0
    ) -> None:
        self.name = name
        self.source = source
        self.heads = Heads(source)
        nonce = random.Random(f"{name} {salt}").randbytes(16)
        self.session = Session(source, self.heads, settings, dialer=dialer, nonce=nonce)
        self.inbox: deque[tuple[int, bytes]] = deque()  # when it arrives, frame
        self.pending: list[do.Deliver] = []
        self.wake: int | None = None
        self.seen: list[Effect] = []
        self.proofs: list[ForkProof] = []
        self.sent_bytes = self.received = self.accepted = self.deferred = 0

    def of(self, *kinds: type[Effect]) -> list[Effect]:
        """Effects of these kinds, in order."""
        return [effect for effect in self.seen if isinstance(effect, kinds)]

    @property
    def said(self) -> list[Message]:
        """Messages sent, in order."""
        return [messages.decode(one.frame) for one in self.seen if isinstance(one, do.Send)]

    @property
    def blamed(self) -> list[str]:
        return [effect.code for effect in self.seen if isinstance(effect, do.Blame)]

    @property
    def closed(self) -> list[str]:
        return [effect.code for effect in self.seen if isinstance(effect, do.Close)]


class Line:
    """Two sides and the way between them."""

    def __init__(
        self,
        a: DictSource,
        b: DictSource,
        seed: int = 0,
        *,
        settings_a: Settings = ORDINARY,
        settings_b: Settings = ORDINARY,
        latency_ms: int = 0,
    ) -> None:
        self.random = random.Random(seed)
        self.now = 1_000
        self.latency_ms = latency_ms
        self.a = Side("a", a, settings_a, dialer=True, salt=seed)
        self.b = Side("b", b, settings_b, dialer=False, salt=seed)
        self.steps: Counter[str] = Counter()
        for side in (self.a, self.b):
            self.do(side, side.session.start(self.now))

    def other(self, side: Side) -> Side:
        return self.b if side is self.a else self.a

    def do(self, side: Side, effects: list[Effect]) -> None:
        for effect in effects:
            side.seen.append(effect)
            if isinstance(effect, do.Send):
                side.sent_bytes += len(effect.frame)
                self.other(side).inbox.append((self.now + self.latency_ms, effect.frame))
            elif isinstance(effect, do.Deliver):
                side.received += len(effect.records)
                side.pending.append(effect)
            elif isinstance(effect, do.Proofs):
                side.proofs += effect.proofs
            elif isinstance(effect, do.Wake):
                side.wake = effect.at_ms

    def receive(self, side: Side) -> None:
        """Let a side read the next frame."""
        self.steps["frame"] += 1
        self.do(side, side.session.receive(side.inbox.popleft()[1], self.now))

    def commit(self, side: Side, place: int = 0) -> None:
        """Let a side store what was delivered."""
        deliver = side.pending.pop(place)
        before, faults = side.source.generation(), len(side.source.faults)
        accepted, deferred = side.source.take(deliver.records)
        side.accepted += accepted
        side.deferred += deferred
        codes = side.source.faults[faults:]
        self.do(side, side.session.delivered(deliver.token, accepted, codes, self.now))
        if side.source.generation() != before:
            self.do(side, side.session.changed(self.now))

    def change(self, side: Side) -> None:
        """A side's heads have changed by themselves."""
        self.do(side, side.session.changed(self.now))

    def tick(self, side: Side) -> None:
        self.do(side, side.session.tick(self.now))

    def share(self, side: Side, addresses: list[str]) -> None:
        self.do(side, side.session.share(addresses, self.now))

    def step(self) -> bool:
        """Something that can happen does; False when only time can pass, and not soon."""
        moves = [(self.receive, side) for side in (self.a, self.b) if self._arrived(side)]
        moves += [(self.commit, side) for side in (self.a, self.b) if side.pending]
        if moves:
            move, side = self.random.choice(moves)
            if move == self.commit:
                self.commit(side, self.random.randrange(len(side.pending)))
            else:
                move(side)
            return True
        return self._pass_time(self.now + QUIET_MS)

    def _arrived(self, side: Side) -> bool:
        return bool(side.inbox) and side.inbox[0][0] <= self.now

    def _pass_time(self, until: int) -> bool:
        """Go to the next thing that happens, if it does before `until`."""
        sides = [side for side in (self.a, self.b) if side.session.phase is not Phase.CLOSED]
        times = [(side.wake, 1, side) for side in sides if side.wake is not None]
        times += [(side.inbox[0][0], 0, side) for side in (self.a, self.b) if side.inbox]
        if not times:
            return False
        at, is_wake, side = min(times, key=lambda item: item[:2])
        if at >= until:
            return False
        self.now = max(at, self.now)
        if is_wake:
            side.wake = None
            self.tick(side)
        return True

    def run(self, steps: int = 100_000) -> "Line":
        """Go on until nothing more happens."""
        for _ in range(steps):
            if not self.step():
                return self
        raise AssertionError("the two never come to rest")

    def run_for(self, duration_ms: int, steps: int = 100_000) -> "Line":
        """Let time pass, with everything that happens in it."""
        end = self.now + duration_ms
        for _ in range(steps):
            if any(self._arrived(side) or side.pending for side in (self.a, self.b)):
                self.step()
            elif not self._pass_time(end):
                self.now = end
                return self
        raise AssertionError("the two never come to rest")

    @property
    def bytes(self) -> int:
        """Bytes on the line, both ways."""
        return self.a.sent_bytes + self.b.sent_bytes
