"""One simulated life: a plan carried out step by step, healed, and checked.

Rules: everything follows from the plan; `happened` is called after each job of a node, and checks.
When the plan is over the network heals, everybody is switched on, and honest nodes must come to the
same state within `HEALING_MAX_MS` of virtual time.
"""

import gc
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from unittest.mock import patch

from node.ledger.root import state_root
from node.protocol import limits
from node.protocol.account import TradeAccept
from node.protocol.identity import DEVICE_SCOPES, Cut, DeviceRevoke, Lane, LaneName
from node.protocol.lanes import at_seq, entry_of, heads_of
from node.protocol.record import RawRecord, Record
from simulator import checks, town
from simulator.broken import expect
from simulator.hostile import Hostile
from simulator.network import Clock, Network, Weather
from simulator.node import DIAL_AGAIN_MS, SEVERE, Node
from simulator.store import Store
from simulator.talk import Talk
from simulator.town import Device, Plan

LIFE_MS: Final = 20_000
HEALING_MAX_MS: Final = 300_000
HEALING_STEP_MS: Final = 2_000
THOROUGH_EVERY: Final = 50  # jobs of honest nodes
REFOLD_EVERY: Final = 250
NONCE_SIZE: Final = 16
UNAWARE_AFTER_MS: Final = (1, 30, 60, 90)
MISSED_MAX_COUNT: Final = 256
ON_DISK_COUNT: Final = 3  # nodes with a database, in the lives that have any
_FEW: Final = {  # see Life.sketches
    "RANGE_LEAF_ITEMS_COUNT": 3,
    "RANGE_PIECES_COUNT": 3,
    "SKETCH_CELL_HEADS_COUNT": 0,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens: at a time, to a node. `salt` makes its chances its own."""

    at_ms: int
    kind: str  # act cheat crash start copy image device jump wall unwall
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
    on_disk: bool = False  # some honest nodes keep their records in real databases
    links: frozenset[tuple[int, int]] = frozenset()  # who talks with whom
    sketches: bool = False  # few heads are compared as very many are: by sketches and cuts


@dataclass
class World:
    """Nodes, network and time of one life. `witnessed`: told of each record an honest node made."""

    life: Life
    witnessed: Callable[[Node, Record], None] | None = None
    clock: Clock = field(default_factory=Clock)
    nodes: list[Node] = field(default_factory=list[Node])
    verdicts: dict[bytes, str] = field(default_factory=dict[bytes, str])
    records: dict[bytes, RawRecord] = field(default_factory=dict[bytes, RawRecord])  # ever held
    committed: dict[int, set[bytes]] = field(default_factory=dict[int, set[bytes]])
    jobs: int = 0  # of honest nodes
    healed_in_ms: int = 0

    def __post_init__(self) -> None:
        life = self.life
        self.town = town.found(life.plan)
        self.network = Network(self.clock, life.seed, life.weather)
        self.signed = set(self.town.start.ids.values())
        self.honest_keys: set[bytes] = set()
        self._chance = random.Random(f"world {life.seed}")
        self._banned: set[tuple[int, int]] = set()
        self._folder = Path(tempfile.mkdtemp(prefix="life-")) if life.on_disk else None
        for number in range(life.plan.nodes):
            kind = Hostile if number in life.hostile else Node
            node = kind(self, number, self.town)
            node.skew_ms = life.skews_ms[number]
            self.nodes.append(node)
            if node.honest:
                self.honest_keys |= {node.device.key, node.device.member}
        self.hostile_keys = {node.device.key for node in self.nodes if not node.honest}

    @property
    def seed(self) -> str:
        """What all chances follow from."""
        return self.life.seed

    def store_for(self, number: int) -> Store:
        """Where a node keeps its records."""
        rules, start, memoised = self.town.rules, self.town.start, self.life.memoised
        if self._folder is None or number >= ON_DISK_COUNT or number in self.life.hostile:
            return Store(rules, start, memoised=memoised)
        from simulator.disk import DiskStore  # a database takes a while to load, and seldom runs

        return DiskStore(rules, start, self._folder / str(number), memoised=memoised)

    # --- who talks with whom ----------------------------------------------------------------------
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
            expect(expected, "blame", f"{node.number} blames {peer} for {code}")
            if node.blames.get(peer, 0) + 1 >= SEVERE:
                self._banned.add((node.number, peer))

    # --- what happens -----------------------------------------------------------------------------
    def happened(self, node: Node, new: Sequence[tuple[Record, str]]) -> None:
        """After each job of a node."""
        if not node.honest:
            return
        self.jobs += 1
        checks.cheap(self, node, new)
        if self.jobs % THOROUGH_EVERY == 0:
            checks.thorough(self, node)
        if self.jobs % REFOLD_EVERY == 0:
            checks.refold(node)

    def made(self, node: Node, record: Record) -> None:
        """An honest node signed a record by itself, and its write has ended."""
        if node.honest:
            if isinstance(record.body, TradeAccept):
                checks.accepted(self, node, record.body.propose)
            if self.witnessed is not None:
                self.witnessed(node, record)

    def refolded(self, node: Node, before: bytes) -> None:
        """After a crash: the state must be what it was."""
        again = state_root(node.store.state, self.town.rules)
        expect(again == before, "crash", f"node {node.number} came back different")

    def run(self) -> "World":
        """The whole life. Raises `Broken`."""
        collecting = gc.isenabled()
        gc.disable()  # a life makes few cycles, and ends soon
        try:
            with patch.dict(vars(limits), _FEW) if self.life.sketches else nullcontext():
                self._live()
        finally:
            if collecting:
                gc.enable()
            self.close()
        return self

    def _live(self) -> None:
        for a, b in sorted(self.life.links):
            self.dial(a, b)
        for step in self.life.steps:
            self.clock.after(step.at_ms, lambda s=step: self._do(s))
        while self.clock.step(LIFE_MS):
            pass
        self._heal()
        checks.healed(self)

    def close(self) -> None:
        """Give up what is on disk. States in memory can still be looked at."""
        if self._folder is not None:
            for node in self.nodes:
                node.store.close()
            shutil.rmtree(self._folder, ignore_errors=True)

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
        elif step.kind == "copy" and node.up:
            node.store.keep_image()
        elif step.kind == "image":
            self._image(node)
            for delay in UNAWARE_AFTER_MS:  # the owner, who noticed nothing, goes on
                self.clock.after(delay, lambda: node.act(lambda member: member.act(chance)))
        elif step.kind == "device":
            self._new_device(node, stolen=chance.random() < 0.5)
        elif step.kind == "jump":
            node.skew_ms += chance.choice((-1, 1)) * chance.randrange(10_000_000)
        elif step.kind == "wall":
            self.network.wall({(step.node, step.to)})
        elif step.kind == "unwall":
            self.network.open_walls({(step.node, step.to)})

    def _image(self, node: Node) -> None:
        """An old image of the disk, where others hold what it lacks: else it is simply lost.

        Whoever echoes the own heads may be behind too: then the own lane may fork, unless all hold
        all of it, and nobody withholds any.
        """
        others = [other for other in self.nodes if other is not node]
        holders = [other for other in others if other.honest and other.up]
        own = node.acknowledged
        if node.up and all(any(o.store.holds(record) for o in holders) for record in own):
            known = all(o.store.holds(record) for o in others for record in own)
            node.may_fork |= not known or bool(self.life.hostile)
            node.set_back()
            self.committed.pop(node.number, None)

    def _new_device(self, node: Node, *, stolen: bool) -> None:
        """The owner restores with the phrase on a new device, and shuts the old one out: from its
        last records on, or from earlier ones if a thief may have signed the later."""
        if not node.up or node.echo_wanted or node.device.key in self.town.chapter.witnesses:
            return

        def job() -> None:
            state, old = node.store.state, node.device
            new = Device(old.name, old.number + 1, signed=self.signed)
            cuts: dict[LaneName, Cut | Literal["open"]] = {}
            for name in DEVICE_SCOPES:
                heads = heads_of(state, old.lane(Lane[name.upper()]))
                entry = entry_of(state, heads[0].id) if heads else None
                if entry is not None:
                    early = stolen and name in (
                        "account",
                        "office",
                    )  # never dropped, whatever is cut
                    seq = entry.seq // 3 if early else entry.seq
                    cuts[name] = Cut(seq=seq, id=at_seq(state, entry, seq))
            node.member.made.clear()
            node.member.write(new.add(node.store.community), "device.add")
            node.member.write(DeviceRevoke(cuts=cuts, key=old.key), "device.revoke")
            node.device = node.member.device = new
            node.member.keys.add(new.key)
            if node.honest:
                self.honest_keys.add(new.key)

        node.submit(job)

    def _heal(self) -> None:
        """No more faults; wait until the honest agree."""
        self.network.heal()
        for node in self.nodes:
            node.start()
            node.store.withheld = frozenset()
        at = self.clock.now
        while self.clock.now < LIFE_MS + HEALING_MAX_MS and not self._settled():
            at += HEALING_STEP_MS
            while self.clock.step(at):
                pass
        self.healed_in_ms = self.clock.now - LIFE_MS

    def _settled(self) -> bool:
        """Do all honest nodes hold the same, with nothing under way?"""
        stores = [node.store for node in self.nodes if node.honest]
        if any(node.echo_wanted for node in self.nodes if node.honest):
            return False
        first = stores[0].heads(b"", None)
        if any(store.heads(b"", None) != first for store in stores):
            return False
        missed = {record for store in stores for record in store.bodies_missing(MISSED_MAX_COUNT)}
        return not any(store.has_body(record) for record in missed for store in stores)
