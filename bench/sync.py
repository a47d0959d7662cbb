"""Sync: an empty node takes 50,000 records from another one, and both are watched.

Two `wetalk up` processes with homes of their own and real libp2p streams on loopback. Time runs
from the moment the link is up until the last record is committed at the receiver. The giver's home
is prepared once and copied for each run; its search index is complete, so that it only gives.
Bytes are those that libp2p's connection carries: below them come only Noise and TCP.
"""

import shutil
import statistics
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import homes, primitives, processes, workloads
from bench.homes import Newcomer
from bench.processes import Books, Process

RUNS_COUNT: Final = 3
LARGE_RECORDS_COUNT: Final = 1_000_000
POLL_S: Final = 0.02
STALL_S: Final = 60.0
MEMORY_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What is prepared once: a home full of records, and two members."""

    base: Path
    giver: Newcomer
    taker: Newcomer
    records: int  # that the receiver lacks
    raw_bytes: int


def run(
    full: bool = False,
    *,
    count: int = workloads.CORPUS_RECORDS_COUNT,
    runs: int = RUNS_COUNT,
    large: int = LARGE_RECORDS_COUNT,
    bare: bool = True,
) -> dict[str, Any]:
    """Measure; rates in records a second, memory in MiB, medians of `runs`.

    `full` adds one run with `large` records and the memory of every second. `bare`: measure the
    primitives, too.
    """
    found: dict[str, Any] = {"bench": "sync", **_measure(count, runs)}
    if full:
        found["large"] = _measure(large, 1)
    if bare:
        found["primitives"] = _bare()
        of_two = found["records_per_s"] / found["primitives"]["verify_per_s_2_threads"]
        found["share_of_verify_2_threads"] = round(of_two, 3)
    return found


def _measure(count: int, runs: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix="wetalk-sync-") as name:
        folder = Path(name)
        ground = _prepare(folder, count)
        done = [_once(ground, folder / f"run{number}") for number in range(runs)]
    rates = [ground.records / one["seconds"] for one in done]
    return {
        "records": ground.records,
        "raw_bytes": ground.raw_bytes,
        "records_per_s": round(statistics.median(rates)),
        "runs_records_per_s": [round(rate) for rate in rates],
        "wire_bytes": round(statistics.median(one["wire_bytes"] for one in done)),
        "wire_share_of_raw": round(
            statistics.median(one["wire_bytes"] for one in done) / ground.raw_bytes, 3
        ),
        "first_record_s": round(statistics.median(one["first_record_s"] for one in done), 3),
        "runs": done,
    }


def _prepare(folder: Path, count: int) -> Ground:
    export = folder / "corpus.jsonl"
    workloads.write_corpus(export, count=count)
    document = homes.document_of(export)
    giver = homes.newcomer(folder / "giver", "Ada", document)
    taker = homes.newcomer(folder / "taker", "Ben", document)
    homes.append(export, giver.records)
    base = folder / "base"
    records = homes.fill(base, export)
    raw_bytes = homes.raw_bytes(homes.records_of(export))
    export.unlink()
    return Ground(base, giver, taker, records, raw_bytes)


def _once(ground: Ground, folder: Path) -> dict[str, Any]:
    """One run: what it took, and what both processes used meanwhile."""
    folder.mkdir()
    giver = Process("Ada", "en", homes.furnish(ground.giver, ground.base, folder / "giver"))
    taker = Process("Ben", "en", shutil.copytree(ground.taker.home, folder / "taker"))
    pair = (giver, taker)
    with processes.running(pair), processes.books_of((taker,)) as (books,):
        floor = [processes.resident_mib(one.pid) for one in pair]
        before = [processes.cpu_s(one.pid) for one in pair]
        held = books.count()
        dialled_at = time.monotonic()
        taker.dial(giver)
        watch = _watch(books, taker, held, held + ground.records)
        used = [processes.cpu_s(one.pid) - past for one, past in zip(pair, before, strict=True)]
        peak = [processes.peak_resident_mib(one.pid) for one in pair]
        linked_at, link = taker.linked_at(giver)
        _, back = giver.linked_at(taker)
    shutil.rmtree(folder)
    return {
        "seconds": round(watch["done_at"] - linked_at, 3),
        "dial_s": round(linked_at - dialled_at, 3),
        "first_record_s": round(watch["first_at"] - linked_at, 3),
        "wire_bytes": link["bytes_in"] + back["bytes_in"],
        "wire_bytes_to_receiver": link["bytes_in"],
        "wire_bytes_to_giver": back["bytes_in"],
        "records_in": link["records_in"],
        "giver": _used(used[0], floor[0], peak[0]),
        "receiver": {
            **_used(used[1], floor[1], peak[1]),
            "memory_over_floor_mib_each_s": [round(m - floor[1], 1) for m in watch["memory"]],
        },
    }


def _used(cpu_s: float, floor_mib: float, peak_mib: float) -> dict[str, float]:
    return {
        "cpu_s": round(cpu_s, 2),
        "floor_mib": round(floor_mib, 1),
        "peak_mib": round(peak_mib, 1),
        "peak_over_floor_mib": round(peak_mib - floor_mib, 1),
    }


def _watch(books: Books, taker: Process, held: int, wanted: int) -> dict[str, Any]:
    """Wait until the receiver holds everything. Raises TimeoutError when it stands still."""
    memory: list[float] = []
    first_at: float | None = None
    began = moved_at = time.monotonic()
    last = held
    while last < wanted:
        time.sleep(POLL_S)
        count, now = books.count(), time.monotonic()
        if count > last:
            last, moved_at = count, now
            first_at = first_at or now
        if now - moved_at > STALL_S:
            raise TimeoutError(f"sync stands still at {last} of {wanted} records")
        if now - began > MEMORY_EVERY_S * (len(memory) + 1):
            memory.append(processes.resident_mib(taker.pid))
    assert first_at is not None, "nothing to sync"
    return {"done_at": moved_at, "first_at": first_at, "memory": memory}


def _bare() -> dict[str, Any]:
    """The primitives that bound a sync, in the same minute."""
    with TemporaryDirectory(prefix="wetalk-sync-") as name:
        export = Path(name) / "corpus.jsonl"
        workloads.write_corpus(export, count=2 * primitives.VERIFY_RECORDS_COUNT)
        raws = list(islice(homes.records_of(export), primitives.VERIFY_RECORDS_COUNT))
        community = homes.community_of(export)
    return {**primitives.measure(raws, community), **primitives.stream_mb_per_s()}
