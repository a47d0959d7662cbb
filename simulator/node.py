"""One node of a simulation: a store behind a disk, conversations, hints, crashes.

Rules: the node's own `Session` speaks with each neighbour; what it wants done is done as the driver
of the network layer does it. Jobs of the writer take effect one after the other, each at the end of
its write; a crash drops those that have not ended. What a job acknowledged is never lost.
"""

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from node.ledger.root import state_root
from node.protocol import effects as do
from node.protocol import forks, lanes
from node.protocol.crypto import record_id
from node.protocol.errors import RemoteFault
from node.protocol.greeting import Settings
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord
from node.protocol.session import Phase, Session
from node.protocol.shapes import CommunityId
from simulator.member import Member
from simulator.store import Store
from simulator.town import Device, Town

if TYPE_CHECKING:
    from simulator.world import World

WRITE_MIN_MS: Final = 1
WRITE_MAX_MS: Final = 15
DUTY_DELAY_MS: Final = 20
DIAL_AGAIN_MS: Final = 700
TIMEOUT_MS: Final = 1_500
SEVERE: Final = 3  # blames after which a neighbour is left alone
HINT_MAX_COUNT: Final = 32
Job = Callable[[], None]


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
            elif isinstance(effect, do.Deliver):
                self.node.deliver(self, effect)
            elif isinstance(effect, do.Proofs):
                self.node.learn(effect.proofs)
            elif isinstance(effect, do.Wake):
                self._wake(effect.at_ms)
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


class Node:
    """An honest node."""

    honest = True

    def __init__(self, world: "World", number: int, town: Town) -> None:
        self.world = world
        self.number = number
        self.town = town
        self.up = True
        self.store = Store(town.rules, town.start, memoised=world.memoised)
        self.device: Device = Device(f"m{number}")
        self.member = Member(town, self.device, self.store)
        self.talks: dict[int, Talk] = {}
        self.heads = Heads(self.store)
        self.acknowledged: list[bytes] = []  # held here as long as the disk is
        self.entrusted: list[bytes] = []  # acknowledged before the disk was set back
        self.skew_ms = 0
        self.echo_wanted = False
        self.blames: dict[int, int] = {}
        self._life = 0  # grows at each crash: what was under way before is void
        self._busy_until = 0
        self._due = False
        self._chance = random.Random(f"node {number} {world.seed}")

    # --- the writer -------------------------------------------------------------------------------
    def submit(self, job: Job) -> None:
        """Do this job after those before it, at the end of its write."""
        life, clock = self._life, self.world.clock
        write = self._chance.randint(WRITE_MIN_MS, WRITE_MAX_MS)
        self._busy_until = max(self._busy_until, clock.now) + write

        def run() -> None:
            if self.up and life == self._life:
                self._perform(job)

        clock.after(self._busy_until - clock.now, run)

    def _perform(self, job: Job) -> None:
        before = len(self.store.durable)
        generation = self.store.generation()
        job()
        new = self.store.durable[before:]
        if self.store.generation() != generation:
            self.heads.changed(self.store.moved)
            self.store.moved.clear()
            for talk in list(self.talks.values()):
                if talk.session.phase is not Phase.CLOSED:
                    talk.perform(talk.session.changed(self.world.clock.now))
        if new:
            self._tell(new)
            self._wake_duties()
        self.world.happened(self, new)

    def act(self, step: Callable[[Member], None]) -> None:
        """A step of this member's program; what it made counts as acknowledged."""

        def job() -> None:
            if self.echo_wanted:
                return
            self.device.time = 1_790_000_000_000 + self.world.clock.now + self.skew_ms
            self.member.made.clear()
            step(self.member)
            community = CommunityId(self.town.rules.community)
            self.acknowledged += [record_id(community, raw.header) for raw in self.member.made]

        if self.up:
            self.submit(job)

    def _wake_duties(self) -> None:
        if not self._due:
            self._due = True
            life = self._life

            def do_them() -> None:
                if life == self._life:
                    self._due = False
                    self.act(lambda member: member.duties())

            self.world.clock.after(DUTY_DELAY_MS, do_them)

    # --- neighbours -------------------------------------------------------------------------------
    def own_lanes(self) -> list[bytes]:
        """Lanes whose echo matters (R11)."""
        return [self.device.lane(Lane.ACCOUNT), self.device.lane(Lane.WITNESS)]

    def frame_out(self, frame: bytes) -> bytes:
        """What is really sent."""
        return frame

    def deliver(self, talk: Talk, effect: do.Deliver) -> None:
        """Records of a conversation."""

        def job() -> None:
            accepted, faults, _ = self.store.take(effect.records)
            if talk.open:
                now = self.world.clock.now
                talk.perform(talk.session.delivered(effect.token, accepted, faults, now))

        self.submit(job)

    def _tell(self, new: Sequence[RawRecord]) -> None:
        """Hint at new records, as gossip does."""
        if len(new) > HINT_MAX_COUNT:
            return
        network, clock = self.world.network, self.world.clock
        for peer in list(self.talks):
            if not network.reaches(self.number, peer):
                continue
            for _ in range(network.copies()):
                delay = network.latency(self.number, peer)
                receiver = self.world.nodes[peer]
                hint = list(new)
                clock.after(delay, lambda r=receiver, h=hint: r.hear(self.number, h))

    def hear(self, peer: int, hint: Sequence[RawRecord]) -> None:
        """A hint has arrived."""
        if not self.up or peer not in self.talks:
            return

        def job() -> None:
            _, faults, _ = self.store.take(hint)
            for code in faults:
                self.blame(peer, code)

        self.submit(job)

    def learn(self, proofs: Sequence[ForkProof]) -> None:
        """Fork proofs: kept if their signatures hold."""
        for proof in proofs:
            try:
                found = forks.verify(proof, CommunityId(self.town.rules.community))
            except RemoteFault:
                continue
            self.store.proofs.setdefault(found.lane_key, proof)

    def blame(self, peer: int, code: str) -> None:
        """A neighbour broke a rule."""
        self.world.blamed(self, peer, code)
        self.blames[peer] = self.blames.get(peer, 0) + 1
        if self.blames[peer] >= SEVERE and peer in self.talks:
            self.talks[peer].hang_up()

    def echoed(self, heads: Sequence[HeadItem]) -> None:
        """A neighbour holds these own heads."""
        shown = {head.id for head in heads}
        own = {h.id for lane in self.own_lanes() for h in lanes.heads_of(self.store.state, lane)}
        if self.echo_wanted and own <= shown:
            self.echo_wanted = False
            self._wake_duties()

    # --- crashes ----------------------------------------------------------------------------------
    def crash(self) -> None:
        """Power off."""
        if not self.up:
            return
        self.up = False
        self._life += 1
        self._due = False
        for talk in list(self.talks.values()):
            talk.hang_up()

    def start(self) -> None:
        """Power on: everything is folded anew from the disk."""
        if self.up:
            return
        before = state_root(self.store.state, self.town.rules)
        self.store.crash()
        self.world.refolded(self, before)
        self.heads = Heads(self.store)
        self.up = True
        self._busy_until = self.world.clock.now
        self._wake_duties()

    def set_back(self, share: float) -> None:
        """The disk is replaced by an older image of itself: this node signs nothing on its account
        lane until a neighbour shows the own heads as they are here (R11)."""
        first = len(self.town.start.records)
        keep = first + int((len(self.store.durable) - first) * share)
        self.crash()
        self.entrusted += self.acknowledged
        self.acknowledged.clear()
        del self.store.durable[keep:]
        self.store.crash()
        self.echo_wanted = True
        self.heads = Heads(self.store)
        self.up = True
