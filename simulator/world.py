"""One simulated life: a plan carried out step by step, healed, and checked.

Rules: everything follows from the plan; `happened` is called after each job of a node, and checks.
When the plan is over the network heals, everybody is switched on, and honest nodes must come to the
same state within `HEALING_MAX_MS` of virtual time.
"""

import random
from dataclasses import dataclass, field
from typing import Final, Literal

from node.ledger.root import state_root
from node.protocol.crypto import record_id
from node.protocol.identity import DEVICE_SCOPES, Cut, DeviceRevoke, Lane, LaneName
from node.protocol.lanes import heads_of
from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId
from simulator import checks, town
from simulator.hostile import Hostile
from simulator.network import Clock, Network, Weather
from simulator.node import DIAL_AGAIN_MS, Node, Talk
from simulator.town import Device, Plan

LIFE_MS: Final = 20_000
HEALING_MAX_MS: Final = 900_000
THOROUGH_EVERY: Final = 50  # jobs
REFOLD_EVERY: Final = 500
NONCE_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens: at a time, to a node. `salt` makes its chances its own."""

    at_ms: int
    kind: str  # act cheat crash start image device wall unwall
    node: int
    salt: int
    to: int = -1  # walls: the other end


@dataclass(frozen=True, slots=True)
class Life:
    """A whole plan."""

    seed: str
    plan: Plan
    weather: Weather
    hostile: frozenset[int]
    skews_ms: tuple[int, ...]
    steps: tuple[Step, ...]
    memoised: bool = True


@dataclass
class World:
    """Nodes, network and time of one life."""

    life: Life
    clock: Clock = field(default_factory=Clock)
    nodes: list[Node] = field(default_factory=list[Node])
    verdicts: dict[bytes, str] = field(default_factory=dict[bytes, str])
    committed: dict[int, set[bytes]] = field(default_factory=dict[int, set[bytes]])
    jobs: int = 0
    records: int = 0

    def __post_init__(self) -> None:
        self.town = town.found(self.life.plan)
        self.network = Network(self.clock, self.life.seed, self.life.weather)
        self._chance = random.Random(f"world {self.life.seed}")
        for number in range(self.life.plan.nodes):
            kind = Hostile if number in self.life.hostile else Node
            node = kind(self, number, self.town)
            node.skew_ms = self.life.skews_ms[number]
            self.nodes.append(node)
        self.hostile_keys = {node.device.key for node in self.nodes if not node.honest}
        self._banned: set[tuple[int, int]] = set()

    @property
    def seed(self) -> str:
        """What all chances follow from."""
        return self.life.seed

    @property
    def memoised(self) -> bool:
        """Are signatures checked once for all nodes?"""
        return self.life.memoised

    # --- who talks with whom ----------------------------------------------------------------------
    def _pairs(self) -> list[tuple[int, int]]:
        """A ring and chords: everybody has up to four neighbours."""
        count = len(self.nodes)
        found = {
            tuple(sorted((n, (n + step) % count)))
            for n in range(count)
            for step in (1, 3)
            if step == 1 or n % 2
        }
        return sorted((a, b) for a, b in found if a != b)

    def dial(self, a: int, b: int) -> None:
        """Open a conversation, if both can be reached."""
        one, two = self.nodes[a], self.nodes[b]
        if b in one.talks or {(a, b), (b, a)} & self._banned:
            return
        reachable = self.network.reaches(a, b) and self.network.reaches(b, a)
        if not (one.up and two.up and reachable):
            self.redial(a, b)
            return
        first = Talk(one, b, dialer=True, nonce=self._chance.randbytes(NONCE_SIZE))
        second = Talk(two, a, dialer=False, nonce=self._chance.randbytes(NONCE_SIZE))
        first.other, second.other = second, first
        one.talks[b], two.talks[a] = first, second
        for talk in (first, second):
            talk.perform(talk.session.start(self.clock.now))

    def redial(self, a: int, b: int) -> None:
        """Try again later."""
        low, high = min(a, b), max(a, b)
        delay = DIAL_AGAIN_MS + self._chance.randrange(DIAL_AGAIN_MS)
        self.clock.after(delay, lambda: self.dial(low, high))

    def blamed(self, node: Node, peer: int, code: str) -> None:
        """A node blames a neighbour: never an honest one."""
        if node.honest:
            expected = not self.nodes[peer].honest
            checks.expect(expected, "blame", f"{node.number} blames {peer} for {code}")
            if node.blames.get(peer, 0) + 1 >= 3:
                self._banned.add((node.number, peer))

    # --- what happens -----------------------------------------------------------------------------
    def happened(self, node: Node, new: list[RawRecord]) -> None:
        """After each job of a node."""
        self.jobs += 1
        if not node.honest:
            return
        community = CommunityId(self.town.rules.community)
        ids = [record_id(community, raw.header) for raw in new]
        self.records += len(ids)
        checks.cheap(self, node, ids)
        if self.jobs % THOROUGH_EVERY == 0:
            checks.thorough(self, node)
        if self.jobs % REFOLD_EVERY == 0:
            checks.refold(node)

    def refolded(self, node: Node, before: bytes) -> None:
        """After a crash: the state must be what it was."""
        again = state_root(node.store.state, self.town.rules)
        checks.expect(again == before, "crash", f"node {node.number} came back different")

    def run(self) -> "World":
        """The whole life. Raises `Broken`."""
        for a, b in self._pairs():
            self.dial(a, b)
        for step in self.life.steps:
            self.clock.after(step.at_ms, lambda s=step: self._do(s))
        while self.clock.step(LIFE_MS):
            pass
        self._heal()
        checks.healed(self)
        return self

    def _do(self, step: Step) -> None:
        node = self.nodes[step.node]
        chance = random.Random(f"step {self.life.seed} {step.salt}")
        if step.kind == "act":
            node.act(lambda member: member.act(chance))
        elif step.kind == "cheat" and isinstance(node, Hostile):
            if node.up:
                node.cheat(chance)
        elif step.kind == "crash":
            node.crash()
        elif step.kind == "start":
            node.start()
        elif step.kind == "image":
            self._image(node, chance)
        elif step.kind == "device":
            self._new_device(node)
        elif step.kind == "wall":
            self.network.wall({(step.node, step.to)})
        elif step.kind == "unwall":
            self.network.open_walls({(step.node, step.to)})

    def _image(self, node: Node, chance: random.Random) -> None:
        """An old image of the disk, where others hold what it lacks: else it is simply lost."""
        own = list(node.acknowledged)
        others = [other for other in self.nodes if other is not node and other.honest and other.up]
        known = all(any(o.store.holds(record) for o in others) for record in own)
        if node.up and known and others:
            node.set_back(chance.random())
            self.committed.pop(node.number, None)

    def _new_device(self, node: Node) -> None:
        """The owner restores with the phrase on a new device, and shuts the old one out."""
        if not node.up or node.echo_wanted:
            return

        def job() -> None:
            old = node.device
            new = Device(old.name, old.number + 1)
            cuts: dict[LaneName, Cut | Literal["open"]] = {
                name: Cut(seq=heads[0].seq, id=heads[0].id)
                for name in DEVICE_SCOPES
                if (heads := heads_of(node.store.state, old.lane(Lane[name.upper()])))
            }
            node.member.made.clear()
            node.member.write(new.add(node.store.community), "device.add")
            node.member.write(DeviceRevoke(cuts=cuts, key=old.key), "device.revoke")
            node.device = node.member.device = new

        if node.device.key not in self.town.chapter.witnesses:
            node.submit(job)

    def _heal(self) -> None:
        """No more faults; wait until the honest agree."""
        self.network.heal()
        for node in self.nodes:
            node.start()
            node.store.withheld = frozenset()
        end = self.clock.now + HEALING_MAX_MS
        at = self.clock.now
        while self.clock.now < end:
            at += 2_000
            while self.clock.step(at):
                pass
            if self._settled():
                return

    def _settled(self) -> bool:
        """Do all honest nodes hold the same, with nothing under way?"""
        honest = [node for node in self.nodes if node.honest]
        held = {len(node.store.state.records) for node in honest}
        if len(held) > 1 or any(node.echo_wanted for node in honest):
            return False
        return len({state_root(n.store.state, self.town.rules) for n in honest}) == 1
