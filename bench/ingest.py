"""Ingest: how fast a fresh home takes in 50,000 signed records, and how much disk they take.

The path is the real one: lines of a file, parsed, verified in two threads, judged, folded,
committed with `synchronous=FULL`. Beside it stand the primitives of the same run.
"""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio

from bench import primitives, workloads
from node.protocol import portable
from node.protocol.record import RawRecord
from node.services.homes.portability import core_from_export, import_lines, read_lines
from node.services.incoming.intake import Intake
from node.storage.home import Home

RUNS_COUNT = 3


def run(count: int = workloads.CORPUS_RECORDS_COUNT, runs: int = RUNS_COUNT) -> dict[str, Any]:
    """Measure; rates in records a second, sizes in bytes a record, medians of `runs`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.jsonl"
        records = workloads.write_corpus(path, count=count)
        done = [_ingest(path, Path(folder) / f"home{number}", records) for number in range(runs)]
        raws, community = _some(path, primitives.VERIFY_RECORDS_COUNT)
        bare = primitives.measure(raws, community)
        size = path.stat().st_size
    rate = round(statistics.median(rate for rate, _ in done))
    return {
        "bench": "ingest",
        "records": records,
        "records_per_s": rate,
        "runs_records_per_s": [round(rate) for rate, _ in done],
        "share_of_verify_2_threads": round(rate / bare["verify_per_s_2_threads"], 3),
        "disk_bytes_per_record": round(statistics.median(size for _, size in done) / records),
        "file_bytes_per_record": round(size / records),
        "primitives": bare,
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """What this was measured on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }


def _ingest(path: Path, folder: Path, records: int) -> tuple[float, int]:
    """(records a second, bytes on disk after a clean stop) of one import into a new home."""
    lines = read_lines(path)
    first = next(lines)
    core = core_from_export(Home(folder), first)

    async def work() -> None:
        report = await import_lines(core, Intake(core), _with(first, lines))
        assert report.accepted == records, report.as_json()
        assert report.void == 0, report.as_json()

    started = time.perf_counter()
    trio.run(work)
    seconds = time.perf_counter() - started
    core.close()
    return records / seconds, sum(file.stat().st_size for file in folder.iterdir())


def _with(first: bytes, lines: Any) -> Any:
    yield first
    yield from lines


def _some(path: Path, count: int) -> tuple[Sequence[RawRecord], bytes]:
    lines = read_lines(path)
    community = portable.decode_head(next(lines))
    assert community is not None
    return [portable.decode_line(line) for line in islice(lines, count)], community
