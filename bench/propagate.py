"""Propagate: how soon a post reaches the far end of a chain, and whether a burst reaches everybody.

Ten `wetalk up` processes on one machine, each verifying and storing for itself; they share its
cores with each other and with this program, and that is what is measured. Nobody dials but whom
this program names, so the chain stays a chain: that is checked before and after.

    live   posts written one at a time at one end through the API; the time from the request until
           the event stream of each node tells of the post, which it does after the commit
    burst  thousands of records enter a mesh at one node: once as a file, once as posts written
           through the API as fast as they are taken; until every node holds all
"""

import random
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import homes, processes, workloads
from bench.processes import Books, Process
from bench.writers import Writers
from node.client import ApiProblem, Client, NotRunning

NODES_COUNT: Final = 10
POSTS_COUNT: Final = 100
POSTS_FULL_COUNT: Final = 500
WARM_UP_COUNT: Final = 20
BURST_COUNT: Final = 5_000
WRITTEN_COUNT: Final = 500
SHARED_COUNT: Final = 2_000  # records that all hold before anything is measured
BURST_AUTHORS_COUNT: Final = 50
WRITING_CLIENTS_COUNT: Final = 4
ARRIVE_MAX_S: Final = 30.0
BURST_MAX_S: Final = 300.0
PAUSE_MAX_S: Final = 0.05  # by chance, so that no timer of a node keeps step with the posts
POLL_S: Final = 0.01
ROOM: Final = "plaza"
TEXT: Final = "오늘 아침에 배추를 땄어요. The last ones of this year. 今年最后一批。" * 4


@dataclass(frozen=True, slots=True)
class Ground:
    """Homes that hold the same, one a node, and a file of news for them."""

    homes: tuple[Path, ...]
    shared: int
    news: Path
    burst: int


def run(
    full: bool = False,
    *,
    nodes: int = NODES_COUNT,
    posts: int = POSTS_COUNT,
    warm_up: int = WARM_UP_COUNT,
    burst: int = BURST_COUNT,
    written: int = WRITTEN_COUNT,
    shared: int = SHARED_COUNT,
) -> dict[str, Any]:
    """Measure; times in ms for live posts, in seconds for bursts, rates in records a second.

    `full` takes five times the posts, and a shared corpus of 50,000 records.
    """
    if full:
        posts, written, shared = POSTS_FULL_COUNT, burst, workloads.CORPUS_RECORDS_COUNT
    with TemporaryDirectory(prefix="wetalk-propagate-") as name:
        ground = _prepare(Path(name), nodes, shared, burst)
        chained = [Process(f"node{n}", "en", home) for n, home in enumerate(ground.homes)]
        with processes.running(chained):
            live = _live(_connected(chained, chain(nodes)), posts, warm_up)
            processes.until_quiet(chained)
            bursts = _bursts(_connected(chained, mesh(nodes)), ground, written)
    return {
        "bench": "propagate",
        "nodes": nodes,
        "shared_records": ground.shared,
        "live": live,
        "burst": {"neighbours_mean": 2 * len(mesh(nodes)) / nodes, **bursts},
    }


def _prepare(folder: Path, nodes: int, shared: int, burst: int) -> Ground:
    export = folder / "shared.jsonl"
    workloads.write_corpus(export, count=shared)
    people = Writers.after(export)
    document = homes.document_of(export)
    members = [homes.newcomer(folder / f"new{n}", f"Node {n}", document) for n in range(nodes)]
    for member in members:
        homes.append(export, member.records)
    homes.append(export, people.admit([member.id for member in members]))
    base = folder / "base"
    held = homes.fill(base, export)
    news = folder / "news.jsonl"
    posts = people.posts(burst, people.members[:BURST_AUTHORS_COUNT])
    workloads.write_export(news, posts, people.document)
    made = [homes.furnish(one, base, folder / f"node{n}") for n, one in enumerate(members)]
    return Ground(tuple(made), held, news, burst)


def chain(nodes: int) -> list[tuple[int, int]]:
    """Who is connected with whom, as (dialler, dialled), in a chain."""
    return [(number + 1, number) for number in range(nodes - 1)]


