"""A virtual day: acts and faults of a plan, checks while it goes on, healing, and the end.

Rules: `note` takes down all that is worth telling two runs apart; the digest of it is the run. A
broken promise raises `Broken`, and so does whatever the network layer lets escape. When all has
healed everybody must be connected with whom they were given, hold the same records, and come to the
same root; when all have stopped, nothing may be left: no task, no socket, no thread.
"""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false

import hashlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import trio
import trio.testing

from node.ledger.root import state_root
from node.protocol import limits
from simulator import town
from simulator.broken import expect
from simulator.driver import virtual
from simulator.driver.census import census, running
from simulator.driver.faults import HOUR_S, RATE_MAX_BYTES_PER_S, RATE_MIN_BYTES_PER_S, Plan, Step
from simulator.driver.house import House
from simulator.driver.wires import Wires

CHECK_S: Final = 600.0
WATCH_S: Final = 20.0
HEALING_STEP_S: Final = 5.0
PINGS_COUNT: Final = 1.5  # with jitter; then a silent neighbour is cut off
DEAD_LINK_MAX_S: Final = 30.0  # beyond that
STOPPING_MAX_S: Final = 30.0
TASKS_OF_HOUSE_COUNT: Final = 40
TASKS_OF_LINK_COUNT: Final = 20
TENDING: Final = "node.network.network._Parts._tend"  # a task that lasts as long as a link
TASKS_OF_NAME_COUNT: Final = 6  # tasks of one function, for each end of a link
TABLE_MAX_COUNT: Final = 2_000
DIALS_PER_HOUR_MAX_COUNT: Final = 200  # of one by one: every 30 s, with jitter, and a few to begin
PLAN_OF_TOWN: Final = (3, 2, 2)  # witnesses, quorum, officers that an act takes


@dataclass
class Figures:
    """What a day came to."""

    digest: str = ""
    records: int = 0
    events: int = 0
    healed_in_s: float = 0.0
    cpu_s: float = 0.0
    tasks_most: int = 0
    tables: dict[str, int] = field(default_factory=dict[str, int])  # the largest each has been
    dials: int = 0
    bans: int = 0
    links_most: int = 0
    faults: dict[str, int] = field(default_factory=dict[str, int])


