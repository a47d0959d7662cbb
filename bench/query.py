"""Query: newest listings of a tag and of a region, and text search.

Browsing goes over 50,000 signed listings that were taken in as any others: the bare range scan, the
view's reader, the service as the API calls it, and the API of a real node on one kept-alive
connection. `first` is the first call of a fresh process, which opens its connection for it; what
the system has in its cache stays there. Text search is measured in `bench/finding.py`, and so is
what the index costs.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlencode

from bench import finding, nodes, stages, words
from bench.asking import Connection
from bench.ingest import machine
from bench.measure import figure, percentile, progress, times_ms
from node.protocol.ports import Reader
from node.protocol.state import after, u64
from node.services.core import Core, open_core
from node.services.market import Facets, Market
from node.services.publish import Publisher
from node.storage.follower import Search
from node.storage.home import Home
from node.views import listings

LISTINGS_COUNT: Final = 50_000
PAGE_COUNT: Final = 50
ROUNDS_COUNT: Final = 5
CALLS_COUNT: Final = 100  # of a round
FIRST_MAX_S: Final = 60.0
FACETS: Final = {"tag": words.WORDS["ko"][0], "region": "KR-11"}


def run(
    full: bool = False,
    *,
    listings_count: int = LISTINGS_COUNT,
    documents_count: int = finding.DOCUMENTS_COUNT,
    corpus_count: int = finding.CORPUS_COUNT,
    rounds: int = ROUNDS_COUNT,
    calls: int = CALLS_COUNT,
) -> dict[str, Any]:
    """Measure; times in ms, medians of `rounds` rounds of `calls` calls. `full`: more of them."""
    if full:
        rounds, calls = 3 * rounds, 3 * calls
    with TemporaryDirectory(prefix="wetalk-query-") as name:
        found = {
            "bench": "query",
            **_browse(Path(name), listings_count, rounds, calls),
            "search": finding.search(Path(name), documents_count, rounds),
            "index": finding.index(Path(name), corpus_count),
        }
    return {**found, "machine": machine()}


def _browse(folder: Path, count: int, rounds: int, calls: int) -> dict[str, Any]:
    home = folder / "market"
    progress(f"query: {count} listings")
    document, lines = stages.market_lines(count)
    stages.make_member(home, document)
    taken = stages.fill(home, lines)
    found: dict[str, Any] = {"listings": count, "records": taken.records}
    progress("query: newest listings in the storage")
    found["storage"] = _in_storage(home, rounds, calls)
    progress("query: newest listings through the API")
    found["api"] = _through_api(home, rounds, calls)
    return found


def _in_storage(home: Path, rounds: int, calls: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    core = open_core(Home(home))
    try:
        search = Search(core.database, core.home.search)
        try:
            for name, value in FACETS.items():
                found[name] = _of_facet(core, search, name, value, rounds, calls)
        finally:
            search.close()
    finally:
        core.close()
    for name, value in FACETS.items():
        found[name] |= figure("first_ms", [_first_ms(home, name, value) for _ in range(rounds)])
    return found


def _of_facet(
    core: Core, search: Search, name: str, value: str, rounds: int, calls: int
) -> dict[str, Any]:
    market = Market(core, Publisher(core), search)
    facets = Facets(**{name: value})  # type: ignore[arg-type]
    prefix, top = listings.facet(name, value), u64(core.clock())
    page, _ = market.browse(facets, None, PAGE_COUNT)

    def scan(reader: Reader) -> object:
        bound = after(prefix)
        return list(reader.scan("listing_index", prefix, bound, reverse=True, limit=PAGE_COUNT))

    def view(reader: Reader) -> object:
        until_ms = int.from_bytes(top, "big")
        return list(listings.listings_by(reader, prefix, None, PAGE_COUNT, until_ms))

    with core.reading() as reader:
        return {
            "value": value,
            "shown": len(page),
            **_rounds("scan_ms", lambda: scan(reader), rounds, calls),
            **_rounds("view_ms", lambda: view(reader), rounds, calls),
            **_rounds("warm_ms", lambda: market.browse(facets, None, PAGE_COUNT), rounds, calls),
        }


def _rounds(name: str, work: Callable[[], object], rounds: int, calls: int) -> dict[str, Any]:
    work()
    return figure(name, [percentile(times_ms(work, calls), 0.5) for _ in range(rounds)])


def _first_ms(home: Path, name: str, value: str) -> float:
    """The first call of a fresh process, ms."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.query", str(home), name, value],
        cwd=nodes.ROOT,
        capture_output=True,
        timeout=FIRST_MAX_S,
        check=True,
    )
    return json.loads(done.stdout)["first_ms"]


def _tell_first(home: Path, name: str, value: str) -> None:
    """The program of that process."""
    core = open_core(Home(home))
    market = Market(core, Publisher(core), None)  # type: ignore[arg-type]
    facets = Facets(**{name: value})  # type: ignore[arg-type]
    began = time.perf_counter()
    shown, _ = market.browse(facets, None, PAGE_COUNT)
    first_ms = (time.perf_counter() - began) * 1_000
    core.close()
    print(json.dumps({"first_ms": first_ms, "shown": len(shown)}))


def _through_api(home: Path, rounds: int, calls: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with nodes.running(home):
        for name, value in FACETS.items():
            link = Connection(home)
            asked = urlencode({name: value, "limit": PAGE_COUNT})
            request = link.request("GET", f"/listings?{asked}")
            first = times_ms(lambda link=link, request=request: link.ask(request), 1)
            answer = json.loads(link.ask(request))
            times_ms(lambda link=link, request=request: link.ask(request), calls)  # warming up
            times = [
                times_ms(lambda link=link, request=request: link.ask(request), calls)
                for _ in range(rounds)
            ]
            link.close()
            found[name] = {
                "shown": len(answer["items"]),
                "first_ms": round(first[0], 3),
                **figure("warm_ms", [percentile(one, 0.5) for one in times]),
                **figure("p99_ms", [percentile(one, 0.99) for one in times]),
            }
    return found


if __name__ == "__main__":
    _tell_first(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