def mesh(nodes: int) -> list[tuple[int, int]]:
    """The same in a ring whose opposite members are connected too: three neighbours each."""
    ring = {frozenset((number, (number + 1) % nodes)) for number in range(nodes)}
    across = {frozenset((number, (number + nodes // 2) % nodes)) for number in range(nodes)}
    edges = sorted(tuple(sorted(edge)) for edge in ring | across if len(edge) == 2)
    return [(high, low) for low, high in edges]


@dataclass(frozen=True, slots=True)
class Net:
    """Running nodes, and whom each shall be connected with (peer ids)."""

    nodes: list[Process]
    wanted: list[set[str]]

    def in_sync(self) -> bool:
        """True iff every node has its neighbours, no others, and agrees with all of them."""
        return all(
            {peer for peer, one in node.peers().items() if one["in_sync"]} == wanted
            for node, wanted in zip(self.nodes, self.wanted, strict=True)
        )

    def links_broken(self, since: float) -> int:
        """How many links have ended since a moment (seconds, monotonic), come back or not.

        Nobody may have found other neighbours.
        """
        broken: set[frozenset[str]] = set()
        for node, wanted in zip(self.nodes, self.wanted, strict=True):
            peers, now = node.peers(), time.monotonic()
            assert set(peers) <= wanted, f"{node.name} has neighbours that nobody named"
            whole = {peer for peer, one in peers.items() if now - one["since_s"] < since}
            broken |= {frozenset((node.peer, peer)) for peer in wanted - whole}
        return len(broken)


def _connected(nodes: list[Process], edges: Sequence[tuple[int, int]]) -> Net:
    """Connect running nodes along the edges, as far as they are not; they are in sync then."""
    net = Net(nodes, _neighbours(nodes, edges))
    for dialler, dialled in edges:
        if nodes[dialled].peer not in nodes[dialler].peers():
            nodes[dialler].dial(nodes[dialled])
    processes.until("all neighbours to be in sync", net.in_sync, ARRIVE_MAX_S)
    return net


def _neighbours(nodes: Sequence[Process], edges: Iterable[tuple[int, int]]) -> list[set[str]]:
    """Peer ids that each node shall be connected with."""
    found: list[set[str]] = [set() for _ in nodes]
    for a, b in edges:
        found[a].add(nodes[b].peer)
        found[b].add(nodes[a].peer)
    return found


# --- live -----------------------------------------------------------------------------------------


class Listener:
    """Notes when a node's event stream tells of posts, in a thread of its own, which ends with the
    first event after `stopped`."""

    def __init__(self, client: Client) -> None:
        self.heard: dict[str, float] = {}  # post id -> seconds, monotonic
        self.news = threading.Event()
        self.stopped = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(client,), daemon=True)
        self._thread.start()
        assert self._ready.wait(ARRIVE_MAX_S), "no event stream"

    def _listen(self, client: Client) -> None:
        try:
            for event in client.events(come_back=False):
                now = time.monotonic()
                self._ready.set()
                if self.stopped:
                    return
                if event.name == "post":
                    self.heard[event.data["post"]] = now
                    self.news.set()
        except (NotRunning, ApiProblem):
            return  # the node has stopped

    def await_post(self, post: str) -> None:
        """Wait until the node has told of it. Raises TimeoutError."""
        end = time.monotonic() + ARRIVE_MAX_S
        while post not in self.heard:
            self.news.clear()
            if post not in self.heard and not self.news.wait(end - time.monotonic()):
                raise TimeoutError(f"post {post} never arrived")


def _live(net: Net, posts: int, warm_up: int) -> dict[str, Any]:
    nodes, began, chance = net.nodes, time.monotonic(), random.Random("live")
    listeners = [Listener(node.client) for node in nodes]
    for number in range(warm_up):
        _say(nodes[0], listeners, f"warm-up {number}")
    before = [processes.cpu_s(node.pid) for node in nodes]
    rows: list[list[float]] = []
    for number in range(posts):
        time.sleep(chance.uniform(0, PAUSE_MAX_S))
        rows.append(_say(nodes[0], listeners, f"{number}"))
    used = [processes.cpu_s(node.pid) - past for node, past in zip(nodes, before, strict=True)]
    for listener in listeners:
        listener.stopped = True
    hops = [[row[n + 1] - row[n] for row in rows] for n in range(len(nodes) - 1)]
    far = [row[-1] for row in rows]
    return {
        "posts": posts,
        "far_end_ms": _spread(far),
        "far_end_after_first_commit_ms": _spread([row[-1] - row[0] for row in rows]),
        "first_commit_ms": _spread([row[0] for row in rows]),
        "hops_ms": [_spread(hop) for hop in hops],
        "links_broken": net.links_broken(began),
        "cpu_ms_per_post_and_node": round(1_000 * statistics.mean(used) / posts, 1),
        "every_far_end_ms": [round(one, 1) for one in far],
    }


def _say(writer: Process, listeners: Sequence[Listener], word: str) -> list[float]:
    """Write one post; ms from the request until each node told of it."""
    began = time.monotonic()
    post = writer.client.say(ROOM, f"{word} {TEXT}", language="ko")["id"]
    for listener in listeners:
        listener.await_post(post)
    return [1_000 * (listener.heard[post] - began) for listener in listeners]


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and extremes."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
    named = (statistics.median(ordered), high, ordered[0], ordered[-1])
    return {
        name: round(value, 1)
        for name, value in zip(("p50", "p99", "least", "most"), named, strict=True)
    }


# --- burst ----------------------------------------------------------------------------------------


def _bursts(net: Net, ground: Ground, written: int) -> dict[str, Any]:
    def pour(entry: Process) -> None:
        report = entry.client.import_records(ground.news.read_bytes())
        assert report["accepted"] == ground.burst, report

    with processes.books_of(net.nodes) as books:
        by_file = _burst(net, books, ground.burst, pour)
        processes.until_quiet(net.nodes)
        by_hand = _burst(net, books, written, lambda entry: _write(entry, written))
    return {"file": by_file, "written": by_hand}


def _write(entry: Process, count: int) -> None:
    """Post through the API as fast as it takes posts, from a few clients at once."""
    client, numbers = entry.client, iter(range(count))
    lock, faults = threading.Lock(), list[Exception]()

    def work() -> None:
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                client.say(ROOM, f"burst {number} {TEXT}", language="ko")
        except (ApiProblem, NotRunning) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(WRITING_CLIENTS_COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def _burst(
    net: Net, books: Sequence[Books], count: int, pour: Callable[[Process], None]
) -> dict[str, Any]:
    """Let `count` records enter at the first node; how soon everybody holds them."""
    nodes = net.nodes
    before = [one.count() for one in books]
    cpu = [processes.cpu_s(node.pid) for node in nodes]
    carried = _carried(nodes)
    began = time.monotonic()
    at = _pour(nodes[0], books, [past + count for past in before], pour)
    held = [one.count() - past for one, past in zip(books, before, strict=True)]
    used = sum(processes.cpu_s(node.pid) - past for node, past in zip(nodes, cpu, strict=True))
    assert max(held) <= count, "records that nobody wrote"
    last = max(at.values()) - began if len(at) == len(nodes) else None
    return {
        "records": count,
        "lost": sum(count - one for one in held),
        "everywhere_s": None if last is None else round(last, 3),
        "records_per_s": None if last is None else round(count / last),
        "nodes_s": [round(at[n] - began, 3) if n in at else None for n in range(len(nodes))],
        "cpu_s_all_nodes": round(used, 2),
        "wire_bytes_all_nodes": _carried(nodes) - carried,  # without those of links that broke
        "links_broken": net.links_broken(began),
    }


def _pour(
    entry: Process,
    books: Sequence[Books],
    wanted: Sequence[int],
    pour: Callable[[Process], None],
) -> dict[int, float]:
    """When each node held all (seconds, monotonic); those that do not within time are left out."""
    at: dict[int, float] = {}
    faults: list[BaseException] = []

    def enter() -> None:
        try:
            pour(entry)
        except BaseException as fault:
            faults.append(fault)

    def everywhere() -> bool:
        if faults:
            raise faults[0]
        for number, one in enumerate(books):
            if number not in at and one.count() >= wanted[number]:
                at[number] = time.monotonic()
        return len(at) == len(books)

    entering = threading.Thread(target=enter, daemon=True)
    entering.start()
    try:
        processes.until("the burst to be everywhere", everywhere, BURST_MAX_S, POLL_S)
    except TimeoutError:
        return at
    entering.join(BURST_MAX_S)
    return at


def _carried(nodes: Sequence[Process]) -> int:
    """Bytes that all nodes together have received over the links that are up."""
    return sum(one["bytes_in"] for node in nodes for one in node.peers().values())
