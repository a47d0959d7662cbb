"""One side of a conversation between simulated nodes: a `Session` and the line it speaks over.

Rules: frames keep their order; a lost one breaks the line, as a timeout would; a side that hangs up
is noticed by the other.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from node.protocol import effects as do
from node.protocol.greeting import Settings
from node.protocol.session import Session

if TYPE_CHECKING:
    from simulator.node import Node

TIMEOUT_MS: Final = 1_500


class Talk:
    """One side of a conversation."""

    def __init__(self, node: "Node", peer: int, *, dialer: bool, nonce: bytes) -> None:
        self.node = node
        self.peer = peer
        self.other: Talk | None = None
        self.open = True
        self._broken = False  # a frame was lost: nothing after it arrives either
        self._wakes = 0
        self._last_arrival = 0
        settings = Settings(own_lanes=node.own_lanes)
        self.session = Session(node.store, node.heads, settings, dialer=dialer, nonce=nonce)

    def perform(self, effects: Sequence[do.Effect]) -> None:
        """Do what the session wants."""
        for effect in effects:
            if isinstance(effect, do.Send):
                self._send(self.node.frame_out(effect.frame))
            elif isinstance(effect, do.Wake):
                self._wake(effect.at_ms)
            elif isinstance(effect, do.Deliver):
                self.node.deliver(self, effect)
            elif isinstance(effect, do.Proofs):
                self.node.learn(effect.proofs)
            elif isinstance(effect, do.Blame):
                self.node.blame(self.peer, effect.code)
            elif isinstance(effect, do.Echo):
                self.node.echoed(effect.heads)
            elif isinstance(effect, do.Close):
                self.hang_up()

    def _send(self, frame: bytes) -> None:
        world = self.node.world
        if not self.open or self._broken:
            return
        if world.network.breaks() or not world.network.reaches(self.node.number, self.peer):
            self._broken = True
            world.clock.after(TIMEOUT_MS, self.hang_up)
            return
        arrival = world.clock.now + world.network.latency(self.node.number, self.peer)
        self._last_arrival = arrival = max(arrival, self._last_arrival)
        other = self.other
        assert other is not None
        world.clock.after(arrival - world.clock.now, lambda: other.receive(frame))

    def receive(self, frame: bytes) -> None:
        """A frame has arrived."""
        if self.open:
            self.perform(self.session.receive(frame, self.node.world.clock.now))

    def _wake(self, at_ms: int) -> None:
        self._wakes += 1
        mine, clock = self._wakes, self.node.world.clock

        def tick() -> None:
            if self.open and mine == self._wakes:
                self.perform(self.session.tick(clock.now))

        clock.after(max(0, at_ms - clock.now), tick)

    def hang_up(self) -> None:
        """End the conversation on both sides."""
        if not self.open:
            return
        self.open = False
        self.node.talks.pop(self.peer, None)
        if self.other is not None:
            other = self.other
            self.node.world.clock.after(1, other.hang_up)
        self.node.world.redial(self.node.number, self.peer)
