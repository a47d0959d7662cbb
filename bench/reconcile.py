"""Reconcile: two nodes share 50,000 records and each has 500 others; how soon are they equal?

Two `wetalk up` processes, connected only when both are at rest. Reported is the time from the
moment the link is up until both have committed what they lacked; the dial before it stands beside
it. Each side's own 500 are posts, spread over its half of the authors: with 200 authors 200 lanes
differ, with many authors 1,000 do. Beside the processes, the engine alone is measured over growing
sets of heads: two sessions in one process, in memory.
"""

import shutil
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import homes, processes, shelf, workloads, writers
from bench.processes import Process
from bench.writers import Writers
from node.protocol import genesis
from node.protocol.record import RawRecord

RUNS_COUNT: Final = 3
APART_COUNT: Final = 500
ENGINE_LANES: Final = (4_000, 50_000, 200_000)
ENGINE_LANES_FULL: Final = (400_000,)
LARGE_RECORDS_COUNT: Final = 1_000_000
LARGE_AUTHORS: Final = (200, 77_500)
POLL_S: Final = 0.002
EQUAL_MAX_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Two homes that differ, made once and copied for each run."""

    homes: tuple[Path, Path]
    authors: int
    shared: int
    apart: int
    raw_bytes: int  # of what differs


def run(
    full: bool = False,
    *,
    count: int = workloads.CORPUS_RECORDS_COUNT,
    apart: int = APART_COUNT,
    runs: int = RUNS_COUNT,
    engine: Iterable[int] = ENGINE_LANES,
    large: int = LARGE_RECORDS_COUNT,
    large_authors: Iterable[int] = LARGE_AUTHORS,
) -> dict[str, Any]:
    """Measure; seconds and bytes, medians of `runs`. `apart`: records that each side has alone.

    `full` adds real nodes with `large` records, for each number of authors.
    """
    lanes = (*engine, *(ENGINE_LANES_FULL if full else ()))
    found: dict[str, Any] = {
        "bench": "reconcile",
        **_measure(_corpus_ground, runs, count, apart),
        "engine_only": [_engine(number, apart, runs) for number in lanes],
    }
    if full:
        found["large"] = [
            _measure(_village_ground, runs, large, apart, authors) for authors in large_authors
        ]
    return found


def _engine(lanes: int, apart: int, runs: int) -> dict[str, Any]:
    """Two engines over so many lanes in memory, one record a differing lane."""
    apart = min(apart, lanes // (2 * len(shelf.KINDS)))
    done: list[dict[str, float]] = []
    for _ in range(runs):
        meeting = shelf.Meeting(*shelf.pair(lanes, apart))
        done.append(meeting.run())
        assert meeting.accepted == [apart, apart], meeting.accepted
    return {
        "lanes": lanes,
        "differing_lanes": 2 * apart,
        **{name: statistics.median(one[name] for one in done) for name in done[0]},
        "runs": done,
    }


def _measure(prepare: Callable[..., Ground], runs: int, *wishes: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix="wetalk-reconcile-") as name:
        folder = Path(name)
        ground = prepare(folder, *wishes)
        done = [_once(ground, folder / f"run{number}") for number in range(runs)]
    return {
        "records": ground.shared,
        "authors": ground.authors,
        "apart": ground.apart,
        "raw_bytes_apart": ground.raw_bytes,
        "seconds": round(statistics.median(one["seconds"] for one in done), 3),
        "runs_seconds": [one["seconds"] for one in done],
        "wire_bytes": round(statistics.median(one["wire_bytes"] for one in done)),
        "runs": done,
    }


def _corpus_ground(folder: Path, count: int, apart: int) -> Ground:
    export = folder / "shared.jsonl"
    workloads.write_corpus(export, count=count)
    return _two_homes(folder, export, Writers.after(export), apart)


def _village_ground(folder: Path, count: int, apart: int, authors: int) -> Ground:
    export = folder / "shared.jsonl"
    people, records = writers.village(authors, count)
    workloads.write_export(export, records, people.document)
    return _two_homes(folder, export, people, apart)


def _two_homes(folder: Path, export: Path, people: Writers, apart: int) -> Ground:
    document = genesis.encode(people.document)
    names = (("ada", "Ada"), ("ben", "Ben"))
    members = [homes.newcomer(folder / key, name, document) for key, name in names]
    for member in members:
        homes.append(export, member.records)
    base = folder / "base"
    shared = homes.fill(base, export)
    export.unlink()
    half, raw_bytes, made = len(people.members) // 2, 0, list[Path]()
    for member, among in zip(members, (people.members[:half], people.members[half:]), strict=True):
        own: list[RawRecord] = list(people.posts(apart, among))
        raw_bytes += homes.raw_bytes(own)
        news = folder / f"{member.home.name}.jsonl"
        workloads.write_export(news, iter(own), people.document)
        made.append(homes.furnish(member, base, folder / f"{member.home.name}-full"))
        assert homes.fill(made[-1], news) == apart
    shutil.rmtree(base)
    return Ground((made[0], made[1]), len(people.members), shared, apart, raw_bytes)


def _once(ground: Ground, folder: Path) -> dict[str, Any]:
    """One meeting of two nodes."""
    folder.mkdir()
    a, b = pair = tuple(
        Process(home.name, "en", Path(shutil.copytree(home, folder / home.name)))
        for home in ground.homes
    )
    wanted = ground.shared + 2 * ground.apart
    with processes.running(pair), processes.books_of(pair) as books:
        before = [processes.cpu_s(one.pid) for one in pair]
        dialled_at = time.monotonic()
        b.dial(a)
        at: dict[int, float] = {}

        def equal() -> bool:
            for number, one in enumerate(books):
                if number not in at and one.count() >= wanted:
                    at[number] = time.monotonic()
            return len(at) == len(books)

        processes.until("both to have everything", equal, EQUAL_MAX_S, POLL_S)
        used = [processes.cpu_s(one.pid) - past for one, past in zip(pair, before, strict=True)]
        links = processes.until(
            "both to be in sync", lambda: _in_sync(a, b), EQUAL_MAX_S, every_s=0.1
        )
        assert [one.count() for one in books] == [wanted, wanted]
    shutil.rmtree(folder)
    linked_at = min(link[0] for link in links)
    return {
        "seconds": round(max(at.values()) - linked_at, 3),
        "first_side_s": round(min(at.values()) - linked_at, 3),
        "dial_s": round(linked_at - dialled_at, 3),
        "wire_bytes": sum(link[1]["bytes_in"] for link in links),
        "records_in": [link[1]["records_in"] for link in links],
        "cpu_s": [round(one, 2) for one in used],
    }


def _in_sync(a: Process, b: Process) -> list[tuple[float, dict[str, Any]]] | None:
    links = [a.linked_at(b), b.linked_at(a)]
    return links if all(link["in_sync"] for _, link in links) else None
