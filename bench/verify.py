"""Verify: a whole ledger checked from its first byte, the short check, and the start of a node.

From scratch, every signature is checked, everything is folded into a file that is thrown away, and
verdicts and state root must come out the same. The short check trusts verdicts and adds up all
balances. A start is measured until the API answers and until the network is up, in a home of the
fixed corpus; with `full` also in one of a million records, which is made by importing them. Making
that home takes long: it stays in the folder named with `--work`, and an interrupted import goes on
where it stopped.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import nodes, stages, workloads
from bench.ingest import machine
from bench.measure import figure, progress
from node.services.books import verification
from node.services.core import open_core
from node.services.homes.portability import Report, genesis_of, read_lines
from node.storage.home import Home

ROUNDS_COUNT: Final = 3
LARGE_RECORDS_COUNT: Final = 1_000_000
TOLD_EVERY_COUNT: Final = 50_000


def run(
    full: bool = False,
    *,
    work: Path | None = None,
    count: int = workloads.CORPUS_RECORDS_COUNT,
    large: int = LARGE_RECORDS_COUNT,
    rounds: int = ROUNDS_COUNT,
) -> dict[str, Any]:
    """Measure; records a second, seconds; medians of `rounds`. `full` adds a home of `large`
    records, kept in `work` for the next time."""
    found: dict[str, Any] = {"bench": "verify"}
    with TemporaryDirectory(prefix="wetalk-verify-") as name:
        home = _home(Path(name), count)
        found |= _verify(home, rounds)
        found["start"] = _start(home, rounds)
    if full and work is not None:
        found["large"] = _large(work, large, rounds)
    elif full:
        with TemporaryDirectory(prefix="wetalk-verify-") as name:
            found["large"] = _large(Path(name), large, rounds)
    return {**found, "machine": machine()}


def _large(work: Path, count: int, rounds: int) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    home = _home(work, count)
    return {"records": count, "start": _start(home, rounds)}


def _home(folder: Path, count: int) -> Path:
    """A member's home with `count` records of the corpus; what is there is not made again."""
    home, export = folder / f"home-{count}", folder / f"corpus-{count}.jsonl"
    made = folder / f"made-{count}"
    if made.exists():
        return home
    if not export.exists():
        progress(f"verify: {count} records are signed")
        part = export.with_suffix(".part")
        workloads.write_corpus(part, count=count)
        part.rename(export)
    lines = read_lines(export)
    first = next(lines)
    document = genesis_of(first)
    assert document is not None
    if not Home(home).genesis.exists():
        shutil.rmtree(home, ignore_errors=True)
        stages.make_member(home, document)
    progress(f"verify: {count} records are imported")
    stages.fill(home, stages.again(first, lines), _Teller(count))
    export.unlink()
    made.touch()
    return home


class _Teller:
    """Tells how far an import is."""

    def __init__(self, count: int) -> None:
        self._count, self._next = count, TOLD_EVERY_COUNT

    def __call__(self, report: Report) -> None:
        if report.read >= self._next:
            progress(f"verify: {report.read} of {self._count} imported")
            self._next += TOLD_EVERY_COUNT


def _verify(home: Path, rounds: int) -> dict[str, Any]:
    core = open_core(Home(home))
    try:
        scratch: list[float] = []
        short: list[float] = []
        for number in range(rounds):
            progress(f"verify: run {number + 1} of {rounds}")
            for seconds, from_scratch in ((scratch, True), (short, False)):
                done = verification.verify(core, from_scratch=from_scratch)
                assert done.ok, done.findings
                seconds.append(done.seconds)
        records = core.reader.record_count()
    finally:
        core.close()
    return {
        "records": records,
        **figure("records_per_s", [records / seconds for seconds in scratch], 0),
        **figure("short_s", short),
    }


def _start(home: Path, rounds: int) -> dict[str, Any]:
    done: list[tuple[float, float]] = []
    for number in range(rounds):
        progress(f"verify: start {number + 1} of {rounds}")
        done.append(nodes.start_s(home))
    return {
        **figure("api_s", [api for api, _ in done]),
        **figure("network_s", [network for _, network in done]),
    }
