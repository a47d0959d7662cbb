"""A real node under attack, an honest neighbour who goes on, and what it costs them.

The node is the officer's `wetalk up`; the neighbour is another one, who posts ten times a second
and pays the officer while attackers are at work. Times are from the request at the neighbour until
the officer's event stream tells of the post, which it does after the commit.

Rules: every process is ended by its id. What is measured is reported; what must hold on any machine
(`wrongs`) is kept apart from what only a quiet one can show (`late`).
"""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import workloads
from bench.processes import Process, cpu_s, peak_resident_mib, resident_mib, running, until
from bench.propagate import Listener
from node.protocol import genesis, portable
from node.protocol.shapes import CommunityId
from node.services.homes.generated import GeneratedMember, generated_member
from node.services.members.setup import Person, create_home
from node.storage.home import Home
from tests.hostile import talk
from tests.hostile.arm import SEED, Aim, Blow, Sort
from tests.hostile.campaign import ARMS_COUNT, ATTACKS, FLOOD_MAX_S, Arms, arms

EVERY_S: Final = 0.1  # between the neighbour's posts
PATIENCE_S: Final = 120.0
MEMORY_MORE_MAX_MIB: Final = 64.0
SLOWER_MAX: Final = 2.0  # 99th percentile, after and before
ROOM: Final = "plaza"


