"""One node of a simulation: a store behind a disk, conversations, hints, crashes.

Rules: the node's own `Session` speaks with each neighbour; what it wants done is done as the driver
of the network layer does it. Jobs of the writer take effect one after the other, each at the end of
its write; what has arrived meanwhile is one job, as in the node's intake. A crash drops jobs that
have not ended. What a job acknowledged is never lost.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from node.ledger.root import state_root
from node.protocol import forks, lanes
from node.protocol.effects import Deliver
from node.protocol.errors import RemoteFault
from node.protocol.heads import Heads
from node.protocol.identity import Lane
from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import ERASABLE_LANES, RawRecord, Record
from node.protocol.session import Phase
from node.protocol.shapes import CommunityId
from simulator.member import Member
from simulator.store import Store
from simulator.talk import Talk
from simulator.town import TIME_MS, Device, Town

if TYPE_CHECKING:
    from simulator.world import World

WRITE_MIN_MS: Final = 1
WRITE_MAX_MS: Final = 15
SLUGGISH_FACTOR: Final = 40  # of a slow disk
DUTY_DELAY_MS: Final = 50
DIAL_AGAIN_MS: Final = 700
SEVERE: Final = 3  # blames after which a neighbour is left alone
HINT_MAX_COUNT: Final = 32
REPEATED_SHARE: Final = 0.1  # of hints heard before: judged again
Job = Callable[[], Callable[[], None] | None]
"""Within a write; returns what is to be done after it."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Records of a neighbour on their way to the writer; `told`: what became of them."""

    peer: int
    raws: Sequence[RawRecord]
    told: Callable[[int, list[str]], None]


class Node:
    """An honest node."""

    honest = True

    def __init__(self, world: "World", number: int, town: Town) -> None:
        self.world = world
        self.number = number
        self.town = town
        self.up = True
        self.store: Store = world.store_for(number)
        self.device = Device(f"m{number}", signed=world.signed)
        self.member = Member(town, self.device, self.store)
        self.talks: dict[int, Talk] = {}
        self.heads = Heads(self.store, told=True)
        self.acknowledged: list[bytes] = []  # held here as long as the disk is
        self.entrusted: list[bytes] = []  # acknowledged before the disk was set back
        self.skew_ms = 0
        self.echo_wanted = False
        self.may_fork = False  # set back while a neighbour may not have known all it had signed
        self.blames: dict[int, int] = {}
        self._life = 0  # grows at each crash: what was under way before is void
        self._busy_until = 0
        self._due = False
        self._inbox: list[_Arrival] = []
        self._heard: set[RawRecord] = set()
        self._chance = random.Random(f"node {number} {world.seed}")

    # --- the writer -------------------------------------------------------------------------------
    def submit(self, job: Job) -> None:
        """Do this job after those before it, at the end of its write."""
        life, clock = self._life, self.world.clock
        write = self._chance.randint(WRITE_MIN_MS, WRITE_MAX_MS)
        if self.number in self.world.network.weather.sluggish:
            write *= SLUGGISH_FACTOR
        self._busy_until = max(self._busy_until, clock.now) + write

        def run() -> None:
            if self.up and life == self._life:
                self._perform(job)

        clock.after(self._busy_until - clock.now, run)

    def _perform(self, job: Job) -> None:
        store = self.store
        then = store.write(job)
        new, moved = store.news, store.moved
        store.news, store.moved = [], set()
        if moved:
            self.heads.changed(moved)
            for talk in list(self.talks.values()):
                if talk.session.phase is not Phase.CLOSED:
                    talk.perform(talk.session.changed(self.world.clock.now))
        if new:
            self._tell([record.raw for record, _ in new])
            if any(key[64] not in ERASABLE_LANES for key in moved):
                self._wake_duties()
        if then is not None:
            then()
        self.world.happened(self, new)

    def act(self, step: Callable[[Member], None]) -> None:
        """A step of this member's program; what it made counts as acknowledged after its write."""

        def job() -> Callable[[], None] | None:
            if self.echo_wanted:
                return None
            self.device.time = TIME_MS + self.world.clock.now + self.skew_ms
            self.member.made.clear()
            step(self.member)
            made = list(self.member.made)
            return lambda: self._acknowledge(made)

        if self.up:
            self.submit(job)

    def _acknowledge(self, made: Sequence[Record]) -> None:
        self.acknowledged += [record.id for record in made]
        for record in made:
            self.world.made(self, record)

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

    def _arrive(self, arrival: _Arrival) -> None:
        self._inbox.append(arrival)
        if len(self._inbox) == 1:
            self.submit(self._store_arrivals)

    def _store_arrivals(self) -> Callable[[], None]:
        batches, self._inbox = self._inbox, []
        taken = [self.store.take(batch.raws, str(batch.peer)) for batch in batches]

        def tell() -> None:
            for batch, found in zip(batches, taken, strict=True):
                batch.told(found.accepted, found.faults)

        return tell

    def deliver(self, talk: Talk, effect: Deliver) -> None:
        """Records of a conversation."""

        def told(accepted: int, faults: list[str]) -> None:
            if talk.open:
                now = self.world.clock.now
                talk.perform(talk.session.delivered(effect.token, accepted, faults, now))

        self._arrive(_Arrival(talk.peer, effect.records, told))

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
        """A hint has arrived. Gossip drops most of what it heard before."""
        if not self.up or peer not in self.talks:
            return
        if self._heard.issuperset(hint) and self._chance.random() >= REPEATED_SHARE:
            return
        self._heard.update(hint)

        def told(_: int, faults: list[str]) -> None:
            for code in faults:
                self.blame(peer, code)

        self._arrive(_Arrival(peer, hint, told))

    def learn(self, proofs: Sequence[ForkProof]) -> None:
        """Fork proofs: kept if their signatures hold."""
        for proof in proofs:
            try:
                found = forks.verify(proof, CommunityId(self.town.rules.community))
            except RemoteFault:
                continue
            self.store.learn(found.lane_key, proof)

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
        self._inbox.clear()
        self._heard.clear()
        for talk in list(self.talks.values()):
            talk.hang_up()

    def start(self) -> None:
        """Power on: what is on the disk is all there is."""
        if self.up:
            return
        before = state_root(self.store.state, self.town.rules)
        self.store.crash()
        self.world.refolded(self, before)
        self._begin()
        self._wake_duties()

    def _begin(self) -> None:
        self.heads = Heads(self.store, told=True)
        self.up = True
        self._busy_until = self.world.clock.now

    def set_back(self) -> None:
        """The disk is replaced by an older image of itself: this node signs nothing until a
        neighbour shows the own heads as they are here (R11)."""
        self.crash()
        if self.store.set_back():
            self.entrusted += self.acknowledged
            self.acknowledged.clear()
            self.echo_wanted = True
        else:
            self.store.crash()
        self._begin()
