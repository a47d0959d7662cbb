"""What is to be reached, as data: one row a figure, with what the best peer does at the same work.

A figure is named by its bench and its place in that bench's result: `query.storage.tag.warm_ms`. A
row may be the quotient of two figures (`over`), and may name the primitive that bounds it
(`limit`): the report shows how much of that was reached. A primitive is measured several times in
a run, and the most of it counts: what else a machine does can only lower it. Peers were measured on
one shared machine of two cores; see `docs/performance.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

VERIFY: Final = tuple(
    f"{bench}verify_per_s_2_threads"
    for bench in ("primitives.", "ingest.primitives.", "sync.primitives.")
)

Results = Mapping[str, Mapping[str, Any]]
"""Results by the name of their bench."""


@dataclass(frozen=True, slots=True)
class Target:
    """One row. `wanted` None: it is reported, nothing is asked of it."""

    label: str
    figure: str
    unit: str
    wanted: float | None = None
    better: Literal["more", "less"] = "less"
    aim: float | None = None
    peer: str = ""
    over: str | None = None
    limit: tuple[str, ...] = ()
    limit_wanted: float | None = None  # the least share of the limit
    full_only: bool = False

    @property
    def bench(self) -> str:
        """The bench that gives the figure."""
        return self.figure.partition(".")[0]

    def value(self, results: Results) -> float | None:
        """The figure, or None where it was not measured."""
        value = figure_of(results, self.figure)
        if self.over is None or value is None:
            return value
        base = figure_of(results, self.over)
        return value / base if base else None

    def share(self, results: Results) -> float | None:
        """The figure beside its limit."""
        value = self.value(results)
        most = max((figure_of(results, one) or 0.0 for one in self.limit), default=0.0)
        return value / most if value is not None and most else None

    def reached(self, results: Results) -> bool | None:
        """True iff all that is asked for was reached; None where nothing can be said."""
        value, share = self.value(results), self.share(results)
        if value is None or self.wanted is None:
            return None
        good = value >= self.wanted if self.better == "more" else value <= self.wanted
        if self.limit_wanted is None:
            return good
        return good and share is not None and share >= self.limit_wanted


def figure_of(results: Results, name: str) -> float | None:
    """A number in the results, or None. A place in a list is its number."""
    found: Any = results
    for step in name.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if is_number else None


def _more(label: str, figure: str, wanted: float | None, unit: str, **more: Any) -> Target:
    return Target(label, figure, unit, wanted, "more", **more)


def _less(label: str, figure: str, wanted: float | None, unit: str, **more: Any) -> Target:
    return Target(label, figure, unit, wanted, "less", **more)


RAW: Final = "query.index.raw_bytes_per_record"
LARGE: Final = {"full_only": True}
RATE: Final = "records/s"
BROWSE_PEER: Final = "ssb-db2 1.0 ms warm, 385 first; strfry 1.1"
SEARCH_PEER: Final = "none searches text"

TARGETS: Final = (
    _more("ingest, every signature verified", "ingest.records_per_s", 12_000, RATE,
          aim=16_000, peer="strfry 8,262", limit=VERIFY, limit_wanted=0.4),
    _less("search drained after an ingest", "query.index.drain_s", 5, "s"),
    _more("sync, empty node", "sync.records_per_s", 7_000, RATE,
          aim=15_000, peer="hypercore 5,156; EBT 4,768; strfry 2,254", limit=VERIFY),
    _less("wire, full sync", "sync.wire_share_of_raw", 0.5, "× raw", aim=0.4, peer="1.2 ×"),
    _less("reconcile 50,000 + 500 + 500, until committed", "reconcile.seconds", 0.4, "s",
          aim=0.25, peer="0.52 s"),
    _less("reconcile, bytes", "reconcile.wire_bytes", 300_000, "B", peer="658 kB"),
    _less("among 1 M of 200 authors, time", "reconcile.large.0.seconds", 2, "×",
          over="reconcile.seconds", **LARGE),
    _less("among 1 M of 200 authors, bytes", "reconcile.large.0.wire_bytes", 1.5, "×",
          over="reconcile.wire_bytes", **LARGE),
    _less("among 1 M of 77,500 authors, time", "reconcile.large.1.seconds", 2, "×",
          over="reconcile.seconds", **LARGE),
    _less("among 1 M of 77,500 authors, bytes", "reconcile.large.1.wire_bytes", 1.5, "×",
          over="reconcile.wire_bytes", **LARGE),
    _less("live, chain of 10, p50", "propagate.live.far_end_ms.p50", 120, "ms",
          aim=60, peer="147 tuned; 28 without a store"),
    _less("live, chain of 10, p99", "propagate.live.far_end_ms.p99", 300, "ms",
          aim=150, peer="159 tuned; 111 without a store"),
    _less("burst of 5,000 into a mesh of 10, lost", "propagate.burst.file.lost", 0, "records",
          peer="a bare gossip mesh lost some"),
    _more("the same, until everywhere", "propagate.burst.file.records_per_s", None, RATE),
    _less("newest 50 of a tag among 50,000, warm", "query.storage.tag.warm_ms", 1.0, "ms",
          peer=BROWSE_PEER),
    _less("the same, first", "query.storage.tag.first_ms", 5, "ms", peer="385 ms"),
    _less("the same, through the API", "query.api.tag.warm_ms", 5, "ms"),
    _less("newest 50 of a region among 50,000, warm", "query.storage.region.warm_ms", 1.0, "ms",
          peer=BROWSE_PEER),
    _less("the same, first", "query.storage.region.first_ms", 5, "ms", peer="385 ms"),
    _less("the same, through the API", "query.api.region.warm_ms", 5, "ms"),
    _less("text search, 100,000, 1 % hits, by rank", "query.search.words_1_percent.by_rank_ms",
          4, "ms", peer=SEARCH_PEER),
    _less("text search, 20 % hits, by rank", "query.search.words_20_percent.by_rank_ms",
          40, "ms", peer=SEARCH_PEER),
    _less("text search, 1 % hits, newest first", "query.search.words_1_percent.newest_ms",
          1, "ms", peer=SEARCH_PEER),
    _less("text search, 20 % hits, newest first", "query.search.words_20_percent.newest_ms",
          1, "ms", peer=SEARCH_PEER),
    _more("verification from scratch", "verify.records_per_s", 12_000, RATE,
          aim=20_000, limit=VERIFY),
    _less("short verification, 50,000 records", "verify.short_s", None, "s"),
    _less("start with 50,000 records, API", "verify.start.api_s", 3, "s"),
    _less("start with 50,000 records, network", "verify.start.network_s", 3, "s"),
    _less("start with 1 M records, API", "verify.large.start.api_s", 3, "s", **LARGE),
    _less("start with 1 M records, network", "verify.large.start.network_s", 3, "s", **LARGE),
    _less("disk", "ingest.disk_bytes_per_record", 1.4, "× raw", aim=1.25, peer="1.3 to 3.7 ×",
          over=RAW),
    _less("disk, search index", "query.index.share_of_raw", 0.5, "× raw"),
    _less("idle, memory over the bare libraries", "idle.node_minus_floor_mib", 15, "MiB", aim=8),
    _less("idle, processor", "idle.node.cpu_percent", 0.3, "%"),
    _less("memory while syncing 1 M records, over the floor",
          "sync.large.runs.0.receiver.peak_over_floor_mib", 110, "MiB", **LARGE),
    _less("web client, first view on a slow machine", "page.talk.main_thread_ms", 1500, "ms"),
    _less("the same, code to load, compressed", "page.talk.code_bytes", 60_000, "B"),
    _more("API, status read, one by one", "api.status_1.requests_per_s", None, "/s"),
    _more("API, listing read, 8 at once", "api.listing_8.requests_per_s", None, "/s"),
    _more("API, post written, 8 at once", "api.post_8.requests_per_s", None, "/s"),
)  # fmt: skip