class Day:
    """One run. `told`: gets a line of progress now and then."""

    def __init__(self, plan: Plan, told: Callable[[str], None] = lambda line: None) -> None:
        self.plan = plan
        self.seed = f"{plan.seed}"
        self.figures = Figures()
        self.signed: set[bytes] = set()
        self.wires = Wires(self.seed)
        self.houses: list[House] = []
        self.numbers: dict[str, int] = {}  # of houses, by peer id
        self.garblers: set[str] = set()
        self.verdicts: dict[str, str] = {}
        self._told = told
        self._hash = hashlib.sha256()
        self._off: set[int] = set()  # houses on which a fault of a machine lies now
        self._dials_seen: dict[tuple[str, str], int] = {}

    def note(self, house: House, kind: str, *details: str) -> None:
        """Take down an event."""
        line = f"{trio.current_time():.3f} {house.number} {kind} {' '.join(details)}\n"
        self._hash.update(line.encode())
        self.figures.events += 1
        if kind == "ban":
            self.figures.bans += 1
            expect(details[0] in self.garblers, "ban", f"honest node banned: {line}")
        elif kind in ("own", "synced"):
            known = self.verdicts.setdefault(details[0], details[1])
            expect(known == details[1], "verdict", line)

    def run(self) -> Figures:
        """The whole day. Raises Broken, and what escaped."""
        began, before = time.process_time(), set(threading.enumerate())
        virtual.run(self.seed, self.plan.calm, self._run)
        left = set(threading.enumerate()) - before  # others may have ended meanwhile
        expect(not left, "threads", str(left))
        self.figures.cpu_s = time.process_time() - began
        self.figures.digest = self._hash.hexdigest()[:16]
        return self.figures

    async def _run(self) -> None:
        trio.socket.set_custom_socket_factory(self.wires)
        before = trio.lowlevel.current_statistics().tasks_living
        self._found()
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            for house in self.houses:
                house.start()
            nursery.start_soon(self.wires.run)
            nursery.start_soon(self._check_always)
            nursery.start_soon(self._watch_links)
            await self._live()
            await self._heal()
            await self._stop()
            nursery.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        left = trio.lowlevel.current_statistics().tasks_living - before
        expect(left == 0, "tasks-left", f"{left}")
        expect(not self.wires.sockets, "sockets-left", f"{len(self.wires.sockets)}")

    def _found(self) -> None:
        witnesses, q, k = PLAN_OF_TOWN
        found = town.found(town.Plan(self.plan.nodes, min(witnesses, self.plan.nodes), q, k))
        self.houses = [House(self, n, found) for n in range(self.plan.nodes)]
        self.numbers = {house.peer: house.number for house in self.houses}
        for who, whom in self.plan.given:
            self.houses[who].given.append(self.houses[whom])

    # --- what happens -----------------------------------------------------------------------------
    async def _live(self) -> None:
        for step in self.plan.steps:
            await trio.sleep_until(step.at_s)
            self.figures.faults[step.kind] = self.figures.faults.get(step.kind, 0) + 1
            await self._do(step)
        await trio.sleep_until(self.plan.hours * HOUR_S)

    async def _do(self, step: Step) -> None:
        house, other = self.houses[step.house], self.houses[step.to]
        if step.kind == "act":
            chance = random.Random(f"act {self.seed} {step.salt}")
            house.act(lambda member: member.act(chance))
        elif step.kind in ("leave", "kill", "power"):
            if house.number not in self._off:
                self._off.add(house.number)
                self.nursery.start_soon(self._away, step, house)
        elif step.kind == "reset":
            self.wires.reset(house.machine, other.machine)
        elif step.kind == "forget":
            self.wires.forget(house.machine, other.machine)
        else:
            self.nursery.start_soon(self._for_a_while, step, house, other)

    async def _away(self, step: Step, house: House) -> None:
        self.note(house, step.kind)
        if step.kind == "power":
            self.wires.power_off(house.machine)
        elif step.kind == "kill":
            self.wires.kill(house.machine)
        house.stop()
        await house.until_stopped()
        await trio.sleep(step.lasts_s)
        if step.kind == "power":
            self.wires.power_on(house.machine)
        self._off.discard(house.number)
        house.start()

    async def _for_a_while(self, step: Step, house: House, other: House) -> None:
        self.note(house, step.kind)
        wires, chance = self.wires, random.Random(f"fault {self.seed} {step.salt}")
        if step.kind == "slow":
            wires.rate[house.machine] = chance.uniform(RATE_MIN_BYTES_PER_S, RATE_MAX_BYTES_PER_S)
            await trio.sleep(step.lasts_s)
            wires.rate.pop(house.machine, None)
        elif step.kind == "full":
            house.disk_full = True
            await trio.sleep(step.lasts_s)
            house.disk_full = False
        elif step.kind == "garble":
            self.garblers.add(house.peer)
            house.store.garbles = True
            for _ in range(3):
                house.act(lambda member: member.act(chance))
                await trio.sleep(step.lasts_s / 3)
            house.store.garbles = False
        else:
            halves = self._halves(chance) if step.kind == "part" else ([house], [other])
            pairs = [(one.machine, two.machine) for one in halves[0] for two in halves[1]]
            for pair in pairs:
                wires.wall(*pair)
            await trio.sleep(step.lasts_s)
            for pair in pairs:
                wires.open_wall(*pair)

    def _halves(self, chance: random.Random) -> tuple[list[House], list[House]]:
        mixed = chance.sample(self.houses, len(self.houses))
        return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]

    # --- what must hold ---------------------------------------------------------------------------
    async def _check_always(self) -> None:
        while True:
            await trio.sleep(CHECK_S)
            self._check()

    def _check(self) -> None:
        now, figures = trio.current_time(), self.figures
        links = sum(len(house.neighbours()) for house in self.houses)
        tasks = trio.lowlevel.current_statistics().tasks_living
        most = len(self.houses) * TASKS_OF_HOUSE_COUNT + links * TASKS_OF_LINK_COUNT
        expect(tasks <= most, "tasks", f"{tasks} with {links} ends of links")
        names = running()
        most = links + len(self.houses)  # one for each, and some that are just ending
        expect(names[TENDING] <= most, "tended", f"{names[TENDING]} with {links} ends of links")
        for name, count in names.items():
            most = (links + len(self.houses)) * TASKS_OF_NAME_COUNT
            expect(count <= most, "tasks", f"{count} of {name} with {links} ends of links")
        figures.tasks_most = max(figures.tasks_most, tasks)
        figures.links_most = max(figures.links_most, links)
        for house in self.houses:
            self._look_at(house)
        self._count_dials()
        up = sum(house.up for house in self.houses)
        self._told(
            f"{now / HOUR_S:5.1f} h: {up} up, {links} ends of links, {tasks} tasks, "
            f"{len(self.verdicts)} records, {figures.bans} bans"
        )

    async def _watch_links(self) -> None:
        """Whoever is switched off is soon nobody's neighbour."""
        while True:
            await trio.sleep(WATCH_S)
            longest_s = PINGS_COUNT * limits.PING_INTERVAL_S + DEAD_LINK_MAX_S
            for house in self.houses:
                for peer in house.neighbours():
                    other = self.houses[self.numbers[peer]]
                    away_s = 0.0 if other.up else trio.current_time() - other.down_since
                    told = f"of node {house.number} to {other.number}"
                    expect(away_s <= longest_s, "dead-link", told)

    def _look_at(self, house: House) -> None:
        if house.network is None:
            return
        expect(house.network.restarts == 0, "restart", f"node {house.number}")
        for path, size in census(house.network._parts).items():
            expect(size <= TABLE_MAX_COUNT, "table", f"{path} of node {house.number}: {size}")
            self.figures.tables[path] = max(size, self.figures.tables.get(path, 0))
        seen = house.neighbours()
        told = sorted(f"{self.numbers[peer]}{'=' if same else ''}" for peer, same in seen.items())
        self.note(house, "links", *told)

    def _count_dials(self) -> None:
        allowed = DIALS_PER_HOUR_MAX_COUNT * CHECK_S / HOUR_S
        for pair, count in self.wires.dials.items():
            new = count - self._dials_seen.get(pair, 0)
            expect(new <= allowed, "dials", f"{pair}: {new} in {CHECK_S:.0f} s")
        self._dials_seen = dict(self.wires.dials)

    # --- the end ----------------------------------------------------------------------------------
    async def _heal(self) -> None:
        """Nothing is wrong any more: wait until all are the same and in touch."""
        self.wires.heal()
        for house in self.houses:
            house.disk_full = house.store.garbles = False
        began = trio.current_time()
        while (why := self._unsettled()) and trio.current_time() - began < self.plan.healing_s:
            await trio.sleep(HEALING_STEP_S)
        expect(not why, "healing", why)
        self.figures.healed_in_s = trio.current_time() - began
        self._check()
        roots = {state_root(house.store.state, house.store.rules) for house in self.houses}
        expect(len(roots) == 1, "roots", f"{len(roots)}")
        held = {len(house.store.held()) for house in self.houses}
        expect(len(held) == 1, "records", f"{held}")
        again = self.houses[0].store.refolded()
        expect(state_root(again, self.houses[0].store.rules) in roots, "refold")
        self._hash.update(roots.pop())
        self.figures.records = held.pop()
        self.figures.dials = sum(self.wires.dials.values())

    def _unsettled(self) -> str:
        """What is not as it shall be in the end; empty when all is."""
        for house in self.houses:
            if not house.up:
                return f"node {house.number} is not up"
            if house.banned():
                return f"node {house.number} keeps bans"
            seen = house.neighbours()
            lost = [one.number for one in house.given if one.peer not in seen]
            if lost:
                return f"node {house.number} has lost {lost}"
            if not all(seen.values()):
                return f"node {house.number} is not in sync with all its neighbours"
        heads = [list(house.store.heads(b"", None)) for house in self.houses]
        for one, two in combinations(range(len(heads)), 2):
            if heads[one] != heads[two]:
                return f"nodes {one} and {two} hold other records"
        return ""

    async def _stop(self) -> None:
        with trio.move_on_after(STOPPING_MAX_S) as scope:
            for house in self.houses:
                house.stop()
            for house in self.houses:
                await house.until_stopped()
        expect(not scope.cancelled_caught, "stopping", "a node does not stop")