@dataclass(slots=True)
class Window:
    """A while: how long each post took, and what the node used."""

    seconds: float
    cpu_share: float
    ms: list[float]

    def figures(self) -> dict[str, float]:
        """In short."""
        ordered = sorted(self.ms) or [float("inf")]
        return {
            "posts": len(self.ms),
            "p50_ms": round(ordered[len(ordered) // 2], 1),
            "p99_ms": round(ordered[round(0.99 * (len(ordered) - 1))], 1),
            "cpu_share": round(self.cpu_share, 3),
            "seconds": round(self.seconds, 1),
        }


@dataclass(slots=True)
class Report:
    """What a siege has shown."""

    before: Window
    blows: list[Blow] = field(default_factory=list[Blow])
    during: list[Window] = field(default_factory=list[Window])
    after: list[Window] = field(default_factory=list[Window])
    end: Window | None = None
    memory_mib: tuple[float, float] = (0.0, 0.0)  # resident before, and the most
    lost: int = 0  # posts of the neighbour that never arrived
    trades: int = 0  # made under attack and settled on both sides
    same_books: bool = False
    lived: bool = False

    def wrongs(self) -> list[str]:
        """What must not be, however slow the machine is."""
        found = [f"{blow.attack}: {blow}" for blow in self.blows if not blow.met]
        found += [f"{self.lost} posts were lost"] if self.lost else []
        found += [] if self.same_books else ["the books differ"]
        found += [] if self.lived else ["the node did not live"]
        more = self.memory_mib[1] - self.memory_mib[0]
        return found + ([f"{more:.0f} MiB more"] if more > MEMORY_MORE_MAX_MIB else [])

    def late(self) -> list[str]:
        """What took longer than it may on a quiet machine."""
        floods = (blow for blow in self.blows if blow.sort == Sort.FLOOD)
        late = [blow for blow in floods if (blow.cut_s or FLOOD_MAX_S + 1) > FLOOD_MAX_S]
        found = [f"{blow.attack}: cut off after {blow.cut_s} s" for blow in late]
        before, after = (w.figures()["p99_ms"] for w in (self.before, _together(self.after)))
        if after > SLOWER_MAX * before:
            found.append(f"p99 of good posts {after} ms after the cuts, {before} ms before")
        return found

    def figures(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "before": self.before.figures(),
            "during": _together(self.during).figures(),
            "after": _together(self.after).figures(),
            "end": None if self.end is None else self.end.figures(),
            "memory_mib": [round(one, 1) for one in self.memory_mib],
            "lost": self.lost,
            "trades": self.trades,
            "wrong": self.wrongs(),
            "late": self.late(),
            "attacks": [asdict(blow) for blow in self.blows],
        }


def _together(windows: Sequence[Window]) -> Window:
    seconds = sum(one.seconds for one in windows)
    share = sum(one.cpu_share * one.seconds for one in windows) / seconds if seconds else 0.0
    return Window(seconds, share, [ms for one in windows for ms in one.ms])


class Town:
    """The node under attack and its honest neighbour, both running."""

    def __init__(self, node: Process, neighbour: Process, aim: Aim) -> None:
        self.node = node
        self.neighbour = neighbour
        self.aim = aim
        self._listener = Listener(node.client)
        self._asked: dict[str, float] = {}
        self._stopped = threading.Event()
        self._fault: BaseException | None = None
        self._poster = threading.Thread(target=self._post, daemon=True)

    def _post(self) -> None:
        try:
            while not self._stopped.wait(EVERY_S):
                began = time.monotonic()
                post = self.neighbour.client.say(ROOM, "아직 있어요", language="ko")["id"]
                self._asked[post] = began
        except BaseException as fault:
            self._fault = fault

    @contextmanager
    def posting(self) -> Generator[None]:
        """The neighbour posts as long as this lasts."""
        self._poster.start()
        try:
            yield
        finally:
            self.stop_posting()

    def stop_posting(self) -> None:
        """No more posts; raises what posting has raised."""
        self._stopped.set()
        self._poster.join(PATIENCE_S)
        self._listener.stopped = True
        if self._fault is not None:
            raise self._fault

    def lost(self) -> int:
        """Wait for the last posts; how many did not come."""
        missing = set(self._asked)

        def all_there() -> bool:
            missing.difference_update(self._listener.heard)
            return not missing

        try:
            until("the last posts", all_there, PATIENCE_S)
        except TimeoutError:
            pass
        return len(missing)

    @contextmanager
    def window(self, found: list[Window]) -> Generator[None]:
        """Measure what happens within, and what was asked for within."""
        began, used = time.monotonic(), cpu_s(self.node.pid)
        yield
        seconds, used = time.monotonic() - began, cpu_s(self.node.pid) - used
        asked = {p: at for p, at in list(self._asked.items()) if began <= at < began + seconds}
        until("these posts", lambda: asked.keys() <= self._listener.heard.keys(), PATIENCE_S)
        times = [1_000 * (self._listener.heard[post] - at) for post, at in asked.items()]
        found.append(Window(seconds, used / seconds, times))

    def watch(self, seconds: float) -> Window:
        """A while in which nothing special happens."""
        found: list[Window] = []
        with self.window(found):
            time.sleep(seconds)
        return found[0]

    def pay(self) -> None:
        """The neighbour pays the officer; it is settled on both sides. Raises TimeoutError."""
        payer, payee = self.neighbour.client, self.node.client
        trade = payer.propose("pay", payee.identity()["member"], 1, "배추", anyway=True)["id"]
        until("an offer", lambda: _knows(self.node, trade, "accept"), PATIENCE_S)
        payee.step(trade, "accept", anyway=True)
        for side in (payer, payee):
            until("a payment", lambda s=side: s.trade(trade)["state"] in SETTLED, PATIENCE_S)

    def same_books(self) -> bool:
        """True once both show one state root."""
        try:
            return until("the same books", lambda: _root(self.node) == _root(self.neighbour), 60.0)
        except TimeoutError:
            return False


SETTLED: Final = ("settled", "secured")


def _root(process: Process) -> str:
    return process.client.root()["root"]


def _knows(process: Process, trade: str, step: str) -> bool:
    held = {one["id"]: one for one in process.client.trades()}
    return trade in held and step in process.client.trade(trade)["next_steps"]


@contextmanager
def town(folder: Path) -> Generator[Town]:
    """An officer's node and a member's, neighbours; the villains' keys are admitted."""
    home = Home(folder / "node")
    create_home(home, Person("순희", "ko"))
    document = home.genesis.read_bytes()
    node = Process("순희", "ko", home.path)
    with running([node]):
        community, founded = genesis.parse(document)
        chapter = founded.chapters[0].name
        villains = [_villain(n, community) for n in range(ARMS_COUNT)]
        export = folder / "villains.jsonl"
        records = (raw for one in villains for raw in talk.opening(one))
        workloads.write_export(export, records, founded)
        assert node.client.import_records(export.read_bytes())["accepted"] == 3 * ARMS_COUNT
        for one in villains:
            node.client.admit(chapter, one.id.hex())
        link = portable.decode_invitation(node.client.invite(code=True)["link"])
        other = Home(folder / "neighbour")
        create_home(other, Person("민수", "ko"), invitation=link)
        neighbour = Process("민수", "ko", other.path)
        with running([neighbour]):
            neighbour.dial(node)
            until("a limit", lambda: neighbour.client.balance()["limit"], PATIENCE_S)
            yield Town(node, neighbour, Aim(node.address, community.hex()))


def _villain(number: int, community: bytes) -> GeneratedMember:
    return generated_member(SEED, f"villain {number}", CommunityId(community))


def besiege(rounds: Sequence[Sequence[str]], calm_s: float, after_s: float) -> Report:
    """Attack a town in rounds of as many attacks as there are arms; what came of it.

    `calm_s`: seconds of life before and at the end; `after_s`: after each round.
    """
    with (
        TemporaryDirectory(prefix="wetalk-hostile-") as name,
        town(Path(name)) as place,
        arms(place.aim) as band,
        place.posting(),
    ):
        place.pay()
        report = Report(place.watch(calm_s))
        before = resident_mib(place.node.pid)
        for names in rounds:
            _round(place, band, names, report)
            report.after.append(place.watch(after_s))
        report.end = place.watch(calm_s)
        report.memory_mib = (before, peak_resident_mib(place.node.pid))
        report.lost = place.lost()
        report.lived = place.node.process is not None and place.node.process.poll() is None
        place.stop_posting()
        report.same_books = place.same_books()
        return report


def _round(place: Town, band: Arms, names: Sequence[str], report: Report) -> None:
    """All attacks of a round at once, and a payment meanwhile."""
    with place.window(report.during):
        band.strike(names)
        place.pay()
        report.trades += 1
        report.blows += band.blows(len(names))


def rounds_of(names: Sequence[str]) -> list[list[str]]:
    """Attacks in rounds, those that take long together."""
    ordered = sorted(names, key=lambda name: ATTACKS[name].sort == Sort.SLOW)
    return [list(ordered[n : n + ARMS_COUNT]) for n in range(0, len(ordered), ARMS_COUNT)]
